"""What pykan's two generations share: layers of splines beside layers of formulas, with masks."""

from __future__ import annotations

import copy
import sys
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from kanwidget.kan.checks import Edge
from kanwidget.kan.splines import de_boor

from .base import BaseAdapter
from .copying import private_copy

__all__ = ["SplinedAdapter"]

TABLES = ("funs", "funs_avoid_singularity", "funs_name", "funs_sympy")
"""What a layer of formulas knows of each edge, in lists of lists."""


class _Home:
    """What the masks of one layer are while an edge is on: the way back, bit for bit.

    pykan's masks are numbers, and an edge has two of them, for its spline and its formula.
    """

    def __init__(self, numeric: Tensor, formula: Tensor, fixed: Tensor) -> None:
        # An edge that has never been on gets what it was last: its formula, or else its spline.
        self.numeric, self.formula = (~fixed).to(numeric), fixed.to(formula)
        self.put_away: dict[tuple[int, int], tuple[Any, Any]] = {}

    def look(self, numeric: Tensor, formula: Tensor) -> Tensor:
        """Remember what is on; return which edges are."""
        on = (numeric != 0) | (formula != 0)
        self.numeric = torch.where(on, numeric, self.numeric.to(numeric))
        self.formula = torch.where(on, formula, self.formula.to(formula))
        return on


_HOMES: WeakKeyDictionary[nn.Module, list[_Home]] = WeakKeyDictionary()


class SplinedAdapter(BaseAdapter):
    """Reads and edits a model with `act_fun` and `symbolic_fun`; see `Adapter`.

    It never calls the model itself: that would write activations into it. Nor does it go through
    every edge, as pykan does for formulas, and 0.0.x for splines.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self._last: dict[int, tuple[Tensor, Tensor, Tensor]] = {}

    @abstractmethod
    def numeric_mask(self, l: int) -> Tensor:
        """Return a view ``(n_out, n_in)`` of a layer's live spline masks."""

    @abstractmethod
    def scales(self, l: int) -> tuple[Tensor, Tensor]:
        """Return the scales of base function and spline, ``(n_out, n_in)`` each."""

    @abstractmethod
    def spline_table(self, l: int) -> tuple[Tensor, Tensor] | None:
        """Return knots ``(n_in, K + k + 1)`` and coefficients ``(n_out, n_in, K)`` of a layer.

        None if its edges have grids of their own, or share functions.
        """

    @abstractmethod
    def gain(self, l: int) -> Tensor:
        """Return what the sums of a layer's slots are multiplied by, ``(n_out,)``."""

    def splines(self, l: int, points: Tensor) -> Tensor:
        """Evaluate a layer's splines before their scales, ``(n_out, n_in, n)``."""
        known = self._basis(l, points)
        if known is None:
            values: Tensor = self.model.act_fun[l](points)[3]
            return values.permute(1, 2, 0)
        return torch.einsum("ikb,oik->oib", *known)

    def numeric_sums(self, l: int, x: Tensor) -> Tensor:
        """Return what a layer's splines and base functions add up to under their masks."""
        layer, known = self.model.act_fun[l], self._basis(l, x)
        if known is None:
            sums: Tensor = layer(x)[0]
            return sums
        (basis, coef), (of_base, of_spline), on = known, self.scales(l), self.numeric_mask(l)
        weight = coef * (of_spline * on).unsqueeze(2)
        base: Tensor = layer.base_fun(x) @ (of_base * on).T
        return base + (weight.flatten(1) @ basis.flatten(0, 1)).T

    def _basis(self, l: int, x: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return the B-splines of each input, ``(n_in, K, rows)``, and their coefficients.

        None for layers of which only they themselves know what they do.
        """
        layer = self.model.act_fun[l]
        table = self.spline_table(l) if type(layer).__name__ == "KANLayer" else None
        if table is None:
            return None
        knots, coef = table
        # A step on the way through masks leaves most layers' inputs as they were.
        last = self._last.get(l)
        if last is None or not (_equal(last[0], x) and _equal(last[1], knots)):
            basis = de_boor(x.T, knots, layer.k)[0]
            last = self._last[l] = x.detach().clone(), knots.detach().clone(), basis.detach()
        return last[2], coef

    @property
    def device(self) -> torch.device:
        return self._like().device

    def _like(self) -> Tensor:
        coef: Tensor = self.model.act_fun[0].coef
        return coef

    @torch.no_grad()
    def functions(self, l: int, points: Tensor) -> Tensor:
        return self._emitted(l, points) * self.gain(l).view(-1, 1, 1)

    def _emitted(self, l: int, points: Tensor) -> Tensor:
        """Return what edges emit while they are on, before the gain, ``(n_out, n_in, n)``."""
        home = self._homes()[l]
        base, spline = self._parts(l, points)
        out = (base + spline) * home.numeric.unsqueeze(2)
        for j, i, value in self._formulas(l, points, home.formula):
            # What the spline of a fixed edge is worth does not matter, be it NaN.
            rest = out[j, i] if home.numeric[j, i] != 0 else 0.0
            out[j, i] = rest + value
        return out

    def summands(self, l: int, x: Tensor) -> Tensor:
        return self._emitted(l, x)

    def _parts(self, l: int, points: Tensor) -> tuple[Tensor, Tensor]:
        layer, (of_base, of_spline) = self.model.act_fun[l], self.scales(l)
        spline = of_spline.unsqueeze(2) * self.splines(l, points)
        return of_base.unsqueeze(2) * layer.base_fun(points).T, spline

    def _formulas(self, l: int, x: Tensor, mask: Tensor) -> Iterator[tuple[int, int, Tensor]]:
        """Yield what the formulas under a mask emit; pykan goes through all edges instead."""
        layer, home = self.model.symbolic_fun[l], self._homes()[l]
        for j, i in mask.nonzero().tolist():
            f = layer.funs[j][i]
            if f is zero:
                f = self._formula_of(layer, home, j, i)[0]
            a, b, c, d = layer.affine[j, i]
            yield j, i, mask[j, i] * (c * f(a * x[:, i] + b) + d)

    def propagate(self, x: Tensor) -> list[Tensor]:
        values = [x]
        bias, offset = self.bias(), self.offset()
        for l in range(len(self.width) - 1):
            sums = self.numeric_sums(l, values[-1])
            live = self.model.symbolic_fun[l].mask
            if self.model.symbolic_enabled and live.any():
                sums = sums.clone()
                for j, _, value in self._formulas(l, values[-1], live):
                    sums[:, j] += value
            slots = self.gain(l) * sums + bias[l]
            values.append(self.nodes(l, slots) + offset[l + 1])
        return values

    @torch.no_grad()
    def base_part(self, l: int, points: Tensor) -> Tensor | None:
        home = self._homes()[l]
        part = self._parts(l, points)[0] * (home.numeric * self.gain(l).unsqueeze(1)).unsqueeze(2)
        return part.masked_fill((home.numeric == 0).unsqueeze(2), 0.0)

    def symbolic(self) -> dict[Edge, str]:
        if not self.model.symbolic_enabled:
            return {}
        names = [layer.funs_name for layer in self.model.symbolic_fun]
        return {
            (l, i, j): str(names[l][j][i])
            for l, home in enumerate(self._homes())
            for j, i in home.formula.nonzero().tolist()
            if names[l][j][i] not in ("0", "")
        }

    def mask(self) -> list[Tensor]:
        return [
            home.look(self.numeric_mask(l).detach(), self._formula_mask(l).detach())
            for l, home in enumerate(self._found())
        ]

    @torch.no_grad()
    def set_mask(self, mask: Sequence[Tensor], bias: Sequence[Tensor]) -> None:
        for l, (was, on, home) in enumerate(zip(self.mask(), mask, self._homes(), strict=True)):
            changed = was != on.to(was.device)
            if changed.any():
                for live, back in (
                    (self.numeric_mask(l), home.numeric),
                    (self.model.symbolic_fun[l].mask, home.formula),
                ):
                    live[changed] = (back * on)[changed]
                for j, i in (changed & (home.formula != 0)).nonzero().tolist():
                    self._put_away(l, j, i, home, not on[j, i])
        for live, was, now in zip(self._biases(), self.bias(), bias, strict=True):
            if not torch.equal(was, now):
                live(now)

    def _put_away(self, l: int, j: int, i: int, home: _Home, away: bool) -> None:
        """Take a formula off an edge, or give it back: 0 times infinity is not 0."""
        layer = self.model.symbolic_fun[l]
        names = [n for n in ("funs", "funs_avoid_singularity") if hasattr(layer, n)]
        now = tuple(getattr(layer, name)[j][i] for name in names)
        if away and now[0] is not zero:
            home.put_away[j, i] = now
            new: Sequence[Any] = (zero, zero_avoiding)
        elif not away and now[0] is zero:
            new = self._formula_of(layer, home, j, i)
            home.put_away.pop((j, i), None)
        else:
            home.put_away.pop((j, i), None)
            return
        for name, function in zip(names, new, strict=False):
            getattr(layer, name)[j][i] = function

    def _formula_of(self, layer: Any, home: _Home, j: int, i: int) -> Sequence[Any]:
        """Return what was put away; of a copy of the model, pykan's formula of that name."""
        if (j, i) in home.put_away:
            return home.put_away[j, i]
        library = getattr(sys.modules[type(layer).__module__], "SYMBOLIC_LIB", {})
        entry = library.get(layer.funs_name[j][i], (zero, zero_avoiding))
        return entry[0], entry[-1]

    @abstractmethod
    def _biases(self) -> list[Any]:
        """Return for each layer what writes to the constants that `bias` returns."""

    def _formula_mask(self, l: int) -> Tensor:
        live: Tensor = self.model.symbolic_fun[l].mask
        return live if self.model.symbolic_enabled else torch.zeros_like(live)

    def _found(self) -> list[_Home]:
        """Return the model's homes, new ones if it has other edges than it had."""
        homes = _HOMES.get(self.model)
        shapes = [layer.mask.shape for layer in self.model.symbolic_fun]
        if homes is None or [home.formula.shape for home in homes] != shapes:
            homes = _HOMES[self.model] = []
            for l, layer in enumerate(self.model.symbolic_fun):
                fixed = [[name not in ("0", "") for name in row] for row in layer.funs_name]
                is_fixed = torch.tensor(fixed, device=layer.mask.device)
                is_fixed &= bool(self.model.symbolic_enabled)
                homes.append(_Home(self.numeric_mask(l), layer.mask.detach(), is_fixed))
        return homes

    def _homes(self) -> list[_Home]:
        self.mask()
        return self._found()

    def copy(self) -> SplinedAdapter:
        new = type(self)(private_copy(self.model, self.transient))
        _HOMES[new.model] = copy.deepcopy(self._found())
        new.set_mask(self.mask(), self.bias())
        return new

    def _extra_weights(self) -> Any:
        tables = [
            {n: [list(row) for row in getattr(layer, n)] for n in TABLES if hasattr(layer, n)}
            for layer in self.model.symbolic_fun
        ]
        return tables, copy.deepcopy(self._found()), self.model.symbolic_enabled

    def _set_extra_weights(self, extra: Any) -> None:
        tables, homes, enabled = extra
        for layer, table in zip(self.model.symbolic_fun, tables, strict=True):
            for name, rows in table.items():
                setattr(layer, name, [list(row) for row in rows])
        self.model.symbolic_enabled = enabled
        _HOMES[self.model] = copy.deepcopy(homes)

    def _numbers(self) -> list[Tensor]:
        layers = self.model.act_fun
        tensors = [t for m in layers for t in (m.coef, m.grid, m.scale_base, m.scale_sp)]
        tensors += [layer.affine for layer in self.model.symbolic_fun]
        return tensors + [t for home in self._homes() for t in (home.numeric, home.formula)]

    def _settings(self) -> object:
        names = [layer.funs_name for layer in self.model.symbolic_fun]
        return names, bool(self.model.symbolic_enabled), [m.k for m in self.model.act_fun]


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.device == b.device and a.dtype == b.dtype and torch.equal(a, b)


def zero(x: Any) -> Any:
    """Return 0 for everything: what an edge that is off computes in place of its formula."""
    return torch.zeros_like(x)


def zero_avoiding(x: Any, y_th: Any) -> Any:
    """Return what pykan's functions without singularities do, for `zero`."""
    return (), torch.zeros_like(x)
