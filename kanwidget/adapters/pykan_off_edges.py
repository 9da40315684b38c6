"""Replacements for functions and parameters of pykan's layers while edges are off."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

__all__ = [
    "OFF_FUNCTIONS",
    "OffFunction",
    "VaryingGridUpdate",
    "set_parameter",
    "zero_formula",
    "zero_function",
    "zero_safe_function",
]


def zero_function(x: Any) -> Any:
    """Return 0 for everything: what an edge without a formula computes."""
    return torch.zeros_like(x)


def zero_safe_function(x: Any, y_th: Any) -> Any:
    """Return what pykan's functions without singularities do, for `zero_function`."""
    return (), torch.zeros_like(x)


def zero_formula(x: Any) -> Any:
    """Return 0 for a symbol, as pykan's edges without a formula do."""
    return x * 0


class OffFunction:
    """Replaces an edge's function while the edge is off, and holds it, so that copies have it too.

    If the edge is switched on without us, as by a checkpoint, the original function is used again.

    Parameters
    ----------
    original : callable
        The edge's function.
    layer : nn.Module
        The layer of formulas, whose mask says whether the edge is off.
    j, i : int
        Where the edge is in the mask.
    """

    def __init__(self, original: Any, layer: Any, j: int, i: int) -> None:
        self.original = original
        self._layer, self._edge = layer, (j, i)

    def _is_on(self) -> bool:
        return bool(self._layer.mask[self._edge] != 0)


class _OffNumericFunction(OffFunction):
    """Computes 0, since a mask of 0 times infinity is not 0."""

    def __call__(self, x: Any) -> Any:
        return self.original(x) if self._is_on() else zero_function(x)


class _OffSafeFunction(OffFunction):
    """The same for pykan's functions without singularities."""

    def __call__(self, x: Any, y_th: Any) -> Any:
        return self.original(x, y_th) if self._is_on() else zero_safe_function(x, y_th)


class _OffSympyFunction(OffFunction):
    """Adds nothing to pykan's formula of the whole model, where masks do not count."""

    def __call__(self, x: Any) -> Any:
        return self.original(x) if self._is_on() else _ZeroFormula(zero_formula(x))


class _ZeroFormula:
    """The ``f`` of ``c * f + d`` with which that is 0, whatever the constants."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __rmul__(self, factor: Any) -> _ZeroFormula:
        return self

    def __add__(self, constant: Any) -> Any:
        return self._value


OFF_FUNCTIONS: dict[str, Callable[[Any, Any, int, int], OffFunction]] = {
    "funs": _OffNumericFunction,
    "funs_avoid_singularity": _OffSafeFunction,
    "funs_sympy": _OffSympyFunction,
}
"""The tables of pykan's layers of formulas, and what stands in each for an edge that is off."""


class VaryingGridUpdate:
    """A layer's `update_grid_from_samples` which leaves the grids of inputs that do not vary.

    pykan lays a grid over the samples. Where they are all the same, which a node is without
    edges in, the grid has no width, and the next gradient is NaN. Nor would the functions behind
    such a node be of use any more when its edges are switched on again.

    Parameters
    ----------
    constant : callable
        From a model to the nodes before the layer that no input reaches, bool ``(n_in,)``.
    model, layer : nn.Module
        The layer is one of the model's.
    """

    def __init__(
        self, constant: Callable[[nn.Module], Tensor], model: nn.Module | None, layer: Any
    ) -> None:
        self._constant, self._layer = constant, layer
        self._model = None if model is None else weakref.ref(model)

    def __deepcopy__(self, memo: dict[int, Any]) -> VaryingGridUpdate:
        model = memo.get(id(self._whole()))  # None in a copy of the layer alone
        return VaryingGridUpdate(self._constant, model, memo.get(id(self._layer), self._layer))

    def __reduce__(self) -> Any:
        return VaryingGridUpdate, (self._constant, None, self._layer)

    def _whole(self) -> nn.Module | None:
        return None if self._model is None else self._model()

    @torch.no_grad()
    def __call__(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        """Update the grids of the inputs that vary in samples ``(rows, n_in)``."""
        layer, update = self._layer, type(self._layer).update_grid_from_samples
        span = x.amax(0) - x.amin(0)
        still = span <= 64 * torch.finfo(x.dtype).eps * x.abs().amax(0)
        if (model := self._whole()) is not None:
            still = still | self._constant(model).to(x.device)
        if not still.any():
            return update(layer, x, *args, **kwargs)
        # One grid for each input, or for each edge: then inputs change fastest.
        rows = still.repeat(len(layer.grid) // len(still))
        before = layer.grid.detach().clone(), layer.coef.detach().clone()
        low, high = before[0].amin(1), before[0].amax(1)
        rows = rows & (high > low)  # a grid without width needs a new range
        # pykan solves for all inputs at once: those that do not vary get samples which do.
        room = torch.where(high > low, 0 * low, 0 * low + 1)[: len(still)]
        low, high = low[: len(still)] - room, high[: len(still)] + room
        share = torch.linspace(0, 1, len(x), dtype=x.dtype, device=x.device).unsqueeze(1)
        result = update(layer, torch.where(still, low + (high - low) * share, x), *args, **kwargs)
        layer.grid.data[rows], layer.coef.data[rows] = before[0][rows], before[1][rows]
        return result


_ORIGINAL_PARAMETERS: WeakKeyDictionary[nn.Module, dict[str, tuple[Any, Any]]] = WeakKeyDictionary()
"""The parameters that modules had by themselves, and those that were put in their places."""


def set_parameter(owner: Any, name: str, values: Tensor) -> None:
    """Give a module's parameter other numbers.

    One that is not trained is replaced, and by its own where the numbers are those that it had.
    Otherwise a backward pass that is running would fail, and an optimizer may reset all parameters
    that it started with, as pykan's L-BFGS does.
    """
    live = getattr(owner, name)
    if live.requires_grad:
        live.data.copy_(values)
        return
    own, placed = _ORIGINAL_PARAMETERS.setdefault(owner, {}).get(name, (live, live))
    if live is not placed:
        own = live  # somebody else's
    same = own.dtype == values.dtype and own.device == values.device and own.shape == values.shape
    if same and torch.equal(own, values):
        placed = own
    else:
        placed = nn.Parameter(values.detach().clone(), requires_grad=False)
    _ORIGINAL_PARAMETERS[owner][name] = own, placed
    setattr(owner, name, placed)
