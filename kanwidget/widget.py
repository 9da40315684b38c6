"""KANWidget: traits and thin observers over a pruning session; no arithmetic."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

import anywidget
import numpy as np
import traitlets
from torch import Tensor, nn

from .session import PruningSession
from .traits import Edges, Nodes, Threshold, Wish
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

    active_edges = traitlets.Int().tag(sync=True)
    """How many edges are on. To read."""

    loss = traitlets.Float(None, allow_none=True).tag(sync=True)
    """Loss on the dataset's test rows at present, see ``loss_name``. To read."""

    baseline_loss = traitlets.Float(None, allow_none=True).tag(sync=True)
    """Loss before thresholds and hand edits. To read."""

    loss_name = traitlets.Unicode().tag(sync=True)
    """What the losses measure, "" without labels. To read."""

    error = traitlets.Unicode().tag(sync=True)
    """What went wrong with the view's last wish, in words; "" if nothing did. To read."""

    _width = traitlets.List(trait=traitlets.Int()).tag(sync=True)
    _curves_x = traitlets.Bytes().tag(sync=True, echo_update=False)
    _curves_y = traitlets.Bytes().tag(sync=True, echo_update=False)
    _scores = traitlets.Bytes().tag(sync=True, echo_update=False)
    _baseline = traitlets.Bytes().tag(sync=True, echo_update=False)
    _mask = traitlets.Bytes().tag(sync=True, echo_update=False)

    def __init__(
        self,
        model: nn.Module,
        dataset: Mapping[str, Tensor] | Tensor | None = None,
        **traits: Any,
    ) -> None:
        yours = [*self._wishes(), "in_vars", "out_vars"]
        unknown = sorted(set(traits) - set(yours))
        if unknown:
            raise TypeError(
                f"KANWidget has no {', '.join(unknown)} to set; it has {', '.join(yours)}"
            )
        self.session = PruningSession(model, dataset)
        self._owner = threading.get_ident()
        self._loop = _running_loop()
        self._sequence = 0
        self._sent = 0  # the revision and the mask that the view has
        self._shown: list[Tensor] = []
        self._silent = False  # true while traits follow the session rather than lead it
        self._unwatch: Callable[[], None] = lambda: None
        width = self.session.width
        names = {
            "in_vars": [f"x_{i + 1}" for i in range(width[0])],
            "out_vars": ["f(x)"] if width[-1] == 1 else [f"f_{j + 1}" for j in range(width[-1])],
        }
        try:
            super().__init__(**names)
            for name in traits:
                setattr(self, name, traits[name])
            self._lead()
        except BaseException:
            self.close()
            raise
        self.observe(self._on_wish, names=self._wishes())
        self._unwatch = _watch_cells(self)

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
        self._follow()

    def restore_edge(self, l: int, i: int, j: int) -> None:
        """Switch the edge ``(l, i, j)`` on, and keep it on against thresholds and baseline."""
        self.session.restore_edge(l, i, j)
        self._follow()

    def remove_node(self, l: int, i: int) -> None:
        """Switch off all edges into and out of node ``i`` of node layer ``l``.

        Raises
        ------
        IndexError
            If there is no such node.
        """
        self.session.remove_node(l, i)
        self._follow()

    def restore_node(self, l: int, i: int) -> None:
        """Switch the node ``(l, i)`` on, and keep it on against the node threshold."""
        self.session.restore_node(l, i)
        self._follow()

    def reset(self) -> None:
        """Set both thresholds to 0 and take back all hand edits."""
        self.session.reset()
        self._follow()

    def compact(self) -> nn.Module:
        """Return a new, smaller model with the present outputs; the live one stays."""
        return self.session.compact()

    def refresh(self) -> None:
        """Show what others did to the model; called by itself after each notebook cell."""
        if self.session.refresh():
            self._follow()

    def close(self) -> None:
        """Give the model back as it was, and take the widget away."""
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
        try:
            super().set_state(wishes)
            self.error = ""
        except Exception as error:  # an observer's traceback would be shown nowhere
            self.error = f"{type(error).__name__}: {error}"
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
            self._lead()

    def _lead(self) -> None:
        """Bring the session to what the traits say."""
        self.session.set(**{name: getattr(self, name) for name in self._wishes()})
        self._follow()

    def _follow(self) -> None:
        """Bring the traits to what the session says, in one message."""
        session, edits = self.session, self.session.edits
        self._silent = True
        try:
            with self.hold_sync():
                self.node_threshold = session.node_threshold
                self.edge_threshold = session.edge_threshold
                self.removed_edges = sorted(edits.removed_edges)
                self.kept_edges = sorted(edits.kept_edges)
                self.removed_nodes = sorted(edits.removed_nodes)
                self.kept_nodes = sorted(edits.kept_nodes)
                self.active_edges = session.active_edges
                self.loss, self.baseline_loss = session.loss, session.baseline_loss
                self.loss_name = session.loss_name
                if self._shown is not session.mask:
                    self._shown = session.mask
                    self._mask = self._pack([m.flatten() for m in session.mask], np.uint8)
                if self._sent != session.revision:
                    self._sent = session.revision
                    self._width = session.width
                    xs, ys = zip(*session.curves, strict=True)
                    self._curves_x = self._pack(xs, np.float32)
                    self._curves_y = self._pack([y.flatten(0, 1) for y in ys], np.float32)
                    self._scores = self._pack([s.flatten() for s in session.scores], np.float64)
                    self._baseline = self._pack([b.flatten() for b in session.baseline], np.uint8)
        finally:
            self._silent = False

    def _pack(self, layers: Any, dtype: type[np.generic]) -> bytes:
        self._sequence += 1
        arrays = [layer.detach().cpu().numpy().astype(dtype) for layer in layers]
        return pack(np.concatenate(arrays), self._sequence)


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
            living.error = f"{type(error).__name__}: {error}"

    shell.events.register("post_run_cell", refresh)

    def unwatch() -> None:
        if refresh in shell.events.callbacks["post_run_cell"]:
            shell.events.unregister("post_run_cell", refresh)

    return unwatch
