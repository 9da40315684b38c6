"""Finer grids: the same function, more to train, and nothing else changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from kanwidget import KAN, PruningSession

Make = Callable[..., KAN]


def on_grids(model: KAN, rows: int = 200) -> Tensor:
    """Inputs inside the grids of the first layer, and near their ends."""
    grid = model.layers[0].grid
    share = torch.linspace(0, 1, rows + 1, dtype=grid.dtype)[:-1, None]
    return grid[:, 0] + (grid[:, -1] - grid[:, 0]) * share


def curves(model: KAN, other: KAN) -> float:
    """Return how far the edges of two models are apart over the grids, relative to their size."""
    apart = []
    for mine, theirs in zip(model.layers, other.layers, strict=True):
        share = torch.linspace(0, 1, 302, dtype=mine.grid.dtype)[:-1, None]
        x = mine.grid[:, 0] + (mine.grid[:, -1] - mine.grid[:, 0]) * share
        a, b = (layer.activations(x, masked=False) for layer in (mine, theirs))
        apart.append(float((a - b).abs().max() / a.abs().max()))
    return max(apart)


@pytest.mark.parametrize("grid_eps", [1.0, 0.02])
@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("factor", [1, 2, 5])
def test_nested_grids_give_the_same_function_exactly(
    random_kan: Make, k: int, factor: int, grid_eps: float
) -> None:
    model = random_kan([2, 4, 3], 1, 0.8, grid=4, k=k, grid_eps=grid_eps)
    x = torch.rand(300, 2, dtype=torch.float64) ** 2
    model.update_grid(x)
    model(x)
    finer = model.refine(4 * factor)
    assert [layer.grid.shape[1] for layer in finer.layers] == [4 * factor + 1] * 2
    assert curves(model, finer) < (1e-9 if grid_eps == 1 else 1e-5)
    for old, new in zip(model.layers, finer.layers, strict=True):
        assert torch.allclose(new.grid[:, ::factor], old.grid, rtol=0, atol=1e-15)
        assert new.uniform == old.uniform


@pytest.mark.parametrize(("old", "new"), [(3, 5), (5, 12), (10, 11)])
def test_other_grids_give_the_function_to_fitting_accuracy(
    model: KAN, dataset: Any, old: int, new: int
) -> None:
    model = KAN([2, 5, 1], grid=old)
    losses = model.fit(dataset, steps=6, progress=False)
    finer = model.refine(new)
    assert curves(model, finer) < 0.1
    again = finer.fit(dataset, steps=6, progress=False)
    assert again["train_loss"][-1] < losses["train_loss"][-1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_all_else_goes_along_and_nothing_is_drawn(random_kan: Make, dtype: torch.dtype) -> None:
    model = random_kan([2, 4, 1], 3, 0.6, grid=3, base_fun=torch.tanh, grid_eps=0.4, dtype=dtype)
    model.layers[0].scale_base.requires_grad_(False)
    model.eval()
    before = {n: v.clone() for n, v in model.state_dict().items()}
    state = torch.get_rng_state()
    finer, twin = model.refine(7), model.refine(7)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(v, before[n]) for n, v in model.state_dict().items())
    found = finer.state_dict()
    assert all(torch.equal(v, found[n]) for n, v in twin.state_dict().items())
    for name, value in before.items():
        if not name.endswith(("grid", "coef")):
            assert torch.equal(found[name], value)
        assert found[name].dtype is dtype
    flags = {n: p.requires_grad for n, p in model.named_parameters()}
    assert {n: p.requires_grad for n, p in finer.named_parameters()} == flags
    assert not finer.training
    assert finer.layers[1].base_fun is torch.tanh
    assert finer.layers[1].grid_eps == 0.4
    assert torch.equal(finer.seen(), model.seen())
    with torch.no_grad():
        finer.layers[0].mask.zero_()
        finer.layers[0].bias.add_(1)
    assert torch.equal(model.layers[0].mask, before["layers.0.mask"])


def test_edges_that_are_off_keep_their_functions(model: KAN, dataset: Any) -> None:
    model.update_grid(dataset["train_input"])
    session = PruningSession(model, dataset)
    session.remove_node(1, 2)
    model(dataset["train_input"])
    finer = model.refine(10)
    x = on_grids(model)
    assert torch.allclose(finer(x), model(x), rtol=0, atol=1e-4)
    session.reset()
    finer.set_mask(model.mask)
    with torch.no_grad():
        for layer, old in zip(finer.layers, model.layers, strict=True):
            layer.bias.copy_(old.bias)
    assert torch.allclose(finer(x), model(x), rtol=0, atol=1e-4)


def test_a_model_takes_over_the_function_of_a_coarser_one(model: KAN, dataset: Any) -> None:
    x = dataset["train_input"]
    finer = KAN([2, 5, 1], grid=15, seed=9)
    assert finer.initialize_from_another_model(model, x) is finer
    expected = model.refine(15).state_dict()
    assert all(torch.equal(v, expected[n]) for n, v in finer.state_dict().items())
    assert torch.equal(finer.seen(), x)
    # The model has been trained since its grids were laid: hidden values are far outside.
    assert torch.allclose(finer(x), model(x), rtol=0, atol=0.02)
    assert torch.allclose(model.refine(5)(x), model(x), rtol=0, atol=1e-9)
    other = KAN([2, 5, 1], grid=20, k=4, dtype=torch.float32)
    other.initialize_from_another_model(model, x)
    assert torch.allclose(other(x).double(), model(x), rtol=0, atol=0.05)


def test_a_grid_without_width_is_no_obstacle() -> None:
    model = KAN([2, 3, 1], grid=3)
    model.layers[0].grid[0].fill_(0.5)
    finer = model.refine(6)
    assert all(torch.isfinite(v).all() for v in finer.state_dict().values())


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m, x: m.refine(4), ValueError, "new_grid must be at least 5, the grid intervals"),
        (lambda m, x: m.refine(0), ValueError, "new_grid must be at least 1"),
        (lambda m, x: m.refine(7.5), TypeError, "new_grid must be an int"),
        (lambda m, x: m.refine(True), TypeError, "new_grid must be an int"),
        (lambda m, x: m.initialize_from_another_model(3, x), TypeError, "must be a KAN, got int"),
        (
            lambda m, x: m.initialize_from_another_model(KAN([2, 4, 1]), x),
            ValueError,
            "the width of this one, [2, 5, 1], got [2, 4, 1]",
        ),
        (
            lambda m, x: m.initialize_from_another_model(KAN([2, 5, 1], base_fun=torch.sin), x),
            ValueError,
            "the base function of this one",
        ),
        (
            lambda m, x: m.initialize_from_another_model(KAN([2, 5, 1]), x[:, :1]),
            ValueError,
            "x must have shape (rows, 2)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    model: KAN, dataset: Any, call: Any, error: type[Exception], words: str
) -> None:
    before = {n: v.clone() for n, v in model.state_dict().items()}
    with pytest.raises(error) as refused:
        call(model, dataset["train_input"])
    assert words in str(refused.value)
    assert all(torch.equal(v, before[n]) for n, v in model.state_dict().items())
