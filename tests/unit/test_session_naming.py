"""A session names curves: each name is one step with a way back, and the formula follows."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import kinds
import numpy as np
import pytest
import torch
from interrupts import InterruptAfterCall
from torch import Tensor, nn

from kanwidget import KAN, PruningSession, create_dataset
from kanwidget.functions.library import FUNCTIONS
from kanwidget.functions.own_function import own_function

Dataset = dict[str, Tensor]

every_kind = pytest.mark.parametrize("kind", kinds.KINDS)

RIGHT = {(0, 0, 0): "sin", (0, 1, 0): "x^2", (1, 0, 0): "exp"}


def hello_world(x: Tensor) -> Tensor:
    return torch.exp(torch.sin(math.pi * x[:, [0]]) + x[:, [1]] ** 2)


@pytest.fixture(scope="module")
def learnt() -> tuple[KAN, Dataset]:
    dataset = create_dataset(hello_world, n_var=2, train_num=300, test_num=200, seed=0)
    model = KAN([2, 1, 1], grid=5, seed=0)
    model.fit(dataset, steps=12, progress=False)
    return model, dataset


def opened(learnt: tuple[KAN, Dataset], **options: Any) -> tuple[KAN, Dataset, PruningSession]:
    model, dataset = copy.deepcopy(learnt[0]), learnt[1]
    return model, dataset, PruningSession(model, dataset, **options)


def functions(session: PruningSession) -> dict[tuple[int, int, int], str]:
    return {edge: curve.function for edge, curve in session.names.items()}


def test_candidates_say_what_each_name_costs(learnt: tuple[KAN, Dataset]) -> None:
    model, _, session = opened(learnt)
    before = kinds.bits(model)
    rows = session.candidates(0, 0, 0)
    assert len(rows) >= 5
    assert rows[0].function == "sin"
    assert rows[0].group == 0
    assert [row.group for row in rows] == sorted(row.group for row in rows)
    assert [row.bits for row in rows] == sorted(row.bits for row in rows)
    assert rows[0].r2 > 0.999
    assert abs(abs(rows[0].curve.a) - math.pi) < 4 * rows[0].uncertainties["a"] + 0.01
    assert rows[0].loss_after < rows[0].loss < 2 * session.loss
    assert rows[0].loss_after < 0.1 * session.loss
    assert min(row.loss_after for row in rows[1:] if row.group) > 5 * session.loss
    assert kinds.bits(model) == before
    session.name(0, 0, 0, "sin")
    assert session.loss == pytest.approx(rows[0].loss, rel=1e-9)
    assert [row.function for row in session.candidates(0, 0, 0)] == [row.function for row in rows]


@every_kind
def test_a_name_stands_in_the_model_and_has_a_way_back(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data(60)
    session = PruningSession(model, dataset)
    before, outputs, loss = kinds.bits(model), model(dataset["test_input"]).detach(), session.loss
    assert session.names == {}
    session.name(0, 1, 2, "x^2")
    assert functions(session) == {(0, 1, 2): "x^2"}
    step = session.history.current
    assert (step.kind, step.what[0]) == ("name", ("name", 0, 1, 2, "x^2"))
    error = model(dataset["test_input"]) - dataset["test_label"]
    assert session.loss == pytest.approx(float(error.detach().square().mean().sqrt()), rel=1e-9)
    assert session.loss != loss
    named = kinds.bits(model)
    session.remove_edge(0, 1, 2)
    session.restore_edge(0, 1, 2)
    session.unname(0, 1, 2)
    assert torch.allclose(model(dataset["test_input"]), outputs, rtol=0, atol=1e-12)
    assert session.names == {}
    session.jump(step.id)
    assert kinds.bits(model) == named
    session.undo()
    assert kinds.bits(model) == before
    session.redo()
    assert kinds.bits(model) == named
    session.close()
    assert kinds.bits(model) == named


@every_kind
def test_closing_with_the_weights_takes_names_back(kind: str) -> None:
    model = kinds.make(kind)
    before, session = kinds.bits(model), PruningSession(model, kinds.data(60))
    session.name(0, 0, 0, "sin")
    session.remove_edge(0, 1, 1)
    session.commit()
    session.name(1, 2, 0, "tanh", pin={"d": 0.0})
    session.close(weights=True)
    assert kinds.bits(model) == before


@every_kind
def test_means_of_named_edges_are_kept_like_those_of_splines(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data(60)
    session = PruningSession(model, dataset)
    session.name(0, 0, 1, "gaussian")
    start = model(dataset["train_input"]).detach()
    session.remove_edge(0, 0, 1)
    assert session.names[0, 0, 1].function == "gaussian"
    off = model(dataset["train_input"]).detach()
    session.name(0, 0, 1, "sin")
    assert torch.allclose(model(dataset["train_input"]), off, rtol=0, atol=1e-12)
    session.undo()
    session.restore_edge(0, 0, 1)
    assert torch.allclose(model(dataset["train_input"]), start, rtol=0, atol=1e-9)
    session.remove_edge(0, 0, 1)
    session.commit()
    session.close()
    assert torch.allclose(model(dataset["train_input"]), off, rtol=0, atol=1e-9)


def test_pinned_constants_are_kept_by_every_fit(learnt: tuple[KAN, Dataset]) -> None:
    _, _, session = opened(learnt)
    session.name(1, 0, 0, "exp", pin={"c": 1.0, "d": 0.0})
    curve = session.names[1, 0, 0]
    assert (curve.c, curve.d, curve.fixed) == (1.0, 0.0, frozenset("cd"))
    session.fit(3)
    session.name_all(seconds=600)
    curve = session.names[1, 0, 0]
    assert (curve.c, curve.d) == (1.0, 0.0)
    assert session.loss < 1e-9
    assert "pin={'c': 1.0, 'd': 0.0}" in session.script()


def test_all_curves_are_named_in_one_step(learnt: tuple[KAN, Dataset]) -> None:
    model, _, session = opened(learnt)
    before, seen = kinds.bits(model), []
    result = session.name_all(seconds=600, progress=seen.append)
    assert functions(session) == RIGHT
    assert {edge: curve.function for edge, curve in result.names.items()} == RIGHT
    assert session.loss == result.loss < 1e-12
    assert result.unnamed == result.removed == []
    assert len(session.history.commands) == 2
    assert session.history.current.text.startswith("3 curves named, test RMSE")
    assert [step.edge for step in seen] == [row.edge for row in result.steps[1:]]
    table = session.formula().table()
    assert table == result.steps
    assert [row.names for row in table] == [0, 1, 2, 3]
    session.undo()
    assert kinds.bits(model) == before
    session.redo()
    assert session.formula().recognised(seconds=600).latex(4) == (
        r"y = e^{\sin\left(\pi \, x_{1}\right) + x_{2}^{2}}"
    )
    session.undo()
    fewer = session.name_all(seconds=600, most_names=2)
    assert len(session.names) == 2
    assert fewer.steps == result.steps[:3]
    assert fewer.unnamed == [table[3].edge]


def test_edges_that_do_nothing_go_off_by_hand() -> None:
    dataset = create_dataset(lambda x: torch.sin(3 * x[:, [0]]), n_var=2, train_num=200, seed=0)
    model = KAN([2, 1], grid=5, seed=0)
    model.fit(dataset, steps=8, progress=False)
    session = PruningSession(model, dataset)
    result = session.name_all(seconds=600)
    assert result.removed == [(0, 1, 0)]
    assert session.edits.removed_edges == {(0, 1, 0)}
    assert functions(session) == {(0, 0, 0): "sin"}
    assert session.loss < 1e-10
    session.restore_edge(0, 1, 0)
    assert math.isfinite(session.loss)
    session.undo()
    outputs = model(dataset["test_input"]).detach()
    session.commit()
    session.close()
    assert torch.equal(model(dataset["test_input"]), outputs)


def test_what_no_name_fits_stays_a_spline_and_the_loss_is_kept() -> None:
    def bumps(x: Tensor) -> Tensor:
        return torch.sin(9 * x[:, [0]] ** 2) * torch.cos(5 * x[:, [0]]) + x[:, [1]] ** 3

    dataset = create_dataset(bumps, n_var=2, train_num=400, test_num=400, seed=0)
    model = KAN([2, 1], grid=8, seed=0)
    model.fit(dataset, steps=12, progress=False)
    session = PruningSession(model, dataset)
    before = session.loss
    result = session.name_all(seconds=600)
    assert result.unnamed == [(0, 0, 0)]
    assert functions(session) == {(0, 1, 0): "x^3"}
    assert session.loss <= 1.05 * before
    assert "still splines: (0, 0, 0)" in result.text
    assert session.formula().unnamed == [(0, 0, 0)]


@every_kind
def test_naming_all_never_ends_above_the_tolerance(kind: str) -> None:
    if kind == "FastKAN":
        with pytest.raises(ValueError, match="layer normalization"):
            PruningSession(kinds.make(kind), kinds.data(60)).name_all(seconds=1)
        return
    model = kinds.make(kind)
    session = PruningSession(model, kinds.data(150))
    session.fit(5)
    before, loss = kinds.bits(model), session.loss
    result = session.name_all(seconds=2.0)
    assert result.loss == session.loss <= 1.05 * loss
    if session.history.current.kind == "name_all":
        session.undo()
    assert kinds.bits(model) == before


def test_no_labels_let_outputs_change_a_little(learnt: tuple[KAN, Dataset]) -> None:
    model, dataset = copy.deepcopy(learnt[0]), learnt[1]
    session = PruningSession(model, dataset["test_input"])
    spread = float(model(dataset["test_input"]).detach().std())
    session.name_all(seconds=600)
    assert functions(session) == RIGHT
    assert 0 < session.loss < 0.05 * spread


def test_a_metric_of_ones_own_judges_names() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(300, 2, generator=generator, dtype=torch.float64) * 2 - 1
    y = (torch.sin(3 * x[:, 0]) + x[:, 1] > 0).long()
    dataset = {"train_input": x, "train_label": y, "test_input": x, "test_label": y}
    model = KAN([2, 1, 2], grid=3, seed=0)
    session = PruningSession(model, dataset, metric=nn.CrossEntropyLoss())
    session.fit(5)
    loss = session.loss
    result = session.name_all(seconds=3.0)
    assert session.loss <= 1.05 * loss
    assert result.loss_before == loss
    assert all(math.isfinite(row.loss) for row in session.candidates(0, 0, 0))


def test_a_script_gives_the_same_formula(learnt: tuple[KAN, Dataset]) -> None:
    _, dataset, session = opened(learnt)
    session.name(0, 0, 0, "sin")
    session.fit(2)
    session.unname(0, 0, 0)
    session.name_all(tolerance=0.1, seconds=600)
    other = copy.deepcopy(learnt[0])
    names: dict[str, Any] = {"model": other, "dataset": dataset}
    exec(session.script(), names)
    x = dataset["test_input"]
    assert functions(names["session"]) == functions(session)
    np.testing.assert_allclose(names["session"].formula()(x), session.formula()(x), atol=1e-9)


def test_a_session_as_json_keeps_names(learnt: tuple[KAN, Dataset]) -> None:
    model, dataset, session = opened(learnt)
    session.name(0, 0, 0, "sin")
    session.remove_edge(0, 1, 0)
    session.unname(0, 0, 0)
    session.jump(1)
    session.name_all(seconds=600)
    content = session.to_dict()
    outputs = model(dataset["test_input"]).detach()
    other = copy.deepcopy(learnt[0])
    again = PruningSession.from_dict(content, other, dataset)
    assert again.names == session.names
    assert torch.allclose(other(dataset["test_input"]), outputs, rtol=0, atol=1e-12)
    assert [c.text for c in again.history.commands] == [c.text for c in session.history.commands]
    again.jump(1)
    assert functions(again) == {(0, 0, 0): "sin"}
    again.jump(0)
    assert kinds.bits(other) == kinds.bits(learnt[0])


@every_kind
def test_the_same_formula_after_fit_compact_save_and_load(kind: str, tmp_path: Path) -> None:
    model, dataset = kinds.make(kind), kinds.data(60)
    session = PruningSession(model, dataset)
    session.name(0, 0, 0, "sin")
    session.name(1, 0, 0, "tanh")
    session.fit(2)
    session.remove_edge(0, 1, 1)
    x = dataset["test_input"]
    outputs = model(x).detach()
    formula = session.formula()
    np.testing.assert_allclose(formula(x), outputs.numpy(), atol=1e-9)
    small = session.compact()
    compacted = PruningSession(small, dataset)
    np.testing.assert_allclose(compacted.formula()(x), outputs.numpy(), atol=1e-9)
    assert {c.function for c in compacted.names.values()} >= {"tanh"}
    session.save(tmp_path / "s")
    other = kinds.make(kind, 1)
    again = PruningSession.load(tmp_path / "s", other, dataset)
    assert again.names == session.names
    assert torch.equal(other(x), outputs)
    assert again.formula().latex(6) == formula.latex(6)
    for step in (1, 0, 4):
        again.jump(step)
        session.jump(step)
        assert kinds.bits(other) == kinds.bits(model)


def softplus(x: Any) -> Any:
    return torch.nn.functional.softplus(x)


def test_a_function_of_ones_own_is_kept_and_refused_by_files(
    learnt: tuple[KAN, Dataset], tmp_path: Path
) -> None:
    model, dataset, session = opened(learnt)
    own = own_function("softplus", softplus)
    session.name(1, 0, 0, own)
    assert functions(session) == {(1, 0, 0): "softplus"}
    assert "session.name(1, 0, 0, softplus)  # softplus is a function of your own" in (
        session.script()
    )
    with pytest.raises(ValueError, match="a function of your own is code"):
        session.to_dict()
    session.name(0, 0, 0, "sin")
    session.save(tmp_path / "s")
    with pytest.raises(ValueError, match="give the model's edges the same ones first"):
        PruningSession.load(tmp_path / "s", copy.deepcopy(learnt[0]), dataset)
    session.unname(1, 0, 0)
    session.save(tmp_path / "s")
    again = PruningSession.load(tmp_path / "s", copy.deepcopy(learnt[0]), dataset)
    assert functions(again) == {(0, 0, 0): "sin"}
    formula = PruningSession(model, dataset).formula()
    np.testing.assert_allclose(
        formula(dataset["test_input"]), model(dataset["test_input"]).detach()
    )


def test_hostile_functions_and_names_lose_nothing(learnt: tuple[KAN, Dataset]) -> None:
    model, _, session = opened(learnt)
    before = kinds.bits(model)

    def sometimes(x: Tensor) -> Tensor:
        if len(x) != 61:
            raise RuntimeError("<script>alert(1)</script>")
        return torch.sin(x)

    raises = own_function("raises", sometimes)
    holes = own_function("holes", lambda x: torch.where(x > 2, torch.exp(x), torch.nan * x))
    huge = own_function("huge", lambda x: 1e300 * torch.exp(20 * x))
    with pytest.raises(ValueError, match="raises"):
        session.name(0, 0, 0, raises)
    with pytest.raises(ValueError, match="raises"):
        session.candidates(0, 0, 0, lib={**FUNCTIONS, "raises": raises})
    with pytest.raises(ValueError, match="raises"):
        session.name_all(lib={**FUNCTIONS, "raises": raises})
    for function in ("<b>bold</b>", "x" * 10_000, "sine", ""):
        with pytest.raises(ValueError, match="no function"):
            session.name(0, 0, 0, function)
    with pytest.raises(TypeError, match="function must be"):
        session.name(0, 0, 0, math.sin)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="log cannot name"):
        session.name(0, 0, 0, "log", pin={"a": 1.0, "b": 0.0})
    with pytest.raises(ValueError, match="a, b, c, d"):
        session.name(0, 0, 0, "sin", pin={"e": 1.0})
    with pytest.raises(ValueError, match="finite"):
        session.name(0, 0, 0, "sin", pin={"a": math.nan})
    with pytest.raises(IndexError):
        session.name(0, 2, 0, "sin")
    with pytest.raises(ValueError, match="no name to take back"):
        session.unname(0, 0, 0)
    assert kinds.bits(model) == before
    assert len(session.history.commands) == 1
    session.name_all(lib={**FUNCTIONS, "holes": holes, "huge": huge}, seconds=600)
    assert functions(session) == RIGHT


def test_a_search_that_is_stopped_or_interrupted_gives_the_best_so_far(
    learnt: tuple[KAN, Dataset],
) -> None:
    _, _, session = opened(learnt)
    seen: list[Any] = []
    result = session.name_all(seconds=600, stop=lambda: len(seen) >= 1, progress=seen.append)
    assert len(result.names) == 1
    assert result.out_of_time
    session.undo()

    def interrupt(step: Any) -> None:
        if step.unnamed == 1:
            raise KeyboardInterrupt

    result = session.name_all(seconds=600, progress=interrupt)
    assert len(result.names) == 2
    assert session.loss <= 1.05 * result.loss_before
    assert session.history.current.kind == "name_all"


def test_a_name_that_coarser_splines_have_moved_out_of_its_domain_is_moved_back() -> None:
    dataset = create_dataset(
        lambda x: (1.02 + torch.sin(6 * x)).sqrt(), n_var=1, train_num=300, test_num=100, seed=0
    )
    session = PruningSession(KAN([1, 1, 1], grid=3, seed=0), dataset)
    session.fit(20)
    result = session.name_all(lib=["sqrt"], tolerance=1.0, seconds=600)
    assert [step.function for step in result.steps] == [None, "sqrt"]
    assert functions(session) == {(1, 0, 0): "sqrt"}
    assert session.loss < result.loss_before


def test_whenever_an_interrupt_comes_a_search_in_the_background_ends(
    learnt: tuple[KAN, Dataset],
) -> None:
    _, _, session = opened(learnt)
    for call in range(1, 10):
        run = session.start_name_all(seconds=600)
        with InterruptAfterCall(call) as interrupts:
            interrupts.begin()
            run.wait()
        run.stop()
        run.wait()
        assert interrupts.came
        assert run.error is None
        assert not run.running
        session.jump(0)


def test_names_given_by_hand_stay_when_all_others_are_found(learnt: tuple[KAN, Dataset]) -> None:
    _, _, session = opened(learnt)
    session.name(0, 1, 0, "sqrt(1+x^2)")
    session.name_all(tolerance=1.0, seconds=600)
    assert session.names[0, 1, 0].function == "sqrt(1+x^2)"


def test_a_formula_has_units_and_names(learnt: tuple[KAN, Dataset]) -> None:
    model, dataset, session = opened(learnt)
    session.name_all(seconds=600)
    x = dataset["test_input"].numpy()
    mean, std = np.array([1.0, -2.0]), np.array([2.0, 0.5])
    formula = session.formula(["t", "v"], ["p"], (mean, std), ([3.0], [10.0]))
    raw = x * std + mean
    np.testing.assert_allclose(
        formula(raw), 3 + 10 * model(dataset["test_input"]).detach().numpy(), atol=1e-9
    )
    assert formula.in_vars == ("t", "v")
    assert formula.loss == pytest.approx(session.loss, abs=1e-12)


def test_products_of_a_pykan_model_come_out_as_products() -> None:
    kan = pytest.importorskip("kan", reason="pykan is not installed")
    if not hasattr(kan, "MultKAN"):
        pytest.skip("this is not pykan 0.2.x")

    def product(x: Tensor) -> Tensor:
        return torch.sin(2 * x[:, [0]]) * x[:, [1]] ** 2

    dataset = create_dataset(product, n_var=2, train_num=300, test_num=300, seed=0)
    states = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    model = kan.MultKAN(width=[2, [0, 1], 1], grid=5, seed=1, auto_save=False).double()
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    session = PruningSession(model, dataset)
    session.fit(15)
    before = kinds.bits(model)
    session.name_all(seconds=600)
    assert session.loss < 1e-10
    latex = session.formula().recognised(seconds=600).latex()
    assert latex == r"y = \sin\left(2 \, x_{1}\right) \, x_{2}^{2}"
    session.undo()
    assert kinds.bits(model) == before
