"""What stands in pykan's layers of formulas for edges that were named here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kanwidget.functions.library import Function

from .pykan_off_edges import OffFunction, zero_formula, zero_function, zero_safe_function

__all__ = ["NamedFunction", "SplineBefore", "empty_tables", "function_at", "tables_of"]


@dataclass(frozen=True)
class SplineBefore:
    """What an edge was before it was named, to be given back as it was.

    Attributes
    ----------
    numeric, formula : float
        The masks of its spline and of its formula while it is on.
    affine : tuple of float
        The constants of its formula.
    tables : mapping of str to object
        What pykan's tables held for it: function, name and so on.
    """

    numeric: float
    formula: float
    affine: tuple[float, ...]
    tables: Mapping[str, Any]


class NamedFunction:
    """A function in pykan's table `funs`; copies and smaller models have it, too.

    Parameters
    ----------
    function : Function
    fixed : frozenset of str
        The letters of the constants that no fit changes.
    before : SplineBefore or None
        None if pykan had named the edge before.
    """

    def __init__(
        self, function: Function, fixed: frozenset[str], before: SplineBefore | None
    ) -> None:
        self.function, self.fixed, self.before = function, fixed, before

    def __deepcopy__(self, memo: object) -> NamedFunction:
        """Return the function itself: nothing changes it."""
        return self

    def __call__(self, x: Tensor) -> Tensor:
        """Evaluate it."""
        return zero_function(x) if self.function.name == "0" else self.function.torch(x)

    def constants(self, affine: Tensor) -> Tensor:
        """Return a, b, c and d ``(4,)``; the fixed ones have no gradient."""
        if not self.fixed or not affine.requires_grad:
            return affine
        fixed = torch.tensor([letter in self.fixed for letter in "abcd"], device=affine.device)
        return torch.where(fixed, affine.detach(), affine)


class _SafeFunction:
    """The same for `funs_avoid_singularity`: within the bounds that pykan asks for."""

    def __init__(self, function: NamedFunction) -> None:
        self._function = function

    def __call__(self, x: Tensor, bound: Any) -> tuple[tuple[()], Tensor]:
        value = self._function(x).nan_to_num(0.0, torch.inf, -torch.inf)
        return (), value.clamp(-bound, bound)


class _SympyFunction:
    """The same for `funs_sympy`."""

    def __init__(self, function: NamedFunction) -> None:
        self._function = function.function

    def __call__(self, x: Any) -> Any:
        return self._function.sympy(x)


def tables_of(function: NamedFunction, layer: Any) -> dict[str, Any]:
    """Return what pykan's tables hold for a named edge."""
    found = {
        "funs": function,
        "funs_avoid_singularity": _SafeFunction(function),
        "funs_name": function.function.name,
        "funs_sympy": _SympyFunction(function),
    }
    return {name: entry for name, entry in found.items() if hasattr(layer, name)}


def empty_tables(layer: Any) -> dict[str, Any]:
    """Return what pykan's tables hold for an edge without a formula."""
    newer = hasattr(layer, "funs_avoid_singularity")
    if not newer:  # pykan 0.0.x has no formula for the whole model as long as an edge has none
        return {"funs": zero_function, "funs_name": "", "funs_sympy": ""}
    return {
        "funs": zero_function,
        "funs_avoid_singularity": zero_safe_function,
        "funs_name": "0",
        "funs_sympy": zero_formula,
    }


def function_at(layer: Any, j: int, i: int) -> NamedFunction | None:
    """Return the function by which an edge was named here, None for all others."""
    found = layer.funs[j][i]
    found = found.original if isinstance(found, OffFunction) else found
    return found if isinstance(found, NamedFunction) else None
