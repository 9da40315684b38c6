"""Takes names back that leave a curve behind them which no function fits, and tries others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

import numpy as np

from kanwidget.masks.ids import Edge

from .greedy_search import greedy_search, next_two
from .levenberg_marquardt import refit
from .naming_network import NamedEdge
from .naming_search import Effort, NamingProblem, NamingState, Refused

__all__ = ["is_better", "is_exact", "retry"]

EFFORT = Effort(steps=20)

INTERVALS = 10
"""Of the splines that take the place of names."""

EXACT = 1e-20
"""With an error below this share of the variance there is nothing left to find."""


def retry(problem: NamingProblem, state: NamingState, most: int) -> NamingState:
    """Return the best network that is found when names are taken back and refused.

    Parameters
    ----------
    problem : NamingProblem
    state : NamingState
    most : int
        How often, at the most.
    """
    tried: set[tuple[frozenset[Edge], Refused]] = set()
    best, improved = state, True
    while improved:
        improved = False
        for edges, refused in _in_the_way(best, problem.kept):
            key = frozenset(edges), refused
            if key in tried:
                continue
            if len(tried) >= most or problem.out_of_time or is_exact(problem, best):
                return best
            tried.add(key)
            found = _named_anew(problem, best, edges, refused)
            if found is not None and is_better(problem, found, best):
                best, improved = found, True
                break
    return best


def is_exact(problem: NamingProblem, state: NamingState) -> bool:
    """Whether nothing is left to find."""
    return not state.network.unnamed() and state.error <= EXACT * problem.variance


def is_better(problem: NamingProblem, found: NamingState, best: NamingState) -> bool:
    """Whether a network that is allowed has the shorter description."""
    allowed = found.error <= max(problem.most_error, best.error)
    return allowed and problem.total_bits(found) < problem.total_bits(best)


def _in_the_way(state: NamingState, kept: Collection[Edge]) -> Iterator[tuple[list[Edge], Refused]]:
    """Yield edges whose names are to be taken back, and the names that they are to have no more."""
    functions = {
        edge: curve.function.name
        for edge, curve in state.network.edges.items()
        if isinstance(curve, NamedEdge) and edge not in kept
    } | dict.fromkeys(state.zeros, "0")
    hidden = [(l, i) for l, n in enumerate(state.network.width[1:-1], start=1) for i in range(n)]
    unnamed = state.network.unnamed()
    ends = {(l, i) for l, i, _ in unnamed} | {(l + 1, j) for l, _, j in unnamed}
    nodes = sorted((node for node in hidden), key=lambda node: (node not in ends, -node[0], node))
    for l, i in nodes:
        into = [e for e in functions if (e[0] + 1, e[2]) == (l, i)]
        out = [e for e in functions if e[:2] == (l, i)]
        if out:
            yield [*into, *out], frozenset((e, functions[e]) for e in out)
        for edge in into:
            yield [*into, *out], frozenset({(edge, functions[edge])})
    if state.steps:
        first = state.steps[0]
        yield list(functions), frozenset({(first.edge, first.function)})


def _named_anew(
    problem: NamingProblem, state: NamingState, edges: Iterable[Edge], refused: Refused
) -> NamingState | None:
    """Return what is found without the names of some edges, None if they cannot be taken back."""
    edges = list(edges)
    network = state.network.with_splines(edges, state.passed, INTERVALS)
    network, error, passed = refit(network, problem.x, problem.labels, EFFORT.steps)
    if not np.isfinite(error):
        return None
    opened = replace(
        state,
        network=network,
        error=error,
        passed=passed,
        zeros=tuple(edge for edge in state.zeros if edge not in edges),
        steps=tuple(step for step in state.steps if step.edge not in edges),
    )
    both = next_two(problem, opened, EFFORT, refused)
    return greedy_search(problem, both or opened, EFFORT, refused, thorough=True)
