"""What a session's `fit` costs next to the `fit` that a model has of its own.

``python tests/benchmarks/session_fit.py [--seeds 10] [--first 0] [--steps 20]`` trains two nets
from each seed both ways on one thread, in turns, and prints two lines for each net, in two minutes:
how much faster a session trains pykan's model than pykan does, and how much slower our KAN, with
the same numbers or not. Times are of the processor, so that what else the machine does counts
little. A step is one of L-BFGS with at most 20 iterations in all; the whole call is timed, with its
loss on the test rows after each step, and what a session looks at before and after a fit. For
pykan's it also says how often a step asks for the loss and its gradient.
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
from kan import KAN as PykanKAN
from torch import Tensor

from kanwidget import KAN, PruningSession, create_dataset
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


def in_turns(
    by_itself: Callable[[], Fit], by_session: Callable[[], Fit], seed: int
) -> tuple[Fit, Fit]:
    """Do both, from every other seed the session's first."""
    if seed % 2:
        ours = by_session()
        return by_itself(), ours
    return by_itself(), by_session()


def pykan(net: int, seed: int, steps: int) -> tuple[Fit, Fit]:
    """Train pykan's model by itself and by a session."""
    function, width, grid = NETS[net]
    data = create_dataset(function, n_var=width[0], dtype=torch.float32)

    def model() -> Any:
        return PykanKAN(width=list(width), grid=grid, k=3, seed=seed, auto_save=False)

    def by_itself() -> Fit:
        settings = {"opt": "LBFGS", "update_grid": False, "loss_fn": counted_error}
        new = model()
        return timed(lambda: new.fit(data, steps=steps, **settings), steps, steps)

    def by_session() -> Fit:
        with PruningSession(model(), data) as session:
            return timed(lambda: session.fit(steps), steps, 0)

    return in_turns(by_itself, by_session, seed)


def own(net: int, seed: int, steps: int) -> tuple[Fit, Fit, bool]:
    """Train our KAN by itself and by a session; True if both end with the same bits."""
    function, width, grid = NETS[net]
    data = create_dataset(function, n_var=width[0])
    alone, in_session = (KAN(width, grid=grid, seed=seed) for _ in range(2))

    def by_itself() -> Fit:
        settings: dict[str, Any] = {"update_grid": False, "progress": False}
        return timed(lambda: alone.fit(data, steps=steps, **settings), steps, 0)

    def by_session() -> Fit:
        with PruningSession(in_session, data) as session:
            return timed(lambda: session.fit(steps), steps, 0)

    fits = in_turns(by_itself, by_session, seed)
    numbers = (model.state_dict().values() for model in (alone, in_session))
    return *fits, all(map(torch.equal, *numbers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first of the seeds")
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    for net, (_, width, grid) in enumerate(NETS):
        pairs = [pykan(net, seed, options.steps) for seed in seeds]
        lines = []
        for n, name in enumerate(("pykan's fit", "session.fit")):
            step, count, loss = map(median, zip(*(pair[n] for pair in pairs), strict=True))
            lines.append(
                f"{name} {step * 1e3:.1f} ms a step with {count:.1f} evaluations, "
                f"test RMSE {loss:.3g}"
            )
        ratio = median(theirs.seconds / ours.seconds for theirs, ours in pairs)
        lower = sum(ours.loss <= theirs.loss for theirs, ours in pairs)
        lines.append(f"the session ends no higher in {lower} of {len(pairs)}")
        print(f"pykan's {width} grid {grid}: {ratio:.2f} times faster. {'; '.join(lines)}")
        fits = [own(net, seed, options.steps) for seed in seeds]
        ratio = median(ours.seconds / alone.seconds for alone, ours, _ in fits)
        same = sum(equal for *_, equal in fits)
        step = median(alone.seconds for alone, *_ in fits)
        print(
            f"Our {width} grid {grid}: {ratio:.3f} times the time of model.fit, "
            f"{step * 1e3:.2f} ms a step; the same bits in {same} of {len(fits)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
