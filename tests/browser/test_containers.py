"""The widget inside other widgets: outputs, rows, tabs, given heights, hidden parents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from apps import App, voila_app
from cells import EDGES, MODEL
from lab import Notebook
from playwright.sync_api import Locator, Page
from servers import until
from view import View, rectangle, same

OpenNotebook = Callable[[Sequence[str] | Path], Notebook]

SETUP = f"""{MODEL}
import ipywidgets
from IPython.display import display

w = KANWidget(model, dataset)
others = [KANWidget(copy.deepcopy(model), dataset) for _ in range(2)]
"""

# Each ends with a cell that shows one widget, of which all edges are on.
HELD = {
    "output in a box": """
out = ipywidgets.Output()
with out:
    display(w)
ipywidgets.VBox([ipywidgets.Button(description="a button"), out])
""",
    "output that is shown first": """
out = ipywidgets.Output()
display(out)
with out:
    display(w)
""",
    "interact": """
def show(threshold=0.0):
    w.edge_threshold = threshold
    display(w)
ipywidgets.interact(show, threshold=(0.0, 1.0))
None
""",
    "interactive_output": """
slider = ipywidgets.FloatSlider()
ipywidgets.VBox([slider, ipywidgets.interactive_output(lambda x: display(w), {"x": slider})])
""",
    "output in an output": """
outer, inner = ipywidgets.Output(), ipywidgets.Output()
with inner:
    display(w)
with outer:
    display(inner)
outer
""",
    "accordion": """
ipywidgets.Accordion([w], titles=["a network"], selected_index=0)
""",
}


@pytest.fixture(params=["lab", "notebook"])
def open_in(request: pytest.FixtureRequest, page: Page) -> OpenNotebook:
    """Open a notebook in JupyterLab, or in Notebook 7."""
    name = {"lab": "open_notebook", "notebook": "open_notebook_7"}[request.param]
    found: OpenNotebook = request.getfixturevalue(name)
    return found


@pytest.fixture(scope="module")
def voila_outputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A Voila app with the widget in an output."""
    folder = tmp_path_factory.mktemp("voila")
    app = voila_app(folder, [SETUP, HELD["output in a box"]])
    yield app
    app.stop()


def test_it_is_seen_and_works_in_whatever_holds_it(open_in: OpenNotebook) -> None:
    notebook = open_in([SETUP])
    notebook.run_all()
    for name, cell in HELD.items():
        notebook.run(cell)
        view = Newest(notebook.page)
        view.wait()
        assert rectangle(view.root)["width"] > 600, name
        assert_all_on(view)
        assert_whole(view)
        view.toggle("edge", "0,0,1")
        until(lambda: same(notebook.value("[w.active_edges, int(model.mask[0][1, 0])]"), [14, 0]))
        notebook.run("w.reset()")
        notebook.clear_outputs()


def test_a_slider_of_interact_shows_it_anew(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook([SETUP, HELD["interact"]])
    notebook.run_all()
    view = Newest(notebook.page)
    view.wait()
    slider = notebook.page.locator(".widget-slider [role=slider]").first
    slider.focus()
    notebook.page.keyboard.press("End")
    until(lambda: same(notebook.value("w.edge_threshold"), 1.0))
    view = Newest(notebook.page)
    view.wait()
    until(lambda: same(sum(view.edges().values()), notebook.value("w.active_edges")))
    assert notebook.page.locator(".kanwidget").count() == 1


def test_side_by_side_networks_share_a_row(open_in: OpenNotebook) -> None:
    notebook = open_in([SETUP, "ipywidgets.HBox([w, *others])"])
    notebook.run_all()
    page = notebook.page
    page.locator(".kanwidget").nth(2).wait_for()
    view = View(page)
    view.wait()
    row = rectangle(page.locator(".widget-hbox").last)["width"]

    def share() -> None:
        widths = [rectangle(one)["width"] for one in page.locator(".kanwidget").all()]
        assert min(widths) > 0.3 * row - 30
        assert max(widths) - min(widths) < 3

    until(share)
    until(lambda: same(sorted(view.edges()), EDGES))
    notebook.run("ipywidgets.HBox([w, ipywidgets.Button(description='beside')])")
    last = page.locator(".kanwidget").last
    last.wait_for()
    until(lambda: same(rectangle(last)["width"] > 0.7 * row, True))
    # What a person asks for comes first.
    notebook.run(
        "w.layout.width = '420px'; w.layout.flex = '0 0 auto'\n"
        "ipywidgets.GridBox([w, others[0]],"
        " layout=ipywidgets.Layout(grid_template_columns='1fr 1fr'))"
    )
    until(lambda: same(round(rectangle(page.locator(".kanwidget").first)["width"]), 420))


def test_hidden_at_first_it_is_drawn_when_its_tab_is_opened(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        [
            SETUP,
            "ipywidgets.Tab([ipywidgets.HTML('nothing yet'), w, others[0]],"
            " titles=['text', 'network', 'other'])",
        ]
    )
    notebook.run_all()
    page = notebook.page
    page.get_by_role("tab", name="network").click()
    view = View(page)
    view.wait()
    until(lambda: same(view.edges(), dict.fromkeys(EDGES, True)))
    assert rectangle(view.root)["width"] > 600
    view.toggle("edge", "0,0,1")
    until(lambda: same(notebook.value("w.active_edges"), 14))
    page.get_by_role("tab", name="text").click()
    notebook.run("w.remove_edge(0, 0, 2)")
    page.get_by_role("tab", name="network").click()
    until(lambda: same(view.edges()["0,0,2"], False))


@pytest.mark.parametrize("height", [400, 700])
def test_in_a_given_height_everything_can_be_reached(
    open_notebook: OpenNotebook, height: int
) -> None:
    notebook = open_notebook([SETUP, f"w.layout.height = '{height}px'\nw"])
    notebook.run_all()
    view = View(notebook.page)
    view.wait()
    assert_reached(view, height)
    notebook.run(f"ipywidgets.VBox([others[0]], layout=ipywidgets.Layout(height='{height}px'))")
    view = Newest(notebook.page)
    view.wait()
    box = notebook.page.locator(".widget-vbox").last
    until(lambda: same(round(rectangle(box)["height"]), height))
    assert_reached(view, None)


def test_under_voila_an_output_shows_it(voila_outputs: App, page: Page) -> None:
    voila_outputs.open(page)
    view = View(page)
    view.wait()
    until(lambda: same(view.edges(), dict.fromkeys(EDGES, True)))
    assert_whole(view)


class Newest(View):
    """The last widget on a page."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.root = page.locator(".kanwidget").last


def assert_all_on(view: View) -> None:
    """Wait until the page shows all edges on."""
    until(lambda: same(view.edges(), dict.fromkeys(EDGES, True)))


def assert_whole(view: View) -> None:
    """Check that no box of an edge is cut off by whatever holds the widget."""
    area = rectangle(view.root)
    for ids, box in view.areas("edge").items():
        assert area["x"] <= box["x"] < box["x"] + box["width"] <= area["x"] + area["width"] + 1, ids
        assert box["y"] + box["height"] <= area["y"] + area["height"] + 1, ids


def assert_reached(view: View, height: int | None) -> None:
    """Check that all of the widget can be brought into sight, by scrolling inside it if need be."""
    host = view.page.locator(".kanwidget-host").last

    def check() -> None:
        if height is not None:
            assert round(rectangle(host)["height"]) == height
        for twin in (view.twin("edge", "0,0,0"), view.twin("edge", "1,4,0"), lowest(view)):
            twin.scroll_into_view_if_needed()
            assert in_sight(twin), twin

    until(check)


def lowest(view: View) -> Locator:
    """Return what stands at the bottom."""
    return view.root.locator(".tabs")


def in_sight(element: Locator) -> bool:
    """Whether an element's middle is on the screen, and not cut off by what holds the widget."""
    found: Any = element.evaluate(
        """(element) => {
            const { x, y, width, height } = element.getBoundingClientRect();
            const host = element.getRootNode().host.closest('.kanwidget-host');
            return host.contains(document.elementFromPoint(x + width / 2, y + height / 2));
        }"""
    )
    return bool(found)
