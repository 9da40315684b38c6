"""Numbers in JSON, which has neither NaN nor infinity: None stands in their place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["finite", "number_of", "without_nan"]


def finite(number: float | None) -> float | None:
    """Return a number, None if it is not finite or unknown."""
    return None if number is None or not math.isfinite(number) else number


def number_of(value: Any) -> float:
    """Return a number that JSON held: NaN for None."""
    return math.nan if value is None else float(value)


def without_nan(value: Any) -> Any:
    """Return content of mappings and lists with None in the place of NaN and infinity."""
    if isinstance(value, float):
        return finite(value)
    if isinstance(value, Mapping):
        return {name: without_nan(each) for name, each in value.items()}
    return [without_nan(each) for each in value] if isinstance(value, (list, tuple)) else value
