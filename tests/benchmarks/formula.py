"""How fast curves get names, and how often the right ones.

``python tests/benchmarks/formula.py`` prints, on one thread, the tables ``speed`` (against pykan
0.2.8, about 2 minutes), ``plain``, ``learnt``, ``trained`` (names of single curves), ``known``
(whole formulas, about 10 minutes), ``noise``, ``invented``, and ``pykan`` (what pykan 0.2.8 names
the same curves and networks, about an hour); with names after it, those.
Times are CPU times.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import torch
from exactness import at_limit, is_exact
from formulas import FORMULAS, ROWS, Dataset, Formula, dataset
from learnt_curves import MAX_UNEXPLAINED, learnt_curves, plain_curves, trained
from pykan_names import judge_curves, name_networks, pykan_model
from torch import Tensor

from kanwidget.adapters import adapt
from kanwidget.formula.candidates import candidates_of
from kanwidget.formula.fit import fit_curves
from kanwidget.formula.levenberg_marquardt import refit
from kanwidget.formula.name_all import Naming, name_all
from kanwidget.formula.naming_network import Forward, build_network
from kanwidget.formula.rank import Candidate, rank_fits
from kanwidget.functions.library import select_functions

torch.set_num_threads(1)


def named(model: Any, data: Dataset, **options: Any) -> tuple[Naming, float]:
    """Return the names of a model, and the CPU time that they took."""
    start = time.process_time()
    naming = name_all(adapt(model), data["train_input"], data["train_label"], **options)
    return naming, time.process_time() - start


def milliseconds(call: Callable[[], object], repeats: int = 9) -> float:
    """Return the median CPU time of a call, the first left out."""
    call()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return median(times) * 1e3


def speed() -> None:
    """Compare the time for all candidates with pykan's `suggest_symbolic`."""
    hello = FORMULAS[0]
    each = pykan_seconds(hello)
    if each:
        print(f"pykan 0.2.8, suggest_symbolic of one edge at {ROWS} rows: {each:.1f} s")
    print("edges    ms   times pykan")
    for width in ([2, 1, 1], [2, 5, 1], [4, 19, 1]):
        formula = Formula("", width, [(-1.0, 1.0)] * width[0], lambda *x: hello.function(*x[:2]))
        data = dataset(formula, 0)
        adapter = adapt(trained(width, data, 0, steps=5))
        edges = sum(layer.numel() for layer in adapter.mask())
        x, y = data["train_input"], data["train_label"]
        took = milliseconds(lambda a=adapter, x=x, y=y: candidates_of(a, x, y))
        ratio = f"{edges * each * 1e3 / took:10,.0f}" if each else ""
        print(f"{edges:5} {took:6.1f} {ratio}")
    data = dataset(hello, 0)
    naming, _ = named(trained([2, 1, 1], data, 0), data)
    x, y = (np.ascontiguousarray(data[n].numpy().T) for n in ("train_input", "train_label"))
    rough = naming.network.moved(1e-3 * np.random.default_rng(0).normal(size=naming.network.size))
    took = milliseconds(lambda: refit(rough, x, y, 30))
    print(
        f"refit of the named [2, 1, 1]: {took:.2f} ms, RMSE {refit(rough, x, y, 30)[1] ** 0.5:.0e}"
    )


def pykan_seconds(formula: Formula) -> float:
    data = dataset(formula, 0)
    model = pykan_model(formula.width, data, 5)
    if model is None:
        return 0.0
    model(data["train_input"])
    start = time.process_time()
    model.suggest_symbolic(0, 0, 0, verbose=False)
    return time.process_time() - start


def tally(found: Sequence[Sequence[Candidate]], right: Sequence[str]) -> str:
    first = [row[0].function == name for row, name in zip(found, right, strict=True)]
    inside = [
        any(c.in_group and c.function == name for c in row)
        for row, name in zip(found, right, strict=True)
    ]
    size = np.mean([sum(c.in_group for c in row) for row in found])
    return f"{np.mean(first):.3f} first, {np.mean(inside):.3f} in its group of {size:.1f}"


def plain() -> None:
    """Print how often plain curves get their function."""
    functions = tuple(select_functions().values())
    for noise in (0.0, 1e-3, 1e-2):
        x, y, right = plain_curves(300, noise)
        weight = np.ones_like(y)
        fits = fit_curves(x, y, weight, functions)
        found = rank_fits(fits, x, y, weight, np.zeros(len(y)))
        print(f"300 plain curves, noise {noise:5}: {tally(found, right)}")


def learnt() -> None:
    """Print how often single curves that a KAN has learnt get their function."""
    for grid, noise in ((5, 0.0), (10, 0.0), (10, 0.01)):
        found, right = [], []
        for name, adapter, data in learnt_curves(grid, noise):
            found.append(candidates_of(adapter, data["train_input"], data["train_label"])[0, 0, 0])
            right.append(name)
        wrong = [
            f"{name} -> {row[0].function}"
            for row, name in zip(found, right, strict=True)
            if row[0].function != name
        ]
        print(f"{len(right)} learnt curves, grid {grid}, noise {noise}: {tally(found, right)}")
        print(f"    {90 - len(right)} are left out, whose training failed;", ", ".join(wrong))


def trained_networks() -> None:
    """Print how often edges of trained networks get their function, each looked at alone."""
    for bell in (False, True):
        rough, polished, right, failed = [], [], [], 0
        for formula in FORMULAS:
            if not formula.edges:
                continue
            for seed in range(2):
                data = dataset(formula, seed, bell=bell)
                adapter = adapt(trained(formula.width, data, seed))
                x, y = data["train_input"], data["train_label"]
                share = (adapter.forward(x) - y).square().mean() / y.var()
                if share > MAX_UNEXPLAINED:
                    failed += 1
                    continue
                candidates = candidates_of(adapter, x, y)
                rough += [candidates[edge] for edge in formula.edges]
                right += list(formula.edges.values())
                copy = polished_candidates(adapter, data)
                polished += [copy[edge] for edge in formula.edges]
        kind = "bell-shaped" if bell else "even"
        print(f"{len(right)} edges of networks, {kind} data, as trained: {tally(rough, right)}")
        print(f"    after 40 LM steps: {tally(polished, right)}")
        print(f"    {failed} networks are left out, whose training failed")


def polished_candidates(adapter: Any, data: Dataset) -> dict[Any, list[Candidate]]:
    """Return the candidates of a copy whose splines are fitted closely."""
    from kanwidget.formula.network_samples import sample_network

    network = build_network(adapter, data["train_input"], 10)
    x, y = (np.ascontiguousarray(data[n].numpy().T) for n in ("train_input", "train_label"))
    network, error, passed = refit(network, x, y, 40)
    functions = tuple(select_functions().values())
    samples = sample_network(network, passed, error)
    fits = fit_curves(samples.x, samples.y, samples.weight, functions)
    found = rank_fits(fits, samples.x, samples.y, samples.weight, samples.noise)
    return dict(zip(samples.edges, found, strict=True))


def known(count: int = 5, noise: float = 0.0) -> None:
    """Print which formulas are found exactly."""
    print("formula, exact / runs, of well-trained ones, seconds, splines' best RMSE, names")
    solved, chains = 0, []
    for formula in FORMULAS:
        runs = []
        for seed in range(count):
            data = dataset(formula, seed, noise)
            naming, took = named(trained(formula.width, data, seed), data)
            runs.append((naming, took, is_found(formula, naming, data)))
        best = min(naming.loss_polished for naming, _, _ in runs)
        well = [exact for naming, _, exact in runs if naming.loss_polished <= 3 * best]
        chains += well if formula.one_node_each else []
        exact = [exact for _, _, exact in runs]
        solved += any(exact)
        naming = min(runs, key=lambda run: (not run[2], run[0].loss))[0]
        names = " ".join(naming.curves[edge].function for edge in sorted(naming.curves))
        print(
            f"{formula.name:36} {sum(exact)}/{count} {sum(well)}/{len(well)} "
            f"{median(took for _, took, _ in runs):6.2f} {best:.0e} {naming.loss:.0e} {names}",
            flush=True,
        )
    print(
        f"{solved} of {len(FORMULAS)} formulas; {sum(chains)} of {len(chains)} well-trained runs "
        "with one hidden node a layer"
    )


def is_found(formula: Formula, naming: Naming, data: Dataset) -> bool:
    """Whether a network has a name on each curve, and is its formula."""

    def run(x: Tensor) -> Forward:
        return naming.network.forward(np.ascontiguousarray(x.numpy().T))

    if naming.network.unnamed():
        return False
    values = run(data["train_input"]).values
    curves = ((curve, values[l][i]) for (l, i, _), curve in naming.curves.items())
    return is_exact(formula, data, lambda x: run(x).outputs.T) and not at_limit(curves)


def noise() -> None:
    """Print which formulas are named right in spite of noise."""
    for share in (0.01, 0.03, 0.1, 0.3):
        right = 0
        several = [formula for formula in FORMULAS if formula.edges][:8]
        for formula in several:
            data = dataset(formula, 0, share)
            naming, _ = named(trained(formula.width, data, 0), data)
            names = {edge: curve.function for edge, curve in naming.curves.items()}
            right += names == formula.edges
        print(f"noise {share:4}: {right} of {len(several)} formulas get the right names")


def invented() -> None:
    """Print what becomes of functions that no small formula has."""
    generator = np.random.default_rng(0)
    heights = torch.tensor(generator.normal(size=12))

    def random_spline(x: Tensor) -> Tensor:
        place = (x + 1) / 2 * 11
        left = place.long().clamp(0, 10)
        t = place - left
        t = t * t * (3 - 2 * t)
        return heights[left] * (1 - t) + heights[left + 1] * t

    unit = [(-1.0, 1.0)] * 2
    cases = [
        Formula(
            "J0(20x) + y^2",
            [2, 1],
            unit,
            lambda x, y: torch.special.bessel_j0(20 * x) + y**2,
            {(0, 1, 0): "x^2"},
        ),
        Formula(
            "random spline + sin 3y",
            [2, 1],
            unit,
            lambda x, y: random_spline(x) + torch.sin(3 * y),
            {(0, 1, 0): "sin"},
        ),
        Formula("noise", [2, 1], unit, lambda x, y: torch.sin(1e4 * x) * torch.cos(1e4 * y)),
        Formula(
            "fine steps + exp y",
            [2, 1],
            unit,
            lambda x, y: torch.floor(6 * x) / 6 + torch.exp(y),
            {(0, 1, 0): "exp"},
        ),
        Formula("x y in [2, 1]", [2, 1], unit, lambda x, y: x * y),
    ]
    for formula in [*cases, FORMULAS[0]]:
        share = 0.3 if formula is FORMULAS[0] else 0.0
        data = dataset(formula, 0, share)
        naming, _ = named(trained(formula.width, data, 0), data)
        names = {edge: curve.function for edge, curve in sorted(naming.curves.items())}
        print(
            f"{formula.name:24} noise {share}: {naming.loss_before:.2e} -> {naming.loss:.2e}, "
            f"{naming.loss / naming.loss_before:.3f}; {names}, "
            f"{len(naming.network.unnamed())} without a name"
        )


def pykan() -> None:
    """Print what pykan names the same curves and networks."""
    judge_curves()
    name_networks()


TABLES = {
    "speed": speed,
    "plain": plain,
    "learnt": learnt,
    "trained": trained_networks,
    "known": known,
    "noise": noise,
    "invented": invented,
    "pykan": pykan,
}

if __name__ == "__main__":
    for table in sys.argv[1:] or TABLES:
        print(f"== {table}", flush=True)
        TABLES[table]()
