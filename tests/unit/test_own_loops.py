"""Training loops of one's own: the view follows, and each loop is one step with a way back."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator

import kinds
import pytest
import torch
from interrupts import Interrupts
from torch import Tensor, nn

from kanwidget import KAN, KANWidget
from kanwidget.kan.write_lock import fit_of
from kanwidget.widget import loop_watch

Dataset = dict[str, Tensor]


@pytest.fixture(autouse=True)
def _every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_watch, "SHOW_SECONDS", 0.0)
    monkeypatch.setattr(loop_watch, "MAX_SHARE", 1e9)


@pytest.fixture
def widget(model: KAN, dataset: Dataset) -> Iterator[KANWidget]:
    w = KANWidget(model, dataset)
    w.edge_threshold = w.session.threshold_for(0.5, "edge")
    yield w
    w.close()


def losses_shown(w: KANWidget) -> list[float]:
    shown: list[float] = []
    w.observe(lambda change: shown.append(change["new"]), names="loss")
    return shown


def descend(model: nn.Module, dataset: Dataset, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    residual = model(dataset["train_input"]) - dataset["train_label"]
    (residual**2).mean().backward()
    optimizer.step()


def test_a_watched_loop_is_seen_at_every_step_and_undone_as_one(
    widget: KANWidget, model: KAN, dataset: Dataset
) -> None:
    steps, kept, shown = len(widget.session.history.path()), kinds.bits(model), losses_shown(widget)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in widget.watch(range(6)):
        descend(model, dataset, optimizer)
    assert len(shown) >= 5
    with torch.no_grad():
        residual = model(dataset["test_input"]) - dataset["test_label"]
    assert widget.loss == pytest.approx(float((residual**2).mean().sqrt()), rel=1e-9)
    assert len(widget.session.history.path()) == steps + 1
    after = kinds.bits(model)
    widget.undo()
    assert kinds.bits(model) == kept
    widget.redo()
    assert kinds.bits(model) == after


def test_two_loops_are_two_steps_and_what_is_left_in_the_middle_is_kept(
    widget: KANWidget, model: KAN, dataset: Dataset
) -> None:
    steps = len(widget.session.history.path())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for number in widget.watch(range(9)):
        descend(model, dataset, optimizer)
        if number == 2:
            break
    between = kinds.bits(model)

    def fail() -> None:
        with widget.watching():
            descend(model, dataset, optimizer)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(widget.session.history.path()) == steps + 2
    widget.undo()
    assert kinds.bits(model) == between


def test_fits_in_a_watched_loop_are_one_step_with_it(
    widget: KANWidget, model: KAN, dataset: Dataset
) -> None:
    steps, kept = len(widget.session.history.path()), kinds.bits(model)
    for _ in widget.watch(range(3)):
        model.fit(dataset, steps=1, progress=False)
    assert len(widget.session.history.path()) == steps + 1
    widget.undo()
    assert kinds.bits(model) == kept


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_any_torch_optimiser_is_followed_in_any_library(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data()
    w = KANWidget(model, dataset)
    steps, shown = len(w.session.history.path()), losses_shown(w)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    with w.watching():
        for _ in range(4):
            descend(model, dataset, optimizer)
    assert len(shown) >= 3
    assert len(w.session.history.path()) == steps + 1
    other = nn.Linear(2, 1)
    seen = len(shown)
    with w.watching():
        descend(
            other,
            {"train_input": torch.ones(3, 2), "train_label": torch.ones(3, 1)},
            torch.optim.SGD(other.parameters(), lr=0.1),
        )
    assert len(shown) == seen
    w.close()


def test_a_fit_s_callback_shows_its_steps(widget: KANWidget, model: KAN, dataset: Dataset) -> None:
    shown = losses_shown(widget)
    model.fit(dataset, steps=5, progress=False, callback=widget.show_step)
    widget.refresh()
    assert len(shown) >= 4


def test_a_loop_in_a_thread_is_shown_by_the_thread_of_the_widget(
    model: KAN, dataset: Dataset
) -> None:
    async def beside() -> tuple[set[int], int]:
        w = KANWidget(model, dataset)
        seen: set[int] = set()
        w.observe(lambda _: seen.add(threading.get_ident()), names="loss")
        steps = len(w.session.history.path())

        def loop() -> None:
            optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
            for _ in w.watch(range(5)):
                descend(model, dataset, optimizer)

        await asyncio.to_thread(loop)
        made = len(w.session.history.path()) - steps
        w.close()
        return seen, made

    seen, made = asyncio.run(beside())
    assert seen == {threading.get_ident()}
    assert made == 1


def test_nobody_waits_long_for_a_thread_that_is_busy(
    model: KAN, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_watch, "WAIT_SECONDS", 0.1)

    async def blocked() -> None:
        w = KANWidget(model, dataset)

        def loop() -> None:
            optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
            for _ in w.watch(range(2)):
                descend(model, dataset, optimizer)

        thread = threading.Thread(target=loop)
        thread.start()
        thread.join(60)  # as a cell does that waits for its thread
        assert not thread.is_alive()
        w.close()

    asyncio.run(blocked())


def test_a_closed_widget_says_that_it_watches_nothing(model: KAN, dataset: Dataset) -> None:
    w = KANWidget(model, dataset)
    w.close()
    with pytest.raises(RuntimeError, match="closed"):
        w.watch(range(3))
    with pytest.raises(RuntimeError, match="closed"), w.watching():
        pass


def send(w: KANWidget, **message: object) -> None:
    w._input.on_message(w, message, [])


def test_a_loop_in_a_blocking_cell_is_paused_and_stopped_from_another_thread(
    widget: KANWidget, model: KAN, dataset: Dataset
) -> None:
    # As where a front end's messages come on a thread of their own while a cell runs.
    steps, kept = len(widget.session.history.path()), kinds.bits(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    states: list[str] = []
    widget.observe(lambda change: states.append(change["new"]["state"]), names="_run")
    reached = [threading.Event(), threading.Event()]
    done: list[int] = []

    def view() -> None:
        reached[0].wait()
        send(widget, do="pause")
        run = widget.session.loop
        assert run is not None
        until(lambda: run.waits)
        at = len(done)
        time.sleep(0.03)
        assert len(done) == at
        send(widget, do="step")
        until(lambda: run.waits and len(done) == at + 1)
        send(widget, do="resume")
        reached[1].wait()
        send(widget, do="stop")

    thread = threading.Thread(target=view)
    thread.start()
    for number in widget.watch(range(100_000)):
        descend(model, dataset, optimizer)
        done.append(number)
        if number == 3:
            reached[0].set()
        if number == 30:
            reached[1].set()
        time.sleep(0.001)
    thread.join()
    assert 30 <= done[-1] < 99_999  # it was stopped
    assert {"running", "ended"} <= set(states)
    assert widget._run["own"]
    assert widget._run["done"] == len(done)
    assert len(widget.session.history.path()) == steps + 1
    widget.undo()
    assert kinds.bits(model) == kept


def test_stopping_ends_what_trains_in_somebody_else_s_code(
    widget: KANWidget, model: KAN, dataset: Dataset
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    done = 0

    def train() -> None:
        nonlocal done
        while True:
            try:
                descend(model, dataset, optimizer)
            except Exception:  # as somebody's trainer may have it
                continue
            done += 1
            if done == 5:
                threading.Thread(target=send, args=[widget], kwargs={"do": "stop"}).start()

    with widget.watching():
        train()
    assert done >= 5
    after = kinds.bits(model)
    assert widget._run["state"] == "ended"
    send(widget, do="stop")
    assert widget.error == "no training is under way"
    widget.undo()
    widget.redo()
    assert kinds.bits(model) == after


def test_a_loop_where_messages_arrive_is_stopped_but_not_paused(
    model: KAN, dataset: Dataset
) -> None:
    async def work() -> None:
        w = KANWidget(model, dataset)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for number in w.watch(range(100)):
            descend(model, dataset, optimizer)
            if number == 2:
                send(w, do="pause")
                assert "run it in a thread, or stop it" in w.error
            if number == 4:
                send(w, do="stop")
            await asyncio.sleep(0)
        assert number == 4
        w.close()

    asyncio.run(work())


def test_a_paused_loop_in_a_thread_is_seen_and_let_go_on(model: KAN, dataset: Dataset) -> None:
    async def beside() -> None:
        w = KANWidget(model, dataset)

        def loop() -> int:
            optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
            return sum(
                1 for _ in w.watch(range(10**6)) if descend(model, dataset, optimizer) is None
            )

        running = asyncio.create_task(asyncio.to_thread(loop))
        while w._run.get("done", 0) < 3:
            await asyncio.sleep(0.005)
        send(w, do="pause")
        while w._run["state"] != "paused":
            await asyncio.sleep(0.005)
        done = w._run["done"]
        w.remove_edge(0, 0, 1)  # decisions act meanwhile
        send(w, do="resume")
        while w._run["done"] < done + 3:
            await asyncio.sleep(0.005)
        send(w, do="stop")
        assert await running >= done + 3
        assert w._run["state"] == "ended"
        w.close()

    asyncio.run(beside())


def until(reached: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this needs a timer")
@pytest.mark.parametrize("kind", ["native", "efficient-kan"])
@pytest.mark.parametrize("way", ["watch", "watching", "wait"])
def test_an_interrupt_at_any_moment_leaves_a_model_that_can_be_brought_back(
    way: str, kind: str
) -> None:
    model, dataset, rng = kinds.make(kind), kinds.data(30), random.Random(f"{way} {kind}")
    w = KANWidget(model, dataset)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)

    def act() -> None:
        if way == "wait":
            w.fit(10**6, opt="Adam", lr=1e-4).wait()
        elif way == "watch":
            for _ in w.watch(range(10**6)):
                descend(model, dataset, optimizer)
        else:
            with w.watching():
                while True:
                    descend(model, dataset, optimizer)

    interrupts = Interrupts()
    try:
        for _ in range(kinds.often(20, 200)):
            w.refresh()
            had, steps = kinds.bits(model), len(w.session.history.path())
            with contextlib.suppress(KeyboardInterrupt):
                try:
                    interrupts.after(rng.uniform(1e-4, 0.03))
                    act()
                finally:
                    interrupts.after(0)
            torch.set_grad_enabled(True)  # an interrupt may fall into torch's own ``no_grad``
            if w.session.run is not None:
                w.session.run.stop()
                w.session.run.wait()
            w.refresh()
            after = kinds.bits(model)
            assert all(p.isfinite().all() for p in model.parameters())
            assert not fit_of(model)[1]  # nobody takes what follows for a part of it
            made = len(w.session.history.path()) - steps
            assert made <= 1
            with torch.no_grad():
                error = model(dataset["test_input"]) - dataset["test_label"]
            assert w.loss == pytest.approx(float(error.square().mean().sqrt()), rel=1e-9)
            if made:
                w.undo()
                assert kinds.bits(model) == had
                w.redo()
            assert kinds.bits(model) == after
    finally:
        interrupts.stop()
    w.close()
