"""The longer search for names: nothing gets worse, and names can be taken back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kanwidget import KAN, create_dataset
from kanwidget.adapters import adapt
from kanwidget.formula.name_all import name_all
from kanwidget.formula.naming_search import NamingProblem
from kanwidget.formula.retry import retry
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import FUNCTIONS


def problem_of(function, width):
    dataset = create_dataset(function, n_var=width[0], train_num=300, test_num=10, seed=0)
    model = KAN(width, grid=5, seed=0)
    model.fit(dataset, steps=10, progress=False)
    rows, labels = dataset["train_input"], dataset["train_label"]
    return NamingProblem(adapt(model), rows, labels, None, 0.05, math.inf), model, dataset


def sine_and_square(x):
    return torch.sin(3 * x[:, [0]]) + x[:, [1]] ** 2


def test_an_edge_gets_its_curve_back_when_its_name_is_taken():
    problem, _, _ = problem_of(sine_and_square, [2, 1])
    edge, start = (0, 0, 0), problem.start
    named = start.network.with_edge(edge, NamedCurve("sin", 3.0), FUNCTIONS["sin"])
    passed = named.forward(problem.x)
    again = named.with_splines([edge], passed, 10)
    assert set(again.unnamed()) == {(0, 0, 0), (0, 1, 0)}
    np.testing.assert_allclose(again.forward(problem.x).outputs, passed.outputs, atol=2e-3)


def test_a_wrong_name_is_taken_back_and_the_right_one_found():
    problem, _, _ = problem_of(sine_and_square, [2, 1])
    state, edge = problem.start, (0, 0, 0)
    for wrong, function in ((edge, "tanh"), ((0, 1, 0), "x^2")):
        network = state.network.with_edge(wrong, NamedCurve(function), FUNCTIONS[function])
        state = problem.settle(state, wrong, FUNCTIONS[function], network)
    assert state.error > 1e-3
    found = retry(problem, state, 8)
    assert found.network.edges[edge].function.name == "sin"
    assert found.error < 1e-24


def test_a_longer_search_is_no_worse_and_ends_when_its_time_is_over():
    _, model, dataset = problem_of(lambda x: x[:, [0]] * torch.sin(x[:, [1]]), [2, 2, 1])
    adapter, x, y = adapt(model), dataset["train_input"], dataset["train_label"]
    fast = name_all(adapter, x, y, seconds=600)
    deep = name_all(adapter, x, y, seconds=600, deep=True)
    assert deep.loss <= max(1.05 * deep.loss_before, deep.loss_polished, fast.loss)
    assert len(deep.network.unnamed()) <= len(fast.network.unnamed())
    assert name_all(adapter, x, y, seconds=0.0, deep=True).out_of_time


def test_a_longer_search_of_what_is_exact_already_changes_nothing():
    _, model, dataset = problem_of(sine_and_square, [2, 1])
    adapter, x, y = adapt(model), dataset["train_input"], dataset["train_label"]
    deep = name_all(adapter, x, y, seconds=600, deep=True)
    assert {edge: curve.function for edge, curve in deep.curves.items()} == {
        (0, 0, 0): "sin",
        (0, 1, 0): "x^2",
    }
    assert deep.loss == pytest.approx(0, abs=1e-12)
