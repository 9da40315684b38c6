"""Is the curve that a picture shows the curve that the model computes?

Pure functions of numbers and pixels; lengths are CSS pixels, as in the page.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree  # type: ignore[import-untyped]

Pixels = NDArray[np.uint8]  # (height, width, 3)
Points = NDArray[np.float64]  # (n, 2): x to the right, y down

FRAME = 2.25  # of a small box, where its corners are round
INSET = 0.12
"""Room between a box's side and its curve, as a share of the side."""

RANGED_SIDE = 90
"""Boxes from this side on have a zero line and say their range."""

NEAR = 1.5
"""Every point of the curve has ink this close: half a line and some rounding."""

FAR = 3.0
"""No ink is farther from the curve than this."""

FAINTEST = 10
"""The strongest ink of a curve differs by at least this (of 255) from what is behind it."""


@dataclass(frozen=True)
class Box:
    """A square: its left, top and side."""

    x: float
    y: float
    side: float


def curve_points(x: NDArray[np.float64], y: NDArray[np.float64], box: Box) -> Points:
    """Return where the curve through the samples ``(x, y)`` passes in ``box``, every quarter pixel.

    The samples fill the box up to its inset: x from left to right, y's own range from bottom to
    top. A constant is a line in the middle.
    """
    inner = box.side * (1 - 2 * INSET)
    across = (x - x.min()) / np.ptp(x)
    up = (y - y.min()) / np.ptp(y) if np.ptp(y) > 0 else np.full_like(y, 0.5)
    corners = np.stack([across * inner, (1 - up) * inner], axis=1)
    corners += [box.x + box.side * INSET, box.y + box.side * INSET]
    lengths = np.hypot(*np.diff(corners, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    steps = np.linspace(0, along[-1], int(along[-1] * 4) + 2)
    return np.stack([np.interp(steps, along, corners[:, axis]) for axis in (0, 1)], axis=1)


def zero_height(y: NDArray[np.float64], box: Box) -> float | None:
    """Return where a large box has the zero line of a curve with these values, if it has one."""
    if box.side < RANGED_SIDE or not y.min() < 0 < y.max():
        return None
    inner = box.side * (1 - 2 * INSET)
    return float(box.side * (1 - INSET) + y.min() / np.ptp(y) * inner + box.y)


def assert_curve(
    pixels: Pixels,
    scale: float,
    box: Box,
    points: Points,
    name: str,
    zero: float | None = None,
) -> None:
    """Raise an `AssertionError` unless the ink in ``box`` is the curve through ``points``.

    Parameters
    ----------
    pixels : array, shape (height, width, 3)
        A picture whose left top corner is the origin of ``box`` and ``points``.
    scale : float
        Picture pixels in a CSS pixel.
    box, points
        As for `curve_points`.
    name : str
        What to call the curve in the error.
    zero : float, optional
        Where the box has a zero line: ink there may be of this line.
    """
    # The outer half of the inset belongs to the frame and to the lines that come in there.
    margin = max(box.side * INSET / 2, FRAME)
    left, top = (round((start + margin) * scale) for start in (box.x, box.y))
    side = round((box.side - 2 * margin) * scale)
    inside = pixels[top : top + side, left : left + side].astype(int)
    assert inside.shape[:2] == (side, side), f"{name}: its box is not wholly in the picture"

    colours, counts = np.unique(inside.reshape(-1, 3), axis=0, return_counts=True)
    strength = np.abs(inside - colours[counts.argmax()]).max(axis=2)
    assert strength.max() >= FAINTEST, f"{name}: its box is blank"

    # A large box says its range above the curve and below it.
    rows, columns = np.mgrid[:side, :side]
    centres = np.stack([columns + left + 0.5, rows + top + 0.5], axis=2) / scale
    # Smoothed edges of a line are fainter than its middle.
    bold, any_ink = strength > 0.35 * strength.max(), strength > 0.2 * strength.max()
    misses, _ = KDTree(centres[bold]).query(points)
    worst = int(misses.argmax())
    assert misses[worst] <= NEAR, (
        f"{name}: the model's curve passes {points[worst].round(1)}, "
        f"and the nearest ink is {misses[worst]:.1f} px away"
    )
    heights = centres[..., 1]
    if box.side >= RANGED_SIDE:
        any_ink &= (heights > box.y + box.side * INSET - 1) & (
            heights < box.y + box.side * (1 - INSET) + 1
        )
    if zero is not None:
        any_ink &= np.abs(heights - zero) > 1
    strays, _ = KDTree(points).query(centres[any_ink])
    worst = int(strays.argmax())
    assert strays[worst] <= FAR, (
        f"{name}: there is ink at {centres[any_ink][worst].round(1)}, "
        f"{strays[worst]:.1f} px from the model's curve"
    )
