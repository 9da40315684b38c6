"""Others switch edges, add means to biases and load weights while a fit runs: nothing is lost."""

from __future__ import annotations

import copy
import ctypes
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kanwidget import KAN, PruningSession
from kanwidget.kan.write_lock import write_lock

Make = Callable[..., KAN]
Dataset = dict[str, Tensor]

LOSSES = pytest.mark.parametrize("loss_fn", [None, nn.functional.mse_loss], ids=["numpy", "torch"])
STILL: dict[str, Any] = {"opt": "Adam", "lr": 1e-14, "update_grid": False, "progress": False}
"""A training that moves nothing."""


def biases(model: KAN) -> list[Tensor]:
    return [layer.bias.detach().clone() for layer in model.layers]


def close(found: list[Tensor], expected: list[Tensor], atol: float) -> bool:
    pairs = zip(found, expected, strict=True)
    return all(torch.allclose(a, b, rtol=0, atol=atol) for a, b in pairs)


def beside(work: Callable[[], object], stopped: threading.Event) -> threading.Thread:
    """Run something again and again in another thread."""

    def run() -> None:
        while not stopped.is_set():
            work()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@LOSSES
def test_means_added_and_taken_away_beside_a_fit_leave_the_biases(
    model: KAN, dataset: Dataset, loss_fn: Any
) -> None:
    before, turns, stopped = biases(model), 0, threading.Event()

    def move() -> None:
        nonlocal turns
        for sign in (1.0, -1.0):
            with write_lock(model), torch.no_grad():
                for layer in model.layers:
                    layer.bias.add_(sign)
            time.sleep(1e-4)
        turns += 1

    thread = beside(move, stopped)
    try:
        while turns < 300:
            model.fit(dataset, steps=20, loss_fn=loss_fn, **STILL)
    finally:
        stopped.set()
        thread.join()
    assert close(biases(model), before, 1e-10)


@LOSSES
def test_drags_beside_a_fit_leave_the_biases(model: KAN, dataset: Dataset, loss_fn: Any) -> None:
    before, turns, stopped = copy.deepcopy(model.state_dict()), 0, threading.Event()
    session = PruningSession(model, dataset)
    thresholds = session.tradeoff("edge").thresholds.tolist()

    def drag() -> None:
        nonlocal turns
        with write_lock(model):
            session.set(edge_threshold=thresholds[turns % len(thresholds)])
        turns += 1

    thread = beside(drag, stopped)
    try:
        while turns < 300:
            model.fit(dataset, steps=20, loss_fn=loss_fn, **STILL)
    finally:
        stopped.set()
        thread.join()
    session.close()
    after = model.state_dict()
    assert all(torch.allclose(after[n], v, rtol=0, atol=1e-9) for n, v in before.items())


@LOSSES
def test_a_fit_and_a_callback_both_move_the_biases(
    model: KAN, dataset: Dataset, loss_fn: Any
) -> None:
    """What a training does to a bias, and the mean that a callback adds, are both there."""
    alone = copy.deepcopy(model)
    means: list[Tensor] = []

    def prune(step: int, _: Any) -> None:
        if step == 1:
            model(dataset["train_input"])
            means.append(model.means(dataset["train_input"])[1][0, 2])
            model.remove_edge(1, 2, 0, keep_mean=True)

    options = {"steps": 2, "loss_fn": loss_fn, "progress": False}
    alone.fit(dataset, **options)
    model.fit(dataset, callback=prune, **options)
    added = model.layers[1].bias - alone.layers[1].bias
    assert added.item() == pytest.approx(means[0].item(), abs=1e-12)
    assert model.mask[1][0, 2] == 0


def test_a_mean_kept_in_the_middle_of_a_step_stays(model: KAN, dataset: Dataset) -> None:
    alone, asked = copy.deepcopy(model), 0

    def loss_fn(pred: Tensor, label: Tensor) -> Tensor:
        nonlocal asked
        asked += 1
        if asked == 3:
            with torch.no_grad():
                model.layers[1].bias.data.add_(5.0)
        return nn.functional.mse_loss(pred.detach(), label) + 0 * pred.sum()  # nothing to learn

    model.fit(dataset, steps=3, loss_fn=loss_fn, progress=False, update_grid=False)
    assert asked > 3
    assert close(biases(model), [alone.layers[0].bias, alone.layers[1].bias + 5.0], 1e-12)


@pytest.mark.parametrize("how", ["diverges", "error", "interrupt"])
def test_a_rollback_keeps_means_that_others_kept(model: KAN, dataset: Dataset, how: str) -> None:
    before, asked = copy.deepcopy(model), 0

    def loss_fn(pred: Tensor, label: Tensor) -> Tensor:
        nonlocal asked
        asked += 1
        if asked == 5:
            model.layers[1].bias.data.add_(5.0)
        if asked == 6 and how == "error":
            raise ZeroDivisionError
        if asked == 6 and how == "interrupt":
            raise KeyboardInterrupt
        return nn.functional.mse_loss(pred, label) * (float("nan") if asked > 5 else 1.0)

    options = {"steps": 1, "loss_fn": loss_fn, "progress": False}
    if how == "error":
        with pytest.raises(ZeroDivisionError):
            model.fit(dataset, **options)
    elif how == "diverges":
        with pytest.warns(RuntimeWarning, match="diverged"):
            model.fit(dataset, **options)
    else:
        assert model.fit(dataset, **options).stopped
    expected = before.state_dict()
    expected["layers.1.bias"] += 5.0
    assert all(torch.equal(model.state_dict()[n], v) for n, v in expected.items())


@LOSSES
def test_weights_that_a_session_brings_back_stay_when_a_step_is_dropped(
    model: KAN, dataset: Dataset, loss_fn: Any
) -> None:
    """An error in a callback rolls the step back, and not what the callback has loaded."""
    old = copy.deepcopy(KAN([2, 5, 1], grid=5, seed=7).state_dict())

    def callback(*_: Any) -> None:
        model.load_state_dict(old)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        model.fit(dataset, steps=1, loss_fn=loss_fn, callback=callback, progress=False)
    found = model.state_dict()
    assert all(torch.allclose(found[n], v, rtol=0, atol=1e-12) for n, v in old.items())


def test_weights_loaded_in_the_middle_of_a_step_stay(model: KAN, dataset: Dataset) -> None:
    other, asked = copy.deepcopy(KAN([2, 5, 1], grid=5, seed=7).state_dict()), 0

    def stop() -> bool:  # asked after each iteration
        nonlocal asked
        asked += 1
        if asked == 3:
            model.load_state_dict(other)
        return False

    model.fit(dataset, steps=1, stop=stop, progress=False)
    assert asked > 3
    assert all(torch.equal(v, other[n]) for n, v in model.state_dict().items())


def test_a_broken_edge_is_removed_without_a_mean(model: KAN) -> None:
    before = biases(model)
    with torch.no_grad():
        model.layers[1].coef[0, 2, 1] = torch.nan
    model.remove_edge(1, 2, 0, keep_mean=True)
    assert close(biases(model), before, 0.0)


@LOSSES
def test_nan_that_comes_into_a_bias_and_goes_again(
    model: KAN, dataset: Dataset, loss_fn: Any
) -> None:
    before = biases(model)

    def spoil(step: int, _: Any) -> None:
        if step == 0:
            saved = model.layers[1].bias.detach().clone()
            model.layers[1].bias.data.fill_(float("nan"))
            model.layers[1].bias.data.copy_(saved)

    results = model.fit(dataset, steps=3, loss_fn=loss_fn, callback=spoil, **STILL)
    assert results.stopped == ""
    assert close(biases(model), before, 1e-10)


def interrupt_main_thread_after(seconds: float) -> threading.Timer:
    """Send a KeyboardInterrupt to the main thread, as a second thread's timer."""

    def send() -> None:
        ctypes.pythonapi.PyErr_SetInterrupt()

    timer = threading.Timer(seconds, send)
    timer.start()
    return timer


@LOSSES
def test_an_interrupt_at_any_moment_leaves_a_good_model(
    model: KAN, dataset: Dataset, loss_fn: Any
) -> None:
    draw, start = random.Random(0), copy.deepcopy(model.state_dict())
    bias = model.layers[1].bias
    for _ in range(60):
        model.load_state_dict(start)
        kept = torch.zeros_like(bias)
        states = [copy.deepcopy(start)]

        def callback(*_: Any, kept: Tensor = kept, states: list[Any] = states) -> None:
            states.append(copy.deepcopy(model.state_dict()))
            states[-1]["layers.1.bias"] -= kept
            with write_lock(model), torch.no_grad():
                torch._foreach_add_([bias, kept], 1.0)  # both, or none, if interrupted

        try:
            timer = interrupt_main_thread_after(draw.uniform(0.0, 0.05))
            model.fit(dataset, steps=500, loss_fn=loss_fn, callback=callback, progress=False)
            timer.join()
            time.sleep(0.01)
        except KeyboardInterrupt:
            pass
        # It is as after one of the last steps, and has every 1 that was added.
        found = copy.deepcopy(model.state_dict())
        found["layers.1.bias"] -= kept
        assert any(
            all(torch.allclose(found[n], v, rtol=0, atol=1e-9) for n, v in state.items())
            for state in states[-2:]
        )
