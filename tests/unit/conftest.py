"""What the unit tests share: small models, trained once."""

from __future__ import annotations

import copy
import signal
from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import settings
from torch import Tensor
from torch.overrides import _get_current_function_mode_stack, _pop_mode

from kanwidget import KAN, create_dataset
from kanwidget.kan.call_loss import refuse_broadcasting

# On a busy machine, a second thread costs more than it gives; and being slow is no failure.
torch.set_num_threads(1)
settings.register_profile("kanwidget", deadline=None)
settings.load_profile("kanwidget")
# A script's background job ignores Ctrl+C, and so do its children: tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

Dataset = dict[str, Tensor]

LIMITS = {
    "session.training_watch.PAUSE": 3600.0,
    "widget.cost_prefetch.OLD_VALUE_SECONDS": 3600.0,
    "widget.cost_prefetch.WALL_SECONDS": 600.0,
    "widget.cost_prefetch.WORK_SECONDS": 600.0,
    "widget.loop_watch.WAIT_SECONDS": 600.0,
    "widget.naming_trials.RECOGNITION_SECONDS": 600.0,
}
"""Seconds after which the product does something else, so long that no slow machine reaches them.

A test of what happens then sets its own.
"""


def seed_function(x: Tensor) -> Tensor:
    """Return exp(sin(pi x1) + x2^2), the function of the seed's demo."""
    return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    """The seed's data."""
    return create_dataset(seed_function, n_var=2)


@pytest.fixture(scope="session")
def _trained(dataset: Dataset) -> KAN:
    model = KAN([2, 5, 1], grid=5, k=3, seed=0)
    model.fit(dataset, steps=3, lamb=0.01, lamb_entropy=10.0, progress=False)
    return model


@pytest.fixture
def model(_trained: KAN) -> KAN:
    """A [2, 5, 1] after three steps on the seed's data; a new copy for each test."""
    return copy.deepcopy(_trained)


@pytest.fixture(scope="session")
def random_kan() -> Callable[..., KAN]:
    """Make an untrained KAN with lively curves, biases and random masks."""

    def make(width: list[int], seed: int, density: float = 1.0, **config: object) -> KAN:
        generator = torch.Generator().manual_seed(seed)
        model = KAN(width, seed=seed, **config)  # type: ignore[arg-type]
        with torch.no_grad():
            for parameter in model.parameters():
                noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
                parameter.add_(0.3 * noise)
        model.set_mask([torch.rand(m.shape, generator=generator) < density for m in model.mask])
        model(torch.rand(30, width[0], generator=generator, dtype=torch.float64) * 2 - 1)
        return model

    return make


@pytest.fixture(scope="session", autouse=True)
def _no_hurry() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, seconds in LIMITS.items():
            patch.setattr(f"kanwidget.{name}", seconds)
        yield


@pytest.fixture(autouse=True)
def interrupts_leave_no_mode() -> Iterator[None]:
    """Take back what an interrupt in the middle of torch's own ``with`` leaves switched."""
    yield
    torch.set_grad_enabled(True)
    while any(isinstance(mode, refuse_broadcasting) for mode in _get_current_function_mode_stack()):
        _pop_mode()
