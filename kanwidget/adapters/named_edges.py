"""Names of edges for models whose layers, or their output hooks, hold `NamedEdges`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import FUNCTIONS, Function
from kanwidget.functions.named_edges import NamedEdges
from kanwidget.masks.ids import Edge

from .base import BaseAdapter
from .model_copy import NAMED_EDGES, Weights

__all__ = ["NamedEdgesAdapter"]


class NamedEdgesAdapter(BaseAdapter):
    """An adapter to derive from: functions stand in the place of splines in `NamedEdges`."""

    @abstractmethod
    def named_edges(self, l: int) -> NamedEdges | None:
        """Return the live named edges of a layer, None if there are none."""

    @abstractmethod
    def replace_named_edges(self, l: int, named: NamedEdges | None) -> None:
        """Let a layer have other named edges."""

    @abstractmethod
    def new_named_edges(self, l: int) -> NamedEdges:
        """Return named edges for a layer, none of them named yet."""

    @abstractmethod
    def path_of_layer(self, l: int) -> str:
        """Return the name of a layer in the model."""

    @abstractmethod
    def trains_shift(self, l: int) -> bool:
        """Whether d of a layer's named edges is trained: a bias that is does the same."""

    def fixed_numbers(self) -> dict[str, Tensor]:
        """Return which constants of named edges no training changes."""
        return {
            f"{self.path_of_layer(l)}.{NAMED_EDGES}.affine": torch.from_numpy(
                ~named.free(self.trains_shift(l))
            )
            for l, named in self._all_named().items()
        }

    def names(self) -> dict[Edge, NamedCurve]:
        """Return the edges that a function alone makes, on or off: see `Adapter`."""
        return {
            (l, i, j): curve
            for l, named in self._all_named().items()
            for (j, i), curve in named.curves().items()
        }

    def functions(self) -> Mapping[str, Function]:
        """Return the library's functions, and those of one's own that named edges have."""
        own = {
            name: function
            for named in self._all_named().values()
            for name, function in named.functions.items()
            if name not in FUNCTIONS
        }
        return {**FUNCTIONS, **own} if own else FUNCTIONS

    def symbolic(self) -> dict[Edge, str]:
        """Return the edges that have a name, and the function of each."""
        return {edge: curve.function for edge, curve in self.names().items()}

    @torch.no_grad()
    def write_names(self, names: Mapping[Edge, tuple[NamedCurve, Function] | None]) -> None:
        """Write names that have been checked."""
        for l in sorted({edge[0] for edge in names}):
            old = self.named_edges(l)
            named = self.new_named_edges(l) if old is None else old
            for (layer, i, j), name in names.items():
                if layer == l:
                    named.set(j, i, *(name or (None, None)))
            self.replace_named_edges(l, named if named.on.any() else None)

    def set_weights(self, weights: Weights) -> None:
        """Put weights and names back, bit for bit: see `BaseAdapter`."""
        if weights.fits(self.model):
            for l in range(len(self.width) - 1):
                has_names = f"{self.path_of_layer(l)}.{NAMED_EDGES}.codes" in weights.tensors
                if not has_names:
                    self.replace_named_edges(l, None)
                elif self.named_edges(l) is None:
                    self.replace_named_edges(l, self.new_named_edges(l))
        super().set_weights(weights)

    def extra_weights(self) -> Any:
        """Return the functions of one's own, by layer; None if there are none."""
        return {l: named.own for l, named in self._all_named().items() if named.own} or None

    def describe_settings(self, settings: Any) -> Any:
        """Return the names of the functions of one's own."""
        return settings and [[l, sorted(own)] for l, own in settings.items()]

    def set_extra_weights(self, extra: Any) -> None:
        """Put functions of one's own back; those that are known stay known."""
        for l, own in (extra or {}).items():
            named = self.named_edges(l)
            if named is not None:
                named.use_functions({**named.own, **own})

    def _all_named(self) -> dict[int, NamedEdges]:
        found = ((l, self.named_edges(l)) for l in range(len(self.width) - 1))
        return {l: named for l, named in found if named is not None}
