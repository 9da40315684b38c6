"""A page without a kernel: what the view reads and the script that computes it, in one file."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kanwidget.kan.atomic_write import atomic_write
from kanwidget.kan.json_numbers import without_nan
from kanwidget.session import PruningSession

from . import payload
from .packed_array import pack, unpack

__all__ = [
    "NETWORK",
    "PAGE_ROWS",
    "SWEEP",
    "document",
    "keep",
    "page",
    "page_traits",
    "widget_module",
]

PAGE_ROWS = 200
"""Rows of the data in an exported page, by default."""

NETWORK = ("widget.js",)
"""The scripts of a network's view."""

SWEEP = (*NETWORK, "sweep.js")
"""The scripts of a sweep's view: the second needs the first."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --muted: #59636e; --paper: #ffffff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --muted: #9da7b1; --paper: #111418; }
}
body {
  margin: 0 auto; padding: 12px 16px; max-width: 1600px;
  background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
h1 { margin: 0 16px; font-size: 20px; font-weight: 600; overflow-wrap: anywhere; }
p { margin: 12px 16px; color: var(--muted); }
/* Where there is room, title and words are one line, and the view is as high as what it leaves. */
@media screen and (min-width: 1016px) and (min-height: 740px) {
  body { display: grid; grid-template-columns: auto 1fr; padding: 2px 8px 0; align-items: center; }
  h1 { max-width: 600px; font-size: 18px; line-height: 28px; max-height: 28px; overflow: hidden; }
  body > p { grid-area: 1 / 2; margin: 0 16px; font-size: 12px; line-height: 14px; }
  body > p { text-align: right; }
  main, noscript { grid-column: 1 / -1; min-width: 0; }
  main { --kanwidget-rest: 31px; }
}
@media (max-width: 480px) { body { padding-inline: 8px; } }
@page { margin: 12mm; }
@media print {
  :root { color-scheme: light; --ink: #1f2328; --muted: #59636e; --paper: #ffffff; }
  body { padding: 0; max-width: 680px; }
  h1, body > p { margin-left: 0; margin-right: 0; }
}
"""


def widget_module(scripts: Sequence[str]) -> str:
    """Return the module that a notebook loads for a widget, see `js/src/app/start.ts`.

    Raises
    ------
    ImportError
        If the scripts were never built.
    """
    return f"{_joined(scripts)}export default kanwidgetView.default;\n"


def _joined(scripts: Sequence[str]) -> str:
    """Join built scripts of the package; the last one sets what ``kanwidgetView`` is."""
    return "".join(_built(name) for name in scripts)


def _built(name: str) -> str:
    path = files("kanwidget") / "static" / name
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ImportError(
            f"{path} is missing: in a checkout, build the front end with `make build`; "
            "an installed kanwidget has it"
        ) from None


def page(
    session: PruningSession, state: Mapping[str, Any], title: str | None, data_rows: int
) -> str:
    """Return a page that shows a widget as it is, see `KANWidget.to_html`.

    ``state`` are the widget's traits by name.
    """
    traits, row_count = page_traits(session, state, data_rows)
    heading = title or f"KAN {session.width}"
    return document(traits, heading, _summary(session, traits, row_count))


def page_traits(
    session: PruningSession, state: Mapping[str, Any], data_rows: int
) -> tuple[dict[str, Any], int]:
    """Return what a page knows of a widget, and how many rows of the data are in it."""
    width = session.width
    traits = dict(state)
    rows = payload.data_arrays(session.data, width[-1], data_rows)
    for name, array in rows.items():
        traits[name] = b"" if array is None else pack(array)
    # Without Python, edges get no new names or scores, and there are no new warnings.
    traits |= {"_candidates": [], "_candidates_y": b"", "_naming": {}}
    # Metrics stay there, too: the page's loss is of its own rows.
    traits |= {"_scores_known": [], "_warnings": [], "_metrics": []}
    row_count = 0 if rows["_rows"] is None else len(rows["_rows"])
    if row_count:
        traits["_curves_x"] = pack(_rounded(unpack(traits["_curves_x"])[0], width[0]))
    else:
        private = payload.baseline_arrays(session, private=True)
        traits |= {n: b"" if array is None else pack(array) for n, array in private.items()}
        if traits["_formula"].get("unnamed"):  # these curves end where the data end
            traits["_formula"] = {**traits["_formula"], "python": ""}
    frames = payload.key_frames(session) if row_count and not session.closed else {}
    ends = frames.get("_frames_ends")
    if ends is not None:
        frames["_frames_ends"] = np.stack([_rounded(x, width[0]) for x in ends])
        traits |= {name: pack(array) for name, array in frames.items() if array is not None}
    traits["_page_loss"], kinds = payload.loss_arrays(session.data, width[-1], row_count)
    traits["_row_classes"] = b"" if kinds is None else pack(kinds)
    if not row_count:
        traits["probe"] = []
    elif not traits["_cells_x"]:
        traits["_parts_counts"], parts = payload.large_arrays(session)
        traits |= {name: pack(array) for name, array in parts.items() if array is not None}
        if not unpack(traits["_folded"])[0].any():  # half a megabyte of zeros
            traits["_folded"] = b""
        if parts:  # the page finds out by itself, and all of it would be two megabytes
            traits |= {"_tradeoff_node": b"", "_tradeoff_edge": b""}
    elif arrays := payload.spline_arrays(session):  # the page switches names on and off
        traits |= {n: b"" if array is None else pack(array) for n, array in arrays.items()}
        traits["_splines"] = True
    return traits, row_count


def _rounded(x: NDArray[Any], inputs: int) -> NDArray[Any]:
    """Round the ends of the inputs' curves, which are the least and the largest of the data."""
    x = x.copy()
    for row in x[:inputs]:
        low, high = row[0].astype(float), row[-1].astype(float)
        size = high - low if high > low else max(abs(low), 1e-300)
        # A thousandth is less than the width of a line.
        digits = 3 - math.floor(math.log10(size))
        ends = round(low, digits), round(high, digits)
        row[:] = np.interp(row, [low, high], ends) if ends[0] < ends[1] else ends[0]
    return x


def _summary(session: PruningSession, traits: Mapping[str, Any], row_count: int) -> str:
    """Say what the page holds, and what it can do."""
    count = sum(layer.numel() for layer in session.mask)
    rows = len(session.data.test_rows)
    if not row_count:
        return (
            f"This page holds {count:,} edges and none of the {rows:,} rows of data; the ends of "
            "the curves are rounded. It tells the losses that were measured when it was made."
        )
    known = f"This page holds {count:,} edges and {row_count:,} of {rows:,} rows"
    if not (traits["_cells_x"] or traits.get("_parts_counts")):
        return f"{known} of data. It tells the losses that were measured when it was made."
    if not traits["_page_loss"]:
        metric = traits["loss_name"].removeprefix("test ")
        return (
            f"{known} of data. {metric} was {traits['loss']:.4g} in Python, and stayed there: this "
            "page computes how far the outputs move instead. Nothing reaches a model."
        )
    return (
        f"{known} of data: every loss is computed here, on these rows. "
        "What you try here stays on this page."
    )


def document(
    traits: Mapping[str, Any], title: str, summary: str, scripts: Sequence[str] = NETWORK
) -> str:
    """Return a page with traits, a title, and a line of words below the view."""
    script, style = f"{_joined(scripts)}kanwidgetView.open();\n", _STYLE
    # Halves of characters cannot be written to a file.
    title = title.encode("utf-8", "replace").decode("utf-8")
    data = json.dumps(without_nan(traits), default=_text, allow_nan=False)
    # Inside of a script element only this could end it, or open a comment.
    data = data.replace("<", "\\u003c")
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{style}</style>
</head>
<body>
<h1>{html.escape(title)}</h1>
<noscript><p>This page computes a network in your browser: it needs JavaScript.</p></noscript>
<main id="kanwidget"></main>
<p>{html.escape(summary)}</p>
<script type="application/json" id="kanwidget-traits">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def keep(content: str, path: str | os.PathLike[str] | None) -> str:
    """Write a page to a path, if there is one; return it."""
    if path is not None:
        with atomic_write(path) as beside:
            beside.write_text(content, encoding="utf-8")
    return content


def _digest(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def _text(value: Any) -> Any:
    if isinstance(value, (bytes, memoryview)):
        return {"base64": base64.b64encode(value).decode()}
    raise TypeError(f"cannot write a {type(value).__name__} to a page")
