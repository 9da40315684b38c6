"""A model is given back, whatever happened: interrupts, conversions, a metric that fails."""

from __future__ import annotations

import copy
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import kinds
import pytest
import torch
from interrupts import Interrupts
from torch import Tensor, nn

from kanwidget import KAN, KANWidget, PruningSession

every_kind = pytest.mark.parametrize("kind", kinds.KINDS)


class Moody:
    """A metric that fails when it is told to."""

    __name__ = "moody"
    fails = False
    nan = False

    def __call__(self, pred: Tensor, label: Tensor) -> Tensor:
        if self.fails:
            raise RuntimeError("boom")
        return (pred - label).abs().mean() * (float("nan") if self.nan else 1.0)


def replace_layers(model: KAN, layers: Any) -> None:
    for l, layer in enumerate(layers):
        model.layers[l] = layer


# What a model or a metric may become ----------------------------------------------------------


@every_kind
@pytest.mark.parametrize("change", ["half", "bfloat16", "double", "float"])
def test_a_converted_model_is_given_back(kind: str, change: str) -> None:
    dtype = torch.float64 if change == "float" else torch.float32
    model, dataset = kinds.make(kind, dtype=dtype), kinds.data(dtype=dtype)
    twin = copy.deepcopy(model)
    session = PruningSession(model, dataset)
    session.remove_edge(0, 0, 1)
    session.remove_node(1, 2)
    getattr(model, change)()
    getattr(twin, change)()
    if change in ("half", "bfloat16"):
        with pytest.raises(TypeError, match="in which nothing can be measured"):
            session.remove_edge(0, 1, 1)
    else:
        session.remove_edge(0, 1, 1)
        assert session.active_edges == 4
        assert session.loss == session.loss
        session.undo()
    session.close()
    assert kinds.bits(model) == kinds.bits(twin)


@every_kind
def test_a_model_that_is_half_for_a_while_goes_on_after_that(kind: str) -> None:
    model, dataset = kinds.make(kind, dtype=torch.float32), kinds.data(dtype=torch.float32)
    session = PruningSession(model, dataset)
    session.remove_edge(0, 0, 1)
    model.half()
    with pytest.raises(TypeError):
        session.refresh()
    model.float()
    assert session.refresh()
    session.remove_edge(0, 0, 0)
    assert session.active_edges == 7
    session.close()
    assert PruningSession(model, dataset).active_edges == 9


@every_kind
@pytest.mark.parametrize("score", [None, "ablation"])
@pytest.mark.parametrize("how", ["fails", "nan"])
def test_closing_measures_nothing(kind: str, score: str | None, how: str) -> None:
    model, dataset, metric = kinds.make(kind), kinds.data(), Moody()
    before = kinds.bits(model)
    session = PruningSession(model, dataset, metric=metric, score=score)
    session.remove_edge(0, 0, 1)
    with torch.no_grad():
        values = next(
            p for n, p in model.named_parameters() if "coef" in n or ("weight" in n and "base" in n)
        )
        was = values.clone()
        values.mul_(1.1)
    setattr(metric, how, True)
    session.close()
    with torch.no_grad():
        values.copy_(was)
    assert kinds.bits(model) == before


def test_a_changed_width_is_taken_in_or_closed_with() -> None:
    for looks in (True, False):
        model, dataset = KAN([2, 3, 1], seed=0), kinds.data()
        session = PruningSession(model, dataset)
        session.remove_edge(0, 0, 1)
        session.remove_edge(1, 0, 0)
        replace_layers(model, KAN([2, 4, 1], seed=1).layers)
        before = kinds.bits(model)
        if looks:
            assert session.refresh()
            assert (session.width, session.active_edges) == ([2, 4, 1], 12)
            session.remove_edge(0, 0, 3)
            session.undo()
            with pytest.raises(ValueError, match="other layers or nodes at step"):
                session.undo()
        session.close()
        assert kinds.bits(model) == before


def test_inputs_that_pykan_drops_are_taken_in() -> None:
    kan = pytest.importorskip("kan", reason="pykan is not installed")
    del kan
    model = kinds.make("pykan 0.2.8")
    x = torch.rand(30, 3, dtype=torch.float64)
    session = PruningSession(model, x)
    assert session.columns == [0, 1]
    session.remove_edge(0, 0, 1)
    model.input_id = torch.tensor([0, 5])
    with pytest.raises(ValueError, match="shape"):  # there are no such data
        session.refresh()
    assert session.columns == [0, 1]
    model.input_id = torch.tensor([1, 2])
    assert session.refresh()
    assert session.columns == [1, 2]
    session.close()


def test_what_cannot_be_taken_in_changes_nothing_of_the_session() -> None:
    model, dataset, metric = KAN([2, 3, 1], seed=0), kinds.data(), Moody()
    session = PruningSession(model, dataset, metric=metric)
    session.remove_edge(0, 0, 1)
    state, steps = session.state, len(session.history.commands)
    was = list(model.layers)
    replace_layers(model, KAN([2, 4, 1], seed=1).layers)
    metric.fails = True
    for _ in range(2):
        with pytest.raises(RuntimeError, match="boom"):
            session.refresh()
        assert (session.width, session.state) == ([2, 3, 1], state)
    replace_layers(model, was)
    metric.fails = False
    session.remove_edge(0, 0, 0)
    session.undo()
    assert len(session.history.commands) - steps in (1, 2)
    session.close()
    assert all((layer == 1).all() for layer in model.mask)


def test_a_jump_that_fails_leaves_masks_as_recorded() -> None:
    model, dataset, metric = KAN([2, 3, 1], seed=0), kinds.data(), Moody()
    session = PruningSession(model, dataset, metric=metric, history_bytes=0)
    session.remove_edge(0, 0, 1)
    with torch.no_grad():
        model.layers[0].coef.mul_(1.5)
    session.refresh()
    here, before = session.history.current, kinds.bits(model)
    metric.fails = True
    for id in (0, 1):
        with pytest.raises(RuntimeError, match="boom"):
            session.jump(id)
        assert session.history.current is here
        assert kinds.bits(model) == before
        live = [layer != 0 for layer in model.mask]
        assert all(map(torch.equal, live, session.mask))
    session.close()


def test_a_widget_that_cannot_be_made_costs_the_first_one_nothing() -> None:
    model, dataset = KAN([2, 3, 1], seed=0), kinds.data()
    original = kinds.bits(model)
    w = KANWidget(model, dataset)
    w.removed_edges = [(0, 0, 1)]
    w.node_threshold = 1e-3
    session, before = w.session, kinds.bits(model)
    steps = [command.text for command in session.history.commands]
    few = {name: rows[:20] for name, rows in dataset.items()}
    for arguments in ({"node_threshold": -1}, {"removed_edges": [(9, 9, 9)]}, {"view": "round"}):
        for rows in (few, dataset):
            with pytest.raises((ValueError, IndexError, Exception)):
                KANWidget(model, rows, **arguments)
            assert w.session is session
            assert not session.closed
            assert kinds.bits(model) == before
            assert [command.text for command in session.history.commands] == steps
    w.undo()
    assert w.node_threshold == 0
    other = KANWidget(model, few, node_threshold=1e-3)
    assert w.session is other.session
    assert session.closed
    other.close()
    assert kinds.bits(model) == original


# A model with a broken edge -------------------------------------------------------------------


def spoil(model: Any, kind: str) -> None:
    """Let edge (0, 0, 1) give NaN."""
    with torch.no_grad():
        if kind == "native":
            model.layers[0].coef[1, 0, 2] = torch.nan
        elif kind == "pykan 0.2.8":
            model.act_fun[0].coef[0, 1, 2] = torch.nan
        elif kind == "pykan 0.0.1":
            model.act_fun[0].coef[1 * 2 + 0, 2] = torch.nan
        elif kind == "efficient-kan":
            model.layers[0].spline_weight[1, 0, 2] = torch.nan
        else:
            model.layers[0].spline_linear.weight[1, 2] = torch.nan


@every_kind
def test_a_mean_that_is_no_number_goes_into_no_bias(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data()
    spoil(model, kind)
    before = kinds.bits(model)
    session = PruningSession(model, dataset)
    assert any("The model is broken: edge (0, 0, 1)" in said for said in session.warnings)
    assert session.loss != session.loss
    session.remove_edge(0, 0, 1)
    found = model(dataset["test_input"]).detach()
    finite = bool(found.isfinite().all())
    # pykan multiplies by its masks: there NaN stays NaN, and the session says so.
    assert finite == (not kind.startswith("pykan"))
    assert (session.loss == session.loss) == finite
    assert any("broken" in said for said in session.warnings) == (not finite)
    assert all(bool(b.isfinite().all()) for b in session.bias)
    if finite:  # what comes after the broken edge has scores and means without it
        session.remove_edge(1, 1, 0)
        assert session.loss == session.loss
        session.undo()
    session.undo()
    session.close()
    assert kinds.bits(model) == before


def test_a_bias_that_is_nan_is_no_news_for_ever() -> None:
    model, dataset = KAN([2, 3, 1], seed=0), kinds.data()
    session = PruningSession(model, dataset)
    with torch.no_grad():
        model.layers[0].bias[1] = torch.nan
    assert session.refresh()
    for _ in range(3):
        assert not session.refresh()
    assert len(session.history.commands) == 2
    session.close()
    assert model.layers[0].bias[1].isnan()
    session = PruningSession(model, dataset)
    assert not session.refresh()
    session.remove_edge(0, 0, 1)
    session.close()
    assert model.layers[0].bias[1].isnan()


# Interrupts -----------------------------------------------------------------------------------


def anything(session: PruningSession, rng: random.Random) -> None:
    """Do one random thing to a session."""
    edge = rng.choice([(0, rng.randrange(2), rng.randrange(3)), (1, rng.randrange(3), 0)])
    rng.choice(
        [
            lambda: session.remove_edge(*edge),
            lambda: session.restore_edge(*edge),
            lambda: session.remove_node(1, rng.randrange(3)),
            lambda: session.set(edge_threshold=rng.choice([0.0, 0.05, 0.2, 1.0])),
            lambda: session.set(keep_mean=rng.random() < 0.5),
            lambda: session.preview(node_threshold=0.2),
            session.undo,
            session.redo,
            session.reset,
            session.costs,
            session.refresh,
            session.commit,
            lambda: session.rescore(rng.choice(["l1", "attribution", "ablation"])),
        ]
    )()


def interrupted(kind: str, seed: int, interrupts: Interrupts) -> list[str]:
    """Work sessions until an interrupt, at any moment; return what is wrong after that."""
    rng = random.Random(seed)
    model, dataset = kinds.make(kind, seed % 7), kinds.data(8)
    before, session, wrong = kinds.bits(model), None, []
    seconds = rng.uniform(0, 0.02 if kind in ("native", "efficient-kan") else 0.06)
    try:
        interrupts.after(seconds)
        session = PruningSession(model, dataset)
        while True:
            anything(session, rng)
            if rng.random() < 0.1:
                session.jump(0)  # which no commit survives
                session.close()
                session = PruningSession(model, dataset)
    except KeyboardInterrupt:
        interrupts.after(0)
    if session is not None and not session.closed:
        outside = len([c for c in session.history.commands if c.kind == "outside"])
        session.refresh()
        live = [bool(on) for on in torch.cat([m.flatten() for m in session.mask])]
        again = PruningSession(model, dataset)
        theirs = [bool(on) for on in torch.cat([m.flatten() for m in again.mask])]
        again.close()
        if live != theirs:
            wrong.append("the model shows other masks than the session")
        if any(c.kind == "outside" for c in session.history.commands[outside:]):
            wrong.append("what was half written passed for somebody else's")
        session.jump(0)
        session.close()
    if kinds.bits(model) != before:
        wrong.append("the model is not as it was")
    return wrong


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    made = Interrupts()
    yield made
    made.stop()


@every_kind
def test_an_interrupt_at_any_moment_loses_nothing(kind: str, interrupts: Interrupts) -> None:
    kinds.make(kind)
    for seed in range(12):
        assert interrupted(kind, seed, interrupts) == []


# A training in another thread -----------------------------------------------------------------


def trained_beside(asks: Callable[[PruningSession], object]) -> tuple[dict[str, bytes], int]:
    """Train a model in a thread while a session on it is asked; return its bits then."""
    model, dataset = KAN([2, 4, 1], grid=4, seed=0), kinds.data(100)
    session, asked, enough = PruningSession(model, dataset), 0, threading.Semaphore(0)
    session.remove_edge(0, 0, 1)

    def wait(*_: object) -> None:  # each step is trained while something is asked
        enough.acquire(timeout=60)

    thread = threading.Thread(
        target=lambda: model.fit(dataset, steps=12, progress=False, callback=wait)
    )
    thread.start()
    while thread.is_alive():
        asks(session)
        asked += 1
        enough.release()
    thread.join()
    found = kinds.bits(model)
    session.close()
    return found, asked


def test_what_is_only_asked_does_not_touch_a_training() -> None:
    def everything(session: PruningSession) -> None:
        session.preview(node_threshold=0.3, keep_mean=False)
        session.preview_toggle(0, 1, 1)
        session.tradeoff("edge")
        session.costs()

    alone, _ = trained_beside(lambda session: time.sleep(0.001))
    beside, asked = trained_beside(everything)
    assert asked >= 12
    assert beside == alone


@every_kind
def test_thresholds_that_change_while_a_thread_trains_lose_no_weight(kind: str) -> None:
    model, dataset, stop = kinds.make(kind), kinds.data(20), threading.Event()
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    masks = {name: bits for name, bits in kinds.bits(model).items() if "mask" in name}
    failed: list[BaseException] = []

    def train() -> None:  # which moves nothing, but for rounding
        try:
            if isinstance(model, KAN):
                steps = {"opt": "Adam", "steps": 10**6, "lr": 1e-14, "update_grid": False}
                model.fit(dataset, stop=stop.is_set, progress=False, **steps)
                return
            trained = [p for p in model.parameters() if p.requires_grad]
            optimizer = torch.optim.SGD(trained, lr=1e-14)
            while not stop.is_set():
                optimizer.zero_grad()
                pred = model(dataset["train_input"])
                nn.functional.mse_loss(pred, dataset["train_label"]).backward()
                optimizer.step()
        except BaseException as error:
            failed.append(error)

    session, rng = PruningSession(model, dataset), random.Random(0)
    thread = threading.Thread(target=train)
    thread.start()
    for _ in range(25):
        session.set(edge_threshold=rng.random(), merge=True)
    stop.set()
    thread.join()
    session.close()
    assert failed == []
    for name, value in model.named_parameters():
        assert torch.allclose(value, before[name], rtol=0, atol=1e-8), name
    assert {n: b for n, b in kinds.bits(model).items() if "mask" in n} == masks


# What others load, and what another session tries ---------------------------------------------


@every_kind
@pytest.mark.parametrize("looks", [True, False], ids=["refreshed", "closed at once"])
@pytest.mark.parametrize("edges", [1, 2, 5])
def test_a_checkpoint_that_is_loaded_while_edges_are_off_stays_as_loaded(
    kind: str, edges: int, looks: bool
) -> None:
    model, dataset = kinds.make(kind), kinds.data()
    first, x = copy.deepcopy(model.state_dict()), dataset["test_input"]
    with torch.no_grad():
        wanted = model(x)
    session = PruningSession(model, dataset)
    for edge in [(0, 0, 0), (0, 1, 0), (0, 0, 2), (1, 0, 0), (1, 2, 0)][:edges]:
        session.remove_edge(*edge)
    model.load_state_dict(first)
    with torch.no_grad():
        loaded = model(x)
    if looks:
        session.refresh()
        with torch.no_grad():
            assert torch.allclose(model(x), loaded, rtol=0, atol=1e-12)
    session.close()
    with torch.no_grad():
        assert torch.equal(model(x), wanted)
    for name, value in model.state_dict().items():
        assert torch.equal(value, first[name]), name


def test_what_a_library_switches_on_beside_a_training_takes_its_mean_with_it() -> None:
    model, dataset = kinds.make("native"), kinds.data()
    bias = model.layers[0].bias.detach().clone()
    session = PruningSession(model, dataset)
    session.remove_edge(0, 0, 0)
    session.remove_edge(0, 1, 0)
    mean = float(session.baseline.means[0][0, 1])
    with torch.no_grad():
        model.layers[0].mask[0, 0] = True  # edge (0, 1, 0) stays off, and leaves its mean
        model.layers[0].bias[0] = 2.0
    session.close()
    assert model.layers[0].bias[0].item() == pytest.approx(2.0 - mean, abs=1e-12)
    assert torch.equal(model.layers[0].bias[1:], bias[1:])


def undo(a: PruningSession, b: PruningSession) -> None:
    a.remove_edge(0, 0, 1)
    a.undo()


def undo_and_redo(a: PruningSession, b: PruningSession) -> None:
    a.refresh()
    a.jump(0)
    a.redo()


def both(a: PruningSession, b: PruningSession) -> None:
    a.remove_edge(0, 1, 0)
    b.set(edge_threshold=float(b.scores[1].min()))
    a.jump(0)
    b.remove_edge(0, 1, 2)
    a.undo()


def switch_it_on(a: PruningSession, b: PruningSession) -> None:
    a.restore_edge(0, 0, 0)


@every_kind
@pytest.mark.parametrize("first", ["a", "b"])
@pytest.mark.parametrize(
    "act",
    [lambda a, b: a.jump(0), undo, undo_and_redo, both, switch_it_on],
    ids=["jump", "undo", "redo", "both", "on"],
)
def test_what_another_session_tries_is_no_change_that_stays(
    kind: str, act: Callable[[PruningSession, PruningSession], None], first: str
) -> None:
    model, dataset = kinds.make(kind), kinds.data()
    whole = kinds.bits(model)
    a, b = PruningSession(model, dataset), PruningSession(model, dataset)
    b.remove_edge(0, 0, 0)
    act(a, b)
    assert {command.weights for command in a.history.commands} == {0}
    for session in (a, b) if first == "a" else (b, a):
        session.close()
    assert kinds.bits(model) == whole


@every_kind
def test_an_interrupt_while_a_session_is_forgotten_does_not_cut_its_close_short(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, dataset = kinds.make(kind), kinds.data()
    whole = kinds.bits(model)
    session = PruningSession(model, dataset)
    session.remove_edge(0, 0, 0)
    close, calls = PruningSession.close, []

    def interrupted(session: PruningSession) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        close(session)

    monkeypatch.setattr(PruningSession, "close", interrupted)
    with pytest.raises(KeyboardInterrupt):
        session.__del__()
    assert kinds.bits(model) == whole


def test_undo_gives_weights_back_past_an_edge_that_pykan_pruned() -> None:
    model, dataset = kinds.make("pykan 0.2.8"), kinds.data()
    session = PruningSession(model, dataset)
    coef = model.act_fun[0].coef.detach().clone()
    with torch.no_grad():
        model.act_fun[0].coef += 0.1
    model(dataset["train_input"])
    model.attribute()
    model.prune_edge(0.1, log_history=False)
    assert model.act_fun[0].mask.dtype == torch.float32
    session.jump(0)
    assert torch.equal(model.act_fun[0].coef, coef)
    assert not session.warnings


@every_kind
def test_a_commit_measures_what_others_have_just_trained(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data()
    session = PruningSession(model, dataset)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1 and parameter.requires_grad:
                parameter += 0.05
    session.commit()
    fresh = PruningSession(copy.deepcopy(model), dataset)
    for found, wanted in zip(session.baseline.means, fresh.baseline.means, strict=True):
        assert torch.allclose(found, wanted, rtol=0, atol=1e-12)
    assert session.loss == pytest.approx(fresh.loss, abs=1e-12)


@pytest.mark.parametrize("kind", ["native", "pykan 0.2.8"])
def test_a_checkpoint_that_is_loaded_after_an_edge_was_removed_has_it(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data()
    first, x = copy.deepcopy(model.state_dict()), dataset["test_input"]
    with torch.no_grad():
        wanted = model(x)
    session = PruningSession(model, dataset)
    model.remove_edge(0, 0, 0)
    model.load_state_dict(first)
    session.refresh()
    session.remove_edge(0, 0, 0)
    session.refresh()
    session.undo()
    with torch.no_grad():
        assert torch.allclose(model(x), wanted, rtol=0, atol=1e-12)
    session.remove_edge(0, 1, 0)
    session.close()
    with torch.no_grad():
        assert torch.equal(model(x), wanted)


def test_an_edge_that_its_library_removes_while_it_is_off_leaves_its_mean() -> None:
    model, dataset = kinds.make("native"), kinds.data()
    twin, x = copy.deepcopy(model), dataset["test_input"]
    session = PruningSession(model, dataset)
    session.remove_edge(0, 0, 0)
    session.remove_edge(0, 1, 0)
    with torch.no_grad():
        wanted = model(x)
    model.remove_edge(0, 0, 0)
    session.refresh()
    with torch.no_grad():
        assert torch.allclose(model(x), wanted, rtol=0, atol=1e-12)
    session.restore_edge(0, 0, 0)
    session.restore_edge(0, 1, 0)
    with torch.no_grad():
        assert torch.allclose(model(x), twin(x), rtol=0, atol=1e-12)
    session.close()
    twin.remove_edge(0, 0, 0)
    with torch.no_grad():
        assert torch.equal(model(x), twin(x))


@pytest.mark.parametrize("kind", ["pykan 0.2.8", "pykan 0.0.1"])
@pytest.mark.parametrize("then", ["close", "refresh", "lower", "another", "undo"])
def test_what_auto_symbolic_fixes_while_it_is_off_stays_off_with_its_mean(
    kind: str, then: str
) -> None:
    sympy = pytest.importorskip("sympy")
    model, dataset = kinds.make(kind), kinds.data()
    first, x = kinds.bits(model), dataset["test_input"]
    session = PruningSession(model, dataset)
    scores = torch.cat([layer.flatten() for layer in session.scores])
    session.set(edge_threshold=float(scores.sort().values[3]))
    on = session.mask
    model(dataset["train_input"])
    model.auto_symbolic(lib=["x", "x^2", "sin"], verbose=0)
    y = model(x).detach()
    other = PruningSession(model, dataset) if then == "another" else None
    if then == "undo":
        session.refresh()
        session.undo()
        session.set(edge_threshold=0.0)
        session.close()
        assert kinds.bits(model) == first
        return
    if then == "lower":
        session.set(edge_threshold=0.0)
    elif then == "refresh":
        session.refresh()
    for last in (session, other):
        with torch.no_grad():
            assert torch.allclose(model(x), y, rtol=0, atol=1e-12)
        if last is not None:
            last.close()
    with torch.no_grad():
        assert torch.allclose(model(x), y, rtol=0, atol=1e-12)
    with PruningSession(model, dataset) as again:
        assert all(map(torch.equal, again.mask, on))
    digits = {} if kind == "pykan 0.2.8" else {"floating_digit": 15}
    (formula,), names = model.symbolic_formula(**digits)
    value = sympy.lambdify(names, formula, "numpy")(*x.T.numpy())
    assert torch.allclose(torch.as_tensor(value).double().expand(len(y)), y[:, 0], atol=1e-9)


def test_an_edge_that_came_back_after_a_commit_and_is_removed_in_a_cell_takes_its_mean_along() -> (
    None
):
    model, dataset = kinds.make("native"), kinds.data()
    x = dataset["test_input"]
    with PruningSession(model, dataset) as session:
        session.remove_edge(1, 2, 0)
        session.commit()
        session.restore_edge(1, 2, 0)
        model.remove_edge(1, 2, 0)  # which keeps no mean
        left = model(x).detach()
        session.refresh()
        assert torch.allclose(model(x), left, rtol=0, atol=1e-12)
        assert not session.mask[1][0, 2]
    assert torch.allclose(model(x), left, rtol=0, atol=1e-12)
