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

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.masks.ids import Edge

from .curve import NamedCurve
from .dictionary import POINTS
from .fit import fit_curves
from .levenberg_marquardt import refit
from .library import Function, select_functions
from .naming_network import (
    Forward,
    NamedEdge,
    NamingNetwork,
    build_network,
    mean_square,
)
from .network_samples import sample_network
from .rank import GROUP_BITS, description_length

__all__ = ["Naming", "NamingStep", "name_all"]

Array = NDArray[np.float64]

MAX_ROWS, MAX_TRIAL_ROWS = 1000, 400
"""Rows that a network is fitted to, and rows on which names are tried, at the most."""

COARSE, FINE = 5, 10
"""Grid intervals of the splines; fine ones are kept if the data are worth it."""

OBSERVATIONS = 64
"""As so many rows count when names are compared."""

ROUNDING = 1e-24
"""Errors below this share of the variance are the same."""

SPLINE_BITS = 30.0
"""What a curve without a name costs."""

BITS_PER_CONSTANT = 2.0

MAX_NAMES = 3
"""Names tried for each edge, besides those that always are."""

ALWAYS_TRIED = "0", "x", "x^2"
"""These make other curves change, so a curve alone does not say whether they are right."""

MAX_SHIFT = 0.2
"""Grids follow a node whose range has moved by more, relative to the grid."""

TRIAL_STEPS, REFIT_STEPS, FINAL_STEPS = 8, 40, 60
ALTERNATIVES = 4
"""Names that are refitted at length in one round, if the first of them do not hold."""


@dataclass(frozen=True)
class NamingStep:
    """One name that was taken.

    Attributes
    ----------
    edge : (l, i, j)
    function : str
    loss : float
        Root mean squared error of the network after it, refitted.
    complexity : int
        Of all names so far.
    unnamed : int
        Edges that still are splines.
    """

    edge: Edge
    function: str
    loss: float
    complexity: int
    unnamed: int


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
    """
    started = time.monotonic()
    search = _Search(adapter, rows, labels, lib, tolerance, started + seconds)
    while search.take_next():
        pass
    search.simplify()
    return search.result()


class _Search:
    """Takes one name after the other."""

    def __init__(
        self,
        adapter: Adapter,
        rows: Tensor,
        labels: Tensor,
        lib: Iterable[str] | Mapping[str, Function] | None,
        tolerance: float,
        deadline: float,
    ) -> None:
        functions = select_functions(lib).values()
        self.functions = tuple(sorted(functions, key=lambda function: function.complexity))
        self.deadline = deadline
        if len(rows) > MAX_ROWS:
            some = torch.linspace(0, len(rows) - 1, MAX_ROWS, dtype=torch.float64).round().long()
            rows, labels = rows[some], labels[some]
        self.x = np.ascontiguousarray(rows.detach().cpu().double().numpy().T)
        self.labels = np.ascontiguousarray(labels.detach().cpu().double().numpy().T)
        some_rows = np.linspace(0, len(rows) - 1, min(len(rows), MAX_TRIAL_ROWS)).round()
        chosen = some_rows.astype(np.int64)
        self.trial_x = np.ascontiguousarray(self.x[:, chosen])
        self.trial_labels = np.ascontiguousarray(self.labels[:, chosen])
        self.variance = float(self.labels.var(1).mean()) or 1.0
        with torch.no_grad():
            outputs = adapter.forward(rows).detach().cpu().double().numpy().T
        self.error_before = mean_square(outputs, self.labels)
        self.network, self.error, self.passed = self._polish(adapter, rows)
        self.error_polished = self.error
        self.most_error = max((1 + tolerance) ** 2 * self.error_before, self.error_polished)
        self.steps: list[NamingStep] = []
        self.zeros: list[Edge] = []
        self.out_of_time = False
        self.hopeless: set[tuple[Edge, str]] = set()

    def _polish(self, adapter: Adapter, rows: Tensor) -> tuple[NamingNetwork, float, Forward]:
        """Fit the splines closely, on the finer grid if the rows are worth its parameters."""
        network = build_network(adapter, rows, COARSE)
        coarse = refit(network, self.x, self.labels, REFIT_STEPS)
        fine_network = coarse[0].with_grids(coarse[2], FINE)
        fine = refit(fine_network, self.x, self.labels, REFIT_STEPS)
        count = self.labels.size

        def cost(fit: tuple[NamingNetwork, float, Forward]) -> float:
            return count / 2 * math.log2(fit[1] + 1e-300) + fit[0].size / 2 * math.log2(count)

        return min(coarse, fine, key=cost)

    def take_next(self) -> bool:
        """Take the name that shortens the description most; return whether there is one."""
        trials = self._trials()
        floor = self.error
        now = self._bits(self.error, floor) + SPLINE_BITS
        for _, edge, function, network in trials[:ALTERNATIVES]:
            if time.monotonic() > self.deadline:
                self.out_of_time = True
                return False
            found, error, passed = refit(network, self.x, self.labels, REFIT_STEPS)
            if error > self.most_error or self._bits(error, floor) + _cost(function) > now:
                continue
            self.network, self.error, self.passed = self._on_new_grids(found, error, passed)
            if function.family == "constant":
                self.zeros.append(edge)
            self._note(edge, function)
            return bool(self.network.unnamed())
        return False

    def _on_new_grids(
        self, network: NamingNetwork, error: float, passed: Forward
    ) -> tuple[NamingNetwork, float, Forward]:
        """Let the splines' grids follow nodes whose values have moved, if that costs nothing."""
        moved = network.with_grids(passed, network.grids[0][0].intervals, MAX_SHIFT)
        if moved.grids == network.grids:
            return network, error, passed
        seen = moved.forward(self.x)
        found = mean_square(seen.outputs, self.labels) if seen.in_domain else math.inf
        if found > 1.1 * error:
            return network, error, passed
        return moved, found, seen

    def _note(self, edge: Edge, function: Function) -> None:
        complexity = sum(
            curve.function.complexity
            for curve in self.network.edges.values()
            if isinstance(curve, NamedEdge)
        )
        unnamed = len(self.network.unnamed())
        loss = math.sqrt(self.error)
        self.steps.append(NamingStep(edge, function.name, loss, complexity, unnamed))

    def _bits(self, error: float, floor: float) -> float:
        share = (error + max(floor, ROUNDING * self.variance)) / self.variance
        return OBSERVATIONS / 2 * math.log2(max(share, 1e-300))

    def simplify(self) -> None:
        """Try simpler names for edges that have one, now that all others are known."""
        for edge, curve in list(self.network.edges.items()):
            if not isinstance(curve, NamedEdge) or time.monotonic() > self.deadline:
                continue
            now = self._bits(self.error, self.error) + _cost(curve.function)
            for function in self.functions:
                if function.complexity >= curve.function.complexity:
                    break
                if function.name not in ALWAYS_TRIED:
                    continue
                network = self.network.with_edge(edge, self._nearest(edge, function), function)
                found, error, passed = refit(network, self.x, self.labels, REFIT_STEPS)
                bits = self._bits(error, self.error) + _cost(function)
                if error <= self.most_error and bits < now:
                    self.network, self.error, self.passed = found, error, passed
                    self.zeros += [edge] if function.family == "constant" else []
                    self._note(edge, function)
                    break

    def _nearest(self, edge: Edge, function: Function) -> NamedCurve:
        """Return a function with the constants that are nearest to a named edge's curve."""
        l, i, _ = edge
        curve, values = self.network.edges[edge], self.passed.values[l][i]
        assert isinstance(curve, NamedEdge)
        ends = np.array([[values.min(), values.max()]])
        points = np.linspace(ends[0, 0], ends[0, 1], POINTS)
        y = (curve.c * curve.function.value(curve.a * points + curve.b))[None]
        fits = fit_curves(ends, y, np.ones_like(y), (function,))
        a, b, c, d = (float(field[0, 0]) for field in (fits.a, fits.b, fits.c, fits.d))
        return NamedCurve(function.name, a, b, c, d)

    def _trials(self) -> list[tuple[float, Edge, Function, NamingNetwork]]:
        """Try names for every edge that has none; the best first."""
        floor, best = self.error, math.inf
        found = []
        options = self._options()
        for edge, function, curve in options:
            if time.monotonic() > self.deadline:
                self.out_of_time = True
                break
            network = self.network.with_edge(edge, curve, function)
            count = 0

            def hopeless(error: float) -> bool:
                nonlocal count
                count += 1
                return count >= 3 and error > 1e4 * max(best, floor)  # noqa: B023

            network, error, _ = refit(
                network, self.trial_x, self.trial_labels, TRIAL_STEPS, stop=hopeless
            )
            if not np.isfinite(error):
                continue
            best = min(best, error)
            found.append((self._bits(error, floor) + _cost(function), edge, function, network))
        return sorted(found, key=lambda trial: trial[0])

    def _options(self) -> list[tuple[Edge, Function, NamedCurve]]:
        """Return the names worth trying, the likeliest of each edge first."""
        samples, functions = sample_network(self.network, self.passed, self.error), self.functions
        fits = fit_curves(samples.x, samples.y, samples.weight, functions)
        bits = description_length(fits.unexplained, samples.noise, functions)
        ranked = []
        for e, edge in enumerate(samples.edges):
            order = np.argsort(bits[e], kind="stable")
            near = [f for f in order if bits[e, f] <= bits[e, order[0]] + GROUP_BITS]
            chosen = near[:MAX_NAMES]
            chosen += [
                f
                for f, function in enumerate(functions)
                if function.name in ALWAYS_TRIED and f not in chosen
            ]
            for place, f in enumerate(chosen):
                curve = NamedCurve(
                    functions[f].name,
                    float(fits.a[e, f]),
                    float(fits.b[e, f]),
                    float(fits.c[e, f]),
                    float(fits.d[e, f]),
                )
                ranked.append((place, edge, functions[f], curve))
        ranked.sort(key=lambda option: option[0])
        return [(edge, function, curve) for _, edge, function, curve in ranked]

    def result(self) -> Naming:
        """Refit once more, and return what was found."""
        network, error, _ = refit(self.network, self.x, self.labels, FINAL_STEPS, min_fall=1e-6)
        curves = {
            edge: NamedCurve(curve.function.name, curve.a, curve.b, curve.c, 0.0)
            for edge, curve in network.edges.items()
            if isinstance(curve, NamedEdge)
        }
        curves.update({edge: NamedCurve("0", 1.0, 0.0, 0.0, 0.0) for edge in self.zeros})
        return Naming(
            curves,
            network,
            math.sqrt(self.error_before),
            math.sqrt(self.error_polished),
            math.sqrt(error),
            self.steps,
            self.out_of_time,
        )


def _cost(function: Function) -> float:
    """Return what a name and its constants take to write down, in bits."""
    return function.complexity + BITS_PER_CONSTANT * function.parameters
