"""One library in a process of its own, which answers requests: a line of JSON for each.

`run.py` starts it, once for each library, as ``python worker.py NAME``.
"""

from __future__ import annotations

import gc
import json
import os
import re
import sys
from collections.abc import Callable
from itertools import accumulate, pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

FOLDERS = Path(__file__).parent / ".venv" / "rivals"
"""Where the libraries to compare with are, each in a folder of its own: see the Makefile."""

SHAPE: dict[str, Any] = {"grid": 5, "k": 3, "seed": 0}
FIT: dict[str, Any] = {"opt": "LBFGS", "lamb": 0.01, "lamb_entropy": 10.0}

Run = Callable[[], object]


class Library:
    """How a library builds a network, and what is minimised in it."""

    folder = ""
    """Below `FOLDERS`; none if it is installed as usual."""

    def __init__(self) -> None:
        if self.folder:
            sys.path.insert(0, str(FOLDERS / self.folder))

    def network(self, width: list[int]) -> Any:
        """Return a network of float32 numbers."""
        raise NotImplementedError

    def objective(self, model: Any, x: Tensor) -> Tensor:
        """Return the scalar whose gradient is asked for."""
        out: Tensor = model(x).square().mean()
        return out


class Ours(Library):
    def network(self, width: list[int]) -> Any:
        from kanwidget import KAN

        return KAN(width, dtype=torch.float32, **SHAPE)

    def training(self, steps: int) -> tuple[Any, Callable[[], Any]]:
        """Return the data, and what trains a new network on it in float64."""
        from kanwidget import KAN, create_dataset

        data, model = create_dataset(formula, n_var=2), KAN([2, 5, 1], **SHAPE)
        return data, lambda: model.fit(data, steps=steps, **FIT)


class OursScored(Ours):
    def objective(self, model: Any, x: Tensor) -> Tensor:
        y, scores = model.forward_with_scores(x)
        out: Tensor = y.square().mean() + sum(score.sum() for score in scores)
        return out


class Pykan1(Library):
    folder = "pykan==0.0.1"

    def training(self, steps: int) -> tuple[Any, Callable[[], Any]]:
        # It imports what makes films, which nobody wants here.
        for name in accumulate(("moviepy", ".video", ".io", ".ImageSequenceClip")):
            sys.modules[name] = ModuleType(name)
        from kan import KAN, create_dataset

        torch.set_default_dtype(torch.float64)
        data, model = create_dataset(formula, n_var=2), KAN([2, 5, 1], **SHAPE)
        return data, lambda: model.train(data, steps=steps, **FIT)


class Pykan2(Library):
    folder = "pykan==0.2.8"
    symbolic = True

    def training(self, steps: int) -> tuple[Any, Callable[[], Any]]:
        from kan import KAN, create_dataset

        torch.set_default_dtype(torch.float64)
        data = create_dataset(formula, n_var=2)
        model = KAN([2, 5, 1], symbolic_enabled=self.symbolic, auto_save=False, **SHAPE)
        return data, lambda: model.fit(data, steps=steps, **FIT)

    def network(self, width: list[int]) -> Any:
        from kan import KAN

        return KAN(list(width), symbolic_enabled=self.symbolic, auto_save=False, **SHAPE)

    def objective(self, model: Any, x: Tensor) -> Tensor:
        out: Tensor = model(x).square().mean()
        # The regulariser of its fit, with the l1 term alone.
        return out + model.get_reg("edge_forward_spline_n", 1.0, 0.0, 0.0, 0.0)


class Pykan2Numeric(Pykan2):
    symbolic = False


class Efficient(Library):
    folder = "kan-gpt==1.2.0"

    def network(self, width: list[int]) -> Any:
        from kan_gpt.efficient_kan.model import KANLinear

        layers = [KANLinear(a, b, grid_size=5, spline_order=3) for a, b in pairwise(width)]
        return nn.Sequential(*layers)


class MLP(Library):
    def network(self, width: list[int]) -> Any:
        layers = [m for a, b in pairwise(width) for m in (nn.Linear(a, b), nn.SiLU())]
        return nn.Sequential(*layers[:-1])


LIBRARIES: dict[str, type[Library]] = {
    "kanwidget": Ours,
    "kanwidget with scores": OursScored,
    "pykan 0.0.1": Pykan1,
    "pykan 0.2.8": Pykan2,
    "pykan 0.2.8, symbolic part off": Pykan2Numeric,
    "efficient-kan": Efficient,
    "MLP": MLP,
}


def formula(x: Tensor) -> Tensor:
    """Return the labels of the training that is measured."""
    return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)


def train(library: Any) -> dict[str, float]:
    """Train once: seconds, and the last root mean squared errors."""
    library.training(steps=1)[1]()  # what is loaded on first use is not the training
    data, fit = library.training(steps=20)
    start = perf_counter()
    results = fit()
    seconds = perf_counter() - start
    return {
        "seconds": seconds,
        "train": float(results["train_loss"][-1]),
        "test": float(results["test_loss"][-1]),
        "data": sum(float(values.sum()) for values in data.values()),
    }


def step(library: Library, width: list[int], rows: int) -> Run:
    """Return what runs one forward and backward pass."""
    torch.manual_seed(0)
    model, x = library.network(width), torch.rand(rows, width[0]) * 2 - 1

    def run() -> None:
        model.zero_grad()
        library.objective(model, x).backward()

    return run


def look(library: Library, width: list[int], rows: int) -> Run:
    """Return what reads all curves and scores, as a widget does when the network has changed."""
    from kanwidget.adapters.native import NativeAdapter
    from kanwidget.evaluate.data_and_metric import CURVE_POINTS

    adapter, x = NativeAdapter(library.network(width)), torch.rand(rows, width[0]) * 2 - 1
    return lambda: (adapter.scores(x), adapter.curves(x, CURVE_POINTS))


def timed(run: Run) -> float:
    """Return the median seconds of a run, over a fifth of a second, after one that warms up."""
    run()
    seconds: list[float] = []
    while sum(seconds) < 0.2:
        start = perf_counter()
        run()
        seconds.append(perf_counter() - start)
    return median(seconds)


def peak(library: Library, width: list[int], rows: int) -> float | None:
    """Return the MiB that a first forward and backward pass takes at the most, where Linux tells.

    Only a fresh process has no memory to use again.
    """
    reset = Path("/proc/self/clear_refs")
    if not reset.exists():
        return None
    step(library, [4, 4, 1], 8)()  # what is loaded on first use is not the network's
    run = step(library, width, rows)
    gc.collect()
    before = _status("VmRSS")
    reset.write_text("5")  # forget the highest so far: proc(5)
    run()
    return (_status("VmHWM") - before) / 1024


def _status(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


ONCE: dict[str, Callable[..., Any]] = {"train": train, "peak": peak}
REPEATED: dict[str, Callable[..., Run]] = {"step": step, "look": look}


def main() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    torch.set_num_threads(1)
    library = LIBRARIES[sys.argv[1]]()
    runs: dict[str, Run] = {}
    for line in sys.stdin:
        task, options = json.loads(line)
        if task in ONCE:
            answer = ONCE[task](library, **options)
        else:
            if line not in runs:
                runs[line] = REPEATED[task](library, **options)
            answer = timed(runs[line])
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
