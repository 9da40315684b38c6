"""The picture that a notebook keeps of a widget: an output of its own, up to the widget."""

from __future__ import annotations

import asyncio
import base64
import gc
import io
import weakref
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import ipywidgets
import pytest
import virtual_time
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image
from torch import Tensor

from kanwidget import KAN, KANWidget

VIEW = "application/vnd.jupyter.widget-view+json"


class Cells:
    """A shell whose cells hold ``w``, and what they show."""

    def __init__(self, shell: InteractiveShell, w: KANWidget) -> None:
        self.shell = shell
        shell.display_pub = CapturingDisplayPublisher(shell=shell)
        self.outputs: list[dict[str, Any]] = shell.display_pub.outputs
        shell.push({"w": w})

    def run(self, source: str) -> list[dict[str, Any]]:
        """Run a cell; return what was shown meanwhile."""
        before = len(self.outputs)
        self.shell.run_cell(source, store_history=True).raise_error()
        return self.outputs[before:]


@pytest.fixture
def widget(model: KAN, dataset: dict[str, Tensor]) -> Iterator[KANWidget]:
    w = KANWidget(model, dataset)
    yield w
    w.close()


@pytest.fixture
def cells(widget: KANWidget) -> Iterator[Cells]:
    yield Cells(InteractiveShell.instance(), widget)
    InteractiveShell.clear_instance()


def pictures(shown: list[dict[str, Any]]) -> list[str]:
    """Return what is said of each picture that is an output of its own."""
    return [o["data"]["text/plain"] for o in shown if set(o["data"]) == {"image/png", "text/plain"}]


def test_a_cell_shows_the_view_and_behind_it_the_picture_that_the_view_hides(
    cells: Cells, widget: KANWidget
) -> None:
    view, picture = cells.run("display(w); print()")
    assert set(view["data"]) == {VIEW, "text/plain"}
    assert view["data"][VIEW]["model_id"] == widget.model_id
    # Where no view can be, nothing is said twice.
    assert view["data"]["text/plain"] == ""
    assert pictures([picture]) == ["KANWidget([2, 5, 1], 15 of 15 edges on)"]
    # No host and no export has to clean it; its height follows from its width.
    assert set(picture["metadata"]["image/png"]) == {"width", "alt"}
    with Image.open(io.BytesIO(base64.b64decode(picture["data"]["image/png"]))) as image:
        assert image.info["kanwidget"] == widget.get_state()["_picture"]
        assert image.width / picture["metadata"]["image/png"]["width"] in (1, 1.5)


def test_each_cell_that_shows_it_has_one_picture(cells: Cells) -> None:
    assert len(pictures(cells.run("for _ in range(3): display(w)"))) == 1
    assert len(pictures(cells.run("display(w)"))) == 1


def test_a_notebook_may_go_without_a_picture(model: KAN, dataset: dict[str, Tensor]) -> None:
    w = KANWidget(model, dataset, preview=False)
    cells = Cells(InteractiveShell.instance(), w)
    try:
        (view,) = cells.run("display(w)")
        assert view["data"]["text/plain"] == "KANWidget([2, 5, 1], 15 of 15 edges on)"
        assert cells.run("w.remove_edge(0, 0, 1)") == []
    finally:
        InteractiveShell.clear_instance()
        w.close()


def test_an_output_widget_has_no_picture_of_what_is_shown_in_it(
    cells: Cells, widget: KANWidget
) -> None:
    out = ipywidgets.Output()
    out.msg_id = "as while it takes what is shown"
    (view,) = cells.run("display(w)")
    assert set(view["data"]) == {VIEW, "text/plain"}
    out.msg_id = ""
    assert len(pictures(cells.run("display(w)"))) == 1


def test_the_value_of_a_kernel_s_cell_has_no_number_before_it(
    cells: Cells, widget: KANWidget
) -> None:
    shell: Any = cells.shell
    assert shell.run_cell("w").result is widget  # a terminal shows it as ever
    shell.displayhook.msg = {"header": {}}  # as a kernel's, while it shows a value
    before = len(cells.outputs)
    done = shell.run_cell("w", store_history=True)
    shell.displayhook.msg = None
    assert done.result is widget
    view, picture = cells.outputs[before:]
    assert VIEW in view["data"]
    assert pictures([view, picture]) == ["KANWidget([2, 5, 1], 15 of 15 edges on)"]
    assert shell.user_ns["_"] is widget


def test_what_cells_do_is_in_the_picture(cells: Cells) -> None:
    shown = cells.run("display(w)")
    assert cells.run("w.loss") == []
    (again,) = cells.run("w.remove_edge(0, 0, 1); w.remove_node(1, 4)")
    assert pictures([again]) == ["KANWidget([2, 5, 1], 11 of 15 edges on)"]
    assert again["data"]["image/png"] != shown[-1]["data"]["image/png"]
    assert again["update"]
    assert again["transient"] == shown[-1]["transient"]
    assert cells.run("w.tolerance = 0.1; w.selected = [(0, 0, 0)]") == []


def test_a_drag_draws_nothing_before_the_hand_rests(dataset: dict[str, Tensor], model: KAN) -> None:
    async def scenario() -> None:
        w = KANWidget(model, dataset)
        cells = Cells(InteractiveShell.instance(), w)
        cells.run("display(w)")
        drawn = len(cells.outputs)
        for step in range(20):
            w.set_state({"node_threshold": 0.001 * step})
            await asyncio.sleep(0.2)
            assert len(cells.outputs) == drawn
        w.set_state({"node_threshold": 0.0, "removed_edges": [[0, 0, 0]]})
        await asyncio.sleep(60)
        (update,) = cells.outputs[drawn:]
        assert "14 of 15 edges on" in update["data"]["text/plain"]
        w.close()

    try:
        virtual_time.run(scenario())
    finally:
        InteractiveShell.clear_instance()


def test_outside_of_cells_the_picture_is_in_the_view_s_output(
    cells: Cells, widget: KANWidget
) -> None:
    assert "image/png" in widget._repr_mimebundle_()[0]
    assert cells.outputs == []


def test_a_picture_that_fails_leaves_the_view_alone(
    cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object, **options: object) -> None:
        raise RuntimeError("no fonts here")

    monkeypatch.setattr(KANWidget, "figure", broken)
    (view,) = cells.run("display(w)")
    assert set(view["data"]) == {VIEW, "text/plain"}
    assert cells.run("w.remove_edge(0, 0, 1)") == []


def test_a_closed_widget_leaves_its_picture_and_nothing_else(
    dataset: dict[str, Tensor],
) -> None:
    shell = InteractiveShell.instance()
    watched = len(shell.events.callbacks["post_run_cell"])
    try:
        model = KAN([2, 2, 1], seed=0)
        w = KANWidget(model, dataset)
        cells = Cells(shell, w)
        cells.run("display(w); w.remove_edge(0, 0, 1)")
        left = [weakref.ref(w), weakref.ref(w.session), weakref.ref(model)]
        assert cells.run("w.close(); del w") == []
        del w, model
        shell.reset(new_session=False)
        gc.collect()
        assert [ref() for ref in left if ref() is not None] == []
        assert len(shell.events.callbacks["post_run_cell"]) == watched
    finally:
        InteractiveShell.clear_instance()


def test_a_widget_that_is_closed_in_its_own_cell_leaves_its_picture(cells: Cells) -> None:
    shown = cells.run("display(w); w.remove_edge(0, 0, 1); w.close()")
    assert pictures(shown) == ["KANWidget([2, 5, 1], 14 of 15 edges on)"]
    assert len(shown) == 2


def test_a_page_without_a_notebook_has_no_mark(widget: KANWidget) -> None:
    assert widget.get_state()["_picture"] not in widget.to_html()


def test_a_page_holds_the_view_once(widget: KANWidget) -> None:
    page = widget.to_html()
    script = (files("kanwidget") / "static" / "widget.js").read_text(encoding="utf-8")
    assert page.count(script) == 1
    assert len(page) < len(script) + 300_000  # and the network beside it
    assert "_esm" not in widget.page_state()
