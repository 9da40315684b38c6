"""Functions in the place of splines, in live models of all libraries."""

from __future__ import annotations

import copy
import random
from typing import Any

import kinds
import numpy as np
import pytest
import torch
from formula_forms import Floats, live_outputs, suitable_curve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from kanwidget import PruningSession
from kanwidget.adapters import Adapter, adapt
from kanwidget.formula.formula import formula_of
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import FUNCTIONS
from kanwidget.functions.own_function import own_function
from kanwidget.training.engine import train
from kanwidget.training.settings import TrainingSettings

every_kind = pytest.mark.parametrize("kind", kinds.KINDS)
many = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
anything = given(st.sampled_from(kinds.KINDS), st.integers(0, 10**6))

DATA = kinds.data()
X = DATA["train_input"]
EVERYWHERE = ["0", "x", "x^2", "x^3", "exp", "sin", "cos", "abs", "tanh", "gaussian", "arctan"]
SMOOTH = ["x", "x^2", "sin", "cos", "tanh", "gaussian", "arctan", "sqrt(1+x^2)"]


def random_mask(adapter: Adapter, choose: random.Random) -> None:
    """Switch edges off, and leave constants in the biases."""
    mask = [
        torch.tensor([[choose.random() < 0.8 for _ in row] for row in on]) for on in adapter.mask()
    ]
    bias = [b + choose.uniform(-0.5, 0.5) for b in adapter.bias()]
    adapter.set_mask(mask, bias)


def random_names(
    model: Any, choose: random.Random, lib: list[str] | None = None, share: float = 0.5
) -> tuple[Tensor, dict[tuple[int, int, int], NamedCurve]]:
    """Choose names; return what the model computes with them, in a loop over its edges."""
    names = lib or [*FUNCTIONS]

    def name_for(edge: tuple[int, int, int], values: Floats) -> NamedCurve | None:
        if choose.random() > share or not np.ptp(values) > 1e-6:
            return None
        return suitable_curve(FUNCTIONS[choose.choice(names)], values, choose)

    return live_outputs(model, X, name_for)


def named_model(kind: str, number: int, lib: list[str] | None = None) -> tuple[Any, Adapter]:
    """Return a model with edges off and edges named at random."""
    choose, model = random.Random(number), kinds.make(kind, number % 5)
    adapter = adapt(model)
    random_mask(adapter, choose)
    adapter.set_names(random_names(model, choose, lib)[1])
    return model, adapter


def close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=1e-9, atol=1e-9)


@many
@anything
def test_a_named_edge_adds_its_function_and_gives_its_spline_back(kind: str, number: int) -> None:
    choose, model = random.Random(number), kinds.make(kind, number % 5)
    adapter = adapt(model)
    random_mask(adapter, choose)
    before, weights = kinds.bits(model), adapter.weights()
    outputs, mark = adapter.forward(X), adapter.fingerprint()
    version, off = adapter.version(), adapter.mask()
    truth, names = random_names(model, choose)

    adapter.set_names(names)
    assert close(adapter.forward(X), truth)
    assert close(model(X).detach(), truth)
    assert all(map(torch.equal, adapter.mask(), off))
    found = adapter.names()
    assert set(found) == set(names)
    assert all(found[e].function == names[e].function for e in names)
    for e, curve in names.items():
        for letter in "abcd" if curve.function != "0" else "d":
            assert getattr(found[e], letter) == pytest.approx(getattr(curve, letter), rel=1e-12)
    assert (adapter.fingerprint() != mark) == bool(names)
    assert (adapter.version() != version) == bool(names)
    formula = formula_of(adapter, rows=(X, None))
    assert np.abs(formula(X) - truth.numpy()).max() <= 1e-9 * max(1, float(truth.abs().max()))
    assert not set(formula.unnamed) & set(names)
    after, sums = adapter.weights(), adapter.forward(X)

    for edge in choose.sample(sorted(names), len(names)):  # in any order
        adapter.set_names({edge: None})
    assert kinds.bits(model) == before
    assert adapter.fingerprint() == mark
    assert torch.equal(adapter.forward(X), outputs)

    # The weights of a history know the names, too.
    adapter.set_weights(after)
    adapter.set_mask(off, adapter.bias())
    assert torch.equal(adapter.forward(X), sums)
    assert adapter.names() == found
    adapter.set_weights(weights)
    assert kinds.bits(model) == before
    assert adapter.names() == {}


@many
@anything
def test_masks_lie_on_top_of_names(kind: str, number: int) -> None:
    model, adapter = named_model(kind, number, EVERYWHERE)
    choose, names = random.Random(number), adapter.names()
    on, bias, full = adapter.mask(), adapter.bias(), adapter.forward(X)
    fewer = [m & torch.tensor([[choose.random() < 0.6 for _ in r] for r in m]) for m in on]
    adapter.set_mask(fewer, bias)
    assert adapter.names() == names  # an edge that is off keeps its name
    assert adapter.symbolic() == {e: names[e].function for e in names}
    values = adapter.inputs_of(X)
    sizes, means = adapter.scores(X), adapter.means(X)
    for l, mask in enumerate(fewer):
        out = adapter.edge_outputs(l, values[l]).detach()
        assert close(means[l], out.mean(2).masked_fill(~mask, 0.0))
        assert not sizes[l][~mask].any()
    outputs = adapter.forward(X).numpy()
    found = formula_of(adapter, rows=(X, None))(X)
    assert np.abs(found - outputs).max() <= 1e-8 * max(1.0, np.abs(outputs).max())
    assert close(model(X).detach(), adapter.forward(X))
    adapter.set_mask(on, bias)
    assert torch.equal(adapter.forward(X), full)


@many
@anything
def test_a_named_model_gets_smaller_is_copied_and_refined(kind: str, number: int) -> None:
    model, adapter = named_model(kind, number, EVERYWHERE)
    outputs, names = adapter.forward(X), adapter.names()
    other = adapter.copy()
    assert torch.equal(other.forward(X), outputs)
    assert other.names() == names
    assert other.fingerprint() == adapter.fingerprint()
    own = copy.deepcopy(model.requires_grad_(False))  # pykan's activations are no leaves
    assert close(own(X).detach(), outputs)
    assert adapt(own).names() == names
    smaller = adapter.compact()
    small, small_names = adapt(smaller), adapt(smaller).names()
    assert close(smaller(X).detach(), outputs)
    live = {(l, j, i) for l, m in enumerate(small.mask()) for j, i in m.nonzero().tolist()}
    kept = [curve.function for (l, i, j), curve in small_names.items() if (l, j, i) in live]
    assert not set(kept) - {curve.function for curve in names.values()}
    if kind not in ("efficient-kan", "FastKAN"):  # these have no masks of their own
        unnamed = [len(formula_of(a, rows=(X, None)).unnamed) for a in (small, adapter)]
        assert unnamed[0] <= unnamed[1]
    if kind != "FastKAN":
        other.refine(6, X)
        assert other.names() == names


@every_kind
def test_compact_keeps_the_names_of_edges_that_are_on(kind: str) -> None:
    model = kinds.make(kind)
    adapter = adapt(model)
    names = {(0, 0, 1): NamedCurve("sin", 2.0, 0.1, 0.7, 0.2), (1, 1, 0): NamedCurve("exp", 0.5)}
    adapter.set_names(names)
    mask = adapter.mask()
    mask[0][0], mask[0][1, 1] = False, False  # hidden node 0 goes
    adapter.set_mask(mask, adapter.bias())
    small = adapt(adapter.compact())
    first = 1 if kind == "FastKAN" else 0  # with a layer norm every node counts
    assert small.width == [2, 2 + first, 1]
    found = small.names()
    assert found[0, 0, first].function == "sin"
    assert found[0, 0, first].a == 2.0
    assert found[1, first, 0].function == "exp"


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(kinds.KINDS), st.integers(0, 10**6), st.sampled_from(["LBFGS", "Adam", "LM"])
)
def test_a_training_moves_only_the_constants_that_are_free(
    kind: str, number: int, opt: str
) -> None:
    choose, adapter = random.Random(number), named_model(kind, number, SMOOTH)[1]
    fixed = {
        e: NamedCurve(c.function, c.a, c.b, c.c, c.d, frozenset(choose.sample("abcd", 2)))
        for e, c in adapter.names().items()
    }
    adapter.set_names(fixed)
    on, named = adapter.mask(), adapter.names()
    mask = [m.clone() for m in on]
    gone = choose.sample(sorted(named), len(named) // 2)
    for l, i, j in gone:
        mask[l][j, i] = False
    adapter.set_mask(mask, adapter.bias())
    train(adapter, DATA, TrainingSettings(opt=opt, steps=3, lr=0.1 if opt == "Adam" else 1.0))
    found = adapter.names()
    assert set(found) == set(named)
    moved = False
    for edge, curve in found.items():
        was = named[edge]
        assert curve.fixed == was.fixed
        still = "abcd" if edge in gone else was.fixed
        assert all(getattr(curve, c) == getattr(was, c) for c in still)
        moved |= any(getattr(curve, c) != getattr(was, c) for c in "abcd")
        assert all(np.isfinite(getattr(curve, c)) for c in "abcd")
    free = [e for e in named if e not in gone and {"c"} - named[e].fixed]
    l_out = {l for l, _, _ in free}
    if free and 1 in l_out:
        assert moved


@every_kind
@pytest.mark.parametrize("opt", ["LBFGS", "LM"])
def test_constants_are_trained(kind: str, opt: str) -> None:
    model = kinds.make(kind)
    adapter = adapt(model)
    x = DATA["train_input"]
    adapter.set_names({(0, 0, 0): NamedCurve("sin", 2.5, 0.1), (1, 0, 0): NamedCurve("x", 1.0)})
    first = (adapter.forward(x) - DATA["train_label"]).square().mean().sqrt()
    results = train(adapter, DATA, TrainingSettings(opt=opt, steps=12))
    names = adapter.names()
    assert results["train_loss"][-1] < 0.5 * float(first)
    assert names[0, 0, 0].a != 2.5
    assert names[1, 0, 0].c != 1.0
    found = float((adapter.forward(x) - DATA["train_label"]).square().mean().sqrt())
    assert found == pytest.approx(results["train_loss"][-1], rel=1e-6)


@every_kind
@pytest.mark.parametrize("opt", ["LBFGS", "Adam", "LM"])
def test_names_given_while_a_training_goes_on_stay(kind: str, opt: str) -> None:
    adapter = adapt(kinds.make(kind))

    def name_edges(step: int, _: Any) -> None:
        if step == 1:
            adapter.set_names({(0, 0, 0): NamedCurve("sin", 2.0, 0.0)})
        if step == 3:
            adapter.set_names({(0, 0, 0): None, (1, 1, 0): NamedCurve("exp", 0.3)})

    settings = TrainingSettings(opt=opt, steps=6, lr=0.05 if opt == "Adam" else 1.0)
    results = train(adapter, DATA, settings, at_rest=name_edges)
    assert results.stopped == ""
    assert {e: c.function for e, c in adapter.names().items()} == {(1, 1, 0): "exp"}
    assert torch.isfinite(adapter.forward(X)).all()


@every_kind
def test_functions_of_ones_own(kind: str) -> None:
    own = own_function("softplus", torch.nn.functional.softplus)
    model = kinds.make(kind)
    adapter = adapt(model)
    curve = NamedCurve("softplus", 1.5, 0.2, 0.7, 0.1)
    before = adapter.weights()
    adapter.set_names({(0, 1, 0): curve}, {**FUNCTIONS, "softplus": own})
    assert adapter.functions()["softplus"] is own
    assert adapter.names()[0, 1, 0].function == "softplus"
    out = adapter.edge_outputs(0, X)[0, 1]
    expected = 0.7 * torch.nn.functional.softplus(1.5 * X[:, 1] + 0.2) + 0.1
    assert close(out.detach(), expected)
    after = adapter.weights()
    adapter.set_weights(before)
    assert "softplus" not in adapter.functions()
    adapter.set_weights(after)
    assert adapter.functions()["softplus"] is own
    assert close(adapt(copy.deepcopy(model.requires_grad_(False))).forward(X), adapter.forward(X))
    assert np.abs(formula_of(adapter, rows=(X, None))(X) - adapter.forward(X).numpy()).max() < 1e-8


@every_kind
def test_what_cannot_be_a_name_changes_nothing(kind: str) -> None:
    model = kinds.make(kind)
    adapter, before = adapt(model), kinds.bits(model)
    good = NamedCurve("sin")
    for edge, curve, error, words in (
        ((0, 2, 0), good, IndexError, "no edge"),
        ((0, 0, 0), NamedCurve("<b>"), ValueError, "not among the functions"),
        ((0, 0, 0), NamedCurve("sin", float("nan")), ValueError, "constant a"),
        ((0, 0, 0), NamedCurve("sin", c=1e300), ValueError, "constant c"),
        ((0, 0, 0), NamedCurve("sin", fixed=frozenset("e")), ValueError, "letters"),
        ((0, 0, 0), "sin", TypeError, "NamedCurve"),
    ):
        with pytest.raises(error, match=words):
            adapter.set_names({(1, 0, 0): good, edge: curve})  # type: ignore[dict-item]
    assert kinds.bits(model) == before
    adapter.set_names({(0, 0, 0): None})  # it has none
    assert kinds.bits(model) == before


@every_kind
def test_a_session_leaves_names_when_it_closes(kind: str) -> None:
    model = kinds.make(kind)
    adapter = adapt(model)
    with PruningSession(model, X) as session:
        session.remove_edge(0, 0, 0)
        adapter.set_names({(1, 0, 0): NamedCurve("tanh", 0.5), (0, 0, 0): NamedCurve("sin")})
        session.commit()
    assert {e: c.function for e, c in adapter.names().items()} == {
        (0, 0, 0): "sin",
        (1, 0, 0): "tanh",
    }


def test_models_in_float32_hold_names_in_float32() -> None:
    for kind in kinds.KINDS:
        adapter = adapt(kinds.make(kind, dtype=torch.float32))
        adapter.set_names({(0, 0, 0): NamedCurve("sin", 1 / 3)})
        assert adapter.forward(X.float()).dtype == torch.float32
        assert adapter.names()[0, 0, 0].a == pytest.approx(1 / 3, rel=1e-7)
        with pytest.raises(ValueError, match="float32"):
            adapter.set_names({(0, 0, 0): NamedCurve("sin", 1e60)})


@pytest.mark.parametrize("kind", ["pykan 0.2.8", "pykan 0.0.1"])
def test_pykan_computes_and_writes_what_was_named_here(kind: str) -> None:
    sympy = pytest.importorskip("sympy")
    model = kinds.make(kind)
    adapter = adapt(model)
    lib = ["sin", "x^2", "exp", "tanh", "x", "cos", "gaussian"]
    _, names = random_names(model, random.Random(3), lib, share=1.0)
    adapter.set_names(names)
    mask = adapter.mask()
    mask[0][0] = False
    adapter.set_mask(mask, adapter.bias())
    smaller = adapter.compact()
    formula = formula_of(adapt(smaller), name_parts=False)
    assert formula.unnamed == []
    if kind == "pykan 0.0.1":
        theirs, symbols = smaller.symbolic_formula(floating_digit=12)
    else:
        theirs, symbols = smaller.symbolic_formula()
    expected = np.asarray(sympy.lambdify(symbols, theirs[0], "numpy")(*X.numpy().T), float)
    np.testing.assert_allclose(formula(X)[:, 0], expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(adapter.forward(X)[:, 0], expected, rtol=1e-6, atol=1e-6)


def test_pykan_gets_the_mask_of_a_spline_back() -> None:
    model = kinds.make("pykan 0.2.8")
    model.act_fun[0].mask.data[0, 0] = 0.5
    adapter = adapt(model)
    before = kinds.bits(model)
    adapter.set_names({(0, 0, 0): NamedCurve("sin", 2.0)})
    adapter.set_names({(0, 0, 0): NamedCurve("exp", 2.0)})
    mask = adapter.mask()
    mask[0][0, 0] = False
    adapter.set_mask(mask, adapter.bias())
    adapter.set_names({(0, 0, 0): None})
    assert not model.act_fun[0].mask[0, 0]
    mask[0][0, 0] = True
    adapter.set_mask(mask, adapter.bias())
    assert model.act_fun[0].mask[0, 0] == 0.5
    assert kinds.bits(model) == before


def test_an_edge_that_pykan_named_gets_a_spline() -> None:
    model = kinds.make("pykan 0.2.8")
    spline = adapt(model).edge_curves(0, X)[0, 0]
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False, verbose=False, log_history=False)
    adapter = adapt(model)
    assert adapter.names()[0, 0, 0].function == "sin"
    adapter.set_names({(0, 0, 0): NamedCurve("exp")})
    adapter.set_names({(0, 0, 0): None})
    assert adapter.names() == {}
    assert close(adapter.edge_curves(0, X)[0, 0], spline)
