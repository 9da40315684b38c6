"""What pykan's masks are while edges are on and off, so that switching back is exact."""

from __future__ import annotations

import copy
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from kanwidget.masks.ids import Edge

__all__ = ["MASK_VALUES", "LayerMaskValues", "ModelMaskValues"]


class LayerMaskValues:
    """The values of one layer's masks while an edge is on, and while it is off.

    pykan's masks are numbers, not bools, and an edge has two of them: for its spline and for its
    formula. A spline mask of 0.5 has to be 0.5 again when its edge is switched on.

    Parameters
    ----------
    numeric, formula : Tensor, shape (n_out, n_in)
        The live masks of splines and of formulas.
    is_formula : bool Tensor, shape (n_out, n_in)
        Which edges have a formula.

    Attributes
    ----------
    numeric, formula : Tensor, shape (n_out, n_in)
        What the masks are while an edge is on.
    formula_off : Tensor, shape (n_out, n_in)
        What the mask of its formula is while it is off; that of its spline is 0.
    on : bool Tensor, shape (n_out, n_in)
        Which edges were on when the masks were last read or written.
    writing : bool
        True while masks are half written, and tell nothing.
    """

    def __init__(self, numeric: Tensor, formula: Tensor, is_formula: Tensor) -> None:
        # An edge that has never been on gets what it was last: its formula, or else its spline.
        self.numeric, self.formula = (~is_formula).to(numeric), is_formula.to(formula)
        self.formula_off = torch.zeros_like(formula)
        self.on = torch.ones_like(is_formula)
        self.writing = False

    def update(self, numeric: Tensor, formula: Tensor, has_effect: Tensor) -> Tensor:
        """Remember the live masks of edges that are on, and off; return which edges are on.

        Parameters
        ----------
        numeric, formula : Tensor, shape (n_out, n_in)
            The live masks.
        has_effect : bool Tensor, shape (n_out, n_in)
            Which formulas add anything.
        """
        on = (numeric != 0) | has_effect
        if not self.writing:
            idle = ~on & (formula != 0)  # a formula that adds nothing: only a spline could
            self.numeric = torch.where(on, numeric, self.numeric.to(numeric))
            self.numeric = torch.where(idle & (self.numeric == 0), 1.0, self.numeric)
            self.formula = torch.where(on | idle, formula, self.formula.to(formula))
            self.formula_off = torch.where(on, self.formula_off.to(formula), formula)
            self.on = on.clone()
        return on

    def new_empty_formulas(self, numeric: Tensor, formula: Tensor, has_effect: Tensor) -> Tensor:
        """Return which edges have got a formula that adds nothing since they are off.

        Parameters are those of `update`. pykan's `auto_symbolic` gives such a formula to each
        edge that is off, most often its "0".
        """
        if self.writing:
            return torch.zeros_like(has_effect)
        idle = (numeric == 0) & ~has_effect & (formula != 0)
        return idle & ~self.on.to(idle.device) & (self.formula_off.to(formula) == 0)


class ModelMaskValues(list[LayerMaskValues]):
    """Those of all layers of a model."""

    first: list[Tensor]
    """Which edges were on when the model was first read, ``(n_out, n_in)`` for each layer."""
    switched: list[tuple[Edge, bool]]
    """Edges that pykan gave an empty formula while they were off, in order, each with False."""

    def copy(self) -> ModelMaskValues:
        """Return the same values; what is written to either does not show in the other."""
        new = ModelMaskValues(map(copy.copy, self))  # tensors are replaced, and never written to
        new.first, new.switched = list(self.first), list(self.switched)
        return new


MASK_VALUES: WeakKeyDictionary[nn.Module, ModelMaskValues] = WeakKeyDictionary()
"""The mask values of each model that was read."""
