"""An input that does not vary costs nothing: a network trains as well with it as without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kanwidget import KAN, create_dataset

Dataset = dict[str, Tensor]


@pytest.fixture(scope="module")
def plain() -> Dataset:
    return create_dataset(
        lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2),
        train_num=300,
        test_num=300,
    )


def with_column(dataset: Dataset, column: Callable[[int], Tensor]) -> Dataset:
    return {
        name: torch.cat([v, column(len(v)).to(v).view(-1, 1)], 1) if "input" in name else v
        for name, v in dataset.items()
    }


def constant(value: float, noise: float = 0.0) -> Callable[[int], Tensor]:
    generator = torch.Generator().manual_seed(0)
    return lambda n: value + noise * torch.randn(n, generator=generator, dtype=torch.float64)


def rare(n: int) -> Tensor:
    return (torch.arange(n) % 50 == 7).double()


@pytest.mark.parametrize("grid_eps", [1.0, 0.02, 0.0])
@pytest.mark.parametrize(
    "column",
    [
        constant(7.0),
        constant(0.0),
        constant(-3.0),
        constant(1e3),
        constant(1e6),
        constant(7.0, 1e-9),
        constant(0.0, 1e-9),
        rare,
    ],
    ids=["7", "0", "-3", "1e3", "1e6", "nearly 7", "nearly 0", "rare"],
)
def test_a_network_trains_as_well_with_such_an_input_as_without(
    plain: Dataset, column: Any, grid_eps: float
) -> None:
    options = {"steps": 20, "lamb": 0.01, "progress": False}
    alone = KAN([2, 3, 1], grid=3, grid_eps=grid_eps).fit(plain, **options)
    model = KAN([3, 3, 1], grid=3, grid_eps=grid_eps)
    results = model.fit(with_column(plain, column), **options)
    assert results["test_loss"][-1] < 1.5 * alone["test_loss"][-1] + 0.05
    best = model.acts_scale[0].amax(0)
    assert best[2] < 0.1 * best[:2].max()
    assert model.layers[0].score_span[2] > 0.9


@pytest.mark.parametrize("loss_fn", [None, nn.functional.mse_loss])
@pytest.mark.parametrize("batch", [-1, 20])
def test_with_other_losses_and_batches(plain: Dataset, loss_fn: Any, batch: int) -> None:
    for column in (constant(7.0), rare):
        model = KAN([3, 3, 1], grid=3)
        data = with_column(plain, column)
        options: dict[str, Any] = {"opt": "Adam", "lr": 0.02, "steps": 60}
        results = model.fit(data, loss_fn=loss_fn, batch=batch, progress=False, **options)
        assert results["train_loss"][-1] < 0.5 * results["train_loss"][0]
        assert model.layers[0].score_span[2] > 0.9


def test_the_function_stays_where_such_an_input_may_vary_again(plain: Dataset) -> None:
    model = KAN([2, 3, 1], grid=3, seed=2)
    model.fit(plain, steps=4, progress=False)
    before = model(plain["test_input"]).detach()
    still = {n: v.clone() for n, v in plain.items()}
    for part in ("train", "test"):
        still[f"{part}_input"][:, 1] = 0.5
        with torch.no_grad():
            still[f"{part}_label"] = model(still[f"{part}_input"])
    model.remove_edge(0, 1, 2)
    model.restore_edge(0, 1, 2)
    model.fit(still, opt="Adam", lr=1e-14, steps=3, progress=False, update_grid=False)
    assert torch.allclose(model(plain["test_input"]), before, rtol=0, atol=1e-9)
    assert model.layers[0].activations(still["train_input"][:1])[:, 1].abs().max() < 1e-12


@pytest.mark.parametrize("grid_eps", [1.0, 0.0])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("value", [0.3, 7.0, 1e9, -1e17])
def test_update_grid_keeps_the_width_of_such_a_grid(
    grid_eps: float, dtype: torch.dtype, value: float
) -> None:
    model = KAN([2, 2, 1], grid=4, grid_eps=grid_eps, dtype=dtype)
    x = torch.rand(50, 2, dtype=dtype)
    x[:, 1] = value
    for _ in range(2):
        grid = model.layers[0].grid[1].clone()
        model.update_grid(x)
    found = model.layers[0].grid
    assert torch.equal(found[1], grid)  # once moved, it stays
    assert found[1, 0] <= value < found[1, -1]
    assert found[1, -1] - found[1, 0] >= 1.9
    assert (found.diff(dim=1)[1] > 0).all()
    assert torch.isfinite(model(x)).all()
