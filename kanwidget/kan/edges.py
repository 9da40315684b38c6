"""One layer of edges, forward and backward, in few passes over the data.

Here the batch is the last axis: values are ``(nodes, batch)``, and the *features* of an input
are its spline bases and its base function, ``(n_in, K, batch)`` with ``K = G + k + 1``. An
edge's output is linear in them: ``phi[j, i] = sum_K weight[j, i, K] * features[i, K]``.

A node's sum is one matrix product over inputs and features, and never needs ``phi``. The mean
size of each edge does, but ``|phi| = sign(phi) * phi``: with ``pull = mean_b sign(phi) *
features`` it is ``sum_K weight * pull``, and ``pull`` is its gradient too. So ``phi`` is
computed for a block of inputs at a time, reduced to its signs, and thrown away.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import splines

__all__ = ["backward", "edge_sums", "features", "join", "outputs", "pulls", "spread"]

BLOCK = 16
"""Inputs taken at a time where every edge's output is needed: it stays in cache."""


def features(x: Tensor, base: Tensor, grid: Tensor, k: int, uniform: bool) -> Tensor:
    """Return spline bases and base function of inputs ``(n_in, batch)``: ``(n_in, K, batch)``."""
    n_in, batch = x.shape
    count = grid.shape[1] + k
    out = x.new_empty(n_in, count, batch)
    for start in range(0, n_in, BLOCK):
        block = slice(start, start + BLOCK)
        splines.bspline_basis(x[block], grid[block], k, uniform, out=out[block, :-1])
    out[:, -1] = base
    return out


def join(coef: Tensor, scale_base: Tensor, scale_sp: Tensor, mask: Tensor) -> Tensor:
    """Return weights on the features, ``(n_out, n_in, K)``; 0 where an edge is off.

    Filled rather than multiplied: an edge that is off stays off if its numbers are NaN.
    """
    n_out, n_in, count = coef.shape
    weight = coef.new_empty(n_out, n_in, count + 1)
    torch.mul(coef, scale_sp.unsqueeze(2), out=weight[..., :-1])
    weight[..., -1] = scale_base
    return _switch_off(weight, mask)


def _switch_off(values: Tensor, mask: Tensor) -> Tensor:
    off = mask == 0
    return values.masked_fill_(off.unsqueeze(2), 0.0) if off.any() else values


def outputs(weight: Tensor, feats: Tensor) -> Tensor:
    """Return the sums over inputs, ``(n_out, batch)``."""
    return weight.flatten(1) @ feats.flatten(0, 1)


def _signs(weight: Tensor, feats: Tensor, block: slice) -> Tensor:
    """Return the signs of edges' outputs, ``(block, n_out, batch)``."""
    return torch.bmm(weight[:, block].transpose(0, 1), feats[block]).sign_()


def pulls(weight: Tensor, feats: Tensor) -> Tensor:
    """Return ``mean_b sign(phi) * features``, ``(n_out, n_in, K)``."""
    n_out, n_in, count = weight.shape
    out = weight.new_empty(n_in, count, n_out)
    for start in range(0, n_in, BLOCK):
        block = slice(start, start + BLOCK)
        torch.bmm(feats[block], _signs(weight, feats, block).transpose(1, 2), out=out[block])
    return out.div_(feats.shape[2]).permute(2, 0, 1)


def backward(weight: Tensor, feats: Tensor, grad_y: Tensor, grad_size: Tensor | None) -> Tensor:
    """Return the gradient on the features, ``(n_in, K, batch)``.

    Parameters
    ----------
    weight, feats : Tensor
        As in `outputs`.
    grad_y : Tensor, shape (n_out, batch)
        Gradient on the sums.
    grad_size : Tensor, shape (n_out, n_in), optional
        Gradient on the mean sizes of the edges.
    """
    _, n_in, count = weight.shape
    if grad_size is None:
        return (weight.flatten(1).T @ grad_y).view(n_in, count, -1)
    out = torch.empty_like(feats)
    scaled = (grad_size.T / feats.shape[2]).unsqueeze(2)  # (n_in, n_out, 1)
    for start in range(0, n_in, BLOCK):
        block = slice(start, start + BLOCK)
        grad = _signs(weight, feats, block).mul_(scaled[block]).add_(grad_y)
        torch.bmm(weight[:, block].permute(1, 2, 0), grad, out=out[block])
    return out


def spread(
    grad_weight: Tensor, coef: Tensor, scale_sp: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Pass a gradient through `join`: to ``coef``, ``scale_base`` and ``scale_sp``."""
    on_spline = _switch_off(grad_weight, mask)[..., :-1]
    return (
        on_spline * scale_sp.unsqueeze(2),
        grad_weight[..., -1],
        torch.linalg.vecdot(on_spline, coef),
    )


def edge_sums(
    x: Tensor,
    base: Tensor,
    coef: Tensor,
    scale_base: Tensor,
    scale_sp: Tensor,
    mask: Tensor,
    grid: Tensor,
    k: int,
    uniform: bool,
    sized: bool,
) -> tuple[Tensor, Tensor]:
    """Return the sums ``(n_out, batch)`` and the mean sizes ``(n_out, n_in)``, differentiable.

    Parameters
    ----------
    x, base : Tensor, shapes (n_in, batch)
        Inputs, and the base function of them.
    coef, scale_base, scale_sp, mask, grid, k, uniform
        The layer's parameters, as in `KANLayer`, and whether its grids are uniform.
    sized : bool
        Whether the mean sizes are wanted; they are empty otherwise.
    """
    out: tuple[Tensor, Tensor] = _EdgeSums.apply(  # type: ignore[no-untyped-call]
        x, base, coef, scale_base, scale_sp, mask, grid, k, uniform, sized
    )
    return out


def _by_definition(
    x: Tensor,
    base: Tensor,
    coef: Tensor,
    scale_base: Tensor,
    scale_sp: Tensor,
    mask: Tensor,
    grid: Tensor,
    k: int,
    sized: bool,
) -> tuple[Tensor, Tensor]:
    """Compute what `edge_sums` does, edge by edge, in operations that autograd knows."""
    spline = torch.einsum("jig,igb->jib", coef, splines.bspline_basis(x, grid, k))
    phi = scale_base.unsqueeze(2) * base + scale_sp.unsqueeze(2) * spline
    phi = phi.masked_fill((mask == 0).unsqueeze(2), 0.0)
    return phi.sum(1), phi.abs().mean(2) if sized else mask.new_empty(0)


class _EdgeSums(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        base: Tensor,
        coef: Tensor,
        scale_base: Tensor,
        scale_sp: Tensor,
        mask: Tensor,
        grid: Tensor,
        k: int,
        uniform: bool,
        sized: bool,
    ) -> tuple[Tensor, Tensor]:
        weight = join(coef, scale_base, scale_sp, mask)
        feats = features(x, base, grid, k, uniform)
        y = outputs(weight, feats)
        pull, size = None, mask.new_empty(0)
        if sized:
            pull = pulls(weight, feats)
            size = torch.linalg.vecdot(weight, pull)
        ctx.save_for_backward(x, base, coef, scale_base, scale_sp, mask, grid, feats, pull)
        ctx.settings = k, uniform, sized
        return y, size

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor, grad_size: Tensor) -> Any:
        x, base, coef, scale_base, scale_sp, mask, grid, feats, pull = ctx.saved_tensors
        k, uniform, sized = ctx.settings
        if torch.is_grad_enabled():  # somebody wants second derivatives
            arguments = x, base, coef, scale_base, scale_sp
            wanted = [n for n in range(5) if ctx.needs_input_grad[n]]
            results = _by_definition(*arguments, mask, grid, k, sized)
            grads = torch.autograd.grad(
                results[: 1 + sized],
                [arguments[n] for n in wanted],
                [grad_y, grad_size][: 1 + sized],
                create_graph=True,
                allow_unused=True,
            )
            found = dict(zip(wanted, grads, strict=True))
            return (*(found.get(n) for n in range(5)), *[None] * 5)
        grad_x = grad_base = grad_coef = grad_scale_base = grad_scale_sp = None
        if any(ctx.needs_input_grad[2:5]):
            grad_weight = torch.einsum("jb,ifb->jif", grad_y, feats)
            if pull is not None:
                grad_weight.addcmul_(pull, grad_size.unsqueeze(2))
            grad_coef, grad_scale_base, grad_scale_sp = spread(grad_weight, coef, scale_sp, mask)
        if any(ctx.needs_input_grad[:2]):
            weight = join(coef, scale_base, scale_sp, mask)
            grad_feats = backward(weight, feats, grad_y, grad_size if sized else None)
            slope = splines.bspline_basis_and_slope(x, grid, k, uniform)[1]
            grad_x = slope.mul_(grad_feats[:, :-1]).sum(1)
            grad_base = grad_feats[:, -1]
        return grad_x, grad_base, grad_coef, grad_scale_base, grad_scale_sp, *[None] * 5
