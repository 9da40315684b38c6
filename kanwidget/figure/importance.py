"""How important each edge is among those of its network, and how that shows: widths, inks, colours.

As in `js/src/model/importance.ts`, `js/src/canvas/ink.ts` and `js/src/canvas/colours.ts`;
`tests/golden/importance.json` checks that the two agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .graph import Bools, Floats

__all__ = [
    "BOX_GROUND",
    "DEFAULT_BETA",
    "REMOVED_ALPHA",
    "ImportanceScale",
    "alpha_of",
    "compared_edges",
    "ground_of",
    "importance_scale",
    "is_deep",
    "line_width_of",
]

DEFAULT_BETA = 3.0
"""As in pykan's ``plot``: the larger, the darker weak edges are."""

FEW = 50
"""So many edges are compared with each other alone."""

MIN_KNEE = 1e-6
"""As a share of the largest score: with a knee near 0 all other scores would look alike."""

MIN_BETA, MAX_BETA = 0.003, 3000.0
MIN_ALPHA = 0.5
"""Opacity at which ink still has a contrast of 3:1 on white."""

THINNEST, THICKEST = 0.75, 3.0
BOX_GROUND = 0.2
"""So far along the matrix's scale goes the ground of a box in the network."""

REMOVED_ALPHA = 0.06
"""Opacity of the lines of what is off."""

DEEP_LIGHTNESS = 0.66
"""On a darker ground a curve is white."""


@dataclass(frozen=True)
class ImportanceScale:
    """Scores to 0..1: linear up to the knee, and logarithmic far above it."""

    knee: float
    high: float

    def of(self, scores: ArrayLike) -> Floats:
        """Return the importance of each score."""
        scores = np.asarray(scores, np.float64)
        if not self.high > 0:
            return np.zeros_like(scores)
        usable = np.where(scores > 0, scores, 0.0)
        shares = np.log1p(usable / self.knee) / math.log1p(self.high / self.knee)
        return np.minimum(1.0, shares)


def compared_edges(baseline: Bools, mask: Bools) -> Bools:
    """Return the edges among which others are important, ``(E,)``: where few are on, just those."""
    return mask if 0 < int(mask.sum()) <= FEW else baseline


def importance_scale(
    scores: Floats, compared: Bools, beta: float = DEFAULT_BETA
) -> ImportanceScale:
    """Return the scale of a network's scores ``(E,)``, of which those of ``compared`` count."""
    known = np.sort(scores[compared & (scores > 0) & (scores < np.inf)])
    if len(known) == 0:
        return ImportanceScale(1.0, 0.0)
    # In a small network a reader looks at each edge, in a large one at the strong.
    quantile = min(0.8, max(0.2, 0.2 + 0.3 * math.log10(len(known) / 100)))
    high, knee = float(known[-1]), float(known[math.floor(quantile * len(known))])
    darkness = min(MAX_BETA, max(MIN_BETA, beta or DEFAULT_BETA))
    return ImportanceScale(max(knee * DEFAULT_BETA / darkness, MIN_KNEE * high), high)


def line_width_of(importance: float) -> float:
    """Return a line's width in CSS pixels."""
    return THINNEST + (THICKEST - THINNEST) * importance


def alpha_of(importance: float) -> float:
    """Return the opacity of ink: legible however small the importance."""
    return MIN_ALPHA + (1 - MIN_ALPHA) * importance


def ground_of(importance: ArrayLike) -> Floats:
    """Return the colour of a ground, red, green and blue in 0..1: from white over blue to ink."""
    t = np.asarray(importance, np.float64)
    lightness = 0.965 + (0.28 - 0.965) * t
    chroma = 0.008 + 0.055 * t + 0.075 * np.sin(math.pi * t)
    hue = math.radians(262)
    return _rgb(lightness, chroma * math.cos(hue), chroma * math.sin(hue))


def is_deep(importance: float) -> bool:
    """Whether a line on that ground must be white."""
    return 0.965 + (0.28 - 0.965) * importance < DEEP_LIGHTNESS


def _rgb(lightness: Floats, a: Floats, b: Floats) -> Floats:
    """From Oklab (B. Ottosson, 2020), in which equal distances look equal, to sRGB."""
    l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
    linear = np.stack(
        [
            4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
            -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
            -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
        ],
        axis=-1,
    )
    curved = 1.055 * np.abs(linear) ** (1 / 2.4) - 0.055
    return np.clip(np.where(linear <= 0.0031308, 12.92 * linear, curved), 0, 1)
