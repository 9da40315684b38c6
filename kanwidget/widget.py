"""KANWidget: traits and thin observers over a pruning session; no arithmetic."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import Any

import anywidget
import numpy as np
import traitlets
from torch import Tensor, nn

from .baseline import Baseline, Metric
from .session import PruningSession
from .traits import Edges, Flag, Nodes, Threshold, Wish
from .wire import pack

__all__ = ["KANWidget"]


def _bundle() -> str:
    path = files("kanwidget") / "static" / "widget.js"
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ImportError(
            f"{path} is missing: in a checkout, build the front end with `make build`; "
            "an installed kanwidget carries it"
        ) from None


class KANWidget(anywidget.AnyWidget):
    """Draw a live KAN, and prune it by hand.

    Sliders and clicks switch edges of ``model`` itself, so the next ``model(x)`` shows what
    the canvas shows; `close` gives the model back as it was. What a cell does to the model
    (``model.remove_edge(0, 0, 1)``, more training) shows on the canvas after that cell.

    Parameters
    ----------
    model : KAN
        A live, trained model.
    dataset : dict or Tensor, optional
        As `create_dataset` makes it: scores come from the training inputs, the loss from the
        test rows. Or inputs alone. By default the inputs that the model last saw.
    metric : callable, optional
        ``(prediction, label) -> scalar`` in place of the root mean squared error.
    **traits
        Initial values of the traits below that are yours to set.

    Raises
    ------
    TypeError, ValueError
        If the model, the data or a trait's value makes no sense; the model is unchanged.

    Attributes
    ----------
    session : PruningSession
        What acts on the model, and what can be asked of it without a notebook.

    Examples
    --------
    >>> w = KANWidget(model, dataset, in_vars=["x", "y"])  # doctest: +SKIP
    >>> w.node_threshold = 0.01  # doctest: +SKIP
    >>> smaller = w.compact()  # doctest: +SKIP
    """

    _esm = _bundle()

    node_threshold = Threshold(0.0).tag(sync=True)
    """Hidden nodes with a score at or below it are off; 0 takes nothing. Yours and the view's."""

    edge_threshold = Threshold(0.0).tag(sync=True)
    """Edges with a score at or below it are off; 0 takes nothing. Yours and the view's."""

    removed_edges = Edges().tag(sync=True)
    """Edges ``(l, i, j)`` switched off by hand, sorted. Yours and the view's."""

    kept_edges = Edges().tag(sync=True)
    """Edges ``(l, i, j)`` kept on against thresholds and baseline, sorted. Yours and the view's."""

    removed_nodes = Nodes().tag(sync=True)
    """Nodes ``(l, i)`` switched off by hand, sorted. Yours and the view's."""

    kept_nodes = Nodes().tag(sync=True)
    """Nodes ``(l, i)`` kept on against the node threshold, sorted. Yours and the view's."""

    in_vars = traitlets.List(trait=traitlets.Unicode()).tag(sync=True)
    """Names of the inputs, ``x_1, x_2, ..`` by default. Yours."""

    out_vars = traitlets.List(trait=traitlets.Unicode()).tag(sync=True)
    """Names of the outputs, ``f(x)`` or ``f_1, f_2, ..`` by default. Yours."""

    keep_mean = Flag(True).tag(sync=True)
    """Whether an edge that goes off leaves its mean output in a bias. Yours and the view's."""

    active_edges = traitlets.Int(read_only=True).tag(sync=True)
    """How many edges are on. To read."""

    loss = traitlets.Float(read_only=True).tag(sync=True)
    """Loss at present, see ``loss_name``. To read."""

    baseline_loss = traitlets.Float(read_only=True).tag(sync=True)
    """Loss before thresholds and hand edits. To read."""

    loss_name = traitlets.Unicode(read_only=True).tag(sync=True)
    """What the losses measure. To read."""

    error = traitlets.Unicode(read_only=True).tag(sync=True)
    """What went wrong with the view's last wish, in words; "" if nothing did. To read."""

    _width = traitlets.List(trait=traitlets.Int(), read_only=True).tag(sync=True)
    _curves_x = traitlets.Bytes(read_only=True).tag(sync=True, echo_update=False)
    _curves_y = traitlets.Bytes(read_only=True).tag(sync=True, echo_update=False)
    _scores = traitlets.Bytes(read_only=True).tag(sync=True, echo_update=False)
    _baseline = traitlets.Bytes(read_only=True).tag(sync=True, echo_update=False)
    _mask = traitlets.Bytes(read_only=True).tag(sync=True, echo_update=False)

    def __init__(
        self,
        model: nn.Module,
        dataset: Mapping[str, Tensor] | Tensor | None = None,
        *,
        metric: Metric | None = None,
        **traits: Any,
    ) -> None:
        yours = [*self._wishes(), "in_vars", "out_vars"]
        kept = {name: traits.pop(name) for name in ("layout", "tooltip") if name in traits}
        unknown = sorted(set(traits) - set(yours))
        if unknown:
            raise TypeError(
                f"KANWidget has no {', '.join(unknown)} to set; it has {', '.join(yours)}"
            )
        self.session = _session_of(model, dataset, metric)
        self._owner = threading.get_ident()
        self._loop = _running_loop()
        self._sequence = 0
        self._sent: Baseline | None = None  # the baseline and the mask that the view has
        self._shown: list[Tensor] = []
        self._dragged = False  # true while a slider's message is taken in
        self._silent = False  # true while traits follow the session rather than lead it
        width = self.session.width
        names = {
            "in_vars": [f"x_{i + 1}" for i in range(width[0])],
            "out_vars": ["f(x)"] if width[-1] == 1 else [f"f_{j + 1}" for j in range(width[-1])],
        }
        try:
            super().__init__(**names, **kept)
            _FOLLOWERS.setdefault(self.session, weakref.WeakSet()).add(self)
            self._tell()
            with self._following():
                for name in traits:
                    setattr(self, name, traits[name])
            if traits:
                self._lead()
        except BaseException:
            followers = _FOLLOWERS.get(self.session, weakref.WeakSet())
            followers.discard(self)
            if not followers:  # else it is another widget's session too
                self.session.close()
            super().close()
            raise
        self.observe(self._on_wish, names=self._wishes())
        self._unwatch: Callable[[], None] = _watch_cells(self)

    def __repr__(self) -> str:
        session = self.session
        total = sum(layer.numel() for layer in session.mask)
        return f"KANWidget({session.width}, {session.active_edges} of {total} edges on)"

    def remove_edge(self, l: int, i: int, j: int) -> None:
        """Switch off the edge from node ``i`` of node layer ``l`` to node ``j`` of the next.

        Raises
        ------
        IndexError
            If there is no such edge.
        """
        self.session.remove_edge(l, i, j)
        self._tell()

    def restore_edge(self, l: int, i: int, j: int) -> None:
        """Switch the edge ``(l, i, j)`` on, and keep it on against thresholds and baseline."""
        self.session.restore_edge(l, i, j)
        self._tell()

    def remove_node(self, l: int, i: int) -> None:
        """Switch off all edges into and out of node ``i`` of node layer ``l``.

        Raises
        ------
        IndexError
            If there is no such node.
        """
        self.session.remove_node(l, i)
        self._tell()

    def restore_node(self, l: int, i: int) -> None:
        """Switch the node ``(l, i)`` on, and keep it on against the node threshold."""
        self.session.restore_node(l, i)
        self._tell()

    def reset(self) -> None:
        """Set both thresholds to 0 and take back all hand edits."""
        self.session.reset()
        self._tell()

    def compact(self) -> nn.Module:
        """Return a new, smaller model with the present outputs; the live one stays."""
        return self.session.compact()

    def undo(self) -> None:
        """Go back by one step."""
        self.session.undo()
        self._tell()

    def redo(self) -> None:
        """Go forward again."""
        self.session.redo()
        self._tell()

    def commit(self) -> None:
        """Make the present state the new baseline; `close` leaves the model there."""
        self.session.commit()
        self._tell()

    def script(self) -> str:
        """Return the shortest Python that takes the original model to the present state."""
        return self.session.script()

    def refresh(self) -> None:
        """Show what was done to model and session; called by itself after each notebook cell."""
        if not self.session.closed:  # another widget on the model may have closed it
            self.session.refresh()
            self._tell()

    def close(self) -> None:
        """Give the model back as it was or as last committed, and take the widget away.

        Other widgets on the model stay on the page, and can no longer change it.
        """
        if sys.is_finalizing():  # nobody will see the model, and torch is half gone
            return
        if "_unwatch" in self.__dict__:  # ipywidgets closes half-made widgets too
            self._unwatch()
            self.session.close()
        super().close()

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Take in what the view wrote: only its wishes, and of these only what makes sense.

        Whatever else arrives is dropped, and the view is told the truth again. Only the
        thread that owns the model acts; other threads leave it the message.
        """
        if threading.get_ident() != self._owner and self._loop is not None:
            self._loop.call_soon_threadsafe(self.set_state, sync_data)
            return
        known = {name: value for name, value in sync_data.items() if name in self.keys}
        wishes = {}
        for name, value in known.items():
            trait = self.traits()[name]
            clean = trait.wish(self.session, value) if isinstance(trait, Wish) else None
            if clean is not None:
                wishes[name] = clean
        self._dragged = set(wishes) in ({"node_threshold"}, {"edge_threshold"})
        try:
            super().set_state(wishes)
            self.set_trait("error", "")
        except Exception as error:  # an observer's traceback would be shown nowhere
            self.set_trait("error", f"{type(error).__name__}: {error}")
        finally:
            self._dragged = False
        astray = [n for n, value in known.items() if n not in wishes or _differ(wishes[n], value)]
        if astray:
            self.send_state(astray)

    @traitlets.validate("in_vars", "out_vars")
    def _check_names(self, proposal: Any) -> list[str]:
        name, names = proposal["trait"].name, list(proposal["value"])
        expected = self.session.width[0 if name == "in_vars" else -1]
        if len(names) != expected:
            raise ValueError(f"{name} must hold {expected} names, got {len(names)}")
        return names

    @classmethod
    def _wishes(cls) -> list[str]:
        """Return the names of the traits that both a person and a view may write."""
        return [name for name, trait in cls.class_traits().items() if isinstance(trait, Wish)]

    def _on_wish(self, change: Any) -> None:
        if not self._silent:
            self._lead(merge=self._dragged)

    def _lead(self, merge: bool = False) -> None:
        """Bring the session to what the traits say."""
        self.session.set(merge=merge, **{name: getattr(self, name) for name in self._wishes()})
        self._tell()

    def _tell(self) -> None:
        """Bring the traits of all widgets on the session to what it says."""
        for widget in list(_FOLLOWERS.get(self.session, [self])):
            widget._follow()

    @contextlib.contextmanager
    def _following(self) -> Iterator[None]:
        """While traits follow the session they do not lead it."""
        before, self._silent = self._silent, True
        try:
            yield
        finally:
            self._silent = before

    def _follow(self) -> None:
        """Bring the traits to what the session says, in one message."""
        session, state = self.session, self.session.state
        wishes = state.to_dict()
        with self.hold_sync(), self._following():
            for name, value in wishes.items():
                setattr(self, name, value)
            self.set_trait("active_edges", session.active_edges)
            self.set_trait("loss", session.loss)
            self.set_trait("baseline_loss", session.baseline.loss)
            self.set_trait("loss_name", session.loss_name)
            if self._shown is not session.mask:
                self._shown = session.mask
                self.set_trait("_mask", self._pack([m.flatten() for m in session.mask], np.uint8))
            if self._sent is not session.baseline:
                self._sent = baseline = session.baseline
                xs, ys = zip(*baseline.curves, strict=True)
                self.set_trait("_width", session.width)
                for name, layers, dtype in (
                    ("_curves_x", xs, np.float32),
                    ("_curves_y", [y.flatten(0, 1) for y in ys], np.float32),
                    ("_scores", [s.flatten() for s in baseline.scores], np.float64),
                    ("_baseline", [b.flatten() for b in baseline.mask], np.uint8),
                ):
                    self.set_trait(name, self._pack(layers, dtype))
        # An observer may have set a trait meanwhile: that is a wish like any other.
        if not self._silent and any(getattr(self, n) != value for n, value in wishes.items()):
            self._lead()

    def _pack(self, layers: Any, dtype: type[np.generic]) -> bytes:
        self._sequence += 1
        arrays = [layer.detach().cpu().numpy().astype(dtype) for layer in layers]
        return pack(np.concatenate(arrays), self._sequence)


_SESSIONS: weakref.WeakValueDictionary[int, PruningSession] = weakref.WeakValueDictionary()
_FOLLOWERS: weakref.WeakKeyDictionary[PruningSession, weakref.WeakSet[KANWidget]] = (
    weakref.WeakKeyDictionary()
)


def _session_of(
    model: nn.Module, dataset: Mapping[str, Tensor] | Tensor | None, metric: Metric | None
) -> PruningSession:
    """Return the session that a widget on a model works.

    A cell that is run again makes a new widget, and nothing tells it that the old one is
    gone: it takes over where that one stands. On other data it starts anew from there.
    """
    old = _SESSIONS.get(id(model))
    if old is None or old.closed or not old.is_on(model):
        session = PruningSession(model, dataset, metric=metric)
    elif old.measures_with(dataset, metric):
        return old
    else:
        state = old.state
        old.close()
        session = PruningSession(model, dataset, metric=metric)
        session.set(**state.to_dict())
        for widget in list(_FOLLOWERS.pop(old, [])):
            widget.session = session
            _FOLLOWERS.setdefault(session, weakref.WeakSet()).add(widget)
    _SESSIONS[id(model)] = session
    return session


def _differ(clean: Any, raw: Any) -> bool:
    return bool([list(ids) for ids in clean] != raw if isinstance(clean, list) else clean != raw)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _watch_cells(widget: KANWidget) -> Callable[[], None]:
    """Refresh the widget after each notebook cell; return how to stop that."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return lambda: None
    shell = get_ipython()
    if shell is None:
        return lambda: None
    held = weakref.ref(widget)

    def refresh(*_: Any) -> None:
        living = held()
        if living is None:
            return
        try:
            living.refresh()
        except Exception as error:  # IPython would print it under an unrelated cell
            living.set_trait("error", f"{type(error).__name__}: {error}")

    shell.events.register("post_run_cell", refresh)

    def unwatch() -> None:
        if refresh in shell.events.callbacks["post_run_cell"]:
            shell.events.unregister("post_run_cell", refresh)

    return unwatch
