"""KANWidget: traits and thin observers over a pruning session; no arithmetic."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import traitlets
from torch import Tensor, nn

from kanwidget.evaluate.metric import Metric
from kanwidget.kan.atomic_write import replacing
from kanwidget.masks.state import State
from kanwidget.masks.validate import check_whole
from kanwidget.session import PruningSession

from . import html_export, payload
from .browser_input import BrowserInput
from .cost_prefetch import rescore_quickly
from .image_export import ImageExport
from .shared_sessions import columns_given, followers, session_of, watch_cells
from .sync import TraitSync
from .traits import (
    Choice,
    Edges,
    Flag,
    Names,
    Nodes,
    RejectsUnknownTraits,
    Sample,
    Score,
    Selection,
    Shape,
    Threshold,
)

__all__ = ["KANWidget"]


ROWS = 200
"""Rows of the data in an exported page, by default."""


def _as_json(number: float, _: Any) -> float | None:
    """Return a number as it crosses the wire: JSON has neither NaN nor infinity."""
    return payload.finite(number)


class KANWidget(RejectsUnknownTraits, ImageExport, BrowserInput):
    """Draw a live KAN, and prune it by hand.

    Sliders and clicks switch edges of ``model`` itself, so the next ``model(x)`` shows what
    the canvas shows; `close` gives the model back as it was. What a cell does to the model
    (``model.remove_edge(0, 0, 1)``, more training) shows on the canvas after that cell.

    Parameters
    ----------
    model : KAN
        A live, trained model.
    dataset : dict or Tensor, optional
        As `create_dataset` makes it, with the entries ``train_input`` and ``test_input``
        ``(rows, width[0])``, ``train_label`` and ``test_label`` ``(rows, width[-1])``: tensors,
        arrays, DataFrames or lists. Scores come from the training inputs, the loss from the test
        rows. Or inputs alone. By default the inputs that the model last saw.
    metric : callable, optional
        ``(prediction, label) -> scalar`` in place of the root mean squared error. Less is
        better, unless ``higher_is_better`` says otherwise.
    higher_is_better : bool, optional
        Whether more of the metric is better, as of an accuracy. By default what the metric
        says itself in an attribute ``higher_is_better``, as torchmetrics' do; else less is.
    data_rows : int, optional
        How many rows of the data, with their labels, the page gets to pick a sample from: 256 by
        default, fewer of wide ones. A saved notebook keeps them if it keeps the state of widgets,
        as `nbconvert --execute` does. With 0 no value of the data leaves Python: the ends of
        curves are rounded outwards to two digits, and nothing is told of how the data are spread.
    preview : bool
        Whether a notebook's cell that shows the widget keeps a picture of it behind it, for when
        nothing runs.
    **traits
        Initial values of the traits below, but for the last six, which are to read. The page
        sets them too, but for names and ``input_shape``.

    Raises
    ------
    TypeError, ValueError
        If the model, the data or a trait's value makes no sense; the model is unchanged.

    Attributes
    ----------
    session : PruningSession
        What acts on the model, and what can be asked of it without a notebook.
    node_threshold, edge_threshold : float
        Hidden nodes, or edges, with a score at or below it are off; 0 takes nothing.
    removed_edges, kept_edges : list of (l, i, j)
        Edges switched off by hand; kept on against thresholds and baseline.
    removed_nodes, kept_nodes : list of (l, i)
        Nodes switched off by hand; kept on against the node threshold.
    keep_mean : bool
        Whether an edge that goes off leaves its mean output in a bias, as is usual.
    in_vars, out_vars : list of str
        Names of inputs (those of all columns of the data will do) and outputs; by default those
        of the columns of DataFrames, and of a Series.
    input_shape : (int, int)
        Rows and columns of inputs that are an image, such as (28, 28), or ().
    score : {"l1", "attribution", "ablation"}
        What edges score, see `PruningSession.rescore`; at first as the model's library does.
    selected : list of (l, i, j) and (l, i)
        Edges and nodes with a card, 64 at most.
    probe : list of float
        The inputs followed through the network, or [].
    tolerance : float
        By which share the loss may be worse than the best along a threshold: the line over
        the sliders, at 0.05.
    view : {"auto", "network", "matrix"}
        How the model is drawn.
    orientation : {"right", "up"}
        Where the inputs lead.
    active_edges : int
        How many edges are on.
    loss, baseline_loss : float
        Loss at present, and before thresholds and hand edits.
    loss_name : str
        What the losses measure.
    higher_is_better : bool
        Whether more of it is better.
    error : str
        What went wrong with the page's last wish, in words; "" if nothing did.

    Examples
    --------
    >>> w = KANWidget(model, dataset, in_vars=["x", "y"])  # doctest: +SKIP
    >>> w.node_threshold = 0.01  # doctest: +SKIP
    >>> smaller = w.compact()  # doctest: +SKIP
    """

    _esm = html_export.bundle("widget.js")

    node_threshold = Threshold(0.0).tag(sync=True)
    edge_threshold = Threshold(0.0).tag(sync=True)
    removed_edges = Edges().tag(sync=True)
    kept_edges = Edges().tag(sync=True)
    removed_nodes = Nodes().tag(sync=True)
    kept_nodes = Nodes().tag(sync=True)
    in_vars = Names().tag(sync=True)
    out_vars = Names().tag(sync=True)
    keep_mean = Flag(True).tag(sync=True)
    selected = Selection().tag(sync=True)
    probe = Sample().tag(sync=True)
    tolerance = Threshold(0.05).tag(sync=True)
    view = Choice("auto", "network", "matrix").tag(sync=True)
    orientation = Choice("right", "up").tag(sync=True)
    input_shape = Shape().tag(sync=True)
    score = Score("l1").tag(sync=True)
    active_edges = traitlets.Int(read_only=True).tag(sync=True)
    loss = traitlets.Float(read_only=True).tag(sync=True, to_json=_as_json)
    baseline_loss = traitlets.Float(read_only=True).tag(sync=True, to_json=_as_json)
    loss_name = traitlets.Unicode(read_only=True).tag(sync=True)
    higher_is_better = traitlets.Bool(read_only=True).tag(sync=True)
    error = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(
        self,
        model: nn.Module,
        dataset: Mapping[str, Tensor] | Tensor | None = None,
        *,
        metric: Metric | None = None,
        higher_is_better: bool | None = None,
        data_rows: int | None = None,
        preview: bool = True,
        **traits: Any,
    ) -> None:
        self.data_rows = None if data_rows is None else check_whole(data_rows, "data_rows", 0)
        self._previews = bool(preview)
        score = traits.pop("score", None)
        yours = [*self.writable_traits(), "in_vars", "out_vars", "input_shape"]
        kept: dict[str, Any] = {
            name: traits.pop(name) for name in ("layout", "tooltip") if name in traits
        }
        unknown = sorted(set(traits) - set(yours))
        if unknown:
            raise TypeError(
                f"KANWidget has no {', '.join(unknown)} to set; it has {', '.join(yours)}"
            )
        with session_of(model, dataset, metric, score, higher_is_better) as self.session:
            self._make(model, traits, kept)
        self._follow_traits()
        self.on_msg(self._on_message)
        self._unwatch: Callable[[], None] = watch_cells(self)

    def _make(self, model: nn.Module, traits: Mapping[str, Any], kept: Mapping[str, Any]) -> None:
        """Build the widget on its session, with a person's values of traits."""
        self._mirror = TraitSync(self, model)
        self._listen()
        self._silent = False  # true while traits follow the session rather than lead it
        try:
            checked = self._checked(traits)
            decisions = {n: checked.pop(n) for n in self._decisions() if n in checked}
            if decisions:
                self.session.set(**decisions)
            super().__init__(**{**self._names(), **checked}, **kept)
            followers(self.session).add(self)
            self._update_all_widgets()
        except BaseException:
            followers(self.session).discard(self)
            super().close()
            raise

    def __repr__(self) -> str:
        session = self.session
        total = sum(layer.numel() for layer in session.mask)
        return f"KANWidget({session.width}, {session.active_edges} of {total} edges on)"

    def open(self) -> None:
        """Tell the front end of the widget, with all that a view needs in the first message.

        Some hosts lose what is sent before there is a view.
        """
        if self.comm is None:
            self._pull_from_session()
        super().open()

    def set(self, *, merge: bool = False, **changes: Any) -> None:
        """Set thresholds and hand edits, several of them as one step.

        Each assignment to a trait is a step of the history. A loop, or a slider of your own,
        sets ``merge``.

        Parameters
        ----------
        merge : bool
            Whether this goes on with the last step if that changed the same things, as a
            slider that is dragged does.
        **changes
            ``node_threshold``, ``edge_threshold``, ``removed_edges``, ``kept_edges``,
            ``removed_nodes``, ``kept_nodes`` or ``keep_mean``, see `PruningSession.set`.

        Raises
        ------
        TypeError, ValueError, IndexError
            If a value makes no sense; nothing is changed.

        Examples
        --------
        >>> w.set(node_threshold=0.01, removed_edges=[(0, 0, 1)])  # doctest: +SKIP
        >>> for level in levels:  # doctest: +SKIP
        ...     w.set(node_threshold=level, merge=True)
        """
        try:
            self.session.set(merge=merge, **changes)
        finally:
            self._update_all_widgets(merge)

    def remove_edge(self, l: int, i: int, j: int) -> None:
        """Switch off the edge from node ``i`` of node layer ``l`` to node ``j`` of the next.

        Raises
        ------
        IndexError
            If there is no such edge.
        """
        self.session.remove_edge(l, i, j)
        self._update_all_widgets()

    def restore_edge(self, l: int, i: int, j: int) -> None:
        """Switch the edge ``(l, i, j)`` on, and keep it on against thresholds and baseline."""
        self.session.restore_edge(l, i, j)
        self._update_all_widgets()

    def remove_node(self, l: int, i: int) -> None:
        """Switch off all edges into and out of node ``i`` of node layer ``l``.

        Raises
        ------
        IndexError
            If there is no such node.
        """
        self.session.remove_node(l, i)
        self._update_all_widgets()

    def restore_node(self, l: int, i: int) -> None:
        """Switch the node ``(l, i)`` on, and keep it on against the node threshold."""
        self.session.restore_node(l, i)
        self._update_all_widgets()

    def reset(self) -> None:
        """Set both thresholds to 0 and take back all hand edits."""
        self.session.reset()
        self._update_all_widgets()

    def compact(self) -> nn.Module:
        """Return a new, smaller model with the present outputs; the live one stays."""
        return self.session.compact()

    def undo(self) -> None:
        """Go back by one step."""
        self.session.undo()
        self._update_all_widgets()

    def redo(self) -> None:
        """Go forward again."""
        self.session.redo()
        self._update_all_widgets()

    def commit(self) -> None:
        """Make the present state the new baseline; `close` leaves the model there."""
        self.session.commit()
        self._update_all_widgets()

    def script(self) -> str:
        """Return the shortest Python that takes the original model to the present state."""
        return self.session.script()

    def to_html(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        title: str | None = None,
        data_rows: int | None = None,
    ) -> str:
        """Return the widget as a page that needs neither a kernel nor a network.

        Sliders, switches, cards and undo work there, on numbers that the page computes
        itself; they reach no model. A network of more than 2,000 edges is computed when nothing
        has been moved for a moment; its page is larger, 15 MB with 50,816 edges. Beyond 200,000
        edges it is only shown, with the losses that were measured here.

        A page computes the RMSE and torch's own MSE, L1, cross entropy and binary cross entropy
        with logits. Any other ``metric`` stays in Python: the page shows how far the outputs move
        instead, and says so.

        Parameters
        ----------
        path : path, optional
            Where to write it.
        title : str, optional
        data_rows : int, optional
            How many rows of the data the loss is measured on go into the page, from end to
            end, with their labels; its loss is that on these rows. By default 200, or as many as
            the widget's own ``data_rows`` if these are fewer. With 0 it holds none, nor how they
            are spread, and the ends of the curves are rounded outwards to two digits.

        Returns
        -------
        str
            The page, one HTML document.
        """
        if data_rows is None:
            rows = ROWS if self.data_rows is None else min(ROWS, self.data_rows)
        else:
            rows = check_whole(data_rows, "data_rows", 0)
        content = html_export.page(self, title, rows)
        if path is not None:
            with replacing(path) as beside:
                beside.write_text(content, encoding="utf-8")
        return content

    def refresh(self, *_: object) -> None:
        """Show what was done to model and session; called by itself after each notebook cell.

        Whatever arguments it is given mean nothing: ``model.fit(..., callback=w.refresh)`` works.
        """
        if not self.session.closed:
            self.session.refresh()
            self._update_all_widgets()
            self._mirror.watch_training()
        elif not self._closed:  # another widget on the model may have closed it
            self._pull_from_session()
            self.set_trait("_closed", True)

    def close(self) -> None:
        """Give the model back as it was or as last committed, and take the widget away.

        Other widgets on the model stay on the page, say so, and can no longer change it.
        """
        if sys.is_finalizing():  # nobody will see the model, and torch is half gone
            return
        if "_unwatch" in self.__dict__:  # ipywidgets closes half-made widgets too
            self._unwatch()
            self._leave_picture()
            self._mirror.drop()
            others = followers(self.session)
            others.discard(self)
            self.session.close()
            for widget in list(others):
                widget.refresh()
        super().close()

    def unobserve_all(self, name: Any = traitlets.All) -> None:
        """Take away all observers of a trait, or of all; the widget goes on following its own."""
        super().unobserve_all(name)
        if "_unwatch" in self.__dict__:
            self._follow_traits()

    def _follow_traits(self) -> None:
        """Bring to the session what anyone sets; a handler that is there already stays one."""
        self.observe(self._on_decision, names=self._decisions())
        self.observe(self._on_selected, names="selected")
        self.observe(self._on_score, names="score")
        self._follow_picture()

    @traitlets.validate("in_vars", "out_vars")
    def _check_names(self, proposal: Any) -> list[str]:
        return _fitting(self.session, proposal["trait"].name, proposal["value"])

    def _checked(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        """Return values as they are set, or raise what that would raise."""
        checked = {}
        for name, value in traits.items():
            trait: Any = self.traits()[name]
            checked[name] = trait.validate(SimpleNamespace(session=self.session), value)
            if name in ("in_vars", "out_vars"):
                checked[name] = _fitting(self.session, name, checked[name])
        return checked

    @classmethod
    def _decisions(cls) -> list[str]:
        """Return the names of those wishes that the session acts on."""
        return list(State().to_dict())

    def _names(self) -> dict[str, list[str]]:
        """Return names for inputs and outputs."""
        return dict(zip(("in_vars", "out_vars"), self.session.names, strict=True))

    def _on_decision(self, change: Any) -> None:
        if not self._silent:
            self._push_to_session(merge=self._dragged)

    def _on_score(self, change: Any) -> None:
        if not self._silent:
            try:
                if self._from_page:
                    rescore_quickly(self.session, change["new"])
                else:
                    self.session.rescore(change["new"])
            finally:
                self._update_all_widgets()

    def _on_selected(self, change: Any) -> None:
        if not self.session.closed:
            self._mirror.prefetch_costs()

    def _push_to_session(self, merge: bool = False) -> None:
        """Bring the session to what the traits say."""
        # What it says already may be otherwise once it has looked at the model.
        told = self.session.state.to_dict()
        wishes = {n: getattr(self, n) for n in told if getattr(self, n) != told[n]}
        try:
            self.session.set(merge=merge, **wishes)
        finally:  # what was refused must not look as if it were done
            self._update_all_widgets(merge)

    def _update_all_widgets(self, dragged: bool = False) -> None:
        """Bring the traits of all widgets on the session to what it says."""
        for widget in list(followers(self.session)) or [self]:
            widget._pull_from_session(dragged)

    @contextlib.contextmanager
    def _following(self) -> Iterator[None]:
        """While traits follow the session they do not lead it."""
        before, self._silent = self._silent, True
        try:
            yield
        finally:
            self._silent = before

    def _pull_from_session(self, dragged: bool = False) -> None:
        """Bring the traits to what the session says, in one message.

        Whoever observes one of them finds all others up to it.
        """
        decisions = self.session.state.to_dict()
        with self.hold_sync(), self._following():
            with self.hold_trait_notifications():
                for name, value in decisions.items():
                    setattr(self, name, value)
                self.score = self.session.score
                self._mirror.update()
            self._mirror.update_when_idle(dragged)
        # An observer may have set a trait meanwhile: that is a wish like any other.
        moved = any(getattr(self, n) != v for n, v in decisions.items())
        if moved and not self._silent and not self.session.closed:
            self._push_to_session()

    def _drop_stale_ids(self) -> None:
        """Let go of what belongs to nodes that the model has no more."""
        width = self.session.width
        selection: Any = self.traits()["selected"]
        self.selected = selection.known(self.session, self.selected)
        for name, names in self._names().items():
            if len(getattr(self, name)) != len(names):
                setattr(self, name, names)
        if len(self.probe) != width[0]:
            self.probe = []
        if self.input_shape and math.prod(self.input_shape) != width[0]:
            self.input_shape = []


def _fitting(session: PruningSession, name: str, names: list[str]) -> list[str]:
    """Return names of a model's inputs or outputs, picked from those of all the data's columns.

    Raises
    ------
    ValueError
        If there are more or fewer.
    """
    expected, columns = session.width[0 if name == "in_vars" else -1], session.columns
    if name == "in_vars" and len(names) != expected:
        some = columns != list(range(expected)) and len(names) > max(columns)
        if some or len(names) == columns_given(session):
            names = [names[column] for column in columns]
    if len(names) != expected:
        raise ValueError(f"{name} must hold {expected} names, got {len(names)}")
    return names
