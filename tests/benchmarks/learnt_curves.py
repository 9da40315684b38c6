"""Curves with a known function: plain ones, and what small networks learn of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from formulas import Dataset, Formula, dataset

from kanwidget import KAN
from kanwidget.adapters import Adapter, adapt
from kanwidget.formula.dictionary import POINTS
from kanwidget.functions.library import FUNCTIONS, SEARCHED, Function

__all__ = ["MAX_UNEXPLAINED", "learnt_curves", "plain_curves", "trained"]

MAX_UNEXPLAINED = 0.01
"""A network that leaves more of the labels' variance has not learnt its formula."""


def trained(width: Sequence[int], data: Dataset, seed: int, grid: int = 5, steps: int = 30) -> KAN:
    model = KAN(width, grid=grid, seed=seed)
    model.fit(data, steps=steps, progress=False)
    return model


def plain_curves(count: int, noise: float, seed: int = 0) -> tuple[Any, Any, list[str]]:
    """Return curves that are functions of the library, on ranges of all kinds."""
    generator, names = np.random.default_rng(seed), [name for name in SEARCHED if name != "0"]
    ends, curves, right = [], [], []
    for n in range(count):
        function = FUNCTIONS[names[n % len(names)]]
        low = generator.uniform(-2, 1)
        high = low + generator.uniform(1.5, 3)
        a, b = constants(function, low, high, generator)
        height = generator.choice([-1, 1]) * 10 ** generator.uniform(-1, 1)
        y = height * function.value(a * np.linspace(low, high, POINTS) + b) + generator.normal()
        ends.append((low, high))
        curves.append(y + noise * y.std() * generator.normal(size=POINTS))
        right.append(function.name)
    return np.array(ends), np.array(curves), right


def constants(function: Function, low: float, high: float, generator: Any) -> tuple[float, float]:
    """Return a and b with which a function shows its face on a range."""
    middle, half = (low + high) / 2, (high - low) / 2
    side, draw = generator.choice([-1.0, 1.0]), generator.uniform
    match function.family:
        case "constant" | "line":
            return 1.0, 0.0
        case "power" | "kink" | "step":
            return 1.0, -(middle + half * draw(-0.8, 0.8))
        case "exp":
            return side * draw(0.8, 4), 0.0
        case "pole":
            return 1.0, -middle + side * half * (1 + 10 ** draw(-1.3, -0.2))
        case "one_sided":
            return side, -side * middle + half * (1 + 10 ** draw(-2, -0.3))
        case "between":
            first = -function.limit * (1 - 10 ** draw(-2, -0.6))
            last = function.limit * (1 - 10 ** draw(-2, -0.6))
            return (last - first) / (high - low), first - (last - first) / (high - low) * low
        case "wave":
            return draw(1.5, 8) / half, draw(-3, 3)
        case "any":
            a = draw(1.2, 4) / half
            return a, -a * (middle + half * draw(-0.5, 0.5))


def learnt_curves(grid: int, noise: float) -> Iterator[tuple[str, Adapter, Dataset]]:
    """Train 90 networks of one edge; yield the functions and models of those that learnt them."""
    names = [name for name in SEARCHED if name not in ("0", "sgn")]
    generator = np.random.default_rng(0)
    for n in range(90):
        function = FUNCTIONS[names[n % len(names)]]
        low = generator.uniform(-2, 1)
        high = low + generator.uniform(1.5, 3)
        a, b = constants(function, low, high, generator)
        formula = Formula(
            "", [1, 1], [(low, high)], lambda x, f=function, a=a, b=b: f.torch(a * x + b)
        )
        data = dataset(formula, n, noise)
        adapter = adapt(trained([1, 1], data, n, grid))
        x, y = data["train_input"], data["train_label"]
        if (adapter.forward(x) - y).square().mean() / y.var() <= MAX_UNEXPLAINED:
            yield function.name, adapter, data
