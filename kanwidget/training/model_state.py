"""All numbers of a live model at one moment, read in little time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from kanwidget.adapters import Adapter
from kanwidget.adapters.model_copy import Weights, as_bytes

__all__ = ["ModelLayout", "ModelState", "Place", "tensor_places"]

INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""By their bytes, what numpy can read in the place of any dtype of torch, such as bfloat16."""

Place = tuple[str, dict[str, Any], str]
"""A tensor's name, a module's parameters or buffers, and its key in these."""


class ModelLayout:
    """Where a live model has its numbers: to find that takes longer than to read them.

    Parameters
    ----------
    live : Adapter

    Attributes
    ----------
    live : Adapter
    settings : object
        See `Weights`.
    names : list of str
        Of the parameters and buffers.
    kinds : list of (shape, dtype, device)
        Of all tensors that are read: of these, and then of what masks and biases are read from, if
        that is none of these.
    mask_and_bias : list of int
        Which of all that is read are the masks, by layer, and then the biases.
    """

    def __init__(self, live: Adapter) -> None:
        self.live, self.settings = live, live.extra_weights()
        named = live.named_tensors()
        self.names, self._tensors = [*named], [*named.values()]
        self._views = [_view(tensor) for tensor in self._tensors]
        self._pointers = [tensor.data_ptr() for tensor in self._tensors]
        places = {name: (tensors, key) for name, tensors, key in tensor_places(live)}
        self._places = [(*places[name], tensor) for name, tensor in named.items()]
        self._beside = live.modules_beside()
        modules = [module for _, module in _named_modules(live)]
        self._children = [(m._modules, [*m._modules.values()]) for m in modules]
        self._counts = [(d, len(d)) for m in modules for d in (m._parameters, m._buffers)]
        others = self._read_masks_and_biases()
        index = {id(tensor): n for n, tensor in enumerate(self._tensors)}
        self._are_named = all(id(tensor) in index for tensor in others)
        if self._are_named:
            self.mask_and_bias, others = [index[id(tensor)] for tensor in others], []
        else:
            self.mask_and_bias = [len(named) + n for n in range(len(others))]
        self.kinds = [(t.shape, t.dtype, t.device) for t in (*self._tensors, *others)]

    def is_current(self) -> bool:
        """Whether all numbers are still where they were found, and no other ones are there."""
        return (
            all([*modules.values()] == found for modules, found in self._children)
            and all(len(tensors) == count for tensors, count in self._counts)
            and all(tensors[key] is tensor for tensors, key, tensor in self._places)
            and [tensor.data_ptr() for tensor in self._tensors] == self._pointers
            and self.live.modules_beside() == self._beside
        )

    def read(self) -> bytes:
        """Return all numbers, one after the other."""
        pairs = zip(self._views, self._tensors, strict=True)
        found = [as_bytes(t) if view is None else view.tobytes() for view, t in pairs]
        if not self._are_named:
            found += map(as_bytes, self._read_masks_and_biases())
        return b"".join(found)

    def _read_masks_and_biases(self) -> list[Tensor]:
        return [*self.live.mask_tensors(), *self.live.bias_tensors()]


class ModelState:
    """What a live model was at one moment: weights, masks and biases.

    A training reads it at every step. Tensors are made of it when somebody asks for them.

    Parameters
    ----------
    layout : ModelLayout
        Of the model, whose `write_lock` is held.
    """

    def __init__(self, layout: ModelLayout) -> None:
        self.layout, self._numbers = layout, layout.read()

    def equals(self, other: ModelState) -> bool:
        """Whether a state of the same layout has the same bits."""
        return self._numbers == other._numbers

    @property
    def weights(self) -> Weights:
        """All that makes the functions; see `Adapter.weights`."""
        return Weights(self.tensors, self.layout.settings, self.layout.live.grid_tensors)

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """Parameters and buffers by their names."""
        return dict(zip(self.layout.names, self._parts, strict=False))

    @property
    def mask(self) -> list[Tensor]:
        """The masks, bool, shapes ``(n_out, n_in)``."""
        places = self.layout.mask_and_bias
        return [self._parts[n] != 0 for n in places[: len(places) // 2]]

    @property
    def bias(self) -> list[Tensor]:
        """The constants that the slots add, shapes ``(n_out,)``."""
        places = self.layout.mask_and_bias
        return [self._parts[n] for n in places[len(places) // 2 :]]

    @cached_property
    def _parts(self) -> list[Tensor]:
        parts, start = [], 0
        numbers = bytearray(self._numbers)  # torch wants to be able to write
        for shape, dtype, device in self.layout.kinds:
            count = shape.numel()
            if count:
                part = torch.frombuffer(numbers, dtype=dtype, count=count, offset=start)
                parts.append(part.view(shape).to(device))
            else:
                parts.append(torch.empty(shape, dtype=dtype, device=device))
            start += count * dtype.itemsize
        return parts


def tensor_places(adapter: Adapter) -> list[Place]:
    """Return where a model has its parameters and buffers.

    To look there takes no time, and finds tensors that others have put there since.
    """
    return [
        (f"{at}.{key}" if at else key, tensors, key)
        for at, module in _named_modules(adapter)
        for tensors in (module._parameters, module._buffers)
        for key in tensors
    ]


def _named_modules(adapter: Adapter) -> list[tuple[str, nn.Module]]:
    """Return a model's modules, and those beside it that hold named edges."""
    return [*adapter.model.named_modules(), *adapter.modules_beside().items()]


def _view(tensor: Tensor) -> Any:
    """Return an array that shares a tensor's memory, None if there can be none."""
    if tensor.device.type != "cpu" or tensor.element_size() not in INTEGERS:
        return None
    return tensor.detach().view(INTEGERS[tensor.element_size()]).numpy()
