"""What becomes of a session's state when others have changed its model.

An example. A session has an edge threshold of 0.1, which took two edges; their means, 0.3
together, are in a bias of 1.0, which is 1.3 in the model. A cell then trains the model: the bias
is 1.5, and by their new scores the threshold would take one of the two edges only, and a third.
The new baseline has a bias of 1.5 - 0.3 = 1.2. Both edges stay off, the first by the threshold
and the other by hand, and leave the means that they left before, so that the model computes what
was trained: 1.2 + 0.3 = 1.5. The threshold is lowered until the third edge stays on.
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
from kanwidget.masks.ids import Edge, edge_at, set_edge_at
from kanwidget.masks.reachability import slots_of
from kanwidget.masks.state import State

from .live_model import ExternalChanges, Masks
from .script import shortest_thresholds
from .words import OUTSIDE, Message

__all__ = ["Adopted", "adopt", "like", "lowered_thresholds", "notice", "what_changed"]


ROUNDING = 1e-6
"""By which share a score may differ and still be the same one."""


@dataclass(frozen=True)
class Adopted:
    """What a session stands on from then on.

    Attributes
    ----------
    baseline, state
        Its baseline and its decisions.
    kept_off : set of (l, i, j)
        Edges that would have come back, and were switched off by hand.
    """

    baseline: Baseline
    state: State
    kept_off: frozenset[Edge] = frozenset()


def adopt(
    old: Baseline, state: State, shown: Masks, found: ExternalChanges, evaluator: Evaluator
) -> Adopted:
    """Make what others left in the model the new baseline, under the same thresholds.

    What was off stays off, whatever it scores now, and leaves the same means: so others have
    trained the model. What was on stays on. Nothing is changed here.

    Parameters
    ----------
    old, state, shown
        What the session stood on, what was decided, and what it had written to the model.
    found : Found
    evaluator : Evaluator
        Of the model as others left it.
    """
    live = found.live
    if not shown.fits(live):
        baseline = evaluator.baseline(live.mask, live.bias, score=old.score)
        return Adopted(replace(baseline, back=found.back), _bare(state))
    old, shown = like(old, live), shown.like(live)
    keep, edits = state.keep_mean, state.edits
    mask, bias, folded, changed = old.changed_outside(shown, live, keep)
    edges: list[Edge] = [(l, i, j) for l, c in enumerate(changed) for j, i in c.nonzero().tolist()]
    shares = old.shares(shown.mask, keep)
    for edge, on in found.switched:
        if not on and edge_at(mask, edge):  # it was off already, and its mean stays where it is
            l, _, j = edge
            bias[l][j] += edge_at(shares, edge)
            set_edge_at(folded, edge, edge_at(shares, edge))
        set_edge_at(mask, edge, on)
        edges.append(edge)
    edits = replace(
        edits,
        removed_edges=edits.removed_edges - set(edges),
        kept_edges=edits.kept_edges - set(edges),
    )
    baseline = replace(evaluator.baseline(mask, bias, folded, old.score), back=found.back)
    if keep:
        baseline = baseline.keeping_means(old, live.mask)
    if not edges:
        baseline = replace(baseline, trained=(live.mask, live.bias, keep))
    ground = baseline.mask_rule(state)
    for edge in edges:
        if edge_at(baseline.mask, edge):
            edits = restore_edge(edits, edge, ground)
    before = old.mask_rule(state)
    state = lower_thresholds_to_keep(replace(state, edits=edits), live.mask, baseline)
    state = raise_by_rounding(state, live.mask, baseline)
    ground = baseline.mask_rule(state)
    edits, kept_off = remove_what_returns(edits, live.mask, before, ground)
    return Adopted(baseline, replace(state, edits=edits), kept_off)


def what_changed(
    shown: Masks, found: ExternalChanges, before: Evaluator, now: Evaluator
) -> tuple[str, ...]:
    """Return which of `words.OUTSIDE` became of a model that looked as ``shown``.

    ``before`` and ``now`` measure it as it was and as it is.
    """
    live = found.live
    if not shown.fits(live):
        return ("layers",)
    moved = [(b.dtype, b.device) for b in shown.bias] != [(b.dtype, b.device) for b in live.bias]
    formulas = before.adapter.symbolic() != now.adapter.symbolic()
    pairs = zip(shown.like(live).mask, live.mask, strict=True)
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


def _bare(state: State) -> State:
    return replace(state, edits=Edits())


def like(baseline: Baseline, live: Masks) -> Baseline:
    """Return a baseline on the device and in the dtype of a model's masks and biases."""
    mask, bias = Masks(baseline.mask, baseline.bias).like(live)
    means, folded = (
        [t.to(b) for t, b in zip(tensors, live.bias, strict=True)]
        for tensors in (baseline.means, baseline.folded)
    )
    scores = [s.to(m.device) for s, m in zip(baseline.scores, live.mask, strict=True)]
    moved = replace(baseline, mask=mask, bias=bias, means=means, folded=folded, scores=scores)
    if baseline.trained is None:
        return moved
    on, constant, keep = baseline.trained
    return replace(moved, trained=(*Masks(on, constant).like(live), keep))


def lower_thresholds_to_keep(state: State, was: Sequence[Tensor], baseline: Baseline) -> State:
    """Lower the thresholds as far as it takes to leave on what was on.

    Others have changed what it scores. To keep it on by hand would withdraw it from the
    thresholds, and it is what they should take next.

    Parameters
    ----------
    state : State
    was : list of Tensor
        The mask to come from.
    baseline : Baseline
        What the thresholds stand on from now on.
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
    node = _under(nodes, state.node_threshold, scores)
    edge = _under(edges, state.edge_threshold, baseline.scores)
    short = shortest_thresholds(replace(state, node_threshold=node, edge_threshold=edge), baseline)
    if node < state.node_threshold:
        state = replace(state, node_threshold=short.node_threshold)
    if edge < state.edge_threshold:
        state = replace(state, edge_threshold=short.edge_threshold)
    return state


def raise_by_rounding(state: State, was: Sequence[Tensor], baseline: Baseline) -> State:
    """Raise the thresholds by the rounding that what they took scores more now.

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
        near = scores[(scores > threshold) & (scores <= threshold * (1 + ROUNDING))]
        moved[name] = float(near.max()) if len(near) else threshold
    raised = replace(state, **moved)
    mask = baseline.mask_rule(raised).mask(raised.edits)
    same = all(torch.equal(now, on) for now, on in zip(mask, was, strict=True))
    return raised if same else state


def _under(kept: Tensor, threshold: float, scores: Sequence[Tensor]) -> float:
    """Return the threshold, or the largest score below all that must be left, or 0."""
    if not (kept <= threshold).any():
        return threshold
    least = kept[~kept.isnan()].min()
    below = torch.cat([s[s < least] for s in scores])
    return max(0.0, float(below.max())) if len(below) else 0.0


def remove_what_returns(
    edits: Edits, was: Sequence[Tensor], before: MaskRule, ground: MaskRule
) -> tuple[Edits, frozenset[Edge]]:
    """Switch off by hand what was off and would come back on another ground.

    A node that its threshold had taken goes as one.

    Parameters
    ----------
    edits : Edits
    was : list of Tensor
        The mask to come from.
    before, ground : Ground
        What it stood on, and what the edits stand on from now on.

    Returns
    -------
    edits : Edits
    edges : set of (l, i, j)
        Those that would have come back.
    """
    back = [now & ~on for now, on in zip(ground.mask(edits), was, strict=True)]
    edges = [(l, i, j) for l, layer in enumerate(back) for j, i in layer.nonzero().tolist()]
    for node in sorted({(l, i) for l, i, _ in edges if l > 0}):
        others = [edge for side in ground.sides(node) for edge in side]
        if before.takes(node, edits) and not any(edge_at(was, edge) for edge in others):
            edits = remove_node(edits, node)
    mask = ground.mask(edits)
    left = {edge for edge in edges if edge_at(mask, edge)}
    return replace(edits, removed_edges=edits.removed_edges | left), frozenset(edges)
