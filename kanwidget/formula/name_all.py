"""Names for a whole network, each judged by the network's loss after a refit of everything.

On a copy: the splines are fitted closely first; then, one edge after the other, the name is taken
that leaves the shortest description, while that gets shorter. An edge that no name fits stays a
spline.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import Function
from kanwidget.masks.ids import Edge

from .deep_search import deep_search
from .greedy_search import greedy_steps
from .levenberg_marquardt import refit
from .naming_network import NamedEdge, NamingNetwork
from .naming_search import Effort, NamingProblem, NamingState, NamingStep
from .product_search import find_products
from .retry import is_better, is_exact, retry

__all__ = ["Naming", "name_all"]

FINAL_STEPS = 60

INTERVALS = 10
"""Of splines that take the place of names."""

RETRIES = 8
"""How often names are taken back, at the most, if some edges got none."""

FEW_RETRIES = 3
"""The same if all have got one, and leave an error that noise or bad training may explain."""

NOT_LEARNT = 1e-4
"""The share of the variance that such an error has at least."""


@dataclass(frozen=True)
class Naming:
    """What `name_all` found.

    Attributes
    ----------
    curves : dict of Edge to NamedCurve
        Their constants d are in the biases. An edge that turned out to do nothing is ``0``.
        Edges that the model had named before keep their functions.
    network : NamingNetwork
        The refitted network: also holds the biases, and the splines of the other edges.
    loss_before, loss_polished, loss : float
        Root mean squared error of the model as it was, of its copy with splines fitted closely,
        and of the named network.
    steps : list of NamingStep
    out_of_time : bool
        Whether names might have been found for more edges in more time.
    interrupted : bool
        Whether a KeyboardInterrupt ended the search.
    """

    curves: dict[Edge, NamedCurve]
    network: NamingNetwork
    loss_before: float
    loss_polished: float
    loss: float
    steps: list[NamingStep]
    out_of_time: bool
    interrupted: bool = False


def name_all(
    adapter: Adapter,
    rows: Tensor,
    labels: Tensor | None,
    lib: Iterable[str] | Mapping[str, Function] | None = None,
    tolerance: float = 0.05,
    seconds: float = 20.0,
    deep: bool = False,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[NamingStep], object] | None = None,
    most_names: int | None = None,
) -> Naming:
    """Find names for all edges of a model that are on and have none.

    A KeyboardInterrupt ends the search with the best that was found so far.

    Parameters
    ----------
    adapter : Adapter
        Of a model of any library, which stays as it is.
    rows : Tensor, shape (rows, width[0])
    labels : Tensor, shape (rows, width[-1]), optional
        What the named network is fitted to; by default the model's own outputs.
    lib : iterable of str or mapping, optional
        See `select_functions`.
    tolerance : float
        By how much the loss may grow beyond the model's, relative to it. Without labels, by how
        much outputs may change, relative to their standard deviation.
    seconds : float
        After which no further name is looked for.
    deep : bool
        Whether to go on, from several beginnings, and by taking names back, if the names found
        in one go are not exact. It takes ten times as long.
    stop : callable, optional
        Asked often: once it is true, the search ends with what is best so far.
    progress : callable, optional
        Called with each `NamingStep` as it is taken.
    most_names : int, optional
        How many names are taken at the most.

    Raises
    ------
    ValueError, TypeError
        If ``lib`` names what is not there, the model's curves do not give its outputs, it has too
        many edges, or its numbers are not finite.
    """
    deadline = time.monotonic() + seconds
    problem = NamingProblem(adapter, rows, labels, lib, tolerance, deadline, stop)
    state, interrupted, path = problem.start, False, [problem.start]
    try:
        for found in _search(problem, path, progress):
            state = found
        state = problem.simplify(state)
        if deep:
            for found in deep_search(problem, state):
                state = problem.simplify(found)
    except KeyboardInterrupt:
        interrupted = True
    if most_names is not None:
        state = _with_fewer_names(problem, state, path, most_names)
    end = time.monotonic() + max(1.0, seconds)
    network, error, passed = refit(
        state.network,
        problem.x,
        problem.labels,
        FINAL_STEPS,
        min_fall=1e-6,
        stop=lambda _: time.monotonic() > end,
    )
    network = network.without_rounding(passed)
    curves = {
        edge: NamedCurve(curve.function.name, curve.a, curve.b, curve.c, 0.0, curve.fixed)
        for edge, curve in network.edges.items()
        if isinstance(curve, NamedEdge)
    }
    curves.update({edge: NamedCurve("0", 1.0, 0.0, 0.0, 0.0) for edge in state.zeros})
    return Naming(
        curves,
        network,
        math.sqrt(problem.error_before),
        math.sqrt(problem.start.error),
        math.sqrt(error),
        list(state.steps),
        problem.out_of_time or interrupted,
        interrupted,
    )


def _search(
    problem: NamingProblem,
    path: list[NamingState],
    progress: Callable[[NamingStep], object] | None,
) -> Iterator[NamingState]:
    """Yield what is found one name after the other, and from products and retries if need be.

    Parameters
    ----------
    problem : NamingProblem
    path : list of NamingState
        Is given each state after a name that was taken in one go.
    progress : callable, optional
    """
    state = problem.start
    for found in greedy_steps(problem, problem.start, Effort()):
        state = found
        path.append(state)
        yield state
        if progress is not None:
            progress(state.steps[-1])
    if not state.network.unnamed():
        if state.error > NOT_LEARNT * problem.variance:
            yield retry(problem, state, FEW_RETRIES)
        return
    for found in find_products(problem):
        if is_better(problem, found, state):
            state = found
            yield state
        if is_exact(problem, state):
            return
    for found in greedy_steps(problem, state, Effort(), thorough=True):
        for step in found.steps[len(state.steps) :]:
            if progress is not None:
                progress(step)
        state = found
        yield state
    if state.network.unnamed():
        yield retry(problem, state, RETRIES)


def _with_fewer_names(
    problem: NamingProblem, state: NamingState, path: list[NamingState], most: int
) -> NamingState:
    """Return the state with its first names alone."""
    if len(state.steps) <= most:
        return state
    if most < len(path) and path[most].steps == state.steps[:most]:
        return path[most]
    edges = list(dict.fromkeys(step.edge for step in state.steps[most:]))
    network = state.network.with_splines(edges, state.passed, INTERVALS)
    network, error, passed = refit(network, problem.x, problem.labels, FINAL_STEPS)
    zeros = tuple(edge for edge in state.zeros if edge not in edges)
    return NamingState(network, error, passed, zeros, state.steps[:most])
