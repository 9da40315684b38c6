"""What the trade-off costs, whether it is right, and what pruning by it costs in accuracy.

``python tests/benchmarks/tradeoff.py`` prints three tables, on one thread, in a few minutes;
``right``, ``fast`` or ``prune`` after it prints one of them.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kanwidget import KAN, create_dataset
from kanwidget.adapters.native import NativeAdapter
from kanwidget.evaluate import tradeoff
from kanwidget.evaluate.baseline import Baseline
from kanwidget.masks.state import State

torch.set_num_threads(1)

Dataset = dict[str, Tensor]

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "exp(sin(pi x) + y^2)": lambda x: torch.exp(torch.sin(torch.pi * x[:, :1]) + x[:, 1:] ** 2),
    "x y": lambda x: x[:, :1] * x[:, 1:],
    "sqrt(x^2 + y^2)": lambda x: x.square().sum(1, keepdim=True).sqrt(),
}
SEEDS = range(10)


class OneForwardEach(NativeAdapter):
    """The way that any library can go: set a mask, run the model, set the next."""

    def outputs_under_masks(self, x: Tensor, plan: Any) -> Any:
        return None


def four(x: Tensor) -> Tensor:
    """Return exp((sin(pi (x1^2 + x2^2)) + sin(pi (x3^2 + x4^2))) / 2), from the paper."""
    squares = torch.pi * x.square().unflatten(1, (2, 2)).sum(2)
    return torch.exp(squares.sin().sum(1, keepdim=True) / 2)


def two(x: Tensor) -> Tensor:
    """Return `four`, and a product."""
    return torch.cat([four(x), x[:, :1] * x[:, 1:2]], 1)


def ground(model: KAN, data: Dataset) -> tuple[Any, ...]:
    """Return what `tradeoff` asks for: rows, loss and baseline of a model."""
    adapter, x = NativeAdapter(model), data["train_input"]
    scores, label = adapter.scores(x), data["test_label"]
    folded = [torch.zeros_like(score) for score in scores]
    baseline = Baseline(adapter.mask(), adapter.bias(), folded, scores, adapter.means(x), [], 0, 0)

    def loss(pred: Tensor) -> float:
        return float(torch.nn.functional.mse_loss(pred, label).sqrt())

    return data["test_input"], loss, baseline


def trained(width: list[int], data: Dataset, steps: int, seed: int = 0, lamb: float = 1e-3) -> KAN:
    model = KAN(width, grid=5, k=3, seed=seed)
    if steps:
        model.fit(data, steps=steps, lamb=lamb, progress=False)
    return model


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Return the median CPU time of a call."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return median(taken)


def right() -> None:
    """Compare every figure with that of a model whose masks are really set."""
    print("Largest difference from the loss of a really masked model (every point, both losses)\n")
    print(f"{'net':>16} {'edges':>6} {'node axis':>10} {'edge axis':>10} {'without each':>13}")
    nets: list[tuple[list[int], Callable[[Tensor], Tensor], int]] = [
        ([2, 5, 1], FUNCTIONS["exp(sin(pi x) + y^2)"], 20),
        ([4, 16, 16, 1], four, 3),
        ([4, 28, 28, 2], two, 2),
    ]
    for width, function, steps in nets:
        given = create_dataset(function, width[0])
        model = trained(width, given, steps)
        rows, loss, baseline = ground(model, given)
        arguments = rows, loss, baseline, State()
        worst = []
        for axis in ("node", "edge"):
            ours = tradeoff.measure_tradeoff(NativeAdapter(model), *arguments, axis)
            real = tradeoff.measure_tradeoff(OneForwardEach(model), *arguments, axis)
            worst.append(
                max(
                    np.abs(ours.loss_zeroed - real.loss_zeroed).max(),
                    np.abs(ours.loss_kept - real.loss_kept).max(),
                )
            )
        one = tradeoff.measure_costs(NativeAdapter(model), *arguments)
        other = tradeoff.measure_costs(OneForwardEach(model), *arguments)
        names = ("edges_zeroed", "edges_kept", "nodes_zeroed", "nodes_kept")
        pairs = [p for n in names for p in zip(getattr(one, n), getattr(other, n), strict=True)]
        worst.append(max(float((a - b).abs().nan_to_num(0).max()) for a, b in pairs))
        count = sum(score.numel() for score in baseline.scores)
        print(f"{width!s:>16} {count:>6} {worst[0]:>10.1e} {worst[1]:>10.1e} {worst[2]:>13.1e}")


def fast() -> None:
    """Time the whole curve and leave-one-out beside one forward each."""
    print("\nCPU ms on one thread, 1,000 rows, means lost and kept (medians)\n")
    print(
        f"{'net':>16} {'state':>10} {'what':>13} {'ours':>8} {'one forward each':>17} {'ratio':>6}"
    )
    for width, function in (([2, 5, 1], FUNCTIONS["x y"]), ([4, 32, 32, 1], four)):
        data = create_dataset(function, width[0])
        for steps in (0, 3):
            model = trained(width, data, steps)
            for name, call in questions(model, data).items():
                # Side by side: what else the machine does meets both.
                call(NativeAdapter)
                ours = seconds(lambda call=call: call(NativeAdapter), 5)
                real = seconds(lambda call=call: call(OneForwardEach), 1 if len(width) > 3 else 5)
                ours = median([ours, seconds(lambda call=call: call(NativeAdapter), 5)])
                print(
                    f"{width!s:>16} {'trained' if steps else 'untrained':>10} {name:>13} "
                    f"{1e3 * ours:>8.1f} {1e3 * real:>17.1f} {real / ours:>6.1f}"
                )


def questions(model: KAN, data: Dataset) -> dict[str, Callable[[type[NativeAdapter]], object]]:
    """Return what can be asked about a model, of an adapter."""
    arguments = *ground(model, data), State()
    return {
        "node axis": lambda kind: tradeoff.measure_tradeoff(kind(model), *arguments, "node"),
        "edge axis": lambda kind: tradeoff.measure_tradeoff(kind(model), *arguments, "edge"),
        "without each": lambda kind: tradeoff.measure_costs(kind(model), *arguments),
    }


def prune() -> None:
    """Prune trained nets in score order, and say what is left of them."""
    print("\nTest RMSE after edges went in score order, over the unpruned: median (largest)")
    print(f"of {len(SEEDS)} seeds, after 20 steps of LBFGS\n")
    columns = [f"{share}, {means}" for share in ("a third", "half") for means in ("zeroed", "kept")]
    head = "".join(f"{column:>19}" for column in columns)
    print(f"{'lamb':>6} {'function':>20} {'net':>12} {'unpruned':>9}{head}")
    for lamb in (1e-3, 1e-2):
        every = []
        for name, function in FUNCTIONS.items():
            for width in ([2, 5, 1], [2, 5, 7, 1]):
                runs = [after_pruning(width, function, seed, lamb) for seed in SEEDS]
                every += runs
                unpruned, *ratios = zip(*runs, strict=True)
                cells = "".join(f"{median(r):>9.3f} ({max(r):>7.3f})" for r in ratios)
                print(f"{lamb:>6} {name:>20} {width!s:>12} {median(unpruned):>9.2e}{cells}")
        for column, limit, means in zip(range(1, 5), (1.05, 1.05, 1.2, 1.2), columns, strict=True):
            good = sum(run[column] <= limit for run in every)
            print(f"{'':>6} {means}: within {limit} in {good} of {len(every)} runs")


def after_pruning(
    width: list[int], function: Callable[[Tensor], Tensor], seed: int, lamb: float
) -> list[float]:
    """Return the unpruned loss, and the ratios after a third and half of the edges went."""
    data = create_dataset(function, 2, seed=seed)
    model = trained(width, data, 20, seed, lamb)
    curve = tradeoff.measure_tradeoff(NativeAdapter(model), *ground(model, data), State(), "edge")
    total, unpruned = curve.active_edges[0], float(curve.loss_kept[0])
    found = [unpruned]
    for share in (1 / 3, 1 / 2):
        point = np.flatnonzero(curve.active_edges <= total - round(share * total))[0]
        found += [float(loss[point]) / unpruned for loss in (curve.loss_zeroed, curve.loss_kept)]
    return found


if __name__ == "__main__":
    tables = {"right": right, "fast": fast, "prune": prune}
    for chosen in sys.argv[1:] or tables:
        tables[chosen]()
