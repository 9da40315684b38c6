"""What a view shows of a training by the session, while it goes on and when it has ended."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from kanwidget import KAN, KANWidget
from kanwidget.training.run import TrainingRun
from kanwidget.widget import run_sync
from kanwidget.widget.packed_array import unpack

Dataset = dict[str, Tensor]


def test_between_whole_looks_curves_and_loss_follow_each_step(
    model: KAN, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_sync, "REFRESH_SECONDS", 60.0)
    told: list[tuple[float, int]] = []
    drawn: list[Any] = []

    async def watch() -> KANWidget:
        w = KANWidget(model, dataset)
        at_first = w.session.history.current.id

        def note(_: Any) -> None:
            if w._run.get("state") == "running" and w._base_y == b"":
                told.append((w.loss, w._run["done"]))
                steps, ends = unpack(w._curves_y)[0], unpack(w._curves_range)[0]
                drawn.append(ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * steps / 255)

        def wait(step: int, _: Any) -> None:  # until the view has looked at the step
            end = time.monotonic() + 60
            while w._run.get("done", 0) <= step:
                assert time.monotonic() < end, f"step {step} is not shown"
                time.sleep(0.005)

        w.observe(note, names="_curves_y")
        run = w.fit(20, lr=0.1, callback=wait)
        while run.running:
            await asyncio.sleep(0.01)
            if len(told) > 3:
                assert w.session.history.current.id <= at_first + 1
        while w._run["state"] != "ended":
            await asyncio.sleep(0.01)
        assert w._run["done"] == 20
        # No figure and no curve is of an earlier step.
        assert w.loss == w.session.loss == pytest.approx(run.results["test_loss"][-1], rel=1e-6)
        for loss, done in told[2:]:  # the count may be one ahead: it is read when it is sent
            assert np.isclose(loss, run.results["test_loss"][done - 2 : done], rtol=1e-6).any()
        return w

    w = asyncio.run(watch())
    assert len(told) > 8
    assert len({done for _, done in told}) > 6
    assert any(not np.allclose(drawn[-1], one) for one in drawn[:-1])
    exact, base = unpack(w._curves_y)[0], w._base_y
    assert w._curves_range == b""
    assert base != b""
    x = unpack(w._curves_x)[0]
    first = model.layers[0].activations(torch.tensor(x[:2].T).to(model.mask[0]), masked=False)
    np.testing.assert_allclose(exact[: len(first.flatten(0, 1))], first.flatten(0, 1), atol=1e-6)


def test_the_word_ended_comes_with_the_last_loss(model: KAN, dataset: Dataset) -> None:
    seen: list[tuple[str, float, float]] = []

    async def watch() -> None:
        w = KANWidget(model, dataset)
        for _ in range(5):
            run = w.fit(12, opt="Adam", lr=1e-3)
            while w._run["state"] != "ended":
                await asyncio.sleep(0)
            seen.append((w._run["state"], w.loss, run.results["test_loss"][-1]))

    asyncio.run(watch())
    for state, loss, last in seen:
        assert (state, loss) == ("ended", pytest.approx(last, rel=1e-6))


def test_a_training_that_begins_at_once_after_another_is_followed_though_its_thread_is_late(
    model: KAN, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = TrainingRun._in_thread

    def late(run: TrainingRun) -> None:
        time.sleep(0.5)
        begin(run)

    async def watch() -> None:
        w = KANWidget(model, dataset)
        for _ in range(2):
            w.fit(2, opt="Adam", lr=1e-3)
            while w._run["state"] != "ended":
                await asyncio.sleep(0)
            monkeypatch.setattr(TrainingRun, "_in_thread", late)
        w.close()

    asyncio.run(asyncio.wait_for(watch(), 60))
