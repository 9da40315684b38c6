"""Names for all edges of a model, each edge looked at alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.functions.library import Function, select_functions
from kanwidget.masks.ids import Edge

from .edge_samples import sample_edges
from .fit import fit_curves
from .rank import Candidate, rank_fits

__all__ = ["candidates_of"]


def candidates_of(
    adapter: Adapter,
    rows: Tensor,
    labels: Tensor | None = None,
    lib: Iterable[str] | Mapping[str, Function] | None = None,
    edges: Sequence[Edge] | None = None,
    topk: int | None = 5,
) -> dict[Edge, list[Candidate]]:
    """Return for each edge the functions that might name it, the best first.

    Parameters
    ----------
    adapter : Adapter
        Of a model of any library, which stays as it is.
    rows : Tensor, shape (rows, width[0])
        The data over which the curves matter.
    labels : Tensor, shape (rows, width[-1]), optional
        From which the network's error is known, which says how well a name has to fit.
    lib : iterable of str or mapping, optional
        See `select_functions`.
    edges : sequence of (l, i, j), optional
        By default all that are on.
    topk : int, optional
        How many of each; None is all. All that cannot be told apart from the best are returned
        in any case.
    """
    functions = tuple(select_functions(lib).values())
    samples = sample_edges(adapter, rows, labels, edges)
    if not samples.edges:
        return {}
    fits = fit_curves(samples.x, samples.y, samples.weight, functions)
    ranked = rank_fits(fits, samples.x, samples.y, samples.weight, samples.noise, topk)
    return dict(zip(samples.edges, ranked, strict=True))
