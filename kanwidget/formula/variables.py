"""Names of inputs and outputs, and the scales that they were brought to for the network."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Scaling", "check_names", "read_scaling"]

Array = NDArray[np.float64]

MAX_NAME_CHARACTERS = 100


class Scaling:
    """``scaled = factor * raw + shift``, for each column.

    Parameters
    ----------
    factor, shift : ndarray, shape (columns,)
    """

    def __init__(self, factor: Array, shift: Array) -> None:
        self.factor, self.shift = factor, shift

    def to_raw(self, scaled: Array) -> Array:
        """Undo the scaling of values ``(rows, columns)``."""
        out: Array = (scaled - self.shift) / self.factor
        return out


def check_names(names: Sequence[Any] | None, count: int, what: str, letter: str) -> tuple[str, ...]:
    """Return names of inputs or outputs, by default ``x_1``, ``x_2`` and so on.

    Parameters
    ----------
    names : sequence of str or sympy.Symbol, optional
    count : int
        How many are needed.
    what : str
        The name of the argument, for errors.
    letter : str
        What the names by default begin with.

    Raises
    ------
    TypeError, ValueError
        If they cannot be used; the message says which and why.
    """
    if names is None:
        return (
            tuple(f"{letter}_{i + 1}" for i in range(count))
            if count > 1
            else ((letter,) if letter == "y" else (f"{letter}_1",))
        )
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise TypeError(f"{what} must be a list of {count} names, got {str(names)[:40]!r}")
    if len(names) != count:
        raise ValueError(f"{what} must hold {count} names, got {len(names)}")
    found = []
    for name in names:
        text = getattr(name, "name", name)  # a symbol of sympy has one
        if not isinstance(text, str):
            raise TypeError(f"a name in {what} must be a str, got {type(name).__name__}")
        if not text.strip() or len(text) > MAX_NAME_CHARACTERS:
            raise ValueError(
                f"a name in {what} must have 1 to {MAX_NAME_CHARACTERS} characters, got "
                f"{len(text)}: {text[:40]!r}"
            )
        bad = [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")]
        if bad:
            raise ValueError(
                f"the name {text[:40]!r} in {what} has a character that cannot be shown, {bad[0]!r}"
            )
        if text in found:
            raise ValueError(f"two names in {what} are {text[:40]!r}; each must be its own")
        found.append(text)
    return tuple(found)


def read_scaling(scaler: Any, count: int, what: str) -> Scaling | None:
    """Return how columns were scaled, None if they were not.

    Parameters
    ----------
    scaler : None, (mean, std), or a fitted StandardScaler or MinMaxScaler of scikit-learn
        Mean and std are numbers or one for each column: ``scaled = (raw - mean) / std``.
    count : int
        Columns.
    what : str
        The name of the argument, for errors.

    Raises
    ------
    TypeError, ValueError
        If it is something else, is not fitted, or has other columns.
    """
    if scaler is None:
        return None
    if hasattr(scaler, "with_mean") and hasattr(scaler, "with_std"):
        if not hasattr(scaler, "n_features_in_"):
            raise ValueError(f"the StandardScaler of {what} is not fitted; call its fit first")
        ones = np.ones(int(scaler.n_features_in_))
        mean = scaler.mean_ if scaler.with_mean else 0 * ones
        std = scaler.scale_ if scaler.with_std else ones
    elif hasattr(scaler, "feature_range"):
        if not hasattr(scaler, "min_"):
            raise ValueError(f"the MinMaxScaler of {what} is not fitted; call its fit first")
        factor = _column(scaler.scale_, count, what)
        return _checked(factor, _column(scaler.min_, count, what), what)
    elif isinstance(scaler, Sequence | np.ndarray | Tensor) and len(scaler) == 2:
        mean, std = scaler[0], scaler[1]
    else:
        raise TypeError(
            f"{what} must be (mean, std), or a fitted StandardScaler or MinMaxScaler of "
            f"scikit-learn, got {type(scaler).__name__}"
        )
    means, spreads = _column(mean, count, what), _column(std, count, what)
    if not (np.isfinite(spreads) & (spreads != 0)).all():
        raise ValueError(f"{what} must have standard deviations other than 0, got {spreads}")
    return _checked(1 / spreads, -means / spreads, what)


def _checked(factor: Array, shift: Array, what: str) -> Scaling:
    if not (np.isfinite(factor).all() and np.isfinite(shift).all() and factor.all()):
        raise ValueError(f"{what} must hold finite numbers, and no scale of 0")
    return Scaling(factor, shift)


def _column(values: Any, count: int, what: str) -> Array:
    """Return one float for each column."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().double().numpy()
    try:
        found = np.asarray(values, dtype=float).ravel()
    except (TypeError, ValueError):
        raise TypeError(f"{what} must hold numbers, got {type(values).__name__}") from None
    if found.size not in (1, count):
        raise ValueError(f"{what} must have {count} columns, as the data has, got {found.size}")
    return np.broadcast_to(found, (count,)).astype(float)
