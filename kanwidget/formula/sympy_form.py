"""Formulas as expressions of sympy, which is imported when it is first needed."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kanwidget.functions.library import Function

from .compose import Part
from .expression import Atom, Call, Phi, Sum, Symbol
from .functions import applied
from .numbers import Exact, Number

if TYPE_CHECKING:
    import sympy

__all__ = ["phi_name", "run_with_time_limit", "to_sympy"]


def phi_name(edge: tuple[int, int, int]) -> str:
    """Return the name that an unnamed curve has in sympy."""
    return "phi_" + "_".join(map(str, edge))


def to_sympy(parts: Sequence[Part], library: Mapping[str, Function]) -> list[sympy.Expr]:
    """Return expressions of symbols that have the names of inputs and of parts."""
    import sympy

    known: dict[int, tuple[Sum, Any]] = {}

    def number(value: Number) -> Any:
        if value.exact is None:
            return sympy.Float(value.value)
        return _exact(value.exact)

    def sum_of(expression: Sum) -> Any:
        if id(expression) in known:
            return known[id(expression)][1]
        pieces = [number(coef) * atom(term) for coef, term in expression.terms]
        if not expression.constant.is_zero:
            pieces.append(number(expression.constant))
        out = sympy.Add(*pieces)
        known[id(expression)] = expression, out
        return out

    def atom(term: Atom) -> Any:
        if isinstance(term, Symbol):
            return sympy.Symbol(term.name)
        if isinstance(term, Call):
            at = sum_of(term.argument)
            return applied(term.function, library[term.function].sympy, at)
        if isinstance(term, Phi):
            return sympy.Function(phi_name(term.edge))(*map(sum_of, term.arguments))
        factors = []
        for base, exponent in term.factors:
            inner = sum_of(base) if isinstance(base, Sum) else atom(base)
            factors.append(inner ** sympy.Rational(exponent.numerator, exponent.denominator))
        return sympy.Mul(*factors)

    return [sum_of(part.value) for part in parts]


def _exact(exact: Exact) -> Any:
    import sympy

    out = sympy.Rational(exact.ratio.numerator, exact.ratio.denominator)
    return out * sympy.pi**exact.pi * sympy.sqrt(exact.root) * sympy.E**exact.e


class _OutOfTimeError(BaseException):
    """Ends a computation; no ``except Exception`` catches it."""


def run_with_time_limit(function: Callable[[], Any], seconds: float) -> Any:
    """Run a function in a thread of its own and return what it returns; None if out of time.

    sympy has no limits of its own, and a signal would be for the main thread alone. What goes on
    for too long is ended by an exception in its thread.
    """
    result: list[Any] = []

    def target() -> None:
        try:
            result.append(function())
        except _OutOfTimeError:
            return
        except Exception:  # simplification is a gift: without it the formula is the same
            return

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    thread.join(seconds)
    for _ in range(20):
        if not thread.is_alive():
            break
        if thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(_OutOfTimeError)
            )
        thread.join(0.1)
    return result[0] if result else None
