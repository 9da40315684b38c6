"""The trade-off: every price is what one really pays, and asking for it changes nothing."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from kanwidget import KAN, PruningSession
from kanwidget.adapters.native import NativeAdapter
from kanwidget.evaluate import measure_losses, tradeoff
from kanwidget.evaluate.baseline import Baseline
from kanwidget.kan import bsplines, incremental_forward
from kanwidget.kan.mask_sequence import MaskSequence
from kanwidget.kan.piecewise import PiecewisePolynomials
from kanwidget.masks import effective
from kanwidget.masks.edits import Edits
from kanwidget.masks.state import State

Make = Callable[..., KAN]
Loss = Callable[[Tensor], float]

ROWS = 23


class General(NativeAdapter):
    """An adapter of a library for which there is no faster way than one forward each."""

    def outputs_under_masks(self, x: Tensor, plan: Any) -> Any:
        return None


def bits(model: KAN) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in model.state_dict().items()}


def ground(model: KAN, seed: int = 0, folds: bool = True) -> tuple[Baseline, Tensor]:
    """Make a baseline of a model, as after a commit that left means behind; and other rows."""
    generator = torch.Generator().manual_seed(seed)
    adapter, x = NativeAdapter(model), model.seen()
    mask, scores = adapter.mask(), adapter.scores(x)
    folded = [
        torch.rand(m.shape, generator=generator).to(s).masked_fill(m, 0.0) * folds
        for m, s in zip(mask, scores, strict=True)
    ]
    rows = torch.rand(ROWS, model.width[0], generator=generator).to(x) * 3 - 1.5
    baseline = Baseline(mask, adapter.bias(), folded, scores, adapter.means(x), [], 0.0, 0)
    return baseline, rows


def folded_by_hand(baseline: Baseline, mask: list[Tensor], keep_mean: bool) -> list[Tensor]:
    biases = [bias.clone() for bias in baseline.bias]
    for l, layer in enumerate(mask):
        for j, i in np.ndindex(*layer.shape):
            was, now = bool(baseline.mask[l][j, i]), bool(layer[j, i])
            if was and not now and keep_mean:
                biases[l][j] += baseline.means[l][j, i]
            if now and not was:
                biases[l][j] -= baseline.folded[l][j, i]
    return biases


def pruned(model: KAN, mask: list[Tensor], bias: list[Tensor]) -> KAN:
    copied = copy.deepcopy(model)
    with torch.no_grad():
        for layer, on, constant in zip(copied.layers, mask, bias, strict=True):
            layer.mask.copy_(on)
            layer.bias.copy_(constant)
    return copied


def paid(model: KAN, rows: Tensor, loss: Loss, mask: list[Tensor], bias: list[Tensor]) -> float:
    with torch.no_grad():
        return loss(pruned(model, mask, bias)(rows))


def losses(rows: Tensor, n_out: int, seed: int) -> dict[str, Loss]:
    generator = torch.Generator().manual_seed(seed)
    label = torch.randn(len(rows), n_out, generator=generator).to(rows)
    classes = torch.randint(n_out, (len(rows),), generator=generator)
    return {
        "MSE": lambda pred: float(nn.functional.mse_loss(pred, label)),
        "L1": lambda pred: float(nn.functional.l1_loss(pred, label)),
        "cross-entropy": lambda pred: float(nn.functional.cross_entropy(pred, classes)),
    }


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    width = draw(st.sampled_from([[2, 5, 1], [3, 2], [2, 3, 3, 2], [2, 7, 2, 3], [1, 2, 2, 2, 1]]))
    layer = st.integers(0, len(width) - 2)
    edge = layer.flatmap(
        lambda l: st.tuples(
            st.just(l), st.integers(0, width[l] - 1), st.integers(0, width[l + 1] - 1)
        )
    )
    node = st.integers(0, len(width) - 1).flatmap(
        lambda l: st.tuples(st.just(l), st.integers(0, width[l] - 1))
    )
    some = lambda ids: st.frozensets(ids, max_size=3)  # noqa: E731
    edits = Edits(draw(some(edge)), draw(some(edge)), draw(some(node)), draw(some(node)))
    level = st.sampled_from([0.0, 0.05, 0.2])
    return {
        "width": width,
        "seed": draw(st.integers(0, 99)),
        "density": draw(st.sampled_from([0.5, 0.8, 1.0])),
        "k": draw(st.sampled_from([3, 3, 1, 2, 5])),
        "grid_eps": draw(st.sampled_from([1.0, 1.0, 0.3, 0.0])),
        "base_fun": draw(st.sampled_from([None, torch.sin, nn.PReLU(dtype=torch.float64)])),
        "state": State(draw(level), draw(level), draw(st.booleans()), edits),
        "metric": draw(st.sampled_from(["MSE", "L1", "cross-entropy"])),
        "axis": draw(st.sampled_from(["node", "edge"])),
        "small": draw(st.booleans()),
    }


def build(random_kan: Make, case: dict[str, Any], dtype: torch.dtype = torch.float64) -> KAN:
    config = {name: case[name] for name in ("k", "grid_eps", "base_fun")}
    model = random_kan(case["width"], case["seed"], case["density"], **config, dtype=dtype)
    if case["grid_eps"] < 1:
        x = model.seen().clone()
        x[: len(x) // 2] = x[0]  # quantiles coincide
        model.update_grid(x if case["grid_eps"] == 0 else model.seen())
    return model


def assert_every_point_is_paid(model: KAN, case: dict[str, Any], tolerance: float) -> None:
    baseline, rows = ground(model, case["seed"])
    state, axis = case["state"], case["axis"]
    loss = losses(rows, model.width[-1], case["seed"])[case["metric"]]
    curve = tradeoff.measure_tradeoff(NativeAdapter(model), rows, loss, baseline, state, axis)

    def mask_at(threshold: float) -> list[Tensor]:
        levels = (
            (threshold, state.edge_threshold)
            if axis == "node"
            else (state.node_threshold, threshold)
        )
        return effective.effective_mask(baseline.mask, baseline.scores, *levels, state.edits)

    assert curve.thresholds[0] == 0
    assert (np.diff(curve.thresholds) > 0).all()
    assert (np.diff(curve.active_edges) < 0).all()
    for threshold, active, zeroed, kept in zip(
        curve.thresholds, curve.active_edges, curve.loss_zeroed, curve.loss_kept, strict=True
    ):
        mask = mask_at(float(threshold))
        assert active == sum(int(layer.sum()) for layer in mask)
        for value, keep in ((zeroed, False), (kept, True)):
            bias = folded_by_hand(baseline, mask, keep)
            expected = paid(model, rows, loss, mask, bias)
            assert value == pytest.approx(expected, rel=tolerance, abs=tolerance)
    # Nothing changes but at the points.
    middles = [*(curve.thresholds[1:] + curve.thresholds[:-1]) / 2, 2 * curve.thresholds[-1] + 9]
    for middle, active in zip(middles, curve.active_edges, strict=True):
        assert active == sum(int(layer.sum()) for layer in mask_at(float(middle)))


@given(case=cases())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_point_of_the_curve_is_the_loss_of_a_really_pruned_copy(
    random_kan: Make, monkeypatch: pytest.MonkeyPatch, case: dict[str, Any]
) -> None:
    with monkeypatch.context() as patch:
        if case["small"]:  # several blocks of points, and of rows
            patch.setattr(incremental_forward, "MAX_POINTS_PER_BLOCK", 3)
            patch.setattr(incremental_forward, "MAX_NUMBERS_PER_BLOCK", 100)
            patch.setattr(incremental_forward, "MAX_NUMBERS_IN_CACHE", 50)
        assert_every_point_is_paid(build(random_kan, case), case, 1e-10)


@given(case=cases())
@settings(max_examples=30)
def test_a_float32_models_curve_is_right_to_its_rounding(
    random_kan: Make, case: dict[str, Any]
) -> None:
    case = {**case, "base_fun": nn.SiLU(), "grid_eps": max(case["grid_eps"], 0.3)}
    assert_every_point_is_paid(build(random_kan, case, torch.float32), case, 3e-5)


@given(case=cases())
def test_the_cost_of_each_edge_and_node_is_the_loss_of_a_copy_without_it(
    random_kan: Make, case: dict[str, Any]
) -> None:
    model, state = build(random_kan, case), case["state"]
    baseline, rows = ground(model, case["seed"])
    loss = losses(rows, model.width[-1], case["seed"])[case["metric"]]
    costs = tradeoff.measure_costs(NativeAdapter(model), rows, loss, baseline, state)
    mask = effective.effective_mask(
        baseline.mask, baseline.scores, state.node_threshold, state.edge_threshold, state.edits
    )
    present = folded_by_hand(baseline, mask, state.keep_mean)

    def without(gone: list[tuple[int, int, int]], keep: bool) -> float:
        new, bias = [layer.clone() for layer in mask], [b.clone() for b in present]
        for l, i, j in gone:
            new[l][j, i] = False
            if not baseline.mask[l][j, i]:
                bias[l][j] += baseline.folded[l][j, i]
            elif keep:
                bias[l][j] += baseline.means[l][j, i]
        return paid(model, rows, loss, new, bias)

    assert costs.loss == pytest.approx(paid(model, rows, loss, mask, present), rel=1e-10)
    for keep, edges, nodes in (
        (False, costs.edges_zeroed, costs.nodes_zeroed),
        (True, costs.edges_kept, costs.nodes_kept),
    ):
        assert [layer.shape for layer in edges] == [layer.shape for layer in mask]
        assert [len(layer) for layer in nodes] == model.width[1:-1]
        for l, layer in enumerate(mask):
            assert torch.equal(edges[l].isnan(), ~layer)
            for j, i in layer.nonzero().tolist():
                expected = without([(l, i, j)], keep)
                assert edges[l][j, i].item() == pytest.approx(expected, rel=1e-10, abs=1e-10)
        for l, layer in enumerate(nodes, start=1):
            for i in range(len(layer)):
                into = [(l - 1, h, i) for h in mask[l - 1][i].nonzero().flatten().tolist()]
                out = [(l, i, j) for j in mask[l][:, i].nonzero().flatten().tolist()]
                if not into + out:
                    assert layer[i].isnan()
                    continue
                expected = without(into + out, keep)
                assert layer[i].item() == pytest.approx(expected, rel=1e-10, abs=1e-10)


@given(case=cases())
@settings(max_examples=30)
def test_a_library_without_a_fast_way_gets_the_same_figures(
    random_kan: Make, case: dict[str, Any]
) -> None:
    model = build(random_kan, case)
    baseline, rows = ground(model, case["seed"])
    loss = losses(rows, model.width[-1], case["seed"])[case["metric"]]
    before, told = bits(model), []
    arguments = rows, loss, baseline, case["state"]
    slow = tradeoff.measure_tradeoff(General(model), *arguments, case["axis"], progress=told.append)
    fast = tradeoff.measure_tradeoff(NativeAdapter(model), *arguments, case["axis"])
    assert np.array_equal(slow.thresholds, fast.thresholds)
    assert np.array_equal(slow.active_edges, fast.active_edges)
    assert np.allclose(slow.loss_zeroed, fast.loss_zeroed, rtol=1e-10, atol=1e-10)
    assert np.allclose(slow.loss_kept, fast.loss_kept, rtol=1e-10, atol=1e-10)
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) > len(slow.thresholds)
    one = tradeoff.measure_costs(General(model), *arguments)
    other = tradeoff.measure_costs(NativeAdapter(model), *arguments)
    for name in ("edges_zeroed", "edges_kept", "nodes_zeroed", "nodes_kept"):
        for a, b in zip(getattr(one, name), getattr(other, name), strict=True):
            assert torch.allclose(a, b, rtol=1e-10, atol=1e-10, equal_nan=True)
    assert bits(model) == before


def ask(adapter: NativeAdapter, rows: Tensor, loss: Loss, baseline: Baseline, **how: Any) -> None:
    for axis in ("node", "edge"):
        tradeoff.measure_tradeoff(adapter, rows, loss, baseline, State(0.01, 0.01), axis, **how)
    tradeoff.measure_costs(adapter, rows, loss, baseline, State(0.01, 0.01), **how)


@pytest.mark.parametrize("kind", [NativeAdapter, General])
def test_asking_for_the_price_changes_nothing(random_kan: Make, kind: type[NativeAdapter]) -> None:
    model = random_kan([2, 4, 3, 1], 1, 0.8).eval()
    baseline, rows = ground(model)
    loss = losses(rows, 1, 0)["MSE"]
    adapter, before, random_state = kind(model), bits(model), torch.get_rng_state()
    version, seen, numpy_state = adapter.version(), model.seen(), np.random.get_state()[1].copy()  # noqa: NPY002
    ask(adapter, rows, loss, baseline)
    assert bits(model) == before
    assert torch.equal(torch.get_rng_state(), random_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert torch.equal(model.seen(), seen)
    assert not model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    if kind is NativeAdapter:  # the fast path does not even write
        assert adapter.version() == version


@pytest.mark.parametrize("kind", [NativeAdapter, General])
def test_the_loss_sees_the_model_as_it_was(random_kan: Make, kind: type[NativeAdapter]) -> None:
    model = random_kan([2, 4, 2], 1, dtype=torch.float32)
    baseline, rows = ground(model)
    before = bits(model)

    def loss(pred: Tensor) -> float:
        assert bits(model) == before
        assert pred.shape == (ROWS, 2)
        assert pred.dtype == torch.float32
        assert pred.is_contiguous()
        assert not pred.requires_grad
        pred.zero_()  # what it does to its argument stays there
        return 0.5

    ask(kind(model), rows, loss, baseline)


@pytest.mark.parametrize("kind", [NativeAdapter, General])
@pytest.mark.parametrize("after", range(12))
def test_one_can_stop_at_any_time(random_kan: Make, kind: type[NativeAdapter], after: int) -> None:
    model = random_kan([2, 4, 3, 1], 1, 0.8)
    baseline, rows = ground(model)
    before, asked = bits(model), iter(range(after))
    loss, told = losses(rows, 1, 0)["MSE"], []
    with pytest.raises(tradeoff.Cancelled):
        ask(
            kind(model),
            rows,
            loss,
            baseline,
            stop=lambda: next(asked, None) is None,
            progress=told.append,
        )
    assert bits(model) == before


@pytest.mark.parametrize("kind", [NativeAdapter, General])
def test_an_error_in_the_loss_reaches_the_person_and_leaves_no_trace(
    random_kan: Make, kind: type[NativeAdapter]
) -> None:
    model = random_kan([2, 4, 1], 1)
    baseline, rows = ground(model)
    before, calls = bits(model), iter([1.0, 2.0, 3.0])

    def loss(pred: Tensor) -> float:
        return next(calls)

    with pytest.raises(StopIteration):
        tradeoff.measure_tradeoff(kind(model), rows, loss, baseline, State(), "edge")
    assert bits(model) == before


def test_values_that_are_not_finite_take_the_safe_way(random_kan: Make) -> None:
    model = random_kan([2, 4, 3, 1], 3)
    with torch.no_grad():
        model.layers[1].coef[0, 2, 1] = float("nan")
        model.layers[0].scale_base[3, 1] = 1e12
    baseline, rows = ground(model)
    loss = losses(rows, 1, 0)["MSE"]
    for axis in ("node", "edge"):
        fast = tradeoff.measure_tradeoff(NativeAdapter(model), rows, loss, baseline, State(), axis)
        slow = tradeoff.measure_tradeoff(General(model), rows, loss, baseline, State(), axis)
        assert np.array_equal(fast.loss_kept, slow.loss_kept, equal_nan=True)
        assert np.array_equal(fast.loss_zeroed, slow.loss_zeroed, equal_nan=True)
    assert np.isnan(fast.loss_zeroed).all()  # an edge without a score stays, as in the session


@given(seed=st.integers(0, 99), k=st.integers(1, 6), uniform=st.booleans())
def test_cells_hold_the_splines_on_and_between_and_beyond_knots(
    seed: int, k: int, uniform: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    n_in, n_out, intervals = 3, 2, 5
    grid = torch.linspace(-1, 1, intervals + 1, dtype=torch.float64).repeat(n_in, 1)
    if not uniform:
        grid = torch.rand(grid.shape, generator=generator).double().sort(dim=1).values
        grid[1, 2] = grid[1, 3]
        grid[2, 1:] = grid[2, 1]
    coef = torch.randn(n_out, n_in, intervals + k, generator=generator).double()
    beyond = torch.tensor([-1e9, -7.0, 7.0, 1e9]).double().repeat(n_in, 1)
    x = torch.cat([grid, 3 * torch.rand(n_in, 50, generator=generator).double() - 1.5, beyond], 1)
    basis = bsplines.de_boor(x, bsplines.extend_grid(grid, k), k)[0]
    expected = torch.einsum("jig,igb->jib", coef, basis).flatten(0, 1)
    edge = torch.arange(n_out * n_in)
    found = PiecewisePolynomials(coef, grid, k, uniform)(edge, x[edge % n_in])
    assert torch.allclose(found, expected, rtol=0, atol=1e-11)


def test_what_scores_zero_goes_with_the_smallest_threshold(random_kan: Make) -> None:
    model = random_kan([2, 3, 1], 5)
    with torch.no_grad():
        for name in ("coef", "scale_base"):
            getattr(model.layers[0], name)[1].zero_()
    baseline, rows = ground(model)
    loss = losses(rows, 1, 0)["MSE"]
    for axis, left in (("node", 6), ("edge", 7)):
        curve = tradeoff.measure_tradeoff(NativeAdapter(model), rows, loss, baseline, State(), axis)
        assert curve.active_edges[:2].tolist() == [9, left]
        assert 0 < curve.thresholds[1] < 1e-300


def test_equal_scores_drop_together(random_kan: Make) -> None:
    model = random_kan([2, 4, 1], 5)
    baseline, rows = ground(model)
    for score in baseline.scores:
        score.copy_((score * 32).ceil() / 32)
    levels = torch.cat([score.flatten() for score in baseline.scores]).unique()
    curve = tradeoff.measure_tradeoff(
        NativeAdapter(model), rows, losses(rows, 1, 0)["MSE"], baseline, State(), "edge"
    )
    assert curve.thresholds.tolist() == [0, *levels.tolist()]
    assert 2 < len(levels) < 8
    assert curve.active_edges[-1] == 0


def test_the_other_axis_is_refused(random_kan: Make) -> None:
    model = random_kan([2, 4, 1], 5)
    baseline, rows = ground(model)
    with pytest.raises(ValueError, match="'node' or 'edge'"):
        tradeoff.measure_tradeoff(NativeAdapter(model), rows, float, baseline, State(), "both")


def curve_of(loss: list[float], other: list[float] | None = None) -> tradeoff.TradeOff:
    count = len(loss)
    return tradeoff.TradeOff(
        "edge",
        np.arange(count) / 10,
        np.arange(count)[::-1].copy(),
        np.array(other or loss, dtype=float),
        np.array(loss, dtype=float),
    )


def test_threshold_for_leaves_the_fewest_edges_within_the_tolerance() -> None:
    curve = curve_of([1.0, 1.04, 1.05, 1.2, 1.01, 3.0], [1.0, 2.0, 1.0, 1.0, 1.0, 1.0])
    assert curve.threshold_for() == 0.4  # beyond a point that is not within
    assert curve.threshold_for(0.0) == 0.0
    assert curve.threshold_for(9) == 0.5
    assert curve.threshold_for(keep_mean=False) == 0.5
    assert curve_of([0.0, 0.04, 0.06, 1.0]).threshold_for() == 0.1
    assert curve_of([0.0, 0.0]).threshold_for() == 0.1
    assert curve_of([-1.0, -0.96, -0.9]).threshold_for() == 0.1
    assert curve_of([1.0, math.nan, 1.0]).threshold_for() == 0.2
    assert curve_of([1.0]).threshold_for() == 0.0
    for wrong in (-0.1, math.nan):
        with pytest.raises(ValueError, match="at least 0"):
            curve.threshold_for(wrong)


def test_the_tolerance_is_of_the_best_loss_along_the_threshold() -> None:
    # Pruning may improve the loss: 1.04 is within 5 % of the first loss, but twice the best.
    assert curve_of([1.0, 0.8, 0.5, 0.52, 0.9, 1.04]).threshold_for() == 0.3
    assert curve_of([1.0, 0.8, 0.5, 0.52, 0.9, 1.04]).threshold_for(0.0) == 0.2
    assert curve_of([1.0, 0.0, 0.04, 0.3]).threshold_for() == 0.2  # of the worst, which is 1
    assert curve_of([1.0, -1.0, -0.96, -0.9]).threshold_for() == 0.2
    accuracy = replace(curve_of([0.8, 0.9, 0.86, 0.79, 0.5]), higher_is_better=True)
    assert accuracy.threshold_for() == 0.2
    for first in (math.nan, math.inf, -math.inf):
        for higher in (False, True):
            broken = replace(curve_of([first, 1.0, 1.0, first]), higher_is_better=higher)
            assert broken.threshold_for() == 0.2
            assert broken.threshold_for(math.inf) == 0.2


def test_threshold_for_leaves_no_more_edges_than_it_may_and_says_when_there_is_none() -> None:
    curve = curve_of([1.0, 1.3, 1.02, 1.3, 2.0])  # 4 edges at first
    assert curve.threshold_for(most_edges=4) == 0.2
    assert curve.threshold_for(most_edges=2) == 0.2
    message = r"at most 1 edges is within 0.05 of the best loss.*, 1;.*larger tolerance"
    with pytest.raises(ValueError, match=message):
        curve.threshold_for(most_edges=1)
    with pytest.raises(ValueError, match="no loss along the edge threshold is a finite number"):
        curve_of([math.nan, math.inf]).threshold_for()


@given(
    loss=st.lists(
        st.sampled_from([0.0, math.nan, math.inf, -math.inf])
        | st.floats(-10, 10, allow_subnormal=False),
        min_size=1,
        max_size=20,
    ),
    tolerance=st.sampled_from([0.0, 0.05, 0.5, 20.0, math.inf]),
    most=st.integers(0, 20),
    higher=st.booleans(),
)
def test_no_smaller_network_is_within_the_tolerance(
    loss: list[float], tolerance: float, most: int, higher: bool
) -> None:
    curve = replace(curve_of(loss), higher_is_better=higher)
    finite = [value for value in loss if math.isfinite(value)]
    if not finite:
        with pytest.raises(ValueError, match="is a finite number"):
            curve.threshold_for(tolerance)
        return
    best, worst = (max, min) if higher else (min, max)

    def worse_by(value: float) -> float:
        size = abs(best(finite)) or abs(worst(finite)) or 1.0
        return abs(value - best(finite)) / size

    # The best network is always within, so that there is none only where it has too many edges.
    free = curve.active_edges[round(10 * curve.threshold_for(tolerance))]
    assert free <= min(curve.active_edges[k] for k, v in enumerate(loss) if v == best(finite))
    rounding = 1e-12
    points = list(zip(curve.active_edges, loss, strict=True))
    allowed = [(left, value) for left, value in points if left <= most and math.isfinite(value)]
    try:
        found = round(10 * curve.threshold_for(tolerance, most_edges=most))
    except ValueError:
        assert all(worse_by(value) >= tolerance - rounding for _, value in allowed)
        return
    assert curve.active_edges[found] <= most
    assert worse_by(loss[found]) <= tolerance + rounding
    smaller = [value for left, value in allowed if left < curve.active_edges[found]]
    assert all(worse_by(value) >= tolerance - rounding for value in smaller)


@pytest.mark.parametrize("shape", ["flat, then a cliff", "noise, then a cliff", "negative"])
def test_the_knee_of_a_metric_of_which_more_is_better(shape: str) -> None:
    loss, steps = SHAPES[shape]
    curve = replace(curve_of([-value for value in loss]), higher_is_better=True)
    assert curve.knee() == pytest.approx(steps / 10)


SHAPES = {
    # name: losses, and how many steps the knee takes of them
    "flat, then a cliff": ([0.1391, 0.1391, 0.1392, 0.1392, 1.367, 1.38], 3),
    "flat to the end": ([1.0] * 6, 0),
    "a cliff at once": ([0.0214, 0.113, 0.166, 0.212, 0.382, 1.37], 0),
    "a cliff at once, far below what follows": ([0.0156, 0.1, 0.2, 0.28, 40.0], 0),
    "two cliffs": ([1.0, 1.0, 1.01, 3.0, 3.0, 3.0, 3.01, 90.0], 2),
    "a hockey stick": ([1.0, 1.0, 1.01, 1.03, 1.08, 1.3, 2.0, 4.0], 4),
    "a straight line": ([0.0, 1.0, 2.0, 3.0], 0),
    "a straight gentle slope": ([1.0 + 0.02 * k for k in range(30)], 0),
    "noise, then a cliff": ([1.0, 1.04, 0.97, 1.06, 0.99, 1.03, 6.0], 5),
    "an error rate": ([0.065, 0.07, 0.065, 0.075, 0.065, 0.11, 0.2, 0.5], 4),
    "an error rate that rises twice": ([0.075, 0.075, 0.08, 0.1, 0.1, 0.13, 0.2, 0.5], 2),
    "better at first": ([2.0, 1.5, 1.2, 1.2, 1.9, 2.1, 9.0], 3),
    "a peak on the way": ([1.0, 1.0, 1.01, 5.0, 1.0, 1.0, 9.0], 2),
    "a loss of nothing": ([0.0, 1e-6, 1e-5, 1e-3, 0.02, 0.3, 1.0], 4),
    "negative": ([-2.0, -2.0, -1.99, -0.3, 0.5], 2),
    "no number at the end": ([1.0, 1.01, 1.02, float("nan"), 3.0], 2),
    "infinite at the end": ([1.0, 1.0, 1.1, 5.0, float("inf"), 0.0], 2),
    "no number to begin with": ([float("nan"), 1.0, 1.0], 0),
    "one point": ([1.0], 0),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_knee_is_the_last_point_before_the_loss_turns_up(shape: str) -> None:
    loss, steps = SHAPES[shape]
    assert curve_of(loss).knee() == pytest.approx(steps / 10)
    assert curve_of([1.0] * len(loss), loss).knee(keep_mean=False) == pytest.approx(steps / 10)


@given(
    st.lists(st.floats(1e-3, 10) | st.just(float("nan")), min_size=1, max_size=30),
)
def test_the_knee_never_lies_beyond_a_clear_rise(loss: list[float]) -> None:
    steps = round(10 * curve_of(loss).knee())
    way = loss[: steps + 1] if steps else []
    assert all(value <= min(way[: k + 1]) + 0.2001 * loss[0] for k, value in enumerate(way))
    assert not way or loss[steps] <= min(way) + 0.1001 * loss[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("axis", ["node", "edge"])
def test_a_threshold_between_two_scores_does_what_the_curve_says(
    axis: str, dtype: torch.dtype, random_kan: Make
) -> None:
    """Also one of a view, which computes in float64, between scores that are next to each other."""
    model = random_kan([2, 5, 1], 3).to(dtype)
    x = torch.rand(40, 2, dtype=dtype)
    session = PruningSession(model, x)
    first, last = session.scores
    first[:] = torch.rand(5, 2, dtype=dtype) + 1
    last[:] = 0.1
    for j in range(1, 5):  # each the next number after the other
        last[0, j] = torch.nextafter(last[0, j - 1], torch.tensor(1.0, dtype=dtype))
    curve = session.tradeoff(axis)
    ends = [*curve.thresholds[1:], 2 * curve.thresholds[-1]]
    for k, (low, high) in enumerate(zip(curve.thresholds, ends, strict=True)):
        for share in (0.0, 0.3, 0.6, 0.9):
            found = session.preview(**{f"{axis}_threshold": low + share * (high - low)})
            if low + share * (high - low) < high:
                assert (found.active_edges, found.loss) == pytest.approx(
                    (curve.active_edges[k], curve.loss_kept[k]), rel=1e-5, abs=1e-6
                )
    session.close()


@pytest.fixture(autouse=True)
def _no_grad_mode_leaks() -> Iterator[None]:
    yield
    assert torch.is_grad_enabled()


def test_a_curve_that_is_dropped_midway_leaves_what_others_wrote_meanwhile() -> None:
    model = KAN([2, 3, 1], seed=0)
    adapter, x = General(model), torch.rand(5, 2, generator=torch.Generator().manual_seed(0))
    mask, bias = adapter.mask(), adapter.bias()
    point = [torch.arange(1, m.numel() + 1).view(m.shape) for m in mask]
    none = [torch.zeros(m.shape) for m in mask]
    plan = MaskSequence(mask, (bias, bias), point, (none, none), 6, True)
    answers = measure_losses._one_by_one(
        adapter, x.double(), plan, measure_losses.ProgressReport(7, None, None)
    )
    next(answers)
    model.remove_edge(0, 0, 1)
    next(answers)
    del answers
    assert model.mask[0][1, 0] == 0
