"""Recognises the measured numbers of a formula: 1/2, 2 pi/3, sqrt(2), e, 0 and the like."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from .numbers import Exact, number
from .rows import ROUNDING, Expressions, Rows, refit, standard_deviations

__all__ = ["Candidate", "recognise", "recognise_number"]

MAX_DENOMINATOR = 12
MAX_DEVIATIONS = 3.0
"""A number is recognised within so many standard deviations."""

MARGIN_BITS = 3.0
"""So many bits a recognised number must cost less than the precision that it hits."""

LARGEST_NUMERATOR = 10**6

_ONE = Fraction(1)
_UNITS = (
    (Exact(_ONE), 1.0),
    (Exact(_ONE, pi=1), 3.0),
    (Exact(_ONE, pi=-1), 4.0),
    (Exact(_ONE, e=1), 5.0),
)
"""What fractions are multiples of, and the bits that it costs to say which."""

SMALLEST_DEVIATION = 1e-11
"""What rounding leaves of a number in a refit, relative."""


@dataclass(frozen=True)
class Candidate:
    """What a measured number might be.

    Attributes
    ----------
    exact : Exact
    saved : float
        Bits by which it costs less than the precision that it hits.
    """

    exact: Exact
    saved: float


def recognise_number(value: float, deviation: float) -> Candidate | None:
    """Return the exact number that explains a measured one best, None if none does.

    Parameters
    ----------
    value : float
    deviation : float
        Its standard deviation.
    """
    size = abs(value)
    deviation = max(deviation, SMALLEST_DEVIATION * size, 1e-300)
    if not math.isfinite(deviation):
        return None
    if size <= MAX_DEVIATIONS * deviation:
        return Candidate(Exact(Fraction(0)), MAX_DEVIATIONS * deviation / max(size, 1e-300))
    best, saved = None, 0.0
    for near, cost, make in _near(size):
        missed = abs(near - size)
        if missed <= MAX_DEVIATIONS * deviation:
            hit = math.log2(size / max(missed, deviation))
            if hit - cost - MARGIN_BITS > saved:
                best, saved = make, hit - cost - MARGIN_BITS
    if best is None:
        return None
    exact = best()
    return Candidate(exact if value > 0 else exact.times(Exact(Fraction(-1))), saved)


def _near(size: float) -> Iterator[tuple[float, float, Callable[[], Exact]]]:
    """Yield numbers of each kind close to a positive one, what they cost in bits, and a maker."""
    for unit, cost in _UNITS:
        for q in range(1, MAX_DENOMINATOR + 1):
            p = round(size / unit.value * q) if size < LARGEST_NUMERATOR * unit.value else 0
            if p and math.gcd(p, q) == 1:
                made = partial(unit.times, Exact(Fraction(p, q)))
                yield unit.value * p / q, cost + _bits(p) + _bits(q), made
    for q in range(1, MAX_DENOMINATOR + 1):
        n = round((size * q) ** 2) if size * q < 40 else 0
        if 1 < n <= 1000 and math.isqrt(n) ** 2 != n:
            yield math.sqrt(n) / q, 4.0 + _bits(n) + _bits(q), partial(_root, n, q)


def _root(n: int, q: int) -> Exact:
    root = Exact(Fraction(n)).square_root()
    assert root is not None
    return root.times(Exact(Fraction(1, q)))


def _bits(n: int) -> float:
    """Return what a whole number costs: twice its digits, so that it says how long it is."""
    return 1 + 2 * math.log2(n)


def recognise(
    expressions: Expressions, rows: Rows, tolerance: float = 0.05, seconds: float = math.inf
) -> tuple[Expressions, float]:
    """Put exact numbers in the place of measured ones, and refit what is left.

    A number stays measured if no exact one lies within its uncertainty at a lower cost, or if the
    loss on the rows grows by more than the tolerance, all changes together. After so many seconds
    the best so far is returned.

    Returns
    -------
    expressions : Expressions
    loss : float
    """
    best, loss = refit(expressions, rows)
    limit = max(loss * (1 + tolerance), 100 * ROUNDING * rows.size)
    refused: set[tuple[Exact, str]] = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end and (numbers := best.numbers):
        found = [
            (candidate, value)
            for value, deviation in zip(numbers, standard_deviations(best, rows), strict=True)
            if (candidate := recognise_number(value, float(deviation))) is not None
            and _key(candidate, value) not in refused
        ]
        if not found:
            break
        found.sort(key=lambda pair: -pair[0].saved)
        # All at once, then the most certain half, and so on: a wrong one is found in few steps.
        count = len(found)
        while count and time.monotonic() < end:
            some = found[:count]
            changed = {value: number(candidate.exact) for candidate, value in some}
            tried, new = refit(best.with_numbers(changed), rows)
            if new <= limit:
                best, loss = tried, new
                break
            if count == 1:
                refused.add(_key(*found[0]))
            count //= 2
    return best, loss


def _key(candidate: Candidate, value: float) -> tuple[Exact, str]:
    return candidate.exact, f"{value:.2g}"
