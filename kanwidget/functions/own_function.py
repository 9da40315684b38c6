"""A person's own functions in the library, checked before they are used."""

from __future__ import annotations

import keyword
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.masks.validate import check_whole

from .library import ALIASES, FUNCTIONS, Function

if TYPE_CHECKING:
    import sympy as sp

__all__ = ["own_function"]

Array = NDArray[np.float64]

MAX_NAME = 32
"""Characters of a name."""

MAX_COMPLEXITY = 1000

SAMPLES = np.linspace(-3.0, 3.0, 61) + 0.01
"""Where a function is tried out."""


def own_function(
    name: str,
    function: Callable[[Any], Any],
    complexity: int = 3,
    derivative: Callable[[Any], Any] | None = None,
    sympy: Callable[[Any], Any] | None = None,
    python: str = "",
) -> Function:
    """Return a function of your own for the library, or say what is wrong with it.

    Parameters
    ----------
    name : str
        Letters, digits and underscores, as a Python name; none of the library's.
    function : callable
        Of numpy arrays or of torch tensors, element by element: ``scipy.special.j0``, or
        ``torch.special.bessel_j0``. It may be NaN where it is not defined.
    complexity : int
        What the name costs, in bits; the library's own go from 0 to 5.
    derivative : callable, optional
        As ``function``. By default autograd's for a function of tensors that has one, and
        differences for all others, among them ``torch.special.bessel_j0``.
    sympy : callable, optional
        Of a sympy expression; by default the formula shows the name.
    python : str
        An expression of numpy with ``{x}`` for the argument, such as ``"np.sinc({x})"``.

    Raises
    ------
    ValueError, TypeError
        If the name or a callable cannot be used; the message says why.

    Examples
    --------
    >>> own = own_function("softplus", torch.nn.functional.softplus)
    >>> "softplus" in {**FUNCTIONS, own.name: own}
    True
    """
    _check_name(name)
    complexity = check_whole(complexity, "complexity")
    if not 0 <= complexity <= MAX_COMPLEXITY:
        raise ValueError(f"complexity must be from 0 to {MAX_COMPLEXITY}, got {complexity}")
    for role, given in (("function", function), ("derivative", derivative), ("sympy", sympy)):
        if not callable(given) and (given is not None or role == "function"):
            raise TypeError(f"{role} of {name!r} must be callable, got {type(given).__name__}")
    value, of_tensors = _in_numpy(name, function)
    values = value(SAMPLES)
    if not np.isfinite(values).any():
        raise ValueError(
            f"the function {name!r} is NaN or infinite at all of {len(SAMPLES)} points from -3 to 3"
        )
    if np.nanmax(values) == np.nanmin(values):
        raise ValueError(f"the function {name!r} is {values[0]:g} everywhere; '0' names constants")
    differentiable = of_tensors and _has_gradient(function)
    if derivative is not None:
        slope = _in_numpy(name, derivative, "derivative of ")[0]
        slope(SAMPLES)
    elif differentiable:
        slope = _autograd(function)
    else:
        slope = _differences(value)
    _check_python(name, python, values)
    return Function(
        name,
        complexity,
        value,
        slope,
        sympy or _named_in_sympy(name),
        _with_words(name, function) if differentiable else _in_torch(value, slope),
        python,
        "any",
    )


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {type(name).__name__}")
    if not (name.isidentifier() and name.isascii() and len(name) <= MAX_NAME):
        raise ValueError(
            f"name must be letters, digits and underscores, up to {MAX_NAME}, got {name[:40]!r}"
        )
    if keyword.iskeyword(name):
        raise ValueError(f"name must not be a word of Python, got {name!r}")
    if name in FUNCTIONS or name in ALIASES:
        raise ValueError(f"the library has a function {name!r} already; take another name")


def _in_numpy(
    name: str, function: Callable[[Any], Any], role: str = ""
) -> tuple[Callable[[Array], Array], bool]:
    """Return a function of arrays, and whether it was one of tensors."""

    def of_arrays(x: Array) -> Array:
        return np.asarray(function(x), dtype=np.float64)

    def of_tensors(x: Array) -> Array:
        with torch.no_grad():
            result: Array = function(torch.from_numpy(x)).numpy()
        return result

    def checked(call: Callable[[Array], Array]) -> Callable[[Array], Array]:
        def of_any_shape(x: Array) -> Array:
            try:
                return call(np.array(x).ravel()).reshape(x.shape)
            except Exception as error:
                raise ValueError(_raised(f"{role}function {name!r}", error)) from error

        return of_any_shape

    words = []
    for call, kind in ((of_tensors, "a tensor"), (of_arrays, "an array")):
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of numpy, if it is handed a tensor
                values = call(SAMPLES.copy())
        except Exception as error:
            words.append(f"of {kind}: {type(error).__name__}: {str(error)[:200]}")
            continue
        if values.shape == SAMPLES.shape and values.dtype == np.float64:
            return checked(call), call is of_tensors
        words.append(f"of {kind}: shape {values.shape}, {values.dtype}")
    raise ValueError(
        f"the {role}function {name!r} must return float64 numbers of its argument's shape, "
        f"{SAMPLES.shape}; it gave, {'; '.join(words)}"
    )


def _raised(what: str, error: Exception) -> str:
    return f"the {what} raised {type(error).__name__}: {str(error)[:200]}"


def _with_words(name: str, function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return a function of tensors that says its name where it fails later on."""

    def call(x: Tensor) -> Tensor:
        try:
            found = function(x)
        except Exception as error:
            raise ValueError(_raised(f"function {name!r}", error)) from error
        if found.shape != x.shape:
            raise ValueError(
                f"the function {name!r} gave shape {tuple(found.shape)} for numbers of shape "
                f"{tuple(x.shape)}"
            )
        return found

    return call


def _autograd(function: Callable[[Tensor], Tensor]) -> Callable[[Array], Array]:
    def slope(x: Array) -> Array:
        with torch.enable_grad():
            leaf = torch.from_numpy(np.array(x)).requires_grad_()
            out = function(leaf).sum()
            found: Array = torch.autograd.grad(out, leaf)[0].numpy()
        return found

    return slope


def _has_gradient(function: Callable[[Tensor], Tensor]) -> bool:
    """Whether autograd can differentiate a function of tensors."""
    try:
        return _autograd(function)(SAMPLES).shape == SAMPLES.shape
    except Exception:  # whatever such a function raises
        return False


def _differences(value: Callable[[Array], Array]) -> Callable[[Array], Array]:
    def slope(x: Array) -> Array:
        step = 1e-5 * (1 + np.abs(x))
        out: Array = (value(x + step) - value(x - step)) / (2 * step)
        return out

    return slope


def _in_torch(
    value: Callable[[Array], Array], slope: Callable[[Array], Array]
) -> Callable[[Tensor], Tensor]:
    class OwnFunction(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return torch.from_numpy(value(x.detach().cpu().double().numpy())).to(x)

        @staticmethod
        def backward(ctx: Any, *grads: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            return grads[0] * torch.from_numpy(slope(x.detach().cpu().double().numpy())).to(x)

    def call(x: Tensor) -> Tensor:
        result: Tensor = OwnFunction.apply(x)  # type: ignore[no-untyped-call]
        return result

    return call


def _named_in_sympy(name: str) -> Callable[[sp.Expr], sp.Expr]:
    def call(x: sp.Expr) -> sp.Expr:
        import sympy

        return sympy.Function(name)(x)

    return call


def _check_python(name: str, python: object, values: Array) -> None:
    """Raise a ValueError unless an expression says the same as the function."""
    if not isinstance(python, str):
        raise TypeError(f"python must be a string, got {type(python).__name__}")
    if not python:
        return
    if "{x}" not in python:
        raise ValueError(f"python of {name!r} must have {{x}} for the argument, got {python!r}")
    try:
        with np.errstate(all="ignore"):
            found = eval(python.replace("{x}", "x"), {"np": np, "x": SAMPLES.copy()})
        same = np.allclose(found, values, rtol=1e-9, atol=1e-12, equal_nan=True)
    except Exception as error:
        raise ValueError(
            f"python of {name!r} raises {type(error).__name__}: {str(error)[:200]}"
        ) from error
    if not same:
        raise ValueError(f"python of {name!r} gives other values than the function: {python!r}")
