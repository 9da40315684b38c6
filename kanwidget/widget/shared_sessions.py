"""Which widgets show which session, and when a notebook's cell is done."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn

from kanwidget.evaluate.metric import Metric
from kanwidget.session import PruningSession

from .ipython_cells import after_cells

__all__ = ["Follower", "columns_given", "followers", "session_of", "watch_cells"]


class Follower(Protocol):
    """A widget, as far as others on its model know it."""

    session: PruningSession

    def refresh(self) -> None: ...

    def set_trait(self, name: str, value: Any) -> None: ...


_SESSIONS: weakref.WeakValueDictionary[int, PruningSession] = weakref.WeakValueDictionary()
_FOLLOWERS: weakref.WeakKeyDictionary[PruningSession, weakref.WeakSet[Any]] = (
    weakref.WeakKeyDictionary()
)

_COLUMNS: weakref.WeakKeyDictionary[PruningSession, int] = weakref.WeakKeyDictionary()


def followers(session: PruningSession) -> weakref.WeakSet[Any]:
    """Return the widgets on a session: a set to add to and to take from."""
    return _FOLLOWERS.setdefault(session, weakref.WeakSet())


def columns_given(session: PruningSession) -> int | None:
    """Return how many columns the data have that a widget was given for a session, if any was."""
    return _COLUMNS.get(session)


@contextlib.contextmanager
def session_of(
    model: nn.Module,
    dataset: Mapping[str, Tensor] | Tensor | None,
    metric: Metric | None,
    score: str | None = None,
    higher_is_better: bool | None = None,
) -> Iterator[PruningSession]:
    """Yield the session that a widget on a model works, to make the widget with.

    A cell that is run again makes a new widget, and nothing tells it that the old one is
    gone: it continues from the old one's state. On other data it starts anew from there. Thresholds
    are in units of the scores: another kind of score sets them to 0. If the widget cannot be made,
    the old session goes on as if nothing had been.
    """
    old = _SESSIONS.get(id(model))
    if old is None or old.closed or not old.is_session_of(model):
        session = PruningSession(
            model, dataset, metric=metric, score=score, higher_is_better=higher_is_better
        )
        _note_columns(session, dataset)
        with _closed_if_it_fails(session):
            _SESSIONS[id(model)] = session
            yield session
    elif old.measures_with(dataset, metric, higher_is_better):
        here = old.history.current.id
        _note_columns(old, dataset)
        old.name_after(dataset)
        try:
            if score is not None:
                old.rescore(score)
            yield old
        except BaseException:
            if not old.closed:
                old.jump(here)
            raise
    else:
        with old.succeeded_by(dataset, metric, score, higher_is_better) as session:
            _note_columns(session, dataset)
            yield session
        _SESSIONS[id(model)] = session
        for widget in list(_FOLLOWERS.pop(old, [])):
            widget.session = session
            followers(session).add(widget)
            widget.refresh()


def _note_columns(session: PruningSession, dataset: Mapping[str, Tensor] | Tensor | None) -> None:
    rows = dataset.get("test_input") if isinstance(dataset, Mapping) else dataset
    if rows is not None:
        shape = np.shape(rows)
        _COLUMNS[session] = int(shape[1]) if len(shape) > 1 else 1


@contextlib.contextmanager
def _closed_if_it_fails(session: PruningSession) -> Iterator[None]:
    try:
        yield
    except BaseException:
        session.close()
        raise


def watch_cells(widget: Follower) -> Callable[[], None]:
    """Refresh the widget after each notebook cell; return how to stop that."""
    return after_cells(widget, _refresh)


def _refresh(widget: Follower) -> None:
    try:
        widget.refresh()
    except Exception as error:  # IPython would print it under an unrelated cell
        widget.set_trait("error", f"{type(error).__name__}: {error}")
