"""How important Python finds each edge of a network, and how that shows."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from kanwidget.figure.importance import (
    alpha_of,
    compared_edges,
    ground_of,
    importance_scale,
    line_width_of,
)

COUNTS = (1, 15, 148, 500, 20_000)
"""Edges of the networks: in a large one the knee is a higher quantile. Few of the last are told."""

TOLD = 40


def importances() -> dict[str, Any]:
    """Scores of networks, and the importance, line and ground that each edge has."""
    rng = random.Random(11)
    cases = [_case(rng, count, beta) for count in COUNTS for beta in (3.0, 0.1, 40.0)]
    cases.append(
        _told(np.array([0.0, np.inf, 2.0, 1e-9]), np.array([True, True, True, False]), 0.0)
    )
    cases.append(_told(np.zeros(3), np.ones(3, bool), 3.0))
    return {
        "cases": cases,
        "pruned": [_pruned(beta, on) for on in (0, 1, 6, 50, 51) for beta in (3, 40)],
    }


def _pruned(beta: float, on: int) -> dict[str, Any]:
    """The importance of edges by turns strong and weak, of which some, in the middle, are on."""
    scores, baseline, mask = _scores(120, 347, 4.0), np.arange(120) % 11 != 3, np.zeros(120, bool)
    mask[np.flatnonzero(baseline)[20 : 20 + on]] = True
    shares = importance_scale(scores, compared_edges(baseline, mask), beta).of(scores)
    told = [round(share, 9) for share in shares[:TOLD].tolist()]
    return {"beta": beta, "on": np.flatnonzero(mask).tolist(), "importance": told}


def _scores(count: int, seed: int, span: float) -> Any:
    return np.array([10 ** (-span * ((k * seed) % 1009) / 1009) for k in range(count)])


def _case(rng: random.Random, count: int, beta: float) -> dict[str, Any]:
    # The same list in both languages, without writing thousands of numbers down.
    seed, span = rng.randrange(1, 1000), rng.choice((1.0, 4.0, 9.0))
    scores = _scores(count, seed, span)
    baseline = np.array([k % 11 != 3 for k in range(count)])
    return _told(scores, baseline, beta) | {"seed": seed, "span": span}


def _told(scores: Any, baseline: Any, beta: float) -> dict[str, Any]:
    shares = importance_scale(scores, baseline, beta).of(scores)[:TOLD]
    given = {} if len(scores) > 4 else {"scores": [str(s) for s in scores.tolist()]}
    return given | {
        "count": len(scores),
        "baseline": baseline.astype(int).tolist() if given else [],
        "beta": beta,
        "importance": [round(share, 9) for share in shares.tolist()],
        "width": [round(line_width_of(share), 6) for share in shares.tolist()],
        "alpha": [round(alpha_of(share), 6) for share in shares.tolist()],
        "ground": np.rint(255 * ground_of(shares)).astype(int).tolist(),
    }
