"""The widget in JupyterLab, worked with a mouse; what the page shows against what Python holds."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ink import Box, assert_curve, curve_points
from lab import Notebook, until
from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page

OpenNotebook = Callable[[Sequence[str] | Path], Notebook]

EXAMPLE = Path(__file__).parents[2] / "examples" / "01_pruning.ipynb"

MODEL = """
import copy
import torch
from kanwidget import KAN, KANWidget, create_dataset

dataset = create_dataset(
    lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2),
    n_var=2, train_num=200, test_num=100,
)
x = dataset["test_input"]
# So much noise gives every edge a curve of its own.
model = KAN(width=[2, 5, 1], grid=5, k=3, seed=0, noise_scale=5.0)
with torch.no_grad():
    before = model(x)
    model(dataset["train_input"])
original = copy.deepcopy(model)
"""

WIDGET = """
w = KANWidget(model, dataset)
w
"""

# Defined in the kernel from outside; the names start with an underscore to stay clear of others.
PROBE = """
def _mask(model):
    return {
        f"{l},{i},{j}": bool(mask[j, i])
        for l, mask in enumerate(model.mask)
        for j in range(mask.shape[0])
        for i in range(mask.shape[1])
    }

def _curves(model, packed_x):
    '''Each edge's function as the layer itself computes it, at the widget's own x.'''
    import copy, struct
    import numpy, torch

    rank = struct.unpack_from("<I", packed_x, 8)[0]
    shape = struct.unpack_from(f"<{rank}I", packed_x, 12)
    start = -(-(12 + 4 * rank) // 8) * 8
    samples = numpy.frombuffer(packed_x, "<f4", offset=start).reshape(shape).astype(float)
    curves, row = {}, 0
    for l, live in enumerate(model.layers):
        layer = copy.deepcopy(live)
        n_out, n_in = layer.mask.shape
        for i in range(n_in):
            x = torch.zeros(shape[1], n_in, dtype=layer.coef.dtype)
            x[:, i] = torch.from_numpy(samples[row + i])
            for j in range(n_out):
                layer.mask.zero_()
                layer.mask[j, i] = 1
                with torch.no_grad():
                    y = layer(x)[:, j] - layer.bias[j]
                curves[f"{l},{i},{j}"] = [samples[row + i].tolist(), y.tolist()]
        row += n_in
    return curves

def _node_scores(model):
    '''Of hidden nodes: the smaller of the largest score on either side.'''
    scores = model.acts_scale
    return {
        f"{l},{i}": min(scores[l - 1][i].max().item(), scores[l][:, i].max().item())
        for l in range(1, len(scores))
        for i in range(scores[l].shape[1])
    }
"""

EDGES = [f"0,{i},{j}" for i in range(2) for j in range(5)] + [f"1,{i},0" for i in range(5)]


class View:
    """What the page shows of the widget ``w``, and a mouse to work it with."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.page: Page = notebook.page
        self.root = self.page.locator(".kanwidget").first

    def twin(self, kind: str, ids: str) -> Locator:
        """Return the button that stands for an edge or a node."""
        return self.root.locator(f'button[data-{kind}="{ids}"]')

    def edges(self) -> dict[str, bool]:
        """Return what the page says of each edge: on or off."""
        return self._pressed("edge")

    def nodes(self) -> dict[str, bool]:
        """Return what the page says of each node: on or off."""
        return self._pressed("node")

    def _pressed(self, kind: str) -> dict[str, bool]:
        pairs = self.root.locator(f"button[data-{kind}]").evaluate_all(
            """(all, kind) => all.map((b) => [b.dataset[kind], b.getAttribute('aria-pressed')])""",
            kind,
        )
        assert {pressed for _, pressed in pairs} <= {"true", "false"}
        return {ids: pressed == "true" for ids, pressed in pairs}

    def click(self, kind: str, ids: str) -> None:
        """Click on the canvas, where the edge's box (or line) or the node's dot is."""
        area = rectangle(self.twin(kind, ids))
        self.page.mouse.click(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)

    def threshold(self) -> Locator:
        """Return the slider of the node threshold."""
        return self.root.locator('input[type=range][data-threshold="node"]')

    def press_threshold(self) -> None:
        """Take the slider's thumb."""
        area = rectangle(self.threshold())
        position = int(self.threshold().input_value()) / 1000
        self.page.mouse.move(thumb(area, position), area["y"] + area["height"] / 2)
        self.page.mouse.down()

    def move_threshold(self, low: float, high: float) -> None:
        """Move the held thumb until it stands between two positions, as a hand and an eye do."""
        area = rectangle(self.threshold())
        x = thumb(area, (low + high) / 2000)
        for _ in range(20):
            self.page.mouse.move(x, area["y"] + area["height"] / 2, steps=10)
            position = int(self.threshold().input_value())
            if low <= position <= high:
                return
            x += (low + high - 2 * position) / 2000 * (area["width"] - 16)
        raise AssertionError(f"the slider stands at {position}, not between {low} and {high}")

    def assert_curves(self, edges: list[str]) -> None:
        """Check the pixels of these edges' boxes against the live model's functions."""
        curves = self.notebook.value("_curves(model, w._curves_x)")
        # One picture and one moment for everything that is compared.
        frame = rectangle(self.root)
        areas = {ids: rectangle(self.twin("edge", ids)) for ids in edges}
        picture = Image.open(io.BytesIO(self.page.screenshot(clip=frame))).convert("RGB")
        pixels = np.asarray(picture)
        for ids, area in areas.items():
            assert area["width"] == pytest.approx(area["height"], abs=0.5), f"{ids}: not square"
            assert area["width"] >= 24, f"{ids}: no room for a curve in {area['width']} px"
            box = Box(area["x"] - frame["x"], area["y"] - frame["y"], area["width"])
            x, y = (np.array(values) for values in curves[ids])
            scale = picture.width / frame["width"]
            assert_curve(pixels, scale, box, curve_points(x, y, box), f"edge ({ids})")

    def assert_agrees(self) -> None:
        """Check that page, traits and model name the same edges on."""
        mask = self.notebook.value("_mask(model)")
        assert self.edges() == mask
        assert self.notebook.value("w.active_edges") == sum(mask.values())


def rectangle(locator: Locator) -> FloatRect:
    """Return where an element is in the window."""
    area = locator.bounding_box()
    assert area is not None, f"{locator} is not in the page"
    return area


def thumb(slider: FloatRect, position: float) -> float:
    """Return where the middle of a range input's thumb is; its width is about 16 px."""
    return slider["x"] + 8 + position * (slider["width"] - 16)


def between(scores: dict[str, float], taken: int) -> tuple[float, float]:
    """Return the slider positions between which the threshold takes so many nodes."""
    ordered = sorted(scores.values())
    low, high = min(s for s in ordered if s > 0) / 2, 1.1 * ordered[-1]

    def position(score: float) -> float:
        return 1 + 999 * math.log(score / low) / math.log(high / low)

    first, last = position(ordered[taken - 1]), position(ordered[taken])
    assert last - first > 20, "these scores lie too close together to aim between them"
    return first + 5, last - 5


@pytest.fixture
def view(open_notebook: OpenNotebook) -> View:
    """A notebook that has run, with a small model and its widget on the screen."""
    notebook = open_notebook([MODEL, WIDGET])
    notebook.run_all()
    return look(notebook)


def look(notebook: Notebook) -> View:
    """Bring the widget into view and wait until it is drawn."""
    notebook.define(PROBE)
    notebook.scroll_to_widget()
    view = View(notebook)
    view.twin("edge", "0,0,0").wait_for(state="attached")
    return view


def test_the_example_notebook_runs_and_shows_the_whole_network(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(EXAMPLE)
    notebook.run_all()
    view = look(notebook)
    assert sorted(view.edges()) == EDGES
    until(view.assert_agrees)
    until(lambda: view.assert_curves([ids for ids, on in view.edges().items() if on]))


@pytest.mark.parametrize("page", [1, 2], indirect=True, ids=["plain screen", "fine screen"])
def test_the_canvas_shows_each_edge_as_the_model_computes_it(view: View) -> None:
    assert sorted(view.edges()) == EDGES
    until(lambda: view.assert_curves(EDGES))
    until(view.assert_agrees)


def test_dragging_the_node_slider_prunes_the_live_model_and_back_restores_it(view: View) -> None:
    value = view.notebook.value
    scores: dict[str, float] = value("_node_scores(original)")
    weak = sorted(scores, key=scores.__getitem__)[:2]
    kept = {
        ids: not any(f"{l},{n}" in weak for l, n in ends(ids)) for ids in EDGES
    }  # without the two weakest hidden nodes

    view.press_threshold()
    view.move_threshold(*between(scores, taken=2))
    until(lambda: same(view.edges(), kept))  # the preview, before the button is let go
    view.page.mouse.up()

    until(lambda: same(value("_mask(model)"), kept))
    until(view.assert_agrees)
    assert value("original.prune(w.node_threshold, keep_mean=True).width") == [2, 3, 1]
    assert (
        value("(model(x) - original.prune(w.node_threshold, keep_mean=True)(x)).abs().max().item()")
        < 1e-12
    )
    assert value("(model(x) - before).abs().max().item()") > 1e-6

    view.press_threshold()
    area = rectangle(view.threshold())
    view.page.mouse.move(area["x"] - 20, area["y"] + area["height"] / 2, steps=10)
    until(lambda: same(set(view.edges().values()), {True}))
    view.page.mouse.up()

    until(lambda: same(value("w.node_threshold"), 0.0))
    assert value("torch.equal(model(x), before)")
    until(view.assert_agrees)
    until(lambda: view.assert_curves(EDGES))


def test_a_click_on_a_curve_takes_the_edge_and_another_brings_it_back(view: View) -> None:
    value = view.notebook.value
    view.click("edge", "0,1,2")
    until(lambda: same(view.edges(), {ids: ids != "0,1,2" for ids in EDGES}))
    until(lambda: same(value("model.mask[0][2, 1].item()"), 0.0))
    until(view.assert_agrees)
    assert value("w.removed_edges") == [[0, 1, 2]]
    assert not value("torch.equal(model(x), before)")

    view.click("edge", "0,1,2")
    until(lambda: same(set(view.edges().values()), {True}))
    until(lambda: same(value("model.mask[0][2, 1].item()"), 1.0))
    assert value("w.removed_edges") == []
    assert value("torch.equal(model(x), before)")
    until(lambda: view.assert_curves(EDGES))


def test_a_click_on_a_node_takes_all_its_edges_and_another_brings_them_back(view: View) -> None:
    value = view.notebook.value
    view.click("node", "1,3")
    until(lambda: same(view.edges(), {ids: (1, 3) not in ends(ids) for ids in EDGES}))
    until(view.assert_agrees)
    assert view.nodes()["1,3"] is False
    assert value("w.removed_nodes") == [[1, 3]]

    view.click("node", "1,3")
    until(lambda: same(set(view.edges().values()), {True}))
    until(view.assert_agrees)
    assert view.nodes()["1,3"] is True
    assert value("torch.equal(model(x), before)")


def test_an_edge_can_be_toggled_from_the_keyboard(view: View) -> None:
    view.twin("edge", "1,4,0").focus()
    view.page.keyboard.press("Space")
    until(lambda: same(view.edges(), {ids: ids != "1,4,0" for ids in EDGES}))
    until(view.assert_agrees)
    view.page.keyboard.press("Enter")
    until(lambda: same(set(view.edges().values()), {True}))
    until(view.assert_agrees)
    assert view.notebook.value("torch.equal(model(x), before)")


def test_what_a_later_cell_does_to_the_model_shows_on_the_canvas(view: View) -> None:
    view.notebook.run("model.remove_edge(0, 0, 1)")
    view.notebook.scroll_to_widget()
    until(lambda: same(view.edges(), {ids: ids != "0,0,1" for ids in EDGES}))
    until(view.assert_agrees)
    assert view.notebook.value("model.mask[0][1, 0].item()") == 0.0
    until(lambda: view.assert_curves([ids for ids in EDGES if ids != "0,0,1"]))


def test_the_next_cell_computes_with_what_was_clicked(view: View) -> None:
    view.click("edge", "1,0,0")
    view.notebook.run("after = model(x)")
    assert view.notebook.value("model.mask[1][0, 0].item()") == 0.0
    assert view.notebook.value("(after - before).abs().max().item()") > 1e-6


def test_a_page_reload_shows_the_same_state(view: View) -> None:
    value = view.notebook.value
    view.press_threshold()
    view.move_threshold(*between(value("_node_scores(original)"), taken=1))
    view.page.mouse.up()
    until(lambda: same(len([on for on in view.nodes().values() if not on]), 1))
    alive = next(ids for ids, on in view.edges().items() if on and ids.startswith("0,"))
    view.click("edge", alive)
    until(lambda: same(len(value("w.removed_edges")), 1))
    until(view.assert_agrees)
    value("globals().__setitem__('now', model(x))")

    def shown() -> dict[str, Any]:
        return {
            "edges": view.edges(),
            "nodes": view.nodes(),
            "threshold": view.threshold().input_value(),
            "status": view.root.locator('[data-role="status"]').inner_text(),
        }

    def held() -> Any:
        return value("[w.node_threshold, w.removed_edges, w.active_edges, w.loss, _mask(model)]")

    page_before, kernel_before = shown(), held()
    view.notebook.save()
    view.notebook.reload()
    view = look(view.notebook)
    until(lambda: same(shown(), page_before))
    assert held() == kernel_before
    assert value("torch.equal(model(x), now)")
    until(lambda: view.assert_curves([ids for ids, on in view.edges().items() if on]))

    # And it is not only a picture.
    view.click("edge", alive)
    until(lambda: same(value("w.removed_edges"), []))
    until(view.assert_agrees)


def ends(ids: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the two nodes of an edge."""
    l, i, j = map(int, ids.split(","))
    return (l, i), (l + 1, j)


def same(seen: object, expected: object) -> None:
    """Assert that two things are equal: a statement that fits into a lambda."""
    assert seen == expected
