"""Looks for names from several beginnings at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kanwidget.masks.ids import Edge

from .naming_network import NamedEdge
from .naming_search import Effort, NamingProblem, NamingState, cost_of
from .retry import is_better, is_exact, retry

__all__ = ["deep_search"]

BEAM = 4
"""Networks that are followed at once."""

PER_STATE = 6
"""Names of each that are refitted at length."""

EFFORT = Effort(steps=20, observations=4, floor=8.0)
"""Simple names win, although the loss may grow for a while."""

RETRIES = 1000


def deep_search(problem: NamingProblem, state: NamingState) -> Iterator[NamingState]:
    """Yield better networks than the one at hand, each better than the last.

    Parameters
    ----------
    problem : NamingProblem
    state : NamingState
        What a shorter search has found.
    """
    best = state
    for found in _beam(problem):
        if is_better(problem, found, best):
            best = found
            yield best
        if is_exact(problem, best):
            return
    yield retry(problem, best, RETRIES)


def _beam(problem: NamingProblem) -> Iterator[NamingState]:
    """Yield networks with more and more names; the best few of each size are followed."""
    states = [problem.start]
    while states:
        grown: dict[frozenset[tuple[Edge, str]], tuple[float, NamingState]] = {}
        for state in states:
            for trial in problem.trials(state, EFFORT)[:PER_STATE]:
                if problem.out_of_time:
                    return
                names = frozenset((step.edge, step.function) for step in state.steps) | {
                    (trial.edge, trial.function.name)
                }
                if names in grown:
                    continue
                found = problem.settle(state, trial.edge, trial.function, trial.network)
                if np.isfinite(found.error):
                    grown[names] = _beam_bits(problem, found), found
        best = sorted(grown.values(), key=lambda pair: pair[0])[:BEAM]
        for _, state in best:
            yield problem.simplify(state) if not state.network.unnamed() else state
        states = [state for _, state in best if state.network.unnamed()]


def _beam_bits(problem: NamingProblem, state: NamingState) -> float:
    floor = EFFORT.floor * problem.start.error
    named = [c for c in state.network.edges.values() if isinstance(c, NamedEdge)]
    bits = problem.bits(state.error, floor, EFFORT.observations)
    return bits + sum(cost_of(curve.function) for curve in named)
