"""The soak's short form: see ``tests/soak/soak.py`` for the long one, and for a failing seed."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "soak"))

pytest.importorskip("kan", reason="pykan is not installed")

import oracles
import soak  # noqa: F401  # it names the folder's modules
import stress
from models import KINDS, dataset_of
from walks import walk

ALL = list(KINDS)


@pytest.mark.parametrize("name", ALL)
def test_the_oracle_computes_what_the_library_computes(name: str) -> None:
    kind = KINDS[name]
    for seed in range(4):
        model = kind.make(seed)
        net = oracles.read(kind.library, model, oracles.Habit())
        dtype = next(p.dtype for p in model.parameters())
        n_in, n_out = len(net.layers[0].span), max(net.slots[-1]) + 1
        x = dataset_of(n_in, n_out, seed, dtype)["test_input"]
        mask = [
            np.ones((len(la.bias), len(la.span)), bool) if la.mask is None else la.mask
            for la in net.layers
        ]
        with torch.no_grad():
            outputs = oracles.array(model(x))
        found = net.outputs(oracles.array(x), mask, [la.bias for la in net.layers])
        tolerance = 1e-10 if dtype == torch.float64 else 1e-5
        assert np.abs(found - outputs).max() < tolerance * (1 + np.abs(outputs).max())


@pytest.mark.parametrize("name", ALL)
def test_random_sessions_agree_with_the_oracles(name: str) -> None:
    for seed in range(6):
        failure = walk(name, seed)
        assert failure is None, str(failure)


@pytest.mark.skipif(
    not hasattr(stress.signal, "setitimer")
    or threading.current_thread() is not threading.main_thread(),
    reason="this needs a timer that interrupts the main thread",
)
@pytest.mark.parametrize("name", ALL)
def test_interrupted_sessions_give_the_model_back(name: str) -> None:
    for seed in range(10):
        failure = stress.interrupted(name, seed)
        assert failure is None, str(failure)


@pytest.mark.parametrize(("name", "how"), [("kan", "fit"), ("pykan-products", "loop")])
def test_a_training_beside_a_session_and_the_session_come_to_no_harm(name: str, how: str) -> None:
    found = stress.threads([name], 100, [how])[name]
    assert found == [None] * len(found), str(found)
