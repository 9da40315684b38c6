"""Tensors, data sets and models that nothing can be computed with are refused in words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from . import splines

__all__ = [
    "DATASET_KEYS",
    "check_dataset",
    "check_inputs",
    "check_kind",
    "check_model",
    "varying_columns",
]

DATASET_KEYS = ("train_input", "train_label", "test_input", "test_label")


def check_model(model: nn.Module) -> None:
    """Raise a TypeError unless a model's numbers are there, dense and real, and can be changed."""
    for name, value in (*model.named_parameters(), *model.named_buffers()):
        check_kind(value, f"the model's {name}")
        if value.is_inference() and not torch.is_inference_mode_enabled():
            raise TypeError(
                f"the model's {name} was made under torch.inference_mode(), and can never change; "
                "make or load the model outside of it, or take copy.deepcopy(model)"
            )


def check_kind(values: Tensor, name: str) -> None:
    """Raise a TypeError unless a tensor holds real numbers, all of them."""
    if values.is_nested or values.is_quantized:
        raise TypeError(f"{name} must be a plain tensor, not a nested or quantized one")
    if values.layout is not torch.strided:
        raise TypeError(f"{name} must be a dense tensor, got a sparse one; take its to_dense()")
    if values.device.type == "meta":
        raise TypeError(f"{name} is on torch's meta device, where tensors hold no numbers")
    if values.is_complex():
        raise TypeError(
            f"{name} must hold real numbers, got {values.dtype}; real and imaginary parts "
            "can be columns of their own"
        )


def check_inputs(
    x: object, n_in: int, name: str, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Return inputs as a tensor ``(rows, n_in)``, or raise a ValueError or TypeError."""
    if not isinstance(x, Tensor):
        raise TypeError(
            f"{name} must be a torch tensor of shape (rows, {n_in}), got {type(x).__name__}"
        )
    check_kind(x, name)
    if x.dim() != 2 or x.shape[1] != n_in:
        raise ValueError(f"{name} must have shape (rows, {n_in}), got {tuple(x.shape)}")
    if len(x) == 0:
        raise ValueError(f"{name} has no rows")
    return _convert(x, name, device, dtype)


def check_dataset(
    dataset: object,
    n_in: int,
    n_out: int | None,
    device: torch.device,
    dtype: torch.dtype,
) -> dict[str, Tensor]:
    """Return a dataset moved to a model's device and dtype, or say what is wrong with it.

    Parameters
    ----------
    dataset : mapping
        With the four entries that `create_dataset` makes.
    n_in : int
        Columns that inputs must have.
    n_out : int or None
        Columns that labels must have; None leaves labels (shape and integer dtype) to a
        loss function of the user's own.
    device, dtype
        Where to, for inputs and for labels that are floating point numbers.

    Raises
    ------
    TypeError
        If it is not a mapping of tensors.
    ValueError
        If entries are missing, shapes do not match, or numbers are NaN or infinite.
    """
    if not isinstance(dataset, Mapping):
        raise TypeError(
            f"dataset must be a dict with the entries {', '.join(DATASET_KEYS)}, "
            f"got {type(dataset).__name__}"
        )
    missing = [key for key in DATASET_KEYS if key not in dataset]
    if missing:
        raise ValueError(
            f"dataset lacks {', '.join(missing)}; it must have {', '.join(DATASET_KEYS)} "
            "(create_dataset makes one)"
        )
    checked: dict[str, Tensor] = {}
    for part in ("train", "test"):
        x = check_inputs(dataset[f"{part}_input"], n_in, f"dataset['{part}_input']", device, dtype)
        name, y = f"dataset['{part}_label']", dataset[f"{part}_label"]
        if not isinstance(y, Tensor):
            raise TypeError(f"{name} must be a torch tensor, got {type(y).__name__}")
        if n_out is not None or not y.is_complex():  # a loss of one's own may like them
            check_kind(y, name)
        shape = tuple(y.shape)
        if n_out is not None and shape != (len(x), n_out):
            raise ValueError(f"{name} must have shape ({len(x)}, {n_out}), got {shape}")
        if y.dim() == 0 or len(y) != len(x):
            raise ValueError(f"{name} must have {len(x)} rows, as the inputs have; got {shape}")
        as_number = n_out is not None or y.is_floating_point()
        checked[f"{part}_input"] = x
        checked[f"{part}_label"] = _convert(y, name, device, dtype if as_number else y.dtype)
    return checked


def varying_columns(x: Tensor) -> Tensor:
    """Which columns of inputs ``(rows, n_in)`` vary, beyond rounding: ``(n_in,)``."""
    rows = np.ascontiguousarray(x.detach().cpu().double().numpy().T)
    return torch.from_numpy(splines.varies(rows, torch.finfo(x.dtype).eps))


def _convert(values: Tensor, name: str, device: torch.device, dtype: torch.dtype) -> Tensor:
    found = _check_finite(values, name).detach().to(device, dtype)
    if not torch.isfinite(found).all():
        largest = float(values.abs().max())
        raise ValueError(
            f"{name} holds numbers up to {largest:g}, too large for the model's {dtype}; "
            "scale them, or make the model with dtype=torch.float64"
        )
    return found


def _check_finite(values: Tensor, name: str) -> Tensor:
    bad = ~torch.isfinite(values)
    if bad.any():
        row = int(bad.nonzero()[0, 0])
        raise ValueError(
            f"{name} holds {int(bad.sum())} numbers that are NaN or infinite, the first in "
            f"row {row}; drop or mend those rows"
        )
    return values
