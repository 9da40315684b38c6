"""Names for single curves: the right function, its constants, and what cannot be told apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kinds import KINDS, data, make

from kanwidget.adapters import adapt
from kanwidget.formula.candidates import candidates_of
from kanwidget.formula.dictionary import POINTS
from kanwidget.formula.edge_samples import sample_edges
from kanwidget.formula.fit import fit_curves
from kanwidget.formula.rank import rank_fits
from kanwidget.functions.library import FUNCTIONS, SEARCHED, select_functions

ALL = tuple(select_functions().values())

CONSTANTS = {
    "power": (1.0, -0.3),
    "kink": (1.0, -0.3),
    "step": (1.0, -0.3),
    "constant": (1.0, 0.0),
    "line": (1.0, 0.0),
    "exp": (-1.7, 0.0),
    "pole": (1.0, 1.3),
    "one_sided": (-1.0, 2.1),
    "between": (0.4, 0.1),
    "wave": (2.9, 0.4),
    "any": (1.6, -0.5),
}
"""a and b, with which each function shows its face between -1 and 2."""


def candidates(x, y, lib=ALL, noise=0.0, topk=5):
    x, y = np.atleast_2d(x), np.atleast_2d(y)
    weight = np.ones_like(y)
    return rank_fits(fit_curves(x, y, weight, lib), x, y, weight, np.full(len(y), noise), topk)


def plain_curve(name, ends=(-1.0, 2.0)):
    function = FUNCTIONS[name]
    a, b = CONSTANTS[function.family]
    if function.family == "one_sided":
        b = ends[1] + 0.1
    x = np.linspace(*ends, POINTS)
    return a, b, -1.3 * function.value(a * x + b) + 0.7


@pytest.mark.parametrize("name", SEARCHED[1:])
@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_a_plain_curve_gets_its_function_and_its_constants(name, noise):
    a, b, y = plain_curve(name)
    y = y + noise * y.std() * np.random.default_rng(0).normal(size=POINTS)
    best = candidates((-1.0, 2.0), y)[0][0]
    assert best.function == name
    x, curve = np.linspace(-1, 2, POINTS), best.curve
    fitted = curve.c * FUNCTIONS[name].value(curve.a * x + curve.b) + curve.d
    np.testing.assert_allclose(fitted, y, atol=max(1e-9, 5 * noise) * np.ptp(y))
    if noise == 0 and name not in ("sgn", "sin"):  # the place of a step is not that sharp
        assert (abs(curve.a), curve.b * np.sign(curve.a)) == pytest.approx(
            (abs(a), b * np.sign(a)), abs=1e-6
        )


@given(
    scale=st.floats(1e-6, 1e6),
    shift=st.floats(-1e3, 1e3),
    width=st.floats(1e-2, 1e2),
    middle=st.floats(-1e2, 1e2),
    name=st.sampled_from(["sin", "gaussian", "x^2", "tanh", "1/x", "sqrt"]),
)
def test_units_do_not_matter(scale, shift, width, middle, name):
    _, _, y = plain_curve(name)
    ends = middle - width, middle + 2 * width
    first, second = candidates(((-1.0, 2.0), ends), np.stack([y, scale * y + shift * scale]))
    assert first[0].function == second[0].function == name
    x, curve = np.linspace(*ends, POINTS), second[0].curve
    fitted = curve.c * FUNCTIONS[name].value(curve.a * x + curve.b) + curve.d
    np.testing.assert_allclose(fitted, scale * (y + shift), atol=1e-6 * scale)


def test_names_that_the_data_do_not_tell_apart_are_one_group():
    x = np.linspace(-0.3, 0.3, POINTS)
    y = x**2 + 1e-3 * np.random.default_rng(1).normal(size=POINTS)
    found = candidates((-0.3, 0.3), y)[0]
    assert found[0].function == "x^2"
    assert {"x^2", "cosh"} <= {c.function for c in found if c.in_group}
    assert all(c.bits <= found[0].bits + 4 for c in found if c.in_group)


def test_a_curve_of_one_value_is_a_constant():
    best = candidates((-1.0, 1.0), np.full(POINTS, 3.25))[0][0]
    assert (best.function, best.curve.d) == ("0", 3.25)


def test_misfit_within_the_networks_error_does_not_count():
    x = np.linspace(-1, 1, POINTS)
    y = x + 0.01 * x**3
    assert candidates((-1.0, 1.0), y)[0][0].function != "x"
    assert candidates((-1.0, 1.0), y, noise=1e-2)[0][0].function == "x"


def test_deviations_of_constants_are_true():
    generator, x = np.random.default_rng(2), np.linspace(-1, 1, POINTS)
    # 16 independent pieces of noise, as a curve counts.
    noise = np.repeat(generator.normal(size=(200, 16)), 4, 1) * 1e-2
    found = candidates(
        np.tile((-1.0, 1.0), (200, 1)),
        2 * np.sin(3 * x + 0.4) + 0.5 + noise,
        (FUNCTIONS["sin"],),
    )
    curves = [row[0] for row in found]
    for n, name in enumerate("abcd"):
        values = np.array([getattr(c.curve, name) for c in curves])
        said = np.median([c.deviation[n] for c in curves])
        assert 0.7 < values.std() / said < 1.4


@pytest.mark.parametrize("kind", KINDS)
def test_every_edge_of_every_library_has_candidates(kind):
    adapter, rows = adapt(make(kind)), data()
    before = adapter.fingerprint()
    found = candidates_of(adapter, rows["train_input"], rows["train_label"])
    assert set(found) == {
        (l, i, j) for l, m in enumerate(adapter.mask()) for j, i in m.nonzero().tolist()
    }
    assert all(len(row) >= 5 and row[0].in_group for row in found.values())
    assert adapter.fingerprint() == before


def test_the_weight_of_a_curve_is_what_the_outputs_notice(random_kan):
    model = random_kan([2, 3, 2], seed=3)
    adapter, x = adapt(model), model.last_inputs
    samples = sample_edges(adapter, x, adapter.forward(x) + 0.1)
    edge = (0, 1, 2)
    n, step = samples.edges.index(edge), 1e-6
    bias = adapter.bias()
    # A small constant added to the edge's output changes the outputs by this, squared.
    bias[0][2] += step
    first = adapter.forward(x)
    adapter.set_mask(adapter.mask(), bias)
    gain = ((adapter.forward(x) - first) / step).square().sum(1).mean()
    weight, y = samples.weight[n] / samples.weight[n].sum(), samples.y[n]
    variance = (weight * (y - (weight * y).sum()) ** 2).sum()
    error = 2 * 0.1**2
    assert samples.noise[n] == pytest.approx(4 * error / (float(gain) * variance), rel=1e-3)
    assert torch.equal(model.last_inputs, x)
