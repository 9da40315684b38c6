"""Makes a new baseline and new decisions from a model that others have changed.

An example. A session has an edge threshold of 0.1, which removed the edges A and B with scores of
0.05 and 0.08. Their means are 0.1 and 0.2. The bias of their target is 1.0 in the baseline, so that
it is 1.0 + 0.1 + 0.2 = 1.3 in the model. Then a cell trains the model: the bias is 1.5 now, and the
scores are 0.05 for A, 0.12 for B, and 0.09 for an edge C that is on.

1. The bias of the new baseline is what the model has without the means: 1.5 - 0.3 = 1.2. A and B
   keep the means that they had, so that under the same mask the model computes what was trained:
   1.2 + 0.3 = 1.5.
2. C was on and has to stay on, but its 0.09 is below the threshold of 0.1. So
   `lower_thresholds_to_keep` sets this to 0.06, which removes A and not C.
3. B was off and has to stay off, but its 0.12 is above the threshold. `remove_what_returns` removes
   it by hand.

Had the cell switched an edge on instead of training, that edge would be on in the new baseline, and
kept on by hand if a threshold would remove it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from kanwidget.evaluate.baseline import Baseline
from kanwidget.evaluate.evaluator import Evaluator
from kanwidget.masks.edit_operations import remove_node, restore_edge
from kanwidget.masks.edits import Edits
from kanwidget.masks.effective import (
    MaskRule,
    node_scores,
)
from kanwidget.masks.ids import Edge, edge_at, edges_where, set_edge_at
from kanwidget.masks.reachability import slots_of
from kanwidget.masks.state import State

from .live_model import ExternalChanges
from .mask_and_bias import MaskAndBias
from .script import shortest_thresholds
from .words import OUTSIDE, Message

__all__ = [
    "Adopted",
    "adopt",
    "baseline_in_dtype_of",
    "lowered_thresholds",
    "notice",
    "what_changed",
]


RELATIVE_ROUNDING = 1e-6
"""By which share a score may differ and still be the same one."""


@dataclass(frozen=True)
class Adopted:
    """A session's baseline and decisions after others have changed its model.

    Attributes
    ----------
    baseline : Baseline
    state : State
    kept_off : set of (l, i, j)
        Edges that would be on by their new scores, and were removed by hand to stay off.
    """

    baseline: Baseline
    state: State
    kept_off: frozenset[Edge] = frozenset()


def adopt(
    old: Baseline, state: State, written: MaskAndBias, found: ExternalChanges, evaluator: Evaluator
) -> Adopted:
    """Return the baseline and the decisions that give the mask which others left in a model.

    Edges that were off stay off, whatever they score now, and their means stay in the biases:
    with these the model was trained. Edges that were on stay on. See the example above. Nothing
    is written to the model here.

    Parameters
    ----------
    old, state
        The baseline and the decisions until now.
    written : MaskAndBias
        What the session had written to the model.
    found : ExternalChanges
        What is in the model now.
    evaluator : Evaluator
        Of the model as it is now.
    """
    live = found.live
    if not written.fits(live):
        baseline = evaluator.make_baseline(live.mask, live.bias, score=old.score)
        baseline = replace(baseline, restore_to=found.restore_to)
        return Adopted(baseline, replace(state, edits=Edits()))
    old, written = baseline_in_dtype_of(old, live), written.like(live)
    keep, edits = state.keep_mean, state.edits
    mask, bias, folded, changed = old.with_external_changes(written, live, keep)
    edges = edges_where(changed)
    shares = old.bias_shares(written.mask, keep)
    for edge, on in found.switched:
        if not on and edge_at(mask, edge):  # a preview had it off: its mean stays in the bias
            l, _, j = edge
            bias[l][j] += edge_at(shares, edge)
            set_edge_at(folded, edge, edge_at(shares, edge))
        set_edge_at(mask, edge, on)
        edges.append(edge)
    edits = edits.without_edit("removed_edges", edges).without_edit("kept_edges", edges)
    baseline = replace(
        evaluator.make_baseline(mask, bias, folded, old.score), restore_to=found.restore_to
    )
    if keep:
        baseline = baseline.with_means_of(old, live.mask)
    if not edges:
        baseline = replace(baseline, trained=(live.mask, live.bias, keep))
    rule = baseline.mask_rule(state)
    for edge in edges:
        if edge_at(baseline.mask, edge):
            edits = restore_edge(edits, edge, rule)
    before = old.mask_rule(state)
    state = lower_thresholds_to_keep(replace(state, edits=edits), live.mask, baseline)
    state = raise_by_rounding(state, live.mask, baseline)
    rule = baseline.mask_rule(state)
    edits, kept_off = remove_what_returns(edits, live.mask, before, rule)
    return Adopted(baseline, replace(state, edits=edits), kept_off)


def what_changed(
    written: MaskAndBias, found: ExternalChanges, before: Evaluator, now: Evaluator
) -> tuple[str, ...]:
    """Return what others did to a model, as keys of `words.OUTSIDE`.

    Parameters
    ----------
    written : MaskAndBias
        What the session had written to it.
    found : ExternalChanges
    before, now : Evaluator
        Of the model as it was, and as it is.
    """
    live = found.live
    if not written.fits(live):
        return ("layers",)
    moved = [(b.dtype, b.device) for b in written.bias] != [(b.dtype, b.device) for b in live.bias]
    formulas = before.adapter.symbolic() != now.adapter.symbolic()
    pairs = zip(written.like(live).mask, live.mask, strict=True)
    changes = {
        "type": moved,
        "formulas": formulas,
        "trained": found.retrained and not (moved or formulas),
        "edges": bool(found.switched) or not all(bool((a == b).all()) for a, b in pairs),
    }
    return tuple(change for change in OUTSIDE if changes.get(change))


def lowered_thresholds(before: State, after: State) -> list[tuple[str, float, float]]:
    """Return which thresholds were lowered so that what was on stays on: kind, from, to."""
    pairs = [
        (kind, getattr(before, f"{kind}_threshold"), getattr(after, f"{kind}_threshold"))
        for kind in ("node", "edge")
    ]
    return [(kind, was, now) for kind, was, now in pairs if now < was]


def notice(before: State, after: State) -> Message:
    """Return the message that thresholds were lowered, or ()."""
    lowered = lowered_thresholds(before, after)
    return ("thresholds_lowered", *lowered) if lowered else ()


def baseline_in_dtype_of(baseline: Baseline, live: MaskAndBias) -> Baseline:
    """Return a baseline on the device and in the dtype of a model's masks and biases."""
    mask, bias = MaskAndBias(baseline.mask, baseline.bias).like(live)
    means, folded = (
        [t.to(b) for t, b in zip(tensors, live.bias, strict=True)]
        for tensors in (baseline.means, baseline.folded)
    )
    scores = [s.to(m.device) for s, m in zip(baseline.scores, live.mask, strict=True)]
    moved = replace(baseline, mask=mask, bias=bias, means=means, folded=folded, scores=scores)
    if baseline.trained is None:
        return moved
    on, constant, keep = baseline.trained
    return replace(moved, trained=(*MaskAndBias(on, constant).like(live), keep))


def lower_thresholds_to_keep(state: State, was: Sequence[Tensor], baseline: Baseline) -> State:
    """Lower the thresholds until no edge that was on is removed by its new score.

    To keep such edges on by hand would make the thresholds pass over them, and they are what is
    to be removed next.

    Parameters
    ----------
    state : State
    was : list of Tensor
        The mask until now.
    baseline : Baseline
        The new one, with the new scores.
    """
    mine = [on & base for on, base in zip(was, baseline.mask, strict=True)]
    for l, i, j in state.edits.kept_edges:
        mine[l][j, i] = False
    edges = torch.cat([s[on] for s, on in zip(baseline.scores, mine, strict=True)])
    slots = baseline.slots
    ends = [mine[0].new_zeros(layer.shape[1]) for layer in mine[1:]]
    for l, (before, after) in enumerate(pairwise(mine)):
        used = before.any(dim=1)
        into = [bool(used[slots_of(slots, (l + 1, i))].any()) for i in range(len(ends[l]))]
        ends[l] = after.any(dim=0) | torch.tensor(into, device=after.device)
    for l, i in state.edits.kept_nodes:
        if 0 < l <= len(ends):
            ends[l - 1][i] = False
    scores = node_scores(baseline.scores, slots)
    nodes = torch.cat([edges[:0], *(s[on] for s, on in zip(scores, ends, strict=True))])
    node = _threshold_below(nodes, state.node_threshold, scores)
    edge = _threshold_below(edges, state.edge_threshold, baseline.scores)
    short = shortest_thresholds(replace(state, node_threshold=node, edge_threshold=edge), baseline)
    if node < state.node_threshold:
        state = replace(state, node_threshold=short.node_threshold)
    if edge < state.edge_threshold:
        state = replace(state, edge_threshold=short.edge_threshold)
    return state


def raise_by_rounding(state: State, was: Sequence[Tensor], baseline: Baseline) -> State:
    """Raise the thresholds to what they removed, where that scores more now by rounding alone.

    Parameters
    ----------
    state, was, baseline
        As for `lower_thresholds_to_keep`.
    """
    edges = torch.cat([s.flatten() for s in baseline.scores])
    nodes = torch.cat([edges[:0], *node_scores(baseline.scores, baseline.slots)])
    moved: dict[str, Any] = {}
    for name, scores in (("node_threshold", nodes), ("edge_threshold", edges)):
        threshold = getattr(state, name)
        near = scores[(scores > threshold) & (scores <= threshold * (1 + RELATIVE_ROUNDING))]
        moved[name] = float(near.max()) if len(near) else threshold
    raised = replace(state, **moved)
    mask = baseline.mask_rule(raised).mask(raised.edits)
    same = all(torch.equal(now, on) for now, on in zip(mask, was, strict=True))
    return raised if same else state


def _threshold_below(kept: Tensor, threshold: float, scores: Sequence[Tensor]) -> float:
    """Return the threshold, or the largest score below all that have to be left, or 0."""
    if not (kept <= threshold).any():
        return threshold
    least = kept[~kept.isnan()].min()
    below = torch.cat([s[s < least] for s in scores])
    return max(0.0, float(below.max())) if len(below) else 0.0


def remove_what_returns(
    edits: Edits, was: Sequence[Tensor], before: MaskRule, rule: MaskRule
) -> tuple[Edits, frozenset[Edge]]:
    """Remove by hand all edges that were off and would be on by their new scores.

    A node that the threshold had removed is removed as a node.

    Parameters
    ----------
    edits : Edits
    was : list of Tensor
        The mask until now.
    before, rule : MaskRule
        From decisions to masks, until now and from now on.

    Returns
    -------
    edits : Edits
    edges : set of (l, i, j)
        Those that would be on.
    """
    back = [now & ~on for now, on in zip(rule.mask(edits), was, strict=True)]
    edges = edges_where(back)
    for node in sorted({(l, i) for l, i, _ in edges if l > 0}):
        others = [edge for side in rule.edges_by_side(node) for edge in side]
        if before.removes_node(node, edits) and not any(edge_at(was, edge) for edge in others):
            edits = remove_node(edits, node)
    mask = rule.mask(edits)
    left = {edge for edge in edges if edge_at(mask, edge)}
    return replace(edits, removed_edges=edits.removed_edges | left), frozenset(edges)
