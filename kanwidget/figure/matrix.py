"""Wide networks as a figure: each layer a matrix with a cell for each edge."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb

from .canvas import INK, PAPER, REMOVED, SYMBOLIC, Sheet
from .graph import Bools, Floats, Graph, Ints
from .importance import alpha_of, ground_of, is_deep
from .network import in_box
from .paths import Box
from .snapshot import Snapshot
from .text import FORMULA_SIZE, fit, max_name_width, measure, runs_of

__all__ = ["MAX_BOXES_PER_LAYER", "Matrices", "draw", "is_preferred", "layout_of"]

MAX_BOXES_PER_LAYER = 22
"""So many boxes find room in a stack; with more in any layer a matrix is easier to read."""

PAD, GAP, CAPTION_HEIGHT, LEGEND_HEIGHT = 14, 28, 46, 30
MAX_MATRIX_HEIGHT = 420
"""Height of a matrix that fills its room."""
MAX_CELL_SIDE, MIN_CURVE_SIDE = 40, 16
"""Side of a cell at the most, and at the least for its curve to be seen."""
FOLDED, MIN_FOLDED_PITCH = 1 / 8, 8
"""What is left of a row or column without any edge; smaller ones do not fold."""
FOLDED_OPACITY = 0.2
LINE_HEIGHT = 15
LEGEND_SIZE = 11


def is_preferred(state: Snapshot) -> bool:
    """Whether matrices are easier to read, as `js/src/views/choose-view.ts` decides."""
    graph = state.graph
    layers = zip(graph.edge_offset, graph.edge_offset[1:], strict=False)
    return any(int(graph.mask[a:b].sum()) > MAX_BOXES_PER_LAYER for a, b in layers)


@dataclass(frozen=True)
class Matrices:
    """Where each layer's matrix is: left, pitch across and down; all begin at one height.

    As in `js/src/views/matrix/axes.ts`, rows and columns of nodes without any edge are folded.
    """

    width: float
    height: float
    top: float
    left: list[float]
    across: list[float]
    down: list[float]
    columns: list[Floats]
    """Where each column begins, from the left, and where the last one ends."""
    rows: list[Floats]
    """The same from the top."""
    maps: tuple[int, int, int] | None
    """Rows and columns of the inputs, and how many of the first layer's maps are side by side."""
    legend: list[str]
    """Its lines."""

    def right(self, l: int) -> float:
        """Return how far what belongs to a layer may reach."""
        return self.left[l + 1] - 10 if l + 1 < len(self.left) else self.width - 4


def shapes(state: Snapshot, maps: tuple[int, int, int] | None) -> list[tuple[int, int]]:
    """Return rows (sources) and columns (targets) of each matrix, in cells."""
    graph = state.graph
    counts = np.diff(graph.edge_offset)
    found = [(n, int(count) // n) for n, count in zip(graph.width, counts, strict=False)]
    if maps:
        rows, columns, beside = maps
        stacked = math.ceil(found[0][1] / beside)
        found[0] = stacked * (rows + 1) - 1, beside * (columns + 1) - 1
    return found


def folded_nodes(graph: Graph) -> Bools:
    """Return which nodes have no edge that is on, in a layer where others have, ``(N,)``."""
    used = np.zeros(graph.node_offset[-1], bool)
    used[graph.source[graph.mask]] = used[graph.target[graph.mask]] = True
    for a, b in zip(graph.node_offset, graph.node_offset[1:], strict=False):
        if not used[a:b].any():
            used[a:b] = True
    return ~used


def nodes_of(graph: Graph, l: int) -> tuple[Ints, Ints]:
    """Return the nodes of the rows and of the columns of a layer's matrix."""
    owners = graph.target[graph.edge_offset[l] : graph.edge_offset[l + 1] : graph.width[l]]
    return np.arange(graph.node_offset[l], graph.node_offset[l + 1]), owners


def layout_of(state: Snapshot, width: float, input_shape: list[int], removed: str) -> Matrices:
    """Return where a state's matrices are, beside each other."""
    maps = None
    if input_shape:
        targets = state.graph.edge_offset[1] // state.graph.width[0]
        maps = input_shape[0], input_shape[1], math.ceil(math.sqrt(targets))
    cells = shapes(state, maps)
    before = (
        0
        if maps
        else min(max_name_width(width), max(measure(runs_of(n), 12) for n in state.in_vars))
    )
    room = width - 2 * PAD - before - GAP * (len(cells) - 1)
    each = max(40.0, room / len(cells))
    folded = folded_nodes(state.graph)
    pitches, sides = [], []
    for l, (rows, columns) in enumerate(cells):
        lengths = [np.ones(rows), np.ones(columns)]
        pitch = _pitches(rows, columns, each, maps if l == 0 else None)
        if not (maps and l == 0):
            lengths = [
                np.where(folded[nodes] & (size >= MIN_FOLDED_PITCH), FOLDED, 1.0)
                for nodes, size in zip(nodes_of(state.graph, l), reversed(pitch), strict=True)
            ]
            pitch = _pitches(lengths[0].sum(), lengths[1].sum(), each, None)
        pitches.append(pitch)
        ends = [np.concatenate([[0.0], np.cumsum(parts)]) for parts in lengths]
        sides.append((pitch[1] * ends[0], pitch[0] * ends[1]))
    wide = [float(across[-1]) for _, across in sides]
    tall = [float(down[-1]) for down, _ in sides]
    needed = sum(wide) + GAP * (len(wide) - 1) + before + 2 * PAD
    x, left = (max(width, needed) - needed) / 2 + PAD + before, []
    for w in wide:
        left.append(x)
        x += w + GAP
    below = max(measure(runs_of(name), 12) for name in state.out_vars)
    stand = cells[-1][1] > 1 and below + 6 > pitches[-1][0]
    small = any(min(pitch) < MIN_CURVE_SIDE for pitch in pitches) or maps is not None
    legend = _wrap_lines(
        _legend_parts(state, maps is not None, small, removed), max(width, needed) - 2 * PAD
    )
    height = max(
        *tall, tall[-1] + (min(max_name_width(width), below) if stand else LINE_HEIGHT) + 8
    )
    height += CAPTION_HEIGHT + LEGEND_HEIGHT + PAD + LINE_HEIGHT * (len(legend) - 1)
    return Matrices(
        max(width, needed),
        math.ceil(height),
        CAPTION_HEIGHT,
        left,
        [across for across, _ in pitches],
        [down for _, down in pitches],
        [across for _, across in sides],
        [down for down, _ in sides],
        maps,
        legend,
    )


def _pitches(
    rows: float, columns: float, width: float, maps: tuple[int, int, int] | None
) -> tuple[float, float]:
    """Return the pitch across and down: the same where there are curves or maps."""
    across, down = min(MAX_CELL_SIDE, width / columns), min(MAX_CELL_SIDE, MAX_MATRIX_HEIGHT / rows)
    if min(across, down) >= MIN_CURVE_SIDE or maps:
        across = down = min(across, down)
    return across, down


def draw(sheet: Sheet, state: Snapshot, made: Matrices, removed: str) -> None:
    """Draw a state on a sheet of the arrangement's size."""
    graph = state.graph
    for l in range(len(made.left)):
        edges = slice(graph.edge_offset[l], graph.edge_offset[l + 1])
        targets = (edges.stop - edges.start) // graph.width[l]
        left, x, y = made.left[l], made.columns[l], made.rows[l]
        mapped = made.maps if l == 0 else None
        if min(made.across[l], made.down[l]) >= MIN_CURVE_SIDE and not mapped:
            _draw_curves(sheet, state, l, made, removed)
        else:
            colours = _colours(state, edges, removed).reshape(targets, graph.width[l], 3)
            picture = _tile_maps(colours, mapped) if mapped else colours.transpose(1, 0, 2)
            for axis, ends in enumerate((y, x)):
                sizes = np.diff(ends)
                if not np.allclose(sizes, sizes[0]):
                    parts = np.rint(sizes / sizes.min()).astype(int)
                    picture = picture.repeat(parts, axis)
            _draw_image(sheet, picture, left, made.top, x[-1], y[-1])
        on, count = int(graph.mask[edges].sum()), edges.stop - edges.start
        counts = f"{on:,} of {count:,}", " on", f", scores to {_max_score(state, edges):.3g}"
        lines = [f"{graph.width[l]:,} → {targets:,}"], ["".join(counts[:n]) for n in (3, 2, 1)]
        for k, (line, size) in enumerate(zip(lines, (13, 11), strict=True)):
            room = made.right(l) - left
            runs = next((r for r in map(runs_of, line) if measure(r, size) <= room), None)
            runs = runs or fit(runs_of(line[-1]), room, size)
            sheet.text(runs, left, 14 + 17 * k, size, "left", name=f"layer-{l}")
    if not made.maps:
        _draw_input_names(sheet, state, made)
    _draw_output_names(sheet, state, made)
    for k, text in enumerate(reversed(made.legend)):
        runs = fit(runs_of(text), made.width - 2 * PAD, LEGEND_SIZE)
        sheet.text(runs, PAD, made.height - 14 - LINE_HEIGHT * k, LEGEND_SIZE, "left", alpha=0.75)


def _colours(state: Snapshot, edges: slice, removed: str) -> Floats:
    """Return the colour of each edge's cell, ``(edges, 3)``."""
    graph = state.graph
    mask = graph.mask[edges]
    colours: Floats = np.ones((len(mask), 3))
    if removed != "hidden":
        colours[state.removed[edges]] = 0.2 * np.array(to_rgb(REMOVED)) + 0.8
    colours[mask] = ground_of(state.importance[edges][mask])
    for e in state.symbolic:
        if edges.start <= e < edges.stop and graph.mask[e]:
            colours[e - edges.start] = to_rgb(SYMBOLIC)
    return colours


def _max_score(state: Snapshot, edges: slice) -> float:
    """Return the highest score of a layer, before anything was taken."""
    on = state.graph.baseline[edges]
    return float(state.graph.scores[edges][on].max(initial=0.0))


def _tile_maps(colours: Floats, maps: tuple[int, int, int]) -> Floats:
    """Return one map of the inputs for each target, beside and below each other."""
    rows, columns, beside = maps
    stacked = math.ceil(len(colours) / beside)
    picture: Floats = np.full((stacked * (rows + 1) - 1, beside * (columns + 1) - 1, 3), 1.0)
    for j, colour in enumerate(colours):
        y, x = (j // beside) * (rows + 1), (j % beside) * (columns + 1)
        picture[y : y + rows, x : x + columns] = colour.reshape(rows, columns, 3)
    return picture


def _draw_image(
    sheet: Sheet, colours: Floats, x: float, y: float, width: float, height: float
) -> None:
    sheet.image(np.rint(255 * colours).astype(np.uint8), x, y, width, height)
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
    sheet.polyline(corners, 0.75, edgecolor=INK, alpha=0.4)


def _draw_curves(sheet: Sheet, state: Snapshot, l: int, made: Matrices, removed: str) -> None:
    """Draw each edge's curve in its cell, and a line for each row and column that is folded."""
    graph, pitch = state.graph, made.down[l]
    x, y = made.left[l] + made.columns[l], made.top + made.rows[l]
    short_x, short_y = (np.diff(ends) < pitch / 2 for ends in (x, y))
    if removed != "hidden":
        for k in np.flatnonzero(short_x):
            middle = (x[k] + x[k + 1]) / 2
            _draw_fold(sheet, [(middle, y[0]), (middle, y[-1])], f"folded-column-{l}-{k}")
        for k in np.flatnonzero(short_y):
            middle = (y[k] + y[k + 1]) / 2
            _draw_fold(sheet, [(x[0], middle), (x[-1], middle)], f"folded-row-{l}-{k}")
    for e in range(graph.edge_offset[l], graph.edge_offset[l + 1]):
        _, i, j = graph.index(e)
        if short_x[j] or short_y[i]:
            continue
        box = Box(x[j] + 1, y[i] + 1, pitch - 2)
        name = "-".join(map(str, graph.index(e)))
        if not graph.mask[e]:
            if removed != "hidden":
                colour, alpha = (REMOVED, 0.5) if state.removed[e] else (INK, 0.2)
                sheet.dot(
                    box.x + box.side / 2,
                    box.y + box.side / 2,
                    1.5,
                    facecolor=colour,
                    edgecolor="none",
                    alpha=alpha,
                    name=f"off-{name}",
                )
            continue
        importance, symbolic = float(state.importance[e]), e in state.symbolic
        deep = not symbolic and is_deep(importance)
        face = SYMBOLIC if symbolic else ground_of(importance)
        sheet.square(box, 0.75, facecolor=face, edgecolor="none", alpha=0.16 if symbolic else 1)
        if symbolic:
            sheet.square(box, 1.5, facecolor="none", edgecolor=SYMBOLIC)
        colour = SYMBOLIC if symbolic else PAPER if deep else INK
        strength = 1.0 if symbolic or deep else alpha_of(importance)
        points = in_box(state, e, box)
        sheet.polyline(points, 1.25, f"curve-{name}", edgecolor=colour, alpha=strength)


def _draw_fold(sheet: Sheet, ends: list[tuple[float, float]], name: str) -> None:
    sheet.polyline(ends, 1, name, edgecolor=INK, alpha=FOLDED_OPACITY)


def _named(ends: Floats, pitch: float, step: int) -> list[int]:
    """Return the rows or columns that have a name: each ``step``-th of those not folded."""
    return [int(k) for k in np.flatnonzero(np.diff(ends) > pitch / 2)[::step]]


def _draw_input_names(sheet: Sheet, state: Snapshot, made: Matrices) -> None:
    ends, pitch = made.rows[0], made.down[0]
    for i in _named(ends, pitch, math.ceil(LINE_HEIGHT / pitch)):
        runs = fit(runs_of(state.in_vars[i]), max_name_width(made.width), FORMULA_SIZE)
        y = made.top + (ends[i] + ends[i + 1]) / 2
        sheet.text(runs, made.left[0] - 6, y, FORMULA_SIZE, "right", name=f"in-{i}")


def _draw_output_names(sheet: Sheet, state: Snapshot, made: Matrices) -> None:
    graph, pitch, ends = state.graph, made.across[-1], made.columns[-1]
    columns = len(ends) - 1
    owners = nodes_of(graph, len(made.left) - 1)[1] - graph.node_offset[-2]
    y = made.top + made.rows[-1][-1] + 5
    level = max(measure(runs_of(name), FORMULA_SIZE) for name in state.out_vars) + 6 <= pitch
    left = made.left[-1]
    for j in _named(ends, pitch, 1 if level else math.ceil(LINE_HEIGHT / pitch)):
        runs = fit(runs_of(state.out_vars[owners[j]]), max_name_width(made.width), FORMULA_SIZE)
        x, name = left + (ends[j] + ends[j + 1]) / 2, f"out-{j}"
        if level:
            sheet.text(runs, x, y + 8, FORMULA_SIZE, "center", name=name)
        elif columns == 1:  # whatever is on its left, a long name is not written over it
            runs = fit(runs, made.right(len(made.left) - 1) - left, FORMULA_SIZE)
            sheet.text(runs, left, y + 8, FORMULA_SIZE, "left", name=name)
        else:
            top = y - 0.36 * FORMULA_SIZE
            sheet.text(runs, x, top, FORMULA_SIZE, "center", name=name, rotation=90, va="top")


def _legend_parts(state: Snapshot, maps: bool, small: bool, removed: str) -> list[str]:
    """Return what the legend says."""
    parts = ["a map of the inputs for each node" if maps else "rows: from, columns: to"]
    if small:
        parts.append("darkest: the highest score, white: off")
        if removed != "hidden" and state.removed.any():
            parts.append("blue: removed by a threshold")
    if any(state.graph.mask[e] for e in state.symbolic):
        parts.append("orange: a fixed formula")
    return parts


def _wrap_lines(parts: list[str], room: float) -> list[str]:
    """Join parts to as few lines as there is room for."""
    lines = parts[:1]
    for part in parts[1:]:
        longer = f"{lines[-1]}; {part}"
        if measure(runs_of(longer), LEGEND_SIZE) <= room:
            lines[-1] = longer
        else:
            lines[-1] += ";"
            lines.append(part)
    return lines
