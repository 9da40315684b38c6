"""Switches for layers that have none: a forward hook, there only while something is off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

__all__ = [
    "MaskedOutputHook",
    "find",
    "keep_only",
    "leave_unmasked",
    "remove",
    "rounded",
    "set_masked_output",
]


class MaskedOutputHook:
    """A layer's forward hook, which puts its masked output in the place of its own.

    The layer's parameters stay what they are, and train through it. A copy of the model has a
    copy of it, so that it computes the same; and a ``state_dict`` knows nothing of it.

    Parameters
    ----------
    rule : type
        A `LayeredAdapter`, which knows how to compute the layer.
    mask : bool Tensor, shape (n_out, n_in)
    bias, own : Tensor, shape (n_out,)
        The constants that the layer shall add, and those that it adds by itself.
    """

    def __init__(self, rule: Any, mask: Tensor, bias: Tensor, own: Tensor) -> None:
        self.rule, self.mask, self._bias, self._own = rule, mask, bias, own

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        x = inputs[0]
        return self.output(layer, x.reshape(-1, x.shape[-1])).reshape(output.shape)

    def output(self, layer: nn.Module, x: Tensor) -> Tensor:
        """Return the masked output ``(rows, n_out)``."""
        more = (self._bias - self._own).to(x)
        out: Tensor = self.rule.masked(layer, x, self.mask.to(x.device)) + more
        return out

    def bias(self, own: Tensor) -> Tensor:
        """Return the constants, of a layer that may have been trained meanwhile."""
        was, asked = self._own.to(own), self._bias.to(own)
        return torch.where(own == was, asked, own + (asked - was))


_ROUNDED: WeakKeyDictionary[nn.Module, tuple[Tensor, Tensor]] = WeakKeyDictionary()


def rounded(layer: nn.Module, own: Tensor) -> Tensor:
    """Return the constants that a layer without switches was last asked for; else its own."""
    was, asked = (values.to(own) for values in _ROUNDED.get(layer, (own, own)))
    return asked.clone() if torch.equal(was, own) else own


def leave_unmasked(layer: nn.Module, bias: Tensor, own: Tensor) -> bool:
    """Take a layer's switches off if its own constants are what is asked for, but for rounding.

    That is what comes of adding means and taking them away while somebody trains the layer. A
    hook that adds 1e-17 would stay for good.
    """
    eps = 8 * torch.finfo(own.dtype).eps
    if not torch.allclose(bias, own, rtol=eps, atol=eps):
        return False
    _ROUNDED[layer] = own.clone(), bias.clone()
    remove(layer)
    return True


def find(layer: nn.Module) -> MaskedOutputHook | None:
    """Return a layer's switches, None if all is on."""
    return next((hook for _, hook in _hooks(layer)), None)


def keep_only(layer: nn.Module) -> bool:
    """Whether a layer has no other hooks than switches."""
    return len(layer._forward_hooks) == 1 and not layer._forward_pre_hooks


def remove(layer: nn.Module) -> None:
    """Give a layer its own forward back."""
    for key, _ in list(_hooks(layer)):
        del layer._forward_hooks[key]


def set_masked_output(layer: nn.Module, switches: MaskedOutputHook) -> None:
    """Put switches on a layer, in the place of those that it has."""
    for key, _ in list(_hooks(layer)):
        layer._forward_hooks[key] = switches
        return
    layer.register_forward_hook(switches, prepend=True)


def _hooks(layer: nn.Module) -> Iterator[tuple[int, MaskedOutputHook]]:
    for key, hook in layer._forward_hooks.items():
        if isinstance(hook, MaskedOutputHook):
            yield key, hook
