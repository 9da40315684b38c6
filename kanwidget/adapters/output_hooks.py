"""Masks for layers that have none: a forward hook, there only while something is off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from kanwidget.functions.named_edges import NamedEdges

__all__ = [
    "MaskedOutputHook",
    "find_hook",
    "has_no_other_hooks",
    "last_set_bias",
    "remove_hook",
    "remove_hook_if_unneeded",
    "set_hook",
]


class MaskedOutputHook:
    """A layer's forward hook, which puts its masked output in the place of its own.

    The layer's parameters stay what they are, and train through it. A copy of the model has a
    copy of it, so that it computes the same; and a ``state_dict`` knows nothing of it.

    Parameters
    ----------
    adapter : type
        A `LayeredAdapter`, which knows how to compute the layer.
    mask : bool Tensor, shape (n_out, n_in)
    bias, layer_bias : Tensor, shape (n_out,)
        The constants that the layer shall add, and those that it adds by itself.
    named_edges : NamedEdges, optional
        The functions that stand in the place of the layer's own.
    """

    named_edges: NamedEdges | None = None  # in pickles from before there were names, too

    def __init__(
        self,
        adapter: Any,
        mask: Tensor,
        bias: Tensor,
        layer_bias: Tensor,
        named_edges: NamedEdges | None = None,
    ) -> None:
        self.adapter, self.mask = adapter, mask
        self._bias, self._layer_bias = bias, layer_bias
        self.named_edges = named_edges

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        x = inputs[0]
        return self.output(layer, x.reshape(-1, x.shape[-1])).reshape(output.shape)

    def output(self, layer: nn.Module, x: Tensor) -> Tensor:
        """Return the masked output ``(rows, n_out)``."""
        more = (self._bias - self._layer_bias).to(x)
        on, named = self.mask.to(x.device), self.named_edges
        if named is None:
            out: Tensor = self.adapter.masked_output(layer, x, on) + more
            return out
        splines = on & ~named.on.to(x.device)
        with_shift = self.adapter.layer_bias(layer) is None
        sums = named.sums(x.T, on, with_shift).T + more
        masked: Tensor = self.adapter.masked_output(layer, x, splines)
        return masked + sums

    def bias(self, own: Tensor) -> Tensor:
        """Return the constants, of a layer that may have been trained meanwhile."""
        was, asked = self._layer_bias.to(own), self._bias.to(own)
        return torch.where(own == was, asked, own + (asked - was))


_LAST_SET_BIAS: WeakKeyDictionary[nn.Module, tuple[Tensor, Tensor]] = WeakKeyDictionary()


def last_set_bias(layer: nn.Module, own: Tensor) -> Tensor:
    """Return the bias that a layer without a hook was last asked for; else its own."""
    was, asked = (values.to(own) for values in _LAST_SET_BIAS.get(layer, (own, own)))
    return asked.clone() if torch.equal(was, own) else own


def remove_hook_if_unneeded(layer: nn.Module, bias: Tensor, own: Tensor) -> bool:
    """Remove a layer's hook if its own bias is what is asked for, but for rounding; say whether.

    That is what comes of adding means and taking them away while somebody trains the layer. A
    hook that adds 1e-17 would stay for good.
    """
    eps = 8 * torch.finfo(own.dtype).eps
    if not torch.allclose(bias, own, rtol=eps, atol=eps):
        return False
    _LAST_SET_BIAS[layer] = own.clone(), bias.clone()
    remove_hook(layer)
    return True


def find_hook(layer: nn.Module) -> MaskedOutputHook | None:
    """Return a layer's hook, None if all is on."""
    return next((hook for _, hook in _hooks(layer)), None)


def has_no_other_hooks(layer: nn.Module) -> bool:
    """Whether a layer has no hooks but ours."""
    return len(layer._forward_hooks) == 1 and not layer._forward_pre_hooks


def remove_hook(layer: nn.Module) -> None:
    """Give a layer its own forward back."""
    for key, _ in list(_hooks(layer)):
        del layer._forward_hooks[key]


def set_hook(layer: nn.Module, hook: MaskedOutputHook) -> None:
    """Give a layer a hook, in the place of the one that it has."""
    for key, _ in list(_hooks(layer)):
        layer._forward_hooks[key] = hook
        return
    layer.register_forward_hook(hook, prepend=True)


def _hooks(layer: nn.Module) -> Iterator[tuple[int, MaskedOutputHook]]:
    for key, hook in layer._forward_hooks.items():
        if isinstance(hook, MaskedOutputHook):
            yield key, hook
