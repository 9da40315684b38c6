"""Training goes on while a session has edges off: what is off stays off, and as it was."""

from __future__ import annotations

import copy
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import kinds
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import Tensor

from kanwidget import KAN, KANWidget, PruningSession, create_dataset
from kanwidget.adapters import Adapter
from kanwidget.evaluate.evaluator import Evaluator
from kanwidget.masks import effective

Make = Callable[..., KAN]
Dataset = dict[str, Tensor]


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


@pytest.fixture(scope="module")
def deep() -> tuple[dict[str, Any], Dataset]:
    """A [2, 4, 3, 1] after some steps on a product, and its data."""
    dataset = create_dataset(lambda x: torch.sin(3 * x[:, [0]]) * x[:, [1]], train_num=300)
    model = KAN([2, 4, 3, 1], grid=4, seed=0)
    model.fit(dataset, steps=4, lamb=0.01, progress=False)
    return model.state_dict(), dataset


def trained(deep: tuple[dict[str, Any], Dataset]) -> tuple[KAN, Dataset]:
    model = KAN([2, 4, 3, 1], grid=4, seed=0)
    model.load_state_dict(deep[0])
    return model, deep[1]


def on(model: KAN) -> list[list[list[float]]]:
    return [layer.tolist() for layer in model.mask]


def test_edges_under_a_threshold_stay_off_when_a_cell_trains(
    shell: InteractiveShell, model: KAN, dataset: Dataset
) -> None:
    w = KANWidget(model, dataset)
    w.node_threshold = w.session.threshold_for(0.5, "node")
    left, mask = w.active_edges, on(model)
    assert left < 15
    shell.push({"model": model, "dataset": dataset})
    shell.run_cell("results = model.fit(dataset, steps=10, progress=False)")
    assert (w.active_edges, on(model)) == (left, mask)
    assert w.loss == pytest.approx(shell.user_ns["results"]["test_loss"][-1], rel=1e-9)
    assert "come back" not in w.session.history.current.text
    # The thresholds still mean something: the scores of what is off have not exploded.
    assert float(w.session.scores[1].max()) < 1
    w.close()


@pytest.mark.parametrize("axis", ["node", "edge"])
def test_the_model_computes_what_was_trained(
    axis: str, deep: tuple[dict[str, Any], Dataset]
) -> None:
    for tolerance in (0.02, 0.2, 1.0, 3.0):
        model, dataset = trained(deep)
        session = PruningSession(model, dataset)
        session.set(**{f"{axis}_threshold": session.threshold_for(tolerance, axis)})
        mask = on(model)
        model.fit(dataset, steps=4, progress=False)
        outputs = model(dataset["test_input"]).detach()
        assert session.refresh()
        assert on(model) == mask
        assert torch.allclose(model(dataset["test_input"]), outputs, rtol=0, atol=1e-9)
        session.reset()
        assert session.active_edges == 23
        session.close()


@pytest.mark.parametrize("axis", ["node", "edge"])
def test_what_would_come_back_on_new_scores_is_off_by_hand(axis: str, random_kan: Make) -> None:
    model = random_kan([2, 4, 3, 1], 0)
    x = torch.rand(50, 2, dtype=torch.float64) * 2 - 1
    session = PruningSession(model, x)
    scores = effective.node_scores(session.scores) if axis == "node" else session.scores
    level = float(torch.cat([score.flatten() for score in scores]).median())
    session.set(**{f"{axis}_threshold": level})
    mask, left = on(model), session.active_edges
    with torch.no_grad():  # as after a training: every edge scores more
        for layer in model.layers:
            layer.coef *= 10
            layer.scale_base *= 10
    outputs = model(x).detach()
    assert session.refresh()
    assert (on(model), session.active_edges) == (mask, left)
    assert torch.allclose(model(x), outputs, rtol=1e-9)
    assert f"{23 - left} edges off by hand now" in session.history.current.text
    assert "a double click or Reset brings them back" in " ".join(session.warnings)
    edits = session.edits
    assert bool(edits.removed_nodes) == (axis == "node")  # what went as a node stays one
    assert bool(edits.removed_edges) == (axis == "edge")
    session.set(**{f"{axis}_threshold": 0.0})
    assert on(model) == mask
    session.reset()
    assert session.active_edges == 23
    session.close()


@pytest.mark.parametrize("axis", ["node", "edge"])
def test_nothing_goes_that_nobody_took_though_it_scores_less_now(
    axis: str, random_kan: Make, dataset: Dataset
) -> None:
    model = random_kan([2, 4, 3, 1], 1)
    session = PruningSession(model, dataset)
    tradeoff = session.tradeoff(axis)
    threshold = float(tradeoff.thresholds[len(tradeoff.thresholds) // 3])
    session.set(**{f"{axis}_threshold": threshold})
    mask = on(model)
    assert session.active_edges > 3
    with torch.no_grad():
        for layer in model.layers:  # all score a hundredth now
            layer.coef.mul_(0.01)
            layer.scale_base.mul_(0.01)
    outputs = model(dataset["test_input"]).detach()
    assert session.refresh()
    assert on(model) == mask
    assert torch.allclose(model(dataset["test_input"]), outputs, rtol=0, atol=1e-9)
    assert session.edits.kept_edges == session.edits.kept_nodes == frozenset()
    assert 0 <= getattr(session, f"{axis}_threshold") < threshold
    assert f"{axis} threshold" in session.history.current.text
    # What is left is still the threshold's to take.
    gone = session.active_edges
    later = session.tradeoff(axis).thresholds
    session.set(**{f"{axis}_threshold": float(later[-1])})
    assert session.active_edges < gone
    session.close()


def test_an_edge_switched_off_in_a_cell_takes_no_other_with_it(dataset: Dataset) -> None:
    model = KAN([2, 5, 1], grid=5, k=3, seed=0)
    model.fit(dataset, steps=20, lamb=0.01, lamb_entropy=10.0, progress=False)
    session = PruningSession(model, dataset)
    edges = sorted(s for layer in session.scores for s in layer.flatten().tolist())
    session.set(edge_threshold=0.999 * edges[-4])  # four are on
    mask = on(model)
    assert mask[0][3][0]
    model.remove_edge(0, 0, 3)  # what node 3 still gets varies less, and so does what it gives
    mask[0][3][0] = False
    session.refresh()
    assert on(model) == mask
    session.close()


def test_a_threshold_set_after_training_in_the_same_cell_brings_nothing_back(
    deep: tuple[dict[str, Any], Dataset],
) -> None:
    model, dataset = trained(deep)
    w = KANWidget(model, dataset)
    w.edge_threshold = w.session.threshold_for(1.0, "edge")
    mask = [layer.clone() for layer in model.mask]
    model.fit(dataset, steps=4, progress=False)
    w.edge_threshold *= 1.0001
    assert all((now <= was).all() for now, was in zip(model.mask, mask, strict=True))
    w.close()


# The way back --------------------------------------------------------------------------------


def train(model: Any, dataset: Dataset, steps: int = 5) -> None:
    """Train any model as people do, with an optimiser of torch's."""
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(
            model(dataset["train_input"]), dataset["train_label"]
        ).backward()
        optimizer.step()


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_undo_past_a_training_gives_the_very_weights(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data()
    original = kinds.bits(model)
    session = PruningSession(model, dataset)
    session.remove_edge(0, 0, 1)
    pruned, loss = kinds.bits(model), session.loss
    train(model, dataset)
    session.refresh()
    trained, after = kinds.bits(model), session.loss
    assert after != loss
    session.remove_edge(0, 1, 1)
    assert session.undo()
    assert kinds.bits(model) == trained
    assert session.undo()
    assert (kinds.bits(model), session.loss) == (pruned, loss)
    assert session.undo()
    assert kinds.bits(model) == original
    for wanted in (pruned, trained):
        assert session.redo()
        assert kinds.bits(model) == wanted
    assert session.loss == after
    session.jump(0)
    session.commit()
    assert [session.history.stale(step) for step in session.history.commands] == [False] * 5
    session.close()
    assert kinds.bits(model) == original


def test_undo_gives_grids_and_outputs_back_that_a_fit_moved(model: KAN, dataset: Dataset) -> None:
    w = KANWidget(model, dataset)
    w.node_threshold = 0.01
    before, outputs = kinds.bits(model), model(dataset["test_input"]).detach()
    grid, loss = model.layers[1].grid.clone(), w.loss
    model.fit(dataset, steps=3, progress=False)  # and nobody looks at it
    assert not torch.equal(model.layers[1].grid, grid)
    w.undo()  # the training, and not what was before it
    assert kinds.bits(model) == before
    assert torch.equal(model(dataset["test_input"]), outputs)
    assert (w.loss, w.node_threshold) == (loss, 0.01)
    w.redo()
    assert w.loss < loss
    w.close()


@pytest.mark.parametrize("kind", ["pykan 0.2.8", "pykan 0.0.1"])
def test_undo_past_a_formula_gives_the_spline_back(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data()
    session = PruningSession(model, dataset)
    session.remove_edge(0, 1, 2)
    before, y = kinds.bits(model), model(dataset["test_input"]).detach()
    model.fix_symbolic(0, 0, 1, "sin", fit_params_bool=False, verbose=False)
    session.refresh()
    formulas = [[list(row) for row in layer.funs_name] for layer in model.symbolic_fun]
    assert formulas[0][1][0] == "sin"
    fixed = kinds.bits(model), model(dataset["test_input"]).detach()
    session.undo()
    assert kinds.bits(model) == before
    assert torch.equal(model(dataset["test_input"]), y)
    assert model.symbolic_fun[0].funs_name[1][0] != "sin"
    session.redo()
    assert [layer.funs_name for layer in model.symbolic_fun] == formulas
    assert kinds.bits(model) == fixed[0]
    assert torch.equal(model(dataset["test_input"]), fixed[1])
    session.close()


def test_weights_that_are_not_kept_any_more_are_said_to_be_gone(
    model: KAN, dataset: Dataset
) -> None:
    session = PruningSession(model, dataset, history_bytes=0)
    session.set(node_threshold=0.01)
    before = [(step.loss_after, step.text) for step in session.history.commands]
    model.fit(dataset, steps=3, progress=False)
    session.refresh()
    trained = [layer.coef.detach().clone() for layer in model.layers]
    assert [session.history.stale(step) for step in session.history.commands] == [True, True, False]
    for id in (1, 0):
        session.jump(id)
        step = session.history.current
        assert all(
            torch.equal(layer.coef, c) for layer, c in zip(model.layers, trained, strict=True)
        )
        assert step.loss_after == session.loss != before[id][0]
        assert f"{session.loss:.4g} with the weights of a later step" in step.text
        assert f"{before[id][0]:.4g}" not in step.text
        assert not session.history.stale(step)
        assert f"The weights that step {id} had are not kept any more" in session.warnings[0]
    session.jump(2)
    assert session.warnings == [] or "weights" not in session.warnings[0]
    session.close()


def test_snapshots_share_what_is_equal_and_keep_within_their_budget(dataset: Dataset) -> None:
    model = KAN([2, 60, 1], grid=5)
    size = sum(t.numel() * t.element_size() for t in model.state_dict().values())
    session = PruningSession(model, dataset, history_bytes=3 * size)
    kept = session.history.snapshots
    for step in range(12):
        with torch.no_grad():
            model.layers[1].scale_sp.mul_(0.9)
        session.refresh()
        session.set(edge_threshold=1e-6 * (step + 1))
    # Only one tensor is another one each time.
    assert size < kept.nbytes < 3 * size
    assert not any(session.history.stale(step) for step in session.history.commands)
    for step in range(12):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(0.9)
        session.refresh()
        session.set(edge_threshold=1e-6 * (step + 1))
    assert kept.nbytes <= 3 * size
    stale = [session.history.stale(step) for step in session.history.commands]
    assert stale[0]
    assert not any(stale[-4:])
    assert sorted(stale, reverse=True) == stale  # the oldest go first
    session.close()


def test_one_training_is_one_step(
    model: KAN, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = KANWidget(model, dataset)
    w.node_threshold = 0.01
    model.fit(dataset, steps=6, progress=False, callback=lambda step, results: w.refresh())
    w.refresh()
    history = w.session.history
    assert [step.kind for step in history.commands] == ["start", "set", "outside"]
    assert history.current.loss_after == w.loss
    assert history.current.loss_before == history.commands[1].loss_after
    model.fit(dataset, steps=2, progress=False)  # another training, though nobody looked before
    w.refresh()
    assert len(history.commands) == 4
    assert not w.session.refresh()
    train(model, dataset, 1)
    for _ in range(5):  # a loop of one's own
        w.refresh()
        train(model, dataset, 1)
    assert len(history.commands) == 5
    assert not w.session.refresh() or not w.session.refresh()
    monkeypatch.setattr("kanwidget.session.training_watch.PAUSE", 0.0)  # it has been long enough
    train(model, dataset, 1)
    w.refresh()
    assert len(history.commands) == 6
    w.close()


def test_a_training_that_is_slower_than_the_looks_is_one_step(model: KAN, dataset: Dataset) -> None:
    session, steps, first = PruningSession(model, dataset), ["start", "outside"], kinds.bits(model)
    for _ in range(4):
        train(model, dataset, 1)
        assert session.refresh()
        assert not session.refresh()
    assert [step.kind for step in session.history.commands] == steps
    session.remove_edge(0, 0, 1)  # a decision is a step, and so is what comes after
    for _ in range(2):
        train(model, dataset, 1)
        session.refresh()
        session.refresh()
    assert [step.kind for step in session.history.commands] == [*steps, "set", "outside"]
    session.jump(0)
    assert kinds.bits(model) == first
    train(model, dataset, 1)
    session.refresh()
    assert session.history.current.parent == 0
    session.close()


def test_a_step_of_a_thread_while_the_one_before_is_taken_in_belongs_to_the_training(
    model: KAN, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Evaluator.for_changed_model

    def look_while_a_thread_trains(evaluator: Evaluator, live: Adapter) -> Evaluator:
        train(model, dataset, 1)
        monkeypatch.undo()
        return look(evaluator, live)

    session = PruningSession(model, dataset)
    train(model, dataset, 1)
    monkeypatch.setattr(Evaluator, "for_changed_model", look_while_a_thread_trains)
    assert session.refresh()
    assert session.refresh()
    train(model, dataset, 1)
    assert session.refresh()
    assert [step.kind for step in session.history.commands] == ["start", "outside"]
    assert not session.refresh()
    session.close()


def test_a_thread_that_trains_slowly_is_one_step() -> None:
    model, dataset = kinds.make("pykan 0.2.8"), kinds.data()
    w = KANWidget(model, dataset)

    seen, trained = threading.Barrier(2), threading.Barrier(2)

    def run() -> None:
        for _ in range(5):
            train(model, dataset, 1)
            trained.wait(60)
            seen.wait(60)

    thread = threading.Thread(target=run)
    thread.start()
    for _ in range(5):
        trained.wait(60)
        assert w.session.refresh()
        w.refresh()
        assert not w.session.refresh()  # nothing was trained meanwhile
        seen.wait(60)
    thread.join()
    w.refresh()
    assert [command.text.split(",")[0] for command in w.session.history.commands] == [
        "the model as it came",
        "trained in a cell",
    ]
    w.close()


def test_a_loop_after_a_fit_is_another_training(model: KAN, dataset: Dataset) -> None:
    session = PruningSession(model, dataset)
    model.fit(dataset, steps=2, progress=False)
    session.refresh()
    session.refresh()
    train(model, dataset, 1)
    session.refresh()
    assert len(session.history.commands) == 3
    session.close()


# What the history calls it --------------------------------------------------------------------


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_the_history_says_what_was_done_in_a_cell(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data()
    session = PruningSession(model, dataset)
    session.remove_edge(0, 0, 0)

    def did(words: str) -> None:
        session.refresh()
        assert session.history.current.text.startswith(f"{words} in a cell, test RMSE")
        comment = f"# {words} in a cell: do the same here, then"
        assert session.script().splitlines()[-2:] == [comment, "session.refresh()"]
        session.remove_edge(1, 0, 0)
        session.restore_edge(1, 0, 0)

    train(model, dataset, 1)
    did("trained")
    other = PruningSession(model, dataset)
    state = copy.deepcopy(model.state_dict())
    other.close()
    train(model, dataset, 1)
    did("trained")
    model.load_state_dict(state)
    did("trained")
    model.to(torch.float32 if next(model.parameters()).dtype == torch.float64 else torch.float64)
    session.refresh()
    assert session.history.current.text.startswith("dtype or device changed in a cell")
    with pytest.raises(ValueError, match=r"\(trained in a cell\), which a session cannot replay"):
        session.to_dict()
    session.close()


def test_edges_switched_in_a_cell_are_no_training(model: KAN, dataset: Dataset) -> None:
    w = KANWidget(model, dataset)
    model.remove_edge(0, 0, 1)
    w.refresh()
    assert w.session.history.current.text.startswith("edges switched in a cell: 1 edge goes")
    train(model, dataset, 1)
    model.restore_edge(0, 0, 1)
    w.refresh()
    text = "trained and edges switched in a cell: 1 edge comes back"
    assert w.session.history.current.text.startswith(text)
    assert w._history[-1]["what"] == [["outside", "trained", "edges"]]
    assert w.script().count("# trained and edges switched in a cell: do the same here, then") == 1
    w.close()


# A training in a thread beside the sliders ----------------------------------------------------


def more(model: Any, factor: float) -> None:
    """Make all edges of our own KAN score more or less, as a training thread does."""
    with torch.no_grad():
        for layer in model.layers:
            layer.coef.mul_(factor)
            layer.scale_base.mul_(factor)


def test_a_drag_goes_on_deciding_while_others_train(random_kan: Make, dataset: Dataset) -> None:
    model = random_kan([2, 4, 3, 1], 0)
    session = PruningSession(model, dataset)
    scores = torch.cat([s.flatten() for s in session.scores]).sort().values.tolist()
    session.set(edge_threshold=scores[3], merge=True)
    for level in scores[4:12]:
        more(model, 1.3)
        session.set(edge_threshold=level, merge=True)
    more(model, 1.3)
    session.set(edge_threshold=0.0, merge=True)
    assert session.edits.removed_edges == session.edits.removed_nodes == frozenset()
    assert session.active_edges == 23
    session.undo()
    session.close()


def test_what_is_off_to_stay_off_is_told_as_long_as_it_is(
    random_kan: Make, dataset: Dataset
) -> None:
    model = random_kan([2, 4, 3, 1], 0)
    session = PruningSession(model, dataset)
    level = float(torch.cat([s.flatten() for s in session.scores]).median())
    session.set(edge_threshold=level)
    more(model, 10)
    session.set(node_threshold=1e-9)  # which looks first
    off = session.edits.removed_edges
    assert off

    def told() -> bool:
        return any("off by hand now: a double click or Reset" in said for said in session.warnings)

    assert told()
    session.set(edge_threshold=0.0)
    assert session.edits.removed_edges == off
    assert told()
    for edge in off:
        session.restore_edge(*edge)
    assert not told()
    session.undo()
    assert told()
    session.reset()
    assert not told()
    session.close()


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_a_score_that_differs_by_rounding_brings_nothing_back(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data()
    session = PruningSession(model, dataset)
    levels = torch.cat([s.flatten() for s in session.scores]).sort().values
    session.set(edge_threshold=float(levels[1]))
    left = session.active_edges
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1 + 1e-12)
    session.refresh()
    assert session.active_edges == left
    assert session.edits.removed_edges == frozenset()
    session.set(edge_threshold=0.0)
    assert session.active_edges == sum(layer.numel() for layer in session.mask)
    session.close()


def test_dragging_back_while_others_train_keeps_what_they_trained(dataset: Dataset) -> None:
    model = KAN([2, 5, 1], seed=1)
    session = PruningSession(model, dataset)
    train(model, dataset, 1)
    session.set(edge_threshold=1e-3, merge=True)
    train(model, dataset, 1)
    session.refresh()
    trained = kinds.bits(model)
    session.set(edge_threshold=0.0, merge=True)
    assert kinds.bits(model) == trained
    assert not session.refresh()
    session.close()


def test_a_long_training_keeps_no_baseline_for_each_look_at_it(dataset: Dataset) -> None:
    model = KAN([2, 5, 1])
    session, baselines = PruningSession(model, dataset), []
    for _ in range(30):
        with torch.no_grad():
            model.layers[0].coef.mul_(1.01)
        session.refresh()
        baselines.append(weakref.ref(session.baseline))
    gc.collect()
    assert len([ref for ref in baselines if ref() is not None]) <= 2
    assert session.history.snapshots.nbytes < 2e5
    session.close()


def test_a_drag_while_others_train_is_one_step(dataset: Dataset) -> None:
    model = KAN([2, 5, 1], seed=1)
    session = PruningSession(model, dataset)
    original = kinds.bits(model)
    for n in range(20):
        with torch.no_grad():
            model.layers[0].coef.mul_(1.01)
        session.set(edge_threshold=1e-4 * (n + 1), merge=True)
    assert [step.kind for step in session.history.commands] == ["start", "outside", "set"]
    assert session.edge_threshold == pytest.approx(2e-3)
    trained = kinds.bits(model)
    session.undo()
    session.redo()
    assert kinds.bits(model) == trained
    session.jump(0)
    assert kinds.bits(model) == original
    session.close()


def test_a_threshold_that_a_training_moved_is_told(random_kan: Make, dataset: Dataset) -> None:
    model = random_kan([2, 4, 3, 1], 1)
    session = PruningSession(model, dataset)
    levels = session.tradeoff("edge").thresholds
    session.set(edge_threshold=float(levels[len(levels) // 3]))
    with torch.no_grad():
        for layer in model.layers:
            layer.coef.mul_(0.01)
            layer.scale_base.mul_(0.01)
    session.refresh()
    assert session.warnings[0].startswith("The edge threshold went from ")
    session.set(keep_mean=False)
    assert not any("threshold went" in said for said in session.warnings)
    session.close()


# The grids of nodes that are out of use ------------------------------------------------------


@pytest.mark.parametrize("loss_fn", [None, torch.nn.functional.mse_loss], ids=["numpy", "autograd"])
def test_grids_of_nodes_out_of_use_stay(loss_fn: Any, random_kan: Make, dataset: Dataset) -> None:
    model = random_kan([2, 4, 3, 1], 0)
    model.remove_node(1, 0)  # neither in nor out
    for i in range(2):
        model.remove_edge(0, i, 1)  # no way in
    for j in range(3):
        model.remove_edge(1, 2, j)  # no way out
    with torch.no_grad():
        model.layers[1].coef[:, 2] = torch.nan
    before = [(layer.grid.clone(), layer.coef.detach().clone()) for layer in model.layers]
    results = model.fit(dataset, steps=2, progress=False, loss_fn=loss_fn)
    assert results.stopped == ""
    moved = [
        (layer.grid != grid).any(1).tolist()
        for layer, (grid, _) in zip(model.layers, before, strict=True)
    ]
    assert moved == [[True] * 2, [False, False, False, True], [True] * 3]
    assert torch.equal(model.layers[1].coef[:, 0], before[1][1][:, 0])


def test_a_layer_that_is_off_has_no_grid_to_lay(random_kan: Make) -> None:
    model = random_kan([2, 3, 1], 0)
    for i in range(3):
        model.remove_edge(1, i, 0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.update_grid(torch.rand(50, 2, dtype=torch.float64))
    after = model.state_dict()
    changed = [name for name, value in after.items() if not torch.equal(value, before[name])]
    assert changed == ["layers.0.coef", "layers.0.grid"]
