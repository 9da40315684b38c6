"""A curve with a name: ``y = c * f(a * x + b) + d``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kanwidget.masks.ids import Edge

from .library import ALIASES, Function

__all__ = ["CONSTANTS", "LARGEST_CONSTANT", "NamedCurve", "check_curve", "named_value"]

Array = NDArray[np.float64]

CONSTANTS = "abcd"
"""The letters of a named curve's constants."""

LARGEST_CONSTANT = 1e100
"""Constants of named curves beyond this are refused: powers of them would overflow."""


@dataclass(frozen=True)
class NamedCurve:
    """A function of the library and its four constants: ``y = c * f(a * x + b) + d``.

    Attributes
    ----------
    function : str
        Its name in the library, such as ``sin``. Of ``0`` only ``d`` counts.
    a, b, c, d : float
    fixed : frozenset of str
        The letters of the constants that no fit changes.
    """

    function: str
    a: float = 1.0
    b: float = 0.0
    c: float = 1.0
    d: float = 0.0
    fixed: frozenset[str] = frozenset()


def named_value(curve: NamedCurve, functions: Mapping[str, Function], x: Array) -> Array:
    """Evaluate ``c f(a x + b) + d``; NaN or infinite outside the function's domain."""
    with np.errstate(all="ignore"):
        function = functions[ALIASES.get(curve.function, curve.function)]
        if function.name == "0":
            return np.full_like(x, curve.d)
        out: Array = curve.c * function.value(curve.a * x + curve.b) + curve.d
        return out


def check_curve(curve: object, edge: Edge, functions: Mapping[str, Function]) -> Function:
    """Return a named curve's function, or raise a TypeError or ValueError if it is of no use."""
    if not isinstance(curve, NamedCurve):
        raise TypeError(
            f"the name of edge {edge} must be a NamedCurve, got {type(curve).__name__}; make one "
            'as in NamedCurve("sin", a=3.0)'
        )
    name = curve.function
    function = functions.get(ALIASES.get(name, name)) if isinstance(name, str) else None
    if function is None:
        raise ValueError(
            f"edge {edge} is named {str(name)[:40]!r}, which is not among the functions "
            f"{', '.join(list(functions)[:40])}; hand your own over as functions="
            "{**FUNCTIONS, ...}"
        )
    for letter in CONSTANTS:
        value = getattr(curve, letter)
        if not (
            isinstance(value, (int, float, np.number)) and abs(float(value)) <= LARGEST_CONSTANT
        ):
            raise ValueError(
                f"the constant {letter} of edge {edge} must be a finite number of at most "
                f"{LARGEST_CONSTANT:g}, got {str(value)[:40]}"
            )
    if not isinstance(curve.fixed, frozenset) or not curve.fixed <= set(CONSTANTS):
        raise ValueError(
            f"the fixed constants of edge {edge} must be a frozenset of letters from a to d, got "
            f"{str(curve.fixed)[:40]}"
        )
    return function
