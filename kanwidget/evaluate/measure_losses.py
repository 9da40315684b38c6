"""The losses at all points of a plan: by the adapter's fast way, or one forward after the other."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.adapters.scores import forward_in_blocks
from kanwidget.kan.incremental_forward import ImpreciseValuesError
from kanwidget.kan.mask_sequence import MaskSequence

__all__ = ["Cancelled", "Loss", "Progress", "ProgressReport", "Stop", "measure_losses"]

Floats = NDArray[np.float64]

Loss = Callable[[Tensor], float]
"""From predictions ``(rows, n_out)`` to a number. It may write to them."""

Stop = Callable[[], bool]
Progress = Callable[[float], object]


class Cancelled(Exception):
    """A stop was asked for; the model is as it was."""


class ProgressReport:
    """Reports progress, and raises `Cancelled` if a stop was asked for."""

    def __init__(self, total: int, stop: Stop | None, progress: Progress | None) -> None:
        self._total, self._stop, self._progress = total, stop, progress
        self.done = 0

    def check(self) -> None:
        if self._stop is not None and self._stop():
            raise Cancelled("stopped, and nothing was changed")

    def report(self, done: int) -> None:
        self.done = done
        if self._progress is not None:
            self._progress(done / self._total)


def measure_losses(
    adapter: Adapter, rows: Tensor, loss: Loss, plan: MaskSequence, watch: ProgressReport
) -> Floats:
    """Measure the losses at all points of a plan, ``(count + 1, 2)``: means lost and kept."""
    watch.check()
    done = watch.done
    with contextlib.suppress(ImpreciseValuesError):
        fast = adapter.outputs_under_masks(rows, plan)
        if fast is not None:
            return _measure(fast, adapter, loss, plan, watch)
    watch.done = done
    return _measure(_one_by_one(adapter, rows, plan, watch), adapter, loss, plan, watch)


def _measure(
    outputs: Iterator[tuple[list[int], Tensor]],
    adapter: Adapter,
    loss: Loss,
    plan: MaskSequence,
    watch: ProgressReport,
) -> Floats:
    device, dtype = adapter.device, adapter.dtype
    found, start, before = np.full((plan.count + 1, 2), math.nan), watch.done, 0
    for points, values in outputs:
        watch.check()
        for point, pair in zip(points, values.to(device, dtype), strict=True):
            found[before + 1 : point] = found[before if plan.nested else 0]
            for kept, pred in enumerate(pair):
                watch.check()
                found[point, kept] = float(loss(pred))
            before = point
        watch.report(start + before + 1)
        watch.check()
    found[before + 1 :] = found[before if plan.nested else 0]
    watch.report(start + plan.count + 1)
    return found


def _one_by_one(
    adapter: Adapter, rows: Tensor, plan: MaskSequence, watch: ProgressReport
) -> Iterator[tuple[list[int], Tensor]]:
    """Set every mask on the adapter's model, and set the one from before again for each answer.

    The adapter is of a private copy. The caller may use it between two answers, or drop
    this generator.
    """
    for number in range(plan.count + 1):
        gone = [
            ((p > 0) & (p <= number) if plan.nested else (p > 0) & (p == number)).to(m.device)
            for p, m in zip(plan.point, plan.mask, strict=True)
        ]
        now = [on & ~off for on, off in zip(plan.mask, gone, strict=True)]
        pair = []
        mask, bias = adapter.mask(), adapter.bias()
        try:
            for start, shift in zip(plan.bias, plan.shift, strict=True):
                watch.check()
                moved = [
                    torch.where(off.any(1), b + s.masked_fill(~off, 0.0).sum(1), b)
                    for b, s, off in zip(start, shift, gone, strict=True)
                ]
                adapter.set_mask(now, moved)
                pair.append(forward_in_blocks(adapter, rows))
        finally:
            adapter.set_mask(mask, bias)
        yield [number], torch.stack(pair).unsqueeze(0)
