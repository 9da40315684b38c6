"""All numbers of a live model at one moment, read in no time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from kanwidget.adapters import Adapter
from kanwidget.adapters.model_copy import Weights, as_bytes

__all__ = ["ModelLayout", "ModelState"]

INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""By their bytes, what numpy can read in the place of any dtype of torch, such as bfloat16."""


class ModelLayout:
    """Where a live model has its numbers: found once, since it takes as long as to read them.

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
        Of all that is read: these, then what masks and biases are read from, by layer.
    """

    def __init__(self, live: Adapter) -> None:
        self.live, self.settings = live, live.extra_weights()
        named = live.named_tensors()
        self.names, self._named = [*named], [*named.values()]
        modules = dict(live.model.named_modules())
        for prefix, module in live.modules_beside().items():
            modules |= {f"{prefix}.{n}" if n else prefix: m for n, m in module.named_modules()}
        self._beside = live.modules_beside()
        self._children = [(m._modules, [*m._modules.values()]) for m in modules.values()]
        self._counts = [(d, len(d)) for m in modules.values() for d in _tensors_of(m)]
        places = {
            f"{at}.{key}" if at else key: (tensors, key)
            for at, module in modules.items()
            for tensors in _tensors_of(module)
            for key in tensors
        }
        self._places = [(*places[name], tensor) for name, tensor in named.items()]
        self._views = [_view(tensor) for tensor in self._named]
        self._pointers = [tensor.data_ptr() for tensor in self._named]
        # Masks and biases are parameters and buffers, or computed anew for each look.
        index = {id(tensor): n for n, tensor in enumerate(self._named)}
        switches = self._switches()
        self.switches = [index.get(id(tensor), -1) for tensor in switches]
        self._are_named = -1 not in self.switches
        if not self._are_named:
            self.switches = list(range(len(named), len(named) + len(switches)))
        read = [*self._named, *(() if self._are_named else switches)]
        self.kinds = [(tensor.shape, tensor.dtype, tensor.device) for tensor in read]

    def is_current(self) -> bool:
        """Whether all numbers are still where they were found, and no other ones are there."""
        return (
            all([*modules.values()] == found for modules, found in self._children)
            and all(len(tensors) == count for tensors, count in self._counts)
            and all(tensors[key] is tensor for tensors, key, tensor in self._places)
            and [tensor.data_ptr() for tensor in self._named] == self._pointers
            and self.live.modules_beside() == self._beside
        )

    def read(self) -> bytes:
        """Return all numbers, one after the other."""
        pairs = zip(self._views, self._named, strict=True)
        found = [as_bytes(t) if view is None else view.tobytes() for view, t in pairs]
        if not self._are_named:
            found += map(as_bytes, self._switches())
        return b"".join(found)

    def _switches(self) -> list[Tensor]:
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
        places = self.layout.switches
        return [self._parts[n] != 0 for n in places[: len(places) // 2]]

    @property
    def bias(self) -> list[Tensor]:
        """The constants that the slots add, shapes ``(n_out,)``."""
        places = self.layout.switches
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


def _tensors_of(module: nn.Module) -> tuple[dict[str, Any], dict[str, Any]]:
    return module._parameters, module._buffers


def _view(tensor: Tensor) -> Any:
    """Return an array that shares a tensor's memory, None if there can be none."""
    if tensor.device.type != "cpu" or tensor.element_size() not in INTEGERS:
        return None
    return tensor.detach().view(INTEGERS[tensor.element_size()]).numpy()
