"""What a training of pykan's models computes, against what the models themselves compute."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import kinds
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_adapters_pykan02 import MODELS, data, make, numeric, untouched
from torch import Tensor

from kanwidget import PruningSession, create_dataset
from kanwidget.adapters import adapt
from kanwidget.functions.curve import NamedCurve


def uneven() -> Any:
    """Return a model whose grids follow the data."""
    model = make([2, 4, 1], seed=4)
    for layer in model.act_fun:
        layer.grid_eps = 0.02
    model.update_grid(data(2, seed=5))
    return model


def knots_of_its_own() -> Any:
    """Return a model whose knots beyond the ends of its grids are elsewhere than usual."""
    model = make([2, 4, 1], seed=6)
    for layer in model.act_fun:
        layer.grid.data[:, -1] += 0.3
    return model


def scaled_edges() -> Any:
    model = make([2, 3, 2], seed=7)
    for layer in model.act_fun:
        layer.mask.data[0, 0], layer.mask.data[1, 1] = 0.5, 0.0
    return model


def trained_scales() -> Any:
    """Return a model that trains the scales and biases of its nodes, too, and no spline's scale."""
    model = make([3, [2, 2], 2], seed=8, affine_trainable=True, sp_trainable=False)
    assert model.node_scale[0].requires_grad
    assert not model.act_fun[0].scale_sp.requires_grad
    return model


def other_base() -> Any:
    return make([2, 3, 1], seed=9, base_fun="identity")


def no_base() -> Any:
    return make([2, 3, 1], seed=10, base_fun=lambda x: torch.zeros_like(x))


def named() -> Any:
    """Return a model with edges that were named here."""
    model = make([2, 3, 1], seed=11)
    waves = NamedCurve("sin", 2.0, 0.3, 0.8, -0.2, frozenset("a"))
    adapt(model).set_names({(0, 0, 1): waves, (1, 1, 0): NamedCurve("x^2", 1.1, 0.4, 0.9, 0.1)})
    return model


def older() -> Any:
    return kinds.make("pykan 0.0.1", seed=3)


def older_sharing() -> Any:
    """Return a model of pykan 0.0.1 in which two edges have one function."""
    model = kinds.make("pykan 0.0.1", seed=4)
    model.lock(0, [[0, 0], [1, 1]])
    return model


def older_with_grids_of_edges() -> Any:
    model = kinds.make("pykan 0.0.1", seed=5)
    model.act_fun[0].grid.data[1] *= 1.1
    return model


ALL = (
    *MODELS,
    uneven,
    knots_of_its_own,
    scaled_edges,
    trained_scales,
    other_base,
    no_base,
    named,
    older,
    older_sharing,
    older_with_grids_of_edges,
)


def pruned(model: Any, seed: int) -> Any:
    """Switch edges of a model off by chance, give its biases means, and return its adapter."""
    adapter, generator = adapt(model), torch.Generator().manual_seed(seed)
    mask = [on & (torch.rand(on.shape, generator=generator) < 0.7) for on in adapter.mask()]
    bias = [b + torch.randn(b.shape, generator=generator).to(b) for b in adapter.bias()]
    adapter.set_mask(mask, bias)
    return adapter


def sized(adapter: Any, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return nodes, and mean sizes of edges, as the adapter computes them one by one."""
    nodes = adapter.values_for_training(x)
    outputs = [adapter.edge_outputs_for_training(l, inputs) for l, inputs in enumerate(nodes[:-1])]
    return nodes, [out.abs().mean(2) for out in outputs]


def total(y: Tensor, sizes: list[Tensor], adapter: Any) -> Tensor:
    """Return a loss and a regulariser that tells edges apart."""
    weights = [torch.linspace(0.5, 1.5, size.numel()).view(size.shape) for size in sizes]
    parts = zip(sizes, weights, adapter.mask(), strict=True)
    return y.square().mean() + sum((size * weight)[on].sum() for size, weight, on in parts)


def gradients(of: Tensor, model: Any) -> dict[str, Tensor]:
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    found = torch.autograd.grad(of, list(trained.values()), retain_graph=True, allow_unused=True)
    pairs = zip(trained.items(), found, strict=True)
    return {n: torch.zeros_like(p) if on is None else on for (n, p), on in pairs}


def close(mine: Tensor, other: Tensor, error: float = 1e-9) -> bool:
    return torch.allclose(mine.to(other), other, rtol=error, atol=error, equal_nan=True)


@pytest.mark.parametrize("build", ALL, ids=lambda build: build.__name__)
@given(seed=st.integers(0, 1000))
@settings(max_examples=5)
def test_losses_sizes_and_gradients_are_those_of_the_model(
    build: Callable[[], Any], seed: int
) -> None:
    model = build()
    adapter = pruned(model, seed)
    x = data(adapter.width[0], rows=40, seed=seed)
    without, none = adapter.training_forward(x, sized=False)()
    assert none == []
    assert close(without[-1], model(x))
    compute = adapter.training_forward(x, sized=True)
    for _ in range(2):  # as an optimiser does, with other numbers each time
        (values, sizes), (nodes, others) = compute(), sized(adapter, x)
        y = model(x)
        assert close(values[-1], y)
        assert all(map(close, values, nodes))
        parts = zip(sizes, others, adapter.mask(), strict=True)
        assert all(close(size[on], other[on]) for size, other, on in parts)
        mine = gradients(total(values[-1], sizes, adapter), model)
        theirs = gradients(total(y, others, adapter), model)
        by_edges = gradients(total(nodes[-1], others, adapter), model)
        for name, gradient in mine.items():
            # Of constants that were fixed pykan's own gradient knows nothing.
            other = by_edges[name] if "affine" in name else theirs[name]
            assert close(gradient, other, 1e-8), name
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.requires_grad and "affine" not in name:
                    parameter.mul_(1.1)


@pytest.mark.parametrize("build", ALL, ids=lambda build: build.__name__)
def test_float32_is_computed_within_its_rounding(build: Callable[[], Any]) -> None:
    model = build().float()
    adapter = pruned(model, 1)
    x = data(adapter.width[0], rows=40).float()
    (values, sizes), (_, others) = adapter.training_forward(x, sized=True)(), sized(adapter, x)
    y = model(x)
    assert values[-1].dtype == torch.float32
    assert close(values[-1], y, 1e-5)
    mine = gradients(total(values[-1], sizes, adapter), model)
    theirs = gradients(total(y, others, adapter), model)
    for name, gradient in mine.items():
        assert gradient.dtype == torch.float32
        assert close(gradient, theirs[name], 1e-4), name


def test_many_rows_are_computed_in_the_type_of_the_model() -> None:
    model = make([1, 3, 9, 1], seed=12).float()
    adapter, x = adapt(model), data(1, rows=30_000).float()
    values, _ = adapter.training_forward(x, sized=False)()
    assert close(values[-1], model(x), 1e-5)
    pairs = gradients(values[-1].mean(), model), gradients(model(x).mean(), model)
    assert all(close(mine, pairs[1][name], 1e-4) for name, mine in pairs[0].items())


def test_numbers_that_are_not_finite_pass_through_masks_as_pykan_lets_them() -> None:
    model = numeric()
    adapter, x = adapt(model), data(2, rows=50)
    model.act_fun[0].coef.data[0, 1, 2] = math.inf
    adapter.set_mask([torch.zeros_like(on) for on in adapter.mask()], adapter.bias())
    y = model(x)
    assert y.isnan().any()
    assert close(adapter.training_forward(x, sized=False)()[0][-1], y)


def test_grids_and_masks_that_move_between_two_steps_are_taken_in() -> None:
    model = uneven()
    adapter, x = adapt(model), data(2, rows=40)
    compute = adapter.training_forward(x, sized=False)
    for _ in range(3):
        assert close(compute()[0][-1], model(x))
        model.act_fun[0].grid.data.mul_(1.2)
        model.act_fun[1].grid.data.mul_(1.1)
        compute = adapter.training_forward(x, sized=False)
        assert close(compute()[0][-1], model(x))
        mask = adapter.mask()
        mask[0][0] = ~mask[0][0]
        adapter.set_mask(mask, adapter.bias())
        compute = adapter.training_forward(x, sized=False)


@pytest.mark.parametrize("seed", range(3))
def test_a_session_trains_a_model_lower_than_pykans_fit(seed: int) -> None:
    dataset = create_dataset(
        lambda x: torch.sin(torch.pi * x[:, [0]]) * x[:, [1]] + x[:, [2]] ** 2,
        n_var=3,
        train_num=300,
        dtype=torch.float32,
    )
    settings: dict[str, Any] = {"opt": "LBFGS", "steps": 12, "update_grid": False}
    theirs = untouched(lambda: make([3, 4, 1], seed=seed).fit(dataset, **settings))
    with PruningSession(make([3, 4, 1], seed=seed), dataset) as session:
        ours = session.fit(12)
    for name in ("train_loss", "test_loss"):
        assert ours[name][-1] < 0.95 * float(theirs[name][-1])
