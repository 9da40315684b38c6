"""Formulas as text: canonical forms, recognised numbers, rounding, units, names, MathML, words."""

from __future__ import annotations

import copy
import math
import threading
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from formula_forms import Names, all_forms
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from kanwidget import KAN
from kanwidget.adapters import adapt
from kanwidget.formula.constants import recognise_number
from kanwidget.formula.formula import Formula, formula_of
from kanwidget.formula.numbers import Exact
from kanwidget.formula.numbers import number as exact_number
from kanwidget.formula.sympy_form import run_with_time_limit
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import FUNCTIONS, Function
from kanwidget.functions.own_function import own_function


def net_of(width: Sequence[int], names: Names) -> Any:
    """Return an adapter of a KAN in which these edges are on and all others off."""
    model = KAN(list(width), seed=0)
    mask = [torch.zeros_like(layer) for layer in model.mask]
    for l, i, j in names:
        mask[l][j, i] = 1.0
    model.set_mask(mask)
    return adapt(model)


def formula_for(
    width: Sequence[int],
    names: dict[tuple[int, int, int], tuple[Any, ...]],
    function: Callable[[Tensor], Tensor] | None = None,
    low: float = -1.0,
    high: float = 1.0,
    noise: float = 0.0,
    **settings_: Any,
) -> Formula:
    """Make a formula of named curves, judged on a function's values."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.rand(400, width[0], generator=generator, dtype=torch.float64)
    x, y = rows * (high - low) + low, None
    if function is not None:
        y = function(x).reshape(len(x), -1)
        spread = torch.randn(y.shape, generator=generator, dtype=torch.float64)
        y = y + noise * y.std() * spread
    curves = {edge: NamedCurve(*curve) for edge, curve in names.items()}
    return formula_of(net_of(width, curves), curves, (x, y), **settings_)


PI = math.pi
HELLO: dict[tuple[int, int, int], tuple[Any, ...]] = {
    (0, 0, 0): ("sin", -3.1411, 2 * PI + 0.0003, -1.501, 0.2),
    (0, 1, 0): ("x^2", -1.001, 0.0004, 1.5, 0.1),
    (1, 0, 0): ("exp", 0.6666, -0.2, 1.001, 0.002),
}


def hello(x: Tensor) -> Tensor:
    return torch.exp(torch.sin(PI * x[:, 0]) + x[:, 1] ** 2)


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.05])
def test_the_demo_is_written_as_in_the_paper(noise: float) -> None:
    formula = formula_for([2, 1, 1], HELLO, hello, noise=noise)
    found = formula.recognised(seconds=600)
    assert found.latex() == r"y = e^{\sin\left(\pi \, x_{1}\right) + x_{2}^{2}}"
    assert str(found.sympy) == "[exp(x_2**2 + sin(pi*x_1))]"
    assert found.numbers == []
    assert "np.sin(np.pi * x_1)" in found.python() or "np.sin((np.pi) * x_1)" in found.python()
    # The one that it was made of is as it was.
    assert len(formula.numbers) > 5


KNOWN: list[tuple[list[int], dict[Any, Any], Callable[[Tensor], Tensor], float, float, str]] = [
    (
        [2, 1, 1],
        {
            (0, 0, 0): ("log", 1.001, 0.0003, 1.501, 0.2),
            (0, 1, 0): ("log", 1.3, 0.0004, 1.5, 0.1),
            (1, 0, 0): ("exp", 0.6666, -0.6, 1.001, 0.002),
        },
        lambda x: x[:, 0] * x[:, 1],
        0.3,
        2.0,
        "x_1*x_2",
    ),
    (
        [2, 2, 1],
        {
            (0, 0, 0): ("x", 1.0),
            (0, 1, 0): ("x", 1.001),
            (0, 0, 1): ("x", 1.003),
            (0, 1, 1): ("x", -0.9991),
            (1, 0, 0): ("x^2", 0.5, 0.0001, 1.001, 0.003),
            (1, 1, 0): ("x^2", 0.5, 0.0002, -1.003, 0.001),
        },
        lambda x: x[:, 0] * x[:, 1],
        -1.0,
        1.0,
        "x_1*x_2",
    ),
    (
        [1, 1],
        {(0, 0, 0): ("sin", 3.14, 1.5707, 1.3, 0.5)},
        lambda x: 1.3 * torch.cos(PI * x) + 0.5,
        -1.0,
        1.0,
        "13*cos(pi*x_1)/10 + 1/2",
    ),
    (
        [2, 1, 1],
        {
            (0, 0, 0): ("x^2", 1.0, 0.001, 1.0, 0.0),
            (0, 1, 0): ("x^2", 1.0, 0.0, 1.0, 0.0),
            (1, 0, 0): ("sqrt", 1.01, 0.001, 1.0, 0.0),
        },
        lambda x: torch.sqrt(2 * (x**2).sum(1)),
        0.2,
        1.0,
        "sqrt(2)*sqrt(x_1**2 + x_2**2)",
    ),
    (
        [1, 2, 1],
        {
            (0, 0, 0): ("x",),
            (0, 0, 1): ("x",),
            (1, 0, 0): ("sinh", 2.0001, 0.001, 0.5, 0.0),
            (1, 1, 0): ("cosh", 2.0002, 0.001, 0.5, 0.0),
        },
        lambda x: torch.exp(2 * x) / 2,
        -1.0,
        1.0,
        "exp(2*x_1)/2",
    ),
    (
        [1, 1],
        {(0, 0, 0): ("tan", -1.0, 3 * PI + 0.001, 2.0, 0.0)},
        lambda x: -2 * torch.tan(x),
        -1.0,
        1.0,
        "-2*tan(x_1)",
    ),
    (
        [1, 1],
        {(0, 0, 0): ("1/(1+x^2)", 2.001, 0.0004, 1.001, 0.003)},
        lambda x: 1 / (1 + 4 * x**2),
        -1.0,
        1.0,
        "1/(4*x_1**2 + 1)",
    ),
]


@pytest.mark.parametrize(("width", "names", "function", "low", "high", "text"), KNOWN)
def test_known_formulas_come_out_in_their_shortest_form(
    width: list[int],
    names: dict[Any, Any],
    function: Callable[[Tensor], Tensor],
    low: float,
    high: float,
    text: str,
) -> None:
    found = formula_for(width, names, function, low, high).recognised(seconds=600)
    assert [str(output) for output in found.sympy] == [text]
    assert found.loss is not None
    assert found.loss < 1e-12


@pytest.mark.parametrize(
    ("value", "deviation", "text"),
    [
        (3.14159, 1e-5, "pi"),
        (3.1405, 2e-3, "pi"),
        (0.4999, 1e-3, "1/2"),
        (-0.70711, 1e-5, "-sqrt(2)/2"),
        (2.0944, 1e-4, "2*pi/3"),
        (0.63662, 1e-5, "2/pi"),
        (2.71828, 1e-5, "E"),
        (0.583333, 1e-6, "7/12"),
        (1e-7, 1e-6, "0"),
        (1.234567, 1e-6, ""),
        (0.5831, 1e-3, ""),  # 7/12 would cost more than it says
        (0.5, 0.4, "0"),
    ],
)
def test_a_number_is_recognised_only_if_that_says_more_than_it_costs(
    value: float, deviation: float, text: str
) -> None:
    sympy = pytest.importorskip("sympy")
    found = recognise_number(value, deviation)
    if not text:
        assert found is None
        return
    assert found is not None
    exact = found.exact
    assert isinstance(exact, Exact)
    expected = float(sympy.sympify(text))
    assert exact.value == pytest.approx(expected, rel=1e-14, abs=1e-14)


@given(
    st.lists(
        st.builds(
            Exact,
            st.fractions(-20, 20, max_denominator=12),
            st.integers(-2, 2),
            st.sampled_from([1, 2, 3, 5, 6, 10]),
            st.integers(-2, 2),
        ),
        min_size=2,
        max_size=2,
    ),
    st.fractions(-3, 3, max_denominator=2),
)
def test_exact_numbers_compute_as_floats_do(pair: list[Exact], exponent: Fraction) -> None:
    a, b = map(exact_number, pair)
    assert a.times(b).value == pytest.approx(a.value * b.value, rel=1e-12, abs=1e-12)
    assert a.plus(b).value == pytest.approx(a.value + b.value, rel=1e-12, abs=1e-12)
    if b.value:
        assert a.over(b).value == pytest.approx(a.value / b.value, rel=1e-12, abs=1e-12)
        root = exponent.denominator == 2 and b.value < 0
        assert root == math.isnan(b.power(exponent).value)
        if not root:
            expected = b.value ** float(exponent)
            assert b.power(exponent).value == pytest.approx(expected, rel=1e-12)


def test_random_numbers_are_hardly_ever_recognised() -> None:
    generator = np.random.default_rng(0)
    values = generator.uniform(-5, 5, 500)
    for relative in (1e-2, 1e-3, 1e-5):
        found = [recognise_number(v, relative * abs(v)) for v in values]
        assert sum(f is not None for f in found) <= 0.12 * len(values)


def test_an_unnamed_network_is_its_curves_and_never_nothing(random_kan: Callable[..., KAN]) -> None:
    model = random_kan([2, 3, 2], 0)
    x = torch.rand(50, 2, dtype=torch.float64) * 2 - 1
    formula = formula_of(adapt(model), rows=(x, model(x).detach()))
    assert formula.loss is not None
    assert formula.loss < 1e-12
    assert len(formula.unnamed) == 12
    # Two outputs share their hidden nodes, which have names.
    assert [str(symbol) for symbol, _ in formula.sympy_parts] == ["h_1,1", "h_1,2", "h_1,3"]
    assert formula.latex().count(r"\varphi") == 12
    assert formula.mathml().count("φ") == 12


def test_a_formula_does_not_follow_the_model_and_does_not_write_to_it(model: KAN) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    formula = formula_of(adapt(model))
    x = np.zeros((3, 2))
    was = formula(x)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with torch.no_grad():
        model.layers[0].coef.add_(1.0)
    assert np.array_equal(formula(x), was)


def test_rounding_says_what_it_costs() -> None:
    formula = formula_for([2, 1, 1], HELLO, hello, noise=0.02)
    assert formula.loss is not None
    losses = [formula.rounded(digits=n).loss for n in range(1, 8)]
    assert losses[0] is not None
    assert losses[0] > 1.1 * formula.loss
    assert losses[-1] == pytest.approx(formula.loss, rel=1e-4)
    short = formula.rounded(tolerance=0.01)
    assert short.loss is not None
    assert short.loss <= 1.01 * formula.loss
    assert short.digits is not None
    fewer = formula.rounded(digits=short.digits - 1).loss
    assert fewer is not None
    assert fewer > 1.01 * formula.loss
    x = np.random.default_rng(0).uniform(-1, 1, (20, 2))
    for found in all_forms(short, x).values():
        np.testing.assert_allclose(found, short(x), rtol=1e-12)


def test_what_rounding_errors_leave_of_constants_is_not_written() -> None:
    names = {(0, 0, 0): ("sin", 1.0, 0.0, 1.0, 0.1), (0, 1, 0): ("exp", 1.0, 0.0, 1.0, 0.2)}
    cancelled = {**names, (0, 2, 0): ("x^2", 1.0, 0.0, 1.0, -0.3)}
    assert (
        formula_for([3, 1], cancelled).latex()
        == formula_for(
            [3, 1], {edge: (*curve[:4], 0.0) for edge, curve in cancelled.items()}
        ).latex()
    )
    tiny = {edge: (*curve[:4], 1e-12) for edge, curve in cancelled.items()}
    assert "10^{-12}" in formula_for([3, 1], tiny).latex()


def test_rounding_a_formula_that_is_exact_keeps_it() -> None:
    exact = formula_for([2, 1, 1], HELLO, hello).recognised(seconds=600)
    assert exact.rounded(digits=1).latex() == exact.latex()
    assert exact.rounded(tolerance=0.01).loss == exact.loss


def test_units_from_scalers_of_scikit_learn() -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    generator = np.random.default_rng(0)
    raw = generator.uniform([100.0, -3.0], [300.0, 5.0], (80, 2))
    model = KAN([2, 2, 1], seed=0)
    for kind in (
        preprocessing.StandardScaler(),
        preprocessing.StandardScaler(with_mean=False),
        preprocessing.StandardScaler(with_std=False),
        preprocessing.MinMaxScaler((-1, 1)),
    ):
        scaler = kind.fit(raw)
        scaled = torch.from_numpy(scaler.transform(raw))
        out = model(scaled).detach().numpy()
        target = preprocessing.StandardScaler().fit(out * 50 + 7)
        formula = formula_of(
            adapt(model),
            rows=(scaled, torch.from_numpy(out)),
            in_vars=["temperature", "p_0"],
            out_vars=["rate"],
            normalizer=scaler,
            output_normalizer=target,
        )
        np.testing.assert_allclose(formula(raw), target.inverse_transform(out), rtol=1e-9)
        assert formula.loss is not None
        assert formula.loss < 1e-9
        assert formula.latex().startswith(r"\mathrm{rate} = ")


def test_mathml_links_each_term_with_its_edges(random_kan: Callable[..., KAN]) -> None:
    model = random_kan([3, 3, 2], 3, 0.8)
    names = {(0, 0, 0): NamedCurve("sin", 2.0), (0, 1, 0): NamedCurve("x", 2.0)}
    formula = formula_of(adapt(model), names)
    tree = ElementTree.fromstring(formula.mathml())
    linked: set[tuple[int, ...]] = set()
    for element in tree.iter():
        assert element.tag.startswith("{http://www.w3.org/1998/Math/MathML}")
        assert set(element.attrib) <= {"data-edges", "display", "alttext", "columnalign"}
        for edge in element.get("data-edges", "").split():
            linked.add(tuple(map(int, edge.split(","))))
    assert linked == set(formula.edges)
    on = {(l, i, j) for l, m in enumerate(model.mask) for j, i in m.nonzero().tolist()}
    assert linked <= on


HOSTILE = "<img src=x onerror=\"alert(1)\">&{}\\^~$%#_'\"'''"


def test_hostile_names_are_shown_and_run_nothing() -> None:
    formula = formula_for([2, 1, 1], HELLO, in_vars=[HOSTILE, "np"], out_vars=["return"])
    x = np.random.default_rng(0).uniform(-1, 1, (9, 2))
    expected = formula_for([2, 1, 1], HELLO)(x)
    for form, found in all_forms(formula, x).items():
        np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=form)
    text = formula.mathml()
    assert "<img" not in text
    tree = ElementTree.fromstring(text)
    assert any("<img src=x" in (element.text or "") for element in tree.iter())
    assert r"\{\}\backslash{}\wedge{}\sim{}\$\%\#\_" in formula.latex()


@pytest.mark.parametrize(
    ("settings_", "words"),
    [
        ({"in_vars": ["a"]}, "in_vars must hold 2 names, got 1"),
        ({"in_vars": "ab"}, "must be a list of 2 names, got 'ab'"),
        ({"in_vars": ["a", "a"]}, "two names in in_vars are 'a'"),
        ({"in_vars": ["a", " "]}, "1 to 100 characters"),
        ({"in_vars": ["a", "b" * 10**6]}, "1 to 100 characters, got 1000000"),
        ({"in_vars": ["a", "b\n"]}, "cannot be shown"),
        ({"in_vars": ["a", "b\u202e"]}, "cannot be shown"),
        ({"in_vars": ["a", 3]}, "a name in in_vars must be a str, got int"),
        ({"in_vars": ["a", "y"]}, "'y' is the name of both an input and an output"),
        ({"normalizer": (0.0, 0.0)}, "standard deviations other than 0"),
        ({"normalizer": ([0.0] * 3, 1.0)}, "must have 2 columns, as the data has, got 3"),
        ({"normalizer": "standard"}, "normalizer must be"),
        ({"normalizer": (float("nan"), 1.0)}, "finite numbers"),
        ({"names": {(0, 5, 0): NamedCurve("sin")}}, r"no edge \(0, 5, 0\)"),
        ({"names": {(0, 0, 0): NamedCurve("<b>")}}, "'<b>', which is not among the functions"),
        ({"names": {(0, 0, 0): NamedCurve("sin", math.nan)}}, "constant a of edge"),
        ({"names": {(0, 0, 0): NamedCurve("exp", 1.0, 0.0, 1e300)}}, "constant c of edge"),
        ({"names": {(0, 0, 0): "sin"}}, "must be a NamedCurve, got str"),
        ({"rows": (torch.zeros(3, 2).double(), None), "digits": 0}, "digits must be at least 1"),
        ({"digits": 99}, "digits must be at most 17"),
    ],
)
def test_what_cannot_be_used_is_said_in_words(settings_: dict[str, Any], words: str) -> None:
    digits = settings_.pop("digits", 3)
    with pytest.raises((ValueError, TypeError, IndexError), match=words):
        formula_of(adapt(KAN([2, 2, 1], seed=0)), **settings_).latex(digits)
    settings_["digits"] = digits


def test_a_constant_outside_a_domain_is_said_in_words() -> None:
    names = {(0, 0, 0): ("0", 0, 0, 0, -3.0), (1, 0, 0): ("log",)}
    with pytest.raises(ValueError, match=r"not a finite number.*near the edges"):
        formula_for([1, 1, 1], names)


def test_a_function_of_ones_own() -> None:
    sympy = pytest.importorskip("sympy")
    softplus = Function(
        "soft<plus>",
        3,
        lambda x: np.logaddexp(0.0, x),
        lambda x: 1 / (1 + np.exp(-x)),
        lambda x: sympy.log(1 + sympy.exp(x)),
        torch.nn.functional.softplus,
        "np.logaddexp(0.0, {x})",
        "any",
    )
    names = {(0, 0, 0): NamedCurve("soft<plus>", 2.0, 0.3, 1.5, 0.1)}
    library = {**FUNCTIONS, "soft<plus>": softplus}
    formula = formula_of(net_of([1, 1], names), names, functions=library)
    x = np.linspace(-2, 2, 30)[:, None]
    for found in all_forms(formula, x).values():
        np.testing.assert_allclose(found, 1.5 * np.logaddexp(0, 2 * x + 0.3) + 0.1, rtol=1e-12)
    assert "<plus>" not in formula.mathml()
    silent = copy.copy(softplus)
    object.__setattr__(silent, "python", "")
    library["soft<plus>"] = silent
    with pytest.raises(ValueError, match="has no text in Python"):
        formula_of(net_of([1, 1], names), names, functions=library).python()
    with pytest.raises(ValueError, match="called 'sin', as one of the library"):
        formula_of(net_of([1, 1], {}), functions={**FUNCTIONS, "sin": softplus})


@pytest.mark.parametrize("function", [np.sinc, torch.sinc])
def test_a_function_of_ones_own_without_forms_but_its_values(function: Any) -> None:
    own = own_function("peak", function, python="np.sinc({x})")
    names = {(0, 0, 0): NamedCurve("peak", 2.0, 0.3, 1.6, 0.1)}
    formula = formula_of(net_of([1, 1], names), names, functions={**FUNCTIONS, "peak": own})
    x = np.linspace(-2, 2, 30)[:, None]
    for found in all_forms(formula, x).values():
        np.testing.assert_allclose(found, 1.6 * np.sinc(2 * x + 0.3) + 0.1, rtol=1e-12)
    assert formula.latex() == r"y = 1.6 \, \operatorname{peak}\left(2 \, x_{1} + 0.3\right) + 0.1"


def test_a_function_that_raises_is_named_in_the_error() -> None:
    def fail(x: Any) -> Any:
        raise ZeroDivisionError("nothing")

    own = Function("odd", 3, fail, fail, fail, fail, "1 / 0 * {x}", "any")
    names = {(0, 0, 0): NamedCurve("odd")}
    formula = formula_of(net_of([1, 1], names), names, functions={**FUNCTIONS, "odd": own})
    for call in (
        lambda: formula(np.zeros((3, 1))),
        lambda: formula.torch()(torch.zeros(3, 1)),
        lambda: formula.sympy,
    ):
        with pytest.raises(ValueError, match="'odd' cannot be computed: ZeroDivisionError: noth"):
            call()
    assert "odd" in formula.latex()


def test_uncertainties_are_those_of_least_squares() -> None:
    names: dict[tuple[int, int, int], tuple[Any, ...]] = {(0, 0, 0): ("x", 1.23, 0.0, 1.0, 0.77)}
    formula = formula_for([1, 1], names, lambda x: 1.3 * x + 0.8, noise=0.1)
    assert formula.rows is not None
    x, y = formula.rows.x[:, 0], formula.rows.y[:, 0]
    residual = y - 1.23 * x - 0.77
    design = np.stack([x, np.ones_like(x)], axis=1)
    covariance = np.linalg.inv(design.T @ design) * (residual @ residual) / (len(x) - 2)
    found = formula.uncertainties
    assert found[1.23] == pytest.approx(covariance[0, 0] ** 0.5, rel=1e-6)
    assert found[0.77] == pytest.approx(covariance[1, 1] ** 0.5, rel=1e-6)


def test_a_network_that_nobody_could_read_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"has 2500 edges on.*prune it first"):
        formula_of(adapt(KAN([50, 50], grid=1, k=1)))
    deep = formula_of(adapt(KAN([4, 6, 6, 6, 6, 1], grid=1, k=1)))
    assert len(deep.sympy_parts) == 18  # those of the last layer are used once
    with pytest.raises(ValueError, match="leave name_parts on"):
        formula_of(adapt(KAN([4, 6, 6, 6, 6, 6, 6, 6, 1], grid=1, k=1)), name_parts=False)


def test_sympy_gets_no_more_than_its_time() -> None:
    threads: list[threading.Thread] = []

    def endless() -> None:
        threads.append(threading.current_thread())
        while True:
            time.sleep(0.001)

    assert run_with_time_limit(endless, 0.05) is None
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert run_with_time_limit(lambda: 1 / 0, 60.0) is None
    assert run_with_time_limit(lambda: 3, 60.0) == 3
