"""What a page shows of the widget, and a mouse and a keyboard to work it with, in any host."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping

import numpy as np
import pytest
from ink import Box, assert_curve, curve_points, zero_height
from PIL import Image
from playwright.sync_api import Error, FloatRect, Locator, Page

Curves = Mapping[str, tuple[list[float], list[float]]]


class View:
    """The first widget on a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator(".kanwidget").first

    def wait(self) -> None:
        """Wait until the widget is drawn, and bring it into view."""
        self.twin("edge", "0,0,0").wait_for(state="attached")
        try:
            self.root.scroll_into_view_if_needed()
        except Error:  # another view has taken its place meanwhile
            self.twin("edge", "0,0,0").wait_for(state="attached")
            self.root.scroll_into_view_if_needed()

    # ------------------------------------------------------------------ what it shows

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

    def areas(self, kind: str) -> dict[str, FloatRect]:
        """Return where in the window each edge or node is, all at one moment."""
        pairs = self.root.locator(f"button[data-{kind}]").evaluate_all(
            """(all, kind) => all.map((button) =>
                [button.dataset[kind], button.getBoundingClientRect().toJSON()])""",
            kind,
        )
        return {
            ids: FloatRect(x=a["x"], y=a["y"], width=a["width"], height=a["height"])
            for ids, a in pairs
        }

    def status(self) -> str:
        """Return the line that tells edges and loss."""
        return self.root.locator('[data-role="status"]').inner_text()

    def assert_figures(self, active_edges: int, loss: float) -> None:
        """Check that the status line tells this number of edges, and this loss."""
        figures = [float(n) for n in re.findall(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", self.status())]
        assert figures[0] == active_edges, self.status()
        # It is told in four figures.
        assert any(n == pytest.approx(loss, rel=6e-4) for n in figures[1:]), (self.status(), loss)

    def assert_curves(self, edges: Iterable[str], curves: Curves) -> None:
        """Check the pixels of these edges' boxes against their functions."""
        # One picture and one moment for everything that is compared.
        frame = rectangle(self.root)
        everywhere = self.areas("edge")
        areas = {ids: everywhere[ids] for ids in edges}
        picture = Image.open(io.BytesIO(self.page.screenshot(clip=frame))).convert("RGB")
        pixels = np.asarray(picture)
        for ids, area in areas.items():
            assert area["width"] == pytest.approx(area["height"], abs=0.5), f"{ids}: not square"
            assert area["width"] >= 24, f"{ids}: no room for a curve in {area['width']} px"
            box = Box(area["x"] - frame["x"], area["y"] - frame["y"], area["width"])
            x, y = (np.array(values) for values in curves[ids])
            scale = picture.width / frame["width"]
            points, zero = curve_points(x, y, box), zero_height(y, box)
            assert_curve(pixels, scale, box, points, f"edge ({ids})", zero)

    # ------------------------------------------------------------------ what a hand does

    def click(self, kind: str, ids: str) -> None:
        """Toggle with the mouse: where the edge's box (or line) or the node's dot is drawn."""
        self.page.mouse.dblclick(*self.middle(kind, ids))

    def middle(self, kind: str, ids: str) -> tuple[float, float]:
        """Return where the middle of an edge's box or of a node is, once it has come to rest."""
        area = at_rest(self.twin(kind, ids))  # what was switched before may still move
        return area["x"] + area["width"] / 2, area["y"] + area["height"] / 2

    def press(self, role: str) -> None:
        """Press a button, of the menu too."""
        button = self.root.locator(f'button[data-role="{role}"]')
        if not button.is_visible():
            self.root.locator('button[data-role="more"]').click()
        button.click()

    def toggle(self, kind: str, ids: str) -> None:
        """Toggle with the keyboard."""
        self.twin(kind, ids).focus()
        self.page.keyboard.press("Space")

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

    def move_threshold_until_some_go(self) -> None:
        """Move the held thumb to the right until the page shows edges off, and no farther."""
        area = rectangle(self.threshold())
        for step in range(1, 101):
            self.page.mouse.move(thumb(area, step / 100), area["y"] + area["height"] / 2, steps=3)
            self.next_frame()
            if not all(self.edges().values()):
                return
        raise AssertionError("the whole slider takes no edge")

    def rest(self) -> None:
        """Wait until nothing of it moves any more."""
        now, before = self._moment(), None
        while now != before:
            self.page.wait_for_timeout(300)
            self.next_frame()
            now, before = self._moment(), now

    def _moment(self) -> object:
        picture = self.root.locator("canvas").first.evaluate("(canvas) => canvas.toDataURL()")
        return picture, self.areas("edge"), self.areas("node")

    def next_frame(self) -> None:
        """Wait until what was done is drawn."""
        self.page.evaluate(
            "() => new Promise((done) =>"
            " requestAnimationFrame(() => requestAnimationFrame(() => done())))"
        )


def rectangle(locator: Locator) -> FloatRect:
    """Return where an element is in the window."""
    area = locator.bounding_box()
    assert area is not None, f"{locator} is not in the page"
    return area


def at_rest(locator: Locator) -> FloatRect:
    """Return where an element is in the window once it does not move any more."""
    area, before = rectangle(locator), None
    while area != before:
        locator.page.wait_for_timeout(60)
        area, before = rectangle(locator), area
    return area


def thumb(slider: FloatRect, position: float) -> float:
    """Return where the middle of a range input's thumb is; its width is about 16 px."""
    return slider["x"] + 8 + position * (slider["width"] - 16)


def ends(ids: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the two nodes of an edge."""
    l, i, j = map(int, ids.split(","))
    return (l, i), (l + 1, j)


def same(seen: object, expected: object) -> None:
    """Assert that two things are equal: a statement that fits into a lambda."""
    assert seen == expected
