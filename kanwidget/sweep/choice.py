"""Chooses among runs by test loss and edges left."""

from __future__ import annotations

from collections.abc import Sequence

from kanwidget.masks.validate import check_number

from .run import Run

__all__ = ["best", "front", "good"]


def front(runs: Sequence[Run]) -> list[Run]:
    """Return the runs that no other beats in both test loss and edges, fewest edges first."""
    found: list[Run] = []
    for run in sorted((run for run in runs if run.usable), key=_by_size):
        if not found or run.test_loss < found[-1].test_loss:
            found.append(run)
    return found


def good(runs: Sequence[Run], within: float) -> list[Run]:
    """Return the runs whose test loss is at most ``1 + within`` times the lowest.

    Raises
    ------
    ValueError
        If no run has a network.
    """
    within, usable = check_number(within, "within"), [run for run in runs if run.usable]
    if not usable:
        failed = next((run.error for run in runs if run.error), "")
        why = f"; the first that failed: {failed}" if failed else ""
        raise ValueError(f"no run has ended with a network{why}")
    lowest = min(run.test_loss for run in usable)
    limit = lowest + within * abs(lowest)
    return [run for run in usable if run.test_loss <= limit]


def best(runs: Sequence[Run], within: float) -> Run:
    """Return the run with the fewest edges of the good ones, and of these the lowest loss."""
    return min(good(runs, within), key=_by_size)


def _by_size(run: Run) -> tuple[int, float, int]:
    return run.active_edges or 0, run.test_loss, run.number
