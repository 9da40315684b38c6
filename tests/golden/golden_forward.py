"""Forward passes, trade-offs and a whole session, as Python computes them."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget import PruningSession
from kanwidget.adapters import Adapter, adapt
from kanwidget.functions.curve import NamedCurve
from kanwidget.kan import KAN
from kanwidget.masks.ids import Edge
from kanwidget.widget.naming_payload import name_rows

Floats = NDArray[np.float64]

FAR = 16.0
"""No value in these networks is farther from 0."""


def forward() -> dict[str, Any]:
    """Networks with the tables that compute them, and their values under many masks."""
    rng = random.Random(5)
    return {
        "cases": [
            _case(rng, [2, 5, 1]),
            _case(rng, [3, 2]),
            _case(rng, [2, 3, 3, 2], sparse=True),
            _case(rng, [2, 4, 1], commit=True),
            _case(rng, [4, 10, 5, 1], grid=2),
            _case(rng, [2, 2, 1], grid=2, base_fun=torch.nn.SiLU(), cells=128, tolerance=1e-6),
            product(rng),
        ]
    }


def random_kan(
    rng: random.Random, width: list[int], grid: int = 3, base_fun: Callable[..., Any] | None = None
) -> KAN:
    """Return a KAN of short decimals, cubic on every cell unless its base function is not."""
    model = KAN(width, grid=grid, base_fun=base_fun or (lambda x: x))
    with torch.no_grad():
        for layer in model.layers:
            # Weak edges and strong ones, for thresholds to tell apart.
            size = [[10 ** rng.uniform(-2, 0) for _ in row] for row in layer.mask]
            for part, scale in ((layer.coef, 1.0), (layer.scale_base, 0.5)):
                for j, row in enumerate(part):
                    for i, values in enumerate(row):
                        n = values.numel()
                        new = [round(rng.gauss(0, scale) * size[j][i], 4) for _ in range(n)]
                        values.copy_(torch.tensor(new).double().reshape(values.shape))
            layer.bias.copy_(torch.tensor([round(rng.gauss(0, 0.1), 3) for _ in layer.bias]))
    return model


def random_data(rng: random.Random, width: list[int], rows: int) -> dict[str, Tensor]:
    """Return a dataset in 64ths, which float32 holds as they are."""

    def some(n: int) -> Tensor:
        values = [[rng.randrange(-64, 65) / 64 for _ in range(n)] for _ in range(rows)]
        return torch.tensor(values, dtype=torch.float64)

    names = ("train_input", "train_label", "test_input", "test_label")
    return {name: some(width[0 if name.endswith("input") else -1]) for name in names}


def tables(adapter: Adapter, session: PruningSession, cells: int = 0) -> dict[str, Any]:
    """Return a baseline as the tables of the wire: a cubic for each cell of each edge.

    Parameters
    ----------
    cells
        Even cells between -3 and 3 for functions that are no cubics between their knots.
    """
    xs, ys = [], []
    u = 0.5 - 0.5 * np.cos(np.pi * (np.arange(4) + 0.5) / 4)
    for l, knots in enumerate(adapter.knots()):
        inner = knots.numpy()
        x = np.concatenate(
            [np.full((len(inner), 1), s * FAR) if s else inner for s in (-1, 0, 1)], 1
        )
        if cells:
            x = np.broadcast_to(np.linspace(-3, 3, cells + 1), (len(inner), cells + 1))
        points = x[:, :-1, None] + np.diff(x, axis=1)[..., None] * u  # (n_in, c, 4)
        flat = torch.from_numpy(points.reshape(len(x), -1).T.copy())
        y = adapter.edge_curves(l, flat).numpy()
        y = y.reshape(*y.shape[:2], -1, 4) @ np.linalg.inv(np.vander(u, increasing=True)).T
        xs.append(x)
        ys.append(y)
    baseline = session.baseline
    return {
        "count": xs[0].shape[1] - 1,
        "x": short(xs),
        "y": short(ys),
        "bias": short(baseline.bias),
        "offset": short(adapter.offset()),
        "means": short(baseline.means),
        "folded": short(baseline.folded),
    }


def short(layers: list[Any]) -> list[float]:
    """Return what is in arrays one after the other, to 13 digits."""
    return [float(f"{v:.13g}") + 0.0 for layer in layers for v in np.asarray(layer).flatten()]


def flat(layers: list[Tensor]) -> list[int]:
    return [int(on) for layer in layers for on in layer.flatten()]


def random_state(rng: random.Random, session: PruningSession) -> dict[str, Any]:
    """Return thresholds and hand edits for a session to be set to."""
    width = session.width
    scores = sorted(float(s) for layer in session.scores for s in layer.flatten())

    def edges(n: int) -> list[tuple[int, int, int]]:
        ls = [rng.randrange(len(width) - 1) for _ in range(n)]
        return [(l, rng.randrange(width[l]), rng.randrange(width[l + 1])) for l in ls]

    def nodes(n: int) -> list[tuple[int, int]]:
        ls = [rng.randrange(len(width)) for _ in range(n)]
        return [(l, rng.randrange(width[l])) for l in ls]

    return {
        "node_threshold": rng.choice([0.0, round(rng.choice(scores), 3)]),
        "edge_threshold": rng.choice([0.0, 0.0, round(rng.choice(scores[: len(scores) // 2]), 3)]),
        "removed_edges": edges(rng.choice([0, 1, 2])),
        "kept_edges": edges(rng.choice([0, 2, 4])),
        "removed_nodes": nodes(rng.choice([0, 0, 0, 1])),
        "kept_nodes": nodes(rng.choice([0, 1])),
        "keep_mean": rng.random() < 0.5,
    }


@torch.no_grad()
def _case(
    rng: random.Random,
    width: list[int],
    grid: int = 3,
    base_fun: Callable[..., Any] | None = None,
    cells: int = 0,
    tolerance: float = 1e-9,
    sparse: bool = False,
    commit: bool = False,
    named: Sequence[str] = (),
) -> dict[str, Any]:
    model, data = random_kan(rng, width, grid, base_fun), random_data(rng, width, 8)
    adapter, rows = adapt(model), data["test_input"]
    if sparse:
        adapter.set_mask(
            [
                m & (torch.tensor([[rng.random() < 0.7 for _ in row] for row in m]))
                for m in adapter.mask()
            ],
            adapter.bias(),
        )
    adapter.set_names(_names(rng, width, named))
    with PruningSession(model, data) as session:
        if commit:
            session.set(edge_threshold=round(float(session.scores[0].median()), 3))
            session.commit()
        case: dict[str, Any] = {
            "width": width,
            "slots": adapter.slots(),
            "scores": short(session.scores),
            "baseline": flat(session.baseline.mask),
            "cells": tables(adapter, session, cells),
            **({"names": name_rows(adapter.names())} if named else {}),
            "rows": rows.flatten().tolist(),
            "labels": data["test_label"].flatten().tolist(),
            "tolerance": tolerance,
            "steps": [],
            "tradeoffs": [],
        }
        for number in range(6):
            session.set(**random_state(rng, session)) if number else session.reset()
            layers = adapter.inputs_of(rows)
            pred = adapter.forward(rows)
            case["steps"].append(
                {
                    "mask": flat(session.mask),
                    "keep_mean": session.state.keep_mean,
                    "loss": session.loss,
                    "outputs": short([pred]),
                    # Of the first two rows, all nodes and all edges.
                    "nodes": [short([v[r] for v in [*layers, pred]]) for r in (0, 1)],
                    "edges": [
                        short([adapter.edge_curves(l, v[r : r + 1]) for l, v in enumerate(layers)])
                        for r in (0, 1)
                    ],
                }
            )
            if number < 3 and len(width) < 4:
                case["tradeoffs"] += [_along(session, axis) for axis in ("node", "edge")]
    return case


def named() -> dict[str, Any]:
    """Return networks in which every other edge is named, the last one's all."""
    rng = random.Random(6)
    some = "sin", "x^2", "tanh", "gaussian", "exp", "1/(1+x^2)", "abs", "0", "sqrt(1+x^2)", "cos"
    return {
        "cases": [
            _case(rng, [2, 3, 2], named=some[:6]),
            _case(rng, [2, 4, 1], commit=True, named=some[4:]),
            _case(rng, [2, 2, 1], named=["x^3", "sigmoid", "arctan", "x", "sinh", "x^2"]),
        ]
    }


def _names(
    rng: random.Random, width: Sequence[int], functions: Sequence[str]
) -> dict[Edge, NamedCurve]:
    """Return names with short constants for as many edges as there are functions."""
    pairs = enumerate(itertools.pairwise(width))
    edges = [(l, i, j) for l, (n, m) in pairs for i in range(n) for j in range(m)]
    every = max(1, len(edges) // max(1, len(functions)))
    return {
        edge: NamedCurve(name, *(round(rng.uniform(-1, 1), 3) for _ in "abcd"))
        for edge, name in zip(edges[::every], functions, strict=False)
    }


def _along(session: PruningSession, axis: str) -> dict[str, Any]:
    found = session.tradeoff(axis)
    return {
        "axis": axis,
        "state": session.state.to_dict(),
        "thresholds": found.thresholds.tolist(),
        "active_edges": found.active_edges.tolist(),
        "loss_zeroed": found.loss_zeroed.tolist(),
        "loss_kept": found.loss_kept.tolist(),
    }


def product(rng: random.Random) -> dict[str, Any]:
    """Return a network of cubics in which some nodes multiply, computed by hand."""
    width, slots = [2, 3, 2], [[0, 1, 1, 2], [0, 0, 1]]
    shapes = [(len(slot), n) for slot, n in zip(slots, width, strict=False)]

    def some(*shape: int) -> Floats:
        values = [round(rng.gauss(0.1, 0.4), 3) for _ in range(math.prod(shape))]
        return np.array(values).reshape(shape)

    def chance(likely: float, *shape: int) -> NDArray[np.bool_]:
        return np.array([rng.random() < likely for _ in range(math.prod(shape))]).reshape(shape)

    cubic, bias = [some(*s, 4) for s in shapes], [some(m) for m, _ in shapes]
    means, folded = [some(*s) for s in shapes], [some(*s) for s in shapes]
    offset = [np.zeros(width[0]), *(some(n) for n in width[1:])]
    baseline = [chance(0.8, *s) for s in shapes]
    middles = [[round(rng.uniform(-1, 1), 2) for _ in range(n)] for n in width[:2]]
    breaks = [np.array([[-2.0, middle, 2.0] for middle in layer]) for layer in middles]
    ys = []
    for c, x in zip(cubic, breaks, strict=True):
        y = np.zeros((*c.shape[:2], 2, 4))
        for j, i, k in np.ndindex(*y.shape[:3]):
            inside = np.polynomial.Polynomial([x[i, k], x[i, k + 1] - x[i, k]])
            new = np.polynomial.Polynomial(c[j, i])(inside)
            y[j, i, k, : len(new.coef)] = new.coef
        ys.append(y)
    rows = np.array([[rng.randrange(-128, 129) / 64 for _ in range(width[0])] for _ in range(8)])
    rows[0, 0] = 3.0  # beyond the last break: the value there
    factors = [
        [[s for s, node in enumerate(slot) if node == j] for j in range(n)]
        for slot, n in zip(slots, width[1:], strict=True)
    ]
    steps = []
    for number in range(6):
        keep = bool(number % 2)
        mask = [layer ^ chance(0.1 * number, *layer.shape) for layer in baseline]
        if number == 4:
            mask[0][1] = False  # one factor of the product without edges
        layers, edges, values = [rows], [], rows
        for l in range(len(slots)):
            x = np.clip(values, breaks[l][:, 0], breaks[l][:, -1])
            phi = np.stack([x**p for p in range(4)], -1)  # (rows, n_in, 4)
            phi = np.einsum("jip,rip->rji", cubic[l], phi)
            total = bias[l] + (phi * mask[l]).sum(2)
            total = total + (means[l] * (baseline[l] & ~mask[l]) * keep).sum(1)
            total = total - (folded[l] * (mask[l] & ~baseline[l])).sum(1)
            values = np.stack([total[:, f].prod(1) for f in factors[l]], 1) + offset[l + 1]
            layers.append(values)
            edges.append(phi)
        fed = [[m[f].any(1).all() for f in fs] for m, fs in zip(mask, factors, strict=True)]
        out = [m.any(0) for m in mask]
        steps.append(
            {
                "mask": flat([torch.from_numpy(m) for m in mask]),
                "keep_mean": keep,
                "outputs": short([values]),
                "nodes": [short([v[r] for v in layers]) for r in (0, 1)],
                "edges": [short([e[r] for e in edges]) for r in (0, 1)],
                "on": [int(v) for v in [*out[0], *(out[1] & np.array(fed[0])), *fed[1]]],
            }
        )
    return {
        "width": width,
        "slots": slots,
        "scores": short([np.abs(c).max(2) for c in cubic]),
        "baseline": [int(v) for b in baseline for v in b.flatten()],
        "cells": {
            "count": 2,
            "x": short(breaks),
            "y": short(ys),
            "bias": short(bias),
            "offset": short(offset),
            "means": short(means),
            "folded": short(folded),
        },
        "rows": rows.flatten().tolist(),
        "labels": [0.0] * (8 * width[-1]),
        "tolerance": 1e-9,
        "steps": steps,
        "tradeoffs": [],
    }
