"""The rows that a formula is judged on, and refits of its measured numbers to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .compose import Part
from .evaluate import evaluate, free_numbers, jacobian
from .expression import map_numbers
from .functions import Functions
from .numbers import Number

__all__ = ["Expressions", "Rows", "refit", "standard_deviations"]

Array = NDArray[np.float64]

SMALLEST_IMPROVEMENT = 1e-9
"""A refit ends when a step makes the loss smaller by less than this, relative."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Inputs and labels in their own units.

    Attributes
    ----------
    x : ndarray, shape (rows, n_in)
    y : ndarray, shape (rows, n_out)
    weight : ndarray, shape (n_out,)
        What differences are multiplied by: the scale of the network's own outputs.
    """

    x: Array
    y: Array
    weight: Array

    def loss(self, outputs: Array) -> float:
        """Return the RMSE of outputs ``(rows, n_out)``; infinite where one is not a number."""
        with np.errstate(all="ignore"):
            found = float(np.sqrt(np.mean(((outputs - self.y) * self.weight) ** 2)))
        return found if np.isfinite(found) else np.inf


@dataclass(frozen=True, eq=False)
class Expressions:
    """Parts and outputs of a formula.

    Attributes
    ----------
    parts, outputs : tuple of Part
    in_vars : tuple of str
    functions : Functions
    """

    parts: tuple[Part, ...]
    outputs: tuple[Part, ...]
    in_vars: tuple[str, ...]
    functions: Functions

    @property
    def numbers(self) -> list[float]:
        """The measured numbers, each once."""
        return free_numbers([*self.parts, *self.outputs])

    @property
    def size(self) -> int:
        """How many numbers, names and functions it takes to write them down."""
        return sum(part.value.size for part in (*self.parts, *self.outputs))

    def with_numbers(self, changed: Mapping[float, Number]) -> Expressions:
        """Return expressions with other numbers in the place of measured ones."""

        def change(number: Number) -> Number:
            return changed.get(number.value, number) if number.exact is None else number

        def of(parts: Sequence[Part]) -> tuple[Part, ...]:
            call = self.functions.call
            return tuple(Part(p.name, map_numbers(p.value, change, call)) for p in parts)

        return Expressions(of(self.parts), of(self.outputs), self.in_vars, self.functions)

    def columns(self, x: Array) -> dict[str, Array]:
        """Return inputs ``(rows, n_in)`` by their names."""
        return {name: x[:, n] for n, name in enumerate(self.in_vars)}

    def evaluate(self, x: Array) -> Array:
        """Map inputs ``(rows, n_in)`` to outputs ``(rows, n_out)``."""
        with np.errstate(all="ignore"):
            found = evaluate([*self.parts, *self.outputs], self.columns(x), self.functions.library)
        columns = [np.broadcast_to(found[part.name], (len(x),)) for part in self.outputs]
        return np.stack(columns, axis=1).astype(float)

    def slopes(self, rows: Rows) -> tuple[Array, Array]:
        """Return differences ``(rows * n_out,)`` and their slopes by all measured numbers."""
        names = [part.name for part in self.outputs]
        with np.errstate(all="ignore"):
            values, slopes = jacobian(
                [*self.parts, *self.outputs],
                names,
                self.columns(rows.x),
                self.functions.library,
                self.numbers,
            )
        weight = rows.weight[:, None]
        return ((values - rows.y.T) * weight).ravel(), (slopes * weight[..., None]).reshape(
            -1, slopes.shape[2]
        )


def refit(expressions: Expressions, rows: Rows, steps: int = 12) -> tuple[Expressions, float]:
    """Fit the measured numbers to rows by Levenberg and Marquardt's method.

    Returns
    -------
    expressions : Expressions
        Those given if nothing is better.
    loss : float
    """
    loss, damping = rows.loss(expressions.evaluate(rows.x)), 1e-4
    if not np.isfinite(loss):
        return expressions, loss
    for _ in range(steps):
        numbers = expressions.numbers
        if not numbers:
            break
        residual, slope = expressions.slopes(rows)
        if not np.isfinite(slope).all():
            break
        size = np.linalg.norm(slope, axis=0)
        size = np.where(size > 0, size, 1.0)
        scaled = slope / size
        normal, wanted = scaled.T @ scaled, scaled.T @ residual
        better = False
        for _ in range(4):
            step = np.linalg.lstsq(normal + damping * np.eye(len(size)), -wanted, rcond=None)[0]
            changed = {
                value: Number(value + float(move))
                for value, move in zip(numbers, step / size, strict=True)
            }
            tried = expressions.with_numbers(changed)
            new = rows.loss(tried.evaluate(rows.x))
            if new < loss:
                better = new < loss * (1 - SMALLEST_IMPROVEMENT)
                expressions, loss, damping = tried, new, max(damping / 10, 1e-14)
                break
            damping *= 10
        if not better:
            break
    return expressions, loss


def standard_deviations(expressions: Expressions, rows: Rows) -> Array:
    """Return the uncertainty of each measured number, from what the rows leave unexplained."""
    residual, slope = expressions.slopes(rows)
    count = slope.shape[1]
    if not count:
        return np.zeros(0)
    size = np.linalg.norm(slope, axis=0)
    size = np.where(size > 0, size, 1.0)
    noise = float(residual @ residual) / max(1, len(residual) - count)
    scaled = slope / size
    inverse = np.linalg.pinv(scaled.T @ scaled, rcond=1e-14, hermitian=True)
    found: Array = np.sqrt(np.maximum(np.diag(inverse), 0.0) * noise) / size
    return found
