"""What the tests of sweeps share: data, and functions that train, which workers import."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from kanwidget import KAN, Sweep, create_dataset


def known(x: Tensor) -> Tensor:
    """Return exp(sin(pi x1) + x2^2); a third input does nothing."""
    return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)


def small_data(seed: int = 0, rows: int = 60) -> dict[str, Tensor]:
    """Return few rows of a known function of two inputs."""
    return create_dataset(known, n_var=2, train_num=rows, test_num=rows, seed=seed)


def untrained(dataset: Any, seed: int, **settings: Any) -> KAN:
    """Return a network as it is built: a run that takes no time."""
    return KAN([2, 2, 1], grid=3, k=2, seed=seed)


def dies_with(dataset: Any, seed: int, deadly: int, **settings: Any) -> KAN:
    """End the worker, as the system does that runs out of memory, at one of the seeds."""
    if seed == deadly and os.getpid() != settings["parent"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return untrained(dataset, seed)


def dies_once(dataset: Any, seed: int, mark: str, **settings: Any) -> KAN:
    """End the worker at seed 1, the first time."""
    if seed == 1 and not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return untrained(dataset, seed)


def takes_long(dataset: Any, seed: int, seconds: float, **settings: Any) -> KAN:
    """Note that the run began, and take a while."""
    with Path(settings["notes"]).open("a") as file:
        file.write(f"{seed}\n")
    time.sleep(seconds)
    return untrained(dataset, seed)


def waits(dataset: Any, seed: int, first: int, **settings: Any) -> KAN:
    """Note that the run began; from one seed on, wait until there is a file."""
    with Path(settings["notes"]).open("a") as file:
        file.write(f"{seed}\n")
    time.sleep(0.1)  # or several would go to a worker at once
    end = time.monotonic() + 300
    while seed >= first and not Path(settings["go_on"]).exists() and time.monotonic() < end:
        time.sleep(0.02)
    return untrained(dataset, seed)


class Shared:
    """A function that threads share and that is not copied on its way to them."""

    kept: ClassVar[list[Any]] = []

    def __init__(self, function: Any) -> None:
        self.place = len(self.kept)
        self.kept.append(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.kept[self.place](*args, **kwargs)


def outcomes(found: Sweep) -> list[Any]:
    """Return what runs gave but for the time they took, with every number of their networks."""
    return [
        (
            run.number,
            dict(run.settings),
            run.train_loss,
            run.test_loss,
            run.active_edges,
            run.error,
            {key: t.tolist() for key, t in found.model(run).state_dict().items()},
        )
        for run in found.runs
    ]
