"""Names for whole networks: right, judged by the loss, and none where none fits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds import KINDS, bits, data, make
from layouts import FastKANLayer, Stack

from kanwidget import KAN, create_dataset
from kanwidget.adapters import adapt
from kanwidget.formula.candidates import candidates_of
from kanwidget.formula.name_all import name_all
from kanwidget.formula.name_losses import NameLosses
from kanwidget.formula.naming_network import (
    NamedEdge,
    NamingNetwork,
    SplineEdge,
    build_network,
)
from kanwidget.formula.spline_basis import SplineGrid
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import FUNCTIONS


def fitted(width, function, seed=0, steps=12, ranges=(-1, 1), rows=400):
    """Return a model trained on a formula, and its data."""
    dataset = create_dataset(
        function, n_var=width[0], ranges=list(ranges), train_num=rows, test_num=rows, seed=seed
    )
    model = KAN(width, grid=5, seed=seed)
    model.fit(dataset, steps=steps, progress=False)
    return model, dataset


def named(model, dataset, seconds=600.0, **options):
    rows, labels = dataset["train_input"], dataset["train_label"]
    return name_all(adapt(model), rows, labels, seconds=seconds, **options)


def outputs_of(naming, x):
    return naming.network.forward(np.ascontiguousarray(x.numpy().T)).outputs.T


def hello_world(x):
    return torch.exp(torch.sin(math.pi * x[:, [0]]) + x[:, [1]] ** 2)


def test_a_formula_is_found_exactly():
    model, dataset = fitted([2, 1, 1], hello_world)
    before = bits(model)
    naming = named(model, dataset)
    functions = {edge: curve.function for edge, curve in naming.curves.items()}
    assert functions == {(0, 0, 0): "sin", (0, 1, 0): "x^2", (1, 0, 0): "exp"}
    assert naming.loss < 1e-12 < naming.loss_polished < naming.loss_before
    assert abs(naming.curves[0, 0, 0].a) == pytest.approx(math.pi, abs=1e-12)
    test = outputs_of(naming, dataset["test_input"])
    np.testing.assert_allclose(test, dataset["test_label"].numpy(), atol=1e-12)
    assert bits(model) == before


def test_a_shift_that_is_rounding_is_no_number_of_the_formula():
    model, dataset = fitted([2, 1, 1], hello_world)
    naming = named(model, dataset)
    assert naming.curves[0, 1, 0].b == 0
    assert naming.loss < 1e-12


def test_a_product_is_found_from_squares_of_sums():
    model, dataset = fitted([2, 2, 1], lambda x: x[:, [0]] * x[:, [1]], seed=1)
    naming = named(model, dataset)
    assert not naming.network.unnamed()
    far = 2 * dataset["test_input"]
    np.testing.assert_allclose(outputs_of(naming, far), far.prod(1, keepdim=True), atol=1e-9)


def test_an_edge_that_does_nothing_is_named_zero():
    model, dataset = fitted([2, 1], lambda x: torch.sin(3 * x[:, [0]]))
    naming = named(model, dataset)
    assert {edge: c.function for edge, c in naming.curves.items()} == {
        (0, 0, 0): "sin",
        (0, 1, 0): "0",
    }


def test_an_edge_that_no_name_fits_stays_a_spline_and_the_others_get_theirs():
    def bumps(x):
        return torch.sin(9 * x[:, [0]] ** 2) * torch.cos(5 * x[:, [0]]) + x[:, [1]] ** 3

    model, dataset = fitted([2, 1], bumps)
    naming = named(model, dataset)
    assert naming.network.unnamed() == [(0, 0, 0)]
    assert naming.curves[0, 1, 0].function == "x^3"
    assert naming.loss <= 1.05 * naming.loss_before


def test_noise_gets_no_other_names():
    generator = torch.Generator().manual_seed(0)

    def noisy(x):
        y = hello_world(x)
        return y + 0.1 * y.std() * torch.randn(y.shape, generator=generator, dtype=y.dtype)

    model, dataset = fitted([2, 1, 1], noisy, rows=1000)
    naming = named(model, dataset)
    assert {edge: c.function for edge, c in naming.curves.items()} == {
        (0, 0, 0): "sin",
        (0, 1, 0): "x^2",
        (1, 0, 0): "exp",
    }
    assert naming.loss <= 1.05 * naming.loss_before


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "FastKAN"])
def test_models_of_every_library_are_named_and_stay_as_they_are(kind):
    model, dataset = make(kind), data(60)
    before = bits(model)
    naming = named(model, dataset, seconds=1.0)
    assert naming.loss <= max(1.05 * naming.loss_before, naming.loss_polished)
    assert set(naming.curves) | set(naming.network.unnamed()) == {
        (l, i, j) for l, on in enumerate(adapt(model).mask()) for j, i in on.nonzero().tolist()
    }
    assert bits(model) == before


def test_no_time_is_no_names_and_no_error():
    model, dataset = fitted([2, 1, 1], hello_world, steps=3)
    naming = named(model, dataset, seconds=0.0)
    assert naming.out_of_time
    assert not naming.curves
    assert naming.loss <= naming.loss_before


def test_a_name_is_priced_at_once_and_after_a_refit():
    model, dataset = fitted([2, 1, 1], hello_world)
    adapter, x, y = adapt(model), dataset["train_input"], dataset["train_label"]
    prices = NameLosses(adapter, x, y)
    loss = float((adapter.forward(x) - y).square().mean().sqrt())
    found = candidates_of(adapter, x, y, topk=None)[0, 0, 0]
    right = next(c for c in found if c.function == "sin")
    wrong = next(c for c in found if c.function == "tanh")
    at_once, refitted = prices.losses((0, 0, 0), right.curve)
    assert refitted < at_once < 3 * loss
    assert refitted < 0.1 * loss
    assert min(prices.losses((0, 0, 0), wrong.curve)) > 10 * loss


def test_a_model_whose_curves_do_not_give_its_outputs_is_refused_in_words():
    with pytest.raises(ValueError, match="train one without layer normalization"):
        named(make("FastKAN"), data())


@pytest.mark.parametrize("kind", KINDS)
def test_the_copy_that_names_are_tried_on_is_the_model(kind):
    if kind == "FastKAN":
        torch.manual_seed(0)
        model = Stack(*(FastKANLayer(*n, norm=False) for n in ((2, 3), (3, 1)))).double()
    else:
        model = make(kind)
    adapter, rows = adapt(model), data()["train_input"]
    network = build_network(adapter, rows, 20)
    outputs = network.forward(np.ascontiguousarray(rows.numpy().T)).outputs.T
    model_outputs = adapter.forward(rows).numpy()
    np.testing.assert_allclose(outputs, model_outputs, atol=2e-2 * np.ptp(model_outputs))


NAMES = st.sampled_from([None, "sin", "exp", "x^2", "x", "tanh", "gaussian", "x^3", "0"])


@given(seed=st.integers(0, 10**6), names=st.lists(NAMES, min_size=14, max_size=14))
@settings(max_examples=30)
def test_the_jacobian_is_the_slope_of_the_outputs(seed, names):
    """Of nets with names, splines, missing edges, products and two outputs."""
    generator, width = np.random.default_rng(seed), [2, 2, 2]
    edges = {}
    # Layer 0 has three targets, of which two are multiplied.
    every = [(0, i, j) for i in range(2) for j in range(3)]
    every += [(1, i, j) for i in range(2) for j in range(2)]
    for edge, name in zip(every, names, strict=False):
        if name is None:
            edges[edge] = SplineEdge(generator.normal(size=7))
        elif name != "0":
            edges[edge] = NamedEdge(FUNCTIONS[name], *generator.normal(size=3))
    grids = [[SplineGrid(-1.0, 1.0, 4)] * 2] * 2
    bias = [generator.normal(size=3), generator.normal(size=2)]
    offset = [generator.normal(size=2), np.zeros(2)]
    network = NamingNetwork(width, edges, bias, offset, [[0, 0, 1], [0, 1]], grids)
    x, change = generator.uniform(-1, 1, (2, 9)), generator.normal(size=network.size)
    passed = network.forward(x)
    step = 1e-6
    ahead, behind = (network.moved(s * step * change).forward(x).outputs for s in (1, -1))
    slope = change @ network.jacobian(passed)
    scale = 1 + np.abs(ahead).max() + np.abs(slope).max()
    np.testing.assert_allclose(slope, ((ahead - behind) / 2 / step).ravel(), atol=1e-4 * scale)


def test_a_wrong_library_is_said_before_anything_is_computed():
    model, dataset = fitted([2, 1], lambda x: x[:, [0]], steps=1)
    with pytest.raises(ValueError, match="no function 'sine'"):
        named(model, dataset, lib=["sine"])


def test_names_are_taken_from_the_given_library_alone():
    model, dataset = fitted([2, 1, 1], hello_world)
    naming = named(model, dataset, lib=["sin", "x", "0"])
    assert {curve.function for curve in naming.curves.values()} <= {"sin", "x", "0"}
    assert (1, 0, 0) in naming.network.unnamed()


def test_a_name_whose_constant_is_zero_goes_into_the_bias():
    network = NamingNetwork(
        [1, 1],
        {(0, 0, 0): SplineEdge(np.ones(4))},
        [np.array([0.5])],
        [np.zeros(1)],
        [],
        [[SplineGrid(-1.0, 1.0, 1)]],
    )
    curve = NamedCurve("0", d=1.0)
    assert network.with_edge((0, 0, 0), curve, FUNCTIONS["0"]).forward(np.zeros((1, 2))).outputs[
        0
    ].tolist() == [1.5, 1.5]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_product_of_other_functions_is_found(seed):
    model, dataset = fitted([2, 2, 1], lambda x: x[:, [0]] * torch.cosh(2 * x[:, [1]]), seed, 20)
    naming = named(model, dataset)
    assert not naming.network.unnamed()
    assert naming.loss < 1e-10
    far = 2 * dataset["test_input"]
    right = far[:, [0]] * torch.cosh(2 * far[:, [1]])
    np.testing.assert_allclose(outputs_of(naming, far), right, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1])
def test_two_curves_that_only_hold_together_are_found(seed):
    model, dataset = fitted([1, 1, 1], lambda x: 1 / torch.sqrt(1.3 - x**2), seed, 20)
    naming = named(model, dataset)
    assert naming.curves[0, 0, 0].function == "x^2"
    assert naming.curves[1, 0, 0].function == "1/sqrt(x)"
    assert naming.loss < 1e-10


def test_names_that_leave_a_large_error_are_tried_again():
    model, dataset = fitted(
        [2, 1, 1], lambda x: torch.exp(-(x[:, [0]] ** 2) - x[:, [1]] ** 2 / 2), 0, 30, (-1.5, 1.5)
    )
    naming = named(model, dataset)
    assert [naming.curves[edge].function for edge in sorted(naming.curves)] == ["x^2", "x^2", "exp"]
    assert naming.loss < 1e-10 < 1e-2 < naming.loss_polished
