"""The traits that only the view reads; `sync` keeps them up to the session.

In the shapes below, E is the number of edges, those of layer 0 first, and in a layer those into
slot 0 first: edge ``(l, i, j)`` follows ``(l, i - 1, j)``. S is the number of source nodes, which
are all nodes but the outputs; N is that of all nodes; K is that of slots, the sums of all layers,
of which there is one for each node unless it multiplies. An array that is missing is empty.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

__all__ = ["HOST_TRAITS", "PackedArray", "ViewTraits"]

HOST_TRAITS = frozenset(anywidget.AnyWidget.class_trait_names()) | {"_esm", "_css", "_anywidget_id"}
"""The traits that the host reads, not the view."""


class PackedArray(traitlets.Bytes):
    """An array as bytes, see `packed_array.pack`.

    Parameters
    ----------
    dtype : str
        One or more of ``float32``, ``float64`` and ``uint8``.
    shape : str
        The axes, in words.
    """

    def __init__(self, dtype: str, shape: str) -> None:
        super().__init__(read_only=True)
        self.dtype, self.shape = dtype, shape
        self.tag(sync=True, echo_update=False)


class _Lazy(traitlets.TraitType[Any, Any]):
    """A trait that takes time to compute: reading it computes it first if necessary."""

    def get(self, obj: Any, cls: Any = None) -> Any:
        """Return the value; compute it now if that would not happen later."""
        obj._catch_up()
        return super().get(obj, cls)


class _LazyArray(_Lazy, PackedArray):
    pass


class _LazyInt(_Lazy, traitlets.Int[int, Any]):
    pass


class _LazyText(_Lazy, traitlets.Unicode[str, Any]):
    pass


class _LazyList(_Lazy, traitlets.List[Any]):
    pass


class _LazyDict(_Lazy, traitlets.Dict):
    pass


class ViewTraits(traitlets.HasTraits):
    """What the view reads, and neither a person nor the view may write."""

    _catch_up: Callable[[], None] = staticmethod(lambda: None)

    _closed = traitlets.Bool(read_only=True).tag(sync=True)
    """Whether the model was given back."""

    _warnings = traitlets.List(trait=traitlets.List(), read_only=True).tag(sync=True)
    """What is wrong with the present state: messages, see `kanwidget.session.words`."""

    _scores_known = traitlets.List(trait=traitlets.Unicode(), read_only=True).tag(sync=True)
    """Names of the scores that edges can have, the usual one first."""

    _width = traitlets.List(trait=traitlets.Int(), read_only=True).tag(sync=True)
    """Nodes of each node layer."""

    _slots = traitlets.List(trait=traitlets.List(), read_only=True).tag(sync=True)
    """For each layer the node of each slot, if there are products; else []."""

    _symbolic = traitlets.List(trait=traitlets.List(), read_only=True).tag(sync=True)
    """Edges with a formula: [l, i, j, text]."""

    _curves_x = PackedArray("float32", "S, samples")
    """Where the curves of each source node's edges are sampled."""

    _curves_y = PackedArray("float32 or uint8", "E, samples")
    """The unmasked curve of each edge; uint8 are steps of 1/255 of its `_curves_range`."""

    _curves_range = PackedArray("float32", "E, 2")
    """Least and largest value of each curve; empty if `_curves_y` are the values."""

    _newer_curves = PackedArray("float32", "edges, 1 + samples")
    """While a large network is trained: numbers of edges, and their curves of now."""

    _base_y = PackedArray("float32", "E, samples")
    """The base part of each curve, where the library has one and there are few edges."""

    _density = PackedArray("float32", "S, bins")
    """The share of the data in each bin over the range of a source node's curves."""

    _grid = PackedArray("float32", "S, 3")
    """First and last grid point of a source node, NaN if none, and the share of data outside."""

    _rows = PackedArray("float32", "rows, inputs")
    """Some rows of the data that the loss is measured on."""

    _row_labels = PackedArray("float32", "rows, outputs")
    """Their labels, if these are numbers for each output."""

    _row_numbers = PackedArray("float64", "rows")
    """Which rows of the data they are, counted from 0."""

    _row_classes = PackedArray("float32", "rows")
    """Their classes, if the labels are numbers of classes."""

    _prediction = traitlets.Unicode(read_only=True).tag(sync=True)
    """What the outputs say of classes, see `payload.prediction_kind`."""

    _metrics = traitlets.List(trait=traitlets.List(), read_only=True).tag(sync=True)
    """All metrics at present, [name, on test rows, on training rows]; [] until measured."""

    _page_loss = traitlets.Unicode(read_only=True).tag(sync=True)
    """By which formula a page without Python computes the loss, see `page_loss_name`."""

    _cells_x = PackedArray("float64", "S, cells + 1")
    """Ends of the cells on which the curves of each source node's edges are cubics."""

    _cells_y = PackedArray("float64", "E, cells, 4")
    """The cubic on each cell: coefficients of 1, t, t², t³, with t from 0 to 1 in the cell."""

    _bias = PackedArray("float64", "K")
    """What each slot adds under the baseline's mask."""

    _offset = PackedArray("float64", "N")
    """What each node adds after its product."""

    _means = PackedArray("float64", "E")
    """The mean output of each edge over the data."""

    _folded = PackedArray("float64", "E")
    """What earlier commits left of each edge in a bias."""

    _scores = PackedArray("float64", "E")
    """The baseline's score of each edge."""

    _baseline = PackedArray("uint8", "E")
    """1 where an edge is on in the baseline."""

    _mask = PackedArray("uint8", "E")
    """1 where an edge is on now."""

    _compared = _LazyArray("uint8", "E")
    """Bit 0: on at the first of two commands; bit 1: on at the second."""

    _tradeoff_node = _LazyArray("float64", "4, thresholds")
    """Along the node threshold: thresholds, edges left, loss with zeros, loss with means kept."""

    _tradeoff_edge = _LazyArray("float64", "4, thresholds")
    """The same along the edge threshold."""

    _prices = _LazyList(read_only=True).tag(sync=True, echo_update=False)
    """For what is selected, [ids, loss if it were switched]."""

    _history = _LazyList(read_only=True).tag(sync=True, echo_update=False)
    """The commands of the session, see `payload.history_rows`."""

    _current = _LazyInt(read_only=True).tag(sync=True)
    """The number of the command at which the session stands."""

    _script = _LazyText(read_only=True).tag(sync=True, echo_update=False)
    """The Python that leads to the present state."""

    _origin = _LazyDict(read_only=True).tag(sync=True, echo_update=False)
    """Where the history of a page without Python begins, see `payload.origin`."""

    _run = traitlets.Dict(read_only=True).tag(sync=True, echo_update=False)
    """The last training by the session, see `run_payload.run_state`; {} if there was none."""

    _run_losses = PackedArray("float64", "4, points")
    """Of steps of all trainings that led here: numbers from 0, train and test loss, regulariser."""

    _names = traitlets.List(trait=traitlets.List(), read_only=True).tag(sync=True)
    """Edges with a name, [l, i, j, function, a, b, c, d]: they add ``c f(a x + b) + d``."""

    _candidates = traitlets.List(trait=traitlets.Dict(), read_only=True).tag(
        sync=True, echo_update=False
    )
    """What might name the edges that are selected, see `naming_payload.candidate_rows`."""

    _candidates_y = PackedArray("float32", "candidates, samples")
    """The curve of each of these, where those of its edge are sampled, in the same order."""

    _formula = traitlets.Dict(read_only=True).tag(sync=True, echo_update=False)
    """The network's formula, see `naming_payload.formula_state`; {} until a view asks for it."""

    _naming = traitlets.Dict(read_only=True).tag(sync=True, echo_update=False)
    """The last search for all names, see `naming_payload.naming_state`; {} if there was none."""

    _picture = traitlets.Unicode(read_only=True).tag(sync=True)
    """By which a view finds the picture that the notebook keeps: 30 letters and digits."""

    _written = traitlets.Dict(read_only=True).tag(sync=True)
    """The numbers of what a page wrote, see `MessageOrder`; always empty on this side."""

    @traitlets.default("_picture")
    def _name_picture(self) -> str:
        return uuid.uuid4().hex[:30]  # whole triples of bytes, see `marked`
