"""What a live model is without the previews of its sessions."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from kanwidget.adapters import Adapter
from kanwidget.kan.checks import Edge

__all__ = ["Ledger"]

_LEDGERS: WeakKeyDictionary[nn.Module, Ledger] = WeakKeyDictionary()


class Ledger:
    """Masks and biases that a model goes back to when its last session closes.

    Sessions write through it, so that it can tell their previews from what others do: the
    latter is here to stay.
    """

    def __init__(self, adapter: Adapter) -> None:
        self._mask, self._bias = self._written = adapter.mask(), adapter.bias()
        self._sessions = 0

    @classmethod
    def join(cls, adapter: Adapter) -> Ledger:
        """Return the ledger of a model, for one session more."""
        ledger = _LEDGERS.get(adapter.model)
        if ledger is None or ledger._sessions == 0:
            ledger = _LEDGERS[adapter.model] = cls(adapter)
        ledger._sessions += 1
        return ledger

    def write(self, adapter: Adapter, mask: list[Tensor], bias: list[Tensor]) -> None:
        """Give the model a session's masks and biases."""
        found = adapter.mask(), adapter.bias()
        if [m.shape for m in found[0]] != [m.shape for m in self._mask]:
            self._mask, self._bias = found
        else:
            self._mask = [
                torch.where(now != then, now, was)
                for now, then, was in zip(found[0], self._written[0], self._mask, strict=True)
            ]
            self._bias = [
                torch.where(now != then, now - (then - was).nan_to_num(0.0, 0.0, 0.0), was)
                for now, then, was in zip(found[1], self._written[1], self._bias, strict=True)
            ]
        adapter.set_mask(mask, bias)
        self._written = mask, bias

    def switch(self, edge: Edge, on: bool) -> None:
        """Note that somebody switched an edge, though it may have been so already."""
        l, i, j = edge
        self._mask = [layer.clone() for layer in self._mask]
        self._mask[l][j, i] = on

    def settle(self, mask: list[Tensor], bias: list[Tensor]) -> None:
        """Make these what the model goes back to: a person has decided so."""
        self._mask, self._bias = mask, bias

    def leave(self, adapter: Adapter, mask: list[Tensor], bias: list[Tensor]) -> None:
        """Take a session's previews back: to its baseline, or to the end if it is the last."""
        self._sessions -= 1
        self.write(adapter, mask, bias)
        if self._sessions == 0:
            self.write(adapter, self._mask, self._bias)
