"""An exported page on a projector, on a small screen and on paper: all that matters is seen."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from exported import ExportedPage
from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page
from servers import until
from view import View, rectangle, same

from kanwidget import KAN, KANWidget, create_dataset

PROJECTORS = [(1280, 720), (853, 480)]
"""The second is the first at 150 %."""
SHEET = 718
"""The width of A4 between a browser's margins, in CSS pixels."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dataset = create_dataset(lambda x: torch.sin(3 * x[:, [0]]) + x[:, [1]] ** 2, n_var=2)
    model = KAN([2, 5, 1], grid=5, k=3, seed=0)
    model.fit(dataset, steps=5, progress=False)
    w = KANWidget(model, dataset)
    path = tmp_path_factory.mktemp("screens") / "page.html"
    w.to_html(path, title="The demo", data_rows=50)
    w.close()
    return path


def open_at(page: Page, path: Path, width: int, height: int) -> ExportedPage:
    page.set_viewport_size({"width": width, "height": height})
    view = ExportedPage(page, path)
    view.twin("edge", "0,0,0").wait_for(state="attached")
    return view


def click(view: View, ids: str) -> None:
    area = rectangle(view.twin("edge", ids))
    view.page.mouse.click(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)


def seen(area: FloatRect, page: Page) -> bool:
    """Return whether all of an area is in the window."""
    size = page.viewport_size
    assert size is not None
    left, top = area["x"], area["y"]
    right, bottom = left + area["width"], top + area["height"]
    return left >= -1 and top >= -1 and right <= size["width"] + 1 and bottom <= size["height"] + 1


def picture(view: View) -> str:
    """Return what the canvas of the network shows."""
    found: str = view.root.locator("canvas").first.evaluate("(canvas) => canvas.toDataURL()")
    return found


def cards(view: View) -> Locator:
    return view.root.locator(".detail")


@pytest.mark.parametrize("size", [(1440, 820), (1600, 1000), (1024, 740)])
def test_title_words_and_view_are_seen_together_at_once(
    page: Page, path: Path, size: tuple[int, int]
) -> None:
    view = open_at(page, path, *size)
    parts = [page.locator("h1"), page.locator("body > p")]
    parts += [view.root.locator(part) for part in (".view-head", ".stage", ".tools", ".inspector")]
    until(lambda: same([seen(rectangle(one), page) for one in parts], [True] * 6))
    scrolls = "document.documentElement.scrollHeight > innerHeight"
    until(lambda: same(page.evaluate(scrolls), False))


@pytest.mark.parametrize("size", PROJECTORS)
def test_in_full_screen_sliders_network_and_card_are_seen_together(
    page: Page, path: Path, size: tuple[int, int]
) -> None:
    view = open_at(page, path, *size)
    view.press("full-screen")
    page.wait_for_function("() => document.fullscreenElement !== null")
    together = [
        view.root.locator('[data-threshold="node"]'),
        view.root.locator('[data-threshold="edge"]'),
        *view.root.locator("button[data-node]").all(),
    ]
    until(lambda: same([seen(rectangle(one), page) for one in together], [True] * 10))
    click(view, "0,0,3")
    together.append(cards(view))
    until(lambda: same([seen(rectangle(one), page) for one in together], [True] * 11))
    network = rectangle(view.root.locator(".network"))
    assert rectangle(cards(view))["x"] >= network["x"] + network["width"]


@pytest.mark.parametrize(("width", "beside"), [(1280, True), (900, False)])
def test_a_click_never_scrolls_the_page_and_its_card_is_seen_where_there_is_room(
    page: Page, path: Path, width: int, beside: bool
) -> None:
    page.emulate_media(reduced_motion="reduce")
    view = open_at(page, path, width, 720)
    view.twin("edge", "0,0,1").scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    view.click("edge", "0,0,1")
    until(lambda: same(view.edges()["0,0,1"], False))
    click(view, "0,0,2")
    until(lambda: same(cards(view).count(), 1))
    page.wait_for_timeout(900)
    assert page.evaluate("scrollY") == before
    assert seen(rectangle(cards(view)), page) is beside


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_sheet_of_paper_has_all_of_it_black_on_white(page: Page, path: Path, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    view = open_at(page, path, 1280, 1000)
    click(view, "0,0,3")
    page.mouse.move(0, 0)
    view.rest()
    on_screen = picture(view)

    page.emulate_media(media="print", color_scheme=scheme)  # type: ignore[arg-type]
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    page.set_viewport_size({"width": SHEET, "height": 1000})
    assert page.evaluate("document.documentElement.scrollWidth") <= SHEET
    texts = view.root.locator(".scroll svg text").all()
    assert {one.text_content() for one in texts} >= {"f(x)"}
    for one in [*texts, *cards(view).all()]:
        area = rectangle(one)
        assert area["x"] >= 0
        assert area["x"] + area["width"] <= SHEET
    network = rectangle(view.root.locator(".scroll svg"))
    sheet = np.asarray(Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("L"))
    top, bottom = int(network["y"]), int(network["y"] + network["height"])
    assert np.median(sheet) == np.median(sheet[top:bottom]) == 255
    assert sheet[top:bottom].min() < 80
    for control in ("undo", "suggest", "zoom-in", "close"):
        assert not view.root.locator(f'[data-role="{control}"]').first.is_visible()

    page.emulate_media(media="screen", color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    until(lambda: same(view.root.locator(".scroll svg").count(), 0))
    assert view.root.locator('[data-role="undo"]').is_visible()
    until(lambda: same(picture(view), on_screen))
