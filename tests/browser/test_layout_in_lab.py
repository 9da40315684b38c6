"""The network is the page, in JupyterLab and on an exported page: a low head, no jumps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cells import MODEL
from exported import ExportedPage
from lab import Notebook
from playwright.sync_api import Page
from servers import until
from view import View, rectangle, same

OpenNotebook = Callable[[Sequence[str] | Path], Notebook]

SHOW = "w = KANWidget(model, dataset)\nw"
ALL_ON = 15

# The part of a box that is seen in another, of what that shows.
SEEN = """(root) => {
    const [stage, head, foot] = ['.stage', '.view-head', '.tools'].map((part) =>
        root.querySelector(part).getBoundingClientRect());
    let box = root.getRootNode().host;
    while (box && !(/auto|scroll/.test(getComputedStyle(box).overflowY)
                    && box.scrollHeight > box.clientHeight + 8)) box = box.parentElement;
    const room = box?.getBoundingClientRect() ?? new DOMRect(0, 0, innerWidth, innerHeight);
    return {
        head: head.height, width: root.clientWidth, room: room.height,
        together: foot.bottom - head.top,
        share: stage.width * stage.height / (room.width * room.height),
    };
}"""

# Brings the top of the widget to the top of what it is scrolled in.
TO_TOP = "(root) => root.scrollIntoView({ block: 'start', behavior: 'instant' })"

SCROLLED = """(root) => {
    const found = [scrollY];
    for (let box = root.getRootNode().host; box; box = box.parentElement) found.push(box.scrollTop);
    return found;
}"""


def measured(view: View) -> dict[str, float]:
    """Return what is seen of the widget, in what scrolls around it."""
    found: dict[str, float] = view.root.evaluate(SEEN)
    return found


def opened(notebook: Notebook, width: int, height: int) -> View:
    notebook.page.set_viewport_size({"width": width, "height": height})
    notebook.run_all()
    notebook.scroll_to_widget()
    view = View(notebook.page)
    view.wait()
    until(lambda: same(sum(view.edges().values()), ALL_ON))
    return view


@pytest.mark.parametrize(("width", "height"), [(1440, 820), (1067, 667)], ids=["laptop", "150 %"])
def test_head_and_network_fit_into_the_notebook_and_a_click_moves_nothing(
    open_notebook: OpenNotebook, width: int, height: int
) -> None:
    notebook = open_notebook([MODEL, SHOW, "'below'\n" * 12])
    view = opened(notebook, width, height)
    notebook.page.evaluate("() => jupyterapp.shell.collapseLeft()")

    def fits() -> None:
        found = measured(view)
        assert found["together"] <= found["room"] + 1, found
        assert found["share"] >= 0.5, found
        if found["width"] >= 1000:
            assert found["head"] <= (170 if found["room"] >= 700 else 150), found

    until(fits)
    print(width, height, measured(view))
    view.root.evaluate(TO_TOP)
    view.rest()
    before = view.root.evaluate(SCROLLED), view.areas("edge"), view.areas("node")
    for ids in ("0,0,0", "0,1,4", "1,2,0"):
        area = rectangle(view.twin("edge", ids))
        view.page.mouse.click(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
        selected = [[int(part) for part in ids.split(",")]]
        until(lambda want=selected: same(notebook.value("w.selected"), want))  # type: ignore[misc]
        view.page.wait_for_timeout(300)
        assert (view.root.evaluate(SCROLLED), view.areas("edge"), view.areas("node")) == before


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names: dict[str, Any] = {}
    exec(MODEL, names)
    w = names["KANWidget"](names["model"], names["dataset"])
    path = tmp_path_factory.mktemp("layout") / "page.html"
    w.to_html(path, title="The demo", data_rows=50)
    w.close()
    return path


@pytest.mark.parametrize(
    ("width", "height", "most"), [(1440, 820, 170), (1067, 667, 150)], ids=["laptop", "150 %"]
)
def test_of_an_exported_page_more_than_half_is_network(
    page: Page, path: Path, width: int, height: int, most: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    view = ExportedPage(page, path)
    view.wait()

    def fits() -> None:
        view.root.evaluate(TO_TOP)
        found = measured(view)
        assert found["head"] <= most
        assert found["together"] <= found["room"] + 1
        assert found["share"] >= 0.55

    until(fits)
    print(width, height, measured(view))
    stage = rectangle(view.root.locator(".stage"))
    assert stage["y"] >= 0
    assert stage["y"] + stage["height"] <= height


def test_on_a_phone_the_network_begins_in_the_upper_third(page: Page, path: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    view = ExportedPage(page, path)
    view.wait()

    def fits() -> None:
        stage = rectangle(view.root.locator(".stage"))
        assert stage["y"] < 844 / 3
        assert stage["y"] + stage["height"] <= 844
        assert stage["height"] > 844 / 2

    until(fits)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
