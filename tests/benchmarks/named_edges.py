"""How long a fit takes with named edges, next to the same network without names.

``python tests/benchmarks/named_edges.py`` prints a table, on one thread, in half a minute. Both
networks are asked in turns; medians of processor times are quoted.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import copy
import time
from itertools import pairwise
from statistics import median
from typing import Any

import torch

from kanwidget import KAN, create_dataset
from kanwidget.adapters import adapt
from kanwidget.functions.curve import NamedCurve

torch.set_num_threads(1)

ROUNDS = 9

DEMO = {
    (0, 0, 0): NamedCurve("sin", 3.1, 0.03, 0.99),
    (0, 1, 0): NamedCurve("x^2", 1.0, 0.01, 0.98),
    (1, 0, 0): NamedCurve("exp", 1.01, 0.0, 1.02),
}


def data_of(inputs: int) -> dict[str, torch.Tensor]:
    """Return 1,000 rows of a smooth function."""
    return create_dataset(
        lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [-1]] ** 2), n_var=inputs
    )


def seconds(model: KAN, data: dict[str, torch.Tensor], settings: dict[str, Any]) -> float:
    """Return the processor time of a fit of a copy."""
    fresh = copy.deepcopy(model)
    start = time.process_time()
    fresh.fit(data, progress=False, **settings)
    return time.process_time() - start


def compare(
    width: list[int], names: dict[tuple[int, int, int], NamedCurve], **settings: Any
) -> tuple[float, float]:
    """Return the median seconds of a fit without names and with them."""
    plain, named = KAN(width, grid=5, seed=0), KAN(width, grid=5, seed=0)
    adapt(named).set_names(names)
    data = data_of(width[0])
    seconds(plain, data, settings), seconds(named, data, settings)  # the first calls cost more
    pairs = [
        (seconds(plain, data, settings), seconds(named, data, settings)) for _ in range(ROUNDS)
    ]
    without, with_names = zip(*pairs, strict=True)
    return median(without), median(with_names)


def every_edge(width: list[int]) -> dict[tuple[int, int, int], NamedCurve]:
    """Return a name for each edge of a network."""
    functions = ("sin", "x^2", "tanh", "exp")
    return {
        (l, i, j): NamedCurve(functions[(i + j) % 4], 0.7, 0.1 * i, 0.5, 0.0)
        for l, (n_in, n_out) in enumerate(pairwise(width))
        for i in range(n_in)
        for j in range(n_out)
    }


def main() -> None:
    print(f"{'fit':44} {'without':>10} {'named':>10} {'ratio':>7}")
    for width in ([2, 1, 1], [2, 5, 1], [4, 8, 8, 1]):
        names = DEMO if width == [2, 1, 1] else every_edge(width)
        half = {edge: name for edge, name in names.items() if edge[1] % 2 == 0}
        for what, chosen in (("every edge", names), ("every second input", half)):
            for settings in ({}, {"lamb": 0.01}):
                without, named = compare(width, chosen, steps=10, **settings)
                title = f"{width}, {what}{', lamb' if settings else ''}"
                print(
                    f"{title:44} {1e3 * without:8.1f}ms {1e3 * named:8.1f}ms {named / without:7.2f}"
                )
    for steps in (1, 3, 5, 8):
        without, named = compare([2, 1, 1], DEMO, opt="LM", steps=steps, update_grid=False)
        title = f"LM refit of [2, 1, 1], {steps} steps"
        print(f"{title:44} {1e3 * without:8.1f}ms {1e3 * named:8.1f}ms {named / without:7.2f}")


if __name__ == "__main__":
    main()
