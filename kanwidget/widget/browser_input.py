"""What comes from a page: decisions as values of traits, commands as messages.

It may hold anything.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from . import messages
from .idle import acting_loop
from .message_order import MessageOrder, Pending
from .sync import TraitSync
from .traits import BrowserWritable
from .view_traits import HOST_TRAITS

__all__ = ["BrowserInput"]


class BrowserInput:
    """Lets through what makes sense of a page's messages, and says what does not.

    Parameters
    ----------
    widget : KANWidget
    sync : TraitSync
    mark : str
        By which pages know the widget.
    others : callable
        Returns the inputs of all widgets on the session.
    apply : callable
        Sets traits, by name, as ipywidgets does.
    correct : callable
        Tells the page what traits are, by their names.
    """

    def __init__(
        self,
        widget: Any,
        sync: TraitSync,
        mark: str,
        others: Callable[[], Iterable[BrowserInput]],
        apply: Callable[[dict[str, Any]], None],
        correct: Callable[[list[str]], None],
    ) -> None:
        self._widget, self._sync, self._mark = widget, sync, mark
        self._others, self._apply, self._correct = others, apply, correct
        self._loop, self._owner = acting_loop()
        self._order = MessageOrder()
        self.is_acting = False  # while any message is

    def set_state(self, sync_data: Any) -> None:
        """Take in what the view wrote: only its changes, and of these only what makes sense.

        Whatever else arrives is dropped, and the view is told the truth again. Only the
        thread that owns the model acts; other threads leave it the message.
        """
        if self._left_to_owner_thread(self.set_state, sync_data):
            return
        if not isinstance(sync_data, Mapping):
            return
        known = {n: v for n, v in sync_data.items() if n in self._widget.keys and n != "_written"}
        late = self._order.late(sync_data.get("_written"), known)
        changes = self._clean({n: v for n, v in known.items() if n not in late})
        try:
            self._decide(changes)
            self._widget.set_trait("error", "")
        except Exception as error:  # an observer's traceback would be shown nowhere
            self._widget.set_trait("error", f"{type(error).__name__}: {error}")
            self._widget.send_state(list(changes))  # the view has them as it wrote them
        corrections = [n for n, v in known.items() if n not in changes or _differ(changes[n], v)]
        if "_written" in sync_data and not self._order.is_order(sync_data["_written"]):
            corrections.append("_written")
        self._correct(corrections)
        self._sync.catch_up()

    def on_message(self, _: Any, content: Any, buffers: Any) -> None:
        """Do what a view asks for by message, or say why not.

        First comes what was decided before on that page, here or in another view of the model:
        it may arrive later, and must not act then.
        """
        if not isinstance(content, dict) or "do" not in content:
            return
        if threading.get_ident() != self._owner and content["do"] in messages.AT_ONCE:
            with contextlib.suppress(Exception):  # it is told where the others are
                messages.handle_message(self._widget.session, content)
                if self._is_here():  # the training shows it by itself
                    return
                content = {**content, "do": "look"}
        if self._left_to_owner_thread(self.on_message, _, content, buffers):
            return
        if content["do"] == "send":  # some hosts lose what was sent before they had a view
            self._widget.send_state([name for name in self._widget.keys if name not in HOST_TRAITS])
            return
        try:
            try:
                self._decide_before(content.get("pending"))
                if content["do"] == "compare":
                    self._sync.compare(messages.pair(self._widget.session, content.get("ids")))
                elif content["do"] == "formula":
                    self._sync.wish_formula(*messages.formula_form(content))
                elif content["do"] != "look":
                    messages.handle_message(self._widget.session, content)
            finally:
                if not self._widget.session.closed:
                    self._sync.update_all_widgets()
            self._widget.set_trait("error", "")
        except Exception as error:
            self._widget.set_trait("error", messages.error_text(error))
        self._sync.catch_up()

    def _clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return what makes sense of what a page wrote."""
        changes = {}
        for name, value in values.items():
            trait = self._widget.traits().get(name)
            clean = (
                trait.from_browser(self._widget.session, value)
                if isinstance(trait, BrowserWritable)
                else None
            )
            if clean is not None:
                changes[name] = clean
        return changes

    def _decide(self, changes: dict[str, Any]) -> None:
        """Do what a page wrote; a threshold alone goes on with the step that moved it last."""
        self._sync.is_drag = set(changes) in ({"node_threshold"}, {"edge_threshold"})
        self.is_acting = True
        try:
            self._apply(changes)
        finally:
            self._sync.is_drag = self.is_acting = False

    def _decide_before(self, content: Any) -> None:
        """Do what the page of a command had decided before it, as far as it has not arrived."""
        pending = Pending.of(content)
        if pending is None:
            return
        inputs = {self._mark: self, **{each._mark: each for each in self._others()}}
        for mark in [*(mark for mark, _ in pending.widgets), self._mark]:
            if mark in inputs:
                changes = inputs[mark]._clean(inputs[mark]._order.take(pending, mark))
                if changes:
                    inputs[mark]._decide(changes)

    def _is_here(self) -> bool:
        """Whether the thread that asks is the one that acts."""
        at_owner = threading.get_ident() == self._owner
        return at_owner or self._loop is None or self._loop.is_closed()

    def _left_to_owner_thread(self, act: Callable[..., None], *arguments: Any) -> bool:
        """Pass an action to the thread that owns the model; return False if it is to run here."""
        if self._is_here():
            return False
        assert self._loop is not None
        self._loop.call_soon_threadsafe(act, *arguments)
        return True


def _differ(clean: Any, raw: Any) -> bool:
    """Whether the cleaned value differs from what a view wrote; JSON has no tuples."""
    if isinstance(clean, list):
        clean = [list(ids) if isinstance(ids, tuple) else ids for ids in clean]
    return bool(clean != raw)
