"""The functions that can name a curve say the same in every form."""

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kanwidget.functions.library import ALIASES, FUNCTIONS, SAME_AS, SEARCHED, select_functions

POINTS = {
    "pole": np.r_[np.linspace(-3, -0.2, 20), np.linspace(0.2, 3, 20)],
    "one_sided": np.linspace(0.1, 4, 40),
    "between": np.linspace(-0.95, 0.95, 40),
}
EACH = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda f: f.name)


def points_of(function):
    return POINTS.get(function.family, np.linspace(-2.9, 3.1, 40))


@EACH
def test_all_forms_of_a_function_agree(function):
    x = points_of(function)
    value = function.value(x)
    torch_value = function.torch(torch.from_numpy(x)).numpy()
    sympy_value = sympy.lambdify("x", function.sympy(sympy.Symbol("x")))(x)
    python_value = eval(function.python.format(x="x"), {"np": np, "x": x})
    for other in (torch_value, sympy_value, python_value):
        np.testing.assert_allclose(other, value, rtol=1e-13, atol=1e-15)


@EACH
def test_derivatives_are_those_of_the_values(function):
    x = torch.from_numpy(points_of(function)).requires_grad_()
    function.torch(x).sum().backward()
    slope = function.derivative(x.detach().numpy())
    np.testing.assert_allclose(slope, x.grad.numpy(), rtol=1e-11, atol=1e-13)


@EACH
def test_symmetries_are_true(function):
    x = points_of(function)
    x = x if function.family != "one_sided" else x * np.nan
    flipped, value = function.value(-x), function.value(x)
    assert function.odd == bool(np.allclose(flipped, -value) and np.ptp(value) > 0)
    assert function.even == bool(np.allclose(flipped, value))


def test_names_are_those_of_pykan():
    pykan = pytest.importorskip("kan.utils").SYMBOLIC_LIB
    assert set(pykan) <= {*FUNCTIONS, *ALIASES}
    for name, entry in pykan.items():
        found = FUNCTIONS[ALIASES.get(name, name)]
        x = torch.from_numpy(points_of(found))
        np.testing.assert_allclose(found.torch(x), entry[0](x))
        assert found.complexity == entry[2]


def test_functions_that_repeat_another_are_not_searched():
    assert len(SEARCHED) >= 28
    assert not set(SAME_AS) & set(SEARCHED)
    assert list(select_functions(["x^0.5", "cos"])) == ["sqrt", "cos"]


@pytest.mark.parametrize(
    ("name", "arguments", "smooth"),
    [
        ("1/x", [0.1, 3.0], True),
        ("1/x", [-3.0, -0.1], True),
        ("1/x", [-0.1, 0.1], False),
        ("log", [0.0, 1.0], False),
        ("tan", [-1.5, 1.5], True),
        ("tan", [1.5, 1.7], False),
        ("tan", [1.7, 4.6], True),
        ("arcsin", [-1.1, 0.0], False),
        ("sin", [-np.inf, 0.0], False),
    ],
)
def test_a_function_knows_where_it_is_smooth(name, arguments, smooth):
    assert FUNCTIONS[name].smooth_on(np.array(arguments)) == smooth


@settings(deadline=None)
@given(st.sampled_from(SEARCHED), st.floats(-100, 100), st.floats(0.01, 100))
def test_arguments_are_moved_into_a_domain_if_they_fit(name, low, length):
    function, arguments = FUNCTIONS[name], np.linspace(low, low + length, 20)
    shift = function.shift_into_domain(arguments)
    assert function.smooth_on(arguments + shift) == (length < 2 * function.limit)
    assert shift == 0 or not function.smooth_on(arguments)


@pytest.mark.parametrize(
    ("lib", "words"),
    [
        (["sine"], "the library has no function 'sine'; it has 0, x, x\\^2"),
        ([], "lib is empty"),
        ("sin", "write lib=\\['sin'\\]"),
        ({"f": np.sin}, "make one with own_function"),
    ],
)
def test_a_wrong_library_is_said_in_words(lib, words):
    with pytest.raises((ValueError, TypeError), match=words):
        select_functions(lib)
