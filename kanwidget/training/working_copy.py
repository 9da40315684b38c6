"""The private copy that a training works on, and how its steps get into the live model."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from kanwidget.adapters import Adapter
from kanwidget.adapters.model_copy import named_tensors
from kanwidget.kan.layer import copy_all
from kanwidget.kan.write_lock import write_lock

__all__ = ["TrainedModule", "WorkingCopy"]


class WorkingCopy:
    """A copy of a live model to train, so that the live one only ever has whole steps.

    Others write to the live model meanwhile: a session switches edges and keeps their means in
    biases, a cell may load other weights. The copy takes that in when it is at rest, between two
    steps. So does the live model with the step: an edge that was switched off during the step
    keeps the parameters that it had, and a mean that was added to a bias stays in it.

    Parameters
    ----------
    live : Adapter

    Attributes
    ----------
    adapter : Adapter
        Of the copy, whose parameters have a gradient where those of the live model have one.
    published : Tensor, shape ()
        How many steps the live model has got: written with them, so that no interrupt parts them.
    """

    def __init__(self, live: Adapter) -> None:
        self._live = live
        with write_lock(live.model):
            self.adapter: Adapter = live.copy()
            self._trained = {
                name
                for name, p in _named_parameters(live)
                if p.requires_grad and not _is_mask_or_grid(name)
            }
            for name, parameter in _named_parameters(self.adapter):
                parameter.requires_grad_(name in self._trained)
            self._places, self._places_in_copy = map(self._places_of, (live, self.adapter))
            self._mask = live.mask()
            self._bias = live.bias()  # of the live model, when the copy last took it in
            self._known = {n: t.detach().clone() for n, t in self._tensors_at(self._places).items()}
        self.published = torch.zeros((), dtype=torch.int64)

    @property
    def parameter_names(self) -> list[str]:
        """The names of the parameters that are trained."""
        return [name for name, _, _ in self._places_in_copy if name in self._trained]

    @property
    def parameters(self) -> list[Tensor]:
        """The parameters of the copy that are trained."""
        tensors = self._tensors_at(self._places_in_copy)
        return [tensor for name, tensor in tensors.items() if name in self._trained]

    @property
    def beginning(self) -> object:
        """Another object each time the copy was made what the live model is."""
        return self._places_in_copy

    @torch.no_grad()
    def write_to(self, other: Adapter, theta: Tensor) -> None:
        """Write what a step may change to a copy of it, and a flat vector in what is trained."""
        values = self._tensors_at(self._places_in_copy)
        trained = [name for name in values if name in self._trained]
        parts = torch.split(theta, [values[name].numel() for name in trained])
        for name, part in zip(trained, parts, strict=True):
            values[name] = part.view(values[name].shape)
        targets = self._tensors_at(self._places_of(other))
        copy_all([targets[name] for name in values], list(values.values()))

    @torch.no_grad()
    def publish(self) -> bool:
        """Write the copy's step to the live model, whole.

        Returns
        -------
        bool
            False if the step is dropped, and the copy is what the live model is: others have
            loaded other weights, or switched an edge off whose grid has moved in this step.
        """
        live = self._live
        with write_lock(live.model):
            was = self._mask
            if not self.take_in():
                return False
            switched = [then & ~now for now, then in zip(self._mask, was, strict=True)]
            if any(bool(off.any()) for off in switched) and not self._keep_switched_off(switched):
                self._take_all()
                return False
            targets, values = self._tensors_at(self._places), self._tensors_at(self._places_in_copy)
            names = list(values)
            copy_all(
                [*(targets[n] for n in names), *(self._known[n] for n in names), self.published],
                [*values.values(), *values.values(), self.published + 1],
            )
            self._bias = live.bias()
        return True

    @torch.no_grad()
    def take_in(self) -> bool:
        """Take in masks, means in biases, and weights that others wrote to the live model.

        Returns
        -------
        bool
            False if there were other weights.

        Raises
        ------
        ValueError
            If the live model has other layers now.
        """
        live, copy = self._live, self.adapter
        with write_lock(live.model):
            if [place[0] for place in self._places_of(live)] != [p[0] for p in self._places]:
                self._take_all()  # edges have got names, or lost them
                return False
            mask, bias, found = live.mask(), live.bias(), self._tensors_at(self._places)
            if [m.shape for m in mask] != [m.shape for m in self._mask] or any(
                n not in found or found[n].shape != t.shape for n, t in self._known.items()
            ):
                raise ValueError(
                    "the model has other layers or grids than when the training began: the "
                    "training ends, and the model stays as it is; start it again"
                )
            # A bias may have got a mean, or lost one: that is no other weight.
            if not all(torch.equal(found[n], t) for n, t in self._known.items() if "bias" not in n):
                self._take_all()
                return False
            same = all(map(torch.equal, mask, self._mask)) and all(
                map(torch.equal, bias, self._bias)
            )
            if not same:
                moved = [
                    torch.where(
                        now == then, mine, torch.where(mine == then, now, mine + now - then)
                    )
                    for mine, now, then in zip(copy.bias(), bias, self._bias, strict=True)
                ]
                copy.set_mask(mask, moved)
                self._mask, self._bias = mask, bias
        return True

    def _take_all(self) -> None:
        """Make the copy what the live model is."""
        live, copy = self._live, self.adapter
        theirs, mine = named_tensors(live.model), named_tensors(copy.model)
        fitting = [n for n, t in mine.items() if n in theirs and t.shape == theirs[n].shape]
        copy_all([mine[n] for n in fitting], [theirs[n] for n in fitting])
        copy.set_weights(live.weights())
        self._places, self._places_in_copy = map(self._places_of, (live, copy))
        self._mask, self._bias = live.mask(), live.bias()
        copy.set_mask(self._mask, self._bias)
        self._known = {n: t.detach().clone() for n, t in self._tensors_at(self._places).items()}

    def _places_of(self, adapter: Adapter) -> list[tuple[str, dict[str, Tensor | None], str]]:
        """Return where a model keeps what a step may change: name, a module's tensors, their key.

        To look there takes no time, and finds tensors that others have put there since.
        """
        places: list[tuple[str, dict[str, Tensor | None], str]] = []
        for prefix, module in _named_modules(adapter):
            both: tuple[Any, Any] = module._parameters, module._buffers
            for tensors in both:
                for key in tensors:
                    name = f"{prefix}.{key}" if prefix else key
                    buffer = tensors is module._buffers and key != "mask"
                    if name in self._trained or buffer or key == "grid":
                        places.append((name, tensors, key))
        return places

    @staticmethod
    def _tensors_at(places: list[tuple[str, dict[str, Tensor | None], str]]) -> dict[str, Tensor]:
        """Return the tensors of a model that a step may change, by their names."""
        found = ((name, tensors.get(key)) for name, tensors, key in places)
        return {name: tensor for name, tensor in found if tensor is not None}

    def _keep_switched_off(self, switched: list[Tensor]) -> bool:
        """Give edges that went off during the step the numbers from before it.

        False if that cannot be, since their grids have moved.
        """
        live, copy = self._live, self.adapter
        mine = self._tensors_at(self._places_in_copy)
        if not all(torch.equal(mine[n], t) for n, t in self._known.items() if n.endswith("grid")):
            return False
        for l, off in enumerate(switched):
            pairs = zip(copy.edge_parameters(l), live.edge_parameters(l), strict=True)
            for values, old in pairs:
                values[off] = old[off]
        return True


class TrainedModule(nn.Module):
    """What a working copy computes, with all its trained parameters: also those of named edges.

    Attributes
    ----------
    names : list of str
        Of the trained parameters.
    fixed : dict of str to bool Tensor
        Which of their numbers stay; see `Adapter.fixed_numbers`.
    """

    def __init__(self, copy: WorkingCopy) -> None:
        super().__init__()
        adapter = copy.adapter
        self.model = adapter.model
        beside = {name: name.replace(".", "/") for name in adapter.modules_beside()}
        for name, module in adapter.modules_beside().items():
            self.add_module(beside[name], module)

        def renamed(name: str) -> str:
            holder, _, key = name.rpartition(".")
            return f"{beside[holder]}.{key}" if holder in beside else f"model.{name}"

        self.names = [renamed(name) for name in copy.parameter_names]
        self.fixed = {renamed(name): found for name, found in adapter.fixed_numbers().items()}

    def forward(self, x: Tensor) -> Tensor:
        """Return the model's outputs."""
        out: Tensor = self.model(x)
        return out


def _named_modules(adapter: Adapter) -> list[tuple[str, nn.Module]]:
    """Return a model's modules, and those beside it that hold named edges."""
    return [*adapter.model.named_modules(), *adapter.modules_beside().items()]


def _named_parameters(adapter: Adapter) -> list[tuple[str, nn.Parameter]]:
    beside = [
        (f"{prefix}.{name}", parameter)
        for prefix, module in adapter.modules_beside().items()
        for name, parameter in module.named_parameters()
    ]
    return [*adapter.model.named_parameters(), *beside]


def _is_mask_or_grid(name: str) -> bool:
    return name.rpartition(".")[2] in ("mask", "grid")
