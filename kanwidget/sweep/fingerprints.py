"""Digests of data, settings and functions: by them a folder knows what belongs to it."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import math
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kanwidget.kan.check_data import DATASET_KEYS, as_tensor

__all__ = ["data_digest", "describe", "run_key"]


def data_digest(dataset: Mapping[str, Any]) -> str:
    """Return a digest of the shapes and numbers of a dataset's four entries.

    Raises
    ------
    TypeError, ValueError
        If it is no such dataset.
    """
    if not isinstance(dataset, Mapping):
        raise TypeError(
            f"dataset must be a dict with the entries {', '.join(DATASET_KEYS)}, "
            f"got {type(dataset).__name__}"
        )
    missing = [name for name in DATASET_KEYS if name not in dataset]
    if missing:
        raise ValueError(f"dataset lacks {', '.join(missing)}; create_dataset makes one")
    digest = hashlib.sha256()
    for name in DATASET_KEYS:
        values = as_tensor(dataset[name], f"dataset['{name}']")
        digest.update(_tensor_words(values).encode())
    return digest.hexdigest()


def describe(value: Any) -> Any:
    """Return a setting as JSON can hold it; what is code as its name and a digest of its text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, np.generic):
        return describe(value.item())
    if isinstance(value, Mapping):
        return {str(name): describe(one) for name, one in value.items()}
    if isinstance(value, np.ndarray):
        return describe(value.tolist())
    if isinstance(value, Tensor):
        return _tensor_words(value)
    if isinstance(value, (Sequence, set, frozenset)):
        ordered = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        return [describe(one) for one in ordered]
    if isinstance(value, (torch.dtype, torch.device)):
        return str(value)
    return _code_words(value)


def run_key(settings: Mapping[str, Any]) -> str:
    """Return a short digest of a run's settings, which names its file."""
    text = json.dumps(describe(settings), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _tensor_words(values: Tensor) -> str:
    numbers = values.detach().cpu().contiguous()
    content: Any = numbers.reshape(-1).view(torch.uint8).numpy() if numbers.numel() else b""
    digest = hashlib.sha256(content).hexdigest()
    return f"{values.dtype} {list(values.shape)} {digest}"


def _code_words(value: Any) -> str:
    """Return the name of a function, class or callable object and a digest of what it is."""
    if isinstance(value, functools.partial):
        parts = [describe(part) for part in (value.func, value.args, value.keywords)]
        return f"partial {parts}"
    if isinstance(value, types.MethodType):
        return f"{_code_words(value.__func__)} of {_code_words(value.__self__)}"
    named = value if hasattr(value, "__qualname__") else type(value)
    name = f"{named.__module__}.{named.__qualname__}"
    text = _source(named)
    if isinstance(value, types.FunctionType):
        held = [cell.cell_contents for cell in value.__closure__ or () if _is_plain(cell)]
        text += json.dumps([describe(held), describe(value.__defaults__)])
    elif named is not value:
        text += json.dumps(describe({k: v for k, v in vars(value).items() if _plain(v)}))
    if isinstance(value, nn.Module):  # what it is made of, too
        state = {key: _tensor_words(one) for key, one in value.state_dict().items()}
        text += f"{value!r}{state}"
    return f"{name} {hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _source(named: Any) -> str:
    """Return the text of a function or class; of a lambda, whose line holds more, its code."""
    code = getattr(named, "__code__", None)
    try:
        if code is None or code.co_name != "<lambda>":
            return inspect.getsource(named)
    except (OSError, TypeError):  # built in, or typed into a console
        pass
    return "" if code is None else _code_text(code)


def _code_text(code: types.CodeType) -> str:
    inner = [_code_text(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
    return repr((code.co_code, code.co_names, code.co_varnames, inner))


def _is_plain(cell: types.CellType) -> bool:
    try:
        return _plain(cell.cell_contents)
    except ValueError:  # of a function that refers to itself
        return False


def _plain(value: Any) -> bool:
    """Whether a value is described by itself, without any code."""
    plain = (bool, int, float, str, list, tuple, dict, Tensor, np.ndarray, np.generic)
    return value is None or isinstance(value, plain)
