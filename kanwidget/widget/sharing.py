"""Which widgets show which session, and when a notebook's cell is done."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from kanwidget.session import PruningSession
from kanwidget.session.baseline import Metric

__all__ = ["Follower", "columns_given", "followers", "session_of", "standing", "watch_cells"]


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


def standing(model: nn.Module) -> PruningSession | None:
    """Return the session that widgets on a model work, if there is one."""
    old = _SESSIONS.get(id(model))
    return None if old is None or old.closed or not old.is_on(model) else old


def columns_given(session: PruningSession) -> int | None:
    """Return how many columns the data have that a widget was given for a session, if any was."""
    return _COLUMNS.get(session)


def session_of(
    model: nn.Module,
    dataset: Mapping[str, Tensor] | Tensor | None,
    metric: Metric | None,
    score: str | None = None,
    decisions: Mapping[str, Any] | None = None,
) -> PruningSession:
    """Return the session that a widget on a model works.

    A cell that is run again makes a new widget, and nothing tells it that the old one is
    gone: it takes over where that one stands. On other data it starts anew from there.
    Thresholds are in units of the scores: they do not outlive other ones.

    If the new widget's ``decisions`` cannot be measured on other data, that is raised and the
    session that stands goes on.
    """
    old = standing(model)
    if old is None:
        session = PruningSession(model, dataset, metric=metric, score=score)
    elif old.measures_with(dataset, metric):
        session = old
        if score is not None:
            old.rescore(score)
    else:
        session = _after(old, model, dataset, metric, score, decisions or {})
    _SESSIONS[id(model)] = session
    rows = dataset.get("test_input") if isinstance(dataset, Mapping) else dataset
    if rows is not None:
        _COLUMNS[session] = int(rows.shape[1])
    return session


def _after(
    old: PruningSession,
    model: nn.Module,
    dataset: Mapping[str, Tensor] | Tensor | None,
    metric: Metric | None,
    score: str | None,
    decisions: Mapping[str, Any],
) -> PruningSession:
    """Return a session on other data that stands where an old one does, and close that.

    If there can be none, the old one goes on as if nothing had been.
    """
    state = old.state.to_dict()
    old.refresh()
    stage, session = old.stage, None
    try:
        stage.put_back(old.baseline.mask, old.baseline.bias)
        session = PruningSession(model, dataset, metric=metric, score=old.score)
        if score is not None:
            session.stage.check_score(score)
        session.preview(**state)  # its metric may fail there
        session.preview(**{**state, **decisions})
    except BaseException:
        if session is not None:
            session.close()
        raise
    finally:
        stage.put_back(stage.mask, stage.bias)
    old.close()
    session.set(**state)
    for widget in list(_FOLLOWERS.pop(old, [])):
        widget.session = session
        followers(session).add(widget)
    if score is not None:
        session.rescore(score)
    return session


def watch_cells(widget: Follower) -> Callable[[], None]:
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
