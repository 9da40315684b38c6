"""What follows from a trade-off, and a whole session: its words, its history and its script."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from golden_forward import flat, random_data, random_kan, random_state, short, tables
from torch.nn import functional as F

from kanwidget import PruningSession
from kanwidget.adapters import adapt
from kanwidget.evaluate.tradeoff import TradeOff
from kanwidget.masks.state import State
from kanwidget.session.script import shortest_thresholds
from kanwidget.widget import payload

TOLERANCES = (0.0, 0.05, 0.5, 20.0)


def tradeoffs() -> dict[str, Any]:
    """Losses of all kinds, and the thresholds that the tolerances and the knee come to."""
    rng = random.Random(11)
    nan, inf = float("nan"), float("inf")
    losses = [
        [1.0],
        [nan],
        [1.0, 2.0],
        [1.0, 1.0, 1.0],
        [1.0, 1.02, 1.04, 1.3, 5.0],
        [1.0, 1.2, 1.01, 1.02],
        [0.0, 0.0, 0.01, 0.3, 2.0],
        [0.0, 0.0, 0.0],
        [0.0, nan, 1.0],
        [-1.0, -0.99, -0.96, -0.2, 0.4],
        [-1.0, -3.0, -0.9],
        [1.0, nan, 1.0, 1.0],
        [1.0, 1.01, 1.02, nan, 3.0],
        [nan, 1.0, 1.0],
        [1.0, inf, 2.0],
        [0.0, inf, 2.0],
        [inf, inf, 1.0],
        [1.0, 0.5, 0.75, 0.75, 2.0],
        [0.1391, 0.1391, 0.1392, 0.1392, 0.1392, 1.367, 1.38],
        [0.0214, 0.113, 0.166, 0.212, 0.382, 1.37],
        [0.065, 0.07, 0.065, 0.075, 0.065, 0.11, 0.2, 0.5],
        [1.0, 1.02, 1.04, 1.06, 1.08, 1.1, 1.12, 1.14, 1.16, 1.18],
        [1.0, 1.01, 1.02, 1.01, 1.02, 1.4, 1.0, 3.0],
        [0.0, 1e-6, 1e-5, 1e-3, 0.02, 0.3, 1.0],
        [2.0, 1.5, 1.2, 1.21, 1.9, 2.1, 9.0],
        [1.0, 1.3, 1.2, 1.02, 1.4, 1.01, nan, 0.9, 3.0],
        [0.2, 0.1, 0.104, 0.16, 0.21],
        [0.3, 0.0, 0.01, 0.4],
        [nan, 0.5, 0.52, 0.4, 0.41],
        [nan, inf],
    ]
    # Metrics of which more is better: accuracies, and others that are 0 or negative.
    better = [
        [0.97, 0.97, 0.96, 0.5, 0.93, 0.45, 0.1],
        [0.0, -0.1, 0.2, -0.04, -1.0],
        [-0.5, -0.51, -0.4, -0.9, nan],
        [nan, 0.9],
        [0.8, 0.9, 0.86, 0.79, 0.5],
        [-0.2, 0.0, -0.01, -0.5],
    ]
    for _ in range(24):
        n = rng.randrange(3, 30)
        size = sorted(round(10 ** rng.uniform(-2, 1), 3) for _ in range(n))
        losses.append([0.25 + s + round(rng.gauss(0, 0.02), 3) for s in size])
        better.append([1 - 0.1 * s + round(rng.gauss(0, 0.02), 3) for s in size])
    cases = []
    for zeroed, higher in [*((l, False) for l in losses), *((l, True) for l in better)]:
        kept = [rng.choice([1.0, 0.5]) * loss for loss in zeroed]
        levels = sorted({round(10 ** rng.uniform(-6, 0), 9) for _ in zeroed[1:]})
        gone = [0, *np.cumsum([rng.randrange(1, 4) for _ in zeroed[1:]]).tolist()]
        first = gone[-1] + rng.randrange(3)
        left = [first - n for n in gone]
        arrays = [[0.0, *levels], left, zeroed, kept]
        found = TradeOff("edge", *map(np.array, arrays), higher)  # type: ignore[arg-type]
        cases.append(
            {
                **dict(zip(("thresholds", "active_edges"), arrays[:2], strict=True)),
                "loss_zeroed": list(map(_said, zeroed)),
                "loss_kept": list(map(_said, kept)),
                "higher_is_better": higher,
                "threshold_for": _thresholds(found),
                "knee": [found.knee(keep) for keep in (False, True)],
            }
        )
    return {"cases": cases}


def losses() -> dict[str, Any]:
    """Predictions and labels, and what torch's losses make of them."""
    generator = torch.Generator().manual_seed(4)
    numbers = torch.randn(7, 3, generator=generator).double()
    pairs = {
        "mse": (F.mse_loss, numbers * 2 - 1),
        "l1": (F.l1_loss, numbers.abs()),
        "bce": (F.binary_cross_entropy_with_logits, (numbers > 0).double()),
        "cross_entropy": (F.cross_entropy, torch.tensor([0, 1, 2, 2, 1, 0, 1])),
    }
    cases = []
    for size in (1.0, 300.0):  # for which exp overflows
        pred = size * torch.randn(7, 3, generator=generator).double()
        for name, (loss, labels) in pairs.items():
            lists = [pred.flatten().tolist(), labels.flatten().tolist()]
            cases.append({"loss": name, "pair": lists, "value": float(loss(pred, labels))})
    return {"cases": cases}


def _thresholds(found: TradeOff) -> list[tuple[float, bool, int | None, float | None]]:
    """Return tolerance, means kept, the most edges that may be left, and the threshold."""
    left = found.active_edges
    cases = [(t, keep, None) for t in TOLERANCES for keep in (False, True)]
    cases += [(0.05, True, int(most)) for most in (left[len(left) // 2], left[-1])]
    return [(*case, _threshold(found, *case)) for case in cases]


def _threshold(
    found: TradeOff, tolerance: float, keep_mean: bool, most_edges: int | None
) -> float | None:
    try:
        return found.threshold_for(tolerance, keep_mean, most_edges)
    except ValueError:
        return None


def _said(value: float) -> float | str:
    return value if np.isfinite(value) else str(value)


def page() -> dict[str, Any]:
    """Return what a page carries, and what is so after each thing that is done on it."""
    rng = random.Random(3)
    model, data = random_kan(rng, [2, 3, 1]), random_data(rng, [2, 3, 1], 12)
    adapter = adapt(model)
    with PruningSession(model, data) as session:
        session.set(edge_threshold=0.02, keep_mean=False)
        session.commit()
        carried = {
            "width": session.width,
            "scores": [float(s) for layer in session.scores for s in layer.flatten()],
            "baseline": flat(session.baseline.mask),
            "cells": tables(adapter, session),
            "rows": data["test_input"].flatten().tolist(),
            "labels": data["test_label"].flatten().tolist(),
            "loss_name": session.loss_name,
            "origin": payload.origin(session),
        }
        root = session.history.current.id
        numbers = [_written(session, value) for value in _numbers(rng, session)]
        steps = [_step(session, root, {})]
        steps += [_step(session, root, _do(rng, session, root)) for _ in range(120)]
        commands = session.history.commands[root:]
        history = {
            "texts": [command.text for command in commands],
            "notes": [command.note for command in commands],
            "parents": [c.parent - root for c in commands[1:] if c.parent is not None],
        }
    return {"carried": carried, "steps": steps, "history": history, "numbers": numbers}


def _numbers(rng: random.Random, session: PruningSession) -> list[float]:
    """Return thresholds of all sizes: ties of decimals, scores, and what lies next to them."""
    scores = [float(s) for layer in session.scores for s in layer.flatten()]
    near = [s * (1 + d) for s in scores for d in (-1e-3, -1e-12, 0.0, 1e-12, 1e-5)]
    ties = [0.125, 0.375, 2.5, 9.5, 0.0625, 1.0, 100.0, 1e16, 1e-4, 1e-5, 5e-324, 0.0, 99999.5]
    return [*near, *ties, *(10 ** rng.uniform(-9, 2) for _ in range(40))]


def _written(session: PruningSession, value: float) -> list[Any]:
    """Return a threshold, how Python writes it, and what a script would say for it."""
    plain = shortest_thresholds(State(node_threshold=value, edge_threshold=value), session.baseline)
    said = [repr(value), f"{value:.3g}", f"{value:.4g}"]
    return [value, *said, repr(plain.node_threshold), repr(plain.edge_threshold)]


def _do(rng: random.Random, session: PruningSession, root: int) -> dict[str, Any]:
    """Do something as a message from a view would, and return the message."""
    kind = rng.choice(["drag", "drag", "drag", "hand", "hand", "act", "act"])
    if kind == "drag":
        name = rng.choice(["node_threshold", "node_threshold", "edge_threshold"])
        wish = {
            name: rng.choice([0.0, 0.125, round(10 ** rng.uniform(-3, 0), rng.randrange(2, 9))])
        }
        session.set(merge=True, **wish)
        return {"write": wish}
    if kind == "hand":
        state = random_state(rng, session)
        name = rng.choice([n for n in state if n != "edge_threshold"])
        value = sorted(set(state[name])) if isinstance(state[name], list) else state[name]
        session.set(merge=name == "node_threshold", **{name: value})
        return {"write": {name: value}}
    act: dict[str, Any] = {
        "do": rng.choice(["undo", "undo", "redo", "reset", "jump", "note", "remove_dead_ends"])
    }
    id = rng.randrange(root, len(session.history.commands))
    if act["do"] == "jump":
        session.jump(id)
        act["id"] = id - root
    elif act["do"] == "note":
        session.note(id, "why not")
        act |= {"id": id - root, "text": "why not"}
    elif act["do"] == "undo" and session.history.current.id == root:
        return {"send": act}  # a page knows nothing before its baseline
    else:
        getattr(session, act["do"])()
    return {"send": act}


def _step(session: PruningSession, root: int, message: dict[str, Any]) -> dict[str, Any]:
    history = session.history
    return {
        **message,
        "state": session.state.to_dict(),
        "mask": flat(session.mask),
        "loss": short([session.loss])[0],
        "current": history.current.id - root,
        "text": history.current.text,
        "commands": len(history.commands) - root,
        "script": session.script(),
    }
