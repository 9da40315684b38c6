"""Formulas in presentational MathML, each term linked with its edges."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .compose import Part
from .expression import Edges
from .latex import latex
from .typeset import GREEK, Typesetter, split_name

__all__ = ["mathml"]

_MINUS, _TIMES, _INVISIBLE_TIMES = "\u2212", "\u22c5", "\u2062"
_LETTERS = {"pi": "π", "e": "e", "phi": "φ"}


def mathml(parts: Sequence[Part], digits: int | None) -> str:
    """Write equations as one ``math`` element, the last of them the outputs.

    A term is an ``mrow`` whose ``data-edges`` lists the edges that made it, as in
    ``data-edges="0,1,0 1,0,0"``. All names are escaped; there are no styles and no scripts.
    """
    writer = _MathML(digits)
    equals = "<mo>=</mo>"
    lines = [(writer.symbol(part.name), writer.sum_of(part.value)) for part in parts]
    if len(lines) == 1:
        body = f"<mrow>{lines[0][0]}{equals}{lines[0][1]}</mrow>"
    else:
        rows = "".join(
            f"<mtr><mtd>{name}</mtd><mtd>{equals}</mtd><mtd>{value}</mtd></mtr>"
            for name, value in lines
        )
        body = f'<mtable columnalign="right center left">{rows}</mtable>'
    alt = escape(latex(parts, digits), quote=True)
    return (
        f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="block" alttext="{alt}">'
        f"{body}</math>"
    )


class _MathML(Typesetter):
    apply = "<mo>\u2061</mo>"

    def digits_of(self, mantissa: str, exponent: int) -> str:
        plain = f"<mn>{mantissa}</mn>"
        if not exponent:
            return plain
        power = f"<mn>{abs(exponent)}</mn>"
        if exponent < 0:
            power = f"<mrow><mo>{_MINUS}</mo>{power}</mrow>"
        return f"<mrow>{plain}<mo>{_TIMES}</mo><msup><mn>10</mn>{power}</msup></mrow>"

    def symbol(self, name: str) -> str:
        stem, index, primes = split_name(name)
        base = f"<mi>{escape(GREEK.get(stem, stem) + primes, quote=True)}</mi>"
        return self.indexed(base, index) if index else base

    def letter(self, name: str) -> str:
        return f"<mi>{_LETTERS[name]}</mi>"

    def row(self, pieces: Sequence[str]) -> str:
        return pieces[0] if len(pieces) == 1 else f"<mrow>{''.join(pieces)}</mrow>"

    def product(self, factors: Sequence[str]) -> str:
        out = [factors[0]]
        for factor in factors[1:]:
            out += [f"<mo>{_TIMES if factor.startswith('<mn>') else _INVISIBLE_TIMES}</mo>", factor]
        return self.row(out)

    def operator(self, sign: str) -> str:
        return f"<mo>{_MINUS if sign == '-' else sign}</mo>"

    def fraction(self, above: str, below: str) -> str:
        return f"<mfrac>{above}{below}</mfrac>"

    def root(self, inside: str) -> str:
        return f"<msqrt>{inside}</msqrt>"

    def raised(self, base: str, exponent: str) -> str:
        return f"<msup>{base}{exponent}</msup>"

    def indexed(self, base: str, index: str) -> str:
        text = escape(index, quote=True)
        tag = "mn" if index.isdecimal() else "mi"
        return f"<msub>{base}<{tag}>{text}</{tag}></msub>"

    def fenced(self, inside: str, left: str = "(", right: str = ")") -> str:
        return f"<mrow><mo>{left}</mo>{inside}<mo>{right}</mo></mrow>"

    def function(self, name: str) -> str:
        return f"<mi>{escape(name, quote=True)}</mi>"

    def linked(self, inside: str, edges: Edges) -> str:
        if not edges:
            return inside
        ids = " ".join(",".join(map(str, edge)) for edge in sorted(edges))
        return f'<mrow data-edges="{ids}">{inside}</mrow>'
