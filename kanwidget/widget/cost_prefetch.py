"""Decides which loss curves and costs to have computed ahead, in small steps while nothing runs.

All the work here is in iterators that do a small piece at each step, so that other messages
are handled in between. Results are remembered as long as its session lives.
"""

from __future__ import annotations

import logging
import math
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kanwidget.evaluate.measure_losses import Cancelled
from kanwidget.kan.json_numbers import finite
from kanwidget.masks import effective
from kanwidget.session import PruningSession

from .payload import tradeoff_array

__all__ = [
    "AXES",
    "PRICES",
    "CostPrefetcher",
    "ResultCache",
    "TooSlow",
    "curve",
    "prices",
    "rescore_quickly",
]

AXES = {"_tradeoff_node": "node", "_tradeoff_edge": "edge"}
PRICES = "_prices"

WORK_SECONDS = 0.25
"""Seconds that one piece of work may take."""

WALL_SECONDS = 0.5
"""Seconds that it may take by the clock on the wall, as when a metric waits for something."""

SLOW_STARTS = 2
"""Measurements that may take longer: the first do, while caches are cold."""

RETRY_SECONDS = 5.0, 10.0, 20.0, 40.0
"""Seconds until what took too long is tried again: a machine that is busy now need not stay so."""

PARTIAL_CURVE_POINTS = 64
"""Points of a curve that cannot be measured whole in that time."""

OLD_VALUE_SECONDS = 0.5
"""Seconds for which what was right before may still be shown, when the new is on its way."""

MAX_REMEMBERED = 256
"""Curves, points and prices that are remembered."""

_LOG = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Tell = Callable[[str, Any], None]


class CostPrefetcher:
    """What one widget shows of what could be.

    Parameters
    ----------
    tell : callable
        Takes a trait's name and an array, a list, or None for what is not known.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._shown: dict[str, Any] = {}  # what the values shown depend on
        self._since: dict[str, float] = {}  # when they began to be wrong
        self._begun: dict[str, Any] = {}  # what curves that are not yet whole depend on
        self._session: weakref.ref[PruningSession] | None = None

    def follow(self, session: PruningSession, selected: list[Any]) -> bool:
        """Show what is known, and nothing that is wrong for long; tell if there is work to do."""
        memory, due = ResultCache.of(session), False
        if self._session is None or self._session() is not session:
            self._session, self._shown, self._begun = weakref.ref(session), {}, {}
        for name, key in _keys(session, selected).items():
            if self._shown.get(name) == key:
                self._since.pop(name, None)
                continue
            known = memory.prices(key) if name == PRICES else memory.get(key)
            if known is not None:
                self._tell(name, known)
                self._note(name, key)
                continue
            due, now = True, time.monotonic()
            if self._begun.get(name) == key:
                continue  # the part found so far is right
            late = now - self._since.setdefault(name, now) > OLD_VALUE_SECONDS
            other = name not in self._shown or self._shown[name][1] != key[1]
            if late or other or memory.get(_too_slow(key)):
                self._forget(name)
                self._tell(name, None)
        return due

    def work(self, session: PruningSession, selected: list[Any]) -> Iterator[float | None]:
        """Find out what is missing, and show it as it comes.

        Yields
        ------
        float or None
            Seconds to wait before it goes on, None to go on at once.
        """
        for pause in (*RETRY_SECONDS, None):
            again = False
            for name, key in _keys(session, selected).items():
                if self._shown.get(name) == key:
                    continue
                found, slow = None, False
                steps: Iterator[Any] = (
                    prices(session, selected) if name == PRICES else curve(session, AXES[name])
                )
                try:
                    for new in steps:
                        if new is not None:
                            found = new
                            self._tell(name, found)
                            self._forget(name)
                            self._begun[name] = key
                        yield None
                        if session.closed:
                            return
                except TooSlow:
                    slow = found is None and pause is not None
                except Exception:  # a metric of the user's own may fail where nobody went yet
                    _LOG.warning("cannot look ahead of %s", session, exc_info=True)
                    found = None
                if _keys(session, selected)[name] != key:
                    return  # the code that changed it will ask again
                if found is None:
                    self._tell(name, None)
                if slow:
                    again = True
                else:
                    self._note(name, key)
            if not again:
                return
            yield pause
            if session.closed:
                return

    def _note(self, name: str, key: Hashable) -> None:
        self._forget(name)
        self._shown[name] = key

    def _forget(self, name: str) -> None:
        for memory in (self._shown, self._since, self._begun):
            memory.pop(name, None)


class TooSlow(Exception):
    """Single points of a curve take too long."""


class ResultCache:
    """What was found out about a session, the last of it."""

    def __init__(self) -> None:
        self._found: OrderedDict[Hashable, Any] = OrderedDict()

    @classmethod
    def of(cls, session: PruningSession) -> ResultCache:
        """Return the one memory of a session."""
        return _CACHES.setdefault(session, cls())

    def get(self, key: Hashable) -> Any:
        """Return what is known, or None."""
        return self._found.get(key)

    def prices(self, key: Any) -> list[Any] | None:
        """Return prices if all are known."""
        _, number, state, selected = key
        known = [self.get(("price", number, state, ids)) for ids in selected]
        if any(price is None for price in known):
            return None
        return [[list(ids), finite(price)] for ids, price in zip(selected, known, strict=True)]

    def keep(self, key: Hashable, value: Any) -> None:
        """Remember a value, and forget the oldest."""
        self._found[key] = value
        self._found.move_to_end(key)
        while len(self._found) > MAX_REMEMBERED:
            self._found.popitem(last=False)


_CACHES: weakref.WeakKeyDictionary[PruningSession, ResultCache] = weakref.WeakKeyDictionary()


def curve(session: PruningSession, axis: str) -> Iterator[Floats | None]:
    """Measure the loss along a threshold, better and better; None while there is nothing new.

    The whole curve, if it can be had in the time that a person does not notice; else more and
    more points of it, each as good as the session's own number.
    """
    memory, key = ResultCache.of(session), _key(session, axis)
    found = memory.get(key)
    if found is None and not memory.get(_too_slow(key)):
        end = time.perf_counter() + WORK_SECONDS
        try:
            found = tradeoff_array(session.tradeoff(axis, stop=lambda: time.perf_counter() > end))
        except Cancelled:
            memory.keep(_too_slow(key), True)
            yield None
    if found is not None:
        if _key(session, axis) == key:
            memory.keep(key, found)
            yield found
        return
    try:
        for points in _coarse(session, axis, key):
            found = found if points is None else points
            yield points
    except TooSlow:
        if found is None:
            raise
    if found is not None and _key(session, axis) == key:
        memory.keep(key, found)


def rescore_quickly(session: PruningSession, score: str) -> None:
    """Score the edges anew if that takes no time; a page that waits can do nothing else.

    Raises
    ------
    ValueError
        If it takes longer. It says how to do it in a cell.
    """
    start, done = time.perf_counter(), 0.0

    def progress(share: float) -> None:
        nonlocal done
        done = share

    try:
        session.rescore(
            score, stop=lambda: time.perf_counter() - start > WORK_SECONDS, progress=progress
        )
    except Cancelled:
        seconds = (time.perf_counter() - start) / done if done else math.inf
        about = f"takes about {seconds:,.0f} s" if seconds < 1e4 else "takes long"
        edges = sum(layer.numel() for layer in session.mask)
        raise ValueError(
            f"to score {edges:,} edges by {score} {about} here, and nothing else could be done "
            f"meanwhile; do it in a cell, where it can be interrupted: w.score = {score!r}"
        ) from None


def prices(session: PruningSession, selected: list[Any]) -> Iterator[list[Any] | None]:
    """Measure the loss if each of some edges and nodes were switched; None until all are."""
    memory, now = ResultCache.of(session), (session.baseline.number, session.state)
    found = []
    for ids in selected:
        key = ("price", *now, ids)
        price = memory.get(key)
        if price is None:
            price = session.preview_toggle(*ids).loss
            if (session.baseline.number, session.state) != now:
                return
            memory.keep(key, price)
            yield None
        found.append([list(ids), finite(price)])
    yield found


def _coarse(session: PruningSession, axis: str, key: Hashable) -> Iterator[Floats | None]:
    """Measure at thresholds spread over all that matter, twice as many each time."""
    memory, levels, slow = ResultCache.of(session), _levels(session, axis), 0
    places = np.unique(
        np.linspace(0, len(levels) - 1, PARTIAL_CURVE_POINTS).round().astype(int)
    ).tolist()
    step = 1 << (len(places) - 1).bit_length()
    while step:
        some = sorted({*places[::step], places[-1]})
        for place in some:
            where = ("point", key, place)
            if memory.get(where) is not None:
                continue
            point = [float(levels[place])]
            for keep_mean in (False, True):
                to: dict[str, Any] = {f"{axis}_threshold": point[0]}
                start = _now()
                found = session.preview(keep_mean=keep_mean, **to)
                slow += _is_slow(start)
                if _key(session, axis) != key:
                    return
                if slow > SLOW_STARTS:
                    raise TooSlow
                point += [found.loss] if keep_mean else [found.active_edges, found.loss]
                yield None
                if _key(session, axis) != key:
                    return
            memory.keep(where, point)
        if len(some) > PARTIAL_CURVE_POINTS // 8 or step == 1:
            yield np.array([memory.get(("point", key, place)) for place in some]).T
        step //= 2


def _now() -> tuple[float, float]:
    """Return the time, by this thread's clock and by the clock on the wall."""
    return time.thread_time(), time.perf_counter()


def _is_slow(start: tuple[float, float]) -> bool:
    """Whether work since some time took too long.

    The time that other programs use on a busy machine does not predict the next run, so the
    thread's own clock counts; it stops while a metric waits, so the wall clock counts too.
    """
    own, wall = (now - then for now, then in zip(_now(), start, strict=True))
    return own > WORK_SECONDS or wall > WALL_SECONDS


def _keys(session: PruningSession, selected: list[Any]) -> dict[str, Any]:
    """Return what each value depends on, by its trait; the second entry is the baseline."""
    keys = {PRICES: ("prices", session.baseline.number, session.state, tuple(selected))}
    return {**keys, **{name: _key(session, axis) for name, axis in AXES.items()}}


def _key(session: PruningSession, axis: str) -> Any:
    """Return what the curve along a threshold depends on: all but that threshold."""
    state = session.state
    other = state.edge_threshold if axis == "node" else state.node_threshold
    return axis, session.baseline.number, other, state.edits


def _too_slow(key: Any) -> Hashable:
    """Return under which name it is known that a whole curve takes too long."""
    return "too slow", *key[:2]


def _levels(session: PruningSession, axis: str) -> Floats:
    """Return 0 and the thresholds at which something may go, rising."""
    scores, on = session.baseline.scores, session.baseline.mask
    if axis == "edge":
        found = torch.cat([s[m] for s, m in zip(scores, on, strict=True)])
    else:
        found = torch.cat(
            [scores[0].flatten()[:0], *effective.node_scores(scores, session.baseline.slots)]
        )
    levels = np.unique(effective.off_threshold(found).numpy())
    return np.concatenate([[0.0], levels[np.isfinite(levels)]])
