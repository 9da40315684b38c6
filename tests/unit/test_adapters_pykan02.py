"""pykan 0.2.8 in a session: what it computes, what it is left as, and what comes of it."""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from kanwidget import KANWidget, PruningSession
from kanwidget.adapters import adapt
from kanwidget.adapters.pykan02 import PykanAdapter
from kanwidget.functions.curve import named_value
from kanwidget.functions.library import FUNCTIONS
from kanwidget.widget.function_tables import cells

kan = pytest.importorskip("kan", reason="pykan is not installed")
if not hasattr(kan, "MultKAN"):
    pytest.skip("this is not pykan 0.2.x", allow_module_level=True)

# pykan makes figures of a screen's kind.
os.environ.setdefault("MPLBACKEND", "Agg")


def untouched(function: Callable[[], Any]) -> Any:
    """Call what seeds the random numbers, and give them back."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        return function()
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


def make(width: list[Any], seed: int = 0, **config: Any) -> Any:
    """Return a lively MultKAN in double precision: also its scales and biases."""
    model = untouched(
        lambda: kan.MultKAN(
            width=copy.deepcopy(width), grid=3, seed=seed, auto_save=False, **config
        )
    ).double()
    generator = torch.Generator().manual_seed(seed)
    for layer in model.act_fun:
        layer.coef.data += torch.randn(layer.coef.shape, generator=generator).double()
    for name in ("node_bias", "node_scale", "subnode_bias", "subnode_scale"):
        for tensor in getattr(model, name):
            tensor.data += 0.3 * torch.randn(tensor.shape, generator=generator).double()
    return model


def data(n: int, rows: int = 30, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(rows, n, generator=generator, dtype=torch.float64) * 1.8 - 0.9


def fix(model: Any, l: int, i: int, j: int, name: str, mode: str = "s") -> None:
    model.fix_symbolic(l, i, j, name, fit_params_bool=False, verbose=False, log_history=False)
    model.symbolic_fun[l].affine.data[j, i] = torch.tensor([1.3, 0.2, 0.7, -0.1]).double()
    if mode != "s":
        model.set_mode(l, i, j, mode, mask_n=0.5)


def numeric() -> Any:
    return make([2, 4, 1])


def symbolic() -> Any:
    model = make([2, 3, 2], seed=1)
    for at, name in {(0, 0, 0): "sin", (0, 1, 2): "x^2", (1, 2, 1): "exp"}.items():
        fix(model, *at, name)
    fix(model, 0, 1, 0, "sin", mode="ns")
    model.act_fun[1].mask.data[1, 0] = 0.0
    return model


def multiplying() -> Any:
    model = make([3, [2, 2], 2], seed=2)
    fix(model, 0, 2, 3, "sin")
    return model


def many_factors() -> Any:
    return make([2, [1, 2], [2, 1], 1], seed=3, mult_arity=[[], [2, 3], [2], []])


MODELS = (numeric, symbolic, multiplying, many_factors)


@pytest.fixture(params=MODELS, ids=lambda build: build.__name__)
def build(request: pytest.FixtureRequest) -> Callable[[], Any]:
    """Return what makes one of several models."""
    result: Callable[[], Any] = request.param
    return result


def state_of(model: Any) -> dict[str, Any]:
    """Return all that a model holds, down to its activations."""
    formulas = [
        [[row[:] for row in getattr(layer, name)] for name in ("funs", "funs_name")]
        for layer in model.symbolic_fun
    ]
    plain = {n: v for n, v in vars(model).items() if not n.startswith("_")}
    return {
        "numbers": {n: v.clone() for n, v in model.state_dict().items()},
        "formulas": formulas,
        "plain": {n: copy.copy(v) if isinstance(v, list) else v for n, v in plain.items()},
        "lists": {n: list(map(id, v)) for n, v in plain.items() if isinstance(v, list)},
        "trains": {n: p.requires_grad for n, p in model.named_parameters()},
    }


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    numbers = a["numbers"].keys() == b["numbers"].keys() and all(
        torch.equal(v, b["numbers"][n]) for n, v in a["numbers"].items()
    )
    held = all(a["plain"][n] is b["plain"][n] for n in a["plain"] if n not in a["lists"])
    rest = all(a[n] == b[n] for n in ("formulas", "lists", "trains"))
    return numbers and rest and held and a["plain"].keys() == b["plain"].keys()


def edges_of(session: PruningSession) -> list[tuple[int, int, int]]:
    return [(l, i, j) for l, m in enumerate(session.mask) for j, i in np.ndindex(*m.shape)]


def nodes_of(session: PruningSession) -> list[tuple[int, int]]:
    return [(l, i) for l, n in enumerate(session.width) for i in range(n)]


@given(random=st.randoms(use_true_random=False), keep_mean=st.booleans())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_step_computes_what_the_parameters_say(
    build: Callable[[], Any], random: random.Random, keep_mean: bool
) -> None:
    model = build()
    x = data(len(model.input_id))
    y = model(x).detach()
    before, layers = state_of(model), oracle.read(model)
    kept = oracle.means(layers, x.numpy())
    with PruningSession(model, x, keep_mean=keep_mean) as session:
        was = [m.numpy() for m in session.mask]
        for _ in range(6):
            act = random.choice(["edge", "edge", "node", "threshold", "undo", "mean"])
            if act == "edge":
                edge = random.choice(edges_of(session))
                on = bool(session.mask[edge[0]][edge[2], edge[1]])
                # An edge that pykan had off has no part that the oracle could know.
                if on or was[edge[0]][edge[2], edge[1]]:
                    (session.remove_edge if on else session.restore_edge)(*edge)
            elif act == "node":
                session.remove_node(*random.choice(nodes_of(session)))
            elif act == "threshold":
                score = random.choice(torch.cat([s.flatten() for s in session.scores]).tolist())
                session.set(edge_threshold=score, node_threshold=random.choice([0.0, score]))
            elif act == "undo":
                session.undo()
            else:
                session.set(keep_mean=not session.state.keep_mean)
            mask = [m.numpy() for m in session.mask]
            left = [
                mean * (then & ~now) * session.state.keep_mean
                for mean, then, now in zip(kept, was, mask, strict=True)
            ]
            expected = torch.from_numpy(oracle.outputs(layers, x.numpy(), mask, left))
            found = model(x).detach()
            assert torch.allclose(found, expected, atol=1e-9, rtol=1e-9)
            assert torch.allclose(adapt(model).forward(x), found, atol=1e-12)
            smaller = session.compact()
            assert type(smaller) is type(model)
            assert torch.allclose(smaller(x), found, atol=1e-6)
    model.cache_data = before["plain"]["cache_data"]
    assert torch.equal(model(x), y)
    after = state_of(model)
    for name in ("numbers", "formulas", "trains"):
        assert repr(before[name]) == repr(after[name])


def test_a_session_leaves_a_model_as_it_found_it(build: Callable[[], Any]) -> None:
    model = build()
    x = data(len(model.input_id))
    model(x)
    model.attribute()
    before = state_of(model)
    session = PruningSession(model)
    session.set(edge_threshold=float(session.scores[0].median()), node_threshold=0.01)
    session.tradeoff("node")
    session.costs()
    session.rescore("l1")
    session.rescore("ablation")
    session.preview(keep_mean=False)
    session.compact()
    session.close()
    assert same(before, state_of(model))


def test_scores_are_those_that_pykan_attributes(build: Callable[[], Any]) -> None:
    model = build()
    x = data(len(model.input_id))
    model(x)
    model.attribute()
    session = PruningSession(model)
    assert session.score == "attribution"
    for ours, theirs in zip(session.scores, model.edge_scores, strict=True):
        assert torch.allclose(ours, theirs.detach(), atol=1e-6, rtol=1e-6)


def test_the_seeds_score_and_that_of_leaving_out_are_there_too() -> None:
    model = numeric()
    x = data(2)
    model(x)
    with PruningSession(model, score="l1") as session:
        size = model.spline_postacts[0].abs().mean(0) * model.subnode_scale[0].abs()[:, None]
        grid = model.act_fun[0].grid
        expected = size * model.node_scale[0].abs()[:, None] / (grid[:, -4] - grid[:, 3] + 1e-4)
        assert torch.allclose(session.scores[0], expected.detach(), atol=1e-9)
        session.rescore("ablation")
        session.remove_edge(0, 1, 2)
        assert session.loss == pytest.approx(float(session.scores[0][2, 1]))


def test_one_row_of_data_gives_scores_that_are_numbers() -> None:
    with PruningSession(multiplying(), data(3, rows=1)) as session:
        assert all(torch.isfinite(s).all() for s in session.scores)
        session.set(edge_threshold=0.1)
        assert np.isfinite(session.loss)


def test_nothing_is_written_seeded_or_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    model = untouched(lambda: kan.KAN(width=[2, 3, 1], grid=3, seed=0))
    x = data(2).float()
    model(x)
    capfd.readouterr()
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    listing = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    w = KANWidget(model)
    w.edge_threshold = float(w.session.scores[0].median())
    w.remove_node(1, 0)
    w.undo()
    w.score = "l1"
    w.commit()
    assert w.compact().auto_save is True
    w.close()
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == listing
    assert model.auto_save is True
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state()[1] == states[1]).all()  # noqa: NPY002
    assert random.getstate() == states[2]
    assert capfd.readouterr() == ("", "")


def test_a_formula_that_is_no_number_is_off_when_it_is_off() -> None:
    model = numeric()
    x = data(2)
    fix(model, 0, 0, 0, "log")
    y = model(x)
    assert y.isnan().any()
    with PruningSession(model, x, keep_mean=False) as session:
        session.remove_edge(0, 0, 0)
        assert model(x).isfinite().all()
        with torch.no_grad():
            model(x)  # pykan's models can only be copied after a forward without gradients
        for name in ("acts_scale_spline", "edge_actscale"):
            getattr(model, name).clear()
        twin = copy.deepcopy(model)
        assert twin(x).equal(model(x))
        assert session.compact()(x).isfinite().all()
        model(x).sum().backward()
        assert model.symbolic_fun[0].affine.grad[0, 0].abs().sum() == 0
        session.restore_edge(0, 0, 0)
        assert torch.equal(model(x), y) or model(x).isnan().equal(y.isnan())
    # What was put away comes back in a copy too, by its name.
    adapter = adapt(twin)
    adapter.set_mask([torch.ones_like(m) for m in adapter.mask()], adapter.bias())
    assert twin(x).isnan().equal(y.isnan())


def test_edges_that_are_off_get_no_gradient() -> None:
    model = multiplying()
    x = data(3)
    with PruningSession(model, x) as session:
        session.remove_edge(0, 1, 2)
        session.remove_edge(0, 2, 3)
        model(x).square().sum().backward()
        layer = model.act_fun[0]
        for parameter in (layer.coef, layer.scale_base, layer.scale_sp):
            assert not parameter.grad[1, 2].any()
            assert parameter.grad[1, 1].any()
        assert not model.symbolic_fun[0].affine.grad[3, 2].any()


def test_inputs_that_pykan_has_pruned_stay_pruned() -> None:
    model = untouched(
        lambda: make([4, 3, 1]).prune_input(active_inputs=[0, 2], log_history=False).double()
    )
    model.auto_save = False
    x = data(4)
    y = model(x).detach()
    with PruningSession(model, x) as session:
        assert session.width == [2, 3, 1]
        assert torch.allclose(session.data.test_labels, y)
        session.set(edge_threshold=float(session.scores[0].median()))
        smaller = session.compact()
        assert smaller.input_id.tolist() == [0, 2]
        assert torch.allclose(smaller(x), model(x), atol=1e-9)
        assert session.refresh() is False
    assert torch.equal(model(x), y)
    labels = torch.zeros(30, 1).double()
    dataset = {"train_input": x, "train_label": labels, "test_input": x, "test_label": labels}
    with PruningSession(model, dataset) as session:
        assert session.loss == pytest.approx(float(y.square().mean().sqrt()))


def test_names_are_of_the_columns_that_pykan_has_left() -> None:
    model = make([4, 3, 1]).prune_input(active_inputs=[1, 3], log_history=False).double()
    x = data(4)
    w = KANWidget(model, x)
    assert w.in_vars == ["x_2", "x_4"]
    for names in (["mass", "charge", "spin", "colour"], ["charge", "colour"]):
        w.in_vars = names
        assert w.in_vars == ["charge", "colour"]
    for names in (["charge"], ["charge", "spin", "colour"]):
        with pytest.raises(ValueError, match=f"in_vars must hold 2 names, got {len(names)}"):
            w.in_vars = names
    w.close()
    # What is left may be the first columns: only the data tell that there were more.
    first = make([4, 3, 1]).prune_input(active_inputs=[0, 1], log_history=False).double()
    labels = x[:, :1]
    whole = {"train_input": x, "train_label": labels, "test_input": x, "test_label": labels}
    for dataset in (x, whole):
        w = KANWidget(first, dataset, in_vars=["mass", "charge", "spin", "colour"])
        assert w.in_vars == ["mass", "charge"]
        for names in (["charge"], ["charge", "spin", "colour"]):
            with pytest.raises(ValueError, match=f"in_vars must hold 2 names, got {len(names)}"):
                w.in_vars = names
        again = KANWidget(first)
        again.in_vars = list("abcd")
        assert again.in_vars == ["a", "b"]
        w.close()
    unpruned = make([4, 3, 1]).double()
    unpruned(x)
    with pytest.raises(ValueError, match="in_vars must hold 4 names, got 6"):
        KANWidget(unpruned, x, in_vars=list("abcdef"))


def test_compacting_takes_settings_along_and_gives_none_back() -> None:
    model = make([2, [3, 1], 1], grid_eps=0.7, affine_trainable=True, sp_trainable=False)
    x = data(2)
    model(x)
    model.act_fun[0].grid_eps, model.ckpt_path, model.symbolic_enabled = 0.3, "./other", False
    with PruningSession(model) as session:
        session.remove_node(1, 0)
        smaller = session.compact()
    assert smaller.width == [[2, 0], [2, 1], [1, 0]]
    assert model.width == [[2, 0], [3, 1], [1, 0]]
    assert (smaller.grid_eps, smaller.act_fun[0].grid_eps) == (0.7, 0.3)
    assert smaller.ckpt_path == "./other"
    assert smaller.symbolic_enabled is False
    trains = {n: p.requires_grad for n, p in smaller.named_parameters()}
    assert trains == {n: p.requires_grad for n, p in model.named_parameters()}
    assert smaller.act_fun[0].coef.data_ptr() != model.act_fun[0].coef.data_ptr()


def test_a_layer_without_a_live_node_keeps_one() -> None:
    model = make([2, [0, 2], [2, 1], 1], seed=5)
    x = data(2)
    with PruningSession(model, x) as session:
        session.remove_node(1, 0)
        session.remove_node(1, 1)
        assert "the model is constant" in session.warnings[0]
        smaller = session.compact()
        assert [sum(w) for w in smaller.width] == [2, 1, 1, 1]
        assert torch.allclose(smaller(x), model(x), atol=1e-9)


def test_a_product_without_a_factor_is_told_and_compacted_away() -> None:
    model = untouched(lambda: kan.KAN(width=[2, [1, 1], 1], grid=3, seed=0, auto_save=False))
    x = data(2).float()
    with PruningSession(model, x, keep_mean=False) as session:
        session.remove_edge(0, 0, 1)
        assert session.warnings == []
        session.remove_edge(0, 1, 1)
        assert session.warnings == [
            "Factor 1 of the product h1,1 has lost its last edge and is 0: the whole product is."
        ]
        smaller = session.compact()
        assert smaller.width == [[2, 0], [1, 0], [1, 0]]
        assert torch.allclose(smaller(x), model(x), atol=1e-6)
        session.set(keep_mean=True)
        assert "it is always" in session.warnings[0]
        assert session.compact().width == [[2, 0], [1, 1], [1, 0]]


@pytest.mark.parametrize("build", MODELS, ids=lambda build: build.__name__)
def test_a_browser_can_compute_it_by_itself(build: Callable[[], Any]) -> None:
    model = build()
    for l, scale in enumerate(model.node_scale):
        scale.data[model.width[l + 1][0] :] = 1.0
    x = data(len(model.input_id))
    with PruningSession(model, x) as session:
        adapter, baseline = session.edge_functions, session.baseline
        assert isinstance(adapter, PykanAdapter)
        table = cells(adapter, baseline, [x])
        assert table is not None
        values, source, edge, names = x.numpy(), 0, 0, adapter.names()
        for l, (on, bias) in enumerate(zip(baseline.mask, baseline.bias, strict=True)):
            slots = np.tile(bias.numpy(), (len(x), 1))
            for j, i in np.ndindex(*on.shape):
                ends = table.x[source + i]
                k = np.clip(np.searchsorted(ends, values[:, i], "right") - 1, 0, len(ends) - 2)
                u = (values[:, i] - ends[k]) / (ends[k + 1] - ends[k])
                c = table.y[edge + j * on.shape[1] + i][k]
                out = (c * u[:, None] ** np.arange(4)).sum(1)
                if (l, i, j) in names:  # by its function, as a page does it
                    out = named_value(names[l, i, j], FUNCTIONS, values[:, i])
                slots[:, j] += on[j, i].item() * out
            source, edge = source + on.shape[1], edge + on.numel()
            owners = baseline.slots[l] if baseline.slots else range(len(bias))
            values = np.ones((len(x), session.width[l + 1]))
            for j, owner in enumerate(owners):
                values[:, owner] *= slots[:, j]
            values = values + adapter.offset()[l + 1].numpy()
        assert np.allclose(values, model(x).detach().numpy(), atol=1e-6)


def test_products_with_a_scale_are_left_to_python() -> None:
    # A product's scale is no part of any of its sums: the browser asks Python.
    assert not adapt(multiplying()).can_tabulate


def test_a_subclass_that_computes_otherwise_is_refused() -> None:
    class Doubled(kan.MultKAN):  # type: ignore[misc,name-defined]
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    class Named(kan.MultKAN):  # type: ignore[misc,name-defined]
        pass

    model = untouched(lambda: Doubled(width=[2, 1], auto_save=False))
    with pytest.raises(TypeError, match="has a forward of its own"):
        PruningSession(model, data(2))
    model = untouched(lambda: Named(width=[2, 1], auto_save=False))
    with PruningSession(model, data(2)) as session:
        assert type(session.compact()) is Named


def test_formulas_are_shown_by_name() -> None:
    w = KANWidget(symbolic(), data(2))
    assert [0, 0, 0, "sin"] in w._symbolic
    assert [1, 2, 1, "exp"] in w._symbolic
    w.remove_edge(0, 0, 0)
    assert [0, 0, 0, "sin"] in w._symbolic
    w.close()
    w = KANWidget(multiplying(), data(3))
    assert w._slots == [[0, 1, 2, 2, 3, 3], [0, 1]]
    w.close()


def test_what_pykan_does_itself_is_taken_in() -> None:
    model = numeric()
    model(data(2))
    session = PruningSession(model)
    model.remove_edge(0, 1, 2, log_history=False)
    assert session.refresh()
    assert not session.mask[0][2, 1]
    fix(model, 0, 0, 0, "sin")
    assert session.refresh()
    assert session.edge_functions.symbolic() == {(0, 0, 0): "sin"}
    session.remove_edge(0, 0, 0)
    model.act_fun[1].coef.data[:] *= 2
    assert session.refresh()
    assert not session.mask[0][0, 0]
    session.close()
    assert model.symbolic_fun[0].mask[0, 0] == 1
    assert model.act_fun[0].mask[1, 2] == 0


@pytest.fixture(scope="module")
def demo() -> tuple[Any, dict[str, Tensor]]:
    """The model of pykan's own notebook on pruning (API 7), after a few steps."""

    def train() -> tuple[Any, dict[str, Tensor]]:
        f = lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)  # noqa: E731
        dataset = kan.create_dataset(f, n_var=2, train_num=200, test_num=100)
        model = kan.KAN(width=[2, 5, 1], grid=5, k=3, seed=1, auto_save=False)
        model.fit(dataset, opt="LBFGS", steps=8, lamb=0.01)
        model(dataset["train_input"])
        return model, dataset

    return untouched(train)


def test_the_demo_of_pykan_in_the_widget(demo: tuple[Any, dict[str, Tensor]]) -> None:
    model, dataset = demo
    x = dataset["test_input"]
    with torch.no_grad():
        y = model(x)
    layers, seen = oracle.read(model), dataset["train_input"].double().numpy()
    kept = oracle.means(layers, seen)
    w = KANWidget(model, dataset)

    def check() -> None:
        mask = [m.numpy() for m in w.session.mask]
        left = [mean * ~now * w.keep_mean for mean, now in zip(kept, mask, strict=True)]
        expected = oracle.outputs(layers, x.double().numpy(), mask, left)
        assert np.allclose(model(x).detach().numpy(), expected, atol=1e-4)

    w.node_threshold = float(
        torch.quantile(torch.cat([s.flatten() for s in w.session.scores]), 0.5)
    )
    assert w.active_edges < 15
    check()
    w.remove_edge(0, 1, 0)
    check()
    w.keep_mean = False
    check()
    w.restore_node(1, 0)
    check()
    w.undo()
    w.undo()
    check()
    w.close()
    with torch.no_grad():
        assert torch.equal(model(x), y)


def test_pykan_goes_on_with_what_was_compacted(
    demo: tuple[Any, dict[str, Tensor]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model, dataset = demo
    x = dataset["test_input"]
    with PruningSession(model, dataset) as session:
        session.set(node_threshold=session.threshold_for(0.5, axis="node"))
        keep = max(range(5), key=lambda i: float(session.scores[1][0, i]))
        for i in range(5):
            if i != keep:
                session.remove_node(1, i)
        smaller = session.compact()
        assert torch.allclose(smaller(x), model(x), atol=1e-6)
    assert smaller.width == [[2, 0], [1, 0], [1, 0]]

    def theirs() -> None:
        smaller.suggest_symbolic(0, 0, 0, verbose=False, lib=["x", "x^2", "sin"])
        smaller.plot(folder=str(tmp_path))
        found = smaller.fit(dataset, steps=5)
        assert np.isfinite(found["train_loss"]).all()
        smaller.saveckpt(str(tmp_path / "mark"))
        again = kan.KAN.loadckpt(str(tmp_path / "mark"))
        assert torch.allclose(again(x), smaller(x), atol=1e-6)

    untouched(theirs)
    assert (tmp_path / "sp_0_0_0.png").exists()
