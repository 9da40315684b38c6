"""A curve with a name: ``y = c * f(a * x + b) + d``."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NamedCurve"]


@dataclass(frozen=True)
class NamedCurve:
    """A function of the library and its four constants: ``y = c * f(a * x + b) + d``.

    Attributes
    ----------
    function : str
        Its name in the library, such as ``sin``. Of ``0`` only ``d`` counts.
    a, b, c, d : float
    """

    function: str
    a: float = 1.0
    b: float = 0.0
    c: float = 1.0
    d: float = 0.0
