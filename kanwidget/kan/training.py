"""The fit loop: optimisers, regulariser, grid updates, progress."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from tqdm import tqdm

from .checks import check_dataset
from .objective import FitObjective, Penalty
from .optimizers import LBFGS, Adam

if TYPE_CHECKING:
    from .model import KAN

__all__ = ["FitResults", "fit"]


def fit(
    model: KAN,
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
) -> FitResults:
    """Train a KAN on ``loss + lamb * regulariser``.

    With the default loss, on the CPU, the same call gives the same parameters to the last
    bit in every run, whatever the number of threads. However a fit ends, the model is left
    as it was after its last good step.

    Parameters
    ----------
    model : KAN
    dataset : dict
        ``train_input`` ``(rows, n_in)``, ``train_label`` ``(rows, n_out)``, and the same for
        ``test_``; `create_dataset` makes one.
    opt : {"LBFGS", "Adam"}
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
        ``(prediction, label) -> scalar Tensor``; the mean squared error by default.
    lr : float
        Step size.
    batch : int
        Rows drawn anew for each step; -1 takes all.
    metrics : list of callables, optional
        Called with nothing after each step; recorded under their ``__name__``.
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

    Returns
    -------
    FitResults
        A dict of ``train_loss``, ``test_loss``, ``reg`` and the metrics: one float for each
        step. With the default loss they are root mean squared errors, as in pykan. Its
        ``stopped`` says in words why a fit ended early.

    Warns
    -----
    RuntimeWarning
        If the fit diverged to numbers that are not finite.

    Raises
    ------
    ValueError, TypeError
        If something cannot be trained on; the model is unchanged then.
    """
    mask = model.mask[0]
    n_out = model.width[-1] if loss_fn is None else None
    data = check_dataset(dataset, model.width[0], n_out, mask.device, mask.dtype)
    _check_options(opt, lr, batch, steps=steps, log=log, grid_update_num=grid_update_num)
    asked_to_stop = stop or (lambda: False)
    optimizer = LBFGS(lr, stop=asked_to_stop) if opt == "LBFGS" else Adam(lr)
    penalty = Penalty(lamb, lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff)
    objective, test = FitObjective(model, penalty, loss_fn), FitObjective(model, Penalty(), loss_fn)
    report = math.sqrt if loss_fn is None else float
    generator = torch.Generator().manual_seed(seed)
    grid_update_every = max(1, stop_grid_update_step // grid_update_num)
    results = FitResults({"train_loss": [], "test_loss": [], "reg": []})
    for metric in metrics or ():
        results[metric.__name__] = []

    good, step = _state(model), 0
    bar = tqdm(range(steps), desc="description", ncols=100, disable=not progress)
    try:
        for step in bar:
            good = _state(model)
            objective.rows(*_rows(data, "train", batch, generator))
            if update_grid and step < stop_grid_update_step and step % grid_update_every == 0:
                objective.update_grid()
            theta = optimizer.step(objective.read(), objective)
            objective.write(theta)
            test.rows(*_rows(data, "test", batch, generator))
            test(theta)
            if not all(map(math.isfinite, (objective.loss, objective.reg, test.loss))):
                results.stopped = (
                    f"diverged in step {step}: loss {objective.loss:g}, regulariser "
                    f"{objective.reg:g}; the model is as it was before that step. A smaller lr, "
                    "or inputs and labels scaled to about 1, may help"
                )
                model.load_state_dict(good)
                break
            results["train_loss"].append(report(objective.loss))
            results["test_loss"].append(report(test.loss))
            results["reg"].append(objective.reg)
            for metric in metrics or ():
                results[metric.__name__].append(float(metric()))
            if step % log == 0:
                bar.set_description(
                    "train loss: {train_loss:.2e} | test loss: {test_loss:.2e} | "
                    "reg: {reg:.2e} ".format(**{name: last[-1] for name, last in results.items()})
                )
            if callback is not None:
                callback(step, results)
            if asked_to_stop():
                results.stopped = f"stopped on request in step {step}"
                break
    except KeyboardInterrupt:
        model.load_state_dict(good)
        results.stopped = f"interrupted in step {step}; the model is as it was before that step"
    except BaseException:
        model.load_state_dict(good)
        raise
    finally:
        bar.close()
    if results.stopped.startswith("diverged"):
        warnings.warn(results.stopped, RuntimeWarning, stacklevel=3)
    model(data["train_input"])  # scores come from the training inputs from here on
    return results


class FitResults(dict[str, list[float]]):
    """Losses and metrics of each step, and in ``stopped`` why a fit ended early ("" if not)."""

    stopped: str = ""


def _state(model: KAN) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def _check_options(opt: str, lr: float, batch: int, **counts: int) -> None:
    if opt not in ("LBFGS", "Adam"):
        raise ValueError(f"opt must be 'LBFGS' or 'Adam', got {opt!r}")
    if not 0 < lr < float("inf"):
        raise ValueError(f"lr must be a finite number above 0, got {lr}")
    if batch == 0 or batch < -1:
        raise ValueError(f"batch must be -1 (all rows) or at least 1, got {batch}")
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")


def _rows(
    data: Mapping[str, Tensor], part: str, batch: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    x, y = data[f"{part}_input"], data[f"{part}_label"]
    if batch == -1 or batch >= len(x):
        return x, y
    chosen = torch.randperm(len(x), generator=generator)[:batch].to(x.device)
    return x[chosen], y[chosen]
