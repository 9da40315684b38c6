"""Checks data sets, tensors and models; an error says what is wrong and what to do."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from . import bsplines
from .arrays import as_columns

__all__ = [
    "DATASET_KEYS",
    "as_tensor",
    "as_tensors",
    "check_dataset",
    "check_inputs",
    "check_kind",
    "check_model",
    "varying_columns",
]

Values = Any
"""A tensor, an array, a DataFrame, a Series, or a list: what `as_tensor` takes."""

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


def as_tensor(values: Values, name: str) -> Tensor:
    """Return numbers as a tensor: from an array, a DataFrame or Series, or lists of numbers.

    Whole numbers become int64, floating point numbers keep their precision.

    Raises
    ------
    TypeError, ValueError
        If there are other things than numbers in it; the message names the first.
    """
    if isinstance(values, Tensor):
        return values
    found = values
    if hasattr(values, "to_numpy"):  # pandas, polars
        found = values.to_numpy()
    elif isinstance(values, (str, bytes)) or not (
        isinstance(values, (list, tuple)) or hasattr(values, "__array__")
    ):
        advice = "; take its toarray()" if hasattr(values, "toarray") else ""
        raise TypeError(
            f"{name} must be a torch tensor, an array, a DataFrame or a list of numbers, got "
            f"{type(values).__name__}{advice}"
        )
    try:
        array = np.ma.asanyarray(found)
    except (TypeError, ValueError, RuntimeError) as error:
        advice = ""
        if name == "data":
            advice = f"; inputs and labels are a dict with the entries {', '.join(DATASET_KEYS)}"
        raise ValueError(f"{name} cannot be made a tensor: {error}{advice}") from None
    if array.dtype.kind == "O":
        array = np.ma.asanyarray(_numbers_of(array, name))
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"{name} must hold numbers, got {array.dtype}; make numbers of it, such as codes of "
            "categories, or seconds of times"
        )
    if np.ma.is_masked(array):
        array = array.astype(np.float64).filled(np.nan)
    kind: Any = {"b": np.bool_, "i": np.int64, "u": np.int64, "c": np.complex128}.get(
        array.dtype.kind, np.float32 if array.dtype.itemsize <= 4 else np.float64
    )
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        kind = np.float64
    return torch.from_numpy(np.array(np.ma.getdata(array), dtype=kind, order="C"))


def _numbers_of(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return an array of Python objects as one of numbers."""
    whole = True
    for place, value in np.ndenumerate(array):
        try:
            if isinstance(value, (str, bytes)):
                raise TypeError
            float(value)
        except (TypeError, ValueError):
            at = place[0] if len(place) == 1 else list(place)
            raise TypeError(
                f"{name} must hold numbers, got {reprlib.repr(value)} at {at}; make a number of "
                "it, or drop the row or column"
            ) from None
        whole = whole and isinstance(value, (int, np.integer))
    return array.astype(np.int64 if whole else np.float64)


def as_tensors(data: Any) -> Any:
    """Return data, or each of the entries of a dataset, as `as_tensor` does."""
    if not isinstance(data, Mapping):
        return data if data is None else as_tensor(data, "data")
    known = [key for key in DATASET_KEYS if key in data]
    return {**data, **{key: as_tensor(data[key], f"dataset['{key}']") for key in known}}


def check_inputs(
    x: object, n_in: int, name: str, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Return inputs as a tensor ``(rows, n_in)``, or raise a ValueError or TypeError.

    ``(rows,)`` is taken for the one input of a model that has one.
    """
    x = as_tensor(x, name)
    check_kind(x, name)
    if x.dim() == 1 and n_in == 1:
        x = x.unsqueeze(1)
    if x.dim() != 2 or x.shape[1] != n_in:
        one = f"; one row has shape (1, {n_in})" if x.shape == (n_in,) else ""
        raise ValueError(f"{name} must have shape (rows, {n_in}), got {tuple(x.shape)}{one}")
    if len(x) == 0:
        raise ValueError(f"{name} has no rows")
    return _convert(x, name, device, dtype)


def check_dataset(
    dataset: object,
    n_in: int,
    n_out: int | None,
    device: torch.device,
    dtype: torch.dtype,
    outputs: int | None = None,
) -> dict[str, Tensor]:
    """Return a dataset moved to a model's device and dtype, or say what is wrong with it.

    Parameters
    ----------
    dataset : mapping
        With ``train_input`` and ``test_input`` ``(rows, n_in)``, ``train_label`` and
        ``test_label`` ``(rows, n_out)``: tensors, or what `as_tensor` takes. Labels ``(rows,)``
        are taken for those of a model with one output.
    n_in : int
        Columns that inputs must have.
    n_out : int or None
        Columns that labels must have; None leaves labels (shape and integer dtype) to a
        loss function of the user's own.
    device, dtype
        Where to, for inputs and for labels that are floating point numbers.
    outputs : int, optional
        Of the model, where ``n_out`` is None. With one, labels ``(rows,)`` become ``(rows, 1)``,
        as predictions are. With several, a single column of whole numbers are classes, and
        becomes ``(rows,)``, as torch's losses for classes want it.

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
        name = f"dataset['{part}_label']"
        y = as_tensor(dataset[f"{part}_label"], name)
        if n_out is not None or not y.is_complex():  # a loss of one's own may like them
            check_kind(y, name)
        if y.dim() == 1 and 1 in (n_out, outputs):
            y = y.unsqueeze(1)
        whole = not y.is_floating_point() and not y.is_complex()
        if n_out is None and whole and y.dtype != torch.bool:
            y = y.long()
            if outputs is not None and outputs > 1 and y.dim() == 2 and y.shape[1] == 1:
                y = y.squeeze(1)
        shape = tuple(y.shape)
        if n_out is not None and shape != (len(x), n_out):
            advice = ""
            if y.dim() == 1 and whole and len(y) == len(x):
                advice = (
                    "; if they are classes, compare them with loss_fn=torch.nn.CrossEntropyLoss() "
                    "in fit, and metric=torch.nn.CrossEntropyLoss() in a widget or session"
                )
            elif y.dim() == 1:
                advice = f"; they need {n_out} columns, or a model with one output"
            raise ValueError(f"{name} must have shape ({len(x)}, {n_out}), got {shape}{advice}")
        if y.dim() == 0 or len(y) != len(x):
            raise ValueError(f"{name} must have {len(x)} rows, as the inputs have; got {shape}")
        as_number = n_out is not None or y.is_floating_point()
        checked[f"{part}_input"] = x
        checked[f"{part}_label"] = _convert(y, name, device, dtype if as_number else y.dtype)
    return checked


def varying_columns(x: Tensor) -> Tensor:
    """Which columns of inputs ``(rows, n_in)`` vary, beyond rounding: ``(n_in,)``."""
    return torch.from_numpy(bsplines.varies(as_columns(x), torch.finfo(x.dtype).eps))


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
