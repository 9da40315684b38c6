"""Levenberg-Marquardt on all parameters of a `NamingNetwork` (Marquardt 1963)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .naming_network import Forward, NamingNetwork, mean_square

__all__ = ["refit"]

Array = NDArray[np.float64]

FIRST_DAMPING = 1e-3
MIN_DAMPING, MAX_DAMPING = 1e-13, 1e8
SOLVES_PER_STEP = 6
"""Dampings tried for one step, at the most."""


def refit(
    network: NamingNetwork,
    x: Array,
    labels: Array,
    steps: int,
    min_fall: float = 1e-3,
    stop: Callable[[float], bool] | None = None,
) -> tuple[NamingNetwork, float, Forward]:
    """Return the network after some steps, its mean squared error, and the pass that gave it.

    Parameters
    ----------
    network : NamingNetwork
    x : ndarray, shape (width[0], rows)
    labels : ndarray, shape (n_out, rows)
    steps : int
    min_fall : float
        The fit ends after two steps in a row that lower the error by less, relative to it.
    stop : callable, optional
        Asked with the error after each step: once it is true, the fit ends.
    """
    passed = network.forward(x)
    error = mean_square(passed.outputs, labels) if passed.in_domain else np.inf
    damping, idle = FIRST_DAMPING, 0
    tiny = 1e-32 * float(np.mean(labels**2))
    for _ in range(steps):
        if not np.isfinite(error) or error <= tiny:
            break
        jacobian = network.jacobian(passed)
        rest = (labels - passed.outputs).ravel()
        with np.errstate(over="ignore", invalid="ignore"):
            normal, pull = jacobian @ jacobian.T, jacobian @ rest
        if not (np.isfinite(normal).all() and np.isfinite(pull).all()):
            break
        size = np.sqrt(np.diag(normal))
        size[size == 0] = 1.0
        normal /= size * size[:, None]
        pull /= size
        before = error
        for _ in range(SOLVES_PER_STEP):
            change = _solve(normal, pull, damping)
            if change is not None:
                trial = network.moved(change / size)
                seen = trial.forward(x)
                found = mean_square(seen.outputs, labels) if seen.in_domain else np.inf
                if found < error:
                    network, error, passed = trial, found, seen
                    damping = max(damping / 8, MIN_DAMPING)
                    break
            damping = min(damping * 8, MAX_DAMPING)
        if error == before and damping < MAX_DAMPING:
            idle += 1
        else:
            idle = idle + 1 if error > (1 - min_fall) * before else 0
        if idle >= 2 or (stop is not None and stop(error)):
            break
    return network, error, passed


def _solve(normal: Array, pull: Array, damping: float) -> Array | None:
    damped = normal.copy()
    damped.flat[:: len(damped) + 1] += damping
    try:
        change = np.asarray(np.linalg.solve(damped, pull), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    return change if np.isfinite(change).all() else None
