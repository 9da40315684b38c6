"""Saving and loading without pickles: numbers in a safetensors file, settings in its header."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from kanwidget.functions.library import Function

from .atomic_write import atomic_write
from .check_data import check_kind
from .layer import KANLayer
from .layer_stack import LayerStack
from .saved_names import (
    check_saved_names,
    function_names,
    functions_by_name,
    is_of_names,
    named_edges_of,
    shapes_of_names,
)

__all__ = ["load", "save", "to_bytes"]

Stack = TypeVar("Stack", bound=LayerStack)

FORMAT = "kanwidget.KAN 1"

FORMAT_WITH_NAMES = "kanwidget.KAN 2"
"""Of a model with named edges."""

BASE_FUNCTIONS: dict[str, Callable[[], nn.Module]] = {
    "SiLU": nn.SiLU,
    "Identity": nn.Identity,
    "Tanh": nn.Tanh,
    "ReLU": nn.ReLU,
    "GELU": nn.GELU,
}
"""Base functions that a file can name; others are code, which a file cannot hold."""

DTYPES = torch.float64, torch.float32, torch.float16, torch.bfloat16
"""What the numbers of a model can be."""

BASE_FUN_PREFIX = "base_fun."
"""Begins the names of the numbers that a base function has of its own."""


def save(model: LayerStack, path: str | os.PathLike[str]) -> None:
    """Write a model to a file; see `KAN.save`."""
    content = to_bytes(model)
    with atomic_write(path) as beside:
        beside.write_bytes(content)


def to_bytes(model: LayerStack) -> bytes:
    """Return what `save` writes to a file."""
    layer = model.layers[0]
    settings = {
        "width": model.width,
        "grid": layer.grid.shape[1] - 1,
        "k": layer.k,
        "grid_eps": float(layer.grid_eps),
        "base_fun": _name_of(layer.base_fun),
    }
    state = _state(model)
    named = any(map(is_of_names, state))
    if named:
        settings["functions"] = function_names(model)
    try:
        _check_settings(settings)
        _check_shapes(settings, {key: tuple(value.shape) for key, value in state.items()})
        _check_numbers(state, settings)
    except ValueError as error:
        raise ValueError(
            f"this KAN cannot be saved: {error}. A file holds what KAN(...) makes, trained and "
            "pruned; torch.save(model) holds anything"
        ) from None
    kind = FORMAT_WITH_NAMES if named else FORMAT
    return to_safetensors(state, {"format": kind, "settings": json.dumps(settings)})


def load(
    kind: type[Stack],
    path: str | os.PathLike[str],
    base_fun: Callable[[Tensor], Tensor] | None,
    device: torch.device | str,
    functions: Mapping[str, Function] | None = None,
) -> Stack:
    """Read a model from a file; see `KAN.load`."""
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            metadata = file.metadata() or {}
            if metadata.get("format") not in (FORMAT, FORMAT_WITH_NAMES):
                raise ValueError(
                    f"{path} holds {metadata.get('format', 'no KAN')[:80]!r}, expected "
                    f"{FORMAT!r}: a file that KAN.save wrote"
                )
            settings = _settings(metadata)
            parts = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118
            _check_shapes(settings, {key: tuple(p.get_shape()) for key, p in parts.items()})
            state = {key: file.get_tensor(key) for key in parts}
        _check_numbers(state, settings)
        own = {
            key.removeprefix(BASE_FUN_PREFIX): state.pop(key)
            for key in parts
            if key.startswith(BASE_FUN_PREFIX)
        }
        base_fun = _base_function(settings["base_fun"], base_fun, own, path)
        known = functions_by_name(settings.get("functions", []), functions, path)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged, or no safetensors file: {error}") from None
    except _InvalidFileError as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    model = kind.__new__(kind)
    LayerStack.__init__(model, _layers(settings, state, base_fun))
    for l, layer in enumerate(model.layers):
        layer.replace_names(named_edges_of(state, l, known))
    return model


class _InvalidFileError(ValueError):
    """What is wrong with the settings or the numbers of a model."""


def _state(model: LayerStack) -> dict[str, Tensor]:
    """Return a model's numbers by their names in a file, no two in one memory."""
    state, first = {}, model.layers[0].base_fun
    for key, value in model.state_dict().items():
        try:
            check_kind(value, key)
        except TypeError as error:
            raise ValueError(f"this KAN cannot be saved: {error}") from None
        index, _, rest = key.removeprefix("layers.").partition(".")
        if rest.startswith(BASE_FUN_PREFIX) and model.layers[int(index)].base_fun is first:
            key = rest  # all layers share one
        state[key] = value.detach().clone(memory_format=torch.contiguous_format)
    for l, layer in enumerate(model.layers):
        for name in ("k", "grid_eps"):
            if getattr(layer, name) != getattr(model.layers[0], name):
                raise ValueError(
                    f"this KAN cannot be saved: {name} of layer {l} is {getattr(layer, name)!r}, "
                    f"and {getattr(model.layers[0], name)!r} of layer 0; a file holds one for all"
                )
        if layer.base_fun is not first and not _same_base_function(layer.base_fun, first):
            raise ValueError(
                f"this KAN cannot be saved: the base function of layer {l} is another one than "
                "that of layer 0; a file holds one for all"
            )
    return state


def _same_base_function(a: object, b: object) -> bool:
    """Whether two base functions are the same, and have no numbers of their own."""
    if not isinstance(a, nn.Module) or not isinstance(b, nn.Module):
        return a == b
    return type(a) is type(b) and repr(a) == repr(b) and not a.state_dict()


def _name_of(base_fun: object) -> str | None:
    for name, make in BASE_FUNCTIONS.items():
        # What torch prints shows options too: GELU(approximate='none') is GELU().
        if type(base_fun) is make and repr(base_fun) == repr(make()):
            return name
    return None


def _base_function(
    name: str | None,
    given: Callable[[Tensor], Tensor] | None,
    own: dict[str, Tensor],
    path: Any,
) -> Callable[[Tensor], Tensor]:
    if given is None:
        if name not in BASE_FUNCTIONS:
            raise ValueError(
                f"{path} was saved with a base function of its own; pass it as base_fun="
            )
        given = BASE_FUNCTIONS[name]()
    expected = given.state_dict() if isinstance(given, nn.Module) else {}
    shapes = {key: value.shape for key, value in expected.items()}
    if {key: value.shape for key, value in own.items()} != shapes:
        raise ValueError(
            f"{path} was saved with a base function that has the numbers {sorted(own)[:5]}, and "
            f"the given one has {sorted(shapes)[:5]}; pass the same as base_fun="
        )
    if own and isinstance(given, nn.Module):
        given = copy.deepcopy(given)
        given.load_state_dict(own, assign=True)
    return given


def _layers(
    settings: dict[str, Any], state: dict[str, Tensor], base_fun: Callable[[Tensor], Tensor]
) -> list[KANLayer]:
    """Build layers around tensors, whose shapes have been checked; nothing is drawn or fitted."""
    layers = []
    for l, (n_in, n_out) in enumerate(pairwise(settings["width"])):
        k, grid, eps = settings["k"], settings["grid"], settings["grid_eps"]
        layer = KANLayer(n_in, n_out, grid, k, base_fun, eps, device="meta")
        own = *layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)
        for name, value in own:
            found = state[f"layers.{l}.{name}"]
            if isinstance(value, nn.Parameter):
                found = nn.Parameter(found)
            setattr(layer, name, found)
        layers.append(layer)
    return layers


def _settings(metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        settings = json.loads(metadata["settings"])
    except (KeyError, ValueError, RecursionError):
        raise _InvalidFileError("its settings are not a KAN's") from None
    _check_settings(settings)
    return dict(settings)


def _check_settings(settings: Any) -> None:
    names = {"width", "grid", "k", "grid_eps", "base_fun"}
    sound = isinstance(settings, dict) and set(settings) - {"functions"} == names
    if sound:
        width, eps = settings["width"], settings["grid_eps"]
        sound = isinstance(width, list) and len(width) >= 2
        sound = sound and all(type(n) is int and n > 0 for n in width)
        sound = sound and all(type(settings[n]) is int and settings[n] > 0 for n in ("grid", "k"))
        sound = sound and type(eps) in (int, float) and 0 <= eps <= 1
        sound = sound and (settings["base_fun"] is None or type(settings["base_fun"]) is str)
        functions = settings.get("functions", [])
        sound = sound and isinstance(functions, list)
        sound = sound and all(type(name) is str for name in functions)
    if not sound:
        raise _InvalidFileError("its settings are not a KAN's")


def _check_shapes(settings: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
    """Check what a model's tensors are said to be before memory is taken for them."""
    width, grid, k = settings["width"], settings["grid"], settings["k"]
    shapes = {key: shape for key, shape in shapes.items() if not key.startswith(BASE_FUN_PREFIX)}
    # First what is cheap: a file may say that a network has a million layers.
    if len(shapes) < 6 * (len(width) - 1):
        raise _InvalidFileError(
            f"it holds {len(shapes)} tensors, too few for {len(width) - 1} layers"
        )
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
            **shapes_of_names(shapes, l, edges),
        }
    for key in sorted(shapes.keys() | expected.keys()):
        if key not in expected:
            raise _InvalidFileError(
                f"the tensor {key[:80]!r} does not fit a KAN of {len(width) - 1} layers"
            )
        if shapes.get(key) != expected[key]:
            shape = list(shapes[key]) if key in shapes else "missing"
            raise _InvalidFileError(
                f"{key} is {shape}, and does not fit a KAN with {list(expected[key])}"
            )


def _check_numbers(state: dict[str, Tensor], settings: dict[str, Any]) -> None:
    fault = check_saved_names(state, settings.get("functions", []))
    if fault:
        raise _InvalidFileError(fault)
    for key, value in state.items():
        if key.startswith(BASE_FUN_PREFIX) or key.endswith((".codes", ".fixed")):
            continue
        if value.dtype not in DTYPES:
            raise _InvalidFileError(f"{key} does not hold what a KAN has there")
        if key.endswith(".grid") and not (value.isfinite().all() and (value.diff() >= 0).all()):
            raise _InvalidFileError(f"{key} does not hold finite numbers in rising order")
