"""What a session says of names: candidates for an edge, and what a search has found."""

from __future__ import annotations

from dataclasses import dataclass

from kanwidget.adapters import Adapter
from kanwidget.formula.name_all import Naming
from kanwidget.formula.table_row import TableRow
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import ALIASES
from kanwidget.masks.ids import Edge

__all__ = ["EdgeCandidate", "NamingResult", "is_zero", "naming_words", "table_of"]


@dataclass(frozen=True)
class EdgeCandidate:
    """A function that might name an edge's curve; see `PruningSession.candidates`.

    Attributes
    ----------
    curve : NamedCurve
        The function, and constants as fitted to the curve.
    r2 : float
        The coefficient of determination, each place of the curve counted as often as the data are
        there and as much as the outputs notice it.
    bits : float
        Description length; less is better, and only differences count.
    uncertainties : dict of str to float
        Standard deviations of the constants a, b, c and d.
    group : int
        Candidates with the same number cannot be told apart by this curve; 0 is the best group.
    loss, loss_after : float
        What the session's loss becomes with the name: at once, and after a short refit of all
        curves. Infinite where the function is not defined for all rows, NaN where it was not
        measured.
    """

    curve: NamedCurve
    r2: float
    bits: float
    uncertainties: dict[str, float]
    group: int
    loss: float
    loss_after: float

    @property
    def function(self) -> str:
        """The function's name."""
        return self.curve.function


@dataclass(frozen=True)
class NamingResult:
    """What `PruningSession.name_all` did.

    Attributes
    ----------
    names : dict of Edge to NamedCurve
        All edges with a name, now.
    removed : list of Edge
        Edges that turned out to do nothing, and were switched off by hand.
    unnamed : list of Edge
        Edges that are on and stay splines: no name fits them, or there was no time.
    loss_before, loss : float
        The session's loss before and now.
    steps : list of TableRow
        Complexity against loss along the way, see `Formula.table`.
    out_of_time : bool
        Whether more might have been found in more time.
    text : str
        The same in words.
    """

    names: dict[Edge, NamedCurve]
    removed: list[Edge]
    unnamed: list[Edge]
    loss_before: float
    loss: float
    steps: list[TableRow]
    out_of_time: bool
    text: str


def is_zero(naming: Naming, edge: Edge) -> bool:
    """Whether an edge turned out to do nothing."""
    return naming.curves[edge].function == "0" and edge not in naming.network.edges


def table_of(naming: Naming, adapter: Adapter) -> list[TableRow]:
    """Return the steps of a search as rows."""
    names, functions = adapter.names(), adapter.functions()
    bits = sum(functions[ALIASES.get(c.function, c.function)].complexity for c in names.values())
    rows = [TableRow(len(names), bits, naming.loss_polished, None, None)]
    on = sum(int(layer.sum()) for layer in adapter.mask())
    for step in naming.steps:
        count = on - step.unnamed
        rows.append(TableRow(count, step.complexity, step.loss, step.edge, step.function))
    return rows


def naming_words(said: str, naming: Naming, unnamed: list[Edge]) -> str:
    """Say what a search led to.

    Parameters
    ----------
    said : str
        What the step of the history says, "" if there is none.
    naming : Naming
    unnamed : list of Edge
        Edges that are on and are splines.
    """
    if said:
        text = said
    elif naming.steps:
        text = (
            "no curve was named: with the names that were found the loss would be above the "
            "tolerance"
        )
    else:
        text = "no curve was named: no name fits well enough"
    if unnamed:
        some = ", ".join(map(str, unnamed[:5])) + (", .." if len(unnamed) > 5 else "")
        text += f"; still splines: {some}"
    return text + ("; there was no time for more" if naming.out_of_time else "")
