"""The pixel check itself: it must know a right curve from a wrong one."""

from __future__ import annotations

import numpy as np
import pytest
from ink import Box, Pixels, assert_curve, curve_points
from numpy.typing import NDArray
from PIL import Image, ImageDraw

BOX = Box(12.5, 7.25, 44.0)
X = np.linspace(-1, 1, 64)
CURVES = {"sine": np.sin(3 * X), "square": X**2, "line": X, "constant": np.full_like(X, 2.0)}


def draw(y: NDArray[np.float64], scale: int, shade: int = 30, shift: float = 0.0) -> Pixels:
    """Draw the box, with its frame, and the curve in it, smoothed as a canvas does."""
    fine = 8 * scale
    image = Image.new("RGB", (80 * fine, 70 * fine), "white")
    pen = ImageDraw.Draw(image)
    corners = [BOX.x, BOX.y, BOX.x + BOX.side, BOX.y + BOX.side]
    pen.rectangle([c * fine for c in corners], outline=(90, 90, 90), width=fine)
    points = (curve_points(X, y, BOX) + [0, shift]) * fine
    ink = (shade, shade, shade)
    pen.line([tuple(p) for p in points], fill=ink, width=round(1.5 * fine), joint="curve")
    return np.asarray(image.resize((80 * scale, 70 * scale), Image.Resampling.BOX))


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("shade", [30, 225])
@pytest.mark.parametrize("name", CURVES)
def test_the_right_curve_passes_dark_or_faint(name: str, shade: int, scale: int) -> None:
    picture = draw(CURVES[name], scale, shade)
    assert_curve(picture, scale, BOX, curve_points(X, CURVES[name], BOX), name)


@pytest.mark.parametrize(
    ("drawn", "why"),
    [
        (draw(-CURVES["sine"], 1), "px"),
        (draw(CURVES["sine"], 1, shift=4.0), "px"),
        (draw(CURVES["square"], 1), "px"),
        (draw(CURVES["sine"], 1, shade=255), "blank"),
        (np.minimum(draw(CURVES["sine"], 1), draw(CURVES["line"], 1)), "there is ink"),
    ],
    ids=["upside down", "shifted", "another curve", "blank", "one curve too many"],
)
def test_a_wrong_picture_is_told(drawn: Pixels, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        assert_curve(drawn, 1, BOX, curve_points(X, CURVES["sine"], BOX), "sine")


def test_half_a_curve_is_told() -> None:
    picture = draw(CURVES["sine"], 1).copy()
    picture[:, 36:55] = 255
    with pytest.raises(AssertionError, match="nearest ink"):
        assert_curve(picture, 1, BOX, curve_points(X, CURVES["sine"], BOX), "sine")
