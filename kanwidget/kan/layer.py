"""KANLayer: one layer of edges.

An edge ``(i, j)`` carries ``phi(x) = scale_base * base_fun(x) + scale_sp * spline(x)``
(Liu et al. 2024, "KAN: Kolmogorov-Arnold Networks", eq. 2.10); node ``j`` of the next
layer is the sum over ``i`` plus a bias. A *named* edge carries ``c f(a x + b) + d`` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kanwidget.functions.named_edges import NamedEdges

from . import bsplines, fused_layer
from .arrays import as_array, as_columns

__all__ = ["CopyFunction", "KANLayer", "copy_all"]

CopyFunction = Callable[[Sequence[Tensor], Sequence[Tensor]], object]
"""Writes new values into tensors: ``copy(targets, values)``."""

MAX_SINGLE_THREAD_WIDTH = 64
"""Most inputs of a layer whose edges' outputs are computed in one thread: those of a curve."""


def copy_all(targets: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """Write new values, all in a single call: an interrupt comes before it or after it."""
    torch._foreach_copy_(list(targets), list(values), False)


def _products(a: Tensor, b: Tensor) -> Tensor:
    """Multiply two stacks of matrices, of which the second are narrow where curves are drawn.

    Numpy does that in one thread: torch's threads cost ten times as much beside a training.
    """
    is_narrow = b.shape[2] <= MAX_SINGLE_THREAD_WIDTH
    if is_narrow and a.device.type == "cpu" and a.dtype in (torch.float32, torch.float64):
        return torch.from_numpy(np.matmul(a.numpy(), b.numpy()))
    return torch.bmm(a, b)


class KANLayer(nn.Module):
    """All edges between two node layers.

    Parameters
    ----------
    n_in, n_out : int
        Nodes before and after.
    grid : int
        Grid intervals, G.
    k : int
        Order of the splines.
    base_fun : callable
        The residual function, applied to each input.
    grid_eps : float
        Between quantile (0) and uniform (1) grids, see `bsplines.adapt_grid`.
    grid_range : (float, float)
        The range of the first, uniform grid.
    device, dtype
        As for any torch module.

    Attributes
    ----------
    coef : Parameter, shape (n_out, n_in, G + k)
    scale_base, scale_sp : Parameter, shape (n_out, n_in)
    bias : Parameter, shape (n_out,)
    grid : buffer, shape (n_in, G + 1)
    mask : buffer, shape (n_out, n_in)
        1 where the edge is on, 0 where it is off.
    named_edges : NamedEdges or None
        The functions that stand in the place of splines; None if no edge has a name.
    """

    grid: Tensor
    mask: Tensor

    def __init__(
        self,
        n_in: int,
        n_out: int,
        grid: int = 3,
        k: int = 3,
        base_fun: Callable[[Tensor], Tensor] | None = None,
        grid_eps: float = 1.0,
        grid_range: Sequence[float] = (-1.0, 1.0),
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        self.k = k
        self.base_fun = nn.SiLU() if base_fun is None else base_fun
        self.grid_eps = grid_eps
        self._uniform: tuple[Tensor, bool] | None = None
        low, high = grid_range
        ones = torch.ones(n_out, n_in, device=device, dtype=dtype)
        self.coef = nn.Parameter(ones.new_zeros(n_out, n_in, grid + k))
        self.scale_base = nn.Parameter(ones.clone())
        self.scale_sp = nn.Parameter(ones.clone())
        self.bias = nn.Parameter(ones.new_zeros(n_out))
        self.register_buffer("mask", ones)
        points = torch.from_numpy(low + (high - low) * np.arange(grid + 1) / grid)
        self.register_buffer("grid", points.repeat(n_in, 1).to(ones))

    @property
    def n_in(self) -> int:
        """Nodes before the layer."""
        return self.mask.shape[1]

    @property
    def n_out(self) -> int:
        """Nodes after the layer."""
        return self.mask.shape[0]

    @property
    def named_edges(self) -> NamedEdges | None:
        """The functions that stand in the place of splines, None if there are none."""
        found = self._modules.get("named_edges")
        return found if isinstance(found, NamedEdges) else None

    @property
    def spline_mask(self) -> Tensor:
        """The mask, 0 also where an edge has a name, ``(n_out, n_in)``."""
        named = self.named_edges
        return self.mask if named is None else self.mask.masked_fill(named.on, 0.0)

    def new_names(self) -> NamedEdges:
        """Return named edges for this layer, none of them named yet."""
        trains = any(p.requires_grad for p in self.parameters(recurse=False))
        return NamedEdges(self.mask, trains).train(self.training)

    def replace_names(self, named: NamedEdges | None) -> None:
        """Let these be the layer's named edges, and no others."""
        if named is not None:
            self._modules["named_edges"] = named
        else:
            self._modules.pop("named_edges", None)

    @torch.no_grad()
    def initialize(self, generator: torch.Generator, noise: float, noise_base: float) -> None:
        """Draw the initial functions, in the order in which pykan 0.0.x draws them.

        Parameters
        ----------
        generator : torch.Generator
            A CPU generator: float64 numbers are drawn whatever the layer's dtype, so that
            a seed means one network.
        noise : float
            Height of the splines' initial noise, in units of the output.
        noise_base : float
            Spread of ``scale_base`` around ``1 / sqrt(n_in)``.
        """
        shape, double = (self.n_out, self.n_in), torch.float64
        intervals = self.grid.shape[1] - 1
        r = torch.randn(shape, generator=generator, dtype=double)
        self.scale_base.copy_(1 / self.n_in**0.5 + (2 * r - 1) * noise_base)
        u = torch.rand((*shape, intervals + 1), generator=generator, dtype=double)
        points = as_array(self.grid)
        wanted = ((u - 0.5) * noise / intervals).transpose(0, 1)  # (n_in, n_out, G + 1)
        basis = bsplines.de_boor(points, bsplines.extend_grid(points, self.k), self.k)[0]
        coef = bsplines.fit_coef(basis, wanted.numpy())
        self.coef.copy_(torch.from_numpy(coef).transpose(0, 1))
        # pykan draws a linear layer's weights here, then sets them to zero.
        torch.rand(self.n_out, generator=generator, dtype=double)
        self.scale_sp.fill_(1.0)
        self.bias.zero_()
        self.mask.fill_(1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, n_in)`` to ``(batch, n_out)``."""
        return self._sums(x, sized=False)[0]

    def forward_with_scores(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``(batch, n_in)`` to ``(batch, n_out)`` and score every edge on the way.

        Returns
        -------
        y : Tensor, shape (batch, n_out)
        scores : Tensor, shape (n_out, n_in)
            ``mean_b |phi(x_b)| / (grid_last - grid_first + 1e-4)``, as pykan 0.0.x's
            ``acts_scale``; 0 for edges that are off.
        """
        y, size = self._sums(x, sized=True)
        return y, size / self.score_span

    def weights(self) -> tuple[Tensor, ...]:
        """Return ``coef``, ``scale_base``, ``scale_sp``, constants if edges are named, ``bias``."""
        named = self.named_edges
        constants = () if named is None else (named.affine,)
        return self.coef, self.scale_base, self.scale_sp, *constants, self.bias

    @property
    def score_span(self) -> Tensor:
        """What scores are divided by, ``(n_in,)``: see `bsplines.score_span`."""
        span: Tensor = bsplines.score_span(self.grid)
        return span

    @property
    def uniform(self) -> bool:
        """Whether all grids have equal steps; found out anew when the grid has changed."""
        # Compared number by number: what is written through ``.data`` has no new version.
        grid, known = self.grid, self._uniform
        if (
            known is None
            or known[0].dtype != grid.dtype
            or known[0].device != grid.device
            or not torch.equal(known[0], grid)
        ):
            known = self._uniform = grid.clone(), bsplines.is_uniform(grid)
        return known[1]

    def _sums(self, x: Tensor, sized: bool) -> tuple[Tensor, Tensor]:
        rows = x.T.contiguous()
        if self.named_edges is not None:
            return self._sums_with_names(rows, sized)
        y, size = fused_layer.edge_sums(
            rows,
            self.base_fun(rows),
            self.coef,
            self.scale_base,
            self.scale_sp,
            self.mask,
            self.grid,
            self.k,
            self.uniform,
            sized,
        )
        return y.T + self.bias, size

    def _sums_with_names(self, rows: Tensor, sized: bool) -> tuple[Tensor, Tensor]:
        named, mask = self.named_edges, self.spline_mask
        assert named is not None
        y = self.bias.unsqueeze(1).expand(-1, rows.shape[1])
        size = torch.zeros_like(mask) if sized else mask.new_empty(0)
        (ins,) = (mask != 0).any(0).nonzero(as_tuple=True)
        if len(ins):  # named edges need no splines of their inputs
            x = rows[ins]
            sums, sizes = fused_layer.edge_sums(
                x,
                self.base_fun(x),
                self.coef[:, ins],
                self.scale_base[:, ins],
                self.scale_sp[:, ins],
                mask[:, ins],
                self.grid[ins],
                self.k,
                self.uniform,
                sized,
            )
            y = y + sums
            size = size.index_copy(1, ins, sizes) if sized else size
        for group, values in named.values(rows, self.mask != 0, not self.bias.requires_grad):
            outs, at = (torch.from_numpy(n).to(rows.device) for n in group[1:])
            y = y.index_add(0, outs, values)
            size = size.index_put((outs, at), values.abs().mean(1)) if sized else size
        return y.T, size

    @torch.no_grad()
    def activations(self, x: Tensor, masked: bool = True) -> Tensor:
        """Return every edge's output, shape ``(n_out, n_in, batch)``; ``x`` as in `forward`."""
        rows = x.T.contiguous()
        mask = self.mask if masked else torch.ones_like(self.mask)
        weight = fused_layer.edge_weights(self.coef, self.scale_base, self.scale_sp, mask)
        feats = fused_layer.features(rows, self.base_fun(rows), self.grid, self.k, self.uniform)
        out = _products(weight.transpose(0, 1), feats).transpose(0, 1)
        if self.named_edges is not None:
            for group, values in self.named_edges.values(rows, mask != 0):
                out[group.outs, group.ins] = values
        return out

    @torch.no_grad()
    def means(self, x: Tensor) -> Tensor:
        """Return every edge's mean output over samples ``(batch, n_in)``, ``(n_out, n_in)``.

        Edges that are off have mean 0.
        """
        rows = x.T.contiguous()
        weight = fused_layer.edge_weights(self.coef, self.scale_base, self.scale_sp, self.mask)
        feats = fused_layer.features(rows, self.base_fun(rows), self.grid, self.k, self.uniform)
        out = (weight * feats.mean(2)).sum(2)
        if self.named_edges is not None:
            for group, values in self.named_edges.values(rows, self.mask != 0):
                out[group.outs, group.ins] = values.mean(1)
        return out

    @torch.no_grad()
    def update_grid(
        self,
        x: Tensor,
        which: Tensor | None = None,
        write: CopyFunction = copy_all,
    ) -> None:
        """Lay grids over samples ``(batch, n_in)`` anew and refit the splines to them.

        Parameters
        ----------
        x : Tensor, shape (batch, n_in)
        which : bool Tensor, shape (n_in,), optional
            The inputs whose grids follow their samples; all by default. One that does not vary
            keeps its grid; see `bsplines.keep_grid`.
        write : callable, optional
            What writes the new values ``(targets, values)`` of `grid` and `coef`.
        """
        some: Any = slice(None)
        if self.named_edges is not None:
            # Where no spline is in use the grid stays.
            used = (self.spline_mask != 0).any(0)
            which = used if which is None else which & used
            if not which.any():
                return
        if which is not None and not which.all():
            some = which.nonzero().flatten().tolist()
        k, rows, grid = self.k, as_columns(x)[some], as_array(self.grid)[some]
        laid = bsplines.adapt_grid(rows, grid.shape[1] - 1, self.grid_eps)
        still = ~bsplines.varies(rows, torch.finfo(self.grid.dtype).eps)
        if still.any():
            laid[still] = bsplines.keep_grid(grid[still], rows[still])
            moved = (laid != grid).any(1)
            some = np.arange(self.n_in)[some][moved].tolist()
            rows, grid, laid = rows[moved], grid[moved], laid[moved]
        coef = as_array(self.coef).transpose(1, 0, 2)[some]
        y = coef @ bsplines.de_boor(rows, bsplines.extend_grid(grid, k), k)[0]
        coef = bsplines.fit_coef(bsplines.de_boor(rows, bsplines.extend_grid(laid, k), k)[0], y)
        new_grid, new_coef = self.grid.clone(), self.coef.detach().clone()
        new_grid[some] = torch.from_numpy(laid).to(self.grid)
        new_coef[:, some] = torch.from_numpy(coef).transpose(0, 1).to(self.coef)
        write([self.grid, self.coef], [new_grid, new_coef])

    @torch.no_grad()
    def subset(self, inputs: Sequence[int], outputs: Sequence[int]) -> KANLayer:
        """Return a new layer of the chosen nodes' edges; this one stays as it is."""
        i = torch.as_tensor(inputs, dtype=torch.long, device=self.mask.device)
        j = torch.as_tensor(outputs, dtype=torch.long, device=self.mask.device)
        child = self.with_settings(len(i), len(j), self.grid.shape[1] - 1)
        child.grid.copy_(self.grid[i])
        child.bias.copy_(self.bias[j])
        for name in ("coef", "scale_base", "scale_sp", "mask"):
            getattr(child, name).copy_(getattr(self, name)[j][:, i])
        if self.named_edges is not None:
            child.replace_names(self.named_edges.subset(inputs, outputs))
        return child

    def with_settings(self, n_in: int, n_out: int, intervals: int) -> KANLayer:
        """Return a new layer of another size with this one's settings, but not its numbers."""
        child = KANLayer(
            n_in,
            n_out,
            intervals,
            self.k,
            self.base_fun,
            self.grid_eps,
            device=self.mask.device,
            dtype=self.mask.dtype,
        )
        for name, parameter in self.named_parameters(recurse=False):
            getattr(child, name).requires_grad_(parameter.requires_grad)
        return child.train(self.training)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Take the names of a state dict: functions of one's own have to be known here already."""
        start = f"{prefix}named_edges."
        if not any(key.startswith(start) for key in state_dict):
            self.replace_names(None)
        elif self.named_edges is None:
            self.replace_names(self.new_names())
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def extra_repr(self) -> str:
        """Say the shape, as torch's own modules do."""
        return f"{self.n_in}, {self.n_out}, grid={self.grid.shape[1] - 1}, k={self.k}"
