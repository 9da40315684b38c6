"""Names and formulas with sub- and superscripts, as in `js/src/text/node-names.ts`."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser
from matplotlib.textpath import text_to_path

__all__ = [
    "FORMULA_SIZE",
    "NAME_SIZE",
    "Run",
    "fit",
    "mathtext",
    "max_name_width",
    "measure",
    "plain_text",
    "runs_of",
]

NAME_SIZE = 14
FORMULA_SIZE = 12
SCRIPT = 0.7
"""Size of a script, as mathtext has it."""

MAX_MEASURED_CHARACTERS = 1000
"""Characters of a text that are measured; the width of a longer one, which fits nowhere, is
estimated from these."""

_WORDS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
)
_GREEK = dict(zip(_WORDS.split(), "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ", strict=True))
_LETTER = r"[^\W\d_]"
_PARTS = re.compile(
    rf"[_^](?:\{{[^{{}}_^]*\}}|[0-9]+|{_LETTER}(?!{_LETTER}))|[^_^{{}}$]+|.", re.DOTALL
)
# `length_m` is a length in metres, `v_x` has a subscript.
_WORD_AND_LETTER = re.compile(rf"[^\W_]{{2}}_{_LETTER}(?!{_LETTER})")


class Run(NamedTuple):
    """Some characters, and whether they are a script: ``_``, ``^`` or ``""``."""

    text: str
    shift: str


@functools.lru_cache(4096)
def runs_of(name: str) -> tuple[Run, ...]:
    """Return ``x_1``, ``x^2``, ``x_{10}`` or ``$\\alpha$`` as runs.

    A name that is not understood comes back as it is, in one run: `house_age` is a word.
    """
    # Neither XML nor a line of text can hold what is not to be seen.
    name = re.sub(r"[\s\x00-\x1f\x7f-\x9f]", " ", name)
    name = re.sub(r"[\ud800-\udfff\ufffe\uffff]", "\ufffd", name)
    whole = (Run(name, ""),)
    math = re.fullmatch(r"\$(.+)\$", name.strip())
    body = re.sub(r"\\([a-zA-Z]+)", lambda m: _GREEK.get(m[1], m[0]), math[1] if math else name)
    if "\\" in body or (not math and _WORD_AND_LETTER.search(body)):
        return whole
    runs: list[Run] = []
    for part in _PARTS.findall(body):
        script = re.fullmatch(r"([_^])\{?([^{}]+)\}?", part)
        if script and len(part) > 1:
            if not runs:
                return whole
            runs.append(Run(script[2], script[1]))
        elif part in ("_", "^", "{", "}", "$"):
            return whole
        else:
            runs.append(Run(part, ""))
    return tuple(runs) or whole


def plain_text(runs: tuple[Run, ...]) -> str:
    """Return a text without its scripts."""
    return "".join(run.text for run in runs)


@functools.lru_cache(4096)
def mathtext(runs: tuple[Run, ...]) -> str | None:
    """Return runs as matplotlib's mathtext, upright in the font of all text; else None."""
    if all(not run.shift for run in runs):
        return None
    parts = []
    for text, shift in runs:
        # Space would go, and a minus would get some.
        safe = re.sub(r"([\\{}$%#_^])", r"\\\1", text).replace(" ", r"\ ")
        inner = r"\mathdefault{" + re.sub("([-+*/=<>:,;!|'()])", r"{\1}", safe) + "}"
        parts.append(f"{shift}{{{inner}}}" if shift else inner)
    whole = f"${''.join(parts)}$"
    return whole if _parses(whole) else None


def _parses(text: str) -> bool:
    try:
        MathTextParser("path").parse(text)
    except ValueError:
        return False
    return True


@functools.lru_cache(4096)
def measure(runs: tuple[Run, ...], size: float = NAME_SIZE) -> float:
    """Return the width of a text in the font of all text, in the units of its size."""
    return sum(_advance(text) * size * (SCRIPT if shift else 1) for text, shift in runs)


# Ten names by mathtext would take longer than the whole figure.
@functools.lru_cache(4096)
def _advance(text: str) -> float:
    """Return the width of plain text of size 1."""
    if len(text) > MAX_MEASURED_CHARACTERS:
        return _advance(text[:MAX_MEASURED_CHARACTERS]) * len(text) / MAX_MEASURED_CHARACTERS
    font = FontProperties(size=100)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, False)
    return float(width) / 100


def fit(runs: tuple[Run, ...], room: float, size: float = NAME_SIZE) -> tuple[Run, ...]:
    """Shorten a text to ``room`` with an ellipsis."""
    if measure(runs, size) <= room:
        return runs
    characters = plain_text(runs)

    def short(n: int) -> tuple[Run, ...]:
        return (Run(f"{characters[:n]}…", ""),)

    # The longest beginning that fits, by doubling and bisection: a name may have thousands
    # of characters.
    good, bad = 0, 1
    while bad < len(characters) and measure(short(bad), size) <= room:
        good, bad = bad, 2 * bad
    bad = min(bad, len(characters))
    while bad - good > 1:
        middle = (good + bad) // 2
        if measure(short(middle), size) <= room:
            good = middle
        else:
            bad = middle
    return short(good)


def max_name_width(width: float) -> float:
    """Return the most room that a name has in a picture."""
    return max(24, min(150, 0.2 * width))
