"""The network view as a figure, as `js/src/views/network/paint.ts` paints it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.path import Path as Curve

from .canvas import INK, PAPER, REMOVED, SYMBOLIC, Sheet
from .graph import Bools, Floats
from .layout import (
    LABEL_ROOM,
    LIVE_RADIUS,
    NAME_BETWEEN,
    NAME_ROW,
    PAD,
    DrawingSpace,
    EdgePlace,
    Layout,
    layout,
    name_widths,
)
from .paths import Box, Path, stubs
from .snapshot import Snapshot
from .text import FORMULA_SIZE, NAME_SIZE, Run, fit, max_name_width, measure, runs_of

__all__ = ["draw", "draw_note", "layout_of", "omission_note"]

MAX_FULL_LINES = 150
"""Beyond so many lines without a box they are hairlines."""

STRENGTH_STEPS = 12
OFF_OPACITY, REMOVED_OPACITY, DEAD_NAME_OPACITY = 0.5, 0.75, 0.65
MIN_OPACITY = 0.5
STUB_LENGTH = 24
CURVE_INSET = 0.12
MIN_NAME_WIDTH, SIDE_MARGIN = 30, 3
NAME_DISTANCE = 8
PAGE_MARGIN = 4
HAIRLINE_WIDTH = 0.5
"""A hairline: one pixel of a fine screen."""


def room_for(state: Snapshot, width: float, orientation: str) -> DrawingSpace:
    """Return the room that a network has, with what its names need of it."""
    inputs, outputs = (
        math.ceil(max(measure(runs_of(name)) for name in names))
        for names in (state.in_vars, state.out_vars)
    )
    depth, needed = state.graph.depth, (inputs, outputs)
    return DrawingSpace(
        width,
        *name_widths(depth, width, orientation, max_name_width(width), needed),
        orientation=orientation,
    )


def layout_of(state: Snapshot, width: float, orientation: str) -> Layout:
    """Return where everything of a state is."""
    return layout(state.graph, room_for(state, width, orientation), state.symbolic.keys())


def vertical_extent(state: Snapshot, made: Layout, removed: str) -> tuple[float, float]:
    """Return where a picture begins and ends: with what is drawn, if what is off is not."""
    if removed != "hidden":
        return 0.0, made.height
    shown = _shown(state, made, removed)
    boxes = [(p.box.y, p.box.y + p.box.side) for p in shown.values() if p.box]
    lines = [y for p in shown.values() for y in p.path[1::2]]
    nodes = made.y[state.graph.nodes_on() | state.graph.nodes_with_edges()]
    # A name is beside its node, or below or above.
    name = NAME_SIZE + LIVE_RADIUS + NAME_DISTANCE if made.orientation == "up" else NAME_SIZE
    ends = [end for box in boxes for end in box] + lines
    below, above = ((rows - 1) * NAME_ROW for rows in made.name_rows)
    top = min([*ends, nodes.min() - name - above]) - PAD
    bottom = max([*ends, nodes.max() + name + below]) + PAD
    if any(p.label for p in shown.values()):
        bottom += LABEL_ROOM
    return max(0.0, float(top)), min(made.height, float(bottom))


def omission_note(state: Snapshot, made: Layout) -> str:
    """Return what of a state is not drawn, and why; nothing if all of it is."""
    on, count = state.graph.mask, int(state.graph.mask.sum())
    curves = sum(1 for e, place in made.places.items() if on[e] and place.box)
    if curves == count:
        return ""
    text = f"The curves of the {curves:,} strongest of {count:,} edges are drawn"
    lines = sum(1 for e in made.places if on[e])
    if lines < count:
        text += f", and lines for {lines:,}"
    return f"{text}: more would be too small to read."


def draw_note(sheet: Sheet, text: str, y: float) -> None:
    """Write a note below a network, on the middle line `y`."""
    runs = fit(runs_of(text), sheet.width - 2 * PAD, FORMULA_SIZE)
    sheet.text(runs, PAD, y, FORMULA_SIZE, "left", alpha=0.75, name="note")


def _shown(state: Snapshot, made: Layout, removed: str) -> dict[int, EdgePlace]:
    on = state.graph.mask
    return {e: place for e, place in made.places.items() if on[e] or removed != "hidden"}


def draw(sheet: Sheet, state: Snapshot, made: Layout, removed: str) -> None:
    """Draw a state on a sheet of the layout's size."""
    _Network(sheet, state, made, _shown(state, made, removed), removed != "hidden").draw()


def strength_of(score: float) -> float:
    """Return the opacity of an edge's ink: legible however small its score."""
    strength = math.tanh(3 * score)
    return strength if strength > MIN_OPACITY else MIN_OPACITY


class _Network:
    def __init__(
        self,
        sheet: Sheet,
        state: Snapshot,
        made: Layout,
        shown: dict[int, EdgePlace],
        removed: bool,
    ) -> None:
        self.sheet, self.state, self.layout, self.shown = sheet, state, made, shown
        self.removed = removed
        graph = state.graph
        self.on = graph.nodes_on()
        self.on_path: Bools = graph.nodes_on_path(self.on)
        self.plain = [e for e, place in shown.items() if place.box is None]

    def draw(self) -> None:
        self._lines()
        # Every edge that is on ends at a node that is drawn.
        there = self.on | self.state.graph.nodes_with_edges() | self.removed
        for n in there.nonzero()[0]:
            self._node(int(n))
        for e, place in self.shown.items():
            if place.box:
                self._box(e, place.box, place.label)
        self._names()

    def _cells(self, nodes: range, rows: int) -> dict[int, tuple[int, float, float]]:
        """Return row, left and right end of what each live node's name may take, upright.

        Names alternate between the rows; each may reach halfway to its neighbours in its row.
        """
        made = self.layout
        live = [n for n in nodes if self.on_path[n]]
        x = [float(made.x[n]) for n in live]
        cells = {}
        for k, n in enumerate(live):
            left = (x[k - rows] + x[k] + NAME_BETWEEN) / 2 if k >= rows else SIDE_MARGIN
            last = k + rows >= len(live)
            right = made.width - SIDE_MARGIN if last else (x[k + rows] + x[k] - NAME_BETWEEN) / 2
            cells[n] = (k % rows, left, right)
        return cells

    def _name(self, e: int) -> str:
        return "-".join(map(str, self.state.graph.index(e)))

    def _ink(self, e: int) -> tuple[str, float]:
        """Return colour and strength of an edge that is on."""
        if e in self.state.symbolic:
            return SYMBOLIC, 1.0
        return INK, strength_of(float(self.state.graph.scores[e]))

    def _kind(self, e: int) -> tuple[int, int, int, int]:
        """What is on lies over what is gone, strong over weak, formulas over numbers."""
        on, symbolic = self.state.graph.mask[e], e in self.state.symbolic
        layer = 2 if on else int(self.state.removed[e])
        strength = strength_of(float(self.state.graph.scores[e]))
        boxed = self.shown[e].box is not None
        return layer, int(symbolic), int(boxed), math.floor(strength * STRENGTH_STEPS + 0.5)

    def _lines(self) -> None:
        many = len(self.plain) > MAX_FULL_LINES
        on_plain = sum(bool(self.state.graph.mask[e]) for e in self.plain)
        # A crowd of hairlines would be black.
        crowd = min(1.0, MAX_FULL_LINES / max(1, on_plain))
        for kind, batch in groupby(sorted(self.shown, key=self._kind), key=self._kind):
            if kind[0] == 2:
                self._on(list(batch), many and not kind[2], crowd)
            else:
                self._off(list(batch), bool(kind[0]), many)

    def _on(self, batch: list[int], thin: bool, crowd: float) -> None:
        colour, strength = self._ink(batch[0])
        if thin:
            paths = [self.shown[e].path for e in batch]
            self.sheet.lines(
                paths, HAIRLINE_WIDTH, "lines", edgecolor=colour, alpha=strength * crowd
            )
            return
        for e in batch:
            colour, strength = self._ink(e)
            width = 2.25 if colour == SYMBOLIC else 1 + 0.75 * strength
            path = [self.shown[e].path]
            self.sheet.lines(path, width, f"line-{self._name(e)}", edgecolor=colour, alpha=strength)

    def _off(self, batch: list[int], taken: bool, many: bool) -> None:
        """Draw faint lines, and where there is room a whisker at each of their ends."""
        colour, name = (REMOVED, "taken") if taken else (INK, "off")
        paths = [self.shown[e].path for e in batch]
        sparse = max(0.3, MAX_FULL_LINES / len(self.plain)) if many else 1
        width = HAIRLINE_WIDTH if many or not taken else 1
        alpha = (0.2 if taken else 0.13) * sparse
        self.sheet.lines(paths, width, name, edgecolor=colour, alpha=alpha)
        if many:
            return
        ends: list[Path] = [stub for path in paths for stub in stubs(path, STUB_LENGTH)]
        alpha = REMOVED_OPACITY if taken else OFF_OPACITY
        dash = (3, 3) if taken else None
        self.sheet.lines(ends, 1, f"{name}-ends", edgecolor=colour, alpha=alpha, dash=dash)

    def _box(self, e: int, box: Box, label: bool) -> None:
        (colour, strength), name = self._ink(e), self._name(e)
        symbolic = colour == SYMBOLIC
        border = 2 if symbolic else 1
        self.sheet.square(box, border, facecolor=PAPER, edgecolor="none")
        frame = 1.0 if symbolic else 0.25 + 0.5 * strength
        self.sheet.square(
            box, border, f"box-{name}", facecolor="none", edgecolor=colour, alpha=frame
        )
        width = min(2.5, max(1.25, box.side / 30)) + (0.25 if symbolic else 0)
        points = in_box(self.state.curve(e), box)
        self.sheet.polyline(points, width, f"curve-{name}", edgecolor=colour, alpha=strength)
        if not label:
            return
        beside = self.layout.orientation == "up"
        room = box.side * (0.5 if beside else 1.12)
        self.sheet.text(
            fit(runs_of(self.state.symbolic[e]), room, FORMULA_SIZE),
            box.x + box.side / 2 + (7 if beside else 0),
            box.y + box.side + 9,
            FORMULA_SIZE,
            "left" if beside else "center",
            color=colour,
            name=f"formula-{name}",
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": self.sheet.points(1)},
        )

    def _node(self, n: int) -> None:
        """Full where it matters, a ring where it does not; a product has its sums before it."""
        sheet, made = self.sheet, self.layout
        x, y, r = float(made.x[n]), float(made.y[n]), float(made.r[n])
        on, live, taken = bool(self.on[n]), bool(self.on_path[n]), bool(self.state.removed_nodes[n])
        colour = REMOVED if taken and not on else INK
        sums = [slot for slot in made.slots.values() if slot.node == n]
        if sums:
            r = max(r, min(8, 1.5 * r))
        for slot in sums:
            ink: dict[str, Any] = {"alpha": 1 if on else OFF_OPACITY}
            sheet.polyline([(slot.x, slot.y), (x, y)], 1.25, edgecolor=colour, **ink)
            sheet.dot(slot.x, slot.y, min(3, r), facecolor=colour, edgecolor="none", **ink)
        face = INK if live else PAPER
        sheet.dot(x, y, r, facecolor=face, edgecolor="none", name=f"node-{n}")
        if sums and live:
            c = 0.42 * r
            cross = Curve(
                [(x - c, y - c), (x + c, y + c), (x + c, y - c), (x - c, y + c)], [1, 2, 1, 2]
            )
            sheet.stroke(cross, None, 1.5, edgecolor=PAPER)
        if live or r < 1.5:
            return
        alpha = 1 if on else REMOVED_OPACITY if taken else OFF_OPACITY
        width = 1.5 if on else 1
        sheet.dot(x, y, r - 0.5, width, facecolor="none", edgecolor=colour, alpha=alpha)

    def _names(self) -> None:
        """Write names of inputs and outputs, live ones first, where they overlap no other."""
        graph, made = self.state.graph, self.layout
        up = made.orientation == "up"
        names_room = room_for(self.state, made.width, made.orientation)
        for l, names in ((0, self.state.in_vars), (graph.depth, self.state.out_vars)):
            nodes = range(graph.node_offset[l], graph.node_offset[l] + len(names))
            cells = self._cells(nodes, made.name_rows[0 if l == 0 else 1]) if up else {}
            covered: list[tuple[float, float, float, float]] = []
            for n in sorted(nodes, key=lambda n: not self.on_path[n]):
                if not (self.removed or self.on[n]):
                    continue
                runs = runs_of(names[n - nodes.start])
                side = 1 if l == 0 else -1
                away = float(made.r[n]) + NAME_DISTANCE
                x, y = float(made.x[n]), float(made.y[n])
                align = "center" if up else "right" if l == 0 else "left"
                row, low, high = cells.get(n, (0, 0.0, made.width))
                most = high - low if up else names_room.in_names if l == 0 else names_room.out_names
                width = min(measure(runs), most)
                if up and most < min(measure(runs), MIN_NAME_WIDTH):
                    continue
                if up:
                    x = max(low + width / 2, min(high - width / 2, x))
                    y += side * (away + 6 + row * NAME_ROW)
                    width += 0 if n in cells else 10
                else:
                    x -= side * away
                left = x - {"left": 0.0, "center": width / 2, "right": width}[align]
                area = (left, y - 0.62 * NAME_SIZE, left + width, y + 0.62 * NAME_SIZE)
                if any(_overlap(area, other) for other in covered):
                    continue
                covered.append(area)
                # Small letters of a screen are wider than they should be.
                room = {
                    "right": x - PAGE_MARGIN,
                    "left": made.width - x - PAGE_MARGIN,
                    "center": most,
                }[align]
                short: tuple[Run, ...] = fit(runs, min(most, room))
                alpha = 1 if self.on_path[n] else DEAD_NAME_OPACITY
                self.sheet.text(short, x, y, NAME_SIZE, align, alpha=alpha, name=f"name-{n}")


def in_box(curve: tuple[Floats, Floats], box: Box) -> Floats:
    """Return the samples of a curve as points in its box, from inset to inset."""
    inset = CURVE_INSET * box.side
    span = box.side - 2 * inset
    x, y = (unit(values) for values in curve)
    return np.stack([box.x + inset + x * span, box.y + box.side - inset - y * span], 1)


def unit(values: Floats) -> Floats:
    """Scale values to 0..1; a constant, up to the rounding of float32, is in the middle."""
    values = np.asarray(values, np.float64)
    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    if not high - low > 1e-6 * max(abs(low), abs(high)):
        return np.full(len(values), 0.5)
    return np.where(np.isfinite(values), (values - low) / (high - low), np.nan)


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
