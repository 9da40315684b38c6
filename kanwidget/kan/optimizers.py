"""Optimisers of one flat numpy vector.

Sums over a vector are numpy's own, not BLAS's: they do not depend on threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import mul

import numpy as np
from numpy.typing import NDArray

__all__ = ["LBFGS", "Adam", "Objective"]

Array = NDArray[np.float64]

Objective = Callable[[Array], tuple[float, Array]]
"""From a point ``(n,)`` to the value there and the gradient ``(n,)``."""

FEW_PAIRS = 10
"""Pairs of steps and gradient differences that L-BFGS keeps at least, as pykan does."""

MAX_NUMBERS_IN_STEPS = 1 << 18
"""Most numbers in the steps that are kept, if these are more than `FEW_PAIRS`.

They fit into a processor's cache, and take less time than most objectives do."""

MAX_ITERATIONS, MAX_EVALUATIONS = 20, 25
"""Most iterations, and evaluations of the objective, in one step of L-BFGS."""

ADAM_BETAS, ADAM_EPS = (0.9, 0.999), 1e-8


def _dot(a: Array, b: Array) -> float:
    with np.errstate(over="ignore", invalid="ignore"):  # no step is taken to where this matters
        return float((a * b).sum())


@dataclass
class _LinePoint:
    """A point on the line that is searched: step, value, gradient, and slope along the line."""

    t: float
    value: float
    grad: Array
    slope: float


class LBFGS:
    """L-BFGS with a strong Wolfe line search (Nocedal & Wright 2006, algorithms 7.4 and 3.5).

    Step sizes and safeguards are those of `torch.optim.LBFGS`. How the inverse Hessian is
    estimated is said in `_FewPairs` and `_ManyPairs`.

    Parameters
    ----------
    lr : float
        Step that a line search tries first.
    stop : callable, optional
        Asked after each iteration; a step ends there once it is true.
    on_iteration : callable, optional
        Called after each iteration but a step's last with its number, from 1, the point that it
        has reached, which nobody writes to, and the value there.
    pairs : int
        Most steps and gradient differences that are kept; fewer of long vectors.
    """

    def __init__(
        self,
        lr: float = 1.0,
        stop: Callable[[], bool] | None = None,
        on_iteration: Callable[[int, Array, float], object] | None = None,
        pairs: int = FEW_PAIRS,
    ) -> None:
        self._lr = lr
        self._stop = stop or (lambda: False)
        self._on_iteration = on_iteration
        self._most = pairs
        self._pairs: _FewPairs | _ManyPairs = _FewPairs()
        self._before: tuple[Array, Array] | None = None  # the last gradient and step
        self._end: tuple[Array, float, Array] | None = None  # the last point, what was there

    def step(self, theta: Array, objective: Objective, changed: bool = True) -> Array:
        """Go on from a point, and return the best one found.

        ``changed`` says whether the objective may be another one than in the last step.
        """
        if self._before is None or len(self._before[0]) != len(theta):
            # It is the first step, or other numbers are trained.
            most = min(self._most, MAX_NUMBERS_IN_STEPS // max(len(theta), 1))
            self._pairs = _ManyPairs(len(theta), most) if most > FEW_PAIRS else _FewPairs()
            self._before = None
        if changed or self._end is None or not np.array_equal(self._end[0], theta):
            value, grad = objective(theta)
        else:
            _, value, grad = self._end
        evaluations = 1  # counted even if spared: the walk shall not depend on that
        for iteration in range(1, MAX_ITERATIONS + 1):
            if not grad.any() or not math.isfinite(value):
                break
            first = self._before is None
            if self._before is not None:
                self._pairs.push(self._before[1], grad - self._before[0])
            direction = self._pairs.direction(grad)
            slope = _dot(grad, direction)
            if not slope < 0:
                break
            t = self._lr * (min(1.0, 1.0 / float(np.abs(grad).sum())) if first else 1.0)
            start = _LinePoint(0.0, value, grad, slope)
            end, used = _line_search(objective, theta, direction, start, t)
            evaluations += used
            move = direction * end.t
            theta = theta + move
            self._before = grad, move
            unchanged = end.value == value
            value, grad = end.value, end.grad
            if evaluations >= MAX_EVALUATIONS or unchanged or self._stop():
                break
            if self._on_iteration is not None and iteration < MAX_ITERATIONS:
                self._on_iteration(iteration, theta, value)
        self._end = theta, value, grad
        return theta


class _FewPairs:
    """The last steps ``s`` and gradient differences ``y``, with their inner products.

    The two-loop recursion runs on the inner products of the vectors that it combines (Chen,
    Wang & Zhou 2014), so that each iteration takes only those of its new pair. What a `KAN` learns
    depends on the last bits of it: results that are written down are by this one.
    """

    def __init__(self) -> None:
        self._rows: Array | None = None  # (2 FEW_PAIRS + 1, n): s, y of each slot; the gradient
        self._gram: Array = np.empty((0, 0))
        self._slots: list[int] = []  # oldest first
        self._new: list[int] = []  # rows whose inner products are still to be taken

    def push(self, s: Array, y: Array) -> None:
        """Keep a pair, unless the function curves downwards along it."""
        curvature = _dot(s, y)
        if not 1e-32 < curvature < math.inf:
            return
        if self._rows is None:
            self._rows = np.zeros((2 * FEW_PAIRS + 1, len(s)))
            self._gram = np.zeros((len(self._rows), len(self._rows)))
        slot = len(self._slots) if len(self._slots) < FEW_PAIRS else self._slots.pop(0)
        self._slots.append(slot)
        self._new = [2 * slot, 2 * slot + 1]
        self._rows[self._new] = s, y

    def direction(self, grad: Array) -> Array:
        """Return minus the inverse Hessian's estimate times the gradient."""
        if self._rows is None:
            return -grad
        last = len(self._rows) - 1
        self._rows[last] = grad
        new, self._new = [*self._new, last], []
        self._gram[new] = products = (self._rows * self._rows[new, None]).sum(2)
        self._gram[:, new] = products.T
        gram = self._gram.tolist()  # Python's numbers: numpy's calls cost more than the sums
        share = [0.0] * (last + 1)  # of each row in the direction
        share[last] = -1.0
        alphas = {}
        for slot in reversed(self._slots):
            s, y = 2 * slot, 2 * slot + 1
            alphas[slot] = _inner(gram[s], share) / gram[s][y]
            share[y] -= alphas[slot]
        s, y = 2 * self._slots[-1], 2 * self._slots[-1] + 1
        scale = gram[s][y] / gram[y][y]
        share = [scale * part for part in share]
        for slot in self._slots:
            s, y = 2 * slot, 2 * slot + 1
            share[s] += alphas[slot] - _inner(gram[y], share) / gram[s][y]
        out: Array = (self._rows * np.array(share)[:, None]).sum(0)
        return out


def _inner(a: Sequence[float], b: Sequence[float]) -> float:
    return math.fsum(map(mul, a, b))


class _ManyPairs:
    """Many steps ``s`` and differences ``y``, with the inverse Hessian's estimate as matrices.

    With the products ``s_i y_j`` of each step and its own and later differences in ``R``, and
    those of its own alone in ``D``, the estimate times a vector ``g`` is (Byrd, Nocedal &
    Schnabel 1994, theorem 2.2) ``scale (g - Y p) + S R^-T (D p + scale Y^T (Y p - g))`` with
    ``p = R^-1 S^T g``. A new pair adds a row and a column to ``R^-1``, and dropping the oldest
    takes a row and a column from it: so the new pair is put in the oldest one's place.
    """

    def __init__(self, size: int, pairs: int) -> None:
        self._s, self._y = np.empty((2, pairs, size))
        self._inverse, self._products = np.zeros((2, pairs, pairs))  # R^-1 and Y^T Y
        self._curvature = np.zeros(pairs)  # D
        self._scale = 1.0
        self._pushed = 0

    def push(self, s: Array, y: Array) -> None:
        """Keep a pair, unless the function curves downwards along it."""
        curvature = _dot(s, y)
        if not 1e-32 < curvature < math.inf:
            return
        slot, self._pushed = self._pushed % len(self._s), self._pushed + 1
        self._s[slot], self._y[slot] = s, y
        used = slice(min(self._pushed, len(self._s)))
        inverse, products = self._inverse[used, used], self._products[used, used]
        inverse[slot] = inverse[:, slot] = 0.0
        inverse[:, slot] = _times(inverse, _times(self._s[used], y)) / -curvature
        inverse[slot, slot] = 1.0 / curvature
        products[slot] = products[:, slot] = _times(self._y[used], y)
        self._curvature[slot] = curvature
        self._scale = curvature / float(products[slot, slot])

    def direction(self, grad: Array) -> Array:
        """Return minus the inverse Hessian's estimate times the gradient."""
        used, scale = slice(min(self._pushed, len(self._s))), self._scale
        s, y, inverse = self._s[used], self._y[used], self._inverse[used, used]
        p = _times(inverse, _times(s, grad))
        bend = _times(self._products[used, used], p) - _times(y, grad)
        share = _times(inverse.T, self._curvature[used] * p + scale * bend)
        return scale * (_times(y.T, p) - grad) - _times(s.T, share)


def _times(matrix: Array, vector: Array) -> Array:
    out: Array = np.einsum("ij,j->i", matrix, vector)
    return out


def _line_search(
    objective: Objective, theta: Array, direction: Array, start: _LinePoint, t: float
) -> tuple[_LinePoint, int]:
    """Find a step that meets the strong Wolfe conditions; return it and the evaluations used."""
    sufficient, flat, most = 1e-4, 0.9, 25
    used = 0

    def attempt(t: float) -> _LinePoint:
        nonlocal used
        used += 1
        value, grad = objective(theta + direction * t)
        return _LinePoint(t, value, grad, _dot(grad, direction))

    def falls_short(trial: _LinePoint) -> bool:
        return not trial.value <= start.value + sufficient * trial.t * start.slope

    def is_flat(trial: _LinePoint) -> bool:
        return abs(trial.slope) <= -flat * start.slope

    # Walk until a minimum is bracketed.
    previous, trial = start, attempt(t)
    while True:
        if falls_short(trial) or (used > 2 and trial.value >= previous.value):
            low, high = _ordered(previous, trial)
            break
        if is_flat(trial):
            return trial, used
        if trial.slope >= 0:
            low, high = _ordered(previous, trial)
            break
        if used > most:
            return trial, used
        reach = trial.t + 0.01 * (trial.t - previous.t), 10 * trial.t
        previous, trial = trial, attempt(_cubic(previous, trial, reach))

    # Close in on it; two poor interpolations in a row are followed by a cut near an end.
    size, poor = float(np.abs(direction).max()), False
    while used <= most and abs(high.t - low.t) * size >= 1e-9:
        left, right = min(low.t, high.t), max(low.t, high.t)
        t, margin = _cubic(low, high, (left, right)), 0.1 * (right - left)
        if min(right - t, t - left) < margin:
            if poor or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                poor = False
            else:
                poor = True
        else:
            poor = False
        trial = attempt(t)
        if falls_short(trial) or trial.value >= low.value:
            low, high = _ordered(low, trial)
        elif is_flat(trial):
            return trial, used
        else:
            low, high = trial, (low if trial.slope * (high.t - low.t) >= 0 else high)
    return low, used


def _ordered(a: _LinePoint, b: _LinePoint) -> tuple[_LinePoint, _LinePoint]:
    return (b, a) if b.value < a.value else (a, b)


def _cubic(a: _LinePoint, b: _LinePoint, bounds: tuple[float, float]) -> float:
    """Minimise the cubic through two trials' values and slopes (Nocedal & Wright, eq. 3.59)."""
    low, high = bounds
    a, b = (a, b) if a.t <= b.t else (b, a)
    middle = (low + high) / 2
    if not all(map(math.isfinite, (a.value, b.value, a.slope, b.slope))):
        return middle
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not 0 <= square < math.inf:  # huge values overflow
        return middle
    d2 = math.sqrt(square)
    width = b.slope - a.slope + 2 * d2
    if width == 0:
        return middle
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / width), low), high)


class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1)."""

    def __init__(self, lr: float) -> None:
        self._lr = lr
        self._steps = 0
        self._mean: Array | None = None
        self._square: Array | None = None

    def step(self, theta: Array, objective: Objective, changed: bool = True) -> Array:
        """Go on from a point by one step."""
        _, grad = objective(theta)
        (b1, b2), self._steps = ADAM_BETAS, self._steps + 1
        if self._mean is None or self._square is None or len(self._mean) != len(theta):
            self._steps = 1
            self._mean, self._square = np.zeros_like(theta), np.zeros_like(theta)
        self._mean = self._mean * b1 + grad * (1 - b1)
        self._square = self._square * b2 + grad * grad * (1 - b2)
        mean = self._mean / (1 - b1**self._steps)
        square = self._square / (1 - b2**self._steps)
        return theta - mean / (np.sqrt(square) + ADAM_EPS) * self._lr
