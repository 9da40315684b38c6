"""Whether a network that was named is its formula, and not only close to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from formulas import Dataset, Formula
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.formula.dictionary import POINTS
from kanwidget.formula.fit import fit_curves
from kanwidget.functions.curve import NamedCurve, named_value
from kanwidget.functions.library import FUNCTIONS

__all__ = ["at_limit", "is_exact"]

Array = NDArray[np.float64]


def is_exact(formula: Formula, data: Dataset, outputs: Callable[[Tensor], Any]) -> bool:
    """Whether outputs are their formula, also on a range twice as wide where both are defined."""
    error = outputs(data["test_input"]) - data["test_label"].numpy()
    low, high = torch.tensor(formula.ranges, dtype=torch.float64).T
    share = torch.rand(1000, len(low), dtype=torch.float64, generator=torch.Generator())
    far = (low + high) / 2 + (high - low) * (2 * share - 1)
    apart = outputs(far) - formula(far).numpy()
    defined = np.isfinite(apart)
    scale = np.maximum(1.0, np.abs(formula(far).numpy()))
    near = np.sqrt(np.mean(error**2)) < 1e-6
    return bool(near and (np.abs(apart) / scale)[defined].max() < 1e-6)


def at_limit(curves: Iterable[tuple[NamedCurve, Array]]) -> bool:
    """Whether a name stands where its argument is so small that a simpler one would do.

    Each curve comes with the values of its input.
    """
    simple = tuple(FUNCTIONS[name] for name in ("0", "x", "x^2"))
    for curve, values in curves:
        if curve.function in ("0", "x", "x^2"):
            continue
        points = np.linspace(values.min(), values.max(), POINTS)
        y = named_value(curve, FUNCTIONS, points)
        ends = points[[0, -1]][None]
        fits = fit_curves(ends, y[None], np.ones((1, POINTS)), simple)
        if fits.unexplained.min() < 1e-6:
            return True
    return False
