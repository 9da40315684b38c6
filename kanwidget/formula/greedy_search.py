"""Takes one name after the other, while that shortens the description."""

from __future__ import annotations

from collections.abc import Iterator

from .naming_search import SPLINE_BITS, Effort, NamingProblem, NamingState, cost_of

__all__ = ["greedy_search", "greedy_steps"]

ALTERNATIVES = 4
"""Names that are refitted at length in one round, if the first of them do not hold."""


def greedy_search(problem: NamingProblem, state: NamingState, effort: Effort) -> NamingState:
    """Return the state after all names that can be taken in one go."""
    for found in greedy_steps(problem, state, effort):
        state = found
    return state


def greedy_steps(
    problem: NamingProblem, state: NamingState, effort: Effort
) -> Iterator[NamingState]:
    """Yield the state after each name that is taken."""
    while state.network.unnamed() and not problem.out_of_time:
        found = _next(problem, state, effort)
        if found is None:
            break
        state = found
        yield state


def _next(problem: NamingProblem, state: NamingState, effort: Effort) -> NamingState | None:
    now = problem.bits(state.error, state.error) + SPLINE_BITS
    for trial in problem.trials(state, effort)[:ALTERNATIVES]:
        if problem.out_of_time:
            break
        found = problem.settle(state, trial.edge, trial.function, trial.network)
        bits = problem.bits(found.error, state.error) + cost_of(trial.function)
        if found.error <= problem.most_error and bits <= now:
            return found
    return None
