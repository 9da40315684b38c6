"""What becomes of a session's state when others have changed its model.

An example. A session has an edge threshold of 0.1, which took two edges; their means, 0.3
together, are in a bias of 1.0, which is 1.3 in the model. A cell then trains the model: the bias
is 1.5, and by their new scores the threshold would take one of the two edges only, and a third.
The new baseline has a bias of 1.5 - 0.3 = 1.2. Both edges stay off, the first by the threshold
and the other by hand, and leave the means that they left before, so that the model computes what
was trained: 1.2 + 0.3 = 1.5. The threshold is lowered until the third edge stays on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kanwidget.kan.checks import Edge
from kanwidget.kan.pruning import Edits

from . import edits as acts
from .baseline import Baseline
from .evaluator import Evaluator
from .history import State
from .live_model import Found, Masks

__all__ = ["Adopted", "adopt", "like"]


@dataclass(frozen=True)
class Adopted:
    """What a session stands on from then on.

    Attributes
    ----------
    baseline, state
        Its baseline and its decisions.
    kept_off : int
        How many edges would have come back, and were switched off by hand.
    """

    baseline: Baseline
    state: State
    kept_off: int = 0


def adopt(old: Baseline, state: State, shown: Masks, found: Found, evaluator: Evaluator) -> Adopted:
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
        if not on and acts.at(mask, edge):  # it was off already, and its mean stays where it is
            l, _, j = edge
            bias[l][j] += acts.at(shares, edge)
            acts.put(folded, edge, acts.at(shares, edge))
        acts.put(mask, edge, on)
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
    ground = acts.Ground.of(baseline, state)
    for edge in edges:
        if acts.at(baseline.mask, edge):
            edits = acts.restore_edge(edits, edge, ground)
    before = acts.Ground.of(old, state)
    state = acts.keep_on(replace(state, edits=edits), live.mask, baseline)
    ground = acts.Ground.of(baseline, state)
    edits, kept_off = acts.keep_off(edits, live.mask, before, ground)
    return Adopted(baseline, replace(state, edits=edits), kept_off)


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
