"""LayerStack: layers of edges in a row, what they compute, and the masks on them."""

from __future__ import annotations

import copy
from collections.abc import MutableSequence, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from kanwidget.masks import reachability
from kanwidget.masks.ids import Edge

from . import check_data
from .layer import CopyFunction, KANLayer, copy_all
from .row_blocks import mean_over
from .write_lock import write_lock

__all__ = ["LayerStack"]

Stack = TypeVar("Stack", bound="LayerStack")


class LayerStack(nn.Module):
    """Layers of edges in a row: outputs, scores and masks. `KAN` is one that can be trained.

    Parameters
    ----------
    layers : sequence of KANLayer
        Each with as many inputs as the one before has outputs.

    Attributes
    ----------
    layers : ModuleList of KANLayer
    last_inputs : Tensor or None
        The inputs ``(batch, width[0])`` of the last forward pass, None before the first.
    switched_edges : list of ((l, i, j), bool)
        Every edge that was switched, in order, and whether on. Masks do not tell that an edge
        which is off already was switched off once more.
    is_private : bool
        Whether it is a copy that a single fit has for itself, and that is not needed after it: no
        step has to be mended where others wrote meanwhile, or taken back.
    """

    layers: MutableSequence[KANLayer]

    def __init__(self, layers: Sequence[KANLayer]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)  # type: ignore[assignment]  # it holds only KANLayers
        self.last_inputs: Tensor | None = None
        self.switched_edges: list[tuple[Edge, bool]] = []
        self.is_private = False

    @property
    def width(self) -> list[int]:
        """Nodes in each node layer, inputs first."""
        return [self.layers[0].n_in, *(layer.n_out for layer in self.layers)]

    @property
    def mask(self) -> list[Tensor]:
        """The live masks, one ``(n_out, n_in)`` buffer for each layer: 1 on, 0 off."""
        return [layer.mask for layer in self.layers]

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs ``(batch, width[0])`` to outputs ``(batch, width[-1])``.

        The model keeps a reference to ``x``: scores and the plot are computed from it
        when first asked for.
        """
        x = self._convert(x)
        self.last_inputs = x.detach()
        return self.propagate(x)[-1].contiguous()

    def propagate(self, x: Tensor) -> list[Tensor]:
        """Return the values of every node layer, inputs first, without remembering ``x``.

        Returns
        -------
        list of Tensor, shapes (batch, width[l])
        """
        values = [self._convert(x)]
        for layer in self.layers:
            values.append(layer(values[-1]))
        return values

    def forward_with_scores(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return outputs and every layer's edge scores, both differentiable."""
        x = self._convert(x)
        scores = []
        for layer in self.layers:
            x, score = layer.forward_with_scores(x)
            scores.append(score)
        return x, scores

    def scores(self, x: Tensor) -> list[Tensor]:
        """Score every edge on given inputs: ``mean |phi| / (width of its grid + 1e-4)``.

        Returns
        -------
        list of Tensor, shapes (n_out, n_in)
            Edges that are off score 0.

        Raises
        ------
        ValueError, TypeError
            If ``x`` is not a finite tensor of shape (rows, width[0]).
        """
        x = self._check_inputs(x, "x")
        with torch.no_grad():
            return mean_over(
                x, self.numbers_per_row, lambda rows: self.forward_with_scores(rows)[1]
            )

    @torch.no_grad()
    def means(self, x: Tensor) -> list[Tensor]:
        """Return every edge's mean output on given inputs, one ``(n_out, n_in)`` for each layer.

        Edges that are off have mean 0.
        """

        def of_rows(rows: Tensor) -> list[Tensor]:
            values = self.propagate(rows)
            return [layer.means(v) for layer, v in zip(self.layers, values, strict=False)]

        return mean_over(self._check_inputs(x, "x"), self.numbers_per_row, of_rows)

    @property
    def numbers_per_row(self) -> int:
        """How many numbers the features of one row are, in the layer with the most."""
        return max(layer.n_in * (layer.coef.shape[2] + 1) for layer in self.layers)

    @property
    def acts_scale(self) -> list[Tensor]:
        """`scores` on the inputs that the model last saw (after `fit`: the training inputs)."""
        return self.scores(self.seen())

    def seen(self) -> Tensor:
        """Return the inputs that the model last saw, ``(batch, width[0])``.

        Raises
        ------
        ValueError
            If it has seen none, or one with NaN.
        """
        if self.last_inputs is None:
            raise ValueError(
                f"KAN({self.width}) has seen no data yet, so its edges have no scores; "
                "call model(x) or model.fit(dataset) first"
            )
        return self._check_inputs(self.last_inputs, "the data that the model last saw")

    @torch.no_grad()
    def update_grid(self, x: Tensor, write: CopyFunction = copy_all) -> None:
        """Lay every grid over the values that its input takes for ``x``, and refit the splines.

        The grids of nodes without an edge out, or which no input reaches, stay: see
        `reachability.varying_sources`.
        """
        x = self._check_inputs(x, "x")
        for layer, which in zip(self.layers, reachability.varying_sources(self.mask), strict=True):
            layer.update_grid(x, which, write)
            x = layer(x)

    @torch.no_grad()
    def set_mask(self, mask: Sequence[Tensor]) -> None:
        """Copy masks, one ``(n_out, n_in)`` for each layer, into the live ones."""
        with write_lock(self):
            copy_all(self.mask, list(mask))

    def copy_sharing_inputs(self: Stack) -> Stack:
        """Return a deep copy. It shares the last inputs, which are the user's and may be large."""
        with write_lock(self):
            return copy.deepcopy(self, {id(self.last_inputs): self.last_inputs})

    def extra_repr(self) -> str:
        """Say the widths, as torch's own modules say their shape."""
        return f"width={self.width}"

    def _check_inputs(self, x: object, name: str) -> Tensor:
        """Return finite inputs ``(rows, width[0])`` in the model's dtype, or raise in words."""
        mask = self.mask[0]
        return check_data.check_inputs(x, self.width[0], name, mask.device, mask.dtype)

    def _convert(self, x: Tensor) -> Tensor:
        if not isinstance(x, Tensor):
            raise TypeError(f"KAN({self.width}) takes a torch tensor, got {type(x).__name__}")
        check_data.check_kind(x, f"the input of KAN({self.width})")
        if x.dim() != 2 or x.shape[1] != self.width[0]:
            raise ValueError(
                f"KAN({self.width}) takes inputs of shape (batch, {self.width[0]}), "
                f"got {tuple(x.shape)}"
            )
        return x.to(self.mask[0])
