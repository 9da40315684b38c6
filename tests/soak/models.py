"""Eleven kinds of small models for the soak, and what their users do to them.

A kind makes nearly the same model from a seed each time (pykan's least squares differ in the
last bit): to have the very same, load the state of the first. Nothing here uses kanwidget but to
make its own KAN.
"""

from __future__ import annotations

import contextlib
import io
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "unit"))

import rivals
from layouts import FastKANLayer, Stack

from kanwidget import KAN

__all__ = ["KINDS", "Kind", "dataset_of", "outside", "quiet"]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the random states of torch, numpy and Python, and print nothing."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


def rows(count: int, n_in: int, seed: int) -> Tensor:
    """Return inputs in [-1, 1], float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, n_in, generator=generator, dtype=torch.float64) * 2 - 1


def dataset_of(n_in: int, n_out: int, seed: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return a small dataset of a smooth function."""
    found = {}
    for name, count, number in (("train", 40, 2 * seed), ("test", 30, 2 * seed + 1)):
        x = rows(count, n_in, number)
        y = torch.stack([torch.sin(2 * x[:, 0]) + k + x[:, -1] ** 2 for k in range(n_out)], 1)
        found[f"{name}_input"], found[f"{name}_label"] = x.to(dtype), y.to(dtype)
    return found


def _lively(model: nn.Module, seed: int, size: float, only: tuple[str, ...] = ()) -> None:
    """Move a model's numbers away from where they start."""
    generator = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        if p.requires_grad and (not only or any(part in name for part in only)):
            noise = torch.randn(p.shape, generator=generator, dtype=torch.float64)
            p.data += size * noise.to(p.dtype)


WIDTHS = ([2, 3, 1], [3, 2, 2], [2, 2, 2, 1], [2, 4, 2])
SMALL = ([2, 2, 1], [2, 3, 1], [3, 2, 1])


def _own(seed: int, eps: float = 1.0, dtype: torch.dtype = torch.float64) -> KAN:
    model = KAN(WIDTHS[seed % 4], grid=3 + seed % 3, seed=seed, grid_eps=eps, dtype=dtype)
    _lively(model, seed, 0.4)
    if eps < 1:
        model.update_grid(rows(40, model.width[0], seed))
    return model


def own(seed: int) -> Any:
    return _own(seed)


def own_masked(seed: int) -> Any:
    model = _own(seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in model.layers:
            layer.mask.copy_(torch.rand(layer.mask.shape, generator=generator) < 0.75)
            layer.bias.copy_(torch.randn(layer.bias.shape, generator=generator))
    return model


def own_uneven(seed: int) -> Any:
    return _own(seed, 0.1 * (seed % 10))


def own_float32(seed: int) -> Any:
    return _own(seed, dtype=torch.float32)


def _pykan(seed: int, width: list[Any], dtype: torch.dtype) -> Any:
    import kan

    with quiet():
        model = kan.MultKAN(width=[*width], grid=3, seed=seed, auto_save=False)
    model = model.float() if dtype == torch.float32 else model.double()  # its `to` takes devices
    names = ("coef", "node_bias", "node_scale", "subnode_bias", "subnode_scale")
    _lively(model, seed, 0.3, (*names, "scale_base"))
    generator = torch.Generator().manual_seed(seed)
    for name in names[1:]:
        for p in getattr(model, name):
            p.data += 0.3 * torch.randn(p.shape, generator=generator).to(p)
    return model


def pykan(seed: int) -> Any:
    dtype = torch.float32 if seed % 2 else torch.float64
    return _pykan(seed, SMALL[seed % 3], dtype)


def pykan_symbolic(seed: int) -> Any:
    model, choose = _pykan(seed, SMALL[seed % 3], torch.float64), random.Random(seed)
    for l, layer in enumerate(model.symbolic_fun):
        for i in range(layer.in_dim):
            for j in range(layer.out_dim):
                if choose.random() < 0.5:
                    name = choose.choice(["sin", "x", "x^2", "exp"])
                    with quiet():
                        model.fix_symbolic(
                            l, i, j, name, fit_params_bool=False, verbose=False, log_history=False
                        )
                    affine = [choose.uniform(0.5, 1.5), choose.uniform(-0.5, 0.5)]
                    affine += [choose.uniform(-1, 1), choose.uniform(-1, 1)]
                    layer.affine.data[j, i] = torch.tensor(affine).to(layer.affine)
    return model


def pykan_products(seed: int) -> Any:
    width: list[Any] = [[2, 0], [1, 1 + seed % 2], [1, 0]] if seed % 3 else [[2, 0], [0, 2], [1, 1]]
    return _pykan(seed, width, torch.float64)


def pykan0(seed: int) -> Any:
    # Its import makes float64 the default for everybody, and wants what only its films need.
    default, film = torch.get_default_dtype(), "moviepy.video.io.ImageSequenceClip"
    absent = [n for n in accumulate(film.split("."), "{}.{}".format) if n not in sys.modules]
    sys.modules.update({name: ModuleType(name) for name in absent})
    module = rivals.load("pykan==0.0.1", "kan", "pykan0")
    torch.set_default_dtype(default)
    for name in absent:
        del sys.modules[name]
    with quiet():
        model = module.KAN(width=[*SMALL[seed % 3]], grid=3, k=3, seed=seed).double()
    _lively(model, seed, 0.3)
    return model


def efficient(seed: int) -> Any:
    rivals.load("kan-gpt==1.2.0", "kan_gpt", "kan_gpt_rival")
    module = __import__("kan_gpt_rival.efficient_kan.model", fromlist=["KANLinear"])
    with quiet():
        torch.manual_seed(seed)
        width = WIDTHS[seed % 4]
        layers = [module.KANLinear(a, b, 4) for a, b in pairwise(width)]
        model = Stack(*layers).double()
    _lively(model, seed, 0.3)
    return model


def _fast(seed: int, norm: bool) -> Any:
    width = WIDTHS[seed % 4]
    with quiet():
        torch.manual_seed(seed)
        layers = [FastKANLayer(a, b, norm=norm, base=seed % 3 > 0) for a, b in pairwise(width)]
    return Stack(*layers).double()


def fastkan(seed: int) -> Any:
    return _fast(seed, False)


def fastkan_norm(seed: int) -> Any:
    return _fast(seed, True)


@dataclass(frozen=True)
class Kind:
    """A kind of models.

    Attributes
    ----------
    name, library : str
    make : callable
        From a seed to a model.
    own_calls : tuple of str
        What its library offers that changes a model; see `outside`.
    """

    name: str
    library: str
    make: Callable[[int], Any]
    own_calls: tuple[str, ...] = ()


_OWN = ("fit_lbfgs", "fit_adam", "update_grid", "remove_edge", "restore_edge", "remove_node")
_OWN += ("grid_data", "refine", "fit_watched")
_PYKAN = ("fit_lbfgs", "fit_adam", "update_grid", "remove_edge", "remove_node", "fix_symbolic")
_PYKAN += ("fix_off", "unfix_symbolic", "auto_symbolic", "prune_edge")
_PYKAN0 = ("fit_lbfgs", "update_grid", "remove_edge", "remove_node", "fix_symbolic")

KINDS = {
    kind.name: kind
    for kind in (
        Kind("kan", "kan", own, _OWN),
        Kind("kan-masked", "kan", own_masked, _OWN),
        Kind("kan-uneven", "kan", own_uneven, _OWN),
        Kind("kan-float32", "kan", own_float32, _OWN),
        Kind("pykan", "pykan", pykan, _PYKAN),
        Kind("pykan-symbolic", "pykan", pykan_symbolic, _PYKAN),
        Kind("pykan-products", "pykan", pykan_products, _PYKAN),
        Kind("pykan0", "pykan0", pykan0, _PYKAN0),
        Kind("efficient", "efficient", efficient, ("update_grid",)),
        Kind("fastkan", "fastkan", fastkan),
        Kind("fastkan-norm", "fastkan", fastkan_norm),
    )
}


def outside(kind: Kind, model: Any, act: str, number: int, data: dict[str, Tensor]) -> bool:
    """Do to a model what its user might do in a cell, without the session.

    Parameters
    ----------
    act : str
        ``sgd``, ``adam``, ``inplace``, ``data_add``, ``data_set``, ``load_near``,
        ``load_first``, ``double``, ``float``, ``half``, or one of the kind's ``own_calls``, of
        which ``fit_watched`` needs a session and is none of this function's.
    number : int
        Chooses numbers and edges.
    data : dict of Tensor
        In the model's dtype; under ``first`` the state dict that the model began with.

    Returns
    -------
    bool
        Whether there was anything to do.
    """
    generator, choose = torch.Generator().manual_seed(number), random.Random(number)
    trained = [p for p in model.parameters() if p.requires_grad and p.is_floating_point()]

    def noise(p: Tensor, size: float) -> Tensor:
        return size * torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p)

    if act in ("sgd", "adam"):
        kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
        optimiser = kinds[act](trained, lr=0.01)
        for _ in range(1 + number % 3):
            optimiser.zero_grad()
            loss = (model(data["train_input"]) - data["train_label"]).square().mean()
            loss.backward()
            nn.utils.clip_grad_norm_(trained, 1.0)  # it must not diverge by itself
            optimiser.step()
    elif act == "inplace":
        with torch.no_grad():
            p = choose.choice(trained)
            p += noise(p, 0.03)
    elif act == "data_add":
        p = choose.choice(trained)
        p.data += noise(p, 0.03)
    elif act == "data_set":
        p = choose.choice(trained)
        p.data = p.data + noise(p, 0.03)
    elif act == "load_near":
        state = {name: value.clone() for name, value in model.state_dict().items()}
        names = dict(model.named_parameters())
        for name, value in state.items():
            if name in names and names[name].requires_grad:
                value += noise(value, 0.03)
        model.load_state_dict(state)
    elif act == "load_first":
        model.load_state_dict(data["first"])
    elif act in ("double", "float", "half"):
        getattr(model, act)()
    else:
        with quiet():
            return _own_call(kind.library, model, act, number, data)
    return True


def _own_call(library: str, model: Any, act: str, number: int, data: dict[str, Tensor]) -> bool:
    x, choose = data["train_input"], random.Random(number)
    sets = {name: value for name, value in data.items() if name != "first"}
    if library == "efficient":
        with torch.no_grad():
            for layer in model.layers:
                layer.update_grid(x)
                x = layer(x)
        return True
    n_layers = len(model.layers if library == "kan" else model.act_fun)
    l = choose.randrange(n_layers)
    if library == "kan":
        i, j = choose.randrange(model.width[l]), choose.randrange(model.width[l + 1])
    else:
        formulas = model.symbolic_fun[l]
        i, j = choose.randrange(formulas.in_dim), choose.randrange(formulas.out_dim)
    log = {"log_history": False} if library == "pykan" else {}
    if act in ("fit_lbfgs", "fit_adam"):
        settings: dict[str, Any] = {"opt": act[4:].upper() if act == "fit_lbfgs" else "Adam"}
        settings |= {"steps": 3, "lr": 1.0 if act == "fit_lbfgs" else 0.01, "lamb": 0.001}
        fit = model.train if library == "pykan0" else model.fit
        fit(sets, **settings, **({"progress": False} if library == "kan" else {}))
    elif act == "update_grid":
        model(x)
        (model.update_grid if library == "kan" else model.update_grid_from_samples)(x)
    elif act in ("remove_edge", "restore_edge"):
        getattr(model, act)(l, i, j, **log)
    elif act == "remove_node":
        hidden = choose.randrange(1, n_layers) if n_layers > 1 else 0
        width = model.width_in if library == "pykan" else model.width
        model.remove_node(hidden, choose.randrange(width[hidden]), **log)
    elif act == "grid_data":
        grid = model.layers[l].grid
        step = (grid[:, 1] - grid[:, 0]).clone()
        grid.data[:, 1] += 0.2 * step
    elif act == "refine":
        if not hasattr(model, "refine"):
            return False
        # It makes a new model, and must leave this one as it is.
        model(x)
        model.refine(model.layers[0].grid.shape[1] + 1)
    elif act in ("fix_symbolic", "fix_off"):
        with torch.no_grad():
            model(x)
        name = "0" if act == "fix_off" else choose.choice(["sin", "x", "x^2"])
        if act == "fix_off":  # as auto_symbolic does to edges that are off
            off = (model.act_fun[l].mask == 0) & (formulas.mask.T == 0)
            if not off.any():
                return False
            i, j = choose.choice(off.nonzero().tolist())
        model.fix_symbolic(l, i, j, name, fit_params_bool=name != "0", verbose=False, **log)
    elif act == "unfix_symbolic":
        if formulas.mask[j, i] == 0:
            return False
        model.unfix_symbolic(l, i, j, **log)
    elif act == "auto_symbolic":
        with torch.no_grad():
            model(x)
        model.auto_symbolic(lib=["x", "sin"], verbose=0)
    elif act == "prune_edge":
        with torch.no_grad():
            model(x)
        model.attribute()
        model.prune_edge(0.02 + 0.1 * choose.random(), **log)
    else:
        raise ValueError(act)
    return True
