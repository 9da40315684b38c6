"""Formulas as text: every form computes what the live model computes, whatever the library."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from kanwidget import PruningSession
from kanwidget.adapters import adapt
from kanwidget.formula.curve import NamedCurve
from kanwidget.formula.formula import Formula, formula_of
from kanwidget.formula.library import FUNCTIONS, Function

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "soak"))

Floats = NDArray[np.float64]
Names = dict[tuple[int, int, int], NamedCurve]


def lambdified(formula: Formula, x: Floats) -> Floats:
    """Evaluate a formula's sympy expressions by numpy."""
    sympy = pytest.importorskip("sympy")
    outputs = list(formula.sympy)
    for symbol, value in reversed(formula.sympy_parts):
        outputs = [output.xreplace({symbol: value}) for output in outputs]
    symbols = [sympy.Symbol(name) for name in formula.in_vars]
    function = sympy.lambdify(symbols, outputs, modules=[formula.unnamed_functions, "numpy"])
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


SOAK = (
    "kan",
    "kan-masked",
    "kan-uneven",
    "pykan",
    "pykan-symbolic",
    "pykan-products",
    "pykan0",
    "efficient",
    "fastkan",
    "fastkan-norm",
)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(SOAK),
    st.integers(0, 11),
    st.integers(0, 10**6),
    st.sampled_from([0.0, 0.3, 0.7, 1.0]),
    st.booleans(),
)
def test_every_form_computes_what_the_live_model_computes(
    name: str, seed: int, number: int, share: float, name_parts: bool
) -> None:
    pytest.importorskip("kan", reason="pykan is not installed")
    models = pytest.importorskip("models")
    model, choose = models.KINDS[name].make(seed), random.Random(number)
    model = model.double()
    width = adapt(model).width
    x = models.rows(60, width[0], number % 1000)
    with PruningSession(model, x) as session:
        session.set(
            removed_edges=[
                (l, i, j)
                for l, layer in enumerate(session.mask)
                for j, i in layer.nonzero().tolist()
                if choose.random() < 0.2
            ],
            keep_mean=choose.random() < 0.5,
        )

        def names_for(edge: tuple[int, int, int], values: Floats) -> NamedCurve | None:
            own = edge in adapt(model).symbolic()
            if own or choose.random() >= share or not np.ptp(values) > 1e-6:
                return None
            return suitable_curve(FUNCTIONS[choose.choice([*FUNCTIONS])], values, choose)

        truth, names = live_outputs(model, x, names_for)
        if not names:
            torch.testing.assert_close(truth, model(x).detach(), rtol=1e-12, atol=1e-12)
        scales: dict[str, Any] = {}
        raw, expected = x.numpy(), truth.numpy()
        if choose.random() < 0.5:
            mean, std = [choose.uniform(-9, 9) for _ in range(width[0])], choose.uniform(0.1, 30)
            scales["normalizer"] = (torch.tensor(mean, dtype=torch.float64), std)
            raw = raw * std + np.array(mean)
        if choose.random() < 0.5:
            mean, std = [choose.uniform(-9, 9) for _ in range(width[-1])], choose.uniform(0.1, 30)
            scales["output_normalizer"] = (mean, std)
            expected = expected * std + np.array(mean)
        formula = formula_of(adapt(model), names, (x, None), name_parts=name_parts, **scales)
        assert not set(formula.unnamed) & set(names)
        size = max(1.0, float(np.abs(expected).max()))
        for form, found in all_forms(formula, raw).items():
            assert found.shape == expected.shape
            assert np.abs(found - expected).max() <= 1e-9 * size, form
