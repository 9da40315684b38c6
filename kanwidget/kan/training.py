"""The fit loop: optimisers, regulariser, grid updates, progress."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from tqdm import tqdm

from .checks import check_dataset

if TYPE_CHECKING:
    from .model import KAN

__all__ = ["fit", "regularizer"]

MAX_EVALUATIONS = 25
"""Evaluations of loss and gradient in one LBFGS step of at most 20 iterations, as in pykan."""


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
) -> dict[str, list[float]]:
    """Train a KAN on ``loss + lamb * regularizer``.

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
        Strengths of its terms, see `regularizer`.
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

    Returns
    -------
    dict
        ``train_loss``, ``test_loss``, ``reg`` and the metrics: one float for each step. With
        the default loss they are root mean squared errors, as in pykan.

    Raises
    ------
    ValueError, TypeError
        If something cannot be trained on; the model is unchanged then.
    """
    mask = model.mask[0]
    n_out = model.width[-1] if loss_fn is None else None
    data = check_dataset(dataset, model.width[0], n_out, mask.device, mask.dtype)
    optimizer = _optimizer(model, opt, lr)
    for name, value in (("steps", steps), ("log", log), ("grid_update_num", grid_update_num)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if batch == 0 or batch < -1:
        raise ValueError(f"batch must be -1 (all rows) or at least 1, got {batch}")
    loss_of = loss_fn or torch.nn.functional.mse_loss
    report = math.sqrt if loss_fn is None else float
    generator = torch.Generator().manual_seed(seed)
    grid_update_every = max(1, stop_grid_update_step // grid_update_num)
    results: dict[str, list[float]] = {"train_loss": [], "test_loss": [], "reg": []}
    for metric in metrics or ():
        results[metric.__name__] = []

    bar = tqdm(range(steps), desc="description", ncols=100, disable=not progress)
    for step in bar:
        x, y = _rows(data["train_input"], data["train_label"], batch, generator)
        if update_grid and step < stop_grid_update_step and step % grid_update_every == 0:
            model.update_grid(x)
        last: list[Tensor] = []

        def closure(x: Tensor = x, y: Tensor = y, last: list[Tensor] = last) -> Tensor:
            optimizer.zero_grad()
            pred, scores = model.forward_with_scores(x)
            loss = loss_of(pred, y)
            reg = regularizer(model, scores, lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff)
            objective = loss + lamb * reg
            objective.backward()  # type: ignore[no-untyped-call]
            last[:] = loss.detach(), reg.detach()
            return objective

        optimizer.step(closure)  # type: ignore[arg-type]
        with torch.no_grad():
            x, y = _rows(data["test_input"], data["test_label"], batch, generator)
            test_loss = report(loss_of(model.propagate(x)[-1], y).item())
        train_loss, reg = report(last[0].item()), last[1].item()
        results["train_loss"].append(train_loss)
        results["test_loss"].append(test_loss)
        results["reg"].append(reg)
        for metric in metrics or ():
            results[metric.__name__].append(float(metric()))
        if step % log == 0:
            bar.set_description(
                f"train loss: {train_loss:.2e} | test loss: {test_loss:.2e} | reg: {reg:.2e} "
            )
    optimizer.zero_grad()
    model(data["train_input"])  # scores come from the training inputs from here on
    return results


def regularizer(
    model: KAN,
    scores: Sequence[Tensor],
    lamb_l1: float = 1.0,
    lamb_entropy: float = 2.0,
    lamb_coef: float = 0.0,
    lamb_coefdiff: float = 0.0,
) -> Tensor:
    """Penalise many and strong edges (Liu et al. 2024, section 2.5.1, eqs. 2.17 to 2.20).

    Summed over layers, with ``p = scores / sum(scores)``:
    ``lamb_l1 * sum(scores) - lamb_entropy * sum(p log2(p + 1e-4))``, and the mean absolute
    spline coefficient and coefficient difference of each edge. Edges that are off cost nothing.
    """
    total = scores[0].new_zeros(())
    for layer, score in zip(model.layers, scores, strict=True):
        size = score.sum()
        p = score / size.clamp_min(torch.finfo(size.dtype).tiny)
        total = total + lamb_l1 * size - lamb_entropy * (p * torch.log2(p + 1e-4)).sum()
        if lamb_coef or lamb_coefdiff:
            coef = layer.coef.masked_fill(layer.mask.unsqueeze(2) == 0, 0.0)
            total = total + lamb_coef * coef.abs().mean(2).sum()
            total = total + lamb_coefdiff * coef.diff(dim=2).abs().mean(2).sum()
    return total


def _optimizer(model: KAN, opt: str, lr: float) -> torch.optim.Optimizer:
    if not 0 < lr < float("inf"):
        raise ValueError(f"lr must be a finite number above 0, got {lr}")
    parameters = [p for p in model.parameters() if p.requires_grad]
    if opt == "Adam":
        return torch.optim.Adam(parameters, lr=lr)
    if opt == "LBFGS":
        return torch.optim.LBFGS(
            parameters,
            lr=lr,
            max_eval=MAX_EVALUATIONS,
            history_size=10,
            line_search_fn="strong_wolfe",
            tolerance_grad=1e-32,
            tolerance_change=1e-32,
        )
    raise ValueError(f"opt must be 'LBFGS' or 'Adam', got {opt!r}")


def _rows(x: Tensor, y: Tensor, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    if batch == -1 or batch >= len(x):
        return x, y
    chosen = torch.randperm(len(x), generator=generator)[:batch].to(x.device)
    return x[chosen], y[chosen]
