"""From a grid of settings to the list of runs."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from kanwidget.kan import KAN
from kanwidget.kan.training import fit
from kanwidget.masks.validate import check_whole
from kanwidget.training.settings import TrainingSettings

from .pruning import check_policy

__all__ = ["FIT_NAMES", "MODEL_NAMES", "check_settings", "expand_grid", "retrain_settings"]

AFTER_TRAINING = "prune", "retrain"
"""Settings for what a run does after its training."""

MODEL_NAMES = frozenset(inspect.signature(KAN).parameters)
"""What `KAN` takes."""

FIT_NAMES = frozenset(inspect.signature(fit).parameters) - {
    *("model", "dataset"),
    *("progress", "log", "metrics"),  # which show what nobody sees here
}
"""What `KAN.fit` takes and a run may set."""

RETRAIN_NAMES = frozenset(field.name for field in fields(TrainingSettings))
"""What `PruningSession.fit` takes after the pruning; the loss is the training's."""


def expand_grid(
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]], repeats: int, seed: int
) -> list[dict[str, Any]]:
    """Return the settings of every run: all combinations with one seed, then with the next.

    Parameters
    ----------
    grid, repeats, seed
        As for `sweep`.

    Raises
    ------
    ValueError, TypeError
        If it is no grid, or two runs would be the same.
    """
    repeats, seed = check_whole(repeats, "repeats", 1), check_whole(seed, "seed")
    if isinstance(grid, Mapping):
        choices = [_choices(name, values) for name, values in grid.items()]
        combinations = [
            dict(zip(grid, values, strict=True)) for values in itertools.product(*choices)
        ]
    elif isinstance(grid, (list, tuple)) and all(isinstance(one, Mapping) for one in grid):
        combinations = [dict(one) for one in grid]
    else:
        raise TypeError(
            "grid must be a dict of lists, such as {'width': [[2, 5, 1]], 'lamb': [0, 0.01]}, or "
            f"a list of dicts, got {type(grid).__name__}"
        )
    if not combinations:
        raise ValueError("grid holds no settings")
    for one in combinations:
        if not all(isinstance(name, str) for name in one):
            raise TypeError(f"grid must name its settings by texts, got {list(one)}")
        if "seed" in one and repeats > 1:
            raise ValueError(
                "grid has seeds of its own, and repeats asks for more: leave one of them out"
            )
    return [{"seed": seed + repeat, **one} for repeat in range(repeats) for one in combinations]


def _choices(name: str, values: Any) -> list[Any]:
    """Return the values that a setting takes; what is no list is the only one."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, range):
        values = list(values)
    if not isinstance(values, list):
        return [values]
    if name in ("width", "grid_range") and values and not any(map(_is_sequence, values)):
        return [values]  # one width, not a list of them
    if not values:
        raise ValueError(f"grid holds no value for {name}")
    return values


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (list, tuple, np.ndarray))


def check_settings(settings: Mapping[str, Any], own_fit: bool) -> None:
    """Raise a ValueError or TypeError if a run could not take these settings.

    Parameters
    ----------
    settings : mapping
        Of one run.
    own_fit : bool
        Whether a function of a person's own takes them; it may take any.
    """
    check_policy(settings.get("prune"))
    retrain = settings.get("retrain")
    if retrain is not None and not isinstance(retrain, Mapping):
        check_whole(retrain, "retrain", 0)
    unknown = sorted(set(retrain) - RETRAIN_NAMES) if isinstance(retrain, Mapping) else []
    if unknown:
        names = ", ".join(sorted(RETRAIN_NAMES))
        raise ValueError(f"retrain names {', '.join(unknown)}, and a retraining takes {names}")
    if own_fit:
        return
    known = MODEL_NAMES | FIT_NAMES | {*AFTER_TRAINING}
    unknown = sorted(set(settings) - known)
    if unknown:
        raise ValueError(
            f"grid names {', '.join(unknown)}, and a run takes {', '.join(sorted(known))}"
        )
    if "width" not in settings:
        raise ValueError("grid must name a width, such as 'width': [[2, 5, 1]]")


def retrain_settings(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what `PruningSession.fit` takes after the pruning, None if there is no retraining.

    It is what the training took, without the regulariser; steps, or what a dict says, go first.
    """
    retrain = settings.get("retrain")
    if retrain is None or retrain == 0:
        return None
    changed = dict(retrain) if isinstance(retrain, Mapping) else {"steps": int(retrain)}
    same = {name: value for name, value in settings.items() if name in RETRAIN_NAMES}
    return {**same, "lamb": 0.0, **changed}
