"""Takes one name after the other, while that shortens the description."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .naming_search import (
    SPLINE_BITS,
    Effort,
    NamingProblem,
    NamingState,
    Refused,
    Trial,
    cost_of,
)

__all__ = ["greedy_search", "greedy_steps", "next_two"]

ALTERNATIVES = 4
"""Names that are refitted at length in one round, if the first of them do not hold."""

FIRST_OF_TWO, SECOND_OF_TWO = 10, 3
"""Names that are refitted where only two at once may hold: of one edge, and then of another."""

ALL_NAMES = Effort(steps=60, names=1000, hopeless=1e10)
"""How the last edges are looked at: what the others' curves have left may be far from any name."""

FEW = 2

CERTAIN = 0.01
"""The share of the error that may be left after names that were looked for among so many."""

MORE_NAMES = 12
"""Names tried for each edge then."""


def greedy_search(
    problem: NamingProblem,
    state: NamingState,
    effort: Effort,
    refused: Refused = frozenset(),
    thorough: bool = False,
) -> NamingState:
    """Return the state after all names that can be taken in one go; see `greedy_steps`."""
    for found in greedy_steps(problem, state, effort, refused, thorough):
        state = found
    return state


def greedy_steps(
    problem: NamingProblem,
    state: NamingState,
    effort: Effort,
    refused: Refused = frozenset(),
    thorough: bool = False,
) -> Iterator[NamingState]:
    """Yield the state after each name that is taken.

    Parameters
    ----------
    problem : NamingProblem
    state : NamingState
        Where to begin.
    effort : Effort
    refused : set of (edge, str)
        Names that are not to be taken.
    thorough : bool
        Whether to look longer where no name holds: at all functions, if few edges are left, and
        for two names that hold together.
    """
    while state.network.unnamed() and not problem.out_of_time:
        found = _next(problem, state, effort, refused)
        if found is None and thorough and len(state.network.unnamed()) <= FEW:
            found = _next(problem, state, ALL_NAMES, refused, CERTAIN)
        if found is None and thorough:
            found = next_two(problem, state, effort, refused)
        if found is None:
            break
        state = found
        yield state


def _next(
    problem: NamingProblem,
    state: NamingState,
    effort: Effort,
    refused: Refused,
    share: float = math.inf,
) -> NamingState | None:
    """Return the state after a name that holds, and leaves no more than a share of the error."""
    most = min(problem.most_error, share * state.error)
    now = problem.bits(state.error, state.error) + SPLINE_BITS
    for trial in problem.trials(state, effort, refused)[:ALTERNATIVES]:
        if problem.out_of_time:
            break
        found = _settled(problem, state, trial)
        bits = problem.bits(found.error, state.error) + cost_of(trial.function)
        if found.error <= most and bits <= now:
            return found
    return None


def next_two(
    problem: NamingProblem, state: NamingState, effort: Effort, refused: Refused
) -> NamingState | None:
    """Return the state after two names that hold together, though neither does alone.

    The right name of an edge may leave a curve behind it that is hard for a spline, such as one
    near a pole.
    """
    if len(state.network.unnamed()) < 2:
        return None
    most = min(problem.most_error, CERTAIN * state.error)
    now = problem.bits(state.error, state.error) + 2 * SPLINE_BITS
    effort = replace(effort, names=MORE_NAMES)
    best: tuple[float, NamingState] | None = None
    for first in problem.trials(state, effort, refused)[:FIRST_OF_TWO]:
        between = _settled(problem, state, first)
        if not np.isfinite(between.error):
            continue
        for second in problem.trials(between, effort, refused)[:SECOND_OF_TWO]:
            if problem.out_of_time:
                return None if best is None else best[1]
            found = _settled(problem, between, second)
            bits = problem.bits(found.error, state.error)
            bits += cost_of(first.function) + cost_of(second.function)
            holds = found.error <= most and bits <= now
            if holds and (best is None or (bits, found.error) < (best[0], best[1].error)):
                best = bits, found
    return None if best is None else best[1]


def _settled(problem: NamingProblem, state: NamingState, trial: Trial) -> NamingState:
    return problem.settle(state, trial.edge, trial.function, trial.network)
