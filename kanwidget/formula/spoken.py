"""Formulas in words, for those who hear them."""

from __future__ import annotations

from collections.abc import Sequence

from .compose import Part
from .expression import Edges
from .typeset import Typesetter, split_name

__all__ = ["spoken"]

MOST = 4000
"""Characters that anybody listens to."""

_FUNCTIONS = {
    "sin": "the sine of",
    "cos": "the cosine of",
    "tan": "the tangent of",
    "log": "the logarithm of",
    "tanh": "the hyperbolic tangent of",
    "sinh": "the hyperbolic sine of",
    "cosh": "the hyperbolic cosine of",
    "arctan": "the arctangent of",
    "arcsin": "the arcsine of",
    "arctanh": "the inverse hyperbolic tangent of",
    "sgn": "the sign of",
}
_OPERATORS = {"+": " plus ", "-": " minus ", "=": " equals ", ",": ", "}
_POWERS = {"2": "squared", "3": "cubed"}


def spoken(parts: Sequence[Part], digits: int | None) -> str:
    """Return the words of equations, each a sentence."""
    writer = _Words(digits)
    said = [f"{writer.symbol(part.name)} equals {writer.sum_of(part.value)}" for part in parts]
    words = ". ".join(said)
    if len(words) <= MOST:
        return words
    return f"{len(said)} equations, too long to be read aloud; go through their terms instead"


class _Words(Typesetter):
    apply = " "

    def digits_of(self, mantissa: str, exponent: int) -> str:
        if not exponent:
            return mantissa
        power = f"minus {-exponent}" if exponent < 0 else f"{exponent}"
        return f"{mantissa} times 10 to the power of {power}"

    def symbol(self, name: str) -> str:
        stem, index, primes = split_name(name)
        return f"{stem}{f' {index}' if index else ''}{' prime' * len(primes)}"

    def letter(self, name: str) -> str:
        return name

    def row(self, pieces: Sequence[str]) -> str:
        return "".join(pieces).strip()

    def product(self, factors: Sequence[str]) -> str:
        return " times ".join(factors)

    def operator(self, sign: str) -> str:
        return _OPERATORS.get(sign, f" {sign} ")

    def fraction(self, above: str, below: str) -> str:
        return f"the fraction {above} over {below}, end of the fraction,"

    def root(self, inside: str) -> str:
        return f"the square root of {inside}, end of the root,"

    def raised(self, base: str, exponent: str) -> str:
        if exponent in _POWERS:
            return f"{base} {_POWERS[exponent]}"
        if exponent.isdecimal():
            return f"{base} to the power of {exponent}"
        return f"{base} to the power of {exponent}, end of the power,"

    def indexed(self, base: str, index: str) -> str:
        return f"{base} {index}"

    def fenced(self, inside: str, left: str = "(", right: str = ")") -> str:
        if left == "|":
            return f"the size of {inside}, end of the size,"
        return inside if inside.replace(" ", "").isalnum() else f"open {inside} close"

    def function(self, name: str) -> str:
        return _FUNCTIONS.get(name, f"the function {name} of")

    def linked(self, inside: str, edges: Edges) -> str:
        return inside
