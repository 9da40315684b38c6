"""All forms of a formula, evaluated; and what a live model computes with other curves in it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget import PruningSession
from kanwidget.adapters import adapt
from kanwidget.formula.formula import Formula
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import FUNCTIONS, Function
from kanwidget.masks.ids import Edge

Floats = NDArray[np.float64]
Names = dict[tuple[int, int, int], NamedCurve]


def lambdified(formula: Formula, x: Floats) -> Floats:
    """Evaluate a formula's sympy expressions by numpy."""
    sympy = pytest.importorskip("sympy")
    outputs = list(formula.sympy)
    for symbol, value in reversed(formula.sympy_parts):
        outputs = [output.xreplace({symbol: value}) for output in outputs]
    symbols = [sympy.Symbol(name) for name in formula.in_vars]
    function = sympy.lambdify(symbols, outputs, modules=[formula.sympy_functions, "numpy"])
    columns = [np.broadcast_to(column, (len(x),)) for column in function(*x.T)]
    return np.stack(columns, axis=1)


def from_source(formula: Formula, x: Floats) -> Floats:
    """Evaluate a formula's Python source, which may import numpy alone."""
    source = formula.python()
    assert re.findall(r"^\s*(?:import|from)\b.*", source, re.M) == ["import numpy as np"]
    space: dict[str, Any] = {}
    exec(compile(source, "formula", "exec"), space)
    found: Floats = space["formula"](x)
    return found


def all_forms(formula: Formula, x: Floats) -> dict[str, Floats]:
    """Evaluate each form of a formula."""
    with np.errstate(all="ignore"):
        return {
            "call": formula(x),
            "python": from_source(formula, x),
            "sympy": lambdified(formula, x),
            "torch": formula.torch()(torch.from_numpy(x)).detach().numpy(),
        }


def suitable_curve(function: Function, x: Floats, choose: random.Random) -> NamedCurve:
    """Name a curve so that the function is defined on values, and neither steep nor flat."""
    low, high = float(x.min()), float(x.max())
    width, middle = max(high - low, 1e-3), (low + high) / 2
    family, sign = function.family, choose.choice([-1.0, 1.0])
    a = sign * choose.uniform(0.5, 2.5) / width
    b = -a * middle + choose.uniform(-1.0, 1.0)
    if family in ("pole", "one_sided"):
        lift = choose.uniform(0.6, 2.0) - min(a * low, a * high)
        b = lift if family == "one_sided" else sign * lift
        a = a if family == "one_sided" else sign * a
    if family == "between":
        a, b = sign * function.limit * choose.uniform(0.3, 1.4) / width, 0.0
        b = -a * middle + choose.uniform(-0.2, 0.2) * function.limit
    return NamedCurve(function.name, a, b, choose.uniform(-2, 2), choose.uniform(-1, 1))


def remove_some(session: PruningSession, choose: random.Random) -> None:
    """Switch off about a fifth of the edges, with their means kept or not."""
    on = [(l, i, j) for l, m in enumerate(session.mask) for j, i in m.nonzero().tolist()]
    session.set(
        removed_edges=[edge for edge in on if choose.random() < 0.2],
        keep_mean=choose.random() < 0.5,
    )


def random_names(
    model: Any, choose: random.Random, share: float
) -> Callable[[Edge, Floats], NamedCurve | None]:
    """Return what `live_outputs` takes: names for a share of the edges that vary and have none."""

    def name_for(edge: Edge, values: Floats) -> NamedCurve | None:
        own = edge in adapt(model).symbolic()
        if own or choose.random() >= share or not np.ptp(values) > 1e-6:
            return None
        return suitable_curve(FUNCTIONS[choose.choice([*FUNCTIONS])], values, choose)

    return name_for


def live_outputs(model: Any, x: Tensor, names_for: Any) -> tuple[Tensor, Names]:
    """Compute a live model layer by layer, with named curves in the place of its own.

    `names_for` takes an edge and the values that it sees, and gives a name or None.
    """
    adapter, names, values = adapt(model), {}, x
    mask, bias, offset = adapter.mask(), adapter.bias(), adapter.offset()
    for l, on in enumerate(mask):
        out = adapter.edge_outputs(l, values).detach().clone()
        for j, i in on.nonzero().tolist():
            name = names_for((l, i, j), values[:, i].double().numpy())
            if name is not None:
                names[l, i, j] = name
                f = FUNCTIONS[name.function].torch(name.a * values[:, i] + name.b)
                out[j, i] = name.c * f + name.d
        sums = out.masked_fill(~on.unsqueeze(2), 0.0).sum(1).T + bias[l]
        values = adapter.nodes_from_sums(l, sums) + offset[l + 1]
    return values.detach(), names
