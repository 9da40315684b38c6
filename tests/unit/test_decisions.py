"""Decisions are declared once, and one rule says what a threshold removes."""

from __future__ import annotations

import math

import pytest
import torch

from kanwidget import KANWidget
from kanwidget.masks.edits import Edits
from kanwidget.masks.effective import SMALLEST_THRESHOLD, off_threshold, removed_by
from kanwidget.masks.state import State


def test_every_decision_is_a_trait_of_the_widget() -> None:
    assert set(State.names()) <= set(KANWidget.writable_traits())
    assert list(State().to_dict()) == State.names()


def test_a_state_comes_back_from_plain_values() -> None:
    edits = Edits(frozenset({(0, 1, 2)}), frozenset({(0, 0, 0)}), frozenset({(1, 2)}))
    state = State(0.25, 0.5, False, edits)
    assert State.from_dict(state.to_dict()) == state
    width, slots = [2, 3, 1], ()
    assert State().changed(state.arguments(State()), width, slots) == state


def test_an_edge_has_one_kind_of_edit() -> None:
    edits = (
        Edits().with_edit("kept_edges", [(0, 0, 0), (0, 1, 0)]).with_edit("kept_nodes", [(1, 0)])
    )
    removed = edits.with_edit("removed_edges", [(0, 0, 0)])
    assert removed.kept_edges == {(0, 1, 0)}
    assert removed.removed_edges == {(0, 0, 0)}
    assert removed.kept_nodes == edits.kept_nodes


@pytest.mark.parametrize("threshold", [0.0, SMALLEST_THRESHOLD / 2, SMALLEST_THRESHOLD, 0.5, 2.0])
def test_both_forms_of_the_threshold_rule_agree(threshold: float) -> None:
    scores = [-1.0, 0.0, 1e-300, 0.5, 0.5000001, 7.0, math.inf, -math.inf, math.nan]
    given = torch.tensor(scores, dtype=torch.float64)
    removed = removed_by(given, threshold)
    assert torch.equal(removed, off_threshold(given) <= threshold)
    assert removed.any() == (threshold >= SMALLEST_THRESHOLD)
