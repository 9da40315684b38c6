"""Fits one function to one curve, some of its constants pinned by a person."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import Function

from .dictionary import POINTS
from .fit import fit_curves

__all__ = ["check_pin", "fit_function"]

Array = NDArray[np.float64]

LARGEST = 1e100

STARTS = 4
"""Places from which the best fits go on."""

STEPS = 40


def check_pin(pin: Mapping[str, float] | None) -> dict[str, float]:
    """Return pinned constants, or raise a TypeError or ValueError that says what is wrong."""
    if pin is None:
        return {}
    if not isinstance(pin, Mapping):
        raise TypeError(f'pin must be a dict such as {{"c": 1.0}}, got {type(pin).__name__}')
    checked = {}
    for letter, value in pin.items():
        if letter not in ("a", "b", "c", "d"):
            raise ValueError(
                f"pin names {str(letter)[:40]!r}; the constants of c f(a x + b) + d are a, b, c, d"
            )
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
            raise TypeError(f"the pinned constant {letter} must be a number, got {value!r:.40}")
        if not abs(float(value)) <= LARGEST:
            raise ValueError(f"the pinned constant {letter} must be finite, got {value!r:.40}")
        checked[letter] = float(value)
    return checked


def fit_function(
    ends: Array, y: Array, weight: Array, function: Function, pin: Mapping[str, float]
) -> tuple[NamedCurve, float]:
    """Return the best constants, and the share of the curve's variance that they leave.

    Parameters
    ----------
    ends : ndarray, shape (2,)
        Between which inputs the curve lies; its samples are evenly spread over them.
    y, weight : ndarray, shape (POINTS,)
    function : Function
    pin : mapping of str to float
        Constants that are given: letters a to d.

    Raises
    ------
    ValueError
        If the function is not defined over the curve's inputs with any such constants.
    """
    fits = fit_curves(ends[None], y[None], weight[None], (function,))
    best, left = fits.curve(0, 0), float(fits.unexplained[0, 0])
    x, fixed = np.linspace(ends[0], ends[1], POINTS), frozenset(pin)
    if not pin:
        with np.errstate(all="ignore"):
            defined = bool(function.smooth_on(best.a * x + best.b))
            defined = defined and bool(np.isfinite(function.value(best.a * x + best.b)).all())
        if function.family != "constant" and not defined:
            raise ValueError(_undefined(function, ends))
        return best, left
    share = weight / weight.sum()
    starts = _starts(x, function, best, pin)
    tried = sorted(
        (fit for fit in (_Fit.at(x, y, share, function, pin, *s) for s in starts) if fit),
        key=lambda fit: fit.error,
    )
    if not tried:
        raise ValueError(_undefined(function, ends))
    found = min((fit.refined() for fit in tried[:STARTS]), key=lambda fit: fit.error)
    variance = float((share * (y - share @ y) ** 2).sum()) or 1.0
    curve = NamedCurve(function.name, found.a, found.b, found.c, found.d, fixed)
    return curve, found.error / variance


def _undefined(function: Function, ends: Array) -> str:
    return (
        f"{function.name} cannot name this curve: with no such constants it is defined over all "
        f"inputs from {ends[0]:.3g} to {ends[1]:.3g}"
    )


def _starts(
    x: Array, function: Function, best: NamedCurve, pin: Mapping[str, float]
) -> list[tuple[float, float]]:
    """Return pairs of a and b to begin with."""
    low, high = float(x[0]), float(x[-1])
    half = (high - low) / 2 or 1.0
    free_a, free_b = function.free
    scales = np.geomspace(0.1, 20.0, 24) / half
    if "a" in pin:
        all_a = [pin["a"]]
    else:
        all_a = [best.a, *scales, *-scales] if free_a else [best.a, 1.0, -1.0]
    found = []
    for a in map(float, all_a):
        if "b" in pin:
            all_b = [pin["b"]]
        elif free_b:
            all_b = [best.b, *(-a * np.linspace(low - 2 * half, high + 2 * half, 49))]
        else:
            all_b = [best.b, 0.0]
        found += [(a, float(b)) for b in all_b]
    return found


class _Fit:
    """Constants of one fit, and its squared error."""

    def __init__(
        self,
        x: Array,
        y: Array,
        share: Array,
        function: Function,
        pin: Mapping[str, float],
        a: float,
        b: float,
    ) -> None:
        self._given = x, y, share, function, pin
        self.a, self.b = a, b
        self.c, self.d, self.error = 0.0, 0.0, math.inf

    @classmethod
    def at(
        cls,
        x: Array,
        y: Array,
        share: Array,
        function: Function,
        pin: Mapping[str, float],
        a: float,
        b: float,
    ) -> _Fit | None:
        """Return the fit with the best c and d for a and b; None if it is not defined."""
        fit = cls(x, y, share, function, pin, a, b)
        with np.errstate(all="ignore"):
            u = a * x + b
            value = np.asarray(function.value(u), dtype=float)
            if function.family != "constant" and not function.smooth_on(u):
                return None
        if not np.isfinite(value).all():
            return None
        mean, size = share @ value, share @ value**2
        spread = size - mean**2
        c, d = pin.get("c"), pin.get("d")
        if c is None and function.family == "constant":
            c = 0.0
        elif c is None and d is None:
            c = float((share * y) @ (value - mean)) / spread if spread > 1e-30 * size else 0.0
        elif c is None and d is not None:
            c = float((share * (y - d)) @ value) / size if size > 0 else 0.0
        c = 0.0 if c is None else c
        if d is None:
            d = float(share @ (y - c * value))
        fit.c, fit.d = float(c), float(d)
        fit.error = float(share @ (y - fit.c * value - fit.d) ** 2)
        return fit if math.isfinite(fit.error) else None

    def refined(self) -> _Fit:
        """Return the fit after steps of Levenberg and Marquardt's method on what is free."""
        x, y, share, function, pin = self._given
        free = [f and letter not in pin for f, letter in zip(function.free, "ab", strict=True)]
        best, damping, root = self, 1e-3, np.sqrt(share)
        if not any(free):
            return best
        for _ in range(STEPS):
            with np.errstate(all="ignore"):
                u = best.a * x + best.b
                value, slope = function.value(u), best.c * function.derivative(u)
            columns = [column for column, on in zip((slope * x, slope), free, strict=True) if on]
            linear = [
                column
                for column, letter in ((value, "c"), (np.ones_like(x), "d"))
                if letter not in pin
            ]
            jacobian = np.stack([root * column for column in (*columns, *linear)], 1)
            rest = root * (y - best.c * value - best.d)
            if not np.isfinite(jacobian).all():
                break
            size = np.linalg.norm(jacobian, axis=0)
            size[size == 0] = 1.0
            jacobian = jacobian / size
            normal = jacobian.T @ jacobian + damping * np.eye(jacobian.shape[1])
            step = np.linalg.lstsq(normal, jacobian.T @ rest, rcond=None)[0] / size
            moves = iter(step[: len(columns)].tolist())
            a, b = (
                old + (next(moves) if on else 0.0)
                for old, on in zip((best.a, best.b), free, strict=True)
            )
            tried = _Fit.at(x, y, share, function, pin, a, b)
            if tried is not None and tried.error < best.error:
                fell = tried.error < (1 - 1e-9) * best.error
                best, damping = tried, max(damping / 10, 1e-13)
                if not fell:
                    break
            else:
                damping *= 10
                if damping > 1e8:
                    break
        return best
