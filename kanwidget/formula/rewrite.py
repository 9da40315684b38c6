"""What goes through whole expressions: other numbers, other forms, and what is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

from .expression import (
    NO_EDGES,
    Atom,
    Call,
    Edges,
    Phi,
    Product,
    Sum,
    Symbol,
    add,
    atom,
    constant,
    multiply,
    power,
    scale,
    with_edges,
)
from .numbers import MINUS_ONE, ONE, ZERO, Number, number

__all__ = [
    "as_exponentials",
    "edges_of",
    "expand",
    "map_numbers",
    "numbers_of",
    "symbols_of",
]

CallFunction = Callable[[str, Sum, Edges], Sum]
"""`functions.Functions.call`: a function of an expression, in canonical form."""

HYPERBOLIC = ("sinh", "cosh", "tanh")

MAX_EXPANDED_TERMS = 40
"""Terms that a product may have when it is multiplied out."""

MAX_EXPANDED_POWER = 6


def expand(expression: Sum, call: CallFunction) -> Sum:
    """Multiply out products and whole powers of sums, where that does not get too long."""

    def inside(term: Atom) -> Sum:
        if isinstance(term, Call):
            return call(term.function, expand(term.argument, call), term.edges)
        if isinstance(term, Phi):
            return atom(replace(term, argument=expand(term.argument, call)))
        if isinstance(term, Symbol):
            return atom(term)
        out = constant(ONE)
        for base, exponent in term.factors:
            sum_of = expand(base, call) if isinstance(base, Sum) else inside(base)
            several = len(sum_of.terms) + (not sum_of.constant.is_zero) > 1
            if several and exponent.denominator == 1 and 0 < exponent <= MAX_EXPANDED_POWER:
                for _ in range(int(exponent)):
                    out = _distribute(out, sum_of)
            else:
                out = _distribute(out, power(sum_of, exponent))
        return with_edges(out, term.edges)

    return add(
        constant(expression.constant),
        *(scale(inside(term), coef) for coef, term in expression.terms),
    )


def _distribute(a: Sum, b: Sum) -> Sum:
    """Multiply term by term, if that gives few enough."""
    pieces = [_pieces(a), _pieces(b)]
    if len(pieces[0]) * len(pieces[1]) > MAX_EXPANDED_TERMS:
        return multiply(a, b)
    return add(constant(ZERO), *(multiply(p, q) for p in pieces[0] for q in pieces[1]))


def _pieces(expression: Sum) -> list[Sum]:
    pieces = [Sum(ZERO, (piece,)) for piece in expression.terms]
    return pieces if expression.constant.is_zero else [*pieces, constant(expression.constant)]


def as_exponentials(expression: Sum, call: CallFunction) -> Sum:
    """Write sinh, cosh and tanh by the exponential function."""

    def written(name: str, argument: Sum, edges: Edges) -> Sum:
        if name not in HYPERBOLIC:
            return call(name, argument, edges)
        if name == "tanh":
            grown = call("exp", scale(argument, number(2.0)), edges)
            share = power(add(grown, constant(ONE)), Fraction(-1), edges)
            return add(constant(ONE), scale(share, number(-2.0)))
        ends = (call("exp", scale(argument, sign), edges) for sign in (ONE, MINUS_ONE))
        half = number(0.5)
        up, down = (scale(end, half) for end in ends)
        return add(up, down if name == "cosh" else scale(down, MINUS_ONE))

    return map_numbers(expression, lambda same: same, written)


def numbers_of(expression: Sum) -> Iterator[Number]:
    """Yield all numbers of an expression, in the order in which `map_numbers` sees them."""
    yield expression.constant
    for coef, term in expression.terms:
        yield coef
        for inner in _inner(term):
            yield from numbers_of(inner)


def _inner(term: Atom) -> list[Sum]:
    if isinstance(term, Call):
        return [term.argument]
    if isinstance(term, Phi):
        return list(term.arguments)
    if isinstance(term, Product):
        found = []
        for base, _ in term.factors:
            found += [base] if isinstance(base, Sum) else _inner(base)
        return found
    return []


def edges_of(expression: Sum) -> Edges:
    """Return all edges that made an expression."""
    found = NO_EDGES
    for _, term in expression.terms:
        found |= term.edges
        if isinstance(term, Product):
            for base, _ in term.factors:
                if not isinstance(base, Sum):
                    found |= base.edges
        for inner in _inner(term):
            found |= edges_of(inner)
    return found


def symbols_of(expression: Sum) -> set[str]:
    """Return the names of all symbols in an expression."""
    found = set()
    for _, term in expression.terms:
        bases = [b for b, _ in term.factors] if isinstance(term, Product) else [term]
        found |= {base.name for base in bases if isinstance(base, Symbol)}
        for inner in _inner(term):
            found |= symbols_of(inner)
    return found


def map_numbers(
    expression: Sum,
    change: Callable[[Number], Number],
    call: CallFunction,
) -> Sum:
    """Return an expression with other numbers, in canonical form again."""

    def again(inner: Sum) -> Sum:
        return map_numbers(inner, change, call)

    def made(term: Atom) -> Sum:
        if isinstance(term, Symbol):
            return atom(term)
        if isinstance(term, Call):
            return call(term.function, again(term.argument), term.edges)
        if isinstance(term, Phi):
            base_at = None if term.base_argument is None else again(term.base_argument)
            return atom(replace(term, argument=again(term.argument), base_argument=base_at))
        out = constant(ONE)
        for base, exponent in term.factors:
            out = multiply(
                out, power(again(base) if isinstance(base, Sum) else made(base), exponent)
            )
        return with_edges(out, term.edges)

    return add(
        constant(change(expression.constant)),
        *(scale(made(term), change(coef)) for coef, term in expression.terms),
    )
