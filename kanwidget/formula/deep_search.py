"""Looks for names from several beginnings at once, and takes names back that are in the way."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from kanwidget.masks.ids import Edge

from .greedy_search import greedy_search
from .levenberg_marquardt import refit
from .naming_network import NamedEdge
from .naming_search import Effort, NamingProblem, NamingState, cost_of

__all__ = ["deep_search"]

BEAM = 4
"""Networks that are followed at once."""

PER_STATE = 6
"""Names of each that are refitted at length."""

EFFORT = Effort(steps=20, observations=4, floor=8.0)
"""Simple names win, although the loss may grow for a while."""

INTERVALS = 10
"""Of the splines that take the place of names."""

EXACT = 1e-20
"""With an error below this share of the variance there is nothing left to find."""


def deep_search(problem: NamingProblem, state: NamingState) -> Iterator[NamingState]:
    """Yield better networks than the one at hand, each better than the last.

    Parameters
    ----------
    problem : NamingProblem
    state : NamingState
        What a search in one go has found.
    """
    best = state
    for found in _beam(problem):
        if _better(problem, found, best):
            best = found
            yield best
        if _exact(problem, best):
            return
    improved = True
    while improved and not problem.out_of_time:
        improved = False
        for found in _without_some_names(problem, best):
            if _better(problem, found, best):
                best, improved = found, True
                yield best
                break


def _exact(problem: NamingProblem, state: NamingState) -> bool:
    return not state.network.unnamed() and state.error <= EXACT * problem.variance


def _better(problem: NamingProblem, found: NamingState, best: NamingState) -> bool:
    allowed = found.error <= max(problem.most_error, best.error)
    return allowed and problem.total_bits(found) < problem.total_bits(best)


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


def _without_some_names(problem: NamingProblem, state: NamingState) -> Iterator[NamingState]:
    """Yield networks named anew after one or two neighbouring names were taken back."""
    edges = state.network.edges.items()
    named = [e for e, c in edges if isinstance(c, NamedEdge) and e not in problem.kept]
    named += state.zeros
    pairs = [pair for pair in itertools.combinations(named, 2) if _are_neighbours(*pair)]
    for back in [*((edge,) for edge in named), *pairs]:
        if problem.out_of_time:
            return
        network = state.network.with_splines(back, state.passed, INTERVALS)
        network, error, passed = refit(network, problem.x, problem.labels, EFFORT.steps)
        if not np.isfinite(error):
            continue
        zeros = tuple(edge for edge in state.zeros if edge not in back)
        steps = tuple(step for step in state.steps if step.edge not in back)
        open_again = replace(
            state, network=network, error=error, passed=passed, zeros=zeros, steps=steps
        )
        yield greedy_search(problem, open_again, Effort(steps=EFFORT.steps))


def _are_neighbours(one: Edge, other: Edge) -> bool:
    """Whether two edges share a node."""
    (l, i, j), (m, p, q) = sorted((one, other))
    return (l == m and (i == p or j == q)) or (m == l + 1 and j == p)
