"""The private copy that a training works on, and how its steps get into the live model."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kanwidget.adapters import Adapter
from kanwidget.adapters.model_copy import named_tensors
from kanwidget.kan.layer import copy_all
from kanwidget.kan.write_lock import write_lock

from .model_state import ModelLayout, ModelState, Place, tensor_places

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
    state : ModelState
        Of the live model, when it last got a step, or the copy last took in what it is.
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
            self.state = ModelState(ModelLayout(live))
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
            before = self.state
            if not self.take_in():
                return False
            if self.state is not before:
                pairs = zip(self.state.mask, before.mask, strict=True)
                switched = [then & ~now for now, then in pairs]
                any_off = any(bool(off.any()) for off in switched)
                if any_off and not self._keep_switched_off(switched):
                    self._take_all()
                    return False
            targets, values = self._tensors_at(self._places), self._tensors_at(self._places_in_copy)
            copy_all(
                [*(targets[name] for name in values), self.published],
                [*values.values(), self.published + 1],
            )
            self.state = ModelState(self.state.layout)
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
        live, copy, before = self._live, self.adapter, self.state
        with write_lock(live.model):
            if before.layout.is_current() and ModelState(before.layout).equals(before):
                return True
            now = ModelState(ModelLayout(live))
            if [place[0] for place in self._places_of(live)] != [p[0] for p in self._places]:
                self._take_all()  # edges have got names, or lost them
                return False
            found, known = self._tensors_at(self._places), before.tensors
            known = {name: known[name] for name, _, _ in self._places if name in known}
            if [m.shape for m in now.mask] != [m.shape for m in before.mask] or any(
                n not in found or found[n].shape != t.shape for n, t in known.items()
            ):
                raise ValueError(
                    "the model has other layers or grids than when the training began: the "
                    "training ends, and the model stays as it is; start it again"
                )
            # A bias may have got a mean, or lost one: that is no other weight.
            if not all(torch.equal(found[n], t) for n, t in known.items() if "bias" not in n):
                self._take_all()
                return False
            same = all(map(torch.equal, now.mask, before.mask)) and all(
                map(torch.equal, now.bias, before.bias)
            )
            if not same:
                moved = [
                    torch.where(
                        new == then, mine, torch.where(mine == then, new, mine + new - then)
                    )
                    for mine, new, then in zip(copy.bias(), now.bias, before.bias, strict=True)
                ]
                copy.set_mask(now.mask, moved)
            self.state = now
        return True

    def _take_all(self) -> None:
        """Make the copy what the live model is."""
        live, copy = self._live, self.adapter
        theirs, mine = named_tensors(live.model), named_tensors(copy.model)
        fitting = [n for n, t in mine.items() if n in theirs and t.shape == theirs[n].shape]
        copy_all([mine[n] for n in fitting], [theirs[n] for n in fitting])
        copy.set_weights(live.weights())
        self._places, self._places_in_copy = map(self._places_of, (live, copy))
        self.state = ModelState(ModelLayout(live))
        copy.set_mask(self.state.mask, self.state.bias)

    def _places_of(self, adapter: Adapter) -> list[Place]:
        """Return where a model keeps what a step may change: not what is frozen, nor masks."""
        return [
            (name, tensors, key)
            for name, tensors, key in tensor_places(adapter)
            if name in self._trained
            or key == "grid"
            or (key != "mask" and not isinstance(tensors[key], nn.Parameter))
        ]

    @staticmethod
    def _tensors_at(places: list[Place]) -> dict[str, Tensor]:
        """Return the tensors of a model that a step may change, by their names."""
        found = ((name, tensors.get(key)) for name, tensors, key in places)
        return {name: tensor for name, tensor in found if tensor is not None}

    def _keep_switched_off(self, switched: list[Tensor]) -> bool:
        """Give edges that went off during the step the numbers from before it.

        False if that cannot be, since their grids have moved.
        """
        live, copy = self._live, self.adapter
        mine, known = self._tensors_at(self._places_in_copy), self.state.tensors
        if not all(torch.equal(t, known[n]) for n, t in mine.items() if n.endswith("grid")):
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


def _named_parameters(adapter: Adapter) -> list[tuple[str, nn.Parameter]]:
    beside = [
        (f"{prefix}.{name}", parameter)
        for prefix, module in adapter.modules_beside().items()
        for name, parameter in module.named_parameters()
    ]
    return [*adapter.model.named_parameters(), *beside]


def _is_mask_or_grid(name: str) -> bool:
    return name.rpartition(".")[2] in ("mask", "grid")
