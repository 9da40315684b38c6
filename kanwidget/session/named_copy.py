"""Copies of a model with the names that a search has found, close to what it promised."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.formula.fit_splines import fit_splines
from kanwidget.formula.name_all import Naming
from kanwidget.formula.naming_network import NamedEdge, SplineEdge
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import Function
from kanwidget.kan import KAN
from kanwidget.kan.arrays import as_array, as_columns
from kanwidget.masks.ids import Edge
from kanwidget.training.engine import train
from kanwidget.training.settings import TrainingSettings

__all__ = ["named_copy", "refit_copy"]

REFIT_STEPS = 20


def named_copy(
    adapter: Adapter,
    naming: Naming,
    left_out: Collection[Edge],
    functions: dict[str, Function],
    rows: Tensor,
) -> tuple[Adapter, dict[Edge, NamedCurve], bool]:
    """Return a copy of a model with names, and with the curves of all other edges that are on.

    Parameters
    ----------
    adapter : Adapter
        Under the masks that the copy is to have; nothing is written to it.
    naming : Naming
    left_out : collection of (l, i, j)
        Edges that stay splines, with the curve that they would be named for.
    functions : dict of str to Function
        What the names mean.
    rows : Tensor, shape (rows, width[0])
        Over which the splines of other edges are fitted.

    Returns
    -------
    copy : Adapter
    names : dict of Edge to NamedCurve
        All that are new or have other constants. Where the model's splines are coarser than those
        of the search, an argument may leave its function's domain: then it is moved back.
    only_names : bool
        Whether nothing else is different.
    """
    copy, network = adapter.copy(), naming.network
    mask, before = copy.mask(), copy.names()
    names = {
        edge: replace(curve, d=before[edge].d if edge in before else 0.0)
        for edge, curve in naming.curves.items()
        if edge not in left_out and mask[edge[0]][edge[2], edge[1]]
    }
    bias = copy.bias()
    only_names = True
    for l, wanted in enumerate(network.bias):
        for j, value in enumerate(wanted.tolist()):
            in_slot = {
                e: c
                for e, c in {**before, **names}.items()
                if (e[0], e[2]) == (l, j) and mask[l][j, e[1]]
            }
            missing = value - float(bias[l][j]) - sum(c.d for c in in_slot.values())
            place = next((e for e, c in in_slot.items() if e in names and "d" not in c.fixed), None)
            if place is not None:
                names[place] = replace(names[place], d=names[place].d + missing)
            elif abs(missing) > 1e-12 * max(1.0, abs(value)):
                bias[l][j] += missing
                only_names = False
    copy.set_names(names, functions)
    copy.set_mask(mask, bias)
    passed = network.forward(as_columns(rows))
    points, values = {}, {}
    for edge, curve in network.edges.items():
        l, i, _ = edge
        if edge in names or edge in before:
            continue
        entering = passed.values[l][i]
        places = np.linspace(entering.min(), entering.max(), 200)
        points[l, i] = places
        if isinstance(curve, SplineEdge):
            values[edge] = curve.coef @ network.grids[l][i].basis(places)[0]
        elif isinstance(curve, NamedEdge):
            values[edge] = curve.c * curve.function.value(curve.a * places + curve.b)
    fit_splines(copy, points, values)
    if values:
        names.update(_into_domains(copy, names, functions, rows))
    return copy, names, only_names and not values


@torch.no_grad()
def _into_domains(
    copy: Adapter,
    names: Mapping[Edge, NamedCurve],
    functions: Mapping[str, Function],
    rows: Tensor,
) -> dict[Edge, NamedCurve]:
    """Move the arguments of names into their functions' domains; return the names that changed."""
    changed: dict[Edge, NamedCurve] = {}
    for edge in sorted(names):
        curve = names[edge]
        entering = as_array(copy.inputs_of(rows)[edge[0]][:, edge[1]])
        shift = functions[curve.function].shift_into_domain(curve.a * entering + curve.b)
        if shift and "b" not in curve.fixed:
            changed[edge] = replace(curve, b=curve.b + shift)
            copy.set_names({edge: changed[edge]}, functions)
    return changed


def refit_copy(copy: Adapter, rows: Tensor, labels: Tensor) -> None:
    """Fit all parameters of a copy to labels ``(rows, n_out)``."""
    opt = "LM" if isinstance(copy.model, KAN) else "LBFGS"
    data = {
        "train_input": rows,
        "train_label": labels,
        "test_input": rows,
        "test_label": labels,
    }
    copy.model.requires_grad_()
    with torch.random.fork_rng(devices=[]):
        train(copy, data, TrainingSettings(steps=REFIT_STEPS, opt=opt))
