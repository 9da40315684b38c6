"""One layer of edges, forward and backward, in few passes over the data.

Here the batch is the last axis: values are ``(nodes, batch)``, and the *features* of an input
are its spline bases and its base function, ``(n_in, K, batch)`` with ``K = G + k + 1``. An
edge's output is linear in them: ``phi[j, i] = sum_K weight[j, i, K] * features[i, K]``.

A node's sum is one matrix product over inputs and features, and never needs ``phi``. The mean
size of each edge does, but ``|phi| = sign(phi) * phi``: with ``pull = mean_b sign(phi) *
features`` it is ``sum_K weight * pull``, and ``pull`` is its gradient too.

So all goes by blocks of inputs: features, edges' outputs and gradients of one block stay in
cache, and the next block takes their memory. What a backward pass needs is computed again rather
than stored: new memory costs more than the arithmetic (the system clears it page by page).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from . import bsplines

__all__ = ["edge_sums", "edge_weights", "features"]

MAX_INPUTS_PER_BLOCK = 16
"""Inputs taken at a time."""


def _input_blocks(n_in: int) -> Iterator[slice]:
    for start in range(0, n_in, MAX_INPUTS_PER_BLOCK):
        yield slice(start, min(start + MAX_INPUTS_PER_BLOCK, n_in))


def features(x: Tensor, base: Tensor, grid: Tensor, k: int, uniform: bool) -> Tensor:
    """Return spline bases and base function of inputs ``(n_in, batch)``: ``(n_in, K, batch)``."""
    n_in, batch = x.shape
    out = x.new_empty(n_in, grid.shape[1] + k, batch)
    for block in _input_blocks(n_in):
        bsplines.bspline_basis(x[block], grid[block], k, uniform, out=out[block, :-1])
    out[:, -1] = base
    return out


def edge_weights(coef: Tensor, scale_base: Tensor, scale_sp: Tensor, mask: Tensor) -> Tensor:
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


def _gradients_of_weights(
    grad_weight: Tensor, coef: Tensor, scale_sp: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Pass a gradient through `edge_weights`: to ``coef``, ``scale_base`` and ``scale_sp``."""
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
    # Where no gradient goes on to the inputs (the first layer), the features are all that the
    # backward pass needs. Elsewhere they come with their slopes, at no cost.
    keep = torch.is_grad_enabled() and not (x.requires_grad or base.requires_grad)
    out: tuple[Tensor, Tensor] = _EdgeSums.apply(  # type: ignore[no-untyped-call]
        x, base, coef, scale_base, scale_sp, mask, grid, k, uniform, sized, keep
    )
    return out


def _edge_sums_for_autograd(
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
    spline = torch.einsum("jig,igb->jib", coef, bsplines.bspline_basis(x, grid, k))
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
        keep: bool,
    ) -> tuple[Tensor, Tensor]:
        if any(ctx.needs_input_grad):
            mask = mask.clone()  # another thread may switch edges before the backward pass
        weight = edge_weights(coef, scale_base, scale_sp, mask)
        n_out, n_in, count = weight.shape
        batch, most = x.shape[1], min(MAX_INPUTS_PER_BLOCK, n_in)
        y, size = x.new_zeros(n_out, batch), mask.new_empty(0)
        pull = x.new_empty(n_in, count, n_out) if sized else None
        room = x.new_empty(n_in if keep else most, count, batch)
        signs = x.new_empty(most if sized else 0, n_out, batch)
        for block in _input_blocks(n_in):
            n = len(x[block])
            feats = room[block] if keep else room[:n]
            bsplines.bspline_basis(x[block], grid[block], k, uniform, out=feats[:, :-1])
            feats[:, -1] = base[block]
            y.addmm_(weight[:, block].flatten(1), feats.view(-1, batch))
            if pull is not None:
                sign = _signs(weight[:, block], feats, out=signs[:n])
                torch.bmm(feats, sign.transpose(1, 2), out=pull[block])
        if pull is not None:
            pull = pull.div_(batch).permute(2, 0, 1)
            size = torch.linalg.vecdot(weight, pull)
        kept = room if keep else None
        ctx.save_for_backward(x, base, coef, scale_base, scale_sp, mask, grid, pull, kept)
        ctx.settings = k, uniform, sized
        return y, size

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor, grad_size: Tensor) -> Any:
        x, base, coef, scale_base, scale_sp, mask, grid, pull, feats = ctx.saved_tensors
        k, uniform, sized = ctx.settings
        if torch.is_grad_enabled():  # somebody wants second derivatives
            arguments = x, base, coef, scale_base, scale_sp
            wanted = [n for n in range(5) if ctx.needs_input_grad[n]]
            results = _edge_sums_for_autograd(*arguments, mask, grid, k, sized)
            grads = torch.autograd.grad(
                results[: 1 + sized],
                [arguments[n] for n in wanted],
                [grad_y, grad_size][: 1 + sized],
                create_graph=True,
                allow_unused=True,
            )
            found = dict(zip(wanted, grads, strict=True))
            return (*(found.get(n) for n in range(5)), *[None] * 6)
        grad_x = grad_base = None
        if feats is not None:
            weight_shape = (len(grad_y), *feats.shape[:2])
            grad_weight = (grad_y @ feats.flatten(0, 1).T).view(weight_shape)
        else:
            weight = edge_weights(coef, scale_base, scale_sp, mask)
            on_size = grad_size if sized else None
            grad_x, grad_base, grad_weight = _gradients_by_blocks(
                weight, x, base, grid, k, uniform, grad_y, on_size
            )
        if pull is not None:
            grad_weight.addcmul_(pull, grad_size.unsqueeze(2))
        return (
            grad_x,
            grad_base,
            *_gradients_of_weights(grad_weight, coef, scale_sp, mask),
            *[None] * 6,
        )


def _signs(weight: Tensor, feats: Tensor, out: Tensor) -> Tensor:
    """Return the signs of a block's edges' outputs, ``(block, n_out, batch)``."""
    return torch.bmm(weight.transpose(0, 1), feats, out=out).sign_()


def _gradients_by_blocks(
    weight: Tensor,
    x: Tensor,
    base: Tensor,
    grid: Tensor,
    k: int,
    uniform: bool,
    grad_y: Tensor,
    grad_size: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients on ``x``, ``base`` and the weights, without what `_EdgeSums` adds."""
    n_out, n_in, count = weight.shape
    batch, most = x.shape[1], min(MAX_INPUTS_PER_BLOCK, n_in)
    grad_x, grad_base, grad_weight = map(torch.empty_like, (x, base, weight))
    room, grads = x.new_empty(2, most, count, batch)
    if grad_size is not None:
        signs = x.new_empty(most, n_out, batch)
        share = (grad_size.T / batch).unsqueeze(2)  # (n_in, n_out, 1)
    for block in _input_blocks(n_in):
        n = len(x[block])
        feats, grad, part = room[:n], grads[:n], weight[:, block]
        slope = bsplines.bspline_basis_and_slope(
            x[block], grid[block], k, uniform, out=feats[:, :-1]
        )[1]
        feats[:, -1] = base[block]
        grad_weight[:, block] = (grad_y @ feats.view(-1, batch).T).view(n_out, n, count)
        if grad_size is None:
            torch.mm(part.flatten(1).T, grad_y, out=grad.view(-1, batch))
        else:
            on_phi = _signs(part, feats, out=signs[:n]).mul_(share[block]).add_(grad_y)
            torch.bmm(part.permute(1, 2, 0), on_phi, out=grad)
        torch.sum(slope.mul_(grad[:, :-1]), 1, out=grad_x[block])
        grad_base[block] = grad[:, -1]
    return grad_x, grad_base, grad_weight
