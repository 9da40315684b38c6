"""How much faster a session trains pykan's model than pykan's own `fit` does.

``python tests/benchmarks/pykan_training.py [--seeds 10] [--first 0] [--steps 20]`` trains two nets
from each seed both ways on one thread, in turns, and prints a line for each net, in a minute. Times
are of the processor, so that what else the machine does counts little. A step is one of L-BFGS with
at most 20 iterations, in both; the whole call is timed, with its loss on the test rows after each
step, and what a session looks at before and after a fit. It also says how often a step asks for
the loss and its gradient.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import argparse
import contextlib
import io
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import torch
from kan import KAN
from torch import Tensor

from kanwidget import PruningSession, create_dataset
from kanwidget.kan.arrays import Array
from kanwidget.training import engine
from kanwidget.training.objective import AdapterObjective

torch.set_num_threads(1)


def demo(x: Tensor) -> Tensor:
    return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)


def nested(x: Tensor) -> Tensor:
    waves = torch.sin(torch.pi * (x[:, [0, 2]] ** 2 + x[:, [1, 3]] ** 2))
    return torch.exp(waves.mean(1, keepdim=True))


NETS: list[tuple[Callable[[Tensor], Tensor], list[int], int]] = [
    (demo, [2, 5, 1], 5),
    (nested, [4, 9, 1], 3),
]
"""Functions, and the widths and grids of the nets that learn them."""

evaluations = 0
"""How often a loss and its gradient were asked for."""


class Fit(NamedTuple):
    """What a step took on average, and the test RMSE in the end."""

    seconds: float
    evaluations: float
    loss: float


class CountedObjective(AdapterObjective):
    def __call__(self, theta: Array) -> tuple[float, Array]:
        global evaluations
        evaluations += 1
        return super().__call__(theta)


engine.AdapterObjective = CountedObjective  # type: ignore[misc]


def counted_error(prediction: Tensor, label: Tensor) -> Tensor:
    """Return the mean squared error, which is pykan's default, too."""
    global evaluations
    evaluations += 1
    return (prediction - label).square().mean()


def timed(train: Callable[[], Any], steps: int, others: int) -> Fit:
    """Train; so many evaluations were for the loss on test rows."""
    global evaluations
    evaluations, start = 0, time.process_time()
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        losses = train()["test_loss"]
    seconds = (time.process_time() - start) / steps
    if len(losses) != steps:
        raise RuntimeError(f"this training has stopped after {len(losses)} steps")
    return Fit(seconds, (evaluations - others) / steps, float(losses[-1]))


def both(net: int, seed: int, steps: int) -> tuple[Fit, Fit]:
    """Train a net by pykan and by a session, in turns the one or the other first."""
    function, width, grid = NETS[net]
    data = create_dataset(function, n_var=width[0], dtype=torch.float32)

    def model() -> Any:
        return KAN(width=list(width), grid=grid, k=3, seed=seed, auto_save=False)

    def by_pykan() -> Fit:
        settings = {"opt": "LBFGS", "update_grid": False, "loss_fn": counted_error}
        new = model()
        return timed(lambda: new.fit(data, steps=steps, **settings), steps, steps)

    def by_session() -> Fit:
        with PruningSession(model(), data) as session:
            return timed(lambda: session.fit(steps), steps, 0)

    if seed % 2:
        ours = by_session()
        return by_pykan(), ours
    return by_pykan(), by_session()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first of the seeds")
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    for net, (_, width, grid) in enumerate(NETS):
        pairs = [both(net, seed, options.steps) for seed in seeds]
        lines = []
        for n, name in enumerate(("pykan's fit", "session.fit")):
            step, count, loss = map(median, zip(*(pair[n] for pair in pairs), strict=True))
            lines.append(
                f"{name} {step * 1e3:.1f} ms a step with {count:.1f} evaluations, "
                f"test RMSE {loss:.3g}"
            )
        ratio = median(pykan.seconds / ours.seconds for pykan, ours in pairs)
        lower = sum(ours.loss <= pykan.loss for pykan, ours in pairs)
        lines.append(f"the session ends no higher in {lower} of {len(pairs)}")
        print(f"{width} grid {grid}: {ratio:.2f} times faster. {'; '.join(lines)}", flush=True)


if __name__ == "__main__":
    main()
