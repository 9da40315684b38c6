"""The adapter of kanwidget's own KAN."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import chain

import torch
from torch import Tensor

from kanwidget.kan import KAN

__all__ = ["NativeAdapter"]


class NativeAdapter:
    """Reads and edits a `kanwidget.KAN`; see `Adapter` for what each method promises."""

    supports = "kanwidget.KAN"

    def __init__(self, model: KAN) -> None:
        self._model = model

    @classmethod
    def wrap(cls, model: object) -> NativeAdapter | None:
        """Return an adapter for the model, or None if it is of another library."""
        return cls(model) if isinstance(model, KAN) else None

    @property
    def width(self) -> list[int]:
        return self._model.width

    @property
    def device(self) -> torch.device:
        return self._model.mask[0].device

    @property
    def dtype(self) -> torch.dtype:
        return self._model.mask[0].dtype

    def seen(self) -> Tensor:
        return self._model.seen()

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return self._model.propagate(x)[-1]

    def scores(self, x: Tensor) -> list[Tensor]:
        return self._model.scores(x)

    @torch.no_grad()
    def curves(self, x: Tensor, n: int) -> list[tuple[Tensor, Tensor]]:
        share = torch.linspace(0, 1, n, device=self.device, dtype=self.dtype)
        drawn = []
        for layer, values in zip(self._model.layers, self._model.propagate(x), strict=False):
            low, high = values.amin(0), values.amax(0)
            # A node that emits one value still has edges to look at: show them around it.
            room = torch.where(high > low, 0.0, 0.5)
            low, high = low - room, high + room
            points = low + (high - low) * share.unsqueeze(1)  # (n, n_in)
            drawn.append((points.T, layer.activations(points, masked=False)))
        return drawn

    def mask(self) -> list[Tensor]:
        return [layer != 0 for layer in self._model.mask]

    def set_mask(self, mask: Sequence[Tensor]) -> None:
        self._model.set_mask(mask)

    def compact(self) -> KAN:
        return self._model.compact()

    def version(self) -> Hashable:
        tensors = chain(self._model.parameters(), self._model.buffers())
        return tuple((t.data_ptr(), t._version) for t in tensors)
