"""What a view reads of a session, as arrays and plain lists: pure functions, no traits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters.edge_functions import EdgeFunctions
from kanwidget.evaluate.data_and_metric import CURVE_POINTS, DataAndMetric, MetricValues
from kanwidget.evaluate.tradeoff import TradeOff
from kanwidget.kan.arrays import as_array
from kanwidget.kan.json_numbers import finite
from kanwidget.session import PruningSession
from kanwidget.session.history import Command, History
from kanwidget.session.script import path_to_baseline
from kanwidget.training.key_frames import MAX_FRAMES

from .function_tables import MAX_TABLE_EDGES, cells, outwards
from .low_rank_tables import shared_cells
from .page_losses import page_loss_name, torch_loss_name

__all__ = [
    "baseline_arrays",
    "compared",
    "curve_arrays",
    "curve_points",
    "data_arrays",
    "history_rows",
    "large_arrays",
    "loss_arrays",
    "mask",
    "metric_rows",
    "origin",
    "prediction_kind",
    "quantised",
    "spline_arrays",
    "tradeoff_array",
]

Array = NDArray[np.generic]
Packable = dict[str, Array | None]
"""Arrays by the name of the trait that carries them; None if there is no such thing."""

MAX_VALUE = 1e38
"""The largest value of a curve that a view draws: about what float32 can hold."""

MAX_ROWS = 256
"""Rows of the data that a view can pick a sample from."""

FRAME_BYTES = 750_000
"""Bytes that the key frames of a training may take in a page: a megabyte in base64."""

MAX_ROWS_BYTES = 400_000
"""Bytes of these rows."""


def data_arrays(data: DataAndMetric, n_out: int, most: int | None = None) -> Packable:
    """Return some rows of the data that the loss is measured on, their labels and their numbers.

    Parameters
    ----------
    data : DataAndMetric
    most : int, optional
        How many at most; by default as many as it takes to pick a sample from.
    """
    rows, labels = data.test_rows, data.test_labels
    n_in = rows.shape[1]
    count = min(len(rows), min(MAX_ROWS, MAX_ROWS_BYTES // (4 * n_in)) if most is None else most)
    if not count:
        return {"_rows": None, "_row_labels": None, "_row_numbers": None}
    some = _spread(rows, count)
    numeric = labels.shape == (len(rows), n_out) and labels.is_floating_point()
    return {
        "_rows": _array([rows[some]], np.float32),
        "_row_labels": _array([labels[some]], np.float32) if numeric else None,
        "_row_numbers": _array([some], np.float64),
    }


def loss_arrays(data: DataAndMetric, n_out: int, count: int) -> tuple[str, Array | None]:
    """Return which loss a page computes, "" for none, and the classes of rows if there are any."""
    kind = page_loss_name(data, n_out)
    if not count or not _are_classes(data, n_out):
        return kind, None
    return kind, _array([data.test_labels[_spread(data.test_rows, count)]], np.float32)


def prediction_kind(data: DataAndMetric, n_out: int) -> str:
    """Return what outputs say of classes.

    ``softmax``: their softmax are the probabilities of classes, as the cross entropy takes them;
    ``class``: the largest one is the predicted class, and no more is known; ``sigmoid``: each is
    a yes or no, whose probability is its sigmoid; "" if the labels are no classes.
    """
    losses = {torch_loss_name(metric) for metric in data.metrics.values()}
    if _are_classes(data, n_out):
        return "softmax" if "cross_entropy" in losses else "class"
    labels = data.test_labels
    is_yes_or_no = data.has_labels and bool(((labels == 0) | (labels == 1)).all())
    return "sigmoid" if is_yes_or_no and "bce" in losses else ""


def _are_classes(data: DataAndMetric, n_out: int) -> bool:
    """Whether the labels are numbers of classes, one for each output."""
    labels = data.test_labels
    whole = not labels.is_floating_point() and not labels.is_complex()
    if not data.has_labels or n_out < 2 or not whole or labels.shape != (len(data.test_rows),):
        return False
    return bool(((labels >= 0) & (labels < n_out)).all())


def metric_rows(values: Mapping[str, MetricValues]) -> list[list[Any]]:
    """Return metrics by name as the view reads them."""
    return [[name, finite(test), finite(train)] for name, (test, train) in values.items()]


def _spread(rows: Tensor, count: int) -> Tensor:
    """Return the numbers of some rows, from end to end: data may be sorted."""
    return torch.linspace(0, len(rows) - 1, count).round().long().to(rows.device)


def baseline_arrays(
    session: PruningSession, private: bool = False, tables: bool = True
) -> Packable:
    """Return all that stays as it is until the baseline changes.

    Parameters
    ----------
    session : PruningSession
    private : bool
        Whether no value of the data may be told: ends and knots are rounded, and nothing is told
        of how the data are spread.
    tables : bool
        Whether the tables are in it that a view computes outputs with; they take the longest.
    """
    adapter, baseline, data = session.edge_functions, session.baseline, session.data
    found = _rounded(adapter, baseline.curves) if private else baseline.curves
    xs, ys = zip(*found, strict=True)
    curves = _curves(ys)
    # What moves on at once is drawn as well in steps of 1/255, and without its base part.
    few = len(curves) <= MAX_TABLE_EDGES and tables
    rows = [data.test_rows, data.train_rows]
    table = cells(adapter, baseline, rows, private) if tables else None
    small, ends = (curves, None) if few else quantised(curves)
    return {
        "_curves_x": _array(xs, np.float32),
        "_curves_y": small,
        "_curves_range": ends,
        "_newer_curves": None,
        "_base_y": _base_parts(adapter, xs) if few else None,
        "_scores": _flat(baseline.scores, np.float64),
        "_baseline": _flat(baseline.mask, np.uint8),
        "_density": None if private else _array(baseline.density, np.float32),
        "_grid": None if private else _array(baseline.grid, np.float32),
        "_bias": _flat(baseline.bias, np.float64),
        "_offset": _flat(adapter.offset(), np.float64),
        "_means": _flat(baseline.means, np.float64),
        "_folded": _flat(baseline.folded, np.float64),
        "_cells_x": None if table is None else table.x,
        "_cells_y": None if table is None else table.y,
    }


def curve_arrays(ys: Iterable[Tensor]) -> Packable:
    """Return curves ``(n_out, n_in, n)`` of a training that goes on, over the points sent last."""
    y, ends = quantised(_curves(ys))
    return {"_curves_y": y, "_curves_range": ends}


def curve_points(session: PruningSession, private: bool = False) -> list[Tensor]:
    """Return the points of the baseline's curves, as `baseline_arrays` sends them."""
    xs = [x for x, _ in session.baseline.curves]
    return [_between_round_numbers(x) for x in xs] if private else xs


def _curves(ys: Iterable[Tensor]) -> NDArray[np.float32]:
    # Numpy's copies take one thread: torch's cost more beside a training.
    layers = [y.detach().cpu().numpy() for y in ys]
    ends = np.cumsum([0, *(y.shape[0] * y.shape[1] for y in layers)])
    found = np.empty((ends[-1], layers[0].shape[2]), np.float32)
    for y, first, end in zip(layers, ends, ends[1:], strict=False):
        found[first:end].reshape(y.shape)[:] = y
    return found


def _rounded(
    adapter: EdgeFunctions, curves: Sequence[tuple[Tensor, Tensor]]
) -> list[tuple[Tensor, Tensor]]:
    """Return curves between round numbers, in the place of the least and the largest value."""
    found = []
    for l, (x, y) in enumerate(curves):
        points = _between_round_numbers(x)
        moved = adapter.edge_curves(l, points.T) if adapter.can_tabulate else _moved(x, y, points)
        found.append((points, moved))
    return found


def _between_round_numbers(x: Tensor) -> Tensor:
    """Return as many points ``(n_in, n)`` as these, between round numbers beyond their ends."""
    low, high = as_array(x[:, 0]), as_array(x[:, -1])
    below, above = (torch.from_numpy(end).to(x) for end in outwards(low, high))
    share = torch.linspace(0, 1, x.shape[1]).to(x)
    return below[:, None] + (above - below)[:, None] * share


def _moved(x: Tensor, y: Tensor, points: Tensor) -> Tensor:
    """Return curves ``(n_out, n_in, n)`` at other points ``(n_in, n)``, along straight lines."""
    n = x.shape[1]
    width = (x[:, -1:] - x[:, :1]).clamp_min(torch.finfo(x.dtype).tiny)
    place = ((points - x[:, :1]) / width * (n - 1)).clamp(-n, 2 * n)
    first = place.floor().long().clamp(0, n - 2)
    share, index = place - first, first.expand_as(y)
    return y.gather(2, index) * (1 - share) + y.gather(2, index + 1) * share


def large_arrays(session: PruningSession) -> tuple[list[int], Packable]:
    """Return what computes a model that is too large for a table of each edge, if anything does.

    Returns
    -------
    counts : list of int
        Cells of each layer.
    arrays : dict
    """
    rows = [session.data.test_rows, session.data.train_rows]
    table = shared_cells(session.edge_functions, session.baseline, rows)
    if table is None:
        return [], {}
    small = {"_parts_y": table.y, "_parts_w": table.weights}
    arrays = {name: array.astype(np.float32) for name, array in small.items()}
    return table.counts, {"_parts_x": table.x, **arrays}


def spline_arrays(session: PruningSession) -> Packable:
    """Return tables and parts of curves in which named edges have the splines under their names.

    Nothing if no edge has a name, or the splines do not fit in a table.
    """
    named = session.edge_functions.names()
    if not named:
        return {}
    splines = session.private_copy()
    splines.set_names(dict.fromkeys(named))
    rows = [session.data.test_rows, session.data.train_rows]
    table = cells(session.edge_functions, session.baseline, rows, splines=splines)
    if table is None:
        return {}
    bases = _base_parts(splines, [x for x, _ in session.baseline.curves])
    return {"_cells_x": table.x, "_cells_y": table.y, "_base_y": bases}


def _base_parts(functions: EdgeFunctions, xs: Sequence[Tensor]) -> Array | None:
    """Return the base part of each curve at points ``(n_in, n)``, if each layer has one."""
    parts = [functions.base_part(l, x.T) for l, x in enumerate(xs)]
    bases = [part.flatten(0, 1) for part in parts if part is not None]
    return _array(bases, np.float32) if len(bases) == len(parts) else None


def mask(layers: Iterable[Tensor]) -> Array:
    """Return masks as one array, edge after edge."""
    return _flat(layers, np.uint8)


def compared(first: Sequence[Tensor], second: Sequence[Tensor]) -> Array:
    """Return two masks as one: bit 0 for the first, bit 1 for the second."""
    one, other = np.asarray(mask(first), np.uint8), np.asarray(mask(second), np.uint8)
    return one | other << 1


def tradeoff_array(curve: TradeOff) -> Array:
    """Return a trade-off as four rows."""
    rows = (curve.thresholds, curve.active_edges, curve.loss_zeroed, curve.loss_kept)
    return np.stack([np.asarray(row, np.float64) for row in rows])


def quantised(curves: NDArray[np.float32]) -> tuple[Array, Array]:
    """Return curves ``(E, n)`` in steps of 1/255 of each one's range, and the ranges ``(E, 2)``."""
    values: NDArray[Any] = curves
    low, high, scale = _ends_and_scale(values)
    if not (scale > 0).all() or not np.isfinite(scale).all():
        values = np.clip(np.nan_to_num(np.asarray(curves, np.float64)), -MAX_VALUE, MAX_VALUE)
        low, high, scale = _ends_and_scale(values)
    # In place: while a training is watched all is done ten times a second.
    steps = values - low
    steps *= scale
    steps += 0.5
    return steps.astype(np.uint8), np.concatenate([low, high], 1).astype(np.float32)


def _ends_and_scale(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the least and the largest of each row, and what makes 255 of their difference."""
    low, high = values.min(1, keepdims=True), values.max(1, keepdims=True)
    with np.errstate(all="ignore"):
        return low, high, 255 / np.where(high != low, high - low, 1)


def history_rows(history: History) -> list[dict[str, Any]]:
    """Return every command in codes and numbers; `session.words` lists the codes of ``what``."""
    return [{**_row(c), "stale": history.stale(c)} for c in history.commands]


def origin(session: PruningSession) -> dict[str, Any]:
    """Return where the history of a page without Python begins: at the present baseline."""
    path = path_to_baseline(session.history)
    return {
        "script": session.script_to_baseline(),
        "keep_mean": path[-1].state.keep_mean,
        "committed": any(command.kind == "commit" for command in path),
    }


def key_frames(session: PruningSession) -> Packable:
    """Return what a page needs to show the last training step by step; all None without it.

    Of F steps: ``_frames_steps`` ``(F,)``, how many of those in `run_losses` the model had;
    ``_frames_ends`` ``(F, S, 2)``, the ends of each source node's curves; ``_frames_y``
    ``(F, E, samples)`` in steps of 1/255 of ``_frames_range`` ``(F, E, 2)``; ``_frames_mask``
    ``(F, E)``. There are as many as `FRAME_BYTES` allow, `MAX_FRAMES` at the most.
    """
    names = ("steps", "ends", "y", "range", "mask")
    edges = sum(on.numel() for on in session.mask)
    sources = sum(session.width[:-1])
    each = edges * (CURVE_POINTS + 9) + 8 * sources
    found = session.key_frames(min(MAX_FRAMES, FRAME_BYTES // each))
    if len(found) < 2:
        return {f"_frames_{name}": None for name in names}
    parts: list[list[Array]] = [[], [], [], []]
    for _, baseline in found:
        xs, ys = zip(*baseline.curves, strict=True)
        x = _array(xs, np.float32)
        y, ends = quantised(_curves(ys))
        mask = _flat(baseline.mask, np.uint8)
        for part, values in zip(parts, (x[:, [0, -1]], y, ends, mask), strict=True):
            part.append(values)
    steps = np.array([steps for steps, _ in found], float)
    arrays = [steps, *(np.stack(part) for part in parts)]
    return {f"_frames_{name}": array for name, array in zip(names, arrays, strict=True)}


def _row(command: Command) -> dict[str, Any]:
    return {
        "id": command.id,
        "parent": command.parent,
        "kind": command.kind,
        "what": [list(message) for message in command.what],
        "edges_removed": command.edges_removed,
        "note": command.note,
        "loss_before": finite(command.loss_before),
        "loss_after": finite(command.loss_after),
        "active_edges": command.active_edges,
    }


def _flat(layers: Iterable[Tensor], dtype: type[np.generic]) -> Array:
    return _array([layer.flatten() for layer in layers], dtype)


def _array(layers: Iterable[Tensor], dtype: type[np.generic]) -> Array:
    return np.concatenate([layer.detach().cpu().numpy().astype(dtype) for layer in layers])
