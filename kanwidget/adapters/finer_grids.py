"""Splines of a live model on finer grids, whatever library their layers come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from kanwidget.kan.arrays import as_array
from kanwidget.kan.bsplines import extend_grid
from kanwidget.kan.refine import refine_grid, refit_coef
from kanwidget.kan.write_lock import fit_of

__all__ = ["SplineLayer", "check_grid", "finer_splines", "replace_numbers"]


class SplineLayer(NamedTuple):
    """The splines of one layer of a live model.

    Attributes
    ----------
    grid : Tensor, shape (n, G + 1) or (n, G + 1 + 2k)
        Of each input, or of each edge; the latter shape if the knots beyond its ends are in it.
    coef : Tensor
        Coefficients: ``n`` long on one axis, and ``G + k`` on the last.
    k : int
        Order of the splines.
    grid_axis : int
        Which axis of `coef` goes along the grids.
    uses : (Tensor, Tensor), optional
        Pairs of a grid and the node whose values go through it, if grid ``i`` is not node ``i``'s.
    """

    grid: Tensor
    coef: Tensor
    k: int
    grid_axis: int
    uses: tuple[Tensor, Tensor] | None = None

    @property
    def intervals(self) -> int:
        """Grid intervals, G."""
        return self.coef.shape[-1] - self.k

    @property
    def is_extended(self) -> bool:
        """Whether the grid has the knots beyond its ends."""
        return self.grid.shape[1] == self.intervals + 1 + 2 * self.k

    def ends(self, values: Tensor) -> Tensor:
        """Return the least and the largest of the values that go through each grid, ``(2, n)``.

        Parameters
        ----------
        values : Tensor, shape (rows, n_in)
        """
        low, high = values.amin(0), values.amax(0)
        if self.uses is None:
            return torch.stack([low, high])
        grids, nodes = (index.to(values.device) for index in self.uses)
        wide = values.new_zeros(len(self.grid))
        return torch.stack(
            [
                wide.scatter_reduce(0, grids, low[nodes], "amin", include_self=False),
                wide.scatter_reduce(0, grids, high[nodes], "amax", include_self=False),
            ]
        )


def check_grid(layers: Sequence[SplineLayer], intervals: int) -> None:
    """Raise a ValueError unless splines with so many intervals hold those that there are."""
    most = max(layer.intervals for layer in layers)
    if intervals < most:
        raise ValueError(
            f"grid must be at least {most}, the grid intervals of this model, got {intervals}: "
            "fewer would not hold its functions"
        )


def finer_splines(layer: SplineLayer, intervals: int, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the grid and the coefficients of a layer's functions with more intervals.

    Parameters
    ----------
    layer : SplineLayer
    intervals : int
    values : Tensor, shape (rows, n_in)
        Of its inputs. Grids are widened to them: beyond its grid a spline fades out.

    Returns
    -------
    grid, coef : Tensor
        In the shapes in which the layer has them, but for the number of intervals.
    """
    k, knots = layer.k, layer.grid.detach()
    inner = knots[:, k : knots.shape[1] - k] if layer.is_extended else knots
    grid = refine_grid(inner.double(), intervals, layer.ends(values.double()))
    old = as_array(knots if layer.is_extended else extend_grid(knots.double(), k))
    grid = grid.to(knots)  # so that coefficients fit the knots as they are rounded
    new = extend_grid(as_array(grid), k)
    coef = np.moveaxis(as_array(layer.coef.detach()), layer.grid_axis, 0)
    found = refit_coef(coef.reshape(len(coef), -1, coef.shape[-1]), old, k, new, k)
    finer = np.moveaxis(found.reshape(*coef.shape[:-1], -1), 0, layer.grid_axis)
    if layer.is_extended:
        grid = torch.from_numpy(new).to(knots)
    return grid, torch.from_numpy(np.ascontiguousarray(finer)).to(layer.coef)


def replace_numbers(model: nn.Module, targets: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """Give tensors of a model numbers of another shape; they stay the same objects.

    Optimisers go on with them, unless they remember something of the old shape: they raise an
    error then.

    Raises
    ------
    RuntimeError
        If a fit of ours is under way; it has numbers of the old shape.
    """
    if fit_of(model)[1]:
        raise RuntimeError(
            "the model is being fitted, and cannot get other grids meanwhile: nothing was "
            "changed; stop the fit first"
        )
    for target, value in zip(targets, values, strict=True):
        target.data = value.detach().clone().to(target.device)
        target.grad = None
