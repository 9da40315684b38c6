"""Makes pykan's layers smaller, and keeps all their settings."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn

from .pykan_formula_tables import empty_tables
from .pykan_off_edges import zero_formula

__all__ = ["copy_with_parameters", "empty_copy", "shrink_formulas"]


def copy_with_parameters(layer: Any, **values: Tensor) -> Any:
    """Return a copy of a layer with other parameters, which train if those it had do."""
    new = copy.deepcopy(layer)
    vars(new).pop("update_grid_from_samples", None)  # see `PykanBaseAdapter.keep_grids`
    for name, value in values.items():
        trains = getattr(layer, name).requires_grad
        setattr(new, name, nn.Parameter(value.detach().clone(), requires_grad=trains))
    return new


def empty_copy(model: nn.Module, left_out: Collection[str]) -> Any:
    """Return a model of the same class and settings, without calling its constructor.

    Parameters
    ----------
    model : nn.Module
    left_out : collection of str
        Attributes that the copy does not have.
    """
    new: Any = object.__new__(type(model))
    nn.Module.__init__(new)
    inherited = set(vars(new))
    settings = {name: value for name, value in vars(model).items() if name not in inherited}
    for name, value in {**settings, **dict(model.named_children())}.items():
        if name not in left_out:
            setattr(new, name, copy.deepcopy(value))
    return new


def shrink_formulas(
    layer: Any, sources: list[int], targets: list[int], on: Tensor, named: Tensor
) -> Any:
    """Return a smaller layer of formulas; where none is kept, no constants are either."""
    fixed = (layer.mask != 0) & named & on
    new = copy_with_parameters(
        layer,
        mask=torch.where(fixed, layer.mask, 0.0)[targets][:, sources],
        affine=torch.where(fixed.unsqueeze(2), layer.affine, 0.0)[targets][:, sources],
    )
    new.in_dim, new.out_dim = len(sources), len(targets)
    for name, none in {**empty_tables(layer), "funs_sympy": zero_formula}.items():
        table = getattr(layer, name)

        def kept(j: int, i: int, table: Any = table, none: Any = none) -> Any:
            # pykan 0.0.x has no formula for the whole model as long as an edge has none.
            whole = fixed[j, i] or (on[j, i] and not callable(table[j][i]) and callable(none))
            return table[j][i] if whole else none

        setattr(new, name, [[kept(j, i) for i in sources] for j in targets])
    return new
