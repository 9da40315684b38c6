"""The rows that a formula is judged on, and refits of its measured numbers to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .compose import Part
from .evaluate import evaluate, free_numbers, jacobian
from .functions import Functions
from .numbers import Number
from .rewrite import map_numbers

__all__ = ["Expressions", "Rows", "refit", "standard_deviations"]

Array = NDArray[np.float64]

SMALLEST_DAMPING = 1e-12
"""With less, the equations of a refit may have no solution."""

SMALLEST_IMPROVEMENT = 1e-9
"""A refit ends when a step makes the loss smaller by less than this, relative."""


ROUNDING = 1e-12
"""What rounding leaves of a formula that is exact, relative to the labels."""


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

    @property
    def size(self) -> float:
        """The root mean square of the labels, weighted."""
        return float(np.sqrt(np.mean((self.y * self.weight) ** 2)))

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

    @property
    def key(self) -> str:
        """The same for what is equal."""
        return ";".join(part.value.key for part in (*self.parts, *self.outputs))

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

    def evaluate(self, x: Array, constants: Mapping[float, float] | None = None) -> Array:
        """Map inputs ``(rows, n_in)`` to outputs ``(rows, n_out)``.

        Parameters
        ----------
        x : ndarray, shape (rows, n_in)
        constants : mapping of float to float, optional
            What to compute with instead of measured numbers.
        """
        with np.errstate(all="ignore"):
            found = evaluate(
                [*self.parts, *self.outputs], self.columns(x), self.functions.library, constants
            )
        columns = [np.broadcast_to(found[part.name], (len(x),)) for part in self.outputs]
        return np.stack(columns, axis=1).astype(float)

    def slopes(
        self, rows: Rows, constants: Mapping[float, float] | None = None
    ) -> tuple[Array, Array]:
        """Return differences ``(rows * n_out,)`` and their slopes by all measured numbers."""
        names = [part.name for part in self.outputs]
        with np.errstate(all="ignore"):
            values, slopes = jacobian(
                [*self.parts, *self.outputs],
                names,
                self.columns(rows.x),
                self.functions.library,
                self.numbers,
                constants,
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
    numbers = np.array(expressions.numbers)
    best, damping = numbers, 1e-4
    loss = rows.loss(expressions.evaluate(rows.x))
    if not np.isfinite(loss) or not len(numbers):
        return expressions, loss

    def constants(values: Array) -> dict[float, float]:
        return dict(zip(numbers.tolist(), values.tolist(), strict=True))

    for _ in range(steps):
        residual, slope = expressions.slopes(rows, constants(best))
        if not np.isfinite(slope).all():
            break
        size = np.linalg.norm(slope, axis=0)
        size = np.where(size > 0, size, 1.0)
        scaled = slope / size
        normal, wanted = scaled.T @ scaled, scaled.T @ residual
        before = loss
        for _ in range(4):
            try:
                step = np.linalg.solve(normal + damping * np.eye(len(size)), -wanted)
            except np.linalg.LinAlgError:
                damping *= 10
                continue
            tried = best + step / size
            new = rows.loss(expressions.evaluate(rows.x, constants(tried)))
            if new < loss:
                best, loss, damping = tried, new, max(damping / 10, SMALLEST_DAMPING)
                break
            damping *= 10
        if loss >= before * (1 - SMALLEST_IMPROVEMENT):
            break
    changed = {old: Number(new) for old, new in constants(best).items() if old != new}
    fitted = expressions.with_numbers(changed)
    # Put together again, it is the same but for rounding; or not, next to a pole.
    again = rows.loss(fitted.evaluate(rows.x))
    if again <= max(loss * (1 + 1e-6), 10 * ROUNDING * rows.size):
        return fitted, again
    return expressions, rows.loss(expressions.evaluate(rows.x))


def standard_deviations(expressions: Expressions, rows: Rows) -> Array:
    """Return the uncertainty of each measured number, from what the rows leave unexplained."""
    residual, slope = expressions.slopes(rows)
    count = slope.shape[1]
    if not count:
        return np.zeros(0)
    size = np.linalg.norm(slope, axis=0)
    size = np.where(size > 0, size, 1.0)
    noise = float(residual @ residual) / max(1, len(residual) - count)
    noise = max(noise, (ROUNDING * rows.size) ** 2)
    scaled = slope / size
    inverse = np.linalg.pinv(scaled.T @ scaled, rcond=1e-14, hermitian=True)
    found: Array = np.sqrt(np.maximum(np.diag(inverse), 0.0) * noise) / size
    return found
