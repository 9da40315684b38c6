"""How soon Levenberg-Marquardt reaches what LBFGS does, and how far it gets.

``python tests/benchmarks/levenberg_marquardt.py [seeds]`` fits ten nets of up to 1,000 parameters
both ways, 50 steps each without a regulariser, on one thread, and prints a table; in two minutes
a seed. Times are of the processor, so that what else the machine does counts little.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import math
import sys
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from kanwidget import KAN, create_dataset

torch.set_num_threads(1)

STEPS = 50


def demo(x: Tensor) -> Tensor:
    return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)


def product(x: Tensor) -> Tensor:
    return x[:, [0]] * x[:, [1]]


def norm(x: Tensor) -> Tensor:
    return x.square().sum(1, keepdim=True).sqrt()


def inverse(x: Tensor) -> Tensor:
    return 1 / (1.5 + x.prod(1, keepdim=True))


def nested(x: Tensor) -> Tensor:
    waves = torch.sin(torch.pi * (x[:, [0, 2]] ** 2 + x[:, [1, 3]] ** 2))
    return torch.exp(waves.mean(1, keepdim=True))


def five(x: Tensor) -> Tensor:
    a, b, c, d, e = x.T.unsqueeze(2)
    return torch.sin(torch.pi * a * b) + c**3 + torch.tanh(3 * d) * e


def two_outputs(x: Tensor) -> Tensor:
    a, b, c = x.T
    return torch.stack([torch.sin(torch.pi * a * b), c * torch.exp(b)], 1)


NETS: list[tuple[Callable[[Tensor], Tensor], list[int], int]] = [
    (demo, [2, 1, 1], 5),
    (demo, [2, 5, 1], 5),
    (product, [2, 2, 1], 5),
    (product, [2, 5, 1], 10),
    (norm, [2, 5, 1], 5),
    (inverse, [3, 5, 1], 5),
    (nested, [4, 4, 2, 1], 5),
    (nested, [4, 9, 1], 3),
    (five, [5, 8, 2, 1], 5),
    (two_outputs, [3, 8, 2], 10),
]


def fit(opt: str, seed: int, net: int) -> tuple[list[float], list[float], float]:
    """Return the train loss and the time after each step, and the test loss at the end."""
    function, width, grid = NETS[net]
    model, times = KAN(width, grid=grid, seed=seed), []
    data = create_dataset(function, n_var=width[0])
    start = time.thread_time()
    results = model.fit(
        data,
        opt=opt,
        steps=STEPS,
        progress=False,
        callback=lambda *_: times.append(time.thread_time() - start),
    )
    return results["train_loss"], times, results["test_loss"][-1]


def compare(seed: int) -> None:
    """Print the table of one seed."""
    shares, lower = [], 0
    print(f"seed {seed}: train RMSE (test RMSE) after {STEPS} steps")
    for net, (function, width, grid) in enumerate(NETS):
        slow, quick = fit("LBFGS", seed, net), fit("LM", seed, net)
        target = slow[0][-1]
        reached = [t for loss, t in zip(quick[0], quick[1], strict=True) if loss <= target]
        shares.append(reached[0] / slow[1][-1] if reached else math.inf)
        lower += quick[0][-1] < target
        count = sum(p.numel() for p in KAN(width, grid=grid).parameters())
        print(
            f"{function.__name__:12}{width!s:14}grid {grid:<3}{count:4} parameters  "
            f"LBFGS {target:.1e} ({slow[2]:.1e}) in {slow[1][-1]:5.2f} s   "
            f"LM {quick[0][-1]:.1e} ({quick[2]:.1e}) in {quick[1][-1]:5.2f} s, "
            f"as low after {shares[-1]:.2f} of LBFGS's time",
            flush=True,
        )
    print(f"median {median(shares):.2f} of the time; lower in the end: {lower} of {len(NETS)}\n")


def polish() -> None:
    """Print what it does for the demo's network after a refinement."""
    data = create_dataset(demo, n_var=2)
    model = KAN([2, 1, 1], grid=5, seed=0)
    first = model.fit(data, steps=STEPS, progress=False)["test_loss"][-1]
    fine = model.refine(10)
    last = fine.fit(data, opt="LM", steps=40, progress=False)["test_loss"][-1]
    print(f"demo [2, 1, 1]: test RMSE {first:.1e} after LBFGS; {last:.1e} on grid 10 and 40 steps")


if __name__ == "__main__":
    polish()
    for chosen in map(int, sys.argv[1:] or ["0"]):
        compare(chosen)
