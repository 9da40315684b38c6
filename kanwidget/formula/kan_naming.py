"""How our own KAN finds names and writes its formula: see `kanwidget.kan.symbolic`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kanwidget.adapters import Adapter, adapt
from kanwidget.functions.curve import NamedCurve, check_curve
from kanwidget.functions.library import FUNCTIONS, Function, select_functions
from kanwidget.kan.layer_stack import LayerStack
from kanwidget.kan.symbolic import Library
from kanwidget.masks.ids import Edge
from kanwidget.masks.validate import check_edge, check_number, check_whole

from .candidates import candidates_of
from .formula import formula_of
from .rank import Candidate

if TYPE_CHECKING:
    import sympy

__all__ = ["NamingOfKan"]


class NamingOfKan:
    """Finds names for the edges of a `kanwidget.KAN`, and writes its formula."""

    def suggest(
        self, model: LayerStack, edge: Edge, lib: Library | None, topk: int
    ) -> list[Candidate]:
        """Return the functions that might name an edge, the best first."""
        edge, topk = check_edge(model.width, *edge), check_whole(topk, "topk", 1)
        return candidates_of(adapt(model), model.seen(), lib=lib, edges=[edge], topk=topk)[edge]

    def fix(
        self, model: LayerStack, edge: Edge, function: str | Function, fitted: bool
    ) -> float | None:
        """Name an edge, and return R² if its constants were fitted."""
        edge, adapter = check_edge(model.width, *edge), adapt(model)
        own = {function.name: function} if isinstance(function, Function) else {}
        functions = {**FUNCTIONS, **own}
        name = function.name if isinstance(function, Function) else function
        curve, r2 = NamedCurve(name), None
        found = check_curve(curve, edge, functions)
        if fitted:
            best = candidates_of(
                adapter, model.seen(), lib={found.name: found}, edges=[edge], topk=1
            )[edge][0]
            if not np.isfinite(best.unexplained):
                raise ValueError(
                    f"{found.name} is not defined over the inputs of edge {edge}, whatever its "
                    "constants: choose another function"
                )
            curve, r2 = best.curve, best.r2
        adapter.set_names({edge: curve}, functions)
        return r2

    def unfix(self, model: LayerStack, edge: Edge) -> None:
        """Give an edge its spline back."""
        adapt(model).set_names({edge: None})

    def name_alone(
        self, model: LayerStack, lib: Library | None, least_r2: float
    ) -> dict[Edge, tuple[str, float]]:
        """Name the edges that are on and have no name, each looked at alone."""
        least, adapter = check_number(least_r2, "r2_threshold"), adapt(model)
        found = candidates_of(adapter, model.seen(), lib=lib, edges=_unnamed(adapter), topk=1)
        best = {edge: ranked[0] for edge, ranked in found.items() if ranked[0].r2 >= least}
        named = {edge: candidate.curve for edge, candidate in best.items()}
        adapter.set_names(named, {**FUNCTIONS, **select_functions(lib)})
        return {edge: (candidate.function, candidate.r2) for edge, candidate in best.items()}

    def formula(
        self, model: LayerStack, var: Sequence[Any] | None, normalizer: Any, output_normalizer: Any
    ) -> tuple[list[sympy.Expr], list[sympy.Symbol]]:
        """Return the outputs as expressions of sympy, and the symbols of the inputs."""
        import sympy

        made = formula_of(
            adapt(model),
            in_vars=var,
            normalizer=normalizer,
            output_normalizer=output_normalizer,
            name_parts=False,
        )
        return made.sympy, [sympy.Symbol(name) for name in made.in_vars]


def _unnamed(adapter: Adapter) -> list[Edge]:
    named = adapter.names()
    return [
        (l, i, j)
        for l, on in enumerate(adapter.mask())
        for j, i in on.nonzero().tolist()
        if (l, i, j) not in named
    ]
