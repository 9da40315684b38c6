"""Many runs: what is trained, what comes back, and which run is chosen."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from interrupts import InterruptAfterCall
from sweeps import Shared, known, outcomes, small_data, untrained

from kanwidget import KAN, PruningSession, Sweep, create_dataset, sweep
from kanwidget.sweep import Run, choice, distribute
from kanwidget.sweep.agreement import find_agreement
from kanwidget.sweep.folder import SweepFolder
from kanwidget.sweep.pruning import count_live_edges, prune_further, prune_with
from kanwidget.sweep.settings import expand_grid

DATA = small_data()
FAST: dict[str, Any] = {"width": [2, 2, 1], "grid": 3, "k": 2, "steps": 2}


@pytest.fixture
def threads() -> Any:
    """An executor in this process."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


def here(executor: Any, grid: Any, **options: Any) -> Sweep:
    """Run a sweep in this process."""
    return sweep(DATA, grid, executor=executor, progress=False, **options)


# ---------------------------------------------------------------------------- which runs there are


def test_all_combinations_are_trained_from_each_seed() -> None:
    grid = {"width": [[2, 3, 1], [2, 5, 1]], "lamb": [0.0, 0.1], "steps": 5}
    found = expand_grid(grid, repeats=3, seed=10)
    assert len(found) == 12
    assert {(s["seed"], tuple(s["width"]), s["lamb"]) for s in found} == {
        (seed, width, lamb)
        for seed in (10, 11, 12)
        for width in ((2, 3, 1), (2, 5, 1))
        for lamb in (0.0, 0.1)
    }
    assert {s["steps"] for s in found} == {5}


@pytest.mark.parametrize("width", [[2, 3, 1], (2, 3, 1), [[2, 3, 1]], np.array([2, 3, 1])])
def test_one_width_may_be_given_as_it_is(width: Any) -> None:
    (one,) = expand_grid({"width": width}, repeats=1, seed=0)
    assert list(one["width"]) == [2, 3, 1]


@pytest.mark.parametrize(
    ("grid", "options", "words"),
    [
        ({"width": [2, 1], "lambda": [1]}, {}, "grid names lambda, and a run takes .*lamb,"),
        ({"lamb": [1]}, {}, "must name a width"),
        ({"width": [2, 1], "seed": [1, 2]}, {"repeats": 2}, "leave one of them out"),
        ({"width": [2, 1], "lamb": [0.1, 0.1]}, {}, "runs 0 and 1 have the same settings"),
        ({"width": [2, 1], "lamb": []}, {}, "no value for lamb"),
        ({"width": [2, 1], "prune": "a little"}, {}, "prune must be such as 'within 5%'"),
        ({"width": [2, 1], "retrain": {"step": 3}}, {}, "retrain names step"),
        ({"width": [2, 1], "progress": True}, {}, "grid names progress"),
        ("width", {}, "grid must be a dict of lists"),
        ({"width": [2, 1]}, {"executor": 3}, "executor must be a concurrent.futures.Executor"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_words(grid: Any, options: Any, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        sweep(DATA, grid, progress=False, **{"executor": ThreadPoolExecutor(1), **options})


def test_data_that_are_no_dataset_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="dataset lacks test_input, test_label"):
        sweep({k: v for k, v in DATA.items() if "train" in k}, FAST)
    with pytest.raises(TypeError, match="dataset must be a dict"):
        sweep(DATA["train_input"], FAST)  # type: ignore[arg-type]


# -------------------------------------------------------------------------------- what a run does


def test_a_run_is_what_the_same_calls_by_hand_give(threads: Any) -> None:
    found = here(threads, {**FAST, "lamb": [0.0, 0.05], "prune": 0.02, "retrain": 1})
    for run in found.runs:
        lamb = run.settings["lamb"]
        model = KAN([2, 2, 1], grid=3, k=2, seed=0)
        model.fit(DATA, steps=2, lamb=lamb, seed=0, progress=False)
        with PruningSession(model, DATA) as session:
            session.set(edge_threshold=0.02)
            session.remove_dead_ends()
            session.fit(steps=1)
            session.commit()
        again = found.model(run)
        for key, value in model.state_dict().items():
            assert torch.equal(value, again.state_dict()[key]), key
        error = model(DATA["test_input"]).detach() - DATA["test_label"]
        assert run.test_loss == pytest.approx(float(error.square().mean().sqrt()))
        assert run.active_edges == sum(int(layer.sum()) for layer in model.mask)
        assert run.seconds > 0


def test_a_policy_may_be_a_threshold_or_a_function(threads: Any) -> None:
    def strongest(session: PruningSession) -> None:
        for i in range(2):
            session.remove_edge(0, i, 0)

    found = here(threads, {**FAST, "prune": [None, 1e9, strongest]})
    edges = [run.active_edges for run in found.runs]
    assert edges == [6, 0, 3]  # the edge out of the node that nothing reaches goes, too
    assert found.runs[2].error == ""


def test_pruned_and_retrained_in_turn_a_run_ends_with_the_edges_that_the_function_has(
    threads: Any,
) -> None:
    data = create_dataset(lambda x: torch.sin(3 * x[:, [0]]) + x[:, [1]] ** 2, n_var=2, seed=1)
    generator = torch.Generator().manual_seed(2)
    for part in ("train_label", "test_label"):
        noise = torch.randn(data[part].shape, generator=generator, dtype=torch.float64)
        data[part] = data[part] + 0.05 * noise
    grid = {"width": [2, 3, 1], "grid": 5, "steps": 10, "prune": "within 5%"}
    once = sweep(data, grid, repeats=2, executor=threads, progress=False)
    both = sweep(data, {**grid, "retrain": 10}, repeats=2, executor=threads, progress=False)
    assert [run.active_edges for run in both.runs] == [3, 3]
    for a, b in zip(once.runs, both.runs, strict=True):
        assert a.active_edges is not None
        assert a.active_edges > 3
        assert b.test_loss < 0.06


def test_of_many_edges_several_go_together(dataset: dict[str, torch.Tensor]) -> None:
    model = KAN([2, 10, 1], grid=3, k=2, seed=0)
    model.fit(dataset, steps=2, progress=False)
    trained: list[int] = []
    with PruningSession(model, dataset) as session:
        fit = session.fit

        def counted(**given: Any) -> Any:
            trained.append(session.active_edges)
            return fit(**given)

        session.fit = counted  # type: ignore[method-assign, assignment]
        prune_further(session, 5.0, {"steps": 1})
        session.commit()
    assert trained[0] <= 30 - 30 // 4
    assert count_live_edges(model) < 10
    assert len(trained) < 25


@settings(max_examples=6)
@given(seed=st.integers(0, 1000), share=st.sampled_from([0.0, 0.05, 0.5]))
def test_what_costs_too_much_comes_back_with_its_weights(seed: int, share: float) -> None:
    model = KAN([2, 3, 1], grid=3, k=2, seed=seed)
    model.fit(DATA, steps=2, progress=False)
    losses: list[float] = []
    with PruningSession(model, DATA) as session:
        session.set(edge_threshold=session.threshold_for(share))
        losses.append(session.loss)
    model = KAN([2, 3, 1], grid=3, k=2, seed=seed)
    model.fit(DATA, steps=2, progress=False)
    session = PruningSession(model, DATA)
    fit = session.fit

    def noted(**given: Any) -> Any:
        results = fit(**given)
        losses.append(session.loss)
        return results

    session.fit = noted  # type: ignore[method-assign, assignment]
    prune_with(f"within {100 * share:g}%", session, {"steps": 1})
    kept = session.loss
    session.close()
    # Whatever was tried after the second training and given up leaves no trace in the loss.
    first = losses[2]
    assert kept <= first * (1 + share) + 1e-12
    assert any(kept == pytest.approx(loss) for loss in losses)
    error = model(DATA["test_input"]).detach() - DATA["test_label"]
    assert kept == pytest.approx(float(error.square().mean().sqrt()))


def test_classes_are_trained_and_pruned_by_their_loss(threads: Any) -> None:
    x = DATA["train_input"]
    data = {f"{part}_input": x for part in ("train", "test")}
    data |= {f"{part}_label": (x[:, 0] > 0).long() for part in ("train", "test")}
    loss = torch.nn.CrossEntropyLoss()
    grid = {**FAST, "width": [2, 2, 2], "loss_fn": loss, "prune": "within 5%"}
    found = sweep(data, grid, executor=threads, progress=False)
    (run,) = found.runs
    assert run.error == ""
    assert run.test_loss == pytest.approx(
        float(loss(found.model(0)(x).detach(), data["test_label"]))
    )
    assert found.session(0).loss == pytest.approx(run.test_loss)


def test_a_run_that_fails_is_a_row_with_its_error(threads: Any) -> None:
    found = here(threads, {**FAST, "width": [[2, 2, 1], [3, 2, 1]]})
    good, bad = found.runs
    assert good.error == ""
    assert "must have shape (rows, 3), got (60, 2)" in bad.error
    assert bad.active_edges is None
    assert found.best() is good
    assert repr(found).startswith("Sweep(2 of 2 runs, 1 failed, best test loss")
    with pytest.raises(ValueError, match="run 1 failed: ValueError"):
        found.model(1)
    with pytest.raises(ValueError, match="no run has ended with a network; the first that failed"):
        here(threads, {**FAST, "width": [3, 1]}).best()


def test_a_function_of_ones_own_trains_from_one_state_of_random_numbers(threads: Any) -> None:
    def fit(dataset: Any, seed: int, size: float) -> KAN:
        model = untrained(dataset, seed)
        with torch.no_grad():
            model.layers[0].coef.add_(size * torch.randn(model.layers[0].coef.shape))
        return model

    before = torch.get_rng_state()
    found = here(threads, {"size": [0.1, 0.2]}, repeats=2, fit=fit)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    again = here(threads, {"size": [0.1, 0.2]}, repeats=2, fit=fit)
    assert outcomes(found) == outcomes(again)
    wrong = here(threads, {"size": 1}, fit=lambda dataset, **settings: 3)
    assert "fit must return a kanwidget.KAN, got a int" in wrong.runs[0].error


def test_the_number_of_threads_here_stays(threads: Any) -> None:
    torch.set_num_threads(2)
    try:
        here(threads, FAST)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


# ------------------------------------------------------------------------- while it runs, and stop


def test_of_short_runs_several_go_to_a_worker_at_once(
    threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[int] = []

    class Counted(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *arguments: Any, **named: Any) -> Any:
            handed.append(len(arguments[1]))
            return super().submit(fn, *arguments, **named)

    def fit(dataset: Any, seed: int, seconds: float) -> KAN:
        time.sleep(seconds)
        return KAN([2, 1], grid=3, seed=seed)

    with Counted(1) as executor:
        monkeypatch.setattr(distribute, "SECONDS_TOGETHER", 2.0)
        grid = {"seconds": 0.0}
        found = sweep(DATA, grid, repeats=100, fit=fit, executor=executor, progress=False)
        assert [run.settings["seed"] for run in found.runs] == list(range(100))
        assert sum(handed) == 100
        assert len(handed) < 100
        handed.clear()
        monkeypatch.undo()
        sweep(DATA, {"seconds": 0.03}, repeats=40, fit=fit, executor=executor, progress=False)
        assert handed == [1] * 40


def test_runs_can_be_used_while_others_are_under_way(threads: Any) -> None:
    go_on, seen = threading.Event(), threading.Event()

    def fit(dataset: Any, seed: int) -> KAN:
        if seed == 2:
            seen.set()
            go_on.wait(120)
        return untrained(dataset, seed)

    told: list[int] = []
    found = here(threads, {}, repeats=4, fit=Shared(fit), wait=False)
    found.on_run(lambda run: told.append(run.number))
    assert seen.wait(120)
    deadline = time.monotonic() + 120
    while len(found) < 2 and time.monotonic() < deadline:  # it has ended, and is being taken in
        time.sleep(0.005)
    assert found.running
    assert [run.number for run in found.runs] == [0, 1]
    assert found.best().number in (0, 1)
    assert len(found.table()) == 2
    with pytest.raises(ValueError, match="run 3 has not ended yet"):
        found.model(3)
    go_on.set()
    found.wait()
    assert not found.running
    assert [run.number for run in found.runs] == [0, 1, 2, 3]
    assert told[-2:] == [2, 3]


@pytest.mark.parametrize("act", [Sweep.wait, Sweep.stop])
def test_whenever_an_interrupt_comes_a_sweep_can_be_ended(threads: Any, act: Any) -> None:
    for call in range(1, 15):
        go_on = threading.Event()

        def fit(dataset: Any, seed: int, go_on: threading.Event = go_on) -> KAN:
            go_on.wait(0.2)
            return untrained(dataset, seed)

        found = here(threads, {}, repeats=1000, fit=Shared(fit), wait=False)
        with InterruptAfterCall(call) as interrupts:
            interrupts.begin()
            act(found)
        go_on.set()
        found.stop()
        found.wait()
        assert not found.running
        assert interrupts.came or act is Sweep.stop


def test_what_only_looks_cannot_end_a_sweep(threads: Any, caplog: Any) -> None:
    go_on = threading.Event()

    def fit(dataset: Any, seed: int) -> KAN:
        go_on.wait(120)
        return untrained(dataset, seed)

    found = here(threads, {}, repeats=2, fit=Shared(fit), wait=False)
    found.on_run(lambda run: 1 / 0)
    go_on.set()
    assert len(found.wait()) == 2
    assert "a function that follows a sweep failed" in caplog.text


def test_a_full_disk_ends_a_sweep_in_words(
    threads: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SweepFolder, "write", fails)
    with pytest.raises(OSError, match="No space left"):
        here(threads, FAST, folder=tmp_path / "a")


def test_stop_keeps_what_has_ended(threads: Any) -> None:
    go_on, seen = threading.Event(), threading.Event()

    def fit(dataset: Any, seed: int) -> KAN:
        if seed == 2:
            seen.set()
            go_on.wait(120)
        return untrained(dataset, seed)

    found = here(threads, {}, repeats=50, fit=Shared(fit), wait=False)
    assert seen.wait(120)
    found.stop()
    found.wait()
    go_on.set()
    assert [run.number for run in found.runs] == [0, 1]
    assert repr(found).startswith("Sweep(2 of 50 runs, best")


# ------------------------------------------------------------------------------------- the choice


@st.composite
def some_runs(draw: Any) -> list[Run]:
    losses = st.sampled_from([0.5, 1.0, 1.02, 1.05, 1.3, 2.0, float("nan"), float("inf")])
    pairs = draw(st.lists(st.tuples(st.none() | st.integers(0, 4), losses), min_size=1))
    return [Run(n, {}, loss, loss, edges, 1.0) for n, (edges, loss) in enumerate(pairs)]


@given(some_runs())
def test_the_front_holds_the_runs_that_no_other_beats(runs: list[Run]) -> None:
    usable = [run for run in runs if run.usable]

    def beats(a: Run, b: Run) -> bool:
        key_a, key_b = (a.active_edges, a.test_loss), (b.active_edges, b.test_loss)
        return key_a != key_b and key_a[0] <= key_b[0] and key_a[1] <= key_b[1]

    unbeaten = {
        (run.active_edges, run.test_loss)
        for run in usable
        if not any(beats(other, run) for other in usable)
    }
    found = choice.front(runs)
    assert [(run.active_edges, run.test_loss) for run in found] == sorted(unbeaten)


@given(some_runs(), st.sampled_from([0.0, 0.05, 0.5]))
def test_the_best_is_the_smallest_close_to_the_lowest_loss(runs: list[Run], within: float) -> None:
    usable = [run for run in runs if run.usable]
    if not usable:
        with pytest.raises(ValueError, match="no run has ended with a network"):
            choice.best(runs, within)
        return
    limit = min(run.test_loss for run in usable) * (1 + within)
    close = [run for run in usable if run.test_loss <= limit]
    found = choice.best(runs, within)
    assert found in close
    assert found.active_edges == min(run.active_edges for run in close)


def test_the_table_is_a_frame_or_a_list_of_rows(
    threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = here(threads, {**FAST, "lamb": [0.0, 0.1]})
    frame = found.table()
    assert list(frame["lamb"]) == [0.0, 0.1]
    assert list(frame["active_edges"]) == [6, 6]
    monkeypatch.setitem(sys.modules, "pandas", None)
    rows = found.table()
    assert isinstance(rows, list)
    assert [row["run"] for row in rows] == [0, 1]
    assert rows[1]["test_loss"] == frame["test_loss"][1]


def test_a_session_opens_on_a_run(threads: Any) -> None:
    found = here(threads, FAST, repeats=2)
    with found.session(1) as session:
        assert session.loss == pytest.approx(found.runs[1].test_loss)
        session.remove_edge(0, 0, 0)
        assert session.active_edges == 5
    with pytest.raises(IndexError, match="there is no run 2: there are 2"):
        found.session(2)


def test_without_loky_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "loky", None)
    with pytest.raises(ImportError, match=r"pip install 'kanwidget\[sweep\]'"):
        sweep(DATA, FAST)


# ------------------------------------------------------------------------- what the runs agree on


def test_the_same_curves_are_found_whatever_the_order_sign_and_scale_of_nodes() -> None:
    data = create_dataset(known, n_var=2, train_num=200, test_num=10)
    first = KAN([2, 3, 1], grid=4, seed=1, noise_scale=3.0)
    others = []
    for order, factors in (([2, 0, 1], [-2.0, 0.5, 3.0]), ([1, 0, 2], [1.0, -1.0, -0.1])):
        other = KAN([2, 3, 1], grid=4, seed=1, noise_scale=3.0)
        layer, scale = other.layers[0], torch.tensor(factors).double().unsqueeze(1)
        with torch.no_grad():
            for name in ("scale_base", "scale_sp"):
                getattr(layer, name).copy_(scale * getattr(first.layers[0], name)[order])
            layer.coef.copy_(first.layers[0].coef[order])
            layer.bias.add_(7.0)
        others.append(other)
    found = find_agreement([first, *others], [4, 5, 6], data)
    assert len(found.curves) == 6
    for curve in found.curves:
        assert curve.same_in == [4, 5, 6]
        for values in curve.curves.values():
            np.testing.assert_allclose(values, curve.median, atol=1e-9)
    assert "x_1 to node (1, 0): this curve is in 3 of 3 runs" in str(found)


def test_a_curve_that_one_network_lacks_is_not_in_all() -> None:
    data = create_dataset(known, n_var=2, train_num=200, test_num=10)
    models = [KAN([2, 1, 1], grid=4, seed=1) for _ in range(3)]
    for model in models:
        model.fit(data, steps=3, progress=False)
    models[2].remove_edge(0, 1, 0)
    found = find_agreement(models, [0, 1, 2], data)
    by_input = {curve.name: curve for curve in found.curves}
    assert by_input["x_1"].runs == 3
    assert by_input["x_2"].same_in == [0, 1]
    assert [one.kept_in for one in found.inputs] == [3, 2]
    assert sum(one.importance for one in found.inputs) == pytest.approx(1.0, abs=0.2)


def test_the_median_curve_is_that_of_the_function(threads: Any) -> None:
    data = create_dataset(known, n_var=3, train_num=300, test_num=300)
    grid = {"width": [3, 2, 1], "grid": 5, "steps": 12, "lamb": 0.01, "prune": "within 10%"}
    found = sweep(data, grid, repeats=4, executor=threads, progress=False)
    result = found.agreement(within=10.0, least_correlation=0.8)
    assert result.inputs[0].kept_in == result.inputs[1].kept_in == 4
    truths = {"x_1": lambda x: np.sin(np.pi * x), "x_2": np.square}
    for name, truth in truths.items():
        best = max(
            abs(np.corrcoef(truth(curve.points), curve.median)[0, 1])
            for curve in result.curves
            if curve.name == name
        )
        assert best > 0.99
    assert len(result.plot().axes) >= 2


def test_without_scipy_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=r"pip install 'kanwidget\[sweep\]'"):
        find_agreement([KAN([2, 1])], [0], DATA)
