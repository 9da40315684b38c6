"""The model without thresholds and hand edits: what these are applied to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from kanwidget.adapters.model_copy import same_bits
from kanwidget.masks.effective import MaskRule
from kanwidget.masks.ids import Edge
from kanwidget.masks.state import State

__all__ = ["Baseline", "without_shares"]


@dataclass(frozen=True)
class Baseline:
    """The model as it was when a session began or was last committed, and what follows from it.

    Lists hold one tensor for each layer: ``(n_out, n_in)``, or ``(n_out,)`` for biases. Curves,
    densities and grids are only drawn: they are large, and empty in a baseline that a session
    is not at; see `drop_curves` and `Evaluator.add_curves`.
    """

    mask: list[Tensor]
    bias: list[Tensor]
    folded: list[Tensor]  # means in the bias of edges that earlier commits switched off
    scores: list[Tensor]
    means: list[Tensor]
    curves: list[tuple[Tensor, Tensor]]
    loss: float
    number: int
    """Counts the baselines of a session."""
    density: list[Tensor] = field(default_factory=list)
    """Share of the data in each bin of a source node's curve range, ``(n_in, BINS)``."""
    grid: list[Tensor] = field(default_factory=list)
    """First and last grid point of a source node, and the share of data outside; ``(n_in, 3)``."""
    slots: list[list[int]] = field(default_factory=list)
    """The node of each target, if there are products; see `Adapter.slots`."""
    score: str = "l1"
    """What the scores are; see `PruningSession.rescore`."""
    notes: list[tuple[Any, ...]] = field(default_factory=list)
    """What one should know of the model whatever its mask: messages, see `session.words`."""
    broken: list[Edge] = field(default_factory=list)
    """Edges whose outputs are NaN or infinite on these data; they have no mean to keep."""
    trained: tuple[list[Tensor], list[Tensor], bool] | None = None
    """Masks and biases that others left, and whether means are in these: to the last bit."""
    restore_to: tuple[list[Tensor], list[Tensor]] | None = None
    """Masks and biases that the model goes back to from here, if not those of the baseline:
    these may have what other sessions only try."""

    @property
    def restored(self) -> tuple[list[Tensor], list[Tensor]]:
        """Masks and biases that the model goes back to from here."""
        return self.restore_to or (self.mask, self.bias)

    def masks_under(self, state: State) -> tuple[list[Tensor], list[Tensor]]:
        """Return the masks, and the biases that go with them, of what a person has decided."""
        mask = self.mask_rule(state).mask(state.edits)
        return mask, self.bias_under(mask, state.keep_mean)

    def mask_rule(self, state: State) -> MaskRule:
        """Return what gives the mask of hand edits under a state's thresholds."""
        return MaskRule(
            self.mask, self.scores, state.node_threshold, state.edge_threshold, self.slots
        )

    def drop_curves(self, other: Baseline | None = None) -> None:
        """Let go of what is only drawn, in all copies of this baseline; not if another has it."""
        if other is not None and other.curves is self.curves:
            return
        for drawn in (self.curves, self.density, self.grid):
            drawn.clear()

    def bias_under(self, mask: Sequence[Tensor], keep_mean: bool) -> list[Tensor]:
        """Return the biases that go with a mask.

        They have the means of edges that are off, if means are kept, and not those of edges
        that an earlier commit switched off and that are on again.
        """
        found = [
            torch.where(moved, bias + change, bias)
            for bias, (moved, change) in zip(self.bias, self._moved(mask, keep_mean), strict=True)
        ]
        if self.trained is None or self.trained[2] != keep_mean:
            return found
        # Trained values are not summed again: that would round them.
        return [
            torch.where((now == then).all(1), exact, bias)
            for bias, now, then, exact in zip(found, mask, *self.trained[:2], strict=True)
        ]

    def _moved(self, mask: Sequence[Tensor], keep_mean: bool) -> list[tuple[Tensor, Tensor]]:
        """Return which biases a mask moves, and by how much, shapes ``(n_out,)``."""
        return [
            ((was != now).any(1) if keep_mean else (now & ~was).any(1), share.sum(1))
            for was, now, share in zip(
                self.mask, mask, self.bias_shares(mask, keep_mean), strict=True
            )
        ]

    def bias_shares(self, mask: Sequence[Tensor], keep_mean: bool) -> list[Tensor]:
        """Return by how much each edge moves its bias under a mask, shapes ``(n_out, n_in)``."""
        shares = []
        for was, now, mean, fold in zip(self.mask, mask, self.means, self.folded, strict=True):
            off, on = was & ~now & keep_mean, now & ~was
            shares.append(mean.masked_fill(~off, 0.0) - fold.masked_fill(~on, 0.0))
        return shares

    def folded_after_commit(self, mask: Sequence[Tensor], keep_mean: bool) -> list[Tensor]:
        """Return the means that biases hold for edges that are off, once a mask is committed."""
        return [
            torch.where(was & ~now, mean * keep_mean, fold * ~now)
            for was, now, mean, fold in zip(self.mask, mask, self.means, self.folded, strict=True)
        ]

    def with_means_of(self, old: Baseline, mask: Sequence[Tensor]) -> Baseline:
        """Return a baseline with the means that another one has of edges which a mask has off.

        They are in the biases that others trained the model with: new ones would change it.
        """
        means = [
            torch.where(on | ~ours, new, was)
            for on, ours, new, was in zip(mask, self.mask, self.means, old.means, strict=True)
        ]
        return replace(self, means=means)

    def sharing_tensors_with(self, old: Baseline) -> Baseline:
        """Return the same baseline, with the tensors of another one wherever they are equal."""
        names = ("mask", "bias", "folded", "scores", "means", "density", "grid")
        shared: dict[str, Any] = {
            name: list(map(_reused, getattr(self, name), getattr(old, name))) for name in names
        }
        pairs = zip(self.curves, old.curves, strict=True)
        curves = [(_reused(x, old_x), _reused(y, old_y)) for (x, y), (old_x, old_y) in pairs]
        return replace(self, curves=curves, **shared)

    def with_external_changes(
        self,
        written: tuple[Sequence[Tensor], Sequence[Tensor]],
        found: tuple[Sequence[Tensor], Sequence[Tensor]],
        keep_mean: bool,
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        """Take into mask, bias and folded means what others changed.

        Parameters
        ----------
        written, found : (masks, biases)
            What a session last wrote to the model, and what is there now.
        keep_mean : bool
            Whether what was written keeps means.

        Returns
        -------
        mask, bias, folded : list of Tensor
            For a new baseline.
        changed : list of bool Tensor, shapes (n_out, n_in)
            Which edges somebody switched.
        """
        changed = [now != then for now, then in zip(found[0], written[0], strict=True)]
        mask = [
            torch.where(switched, now, was)
            for switched, now, was in zip(changed, found[0], self.mask, strict=True)
        ]
        shares = self.bias_shares(written[0], keep_mean)
        bias = []
        for now, then, plain, was, put, switched, share in zip(
            found[1], written[1], self.bias, self.mask, written[0], changed, shares, strict=True
        ):
            # The session switched these on, and others switched them off again: the bias
            # without their means stays, as others left it.
            off_again = switched & put & ~was
            left = plain + share.masked_fill(~off_again, 0.0).sum(1)
            left = torch.where(off_again.any(1), left, plain)
            # Not what was written less the baseline's: a NaN would never disappear.
            bias.append(
                torch.where(now != then, without_shares(now, was != put, switched, share), left)
            )
        folded = [f.masked_fill(c, 0.0) for f, c in zip(self.folded, changed, strict=True)]
        return mask, bias, folded, changed


def without_shares(bias: Tensor, moves: Tensor, switched: Tensor, shares: Tensor) -> Tensor:
    """Take the shares of edges out of biases that others have written.

    An edge that others both switched and wrote a bias for, as loading a checkpoint does, has no
    share in it.

    Parameters
    ----------
    bias : Tensor, shape (n_out,)
    moves, switched : bool Tensor, shape (n_out, n_in)
        Which edges a session had switched, and which others have switched since.
    shares : Tensor, shape (n_out, n_in)
        What the session had added for each edge.
    """
    left = moves & ~switched
    return torch.where(left.any(1), bias - shares.masked_fill(~left, 0.0).sum(1), bias)


def _reused(value: Tensor, old: Tensor) -> Tensor:
    return old if same_bits(value, old) else value
