"""How a run is pruned at its end: policies by name, by threshold, or of a person's own."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from kanwidget.kan import KAN
from kanwidget.masks.reachability import leads_to_outputs, reachable_from_inputs
from kanwidget.masks.validate import check_threshold
from kanwidget.session import PruningSession

__all__ = ["check_policy", "count_live_edges", "prune_with"]

Policy = str | float | Callable[[PruningSession], object] | None

WITHIN = re.compile(r"\s*within\s+([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*%\s*")


def check_policy(policy: Any) -> None:
    """Raise a ValueError or TypeError unless this is a policy."""
    if policy is None or callable(policy):
        return
    if not isinstance(policy, str):
        check_threshold(policy, "prune")
    elif not WITHIN.fullmatch(policy):
        raise ValueError(
            f"prune must be such as 'within 5%', an edge threshold, or a function of a "
            f"PruningSession; got {policy!r}"
        )


def prune_with(policy: Policy, session: PruningSession) -> None:
    """Prune a session's model by a policy, take off what leads nowhere, and commit.

    Parameters
    ----------
    policy : str, float or callable
        ``"within 5%"`` leaves the fewest edges whose loss is at most 5 % above the lowest along
        the edge threshold. A number is an edge threshold. A function gets the session and may do
        to it what it likes.
    session : PruningSession
    """
    if callable(policy):
        policy(session)
    elif isinstance(policy, str):
        found = WITHIN.fullmatch(policy)
        share = float(found[1]) / 100 if found else math.nan
        session.set(edge_threshold=session.threshold_for(share))
    elif policy is not None:
        session.set(edge_threshold=policy)
    mask = session.mask
    alive = zip(reachable_from_inputs(mask), leads_to_outputs(mask), strict=True)
    dead = [(l, i) for l, (a, b) in enumerate(alive) for i in (~(a & b)).nonzero().flatten()]
    hidden = [(l, int(i)) for l, i in dead if 0 < l < len(mask)]
    if hidden:
        session.set(removed_nodes=sorted({*session.edits.removed_nodes, *hidden}))
    session.commit()


def count_live_edges(model: KAN) -> int:
    """Count the edges that are on and lie on a way from an input to an output."""
    mask = model.mask
    nodes = [
        reached & leads
        for reached, leads in zip(reachable_from_inputs(mask), leads_to_outputs(mask), strict=True)
    ]
    return sum(
        int(((layer != 0) & nodes[l] & nodes[l + 1].unsqueeze(1)).sum())
        for l, layer in enumerate(mask)
    )
