"""The KAN as a torch module: splines, masks, training, editing, drawing."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.interpolate import BSpline
from torch import Tensor

from kanwidget import KAN, create_dataset
from kanwidget.kan import KANLayer, bsplines

Make = Callable[..., KAN]


@given(k=st.integers(1, 5), intervals=st.integers(1, 8), seed=st.integers(0, 10**6))
def test_bases_are_scipys_inside_and_outside_the_grid(k: int, intervals: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    steps = torch.rand(2, intervals + 1, generator=generator, dtype=torch.float64) + 0.05
    grid = steps.cumsum(1)
    x = torch.rand(2, 40, generator=generator, dtype=torch.float64) * 10 - 3
    basis = bsplines.bspline_basis(x, grid, k)
    assert basis.shape == (2, intervals + k, 40)
    compare_with_scipy(basis, x, grid, k)


@given(k=st.integers(1, 5), intervals=st.integers(1, 8), seed=st.integers(0, 10**6))
def test_the_closed_form_on_uniform_grids_is_scipys_too(k: int, intervals: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(2, 1, generator=generator, dtype=torch.float64) * 10 - 5
    grid = low + torch.arange(intervals + 1) * (low.abs() + 0.1)
    assert bsplines.is_uniform(grid)
    x = low + (torch.rand(2, 40, generator=generator, dtype=torch.float64) * 3 - 1) * (
        grid[:, -1:] - low
    )
    compare_with_scipy(bsplines.bspline_basis(x, grid, k, uniform=True), x, grid, k)
    for uniform in (True, False):
        x.requires_grad_()
        basis, slope = bsplines.bspline_basis_and_slope(x.detach(), grid, k, uniform)
        compare_with_scipy(basis, x.detach(), grid, k)
        traced = bsplines.bspline_basis(x, grid, k)
        for n in range(traced.shape[1]):
            (by_autograd,) = torch.autograd.grad(traced[:, n].sum(), x, retain_graph=True)
            assert torch.allclose(slope[:, n], by_autograd, rtol=0, atol=1e-9)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_bases_and_slopes_agree_on_the_knots(k: int) -> None:
    grid = torch.arange(5.0, dtype=torch.float64)[None]
    x = torch.arange(-3.0, 8.0, dtype=torch.float64)[None]
    basis, slope = bsplines.bspline_basis_and_slope(x, grid, k, uniform=True)
    expected, expected_slope = bsplines.bspline_basis_and_slope(x, grid, k)
    assert torch.allclose(basis, expected, rtol=0, atol=1e-12)
    assert torch.allclose(slope, expected_slope, rtol=0, atol=1e-12)


def test_a_grid_that_is_not_uniform_is_known_as_such() -> None:
    assert not bsplines.is_uniform(torch.tensor([[0.0, 1.0, 2.0], [0.0, 1.0, 2.001]]))
    assert not bsplines.is_uniform(torch.zeros(1, 3))
    model = KAN([1, 1], grid=4)
    assert model.layers[0].uniform
    with torch.no_grad():
        model.layers[0].grid[0, 2] += 0.1
    assert not model.layers[0].uniform


@pytest.mark.parametrize("write", ["data", "detach", "numpy"])
def test_a_grid_that_is_written_without_torchs_knowing_gives_right_outputs(
    model: KAN, write: str
) -> None:
    x = torch.rand(50, 2, dtype=torch.float64) * 2 - 1
    model(x)
    for layer in model.layers:
        move = torch.linspace(0, 0.1, layer.grid.numel()).view_as(layer.grid).double()
        if write == "numpy":
            layer.grid.numpy()[...] += move.numpy()
        else:
            (layer.grid.data if write == "data" else layer.grid.detach()).add_(move)
    again = KAN([2, 5, 1], grid=5)
    again.load_state_dict(model.state_dict())
    assert torch.equal(model(x), again(x))


def compare_with_scipy(basis: Tensor, x: Tensor, grid: Tensor, k: int) -> None:
    for n, knots in enumerate(bsplines.extend_grid(grid, k)):
        for index in range(basis.shape[1]):
            spline = BSpline.basis_element(knots[index : index + k + 2].numpy(), extrapolate=False)
            expected = torch.from_numpy(spline(x[n].numpy())).nan_to_num()
            assert torch.allclose(basis[n, index], expected, rtol=0, atol=1e-10)


def test_coinciding_knots_give_numbers() -> None:
    grid = torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)
    basis = bsplines.bspline_basis(torch.linspace(-1, 2, 50).double()[None], grid, 3)
    assert torch.isfinite(basis).all()


def test_refitting_to_a_new_grid_keeps_the_functions() -> None:
    generator = torch.Generator().manual_seed(0)
    layer = KANLayer(3, 2, grid=4, k=3)
    layer.initialize(generator, noise=5.0, noise_base=0.1)
    x = torch.rand(400, 3, generator=generator, dtype=torch.float64) * 1.8 - 0.9
    before = layer(x)
    layer.update_grid(x)
    assert layer.grid[:, 0].tolist() == pytest.approx((x.amin(0) - 0.01).tolist())
    assert layer.grid[:, -1].tolist() == pytest.approx((x.amax(0) + 0.01).tolist())
    drift = (layer(x) - before).abs().max() / before.abs().max()
    assert drift < 0.05


@pytest.mark.parametrize("config", [{}, {"k": 2}, {"k": 1}, {"base_fun": torch.tanh}])
def test_gradients_are_exact_and_so_are_theirs(random_kan: Make, config: dict) -> None:
    model = random_kan([2, 3, 2], 0, density=0.7, **config)
    x = torch.rand(5, 2, dtype=torch.float64, requires_grad=True)
    names, values = zip(*model.named_parameters(), strict=True)

    def function(x: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        parameters = dict(zip(names, values, strict=True))
        return torch.func.functional_call(model, parameters, (x,))

    assert torch.autograd.gradcheck(function, (x, *values))
    if config.get("k", 3) > 2:  # below, second derivatives jump at the knots
        assert torch.autograd.gradgradcheck(function, (x, *values))


def test_scores_have_exact_gradients(random_kan: Make) -> None:
    model = random_kan([2, 3, 2], 3, density=0.8)
    x = torch.rand(6, 2, dtype=torch.float64, requires_grad=True)

    def function(x: Tensor) -> tuple[Tensor, ...]:
        y, scores = model.forward_with_scores(x)
        return y, *scores

    assert torch.autograd.gradcheck(function, (x,))
    y, scores = model.forward_with_scores(x)
    assert torch.allclose(y, model(x))
    for layer, score, values in zip(model.layers, scores, model.propagate(x), strict=False):
        sizes = layer.activations(values).abs().mean(2)
        assert torch.allclose(score, sizes / layer.score_span, rtol=1e-12)


def test_an_edge_that_is_off_adds_nothing_and_gets_no_gradient(random_kan: Make) -> None:
    model = random_kan([2, 3, 1], 1)
    x = torch.rand(10, 2, dtype=torch.float64)
    layer = model.layers[0]
    with_edge = layer(x)
    alone = layer.activations(x)[1, 0]
    model.remove_edge(0, 0, 1)
    assert torch.allclose(layer(x)[:, 1], with_edge[:, 1] - alone, rtol=0, atol=1e-14)
    with torch.no_grad():
        layer.coef[1, 0] = float("nan")  # not even what went wrong in it
    model(x).sum().backward()
    assert layer.coef.grad is not None
    assert layer.scale_base.grad is not None
    assert (layer.coef.grad[1, 0] == 0).all()
    assert layer.scale_base.grad[1, 0] == 0
    assert torch.isfinite(model(x)).all()


def test_an_edge_that_is_off_is_not_trained(dataset: dict[str, Tensor]) -> None:
    model = KAN([2, 3, 1], grid=3)
    model.remove_edge(0, 0, 1)
    before = model.layers[0].coef[1, 0].clone()
    model.fit(dataset, steps=2, lamb=0.1, lamb_coef=1.0, lamb_coefdiff=1.0, update_grid=False)
    assert torch.equal(model.layers[0].coef[1, 0], before)
    assert not torch.equal(model.layers[0].coef[0, 0], before)


def test_scores_are_the_mean_size_of_each_edge_over_its_grid(model: KAN, dataset: dict) -> None:
    x = dataset["test_input"]
    model(x)
    layer = model.layers[0]
    sizes = layer.activations(x).abs().mean(2)
    span = layer.grid[:, -1] - layer.grid[:, 0] + 1e-4
    assert torch.allclose(model.acts_scale[0], sizes / span)
    assert [s.shape for s in model.acts_scale] == [(5, 2), (1, 5)]
    assert [m.shape for m in model.mask] == [(5, 2), (1, 5)]


def test_after_a_fit_scores_come_from_the_training_inputs(dataset: dict[str, Tensor]) -> None:
    model = KAN([2, 2, 1])
    model.fit(dataset, steps=1, progress=False)
    assert torch.equal(model.acts_scale[0], model.scores(dataset["train_input"])[0])


def test_one_row_is_enough_to_score(model: KAN) -> None:
    model(torch.tensor([[0.3, -0.2]]))
    assert all(torch.isfinite(score).all() for score in model.acts_scale)
    assert all((score > 0).all() for score in model.acts_scale)


def test_train_with_a_bool_is_torchs_and_with_a_dataset_fits(dataset: dict[str, Tensor]) -> None:
    model = KAN([2, 2, 1])
    assert model.eval() is model
    assert not model.training
    assert not model.layers[0].training
    assert model.train(True).training
    assert model.train().training
    assert len(model.train(dataset, steps=2)["train_loss"]) == 2
    assert len(model.train(dataset=dataset, steps=1)["train_loss"]) == 1
    assert model.training


@pytest.mark.parametrize("opt", ["LBFGS", "Adam"])
def test_fit_lowers_the_loss_and_says_so(
    opt: str, dataset: dict[str, Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    def edges_on() -> Tensor:
        return model.mask[0].sum()

    model = KAN([2, 3, 1], grid=3)
    lr = 1.0 if opt == "LBFGS" else 0.02
    results = model.fit(dataset, opt=opt, steps=12, lr=lr, metrics=[edges_on], batch=500)
    assert results["train_loss"][-1] < 0.6 * results["train_loss"][0]
    assert results["edges_on"] == [6.0] * 12
    said = f"train loss: {results['train_loss'][-1]:.2e} | test loss: "
    said += f"{results['test_loss'][-1]:.2e} | reg: {results['reg'][-1]:.2e}"
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_a_loss_function_of_ones_own(dataset: dict[str, Tensor]) -> None:
    labelled = {
        name: (value[:, 0] > 1.5).long() if name.endswith("label") else value
        for name, value in dataset.items()
    }
    model = KAN([2, 3, 2], grid=3)
    loss_fn = torch.nn.CrossEntropyLoss()
    results = model.fit(labelled, steps=4, loss_fn=loss_fn, progress=False)
    loss = loss_fn(model(labelled["test_input"]), labelled["test_label"]).item()
    assert results["test_loss"][-1] == pytest.approx(loss)
    assert results["train_loss"][-1] < results["train_loss"][0]


def test_it_is_an_ordinary_module(model: KAN, dataset: dict[str, Tensor]) -> None:
    x = dataset["test_input"]
    y = model(x)
    assert y.is_contiguous()  # y.view(-1) works
    twin = copy.deepcopy(model)  # after a forward with gradients
    twin.remove_edge(0, 0, 0)
    assert torch.equal(model(x), y)
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    other = KAN([2, 5, 1], grid=5, seed=9)
    other.load_state_dict(torch.load(buffer))
    assert torch.equal(other(x), y)
    buffer = io.BytesIO()
    torch.save(model, buffer)  # the whole module, as a pickle
    buffer.seek(0)
    assert torch.equal(torch.load(buffer, weights_only=False)(x), y)
    half = copy.deepcopy(model).to(torch.float32)
    assert half(x).dtype is torch.float32
    assert torch.allclose(half(x).double(), y, atol=1e-4)
    assert "width=[2, 5, 1]" in repr(model)
    assert "2, 5, grid=5, k=3" in repr(model)


def test_inputs_are_converted_to_the_models_dtype(model: KAN) -> None:
    assert model(torch.rand(3, 2)).dtype is torch.float64
    assert KAN([2, 1], dtype=torch.float32)(torch.rand(3, 2).double()).dtype is torch.float32


def test_a_kan_made_in_inference_mode_runs_afterwards() -> None:
    with torch.inference_mode():
        model = KAN([2, 3, 1])
        expected = model(torch.ones(1, 2))
    with torch.no_grad():
        assert torch.equal(model(torch.ones(1, 2)), expected)


def test_numpys_ints_are_ints(dataset: dict[str, Tensor]) -> None:
    two = np.int64(2)
    model = KAN(np.array([2, 3, 1]), grid=np.int32(4), k=two, seed=np.int64(1))
    assert model.width == [2, 3, 1]
    assert all(type(n) is int for n in model.width)
    results = model.fit(dataset, steps=two, log=two, batch=np.int64(50), seed=two, progress=False)
    assert len(results["train_loss"]) == 2
    assert create_dataset(lambda x: x, n_var=two, train_num=two)["train_input"].shape == (2, 2)


def test_a_column_that_does_not_vary_is_not_scaled() -> None:
    data = create_dataset(
        lambda x: x[:, [0]], 2, [[0, 1], [0.3, 0.3]], normalize_input=True, normalize_label=True
    )
    assert torch.allclose(data["train_input"][:, 1], torch.zeros(()).double(), atol=1e-12)
    assert data["train_input"][:, 0].std().item() == pytest.approx(1)
    single = create_dataset(lambda x: x[:, [0]], train_num=1, normalize_input=True)
    assert torch.isfinite(single["test_input"]).all()


def test_the_callers_width_is_left_alone() -> None:
    width = [2, 3, 1]
    model = KAN(width)
    model.fit(create_dataset(lambda x: x[:, [0]], train_num=9, test_num=9), steps=1, progress=False)
    model.prune(0.0)
    assert width == [2, 3, 1]
    width.append(4)
    assert model.width == [2, 3, 1]


def test_dataset_options() -> None:
    data = create_dataset(
        lambda x: x.sum(1),  # without an axis for the output
        n_var=3,
        ranges=[[0, 1], [10, 20], [-5, -4]],
        train_num=50,
        test_num=20,
        normalize_label=True,
    )
    x = data["train_input"]
    assert x.shape == (50, 3)
    assert data["test_label"].shape == (20, 1)
    assert (x.amin(0) >= torch.tensor([0, 10, -5])).all()
    assert (x.amax(0) <= torch.tensor([1, 20, -4])).all()
    assert data["train_label"].mean().item() == pytest.approx(0, abs=1e-12)
    assert data["train_label"].std().item() == pytest.approx(1)


def test_the_plot_is_vector_lines_and_leaves_no_files(
    model: KAN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    figure = model.plot(
        in_vars=["a", "b"], out_vars=["c"], title="A title", tick=True, sample=True, beta=100
    )
    assert list(tmp_path.iterdir()) == []
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    svg = buffer.getvalue()
    assert "<image" not in svg
    words = {text.get_text() for text in figure.axes[0].texts}
    assert {"a", "b", "c", "A title"} <= words
    boxes = figure.axes[0].child_axes
    assert len(boxes) == 15


def test_a_notebook_shows_the_plot_at_half_its_pixels(model: KAN) -> None:
    png, size = model.plot()._repr_png_()
    pixels = Image.open(io.BytesIO(png)).size
    assert pixels == pytest.approx((2 * size["width"], 2 * size["height"]), abs=1)
    assert 400 <= size["width"] <= 520


def test_the_plot_leaves_out_what_is_off_or_would_be_pruned(model: KAN) -> None:
    assert len(model.plot(beta=100).axes[0].child_axes) == 15
    assert len(model.plot(beta=100, mask=True).axes[0].child_axes) == 3 * model.prune().width[1]
    model.remove_node(1, 2)
    assert len(model.plot(beta=100).axes[0].child_axes) == 12


@pytest.mark.parametrize("default", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("loss_fn", [None, torch.nn.functional.mse_loss])
def test_the_default_dtype_changes_nothing(
    tmp_path: Path, default: torch.dtype, dtype: torch.dtype, loss_fn: Any
) -> None:
    def everything() -> list[Tensor]:
        dataset = create_dataset(lambda x: x[:, [0]] * x[:, [1]], train_num=1000, test_num=40)
        model = KAN([2, 3, 1], grid=3, dtype=dtype)
        results = model.fit(dataset, steps=2, lamb=0.01, loss_fn=loss_fn, progress=False)
        model.remove_edge(0, 0, 1, keep_mean=True)
        model.plot(mask=True, mode="unsupervised")
        model.save(tmp_path / "model")
        again = KAN.load(tmp_path / "model").refine(7)
        again.initialize_from_another_model(model, dataset["train_input"])
        small = again.prune(1e-3, keep_mean=True)
        outputs = small(dataset["test_input"]).detach()
        assert {v.dtype for v in [outputs, *small.state_dict().values(), *model.acts_scale]} == {
            dtype
        }
        return [outputs, torch.as_tensor(results["test_loss"], dtype=torch.float64)]

    expected, before = everything(), torch.get_default_dtype()
    torch.set_default_dtype(default)
    try:
        found = everything()
    finally:
        torch.set_default_dtype(before)
    assert all(map(torch.equal, found, expected))
