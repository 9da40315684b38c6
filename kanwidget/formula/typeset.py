"""What LaTeX and MathML share: which parts of an expression stand where."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from fractions import Fraction

from .expression import Atom, Call, Edges, Phi, Product, Sum, Symbol
from .numbers import Exact, Number

__all__ = ["GREEK", "Typesetter", "split_name", "split_number"]

DECIMAL_DENOMINATORS = (5, 10)
"""Fractions that are written as decimal numbers: 0.2 rather than 1/5."""

_WORDS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
)
GREEK = dict(zip(_WORDS.split(), "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ", strict=True))

_INDEXED = re.compile(r"(?s)(.+?)_\{?([^_{}^]{1,8})\}?('*)$")


def split_name(name: str) -> tuple[str, str, str]:
    r"""Return a name's stem, index and primes: ``x_1``, ``$\alpha_{10}$`` or ``speed``."""
    bare = name.strip("$").lstrip("\\") or name
    found = _INDEXED.fullmatch(bare)
    if found is None:
        return bare, "", ""
    stem, index, primes = found.groups()
    # `house_age` is a word.
    if len(stem) > 1 and stem not in GREEK and not re.fullmatch(r"[\d,]+", index):
        return bare, "", ""
    return stem, index, primes


def split_number(value: float, digits: int | None) -> tuple[str, int]:
    """Return the digits and the power of ten of a positive number; the power is 0 if small."""
    text = repr(value) if digits is None else f"{value:.{digits}g}"
    mantissa, _, exponent = text.partition("e")
    if (exponent and -4 <= int(exponent) < 0) or (exponent and 0 < int(exponent) <= 4):
        mantissa, exponent = f"{float(text):.{int(exponent) + 1}f}", ""
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return mantissa, int(exponent or 0)


class Typesetter(ABC):
    """Writes expressions; a subclass says how each piece looks.

    Parameters
    ----------
    digits : int or None
        Significant digits of measured numbers; None for all.
    """

    apply = ""
    """What stands between a function and its argument."""

    def __init__(self, digits: int | None) -> None:
        self.digits = digits

    @abstractmethod
    def digits_of(self, mantissa: str, exponent: int) -> str:
        """Write a decimal number, which may have a power of ten."""

    @abstractmethod
    def symbol(self, name: str) -> str:
        """Write a name."""

    @abstractmethod
    def letter(self, name: str) -> str:
        """Write ``pi``, ``e`` or ``phi``."""

    @abstractmethod
    def row(self, pieces: Sequence[str]) -> str:
        """Write pieces one after the other."""

    @abstractmethod
    def product(self, factors: Sequence[str]) -> str:
        """Write factors one after the other."""

    @abstractmethod
    def operator(self, sign: str) -> str:
        """Write ``+``, ``-`` or ``=``."""

    @abstractmethod
    def fraction(self, above: str, below: str) -> str:
        """Write a fraction."""

    @abstractmethod
    def root(self, inside: str) -> str:
        """Write a square root."""

    @abstractmethod
    def raised(self, base: str, exponent: str) -> str:
        """Write a power."""

    @abstractmethod
    def indexed(self, base: str, index: str) -> str:
        """Write an index."""

    @abstractmethod
    def fenced(self, inside: str, left: str = "(", right: str = ")") -> str:
        """Write parentheses, or bars."""

    @abstractmethod
    def function(self, name: str) -> str:
        """Write the name of a function."""

    @abstractmethod
    def linked(self, inside: str, edges: Edges) -> str:
        """Write a term that some edges have made."""

    def sum_of(self, expression: Sum) -> str:
        """Write a sum."""
        pieces: list[tuple[bool, str]] = []
        for coef, term in expression.terms:
            edges = term.edges
            if isinstance(term, Product):
                atoms = (base for base, _ in term.factors if not isinstance(base, Sum))
                edges = edges.union(*(base.edges for base in atoms))
            pieces.append((coef.value < 0, self.linked(self._term(coef.absolute, term), edges)))
        constant = expression.constant
        if not constant.is_zero or not pieces:
            last = constant.value < 0, self.number(constant.absolute)
            # 1 - x rather than -x + 1
            first = bool(pieces) and pieces[0][0] and not last[0]
            pieces.insert(0 if first else len(pieces), last)
        out = []
        for n, (negative, text) in enumerate(pieces):
            if negative or n:
                out.append(self.operator("-" if negative else "+"))
            out.append(text)
        return self.row(out)

    def number(self, value: Number) -> str:
        """Write a number that is not negative."""
        above, below = self._number_parts(value)
        top = self.product(above) if above else self.digits_of("1", 0)
        return self.fraction(top, self.product(below)) if below else top

    def _number_parts(self, value: Number) -> tuple[list[str], list[str]]:
        """Return what of a number stands above and below a line; nothing for 1."""
        if value.exact is None:
            digits = split_number(value.value, self.digits)
            return ([] if digits == ("1", 0) else [self.digits_of(*digits)]), []
        exact = value.exact
        above, below = [], []
        top, bottom = str(exact.ratio.numerator), exact.ratio.denominator
        if bottom in DECIMAL_DENOMINATORS:
            top, bottom = repr(float(exact.ratio)), 1
        if top != "1":
            above.append(self.digits_of(top, 0))
        if exact.root != 1:
            above.append(self.root(self.digits_of(str(exact.root), 0)))
        if bottom != 1:
            below.append(self.digits_of(str(bottom), 0))
        for letter, exponent in (("pi", exact.pi), ("e", exact.e)):
            if exponent:
                side = above if exponent > 0 else below
                side.append(self._to_power(self.letter(letter), abs(Fraction(exponent))))
        return above, below

    def _to_power(self, base: str, exponent: Fraction) -> str:
        if exponent == 1:
            return base
        return self.raised(base, self.number(Number(float(exponent), Exact(exponent))))

    def _term(self, coef: Number, term: Atom) -> str:
        above, below = self._number_parts(coef)
        factors = term.factors if isinstance(term, Product) else ((term, Fraction(1)),)
        count = [sum(e > 0 for _, e in factors) + len(above)]
        count.append(sum(e < 0 for _, e in factors) + len(below))
        bottom = count[1] > 0
        for base, exponent in factors:
            side = above if exponent > 0 else below
            alone = (count[0] == 1 and bottom) if exponent > 0 else count[1] == 1
            side.append(self._factor(base, abs(exponent), alone))
        top = self.product(above) if above else self.digits_of("1", 0)
        return self.fraction(top, self.product(below)) if below else top

    def _factor(self, base: Symbol | Call | Phi | Sum, exponent: Fraction, alone: bool) -> str:
        if exponent.denominator == 2:
            inside = self.sum_of(base) if isinstance(base, Sum) else self._atom(base)
            return self._to_power(self.root(inside), Fraction(exponent.numerator))
        if isinstance(base, Sum):
            inside = self.sum_of(base)
            if exponent == 1:
                return inside if alone else self.fenced(inside)
            return self._to_power(self.fenced(inside), exponent)
        if isinstance(base, Symbol):
            return self._to_power(self.symbol(base.name), exponent)
        if isinstance(base, Call) and base.function not in ("exp", "abs"):
            name = self._to_power(self.function(base.function), exponent)
            return self.row([name, self.apply, self.fenced(self.sum_of(base.argument))])
        return self._to_power(self._atom(base), exponent)

    def _atom(self, term: Symbol | Call | Phi) -> str:
        if isinstance(term, Symbol):
            return self.symbol(term.name)
        if isinstance(term, Phi):
            index = ",".join(map(str, term.edge))
            pieces = [self.sum_of(term.argument)]
            if term.base_argument is not None:
                pieces += [self.operator(","), self.sum_of(term.base_argument)]
            inside = self.row(pieces)
            name = self.indexed(self.letter("phi"), index)
            return self.row([name, self.apply, self.fenced(inside)])
        inside = self.sum_of(term.argument)
        if term.function == "exp":
            return self.raised(self.letter("e"), inside)
        if term.function == "abs":
            return self.fenced(inside, "|", "|")
        return self.row([self.function(term.function), self.apply, self.fenced(inside)])
