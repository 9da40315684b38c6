"""Named edges of our own KAN: gradients, trade-offs, files, and the methods that pykan has."""

from __future__ import annotations

import copy
import pickle
import random
import warnings
from pathlib import Path

import kinds
import numpy as np
import pytest
import torch
from formula_forms import live_outputs, suitable_curve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from kanwidget import KAN, PruningSession, create_dataset
from kanwidget.adapters import adapt
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import FUNCTIONS
from kanwidget.functions.own_function import own_function
from kanwidget.kan.live_parameters import LiveParameters
from kanwidget.kan.objective import FitObjective, Penalty

DATA = kinds.data()
X, Y = DATA["train_input"], DATA["train_label"]
SMOOTH = ["x", "x^2", "x^3", "exp", "sin", "cos", "tanh", "gaussian", "arctan", "sqrt(1+x^2)", "0"]
some = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
J0 = own_function("j0", torch.special.bessel_j0)


def named_kan(number: int, dtype: torch.dtype = torch.float64) -> KAN:
    """Return a [2, 3, 1] with edges off and edges named at random, some constants fixed."""
    choose = random.Random(number)
    model = kinds.make("native", number % 7, dtype)
    for layer in model.layers:
        off = torch.tensor([[choose.random() < 0.2 for _ in row] for row in layer.mask])
        layer.mask.masked_fill_(off, 0.0)
    share = choose.choice([0.3, 0.7, 1.0])
    _, names = live_outputs(
        model,
        X.to(dtype),
        lambda _, x: (
            suitable_curve(FUNCTIONS[choose.choice(SMOOTH)], x, choose)
            if choose.random() < share and np.ptp(x) > 1e-6
            else None
        ),
    )
    fixed = {
        e: NamedCurve(c.function, c.a, c.b, c.c, c.d, frozenset(choose.sample("abcd", 1)))
        for e, c in names.items()
    }
    adapt(model).set_names(fixed)
    return model


@some
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.05]), st.booleans())
def test_the_gradient_written_out_is_autograds(number: int, lamb: float, bias: bool) -> None:
    model = named_kan(number)
    for layer in model.layers:
        layer.bias.requires_grad_(bias)
    penalty = Penalty(lamb, coef=0.1 * lamb, coefdiff=0.1 * lamb)
    ours, theirs = (FitObjective(model, penalty) for _ in range(2))
    theirs._uses_numpy = False
    theta = ours.start(X, Y)[0]
    theirs.start(X, Y)
    (value, slope), (expected, expected_slope) = ours(theta), theirs(theta)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(slope, expected_slope, rtol=1e-9, atol=1e-12)
    if not lamb:
        found = ours.normal_equations(theta)
        full = np.zeros_like(slope)
        full[found.columns] = found.slope
        still = [n for n in range(len(slope)) if n not in set(found.columns.tolist())]
        np.testing.assert_allclose(full[found.columns], slope[found.columns], atol=1e-12)
        # What is left out adds nothing that the others cannot do: scale_sp beside coef.
        sizes = {id(p): p.numel() for p in LiveParameters(model).parameters}
        assert len(still) <= sum(sizes.values())


@some
@given(st.integers(0, 10**6))
def test_normal_equations_are_those_of_differences(number: int) -> None:
    model = named_kan(number)
    objective = FitObjective(model, Penalty(), closed_form=True)
    theta = objective.start(X, Y)[0]
    found = objective.normal_equations(theta)

    def outputs(at: int, step: float) -> np.ndarray:
        moved = theta.copy()
        moved[at] += step
        objective(moved, slope=False)
        return objective._layers[-1].sums()

    choose = np.random.default_rng(number)
    picked = choose.choice(len(found.columns), min(6, len(found.columns)), replace=False)
    rows = {
        n: (outputs(found.columns[n], 1e-6) - outputs(found.columns[n], -1e-6)) / 2e-6
        for n in picked
    }
    for a in picked:
        for b in picked:
            if a >= b:
                wanted = 2 * (rows[a] * rows[b]).mean()
                assert found.curvature[a, b] == pytest.approx(wanted, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("opt", ["LBFGS", "Adam", "LM"])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**6))
def test_a_fit_moves_only_what_is_free(opt: str, number: int) -> None:
    model = named_kan(number)
    adapter, before = adapt(model), copy.deepcopy(model)
    names = adapter.names()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a fit that diverged: it leaves a good model
        model.fit(DATA, opt=opt, steps=4, lr=0.05 if opt == "Adam" else 1.0, progress=False)
    assert torch.isfinite(model(X)).all()
    for (l, i, j), curve in adapter.names().items():
        was = names[l, i, j]
        off = model.mask[l][j, i] == 0
        assert all(getattr(curve, c) == getattr(was, c) for c in ("abcd" if off else was.fixed))
        # A spline that is not in use waits as it was, but for another grid.
        old = before.layers[l].scale_sp[j, i], before.layers[l].scale_base[j, i]
        assert (model.layers[l].scale_sp[j, i], model.layers[l].scale_base[j, i]) == old


def test_a_fit_without_names_repeats_itself_after_names_came_and_went() -> None:
    models = [KAN([2, 3, 1], seed=1) for _ in range(2)]
    adapt(models[1]).set_names({(0, 0, 0): NamedCurve("sin"), (1, 0, 0): NamedCurve("exp")})
    adapt(models[1]).set_names({(0, 0, 0): None, (1, 0, 0): None})
    losses = [model.fit(DATA, steps=5, progress=False)["train_loss"] for model in models]
    assert losses[0] == losses[1]
    assert kinds.bits(models[0]) == kinds.bits(models[1])


def test_names_given_by_a_callback_are_trained_with() -> None:
    model = KAN([2, 3, 1], seed=1)

    def name(step: int, _: object) -> None:
        if step == 2:
            adapt(model).set_names({(0, 0, 0): NamedCurve("sin", 3.0)})

    results = model.fit(DATA, steps=8, progress=False, callback=name)
    assert results["train_loss"][-1] < results["train_loss"][0]
    expected = float((model(X) - Y).square().mean().sqrt())
    assert results["train_loss"][-1] == pytest.approx(expected, rel=1e-6)


def test_a_grid_moves_only_under_splines() -> None:
    model = KAN([2, 3, 1], seed=1)
    grid = model.layers[0].grid.clone()
    adapt(model).set_names({(0, 0, j): NamedCurve("sin", 2.0) for j in range(3)})
    model.update_grid(3 * X)
    assert torch.equal(model.layers[0].grid[0], grid[0])
    assert not torch.equal(model.layers[0].grid[1], grid[1])


@some
@given(st.integers(0, 10**6))
def test_a_trade_off_is_that_of_masks_set_one_by_one(number: int) -> None:
    model = named_kan(number)
    with PruningSession(model, DATA) as session:
        curve = session.tradeoff()
        for at in range(0, len(curve.thresholds), 3):
            session.set(edge_threshold=float(curve.thresholds[at]), keep_mean=bool(at % 2))
            losses = curve.loss_kept if at % 2 else curve.loss_zeroed
            assert session.loss == pytest.approx(float(losses[at]), rel=1e-9, abs=1e-12)


def content(path: Path) -> object:
    """Return what a file holds; safetensors writes its header in any order."""
    with safe_open(path, "pt") as file:
        tensors = {key: file.get_tensor(key).tolist() for key in file.keys()}  # noqa: SIM118
        return file.metadata(), tensors


def test_a_file_holds_names_and_asks_for_functions_of_ones_own(tmp_path: Path) -> None:
    model, path = KAN([2, 2, 1], seed=0), tmp_path / "kan.safetensors"
    model.save(path)
    before = content(path)
    adapt(model).set_names(
        {
            (0, 0, 0): NamedCurve("sin", 3.0, 0.1, 0.9, 0.2, frozenset("ad")),
            (0, 1, 1): NamedCurve("j0"),
        },
        {**FUNCTIONS, "j0": J0},
    )
    model.remove_edge(0, 0, 0)
    model.save(path)
    with pytest.raises(ValueError, match="pass them as functions="):
        KAN.load(path)
    with pytest.raises(TypeError, match="Functions"):
        KAN.load(path, functions={"j0": np.sin})  # type: ignore[dict-item]
    loaded = KAN.load(path, functions={"j0": J0})
    assert torch.equal(loaded(X), model(X))
    assert adapt(loaded).names() == adapt(model).names()
    assert adapt(loaded).fingerprint() == adapt(model).fingerprint()
    loaded.restore_edge(0, 0, 0)
    for edge in adapt(loaded).names():
        loaded.unfix_symbolic(*edge)
    loaded.save(path)
    assert content(path) == before


def test_a_file_with_names_that_do_not_fit_is_refused(tmp_path: Path) -> None:
    model, path = KAN([2, 2, 1], seed=0), tmp_path / "kan.safetensors"
    adapt(model).set_names({(0, 0, 0): NamedCurve("sin")})
    model.save(path)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    start = "layers.0.named_edges."
    damages = {
        "codes": torch.full_like(state[f"{start}codes"], 7),
        "fixed": torch.full_like(state[f"{start}fixed"], 99),
        "affine": torch.full_like(state[f"{start}affine"], torch.inf),
    }
    for part, damage in damages.items():
        save_file({**state, f"{start}{part}": damage}, path, metadata)
        with pytest.raises(ValueError, match="damaged"):
            KAN.load(path)
    save_file({k: v for k, v in state.items() if k != f"{start}codes"}, path, metadata)
    with pytest.raises(ValueError, match="damaged"):
        KAN.load(path)


def test_state_dicts_and_pickles_carry_names() -> None:
    model, plain = KAN([2, 2, 1], seed=0), KAN([2, 2, 1], seed=1)
    without = copy.deepcopy(plain.state_dict())
    adapt(model).set_names({(0, 0, 1): NamedCurve("exp", 0.5)})
    plain.load_state_dict(model.state_dict())
    assert torch.equal(plain(X), model(X))
    plain.load_state_dict(without)
    assert adapt(plain).names() == {}
    assert torch.equal(plain(X), KAN([2, 2, 1], seed=1)(X))
    assert torch.equal(pickle.loads(pickle.dumps(model))(X), model(X))
    cloudpickle = pytest.importorskip("cloudpickle")
    adapt(model).set_names({(0, 0, 1): NamedCurve("j0", 0.5)}, {"j0": J0})
    assert torch.equal(pickle.loads(cloudpickle.dumps(model))(X), model(X))


def demo() -> tuple[KAN, dict[str, torch.Tensor]]:
    """Return a trained [2, 1, 1] and its data."""
    data = create_dataset(
        lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2
    )
    model = KAN([2, 1, 1], grid=5, seed=0)
    model.fit(data, steps=20, progress=False)
    model.fit(data, opt="LM", steps=15, progress=False)
    return model, data


def test_the_road_from_curves_to_a_formula_as_in_pykan() -> None:
    sympy = pytest.importorskip("sympy")
    model, data = demo()
    before = kinds.bits(model)
    best = model.suggest_symbolic(0, 0, 0)
    assert best[0].function == "sin"
    assert len(model.suggest_symbolic(0, 0, 0, lib=["sin", "exp"], topk=1)) == 1
    assert kinds.bits(model) == before
    found = model.auto_symbolic()
    assert {e: name for e, (name, _) in found.items()} == {
        (0, 0, 0): "sin",
        (0, 1, 0): "x^2",
        (1, 0, 0): "exp",
    }
    assert all(r2 > 0.999 for _, r2 in found.values())
    assert model.fit(data, opt="LM", steps=10, progress=False)["test_loss"][-1] < 1e-9
    outputs, symbols = model.symbolic_formula(var=["u", "v"])
    assert list(map(str, symbols)) == ["u", "v"]
    function = sympy.lambdify(symbols, outputs[0], "numpy")
    np.testing.assert_allclose(function(*X.numpy().T), model(X).detach()[:, 0], rtol=1e-9)
    colors = [line.get_color() for axes in model.plot().axes for line in axes.lines]
    assert "red" in colors
    assert "black" not in colors
    for edge in found:
        model.unfix_symbolic(*edge)
    assert adapt(model).names() == {}
    model.unfix_symbolic(0, 0, 0)  # once more: nothing to do


def test_fixing_says_how_well_a_function_fits_and_keeps_edges_off() -> None:
    model, _ = demo()
    assert model.fix_symbolic(0, 0, 0, "x^0.5", fit_params_bool=False) is None
    assert adapt(model).names()[0, 0, 0] == NamedCurve("sqrt")
    model.unfix_symbolic(0, 0, 0)
    r2 = model.fix_symbolic(0, 0, 0, "sin")
    assert r2 is not None
    assert r2 > 0.999
    model.remove_edge(0, 1, 0)
    model.fix_symbolic(0, 1, 0, J0)
    assert model.mask[0][0, 1] == 0
    assert "j0" in adapt(model).functions()
    with pytest.raises(ValueError, match="not among the functions"):
        model.fix_symbolic(0, 0, 0, "nope")
    with pytest.raises(IndexError, match="no edge"):
        model.fix_symbolic(0, 5, 0, "sin")
    with pytest.raises(ValueError, match="no data"):
        KAN([2, 1, 1]).fix_symbolic(0, 0, 0, "sin")
    assert "phi_1_0_0" in str(model.symbolic_formula()[0][0])
