"""How a run is pruned and retrained: policies by name, by threshold, or of a person's own."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kanwidget.evaluate.tradeoff import Costs
from kanwidget.kan import KAN
from kanwidget.kan.fit_results import FitResults
from kanwidget.masks.reachability import leads_to_outputs, reachable_from_inputs
from kanwidget.masks.validate import check_number
from kanwidget.session import PruningSession

__all__ = [
    "Interrupted",
    "check_policy",
    "count_live_edges",
    "early_end",
    "prune_further",
    "prune_with",
]

Policy = str | float | Callable[[PruningSession], object] | None

WITHIN = re.compile(r"\s*within\s+([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*%\s*")


def check_policy(policy: Any) -> None:
    """Raise a ValueError or TypeError unless this is a policy."""
    if policy is None or callable(policy):
        return
    if not isinstance(policy, str):
        check_number(policy, "prune")
    elif not WITHIN.fullmatch(policy):
        raise ValueError(
            f"prune must be such as 'within 5%', an edge threshold, or a function of a "
            f"PruningSession; got {policy!r}"
        )


NODES_TRIED, EDGES_TRIED = 2, 3
"""How many of the cheapest hidden nodes and edges are tried before nothing more goes."""

MANY_EDGES = 24
"""With more edges than these, several go together."""

Ids = tuple[int, ...]
"""Of a node or an edge."""


class Interrupted(RuntimeError):
    """A training was interrupted, so that there is no run."""


def early_end(found: FitResults) -> str:
    """Return in words why a fit ended early, "" if it did not.

    Raises
    ------
    Interrupted
        If it was interrupted.
    """
    if found.ended_by("interrupted"):
        raise Interrupted(found.stopped)
    return found.stopped


def prune_with(
    policy: Policy, session: PruningSession, retrain: Mapping[str, Any] | None = None
) -> str:
    """Prune a session's model by a policy, take off what leads nowhere, retrain, and commit.

    Parameters
    ----------
    policy : str, float or callable
        ``"within 5%"`` leaves the fewest edges whose loss is at most 5 % above the lowest along
        the edge threshold, and with a retraining goes on as `prune_further` says. A number is
        an edge threshold. A function gets the session and may do to it what it likes.
    session : PruningSession
    retrain : dict, optional
        What `PruningSession.fit` takes.

    Returns
    -------
    str
        Why the last training ended early, "" if it did not.

    Raises
    ------
    Interrupted
        If a training was interrupted.
    """
    stopped = ""
    if callable(policy):
        policy(session)
    elif isinstance(policy, str):
        found = WITHIN.fullmatch(policy)
        share = float(found[1]) / 100 if found else math.nan
        if retrain is not None:
            _fit(session, retrain)  # what the regulariser holds back is no reason to keep an edge
        session.set(edge_threshold=session.threshold_for(share))
    elif policy is not None:
        session.set(edge_threshold=policy)
    _remove_what_leads_nowhere(session)
    if retrain is not None:
        stopped = _fit(session, retrain)
        if isinstance(policy, str):
            prune_further(session, share, retrain)
    session.commit()
    return stopped


def prune_further(session: PruningSession, share: float, retrain: Mapping[str, Any]) -> None:
    """Go on one hidden node or one edge at a time, as long as the loss allows it.

    It is backward elimination with a retraining at each step: what is cheapest to lose goes first,
    the rest is trained, and it stays off if the loss is then within the share of the lowest so far.
    Else it comes back, weights and all, and the next cheapest is tried. Nodes are tried first: two
    of them that share one curve can both lose no edge, but one of them can go. Of many edges the
    cheapest go together at first, a quarter at once, then an eighth, and so on.

    An example. Of a [2, 2, 1] with all 6 edges on, node (1, 0) costs least. Without its 3 edges and
    retrained, the loss is 3 % above the lowest: it stays off. Without any of the other 3 edges the
    loss is twice as high: each comes back, and the network is left with 3.

    Parameters
    ----------
    session : PruningSession
    share : float
        0.05 allows losses up to 1.05 times the lowest.
    retrain : dict
        What `PruningSession.fit` takes.
    """
    lowest, part = session.loss, 4
    while session.active_edges > 1:
        nodes, edges = _cheapest_first(session.costs())
        limit = lowest + share * abs(lowest)
        together = len(edges) // part if len(edges) > MANY_EDGES else 0
        if together > 1:
            if not _goes(session, edges[:together], limit, retrain):
                part *= 2
                continue
        else:
            tried = [*nodes[:NODES_TRIED], *edges[:EDGES_TRIED]]
            if not any(_goes(session, [ids], limit, retrain) for ids in tried):
                return
        lowest = min(lowest, session.loss)


def _cheapest_first(costs: Costs) -> tuple[list[Ids], list[Ids]]:
    """Return hidden nodes ``(l, i)`` and edges ``(l, i, j)`` in the order of what they cost."""
    nodes = [
        (cost, (l, i))
        for l, layer in enumerate(costs.nodes_kept, start=1)
        for i, cost in enumerate(layer.tolist())
        if math.isfinite(cost)
    ]
    edges = [
        (cost, (l, i, j))
        for l, layer in enumerate(costs.edges_kept)
        for j, into in enumerate(layer.tolist())
        for i, cost in enumerate(into)
        if math.isfinite(cost)
    ]
    return [ids for _, ids in sorted(nodes)], [ids for _, ids in sorted(edges)]


def _goes(
    session: PruningSession, going: Sequence[Ids], limit: float, retrain: Mapping[str, Any]
) -> bool:
    """Remove nodes or edges and retrain; take them back if the loss is beyond the limit then."""
    before, edges = session.history.current.id, session.active_edges
    for ids in going:
        if len(ids) == 2:
            session.remove_node(*ids)
        else:
            session.remove_edge(*ids)
    _remove_what_leads_nowhere(session)
    if 0 < session.active_edges < edges:
        _fit(session, retrain)
        if session.loss <= limit:
            return True
    session.jump(before)
    return False


def _fit(session: PruningSession, settings: Mapping[str, Any]) -> str:
    """Train a session's model; return why that ended early."""
    return early_end(session.fit(**settings))


def _remove_what_leads_nowhere(session: PruningSession) -> None:
    mask = session.mask
    alive = zip(reachable_from_inputs(mask), leads_to_outputs(mask), strict=True)
    dead = [(l, i) for l, (a, b) in enumerate(alive) for i in (~(a & b)).nonzero().flatten()]
    hidden = {(l, int(i)) for l, i in dead if 0 < l < len(mask)}
    if hidden - set(session.edits.removed_nodes):
        session.set(removed_nodes=sorted({*session.edits.removed_nodes, *hidden}))


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
