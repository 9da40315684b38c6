"""Models that are chains of layers without masks: what their adapters share."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from .base import BaseAdapter
from .output_hooks import (
    MaskedOutputHook,
    find,
    keep_only,
    leave_unmasked,
    remove,
    rounded,
    set_masked_output,
)

__all__ = ["LayeredAdapter"]


class LayeredAdapter(BaseAdapter):
    """An adapter to derive from, for models whose layers follow each other and have no masks.

    A library has to say four things: `wrap`, `layers`, `size` and `emitted`. Off is then off in
    the live model by a forward hook on its layers, which is there only while something is off;
    parameters, ``state_dict`` and training stay as they are.
    """

    @property
    @abstractmethod
    def layers(self) -> Sequence[nn.Module]:
        """The layers of edges, in order."""

    @staticmethod
    @abstractmethod
    def size(layer: Any) -> tuple[int, int]:
        """Return how many inputs and outputs a layer has."""

    @staticmethod
    @abstractmethod
    def emitted(layer: Any, x: Tensor) -> Tensor:
        """Return what a layer's edges emit, ``(n_out, n_in, rows)``, for ``(rows, n_in)``."""

    @staticmethod
    def constant(layer: Any) -> Tensor | None:
        """Return the bias ``(n_out,)`` that a layer adds by itself, None if it has none."""
        return None

    @classmethod
    def masked(cls, layer: Any, x: Tensor, on: Tensor) -> Tensor:
        """Return a layer's outputs ``(rows, n_out)``, its own constants in them, under a mask."""
        emitted = cls.emitted(layer, x)
        out = torch.where(on.unsqueeze(2), emitted, 0.0).sum(1).T
        own = cls.constant(layer)
        return out if own is None else out + own

    @classmethod
    def chain(cls, model: nn.Module, layers: Sequence[nn.Module]) -> None:
        """Raise a TypeError unless a model does nothing but call these layers in their order."""
        sizes = [cls.size(layer) for layer in layers]
        for (_, out), (n_in, _) in pairwise(sizes):
            if out != n_in:
                raise TypeError(f"a layer with {out} outputs is followed by one with {n_in} inputs")
        known = {id(part) for layer in layers for part in layer.modules()}
        leaves = [m for m in model.modules() if not list(m.children())]
        others = sorted({type(m).__name__ for m in leaves if id(m) not in known})
        if others:
            raise TypeError(f"beside its KAN layers it holds {', '.join(others)}")
        like = next(p for p in model.parameters() if p.is_floating_point())
        x = probe = torch.linspace(-0.9, 0.9, 3 * sizes[0][0]).view(3, -1).to(like)
        with torch.no_grad():
            for layer in layers:
                x = layer(x)
            found = _called(model, probe)
        if (
            found is None
            or found.shape != x.shape
            or not torch.allclose(found, x, rtol=0.0, atol=0.0, equal_nan=True)
        ):
            raise TypeError("its forward does more than to call its KAN layers one after another")

    @property
    def width(self) -> list[int]:
        """Nodes in each node layer, inputs first."""
        sizes = [self.size(layer) for layer in self.layers]
        return [sizes[0][0], *(out for _, out in sizes)]

    def edge_curves(self, l: int, points: Tensor) -> Tensor:
        """Evaluate layer ``l``'s unmasked functions, ``(n_out, n_in, n)``, at ``(n, n_in)``."""
        return self.emitted(self.layers[l], points)

    def propagate(self, x: Tensor) -> list[Tensor]:
        """Return the values of every node layer, inputs first."""
        values = [x]
        for layer in self.layers:
            # The layer would compute its own output first, for its hook to throw it away.
            switches = find(layer) if keep_only(layer) else None
            out = layer(values[-1]) if switches is None else switches.output(layer, values[-1])
            values.append(out)
        return values

    def mask(self) -> list[Tensor]:
        """Return a copy of the live masks, bool, shapes ``(n_out, n_in)``."""
        return [self._mask_of(layer) for layer in self.layers]

    def bias(self) -> list[Tensor]:
        """Return a copy of the constants that the slots add, shapes ``(n_out,)``."""
        return [self._bias_of(layer) for layer in self.layers]

    def own_bias(self) -> list[Tensor]:
        """Return a copy of the constants that the layers add without a hook."""
        return [self._own(layer) for layer in self.layers]

    @torch.no_grad()
    def set_mask(self, mask: Sequence[Tensor], bias: Sequence[Tensor]) -> None:
        """Make these the live masks and constants; what is equal is not written."""
        mask, bias = self.fitting(mask, bias)
        for layer, on, constant in zip(self.layers, mask, bias, strict=True):
            was, own = (self._mask_of(layer), self._bias_of(layer)), self._own(layer)
            if torch.equal(was[0], on) and torch.equal(was[1], constant):
                continue
            if not (on.all() and leave_unmasked(layer, constant, own)):
                set_masked_output(
                    layer, MaskedOutputHook(type(self), on.clone(), constant.clone(), own)
                )

    @torch.no_grad()
    def compact(self) -> nn.Module:
        """Return a smaller model of the same class: weights of edges that are off are 0.

        Constants that a layer has no parameter for stay in a forward hook on that layer: a
        deep copy and a pickle of the model carry them, its ``state_dict`` does not.
        """
        kept, targets, folded = self._smaller()
        new, ids = copy.deepcopy(self._model), [nodes or [0] for nodes in kept]
        smaller = type(self)(new)
        for l, (layer, on, bias) in enumerate(
            zip(smaller.layers, self.mask(), self.bias(), strict=True)
        ):
            alive = on.clone()
            if not (kept[l] and kept[l + 1]):
                alive[:] = False
            remove(layer)
            self.cut(layer, ids[l], targets[l], alive)
            self._give(layer, (bias + folded[l])[targets[l]])
        return new

    @classmethod
    def cut(cls, layer: Any, sources: list[int], targets: list[int], on: Tensor) -> None:
        """Make a layer smaller, in place, and edges 0 that are off."""
        raise TypeError(f"{cls.__name__} cannot make a smaller {type(layer).__name__}")

    def _give(self, layer: Any, bias: Tensor) -> None:
        """Let a layer add constants: by its own bias if it has one, else by a hook."""
        own = self.constant(layer)
        if own is not None:
            own.copy_(bias)
        elif bias.any():
            on = torch.ones(*self.size(layer)[::-1], dtype=torch.bool, device=bias.device)
            set_masked_output(
                layer, MaskedOutputHook(type(self), on, bias.clone(), torch.zeros_like(bias))
            )

    def _mask_of(self, layer: nn.Module) -> Tensor:
        switches, (n_in, n_out) = find(layer), self.size(layer)
        if switches is None:
            return torch.ones(n_out, n_in, dtype=torch.bool, device=self.device)
        return switches.mask.to(self.device).clone()

    def _bias_of(self, layer: nn.Module) -> Tensor:
        switches, own = find(layer), self._own(layer)
        return rounded(layer, own) if switches is None else switches.bias(own)

    def _own(self, layer: Any) -> Tensor:
        own = self.constant(layer)
        if own is None:
            return self._like().new_zeros(self.size(layer)[1])
        return own.detach().clone()

    def _numbers(self) -> list[Tensor]:
        own = {id(c) for c in map(self.constant, self.layers) if c is not None}
        named = self._model.state_dict(keep_vars=True).values()
        return [value for value in named if id(value) not in own]


def _called(model: nn.Module, x: Tensor) -> Tensor | None:
    """Return what a model makes of inputs, None if it wants other ones."""
    try:
        out = model(x)
    except Exception:  # whatever it is that another kind of model does not like
        return None
    return out if isinstance(out, Tensor) else None
