"""How much lower a session trains pykan's models if L-BFGS keeps more pairs than pykan does.

``python tests/benchmarks/lbfgs_pairs.py [--seeds 40] [--steps 20] [--lamb 0] [pairs ...]`` trains
four nets from each seed with so many pairs, in turns on one thread, and prints a line for each: the
geometric mean of the ratios of losses to those with the first number of pairs, how many seeds end
lower, and the processor's time for a step. With ``lamb`` the training loss is the whole objective.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import argparse
import time
from collections.abc import Callable
from statistics import geometric_mean, median

import torch
from kan import KAN
from torch import Tensor

from kanwidget import PruningSession, create_dataset
from kanwidget.training import engine

torch.set_num_threads(1)


def wave(x: Tensor) -> Tensor:
    return torch.sin(torch.pi * x[:, [0]]) * x[:, [1]] + x[:, [2]] ** 2


def hill(x: Tensor) -> Tensor:
    height = torch.exp(-2 * (x[:, [0]] - 0.2) ** 2 - 4 * (x[:, [1]] + 0.3) ** 2)
    return height + 0.3 * torch.cos(3 * x[:, [0]] * x[:, [1]])


def two_outputs(x: Tensor) -> Tensor:
    return torch.cat([torch.tanh(3 * x[:, [0]] + x[:, [1]]), x[:, [0]] * x[:, [2]]], 1)


def nested(x: Tensor) -> Tensor:
    return torch.sin(2 * (x[:, [0]] + x[:, [1]] ** 2)) * torch.exp(x[:, [2]] * x[:, [3]])


NETS: list[tuple[Callable[[Tensor], Tensor], list[int], int]] = [
    (wave, [3, 6, 1], 5),
    (hill, [2, 4, 3, 1], 4),
    (two_outputs, [3, 5, 2], 6),
    (nested, [4, 6, 4, 1], 3),
]
"""Functions, and the widths and grids of the nets that learn them."""


def trained(net: int, seed: int, pairs: int, steps: int, lamb: float) -> tuple[float, float, float]:
    """Return the losses on training and test rows in the end, and the seconds for a step."""
    function, width, grid = NETS[net]
    data = create_dataset(function, n_var=width[0], dtype=torch.float32)
    model = KAN(width=list(width), grid=grid, k=3, seed=seed, auto_save=False)
    engine.MANY_PAIRS = pairs
    with PruningSession(model, data) as session:
        start = time.process_time()
        results = session.fit(steps, lamb=lamb)
        seconds = (time.process_time() - start) / steps
    loss, test, reg = (results[name][-1] for name in ("train_loss", "test_loss", "reg"))
    return loss * loss + lamb * reg if lamb else loss, test, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=int, nargs="*", default=[10, 40, 100])
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--lamb", type=float, default=0.0)
    options = parser.parse_args()
    for net, (function, width, grid) in enumerate(NETS):
        runs = [
            [trained(net, seed, pairs, options.steps, options.lamb) for pairs in options.pairs]
            for seed in range(100, 100 + options.seeds)
        ]
        for n, pairs in enumerate(options.pairs):
            parts = [f"{function.__name__} {width} grid {grid}, {pairs} pairs:"]
            for k, name in enumerate(("training", "test")):
                ratios = [seed[n][k] / seed[0][k] for seed in runs]
                lower = sum(ratio < 1 for ratio in ratios)
                parts.append(
                    f"{name} {geometric_mean(ratios):.3f}, lower in {lower} of {len(runs)};"
                )
            parts.append(f"{median(seed[n][2] for seed in runs) * 1e3:.1f} ms a step")
            print(*parts, flush=True)


if __name__ == "__main__":
    main()
