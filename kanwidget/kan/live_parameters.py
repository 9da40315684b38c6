"""The numbers of a model that a fit reads and writes, whether others may write them or not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from .arrays import Array, as_array
from .layer import copy_all
from .layer_stack import LayerStack
from .write_lock import write_lock

__all__ = ["LiveParameters", "TrainedParameters"]


class TrainedParameters:
    """The trainable parameters and the grids of a copy that one fit has for itself.

    Nobody else writes to it during a step, and nobody needs it after a bad one. Each write is a
    single call into torch, so that an interrupt comes before it or after it.

    Parameters
    ----------
    model : LayerStack

    Attributes
    ----------
    parameters : list of Tensor
        Those that are trained.
    lock : context manager
        The model's `write_lock`.
    """

    def __init__(self, model: LayerStack) -> None:
        self.lock = write_lock(model)
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        ends = np.cumsum([0, *(p.numel() for p in self.parameters)]).tolist()
        self._places = [
            (slice(*ends), tuple(p.shape))
            for ends, p in zip(pairwise(ends), self.parameters, strict=True)
        ]

    def split(self, theta: Array) -> list[Array]:
        """Return views of a flat vector in the shapes of the parameters."""
        return [theta[place].reshape(shape) for place, shape in self._places]

    @torch.no_grad()
    def read(self) -> Array:
        """Return the parameters as they are as a flat vector; later writes build on it."""
        flat = torch.cat([p.detach().flatten() for p in self.parameters])
        self._last_read: Array = as_array(flat)
        return self._last_read.copy()

    @torch.no_grad()
    def write(self, theta: Array) -> None:
        """Write a flat vector."""
        copy_all(self.parameters, [torch.from_numpy(part) for part in self.split(theta)])

    def write_back(self) -> None:
        """Write what was read last."""
        self.write(self._last_read)

    @torch.no_grad()
    def replace(self, targets: Sequence[Tensor], values: Sequence[Tensor]) -> None:
        """Write new values of some grids and parameters that are no biases, all at once."""
        copy_all(targets, values)

    def save(self) -> None:
        """Keep nothing: see `LiveParameters.save`."""

    def restore(self) -> None:
        """Leave a copy that is not needed any more as it is: see `LiveParameters.restore`."""


class LiveParameters(TrainedParameters):
    """Those of a model that others may write to: a callback, or a session in another thread.

    Masks are theirs alone. Of biases they add the means of edges, or take them away: that is added
    to whatever is written here, so that no mean is lost, or in the model twice. Where nobody has
    changed a bias, the numbers are written as they are. A change of any other number means that
    other weights were loaded: those stay, and nothing is written until they have been read.
    """

    def __init__(self, model: LayerStack) -> None:
        super().__init__(model)
        grids = [layer.grid for layer in model.layers]
        own = {id(tensor) for tensor in (*grids, *model.mask)}
        self._buffers = [b for b in model.buffers() if id(b) not in own]  # of base functions
        biases = {id(layer.bias) for layer in model.layers}
        self._targets = [*self.parameters, *grids]
        self._is_bias = [id(target) in biases for target in self._targets]
        self._replaced_since_read = self._replaced_since_save = False
        with self.lock, torch.no_grad():
            # What is in the model as far as is known here, and what others have added to biases.
            self._known = [t.clone() for t in self._targets]
            self._no_additions = [torch.zeros_like(t if b else t[:0]) for t, b in self._kinds()]
            self._added = [zeros.clone() for zeros in self._no_additions]
            self._versions = list(map(_version, self._targets))
        self._any_added = False
        self.save()
        self.read()

    @torch.no_grad()
    def read(self) -> Array:
        """Return the parameters as they are as a flat vector; later writes build on it."""
        with self.lock:
            self._record_external_changes()
            for added in self._added if self._any_added else ():
                added.nan_to_num_(0.0, 0.0, 0.0)
            self._added_at_read = self._copy_of_added()
            self._replaced_since_read = False
            return super().read()

    @torch.no_grad()
    def write(self, theta: Array) -> None:
        """Write a flat vector, and what others have added since `read`."""
        with self.lock:
            self._record_external_changes()
            if not self._replaced_since_read:
                self._write([torch.from_numpy(part) for part in self.split(theta)])

    @torch.no_grad()
    def replace(self, targets: Sequence[Tensor], values: Sequence[Tensor]) -> None:
        """Write new values of some grids and parameters that are no biases, all at once."""
        with self.lock:
            self._record_external_changes()
            if self._replaced_since_save:
                return
            known = {id(t): known for t, known in zip(self._targets, self._known, strict=True)}
            pairs = [
                (known[id(t)], v) for t, v in zip(targets, values, strict=True) if id(t) in known
            ]
            copy_all(
                [*targets, *(into for into, _ in pairs)], [*values, *(value for _, value in pairs)]
            )

    @torch.no_grad()
    def save(self) -> None:
        """Keep all numbers for `restore`."""
        with self.lock:
            self._record_external_changes()
            self._saved = (
                [known.clone() for known in self._known],
                self._copy_of_added(),
                [buffer.clone() for buffer in self._buffers],
            )
            self._replaced_since_save = False

    @torch.no_grad()
    def restore(self) -> None:
        """Write the numbers that were saved, and what others have added since."""
        with self.lock:
            self._record_external_changes()
            if self._replaced_since_save:
                return
            values, self._added_at_read, buffers = self._saved
            self._write(values)
            if buffers:
                copy_all(self._buffers, buffers)

    def _copy_of_added(self) -> list[Tensor]:
        return [added.clone() for added in self._added] if self._any_added else self._no_additions

    def _kinds(self) -> zip[tuple[Tensor, bool]]:
        return zip(self._targets, self._is_bias, strict=True)

    def _record_external_changes(self) -> None:
        """Record what is in the model but was not written here: others have written it."""
        into, values = [], []
        versions = list(map(_version, self._targets))
        for n, (target, is_bias) in enumerate(self._kinds()):
            known = self._known[n]
            # Writes through ``.data`` are not counted: biases are compared each time.
            if not is_bias and versions[n] is not None and versions[n] == self._versions[n]:
                continue
            if torch.equal(target, known):
                continue
            same = (target == known) | (target.isnan() & known.isnan())
            if same.all():
                continue
            if is_bias:
                self._any_added = True
                into.append(self._added[n])
                values.append(self._added[n] + (target - known).masked_fill(same, 0.0))
            else:
                self._replaced_since_read = self._replaced_since_save = True
            into.append(known)
            values.append(target)
        if into:
            copy_all(into, values)
        self._versions = versions

    def _write(self, values: Sequence[Tensor]) -> None:
        targets, known = self._targets[: len(values)], self._known[: len(values)]
        if self._any_added:
            values = [
                _add_finite(value.to(target), now - then, target) if is_bias else value
                for value, now, then, (target, is_bias) in zip(
                    values, self._added, self._added_at_read, self._kinds(), strict=False
                )
            ]
        copy_all([*targets, *known], [*values, *values])
        self._versions = list(map(_version, self._targets))


def _version(tensor: Tensor) -> int | None:
    return None if tensor.is_inference() else tensor._version


def _add_finite(value: Tensor, added: Tensor, present: Tensor) -> Tensor:
    """Add what others have added; where that is no number, leave what is there."""
    total = torch.where(added == 0, value, value + added)
    return torch.where(added.isfinite(), total, present)
