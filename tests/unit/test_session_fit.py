"""A session trains its model under its masks: one step of the history, with a way back."""

from __future__ import annotations

import copy
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import kinds
import numpy as np
import pytest
import torch
from layouts import KANLinear, Stack
from torch import Tensor, nn

from kanwidget import KAN, PruningSession
from kanwidget.adapters import adapt
from kanwidget.training import engine
from kanwidget.training.working_copy import WorkingCopy

Dataset = dict[str, Tensor]

every_kind = pytest.mark.parametrize("kind", kinds.KINDS)


def pruned_half(kind: str, seed: int = 0) -> tuple[Any, Dataset, PruningSession]:
    """Return a session that has half of the edges off, by their scores."""
    # In 150 rows a network that has lost an input may fit what is only there.
    model, dataset = kinds.make(kind, seed), kinds.data(kinds.often(150, 1000))
    session = PruningSession(model, dataset)
    scores = torch.cat([layer.flatten() for layer in session.scores]).sort().values
    session.set(edge_threshold=float(scores[len(scores) // 2 - 1]))
    return model, dataset, session


def numbers_of_off_edges(model: Any, session: PruningSession) -> list[Tensor]:
    adapter = adapt(model)
    return [
        values[~on].detach().clone()
        for l, on in enumerate(session.mask)
        for values in adapter.edge_parameters(l)
    ]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(map(torch.equal, a, b)) and len(a) == len(b)


@every_kind
def test_a_pruned_model_is_trained_where_it_is_on(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    steps = kinds.often(6, 20)
    for seed in range(kinds.often(2, 20)):
        model, dataset, session = pruned_half(kind, seed)
        off, mask, loss = numbers_of_off_edges(model, session), session.mask, session.loss
        states = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
        results = session.fit(steps)
        assert torch.equal(states[0], torch.get_rng_state())
        assert states[1:] == (np.random.get_state()[1].tolist(), random.getstate())  # noqa: NPY002
        assert results.stopped == ""
        assert len(results["train_loss"]) == steps
        assert results["test_loss"][-1] == pytest.approx(session.loss, rel=1e-6)
        assert session.loss <= loss
        assert same(numbers_of_off_edges(model, session), off)
        assert same(session.mask, mask)
        x = dataset["test_input"]
        assert torch.allclose(session.compact()(x), model(x), rtol=0, atol=1e-6)
        assert os.listdir(tmp_path) == []
        session.close()


@every_kind
def test_gradients_are_those_of_the_model_itself(kind: str) -> None:
    model, dataset, session = pruned_half(kind)
    x, adapter = dataset["train_input"], adapt(model)
    parameters = [p for n, p in model.named_parameters() if p.requires_grad and "affine" not in n]
    found = adapter.values_for_training(x)[-1]
    assert torch.allclose(found, model(x), rtol=0, atol=1e-12)
    for mine, theirs in zip(
        torch.autograd.grad(found.square().sum(), parameters),
        torch.autograd.grad(model(x).square().sum(), parameters),
        strict=True,
    ):
        assert torch.allclose(mine, theirs, rtol=1e-9, atol=1e-11)
    values = adapter.values_for_training(x)
    for l, score in enumerate(adapter.scores(x, "l1")):
        ends = adapter.grid()[l]
        if not ends.isnan().any():
            size = adapter.edge_outputs_for_training(l, values[l]).abs().mean(2)
            size = size.where(session.mask[l], 0.0) / (ends[:, 1] - ends[:, 0] + 1e-4)
            assert torch.allclose(size.double(), score, rtol=1e-9, atol=1e-12)
    session.close()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lamb": 0.01, "lamb_entropy": 10.0, "update_grid": True},
        {"opt": "Adam", "lr": 0.01, "batch": 100},
    ],
    ids=["LBFGS", "grids", "Adam"],
)
def test_our_kan_gets_the_parameters_of_its_own_fit(
    model: KAN, dataset: Dataset, options: Any
) -> None:
    session = PruningSession(model, dataset)
    session.set(node_threshold=0.01)
    alone = copy.deepcopy(model)
    theirs = alone.fit(dataset, steps=7, progress=False, **{"update_grid": False, **options})
    mine = session.fit(7, **options)
    assert kinds.bits(model) == kinds.bits(alone)
    assert dict(mine) == dict(theirs)
    session.close()


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_least_squares_train_what_is_on_of_any_library(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, dataset, session = pruned_half(kind)
    off, mask, start = numbers_of_off_edges(model, session), session.mask, kinds.bits(model)
    biases = [b.clone() for b in session.baseline.bias]
    results = session.fit(12, opt="LM")
    assert results.stopped == ""
    losses = results["train_loss"]
    assert losses == sorted(losses, reverse=True)
    assert same(numbers_of_off_edges(model, session), off)
    assert same(session.mask, mask)
    x = dataset["test_input"]
    assert results["test_loss"][-1] == pytest.approx(session.loss, rel=1e-6)
    assert torch.allclose(session.compact()(x), model(x), rtol=0, atol=1e-6)
    assert session.script().count("session.fit(steps=12, opt='LM')") == 1
    after = kinds.bits(model)
    session.undo()
    assert kinds.bits(model) == start
    assert all(map(torch.equal, session.baseline.bias, biases))
    monkeypatch.setattr(engine, "MANY_PAIRS", 10)  # as few as `KAN.fit` keeps
    by_lbfgs = session.fit(12)["train_loss"][-1]
    assert losses[-1] <= 1.001 * by_lbfgs
    session.undo()
    session.fit(12, opt="LM")
    assert kinds.bits(model) == after  # it repeats to the last bit
    session.undo()
    stopped = session.fit(12, opt="LM", stop=lambda: len(session.run.results["train_loss"]) > 3)
    assert len(stopped["train_loss"]) in (4, 5)
    assert "stopped on request" in stopped.stopped
    session.close()


@every_kind
def test_a_fit_is_one_step_with_a_way_back(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data(40)
    start = kinds.bits(model)
    session = PruningSession(model, dataset)
    session.remove_edge(0, 0, 1)
    pruned, before = kinds.bits(model), session.loss
    session.fit(3, lamb=1e-3)
    fitted, after = kinds.bits(model), session.loss
    session.fit(2, opt="Adam", lr=0.01)
    steps = session.history.commands
    assert [step.kind for step in steps] == ["start", "set", "fit", "fit"]
    assert steps[2].text.startswith("retrained, 3 steps of LBFGS, lamb 0.001, ")
    assert (steps[2].loss_before, steps[2].loss_after) == (before, after)
    twice = kinds.bits(model)
    for wanted in (fitted, pruned, start):
        assert session.undo()
        assert kinds.bits(model) == wanted
    for wanted in (pruned, fitted, twice):
        assert session.redo()
        assert kinds.bits(model) == wanted
    session.jump(1)
    assert (kinds.bits(model), session.loss) == (pruned, before)
    session.jump(3)
    assert kinds.bits(model) == twice
    session.close(weights=True)
    assert kinds.bits(model) == start


def test_closing_leaves_weights_and_brings_edges_back(model: KAN, dataset: Dataset) -> None:
    session = PruningSession(model, dataset)
    session.remove_edge(0, 0, 1)
    session.fit(2)
    coef = model.layers[0].coef.detach().clone()
    session.close()
    assert torch.equal(model.layers[0].coef, coef)
    assert model.mask[0].all()


def test_weights_that_are_gone_are_not_promised_back(model: KAN, dataset: Dataset) -> None:
    session = PruningSession(model, dataset, history_bytes=0)
    session.fit(1)
    with pytest.raises(RuntimeError, match="not kept any more"):
        session.close(weights=True)
    assert not session.closed
    session.close()


def test_weights_without_a_decision_go_first(dataset: Dataset) -> None:
    model = KAN([2, 40, 1], grid=5)
    size = sum(t.numel() * t.element_size() for t in model.state_dict().values())
    session = PruningSession(model, dataset, history_bytes=int(2.5 * size))
    session.set(edge_threshold=1e-3)
    for _ in range(3):
        session.fit(1, opt="Adam", lr=0.01)
    session.set(edge_threshold=2e-3)
    session.fit(1, opt="Adam", lr=0.01)
    stale = [session.history.stale(step) for step in session.history.commands]
    assert stale == [False, False, True, True, False, False, False]
    assert session.history.snapshots.nbytes <= int(2.5 * size)
    session.close()


@every_kind
def test_what_a_callback_decides_holds_for_the_steps_after_it(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data(40)
    session, off = PruningSession(model, dataset), []

    def decide(step: int, _: Any) -> None:
        if step == 1:
            session.remove_edge(0, 1, 2)
            off.extend(numbers_of_off_edges(model, session))

    session.fit(5, opt="Adam", lr=0.01, callback=decide)
    assert not session.mask[0][2, 1]
    assert same(numbers_of_off_edges(model, session), off)
    assert [step.kind for step in session.history.commands] == ["start", "fit", "set", "fit"]
    lines = session.script().splitlines()[3:]
    assert lines == [
        "session.fit(steps=2, opt='Adam', lr=0.01)",
        "session.set(removed_edges=[(0, 1, 2)])",
        "session.fit(steps=3, opt='Adam', lr=0.01)",
        "session.commit()  # the model stays so when the session is gone",
    ]
    session.close()


def test_a_mean_that_a_callback_keeps_is_in_the_bias_once(model: KAN, dataset: Dataset) -> None:
    session = PruningSession(model, dataset)
    seen: list[float] = []

    def decide(step: int, _: Any) -> None:
        before = model.layers[1].bias.item()
        if step == 1:
            session.remove_edge(1, 2, 0)
            seen.append(model.layers[1].bias.item() - before)

    still = {"opt": "Adam", "lr": 1e-14}  # it moves nothing
    before = model.layers[1].bias.item()
    session.fit(4, callback=decide, **still)
    assert seen[0] != 0
    assert model.layers[1].bias.item() == pytest.approx(before + seen[0], abs=1e-10)
    session.restore_edge(1, 2, 0)
    assert model.layers[1].bias.item() == pytest.approx(before, abs=1e-10)
    session.close()


def test_undo_in_a_callback_ends_the_training(model: KAN, dataset: Dataset) -> None:
    session = PruningSession(model, dataset)
    session.remove_edge(0, 0, 1)
    pruned = kinds.bits(model)
    results = session.fit(9, callback=lambda step, _: session.undo() if step == 2 else None)
    assert kinds.bits(model) == pruned
    assert len(results["train_loss"]) == 3
    assert session.redo()
    assert session.history.current.kind == "fit"
    session.close()


def test_a_script_trains_to_the_same_numbers(model: KAN, dataset: Dataset) -> None:
    again = copy.deepcopy(model)
    session = PruningSession(model, dataset)
    session.set(edge_threshold=float(session.scores[0].flatten().sort().values[3]))
    session.fit(3, lamb=1e-3)
    session.remove_edge(0, 1, int(session.mask[0][:, 1].nonzero()[0]))
    session.fit(2, update_grid=True)
    names = {"model": again, "dataset": dataset}
    exec(session.script(), names)
    assert kinds.bits(again) == kinds.bits(model)
    session.close()


@every_kind
def test_a_training_that_diverges_keeps_the_last_good_step(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data(30)
    asked = 0

    def loss_fn(pred: Tensor, label: Tensor) -> Tensor:
        nonlocal asked
        asked += 1
        return nn.functional.mse_loss(pred, label) * (float("nan") if asked > 6 else 1.0)

    good: list[dict[str, bytes]] = []
    session = PruningSession(model, dataset)
    with pytest.warns(RuntimeWarning, match="diverged"):
        results = session.fit(
            50,
            opt="Adam",
            lr=0.01,
            loss_fn=loss_fn,
            callback=lambda *_: good.append(kinds.bits(model)),
        )
    assert "diverged in step" in results.stopped
    assert len(good) == len(results["train_loss"]) > 0
    assert kinds.bits(model) == good[-1]
    session.close()


@every_kind
def test_the_end_of_a_function_s_domain_is_no_divergence(kind: str) -> None:
    dataset = kinds.data(30)
    for seed in range(10):
        session = PruningSession(kinds.make(kind, seed), dataset)
        session.name(0, 0, 0, "sqrt")
        results = session.fit(20)
        assert results.stopped == ""
        assert results["train_loss"][-1] <= results["train_loss"][0]
        session.close()


@every_kind
def test_an_interrupt_leaves_a_recorded_step(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data(20)
    session, draw, options = PruningSession(model, dataset), random.Random(0), {"opt": "Adam"}
    steps, start = [kinds.bits(model)], time.monotonic()
    session.fit(150, callback=lambda *_: steps.append(kinds.bits(model)), **options)
    seconds, fits = time.monotonic() - start, 0
    for _ in range(kinds.often(12, 200)):
        session.jump(0)
        timer = threading.Timer(draw.uniform(0, seconds / 4), signal.raise_signal, [signal.SIGINT])
        try:
            timer.start()
            session.fit(150, **options)
            timer.join()
        except KeyboardInterrupt:
            pass
        session.refresh()
        found = kinds.bits(model)
        assert found in steps
        fits += found != steps[0]
        current = session.history.current.id
        session.jump(0)
        assert kinds.bits(model) == steps[0]
        session.jump(current)
        assert kinds.bits(model) == found
    assert fits > 3
    assert {step.kind for step in session.history.commands} == {"start", "fit"}
    session.close(weights=True)
    assert kinds.bits(model) == steps[0]


@every_kind
def test_a_step_that_the_model_has_counts_though_an_interrupt_follows_it_at_once(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, dataset = kinds.make(kind), kinds.data(20)
    session, written, publish = PruningSession(model, dataset), [], WorkingCopy.publish

    def interrupted(copy: WorkingCopy) -> bool:
        has_step = publish(copy)
        written.append(kinds.bits(model))
        if len(written) == 3:
            raise KeyboardInterrupt
        return has_step

    monkeypatch.setattr(WorkingCopy, "publish", interrupted)
    results = session.fit(9, opt="Adam")
    assert kinds.bits(model) == written[-1]
    assert len(results["train_loss"]) == len(results["test_loss"]) == 3
    assert [step.kind for step in session.history.commands] == ["start", "fit"]
    assert session.history.current.what[0][1] == 3
    session.close()


def test_a_stop_ends_with_its_step(model: KAN, dataset: Dataset) -> None:
    session, seen = PruningSession(model, dataset), []
    results = session.fit(
        50, callback=lambda step, _: seen.append(step), stop=lambda: len(seen) >= 2
    )
    assert "stopped" in results.stopped
    assert seen == [0, 1]
    assert session.history.current.what[0][1] == 2
    session.close()


def accuracy(pred: Tensor, label: Tensor) -> Tensor:
    return (pred.argmax(1) == label).double().mean()


def test_what_cannot_be_trained_is_said(model: KAN, dataset: Dataset) -> None:
    session = PruningSession(model, dataset["train_input"])
    with pytest.raises(ValueError, match="without labels"):
        session.fit(1)
    session.close()
    with pytest.raises(RuntimeError, match="closed"):
        session.fit(1)
    session = PruningSession(model, dataset)
    for wrong, words in (
        ({"steps": 0}, "steps must be at least 1"),
        ({"opt": "SGD"}, "opt must be one of"),
        ({"lr": 0.0}, "lr must be"),
        ({"batch": 0}, "batch must be"),
        ({"loss_fn": lambda a, b: 0.0}, "no tensor"),
        ({"loss_fn": lambda a, b: torch.zeros(())}, "no gradient"),
    ):
        with pytest.raises(ValueError, match=words):
            session.fit(**wrong)
    session.fit(1)
    with pytest.raises(ValueError, match="weights are not in what to_dict"):
        session.to_dict()
    session.close()
    for kind in ("native", "efficient-kan", "FastKAN", "pykan 0.2.8"):
        session = PruningSession(kinds.make(kind), kinds.data(10))
        for wrong in ({"lamb": 0.1}, {"loss_fn": nn.functional.l1_loss}):
            with pytest.raises(ValueError, match="'LM' is for mean squared errors"):
                session.fit(1, opt="LM", **wrong)
        assert len(session.history.commands) == 1
        session.close()
    wide = Stack(KANLinear(4, 64), KANLinear(64, 64), KANLinear(64, 1))
    rows = {name: torch.rand(9, n) for name, n in zip(kinds.data(), (4, 4, 1, 1), strict=True)}
    session = PruningSession(wide, rows)
    with pytest.raises(ValueError, match="for up to 4000 parameters"):
        session.fit(1, opt="LM")
    session.close()
    session = PruningSession(kinds.make("FastKAN"), kinds.data(10))
    with pytest.raises(ValueError, match="stay where they are"):
        session.fit(1, update_grid=True)
    session.close()


def test_classes_are_trained_on_their_metric_or_a_loss_given() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(600, 2, generator=generator, dtype=torch.float64)
    y = (x[:, 0] + 0.3 * torch.randn(600, generator=generator) > x[:, 1]).long()
    dataset = {"train_input": x[:300], "train_label": y[:300]}
    dataset |= {"test_input": x[300:], "test_label": y[300:]}
    session = PruningSession(KAN([2, 2]), dataset, metric=nn.CrossEntropyLoss())
    before = session.loss
    results = session.fit(1)
    assert results["test_loss"][-1] == pytest.approx(session.loss)
    assert session.loss < before
    session.close()
    session = PruningSession(KAN([2, 2]), dataset, metric=accuracy, higher_is_better=True)
    with pytest.raises(ValueError, match="more of it is better"):
        session.fit(1)
    session.fit(1, loss_fn=nn.CrossEntropyLoss())
    assert session.loss > 0.75
    assert "loss_fn=loss_fn)  # loss_fn is CrossEntropyLoss" in session.script()
    session.close()


@pytest.mark.parametrize("kind", ["pykan 0.2.8", "pykan 0.0.1"])
def test_grids_of_pykan_follow_the_data_but_not_behind_dead_nodes(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data(60)
    session = PruningSession(model, dataset)
    for i in range(2):
        session.remove_edge(0, i, 1)  # node (1, 1) is a constant now
    layer = model.act_fun[1]
    rows = [1]  # of the edges into the one output
    before = layer.grid.detach().clone()
    results = session.fit(6, update_grid=True)
    assert all(torch.isfinite(torch.tensor(values)).all() for values in results.values())
    assert torch.equal(layer.grid[rows], before[rows])
    assert not torch.equal(layer.grid[0], before[0])
    session.close()


def test_a_pykan_model_that_lost_nearly_all_its_edges_can_be_trained() -> None:
    """pykan's own fit gives NaN there."""
    kan = pytest.importorskip("kan")
    x = torch.rand(400, 4, generator=torch.Generator().manual_seed(1)) * 2 - 1
    y = torch.exp(torch.sin(3 * x[:, [0]]) + x[:, [1]] ** 2)
    names = ("train_input", "test_input", "train_label", "test_label")
    dataset = dict(zip(names, (x[:200], x[200:], y[:200], y[200:]), strict=True))
    for seed in range(3):
        model = kan.KAN(width=[4, 9, 1], grid=3, seed=seed, auto_save=False)
        session = PruningSession(model, dataset)
        session.fit(3, lamb=0.01)
        scores = torch.cat([layer.flatten() for layer in session.scores]).sort().values
        session.set(edge_threshold=float(scores[-7]))
        assert session.active_edges == 6
        before = session.loss
        results = session.fit(10, update_grid=True)
        assert results.stopped == ""
        assert session.loss < before
        session.close()


@pytest.mark.parametrize("kind", [kind for kind in kinds.KINDS if kind != "FastKAN"])
def test_finer_grids_are_one_step_with_a_way_back(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data(60)
    session = PruningSession(model, dataset)
    session.remove_edge(0, 0, 1)
    session.fit(2)
    before, y = kinds.bits(model), model(dataset["train_input"]).detach()
    change = session.refine(10)
    assert 0 < change < 1
    assert (model(dataset["train_input"]) - y).abs().max().item() == pytest.approx(change, rel=1e-6)
    assert not session.mask[0][1, 0]
    refined = kinds.bits(model)
    session.fit(2)
    fitted = kinds.bits(model)
    assert session.history.commands[3].text.startswith("refined to grid 10, outputs move by ")
    assert [step.kind for step in session.history.commands[2:]] == ["fit", "refine", "fit"]
    assert session.script().splitlines()[4:7] == [
        "session.fit(steps=2)",
        "session.refine(10)",
        "session.fit(steps=2)",
    ]
    for wanted in (refined, before):
        assert session.undo()
        assert kinds.bits(model) == wanted
    for wanted in (refined, fitted):
        assert session.redo()
        assert kinds.bits(model) == wanted
    assert session.refine(10) == 0  # it has them
    assert len(session.history.commands) == 5
    with pytest.raises(ValueError, match="grid must be at least 10"):
        session.refine(4)
    session.close(weights=True)


def test_grids_that_are_fixed_are_not_refined() -> None:
    session = PruningSession(kinds.make("FastKAN"), kinds.data(10))
    with pytest.raises(TypeError, match="cannot get a finer grid"):
        session.refine(10)
    session.close()
