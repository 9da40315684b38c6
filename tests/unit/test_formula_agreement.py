"""Every form of a formula computes what the live model computes, whatever the library."""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from formula_forms import (
    Floats,
    all_forms,
    live_outputs,
    random_names,
    remove_some,
    suitable_curve,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from kanwidget import KAN, PruningSession
from kanwidget.adapters import adapt
from kanwidget.formula.formula import formula_of
from kanwidget.formula.unnamed_curve import UnnamedCurve
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import FUNCTIONS

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "soak"))

SOAK = (
    "kan",
    "kan-masked",
    "kan-uneven",
    "pykan",
    "pykan-symbolic",
    "pykan-products",
    "pykan0",
    "efficient",
    "fastkan",
    "fastkan-norm",
)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(SOAK),
    st.integers(0, 11),
    st.integers(0, 10**6),
    st.sampled_from([0.0, 0.3, 0.7, 1.0]),
    st.booleans(),
)
def test_every_form_computes_what_the_live_model_computes(
    name: str, seed: int, number: int, share: float, name_parts: bool
) -> None:
    pytest.importorskip("kan", reason="pykan is not installed")
    models = pytest.importorskip("models")
    model, choose = models.KINDS[name].make(seed), random.Random(number)
    model = model.double()
    width = adapt(model).width
    x = models.rows(60, width[0], number % 1000)
    with PruningSession(model, x) as session:
        remove_some(session, choose)
        truth, names = live_outputs(model, x, random_names(model, choose, share))
        if not names:
            torch.testing.assert_close(truth, model(x).detach(), rtol=1e-12, atol=1e-12)
        scales: dict[str, Any] = {}
        raw, expected = x.numpy(), truth.numpy()
        if choose.random() < 0.5:
            mean, std = [choose.uniform(-9, 9) for _ in range(width[0])], choose.uniform(0.1, 30)
            scales["normalizer"] = (torch.tensor(mean, dtype=torch.float64), std)
            raw = raw * std + np.array(mean)
        if choose.random() < 0.5:
            mean, std = [choose.uniform(-9, 9) for _ in range(width[-1])], choose.uniform(0.1, 30)
            scales["output_normalizer"] = (mean, std)
            expected = expected * std + np.array(mean)
        formula = formula_of(adapt(model), names, (x, None), name_parts=name_parts, **scales)
        assert not set(formula.unnamed) & set(names)
        size = max(1.0, float(np.abs(expected).max()))
        for form, found in all_forms(formula, raw).items():
            assert found.shape == expected.shape
            assert np.abs(found - expected).max() <= 1e-9 * size, form


@pytest.mark.parametrize("name", ["kan-float32", "pykan"])
def test_a_float32_model_is_met_to_its_own_accuracy(name: str) -> None:
    pytest.importorskip("kan", reason="pykan is not installed")
    models = pytest.importorskip("models")
    for seed in (1, 3, 5):
        model = models.KINDS[name].make(seed)
        adapter = adapt(model)
        assert adapter.dtype == torch.float32
        before = copy.deepcopy(model.state_dict())
        x = models.rows(50, adapter.width[0], seed).float()
        truth = adapter.forward(x).double().numpy()
        found = formula_of(adapter)(x)
        assert np.abs(found - truth).max() <= 1e-5 * max(1.0, np.abs(truth).max())
        after = model.state_dict()
        assert all(torch.equal(after[key], value) for key, value in before.items())


@pytest.mark.parametrize("k", [1, 2, 4, 5])
def test_splines_of_any_order_far_outside_their_grids(k: int) -> None:
    model = KAN([2, 3, 1], grid=4, k=k, seed=1)
    x = torch.linspace(-40, 40, 400, dtype=torch.float64).view(-1, 2)
    truth = model(x).detach().numpy()
    for found in all_forms(formula_of(adapt(model)), x.numpy()).values():
        assert np.abs(found - truth).max() <= 1e-9 * np.abs(truth).max()


@pytest.mark.parametrize(
    "base", [torch.sin, torch.relu, torch.nn.Identity(), torch.nn.GELU(), torch.nn.Softplus()]
)
def test_any_base_function(base: Callable[[Tensor], Tensor]) -> None:
    model = KAN([2, 3, 1], grid=4, seed=1, base_fun=base)
    x = torch.rand(200, 2, dtype=torch.float64) * 3 - 1.5
    truth = model(x).detach().numpy()
    for found in all_forms(formula_of(adapt(model), rows=(x, None)), x.numpy()).values():
        assert np.abs(found - truth).max() <= 1e-9 * np.abs(truth).max()


def test_a_curve_that_is_no_spline_goes_on_along_its_tangent() -> None:
    model = KAN([1, 1], grid=4, seed=1, base_fun=torch.nn.Softplus())
    formula = formula_of(adapt(model))
    curve = formula.network.edges[0, 0, 0]
    assert isinstance(curve, UnnamedCurve)
    low, high = curve.ends[0], curve.ends[-1]
    for end, side in ((low, -1.0), (high, 1.0)):
        x = end + side * np.array([-1e-6, 1e-6, 1.0, 2.0])
        before, after, one, two = formula(x[:, None])[:, 0]
        assert after == pytest.approx(before, abs=1e-5)
        assert two - one == pytest.approx(1e6 * (after - before) / 2, rel=1e-3)
        assert two != one


def test_a_function_of_pykan_that_is_not_in_the_library_stays_a_curve() -> None:
    kinds = pytest.importorskip("kinds")
    model = kinds.make("pykan 0.2.8")
    model.fix_symbolic(
        0, 0, 0, lambda x: x * torch.cos(x), fit_params_bool=False, verbose=False, log_history=False
    )
    model.symbolic_fun[0].affine.data[0, 0] = torch.tensor([1.5, 0.2, 0.8, 0.1]).double()
    x = torch.linspace(-3, 3, 100).double().view(-1, 2)
    formula = formula_of(adapt(model), rows=(x, None))
    assert (0, 0, 0) in formula.unnamed
    truth = adapt(model).forward(x).numpy()
    for found in all_forms(formula, x.numpy()).values():
        np.testing.assert_allclose(found, truth, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("arity", [2, 3, 4])
def test_products_of_any_arity_in_pykan(arity: int) -> None:
    kan = pytest.importorskip("kan", reason="pykan is not installed")
    state = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        model = kan.MultKAN(
            width=[[2, 0], [1, 2], [1, 0]], grid=3, mult_arity=arity, seed=0, auto_save=False
        ).double()
    finally:
        torch.set_rng_state(state[0])
        np.random.set_state(state[1])  # noqa: NPY002
        random.setstate(state[2])
    generator = torch.Generator().manual_seed(0)
    for name in ("node_bias", "node_scale", "subnode_bias", "subnode_scale"):
        for tensor in getattr(model, name):
            tensor.data += 0.3 * torch.randn(tensor.shape, generator=generator).double()
    x = torch.rand(60, 2, generator=generator).double() * 2 - 1
    truth, names = live_outputs(
        model,
        x,
        lambda edge, values: NamedCurve("x", 0.7, 0.1, 1.3, 0.2) if sum(edge) % 2 else None,
    )
    formula = formula_of(adapt(model), names)
    for form, found in all_forms(formula, x.numpy()).items():
        np.testing.assert_allclose(found, truth.numpy(), rtol=1e-9, atol=1e-9, err_msg=form)


@pytest.mark.parametrize("library", ["pykan 0.2.8", "pykan 0.0.1"])
def test_names_that_pykan_gave_are_read_under_masks(library: str) -> None:
    kinds = pytest.importorskip("kinds")
    model = kinds.make(library)
    for (l, i, j), name in {
        (0, 0, 0): "sin",
        (0, 1, 0): "x^2",
        (0, 0, 1): "tanh",
        (0, 1, 1): "abs",
        (0, 0, 2): "gaussian",
        (1, 0, 0): "exp",
    }.items():
        extra = {} if library.endswith("0.0.1") else {"verbose": False, "log_history": False}
        model.fix_symbolic(l, i, j, name, fit_params_bool=False, **extra)
        affine = torch.tensor([0.7, 0.2, 1.1, 0.3], dtype=torch.float64)
        model.symbolic_fun[l].affine.data[j, i] = affine
    x = kinds.data()["train_input"]
    with PruningSession(model, x) as session:
        session.remove_edge(0, 1, 1)
        formula = formula_of(adapt(model), rows=(x, None))
        assert formula.unnamed == [(0, 1, 2), (1, 1, 0), (1, 2, 0)]
        truth = adapt(model).forward(x).numpy()
        for found in all_forms(formula, x.numpy()).values():
            np.testing.assert_allclose(found, truth, rtol=1e-9, atol=1e-9)
        text = formula.latex()
        assert "\\sin" in text
        assert "\\tanh" in text
        assert "|" not in text
        assert "\\varphi_{0,1,2}" in text


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**6))
def test_slopes_by_the_numbers_are_derivatives(number: int) -> None:
    choose = random.Random(number)
    model = KAN([2, 3, 2], seed=number % 7)
    x = torch.rand(20, 2, dtype=torch.float64) * 2 - 1
    smooth = [n for n in FUNCTIONS if n not in ("abs", "sgn", "0")]

    def names_for(edge: tuple[int, int, int], values: Floats) -> NamedCurve | None:
        if choose.random() < 0.3:
            return None
        return suitable_curve(FUNCTIONS[choose.choice(smooth)], values, choose)

    _, names = live_outputs(model, x, names_for)
    formula = formula_of(adapt(model), names, (x, None))
    module = formula.torch()
    rows = formula.rows
    assert rows is not None
    _, slopes = formula._expressions.slopes(rows)
    raw = torch.from_numpy(rows.x)
    wanted = torch.autograd.functional.jacobian(
        lambda numbers: torch.func.functional_call(
            module, {"numbers": numbers}, (raw,)
        ).T.flatten(),
        module.numbers.detach(),
    ).numpy()
    size = 1 + np.abs(wanted).max(0)
    assert (np.abs(slopes - wanted) <= 1e-7 * size).all()


def test_pykan_writes_the_same_formula_of_a_model_it_has_named() -> None:
    kinds, sympy = pytest.importorskip("kinds"), pytest.importorskip("sympy")
    model = kinds.make("pykan 0.2.8")
    choose = random.Random(0)
    for l, layer in enumerate(model.symbolic_fun):
        for j in range(layer.out_dim):
            for i in range(layer.in_dim):
                name = choose.choice(["sin", "x^2", "exp", "tanh", "x", "cos", "gaussian"])
                model.fix_symbolic(
                    l, i, j, name, fit_params_bool=False, verbose=False, log_history=False
                )
                affine = torch.tensor([choose.uniform(0.3, 1) for _ in range(4)])
                layer.affine.data[j, i] = affine.double()
    formula = formula_of(adapt(model), name_parts=False)
    assert formula.unnamed == []
    theirs, symbols = model.symbolic_formula()
    x = np.random.default_rng(0).uniform(-1, 1, (30, 2))
    expected = sympy.lambdify(symbols, theirs[0], "numpy")(*x.T)
    np.testing.assert_allclose(formula(x)[:, 0], np.asarray(expected, float), rtol=1e-6)
