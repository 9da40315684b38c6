"""What pykan 0.2.8 names the same curves and networks, by its own functions."""

from __future__ import annotations

import copy
import importlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import numpy as np
import torch
from exactness import at_limit, is_exact
from formulas import FORMULAS, Dataset, Formula, dataset
from learnt_curves import learnt_curves

from kanwidget.adapters import adapt
from kanwidget.formula.candidates import candidates_of

__all__ = ["judge_curves", "name_networks", "pykan_model"]

WEIGHTS = 0.8, 0.2, 0.0
"""How much simplicity counts beside the fit; the first is pykan's default."""

SAME = {"cos": "sin", "arccos": "arcsin", "x^0.5": "sqrt", "1/x^0.5": "1/sqrt(x)"}
"""Names of pykan's that are the same function with other constants."""

LEFT_OUT = "II.38.3", "I.10.7", "sqrt", "sin(x", "exp(-x^2", "II.35.18", "log", "I.44.4"
"""Beginnings of the formulas that pykan is not run on, to save time: others are like them."""


def pykan_model(width: Any, data: Dataset, steps: int, seed: int = 0) -> Any:
    """Return a trained model of pykan, or None if it is not installed."""
    try:
        import kan
    except ImportError:
        return None
    torch.set_default_dtype(torch.float64)
    where = tempfile.mkdtemp()
    model = kan.KAN(width=list(width), grid=5, k=3, seed=seed, auto_save=False, ckpt_path=where)
    if steps:
        model.fit(data, opt="LBFGS", steps=steps)
    return model


class Fits:
    """The fits of functions to curves that pykan has done, so that none is done twice.

    Attributes
    ----------
    seconds : float
        CPU time of all fits that were asked for, those done before included.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._done: dict[Any, tuple[Any, float]] = {}

    @contextmanager
    def remembered(self) -> Iterator[None]:
        """Let pykan's own `fit_params` answer at once what it was asked before."""
        module = importlib.import_module("kan.Symbolic_KANLayer")
        fit = module.fit_params

        def fit_or_recall(x: Any, y: Any, fun: Any, **options: Any) -> Any:
            key = fun, x.numpy().tobytes(), y.numpy().tobytes()
            if key not in self._done:
                start = time.process_time()
                found = fit(x, y, fun, **options)
                self._done[key] = found, time.process_time() - start
            found, took = self._done[key]
            self.seconds += took
            return found

        module.fit_params = fit_or_recall
        try:
            with torch.no_grad(), np.errstate(all="ignore"):
                yield
        finally:
            module.fit_params = fit


def judge_curves(count: int = 30) -> None:
    """Print how often a sample of learnt curves gets the right function from pykan, and from us."""
    from kan.utils import SYMBOLIC_LIB

    settings = ((5, 0.0), (10, 0.0), (10, 0.01))
    for grid, noise in settings:
        curves = [curve for curve in learnt_curves(grid, noise) if curve[0] in SYMBOLIC_LIB]
        chosen = np.random.default_rng(0).permutation(len(curves))[: count // len(settings)]
        right = dict.fromkeys((*WEIGHTS, "ours"), 0)
        for n, place in enumerate(chosen, 1):
            name, adapter, data = curves[place]
            x, y = data["train_input"], data["train_label"]
            fits = Fits()
            found = {w: judged(x, adapter.forward(x), w, fits) for w in WEIGHTS}
            found["ours"] = candidates_of(adapter, x, y)[0, 0, 0][0].function
            for who, answer in found.items():
                right[who] += SAME.get(answer, answer) == name
            shares = ", ".join(f"{who}: {hits}/{n}" for who, hits in right.items())
            print(
                f"grid {grid}, noise {noise}: {name} is {found}, "
                f"{fits.seconds / len(WEIGHTS):.1f} s a curve; so far {shares}",
                flush=True,
            )


def judged(x: Any, y: Any, weight: float, fits: Fits) -> str:
    """Return which function pykan's `suggest_symbolic` finds best for one curve."""
    model = pykan_model([1, 1], {}, 0)
    model.acts = [x]
    model.spline_postacts = [y.detach()[:, :, None]]
    with fits.remembered():
        return str(model.suggest_symbolic(0, 0, 0, verbose=False, weight_simple=weight)[0])


def name_networks(seeds: int = 1) -> None:
    """Print what pykan's `auto_symbolic` makes of networks of known formulas.

    They are trained, refined to 10 intervals and trained again, named, and fitted once more.
    """
    print("formula, seed, weight: exact, test RMSE of splines -> named -> refitted, s, names")
    tried, exact = set(), {weight: set() for weight in WEIGHTS}
    for seed in range(seeds):
        for formula in FORMULAS:
            if formula.name.startswith(LEFT_OUT):
                continue
            tried.add(formula.name)
            data = dataset(formula, seed)
            model, fits = quietly(lambda f=formula, d=data, s=seed: splines(f, d, s)), Fits()
            for weight in WEIGHTS:
                line, found = named(formula, data, copy.deepcopy(model), weight, fits)
                if found:
                    exact[weight].add(formula.name)
                print(f"{formula.name:36} {seed} {weight}: {line}", flush=True)
    for weight, names in exact.items():
        print(f"weight {weight}: {len(names)} of {len(tried)} formulas exact")


def splines(formula: Formula, data: Dataset, seed: int) -> Any:
    model = pykan_model(formula.width, data, 30, seed).refine(10)
    model.fit(data, opt="LBFGS", steps=30)
    with torch.no_grad():  # What the pass leaves in the model can then be copied.
        model(data["train_input"])
    return model


def named(
    formula: Formula, data: Dataset, model: Any, weight: float, fits: Fits
) -> tuple[str, bool]:
    """Let pykan name a network, and say what came of it."""

    def error() -> float:
        with torch.no_grad():
            return float((model(data["test_input"]) - data["test_label"]).square().mean().sqrt())

    errors, exact, names = [error()], False, ""
    model(data["train_input"])
    before, fits.seconds = time.process_time(), 0.0
    try:
        with fits.remembered():
            quietly(lambda: model.auto_symbolic(verbose=0, weight_simple=weight))
        names = " ".join(
            name for layer in model.symbolic_fun for row in layer.funs_name for name in row
        )
        took = fits.seconds
        errors.append(error())
        before = time.process_time()
        quietly(lambda: model.fit(data, opt="LBFGS", steps=50))
        took += time.process_time() - before
        errors.append(error())
        exact = is_exact(formula, data, lambda x: model(x).detach().numpy())
        model(data["train_input"])
        curves = adapt(model).names().items()
        limit = at_limit(
            (curve, model.acts[l][:, i].detach().numpy()) for (l, i, _), curve in curves
        )
        exact = exact and not limit
        names += f", {took:.0f} s" + (", a name at its limit" if limit else "")
    except Exception as problem:
        names += f" {type(problem).__name__}: {str(problem)[:80]}"
    line = " -> ".join(f"{e:.0e}" for e in errors)
    return f"{'exact' if exact else 'no'}, {line}, {names}", exact


def quietly(call: Callable[[], Any]) -> Any:
    """Run what prints as it goes, without its prints."""
    with open("/dev/null", "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        return call()


if __name__ == "__main__":
    torch.set_num_threads(1)
    for part in sys.argv[1:] or ["curves", "networks"]:
        {"curves": judge_curves, "networks": name_networks}[part]()
