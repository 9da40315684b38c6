"""Names of inputs and outputs: those of a table's columns, or x_1, x_2 and f(x)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Names", "column_names", "names_or_default"]

Names = tuple[list[str], list[str]]
"""Names of inputs and outputs; empty where there are none."""


def column_names(data: Any) -> Names:
    """Return the names of the columns of inputs and labels, if these are tables with texts."""
    if not isinstance(data, Mapping):
        return _names_of_table(data), []
    inputs, labels = (
        next(
            filter(None, (_names_of_table(data.get(f"{part}_{of}")) for part in ("train", "test"))),
            [],
        )
        for of in ("input", "label")
    )
    return inputs, labels


def names_or_default(given: Names, columns: Sequence[int], n_out: int) -> Names:
    """Return names for a model's inputs, which are columns of the data, and its outputs."""
    inputs = [f"x_{column + 1}" for column in columns]
    outputs = ["f(x)"] if n_out == 1 else [f"f_{j + 1}" for j in range(n_out)]
    fit = [len(names) == len(usual) for names, usual in zip(given, (inputs, outputs), strict=True)]
    return given[0] if fit[0] else inputs, given[1] if fit[1] else outputs


def _names_of_table(values: Any) -> list[str]:
    """Return the names of a DataFrame's columns or of a Series, if all of them are texts."""
    if not hasattr(values, "to_numpy"):
        return []
    named = getattr(values, "columns", None)
    names = [getattr(values, "name", None)] if named is None else list(named)
    good = all(isinstance(name, str) and name.strip() for name in names)
    return [str(name) for name in names] if good else []
