"""Nodes that multiply: a session treats each factor as a way in that its node needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from products import Products, ProductsAdapter, by_hand
from test_tables import forward as by_cells
from test_tables import table_of
from torch import Tensor

from kanwidget import PruningSession
from kanwidget.masks import effective
from kanwidget.session import step_applier

WIDTH, SLOTS = [2, 3, 2], [[0, 1, 1, 2], [0, 0, 1]]
EDGES = [(l, i, j) for l, own in enumerate(SLOTS) for j in range(len(own)) for i in range(WIDTH[l])]
NODES = [(l, i) for l, n in enumerate(WIDTH) for i in range(n)]


@pytest.fixture(autouse=True)
def adapted() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step_applier, "adapt", ProductsAdapter)
        yield


@pytest.fixture
def session() -> Iterator[PruningSession]:
    with PruningSession(Products(WIDTH, SLOTS)) as session:
        yield session


def some(of: list[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(of), max_size=3)


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    level = st.one_of(st.just(0.0), st.floats(0.05, 1.5))
    return {
        "node_threshold": draw(level),
        "edge_threshold": draw(level),
        "removed_edges": draw(some(EDGES)),
        "kept_edges": draw(some(EDGES)),
        "removed_nodes": draw(some(NODES)),
        "kept_nodes": draw(some(NODES[2:5])),
        "keep_mean": draw(st.booleans()),
    }


def factors(node: tuple[int, int]) -> list[int]:
    l, i = node
    return [j for j, owner in enumerate(SLOTS[l - 1]) if owner == i] if l else []


def ruled(session: PruningSession) -> list[list[list[bool]]]:
    """The rule, edge by edge: what a hand says last, then thresholds on scores of the best edge."""
    state, base = session.state, session.baseline
    score = {e: float(base.scores[e[0]][e[2], e[1]]) for e in EDGES}
    taken = set()
    for l, i in NODES[2:5]:
        into = max(score[e] for e in EDGES if e[0] == l - 1 and e[2] in factors((l, i)))
        out = max(score[e] for e in EDGES if e[:2] == (l, i))
        if 0 < state.node_threshold >= min(into, out) and (l, i) not in state.edits.kept_nodes:
            taken.add((l, i))

    def on(edge: tuple[int, int, int]) -> bool:
        l, i, j = edge
        ends = {(l, i), (l + 1, SLOTS[l][j])}
        if edge in state.edits.removed_edges or ends & state.edits.removed_nodes:
            return False
        weak = 0 < state.edge_threshold >= score[edge]
        return edge in state.edits.kept_edges or not (weak or ends & taken)

    return [
        [[on((l, i, j)) for i in range(WIDTH[l])] for j in range(len(SLOTS[l]))] for l in (0, 1)
    ]


@given(steps=st.lists(changes(), min_size=1, max_size=4), seed=st.integers(0, 50))
@settings(max_examples=60)
def test_model_masks_and_cells_are_what_the_rule_says_by_hand(
    steps: list[dict[str, Any]], seed: int
) -> None:
    model = Products(WIDTH, SLOTS, seed)
    x, before = model.seen, model(model.seen)
    with PruningSession(model) as session:
        base, table = session.baseline, table_of(session)
        assert table is not None
        for step in steps:
            session.set(**step)
            assert [m.tolist() for m in model.on] == ruled(session)
            bias = base.bias_under(session.mask, step["keep_mean"])
            wanted = by_hand(model, session.mask, bias, x)
            assert np.abs(model(x).numpy() - wanted).max() < 1e-12
            seen = with_offsets(model, table, session)
            assert np.abs(seen - wanted).max() <= 1e-8 * max(1.0, np.abs(wanted).max())
    assert torch.equal(model(x), before)


def with_offsets(model: Products, table: Any, session: PruningSession) -> Any:
    return by_cells(table, session, model.seen.numpy(), SLOTS, WIDTH, model.offset)


@given(edits=changes(), node=st.sampled_from(NODES))
def test_a_restored_node_has_all_its_factors_and_a_way_out(
    edits: dict[str, Any], node: tuple[int, int]
) -> None:
    with PruningSession(Products(WIDTH, SLOTS)) as session:
        # What was taken from other nodes would stay with them.
        session.set(**edits | {"node_threshold": 0.0, "removed_nodes": [node]})
        l, i = node
        assert not any(session.mask[l - 1][j].any() for j in factors(node))
        assert l == 2 or not session.mask[l][:, i].any()
        assert session.preview_toggle(*node).active_edges > session.active_edges
        session.restore_node(*node)
        assert all(session.mask[l - 1][j].any() for j in factors(node))
        assert l == 2 or session.mask[l][:, i].any()
        session.remove_node(*node)
        assert not any(session.mask[l - 1][j].any() for j in factors(node))


def test_restoring_an_edge_of_a_removed_product_leaves_its_other_edges_off(
    session: PruningSession,
) -> None:
    session.remove_node(1, 1)
    session.restore_edge(0, 0, 2)
    assert session.mask[0].tolist() == [[True, True], [False, False], [True, False], [True, True]]
    assert not session.mask[1][:, 1].any()
    session.restore_node(1, 1)
    # The factor that had an edge keeps that one; the one that had none has all.
    assert session.mask[0].tolist() == [[True, True], [True, True], [True, False], [True, True]]
    assert session.mask[1][:, 1].all()


@given(edits=changes(), what=st.sampled_from([*EDGES, *NODES]))
def test_a_model_comes_back_bit_for_bit(edits: dict[str, Any], what: Any) -> None:
    model = Products(WIDTH, SLOTS)

    def bits() -> list[bytes]:
        return [t.detach().numpy().tobytes() for t in [*model.on, *model.bias]]

    first = bits()
    with PruningSession(model) as session:
        remove, restore = (
            (session.remove_edge, session.restore_edge)
            if len(what) == 3
            else (session.remove_node, session.restore_node)
        )
        remove(*what)
        restore(*what)
        assert bits() == first
        session.set(**edits)
        there, id = bits(), session.history.current.id
        remove(*what)
        session.commit()
        session.jump(id)
        assert bits() == there
        session.jump(0)
        assert bits() == first
        session.jump(id)
    assert bits() == first


def paid(model: Products, session: PruningSession, mask: list[Tensor], bias: list[Tensor]) -> float:
    labels = session.data.test_labels.numpy()
    return float(np.sqrt(np.mean((by_hand(model, mask, bias, model.seen) - labels) ** 2)))


@given(edits=changes(), first=changes(), axis=st.sampled_from(["node", "edge"]))
@settings(max_examples=25)
def test_every_point_of_a_curve_is_the_loss_of_a_really_masked_model(
    edits: dict[str, Any], first: dict[str, Any], axis: str
) -> None:
    model = Products(WIDTH, SLOTS)
    with PruningSession(model) as session:
        session.set(**first)
        session.commit()
        session.set(**edits)
        curve, base, state = session.tradeoff(axis), session.baseline, session.state
        for level, active, *losses in zip(
            curve.thresholds,
            curve.active_edges,
            curve.loss_zeroed,
            curve.loss_kept,
            strict=True,
        ):
            there = replace(state, **{f"{axis}_threshold": float(level)})
            mask = base.mask_rule(there).mask(there.edits)
            assert active == sum(int(m.sum()) for m in mask)
            for keep, loss in zip((False, True), losses, strict=True):
                wanted = paid(model, session, mask, base.bias_under(mask, keep))
                assert loss == pytest.approx(wanted, rel=1e-9, abs=1e-9)
        ends = replace(state, **{f"{axis}_threshold": 1e9})
        gone = sum(int(m.sum()) for m in base.mask_rule(ends).mask(ends.edits))
        assert gone == curve.active_edges[-1]


@given(edits=changes())
@settings(max_examples=25)
def test_each_cost_is_the_loss_of_a_really_masked_model(edits: dict[str, Any]) -> None:
    model = Products(WIDTH, SLOTS)
    with PruningSession(model) as session:
        session.set(**edits)
        costs, base, state = session.costs(), session.baseline, session.state
        mask = session.mask
        assert [t.shape for t in costs.edges_kept] == [m.shape for m in mask]
        assert [len(t) for t in costs.nodes_kept] == WIDTH[1:-1]
        keep = state.keep_mean
        of_edges, of_nodes = (
            (costs.edges_kept, costs.nodes_kept)
            if keep
            else (costs.edges_zeroed, costs.nodes_zeroed)
        )
        for l, i, j in EDGES:
            if not mask[l][j, i]:
                assert of_edges[l][j, i].isnan()
                continue
            now = [m.clone() for m in mask]
            now[l][j, i] = False
            wanted = paid(model, session, now, base.bias_under(now, keep))
            assert of_edges[l][j, i].item() == pytest.approx(wanted, rel=1e-9, abs=1e-9)
        for node in NODES[2:5]:
            now = [m.clone() for m in mask]
            for side in effective.sides(now, node, SLOTS):
                side.fill_(False)
            found = of_nodes[node[0] - 1][node[1]]
            if all(torch.equal(a, b) for a, b in zip(now, mask, strict=True)):
                assert found.isnan()
                continue
            wanted = paid(model, session, now, base.bias_under(now, keep))
            assert found.item() == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def test_losing_one_factor_is_said_in_words() -> None:
    model = Products(WIDTH, SLOTS)
    with torch.no_grad():
        model.bias[0].zero_()
    session = PruningSession(model)
    lost = "Factor 2 of the product h1,1 has lost its last edge"
    both = [(0, 0, 2), (0, 1, 2)]
    session.set(removed_edges=both, keep_mean=False)
    assert session.warnings == [f"{lost} and is 0: the whole product is."]
    (kept,) = session.preview(keep_mean=True).warnings
    assert kept.startswith(f"{lost}: it is always ")
    # A product that is gone altogether has lost no factor, nor has one that nobody reads.
    session.set(removed_edges=[], removed_nodes=[(1, 1)])
    assert session.warnings == []
    session.set(removed_edges=[*both, (1, 1, 0), (1, 1, 1), (1, 1, 2)], removed_nodes=[])
    assert session.warnings == []
    assert session.dead_ends() == [(1, 1)]
    session.remove_dead_ends()
    assert session.dead_ends() == []


def test_edges_are_counted_by_factors(session: PruningSession) -> None:
    session.remove_edge(0, 1, 3)
    assert session.edits.removed_edges == {(0, 1, 3)}
    with pytest.raises(IndexError, match="4 factors and sums"):
        session.remove_edge(0, 1, 4)
    with pytest.raises(IndexError, match="3 factors and sums"):
        session.set(kept_edges=[(1, 0, 3)])
    with pytest.raises(IndexError, match="3 nodes in node layer 1"):
        session.remove_node(1, 3)


def test_a_session_with_products_is_kept_and_scripted(session: PruningSession) -> None:
    session.set(node_threshold=0.4, removed_edges=[(0, 1, 3)])
    session.commit()
    session.remove_node(2, 0)
    content, script, mask = session.to_dict(), session.script(), session.mask
    with PruningSession.from_dict(content, Products(WIDTH, SLOTS)) as again:
        assert all(map(torch.equal, again.mask, mask))
        assert again.script() == script
