"""Finer grids in place, for every kind of live model, and the way back."""

from __future__ import annotations

import copy
import threading
from pathlib import Path
from typing import Any

import kinds
import pytest
import torch

from kanwidget import KAN, PruningSession
from kanwidget.adapters import adapt
from kanwidget.adapters.pykan00 import Pykan0Adapter

SPLINES = [kind for kind in kinds.KINDS if kind != "FastKAN"]

splines = pytest.mark.parametrize("kind", SPLINES)


def intervals(model: Any) -> int:
    """Return the grid intervals that the coefficients of a model have, all the same."""
    (found,) = {layer.intervals for layer in adapt(model).spline_layers()}  # type: ignore[attr-defined]
    return int(found)


def trainable(model: Any) -> list[Any]:
    return [p for p in model.parameters() if p.requires_grad]


@splines
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_nested_grid_changes_nothing_but_the_number_of_coefficients(
    kind: str, dtype: torch.dtype
) -> None:
    model, x = kinds.make(kind, dtype=dtype), kinds.data(dtype=dtype)["train_input"]
    adapter, old = adapt(model), intervals(model)
    before, rng = adapter.forward(x), torch.get_rng_state()
    change = adapter.refine(2 * old, x)
    after = adapter.forward(x)
    assert intervals(model) == 2 * old
    assert change == float((after - before).abs().max())
    # Hidden nodes leave their grids, which are widened then, and no longer nested.
    assert change < 0.1 * float(before.abs().max())
    assert after.dtype == dtype
    inside = x * 0.5
    model = kinds.make(kind, dtype=dtype)
    layer = adapt(model).edge_curves(0, inside)
    adapt(model).refine(2 * old, inside)
    finer = adapt(model).edge_curves(0, inside)
    assert torch.allclose(finer, layer, rtol=0, atol=1e-9 if dtype == torch.float64 else 1e-5)
    assert torch.equal(torch.get_rng_state(), rng)


@splines
def test_masks_biases_and_whatever_is_no_spline_stay(kind: str) -> None:
    model, x = kinds.make(kind), kinds.data()["train_input"]
    adapter = adapt(model)
    mask, bias = adapter.mask(), adapter.bias()
    mask[0][1, 0] = False
    mask[1][0, 2] = False
    adapter.set_mask(mask, [b + 0.25 for b in bias])
    had, flags = kinds.bits(model), {n: p.requires_grad for n, p in model.named_parameters()}
    before = adapter.forward(x)
    change = adapter.refine(12, x)
    assert change == float((adapter.forward(x) - before).abs().max())
    assert all(map(torch.equal, adapter.mask(), mask))
    assert all(torch.equal(b, a + 0.25) for a, b in zip(bias, adapter.bias(), strict=True))
    assert {n: p.requires_grad for n, p in model.named_parameters()} == flags
    has = kinds.bits(model)
    assert {n for n in had if had[n] != has[n]} == {
        n for n in had if n.endswith((".grid", ".coef", "spline_weight"))
    }
    assert torch.allclose(adapter.forward(x), before, rtol=0, atol=0.1 * float(before.abs().max()))


@splines
def test_the_library_itself_goes_on_with_the_finer_grid(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # pykan's copies go through files
    model, data = kinds.make(kind), kinds.data()
    x, y = data["train_input"], data["train_label"]
    adapt(model).refine(8, x)
    assert torch.allclose(model(x), adapt(model).forward(x), rtol=0, atol=1e-9)
    optimizer = torch.optim.Adam(trainable(model), lr=0.02)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = (model(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    with torch.no_grad():
        y = model(x)  # pykan keeps the last graph, which cannot be copied
        assert torch.equal(copy.deepcopy(model)(x), y)
    if kind.startswith("pykan"):
        assert model.grid == model.act_fun[0].num == 8
        model.update_grid_from_samples(x)
        assert torch.isfinite(model(x)).all()
        if kind == "pykan 0.2.8":
            assert model.copy().state_dict().keys() == model.state_dict().keys()


@splines
def test_an_optimiser_made_before_goes_on_or_says_that_shapes_changed(kind: str) -> None:
    model, data = kinds.make(kind), kinds.data()
    x, y = data["train_input"], data["train_label"]
    plain, adam = torch.optim.SGD(trainable(model), lr=0.01), torch.optim.Adam(trainable(model))
    (model(x) - y).square().mean().backward()
    adam.step()
    adapt(model).refine(11, x)
    before = (model(x) - y).square().mean().item()
    plain.zero_grad()
    loss = (model(x) - y).square().mean()
    loss.backward()
    plain.step()
    assert (model(x) - y).square().mean().item() < before
    with pytest.raises(RuntimeError):
        adam.step()


@splines
def test_weights_bring_the_coarser_grid_back_to_the_last_bit(kind: str) -> None:
    model, x = kinds.make(kind), kinds.data()["train_input"]
    adapter = adapt(model)
    coarse, had, y = adapter.weights(), kinds.bits(model), adapter.forward(x)
    settings = dict(vars(getattr(model, "act_fun", getattr(model, "layers", None))[0]))
    adapter.refine(7, x)
    fine, has = adapter.weights(), kinds.bits(model)
    assert coarse.fits(model)
    assert fine.fits(model)
    adapter.set_weights(coarse)
    assert kinds.bits(model) == had
    assert torch.equal(adapter.forward(x), y)
    now = vars(getattr(model, "act_fun", getattr(model, "layers", None))[0])
    sizes = "num", "grid_size"
    assert {n: now.get(n) for n in sizes} == {n: settings.get(n) for n in sizes}
    adapter.set_weights(fine)
    assert kinds.bits(model) == has
    with torch.no_grad():
        for p in trainable(model):
            p.add_(1)
    adapter.set_weights(fine)  # what was put back shares nothing with the weights
    assert kinds.bits(model) == has


@splines
def test_a_session_undoes_and_redoes_a_refinement_in_a_cell(kind: str) -> None:
    model, data = kinds.make(kind), kinds.data()
    adapter = adapt(model)
    with PruningSession(model, data) as session:
        session.remove_edge(0, 1, 1)
        had, loss = kinds.bits(model), session.loss
        adapter.refine(9, data["train_input"])
        session.refresh()
        has, finer = kinds.bits(model), session.loss
        session.remove_edge(0, 0, 0)
        session.undo()
        session.undo()
        assert kinds.bits(model) == had
        assert session.loss == loss
        session.redo()
        assert kinds.bits(model) == has
        assert session.loss == finer


def test_weights_of_another_network_still_do_not_fit() -> None:
    weights = adapt(KAN([2, 4, 1], grid=3)).weights()
    model = KAN([2, 5, 1], grid=3)
    assert not weights.fits(model)
    with pytest.raises(ValueError, match="other layers, sizes or dtypes"):
        adapt(model).set_weights(weights)
    assert not adapt(KAN([2, 5, 1], k=3).float()).weights().fits(model)


@splines
def test_the_grid_that_there_is_changes_nothing(kind: str) -> None:
    model, x = kinds.make(kind), kinds.data()["train_input"]
    had = kinds.bits(model)
    assert adapt(model).refine(intervals(model), x) == 0.0
    assert kinds.bits(model) == had


@pytest.mark.parametrize("kind", kinds.KINDS)
@pytest.mark.parametrize("grid", [2, 0, 7.5, "8"])
def test_what_is_no_finer_grid_is_refused_in_words(kind: str, grid: Any) -> None:
    model, x = kinds.make(kind), kinds.data()["train_input"]
    had, error = kinds.bits(model), TypeError if isinstance(grid, (float, str)) else ValueError
    words = "grid must be"
    if kind == "FastKAN" and error is ValueError and grid:
        error, words = TypeError, "a Stack cannot get a finer grid"
    with pytest.raises(error, match=words):
        adapt(model).refine(grid, x)
    assert kinds.bits(model) == had


def test_layers_that_are_not_pykans_own_are_refused_in_words() -> None:
    model, x = kinds.make("pykan 0.2.8"), kinds.data()["train_input"]
    kind = type(model.act_fun[1])
    model.act_fun[1].__class__ = type("OtherLayer", (kind,), {})
    with pytest.raises(TypeError, match="only pykan's own KANLayer"):
        adapt(model).refine(8, x)


def test_edges_that_share_a_function_in_pykan_00_still_share_it() -> None:
    model, x = kinds.make("pykan 0.0.1"), kinds.data()["train_input"]
    model.lock(0, [[0, 0], [1, 1]])
    adapter = adapt(model)
    assert isinstance(adapter, Pykan0Adapter)
    before = adapter.forward(0.5 * x)
    assert adapter.refine(6, 0.5 * x) < 0.1 * float(before.abs().max())
    curves = adapter.edge_curves(0, x[:, [0, 0]])
    shared = model.act_fun[0].weight_sharing.view(3, 2)
    (j, i), (m, n) = [
        (a, b) for a in range(3) for b in range(2) if (shared == shared[a, b]).sum() > 1
    ]
    scales = model.act_fun[0].scale_sp.view(3, 2), model.act_fun[0].scale_base.view(3, 2)
    base = model.act_fun[0].base_fun(x[:, 0])
    one, two = (
        (curves[a, b] - scales[1][a, b] * base) / scales[0][a, b] for a, b in ((j, i), (m, n))
    )
    assert torch.allclose(one, two, rtol=0, atol=1e-9)


def test_values_that_are_not_finite_widen_no_grid() -> None:
    model, x = KAN([2, 3, 1], grid=3), kinds.data()["train_input"].clone()
    with torch.no_grad():
        model.layers[0].bias[1] = torch.inf
    adapt(model).refine(6, x)
    assert all(layer.grid.isfinite().all() for layer in model.layers)


def test_a_model_gets_no_other_grid_while_it_is_fitted() -> None:
    model, data = KAN([2, 3, 1], grid=3), kinds.data()
    begun, done, found = threading.Event(), threading.Event(), []
    coarse = adapt(model).weights()
    adapt(model).refine(5, data["train_input"])

    def wait(step: int, results: Any) -> None:
        begun.set()
        done.wait(120)

    fit = threading.Thread(
        target=lambda: found.append(
            model.fit(data, steps=2, callback=wait, progress=False, update_grid=False)
        )
    )
    fit.start()
    begun.wait(120)
    had = kinds.bits(model)
    for write in (
        lambda: adapt(model).refine(7, data["train_input"]),
        lambda: adapt(model).set_weights(coarse),
    ):
        with pytest.raises(RuntimeError, match="stop the fit first"):
            write()
    assert kinds.bits(model) == had
    done.set()
    fit.join()
    assert len(found[0]["train_loss"]) == 2


def test_a_kan_made_from_a_coarser_one_is_its_refinement() -> None:
    model, x = KAN([2, 3, 1], grid=3, seed=1), kinds.data()["train_input"]
    model(x)
    finer, expected = KAN.from_coarser(model, 6), model.refine(6)
    assert kinds.bits(finer) == kinds.bits(expected)
    assert intervals(model) == 3
    assert torch.allclose(finer(x), model(x), rtol=0, atol=1e-2)
    with pytest.raises(TypeError, match=r"model must be a kanwidget\.KAN, got Linear"):
        KAN.from_coarser(torch.nn.Linear(2, 1), 6)  # type: ignore[arg-type]
