"""The network view as a figure, as `js/src/views/network/paint.ts` paints it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.path import Path as Curve

from .canvas import INK, PAPER, REMOVED, SYMBOLIC, Sheet
from .graph import Bools, Floats
from .importance import BOX_GROUND, REMOVED_ALPHA, alpha_of, ground_of, line_width_of
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
from .paths import Box
from .snapshot import Snapshot, extent
from .text import FORMULA_SIZE, NAME_SIZE, Run, fit, max_name_width, measure, runs_of

__all__ = ["draw", "draw_note", "layout_of", "omission_note"]

MAX_FULL_LINES = 150
"""Beyond so many lines without a box they are hairlines."""

IMPORTANCE_STEPS = 12
OFF_OPACITY, REMOVED_OPACITY, DEAD_NAME_OPACITY = 0.5, 0.75, 0.65
SYMBOLIC_GROUND = 0.16
CURVE_INSET = 0.12
MIN_RANGED_SIDE, ZERO_OPACITY = 90, 0.16
"""Boxes from this side on have a zero line and say their range."""

MIN_SIGNED_RADIUS = 4
MIN_NAME_WIDTH, SIDE_MARGIN = 30, 3
NAME_DISTANCE = 8
PAGE_MARGIN = 4
OFF_WIDTH = 1
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

    def _colour(self, e: int) -> str:
        return SYMBOLIC if e in self.state.symbolic else INK

    def _opacity(self, e: int) -> float:
        return 1.0 if e in self.state.symbolic else alpha_of(float(self.state.importance[e]))

    def _kind(self, e: int) -> tuple[bool, bool, bool, int]:
        """What is on lies over what is off, strong over weak, formulas over numbers."""
        if not self.state.graph.mask[e]:
            return False, False, False, 0
        step = math.floor(float(self.state.importance[e]) * IMPORTANCE_STEPS + 0.5)
        return True, e in self.state.symbolic, self.shown[e].box is not None, step

    def _lines(self) -> None:
        many = len(self.plain) > MAX_FULL_LINES
        on_plain = sum(bool(self.state.graph.mask[e]) for e in self.plain)
        boxed_on = sum(1 for e, p in self.shown.items() if p.box and self.state.graph.mask[e])
        crowded = boxed_on > MAX_FULL_LINES
        # Many hairlines would be black. No line is fainter than that of a weaker edge.
        boxed_fade = math.sqrt(min(1.0, MAX_FULL_LINES / max(1, boxed_on)))
        plain_fade = min(boxed_fade, MAX_FULL_LINES / max(1, on_plain))
        for (on, _, boxed, _), batch in groupby(sorted(self.shown, key=self._kind), key=self._kind):
            edges = list(batch)
            paths = [self.shown[e].path for e in edges]
            if not on:
                self.sheet.lines(paths, OFF_WIDTH, "off", edgecolor=INK, alpha=REMOVED_ALPHA)
            elif many and not boxed:
                ink = {
                    "edgecolor": self._colour(edges[0]),
                    "alpha": self._opacity(edges[0]) * plain_fade,
                }
                self.sheet.lines(paths, HAIRLINE_WIDTH, "lines", **ink)
            else:
                for e, path in zip(edges, paths, strict=True):
                    ink = {"edgecolor": self._colour(e), "alpha": self._opacity(e) * boxed_fade}
                    importance = float(self.state.importance[e])
                    width = OFF_WIDTH if crowded else line_width_of(importance)
                    self.sheet.lines([path], width, f"line-{self._name(e)}", **ink)

    def _box(self, e: int, box: Box, label: bool) -> None:
        colour, name, symbolic = self._colour(e), self._name(e), e in self.state.symbolic
        importance = float(self.state.importance[e])
        border = 2 if symbolic else 1
        self.sheet.square(box, border, facecolor=PAPER, edgecolor="none")
        face, strength = (
            (SYMBOLIC, SYMBOLIC_GROUND) if symbolic else (ground_of(BOX_GROUND * importance), 1)
        )
        self.sheet.square(
            box, border, f"ground-{name}", facecolor=face, alpha=strength, edgecolor="none"
        )
        frame = 1.0 if symbolic else 0.25 + 0.5 * importance
        self.sheet.square(
            box, border, f"box-{name}", facecolor="none", edgecolor=colour, alpha=frame
        )
        if box.side >= MIN_RANGED_SIDE:
            self._range(e, box)
        width = min(2.5, max(1.0, box.side / 30)) + (0.25 if symbolic else 0)
        points = in_box(self.state, e, box)
        alpha = self._opacity(e)
        self.sheet.polyline(points, width, f"curve-{name}", edgecolor=colour, alpha=alpha)
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

    def _range(self, e: int, box: Box) -> None:
        """Draw the zero line, if the range has one, and say the range."""
        low, high = self.state.range(e)
        inset = CURVE_INSET * box.side
        if low < 0 < high:
            y = box.y + box.side - inset + low / (high - low) * (box.side - 2 * inset)
            ends = [(box.x + inset, y), (box.x + box.side - inset, y)]
            self.sheet.polyline(ends, 1, f"zero-{self._name(e)}", edgecolor=INK, alpha=ZERO_OPACITY)
        heights = unit(self.state.curve(e)[1], (low, high))
        third = len(heights) // 3
        size = 9 if box.side < 2 * MIN_RANGED_SIDE else 11
        for value, up in ((high, True), (low, False)):
            # On the side where the curve is farther away.
            left, right = (
                np.nanmax(part if up else 1 - part, initial=0)
                for part in (heights[:third], heights[-third:])
            )
            align = "left" if left <= right else "right"
            x = box.x + 4 if align == "left" else box.x + box.side - 4
            y = box.y + inset / 2 + 0.5 if up else box.y + box.side - inset / 2 - 0.5
            text = short_number(value)
            self.sheet.text(runs_of(text), x, y, size, align, color=INK, alpha=0.8)

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
        if live and r >= MIN_SIGNED_RADIUS and n >= self.state.graph.width[0]:
            c, d = 0.42 * r, 0.58 * r
            ends = (
                [(x - c, y - c), (x + c, y + c), (x + c, y - c), (x - c, y + c)]
                if sums
                else [(x - d, y), (x + d, y), (x, y - d), (x, y + d)]
            )
            sheet.stroke(Curve(ends, [1, 2, 1, 2]), None, 1.5, edgecolor=PAPER)
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


def short_number(value: float) -> str:
    """Return a number with three figures, as the view writes it."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        text = f"{float(f'{value:.3g}'):g}"
    else:
        text = re.sub(r"e([+-])0", r"e\1", f"{value:.1e}")
    return text.replace("-", "\u2212")


def in_box(state: Snapshot, edge: int, box: Box) -> Floats:
    """Return the samples of an edge's curve as points in its box, from inset to inset."""
    inset = CURVE_INSET * box.side
    span = box.side - 2 * inset
    x, y = state.curve(edge)
    across, up = unit(x, extent(x)), unit(y, state.range(edge))
    return np.stack([box.x + inset + across * span, box.y + box.side - inset - up * span], 1)


def unit(values: Floats, ends: tuple[float, float]) -> Floats:
    """Scale values to 0..1; a constant, up to the rounding of float32, is in the middle."""
    values = np.asarray(values, np.float64)
    low, high = ends
    if not high - low > 1e-6 * max(abs(low), abs(high)):
        return np.full(len(values), 0.5)
    return np.where(np.isfinite(values), (values - low) / (high - low), np.nan)


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
