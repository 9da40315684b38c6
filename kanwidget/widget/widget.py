"""KANWidget: the traits of a pruning session in a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import traitlets
from torch import Tensor, nn

from kanwidget.evaluate.metric import Metric, combine_metrics
from kanwidget.masks.state import State
from kanwidget.masks.validate import check_whole
from kanwidget.session import PruningSession

from .browser_input import BrowserInput
from .cost_prefetch import rescore_quickly
from .exports import Exports
from .html_export import NETWORK, widget_module
from .loop_watch import LoopWatch
from .notebook_preview import CELL_WIDTH, PICTURE_TRAITS, CellOutput, NotebookOutput
from .shared_sessions import followers, session_of, watch_cells
from .sync import TraitSync
from .traits import Parts
from .view_traits import HOST_TRAITS, ViewTraits
from .widget_training import WidgetTraining

__all__ = ["KANWidget"]

DECISIONS = State.names()
"""The names of the traits that say what is pruned."""


class _OnSession(NamedTuple):
    """What traits need of a widget to check a value before there is one."""

    session: PruningSession


class KANWidget(Exports, WidgetTraining, ViewTraits, NotebookOutput):
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
    metrics : dict of str to callable, optional
        More metrics by name, such as ``{"accuracy": accuracy}``: the view tells them beside the
        loss. The first decides if there is no ``metric``.
    show : list of str, optional
        Parts of the view that are there besides the network, and no others: "status", "toolbar",
        "thresholds", "legend", "hints", "cards", "training", "formula", "trace", "history",
        "code"; or ``hide`` those that are not.
    preview : bool
        Whether a notebook's cell that shows the widget keeps a picture of it behind it, for when
        nothing runs.
    **traits
        Initial values of the traits below, except the last six, which are read-only. The page sets
        them too, except for names, ``input_shape`` and ``hide``.

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
    hide : list of str
        Parts of the view that are not there.
    orientation : {"auto", "right", "up"}
        Where the inputs lead. With "auto" the view chooses the way in which the curves are larger.
    beta : float
        How dark weak edges are drawn, as in pykan's ``plot``; 3 by default.
    removed : {"faint", "hidden"}
        Whether edges and nodes that are off are drawn faintly, or not at all.
    shared_scale : bool
        Whether the curves into one node share a scale.
    active_edges : int
        How many edges are on.
    loss, baseline_loss : float
        Loss at present, and before thresholds and hand edits.
    loss_name : str
        What the losses measure.
    higher_is_better : bool
        Whether more of it is better.
    error : str
        What went wrong with the page's last change, in words; "" if nothing did.

    Examples
    --------
    >>> w = KANWidget(model, dataset, in_vars=["x", "y"])  # doctest: +SKIP
    >>> w.node_threshold = 0.01  # doctest: +SKIP
    >>> smaller = w.compact()  # doctest: +SKIP
    """

    _esm = widget_module(NETWORK)

    def __init__(
        self,
        model: nn.Module,
        dataset: Mapping[str, Tensor] | Tensor | None = None,
        *,
        metric: Metric | None = None,
        higher_is_better: bool | None = None,
        data_rows: int | None = None,
        metrics: Mapping[str, Metric] | None = None,
        show: Iterable[str] | None = None,
        preview: bool = True,
        **traits: Any,
    ) -> None:
        self.data_rows = None if data_rows is None else check_whole(data_rows, "data_rows", 0)
        score = traits.pop("score", None)
        yours = [*self.writable_traits(), "in_vars", "out_vars", "input_shape", "hide"]
        if show is not None:
            if "hide" in traits:
                raise TypeError("hand over show or hide, not both: each says what the other does")
            traits["hide"] = Parts.others(show)
        kept: dict[str, Any] = {
            name: traits.pop(name) for name in ("layout", "tooltip") if name in traits
        }
        unknown = sorted(set(traits) - set(yours))
        if unknown:
            raise TypeError(
                f"KANWidget has no {', '.join(unknown)} to set; it has {', '.join(yours)}"
            )
        metric = combine_metrics(metric, metrics)
        with session_of(model, dataset, metric, score, higher_is_better) as self.session:
            self._make(model, traits, kept, preview)
        self._follow_traits()
        self.on_msg(self._input.on_message)
        self._unwatch: Callable[[], None] = watch_cells(self)

    def _make(
        self,
        model: nn.Module,
        traits: Mapping[str, Any],
        kept: Mapping[str, Any],
        has_picture: bool,
    ) -> None:
        """Build the widget on its session, with a person's values of traits."""
        self._sync = TraitSync(self, model, lambda: [w._sync for w in followers(self.session)])
        self._catch_up = self._sync.catch_up
        self._input = BrowserInput(
            self,
            self._sync,
            self._picture,
            lambda: [w._input for w in followers(self.session)],
            super().set_state,
            self._correct,
        )
        self._loop_watch = LoopWatch(self._sync.trained_model, self.refresh, self.session)
        self._output = CellOutput(
            self._picture, lambda: self.figure(width=CELL_WIDTH), self.__repr__, bool(has_picture)
        )
        try:
            checked = {
                name: self.traits()[name].validate(_OnSession(self.session), value)  # type: ignore[attr-defined]
                for name, value in traits.items()
            }
            decisions = {name: checked.pop(name) for name in DECISIONS if name in checked}
            if decisions:
                self.session.set(**decisions)
            names = dict(zip(("in_vars", "out_vars"), self.session.variable_names, strict=True))
            super().__init__(**{**names, **checked}, **kept)
            followers(self.session).add(self)
            self._sync.update_all_widgets()
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
            self._sync.pull_from_session()
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
            self._sync.update_all_widgets(merge)

    def remove_edge(self, l: int, i: int, j: int) -> None:
        """Switch off the edge from node ``i`` of node layer ``l`` to node ``j`` of the next.

        Raises
        ------
        IndexError
            If there is no such edge.
        """
        self.session.remove_edge(l, i, j)
        self._sync.update_all_widgets()

    def restore_edge(self, l: int, i: int, j: int) -> None:
        """Switch the edge ``(l, i, j)`` on, and keep it on against thresholds and baseline."""
        self.session.restore_edge(l, i, j)
        self._sync.update_all_widgets()

    def remove_node(self, l: int, i: int) -> None:
        """Switch off all edges into and out of node ``i`` of node layer ``l``.

        Raises
        ------
        IndexError
            If there is no such node.
        """
        self.session.remove_node(l, i)
        self._sync.update_all_widgets()

    def restore_node(self, l: int, i: int) -> None:
        """Switch the node ``(l, i)`` on, and keep it on against the node threshold."""
        self.session.restore_node(l, i)
        self._sync.update_all_widgets()

    def reset(self) -> None:
        """Set both thresholds to 0 and take back all hand edits."""
        self.session.reset()
        self._sync.update_all_widgets()

    def compact(self) -> nn.Module:
        """Return a new, smaller model with the present outputs; the live one stays."""
        return self.session.compact()

    def undo(self) -> None:
        """Go back by one step."""
        self.session.undo()
        self._sync.update_all_widgets()

    def redo(self) -> None:
        """Go forward again."""
        self.session.redo()
        self._sync.update_all_widgets()

    def commit(self) -> None:
        """Make the present state the new baseline; `close` leaves the model there."""
        self.session.commit()
        self._sync.update_all_widgets()

    def script(self) -> str:
        """Return the shortest Python that takes the original model to the present state."""
        return self.session.script()

    def page_state(self) -> dict[str, Any]:
        """Return all that a view reads, by the names of the traits, up to date.

        A page on its own has no other picture, nor an order of messages.
        """
        self._sync.finish()
        self._sync.send_tables()
        self._sync.finish_formula()
        others = HOST_TRAITS | {"_picture", "_written"}
        return {n: getattr(self, n) for n in self.trait_names(sync=True) if n not in others}

    def refresh(self, *_: object) -> None:
        """Show what was done to model and session; called by itself after each notebook cell.

        Whatever arguments it is given mean nothing: ``model.fit(..., callback=w.refresh)`` works.
        """
        if not self.session.closed:
            self.session.refresh()
            self._sync.update_all_widgets()
            self._sync.watch_training()
        elif not self._closed:  # another widget on the model may have closed it
            self._sync.pull_from_session()
            self.set_trait("_closed", True)

    def close(self) -> None:
        """Give the model back as it was or as last committed, and take the widget away.

        Other widgets on the model stay on the page, say so, and can no longer change it.
        """
        if sys.is_finalizing():  # nobody will see the model, and torch is half gone
            return
        if "_unwatch" in self.__dict__:  # ipywidgets closes half-made widgets too
            self._unwatch()
            self._output.drop()
            self._sync.drop()
            others = followers(self.session)
            others.discard(self)
            self.session.close()
            for widget in list(others):
                widget.refresh()
        super().close()

    def set_state(self, sync_data: Any) -> None:
        """Take in what a page wrote, as far as it makes sense."""
        self._input.set_state(sync_data)

    def _correct(self, names: list[str]) -> None:
        """Send the page the actual values where it wrote something else.

        The answer to what it wrote comes first: until it has that, ipywidgets takes no news of
        these traits from other pages.
        """
        if names:
            state = self.get_state(names)
            plain = {n: v for n, v in state.items() if not isinstance(v, (bytes, memoryview))}
            self._send({"method": "echo_update", "state": plain, "buffer_paths": []})
            self.send_state(names)

    def unobserve_all(self, name: Any = traitlets.All) -> None:
        """Take away all observers of a trait, or of all; the widget goes on following its own."""
        super().unobserve_all(name)
        if "_unwatch" in self.__dict__:
            self._follow_traits()

    def _follow_traits(self) -> None:
        """Pass on to the session what anyone sets; observing twice adds no second handler."""
        self.observe(self._sync.push_to_session, names=DECISIONS)
        self.observe(self._on_selected, names="selected")
        self.observe(self._on_score, names="score")
        self.observe(self._output.redraw, names=PICTURE_TRAITS)

    def _on_score(self, change: Any) -> None:
        if not self._sync.pulls:
            try:
                if self._input.is_acting:
                    rescore_quickly(self.session, change["new"])
                else:
                    self.session.rescore(change["new"])
            finally:
                self._sync.update_all_widgets()

    def _on_selected(self, change: Any) -> None:
        if not self.session.closed:
            self._sync.prefetch_costs()
