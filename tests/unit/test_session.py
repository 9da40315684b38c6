"""The pruning session: previews that leave no trace, and always a way back."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from kanwidget import KAN, PruningSession
from kanwidget.masks import effective

Make = Callable[..., KAN]


def bits(model: KAN) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in model.state_dict().items()}


def parameters(model: KAN) -> dict[str, bytes]:
    """All that a preview must not touch: everything but masks, and biases, which keep means."""
    return {n: b for n, b in bits(model).items() if not n.endswith(("mask", "bias"))}


def acts(width: list[int]) -> st.SearchStrategy[Any]:
    """Anything a person can do to a network of this width."""
    level = st.sampled_from([0.0, 0.03, 0.1, 0.3, 1.0, 100.0])
    layer = st.integers(0, len(width) - 2)
    edge = layer.flatmap(
        lambda l: st.tuples(
            st.just(l), st.integers(0, width[l] - 1), st.integers(0, width[l + 1] - 1)
        )
    )
    node = st.integers(0, len(width) - 1).flatmap(
        lambda l: st.tuples(st.just(l), st.integers(0, width[l] - 1))
    )
    return st.one_of(
        st.tuples(st.just("set"), st.fixed_dictionaries({"node_threshold": level})),
        st.tuples(st.just("set"), st.fixed_dictionaries({"edge_threshold": level})),
        st.tuples(st.sampled_from(["remove_edge", "restore_edge"]), edge),
        st.tuples(st.sampled_from(["remove_node", "restore_node"]), node),
        st.tuples(st.just("set"), st.fixed_dictionaries({"keep_mean": st.booleans()})),
        st.tuples(st.sampled_from(["reset", "undo", "redo", "remove_dead_ends"]), st.just(())),
    )


def act(session: PruningSession, step: Any) -> None:
    name, arguments = step
    if isinstance(arguments, dict):
        getattr(session, name)(**arguments)
    else:
        getattr(session, name)(*arguments)


WIDTH = [2, 3, 3, 1]


@given(seed=st.integers(0, 99), density=st.sampled_from([0.6, 1.0]), steps=st.lists(acts(WIDTH)))
def test_a_session_leaves_no_trace(
    random_kan: Make, seed: int, density: float, steps: list[Any]
) -> None:
    model = random_kan(WIDTH, seed, density).eval()
    before, still, random_state = bits(model), parameters(model), torch.get_rng_state()
    x = torch.linspace(-2, 2, 20).double().reshape(10, 2)
    y = model(x)
    with PruningSession(model) as session:
        for step in steps:
            act(session, step)
            assert parameters(model) == still
            live = [layer != 0 for layer in model.mask]
            assert all(torch.equal(a, b) for a, b in zip(live, session.mask, strict=True))
            assert session.active_edges == sum(int(layer.sum()) for layer in live)
            small = session.compact()
            assert torch.allclose(small(x), model(x), rtol=0, atol=1e-9)
    assert bits(model) == before
    assert torch.equal(model(x), y)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert not model.training


@given(seed=st.integers(0, 99), steps=st.lists(acts(WIDTH), max_size=8))
def test_the_mask_depends_on_where_you_are_not_on_how_you_came(
    random_kan: Make, seed: int, steps: list[Any]
) -> None:
    model = random_kan(WIDTH, seed)
    twin = copy.deepcopy(model)
    walked, direct = PruningSession(model), PruningSession(twin)
    for step in steps:
        act(walked, step)
    direct.set(
        node_threshold=walked.node_threshold,
        edge_threshold=walked.edge_threshold,
        keep_mean=walked.state.keep_mean,
        removed_edges=walked.edits.removed_edges,
        kept_edges=walked.edits.kept_edges,
        removed_nodes=walked.edits.removed_nodes,
        kept_nodes=walked.edits.kept_nodes,
    )
    assert bits(model) == bits(twin)


@given(seed=st.integers(0, 99), steps=st.lists(acts(WIDTH), max_size=6), data=st.data())
def test_what_is_restored_is_on_and_what_is_removed_is_off(
    random_kan: Make, seed: int, steps: list[Any], data: st.DataObject
) -> None:
    session = PruningSession(random_kan(WIDTH, seed, 0.7))
    for step in steps:
        act(session, step)
    l = data.draw(st.integers(0, 2))
    i, j = data.draw(st.integers(0, WIDTH[l] - 1)), data.draw(st.integers(0, WIDTH[l + 1] - 1))
    others = [layer.clone() for layer in session.mask]
    session.restore_edge(l, i, j)
    assert session.mask[l][j, i]
    session.remove_edge(l, i, j)
    assert not session.mask[l][j, i]
    others[l][j, i] = False
    if not session.edits.removed_nodes:
        assert all(torch.equal(a, b) for a, b in zip(others, session.mask, strict=True))


def test_lowering_the_threshold_restores_every_edge(model: KAN, dataset: dict[str, Tensor]) -> None:
    session = PruningSession(model, dataset)
    before = bits(model)
    levels = sorted(float(s) for s in effective.node_scores(session.scores)[0])
    for count, level in enumerate(levels, start=1):
        session.set(node_threshold=level)
        assert session.active_edges == 15 - 3 * count
        pristine = copy.deepcopy(model)
        for layer, bias in zip(pristine.layers, session.baseline.bias, strict=True):
            layer.bias.data.copy_(bias)
        pristine.set_mask(session.baseline.mask)
        if count < 5:
            pristine(dataset["train_input"])
            pruned = pristine.prune(level, keep_mean=True)
            x = dataset["test_input"]
            assert torch.allclose(pruned(x), model(x), rtol=0, atol=1e-12)
    for count, level in zip(range(4, -1, -1), reversed([0.0, *levels[:-1]]), strict=True):
        session.set(node_threshold=level)
        assert session.active_edges == 15 - 3 * count
    assert bits(model) == before


def test_the_loss_is_the_live_models_on_the_test_rows(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    session = PruningSession(model, dataset)

    def rmse() -> float:
        error = model(dataset["test_input"]) - dataset["test_label"]
        return error.square().mean().sqrt().item()

    assert session.loss == session.baseline.loss == pytest.approx(rmse(), rel=1e-9)
    assert session.loss_name == "test RMSE"
    before = session.loss
    session.remove_node(1, int(session.scores[1].argmax()))
    assert session.loss == pytest.approx(rmse(), rel=1e-9)
    assert session.loss > 2 * before
    assert session.baseline.loss == before


def test_scores_come_from_the_training_inputs_of_the_data(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    model(dataset["test_input"])
    session = PruningSession(model, dataset)
    expected = model.scores(dataset["train_input"])
    assert all(torch.equal(a, b) for a, b in zip(session.scores, expected, strict=True))
    seen = PruningSession(model)
    assert all(torch.equal(a, b) for a, b in zip(seen.scores, model.acts_scale, strict=True))
    assert seen.loss == 0.0
    assert seen.loss_name == "RMS change of the outputs"


def test_a_session_does_not_change_what_the_model_saw(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    x = dataset["test_input"][:7]
    model(x)
    session = PruningSession(model, dataset)
    session.set(node_threshold=0.1)
    session.close()
    assert torch.equal(model.seen(), x)


def test_a_restored_edge_stays_on_against_the_threshold(model: KAN) -> None:
    session = PruningSession(model)
    session.set(node_threshold=100.0)
    session.restore_edge(0, 1, 2)
    assert session.active_edges == 1
    session.restore_node(1, 2)
    assert session.active_edges == 3
    session.set(node_threshold=0.0)
    assert session.active_edges == 15


def test_one_edge_of_a_removed_node_comes_back_alone(model: KAN) -> None:
    session = PruningSession(model)
    session.remove_node(1, 2)
    session.restore_edge(0, 1, 2)
    assert session.active_edges == 13
    assert session.mask[0][2].tolist() == [False, True]
    session.restore_node(1, 2)
    assert session.mask[1][0, 2]  # without an edge out, the way out comes back
    assert session.active_edges == 14


def test_what_was_off_before_the_session_can_be_switched_on(model: KAN) -> None:
    model.remove_edge(0, 0, 1)
    session = PruningSession(model)
    assert session.active_edges == 14
    session.restore_edge(0, 0, 1)
    assert session.active_edges == 15
    assert model.mask[0][1, 0] == 1
    session.close()
    assert model.mask[0][1, 0] == 0


def test_changes_behind_its_back_become_the_baseline(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    session = PruningSession(model, dataset)
    assert not session.refresh()
    session.set(node_threshold=0.01)
    taken = 15 - session.active_edges
    weak = int(effective.node_scores(session.scores)[0].argmin())
    model.remove_edge(0, 0, int(session.scores[1].argmax()))
    model.restore_edge(0, 1, weak)
    assert session.refresh()
    assert session.active_edges == 15 - taken - 1 + 1
    assert session.mask[0][weak, 1]
    session.set(node_threshold=0.02)  # nobody's change is overwritten by the next act
    assert session.mask[0][weak, 1]
    session.close()
    assert sum(int(layer.sum()) for layer in model.mask) == 14


def test_a_change_in_the_same_breath_is_not_overwritten(model: KAN) -> None:
    session = PruningSession(model)
    model.remove_edge(0, 1, 2)
    session.remove_edge(0, 0, 0)
    assert session.active_edges == 13
    assert model.mask[0][2, 1] == 0
    session.close()
    assert model.mask[0][2, 1] == 0
    assert model.mask[0][0, 0] == 1


def test_more_training_gives_new_scores_and_a_new_baseline(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    session = PruningSession(model, dataset)
    session.set(node_threshold=0.01)
    scores, loss = session.scores, session.baseline.loss
    model.fit(dataset, steps=1, progress=False)
    trained = parameters(model)
    assert session.refresh()
    assert not torch.equal(scores[0], session.scores[0])
    assert session.baseline.loss != loss
    session.close()
    assert parameters(model) == trained
    assert all((layer == 1).all() for layer in model.mask)


def test_a_cut_is_said_in_words_and_can_be_taken_back(model: KAN) -> None:
    session = PruningSession(model)
    before = bits(model)
    assert session.warnings == []
    assert "node layer 1 is empty" in session.preview(node_threshold=100.0).warnings[0]
    assert bits(model) == before
    session.set(node_threshold=100.0)
    assert "the model is constant" in session.warnings[0]
    assert session.compact().width == [2, 1, 1]
    assert model(torch.zeros(3, 2)).unique().numel() == 1
    session.set(node_threshold=0.0)
    assert session.warnings == []
    assert bits(model) == before


def test_curves_are_the_models_functions_whether_on_or_off(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    model.remove_edge(0, 0, 1)
    session = PruningSession(model, dataset)
    x, y = session.baseline.curves[0]
    assert x.shape == (2, 64)
    assert y.shape == (5, 2, 64)
    seen = dataset["train_input"]
    assert torch.allclose(x[:, 0], seen.amin(0))
    assert torch.allclose(x[:, -1], seen.amax(0))
    assert (y[1, 0] != 0).any()
    model.restore_edge(0, 0, 1)
    assert torch.allclose(model.layers[0].activations(x.T), y)


def test_a_closed_session_says_so(model: KAN) -> None:
    session = PruningSession(model)
    session.close()
    session.close()
    with pytest.raises(RuntimeError, match="closed"):
        session.remove_edge(0, 0, 0)


def test_switching_off_what_is_off_already_counts(model: KAN) -> None:
    session = PruningSession(model)
    session.set(node_threshold=100.0)
    model.remove_edge(0, 0, 0)  # the mask does not change
    session.set(node_threshold=0.0)
    assert model.mask[0][0, 0] == 0
    session.remove_edge(0, 1, 2)
    model.remove_node(1, 2)
    session.close()
    assert sum(int(layer.sum()) for layer in model.mask) == 15 - 1 - 3


def test_idle_sessions_on_one_model_stay_idle(model: KAN) -> None:
    first, second = PruningSession(model), PruningSession(model)
    first.remove_edge(0, 0, 0)
    second.remove_edge(0, 0, 1)
    for _ in range(2):
        first.refresh()
        second.refresh()
    assert not first.refresh()
    assert not second.refresh()


@given(seed=st.integers(0, 10**6), order=st.booleans())
def test_two_sessions_leave_no_trace_whatever_they_do(
    random_kan: Make, seed: int, order: bool
) -> None:
    rng = random.Random(seed)
    model = random_kan(WIDTH, seed, 0.9)
    before = bits(model)
    sessions = [PruningSession(model), PruningSession(model)]
    for _ in range(12):
        session = rng.choice(sessions)
        l = rng.randrange(3)
        edge = (l, rng.randrange(WIDTH[l]), rng.randrange(WIDTH[l + 1]))
        rng.choice(
            [
                lambda s=session, e=edge: s.remove_edge(*e),
                lambda s=session, e=edge: s.restore_edge(*e),
                lambda s=session, e=edge: s.remove_node(e[0], e[1]),
                lambda s=session: s.set(node_threshold=rng.choice([0.0, 0.1, 0.3])),
                lambda s=session: s.reset(),
                lambda s=session: s.refresh(),
            ]
        )()
    for session in sessions if order else sessions[::-1]:
        session.close()
    assert bits(model) == before


def test_a_score_that_is_no_number_is_not_below_a_threshold(model: KAN) -> None:
    with torch.no_grad():
        model.layers[0].coef[2, 0] = float("nan")
    session = PruningSession(model)
    session.set(edge_threshold=1e-6)
    assert session.mask[0][2, 0]
    assert session.tradeoff("edge").active_edges[0] == session.active_edges


@pytest.mark.parametrize("strange", [float("nan"), float("inf"), 1e20])
def test_a_bias_that_others_spoil_and_mend_is_mended(
    model: KAN, dataset: dict[str, Tensor], strange: float
) -> None:
    bias = [layer.bias.detach().clone() for layer in model.layers]
    with PruningSession(model, dataset) as session:
        session.remove_edge(0, 0, 1)
        with torch.no_grad():
            model.layers[1].bias.fill_(strange)
        session.refresh()
        with torch.no_grad():
            model.layers[1].bias.copy_(bias[1])
        session.refresh()
        assert torch.equal(model.layers[1].bias, bias[1])
        session.reset()
    assert all(torch.equal(layer.bias, b) for layer, b in zip(model.layers, bias, strict=True))
