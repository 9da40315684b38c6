"""Pruning and compacting: what must hold for every network, mask and threshold."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from kanwidget import KAN
from kanwidget.masks import effective, reachability

Make = Callable[..., KAN]

widths = st.lists(st.integers(1, 4), min_size=2, max_size=5)
seeds = st.integers(0, 10**6)
densities = st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0])
thresholds = st.sampled_from([0.0, 0.02, 0.1, 0.2, 0.3, 0.5])


def points(width: list[int]) -> torch.Tensor:
    """Inputs inside and far outside the grid."""
    return torch.linspace(-4, 4, 40, dtype=torch.float64).reshape(-1, 1) * torch.arange(
        1, width[0] + 1
    )


@given(width=widths, seed=seeds, density=densities)
def test_compacting_never_changes_the_function(
    random_kan: Make, width: list[int], seed: int, density: float
) -> None:
    model = random_kan(width, seed, density)
    state, x = copy.deepcopy(model.state_dict()), points(width)
    small = model.compact()
    assert torch.allclose(small(x), model(x), rtol=0, atol=1e-9)
    assert (small.width[0], small.width[-1]) == (width[0], width[-1])
    assert all(a <= b for a, b in zip(small.width, width, strict=True))
    alive = zip(
        reachability.reachable_from_inputs(small.mask),
        reachability.leads_to_outputs(small.mask),
        strict=True,
    )
    if reachability.connected(model.mask):
        assert all((a & b).all() for a, b in list(alive)[1:-1])
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert torch.allclose(small.compact()(x), small(x), rtol=0, atol=1e-12)


@given(width=widths, seed=seeds, density=densities, threshold=thresholds)
def test_pruning_is_masking_then_compacting(
    random_kan: Make, width: list[int], seed: int, density: float, threshold: float
) -> None:
    model = random_kan(width, seed, density)
    x = points(width)
    before = model(model.seen()).detach()
    mask = effective.effective_mask(model.mask, model.acts_scale, threshold)
    assume(reachability.connected(mask) or not reachability.connected(model.mask))
    small = model.prune(threshold)
    assert torch.equal(model(model.seen()), before)
    masked = copy.deepcopy(model)
    masked.set_mask(mask)
    assert torch.allclose(small(x), masked(x), rtol=0, atol=1e-9)


@given(width=widths, seed=seeds, threshold=thresholds)
def test_a_node_stays_iff_it_scores_above_the_threshold(
    random_kan: Make, width: list[int], seed: int, threshold: float
) -> None:
    model = random_kan(width, seed)
    scores = model.acts_scale
    taken = effective.nodes_below_threshold(model.mask, scores, threshold)
    for l in range(1, len(width) - 1):
        for i in range(width[l]):
            score = min(float(scores[l - 1][i].max()), float(scores[l][:, i].max()))
            assert bool(taken[l][i]) == (threshold > 0 and score <= threshold)
    assert not taken[0].any()
    assert not taken[-1].any()


def test_the_constant_of_a_node_without_inputs_is_kept(random_kan: Make) -> None:
    model = random_kan([2, 3, 2, 1], 5)
    for i in range(2):
        model.remove_edge(0, i, 1)
    x = points([2])
    y = model(x)
    small = model.prune(1e-6)
    assert small.width == [2, 2, 2, 1]
    assert torch.allclose(small(x), y, rtol=0, atol=1e-12)


def test_a_node_that_feeds_only_a_dead_node_goes_too(random_kan: Make) -> None:
    model = random_kan([2, 3, 3, 1], 6)
    model.remove_edge(2, 0, 0)
    for j in (1, 2):
        model.remove_edge(1, 1, j)
    assert model.compact().width == [2, 2, 2, 1]


def test_a_threshold_that_empties_a_layer_is_refused_in_words(model: KAN) -> None:
    state = copy.deepcopy(model.state_dict())
    best = float(effective.node_scores(model.acts_scale)[0].max())
    with pytest.raises(ValueError, match=r"cut the inputs .* below 0\.") as refusal:
        model.prune(10.0)
    assert f"{best:.4g}" in str(refusal.value)
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert model.prune(best * 0.999).width == [2, 1, 1]


@given(width=widths, seed=seeds, density=densities)
def test_the_advice_of_a_refused_prune_is_good(
    random_kan: Make, width: list[int], seed: int, density: float
) -> None:
    model = random_kan(width, seed, density)
    try:
        model.prune(100.0)
    except ValueError as refusal:
        advised = float(str(refusal).split()[-1])
        assert model.prune(advised * 0.999).width
        with pytest.raises(ValueError, match="would cut"):
            model.prune(advised * 1.001)


def test_manual_pruning_that_cuts_the_network_is_refused(model: KAN) -> None:
    model.remove_node(1, 2)
    with pytest.raises(ValueError, match="no path of edges that are on"):
        model.prune(mode="manual", active_neurons_id=[[2]])


def test_thresholds_do_not_accumulate(model: KAN) -> None:
    scores = sorted(float(s) for s in effective.node_scores(model.acts_scale)[0])
    assert model.prune(scores[3]).width == [2, 1, 1]
    assert model.prune(scores[1]).width == [2, 3, 1]
    assert model.prune(0.0).width == [2, 5, 1]


def test_a_pruned_model_can_be_pruned_drawn_and_trained_at_once(
    model: KAN, dataset: dict[str, torch.Tensor]
) -> None:
    small = model.prune(0.0)
    assert small.acts_scale[0].shape == (5, 2)  # it knows the data that its parent saw
    small = small.prune()
    assert small.plot().axes
    losses = small.fit(dataset, steps=2, progress=False)["train_loss"]
    assert losses[-1] <= losses[0]


@pytest.mark.parametrize("ids", [[[2, 0]], [[0, 1], [0, 2], [0]], [[], [2, 0, 2], []]])
def test_manual_pruning_takes_hidden_lists_with_and_without_ends(
    model: KAN, ids: list[list[int]]
) -> None:
    small = model.prune(mode="manual", active_neurons_id=ids)
    assert small.width == [2, 2, 1]
    masked = copy.deepcopy(model)
    for i in (1, 3, 4):
        masked.remove_node(1, i)
    x = points([2])
    assert torch.allclose(small(x), masked(x), rtol=0, atol=1e-12)


def test_the_childs_settings_are_the_parents(random_kan: Make) -> None:
    model = random_kan([2, 3, 1], 0, grid=4, k=2, grid_eps=0.3, base_fun=torch.tanh)
    model.layers[0].scale_base.requires_grad_(False)
    small = model.eval().prune(0.0)
    layer = small.layers[0]
    assert (layer.k, layer.grid.shape[1], layer.grid_eps, layer.base_fun) == (2, 5, 0.3, torch.tanh)
    assert not layer.scale_base.requires_grad
    assert layer.coef.requires_grad
    assert not small.training
    assert not layer.training


def test_removing_and_restoring(model: KAN) -> None:
    x = points([2])
    y = model(x)
    model.remove_edge(0, 1, 3)
    assert model.mask[0][3, 1] == 0
    assert sum(int(m.sum()) for m in model.mask) == 14
    model.restore_edge(0, 1, 3)
    assert torch.equal(model(x), y)
    model.remove_node(1, 3)
    assert model.mask[0][3].sum() == 0
    assert model.mask[1][:, 3].sum() == 0
    model.restore_node(1, 3)
    assert torch.equal(model(x), y)
    model.remove_node(0, 1)  # an input: its outgoing edges, and no other layer's
    assert model.mask[0].sum(0).tolist() == [5, 0]
    assert model.mask[1].sum() == 5
    model.remove_node(2, 0)
    assert model.mask[1].sum() == 0


@given(width=widths, seed=seeds, density=densities, data=st.data())
def test_keeping_the_mean_loses_only_variation(
    random_kan: Make, width: list[int], seed: int, density: float, data: st.DataObject
) -> None:
    model = random_kan(width, seed, density)
    x = model.seen()
    l = data.draw(st.integers(0, len(width) - 2))
    i, j = data.draw(st.integers(0, width[l] - 1)), data.draw(st.integers(0, width[l + 1] - 1))
    before = model.propagate(x)[l + 1]
    phi = model.layers[l].activations(model.propagate(x)[l])[j, i]
    model.remove_edge(l, i, j, keep_mean=True)
    after = model.propagate(x)[l + 1]
    expected = before.clone()
    expected[:, j] -= phi - phi.mean()
    assert torch.allclose(after, expected, rtol=0, atol=1e-12)
    bias = model.layers[l].bias.clone()
    model.remove_edge(l, i, j, keep_mean=True)  # it is off: nothing to keep
    assert torch.equal(model.layers[l].bias, bias)


def test_pruning_can_keep_the_means(model: KAN, dataset: dict[str, torch.Tensor]) -> None:
    x, means = dataset["train_input"], model.means(dataset["train_input"])
    state = copy.deepcopy(model.state_dict())
    level = float(effective.node_scores(model.acts_scale)[0].sort().values[2])
    kept = model.prune(level, keep_mean=True)
    plain = model.prune(level)
    assert kept.width == plain.width == [2, 2, 1]
    going = effective.nodes_below_threshold(model.mask, model.acts_scale, level)[1]
    shift = means[1][0, going].sum()
    assert torch.allclose(kept(x), plain(x) + shift, rtol=0, atol=1e-12)
    left = (~going).nonzero().flatten().tolist()
    manual = model.prune(mode="manual", active_neurons_id=[left], keep_mean=True)
    assert torch.allclose(manual(x), kept(x), rtol=0, atol=1e-12)
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    weakest = int(means[1].abs().argmax())
    y = model(x)
    model.remove_node(1, weakest, keep_mean=True)
    assert (model(x) - y).mean().abs() < 1e-12
