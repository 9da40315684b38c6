"""What runs beside the widget, in a kernel or an app's process: reads the truth from the model.

Every server has this folder on its path. Pages are compared with what these functions return.
"""

from __future__ import annotations

import copy
import gc
import json
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kanwidget import KAN, KANWidget, Sweep
from kanwidget.widget.packed_array import unpack


def mask(model: Any) -> dict[str, bool]:
    """Return whether each edge is on in the live model, ours or pykan's."""
    masks = model.mask if isinstance(model, KAN) else [act.mask.T for act in model.act_fun]
    return {
        f"{l},{i},{j}": bool(layer[j, i])
        for l, layer in enumerate(masks)
        for j in range(layer.shape[0])
        for i in range(layer.shape[1])
    }


def node_scores(model: Any) -> dict[str, float]:
    """Return of each hidden node the smaller of the largest score on either side.

    A pykan model is asked for its own attribution of the data that it last saw.
    """
    if isinstance(model, KAN):
        scores = model.acts_scale
    else:
        model.attribute()
        scores = model.edge_scores
    return {
        f"{l},{i}": min(scores[l - 1][i].max().item(), scores[l][:, i].max().item())
        for l in range(1, len(scores))
        for i in range(scores[l].shape[1])
    }


def curves(model: Any, packed_x: bytes) -> dict[str, list[list[float]]]:
    """Return each edge's function as the layer itself computes it, at the widget's own x."""
    samples = torch.from_numpy(unpack(packed_x)[0].astype(float))
    found, row = {}, 0
    if not isinstance(model, KAN):
        return _curves_of_pykan(model, samples)
    for l, live in enumerate(model.layers):
        layer: Any = copy.deepcopy(live)
        n_out, n_in = layer.mask.shape
        for i in range(n_in):
            x = torch.zeros(samples.shape[1], n_in, dtype=layer.coef.dtype)
            x[:, i] = samples[row + i]
            for j in range(n_out):
                layer.mask.zero_()
                layer.mask[j, i] = 1
                with torch.no_grad():
                    y = layer(x)[:, j] - layer.bias[j]
                found[f"{l},{i},{j}"] = [samples[row + i].tolist(), y.tolist()]
        row += n_in
    return found


@torch.no_grad()
def _curves_of_pykan(model: Any, samples: Tensor) -> dict[str, list[list[float]]]:
    found, row = {}, 0
    for l, live in enumerate(model.act_fun):
        layer = copy.deepcopy(live)
        layer.mask.fill_(1.0)
        n_in, n_out = layer.mask.shape
        x = samples[row : row + n_in]
        y = layer(x.T.to(layer.coef.dtype))[2]  # (n, n_out, n_in)
        for i in range(n_in):
            for j in range(n_out):
                found[f"{l},{i},{j}"] = [x[i].tolist(), y[:, j, i].tolist()]
        row += n_in
    return found


def teller(w: KANWidget, model: KAN, dataset: Mapping[str, Tensor]) -> Callable[[], dict[str, Any]]:
    """Return a function that tells how widget and model stand; call it while nothing is pruned."""
    original = copy.deepcopy(model)
    original(dataset["train_input"])
    fixed = {
        "session": os.urandom(8).hex(),
        "process": os.getpid(),
        "node_scores": node_scores(original),
    }

    def tell() -> dict[str, Any]:
        with torch.no_grad():
            error = model(dataset["test_input"]) - dataset["test_label"]
        return fixed | {
            "mask": mask(model),
            "node_threshold": w.node_threshold,
            "removed_edges": w.removed_edges,
            "active_edges": w.active_edges,
            "loss": error.square().mean().sqrt().item(),
            "baseline_loss": w.baseline_loss,
        }

    return tell


def keep(w: KANWidget, model: KAN, dataset: Mapping[str, Tensor], path: str) -> None:
    """Keep a file in step with widget and model, for hosts whose kernel cannot be asked."""
    tell = teller(w, model, dataset)
    w.observe(lambda _: write(path, tell()))
    write(path, tell())


def keep_runs(runs: Sweep, path: str) -> None:
    """Keep a file in step with a sweep and the networks that are open, in a thread."""
    session, view = uuid.uuid4().hex, runs.view()  # it belongs to this thread

    def tell() -> None:
        while True:
            edges = {number: w.active_edges for number, w in [*view.networks.items()]}
            facts = {"count": len(runs), "running": runs.running, "opened": view.opened}
            write(path, {"session": session, "edges": edges, **facts})
            time.sleep(0.1)

    threading.Thread(target=tell, daemon=True).start()


def write(path: str, facts: Mapping[str, object]) -> None:
    """Write facts to a file, whole or not at all."""
    part = Path(f"{path}.part")
    part.write_text(json.dumps(facts))
    part.replace(path)


def tick(path: str) -> None:
    """Add the time to a file: a cell that calls this has run."""
    with Path(path).open("a") as file:
        file.write(f"{time.monotonic()}\n")


class Brood:
    """Widgets that are made and shown in batches, each with a model that nothing else holds."""

    def __init__(self, dataset: Mapping[str, Tensor]) -> None:
        self._dataset = {name: rows[:20] for name, rows in dataset.items()}
        self._models: list[weakref.ref[KAN]] = []
        self._shown: list[KANWidget] = []

    def show(self, count: int) -> None:
        """Show so many more; call it in a cell."""
        from IPython.display import display

        for _ in range(count):
            model = KAN([2, 2, 1], grid=3, seed=len(self._models))
            self._models.append(weakref.ref(model))
            # Small ones: it is their number that counts.
            self._shown.append(KANWidget(model, self._dataset, layout={"width": "200px"}))
            display(self._shown[-1])

    def close(self) -> None:
        """Close all that are shown."""
        for w in self._shown:
            w.close()
        self._shown.clear()

    def alive(self) -> int:
        """Return how many of the models are still there."""
        gc.collect()
        return sum(model() is not None for model in self._models)
