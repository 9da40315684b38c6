"""Looks for products, which sums of curves can only make from several nodes at once.

``4 f(x) g(y) = (f + g)^2 - (f - g)^2``, and ``f(x) g(y) = exp(log f + log g)``: as long as the
curves behind two nodes are splines, those before them can be of many kinds. So two nodes get their
names together here, and the curves before them are fitted anew.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from kanwidget.functions.library import FUNCTIONS
from kanwidget.masks.ids import Node

from .greedy_search import greedy_search
from .levenberg_marquardt import refit
from .naming_network import NamedEdge, NamingNetwork, SplineEdge
from .naming_search import COARSE, FINE, Effort, NamingProblem, NamingState, step_to
from .spline_basis import SplineGrid

__all__ = ["find_products"]

PAIRS = ("x^2", "x^2"), ("x^2", "x"), ("exp", "x")
"""What may stand behind two nodes whose sum is a product of curves, and curves beside it."""

STARTS = 6
"""How often the curves before them begin anew, at random, for each pair."""

STEPS = 60

RANGE = 2.0
"""Of the values of a product, on both sides of 0, before anything is fitted."""

EFFORT = Effort(steps=20)


def find_products(problem: NamingProblem) -> Iterator[NamingState]:
    """Yield what is found from products at all pairs of nodes that lead to the same one.

    Parameters
    ----------
    problem : NamingProblem
    """
    generator = np.random.default_rng(0)
    known = {function.name for function in problem.functions}
    pairs = [names for names in PAIRS if known.issuperset(names)]
    for nodes in _pairs_of_nodes(problem.start.network):
        if any(edge[:2] in nodes or (edge[0] + 1, edge[2]) in nodes for edge in problem.kept):
            continue
        for names in pairs:
            for _ in range(STARTS):
                if problem.out_of_time:
                    return
                network = _with_product(problem, nodes, names, generator)
                network, error, passed = refit(network, problem.x, problem.labels, STEPS)
                if nodes[0][0] + 1 < len(network.bias) and np.isfinite(error):
                    network = network.with_grids(passed, FINE)
                    network, error, passed = refit(network, problem.x, problem.labels, STEPS)
                if error <= problem.most_error:
                    steps = [
                        step_to(network, error, edge, curve.function)
                        for edge, curve in network.edges.items()
                        if edge[:2] in nodes and isinstance(curve, NamedEdge)
                    ]
                    state = NamingState(network, error, passed, steps=tuple(steps))
                    yield greedy_search(problem, state, EFFORT)


def _pairs_of_nodes(network: NamingNetwork) -> list[tuple[Node, Node]]:
    """Return hidden nodes with two edges in or more, whose only edge leads to the same node."""
    into: dict[Node, int] = {}
    out: dict[Node, list[int]] = {}
    for l, i, j in network.edges:
        into[l + 1, j] = into.get((l + 1, j), 0) + 1
        out.setdefault((l, i), []).append(j)
    nodes = [n for n in sorted(out) if n[0] and len(out[n]) == 1 and into.get(n, 0) > 1]
    pairs = itertools.combinations(nodes, 2)
    return [(a, b) for a, b in pairs if a[0] == b[0] and out[a] == out[b]]


def _with_product(
    problem: NamingProblem,
    nodes: tuple[Node, Node],
    names: tuple[str, str],
    generator: np.random.Generator,
) -> NamingNetwork:
    """Return the first network with names behind two nodes, and other curves before them."""
    network, spread = problem.start.network, math.sqrt(problem.variance)
    edges, bias = dict(network.edges), [values.copy() for values in network.bias]
    for l, i, j in network.edges:
        if (l, i) in nodes:
            function = FUNCTIONS[names[nodes.index((l, i))]]
            edges[l, i, j] = NamedEdge(function, 1.0, 0.0, float(generator.choice([-1.0, 1.0])))
        elif (l + 1, j) in nodes:
            grid = network.grids[l][i]
            points = np.linspace(-0.5, 0.5, 8 * grid.count)
            curve = generator.normal(0, 1.5) * points + generator.normal(0, 0.3) * points**2
            values = grid.low + (grid.high - grid.low) * (points + 0.5)
            edges[l, i, j] = SplineEdge(grid.fit(values, curve[None])[0])
            bias[l][j] = 0.0
    grids = [[*row] for row in network.grids]
    after, product = nodes[0][0] + 1, next(j for l, i, j in edges if (l, i) in nodes)
    if after < len(bias):  # what follows begins anew, too, from a line
        bias[after - 1][product] = 0.0
        grids[after][product] = grid = SplineGrid(-RANGE, RANGE, COARSE)
        points = np.linspace(-RANGE, RANGE, 8 * grid.count)
        for edge in edges:
            if edge[:2] == (after, product):
                edges[edge] = SplineEdge(grid.fit(points, points[None] * spread)[0])
    return replace(network, edges=edges, bias=bias, grids=grids)
