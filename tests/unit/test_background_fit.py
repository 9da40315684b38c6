"""A training in the background: paused, stepped, stopped, and decided beside."""

from __future__ import annotations

import asyncio
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import kinds
import numpy as np
import pytest
import torch
from interrupts import InterruptAfterCall
from torch import Tensor
from tqdm import tqdm

from kanwidget import KAN, KANWidget, PruningSession
from kanwidget.adapters import adapt
from kanwidget.kan.write_lock import write_lock
from kanwidget.training.run import TrainingRun
from kanwidget.widget.packed_array import unpack

Dataset = dict[str, Tensor]

every_kind = pytest.mark.parametrize("kind", kinds.KINDS)

LONG: dict[str, Any] = {"steps": 100_000, "opt": "Adam", "lr": 1e-3}


def until(reached: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something is so; fail if that takes too long."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.002)


@every_kind
def test_a_run_is_paused_stepped_resumed_and_stopped(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data(30)
    start = kinds.bits(model)
    session = PruningSession(model, dataset)
    run = session.start_fit(**LONG)
    assert run.running
    until(lambda: run.steps_done > 2)
    run.pause()
    until(lambda: run.waits)
    done, bits = run.steps_done, kinds.bits(model)
    time.sleep(0.05)
    assert (run.steps_done, kinds.bits(model), run.paused) == (done, bits, True)
    session.refresh()
    assert session.history.current.what[0][:2] == ("fit", done)
    for more in (1, 2):
        run.step()
        until(lambda more=more: run.waits and run.steps_done == done + more)
    run.resume()
    until(lambda: run.steps_done > done + 5)
    with pytest.raises(TimeoutError, match="goes on"):
        run.wait(0.01)
    with pytest.raises(RuntimeError, match="trains already"):
        session.fit(1)
    run.stop()
    results = run.wait()
    assert not run.running
    assert "stopped on request" in results.stopped
    steps = session.history.commands
    assert [step.kind for step in steps] == ["start", "fit"]  # one training, one step
    assert steps[1].what[0][1] == len(results["train_loss"])
    assert session.undo()
    assert kinds.bits(model) == start
    session.close()


def test_undo_stops_a_run_and_takes_it_back(model: KAN, dataset: Dataset) -> None:
    session = PruningSession(model, dataset)
    session.remove_edge(0, 0, 1)
    before = kinds.bits(model)
    run = session.start_fit(**LONG)
    until(lambda: run.steps_done > 2)
    assert session.undo()
    assert not run.running
    assert kinds.bits(model) == before
    assert session.redo()
    assert session.history.current.kind == "fit"
    session.close()


def test_closing_ends_the_thread(model: KAN, dataset: Dataset) -> None:
    session = PruningSession(model, dataset)
    run = session.start_fit(**LONG)
    until(lambda: run.steps_done > 2)
    run.pause()
    session.close()
    assert not run.running
    bits = kinds.bits(model)
    time.sleep(0.05)
    assert kinds.bits(model) == bits
    assert not any(thread.name == "kanwidget fit" for thread in threading.enumerate())
    run.wait()  # which has nothing to do any more


@every_kind
def test_an_edge_that_goes_off_during_a_run_stays_as_it_is(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data(30)
    session, adapter = PruningSession(model, dataset), adapt(model)

    def numbers() -> list[Tensor]:
        return [values[2, 1].detach().clone() for values in adapter.edge_parameters(0)]

    run = session.start_fit(**LONG)
    until(lambda: run.steps_done > 2)
    with write_lock(model):
        session.remove_edge(0, 1, 2)
        off = numbers()
    done = run.steps_done
    until(lambda: run.steps_done > done + 5)
    run.stop()
    run.wait()
    assert all(map(torch.equal, numbers(), off))
    assert [step.kind for step in session.history.commands] == ["start", "fit", "set", "fit"]
    session.close()


@every_kind
def test_a_drag_keeps_what_was_trained_during_it(kind: str) -> None:
    model = kinds.make(kind)
    session = PruningSession(model, kinds.data(30))
    run = session.start_fit(steps=9, opt="Adam", lr=0.01, paused=True)
    until(lambda: run.steps_done == 1)
    session.refresh()
    session.set(edge_threshold=0.01, merge=True)
    run.step()
    until(lambda: run.steps_done == 2)
    session.refresh()
    session.set(edge_threshold=0.02, merge=True)  # and no step of the training follows
    run.stop()
    run.wait()
    before, command = kinds.bits(model), session.history.current
    assert [m[:2] for m in command.what if m[0] == "fit"] == [("fit", 1)]
    session.jump(0)
    assert kinds.bits(model) != before
    session.jump(command.id)
    assert kinds.bits(model) == before
    session.close()


def test_what_was_trained_while_much_was_made_one_step_stays(model: KAN, dataset: Dataset) -> None:
    session = PruningSession(model, dataset)
    run = session.start_fit(steps=9, opt="Adam", lr=0.01, paused=True)
    until(lambda: run.steps_done == 1)
    session.refresh()
    with session.as_one_step("there and back"):
        session.set(edge_threshold=0.01, merge=True)
        run.step()
        until(lambda: run.steps_done == 2)
        session.refresh()
        session.set(edge_threshold=0.0, merge=True)
    run.stop()
    run.wait()
    before, at = kinds.bits(model), session.history.current.id
    session.jump(0)
    session.jump(at)
    assert kinds.bits(model) == before
    session.close()


@pytest.mark.parametrize(("kind", "usual"), [("native", 120), ("efficient-kan", 60)])
def test_thresholds_dragged_during_a_run_tear_no_mask(kind: str, usual: int) -> None:
    drags = kinds.often(usual, 1000)
    model, dataset = kinds.make(kind), kinds.data(30)
    session, adapter, seen = PruningSession(model, dataset), adapt(model), set()
    rng = random.Random(0)

    def look(*_: Any) -> None:
        with write_lock(model):
            seen.add(tuple(on.numpy().tobytes() for on in adapter.mask()))

    recorded = {tuple(on.numpy().tobytes() for on in session.mask)}
    run = session.start_fit(**LONG, callback=look)
    for drag in range(drags):
        session.set(edge_threshold=rng.uniform(0, 0.5), merge=drag % 10 > 0)
        recorded.add(tuple(on.numpy().tobytes() for on in session.mask))
        if drag % 10 == 9:
            session.end_drag()
            done = run.steps_done
            until(lambda done=done: run.steps_done > done)
    assert run.running
    run.stop()
    results = run.wait()
    assert seen <= recorded
    assert len(seen) > 1
    assert run.error is None
    assert np.isfinite(results["train_loss"]).all()
    before = kinds.bits(model)
    at = session.history.current.id
    session.jump(0)
    session.jump(at)
    assert kinds.bits(model) == before
    session.close()


def test_what_is_raised_in_a_run_reaches_who_waits(model: KAN, dataset: Dataset) -> None:
    def fail(step: int, _: Any) -> None:
        if step == 2:
            raise ZeroDivisionError

    session = PruningSession(model, dataset)
    run = session.start_fit(steps=9, callback=fail)
    with pytest.raises(ZeroDivisionError):
        run.wait()
    assert session.history.current.what[0][1] == 3  # the steps that the model has
    session.close()
    with pytest.raises(RuntimeError, match="closed"):
        session.start_fit()


def test_an_interrupt_stops_the_run_that_is_waited_for(model: KAN, dataset: Dataset) -> None:
    session = PruningSession(model, dataset)
    run, waits = session.start_fit(**LONG), threading.Event()

    def press() -> None:
        if waits.wait(60):
            signal.raise_signal(signal.SIGINT)

    threading.Thread(target=press).start()
    run.while_waiting = waits.set
    results = run.wait()
    assert "stopped" in results.stopped
    bits = kinds.bits(model)
    session.undo()
    session.redo()
    assert kinds.bits(model) == bits
    session.close()


@pytest.mark.parametrize(
    "act",
    [
        TrainingRun.wait,
        TrainingRun.pause,
        TrainingRun.resume,
        TrainingRun.step,
        TrainingRun.stop,
        lambda run: run.change(lr=1e-4),
    ],
)
def test_whenever_an_interrupt_comes_the_run_can_be_ended(
    model: KAN, dataset: Dataset, act: Callable[[TrainingRun], object]
) -> None:
    session = PruningSession(model, dataset)
    for call in range(1, 25):
        run = session.start_fit(**LONG)
        with InterruptAfterCall(call) as interrupts:
            interrupts.begin()
            act(run)
        run.stop()
        assert "stopped" in run.wait(60).stopped
        if not interrupts.came:
            break
    assert call > 1
    session.close()


def test_whenever_an_interrupt_comes_while_a_run_begins_nothing_trains_unseen(
    model: KAN, dataset: Dataset
) -> None:
    session = PruningSession(model, dataset)
    for call in range(1, 1000):
        with InterruptAfterCall(call) as interrupts:
            interrupts.begin()
            session.start_fit(**LONG)
        if session.run is not None:
            session.run.stop()
            session.run.wait(60)
        bits = kinds.bits(model)
        time.sleep(0.001)
        assert kinds.bits(model) == bits
        if not interrupts.came:
            break
    assert call > 10
    session.fit(1)
    session.close()


def test_whenever_an_interrupt_comes_in_a_training_here_one_in_a_thread_can_follow(
    model: KAN, dataset: Dataset
) -> None:
    call, interrupts = 1, InterruptAfterCall(1)
    while True:
        session = PruningSession(model, dataset)
        with interrupts:
            interrupts.begin()
            session.fit(1, opt="Adam")
        torch.set_grad_enabled(True)  # an interrupt may fall into torch's own ``no_grad``
        run = session.start_fit(steps=1, opt="Adam")
        assert run.wait(60).stopped == ""
        session.close()
        if not interrupts.came:
            break
        call += kinds.often(101, 3)
        interrupts = InterruptAfterCall(call)
    assert call > 100


@every_kind
def test_a_bar_that_is_not_shown_waits_for_no_other(kind: str) -> None:
    session = PruningSession(kinds.make(kind), kinds.data(20))
    with tqdm.get_lock():  # as after an interrupt in a bar's own lines
        assert session.start_fit(steps=2).wait(60).stopped == ""
    session.close()


def test_whenever_an_interrupt_comes_a_paused_training_here_ends(
    model: KAN, dataset: Dataset
) -> None:
    session = PruningSession(model, dataset)
    for call in range(1, 13):
        interrupts = InterruptAfterCall(call)

        def callback(*_: Any, interrupts: InterruptAfterCall = interrupts) -> None:
            session.run.pause()
            interrupts.begin()

        with interrupts:
            session.fit(3, opt="Adam", callback=callback)
        assert interrupts.came
        assert session.run.steps_done == 1
        assert not session.run.running
        session.refresh()
        session.undo()
    session.close()


def test_an_interrupt_while_a_thread_starts_leaves_nothing_that_trains(
    model: KAN, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, threads = threading.Thread.start, []

    def interrupted(thread: threading.Thread) -> None:
        threads.append(thread)
        raise KeyboardInterrupt

    session, bits = PruningSession(model, dataset), kinds.bits(model)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            session.start_fit(**{**LONG, "steps": 3})
    (thread,) = threads
    start(thread)  # the system had been asked for it already
    thread.join()
    assert session.run is not None
    assert not session.run.running
    assert kinds.bits(model) == bits
    session.fit(1)
    session.close()


def test_a_model_that_gets_other_layers_ends_the_run_in_words(dataset: Dataset) -> None:
    model = KAN([2, 3, 1], grid=3)
    session = PruningSession(model, dataset)
    run = session.start_fit(**LONG)
    until(lambda: run.steps_done > 2)
    with write_lock(model):
        model.layers[0].coef.data = torch.zeros(3, 2, 9, dtype=torch.float64)
        model.layers[0].grid.data = torch.linspace(-1, 1, 7, dtype=torch.float64).repeat(2, 1)
    with pytest.raises(ValueError, match="other layers or grids"):
        run.wait()
    session.close()


def test_weights_that_are_loaded_during_a_run_are_trained_on(model: KAN, dataset: Dataset) -> None:
    other = KAN([2, 5, 1], grid=5, seed=9).state_dict()
    session = PruningSession(model, dataset)
    run = session.start_fit(steps=100_000, opt="Adam", lr=1e-14)
    until(lambda: run.steps_done > 2)
    with write_lock(model):
        model.load_state_dict(other)
    done = run.steps_done
    until(lambda: run.steps_done > done + 3)
    run.stop()
    run.wait()
    assert all(torch.allclose(v, other[n], atol=1e-9) for n, v in model.state_dict().items())
    session.close()


def send(w: KANWidget, **message: Any) -> None:
    w._input.on_message(w, message, [])


def test_a_view_trains_by_messages_and_sees_how_it_goes(
    model: KAN, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kanwidget.widget.run_payload.MAX_RUN_POINTS", 10**6)

    async def work() -> None:
        w = KANWidget(model, dataset)
        assert w._run == {}
        send(w, do="pause")
        assert w.error == "no training is under way"
        send(w, do="train", steps=1e5, lamb=1e-3, one_step=True)
        assert w.error == ""
        while w._run["state"] != "paused":
            await asyncio.sleep(0.01)
        assert (w._run["done"], w._run["steps"], w._run["lamb"]) == (1, 100_000, 1e-3)
        send(w, do="train")
        assert "trains already" in w.error
        send(w, do="step")
        while w._run["done"] != 2:
            await asyncio.sleep(0.01)
        w.edge_threshold = 1e-3
        send(w, do="resume")
        while w._run["done"] < 6:
            await asyncio.sleep(0.01)
        send(w, do="stop")
        results = await w.session.run
        end = time.monotonic() + 60
        # It may be said to have ended a moment before its last step is taken in.
        while w._run["state"] != "ended" or w.loss != pytest.approx(results["test_loss"][-1]):
            assert time.monotonic() < end, (w._run, w.loss, results["test_loss"])
            await asyncio.sleep(0.01)
        losses = unpack(w._run_losses)[0]
        assert losses.shape == (4, len(results["train_loss"]))
        assert losses[0].tolist() == list(range(losses.shape[1]))
        assert losses[1].tolist() == results["train_loss"]
        assert "stopped" in w._run["stopped"]
        assert w.loss == w.session.loss == pytest.approx(results["test_loss"][-1])
        assert [c.kind for c in w.session.history.commands] == ["start", "fit", "set", "fit"]
        send(w, do="refine", grid=10)
        assert w.session.history.current.kind == "refine"
        for message, words in (
            ({"do": "train", "steps": "many"}, "steps must be an int"),
            ({"do": "train", "opt": []}, "opt must be one of"),
            ({"do": "refine"}, "grid must be an int"),
            ({"do": "stop"}, "no training is under way"),
        ):
            send(w, **message)
            assert words in w.error
        w.close()

    asyncio.run(work())


def test_a_view_changes_settings_and_sees_what_was_done_between_steps(
    model: KAN, dataset: Dataset
) -> None:
    w = KANWidget(model, dataset)
    first = w.session.fit(4)
    w.set(edge_threshold=w.session.threshold_for(0.5, "edge"))
    run = w.fit(6, opt="Adam", lr=0.01, paused=True)
    until(lambda: run.waits)
    send(w, do="change", lr=0.02, steps=3.0)
    assert (w.error, w._run["lr"], w._run["steps"]) == ("", 0.02, 3)
    send(w, do="change", opt="LM", lamb=0.5)
    assert "mean squared errors" in w.error
    assert (w._run["opt"], w._run["lamb"]) == ("Adam", 0.0)
    send(w, do="resume")
    second = run.wait()
    w.refine(10)
    third = w.session.fit(2)
    w.refresh()
    losses = unpack(w._run_losses)[0]
    assert losses[0].tolist() == list(range(9))
    assert losses[1].tolist() == [*first["train_loss"], *second["train_loss"], *third["train_loss"]]
    assert w._run["marks"] == [[4, "pruned"], [7, "refined"]]
    w.undo()
    assert unpack(w._run_losses)[0].shape == (4, 7)
    assert w._run["marks"] == [[4, "pruned"]]
    w.undo()
    w.undo()
    w.undo()
    assert unpack(w._run_losses)[0].shape == (4, 4)
    assert w._run["marks"] == []
    w.undo()
    assert w._run_losses == b""
    w.redo()
    w.redo()
    w.redo()
    assert unpack(w._run_losses)[0].shape == (4, 7)
    w.close()


def test_a_long_run_sends_some_of_its_losses(model: KAN) -> None:
    w = KANWidget(model, kinds.data(10))
    run = w.fit(700, opt="Adam", lr=1e-4)
    run.wait()
    w.refresh()
    losses = unpack(w._run_losses)[0]
    assert losses.shape == (4, 512)
    assert losses[0, [0, -1]].tolist() == [0, 699]
    assert losses[2, -1] == run.results["test_loss"][-1]
    w.close()


@every_kind
def test_settings_that_change_during_a_run_act_from_the_next_step_on(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data(30)
    again = kinds.make(kind)
    again.load_state_dict(model.state_dict())  # pykan makes the same but for the last bits
    start, session = kinds.bits(model), PruningSession(model, dataset)
    session.remove_edge(0, 0, 1)
    seen: list[int] = []
    run = session.start_fit(
        steps=9, opt="Adam", lr=0.01, paused=True, callback=lambda step, _: seen.append(step)
    )
    until(lambda: run.waits)
    assert run.change(lr=0.05, lamb=0.001).lr == 0.05
    run.step()
    until(lambda: run.waits and run.steps_done == 2)
    run.change(opt="LBFGS", lr=1.0)
    run.change(steps=5)  # both act at once
    session.refresh()
    run.resume()
    results = run.wait()
    assert (results.stopped, len(results["train_loss"]), seen) == ("", 5, [0, 1, 2, 3, 4])
    assert results["reg"][0] == 0 < results["reg"][1]
    steps = session.history.commands
    assert [step.kind for step in steps] == ["start", "set", "fit"]
    told = [message[:5] for message in steps[-1].what]
    assert told == [
        ("fit", 1, "Adam", 0.01, 0.0),
        ("fit", 1, "Adam", 0.05, 0.001),
        ("fit", 3, "LBFGS", 1.0, 0.001),
    ]
    lines = session.script()
    after, loss = kinds.bits(model), session.loss
    with pytest.raises(RuntimeError, match="has ended"):
        run.change(lr=0.1)
    session.undo()
    session.undo()
    assert kinds.bits(model) == start
    session.close()
    space: dict[str, Any] = {"model": again, "dataset": dataset}
    exec(lines, space)
    assert kinds.bits(again) == after  # the script does the same, to the last bit
    assert space["session"].loss == loss
    space["session"].close()


def test_settings_that_make_no_sense_leave_a_run_as_it_is(model: KAN, dataset: Dataset) -> None:
    session = PruningSession(model, dataset)
    run = session.start_fit(**LONG, paused=True)
    until(lambda: run.waits)
    had = run.settings
    for wrong, words in (
        ({"lr": 0.0}, "lr must be"),
        ({"opt": "SGD"}, "opt must be one of"),
        ({"opt": "LM", "lamb": 0.1}, "mean squared errors"),
    ):
        with pytest.raises(ValueError, match=words):
            run.change(**wrong)
    with pytest.raises(TypeError):
        run.change(colour="red")
    assert run.settings == had
    run.change(steps=1)  # which it has
    assert run.wait().stopped == ""
    assert run.steps_done == 1
    session.close()


def test_settings_change_over_and_over_while_it_trains(model: KAN, dataset: Dataset) -> None:
    session, rng = PruningSession(model, dataset), random.Random(0)
    run = session.start_fit(**LONG)
    for _ in range(60):
        run.change(lr=10 ** rng.uniform(-4, -2), opt=rng.choice(["Adam", "LBFGS", "LM"]))
        if rng.random() < 0.2:
            session.remove_edge(0, rng.randrange(2), rng.randrange(5))
        if rng.random() < 0.2:
            session.refresh()
        time.sleep(0.004)
    run.stop()
    results = run.wait()
    assert np.isfinite(results["train_loss"]).all()
    parts = run.parts
    assert [part.first for part in parts] == sorted({part.first for part in parts})
    trained = [m for step in session.history.path() for m in step.what if m[0] == "fit"]
    assert sum(message[1] for message in trained) == run.steps_done
    at, bits = session.history.current.id, kinds.bits(model)
    session.jump(0)
    session.jump(at)
    assert kinds.bits(model) == bits
    session.close()


def test_what_a_page_computes_with_is_there_when_a_training_rests(
    model: KAN, dataset: Dataset
) -> None:
    async def work() -> None:
        w = KANWidget(model, dataset)
        assert w._cells_y
        shown: list[bytes] = []
        w.observe(lambda change: shown.append(change["new"]), names="_curves_y")
        run = w.fit(**LONG)
        while len(shown) < 4:
            await asyncio.sleep(0.01)
        assert w._cells_y == b""  # the curves move, and this takes the longest
        send(w, do="pause")
        while not w._cells_y:
            await asyncio.sleep(0.01)
        send(w, do="resume")
        while w._cells_y:
            await asyncio.sleep(0.01)
        assert "_cells_y" in w.to_html()
        w.probe = [0.1, 0.2]
        while not w._cells_y or run.steps_done < 5:
            await asyncio.sleep(0.01)
        w.probe = []
        send(w, do="stop")
        while w._run["state"] != "ended" or not w._cells_y:
            await asyncio.sleep(0.01)
        w.close()

    asyncio.run(asyncio.wait_for(work(), 120))
