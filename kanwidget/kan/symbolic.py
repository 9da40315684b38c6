"""Names for the curves of a KAN, called as in pykan.

How names are found, and how a formula is written, is the matter of a room above this one, which
knows models of all libraries: it hands `CurveNaming` over when the package is imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from kanwidget.functions.library import Function

from .layer_stack import LayerStack

if TYPE_CHECKING:
    import sympy

__all__ = ["CurveNaming", "SymbolicStack", "provide_naming"]

Library = Iterable[str] | Mapping[str, Function]


class CurveNaming(Protocol):
    """What the methods of `SymbolicStack` do; see there."""

    def suggest(
        self, model: LayerStack, edge: tuple[int, int, int], lib: Library | None, topk: int
    ) -> list[Any]: ...

    def fix(
        self, model: LayerStack, edge: tuple[int, int, int], function: str | Function, fitted: bool
    ) -> float | None: ...

    def unfix(self, model: LayerStack, edge: tuple[int, int, int]) -> None: ...

    def name_alone(
        self, model: LayerStack, lib: Library | None, least_r2: float
    ) -> dict[tuple[int, int, int], tuple[str, float]]: ...

    def formula(
        self, model: LayerStack, var: Sequence[Any] | None, normalizer: Any, output_normalizer: Any
    ) -> tuple[list[sympy.Expr], list[sympy.Symbol]]: ...


_NAMING: list[CurveNaming] = []


def provide_naming(naming: CurveNaming) -> None:
    """Let all KANs find names in this way."""
    _NAMING[:] = [naming]


class SymbolicStack(LayerStack):
    """A `LayerStack` whose edges can be named."""

    def suggest_symbolic(
        self, l: int, i: int, j: int, lib: Library | None = None, topk: int = 5
    ) -> list[Any]:
        """Return the functions that might name an edge, the best first.

        Parameters
        ----------
        l, i, j : int
            From node ``i`` of node layer ``l`` to node ``j`` of the next.
        lib : list of str or mapping of str to Function, optional
            The functions to choose from; by default all of the library.
        topk : int
            How many; all that cannot be told apart from the best are returned in any case.

        Returns
        -------
        list of `kanwidget.formula.rank.Candidate`
            With ``function``, ``r2``, ``bits``, ``curve`` (with its constants), ``deviation`` and
            ``in_group``.

        Raises
        ------
        IndexError, TypeError, ValueError
            If there is no such edge or function, or the model has seen no data.
        """
        return _NAMING[0].suggest(self, (l, i, j), lib, topk)

    def fix_symbolic(
        self, l: int, i: int, j: int, fun_name: str | Function, fit_params_bool: bool = True
    ) -> float | None:
        """Let a function stand on an edge in the place of its spline.

        The edge emits ``c f(a x + b) + d``, and `fit` trains the constants. An edge that is off
        stays off. `unfix_symbolic` gives the spline back, as it was.

        Parameters
        ----------
        l, i, j : int
        fun_name : str or Function
            A name of the library, or a function of your own from
            `kanwidget.functions.own_function.own_function`.
        fit_params_bool : bool
            Whether to fit the constants to the edge's curve over the data last seen. Otherwise
            a and c are 1, b and d are 0.

        Returns
        -------
        float or None
            R² of the fit over that data; None if nothing was fitted.

        Raises
        ------
        IndexError, TypeError, ValueError
            If there is no such edge or function, or the function cannot be fitted, or the model
            has seen no data. Nothing is changed then.

        Examples
        --------
        >>> model = KAN([2, 1, 1])
        >>> model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
        >>> "sin(x_1)" in str(model.symbolic_formula()[0][0])
        True
        """
        return _NAMING[0].fix(self, (l, i, j), fun_name, fit_params_bool)

    def unfix_symbolic(self, l: int, i: int, j: int) -> None:
        """Give an edge its spline back, as it was; nothing happens if it has no name."""
        _NAMING[0].unfix(self, (l, i, j))

    def auto_symbolic(
        self, lib: Library | None = None, r2_threshold: float = 0.99
    ) -> dict[tuple[int, int, int], tuple[str, float]]:
        """Name every edge that is on and has no name yet, each looked at alone.

        Nobody looks at what the network computes then: `PruningSession.name_all` judges each name
        by the network's loss, and is the better choice where labels are at hand.

        Parameters
        ----------
        lib : list of str or mapping of str to Function, optional
            The functions to choose from; by default all of the library.
        r2_threshold : float
            An edge that no function fits with at least this R² stays a spline.

        Returns
        -------
        dict of (l, i, j) to (str, float)
            The function and the R² of each edge that was named.

        Raises
        ------
        TypeError, ValueError
            If the library has no such function, or the model has seen no data.
        """
        return _NAMING[0].name_alone(self, lib, r2_threshold)

    def symbolic_formula(
        self,
        var: Sequence[Any] | None = None,
        normalizer: Any = None,
        output_normalizer: Any = None,
    ) -> tuple[list[sympy.Expr], list[sympy.Symbol]]:
        """Return the outputs as expressions of sympy, and the symbols of the inputs, as in pykan.

        Edges that are off are left out. The curve of an edge without a name is a function
        ``phi_l_i_j`` in it, never 0. `PruningSession.formula` also writes LaTeX, MathML and Python.

        Parameters
        ----------
        var : list of str or sympy.Symbol, optional
            Names of the inputs; x_1, x_2 and so on by default.
        normalizer, output_normalizer : (mean, std) or a fitted scaler, optional
            How inputs and labels were scaled before the model saw them; see
            `kanwidget.formula.formula.formula_of`.

        Raises
        ------
        TypeError, ValueError
            If something cannot be used; in words.
        """
        return _NAMING[0].formula(self, var, normalizer, output_normalizer)
