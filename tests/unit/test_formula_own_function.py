"""A person's own functions: used like the library's, and refused in words."""

import numpy as np
import pytest
import sympy
import torch

from kanwidget.formula.dictionary import POINTS
from kanwidget.formula.fit import fit_curves
from kanwidget.functions.library import FUNCTIONS, select_functions
from kanwidget.functions.own_function import own_function


@pytest.mark.parametrize("function", [np.sinc, torch.sinc], ids=["numpy", "torch"])
def test_an_own_function_names_a_curve(function):
    own = own_function("sinc", function, python="np.sinc({x})")
    functions = tuple(select_functions({**FUNCTIONS, "sinc": own}).values())
    x = np.linspace(-1, 1, POINTS)
    y = 3 * np.sinc(2.2 * x - 0.3) + 1
    fits = fit_curves(np.array([[-1.0, 1.0]]), y[None], np.ones((1, POINTS)), functions)
    best = fits.unexplained[0].argmin()
    assert functions[best].name == "sinc"
    assert abs(fits.a[0, best]) == pytest.approx(2.2, abs=1e-4)
    leaf = torch.tensor([0.3, 0.7], dtype=torch.float64, requires_grad=True)
    own.torch(leaf).sum().backward()
    assert own.derivative(np.array([0.3, 0.7])) == pytest.approx(leaf.grad.numpy(), rel=1e-6)
    assert str(own.sympy(sympy.Symbol("x"))) == "sinc(x)"


def test_a_function_may_be_undefined_in_places():
    own = own_function("half", lambda x: np.where(x > 0, np.abs(x) ** 0.3, np.nan))
    assert np.isnan(own.value(np.array([-1.0])))
    assert not own.smooth_on(np.array([-np.inf, 1.0]))


def raises(x):
    raise ZeroDivisionError("no such luck")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("<b>f</b>", np.sinc), "letters, digits and underscores, up to 32, got '<b>f</b>'"),
        (("f" * 33, np.sinc), "up to 32"),
        (("ƒ", np.sinc), "letters, digits"),
        (("class", np.sinc), "word of Python"),
        (("sin", np.sin), "has a function 'sin' already"),
        ((3, np.sin), "name must be a string, got int"),
        (("f", None), "must be callable, got NoneType"),
        (("f", raises), "ZeroDivisionError: no such luck"),
        (("f", lambda x: x * np.nan), "NaN or infinite at all"),
        (("f", lambda x: x[:3]), r"shape \(3,\)"),
        (("f", lambda x: x * 0 + 2), "is 2 everywhere"),
        (("f", np.sinc, -1), "complexity"),
        (("f", np.sinc, 3, raises), "the derivative of function 'f' .* no such luck"),
        (("f", np.sinc, 3, None, None, "np.sinc(x)"), "must have {x}"),
        (("f", np.sinc, 3, None, None, "np.sin({x})"), "other values"),
        (("f", np.sinc, 3, None, None, "sinc({x})"), "raises NameError"),
    ],
)
def test_what_cannot_be_used_is_said_in_words(arguments, words):
    with pytest.raises((ValueError, TypeError), match=words):
        own_function(*arguments)


@pytest.mark.parametrize(
    ("fails", "words"),
    [(raises, "raised ZeroDivisionError: no such luck"), (lambda x: x[:1], r"gave shape \(1,\)")],
)
def test_a_function_that_fails_later_on_says_its_name(fails, words):
    use = [torch.sin]
    own = own_function("later", lambda x: use[0](x))
    use[0] = fails
    with pytest.raises(ValueError, match=f"function 'later' {words}"):
        own.torch(torch.zeros(5, dtype=torch.float64))


def test_a_function_of_tensors_without_a_gradient_gets_one_by_differences() -> None:
    own = own_function("bessel", torch.special.bessel_j0)
    x = torch.linspace(-3, 3, 50, dtype=torch.float64, requires_grad=True)
    own.torch(x).sum().backward()
    expected = -torch.special.bessel_j1(x.detach())
    torch.testing.assert_close(x.grad, expected, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(torch.from_numpy(own.derivative(x.detach().numpy())), x.grad)
