"""What holds for every kind of model, ours and four libraries': numbers, casts and threads."""

from __future__ import annotations

import copy
import importlib
import pickle
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import test_adapters_pykan00 as pykan_zero
import test_adapters_pykan02 as pykan_two
import torch
from layouts import FastKANLayer, KANLinear, Stack
from torch import Tensor, nn

from kanwidget import KAN, KANWidget, PruningSession
from kanwidget.adapters import adapt
from kanwidget.adapters.pykan02 import PykanAdapter


def ours() -> Any:
    return KAN([3, 4, 2], seed=0)


def pykan() -> Any:
    model = pykan_two.make([3, [3, 1], 2], seed=1)
    pykan_two.fix(model, 0, 0, 0, "sin")
    return model


def old_pykan() -> Any:
    model = pykan_two.untouched(lambda: pykan_zero.pykan0.KAN(width=[3, 4, 2], grid=4, seed=0))
    model.fix_symbolic(0, 1, 2, "sin", fit_params_bool=False, verbose=False)
    return model.double()


def efficient() -> Any:
    return Stack(KANLinear(3, 4), KANLinear(4, 2)).double()


def fast() -> Any:
    return Stack(FastKANLayer(3, 4), FastKANLayer(4, 2)).double()


MODELS = ours, pykan, old_pykan, efficient, fast
"""Each in double precision, with 3 inputs, 4 hidden nodes and 2 outputs."""


@pytest.fixture(params=MODELS, ids=lambda build: build.__name__)
def build(request: pytest.FixtureRequest) -> Callable[[], Any]:
    def make() -> Any:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return request.param()

    return make


@pytest.fixture
def x() -> Tensor:
    return pykan_two.data(3, rows=40)


@pytest.fixture(params=[torch.float32, torch.float64], ids=["default32", "default64"])
def default(request: pytest.FixtureRequest) -> Iterator[torch.dtype]:
    """Another default dtype, as pykan's tutorials set in their first line."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["model32", "model64"])
def test_every_default_dtype_will_do(
    build: Callable[[], Any], x: Tensor, default: torch.dtype, dtype: torch.dtype
) -> None:
    model = build().to(dtype)
    x = x.to(dtype)
    forward = adapt(model).forward  # pykan 0.0.x cannot compute in another dtype than the default
    # A constant column has a curve, too.
    x[:, 2] = 0.25
    y = forward(x)
    labels = y + 0.1
    dataset = {"train_input": x, "train_label": labels, "test_input": x, "test_label": labels}
    for data in (dataset, x.to(torch.float32)):
        with PruningSession(model, data) as session:
            numbers = [*session.mask, *session.baseline.bias, *session.baseline.means]
            session.remove_edge(0, 1, 2)
            session.set(edge_threshold=float(session.scores[0].median()))
            assert forward(x).dtype == dtype
            for score in ("attribution", "l1", "ablation"):
                session.rescore(score)
            for axis in ("node", "edge"):
                assert len(session.tradeoff(axis).thresholds) > 1
            session.costs()
            session.remove_node(1, 1)
            session.preview(keep_mean=False)
            assert torch.allclose(adapt(session.compact()).forward(x), forward(x), atol=1e-4)
            session.restore_node(1, 1)
            session.commit()
            session.undo()
            assert all(t.dtype in (dtype, torch.bool) for t in numbers)
        assert torch.equal(forward(x), y)
    w = KANWidget(model, dataset)
    w.edge_threshold = float(w.session.scores[0].median())
    w.figure()
    assert "<script" in w.to_html()
    w.close()
    assert torch.equal(forward(x), y)


CASTS: dict[str, Callable[[Any], Any]] = {
    "half": lambda m: m.half(),
    "bfloat16": lambda m: m.bfloat16(),
    "float": lambda m: m.float(),
    "to": lambda m: cast(m, torch.float32),
}


def cast(model: Any, dtype: torch.dtype) -> Any:
    """Do what ``model.to(dtype)`` does; pykan's takes devices alone."""
    return nn.Module.to(model, dtype)


@pytest.mark.parametrize("change", list(CASTS))
def test_what_was_cast_is_given_back_as_the_cast_left_it(
    build: Callable[[], Any], x: Tensor, change: str
) -> None:
    model = build()
    expected = CASTS[change](copy.deepcopy(model)).state_dict()
    adapter = adapt(model)
    mask, bias = adapter.mask(), adapter.bias()
    off = [layer.clone() for layer in mask]
    off[0][2, 1] = off[0][0, 0] = off[1][1, :] = False
    adapter.set_mask(off, [b + 0.3 for b in bias])
    CASTS[change](model)
    assert all(map(torch.equal, adapter.mask(), off))
    assert adapter.bias()[0].dtype == adapter.dtype == next(iter(expected.values())).dtype
    adapter.version()
    adapter.fingerprint()
    twin = copy.deepcopy(model)
    adapt_again = type(adapter)(twin)
    assert all(map(torch.equal, adapt_again.mask(), off))
    # A mask of the model's old kind is what a session holds.
    adapter.set_mask(mask, bias)
    found = model.state_dict()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
        assert found[name].dtype == value.dtype
    assert not any(m._forward_hooks for m in model.modules())
    adapter.set_mask(off, bias)
    adapter.set_mask(mask, bias)
    assert all(torch.equal(model.state_dict()[n], v) for n, v in expected.items())


@pytest.mark.parametrize("change", ["float", "half"])
def test_a_cast_model_can_be_made_smaller(build: Callable[[], Any], x: Tensor, change: str) -> None:
    model = build()
    adapter = adapt(model)
    off = [layer.clone() for layer in adapter.mask()]
    off[0][2, :] = False
    adapter.set_mask(off, adapter.bias())
    CASTS[change](model)
    smaller = adapter.compact()
    dtype = adapter.dtype
    assert {p.dtype for p in smaller.parameters()} == {dtype}
    if dtype == torch.float32:
        assert torch.allclose(smaller(x.to(dtype)), model(x.to(dtype)), atol=1e-5)


def test_a_model_of_other_layers_is_left_alone(build: Callable[[], Any], x: Tensor) -> None:
    model, other = build(), build()
    adapter = adapt(model)
    mask, bias = adapter.mask(), adapter.bias()
    with PruningSession(other, x, keep_mean=False) as session:
        session.remove_node(1, 3)
        smaller = session.compact()
    before = {n: v.clone() for n, v in model.state_dict().items()}
    for wrong in (
        ([mask[0], mask[1][:, :2]], bias),
        ([mask[0].logical_not(), mask[1]], [bias[0], bias[1][:1]]),
        (mask[:1], bias[:1]),
    ):
        with pytest.raises(ValueError, match="nothing was changed; start a new session"):
            adapter.set_mask(*wrong)
        assert all(torch.equal(before[n], v) for n, v in model.state_dict().items())
        assert not any(m._forward_hooks for m in model.modules())
    if type(adapter).__name__ != "FastAdapter":  # which keeps all nodes, for its LayerNorm
        with pytest.raises(
            ValueError, match=r"layers of edges of shapes \[\(3, 3\), \(2, 3\)\] now"
        ):
            adapt(smaller).set_mask(mask, bias)


def test_what_was_given_or_returned_is_nobodys_mask(build: Callable[[], Any], x: Tensor) -> None:
    model = build()
    y = model(x).detach()
    adapter = adapt(model)
    lists = [adapter.mask(), adapter.bias(), adapter.knots(), adapter.grid(), adapter.offset()]
    given = [m.clone() for m in lists[0]], [b.clone() + 0.0 for b in lists[1]]
    given[0][0][1, 1] = False
    adapter.set_mask(*given)
    pruned = model(x).detach()
    for values in (*given, *lists, adapter.mask(), adapter.bias()):
        for value in values:
            value.fill_(0)
    assert torch.equal(model(x).detach(), pruned)
    fresh = adapt(build())
    adapter.set_mask(fresh.mask(), fresh.bias())
    assert torch.equal(model(x).detach(), y)
    adapter.bias()[0].fill_(7.0)
    assert torch.equal(model(x).detach(), y)
    assert all(map(torch.equal, adapter.bias(), fresh.bias()))


def test_a_threshold_may_change_within_a_step_of_training(
    build: Callable[[], Any], x: Tensor
) -> None:
    model = build()
    optimizers = [
        torch.optim.Adam(model.parameters(), lr=1e-3),
        torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9),
    ]
    with PruningSession(model, x) as session:
        for step in range(6):
            optimizer = optimizers[step % 2]
            optimizer.zero_grad()
            # A penalty of one's own holds parameters, too.
            loss = model(x).square().mean() + sum(p.square().sum() for p in model.parameters())
            if step % 3 == 0:
                session.remove_edge(0, 1, 2)
                session.remove_edge(0, 0, 0)
            elif step % 3 == 1:
                session.restore_edge(0, 1, 2)
            else:
                session.undo()
            loss.backward()
            optimizer.step()
            session.refresh()
        assert all(p.isfinite().all() for p in model.parameters())
        session.reset()
        session.remove_edge(0, 2, 1)
        pruned = model(x).detach()
        with torch.no_grad():
            model(x)  # pykan's models can only be copied after a forward without gradients
        for name in ("acts_scale_spline", "edge_actscale", "acts", "acts_scale", "acts_scale_std"):
            if isinstance(vars(model).get(name), list):
                setattr(model, name, [])
        assert torch.equal(copy.deepcopy(model)(x).detach(), pruned)


def test_every_change_of_a_number_is_noticed_and_no_mask_is(
    build: Callable[[], Any], x: Tensor
) -> None:
    model = build()
    adapter = adapt(model)
    before = adapter.version()
    masks = [layer.clone() for layer in adapter.mask()]
    masks[0][2, 1] = masks[0][0, 0] = False
    adapter.set_mask(masks, [b + 1 for b in adapter.bias()])
    assert adapter.version() == before
    adapter.set_mask([torch.ones_like(m) for m in masks], adapter.bias())
    assert adapter.version() == before
    left_out = ("mask", "bias", "layernorm")
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if any(word in name for word in left_out) or not value.numel():
            continue
        before = adapter.version()
        value.data.flatten()[-1:].add_(1e-3)
        if value.data.is_contiguous():
            assert adapter.version() != before, name
            with torch.no_grad():
                value.add_(1e-3)
            assert adapter.version() != before, name
            pickle.dumps(adapter.version())


def test_numbers_are_looked_through_in_no_time() -> None:
    adapter = adapt(KAN([784, 64, 10], grid=5, seed=0))
    best = 1.0
    for _ in range(10):
        start = time.perf_counter()
        adapter.version()
        best = min(best, time.perf_counter() - start)
    assert best < 0.01


def test_a_model_with_nan_is_read_and_told(build: Callable[[], Any], x: Tensor) -> None:
    model = build()
    parameter = next(p for n, p in model.named_parameters() if n.endswith(("coef", "weight")))
    with torch.no_grad():
        parameter.view(-1)[0] = torch.nan
    with PruningSession(model, x) as session:
        assert any("NaN" in words for words in session.warnings)


@pytest.mark.parametrize("n_in", [1, 2, 3])
def test_a_curve_behind_a_layer_norm_is_what_the_edge_emits(n_in: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(FastKANLayer(n_in, 2)).double()
        layer = model[0]
        with torch.no_grad():
            layer.layernorm.weight.normal_()
            layer.layernorm.bias.normal_()
        x = torch.rand(200, n_in, dtype=torch.float64) * 2 - 1
    # The others stand still, so that a curve can be exact.
    x[:, 1:] = torch.tensor([0.3, -0.6])[: n_in - 1]
    adapter = adapt(model)
    emitted = adapter.edge_outputs(0, x)  # type: ignore[attr-defined]
    points, values = adapter.curves(x, 2001)[0]
    for j in range(2):
        near = (points[0].unsqueeze(1) - x[:, 0]).abs().argmin(0)
        assert torch.allclose(values[j, 0][near], emitted[j, 0], atol=2e-2)


@pytest.mark.parametrize("build", [pykan, old_pykan], indirect=True)
def test_an_optimizer_that_sets_parameters_back_does_not_switch_edges(
    build: Callable[[], Any], x: Tensor
) -> None:
    model = build()
    name = "kan" if isinstance(adapt(model), PykanAdapter) else "pykan0"
    optimizer = importlib.import_module(f"{name}.LBFGS").LBFGS(
        model.parameters(), lr=1.0, line_search_fn="strong_wolfe", max_iter=5
    )
    model(x)
    first, calls = adapt(model).mask(), 0

    def closure() -> Tensor:
        nonlocal calls
        calls += 1
        if calls in (2, 5):
            adapter.set_mask(masks[calls], bias)
        optimizer.zero_grad()
        loss: Tensor = (model(x) - x[:, :1]).square().mean()
        loss.backward()
        return loss

    adapter, bias = adapt(model), [b + 0.1 for b in adapt(model).bias()]
    masks = {n: [m.clone() for m in first] for n in (2, 5)}
    masks[2][0][2, 1] = masks[5][0][0, 0] = masks[5][1][1, 2] = False
    optimizer.step(closure)
    assert calls > 5
    assert all(map(torch.equal, adapter.mask(), masks[5]))
    if name == "kan":  # whose biases are not trained
        assert all(map(torch.equal, adapter.bias(), bias))
    adapter.set_mask(first, bias)
    optimizer.step(closure)
    assert all(map(torch.equal, adapter.mask(), first))
