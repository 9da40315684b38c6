"""The edges of one layer on which functions stand in the place of splines."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .curve import CONSTANTS, NamedCurve
from .library import FUNCTIONS, Function

__all__ = ["CurveGroup", "NamedEdges", "code_of"]


class CurveGroup(NamedTuple):
    """The edges of a layer that have the same function.

    Attributes
    ----------
    function : Function
    outs, ins : ndarray of int, shape (n,)
        Where the edges end, and where they begin.
    """

    function: Function
    outs: NDArray[np.intp]
    ins: NDArray[np.intp]


class NamedEdges(nn.Module):
    """Functions and constants of the named edges of one layer.

    Parameters
    ----------
    like : Tensor, shape (n_out, n_in)
        Of the layer's device and dtype.
    trains : bool
        Whether the constants have a gradient.

    Attributes
    ----------
    affine : Parameter, shape (n_out, n_in, 4)
        The constants a, b, c and d; 0 where an edge has no name.
    codes : buffer, shape (n_out, n_in)
        Which function: the CRC-32 of its name, 0 for none. So all that makes the functions is in
        the state dict, but for functions of one's own.
    fixed : buffer, shape (n_out, n_in)
        Which constants no fit changes: 1 for a, 2 for b, 4 for c, 8 for d.
    own : dict of str to Function
        The functions that are not of the library.
    """

    codes: Tensor
    fixed: Tensor

    def __init__(self, like: Tensor, trains: bool = True) -> None:
        super().__init__()
        zeros = torch.zeros_like(like)
        self.affine = nn.Parameter(zeros.unsqueeze(2).repeat(1, 1, 4), requires_grad=trains)
        self.register_buffer("codes", zeros.to(torch.int64))
        self.register_buffer("fixed", zeros.to(torch.uint8))
        self.own: dict[str, Function] = {}
        # The answers of `groups` and `free`, and what they were computed from: `torch.func`, which
        # maps over rows, could not read tensors as arrays.
        self._groups: tuple[Tensor, list[CurveGroup]] | None = None
        self._free: tuple[bool, tuple[Tensor, Tensor], NDArray[np.bool_]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be found out anew, and may hold functions that are gone."""
        return {**self.__dict__, "_groups": None, "_free": None}

    @property
    def on(self) -> Tensor:
        """Which edges have a name, bool ``(n_out, n_in)``."""
        return self.codes != 0

    @torch.no_grad()
    def set(self, j: int, i: int, curve: NamedCurve | None, function: Function | None) -> None:
        """Name the edge from node ``i`` to node ``j``, or take its name away.

        Numbers are written to new tensors: a backward pass may be under way.
        """
        affine, codes, fixed = (t.detach().clone() for t in (self.affine, self.codes, self.fixed))
        affine[j, i], codes[j, i], fixed[j, i], own = 0.0, 0, 0, dict(self.own)
        if curve is not None and function is not None:
            if FUNCTIONS.get(function.name) is not function:
                own[function.name] = function
            affine[j, i] = affine.new_tensor([curve.a, curve.b, curve.c, curve.d])
            codes[j, i] = code_of(function.name)
            fixed[j, i] = sum(1 << n for n, letter in enumerate(CONSTANTS) if letter in curve.fixed)
        self.affine.data, self.codes, self.fixed = affine, codes, fixed
        self.use_functions(own)

    def use_functions(self, functions: Mapping[str, Function]) -> None:
        """Let these be the functions of one's own; those that no edge has are left out."""
        self.own = {n: f for n, f in functions.items() if bool((self.codes == code_of(n)).any())}
        self._groups = self._free = None

    def curves(self) -> dict[tuple[int, int], NamedCurve]:
        """Return the named curves by ``(j, i)``."""
        found = {}
        for group in self.groups(self.on):
            for j, i in zip(group.outs.tolist(), group.ins.tolist(), strict=True):
                fixed = int(self.fixed[j, i])
                letters = frozenset(c for n, c in enumerate(CONSTANTS) if fixed >> n & 1)
                a, b, c, d = self.affine[j, i].tolist()
                found[j, i] = NamedCurve(group.function.name, a, b, c, d, letters)
        return dict(sorted(found.items()))

    @property
    def functions(self) -> dict[str, Function]:
        """The functions of its edges, by their names."""
        return {group.function.name: group.function for group in self.groups(self.on)}

    def groups(self, on: Tensor) -> list[CurveGroup]:
        """Return the named edges among those that are on, by their functions.

        Raises
        ------
        ValueError
            If a function is not known, as one's own are not after numbers were loaded.
        """
        wanted = self.codes.masked_fill(~on.to(self.codes.device), 0)
        known = self._groups
        if known is not None and _same(known[0], wanted):
            return known[1]
        table = wanted.cpu().numpy()
        outs, ins = table.nonzero()
        codes, found = table[outs, ins], []
        for code in dict.fromkeys(codes.tolist()):
            here = codes == code
            found.append(CurveGroup(self._function(code), outs[here], ins[here]))
        self._groups = wanted, found
        return found

    def _function(self, code: int) -> Function:
        for name, function in self.own.items():
            if code_of(name) == code:
                return function
        if code not in _BY_CODE:
            raise ValueError(
                "an edge has a function of one's own that is not known here: numbers were loaded "
                "without it; name the edge anew"
            )
        return _BY_CODE[code]

    def free(self, with_shift: bool = True) -> NDArray[np.bool_]:
        """Return which constants a fit changes, bool ``(n_out, n_in, 4)``.

        They are those that change the look of the function, and are not fixed.

        Parameters
        ----------
        with_shift : bool
            Whether d is one of them. With a bias that is trained it is not: that is the same.
        """
        key, known = (self.codes, self.fixed), self._free
        if known is not None and known[0] == with_shift and all(map(_same, known[1], key)):
            return known[2]
        found: NDArray[np.bool_] = np.zeros((*self.codes.shape, 4), dtype=bool)
        for function, outs, ins in self.groups(self.on):
            found[outs, ins] = *function.free, function.family != "constant", with_shift
        fixed = self.fixed.cpu().numpy()[..., None] >> np.arange(4) & 1
        found &= fixed == 0
        self._free = with_shift, (self.codes.clone(), self.fixed.clone()), found
        return found

    def values(
        self, x: Tensor, on: Tensor, with_shift: bool = True
    ) -> list[tuple[CurveGroup, Tensor]]:
        """Evaluate the named edges among those that are on, differentiable.

        Parameters
        ----------
        x : Tensor, shape (n_in, batch)
        on : bool Tensor, shape (n_out, n_in)
        with_shift : bool
            See `free`.

        Returns
        -------
        list of (CurveGroup, Tensor (n, batch))
        """
        affine: Tensor = self.affine
        if torch.is_grad_enabled() and affine.requires_grad:
            free = torch.from_numpy(self.free(with_shift)).to(affine.device)
            affine = torch.where(free, affine, affine.detach())
        found = []
        for group in self.groups(on):
            outs, ins = (torch.from_numpy(n).to(x.device) for n in group[1:])
            a, b, c, d = affine[outs, ins].to(x).unsqueeze(2).unbind(1)
            if group.function.family == "constant":
                found.append((group, d.expand(-1, x.shape[1])))
            else:
                found.append((group, c * group.function.torch(a * x[ins] + b) + d))
        return found

    def sums(self, x: Tensor, on: Tensor, with_shift: bool = True) -> Tensor:
        """Return what the named edges that are on add to each node, ``(n_out, batch)``."""
        out = x.new_zeros(len(self.codes), x.shape[1])
        for group, values in self.values(x, on, with_shift):
            out = out.index_add(0, torch.from_numpy(group.outs).to(x.device), values)
        return out

    def subset(self, ins: Sequence[int], outs: Sequence[int]) -> NamedEdges | None:
        """Return the names of the edges between some nodes, None if there are none."""
        i, j = (torch.as_tensor(n, dtype=torch.long, device=self.codes.device) for n in (ins, outs))
        codes = self.codes[j][:, i]
        if not codes.any():
            return None
        new = NamedEdges(self.affine.detach()[j][:, i, 0], self.affine.requires_grad)
        new.affine.data, new.codes = self.affine.detach()[j][:, i], codes
        new.fixed = self.fixed[j][:, i]
        new.use_functions(self.own)
        return new.train(self.training)

    def copy(self) -> NamedEdges:
        """Return a copy that shares nothing with this."""
        return copy.deepcopy(self)


def _same(a: Tensor, b: Tensor) -> bool:
    return a.device == b.device and torch.equal(a, b)


def code_of(name: str) -> int:
    """Return the number by which a function's name stands in a tensor."""
    return zlib.crc32(name.encode()) or 1


_BY_CODE: Mapping[int, Function] = {code_of(name): f for name, f in FUNCTIONS.items()}
