"""The functions that can name a curve: values, derivatives, domains and symmetries.

Names and complexities are pykan's where pykan has the function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    import sympy

__all__ = ["ALIASES", "FUNCTIONS", "SEARCHED", "Family", "Function", "select_functions"]

Array = NDArray[np.float64]

Family = Literal[
    "constant",
    "line",
    "power",
    "kink",
    "step",
    "exp",
    "pole",
    "one_sided",
    "between",
    "wave",
    "any",
]
"""How a function's look depends on a and b, and so which of them are free:

``constant`` and ``line``
    none;
``power``, ``kink``, ``step``
    b, the place of the centre; a is 1;
``exp``
    a; a shift would only change c;
``pole``
    b; all arguments lie on one side of the pole at 0; a is 1;
``one_sided``
    b; all arguments are positive; a is 1 or -1;
``between``
    both; all arguments lie between -limit and limit;
``wave``
    both, as frequency and phase;
``any``
    both, as width and centre.
"""

FREE: Mapping[Family, tuple[bool, bool]] = MappingProxyType(
    {
        "constant": (False, False),
        "line": (False, False),
        "power": (False, True),
        "kink": (False, True),
        "step": (False, True),
        "exp": (True, False),
        "pole": (False, True),
        "one_sided": (False, True),
        "between": (True, True),
        "wave": (True, True),
        "any": (True, True),
    }
)

SHARE_FROM_EDGE = 0.01
"""How far arguments are moved into a domain: by this share of their range."""


@dataclass(frozen=True)
class Function:
    """A function ``f`` of one variable, in each form that a formula needs.

    Attributes
    ----------
    name : str
        As in pykan, where it has the function.
    complexity : int
        What its name costs, in bits.
    value, derivative : callable
        Of float64 arrays of any shape; NaN or infinite outside the domain.
    sympy : callable
        Of a sympy expression.
    torch : callable
        Of a tensor.
    python : str
        An expression with ``{x}`` for the argument and ``np`` for numpy; empty if a user's own
        function has none.
    family : str
        See `Family`.
    odd, even : bool
        Whether ``f(-x) = -f(x)``, or ``f(-x) = f(x)``.
    limit : float
        For ``between``: half the length of the domain around 0.
    period : float
        After which the function repeats; 0 if it does not.
    """

    name: str
    complexity: int
    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    sympy: Callable[[sympy.Expr], sympy.Expr]
    torch: Callable[[Tensor], Tensor]
    python: str
    family: Family
    odd: bool = False
    even: bool = False
    limit: float = math.inf
    period: float = 0.0

    @property
    def free(self) -> tuple[bool, bool]:
        """Whether a and b are free; what is not free is 1 (or -1) and 0."""
        return FREE[self.family]

    @property
    def parameters(self) -> int:
        """How many of a, b, c and d are free."""
        return sum(self.free) + (self.family != "constant") + 1

    def __deepcopy__(self, memo: object) -> Function:
        """Return the function itself: nothing changes it."""
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """Pickle the library's own functions by their names: these hold what no pickle can."""
        if FUNCTIONS.get(self.name) is self:
            return _of_library, (self.name,)
        return super().__reduce_ex__(protocol)

    def smooth_on(self, arguments: Array) -> NDArray[np.bool_]:
        """Whether the function is defined, without a pole in between, over all of the last axis.

        Parameters
        ----------
        arguments : ndarray, shape (..., n)

        Returns
        -------
        ndarray of bool, shape (...)
        """
        low, high = np.asarray(arguments.min(-1)), np.asarray(arguments.max(-1))
        inside: NDArray[np.bool_] = np.isfinite(low) & np.isfinite(high)
        if self.family == "pole":
            inside &= (low > 0) | (high < 0)
        elif self.family == "one_sided":
            inside &= low > 0
        elif self.family == "between":
            shift = np.round((low + high) / 2 / self.period) * self.period if self.period else 0.0
            inside &= (low - shift > -self.limit) & (high - shift < self.limit)
        return inside

    def shift_into_domain(self, arguments: Array) -> float:
        """Return what to add to arguments for the function to be defined over all of them.

        0 where it is, and where no shift helps.

        Parameters
        ----------
        arguments : ndarray, shape (n,)
        """
        if self.smooth_on(arguments):
            return 0.0
        low, high = float(arguments.min()), float(arguments.max())
        room = SHARE_FROM_EDGE * (high - low)
        shift = room - low
        if self.family == "pole" and low + high < 0:
            shift = -room - high
        elif self.family == "between":
            shift = -(low + high) / 2
        return shift if self.smooth_on(arguments + shift) else 0.0


def _of_library(name: str) -> Function:
    return FUNCTIONS[name]


def select_functions(
    lib: Iterable[str] | Mapping[str, Function] | None = None,
) -> dict[str, Function]:
    """Return the functions to choose from.

    Parameters
    ----------
    lib : iterable of str or mapping of str to Function, optional
        Names of the library, or functions, such as ``{**FUNCTIONS, "j0": own_function(...)}``.
        By default all functions of the library that do not repeat another.

    Raises
    ------
    ValueError, TypeError
        If a name is not in the library; the message lists what is.
    """
    if lib is None:
        return {name: FUNCTIONS[name] for name in SEARCHED}
    if isinstance(lib, str):
        raise TypeError(f"lib must be a list of names, got {lib!r}; write lib=[{lib!r}]")
    if isinstance(lib, Mapping):
        for name, function in lib.items():
            if not isinstance(function, Function):
                raise TypeError(
                    f"lib[{name!r}] must be a Function, got {type(function).__name__}; make one "
                    "with own_function"
                )
        return {function.name: function for function in lib.values()}
    chosen = {}
    for name in lib:
        found = FUNCTIONS.get(ALIASES.get(name, name)) if isinstance(name, str) else None
        if found is None:
            raise ValueError(
                f"the library has no function {str(name)[:40]!r}; it has {', '.join(FUNCTIONS)}"
            )
        chosen[found.name] = found
    if not chosen:
        raise ValueError("lib is empty: name at least one function")
    return chosen


def _power(n: int) -> Function:
    def value(x: Array) -> Array:
        out = x * x
        for _ in range(n - 2):
            out = out * x
        return out

    def derivative(x: Array) -> Array:
        out = n * x
        for _ in range(n - 2):
            out = out * x
        return out

    return Function(
        f"x^{n}",
        2 if n == 2 else 3,
        value,
        derivative,
        lambda x: x**n,
        lambda x: x**n,
        f"({{x}})**{n}",
        "power",
        odd=n % 2 == 1,
        even=n % 2 == 0,
    )


def _inverse(n: int, complexity: int) -> Function:
    def value(x: Array) -> Array:
        out = y = 1.0 / x
        for _ in range(n - 1):
            out = out * y
        return out

    def derivative(x: Array) -> Array:
        y = 1.0 / x
        out = -n * y * y
        for _ in range(n - 1):
            out = out * y
        return out

    return Function(
        "1/x" if n == 1 else f"1/x^{n}",
        complexity,
        value,
        derivative,
        lambda x: 1 / x**n,
        lambda x: 1 / x**n,
        "1 / ({x})" if n == 1 else f"1 / ({{x}})**{n}",
        "pole",
        odd=n % 2 == 1,
        even=n % 2 == 0,
    )


def _with_sympy(name: str) -> Callable[[sympy.Expr], sympy.Expr]:
    """Return a function of sympy, which is imported when it is first needed."""

    def call(x: sympy.Expr) -> sympy.Expr:
        import sympy

        expression: sympy.Expr = getattr(sympy, name)(x)
        return expression

    return call


SYMPY_NAMES: Mapping[str, str] = MappingProxyType(
    {"abs": "Abs", "arctan": "atan", "arcsin": "asin", "arccos": "acos", "arctanh": "atanh"}
)
"""What sympy calls functions that numpy and torch call otherwise."""


def _of_numpy(
    name: str,
    complexity: int,
    derivative: Callable[[Array], Array],
    family: Family,
    **symmetry: Any,
) -> Function:
    """Return a function that numpy and torch have under the same name."""
    found = _with_sympy(SYMPY_NAMES.get(name, name))
    value, of_tensors = getattr(np, name), getattr(torch, name)
    python = f"np.{name}({{x}})"
    return Function(
        name, complexity, value, derivative, found, of_tensors, python, family, **symmetry
    )


def _one(x: Array) -> Array:
    return np.ones_like(x)


def _zero(x: Array) -> Array:
    return np.zeros_like(x)


def _sigmoid(x: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(x / 2)


_sympy_sqrt, _sympy_exp = _with_sympy("sqrt"), _with_sympy("exp")

_ALL = (
    Function(
        "0", 0, _zero, _zero, lambda x: x * 0, lambda x: x * 0, "0 * ({x})", "constant", even=True
    ),
    Function("x", 1, lambda x: x, _one, lambda x: x, lambda x: x, "({x})", "line", odd=True),
    _power(2),
    _inverse(1, 2),
    _inverse(2, 2),
    _of_numpy("sqrt", 2, lambda x: 0.5 / np.sqrt(x), "one_sided"),
    Function(
        "1/sqrt(x)",
        2,
        lambda x: 1 / np.sqrt(x),
        lambda x: -0.5 / (x * np.sqrt(x)),
        lambda x: 1 / _sympy_sqrt(x),
        torch.rsqrt,
        "1 / np.sqrt({x})",
        "one_sided",
    ),
    _of_numpy("exp", 2, np.exp, "exp"),
    _of_numpy("log", 2, lambda x: 1 / x, "one_sided"),
    _of_numpy("sin", 2, np.cos, "wave", odd=True, period=2 * math.pi),
    _power(3),
    _power(4),
    _power(5),
    _inverse(3, 3),
    _of_numpy("abs", 3, np.sign, "kink", even=True),
    replace(_of_numpy("sign", 3, _zero, "step", odd=True), name="sgn"),
    _of_numpy(
        "tan",
        3,
        lambda x: 1 + np.tan(x) ** 2,
        "between",
        odd=True,
        limit=math.pi / 2,
        period=math.pi,
    ),
    _of_numpy("tanh", 3, lambda x: 1 - np.tanh(x) ** 2, "any", odd=True),
    Function(
        "gaussian",
        3,
        lambda x: np.exp(-x * x),
        lambda x: -2 * x * np.exp(-x * x),
        lambda x: _sympy_exp(-(x**2)),
        lambda x: torch.exp(-(x**2)),
        "np.exp(-({x})**2)",
        "any",
        even=True,
    ),
    _of_numpy("cosh", 3, np.sinh, "any", even=True),
    _of_numpy("sinh", 3, np.cosh, "any", odd=True),
    _inverse(4, 4),
    Function(
        "x^1.5",
        4,
        lambda x: x * np.sqrt(x),
        lambda x: 1.5 * np.sqrt(x),
        lambda x: _sympy_sqrt(x) ** 3,
        lambda x: x * torch.sqrt(x),
        "np.sqrt({x})**3",
        "one_sided",
    ),
    _of_numpy("arctan", 4, lambda x: 1 / (1 + x * x), "any", odd=True),
    _of_numpy("arcsin", 4, lambda x: 1 / np.sqrt(1 - x * x), "between", odd=True, limit=1.0),
    _of_numpy("arctanh", 4, lambda x: 1 / (1 - x * x), "between", odd=True, limit=1.0),
    Function(
        "1/(1+x^2)",
        4,
        lambda x: 1 / (1 + x * x),
        lambda x: -2 * x / (1 + x * x) ** 2,
        lambda x: 1 / (1 + x**2),
        lambda x: 1 / (1 + x**2),
        "1 / (1 + ({x})**2)",
        "any",
        even=True,
    ),
    Function(
        "sqrt(1+x^2)",
        4,
        lambda x: np.sqrt(1 + x * x),
        lambda x: x / np.sqrt(1 + x * x),
        lambda x: _sympy_sqrt(1 + x**2),
        lambda x: torch.sqrt(1 + x**2),
        "np.sqrt(1 + ({x})**2)",
        "any",
        even=True,
    ),
    _inverse(5, 5),
    _of_numpy("cos", 2, lambda x: -np.sin(x), "wave", even=True, period=2 * math.pi),
    _of_numpy("arccos", 4, lambda x: -1 / np.sqrt(1 - x * x), "between", limit=1.0),
    Function(
        "sigmoid",
        4,
        _sigmoid,
        lambda x: _sigmoid(x) * _sigmoid(-x),
        lambda x: 1 / (1 + _sympy_exp(-x)),
        torch.sigmoid,
        "0.5 + 0.5 * np.tanh(({x}) / 2)",
        "any",
    ),
)

FUNCTIONS: Mapping[str, Function] = MappingProxyType({f.name: f for f in _ALL})
"""Every function that an edge can be named by, the simplest first."""

SAME_AS: Mapping[str, str] = MappingProxyType({"cos": "sin", "arccos": "arcsin", "sigmoid": "tanh"})
"""Functions that are another one with other constants."""

ALIASES: Mapping[str, str] = MappingProxyType({"x^0.5": "sqrt", "1/x^0.5": "1/sqrt(x)"})
"""Further names that pykan has for the same functions."""

SEARCHED: tuple[str, ...] = tuple(name for name in FUNCTIONS if name not in {*SAME_AS, "1/x^5"})
"""The functions that a curve is compared with by default."""
