"""The functions that can name a curve, at some places."""

from __future__ import annotations

from typing import Any

import numpy as np

from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import FUNCTIONS

ARGUMENTS = (-7.5, -2.0, -0.9, -0.5, -1e-9, 0.0, 1e-9, 0.25, 0.75, 0.99, 1.0, 2.0, 6.5)


def functions() -> dict[str, Any]:
    """Return each function's values, null where it has none, and some named curves."""
    x = np.array(ARGUMENTS)
    found = {}
    with np.errstate(all="ignore"):
        for name, function in FUNCTIONS.items():
            values = function.value(x)
            found[name] = [float(f"{v:.15g}") if np.isfinite(v) else None for v in values]
        curves = [_curve(name, n) for n, name in enumerate(FUNCTIONS)]
    return {"x": ARGUMENTS, "values": found, "curves": curves}


def _curve(name: str, n: int) -> dict[str, Any]:
    """Return constants, an argument in the domain, and the value there."""
    a, b, c, d, x = 0.25 + 0.01 * n, 0.125, -1.5 + 0.2 * n, 0.75 - 0.1 * n, 0.8
    curve = NamedCurve(name, a, b, c, d)
    value = float(c * FUNCTIONS[name].value(np.array([a * x + b]))[0] + d)
    constants = {letter: getattr(curve, letter) for letter in "abcd"}
    return {"function": name, **constants, "x": x, "y": float(f"{value:.15g}")}
