"""Formulas in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .compose import Part
from .expression import Edges
from .typeset import GREEK, Typesetter, split_name

__all__ = ["latex"]

_FUNCTIONS = {
    **{name: f"\\{name}" for name in ("sin", "cos", "tan", "tanh", "sinh", "cosh", "log")},
    **{name: f"\\{name}" for name in ("arctan", "arcsin")},
}
_ESCAPES = {
    "\\": r"\backslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "^": r"\wedge{}",
    "~": r"\sim{}",
    " ": r"\ ",
}


def latex(parts: Sequence[Part], digits: int | None) -> str:
    """Write equations, the last of which are the outputs; no environment if there is one."""
    writer = _Latex(digits)
    lines = [(writer.symbol(part.name), writer.sum_of(part.value)) for part in parts]
    if len(lines) == 1:
        return " = ".join(lines[0])
    body = " \\\\\n".join(f"{name} &= {value}" for name, value in lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def escaped(text: str) -> str:
    """Return text that LaTeX shows as it is."""
    return "".join(_ESCAPES.get(c, c) for c in text)


class _Latex(Typesetter):
    def digits_of(self, mantissa: str, exponent: int) -> str:
        return f"{mantissa} \\cdot 10^{{{exponent}}}" if exponent else mantissa

    def symbol(self, name: str) -> str:
        stem, index, primes = split_name(name)
        if stem in GREEK:
            base = f"\\{stem}"
        else:
            base = escaped(stem) if len(stem) == 1 else f"\\mathrm{{{escaped(stem)}}}"
        return f"{base}{f'_{{{escaped(index)}}}' if index else ''}{primes}"

    def letter(self, name: str) -> str:
        return {"pi": r"\pi", "e": "e", "phi": r"\varphi"}[name]

    def row(self, pieces: Sequence[str]) -> str:
        out = "".join(pieces)
        return out[1:] if out.startswith(" -") else out

    def product(self, factors: Sequence[str]) -> str:
        out = factors[0]
        for factor in factors[1:]:
            # Two numbers side by side would be read as one.
            joint = r" \cdot " if re.match(r"[\d]", factor) else r" \, "
            out += joint + factor
        return out

    def operator(self, sign: str) -> str:
        return f"{sign} " if sign == "," else f" {sign} "

    def fraction(self, above: str, below: str) -> str:
        return f"\\frac{{{above}}}{{{below}}}"

    def root(self, inside: str) -> str:
        return f"\\sqrt{{{inside}}}"

    def raised(self, base: str, exponent: str) -> str:
        return f"{base}^{{{exponent}}}"

    def indexed(self, base: str, index: str) -> str:
        return f"{base}_{{{index}}}"

    def fenced(self, inside: str, left: str = "(", right: str = ")") -> str:
        return f"\\left{left}{inside}\\right{right}"

    def function(self, name: str) -> str:
        return _FUNCTIONS.get(name) or f"\\operatorname{{{escaped(name)}}}"

    def linked(self, inside: str, edges: Edges) -> str:
        return inside
