"""Puts the curves of a network together: from inputs to outputs, as expressions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .expression import Phi, Sum, Symbol, add, atom, constant, multiply, power, scale, shorter
from .functions import Functions
from .network import FormulaNetwork
from .numbers import ONE, number
from .rewrite import edges_of, expand, numbers_of
from .unnamed_curve import UnnamedCurve
from .variables import Scaling

__all__ = ["Part", "compose"]

NAMED_FROM_SIZE = 5
"""Nodes that are used more than once get a name of their own if they are at least as long."""

MAX_SIZE = 20_000
"""How long the expression of one node may be."""

MAX_EXPANDED_SIZE = 300
"""Nodes that are longer are not multiplied out to see whether that is shorter."""


@dataclass(frozen=True)
class Part:
    """An expression with a name: a hidden node that is used more than once, or an output."""

    name: str
    value: Sum


def compose(
    network: FormulaNetwork,
    functions: Functions,
    in_vars: Sequence[str],
    out_vars: Sequence[str],
    inputs: Scaling | None = None,
    outputs: Scaling | None = None,
    name_parts: bool = True,
) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Return named parts, in an order in which each uses only those before, and the outputs.

    Parameters
    ----------
    network : FormulaNetwork
    functions : Functions
    in_vars, out_vars : sequence of str
    inputs, outputs : Scaling, optional
        The expressions are of, and for, values before scaling.
    name_parts : bool
        Whether long nodes that are used more than once get a name.

    Raises
    ------
    ValueError
        If a constant of the formula is not a finite number.
    """
    taken = (*in_vars, *out_vars)
    made = _Composition(network, functions, in_vars, taken, inputs, name_parts)
    return made.result(out_vars, outputs)


class _Composition:
    """Builds only the nodes that the outputs need, each once."""

    def __init__(
        self,
        network: FormulaNetwork,
        functions: Functions,
        in_vars: Sequence[str],
        taken: Sequence[str],
        inputs: Scaling | None,
        name_parts: bool,
    ) -> None:
        self.network, self.functions, self.in_vars = network, functions, in_vars
        self.taken, self.inputs, self.name_parts = taken, inputs, name_parts
        self.parts: list[Part] = []
        self.nodes: dict[tuple[int, int], Sum] = {}
        self.norms: dict[int, list[Sum]] = {}
        self.uses = self._count_uses()

    def result(
        self, out_vars: Sequence[str], outputs: Scaling | None
    ) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
        """Return named parts and outputs."""
        last, found = len(self.network.layers), []
        for n, name in enumerate(out_vars):
            value = self._node(last, n)
            if outputs is not None:
                value = add(value, constant(-float(outputs.shift[n])))
                value = scale(value, number(1 / float(outputs.factor[n])))
            found.append(Part(name, value))
        for part in (*self.parts, *found):
            if not all(math.isfinite(n.value) for n in numbers_of(part.value)):
                made = sorted(edges_of(part.value))[:5]
                raise ValueError(
                    f"a constant of {part.name!r} is not a finite number: a function is used "
                    f"where it is not defined, or constants are too large, near the edges {made}"
                )
        return tuple(self.parts), tuple(found)

    def _count_uses(self) -> dict[tuple[int, int], int]:
        """Return how many edges leave each node towards the outputs."""
        network, uses = self.network, dict[tuple[int, int], int]()
        needed = set(range(network.width[-1]))
        for l in reversed(range(len(network.layers))):
            layer, sources = network.layers[l], set[int]()
            for j, i in layer.curves:
                if layer.owner[j] in needed:
                    uses[l, i] = uses.get((l, i), 0) + 1
                    sources.add(i)
            if layer.norm is not None and sources:
                sources = set(range(network.width[l]))
                for i in sources:
                    uses[l, i] = uses.get((l, i), 0) + 2
            needed = sources
        return uses

    def _node(self, l: int, n: int) -> Sum:
        if (l, n) not in self.nodes:
            made = self._input(n) if l == 0 else self._value(l - 1, n)
            hidden = 0 < l < len(self.network.layers)
            if hidden and self.name_parts and self.uses.get((l, n), 0) > 1:
                made = self._named(made, f"h_{l},{n + 1}")
            self.nodes[l, n] = made
        return self.nodes[l, n]

    def _named(self, value: Sum, name: str) -> Sum:
        if value.size < NAMED_FROM_SIZE:
            return value
        while name in self.taken or any(name == part.name for part in self.parts):
            name += "'"
        self.parts.append(Part(name, value))
        return atom(Symbol(name))

    def _input(self, n: int) -> Sum:
        value = atom(Symbol(self.in_vars[n]))
        if self.inputs is None:
            return value
        value = scale(value, number(float(self.inputs.factor[n])))
        return add(value, constant(float(self.inputs.shift[n])))

    def _value(self, l: int, n: int) -> Sum:
        """Return a node: the product of its slots."""
        layer = self.network.layers[l]
        slots = [j for j, owner in enumerate(layer.owner) if owner == n]
        sums = [self._slot(l, j) for j in slots]
        product = constant(ONE)
        for value in sums:
            product = multiply(product, value)
        product = scale(product, number(float(layer.scale[n])))
        plain = add(product, constant(float(layer.offset[n])))
        if plain.size > MAX_SIZE:
            raise ValueError(
                f"node ({l + 1}, {n}) alone takes more than {MAX_SIZE} numbers and names to write "
                "down; leave name_parts on, or prune the network first"
            )
        if plain.size > MAX_EXPANDED_SIZE:
            return plain
        return shorter(plain, expand(plain, self.functions.call))

    def _slot(self, l: int, j: int) -> Sum:
        layer = self.network.layers[l]
        summands = [constant(float(layer.bias[j]))]
        for (to, i), curve in layer.curves.items():
            if to != j:
                continue
            value = self._node(l, i)
            edge = l, i, j
            if not isinstance(curve, UnnamedCurve):
                summands.append(self.functions.curve(curve, value, edge))
                continue
            pieces_at = value if layer.norm is None else self._normed(l)[i]
            if value.is_constant and pieces_at.is_constant:
                at = np.array([pieces_at.constant.value]), np.array([value.constant.value])
                summands.append(constant(float(curve.value(*at)[0])))
            else:
                made = frozenset({edge})
                base_at = None if layer.norm is None else value
                summands.append(atom(Phi(edge, curve, pieces_at, base_at, made)))
        return add(*summands)

    def _normed(self, l: int) -> list[Sum]:
        """Return the nodes before a layer behind its layer norm."""
        if l in self.norms:
            return self.norms[l]
        layer = self.network.layers[l]
        assert layer.norm is not None
        count = self.network.width[l]
        share = number(Fraction(1, count))
        values = [self._node(l, i) for i in range(count)]
        mean = scale(add(*values), share)
        if self.name_parts:
            mean = self._named(mean, f"mean_{l}")
        minus = scale(mean, number(-1.0))
        centred = [add(value, minus) for value in values]
        squares = [power(value, Fraction(2)) for value in centred]
        spread = add(scale(add(*squares), share), constant(layer.norm.eps))
        inverse = power(spread, Fraction(-1, 2))
        if self.name_parts:
            inverse = self._named(inverse, f"s_{l}")
        self.norms[l] = [
            add(
                scale(multiply(value, inverse), number(float(layer.norm.weight[i]))),
                constant(float(layer.norm.bias[i])),
            )
            for i, value in enumerate(centred)
        ]
        return self.norms[l]
