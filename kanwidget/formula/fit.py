"""Fits ``c f(a x + b) + d`` to many curves at once, for every function of a library.

A dictionary of columns (see `dictionary`) shows where each fit should start: R² of all of them for
all curves is three matrix products. From there, Levenberg-Marquardt steps on the parameters of a
and b, with c and d in closed form (variable projection: Golub & Pereyra 1973, with Kaufman's
approximation of the Jacobian, 1975).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import Function

from .dictionary import POINTS, Dictionary, make_dictionary

__all__ = ["Fits", "fit_curves"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

STEPS = 20
"""Levenberg-Marquardt steps at the most."""

MAX_RATIO = 3000.0
"""A fit is left where it is while its unexplained variance is so many times that of the best."""

MAX_START = 0.02
"""A start with less than this unexplained is tried in any case: few steps may make it exact."""

MAX_SLOW_FALL = 0.7
"""But not while a step lowers that to less than this share of what it was."""

MAX_FOLDED_SHIFT = 50.0
"""``exp(a x + b)`` with a larger b keeps it, so that neither exp nor c overflows."""

MIN_UNEXPLAINED = 1e-30
"""At this share of the variance a fit is exact."""


@dataclass(frozen=True)
class Fits:
    """How well each function fits each curve, and with which constants.

    Attributes
    ----------
    functions : tuple of Function
    unexplained : ndarray, shape (curves, functions)
        ``1 - R²``; 1 if a function cannot be fitted at all.
    a, b, c, d : ndarray, shape (curves, functions)
    """

    functions: tuple[Function, ...]
    unexplained: Array
    a: Array
    b: Array
    c: Array
    d: Array

    def curve(self, curve: int, function: int) -> NamedCurve:
        """Return one of the fits."""
        a, b, c, d = (float(field[curve, function]) for field in (self.a, self.b, self.c, self.d))
        return NamedCurve(self.functions[function].name, a, b, c, d)


def fit_curves(x: Array, y: Array, weight: Array, functions: Sequence[Function]) -> Fits:
    """Fit every function to every curve.

    Parameters
    ----------
    x : ndarray, shape (curves, 2)
        Between which inputs each curve lies; its `POINTS` samples are evenly spread over them.
    y : ndarray, shape (curves, POINTS)
    weight : ndarray, shape (curves, POINTS)
        How much each sample counts: 0 or more, not all 0.
    functions : sequence of Function

    Returns
    -------
    Fits
    """
    dictionary = make_dictionary(tuple(functions))
    weight = weight / weight.sum(1, keepdims=True)
    mean = (weight * y).sum(1, keepdims=True)
    spread = np.sqrt((weight * (y - mean) ** 2).sum(1, keepdims=True))
    # A curve of one value, but for rounding, is that constant whatever its name.
    flat = spread <= 1e-14 * np.abs(y).max(1, keepdims=True)
    unit = np.where(flat, 0.0, (y - mean) / np.where(flat, 1.0, spread))
    problems = _starts(dictionary, unit, weight)
    p, unexplained = _refine(problems, unit, weight, dictionary.functions)
    return _in_units(problems, p, unexplained, x, y, weight, dictionary.functions)


@dataclass(frozen=True)
class _Problems:
    """Fits to do, each of one function to one curve, ordered by function.

    Attributes
    ----------
    function, curve : ndarray of int, shape (problems,)
    p : ndarray, shape (problems, 2)
        Where they start.
    at, bt : ndarray, shape (problems, 3)
    in_log, free : ndarray of bool, shape (problems, 2)
        See `StartGrid`.
    """

    function: Ints
    curve: Ints
    p: Array
    at: Array
    bt: Array
    in_log: NDArray[np.bool_]
    free: NDArray[np.bool_]

    def select(self, which: Ints) -> _Problems:
        return _Problems(
            self.function[which],
            self.curve[which],
            self.p[which],
            self.at[which],
            self.bt[which],
            self.in_log[which],
            self.free[which],
        )

    def constants(self, p: Array) -> tuple[Array, Array, Array]:
        """Return a, b and how q depends on p, shapes ``(problems,)`` and ``(problems, 2)``."""
        q = np.where(self.in_log, np.exp(np.where(self.in_log, p, 0.0)), p)
        a = self.at[:, 0] + self.at[:, 1] * q[:, 0] + self.at[:, 2] * q[:, 1]
        b = self.bt[:, 0] + self.bt[:, 1] * q[:, 0] + self.bt[:, 2] * q[:, 1]
        return a, b, np.where(self.in_log, q, 1.0) * self.free


def _starts(dictionary: Dictionary, y: Array, weight: Array) -> _Problems:
    """Return two different starts for each function and curve."""
    # How well each column fits, (curves, columns).
    mean = weight @ dictionary.columns
    spread = weight @ dictionary.squares - mean**2
    cover = (weight * y) @ dictionary.columns
    share = np.divide(cover**2, spread, out=np.zeros_like(cover), where=spread > 1e-9)
    curves = np.arange(len(y))
    parts: list[_Problems] = []
    for f, grid in enumerate(dictionary.grids):
        n1, n2, _ = grid.p.shape
        here = share[:, dictionary.first[f] : dictionary.first[f + 1]]
        best = here.argmax(1)
        picks = [best]
        if n1 * n2 > 1 and any(grid.free):
            near1 = np.abs(np.arange(n1) - (best // n2)[:, None]) <= n1 // 6
            near2 = np.abs(np.arange(n2) - (best % n2)[:, None]) <= n2 // 6
            near = (near1[:, :, None] & near2[:, None, :]).reshape(len(y), -1)
            picks.append(np.where(near, -1.0, here).argmax(1))
        for pick in picks:
            p = grid.p.reshape(-1, 2)[pick]
            at, bt = grid.at[pick // n2], grid.bt[pick // n2]
            log, free = (np.tile(flags, (len(y), 1)) for flags in (grid.in_log, grid.free))
            parts.append(_Problems(np.full(len(y), f), curves, p, at, bt, log, free))
    return _Problems(
        np.concatenate([part.function for part in parts]),
        np.concatenate([part.curve for part in parts]),
        np.concatenate([part.p for part in parts]),
        np.concatenate([part.at for part in parts]),
        np.concatenate([part.bt for part in parts]),
        np.concatenate([part.in_log for part in parts]),
        np.concatenate([part.free for part in parts]),
    )


class _State:
    """Where the fits of some problems are: their residuals and normal equations."""

    def __init__(
        self, problems: _Problems, p: Array, unit: Array, root: Array, functions: Sequence[Function]
    ) -> None:
        t = np.linspace(-1.0, 1.0, POINTS)
        a, b, scale = problems.constants(p)
        u = a[:, None] * t + b[:, None]
        value, slope = np.empty_like(u), np.empty_like(u)
        ends = np.searchsorted(problems.function, np.arange(len(functions) + 1))
        for f, function in enumerate(functions):
            if ends[f] < ends[f + 1]:
                some = slice(ends[f], ends[f + 1])
                value[some], slope[some] = function.value(u[some]), function.derivative(u[some])
        root = root[problems.curve]
        share = root * root
        value -= _dot(share, value)[:, None]
        value *= root
        size = _dot(value, value)
        size[size == 0] = 1.0
        y = unit[problems.curve] * root
        c = _dot(value, y) / size
        rest = y - c[:, None] * value
        slope *= root * c[:, None]
        columns = []
        for k in range(2):
            column = problems.at[:, 1 + k, None] * t + problems.bt[:, 1 + k, None]
            column *= slope
            column *= scale[:, k, None]
            column -= root * _dot(column, root)[:, None]
            column -= value * (_dot(column, value) / size)[:, None]
            columns.append(column)
        h1, h2 = columns
        self.unexplained = _dot(rest, rest)
        self.normal = np.stack([_dot(h1, h1), _dot(h1, h2), _dot(h2, h2)], 1)
        self.pull = np.stack([_dot(h1, rest), _dot(h2, rest)], 1)
        bad = ~(
            np.isfinite(self.unexplained)
            & np.isfinite(self.normal).all(1)
            & np.isfinite(self.pull).all(1)
        )
        # tan, arcsin and arctanh have no fit whose ends have changed places.
        bad |= (problems.in_log.all(1)) & (a <= 0)
        self.unexplained[bad], self.normal[bad], self.pull[bad] = np.inf, 0.0, 0.0


def _refine(
    problems: _Problems, unit: Array, weight: Array, functions: Sequence[Function]
) -> tuple[Array, Array]:
    """Return better parameters and what they leave unexplained."""
    root = np.sqrt(weight)
    with np.errstate(all="ignore"):
        p = problems.p.copy()
        state = _State(problems, p, unit, root, functions)
        found = state.unexplained.copy()
        # What is not known is not compared with.
        normal, pull = state.normal, state.pull
        damping = np.full(len(p), 1e-2)
        still = np.zeros(len(p), dtype=int)  # steps in a row that did not help
        best = np.full(len(unit), np.inf)
        np.minimum.at(best, problems.curve, found)
        near = _promising(found, best, problems.curve) | (found < MAX_START)
        alive = np.flatnonzero(problems.free.any(1) & near)
        for _ in range(STEPS):
            if not len(alive):
                break
            some = problems.select(alive)
            trial = p[alive] + _steps(normal[alive], pull[alive], damping[alive])
            trial = np.where(some.in_log, np.clip(trial, -80.0, 80.0), trial)
            state = _State(some, trial, unit, root, functions)
            better = state.unexplained < found[alive]
            much = state.unexplained < (1 - 1e-3) * found[alive]
            falling = state.unexplained < MAX_SLOW_FALL * found[alive]
            taken = alive[better]
            p[taken], found[taken] = trial[better], state.unexplained[better]
            normal[taken], pull[taken] = state.normal[better], state.pull[better]
            damping[alive] *= np.where(better, 0.1, 8.0)
            still[alive] = np.where(much, 0, still[alive] + 1)
            np.minimum.at(best, problems.curve[alive], found[alive])
            go_on = (still[alive] < 4) & (found[alive] > MIN_UNEXPLAINED)
            near = _promising(found[alive], best, problems.curve[alive])
            alive = alive[go_on & (near | falling)]
    return p, found


def _promising(found: Array, best: Array, curve: Ints) -> NDArray[np.bool_]:
    """Whether fits are not far behind the best of their curve."""
    result: NDArray[np.bool_] = found <= MAX_RATIO * np.maximum(best[curve], MIN_UNEXPLAINED)
    return result


def _steps(normal: Array, pull: Array, damping: Array) -> Array:
    """Solve the damped normal equations, two unknowns each."""
    one, mixed, two = normal.T
    one, two = one * (1 + damping), two * (1 + damping)
    # A parameter without effect stays.
    one, two = np.where(one > 0, one, 1.0), np.where(two > 0, two, 1.0)
    det = one * two - mixed * mixed
    out: Array = np.stack(
        [two * pull[:, 0] - mixed * pull[:, 1], one * pull[:, 1] - mixed * pull[:, 0]], 1
    )
    return out / np.where(det > 0, det, np.inf)[:, None]


def _in_units(
    problems: _Problems,
    p: Array,
    unexplained: Array,
    x: Array,
    y: Array,
    weight: Array,
    functions: tuple[Function, ...],
) -> Fits:
    """Return each function's better fit, with constants in the units of the curves."""
    count, kinds = len(y), len(functions)
    # The worst first, so that the best is written last.
    order = np.argsort(-np.nan_to_num(unexplained, nan=np.inf), kind="stable")
    chosen = np.zeros((count, kinds), dtype=np.int64)
    chosen[problems.curve[order], problems.function[order]] = order
    a, b, _ = problems.select(chosen.ravel()).constants(p[chosen.ravel()])
    a, b = a.reshape(count, kinds), b.reshape(count, kinds)
    middle, half = (x[:, :1] + x[:, 1:]) / 2, (x[:, 1:] - x[:, :1]) / 2
    c, d = np.zeros_like(a), np.zeros_like(a)
    loss = np.ones_like(a)
    points = middle + half * np.linspace(-1.0, 1.0, POINTS)
    mean = (weight * y).sum(1)
    centred = y - mean[:, None]
    total = np.maximum((weight * centred**2).sum(1), np.finfo(float).tiny)
    with np.errstate(all="ignore"):
        for f, function in enumerate(functions):
            # Where a is not free, it is 1 or -1 in the curve's units, too.
            stretch = half[:, 0] if not function.free[0] else np.ones(count)
            slope = a[:, f] * stretch / half[:, 0]
            shift = (b[:, f] - a[:, f] * middle[:, 0] / half[:, 0]) * stretch
            if function.family in ("constant", "line"):
                slope, shift = np.ones(count), np.zeros(count)
            if function.family == "exp":  # a shift only changes c, unless that is out of range
                shift = np.where(np.abs(shift) < MAX_FOLDED_SHIFT, 0.0, shift)
            value = function.value(slope[:, None] * points + shift[:, None])
            average = (weight * value).sum(1)
            value = value - average[:, None]
            size = (weight * value**2).sum(1)
            c[:, f] = np.where(size > 0, (weight * value * centred).sum(1) / size, 0.0)
            d[:, f] = mean - c[:, f] * average
            rest = centred - c[:, f, None] * value
            loss[:, f] = (weight * rest**2).sum(1) / total
            a[:, f], b[:, f] = slope, shift
    bad = ~(np.isfinite(loss) & np.isfinite(a + b + c + d)) | (loss > 1)
    loss[bad] = 1.0
    a[bad], b[bad], c[bad] = 1.0, 0.0, 0.0
    d[bad] = np.broadcast_to(mean[:, None], d.shape)[bad]
    return Fits(functions, loss, a, b, c, d)


def _dot(a: Array, b: Array) -> Array:
    out: Array = np.einsum("pn,pn->p", a, b)
    return out
