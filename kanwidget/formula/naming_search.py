"""What the searches for names share: trying a name, settling on it, and what that is worth."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import Function, select_functions
from kanwidget.kan.arrays import as_columns
from kanwidget.kan.row_blocks import some_rows
from kanwidget.masks.ids import Edge

from .dictionary import POINTS
from .fit import fit_curves
from .levenberg_marquardt import refit
from .naming_network import Forward, NamedEdge, NamingNetwork, build_network, mean_square
from .network_samples import sample_network
from .rank import GROUP_BITS, by_bits, description_length

__all__ = [
    "Effort",
    "NamingProblem",
    "NamingState",
    "NamingStep",
    "Refused",
    "Trial",
    "cost_of",
    "step_to",
]

Array = NDArray[np.float64]

MAX_ROWS, MAX_TRIAL_ROWS = 1000, 400
"""Rows that a network is fitted to, and rows on which names are tried, at the most."""

COARSE, FINE, FINER = 5, 10, (20, 40)
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

REFIT_STEPS = 40

MAX_PARAMETERS = 3000
"""Of the copy that names are tried on: each step of a refit takes its cube of time."""

UNNOTICED = 0.2
"""Without labels, errors of this share of what outputs may change by count as none."""

Refused = frozenset[tuple[Edge, str]]
"""Edges, and functions that are not to name them."""

LEAST_ARGUMENT = 0.3
"""Half the range of an argument below which functions look like powers."""

MAX_SHIFT = 0.2
"""Grids follow a node whose range has moved by more, relative to the grid."""


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
class NamingState:
    """A network on the way to its names.

    Attributes
    ----------
    network : NamingNetwork
    error : float
        Mean squared, on all rows.
    passed : Forward
        The network's pass over all rows.
    zeros : tuple of Edge
        Edges that turned out to do nothing.
    steps : tuple of NamingStep
    """

    network: NamingNetwork
    error: float
    passed: Forward
    zeros: tuple[Edge, ...] = ()
    steps: tuple[NamingStep, ...] = ()


@dataclass(frozen=True)
class Trial:
    """A name that was tried: the network with it, after a few steps, and its score in bits."""

    bits: float
    edge: Edge
    function: Function
    network: NamingNetwork


@dataclass(frozen=True)
class Effort:
    """How a search compares names.

    Attributes
    ----------
    steps : int
        Of each trial.
    observations : int
        As so many rows count: fewer let simple names win although the loss grows.
    floor : float
        Below this multiple of the present error a lower one counts little.
    names : int
        Tried for each edge, besides those that always are.
    hopeless : float
        A trial ends after three steps whose error is larger than the best one by this factor.
    """

    steps: int = 8
    observations: int = OBSERVATIONS
    floor: float = 1.0
    names: int = MAX_NAMES
    hopeless: float = 1e4


def step_to(network: NamingNetwork, error: float, edge: Edge, function: Function) -> NamingStep:
    """Return the step that led to a network with a mean squared error."""
    named = [c.function for c in network.edges.values() if isinstance(c, NamedEdge)]
    return NamingStep(
        edge,
        function.name,
        math.sqrt(error),
        sum(f.complexity for f in named),
        len(network.unnamed()),
    )


def cost_of(function: Function) -> float:
    """Return what a name and its constants take to write down, in bits."""
    return function.complexity + BITS_PER_CONSTANT * function.parameters


class NamingProblem:
    """The data, the functions and the limits of a search.

    Parameters
    ----------
    adapter, rows, labels, lib, tolerance, stop
        As in `name_all`.
    deadline : float
        Of `time.monotonic`.

    Attributes
    ----------
    kept : set of Edge
        Edges that the model has named before: they keep their functions.
    start : NamingState
        The model's curves as splines, fitted closely.
    error_before : float
        Mean squared, of the model as it is.
    most_error : float
        What a naming may have.
    """

    def __init__(
        self,
        adapter: Adapter,
        rows: Tensor,
        labels: Tensor | None,
        lib: Iterable[str] | Mapping[str, Function] | None,
        tolerance: float,
        deadline: float,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        functions = select_functions(lib).values()
        self.functions = tuple(sorted(functions, key=lambda function: function.complexity))
        self.deadline, self._stop = deadline, stop
        if len(rows) > MAX_ROWS:
            some = some_rows(len(rows), MAX_ROWS)
            rows = rows[some.to(rows.device)]
            labels = None if labels is None else labels[some.to(labels.device)]
        with torch.no_grad():
            outputs = adapter.forward(rows)
        has_labels = labels is not None
        labels = outputs if labels is None else labels
        if not (outputs.isfinite().all() and labels.isfinite().all()):
            raise ValueError(
                "names are fitted to numbers, and some outputs of the model or some labels are "
                "NaN or infinite: switch off the edges that give them, or leave these rows out"
            )
        self.x, self.labels = as_columns(rows), as_columns(labels)
        chosen = np.linspace(0, len(rows) - 1, min(len(rows), MAX_TRIAL_ROWS)).round()
        trial_rows = chosen.astype(np.int64)
        self._trial_x = np.ascontiguousarray(self.x[:, trial_rows])
        self._trial_labels = np.ascontiguousarray(self.labels[:, trial_rows])
        self.variance = float(self.labels.var(1).mean()) or 1.0
        self.unnoticed = 0.0 if has_labels else (UNNOTICED * tolerance) ** 2 * self.variance
        self.error_before = mean_square(as_columns(outputs), self.labels)
        network = build_network(adapter, rows, COARSE)
        if network.size > MAX_PARAMETERS:
            raise ValueError(
                f"the model has {len(network.edges)} edges on, and {network.size} numbers to fit "
                f"names with; more than {MAX_PARAMETERS} take too long: prune it first"
            )
        self.kept = frozenset(e for e, c in network.edges.items() if isinstance(c, NamedEdge))
        self.start = self._polish(network)
        if not math.isfinite(self.start.error):
            raise ValueError(
                "a function that names an edge is not defined, or has a pole, on these rows: give "
                "that edge its spline back first"
            )
        allowed = (1 + tolerance) ** 2 * self.error_before
        if not has_labels:
            allowed = tolerance**2 * self.variance
        self.most_error = max(allowed, self.start.error)

    def _polish(self, network: NamingNetwork) -> NamingState:
        """Fit the splines closely, on finer grids if the rows are worth their parameters."""
        state = self._refit(network)
        if not network.unnamed() or not math.isfinite(state[1]):
            return NamingState(*state)
        count = self.labels.size

        def cost(fit: tuple[NamingNetwork, float, Forward]) -> float:
            return count / 2 * math.log2(fit[1] + 1e-300) + fit[0].size / 2 * math.log2(count)

        for intervals in (FINE, *FINER):
            # The model's own grids may be finer, too.
            if intervals > FINE and state[1] <= max(self.error_before, self.unnoticed):
                break
            finer = state[0].with_grids(state[2], intervals)
            if finer.size > MAX_PARAMETERS:
                break
            state = min(state, self._refit(finer), key=cost)
        return NamingState(*state)

    def _refit(self, network: NamingNetwork) -> tuple[NamingNetwork, float, Forward]:
        return refit(
            network, self.x, self.labels, REFIT_STEPS, stop=lambda _: self.is_asked_to_stop
        )

    @property
    def out_of_time(self) -> bool:
        """Whether the deadline has passed, or somebody asks to stop."""
        return time.monotonic() > self.deadline or self.is_asked_to_stop

    @property
    def is_asked_to_stop(self) -> bool:
        """Whether somebody asks to stop."""
        return self._stop is not None and bool(self._stop())

    def bits(self, error: float, floor: float, observations: int = OBSERVATIONS) -> float:
        """Return what an error costs; see `Effort`."""
        floor = max(floor, self.unnoticed, ROUNDING * self.variance)
        share = (error + floor) / self.variance
        return observations / 2 * math.log2(max(share, 1e-300))

    def total_bits(self, state: NamingState) -> float:
        """Return what a whole network costs; errors that splines leave, too, count little."""
        bits = self.bits(state.error, self.start.error)
        for curve in state.network.edges.values():
            bits += cost_of(curve.function) if isinstance(curve, NamedEdge) else SPLINE_BITS
        return bits

    def trials(
        self, state: NamingState, effort: Effort, refused: Refused = frozenset()
    ) -> list[Trial]:
        """Try names for every edge that has none, but those refused; the best first."""
        floor, best, found = effort.floor * state.error, math.inf, []
        for edge, function, curve in self._options(state, effort.names, refused):
            if self.out_of_time:
                break
            network, error, _ = refit(
                state.network.with_edge(edge, curve, function),
                self._trial_x,
                self._trial_labels,
                effort.steps,
                stop=_Hopeless(effort.hopeless * max(best, floor)),
            )
            if np.isfinite(error):
                best = min(best, error)
                bits = self.bits(error, floor, effort.observations) + cost_of(function)
                found.append(Trial(bits, edge, function, network))
        order = by_bits(np.array([trial.bits for trial in found]))
        return [found[place] for place in order]

    def _options(
        self, state: NamingState, names: int, refused: Refused
    ) -> list[tuple[Edge, Function, NamedCurve]]:
        """Return the names worth trying, the likeliest of each edge first."""
        samples, functions = (
            sample_network(state.network, state.passed, state.error),
            self.functions,
        )
        fits = fit_curves(samples.x, samples.y, samples.weight, functions)
        bits = description_length(fits.unexplained, samples.noise, functions)
        always = [f for f, function in enumerate(functions) if function.name in ALWAYS_TRIED]
        ranked = []
        for e, edge in enumerate(samples.edges):
            order = by_bits(bits[e]).tolist()
            order = [f for f in order if (edge, functions[f].name) not in refused]
            near = order
            if names <= MAX_NAMES:
                near = [f for f in order if bits[e, f] <= bits[e, order[0]] + GROUP_BITS]
            tried = dict.fromkeys([*near[:names], *(f for f in always if f in order)])
            for place, f in enumerate(tried):
                curve = _visible(functions[f], fits.curve(e, f), samples.x[e], samples.y[e])
                ranked.append((place, edge, functions[f], curve))
                if functions[f].name == "x^2" and samples.x[e, 0] < 0 < samples.x[e, 1]:
                    ranked.append((place, edge, functions[f], _even(samples.x[e], samples.y[e])))
        ranked.sort(key=lambda option: option[0])
        return [option[1:] for option in ranked]

    def settle(
        self, state: NamingState, edge: Edge, function: Function, network: NamingNetwork
    ) -> NamingState:
        """Return the state after a name: its network refitted on all rows."""
        network, error, passed = self._refit(network)
        if np.isfinite(error):
            network, error, passed = self._on_new_grids(network, error, passed)
        zeros = state.zeros + ((edge,) if function.family == "constant" else ())
        step = step_to(network, error, edge, function)
        return NamingState(network, error, passed, zeros, (*state.steps, step))

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

    def simplify(self, state: NamingState) -> NamingState:
        """Try simpler names for edges that have one, now that all others are known."""
        for edge, curve in list(state.network.edges.items()):
            if not isinstance(curve, NamedEdge) or edge in self.kept:
                continue
            now = self.bits(state.error, state.error) + cost_of(curve.function)
            for function in self.functions:
                if function.complexity >= curve.function.complexity or self.out_of_time:
                    break
                if function.name not in ALWAYS_TRIED:
                    continue
                nearest = self._nearest(state, edge, function)
                network = state.network.with_edge(edge, nearest, function)
                simpler = self.settle(state, edge, function, network)
                bits = self.bits(simpler.error, state.error) + cost_of(function)
                if simpler.error <= self.most_error and bits < now:
                    state = simpler
                    break
        return state

    def _nearest(self, state: NamingState, edge: Edge, function: Function) -> NamedCurve:
        """Return a function with the constants that are nearest to a named edge's curve."""
        l, i, _ = edge
        curve, values = state.network.edges[edge], state.passed.values[l][i]
        assert isinstance(curve, NamedEdge)
        points = np.linspace(values.min(), values.max(), POINTS)
        y = (curve.c * curve.function.value(curve.a * points + curve.b))[None]
        return fit_curves(points[None, [0, -1]], y, np.ones_like(y), (function,)).curve(0, 0)


class _Hopeless:
    """Ends a trial that is far behind after three steps."""

    def __init__(self, most: float) -> None:
        self._most, self._steps = most, 0

    def __call__(self, error: float) -> bool:
        self._steps += 1
        return self._steps >= 3 and error > self._most


def _visible(function: Function, curve: NamedCurve, ends: Array, y: Array) -> NamedCurve:
    """Return constants with which a function does not look like another one on a curve's range.

    Of an argument that hardly changes, ``cosh`` is a square and ``sinh`` a line. A fit that begins
    there does not get away.
    """
    half = (ends[1] - ends[0]) / 2
    if function.family != "any" or abs(curve.a) * half >= LEAST_ARGUMENT:
        return curve
    a = math.copysign(1 / half, curve.a)
    # An even function keeps its centre.
    b = -a * (-curve.b / curve.a if function.even else (ends[0] + ends[1]) / 2)
    with np.errstate(all="ignore"):
        values = function.value(a * np.linspace(ends[0], ends[1], POINTS) + b)
        spread = values - values.mean()
        if not 0 < float((spread**2).sum()) < math.inf:
            return curve
    c = float((spread * y).sum() / (spread**2).sum())
    return NamedCurve(function.name, a, float(b), c, float(y.mean() - c * values.mean()))


def _even(ends: Array, y: Array) -> NamedCurve:
    """Return the square around 0 with the range of a curve, which may only be a part of it.

    Of a chain of two curves, as in ``1 / sqrt(1 - x^2)``, either may be the even one.
    """
    c = (y.max() - y.min()) / max(ends**2)
    return NamedCurve("x^2", 1.0, 0.0, float(c), float(y.min()))
