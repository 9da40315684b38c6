"""Training: exact gradients, the same numbers in every run, and no way to lose a model."""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from kanwidget import KAN, create_dataset
from kanwidget.kan import bsplines
from kanwidget.kan.objective import FitObjective, Penalty
from kanwidget.kan.optimizers import LBFGS

Make = Callable[..., KAN]
Dataset = dict[str, Tensor]


def bits(model: KAN) -> str:
    numbers = b"".join(value.numpy().tobytes() for value in model.state_dict().values())
    return hashlib.sha256(numbers).hexdigest()


@given(
    width=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    seed=st.integers(0, 10**6),
    k=st.integers(1, 4),
    grid=st.integers(1, 25),
    quantiles=st.booleans(),
    tanh=st.booleans(),
    lamb=st.sampled_from([0.0, 0.1]),
    coef=st.sampled_from([0.0, 0.3]),
)
def test_the_gradient_written_out_is_autograds(
    random_kan: Make,
    width: list[int],
    seed: int,
    k: int,
    grid: int,
    quantiles: bool,
    tanh: bool,
    lamb: float,
    coef: float,
) -> None:
    base_fun = torch.tanh if tanh else None
    # A node without inputs sits on a knot, where slopes of order 1 jump.
    model = random_kan(width, seed, 0.8 if k > 1 else 1.0, k=k, grid=grid, base_fun=base_fun)
    model.layers[0].scale_base.requires_grad_(seed % 2 == 0)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(300, width[0], generator=generator, dtype=torch.float64)
    y = torch.randn(300, width[-1], generator=generator, dtype=torch.float64)
    for layer in model.layers:
        layer.grid_eps = 0.2 if quantiles else 1.0
    model.update_grid(x)
    objective = FitObjective(model, Penalty(lamb, 1.0, 2.0, coef, coef))
    theta, _ = objective.start(x, y)
    loss, reg, grad = objective._in_numpy(theta, slope=True)
    expected_loss, expected_reg, expected = objective._by_autograd(theta, slope=True)
    # On fine grids the sums of powers cancel: that many digits are gone before the two part.
    largest = max(float(layer.coef.abs().max()) for layer in model.layers)
    exact = max(1e-9, 1e-16 * (grid + 2 * k) ** k * largest)
    assert loss == pytest.approx(expected_loss, rel=exact)
    if lamb:
        assert reg == pytest.approx(expected_reg, rel=exact, abs=1e-12)
    scale = max(1.0, float(np.abs(expected).max()))
    assert np.allclose(grad, expected, rtol=0, atol=10 * exact * scale)


@pytest.mark.parametrize("pairs", [10, 100])
def test_lbfgs_walks_as_torchs_does(pairs: int) -> None:
    def rosenbrock(x: Tensor) -> Tensor:
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    theirs = torch.linspace(-1.5, 1.5, 8).double().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [theirs], history_size=pairs, line_search_fn="strong_wolfe", tolerance_change=1e-32
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = rosenbrock(theirs)
        loss.backward()
        return loss

    def objective(theta: Any) -> tuple[float, Any]:
        point = torch.from_numpy(theta).requires_grad_()
        loss = rosenbrock(point)
        return loss.item(), torch.autograd.grad(loss, point)[0].numpy()

    ours, mine = theirs.detach().clone().numpy(), LBFGS(pairs=pairs)
    for _ in range(2):
        optimizer.step(closure)
        ours = mine.step(ours, objective)
        assert np.allclose(ours, theirs.detach().numpy(), rtol=1e-6)
    for _ in range(10):
        ours = mine.step(ours, objective)
    assert np.allclose(ours, 1.0, atol=1e-6)


def test_lbfgs_comes_back_from_where_values_are_huge() -> None:
    def objective(theta: Any) -> tuple[float, Any]:
        beyond = np.maximum(theta - 2, 0.0)
        value = ((theta - 1) ** 2).sum() + 1e160 * (beyond**2).sum()
        return float(value), 2 * (theta - 1) + 2e160 * beyond

    assert np.allclose(LBFGS(lr=10.0).step(np.zeros(1), objective), 1.0)


SCRIPT = """
import hashlib, sys, torch
torch.set_num_threads(int(sys.argv[1]))
from kanwidget import KAN, create_dataset
def f(x):
    return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)
for width, opt, lr, eps in (
    ([2, 5, 1], "LBFGS", 1.0, 1.0),
    ([2, 20, 12, 1], "LBFGS", 1.0, 1.0),
    ([2, 5, 1], "Adam", 0.01, 0.1),
    ([2, 8, 3, 1], "LM", 1.0, 1.0),
):
    model = KAN(width, grid=5, seed=0, grid_eps=eps)
    options = {"opt": opt, "lr": lr, "steps": 6, "lamb": 0.01, "lamb_entropy": 10.0}
    if opt == "LM":
        options = {"opt": opt, "steps": 8}
    model.fit(create_dataset(f), progress=False, **options)
    numbers = b"".join(v.numpy().tobytes() for v in model.state_dict().values())
    print(hashlib.sha256(numbers).hexdigest())
"""


def test_a_fit_repeats_to_the_last_bit_whatever_threads_and_instructions() -> None:
    prints = set()
    for threads, extra in (
        ("1", {}),
        ("2", {}),
        ("2", {"OMP_NUM_THREADS": "2"}),
        ("1", {"OMP_NUM_THREADS": "1"}),
        ("1", {"ATEN_CPU_CAPABILITY": "default"}),
    ):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, threads],
            env={**os.environ, **extra},
            capture_output=True,
            text=True,
            check=True,
        )
        prints.add(done.stdout)
    assert len(prints) == 1
    assert len(prints.pop().splitlines()) == 4


REFIT = """
import hashlib, numpy as np
from kanwidget import KAN, create_dataset
from kanwidget.kan import bsplines
numbers = [v.numpy() for v in KAN([3, 5, 2], grid=5, seed=0).state_dict().values()]
draw = np.random.default_rng(0)
for count in (3, 400):  # fewer samples than coefficients, and more
    x, y = draw.uniform(-1, 1, (4, count)), draw.normal(size=(4, 3, count))
    grid = bsplines.adapt_grid(x, 5, 0.5)
    numbers += [bsplines.fit_coef(bsplines.de_boor(x, bsplines.extend_grid(grid, 3), 3)[0], y)]
print(hashlib.sha256(b"".join(n.tobytes() for n in numbers)).hexdigest())
"""


def test_a_seed_means_the_same_network_on_every_processor() -> None:
    prints = {
        subprocess.run(
            [sys.executable, "-c", REFIT],
            env={**os.environ, "OPENBLAS_CORETYPE": kernel},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for kernel in ("Haswell", "Nehalem", "Prescott")
    }
    assert len(prints) == 1


@pytest.mark.parametrize("seed", range(12))
def test_what_rounding_leaves_open_does_not_decide_the_first_losses(seed: int) -> None:
    model, draw = KAN([2, 5, 1], grid=5, seed=0), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in model.layers:
            layer.coef += 1e-15 * torch.randn(layer.coef.shape, generator=draw, dtype=torch.float64)
    dataset = create_dataset(lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2))
    losses = model.fit(dataset, steps=3, lamb=0.01, lamb_entropy=10.0, progress=False)["train_loss"]
    # As pykan 0.0.1 has them, and as little as they part there under such a change.
    assert losses == pytest.approx([0.17743941, 0.17383493, 0.162155], rel=0, abs=2e-5)


@pytest.mark.parametrize("count", [1, 2, 4, 6, 30, 200])
def test_a_fit_of_splines_is_the_shortest_least_squares_one(count: int) -> None:
    draw = np.random.default_rng(count)
    x = np.tile((np.arange(count) + draw.uniform(0.2, 0.8)) / count * 2 - 1, (3, 1))
    y = draw.normal(size=(3, 2, count))
    grid = np.tile(np.linspace(-1, 1, 6), (3, 1))
    basis = bsplines.de_boor(x, bsplines.extend_grid(grid, 3), 3)[0]
    for found, rows, curves in zip(bsplines.fit_coef(basis, y), basis, y, strict=True):
        expected = np.linalg.lstsq(rows.T, curves.T, rcond=1e-6)[0].T
        assert np.allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def test_a_fit_with_a_loss_of_ones_own_goes_the_same_way(dataset: Dataset) -> None:
    by_hand, by_autograd = KAN([2, 3, 1], grid=3), KAN([2, 3, 1], grid=3)
    options = {"steps": 3, "lamb": 0.01, "progress": False}
    ours = by_hand.fit(dataset, **options)
    other = by_autograd.fit(dataset, loss_fn=nn.functional.mse_loss, **options)
    assert ours["test_loss"] == pytest.approx([t**0.5 for t in other["test_loss"]], rel=1e-4)
    assert ours["reg"] == pytest.approx(other["reg"], rel=1e-4)


def test_a_callback_sees_each_step_and_the_model_in_it(dataset: Dataset) -> None:
    seen: list[tuple[int, float, str]] = []

    def callback(step: int, results: dict[str, list[float]]) -> None:
        assert step == len(results["train_loss"]) - 1
        error = model.propagate(dataset["train_input"])[-1] - dataset["train_label"]
        assert results["train_loss"][-1] == pytest.approx(error.square().mean().sqrt().item())
        seen.append((step, results["reg"][-1], bits(model)))

    model = KAN([2, 3, 1], grid=3)
    model.fit(dataset, steps=4, lamb=0.01, callback=callback, progress=False)
    assert [step for step, _, _ in seen] == [0, 1, 2, 3]
    assert len({state for _, _, state in seen}) == 4


@pytest.mark.parametrize("options", [{}, {"opt": "Adam", "lr": 0.01}, {"batch": 500}])
@pytest.mark.parametrize("loss_fn", [None, nn.functional.mse_loss])
def test_an_edge_switched_off_while_training_stays_as_it_is(
    dataset: Dataset, options: dict[str, Any], loss_fn: Any
) -> None:
    model = KAN([2, 3, 1], grid=3)
    states: list[list[Tensor]] = []

    def callback(step: int, _: Any) -> None:
        if step == 2:
            model.remove_edge(0, 0, 1)
        layer = model.layers[0]
        numbers = layer.coef, layer.scale_base, layer.scale_sp
        states.append([values[1, 0].detach().clone() for values in numbers])

    model.fit(
        dataset,
        steps=6,
        callback=callback,
        loss_fn=loss_fn,
        update_grid=False,
        progress=False,
        **options,
    )
    assert model.mask[0][1, 0] == 0
    assert not all(map(torch.equal, states[1], states[2]))
    for state in states[3:]:
        assert all(map(torch.equal, state, states[2]))


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError, None])
def test_a_rollback_leaves_the_masks_as_they_are(dataset: Dataset, error: Any) -> None:
    model = KAN([2, 3, 1], grid=3)
    before = model.layers[0].coef.detach().clone()

    def callback(*_: Any) -> None:
        model.remove_edge(0, 0, 0)
        if error is not None:
            raise error

    def loss_fn(pred: Tensor, label: Tensor) -> Tensor:
        model.remove_edge(0, 0, 0)
        return nn.functional.mse_loss(pred, label) * float("nan")

    options = {"steps": 3, "callback": callback, "progress": False}
    if error is None:
        with pytest.warns(RuntimeWarning, match="diverged"):
            model.fit(dataset, loss_fn=loss_fn, **options)
    elif error is KeyboardInterrupt:
        assert model.fit(dataset, **options).stopped
    else:
        with pytest.raises(error):
            model.fit(dataset, **options)
    assert torch.equal(model.layers[0].coef, before)
    assert model.mask[0][0, 0] == 0


def test_a_step_sees_what_a_callback_changed(dataset: Dataset) -> None:
    """The first evaluation of a step is spared only if it would say the same."""
    found = []
    for loss_fn in (None, nn.functional.mse_loss):  # with a loss of one's own, nothing is spared
        model = KAN([2, 3, 1], grid=3)

        def callback(step: int, _: Any, model: KAN = model) -> None:
            if step == 0:
                model.remove_edge(0, 0, 1)
            if step == 1:
                model.restore_edge(0, 0, 1)
            if step == 2:
                model.update_grid(dataset["train_input"] * 1.5)

        results = model.fit(
            dataset,
            steps=5,
            callback=callback,
            loss_fn=loss_fn,
            update_grid=False,
            progress=False,
        )
        found.append(results["test_loss"])
    assert found[0] == pytest.approx([loss**0.5 for loss in found[1]], rel=1e-2)


@pytest.mark.parametrize("loss_fn", [None, nn.functional.mse_loss])
@pytest.mark.parametrize("batch", [1, 300, 5000])
def test_the_test_loss_of_a_fit_in_batches_is_of_all_rows(batch: int, loss_fn: Any) -> None:
    dataset = create_dataset(lambda x: torch.sin(3 * x[:, [0]]) * x[:, [1]], test_num=2500)
    model, expected = KAN([2, 3, 1], grid=3), []

    def callback(*_: Any) -> None:
        error = model.propagate(dataset["test_input"])[-1] - dataset["test_label"]
        expected.append(error.square().mean().item() ** (1 if loss_fn else 0.5))

    options: dict[str, Any] = {"opt": "Adam", "lr": 0.01, "steps": 3, "progress": False}
    results = model.fit(dataset, batch=batch, loss_fn=loss_fn, callback=callback, **options)
    assert results["test_loss"] == pytest.approx(expected, rel=1e-9)


def test_a_partial_is_a_metric_under_its_functions_name(dataset: Dataset) -> None:
    def scaled(factor: float) -> float:
        return factor * 2

    class Count:
        def __call__(self) -> float:
            return 7.0

    metrics = [functools.partial(scaled, 3.0), Count()]
    results = KAN([2, 1]).fit(dataset, steps=1, metrics=metrics, progress=False)
    assert results["scaled"] == [6.0]
    assert results["Count"] == [7.0]


def test_a_stop_request_ends_the_fit_with_its_step(dataset: Dataset) -> None:
    event = threading.Event()
    model = KAN([2, 3, 1], grid=3)

    def callback(step: int, _: Any) -> None:
        if step == 2:
            event.set()

    results = model.fit(dataset, steps=500, callback=callback, stop=event.is_set, progress=False)
    assert len(results["train_loss"]) == 3
    assert results.stopped == "stopped on request in step 2"
    assert torch.isfinite(model(dataset["test_input"])).all()
    asked = iter([False, False, True, True])  # in the middle of the first step
    results = KAN([2, 3, 1]).fit(dataset, steps=9, stop=lambda: next(asked), progress=False)
    assert len(results["train_loss"]) == 1


@pytest.mark.parametrize("where", ["callback", "loss"])
def test_an_interrupted_fit_keeps_its_last_good_step(dataset: Dataset, where: str) -> None:
    states: list[str] = []

    def callback(step: int, _: Any) -> None:
        if where == "callback" and step == 2:
            raise KeyboardInterrupt
        states.append(bits(model))

    def loss_fn(pred: Tensor, label: Tensor) -> Tensor:
        if where == "loss" and len(states) == 2:
            raise KeyboardInterrupt
        return nn.functional.mse_loss(pred, label)

    model = KAN([2, 3, 1], grid=3)
    results = model.fit(dataset, steps=50, callback=callback, loss_fn=loss_fn, progress=False)
    assert results.stopped.startswith("interrupted in step 2")
    assert len(results["train_loss"]) in (2, 3)
    assert bits(model) == states[-1]
    assert model.prune(0.0).width == [2, 3, 1]


def test_a_fit_that_diverges_says_so_and_restores_the_model(dataset: Dataset) -> None:
    model = KAN([2, 3, 1], grid=3)
    states: list[str] = []

    def loss_fn(pred: Tensor, label: Tensor) -> Tensor:
        return nn.functional.mse_loss(pred, label) * (float("nan") if len(states) > 1 else 1.0)

    with pytest.warns(RuntimeWarning, match="diverged in step 2.*A smaller lr"):
        results = model.fit(
            dataset,
            steps=9,
            loss_fn=loss_fn,
            callback=lambda *_: states.append(bits(model)),
            progress=False,
        )
    assert len(results["train_loss"]) == 2
    assert bits(model) == states[-1]
    with pytest.warns(RuntimeWarning, match="diverged"):
        KAN([2, 3, 1]).fit(dataset, opt="Adam", lr=1e200, steps=5, progress=False)


def test_an_error_in_a_callback_reaches_the_person(dataset: Dataset) -> None:
    model = KAN([2, 3, 1], grid=3)
    before = bits(model)

    def callback(*_: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        model.fit(dataset, steps=3, callback=callback, progress=False)
    assert bits(model) == before


def test_a_model_with_nothing_to_train_is_refused_in_words(dataset: Dataset) -> None:
    with pytest.raises(ValueError, match=r"nothing to train.*requires_grad_"):
        KAN([2, 1]).requires_grad_(False).fit(dataset, progress=False)


def test_float32_models_are_trained_too(dataset: Dataset) -> None:
    model = KAN([2, 3, 1], grid=3, dtype=torch.float32)
    results = model.fit(dataset, steps=5, progress=False)
    assert results["train_loss"][-1] < 0.5 * results["train_loss"][0]
    assert all(p.dtype is torch.float32 for p in model.parameters())


def test_wide_layers_take_their_memory_in_blocks(
    random_kan: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = random_kan([7, 6, 5], 0, grid=3)
    x, y = torch.randn(50, 7).double(), torch.randn(50, 5).double()

    def evaluate() -> Any:
        objective = FitObjective(model, Penalty(0.1))
        return objective(objective.start(x, y)[0])

    whole = evaluate()
    monkeypatch.setattr("kanwidget.kan.numpy_layer.MAX_NUMBERS_PER_BLOCK", 700)
    parts = evaluate()
    assert whole[0] == pytest.approx(parts[0], rel=1e-12)
    assert np.allclose(whole[1], parts[1], rtol=0, atol=1e-12)
