"""The lock under which a model's masks and biases are written."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from weakref import WeakKeyDictionary

from torch import nn

__all__ = ["write_lock"]

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
