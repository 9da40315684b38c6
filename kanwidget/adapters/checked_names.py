"""Checks names for edges before they are written to a model of any library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from kanwidget.functions.curve import CONSTANTS, NamedCurve, check_curve
from kanwidget.functions.library import Function
from kanwidget.masks.ids import Edge
from kanwidget.masks.validate import check_edge

from .protocol import Adapter

__all__ = ["check_names"]


def check_names(
    model: Adapter, names: Mapping[Edge, NamedCurve | None], functions: Mapping[str, Function]
) -> dict[Edge, tuple[NamedCurve, Function] | None]:
    """Return names with their functions, or raise in words if one of them is of no use."""
    found: dict[Edge, tuple[NamedCurve, Function] | None] = {}
    width, slots, largest = model.width, model.slots(), torch.finfo(model.dtype).max
    for edge, curve in names.items():
        l, i, j = check_edge(width, *edge, slots=slots)
        if curve is None:
            found[l, i, j] = None
            continue
        function = check_curve(curve, (l, i, j), functions)
        for letter in CONSTANTS:
            if abs(getattr(curve, letter)) > largest:
                raise ValueError(
                    f"the constant {letter} of edge {(l, i, j)} is {getattr(curve, letter):g}, "
                    f"and a model in {model.dtype} holds numbers up to {largest:g}"
                )
        found[l, i, j] = replace(curve, function=function.name), function
    return found
