"""What most adapters share: all that follows from the edges' functions, masks and biases."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import FUNCTIONS, Function
from kanwidget.kan.mask_sequence import MaskSequence
from kanwidget.kan.write_lock import write_lock
from kanwidget.masks.ids import Edge
from kanwidget.masks.validate import check_whole

from .checked_names import check_names
from .finer_grids import SplineLayer, check_grid, finer_splines, replace_numbers
from .kept_nodes import KeptNodes, find_kept_nodes
from .model_copy import Weights, as_bytes, named_tensors, private_copy, same_bits
from .protocol import TrainingForward
from .scores import SCORE_NAMES, scores
from .scores import means as mean_outputs

__all__ = ["BaseAdapter"]


class BaseAdapter(ABC):
    """An adapter to derive from: see `Adapter` for what each method promises.

    What a library must say of itself is `wrap`, `width`, `edge_curves`, `mask`, `bias` and
    `set_mask`; the rest has a default. A library whose layers have no masks is better off with
    `kanwidget.adapters.layered.LayeredAdapter`, which asks for less.
    """

    supports = "models of a registered adapter"
    """What it reads, for the message that says what is supported."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model

    @property
    def model(self) -> Any:
        """The live model."""
        return self._model

    @classmethod
    @abstractmethod
    def wrap(cls, model: object) -> BaseAdapter | None:
        """Return an adapter for the model, or None if it is of another library.

        A TypeError says what is missing in a model that is nearly one.
        """

    @property
    @abstractmethod
    def width(self) -> list[int]:
        """Nodes in each node layer, inputs first."""

    @property
    def device(self) -> torch.device:
        """Where the model lives."""
        return self.example_tensor().device

    @property
    def dtype(self) -> torch.dtype:
        """Floating point type of the model."""
        return self.example_tensor().dtype

    @property
    def can_tabulate(self) -> bool:
        """Whether functions, biases and offsets alone give the outputs."""
        return not self.depends_on_other_nodes

    @property
    def depends_on_other_nodes(self) -> bool:
        """Whether an edge's output depends on other nodes than its own."""
        return False

    def notes(self) -> list[tuple[Any, ...]]:
        """Return what a person should know: codes of `session.words`, or ``("text", words)``."""
        return []

    def columns(self) -> list[int]:
        """Return which columns of a person's data the model's inputs are: by default all."""
        return list(range(self.width[0]))

    def select_columns(self, data: Any) -> Any:
        """Return data with the columns that the model uses, in its order."""
        if isinstance(data, Mapping):
            return {n: self.pick_columns(v) if n.endswith("_input") else v for n, v in data.items()}
        return self.pick_columns(data)

    def last_inputs(self) -> Tensor:
        """Return the inputs that the model last saw, or raise a ValueError."""
        raise ValueError(
            f"a {type(self._model).__name__} does not remember its data, so its edges have no "
            "scores; hand some over, as in PruningSession(model, x) or KANWidget(model, x)"
        )

    @abstractmethod
    def edge_curves(self, l: int, points: Tensor) -> Tensor:
        """Evaluate layer ``l``'s unmasked functions, ``(n_out, n_in, n)``, at ``(n, n_in)``."""

    def edge_outputs(self, l: int, x: Tensor) -> Tensor:
        """Return the outputs of layer ``l``'s edges for its inputs, masks aside: as `edge_curves`.

        Differs from `edge_curves` only where edges also depend on other nodes.
        """
        return self.edge_curves(l, x)

    def attribution_terms(self, l: int, x: Tensor) -> Tensor:
        """Return the outputs of layer ``l``'s edges in the units that attribution counts."""
        return self.edge_outputs(l, x)

    def propagate(self, x: Tensor) -> list[Tensor]:
        """Return the values of every node layer, inputs first."""
        values, mask, bias, offset = [x], self.mask(), self.bias(), self.offset()
        for l, (on, constant) in enumerate(zip(mask, bias, strict=True)):
            out = self.edge_outputs(l, values[-1]).masked_fill(~on.unsqueeze(2), 0.0)
            values.append(self.nodes_from_sums(l, out.sum(1).T + constant) + offset[l + 1])
        return values

    def nodes_from_sums(self, l: int, sums: Tensor) -> Tensor:
        """Multiply the slots ``(rows, n_out)`` of each node of node layer ``l + 1``."""
        slots = self.slots()
        if not slots:
            return sums
        owner = torch.tensor(slots[l], device=sums.device).expand(len(sums), -1)
        ones = sums.new_ones(len(sums), self.width[l + 1])
        return ones.scatter_reduce(1, owner, sums, "prod")

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Map ``(rows, width[0])`` to ``(rows, width[-1])`` under the live masks."""
        return self.propagate(x)[-1].contiguous()

    @torch.no_grad()
    def inputs_of(self, x: Tensor) -> list[Tensor]:
        """Return what enters each edge layer under the live masks, ``(rows, n_in)``."""
        return self.propagate(x)[:-1]

    @property
    def score_names(self) -> tuple[str, ...]:
        """Names of the scores that `scores` knows, the usual one first."""
        return SCORE_NAMES

    @torch.no_grad()
    def scores(self, x: Tensor, kind: str = "l1") -> list[Tensor]:
        """Score every edge on inputs under the live masks, shapes ``(n_out, n_in)``."""
        return scores(self, x, kind)

    @torch.no_grad()
    def means(self, x: Tensor) -> list[Tensor]:
        """Return every edge's mean output on inputs under the live masks, ``(n_out, n_in)``."""
        return mean_outputs(self, x)

    @torch.no_grad()
    def curves(
        self, x: Tensor, n: int, inputs: Sequence[Tensor] | None = None
    ) -> list[tuple[Tensor, Tensor]]:
        """Sample every edge's unmasked function over its input's range for ``x``."""
        share = torch.linspace(0, 1, n, device=self.device, dtype=self.dtype)
        found = []
        for l, values in enumerate(inputs or self.inputs_of(x)):
            low, high = values.amin(0), values.amax(0)
            # A node that emits one value still has edges to look at: show them around it.
            room = (high <= low).to(low) / 2
            low, high = low - room, high + room
            points = low + (high - low) * share.unsqueeze(1)  # (n, n_in)
            found.append((points.T, self.edge_curves(l, points)))
        return found

    def base_part(self, l: int, points: Tensor) -> Tensor | None:
        """Evaluate the part of `edge_curves` that is no spline; None if there are no parts."""
        return None

    def knots(self) -> list[Tensor]:
        """Return where each layer's functions need not be smooth, rising, ``(n_in, knots)``."""
        return [self.example_tensor().new_empty(n, 0) for n in self.width[:-1]]

    def grid(self) -> list[Tensor]:
        """Return first and last grid point of each layer's inputs, ``(n_in, 2)``; NaN if none."""
        return [self.example_tensor().new_full((n, 2), torch.nan) for n in self.width[:-1]]

    def slots(self) -> list[list[int]]:
        """Return the node of each target, an empty list if every node has one."""
        return []

    def offset(self) -> list[Tensor]:
        """Return what is added after the products, ``(width[l],)`` for each layer of nodes."""
        return [self.example_tensor().new_zeros(n) for n in self.width]

    def input_norm(self, l: int) -> tuple[Tensor, Tensor, float] | None:
        """Return weight, bias and eps of a layer norm before a layer's curves: None."""
        return None

    def normed_curves(self, l: int, points: Tensor) -> Tensor:
        """Evaluate curves without their base parts at normed values; see `Adapter`."""
        raise TypeError(f"{type(self).__name__} knows no layer norm")

    def symbolic(self) -> dict[Edge, str]:
        """Return the edges with a fixed formula, and its name, such as ``sin``."""
        return {}

    def names(self) -> dict[Edge, NamedCurve]:
        """Return the edges that a function alone makes, on or off: see `Adapter`."""
        return {}

    def functions(self) -> Mapping[str, Function]:
        """Return the library's functions, and those of one's own that named edges have."""
        return FUNCTIONS

    def set_names(
        self,
        names: Mapping[Edge, NamedCurve | None],
        functions: Mapping[str, Function] = FUNCTIONS,
    ) -> None:
        """Let functions stand on edges in the place of their splines: see `Adapter`."""
        checked = check_names(self, names, functions)
        if checked:
            with write_lock(self._model):
                self.write_names(checked)

    def write_names(self, names: Mapping[Edge, tuple[NamedCurve, Function] | None]) -> None:
        """Write names that have been checked."""
        raise TypeError(f"the edges of a {type(self._model).__name__} cannot be named")

    def fixed_numbers(self) -> dict[str, Tensor]:
        """Return which numbers of parameters no training changes: see `Adapter`."""
        return {}

    def modules_beside(self) -> dict[str, nn.Module]:
        """Return what holds named edges, and is no part of the model, by names as of modules."""
        return {}

    def named_tensors(self) -> dict[str, Tensor]:
        """Return parameters and buffers of the model, and of what is beside it."""
        found = named_tensors(self._model)
        for prefix, module in self.modules_beside().items():
            found |= {f"{prefix}.{name}": value for name, value in named_tensors(module).items()}
        return found

    @abstractmethod
    def mask(self) -> list[Tensor]:
        """Return a copy of the live masks, bool, shapes ``(n_out, n_in)``."""

    @abstractmethod
    def bias(self) -> list[Tensor]:
        """Return a copy of the constants that the slots add, shapes ``(n_out,)``."""

    def mask_tensors(self) -> list[Tensor]:
        return self.mask()

    def bias_tensors(self) -> list[Tensor]:
        return self.bias()

    def bias_without_hooks(self) -> list[Tensor] | None:
        """Return None: `set_mask` writes to the constants themselves."""
        return None

    @abstractmethod
    def set_mask(self, mask: Sequence[Tensor], bias: Sequence[Tensor]) -> None:
        """Make these the live masks and constants; what is equal is not written."""

    def keep_grids(self) -> None:  # noqa: B027  # most libraries do without
        """Keep the library from laying grids over nodes that are constant."""

    def check_shapes(
        self, mask: Sequence[Tensor], bias: Sequence[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return masks and constants as `set_mask` writes them: of the model's device and dtype.

        Raises
        ------
        ValueError
            If the model has edges of other shapes, as one has whose layers were replaced.
        """
        live = [tuple(on.shape) for on in self.mask()]
        given = [tuple(on.shape) for on in mask]
        if given != live or [tuple(b.shape) for b in bias] != [shape[:1] for shape in live]:
            raise ValueError(
                f"the model has layers of edges of shapes {live} now, and these masks are for "
                f"{given}: nothing was changed; start a new session or widget on the model"
            )
        device, dtype = self.device, self.dtype
        on = [layer.detach().to(device, torch.bool) for layer in mask]
        return on, [constant.detach().to(device, dtype) for constant in bias]

    def outputs_under_masks(
        self, x: Tensor, sequence: MaskSequence
    ) -> Iterator[tuple[list[int], Tensor]] | None:
        """Return None: there is no faster way than one forward each."""
        return None

    def values_for_training(self, x: Tensor) -> list[Tensor]:
        """Return the values of every node layer under the live masks, differentiable."""
        return self.propagate(x)

    def edge_outputs_for_training(self, l: int, x: Tensor) -> Tensor:
        """Return the outputs of layer ``l``'s edges for its inputs, masks aside, differentiable."""
        return self.edge_outputs(l, x)

    def training_forward(self, x: Tensor, sized: bool) -> TrainingForward:
        """Return what computes nodes and sizes of edges while masks and grids stay."""

        def forward() -> tuple[list[Tensor], list[Tensor]]:
            values = self.values_for_training(x)
            inputs = values[:-1] if sized else []
            sizes = [self.edge_outputs_for_training(l, v).abs() for l, v in enumerate(inputs)]
            return values, [size.mean(2) for size in sizes]

        return forward

    def edge_parameters(self, l: int) -> list[Tensor]:
        """Return views ``(n_out, n_in, ...)`` of the parameters that one edge of a layer has."""
        return []

    def spline_layers(self) -> list[SplineLayer]:
        """Return the splines of each layer, or raise a TypeError if it has none to refine."""
        raise TypeError(
            f"the functions of a {type(self._model).__name__} cannot get a finer grid: that is "
            "for the B-splines of kanwidget.KAN, pykan and efficient-kan"
        )

    def note_grid_sizes(self) -> None:  # noqa: B027  # most libraries do without
        """Set what a library notes of its grids' sizes, after these have changed."""

    @torch.no_grad()
    def refine(self, grid: int, x: Tensor) -> float:
        """Give every spline of the live model a finer grid, in place: see `Adapter`."""
        grid, layers = check_whole(grid, "grid", 1), self.spline_layers()
        check_grid(layers, grid)
        before = self.forward(x)
        targets: list[Tensor] = []
        values: list[Tensor] = []
        for layer, inputs in zip(layers, self.inputs_of(x), strict=True):
            if layer.intervals < grid:
                targets += [layer.grid, layer.coef]
                values += finer_splines(layer, grid, inputs)
        with write_lock(self._model):
            replace_numbers(self._model, targets, values)
            self.note_grid_sizes()
        return float((self.forward(x) - before).abs().max())

    def compact(self) -> nn.Module:
        """Return a new, smaller model without dead nodes and with the same outputs."""
        raise TypeError(
            f"{type(self).__name__} cannot make a smaller {type(self._model).__name__}; the live "
            "model itself is pruned, and stays so after session.commit()"
        )

    def fingerprint(self) -> str:
        """Return a digest of the model's numbers, the same in every process."""
        digest = hashlib.sha256(repr((self.width, self.function_settings())).encode())
        for value in [*self.function_tensors(), *self.mask(), *self.bias()]:
            digest.update(as_bytes(value))
        return digest.hexdigest()

    def edges_switched_by_model(self) -> Sequence[tuple[Edge, bool]]:
        """Return every edge that the model's own methods switched, if it tells."""
        return ()

    @property
    def keeps_means(self) -> bool:
        """Whether what the model's own methods switch off while it is off leaves its mean."""
        return False

    grid_tensors: tuple[str, ...] = ()
    """What ends the names of tensors whose last axis is longer with a finer grid."""

    transient: tuple[str, ...] = ()
    """Attributes of a model that a copy to compute on can do without, such as data it has seen."""

    def copy(self) -> BaseAdapter:
        """Return an adapter of a private copy of the model, which shares nothing with it."""
        new = type(self)(private_copy(self._model, self.transient))
        new.set_mask(self.mask(), self.bias())
        return new

    def weights(self) -> Weights:
        """Return a copy of all that makes the functions; masks and biases may be in it."""
        tensors = {n: t.detach().clone() for n, t in self.named_tensors().items()}
        return Weights(tensors, self.extra_weights(), self.grid_tensors)

    @torch.no_grad()
    def set_weights(self, weights: Weights) -> None:
        """Put weights back, bit for bit; masks and biases have to be set anew after that.

        Raises
        ------
        ValueError
            If the model has tensors of other names or dtypes by now, or of other shapes, which
            another grid does not explain.
        RuntimeError
            If grids have other sizes, and a fit of ours is under way.
        """
        if not weights.fits(self._model):
            raise ValueError("these weights are of a model with other layers, sizes or dtypes")
        named = self.named_tensors()
        resized = [n for n, live in named.items() if live.shape != weights.tensors[n].shape]
        if resized:
            replace_numbers(
                self._model, [named[n] for n in resized], [weights.tensors[n] for n in resized]
            )
            self.note_grid_sizes()
        for name, live in named.items():
            if not same_bits(live, weights.tensors[name].to(live.device)):
                live.data.copy_(weights.tensors[name])  # a backward pass may be under way
        self.set_extra_weights(weights.settings)

    def extra_weights(self) -> Any:
        """Return what makes the functions beside parameters and buffers."""
        return None

    def describe_settings(self, settings: Any) -> Any:
        """Return in plain lists and texts what a file cannot hold of `Weights.settings`."""
        return None

    def set_extra_weights(self, extra: Any) -> None:
        """Put back what `_extra_weights` returned."""
        if extra is not None:
            raise ValueError("these weights are of another kind of model")

    def version(self) -> Hashable:
        """Return a value that changes with the model's numbers, masks and biases left out."""
        # Not the tensors' version counters: what is written through ``.data`` escapes them.
        return repr(self.function_settings()), tuple(
            (v.shape, hash(as_bytes(v))) for v in self.function_tensors()
        )

    def function_tensors(self) -> list[Tensor]:
        """Return the tensors that make the functions: no masks, and no biases."""
        return list(self._model.state_dict().values())

    def function_settings(self) -> object:
        """Return everything else that defines the functions, with an informative ``repr``."""
        return None

    def example_tensor(self) -> Tensor:
        """Return a tensor of the model's kind."""
        return next(p for p in self._model.parameters() if p.is_floating_point())

    def pick_columns(self, x: Any) -> Any:
        return x

    def find_kept_nodes(self) -> KeptNodes:
        """Return what a smaller model with the same outputs keeps."""
        return find_kept_nodes(self)
