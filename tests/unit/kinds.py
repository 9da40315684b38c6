"""Small models of every kind that sessions read, with data, for what must hold for all of them."""

from __future__ import annotations

import itertools
import os
import random
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import rivals
import torch
from layouts import FastKANLayer, KANLinear, Stack
from torch import Tensor

from kanwidget import KAN

KINDS = ("native", "pykan 0.2.8", "pykan 0.0.1", "efficient-kan", "FastKAN")
WIDTH = [2, 3, 1]

os.environ.setdefault("MPLBACKEND", "Agg")


def often(usual: int, soak: int) -> int:
    """Return how often a test does something: more with ``KANWIDGET_SOAK=1``, by hand."""
    return soak if os.environ.get("KANWIDGET_SOAK") else usual


def make(kind: str, seed: int = 0, dtype: torch.dtype = torch.float64) -> Any:
    """Return a lively [2, 3, 1], or skip the test if the library is not here."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        torch.manual_seed(seed)
        model = _MAKERS[kind](seed)
        # pykan's `to` takes everything for a device.
        model = model.double() if dtype == torch.float64 else model.float()
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, value in model.named_parameters():
                if not any(part in name for part in ("mask", "grid", "affine", "symbolic")):
                    noise = torch.randn(value.shape, generator=generator, dtype=torch.float64)
                    value.add_(0.2 * noise.to(dtype))
        return model
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


def data(rows: int = 40, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    """Return a dataset for it."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2 * rows, 2, generator=generator, dtype=torch.float64).to(dtype) * 1.8 - 0.9
    y = torch.sin(3 * x[:, [0]]) + x[:, [1]] ** 2
    names = ("train_input", "test_input", "train_label", "test_label")
    return dict(zip(names, (x[:rows], x[rows:], y[:rows], y[rows:]), strict=True))


def bits(model: Any) -> dict[str, bytes]:
    """Return all parameters and buffers, and what hooks there are."""
    named = itertools.chain(model.named_parameters(), model.named_buffers())
    found = {n: t.detach().contiguous().reshape(-1).view(torch.uint8) for n, t in named}
    hooks = sum(len(m._forward_hooks) for m in model.modules())
    return {**{n: t.numpy().tobytes() for n, t in found.items()}, "hooks": bytes([hooks])}


def _pykan(seed: int) -> Any:
    kan = pytest.importorskip("kan", reason="pykan is not installed")
    if not hasattr(kan, "MultKAN"):
        pytest.skip("this is not pykan 0.2.x")
    return kan.MultKAN(width=list(WIDTH), grid=3, seed=seed, auto_save=False)


def _pykan0(seed: int) -> Any:
    # Its import makes float64 the default for everybody, and wants what only its films need.
    default, film = torch.get_default_dtype(), "moviepy.video.io.ImageSequenceClip"
    absent = list(itertools.accumulate(film.split("."), "{}.{}".format))
    with pytest.MonkeyPatch.context() as patch:
        for name in absent:
            patch.setitem(sys.modules, name, ModuleType(name))
        library = rivals.load("pykan==0.0.1", "kan", "pykan0")
    torch.set_default_dtype(default)
    return library.KAN(width=list(WIDTH), grid=3, k=3, seed=seed)


_MAKERS: dict[str, Callable[[int], Any]] = {
    "native": lambda seed: KAN(WIDTH, grid=3, seed=seed),
    "pykan 0.2.8": _pykan,
    "pykan 0.0.1": _pykan0,
    "efficient-kan": lambda seed: Stack(KANLinear(2, 3), KANLinear(3, 1)),
    "FastKAN": lambda seed: Stack(FastKANLayer(2, 3), FastKANLayer(3, 1)),
}
