"""What pykan's own methods do with a model that was pruned here: train, name, and print it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from test_adapters_pykan02 import data, fix, kan, make, state_of, untouched
from torch import Tensor

from kanwidget import PruningSession
from kanwidget.adapters import adapt
from kanwidget.adapters.pykan_off_edges import OffFunction


def product(seed: int = 2) -> Any:
    return make([3, [2, 2], 2], seed=seed)


def chain(seed: int = 3) -> Any:
    return make([3, 4, 3, 1], seed=seed)


def with_formulas(seed: int = 4) -> Any:
    model = make([3, 4, 1], seed=seed)
    fix(model, 0, 0, 0, "sin")
    fix(model, 0, 1, 3, "x^2")
    fix(model, 1, 3, 0, "sin")
    return model


def single(seed: int = 5) -> Any:
    return make([3, 4, 1], seed=seed).float()


def dataset_for(model: Any, rows: int = 60) -> dict[str, Tensor]:
    x = data(model.width_in[0], rows).to(model.act_fun[0].coef)
    y = (torch.sin(3 * x[:, [0]]) + x[:, [1]] ** 2).expand(-1, model.width_in[-1]).clone()
    parts = ("train_input", "train_label", "test_input", "test_label")
    return dict(zip(parts, (x, y, x, y), strict=True))


def cut_off(session: PruningSession) -> list[tuple[int, int]]:
    """Switch off all edges into node (1, 1), and into the last one of the last hidden layer."""
    nodes = [(1, 1), (len(session.width) - 2, session.width[-2] - 1)]
    for l, i in nodes:
        slots = session.baseline.slots
        for j in range(len(session.mask[l - 1])):
            if (slots[l - 1][j] if slots else j) == i:
                for h in range(session.width[l - 1]):
                    session.remove_edge(l - 1, h, j)
    return nodes


def train(model: Any, dataset: dict[str, Tensor], opt: str, **settings: Any) -> Any:
    rate = 1.0 if opt == "LBFGS" else 0.01
    return untouched(lambda: model.fit(dataset, opt=opt, lr=rate, **settings))


@pytest.mark.parametrize("opt", ["LBFGS", "Adam"])
@pytest.mark.parametrize("build", [product, chain, with_formulas, single])
def test_a_pruned_model_trains_in_a_cell(build: Callable[[int], Any], opt: str) -> None:
    for seed in range(3):
        model = build(seed)
        dataset = dataset_for(model)
        model(dataset["train_input"])
        edges = [vars(layer).keys() for layer in model.act_fun]
        with PruningSession(model, dataset) as session:
            nodes = cut_off(session)
            before, off = session.loss, [(m.T, f) for m, f in masks_of(model)]
            grids = [layer.grid.clone() for layer in model.act_fun]
            found = train(model, dataset, opt=opt, steps=6, lamb=1e-3)
            assert found["train_loss"][-1] < before
            assert all(p.isfinite().all() for p in model.parameters())
            # What waits for its edges to be switched on again is still of use then.
            for l, i in nodes:
                assert torch.equal(model.act_fun[l].grid[i], grids[l][i])
            assert not torch.equal(model.act_fun[1].grid, grids[1])
            session.refresh()
            assert all(
                torch.equal(a[0], m.T) for a, (m, _) in zip(off, masks_of(model), strict=True)
            )
            session.commit()
        # What is committed has to be safe without a session, too.
        loss = float(found["train_loss"][-1])
        found = train(model, dataset, opt=opt, steps=3)
        assert float(found["train_loss"][-1]) < loss + 1e-2
        assert all(p.isfinite().all() for p in model.parameters())
        assert all(a <= vars(layer).keys() for a, layer in zip(edges, model.act_fun, strict=True))


@pytest.mark.parametrize("opt", ["LBFGS", "Adam"])
def test_what_pykan_has_cut_off_trains_once_a_session_has_looked(opt: str) -> None:
    model = chain()
    dataset = dataset_for(model)
    with PruningSession(model, dataset) as session:
        model.remove_node(1, 0, log_history=False)
        session.refresh()
        train(model, dataset, opt=opt, steps=6, lamb=1e-3)
        assert all(p.isfinite().all() for p in model.parameters())


def masks_of(model: Any) -> list[tuple[Tensor, Tensor]]:
    return [
        (layer.mask.clone(), formulas.mask.clone())
        for layer, formulas in zip(model.act_fun, model.symbolic_fun, strict=True)
    ]


def test_the_way_in_which_grids_are_kept_goes_with_the_session() -> None:
    model = chain()
    x = data(3)
    before = [set(vars(layer)) for layer in model.act_fun]
    with PruningSession(model, x) as session:
        cut_off(session)
        guarded = [set(vars(layer)) for layer in model.act_fun]
        assert guarded != before
        with torch.no_grad():
            model(x)
        for name in ("acts_scale_spline", "edge_actscale"):
            getattr(model, name).clear()
        # A copy trains as safely, and on its own layers.
        twin = copy.deepcopy(model)
        grids = [layer.grid.clone() for layer in model.act_fun]
        twin.update_grid(2 * x)
        assert all(map(torch.equal, grids, [layer.grid for layer in model.act_fun]))
        assert not torch.equal(twin.act_fun[0].grid, grids[0])
        assert torch.equal(twin.act_fun[1].grid[1], grids[1][1])
        session.undo()
        while session.undo():
            pass
        assert [set(vars(layer)) for layer in model.act_fun] == before
        cut_off(session)
        smaller = session.compact()
        assert not any("update_grid_from_samples" in vars(m) for m in smaller.modules())
    assert [set(vars(layer)) for layer in model.act_fun] == before
    model.remove_edge(0, 0, 0, log_history=False)
    with PruningSession(model, x) as session:
        session.remove_edge(0, 1, 0)
        session.remove_edge(0, 2, 0)
        session.undo()
    assert [set(vars(layer)) for layer in model.act_fun] == before


@pytest.mark.parametrize("keep_mean", [True, False])
def test_pykans_zero_on_an_edge_that_is_off_leaves_it_off(keep_mean: bool) -> None:
    model = make([2, 3, 1])
    x = data(2)
    model(x)
    before = state_of(model)
    session = PruningSession(model, x, keep_mean=keep_mean)
    session.remove_edge(0, 0, 0)
    session.remove_edge(1, 2, 0)
    y = model(x).detach()
    for l, i, j in ((0, 0, 0), (1, 2, 0)):
        untouched(
            lambda at=(l, i, j): model.fix_symbolic(*at, "0", verbose=False, log_history=False)
        )
    assert torch.equal(model(x), y)
    session.refresh()
    assert torch.equal(model(x), y)
    assert session.active_edges == 7
    assert model.symbolic_fun[0].mask[0, 0] == 1
    fixed = [m.clone() for m, _ in masks_of(model)], [f.clone() for _, f in masks_of(model)]
    with PruningSession(model, x) as other:
        assert other.active_edges == 7
        assert other.edge_functions.symbolic() == {}
        other.remove_edge(0, 1, 1)
    now = [m for m, _ in masks_of(model)], [f for _, f in masks_of(model)]
    assert all(map(torch.equal, fixed[0], now[0]))
    assert all(map(torch.equal, fixed[1], now[1]))
    # The spline that it had comes back when a hand switches it on.
    session.restore_edge(0, 0, 0)
    session.restore_edge(1, 2, 0)
    session.set(keep_mean=False)
    assert session.active_edges == 9
    model.cache_data = before["plain"]["cache_data"]
    with torch.no_grad():
        for layer in model.symbolic_fun:
            layer.affine.zero_()
    expected = make([2, 3, 1])(x)
    assert torch.allclose(model(x), expected, atol=1e-12)
    session.close()


def test_auto_symbolic_after_pykans_own_pruning() -> None:
    model = make([2, 3, 1])
    x = data(2)
    model(x)
    model.attribute()
    scores = torch.cat([s.flatten() for s in model.edge_scores])
    model.prune_edge(float(scores.detach().sort().values[5]), log_history=False)
    model(x)
    untouched(lambda: model.auto_symbolic(lib=["x", "x^2", "sin"], verbose=0))
    y = model(x).detach()
    with PruningSession(model, x) as session:
        assert session.active_edges == 3
        session.remove_edge(*next(iter(session.edge_functions.symbolic())))
        assert session.active_edges == 2
    assert torch.equal(model(x), y)


def test_the_constant_of_a_zero_is_a_bias() -> None:
    model = make([2, 2, 1])
    x = data(2)
    model.fix_symbolic(0, 0, 1, "0", fit_params_bool=False, log_history=False)
    model.symbolic_fun[0].affine.data[1, 0, 3] = 2.0
    y = model(x).detach()
    with PruningSession(model, x, keep_mean=False) as session:
        assert session.active_edges == 5
        adapter = adapt(model)
        for edges in ([], [(0, 1, 1)], [(0, 0, 0), (0, 1, 0)]):
            for edge in edges:
                session.remove_edge(*edge)
            assert torch.allclose(adapter.forward(x), model(x), atol=1e-12)
            assert torch.allclose(session.compact()(x), model(x), atol=1e-12)
        for _ in range(3):
            session.undo()
        session.restore_edge(0, 0, 1)
        assert session.active_edges == 6
        assert torch.allclose(adapter.forward(x), model(x), atol=1e-12)
        assert torch.allclose(session.compact()(x), model(x), atol=1e-12)
    assert torch.equal(model(x), y)


def test_the_road_from_pruning_to_a_trained_formula() -> None:
    model = make([2, 3, 1])
    dataset = dataset_for(model)
    model(dataset["train_input"])
    with PruningSession(model, dataset) as session:
        for i in (0, 2):
            session.remove_node(1, i)
        session.commit()
    x = dataset["test_input"]
    model(x)
    untouched(lambda: model.auto_symbolic(lib=["x", "x^2", "sin"], verbose=0))
    train(model, dataset, "LBFGS", steps=5, update_grid=False)
    y = model(x).detach()
    assert any(layer.affine[..., 3].abs().sum() > 0 for layer in model.symbolic_fun)
    with PruningSession(model, dataset, keep_mean=False) as session:
        assert session.active_edges == 3
        assert torch.allclose(adapt(model).forward(x), y, atol=1e-12)
        for part in (session.compact(), model):
            assert torch.allclose(value_of(part.symbolic_formula(), x), y, atol=1e-9)
        session.remove_edge(0, 0, 1)
        pruned = model(x).detach()
        for part in (session.compact(), model):
            assert torch.allclose(value_of(part.symbolic_formula(), x), pruned, atol=1e-9)
    assert torch.equal(model(x), y)


def value_of(formula: Any, x: Tensor) -> Tensor:
    """Evaluate what pykan calls the model's formula."""
    sympy = pytest.importorskip("sympy")
    expressions, names = formula
    columns = [x[:, n].numpy() for n in range(len(names))]
    values = [sympy.lambdify(names, e, "numpy")(*columns) for e in expressions]
    return torch.stack([torch.as_tensor(v).double().expand(len(x)) for v in values], 1)


def named() -> Any:
    """The model [2, 1, 1] with sin(3 x1), x2^2 + 5 and x."""
    model = untouched(lambda: kan.KAN([2, 1, 1], grid=3, seed=0, auto_save=False)).double()
    for at, name, affine in (
        ((0, 0, 0), "sin", [3.0, 0, 1, 0]),
        ((0, 1, 0), "x^2", [1.0, 0, 1, 5]),
        ((1, 0, 0), "x", [1.0, 0, 1, 0]),
    ):
        fix(model, *at, name)
        model.symbolic_fun[at[0]].affine.data[at[2], at[1]] = torch.tensor(affine).double()
    return model


@pytest.mark.parametrize("keep_mean", [True, False])
def test_pykans_formula_is_that_of_the_model(keep_mean: bool) -> None:
    model, x = named(), data(2)
    whole = str(model.symbolic_formula()[0])
    with PruningSession(model, x, keep_mean=keep_mean) as session:
        session.remove_edge(0, 1, 0)
        y = model(x).detach()
        for part in (session.compact(), model):
            assert torch.allclose(value_of(part.symbolic_formula(), x), y, atol=1e-9)
            assert "x_2" not in str(part.symbolic_formula()[0])
        session.remove_edge(0, 0, 0)
        y = model(x).detach()
        for part in (session.compact(), model):
            assert torch.allclose(value_of(part.symbolic_formula(), x), y, atol=1e-9)
        session.undo()
        session.undo()
        assert str(model.symbolic_formula()[0]) == whole
        session.remove_edge(0, 1, 0)
        session.commit()
        y = model(x).detach()
    assert torch.allclose(value_of(model.symbolic_formula(), x), y, atol=1e-9)
    assert model.symbolic_fun[0].affine[0, 1].tolist() == [1, 0, 1, 5]
    with PruningSession(model, x) as session:
        session.restore_edge(0, 1, 0)
        session.commit()
    # The mean that the first session committed stays.
    assert "x_2**2" in str(model.symbolic_formula()[0])
    assert keep_mean or str(model.symbolic_formula()[0]) == whole


def test_a_smaller_model_with_a_constant_node_trains_too() -> None:
    model = chain()
    dataset = dataset_for(model)
    with PruningSession(model, dataset) as session:
        for i in range(4):
            session.remove_node(1, i)
        smaller = session.compact()
    assert [sum(w) for w in smaller.width] == [3, 1, 1, 1]
    untouched(lambda: smaller.fit(dataset, steps=3))
    assert all(p.isfinite().all() for p in smaller.parameters())


def test_formulas_that_are_not_in_use_stay_as_they_are() -> None:
    model = make([2, 3, 1])
    x = data(2)
    fix(model, 0, 0, 0, "sin", mode="ns")
    fix(model, 0, 1, 1, "sin")
    model.symbolic_enabled = False
    before = state_of(model)
    with PruningSession(model, x) as session:
        assert session.active_edges == 8
        session.remove_node(1, 0)
        session.restore_edge(0, 1, 1)
    assert repr(state_of(model)["numbers"]) == repr(before["numbers"])
    model.symbolic_enabled = True
    assert adapt(model).symbolic() == {(0, 0, 0): "sin", (0, 1, 1): "sin"}


def test_columns_are_picked_from_tables_of_any_kind() -> None:
    pandas = pytest.importorskip("pandas")
    for active in ([0, 2], [0, 1]):
        model = untouched(
            lambda a=active: make([4, 3, 1]).prune_input(active_inputs=a, log_history=False)
        ).double()
        x = data(4)
        adapter = adapt(model)
        assert adapter.columns() == active
        frame = pandas.DataFrame(x.numpy(), columns=list("abcd"))
        assert torch.equal(adapter.select_columns(x), x[:, active])
        assert (adapter.select_columns(x.numpy()) == x[:, active].numpy()).all()
        assert adapter.select_columns(frame).equals(frame[[list("abcd")[n] for n in active]])
        assert adapter.select_columns({"train_input": x, "train_label": x})["train_label"] is x
        picked = x[:, active]
        assert adapter.select_columns(picked) is picked
        with pytest.raises(TypeError, match="must be a dense tensor"):
            PruningSession(model, x.to_sparse())


@pytest.mark.parametrize("refreshed", [True, False])
def test_a_checkpoint_gives_edges_their_formulas_back(refreshed: bool) -> None:
    model = with_formulas()
    x = data(adapt(model).width[0])
    outputs = model(x).detach().clone()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    session = PruningSession(model, x)
    for edge in adapt(model).symbolic():
        session.remove_edge(*edge)
    assert not torch.equal(model(x), outputs)
    model.load_state_dict(state)
    assert torch.equal(model(x), outputs)
    if refreshed:
        session.refresh()
        assert torch.equal(model(x), outputs)
    session.close()
    assert torch.equal(model(x), outputs)
    assert not any(
        isinstance(f, OffFunction) for la in model.symbolic_fun for r in la.funs for f in r
    )
