"""`sweep`: trains many networks, on this machine or on a cluster."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from .distribute import Distribution
from .executors import ExecutorSource, executor_source
from .fingerprints import data_digest, describe
from .results import Sweep
from .settings import check_settings, expand_grid
from .train_run import Fit, dumps

__all__ = ["sweep"]


def sweep(
    dataset: Mapping[str, Any],
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    repeats: int = 1,
    fit: Fit | None = None,
    executor: Executor | ExecutorSource | None = None,
    folder: str | os.PathLike[str] | None = None,
    seed: int = 0,
    progress: bool = True,
    wait: bool = True,
) -> Sweep:
    """Train many networks, each on one thread, and return them all to choose from.

    The same settings give the same network to the last bit on the same kind of processor,
    whatever the executor and the order. A run that fails is a row with its error. If a worker
    dies, what it had is done again, twice at the most. Ctrl+C keeps what has ended.

    Parameters
    ----------
    dataset : dict
        As for `KAN.fit`. It is sent to the workers.
    grid : dict of lists, or list of dicts
        What `KAN` and `KAN.fit` take: all combinations of the lists, or each dict. What is no
        list is the same for all runs; tuples are no lists. And two more: ``prune`` at the end of
        the training, ``"within 5%"`` (the fewest edges whose test loss is at most 5 % above the
        lowest along the edge threshold), an edge threshold, or a function of a `PruningSession`;
        and ``retrain`` after it, a number of steps or a dict of what `PruningSession.fit` takes.
        It goes on with the settings of the training, without the regulariser. With both,
        ``"within 5%"`` then takes off one hidden node or edge after the other, the cheapest
        first, and retrains, as long as the test loss stays within 5 % of the lowest it had.
    repeats : int
        How often to train each combination, from different seeds.
    fit : callable, optional
        ``fit(dataset, **settings)`` returns a trained `KAN`, in place of building one and its
        `fit`. Torch's random numbers begin with the run's seed.
    executor : concurrent.futures.Executor or callable, optional
        Where to train: by default in one process of loky for each processor (the extra
        ``kanwidget[sweep]``). Dask's is ``Client(...).get_executor()`` (``kanwidget[dask]``). Or a
        function that makes one, which is asked again if that breaks.
    folder : path, optional
        Where to keep each run as soon as it has ended: its network as a safetensors file, and a
        line of ``runs.jsonl``, whole or not at all. Called again, `sweep` goes on with what is
        missing or has failed, and with runs that were added.
    seed : int
        Of the first of the ``repeats``; the others follow it.
    progress : bool
        Whether to show a progress bar.
    wait : bool
        Whether to return when all runs have ended; else at once, and `Sweep.runs` grows.

    Returns
    -------
    Sweep

    Raises
    ------
    ValueError, TypeError
        If the data, the grid or the folder do not fit; the message says why.
    ImportError
        If loky is not there.

    Examples
    --------
    >>> found = sweep(  # doctest: +SKIP
    ...     dataset,
    ...     {"width": [[2, 5, 1]], "grid": 5, "lamb": [0.001, 0.01], "prune": "within 5%"},
    ...     repeats=25,
    ... )
    >>> found.model(found.best())  # doctest: +SKIP
    """
    if fit is not None and not callable(fit):
        raise TypeError(f"fit must be a function of (dataset, **settings), got {fit!r}")
    settings = expand_grid(grid, repeats, seed)
    for one in settings:
        check_settings(one, own_fit=fit is not None)
    found = Sweep(settings, dataset, data_digest(dataset), "" if fit is None else describe(fit))
    found.check_distinct()
    shared = dumps((dict(dataset), fit))
    if folder is not None:
        found.resume(folder)
    source = executor_source(executor)
    found.start(
        lambda numbers, report: Distribution(
            {number: dumps(settings[number]) for number in numbers}, shared, source, report
        )
    )
    return found.wait(progress) if wait else found
