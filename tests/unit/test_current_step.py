"""What a view is told of a step while it goes on, of which the model has nothing yet."""

from __future__ import annotations

import asyncio
import copy
import math
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import kinds
import numpy as np
import pytest
import torch
from torch import Tensor

from kanwidget import KAN, KANWidget, PruningSession
from kanwidget.widget import run_payload
from kanwidget.widget.packed_array import unpack

Dataset = dict[str, Tensor]

# FastKAN's curves depend on other nodes: they follow whole steps, once a second.
every_kind = pytest.mark.parametrize("kind", [k for k in kinds.KINDS if k != "FastKAN"])


class SlowLoss:
    """The mean squared error, which takes its time in a thread that trains, so that a step does.

    It waits for turns of the thread that looks: if that stands still, so does the training.
    """

    __name__ = "slow_loss"

    def __init__(self, turns: int) -> None:
        self.takes, self.turns = turns, 0.0
        self.fails = False

    async def count_turns(self) -> None:
        while True:
            await asyncio.sleep(0.005)
            self.turns += 1

    def __call__(self, pred: Tensor, label: Tensor) -> Tensor:
        if threading.current_thread() is not threading.main_thread():
            due, end = self.turns + self.takes, time.monotonic() + 60
            while self.turns < due and time.monotonic() < end:
                time.sleep(0.001)
            if self.fails:
                raise RuntimeError("boom")
        return (pred - label).square().mean()


def shown(w: KANWidget) -> np.ndarray[Any, Any]:
    """Return the curves that a view has, ``(edges, samples)``."""
    y = unpack(w._curves_y)[0]
    if not w._curves_range:
        return np.asarray(y, float)
    low, high = np.split(unpack(w._curves_range)[0].astype(float), 2, axis=1)
    return low + (high - low) * y / 255


def tell(w: KANWidget, seen: list[tuple[int, int, Any, Any]], model: Any) -> None:
    """Note steps, iteration, curves and the model whenever a view gets curves of a current step."""

    def note(_: Any) -> None:
        if w._run.get("iteration"):
            seen.append((w._run["done"], w._run["iteration"], shown(w), kinds.bits(model)))

    w.observe(note, names="_run")


def assert_of_model(w: KANWidget) -> None:
    """Check that a view has the curves of the model, whatever iterations it has shown before."""
    x, rows, first = unpack(w._curves_x)[0], shown(w), 0
    for l, n in enumerate(w.session.width[:-1]):
        points = torch.from_numpy(x[:n].T.copy()).double()
        x = x[n:]
        curves = w.session.edge_functions.edge_curves(l, points).flatten(0, 1).numpy()
        np.testing.assert_allclose(rows[first : first + len(curves)], curves, atol=1e-5)
        first += len(curves)


async def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


@every_kind
def test_a_long_step_is_seen_before_it_is_over_and_the_model_has_nothing_of_it(kind: str) -> None:
    model, data = kinds.make(kind), kinds.data()
    rows = data["test_input"]
    seen: list[tuple[int, int, Any, Any]] = []

    async def watch() -> KANWidget:
        loss_fn = SlowLoss(8)
        w = KANWidget(model, data, metric=loss_fn)
        turns = asyncio.create_task(loss_fn.count_turns())
        tell(w, seen, model)
        first, before, out = shown(w), kinds.bits(model), model(rows).detach()
        loss = w.loss
        run = w.fit(2)
        await until(lambda: len(seen) > 2 or not run.running)
        assert run.steps_done == 0
        assert [done for done, *_ in seen[:3]] == [0, 0, 0]
        iterations = [iteration for _, iteration, *_ in seen[:3]]
        assert iterations == sorted(set(iterations))
        assert all(bits == before for *_, bits in seen[:3])
        assert torch.equal(model(rows).detach(), out)
        assert (w.loss, w.session.loss) == (loss, loss)
        curves = [first, *(curves for _, _, curves, _ in seen[:3])]
        assert all(not np.allclose(a, b, atol=1e-4) for a, b in pairwise(curves))
        while w._run["state"] != "ended":
            await asyncio.sleep(0.01)
        assert any(done == 1 for done, *_ in seen)
        turns.cancel()
        return w

    w = asyncio.run(watch())
    assert w._run["iteration"] is None
    assert kinds.bits(model) != seen[-1][3]
    assert_of_model(w)
    assert w.loss == w.session.loss


@every_kind
def test_the_point_current_step_is_where_a_stop_there_ends(kind: str) -> None:
    model, data = kinds.make(kind), kinds.data()
    loss = SlowLoss(2)
    session = PruningSession(model, data, metric=loss)
    session.remove_edge(0, 1, 2)
    grids = [torch.linspace(-1, 1, 9, dtype=torch.float64).expand(n, -1) for n in (2, 3)]
    run = session.start_fit(steps=1)
    drawn = None
    while drawn is None or drawn.iteration < 4:
        session.ask_for_current_step(0.0)
        time.sleep(0.001)
        loss.turns += 1
        drawn = session.step_to_draw(grids) or drawn
    loss.turns = math.inf
    assert drawn.loss is None  # no step has ended
    before = [c.clone() for c in drawn.curves.values()]
    run.stop()
    results = run.wait()
    session.refresh()
    live = session.edge_functions
    after = [live.edge_curves(l, x.T) for l, x in enumerate(grids)]
    # It has gone on by an iteration or so: near where it was, and what is off stays where it was.
    assert 0 < max(float((a - b).abs().max()) for a, b in zip(after, before, strict=True)) < 1
    assert torch.equal(after[0][2, 1], before[0][2, 1])
    assert results["train_loss"][0] < drawn.train_loss * 1.001
    session.close()


@every_kind
def test_of_a_large_network_only_newer_curves_are_sent_between_whole_looks(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, data = kinds.make(kind), kinds.data()
    monkeypatch.setattr(run_payload, "MAX_MOVING_CURVES", 4)
    numbers, seen = [6, 7, 8, 3], []  # of [2, 3, 1]: six edges, then three

    async def watch() -> KANWidget:
        loss_fn = SlowLoss(8)
        w = KANWidget(model, data, metric=loss_fn)
        w.selected = [(1, 0), (1, 2, 0), (0, 1, 1)]
        turns = asyncio.create_task(loss_fn.count_turns())
        first = shown(w)

        def note(change: Any) -> None:
            if change["new"]:
                seen.append(unpack(change["new"])[0])

        w.observe(note, names="_newer_curves")
        run = w.fit(2)
        await until(lambda: len(seen) > 2 or not run.running)
        assert run.steps_done == 0
        np.testing.assert_array_equal(shown(w), first)
        for rows in seen[:3]:
            assert rows[:, 0].tolist() == numbers
            assert rows[:, 1:].shape == (4, first.shape[1])
        curves = [first[numbers], *(rows[:, 1:] for rows in seen[:3])]
        assert all(not np.allclose(a, b, atol=1e-4) for a, b in pairwise(curves))
        w.selected = []
        await until(lambda: len(seen[-1]) == 3 or not run.running)
        assert run.running
        assert seen[-1][:, 0].tolist() == [6, 7, 8]
        while w._run["state"] != "ended":
            await asyncio.sleep(0.01)
        turns.cancel()
        return w

    w = asyncio.run(watch())
    assert w._newer_curves == b""
    assert_of_model(w)


def test_being_watched_changes_no_bit_of_a_training() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(600, 2, generator=generator, dtype=torch.float64) * 2 - 1
    y = torch.sin(3 * x[:, :1]) + x[:, 1:] ** 2
    names = ("train_input", "test_input", "train_label", "test_label")
    data = dict(zip(names, (x[:400], x[400:], y[:400], y[400:]), strict=True))

    def trained(watched: bool) -> tuple[dict[str, bytes], dict[str, list[float]], int]:
        model = KAN([2, 12, 12, 1], seed=0)
        session = PruningSession(model, data)
        session.remove_edge(0, 0, 1)
        looks = turns = 0

        def wait_for_a_look() -> bool:
            due, end = turns + 2, time.monotonic() + 60
            while watched and turns < due and time.monotonic() < end:
                time.sleep(0.0005)
            return False

        run = session.start_fit(steps=4, lamb=1e-3, stop=wait_for_a_look)
        points = [x for x, _ in session.baseline.curves]
        while watched and run.running:
            session.ask_for_current_step(0.0)
            drawn = session.step_to_draw(points)
            looks += drawn is not None and drawn.iteration > 0
            turns += 1
        results = dict(run.wait())
        return kinds.bits(model), results, looks

    alone, watched = trained(False), trained(True)
    assert watched[2] > 3
    assert watched[:2] == alone[:2]


def test_a_fit_with_own_numbers_is_the_same_to_the_last_bit(model: KAN, dataset: Dataset) -> None:
    twin = copy.deepcopy(model)
    iterations: list[int] = []
    losses: list[float] = []

    def on_iteration(iteration: int, look: Callable[[], tuple[float, Any]]) -> None:
        iterations.append(iteration)
        loss, theta = look()
        losses.append(loss)
        assert theta.shape == (sum(p.numel() for p in model.parameters() if p.requires_grad),)

    model.fit(dataset, steps=2, progress=False, on_iteration=on_iteration)
    twin.fit(dataset, steps=2, progress=False)
    assert kinds.bits(model) == kinds.bits(twin)
    assert iterations[:5] == [1, 2, 3, 4, 5]
    known = [loss for loss in losses if loss == loss]
    assert len(known) > len(losses) / 2
    assert known[-1] < known[0]


@pytest.mark.parametrize("seed", range(3))
def test_a_step_that_fails_leaves_model_and_view_as_before(seed: int) -> None:
    model, data = kinds.make("native", seed), kinds.data()
    loss = SlowLoss(8)
    seen: list[tuple[int, int, Any, Any]] = []

    async def watch() -> KANWidget:
        w = KANWidget(model, data, metric=loss)
        turns = asyncio.create_task(loss.count_turns())
        tell(w, seen, model)
        first, before = shown(w), kinds.bits(model)
        run = w.fit(3)
        await until(lambda: len(seen) > 1)
        assert not np.array_equal(shown(w), first)
        loss.fails = True
        await until(lambda: not run.running)
        while w._run["state"] != "ended":
            await asyncio.sleep(0.01)
        assert kinds.bits(model) == before
        np.testing.assert_array_equal(shown(w), first)
        assert "boom" in w._run["error"]
        turns.cancel()
        return w

    asyncio.run(watch())


def test_short_steps_are_drawn_whole(model: KAN, dataset: Dataset) -> None:
    told: list[Any] = []

    def wait(step: int, _: Any) -> None:
        end = time.monotonic() + 60
        while step == 150 and len(told) < 3 and time.monotonic() < end:
            time.sleep(0.005)

    async def watch() -> None:
        w = KANWidget(model, dataset)
        w.observe(lambda change: told.append(dict(change["new"])), names="_run")
        w.fit(300, opt="Adam", lr=1e-3, callback=wait)
        while w._run["state"] != "ended":
            await asyncio.sleep(0.01)

    asyncio.run(watch())
    assert len(told) > 2
    assert all(one["iteration"] is None and one["train_loss"] is None for one in told)
