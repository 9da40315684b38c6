"""What it costs to write a network as a formula, beside pykan's own `symbolic_formula`.

``python tests/benchmarks/formula_text.py`` prints two tables, on one thread, in about a minute:
medians of five runs in milliseconds, after sympy's first use.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import contextlib
import io
import random
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch

from kanwidget import KAN
from kanwidget.adapters import adapt
from kanwidget.formula.formula import Formula, formula_of
from kanwidget.functions.curve import NamedCurve

torch.set_num_threads(1)

WIDTHS = ([2, 1, 1], [2, 5, 1], [4, 2, 1, 1], [5, 10, 4, 1])
NAMES = ("sin", "x^2", "tanh", "x", "gaussian", "x^3")
RUNS = 5


def milliseconds(call: Callable[[], Any]) -> float:
    """Return the median time of a call."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * median(times)


def curve(choose: random.Random) -> NamedCurve:
    """Return a lively named curve."""
    a, c = choose.uniform(0.5, 1.5), choose.uniform(0.3, 1.0)
    return NamedCurve(
        choose.choice(NAMES), a, choose.uniform(-0.3, 0.3), c, choose.uniform(-0.3, 0.3)
    )


def each_form() -> None:
    """Print the time of each form, for networks without and with names."""
    columns = ("read", "latex", "mathml", "python", "sympy", "1,000 rows", "recognise")
    print(f"{'width':16}{'edges':>6}{'named':>7}", *(f"{name:>11}" for name in columns))
    for width in WIDTHS:
        model, choose = KAN(width, seed=0, grid=5), random.Random(0)
        x = torch.rand(1000, width[0], generator=torch.Generator().manual_seed(0)).double()
        shapes = [layer.shape for layer in model.mask]
        edges = [(l, i, j) for l, (m, n) in enumerate(shapes) for j in range(m) for i in range(n)]
        for names in ({}, {edge: curve(choose) for edge in edges}):
            times = times_of_forms(partial(formula_of, adapt(model), names, (x, None)), x.numpy())
            shown = " ".join(f"{t:11.2f}" for t in times)
            print(f"{width!s:16}{len(edges):6}{len(names):7} {shown}")


def times_of_forms(make: Callable[[], Formula], rows: Any) -> list[float]:
    """Return the times of reading a model, and of each form of its formula."""
    formula = make()
    forms = formula.latex, formula.mathml, formula.python
    times = [milliseconds(make), *map(milliseconds, forms)]
    fresh = iter([make() for _ in range(RUNS)])

    def in_sympy() -> object:
        one = next(fresh)
        return one.sympy, one.sympy_parts

    times += [milliseconds(in_sympy), milliseconds(lambda: formula(rows))]
    start = time.perf_counter()
    formula.recognised()
    return [*times, 1000 * (time.perf_counter() - start)]


def beside_pykan() -> None:
    """Print the time of pykan's `symbolic_formula` on fully named models, and ours."""
    import kan

    print(f"\n{'width':16}{'pykan':>10}{'kanwidget':>11}{'ratio':>8}")
    for width in ([2, 1, 1], [2, 5, 1], [4, 2, 1, 1]):
        with contextlib.redirect_stdout(io.StringIO()):
            model = kan.MultKAN(width=[*width], grid=3, seed=0, auto_save=False).double()
        choose = random.Random(0)
        for l, layer in enumerate(model.symbolic_fun):
            for j in range(layer.out_dim):
                for i in range(layer.in_dim):
                    name = choose.choice(NAMES)
                    model.fix_symbolic(
                        l, i, j, name, fit_params_bool=False, verbose=False, log_history=False
                    )
                    numbers = torch.tensor([choose.uniform(0.3, 1.0) for _ in range(4)])
                    layer.affine.data[j, i] = numbers.double()
        ours = milliseconds(lambda model=model: formula_of(adapt(model)).sympy)
        theirs = milliseconds(lambda model=model: model.symbolic_formula())
        print(f"{width!s:16}{theirs:10.1f}{ours:11.1f}{theirs / ours:8.1f}")


if __name__ == "__main__":
    import sympy

    sympy.sin(sympy.Symbol("x"))
    each_form()
    beside_pykan()
