"""Recognises the measured numbers of a formula: 1/2, 2 pi/3, sqrt(2), e, 0 and the like."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .numbers import Exact, number
from .rows import Expressions, Rows, refit, standard_deviations

__all__ = ["Candidate", "recognise", "recognise_number"]

Array = NDArray[np.float64]

MAX_DENOMINATOR = 12
MAX_DEVIATIONS = 3.0
"""A number is recognised within so many standard deviations."""

MARGIN_BITS = 3.0
"""So many bits a recognised number must cost less than the precision that it hits."""

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
    deviation = max(deviation, SMALLEST_DEVIATION * abs(value))
    if abs(value) <= MAX_DEVIATIONS * deviation:
        return Candidate(Exact(Fraction(0)), MAX_DEVIATIONS * deviation / max(abs(value), 1e-300))
    best = None
    for size, cost, exact in _near(abs(value)):
        missed = abs(size - abs(value))
        if missed > MAX_DEVIATIONS * deviation:
            continue
        hit = math.log2(abs(value) / max(missed, deviation))
        saved = hit - cost - MARGIN_BITS
        if saved > 0 and (best is None or saved > best.saved):
            signed = exact if value > 0 else exact.times(Exact(Fraction(-1)))
            best = Candidate(signed, saved)
    return best


def _near(size: float) -> Iterator[tuple[float, float, Exact]]:
    """Yield numbers of each kind close to a positive one, and what they cost in bits."""
    one = Fraction(1)
    kinds = [(Exact(one), 1.0), (Exact(one, 1), 3.0), (Exact(one, -1), 4.0), (Exact(one, e=1), 5.0)]
    for unit, cost in kinds:
        for q in range(1, MAX_DENOMINATOR + 1):
            p = round(size / unit.value * q)
            if p and math.gcd(p, q) == 1:
                exact = Exact(Fraction(p, q)).times(unit)
                yield exact.value, cost + _bits(p) + _bits(q), exact
    for q in range(1, MAX_DENOMINATOR + 1):
        n = round((size * q) ** 2)
        if 1 < n <= 1000 and math.isqrt(n) ** 2 != n:
            exact = _root(n).times(Exact(Fraction(1, q)))
            yield exact.value, 4.0 + _bits(n) + _bits(q), exact


@cache
def _root(n: int) -> Exact:
    root = Exact(Fraction(n)).square_root()
    assert root is not None
    return root


def _bits(n: int) -> float:
    """Return what a whole number costs: twice its digits, so that it says how long it is."""
    return 1 + 2 * math.log2(n)


def recognise(
    expressions: Expressions, rows: Rows, tolerance: float = 0.05
) -> tuple[Expressions, float]:
    """Put exact numbers in the place of measured ones, and refit what is left.

    A number stays measured if no exact one lies within its uncertainty at a lower cost, or if the
    loss on the rows grows by more than the tolerance, all changes together.

    Returns
    -------
    expressions : Expressions
    loss : float
    """
    best, loss = refit(expressions, rows)
    limit = max(loss * (1 + tolerance), _rounding(rows))
    refused: set[tuple[Exact, str]] = set()
    while numbers := best.numbers:
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
        while count:
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


def _rounding(rows: Rows) -> float:
    """Return a loss that is nothing but rounding."""
    size = float(np.sqrt(np.mean((rows.y * rows.weight) ** 2)))
    return 1e-10 * max(size, 1e-300)
