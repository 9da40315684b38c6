"""The numbers in an expression: measured ones, and exact ones such as 1/2, 3 pi/4 or sqrt(2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["MINUS_ONE", "ONE", "ZERO", "Exact", "Number", "exponential", "number"]

LARGEST_POWER = 64
"""Powers of exact numbers beyond this are computed in floating point."""


@dataclass(frozen=True)
class Exact:
    """``ratio * sqrt(root) * pi^pi * e^e``.

    Attributes
    ----------
    ratio : Fraction
    pi, e : int
    root : int
        Positive, and without a square that divides it.
    """

    ratio: Fraction
    pi: int = 0
    root: int = 1
    e: int = 0

    @property
    def value(self) -> float:
        """The number in floating point."""
        return float(self.ratio) * math.sqrt(self.root) * math.pi**self.pi * math.e**self.e

    def times(self, other: Exact) -> Exact:
        """Multiply."""
        shared = math.gcd(self.root, other.root)
        root = self.root * other.root // shared**2
        ratio = self.ratio * other.ratio * shared
        return Exact(ratio, self.pi + other.pi, root, self.e + other.e)

    def inverse(self) -> Exact:
        """Return ``1 / self``; self must not be 0."""
        return Exact(1 / (self.ratio * self.root), -self.pi, self.root, -self.e)

    def plus(self, other: Exact) -> Exact | None:
        """Add, or return None if the sum is no such number."""
        if not self.ratio or not other.ratio:
            return other if not self.ratio else self
        if (self.pi, self.root, self.e) != (other.pi, other.root, other.e):
            return None
        total = self.ratio + other.ratio
        return Exact(total, self.pi, self.root, self.e) if total else Exact(Fraction(0))

    def square_root(self) -> Exact | None:
        """Return the root of a fraction, or None if it is no such number."""
        if self.pi or self.e or self.root != 1 or self.ratio < 0:
            return None
        inside, outside = self.ratio.numerator * self.ratio.denominator, 1
        if inside > 10**6:
            return None
        for n in range(math.isqrt(inside), 1, -1):
            if inside % n**2 == 0:
                inside, outside = inside // n**2, n
                break
        if not inside:
            return Exact(Fraction(0))
        return Exact(Fraction(outside, self.ratio.denominator), 0, inside)


@dataclass(frozen=True)
class Number:
    """A number: exact, or measured and free to be rounded, recognised and refitted."""

    value: float
    exact: Exact | None = None

    @property
    def is_zero(self) -> bool:
        """Whether it is 0."""
        return self.value == 0

    @property
    def is_one(self) -> bool:
        """Whether it is 1, exactly."""
        return self.exact is not None and self.value == 1

    def times(self, other: Number) -> Number:
        """Multiply; exact if both are, or one is 0."""
        if self.is_zero or other.is_zero:
            return ZERO
        if self.is_one or other.is_one:
            return other if self.is_one else self
        if self.exact is not None and other.exact is not None:
            return _of(self.exact.times(other.exact))
        return Number(self.value * other.value)

    def over(self, other: Number) -> Number:
        """Divide by a number other than 0; what is equal gives 1, whatever the rounding."""
        if abs(self.value) == abs(other.value):
            return ONE if self.value == other.value else MINUS_ONE
        return self.times(other.inverse)

    def plus(self, other: Number) -> Number:
        """Add; exact if both are and the sum is such a number."""
        if self.is_zero or other.is_zero:
            return other if self.is_zero else self
        if self.exact is not None and other.exact is not None:
            total = self.exact.plus(other.exact)
            if total is not None:
                return _of(total)
        return Number(self.value + other.value)

    def power(self, exponent: Fraction) -> Number:
        """Raise to a power; NaN if that is not real, infinite for 0 to a negative power."""
        if self.is_one:
            return self
        exact = self.exact
        if exact is not None and exact.ratio and abs(exponent) <= LARGEST_POWER:
            if exponent.denominator == 2:
                exact, exponent = exact.square_root(), exponent * 2
            if exact is not None and exponent.denominator == 1:
                out = Exact(Fraction(1))
                for _ in range(abs(int(exponent))):
                    out = out.times(exact)
                return _of(out if exponent > 0 else out.inverse())
            exponent = exponent if exact is not None else exponent / 2
        try:
            value = self.value ** float(exponent)
        except OverflowError:
            return Number(math.inf)
        except ZeroDivisionError:
            return Number(math.inf)
        return Number(math.nan if isinstance(value, complex) else value)

    @property
    def negative(self) -> Number:
        """The number times -1."""
        return MINUS_ONE.times(self)

    @property
    def absolute(self) -> Number:
        """Its absolute value."""
        return self.negative if self.value < 0 else self

    @property
    def inverse(self) -> Number:
        """One over it; it must not be 0."""
        if self.exact is not None:
            return _of(self.exact.inverse())
        return Number(1 / self.value)


def _of(exact: Exact) -> Number:
    value = exact.value
    small = len(str(exact.ratio.numerator)) + len(str(exact.ratio.denominator)) <= 12
    return Number(value, exact if small else None)


def number(value: float | Fraction | Exact) -> Number:
    """Make a number. Small halves and quarters, which no fit would hit by chance, are exact."""
    if isinstance(value, Exact):
        return _of(value)
    if isinstance(value, Fraction):
        return _of(Exact(value))
    value = float(value)
    if abs(value) <= 100 and (4 * value).is_integer():
        return _of(Exact(Fraction(value)))
    return Number(value)


ZERO, ONE, MINUS_ONE = number(0.0), number(1.0), number(-1.0)


def exponential(value: Number) -> Number:
    """Return e to a number; exact for small whole ones."""
    exact = value.exact
    plain = exact is not None and (exact.pi, exact.root, exact.e) == (0, 1, 0)
    if exact is not None and plain and exact.ratio.denominator == 1 and abs(exact.ratio) <= 8:
        return number(Exact(Fraction(1), e=int(exact.ratio)))
    return Number(math.exp(value.value) if value.value < 709 else math.inf)
