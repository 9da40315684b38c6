"""What comes from a page: wishes as values of traits, acts as messages. It may hold anything."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import traitlets

from kanwidget.session import PruningSession

from . import messages
from .idle import acting_loop
from .message_order import MessageOrder, Pending
from .shared_sessions import followers
from .sync import TraitSync
from .traits import BrowserWritable

__all__ = ["BrowserInput"]

HOSTS = frozenset(anywidget.AnyWidget.class_trait_names()) | {"_esm", "_css", "_anywidget_id"}
"""The traits that the host reads, not the view."""


class BrowserInput(anywidget.AnyWidget):
    """A widget that lets through what makes sense, and says what does not."""

    session: PruningSession
    _mirror: TraitSync
    _picture: Any
    _update_all_widgets: Callable[[], None]
    _dragged = False  # true while a slider's message is taken in
    _from_page = False  # true while any message is

    _written = traitlets.Dict(read_only=True).tag(sync=True)
    """The numbers of what a page wrote, see `MessageOrder`; always empty on this side."""

    def _listen(self) -> None:
        """Find the loop that acts on the model, and its thread."""
        self._loop, self._owner = acting_loop()
        self._order = MessageOrder()

    def set_state(self, sync_data: Any) -> None:
        """Take in what the view wrote: only its wishes, and of these only what makes sense.

        Whatever else arrives is dropped, and the view is told the truth again. Only the
        thread that owns the model acts; other threads leave it the message.
        """
        if self._left_to_owner_thread(self.set_state, sync_data):
            return
        if not isinstance(sync_data, Mapping):
            return
        known = {n: v for n, v in sync_data.items() if n in self.keys and n != "_written"}
        late = self._order.late(sync_data.get("_written"), known)
        wishes = self._clean({n: v for n, v in known.items() if n not in late})
        try:
            self._decide(wishes)
            self.set_trait("error", "")
        except Exception as error:  # an observer's traceback would be shown nowhere
            self.set_trait("error", f"{type(error).__name__}: {error}")
            self.send_state(list(wishes))  # the view has them as it wrote them
        astray = [n for n, v in known.items() if n not in wishes or _differ(wishes[n], v)]
        if "_written" in sync_data and not self._order.is_order(sync_data["_written"]):
            astray.append("_written")
        self._correct(astray)
        self._mirror.catch_up()

    def _on_message(self, _: Any, content: Any, buffers: Any) -> None:
        """Do what a view asks for by message, or say why not.

        First comes what was decided before on that page, here or in another view of the model:
        it may arrive later, and must not act then.
        """
        if not isinstance(content, dict) or "do" not in content:
            return
        if self._left_to_owner_thread(self._on_message, _, content, buffers):
            return
        if content["do"] == "send":  # some hosts lose what was sent before they had a view
            self.send_state([name for name in self.keys if name not in HOSTS])
            return
        try:
            try:
                self._decide_before(content.get("pending"))
                if content["do"] == "compare":
                    self._mirror.compare(messages.pair(self.session, content.get("ids")))
                else:
                    messages.handle_message(self.session, content)
            finally:
                if not self.session.closed:
                    self._update_all_widgets()
            self.set_trait("error", "")
        except Exception as error:
            self.set_trait("error", messages.error_text(error))
        self._mirror.catch_up()

    def _clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return what makes sense of what a page wrote."""
        wishes = {}
        for name, value in values.items():
            trait = self.traits().get(name)
            clean = (
                trait.from_browser(self.session, value)
                if isinstance(trait, BrowserWritable)
                else None
            )
            if clean is not None:
                wishes[name] = clean
        return wishes

    def _decide(self, wishes: dict[str, Any]) -> None:
        """Do what a page wrote; a threshold alone goes on with the step that moved it last."""
        self._dragged = set(wishes) in ({"node_threshold"}, {"edge_threshold"})
        self._from_page = True
        try:
            super().set_state(wishes)
        finally:
            self._dragged = self._from_page = False

    def _decide_before(self, content: Any) -> None:
        """Do what the page of a command had decided before it, as far as it has not arrived."""
        pending = Pending.of(content)
        if pending is None:
            return
        others = {widget._picture: widget for widget in followers(self.session)}
        others.setdefault(self._picture, self)
        for mark in [*(mark for mark, _ in pending.widgets), self._picture]:
            widget = others.get(mark)
            if widget is not None:
                wishes = widget._clean(widget._order.take(pending, mark))
                if wishes:
                    widget._decide(wishes)

    def _correct(self, names: list[str]) -> None:
        """Tell the page what is so, where it wrote something else.

        The answer to what it wrote comes first: until it has that, ipywidgets takes no news of
        these traits from other pages.
        """
        if names:
            state = self.get_state(names)
            plain = {n: v for n, v in state.items() if not isinstance(v, (bytes, memoryview))}
            self._send({"method": "echo_update", "state": plain, "buffer_paths": []})
            self.send_state(names)

    def _left_to_owner_thread(self, act: Callable[..., None], *arguments: Any) -> bool:
        """Leave an act to the thread that owns the model, if this is another; tell if it is."""
        if threading.get_ident() == self._owner or self._loop is None or self._loop.is_closed():
            return False
        self._loop.call_soon_threadsafe(act, *arguments)
        return True

    @classmethod
    def writable_traits(cls) -> list[str]:
        """Return the names of the traits that both a person and a view may write."""
        return [
            name for name, trait in cls.class_traits().items() if isinstance(trait, BrowserWritable)
        ]


def _differ(clean: Any, raw: Any) -> bool:
    """Whether a view wrote something else than what came of it; JSON knows no tuples."""
    if isinstance(clean, list):
        clean = [list(ids) if isinstance(ids, tuple) else ids for ids in clean]
    return bool(clean != raw)
