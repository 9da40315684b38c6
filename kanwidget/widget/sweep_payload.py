"""What the view of a sweep reads: settings as words and codes, runs as an array, networks small."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kanwidget.kan import KAN
from kanwidget.masks.reachability import leads_to_outputs, reachable_from_inputs
from kanwidget.sweep import Agreement, Run, Sweep
from kanwidget.sweep.fingerprints import describe

__all__ = ["agreement_values", "run_array", "settings_in_words", "thumbnail"]

RUN_COLUMNS = ("number", "train_loss", "test_loss", "active_edges", "seconds")
"""The rows of what `run_array` returns."""

THUMBNAIL_SAMPLES = 17
THUMBNAIL_CURVES = 40
"""Most edges whose curves are in a thumbnail; with more of them it has lines alone."""

CURVE_STEP = 2
"""Of the points of an agreement's curves every second goes to the page."""

Floats = NDArray[np.float64]


def settings_in_words(sweep: Sweep) -> tuple[list[dict[str, Any]], NDArray[np.float32], str]:
    """Say by which settings runs differ.

    Returns
    -------
    list of dict
        For each setting that has several values: its ``name``, the ``values`` in words and in
        their order, and ``numbers``, whether that order is one of numbers.
    ndarray, shape (settings, runs)
        Which of its values a run has.
    str
        The settings that all runs share.
    """
    described = [describe(settings) for settings in sweep.settings]
    names = list(dict.fromkeys(name for settings in described for name in settings))
    varied, codes, shared = [], [], []
    for name in names:
        keys = [json.dumps(one.get(name)) if name in one else "" for one in described]
        distinct = list(dict.fromkeys(keys))
        numbers = all(_is_number(key) for key in distinct)
        if numbers:
            distinct.sort(key=float)
        words = [_words(key) for key in distinct]
        if len(distinct) == 1:
            shared.append(f"{name} {words[0]}")
            continue
        place = {key: k for k, key in enumerate(distinct)}
        varied.append({"name": name, "values": words, "numbers": numbers})
        codes.append([place[key] for key in keys])
    table = np.array(codes, dtype=np.float32).reshape(len(codes), len(described))
    return varied, table, ", ".join(shared)


def _is_number(key: str) -> bool:
    return bool(key) and isinstance(json.loads(key), (int, float)) and key not in ("true", "false")


def _words(key: str) -> str:
    if not key:
        return "–"
    value = json.loads(key)
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def run_array(runs: Sequence[Run]) -> Floats:
    """Return numbers of runs, shape (5, runs), see `RUN_COLUMNS`; NaN for what there is none of."""
    rows = [[getattr(run, name) for run in runs] for name in RUN_COLUMNS]
    return np.array(rows, dtype=np.float64).reshape(len(RUN_COLUMNS), len(runs))


@torch.no_grad()
def thumbnail(model: KAN) -> dict[str, Any]:
    """Return a network as it is drawn small.

    Returns
    -------
    dict
        ``width``, the nodes of each node layer; ``edges``, [l, i, j, strength] of those that carry
        something from an input to an output, with strengths from 0 to 1; ``curves``, for each of
        them its values from 0 to 100 at even steps over its grid, or [] if there are many.
    """
    mask = model.mask
    alive = [
        reached & leads
        for reached, leads in zip(reachable_from_inputs(mask), leads_to_outputs(mask), strict=True)
    ]
    edges, curves, sizes = [], [], []
    for l, (layer, on) in enumerate(zip(model.layers, mask, strict=True)):
        steps = torch.linspace(0, 1, THUMBNAIL_SAMPLES, dtype=layer.grid.dtype).unsqueeze(1)
        low, high = layer.grid[:, 0], layer.grid[:, -1]
        values = layer.activations(low + (high - low) * steps)  # (n_out, n_in, samples)
        drawn = (on != 0) & alive[l] & alive[l + 1].unsqueeze(1)
        for j, i in drawn.nonzero().tolist():
            curve = values[j, i].double().numpy()
            least, size = float(curve.min()), float(np.ptp(curve))
            edges.append([l, i, j])
            sizes.append(size)
            curves.append(np.round(100 * (curve - least) / size if size else 0 * curve + 50))
    most, few = max(sizes, default=0.0) or 1.0, len(edges) <= THUMBNAIL_CURVES
    return {
        "width": list(model.width),
        "edges": [[*edge, round(size / most, 3)] for edge, size in zip(edges, sizes, strict=True)],
        "curves": [curve.astype(int).tolist() for curve in curves] if few else [],
    }


def agreement_values(agreement: Agreement) -> dict[str, Any]:
    """Return what runs agree on, as the page draws it."""
    return {
        "runs": len(agreement.runs),
        "inputs": [[one.name, one.kept_in, one.runs, one.importance] for one in agreement.inputs],
        "curves": [
            {
                "name": curve.name,
                "node": curve.node,
                "points": _rounded(curve.points),
                "median": _rounded(curve.median),
                "lines": [
                    [run, run in curve.same_in, _rounded(values)]
                    for run, values in curve.curves.items()
                ],
            }
            for curve in agreement.curves
        ],
    }


def _rounded(values: Floats) -> list[float]:
    return [float(f"{value:.4g}") for value in values[::CURVE_STEP]]
