"""Formulas whose curves are known: functions, widths and ranges that a KAN can learn them on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from kanwidget.masks.ids import Edge

__all__ = ["FORMULAS", "ROWS", "Dataset", "Formula", "dataset"]

ROWS = 1000
"""To train with; as many to test with."""

Dataset = dict[str, Tensor]

PI = math.pi


@dataclass(frozen=True)
class Formula:
    """One formula, in dimensionless form.

    Attributes
    ----------
    name : str
        Numbers are those of the Feynman lectures, as in Udrescu & Tegmark 2020.
    width : list of int
    ranges : list of (float, float)
        Of each input.
    function : callable
        ``(rows, n) -> (rows,)``
    edges : dict of Edge to str
        The functions that the edges of such a network then have, if that is known.
    """

    name: str
    width: list[int]
    ranges: list[tuple[float, float]]
    function: Callable[..., Tensor]
    edges: dict[Edge, str] = field(default_factory=dict)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the labels ``(rows, 1)`` of inputs ``(rows, n)``."""
        return self.function(*x.T).unsqueeze(1)

    @property
    def one_node_each(self) -> bool:
        """Whether each hidden layer has one node."""
        return all(n == 1 for n in self.width[1:-1])


def dataset(formula: Formula, seed: int, noise: float = 0.0, bell: bool = False) -> Dataset:
    """Return rows of a formula, spread evenly or in the shape of a bell."""
    generator = torch.Generator().manual_seed(seed)
    ends = torch.tensor(formula.ranges, dtype=torch.float64)
    low, high = ends.T
    size = (2 * ROWS, len(ends))
    share = torch.rand(size, generator=generator, dtype=torch.float64)
    if bell:
        more = torch.rand((2, *size), generator=generator, dtype=torch.float64)
        share = (share + more.sum(0)) / 3
    x = low + (high - low) * share
    y = formula(x)
    train = y[:ROWS]
    spread = torch.randn(train.shape, generator=generator, dtype=torch.float64)
    train = train + noise * train.std() * spread
    return {
        "train_input": x[:ROWS],
        "train_label": train,
        "test_input": x[ROWS:],
        "test_label": y[ROWS:],
    }


def _chain(outer: str, *inner: str) -> dict[Edge, str]:
    """Return the edges of a network ``[n, 1, 1]``."""
    return {**{(0, i, 0): name for i, name in enumerate(inner)}, (1, 0, 0): outer}


UNIT, POSITIVE = (-1.0, 1.0), (0.5, 2.0)

FORMULAS = [
    Formula(
        "exp(sin(pi x) + y^2)",
        [2, 1, 1],
        [UNIT] * 2,
        lambda x, y: torch.exp(torch.sin(PI * x) + y**2),
        _chain("exp", "sin", "x^2"),
    ),
    Formula(
        "x y, positive",
        [2, 1, 1],
        [POSITIVE] * 2,
        lambda x, y: x * y,
        _chain("exp", "log", "log"),
    ),
    Formula(
        "II.38.3 x / y", [2, 1, 1], [POSITIVE] * 2, lambda x, y: x / y, _chain("exp", "log", "log")
    ),
    Formula(
        "I.40.1 x exp(-y)",
        [2, 1, 1],
        [POSITIVE] * 2,
        lambda x, y: x * torch.exp(-y),
        _chain("exp", "log", "x"),
    ),
    Formula(
        "III.10.19 sqrt(1 + x^2 + y^2)",
        [2, 1, 1],
        [UNIT] * 2,
        lambda x, y: torch.sqrt(1 + x**2 + y**2),
        _chain("sqrt", "x^2", "x^2"),
    ),
    Formula(
        "I.6.20a exp(-x^2/2)/sqrt(2 pi)",
        [1, 1, 1],
        [(-2.0, 2.0)],
        lambda x: torch.exp(-(x**2) / 2) / math.sqrt(2 * PI),
    ),
    Formula(
        "sin 2x + |y - .2| + tanh 3z + w^3",
        [4, 1],
        [UNIT] * 4,
        lambda x, y, z, w: torch.sin(2 * x) + (y - 0.2).abs() + torch.tanh(3 * z) + w**3,
        {(0, 0, 0): "sin", (0, 1, 0): "abs", (0, 2, 0): "tanh", (0, 3, 0): "x^3"},
    ),
    Formula(
        "I.27.6 1/(1 + x y)",
        [2, 1, 1],
        [POSITIVE] * 2,
        lambda x, y: 1 / (1 + x * y),
        _chain("tanh", "log", "log"),
    ),
    Formula(
        "I.16.6 (x + y)/(1 + x y)",
        [2, 1, 1],
        [(-0.9, 0.9)] * 2,
        lambda x, y: (x + y) / (1 + x * y),
        _chain("tanh", "arctanh", "arctanh"),
    ),
    Formula("I.10.7 1/sqrt(1 - x^2)", [1, 1, 1], [(-0.9, 0.9)], lambda x: 1 / torch.sqrt(1 - x**2)),
    Formula(
        "sqrt(x^2 + y^2)",
        [2, 1, 1],
        [(0.2, 1.0)] * 2,
        lambda x, y: torch.sqrt(x**2 + y**2),
        _chain("sqrt", "x^2", "x^2"),
    ),
    Formula(
        "sin(x + y^2)",
        [2, 1, 1],
        [(-1.5, 1.5)] * 2,
        lambda x, y: torch.sin(x + y**2),
        _chain("sin", "x", "x^2"),
    ),
    Formula(
        "exp(-x^2 - y^2 / 2)",
        [2, 1, 1],
        [(-1.5, 1.5)] * 2,
        lambda x, y: torch.exp(-(x**2) - y**2 / 2),
        _chain("exp", "x^2", "x^2"),
    ),
    Formula("II.35.18 1/(exp x + exp -x)", [1, 1, 1], [(-2.0, 2.0)], lambda x: 0.5 / torch.cosh(x)),
    Formula(
        "log(1 + x^2 + exp y)",
        [2, 1, 1],
        [UNIT] * 2,
        lambda x, y: torch.log(1 + x**2 + torch.exp(y)),
        _chain("log", "x^2", "exp"),
    ),
    Formula("x y", [2, 2, 1], [UNIT] * 2, lambda x, y: x * y),
    Formula("II.2.42 (x - 1) y", [2, 2, 1], [(0.0, 2.0)] * 2, lambda x, y: (x - 1) * y),
    Formula("I.44.4 x log y", [2, 2, 1], [UNIT, POSITIVE], lambda x, y: x * torch.log(y)),
    Formula(
        "I.12.11 1 + x sin y", [2, 2, 1], [UNIT, (-1.5, 1.5)], lambda x, y: 1 + x * torch.sin(y)
    ),
    Formula("I.13.12 x (1/y - 1)", [2, 2, 1], [POSITIVE] * 2, lambda x, y: x * (1 / y - 1)),
    Formula(
        "I.26.2 arcsin(x sin y)",
        [2, 2, 1, 1],
        [(0.1, 0.9), (0.2, 1.5)],
        lambda x, y: torch.arcsin(x * torch.sin(y)),
    ),
    Formula(
        "I.6.2 exp(-x^2/2y^2)/sqrt(2 pi y^2)",
        [2, 2, 1, 1],
        [UNIT, POSITIVE],
        lambda x, y: torch.exp(-(x**2) / (2 * y**2)) / torch.sqrt(2 * PI * y**2),
    ),
    Formula(
        "nested, 11 edges",
        [4, 2, 1, 1],
        [UNIT] * 4,
        lambda x, y, z, w: torch.exp(
            (torch.sin(PI * (x**2 + y**2)) + torch.sin(PI * (z**2 + w**2))) / 2
        ),
    ),
]
