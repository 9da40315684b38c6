"""Models that are chains of layers without masks: what their adapters share."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from kanwidget.functions.named_edges import NamedEdges

from .base import BaseAdapter
from .model_copy import NAMED_EDGES
from .named_edges import NamedEdgesAdapter
from .output_hooks import (
    MaskedOutputHook,
    find_hook,
    has_no_other_hooks,
    last_set_bias,
    remove_hook,
    remove_hook_if_unneeded,
    set_hook,
)

__all__ = ["LayeredAdapter", "modules_with"]


Chain = TypeVar("Chain", bound="LayeredAdapter")


class LayeredAdapter(NamedEdgesAdapter):
    """An adapter to derive from, for models whose layers follow each other and have no masks.

    A library has to say four things: `wrap`, `layers`, `layer_size` and `layer_edge_outputs`.
    Edges are then switched off by a forward hook on the live model's layers, which is there only
    while something is off or named; parameters, ``state_dict`` and training stay as they are.
    """

    @property
    @abstractmethod
    def layers(self) -> Sequence[nn.Module]:
        """The layers of edges, in order."""

    @staticmethod
    @abstractmethod
    def layer_size(layer: Any) -> tuple[int, int]:
        """Return how many inputs and outputs a layer has."""

    @staticmethod
    @abstractmethod
    def layer_edge_outputs(layer: Any, x: Tensor) -> Tensor:
        """Return the outputs of a layer's edges, ``(n_out, n_in, rows)``, for ``(rows, n_in)``."""

    @staticmethod
    def layer_bias(layer: Any) -> Tensor | None:
        """Return the bias ``(n_out,)`` that a layer adds by itself, None if it has none."""
        return None

    @classmethod
    def masked_output(cls, layer: Any, x: Tensor, on: Tensor) -> Tensor:
        """Return a layer's outputs ``(rows, n_out)``, its own constants in them, under a mask."""
        out = torch.where(on.unsqueeze(2), cls.layer_edge_outputs(layer, x), 0.0).sum(1).T
        own = cls.layer_bias(layer)
        return out if own is None else out + own

    @classmethod
    def wrap_chain(cls: type[Chain], model: object, attributes: Sequence[str]) -> Chain | None:
        """Return an adapter for a chain of modules with these attributes, None for other models.

        Raises
        ------
        TypeError
            If the model does more than to call them in their order.
        """
        layers = modules_with(model, attributes) if isinstance(model, nn.Module) else []
        if not layers or not isinstance(model, nn.Module):
            return None
        cls.check_chain(model, layers)
        return cls(model)

    @classmethod
    def check_chain(cls, model: nn.Module, layers: Sequence[nn.Module]) -> None:
        """Raise a TypeError unless a model does nothing but call these layers in their order."""
        sizes = [cls.layer_size(layer) for layer in layers]
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
            found = _output_of(model, probe)
        if (
            found is None
            or found.shape != x.shape
            or not torch.allclose(found, x, rtol=0.0, atol=0.0, equal_nan=True)
        ):
            raise TypeError("its forward does more than to call its KAN layers one after another")

    @property
    def width(self) -> list[int]:
        """Nodes in each node layer, inputs first."""
        sizes = [self.layer_size(layer) for layer in self.layers]
        return [sizes[0][0], *(out for _, out in sizes)]

    def edge_curves(self, l: int, points: Tensor) -> Tensor:
        """Evaluate layer ``l``'s unmasked functions, ``(n_out, n_in, n)``, at ``(n, n_in)``."""
        return self.with_names(l, points, self.layer_edge_outputs(self.layers[l], points))

    def with_names(self, l: int, x: Tensor, values: Tensor) -> Tensor:
        """Put what named edges emit in the place of a layer's own ``(n_out, n_in, rows)``."""
        named = self.named_edges(l)
        if named is None:
            return values
        with_shift = self.layer_bias(self.layers[l]) is None
        out = values.masked_fill(named.on.to(x.device).unsqueeze(2), 0.0)
        for group, part in named.values(x.T, named.on, with_shift):
            outs, ins = (torch.from_numpy(n).to(x.device) for n in group[1:])
            out = out.index_put((outs, ins), part)
        return out

    def without_named(self, l: int, values: Tensor) -> Tensor:
        """Return a part of a layer's own functions, 0 where an edge has a name."""
        named = self.named_edges(l)
        return values if named is None else values.masked_fill(named.on.unsqueeze(2), 0.0)

    def propagate(self, x: Tensor) -> list[Tensor]:
        """Return the values of every node layer, inputs first."""
        values = [x]
        for layer in self.layers:
            # The layer would compute its own output first, for its hook to throw it away.
            hook = find_hook(layer) if has_no_other_hooks(layer) else None
            out = layer(values[-1]) if hook is None else hook.output(layer, values[-1])
            values.append(out)
        return values

    def mask(self) -> list[Tensor]:
        """Return a copy of the live masks, bool, shapes ``(n_out, n_in)``."""
        return [self._mask_of(layer) for layer in self.layers]

    def bias(self) -> list[Tensor]:
        """Return a copy of the constants that the slots add, shapes ``(n_out,)``."""
        return [self._bias_of(layer) for layer in self.layers]

    def bias_without_hooks(self) -> list[Tensor]:
        """Return a copy of the constants that the layers add without a hook."""
        return [self._bias_without_hook(layer) for layer in self.layers]

    @torch.no_grad()
    def set_mask(self, mask: Sequence[Tensor], bias: Sequence[Tensor]) -> None:
        """Make these the live masks and constants; what is equal is not written."""
        mask, bias = self.check_shapes(mask, bias)
        for layer, on, constant in zip(self.layers, mask, bias, strict=True):
            was, own = (self._mask_of(layer), self._bias_of(layer)), self._bias_without_hook(layer)
            if torch.equal(was[0], on) and torch.equal(was[1], constant):
                continue
            self._set_hook(layer, on, constant, own, _named_edges_of(layer))

    def _set_hook(
        self, layer: nn.Module, on: Tensor, bias: Tensor, own: Tensor, named: NamedEdges | None
    ) -> None:
        """Give a layer the hook that it needs for masks, constants and names, or none."""
        if named is None and on.all() and remove_hook_if_unneeded(layer, bias, own):
            return
        set_hook(layer, MaskedOutputHook(type(self), on.clone(), bias.clone(), own, named))

    def named_edges(self, l: int) -> NamedEdges | None:
        """Return the live named edges of a layer, None if there are none."""
        return _named_edges_of(self.layers[l])

    @torch.no_grad()
    def replace_named_edges(self, l: int, named: NamedEdges | None) -> None:
        """Let a layer have other named edges."""
        layer = self.layers[l]
        if named is not _named_edges_of(layer):
            on, bias = self._mask_of(layer), self._bias_of(layer)
            self._set_hook(layer, on, bias, self._bias_without_hook(layer), named)

    def constants_of_names(self, l: int) -> list[Tensor]:
        """Return the constants of a layer's named edges, for `edge_parameters`."""
        named = self.named_edges(l)
        return [] if named is None else [named.affine]

    def new_named_edges(self, l: int) -> NamedEdges:
        """Return named edges for a layer, none of them named yet."""
        layer = self.layers[l]
        like = self.example_tensor().new_zeros(self.layer_size(layer)[::-1])
        return NamedEdges(like, any(p.requires_grad for p in layer.parameters()))

    def trains_shift(self, l: int) -> bool:
        """Whether d of a layer's named edges is trained: a bias of its own does the same."""
        return self.layer_bias(self.layers[l]) is None

    def path_of_layer(self, l: int) -> str:
        """Return the name of a layer in the model."""
        layer = self.layers[l]
        names = [name for name, module in self._model.named_modules() if module is layer]
        return str(names[0])

    def modules_beside(self) -> dict[str, nn.Module]:
        """Return what holds named edges: hooks are no part of the model."""
        found = enumerate(map(_named_edges_of, self.layers))
        return {
            f"{self.path_of_layer(l)}.{NAMED_EDGES}": named
            for l, named in found
            if named is not None
        }

    def copy(self) -> BaseAdapter:
        """Return an adapter of a private copy of the model, which shares nothing with it."""
        new = super().copy()
        assert isinstance(new, LayeredAdapter)
        for l in range(len(self.layers)):
            named = self.named_edges(l)
            new.replace_named_edges(
                l, None if named is None else named.copy().requires_grad_(False)
            )
        return new

    @torch.no_grad()
    def compact(self) -> nn.Module:
        """Return a smaller model of the same class: weights of edges that are off are 0.

        Constants that a layer has no parameter for stay in a forward hook on that layer: a
        deep copy and a pickle of the model carry them, its ``state_dict`` does not.
        """
        new: nn.Module = copy.deepcopy(self.model)
        kept = self.find_kept_nodes()
        smaller = type(self)(new)
        for l, (layer, bias) in enumerate(zip(smaller.layers, self.bias(), strict=True)):
            remove_hook(layer)
            self.shrink_layer(layer, kept.nodes[l], kept.targets[l], kept.mask[l])
            self.set_layer_bias(layer, (bias + kept.folded[l])[kept.targets[l]])
            self._keep_names(smaller, l, kept.nodes[l], kept.targets[l], kept.mask[l])
        return new

    def _keep_names(
        self, smaller: LayeredAdapter, l: int, sources: list[int], targets: list[int], on: Tensor
    ) -> None:
        """Give a smaller model the names that this one's edges have; those that are off lose it."""
        named = self.named_edges(l)
        kept = None if named is None else named.subset(sources, targets)
        if kept is None:
            return
        off = ~on.to(kept.codes.device)[targets][:, sources]
        for j, i in (off & kept.on).nonzero().tolist():
            kept.set(j, i, None, None)
        smaller.replace_named_edges(l, kept if kept.on.any() else None)

    @classmethod
    def shrink_layer(cls, layer: Any, sources: list[int], targets: list[int], on: Tensor) -> None:
        """Make a layer smaller, in place, and edges 0 that are off."""
        raise TypeError(f"{cls.__name__} cannot make a smaller {type(layer).__name__}")

    def set_layer_bias(self, layer: Any, bias: Tensor) -> None:
        """Let a layer add constants: by its own bias if it has one, else by a hook."""
        own = self.layer_bias(layer)
        if own is not None:
            own.copy_(bias)
        elif bias.any():
            on = torch.ones(*self.layer_size(layer)[::-1], dtype=torch.bool, device=bias.device)
            set_hook(layer, MaskedOutputHook(type(self), on, bias.clone(), torch.zeros_like(bias)))

    def _mask_of(self, layer: nn.Module) -> Tensor:
        hook, (n_in, n_out) = find_hook(layer), self.layer_size(layer)
        if hook is None:
            return torch.ones(n_out, n_in, dtype=torch.bool, device=self.device)
        return hook.mask.to(self.device).clone()

    def _bias_of(self, layer: nn.Module) -> Tensor:
        hook, own = find_hook(layer), self._bias_without_hook(layer)
        return last_set_bias(layer, own) if hook is None else hook.bias(own)

    def _bias_without_hook(self, layer: Any) -> Tensor:
        own = self.layer_bias(layer)
        if own is None:
            return self.example_tensor().new_zeros(self.layer_size(layer)[1])
        return own.detach().clone()

    def function_tensors(self) -> list[Tensor]:
        own = {id(c) for c in map(self.layer_bias, self.layers) if c is not None}
        named = self.model.state_dict(keep_vars=True).values()
        beside = [
            value for part in self.modules_beside().values() for value in part.state_dict().values()
        ]
        return [*(value for value in named if id(value) not in own), *beside]


def _named_edges_of(layer: nn.Module) -> NamedEdges | None:
    hook = find_hook(layer)
    return None if hook is None else hook.named_edges


def modules_with(model: nn.Module, attributes: Sequence[str]) -> list[nn.Module]:
    """Return the modules in a model that have all of these attributes, in order."""
    return [m for m in model.modules() if all(hasattr(m, name) for name in attributes)]


def _output_of(model: nn.Module, x: Tensor) -> Tensor | None:
    """Return what a model makes of inputs, None if it wants other ones."""
    try:
        out = model(x)
    except Exception:  # whatever it is that another kind of model does not like
        return None
    return out if isinstance(out, Tensor) else None
