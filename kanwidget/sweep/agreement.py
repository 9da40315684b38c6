"""What several trained networks agree on: which inputs matter, and the curves of the first layer.

Two networks that compute the same may have their hidden nodes in another order, and a node may be
any ``a h + b`` of the other's, which the next layer undoes. So each network's first hidden nodes
are paired with those of one of them, one to one, such that the correlations of their values on the
data, without their signs, are largest in sum. This is how Li, Yosinski, Clune, Lipson and Hopcroft
(2016), "Convergent learning: do different neural networks learn the same representations?", pair
neurons; the assignment is Kuhn's (1955), as `scipy.optimize.linear_sum_assignment` solves it. What
is paired is given one sign and one scale, and curves one offset, and is compared then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters import adapt
from kanwidget.evaluate.data_and_metric import CURVE_ROWS
from kanwidget.evaluate.names import column_names, names_or_default
from kanwidget.kan import KAN
from kanwidget.kan.check_data import check_inputs
from kanwidget.kan.plot import KANFigure
from kanwidget.kan.row_blocks import some_rows
from kanwidget.masks.reachability import leads_to_outputs, reachable_from_inputs

__all__ = ["Agreement", "CurveAgreement", "InputAgreement", "find_agreement"]

Array = NDArray[np.float64]

POINTS = 101
"""Samples of each curve, evenly over the range of its input."""


@dataclass(frozen=True)
class InputAgreement:
    """How far networks agree that an input matters.

    Attributes
    ----------
    name : str
    kept_in : int
        Networks in which an edge leads from it to an output.
    runs : int
        Networks in all.
    importance : float
        Its share of what varies in the outputs, as pykan's attribution traces it back, summed
        over the edges out of it: the median over the networks, 0 to 1.
    """

    name: str
    kept_in: int
    runs: int
    importance: float

    def __str__(self) -> str:
        return (
            f"{self.name}: kept in {self.kept_in} of {self.runs} runs, "
            f"{self.importance:.0%} of what varies"
        )


@dataclass(frozen=True)
class CurveAgreement:
    """How far networks agree on one curve of the first layer.

    Attributes
    ----------
    name : str
        Of the input.
    input, node : int
        From which input to which node of node layer 1 of the run that the others are compared
        with.
    points : ndarray, shape (n,)
        Values of the input.
    curves : dict of int to ndarray, shape (n,)
        For each run that has a node like it, and the edge: the curve, in standard deviations of
        the node over the data, with mean 0 over the data.
    median : ndarray, shape (n,)
        Of the curves.
    same_in : list of int
        The runs whose curve is as the median.
    runs : int
        Networks in all.
    """

    name: str
    input: int
    node: int
    points: Array
    curves: dict[int, Array]
    median: Array
    same_in: list[int]
    runs: int

    def __str__(self) -> str:
        return (
            f"{self.name} to node (1, {self.node}): this curve is in "
            f"{len(self.same_in)} of {self.runs} runs"
        )


@dataclass(frozen=True)
class Agreement:
    """What networks agree on; see `kanwidget.sweep.agreement` for the method.

    Attributes
    ----------
    runs : list of int
        Numbers of the runs compared; the others are compared with the first.
    inputs : list of InputAgreement
    curves : list of CurveAgreement
        Of all edges that the first run has in its first layer.
    """

    runs: list[int]
    inputs: list[InputAgreement]
    curves: list[CurveAgreement]

    def __str__(self) -> str:
        return "\n".join(map(str, (*self.inputs, *self.curves)))

    def plot(self) -> Figure:
        """Draw each curve of the first layer: all runs thin, their median thick."""
        nodes = sorted({curve.node for curve in self.curves})
        inputs = sorted({curve.input for curve in self.curves})
        size = 2.8 * max(1, len(inputs)), 2.4 * max(1, len(nodes))
        figure = KANFigure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(max(1, len(nodes)), max(1, len(inputs)), squeeze=False)
        for panel in axes.flat:
            panel.set_axis_off()
        for curve in self.curves:
            panel = axes[nodes.index(curve.node), inputs.index(curve.input)]
            panel.set_axis_on()
            for run, values in curve.curves.items():
                style = "-" if run in curve.same_in else ":"
                panel.plot(curve.points, values, style, color="0.65", linewidth=0.8)
            panel.plot(curve.points, curve.median, color="black", linewidth=2)
            panel.set_title(f"in {len(curve.same_in)} of {curve.runs} runs", fontsize=10)
            panel.set_xlabel(curve.name)
            panel.set_ylabel(f"node (1, {curve.node})")
        return figure


@dataclass(frozen=True)
class _FirstLayer:
    """A network's first layer on the data, its nodes with mean 0 and standard deviation 1.

    Attributes
    ----------
    nodes : ndarray of int, shape (count,)
        Those that an input reaches and that lead to an output.
    values : ndarray, shape (count, rows)
    on : ndarray of bool, shape (count, n_in)
    on_data, on_points : ndarray, shapes (count, n_in, rows) and (count, n_in, POINTS)
        Curves, each with mean 0 over the data.
    """

    nodes: NDArray[np.int64]
    values: Array
    on: NDArray[np.bool_]
    on_data: Array
    on_points: Array


def find_agreement(
    models: Sequence[KAN],
    runs: Sequence[int],
    dataset: Mapping[str, Any],
    least_correlation: float = 0.9,
) -> Agreement:
    """Compare networks with the first of them.

    Parameters
    ----------
    models : list of KAN
        With as many inputs as the data have.
    runs : list of int
        Their numbers.
    dataset : dict
        Of which the training inputs are used.
    least_correlation : float
        From which on two nodes, or a curve and the median, count as the same.

    Raises
    ------
    ImportError
        If scipy is not there.
    """
    try:
        from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]
    except ImportError:
        raise ImportError(
            "what runs agree on is found with scipy, which is not installed: "
            "pip install 'kanwidget[sweep]'"
        ) from None
    mask = models[0].mask[0]
    x = check_inputs(
        dataset["train_input"], mask.shape[1], "dataset['train_input']", mask.device, mask.dtype
    )
    rows = x[some_rows(len(x), CURVE_ROWS)]
    low, high = rows.amin(0), rows.amax(0)
    points = low + (high - low) * torch.linspace(0, 1, POINTS, dtype=x.dtype).unsqueeze(1)
    layers = [_first_layer(model, rows.to(model.mask[0]), points) for model in models]
    first = layers[0]
    # For each run and each node of the first: the node like it, and its sign.
    paired: list[dict[int, tuple[int, float]]] = []
    for layer in layers:
        correlations = first.values @ layer.values.T / rows.shape[0]
        pairs = zip(*linear_sum_assignment(-np.abs(correlations)), strict=True)
        alike = [(a, b) for a, b in pairs if abs(correlations[a, b]) >= least_correlation]
        paired.append({int(a): (int(b), float(np.sign(correlations[a, b]))) for a, b in alike})
    columns = list(range(x.shape[1]))
    names = names_or_default(column_names(dataset), columns, models[0].width[-1])[0]
    inputs = _inputs(models, rows, names)
    curves = []
    for a, i in zip(*first.on.nonzero(), strict=True):
        found: dict[int, tuple[Array, Array]] = {}
        for run, layer, pairs_of_run in zip(runs, layers, paired, strict=True):
            b, sign = pairs_of_run.get(int(a), (-1, 0.0))
            if b >= 0 and layer.on[b, i]:
                found[run] = sign * layer.on_points[b, i], sign * layer.on_data[b, i]
        if not found:  # the values of a node may be constant
            continue
        median = np.median([curve for curve, _ in found.values()], axis=0)
        on_data = np.median([values for _, values in found.values()], axis=0)
        same = [
            run
            for run, (_, values) in found.items()
            if _correlation(values, on_data) >= least_correlation
        ]
        curves.append(
            CurveAgreement(
                names[i],
                int(i),
                int(first.nodes[a]),
                points[:, i].double().numpy(),
                {run: curve for run, (curve, _) in found.items()},
                median,
                same,
                len(models),
            )
        )
    return Agreement(list(runs), inputs, curves)


def _inputs(models: Sequence[KAN], rows: Tensor, names: Sequence[str]) -> list[InputAgreement]:
    kept = np.array([leads_to_outputs(model.mask)[0].numpy() for model in models])
    traced = [
        adapt(model).scores(rows.to(model.mask[0]), "attribution")[0].sum(0).numpy()
        for model in models
    ]
    shares = np.array([one / (one.sum() or 1.0) for one in traced])
    return [
        InputAgreement(name, int(kept[:, i].sum()), len(models), float(np.median(shares[:, i])))
        for i, name in enumerate(names)
    ]


@torch.no_grad()
def _first_layer(model: KAN, rows: Tensor, points: Tensor) -> _FirstLayer:
    layer, mask = model.layers[0], model.mask
    alive = reachable_from_inputs(mask)[1] & leads_to_outputs(mask)[1]
    nodes = alive.nonzero().flatten()
    values = layer(rows)[:, nodes].T.double().numpy()
    on = (mask[0] != 0)[nodes].numpy()
    on_data = layer.activations(rows)[nodes].double().numpy()
    on_points = layer.activations(points.to(rows))[nodes].double().numpy()
    spread = values.std(1, keepdims=True)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    offset = on_data.mean(2, keepdims=True)
    return _FirstLayer(
        nodes.numpy(),
        (values - values.mean(1, keepdims=True)) * scale,
        on,
        (on_data - offset) * scale[:, :, None],
        (on_points - offset) * scale[:, :, None],
    )


def _correlation(a: Array, b: Array) -> float:
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size else 0.0
