"""Saving and loading without pickles: numbers in a safetensors file, settings in its header."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from .whole_file import replacing

if TYPE_CHECKING:
    from .model import KAN

__all__ = ["load", "save"]

FORMAT = "kanwidget.KAN 1"

BASE_FUNCTIONS: dict[str, Callable[[], nn.Module]] = {
    "SiLU": nn.SiLU,
    "Identity": nn.Identity,
    "Tanh": nn.Tanh,
    "ReLU": nn.ReLU,
    "GELU": nn.GELU,
}
"""Base functions that a file can name; others are code, which a file cannot hold."""


def save(model: KAN, path: str | os.PathLike[str]) -> None:
    """Write a model to a file; see `KAN.save`."""
    layer = model.layers[0]
    # By what torch prints, which shows options too: GELU(approximate='none') is GELU().
    name = next((n for n, f in BASE_FUNCTIONS.items() if repr(f()) == repr(layer.base_fun)), None)
    settings = {
        "width": model.width,
        "grid": layer.grid.shape[1] - 1,
        "k": layer.k,
        "grid_eps": layer.grid_eps,
        "base_fun": name,
    }
    tensors = {key: value.contiguous() for key, value in model.state_dict().items()}
    with replacing(path) as beside:
        save_file(tensors, beside, {"format": FORMAT, "settings": json.dumps(settings)})


def load(
    kind: type[KAN],
    path: str | os.PathLike[str],
    base_fun: Callable[[Tensor], Tensor] | None,
    device: torch.device | str,
) -> KAN:
    """Read a model from a file; see `KAN.load`."""
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            settings = _settings(file.metadata() or {}, path)
            shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
            _check_shapes(settings, shapes, path)
            state = {key: file.get_tensor(key) for key in shapes}
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged, or no safetensors file: {error}") from None
    for key, value in state.items():
        if not value.is_floating_point() or (key.endswith("grid") and not _rises(value)):
            raise ValueError(f"{path} is damaged: {key} does not hold what a KAN has there")
    name = settings.pop("base_fun")
    if base_fun is None:
        if name not in BASE_FUNCTIONS:
            raise ValueError(
                f"{path} was saved with a base function of its own; pass it as base_fun="
            )
        base_fun = BASE_FUNCTIONS[name]()
    dtype = state["layers.0.coef"].dtype
    model = kind(**settings, base_fun=base_fun, device=device, dtype=dtype)
    model.load_state_dict(state)
    return model


def _settings(metadata: dict[str, str], path: Any) -> dict[str, Any]:
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"{path} holds {metadata.get('format', 'no KAN')!r}, expected {FORMAT!r}: "
            "a file that KAN.save wrote"
        )
    names = {"width", "grid", "k", "grid_eps", "base_fun"}
    try:
        settings: dict[str, Any] = json.loads(metadata["settings"])
        sound = set(settings) == names and all(type(n) is int for n in settings["width"])
        sound = sound and all(type(settings[n]) is int and settings[n] > 0 for n in ("grid", "k"))
        sound = sound and type(settings["grid_eps"]) in (int, float)
    except (KeyError, TypeError, ValueError):
        sound = False
    if not sound:
        raise ValueError(f"{path} is damaged: its settings are not a KAN's")
    return settings


def _check_shapes(settings: dict[str, Any], shapes: dict[str, tuple[int, ...]], path: Any) -> None:
    """Check what the file says of its tensors before memory is taken for them."""
    width, grid, k = settings["width"], settings["grid"], settings["k"]
    expected: dict[str, tuple[int, ...]] = {}
    for l, (n_in, n_out) in enumerate(pairwise(width)):
        edges = (n_out, n_in)
        expected |= {
            f"layers.{l}.coef": (*edges, grid + k),
            f"layers.{l}.scale_base": edges,
            f"layers.{l}.scale_sp": edges,
            f"layers.{l}.mask": edges,
            f"layers.{l}.bias": (n_out,),
            f"layers.{l}.grid": (n_in, grid + 1),
        }
    wrong = sorted(
        key for key in shapes.keys() | expected.keys() if shapes.get(key) != expected.get(key)
    )
    if wrong:
        raise ValueError(f"{path} is damaged: {wrong[0]} does not fit a KAN({width})")


def _rises(grid: Tensor) -> bool:
    return bool((grid.diff(dim=1) >= 0).all() and (grid[:, -1] > grid[:, 0]).all())
