"""Names for a whole network, each judged by the network's loss after a refit of everything.

On a copy: the splines are fitted closely first; then, one edge after the other, the name is taken
that leaves the shortest description, while that gets shorter. An edge that no name fits stays a
spline.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import Function
from kanwidget.masks.ids import Edge

from .deep_search import deep_search
from .greedy_search import greedy_search
from .levenberg_marquardt import refit
from .naming_network import NamedEdge, NamingNetwork
from .naming_search import Effort, NamingProblem, NamingState, NamingStep
from .product_search import find_products
from .retry import is_better, is_exact, retry

__all__ = ["Naming", "name_all"]

FINAL_STEPS = 60

RETRIES = 8
"""How often names are taken back, at the most, if some edges got none."""


@dataclass(frozen=True)
class Naming:
    """What `name_all` found.

    Attributes
    ----------
    curves : dict of Edge to NamedCurve
        Their constants d are in the biases. An edge that turned out to do nothing is ``0``.
    network : NamingNetwork
        The refitted network: also holds the biases, and the splines of the other edges.
    loss_before, loss_polished, loss : float
        Root mean squared error of the model as it was, of its copy with splines fitted closely,
        and of the named network.
    steps : list of NamingStep
    out_of_time : bool
        Whether names might have been found for more edges in more time.
    """

    curves: dict[Edge, NamedCurve]
    network: NamingNetwork
    loss_before: float
    loss_polished: float
    loss: float
    steps: list[NamingStep]
    out_of_time: bool


def name_all(
    adapter: Adapter,
    rows: Tensor,
    labels: Tensor,
    lib: Iterable[str] | Mapping[str, Function] | None = None,
    tolerance: float = 0.05,
    seconds: float = 20.0,
    deep: bool = False,
) -> Naming:
    """Find names for all edges of a model that are on.

    Parameters
    ----------
    adapter : Adapter
        Of a model of any library, which stays as it is.
    rows : Tensor, shape (rows, width[0])
    labels : Tensor, shape (rows, width[-1])
        What the named network is fitted to.
    lib : iterable of str or mapping, optional
        See `select_functions`.
    tolerance : float
        By how much the loss may grow beyond the model's, relative to it.
    seconds : float
        After which no further name is looked for.
    deep : bool
        Whether to go on, from several beginnings, and by taking names back, if the names found
        in one go are not exact. It takes ten times as long.

    Raises
    ------
    ValueError, TypeError
        If ``lib`` names what is not there, or the model's curves do not give its outputs.
    """
    deadline = time.monotonic() + seconds
    problem = NamingProblem(adapter, rows, labels, lib, tolerance, deadline)
    state = problem.simplify(_search(problem))
    if deep:
        state = problem.simplify(deep_search(problem, state))
    network, error, _ = refit(state.network, problem.x, problem.labels, FINAL_STEPS, min_fall=1e-6)
    curves = {
        edge: NamedCurve(curve.function.name, curve.a, curve.b, curve.c, 0.0)
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
        problem.out_of_time,
    )


def _search(problem: NamingProblem) -> NamingState:
    """Return what is found one name after the other, and from products and retries if need be."""
    state = greedy_search(problem, problem.start, Effort())
    if not state.network.unnamed():
        return state
    for found in find_products(problem):
        state = found if is_better(problem, found, state) else state
        if is_exact(problem, state):
            return state
    state = greedy_search(problem, state, Effort(), thorough=True)
    return retry(problem, state, RETRIES) if state.network.unnamed() else state
