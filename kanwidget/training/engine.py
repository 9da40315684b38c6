"""Trains the live model of any adapter under its masks, step by whole step."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from kanwidget.adapters import Adapter
from kanwidget.kan import KAN
from kanwidget.kan.arrays import Array
from kanwidget.kan.fit_results import EarlyEnd, FitResults
from kanwidget.kan.optimizers import FEW_PAIRS, LBFGS, Adam
from kanwidget.kan.training import check_least_squares
from kanwidget.kan.write_lock import begin_fit, end_fit, write_lock

from .current_step import CurrentStep
from .levenberg_marquardt import LeastSquaresFit
from .model_state import ModelState
from .objective import AdapterObjective, LossFunction
from .settings import TrainingSettings
from .working_copy import TrainedModule, WorkingCopy

__all__ = ["AtRest", "FitResults", "Written", "check_model", "train"]

AtRest = Callable[[int, FitResults], object]
"""Called with a step's number, from 0, and all results so far, when the live model has the step.

If it returns False, nothing was done to the model meanwhile."""

Written = Callable[[FitResults, ModelState | None], object]
"""Called with all results so far, and what the model is if that is known, under its lock."""

GRID_UPDATE_STEPS = 5
"""Steps from one update of the grids to the next, as in `KAN.fit`."""

MANY_PAIRS = 100
"""Pairs that L-BFGS keeps of another library's splines, at most: torch's default.

Their loss after 20 steps is about half of that with the 10 that pykan's own `fit` keeps. Through a
LayerNorm it is not lower, and more of it is of the training rows alone."""

STOP_GRID_UPDATES = 50
"""The step from which on grids stay, as in `KAN.fit`."""


def train(
    live: Adapter,
    data: Mapping[str, Tensor],
    settings: TrainingSettings,
    loss_fn: LossFunction | None = None,
    at_rest: AtRest | None = None,
    stop: Callable[[], bool] | None = None,
    progress: bool = False,
    written: Written | None = None,
    current_step: CurrentStep | None = None,
) -> FitResults:
    """Train a live model; it has a whole step at each moment, and the last good one at the end.

    Masks are left to others: what these switch while it trains, as from ``at_rest`` or in another
    thread, is taken in between two steps. Edges that are off are not trained. Our own KAN is
    trained by `KAN.fit`, on a copy: with the same numbers, to the last bit.

    Parameters
    ----------
    live : Adapter
    data : dict
        ``train_input``, ``train_label``, ``test_input`` and ``test_label``, in the model's dtype.
    settings : TrainingSettings
    loss_fn : callable, optional
        ``(prediction, label) -> scalar Tensor``; the mean squared error by default.
    at_rest : callable, optional
    stop : callable, optional
        Asked during each step: once it is true, the training ends with the step it is in.
    progress : bool
        Whether to show a progress bar.
    written : callable, optional
        Called under the model's lock, in which it got the step: whoever has the lock finds the
        model and what it was told here to be of the same step.
    current_step : CurrentStep, optional
        Where to leave what the model is within a step of LBFGS, when it is asked for.

    Returns
    -------
    FitResults
        As `KAN.fit` returns. A run that diverged, or was interrupted or stopped, says so.

    Raises
    ------
    ValueError
        If the model cannot be trained in this way; in words.
    """
    check_model(live, settings, loss_fn)
    copy = WorkingCopy(live)
    shown = published = 0
    current_step = current_step or CurrentStep()

    def rest(step: int, results: FitResults) -> None:
        nonlocal shown, published
        with write_lock(live.model):
            current_step.end()
            has_step = copy.publish()
            if has_step and written is not None:
                written(results, copy.state)
        if has_step:  # else others have loaded weights: it goes on from these
            shown, published = step + 1, int(copy.published)
            if at_rest is not None and at_rest(step, results) is not False:
                copy.take_in()

    try:
        begin_fit(live.model, copy)
        model = copy.adapter.model
        fit = _train_kan if isinstance(model, KAN) else _train_by_adapter
        results = fit(
            copy, data, settings, loss_fn, rest, stop or (lambda: False), progress, current_step
        )
    finally:
        try:
            current_step.end()
        finally:
            end_fit(live.model, copy)
    if results.ended_by("interrupted"):
        with write_lock(live.model):
            if int(copy.published) > published:  # the live model had got its last step just now
                shown = len(results["train_loss"])
                if written is not None:
                    written(results, None)
        for values in results.values():
            del values[shown:]
        results.early_end = EarlyEnd("interrupted", shown)
    return results


def check_model(
    live: Adapter, settings: TrainingSettings, loss_fn: LossFunction | None = None
) -> None:
    """Raise a ValueError in words unless a live model can be trained so; see `train`."""
    kind = type(live.model).__name__
    if not any(p.requires_grad for p in live.model.parameters()):
        raise ValueError(
            "there is nothing to train: no parameter of the model has requires_grad; "
            "model.requires_grad_() sets all"
        )
    if isinstance(live.model, KAN):
        if settings.opt == "LM":
            check_least_squares(live.model, settings.lamb, loss_fn)
        return
    if settings.opt == "LM" and (settings.lamb or loss_fn is not None):
        reason = "a regulariser is none, lamb must be 0" if settings.lamb else "this loss is none"
        raise ValueError(f"opt='LM' is for mean squared errors: {reason}; use opt='LBFGS'")
    layers = getattr(live.model, "act_fun", [])
    can_update = len(layers) and all(hasattr(l, "update_grid_from_samples") for l in layers)
    if settings.update_grid and not can_update:
        raise ValueError(f"the grids of a {kind} stay where they are: leave out update_grid=True")


def _train_kan(
    copy: WorkingCopy,
    data: Mapping[str, Tensor],
    settings: TrainingSettings,
    loss_fn: LossFunction | None,
    rest: AtRest,
    stop: Callable[[], bool],
    progress: bool,
    current_step: CurrentStep,
) -> FitResults:
    model: KAN = copy.adapter.model  # type: ignore[assignment]
    model.is_private = True
    return model.fit(
        data,
        loss_fn=loss_fn,
        progress=progress,
        callback=rest,
        stop=stop,
        on_iteration=partial(current_step.take, copy),
        **asdict(settings),
    )


def _train_by_adapter(
    copy: WorkingCopy,
    data: Mapping[str, Tensor],
    settings: TrainingSettings,
    loss_fn: LossFunction | None,
    rest: AtRest,
    stop: Callable[[], bool],
    progress: bool,
    current_step: CurrentStep,
) -> FitResults:
    """Train a working copy of another library's model, with `KAN.fit`'s optimisers and words."""
    objective = AdapterObjective(copy, settings, loss_fn, data["train_input"])
    report = math.sqrt if loss_fn is None else float
    take_step = _step_of(copy, objective, data, settings, stop, report, current_step)
    generator = torch.Generator().manual_seed(0)
    results = FitResults(train_loss=[], test_loss=[], reg=[])
    x, y, step = data["train_input"], data["train_label"], 0
    # A bar that is not shown would take the lock of all bars, which an interrupt may have kept.
    bar = tqdm(range(settings.steps), desc="description", ncols=100) if progress else None
    try:
        for step in range(settings.steps) if bar is None else bar:
            rows = x, y
            if 0 < settings.batch < len(x):
                chosen = torch.randperm(len(x), generator=generator)[: settings.batch].to(x.device)
                rows = x[chosen], y[chosen]
            if settings.update_grid and step < STOP_GRID_UPDATES and step % GRID_UPDATE_STEPS == 0:
                _update_grids(copy.adapter, rows[0])
            train_loss, reg = take_step(*rows)
            losses = train_loss, reg, objective.loss_on(data["test_input"], data["test_label"])
            if not all(map(math.isfinite, losses)):
                results.early_end = EarlyEnd("diverged", step, *losses[:2])
                break
            results["train_loss"].append(report(losses[0]))
            results["test_loss"].append(report(losses[2]))
            results["reg"].append(losses[1])
            if bar is not None:
                bar.set_description(
                    "train loss: {train_loss:.2e} | test loss: {test_loss:.2e} | "
                    "reg: {reg:.2e} ".format(**{name: last[-1] for name, last in results.items()})
                )
            rest(step, results)
            if stop():
                results.early_end = EarlyEnd("stopped", step)
                break
    except KeyboardInterrupt:
        results.early_end = EarlyEnd("interrupted", step)
    finally:
        if bar is not None:
            bar.close()
    if results.ended_by("diverged"):
        warnings.warn(results.stopped, RuntimeWarning, stacklevel=4)
    return results


def _step_of(
    copy: WorkingCopy,
    objective: AdapterObjective,
    data: Mapping[str, Tensor],
    settings: TrainingSettings,
    stop: Callable[[], bool],
    report: Callable[[float], float],
    current_step: CurrentStep,
) -> Callable[[Tensor, Tensor], tuple[float, float]]:
    """Return what takes a step on some rows and returns their loss and the regulariser.

    They are not finite if the parameters are not.
    """
    if settings.opt == "LM":
        rows = data["train_input"], data["train_label"]
        trained = TrainedModule(copy)
        squares = LeastSquaresFit(trained, trained.names, *rows, stop, trained.fixed)

        def least_squares(x: Tensor, y: Tensor) -> tuple[float, float]:
            nonlocal squares
            now = TrainedModule(copy)
            if now.names != squares.names:  # edges have got names, or lost them
                squares = LeastSquaresFit(now, now.names, x, y, stop, now.fixed)
            squares.use_rows(x, y, now.fixed)
            return squares.step(), 0.0

        return least_squares
    before: Array

    def without_off_edges(theta: Array) -> Array:
        # Directions and momentum from before an edge went off do not move it.
        return np.where(objective.has_slope, theta, before)

    def within_step(iteration: int, theta: Array, value: float) -> None:
        def look() -> tuple[float, Array]:
            # A line search may have tried a point after the one that it took.
            is_last = value == objective.loss + settings.lamb * objective.reg
            return report(objective.loss) if is_last else math.nan, without_off_edges(theta)

        current_step.take(copy, iteration, look)

    pairs = FEW_PAIRS if copy.adapter.depends_on_other_nodes else MANY_PAIRS
    optimizer = (
        LBFGS(settings.lr, stop, within_step, pairs)
        if settings.opt == "LBFGS"
        else Adam(settings.lr)
    )

    def descend(x: Tensor, y: Tensor) -> tuple[float, float]:
        nonlocal before
        before = objective.start(x, y)
        theta = optimizer.step(before, objective)
        if not np.isfinite(theta).all():
            return math.nan, math.nan
        if not (math.isfinite(objective.loss) and math.isfinite(objective.reg)):
            # A line search may have looked outside of a function's domain last.
            objective(theta)
        objective.write(without_off_edges(theta))
        return objective.loss, objective.reg

    return descend


@torch.no_grad()
def _update_grids(adapter: Adapter, x: Tensor) -> None:
    """Lay pykan's grids over samples, layer by layer; those of nodes that do not vary stay.

    See `VaryingGridUpdate`, which the copy has where edges are off. A layer whose new numbers are
    not finite keeps its old ones.
    """
    model: Any = adapter.model
    for l, layer in enumerate(model.act_fun):
        values = adapter.values_for_training(x)[l]
        old = layer.grid.detach().clone(), layer.coef.detach().clone()
        layer.update_grid_from_samples(values)
        if not (layer.grid.isfinite().all() and layer.coef.isfinite().all()):
            layer.grid.data, layer.coef.data = old
