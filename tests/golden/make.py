"""Write the numbers and bytes that Python and TypeScript must agree on.

    python tests/golden/make.py

Only Python writes them; `tests/unit/test_golden.py` and `js/test` read them.
"""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from typing import Any

import golden_forward
import golden_functions
import golden_importance
import golden_layout
import golden_session
import golden_trained
import golden_wire
import numpy as np
import torch

from kanwidget.masks.edit_operations import remove_edge, remove_node, restore_edge, restore_node
from kanwidget.masks.edits import Edits
from kanwidget.masks.effective import MaskRule, node_scores
from kanwidget.masks.reachability import connected
from kanwidget.widget.packed_array import pack, unpack

HERE = Path(__file__).parent
WIDTHS = ([2, 5, 1], [1, 1], [3, 2], [2, 3, 3, 2], [4, 10, 5, 1], [2, 1, 2], [3, 4, 1, 4, 2])
PRODUCTS = (
    ([2, 2, 1], [[0, 0, 1], [0]]),
    ([2, 3, 2], [[0, 1, 1, 2], [0, 0, 1]]),
    ([3, 2, 3, 2], [[1, 0, 1, 1], [2, 0, 1, 0], [0, 1]]),
)
"""Networks in which some nodes multiply, and the node that each sum belongs to."""


def masks() -> dict[str, Any]:
    """Random walks of thresholds and hand edits on random networks, and what they come to."""
    rng = random.Random(2026)
    networks: list[tuple[list[int], list[list[int]]]] = [(width, []) for width in WIDTHS]
    networks += PRODUCTS
    return {"cases": [_walk(rng, *net, dense) for net in networks for dense in (True, False)]}


def _walk(
    rng: random.Random, width: list[int], slots: list[list[int]], dense: bool
) -> dict[str, Any]:
    ends = [len(layer) for layer in slots] or width[1:]
    shapes = list(zip(ends, width, strict=False))
    baseline = [
        torch.tensor([[dense or rng.random() < 0.7 for _ in range(a)] for _ in range(b)])
        for b, a in shapes
    ]
    scores = [
        torch.tensor([[10 ** rng.uniform(-6, 0) for _ in range(a)] for _ in range(b)]).double()
        * on.double()
        for (b, a), on in zip(shapes, baseline, strict=True)
    ]
    # Thresholds that meet scores exactly are where two languages would part.
    edge_levels = sorted({float(s) for layer in scores for s in layer.flatten()})
    node_levels = sorted({float(s) for layer in node_scores(scores, slots) for s in layer}) or [0.5]
    node_threshold = edge_threshold = 0.0
    edits, steps = Edits(), []
    for _ in range(24):
        l = rng.randrange(len(width) - 1)
        edge = (l, rng.randrange(width[l]), rng.randrange(ends[l]))
        layer = rng.randrange(len(width))
        node = (layer, rng.randrange(width[layer]))
        op = rng.choice(
            ["thresholds", "remove_edge", "restore_edge", "remove_node", "restore_node"]
        )
        said: list[Any]
        if op == "thresholds":
            node_threshold = rng.choice([0.0, rng.choice(node_levels), 10 ** rng.uniform(-6, 0)])
            edge_threshold = rng.choice([0.0, 0.0, rng.choice(edge_levels)])
            said = [op, node_threshold, edge_threshold]
        else:
            said = [op, *(edge if op.endswith("edge") else node)]
        ground = MaskRule(baseline, scores, node_threshold, edge_threshold, slots)
        if op == "remove_edge":
            edits = remove_edge(edits, edge)
        elif op == "restore_edge":
            edits = restore_edge(edits, edge, ground)
        elif op == "remove_node":
            edits = remove_node(edits, node)
        elif op == "restore_node":
            edits = restore_node(edits, node, ground)
        mask = ground.mask(edits)
        steps.append(
            {
                "op": said,
                "removed_edges": sorted(edits.removed_edges),
                "kept_edges": sorted(edits.kept_edges),
                "removed_nodes": sorted(edits.removed_nodes),
                "kept_nodes": sorted(edits.kept_nodes),
                "mask": _flat(mask),
                "cut": not connected(mask, slots),
            }
        )
    return {
        "width": width,
        "slots": slots,
        "scores": [float(s) for layer in scores for s in layer.flatten()],
        "baseline": _flat(baseline),
        "steps": steps,
    }


def _flat(layers: list[torch.Tensor]) -> list[int]:
    return [int(on) for layer in layers for on in layer.flatten()]


def wire() -> dict[str, Any]:
    """Packed arrays, and bytes that are none."""
    rng = np.random.default_rng(2026)
    arrays = [
        (np.array([[1.5, -2.25, 0.0], [3e-38, 3e38, -0.5]], np.float32), 1),
        (np.array([0.1, 1e-300, 1 / 3, 12345.678901234567], np.float64), 2**32 - 1),
        (np.array([0, 1, 1, 0, 255], np.uint8), 7),
        (np.zeros((0, 64), np.float32), 3),
        (rng.standard_normal((3, 2, 5)), 4),
    ]
    good = pack(np.arange(6, dtype=np.float32).reshape(2, 3), 5)
    bad = {
        "not our magic": b"XX" + good[2:],
        "another version": good[:2] + b"\x63" + good[3:],
        "an unknown type": good[:3] + b"\x09" + good[4:],
        "too short": good[:-1],
        "too long": good + b"\x00",
        "no header": good[:7],
        "axes cut off": good[:13],
        "empty": b"",
    }
    return {
        "arrays": [
            {
                "base64": base64.b64encode(pack(array, sequence)).decode(),
                "dtype": array.dtype.name,
                "shape": list(array.shape),
                "sequence": sequence,
                "values": array.flatten().tolist(),
            }
            for array, sequence in arrays
        ],
        "bad": [
            {"base64": base64.b64encode(data).decode(), "why": why} for why, data in bad.items()
        ],
    }


def text(content: dict[str, Any]) -> str:
    """Return a golden file's text."""
    return json.dumps(content, separators=(",", ":")) + "\n"


FILES = {
    "forward.json": golden_forward.forward,
    "named.json": golden_forward.named,
    "functions.json": golden_functions.functions,
    "importance.json": golden_importance.importances,
    "losses.json": golden_session.losses,
    "layout.json": golden_layout.layouts,
    "masks.json": masks,
    "messages.json": golden_wire.messages,
    "page.json": golden_session.page,
    "traits.json": golden_wire.traits,
    "trained.json": golden_trained.trained,
    "tradeoff.json": golden_session.tradeoffs,
    "wire.json": wire,
}

if __name__ == "__main__":
    for name, make in FILES.items():
        (HERE / name).write_text(text(make()))
    for entry in wire()["arrays"]:
        unpack(base64.b64decode(entry["base64"]))
