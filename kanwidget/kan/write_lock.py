"""The lock under which a model's masks and biases are written, and who trains it."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from weakref import WeakKeyDictionary

from torch import nn

__all__ = ["begin_fit", "end_fit", "fit_of", "write_lock"]

_LOCKS: WeakKeyDictionary[nn.Module, AbstractContextManager[bool]] = WeakKeyDictionary()
_GUARD = threading.Lock()


def write_lock(model: nn.Module) -> AbstractContextManager[bool]:
    """Return the reentrant lock of a model, to hold while its masks and biases are written.

    A training thread and a session both read biases, change them and write them back: whoever
    holds the lock does so without the other in between. It belongs to the live model alone, so
    that copies of the model and its state dict do not know of it.
    """
    with _GUARD:
        return _LOCKS.setdefault(model, threading.RLock())


_FITS: WeakKeyDictionary[nn.Module, tuple[int, frozenset[object]]] = WeakKeyDictionary()


def fit_of(model: nn.Module) -> tuple[int, bool]:
    """Return how many fits of ours have begun on a model, and whether one is under way."""
    begun, running = _FITS.get(model, (0, frozenset()))
    return begun, len(running) > 0


def begin_fit(model: nn.Module, fit: object) -> None:
    """Note that a fit of a model begins; `end_fit` must follow, even if an interrupt comes in here.

    A fit that begins during another one is a part of it.
    """
    with _GUARD:
        begun, running = _FITS.get(model, (0, frozenset()))
        _FITS[model] = begun + (not running), running | {fit}


def end_fit(model: nn.Module, fit: object) -> None:
    """Note that a fit of a model has ended, or never began; an interrupt does not prevent it."""
    try:
        _end_fit(model, fit)
    finally:
        _end_fit(model, fit)  # it was done, unless an interrupt came


def _end_fit(model: nn.Module, fit: object) -> None:
    with _GUARD:
        begun, running = _FITS.get(model, (0, frozenset()))
        _FITS[model] = begun, running - {fit}
