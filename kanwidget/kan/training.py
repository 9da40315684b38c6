"""The fit loop: optimisers, regulariser, grid updates, progress."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from kanwidget.masks.validate import check_number, check_scalar, check_whole

from .arrays import Array, as_array
from .call_loss import refuse_broadcasting
from .check_data import check_dataset, check_model, varying_columns
from .fit_results import EarlyEnd, FitResults
from .layer import KANLayer
from .layer_stack import LayerStack
from .levenberg_marquardt import LevenbergMarquardt, check_count
from .live_parameters import LiveParameters, TrainedParameters
from .objective import FitObjective, Penalty
from .optimizers import LBFGS, Adam
from .write_lock import begin_fit, end_fit

__all__ = ["FitResults", "OnIteration", "check_least_squares", "fit"]

OnIteration = Callable[[int, Callable[[], tuple[float, Array]]], object]
"""Called within a step; see `fit`."""

LOSSES = "train_loss", "test_loss", "reg"


def fit(
    model: LayerStack,
    dataset: Mapping[str, Tensor],
    opt: str = "LBFGS",
    steps: int = 100,
    log: int = 1,
    lamb: float = 0.0,
    lamb_l1: float = 1.0,
    lamb_entropy: float = 2.0,
    lamb_coef: float = 0.0,
    lamb_coefdiff: float = 0.0,
    update_grid: bool = True,
    grid_update_num: int = 10,
    loss_fn: Callable[[Tensor, Tensor], Tensor] | None = None,
    lr: float = 1.0,
    stop_grid_update_step: int = 50,
    batch: int = -1,
    metrics: Sequence[Callable[[], Any]] | None = None,
    seed: int = 0,
    progress: bool = True,
    callback: Callable[[int, FitResults], object] | None = None,
    stop: Callable[[], bool] | None = None,
    on_iteration: OnIteration | None = None,
) -> FitResults:
    """Train a KAN on ``loss + lamb * regulariser``.

    With the default loss, on the CPU, the same call gives the same parameters to the last
    bit in every run, whatever the number of threads. However a fit ends, the model is left
    as it was after its last good step. Edges may be switched meanwhile, from a callback or
    another thread: that stays, as do the means kept in biases, and an edge that is off is not
    trained. If other weights are loaded meanwhile, the step is dropped and the next begins with
    these.

    Parameters
    ----------
    dataset : dict
        ``train_input`` and ``test_input`` ``(rows, n_in)``, ``train_label`` and ``test_label``
        ``(rows, n_out)``: tensors, arrays, DataFrames or lists; `create_dataset` makes one.
        Labels ``(rows,)`` are those of a model with one output, or classes as whole numbers for
        a ``loss_fn`` such as ``torch.nn.CrossEntropyLoss()``.
    opt : {"LBFGS", "Adam", "LM"}
        LM is Levenberg and Marquardt's, for mean squared errors without a regulariser and up to
        4,000 parameters of edges that are on: it ends lower than the others, mostly sooner.
    steps : int
        Steps of the optimiser; one of LBFGS is up to 20 iterations.
    log : int
        Every how many steps the progress bar's numbers are renewed.
    lamb : float
        Strength of the whole regulariser.
    lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff : float
        Strengths of its terms: the sum of the edges' scores, their entropy, and the size of
        spline coefficients and of their differences; see `objective.Penalty`.
    update_grid : bool
        Whether grids follow the samples, ``grid_update_num`` times before step
        ``stop_grid_update_step``.
    grid_update_num, stop_grid_update_step : int
    loss_fn : callable, optional
        ``(prediction, label) -> scalar Tensor``; the mean squared error by default. Whole
        numbers that it cannot compare with predictions of their shape, such as labels 0 and 1
        for ``torch.nn.BCEWithLogitsLoss()``, are handed to it in the model's dtype.
    lr : float
        Step size; LM finds its own.
    batch : int
        Training rows drawn anew for each step; -1 takes all. Test losses are of all rows.
    metrics : list of callables, optional
        Called with nothing after each step; recorded under their ``__name__``, a
        `functools.partial` under that of its function.
    seed : int
        Of the generator that draws batches.
    progress : bool
        Whether to show a progress bar.
    callback : callable, optional
        Called as ``callback(step, results)`` after each step, when the model has its present
        parameters.
    stop : callable, optional
        Asked during each step, such as ``threading.Event().is_set``: once it is true, the fit
        ends with the step it is in.
    on_iteration : callable, optional
        Called as ``on_iteration(iteration, look)`` within a step of LBFGS. ``look()`` returns the
        training loss and the trained parameters as one flat vector, in the order of
        ``model.parameters()``, after so many iterations; the model has such only after the last.

    Returns
    -------
    FitResults
        A dict of ``train_loss``, ``test_loss``, ``reg`` and the metrics: one float for each
        step. With the default loss they are root mean squared errors, as in pykan. Its
        ``stopped`` says in words why a fit ended early, its ``early_end`` as a code.

    Warns
    -----
    RuntimeWarning
        If the fit diverged to numbers that are not finite.

    Raises
    ------
    ValueError, TypeError
        If something cannot be trained on; the model is unchanged then.
    """
    check_model(model)
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError(
            "there is nothing to train: no parameter of the model has requires_grad; "
            "model.requires_grad_() sets all"
        )
    mask = model.mask[0]
    n_in, outputs = model.width[0], model.width[-1]
    n_out = outputs if loss_fn is None else None
    data = check_dataset(dataset, n_in, n_out, mask.device, mask.dtype, outputs)
    if loss_fn is not None and not callable(loss_fn):
        raise TypeError(f"loss_fn must be a function of (prediction, label), got {loss_fn!r}")
    if opt not in ("LBFGS", "Adam", "LM"):
        raise ValueError(f"opt must be 'LBFGS', 'Adam' or 'LM', got {opt!r}")
    lr, batch = check_number(lr, "lr"), check_whole(batch, "batch")
    if lr == 0:
        raise ValueError("lr must be a finite number above 0, got 0")
    if batch == 0 or batch < -1:
        raise ValueError(f"batch must be -1 (all rows) or at least 1, got {batch}")
    steps, log = check_whole(steps, "steps", 1), check_whole(log, "log", 1)
    grid_update_num = check_whole(grid_update_num, "grid_update_num", 1)
    stop_grid_update_step = check_whole(stop_grid_update_step, "stop_grid_update_step")
    strengths = {
        "lamb": lamb,
        "lamb_l1": lamb_l1,
        "lamb_entropy": lamb_entropy,
        "lamb_coef": lamb_coef,
        "lamb_coefdiff": lamb_coefdiff,
    }
    penalty = Penalty(*(check_number(value, name) for name, value in strengths.items()))
    named = _metrics_by_name(metrics or ())
    asked_to_stop = stop or (lambda: False)

    def within_step(iteration: int, theta: Array, value: float) -> None:
        def look() -> tuple[float, Array]:
            # A line search may have tried a point after the one that it took.
            is_last = value == objective.loss + penalty.lamb * objective.reg
            loss = report(objective.loss) if is_last else math.nan
            return loss, objective.restore_off_edges(theta, before)

        if on_iteration is not None:
            on_iteration(iteration, look)

    optimizer: LBFGS | Adam | LevenbergMarquardt
    if opt == "LM":
        check_least_squares(model, penalty.lamb, loss_fn)
        optimizer = LevenbergMarquardt(asked_to_stop)
    else:
        within = None if on_iteration is None else within_step
        optimizer = LBFGS(lr, asked_to_stop, within) if opt == "LBFGS" else Adam(lr)
    live = (TrainedParameters if model.is_private else LiveParameters)(model)
    still = ~varying_columns(data["train_input"])
    objective = FitObjective(model, penalty, loss_fn, live, still, opt == "LM")
    test = FitObjective(model, Penalty(), loss_fn, live)
    report = math.sqrt if loss_fn is None else float
    generator = torch.Generator().manual_seed(check_whole(seed, "seed"))
    grid_update_every = max(1, stop_grid_update_step // grid_update_num)
    results = FitResults({name: [] for name in (*LOSSES, *named)})

    step, diverged = 0, False
    # A bar that is not shown would take the lock of all bars, which an interrupt may have kept.
    bar = tqdm(range(steps), desc="description", ncols=100) if progress else None
    try:
        begin_fit(model, generator)
        for step in range(steps) if bar is None else bar:
            live.save()
            lay_grids = update_grid and step < stop_grid_update_step
            lay_grids = lay_grids and step % grid_update_every == 0
            rows = data["train_input"], data["train_label"]
            chosen = _draw_rows(len(rows[0]), batch, generator)
            if chosen is not None:
                rows = rows[0][chosen], rows[1][chosen]
            before, changed = objective.start(*rows, lay_grids)
            if step == 0:
                before = objective.remove_constant_inputs(before, lay_grids)
            theta = optimizer.step(before, objective, changed)
            if not (math.isfinite(objective.loss) and math.isfinite(objective.reg)):
                # A line search may have looked outside of a function's domain last.
                objective(theta, slope=False)
            live.write(objective.restore_off_edges(theta, before))
            # A seed's next rows come after these.
            _draw_rows(len(data["test_input"]), batch, generator)
            test_loss = test.loss_on(data["test_input"], data["test_label"], batch)
            diverged = not all(map(math.isfinite, (objective.loss, objective.reg, test_loss)))
            if diverged:
                results.early_end = EarlyEnd("diverged", step, objective.loss, objective.reg)
                live.restore()
                break
            results["train_loss"].append(report(objective.loss))
            results["test_loss"].append(report(test_loss))
            results["reg"].append(objective.reg)
            for name, metric in named.items():
                with refuse_broadcasting(f"metric {name}") if step == 0 else nullcontext():
                    found = metric()
                results[name].append(check_scalar(found, f"metric {name}"))
            if bar is not None and step % log == 0:
                bar.set_description(
                    "train loss: {train_loss:.2e} | test loss: {test_loss:.2e} | "
                    "reg: {reg:.2e} ".format(**{name: last[-1] for name, last in results.items()})
                )
            if callback is not None:
                callback(step, results)
            if asked_to_stop():
                results.early_end = EarlyEnd("stopped", step)
                break
    except KeyboardInterrupt:
        live.restore()
        results.early_end = EarlyEnd("interrupted", step)
    except BaseException:
        live.restore()
        raise
    finally:
        try:
            if bar is not None:
                bar.close()
        finally:
            end_fit(model, generator)
    if diverged:
        warnings.warn(results.stopped, RuntimeWarning, stacklevel=2)
    model.last_inputs = data["train_input"].detach()  # scores come from these from here on
    return results


def check_least_squares(
    model: LayerStack, lamb: float, loss_fn: Callable[[Tensor, Tensor], Tensor] | None
) -> None:
    """Raise a ValueError unless Levenberg and Marquardt's steps fit what is to be minimised."""
    reason = ""
    if loss_fn is not None:
        reason = "loss_fn is another loss"
    elif lamb:
        reason = "a regulariser is none, lamb must be 0"
    elif len(list(model.parameters())) > sum(len(layer.weights()) for layer in model.layers):
        reason = "the base function has parameters of its own"
    if not reason:
        check_count(sum(map(_trained_numbers, model.layers)))
        return
    raise ValueError(
        f"opt='LM' is for mean squared errors of edges' numbers alone: {reason}; use opt='LBFGS'"
    )


def _trained_numbers(layer: KANLayer) -> int:
    """Return how many numbers of a layer's edges that are on are trained, and of its nodes."""
    coef, scale_base, scale_sp, *constants, bias = layer.weights()
    of_edge = coef.shape[2] if coef.requires_grad else int(scale_sp.requires_grad)
    of_edge += int(scale_base.requires_grad)
    count = of_edge * int((layer.spline_mask != 0).sum()) + len(bias) * int(bias.requires_grad)
    named = layer.named_edges
    if named is None or not constants[0].requires_grad:
        return count
    free = named.free(with_shift=not bias.requires_grad)
    return count + int(free[as_array(layer.mask) != 0].sum())


def _metrics_by_name(metrics: Sequence[Callable[[], Any]]) -> dict[str, Callable[[], Any]]:
    named: dict[str, Callable[[], Any]] = {}
    for metric in metrics:
        if not callable(metric):
            raise TypeError(f"metrics must be a list of functions, got {metric!r} in it")
        function = metric
        while isinstance(function, functools.partial):
            function = function.func
        name = getattr(function, "__name__", type(function).__name__)
        if name in named or name in LOSSES:
            raise ValueError(
                f"metrics: there are two results named {name!r}; give the function another __name__"
            )
        named[name] = metric
    return named


def _draw_rows(count: int, batch: int, generator: torch.Generator) -> Tensor | None:
    """Return the numbers of ``batch`` rows out of ``count``, or None for all."""
    if batch == -1 or batch >= count:
        return None
    return torch.randperm(count, generator=generator)[:batch]
