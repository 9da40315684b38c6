"""Levenberg-Marquardt: right slopes, lower losses, and all that other optimisers keep."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import kinds
import numpy as np
import pytest
import torch
from conftest import seed_function
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from kanwidget import KAN, create_dataset
from kanwidget.adapters import adapt
from kanwidget.kan import levenberg_marquardt
from kanwidget.kan.objective import FitObjective, Penalty
from kanwidget.training.levenberg_marquardt import LeastSquaresFit

Make = Callable[..., KAN]


@pytest.mark.parametrize("frozen", [(), ("coef",), ("scale_sp", "bias"), ("scale_base",)])
@pytest.mark.parametrize(("width", "k"), [([3, 4, 2], 3), ([2, 3, 3, 1], 2), ([2, 2], 1)])
def test_curvature_and_slope_are_those_of_the_outputs(
    random_kan: Make, width: list[int], k: int, frozen: tuple[str, ...]
) -> None:
    model = random_kan(width, 1, 0.8, grid=4, k=k)
    with torch.no_grad():
        model.layers[0].scale_sp[0, 1] = 0.0
    for layer in model.layers:
        for name in frozen:
            getattr(layer, name).requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(50, width[0], generator=generator, dtype=torch.float64) * 1.6 - 0.8
    y = torch.rand(50, width[-1], generator=generator, dtype=torch.float64)
    objective = FitObjective(model, Penalty(), closed_form=True)
    theta, _ = objective.start(x, y)
    value, columns, slope, curvature = objective.normal_equations(theta)
    expected, gradient = objective(theta)
    assert value == pytest.approx(expected, rel=1e-14)
    assert np.allclose(gradient[columns], slope, rtol=0, atol=1e-13)

    live, rows = [p for p in model.parameters() if p.requires_grad], []
    for p in live:
        for i in range(p.numel()):
            outputs = []
            for step in (1e-6, -1e-6):
                with torch.no_grad():
                    p.view(-1)[i] += step
                    outputs.append(model(x))
                    p.view(-1)[i] -= step
            rows.append(((outputs[0] - outputs[1]) / 2e-6).flatten())
    jacobian = torch.stack(rows).numpy()
    products = (2 / y.numel() * jacobian @ jacobian.T)[np.ix_(columns, columns)]
    assert np.allclose(np.tril(curvature), np.tril(products), rtol=0, atol=1e-8)
    # What is left out is 0, or the scale of a spline whose coefficients are fitted.
    left = np.setdiff1d(np.arange(len(theta)), columns)
    scales = {id(layer.scale_sp) for layer in model.layers}
    owner = np.repeat([id(p) in scales for p in live], [p.numel() for p in live])
    assert all(owner[i] or abs(jacobian[i]).max() < 1e-8 for i in left)


@given(st.integers(1, 200), st.integers(0, 1000))
@settings(max_examples=25)
def test_tiles_give_what_one_product_and_one_factor_give(count: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    rows, wanted = draw.normal(size=(count, 300)), draw.normal(size=count)
    matrix = np.zeros((count, count))
    levenberg_marquardt.gram(rows, matrix)
    whole, added = rows @ rows.T, draw.uniform(1, 2, count)
    assert np.allclose(np.tril(matrix), np.tril(whole))
    found = levenberg_marquardt.solve(matrix, added, wanted)
    assert found is not None
    assert np.allclose((whole + np.diag(added)) @ found, wanted)
    assert levenberg_marquardt.solve(-matrix, -added, wanted) is None


def test_the_demos_function_is_learnt_far_better_after_a_refinement(dataset: Any) -> None:
    model = KAN([2, 1, 1], grid=5, seed=0)
    coarse = model.fit(dataset, steps=50, progress=False)
    assert 5e-3 < coarse["test_loss"][-1] < 8e-3
    fine = model.refine(10).fit(dataset, opt="LM", steps=40, progress=False)
    assert fine["test_loss"][-1] < 5e-4
    assert fine.stopped == ""


@pytest.mark.parametrize("width", [[2, 1, 1], [2, 5, 1]])
def test_it_ends_lower_than_lbfgs(dataset: Any, width: list[int]) -> None:
    ends = [
        KAN(width, grid=5, seed=1).fit(dataset, opt=opt, steps=25, progress=False)["train_loss"][-1]
        for opt in ("LBFGS", "LM")
    ]
    assert ends[1] < ends[0]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_off_edges_frozen_parameters_and_kept_means_stay(
    random_kan: Make, dataset: Any, dtype: torch.dtype
) -> None:
    model = random_kan([2, 4, 1], 3, grid=4, dtype=dtype)
    model(dataset["train_input"])
    model.remove_edge(0, 0, 1, keep_mean=True)
    model.layers[0].scale_base.requires_grad_(False)
    kept: dict[int, Tensor] = {}

    def switch(step: int, results: Any) -> None:
        if step == 2:
            model.remove_edge(1, 3, 0, keep_mean=True)
        if step == 4:
            model.restore_edge(0, 0, 1)
        kept[step] = torch.cat([model.layers[0].coef[1, 0], model.layers[1].coef[0, 3]]).detach()

    frozen = model.layers[0].scale_base.detach().clone()
    results = model.fit(
        dataset, opt="LM", steps=8, callback=switch, progress=False, update_grid=False
    )
    half = len(kept[0]) // 2
    assert all(torch.equal(kept[s][:half], kept[0][:half]) for s in range(5))
    assert not torch.equal(kept[7][:half], kept[0][:half])
    assert not torch.equal(kept[2][half:], kept[0][half:])
    assert all(torch.equal(kept[s][half:], kept[2][half:]) for s in range(2, 8))
    assert torch.equal(model.layers[0].scale_base, frozen)
    assert model.mask[1][0, 3] == 0
    assert results["train_loss"][-1] < results["train_loss"][0]
    loss = (model(dataset["train_input"]) - dataset["train_label"]).square().mean().sqrt()
    assert loss.item() == pytest.approx(results["train_loss"][-1], rel=1e-3)


def test_losses_never_rise_on_grids_that_stay(random_kan: Make, dataset: Any) -> None:
    model = random_kan([2, 3, 2, 1], 5, 0.8, grid=3)
    found = model.fit(dataset, opt="LM", steps=25, progress=False, update_grid=False)["train_loss"]
    assert all(after <= before for before, after in pairwise(found[5:]))


def test_a_column_that_does_not_vary_is_left_alone() -> None:
    data = create_dataset(seed_function, n_var=3, train_num=200, test_num=50)
    data["train_input"][:, 2] = data["test_input"][:, 2] = 0.3
    model = KAN([3, 2, 1], grid=4, seed=0)
    model.fit(data, opt="LM", steps=1, progress=False)
    coef = model.layers[0].coef[:, 2].detach().clone()
    results = model.fit(data, opt="LM", steps=20, progress=False, update_grid=False)
    spread = model.layers[0].coef[:, 2].detach() - coef
    assert torch.allclose(spread, spread[..., :1].expand_as(spread), rtol=0, atol=1e-12)
    assert results["train_loss"][-1] < 0.05


def test_a_stopped_or_interrupted_fit_leaves_a_step_that_was(dataset: Any) -> None:
    model = KAN([2, 3, 1], grid=5, seed=0)
    states = []

    def note(step: int, results: Any) -> None:
        states.append({n: v.clone() for n, v in model.state_dict().items()})
        if step == 3:
            raise KeyboardInterrupt

    results = model.fit(dataset, opt="LM", steps=9, callback=note, progress=False)
    assert "interrupted in step 3" in results.stopped
    assert all(torch.equal(v, states[2][n]) for n, v in model.state_dict().items())
    results = model.fit(dataset, opt="LM", steps=9, stop=lambda: True, progress=False)
    assert results.stopped == "stopped on request in step 0"
    assert len(results["train_loss"]) == 1


class Wave(nn.Module):
    """A base function with a number that can be trained."""

    def __init__(self) -> None:
        super().__init__()
        self.pace = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(self.pace * x)


@pytest.mark.parametrize(
    ("config", "options", "words"),
    [
        ({}, {"lamb": 0.1}, "a regulariser is none, lamb must be 0"),
        ({}, {"loss_fn": nn.functional.l1_loss}, "loss_fn is another loss"),
        ({"base_fun": Wave()}, {}, "the base function has parameters of its own"),
        ({"width": [2, 200, 1]}, {}, "for up to 4000 parameters, and 4401 are trained"),
        ({}, {"opt": "lm"}, "opt must be 'LBFGS', 'Adam' or 'LM', got 'lm'"),
    ],
)
def test_what_it_is_not_for_is_said_in_words(
    dataset: Any, config: Any, options: Any, words: str
) -> None:
    model = KAN(**{"width": [2, 5, 1], **config})
    had = kinds.bits(model)
    with pytest.raises(ValueError, match=words):
        model.fit(dataset, **{"opt": "LM", "progress": False, **options})
    assert kinds.bits(model) == had


# Models of other libraries -----------------------------------------------------------------


OTHERS = [kind for kind in kinds.KINDS if kind != "native"]


def fit_of(model: Any, data: dict[str, Tensor]) -> tuple[Any, LeastSquaresFit]:
    """Return the adapter of a private copy, and what fits it."""
    names = [n for n, p in model.named_parameters() if p.requires_grad]
    copy = adapt(model).copy()
    return copy, LeastSquaresFit(copy.model, names, data["train_input"], data["train_label"])


@pytest.mark.parametrize("kind", OTHERS)
def test_models_of_other_libraries_are_fitted_under_their_masks(kind: str) -> None:
    model, data = kinds.make(kind), kinds.data(40)
    x, y = data["train_input"], data["train_label"]
    adapter = adapt(model)
    mask, bias = adapter.mask(), adapter.bias()
    mask[0][1, 0] = mask[1][0, 2] = False
    adapter.set_mask(mask, [b + 0.25 for b in bias])
    off = adapter.edge_curves(0, x)[1, 0], adapter.edge_curves(1, x[:, [0, 1, 1]])[0, 2]
    had, rng = kinds.bits(model), torch.get_rng_state()
    copy, fit = fit_of(model, data)
    losses = [fit.step() for _ in range(7)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.2 * float((adapter.forward(x) - y).square().mean())
    assert losses[-1] == pytest.approx(float((copy.forward(x) - y).square().mean()), rel=1e-9)
    assert kinds.bits(model) == had
    assert torch.equal(torch.get_rng_state(), rng)
    adapter.set_weights(copy.weights())
    assert all(map(torch.equal, adapter.mask(), mask))
    if kind != "FastKAN":  # whose LayerNorm is shared by all edges of a layer
        assert torch.equal(adapter.edge_curves(0, x)[1, 0], off[0])
        assert torch.equal(adapter.edge_curves(1, x[:, [0, 1, 1]])[0, 2], off[1])
    copy.copy()  # nothing of torch's mapping is left in the model


@pytest.mark.parametrize("kind", ["pykan 0.2.8", "efficient-kan"])
def test_its_curvature_is_that_of_all_rows_together(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, fit = fit_of(kinds.make(kind), kinds.data(30))
    theta = np.concatenate([p.detach().numpy().ravel() for p in fit._parameters.values()])
    whole, gradient = fit.normal_equations(theta), fit(theta)[1]
    assert np.allclose(gradient[whole.columns], whole.slope, rtol=0, atol=1e-12)
    monkeypatch.setattr("kanwidget.training.levenberg_marquardt.MAX_NUMBERS_PER_BLOCK", 7 * 108)
    blocks = fit.normal_equations(theta)
    assert np.allclose(blocks.curvature, whole.curvature, rtol=0, atol=1e-12)


def test_an_error_halfway_leaves_the_parameters_as_they_were() -> None:
    model, data = kinds.make("efficient-kan"), kinds.data()
    copy, fit = fit_of(model, data)
    fit.step()
    had, calls = kinds.bits(copy.model), 0

    def interrupt() -> bool:
        nonlocal calls
        calls += 1
        raise KeyboardInterrupt

    fit._optimizer._first._stop = interrupt
    fit._optimizer._first_steps = 1
    with torch.no_grad():
        data["train_label"].add_(100.0)
    with pytest.raises(KeyboardInterrupt):
        fit.step()
    assert calls == 1
    assert kinds.bits(copy.model) == had


def test_what_cannot_be_fitted_so_is_refused_in_words() -> None:
    model, data = kinds.make("native"), kinds.data()
    x, y = data["train_input"], data["train_label"]
    names = [n for n, _ in model.named_parameters()]
    with pytest.raises(ValueError, match="nothing to train"):
        LeastSquaresFit(model, [], x, y)
    with pytest.raises(ValueError, match=r"labels must have shape \(40, 1\).* got \(40,\)"):
        LeastSquaresFit(model, names, x, y[:, 0])
    model.fit(data, steps=5, progress=False)
    had = kinds.bits(model)
    with pytest.raises(RuntimeError, match="train it with opt='LBFGS'"):
        LeastSquaresFit(model, names, x, y).step()
    assert kinds.bits(model) == had
