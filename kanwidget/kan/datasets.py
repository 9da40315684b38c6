"""Small synthetic data sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from kanwidget.masks.validate import check_whole

from .check_data import DATASET_KEYS

__all__ = ["create_dataset"]


def create_dataset(
    f: Callable[[Tensor], Tensor],
    n_var: int = 2,
    ranges: Sequence[float] | Sequence[Sequence[float]] = (-1, 1),
    train_num: int = 1000,
    test_num: int = 1000,
    normalize_input: bool = False,
    normalize_label: bool = False,
    device: torch.device | str = "cpu",
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> dict[str, Tensor]:
    """Sample a function at random inputs.

    Parameters
    ----------
    f : callable
        Maps inputs ``(rows, n_var)`` to labels ``(rows, n_out)``; ``(rows,)`` counts as one output.
    n_var : int
        Number of input variables.
    ranges : (low, high) or one such pair for each variable
    train_num, test_num : int
        Rows to draw.
    normalize_input, normalize_label : bool
        Shift and scale to mean 0 and standard deviation 1 *of the training rows*; a column
        that does not vary is shifted only.
    device, dtype
        Of the tensors returned.
    seed : int
        For a generator of its own; torch's global one is not touched. The same seed gives
        the same numbers as pykan 0.0.x.

    Returns
    -------
    dict
        ``train_input`` and ``test_input`` ``(rows, n_var)``, ``train_label`` and ``test_label``
        ``(rows, n_out)``: what `KAN.fit`, `PruningSession` and `KANWidget` take. Data of your own
        are a dict with these four entries.

    Raises
    ------
    ValueError
        If a number is not positive, ranges are not finite or fall, or ranges or labels have
        the wrong shape.
    TypeError
        If a number of variables or rows is not an int.
    """
    n_var = check_whole(n_var, "n_var", 1)
    train_num = check_whole(train_num, "train_num", 1)
    test_num = check_whole(test_num, "test_num", 1)
    bounds = torch.as_tensor(ranges, dtype=torch.float64)
    if bounds.shape == (2,):
        bounds = bounds.repeat(n_var, 1)
    if bounds.shape != (n_var, 2):
        raise ValueError(
            f"ranges must be (low, high) or {n_var} such pairs, one for each variable, "
            f"got shape {tuple(bounds.shape)}"
        )
    if not (bounds.isfinite().all() and (bounds[:, 0] <= bounds[:, 1]).all()):
        raise ValueError(f"ranges must be finite numbers (low, high), low first, got {ranges!r}")
    generator = torch.Generator().manual_seed(check_whole(seed, "seed"))
    columns: dict[str, list[Tensor]] = {"train": [], "test": []}
    for low, high in bounds:
        for part, rows in (("train", train_num), ("test", test_num)):
            u = torch.rand(rows, generator=generator, dtype=torch.float64)
            columns[part].append(u * (high - low) + low)
    dataset: dict[str, Tensor] = {}
    for part, parts in columns.items():
        x = torch.stack(parts, dim=1)
        y = torch.as_tensor(f(x))
        y = y.unsqueeze(1) if y.dim() == 1 else y
        if y.dim() != 2 or len(y) != len(x):
            raise ValueError(
                f"f must map inputs of shape {tuple(x.shape)} to labels (rows, n_out), "
                f"got shape {tuple(y.shape)}; index columns as x[:, [0]] to keep the axis"
            )
        dataset[f"{part}_input"], dataset[f"{part}_label"] = x, y
    for kind, wanted in (("input", normalize_input), ("label", normalize_label)):
        if wanted:
            train = dataset[f"train_{kind}"]
            mean, varies = train.mean(0, keepdim=True), (train != train[:1]).any(0, keepdim=True)
            std = torch.ones_like(mean)
            if varies.any():  # so there are at least two rows
                std = train.std(0, keepdim=True).where(varies, std)
            for part in columns:
                dataset[f"{part}_{kind}"] = (dataset[f"{part}_{kind}"] - mean) / std
    return {name: dataset[name].to(device, dtype) for name in DATASET_KEYS}
