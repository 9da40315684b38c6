"""What the session asks of a model, whatever library it comes from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import FUNCTIONS, Function
from kanwidget.kan.mask_sequence import MaskSequence
from kanwidget.masks.ids import Edge

from .edge_functions import EdgeFunctions
from .model_copy import Weights

__all__ = ["Adapter", "TrainingForward"]

TrainingForward = Callable[[], tuple[list[Tensor], list[Tensor]]]
"""Returns nodes, and sizes of edges; see `Adapter.training_forward`."""


class Adapter(EdgeFunctions, Protocol):
    """Wraps one model, which `set_mask`, `set_names`, `set_weights` and `refine` alone change.

    No method changes torch's random state.
    """

    @property
    def model(self) -> nn.Module:
        """The live model."""

    @property
    def grid_tensors(self) -> tuple[str, ...]:
        """What ends the names of tensors whose last axis is longer with a finer grid."""

    @property
    def score_names(self) -> tuple[str, ...]:
        """Names of the scores that `scores` knows, the usual one first."""

    @property
    def depends_on_other_nodes(self) -> bool:
        """Whether an edge's output depends on other nodes than the one it comes from."""

    def notes(self) -> list[tuple[Any, ...]]:
        """Return what a person should know: codes of `session.words`, or ``("text", words)``."""

    def columns(self) -> list[int]:
        """Return which columns of a person's data the model's inputs are."""

    def select_columns(self, data: Any) -> Any:
        """Return inputs, or a dataset, with those columns that the model uses."""

    def last_inputs(self) -> Tensor:
        """Return the inputs ``(rows, width[0])`` that the model last saw, or raise a ValueError."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(rows, width[0])`` to ``(rows, width[-1])`` under the live masks."""

    def scores(self, x: Tensor, kind: str = ...) -> list[Tensor]:
        """Score every edge on inputs under the live masks, float64, ``(n_out, n_in)``."""

    def means(self, x: Tensor) -> list[Tensor]:
        """Return every edge's mean output on inputs under the live masks, ``(n_out, n_in)``."""

    def curves(
        self, x: Tensor, n: int, inputs: Sequence[Tensor] | None = None
    ) -> list[tuple[Tensor, Tensor]]:
        """Sample every edge's *unmasked* function at ``n`` points over its input's range for ``x``.

        ``inputs`` are those of `inputs_of`, where they are known.

        Returns
        -------
        list of (Tensor (n_in, n), Tensor (n_out, n_in, n))
            Points and values for each layer.
        """

    def inputs_of(self, x: Tensor) -> list[Tensor]:
        """Return what enters each edge layer under the live masks, ``(rows, n_in)``."""

    def grid(self) -> list[Tensor]:
        """Return first and last grid point of each layer's inputs, ``(n_in, 2)``; NaN if none."""

    def nodes_from_sums(self, l: int, sums: Tensor) -> Tensor:
        """Turn sums of slots ``(rows, n_out)`` into nodes ``(rows, width[l + 1])``, no offset."""

    def input_norm(self, l: int) -> tuple[Tensor, Tensor, float] | None:
        """Return weight, bias and eps of a layer norm before layer ``l``'s curves, if it has one.

        The base parts see the nodes as they are; all else sees normed nodes: `normed_curves`.
        """

    def normed_curves(self, l: int, points: Tensor) -> Tensor:
        """Evaluate curves without their base parts at normed values ``(n, n_in)``."""

    def functions(self) -> Mapping[str, Function]:
        """Return the library's functions, and those of one's own that named edges have."""

    def set_names(
        self,
        names: Mapping[Edge, NamedCurve | None],
        functions: Mapping[str, Function] = FUNCTIONS,
    ) -> None:
        """Let functions stand on edges in the place of their splines.

        Masks and biases stay: an edge that is off stays off, and has its name once it is on.

        Parameters
        ----------
        names : mapping of (l, i, j) to NamedCurve or None
            None gives an edge its spline back, as it was.
        functions : mapping of str to Function
            What the names mean.

        Raises
        ------
        IndexError, TypeError, ValueError
            If there is no such edge or function, or a constant is not finite. Nothing is changed
            then.
        """

    def mask(self) -> list[Tensor]:
        """Return a copy of the live masks, bool, shapes ``(n_out, n_in)``."""

    def bias(self) -> list[Tensor]:
        """Return a copy of the constants that the slots add, shapes ``(n_out,)``."""

    def mask_tensors(self) -> list[Tensor]:
        """Return what `mask` is read from, not copied: not 0 where an edge is on."""

    def bias_tensors(self) -> list[Tensor]:
        """Return what `bias` is a copy of."""

    def bias_without_hooks(self) -> list[Tensor] | None:
        """Return a copy of the constants without what `set_mask` gave, None if it cannot tell."""

    def set_mask(self, mask: Sequence[Tensor], bias: Sequence[Tensor]) -> None:
        """Make these the live masks and constants; what is equal is not written."""

    def keep_grids(self) -> None:
        """Keep the library from laying grids over nodes that are constant."""

    def outputs_under_masks(
        self, x: Tensor, sequence: MaskSequence
    ) -> Iterator[tuple[list[int], Tensor]] | None:
        """Compute the outputs at every point of a sequence of masks without writing to the model.

        As `kan.incremental_forward.outputs` does; None if there is no faster way than to set each
        mask and call `forward`.
        """

    def copy(self) -> Adapter:
        """Return an adapter of a private copy of the model, which shares nothing with it."""

    def named_tensors(self) -> dict[str, Tensor]:
        """Return parameters and buffers of the model, and of what is beside it."""

    def extra_weights(self) -> Any:
        """Return what makes the functions beside parameters and buffers."""

    def weights(self) -> Weights:
        """Return a copy of all that makes the functions; masks and biases may be in it."""

    def describe_settings(self, settings: Any) -> Any:
        """Return in plain lists and texts what a file cannot hold of `Weights.settings`."""

    def set_weights(self, weights: Weights) -> None:
        """Put weights back, bit for bit, or raise a ValueError if they do not fit any more.

        They may have coarser or finer grids than the model; see `refine`. Masks and biases have
        to be set anew after that.
        """

    def refine(self, grid: int, x: Tensor) -> float:
        """Give every spline of the live model ``grid`` intervals, in place.

        Masks, biases and all else stay, and the functions change as little as possible.
        Parameters and grids get other shapes, but stay the same objects; an optimiser that
        remembers the old shapes, as Adam does, raises an error and has to be made anew.

        Parameters
        ----------
        grid : int
            No fewer intervals than there are.
        x : Tensor, shape (rows, width[0])
            Grids are widened to what the nodes are on these under the live masks.

        Returns
        -------
        float
            The largest change of an output on ``x``.

        Raises
        ------
        TypeError
            If the model has no such splines.
        ValueError
            If there are more intervals already.
        RuntimeError
            If a fit of ours is under way.
        """

    def values_for_training(self, x: Tensor) -> list[Tensor]:
        """Return the values of every node layer under the live masks, differentiable.

        No edge that is off has a gradient.
        """

    def edge_outputs_for_training(self, l: int, x: Tensor) -> Tensor:
        """Return the outputs of layer ``l``'s edges for its inputs, masks aside, differentiable."""

    def training_forward(self, x: Tensor, sized: bool) -> TrainingForward:
        """Return what computes some rows again and again, while only parameters change.

        It returns the values of every node layer, as `values_for_training` does, and the mean
        sizes ``(n_out, n_in)`` of each layer's edges, masks aside. Both are differentiable;
        gradients have to be asked for before the next call.

        Parameters
        ----------
        x : Tensor, shape (rows, width[0])
            It stays as it is meanwhile, as masks, grids and names do.
        sized : bool
            Whether sizes are wanted; otherwise their list is empty.
        """

    def edge_parameters(self, l: int) -> list[Tensor]:
        """Return views ``(n_out, n_in, ...)`` of the parameters that one edge of a layer has."""

    def compact(self) -> nn.Module:
        """Return a new, smaller model without dead nodes and with the same outputs."""

    def fixed_numbers(self) -> dict[str, Tensor]:
        """Return which numbers of parameters no training changes, bool, by the parameters' names.

        These are constants of named edges, in parameters of the model or of `modules_beside`.
        """

    def modules_beside(self) -> dict[str, nn.Module]:
        """Return the modules that hold named edges and are no part of the model, by name."""

    def fingerprint(self) -> str:
        """Return a digest of the model's numbers, the same in every process."""

    def edges_switched_by_model(self) -> Sequence[tuple[Edge, bool]]:
        """Return every edge that the model's own methods switched, in order, and whether on."""

    @property
    def keeps_means(self) -> bool:
        """Whether an edge that these switch off, while a session has it off, leaves its mean.

        The bias then still has the mean after the last session has closed.
        """

    def version(self) -> Hashable:
        """Return a value that changes with the model's numbers, masks and biases left out."""
