"""The widget in JupyterLab, worked with a mouse; what the page shows against what Python holds."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cells import EDGES, MODEL, WIDGET
from lab import Notebook
from labview import LabView, between, look, opened
from servers import until
from view import ends, rectangle, same

OpenNotebook = Callable[[Sequence[str] | Path], Notebook]

EXAMPLE = Path(__file__).parents[2] / "examples" / "01_pruning.ipynb"


@pytest.fixture
def view(open_notebook: OpenNotebook) -> LabView:
    """A notebook that has run, with a small model and its widget on the screen."""
    return opened(open_notebook([MODEL, WIDGET]))


def test_the_example_notebook_runs_and_shows_the_whole_network(open_notebook: OpenNotebook) -> None:
    view = opened(open_notebook(EXAMPLE))
    assert sorted(view.edges()) == EDGES
    until(view.assert_agrees)
    until(lambda: view.assert_shown([ids for ids, on in view.edges().items() if on]))


@pytest.mark.parametrize("page", [1, 2], indirect=True, ids=["plain screen", "fine screen"])
def test_the_canvas_shows_each_edge_as_the_model_computes_it(view: LabView) -> None:
    assert sorted(view.edges()) == EDGES
    until(lambda: view.assert_shown(EDGES))
    until(view.assert_agrees)


def test_dragging_the_node_slider_prunes_the_live_model_and_back_restores_it(view: LabView) -> None:
    value = view.notebook.value
    scores: dict[str, float] = value("_probe.node_scores(original)")
    weak = sorted(scores, key=scores.__getitem__)[:2]
    kept = {
        ids: not any(f"{l},{n}" in weak for l, n in ends(ids)) for ids in EDGES
    }  # without the two weakest hidden nodes

    view.press_threshold()
    view.move_threshold(*between(scores, taken=2))
    until(lambda: same(view.edges(), kept))  # the preview, before the button is let go
    view.page.mouse.up()

    until(lambda: same(value("_probe.mask(model)"), kept))
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
    until(lambda: view.assert_shown(EDGES))


def test_a_click_on_a_curve_takes_the_edge_and_another_brings_it_back(view: LabView) -> None:
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
    until(lambda: view.assert_shown(EDGES))


def test_a_click_on_a_node_takes_all_its_edges_and_another_brings_them_back(view: LabView) -> None:
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


def test_an_edge_can_be_toggled_from_the_keyboard(view: LabView) -> None:
    view.toggle("edge", "1,4,0")
    until(lambda: same(view.edges(), {ids: ids != "1,4,0" for ids in EDGES}))
    until(view.assert_agrees)
    view.toggle("edge", "1,4,0")
    until(lambda: same(set(view.edges().values()), {True}))
    until(view.assert_agrees)
    assert view.notebook.value("torch.equal(model(x), before)")


def test_what_a_later_cell_does_to_the_model_shows_on_the_canvas(view: LabView) -> None:
    view.notebook.run("model.remove_edge(0, 0, 1)")
    view.notebook.scroll_to_widget()
    until(lambda: same(view.edges(), {ids: ids != "0,0,1" for ids in EDGES}))
    until(view.assert_agrees)
    assert view.notebook.value("model.mask[0][1, 0].item()") == 0.0
    until(lambda: view.assert_shown([ids for ids in EDGES if ids != "0,0,1"]))


def test_the_next_cell_computes_with_what_was_toggled(view: LabView) -> None:
    view.toggle("edge", "1,0,0")
    view.notebook.run("after = model(x)")
    assert view.notebook.value("model.mask[1][0, 0].item()") == 0.0
    assert view.notebook.value("(after - before).abs().max().item()") > 1e-6


def test_a_page_reload_shows_the_same_state(view: LabView) -> None:
    value = view.notebook.value
    view.press_threshold()
    view.move_threshold(*between(value("_probe.node_scores(original)"), taken=1))
    view.page.mouse.up()
    until(lambda: same(len([on for on in view.nodes().values() if not on]), 1))
    alive = next(ids for ids, on in view.edges().items() if on and ids.startswith("0,"))
    view.toggle("edge", alive)
    until(lambda: same(len(value("w.removed_edges")), 1))
    until(view.assert_agrees)
    until(lambda: view.assert_figures(value("w.active_edges"), value("w.loss")))
    value("globals().__setitem__('now', model(x))")

    def shown() -> dict[str, Any]:
        return {
            "edges": view.edges(),
            "nodes": view.nodes(),
            "threshold": view.threshold().input_value(),
            "status": view.root.locator('[data-role="status"]').inner_text(),
        }

    def held() -> Any:
        return value(
            "[w.node_threshold, w.removed_edges, w.active_edges, w.loss, _probe.mask(model)]"
        )

    page_before, kernel_before = shown(), held()
    view.notebook.save()
    view.notebook.reload()
    view = look(view.notebook)
    until(lambda: same(shown(), page_before))
    assert held() == kernel_before
    assert value("torch.equal(model(x), now)")
    until(lambda: view.assert_shown([ids for ids, on in view.edges().items() if on]))

    # And it is not only a picture.
    view.toggle("edge", alive)
    until(lambda: same(value("w.removed_edges"), []))
    until(view.assert_agrees)


def test_a_right_click_opens_the_widgets_menu_and_not_jupyters(view: LabView) -> None:
    area = rectangle(view.twin("edge", "0,0,1"))
    middle = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    view.page.mouse.click(*middle, button="right")
    view.root.get_by_role("menuitem", name="Switch off", exact=True).click()
    until(lambda: same(view.edges()["0,0,1"], False))
    until(view.assert_agrees)
    assert not view.page.locator(".lm-Menu").is_visible()


CELL = "model.fit(dataset, opt='Adam', steps=60, progress=False, callback=w.refresh)"
THREAD = """
import threading
training = threading.Thread(
    target=lambda: model.fit(dataset, opt="Adam", steps=60, progress=False)
)
training.start()
"""


@pytest.mark.parametrize("training", [CELL, THREAD], ids=["in a cell", "in a thread"])
def test_a_training_is_one_row_of_history_and_the_view_follows(
    view: LabView, training: str
) -> None:
    value = view.notebook.value
    view.root.locator('[data-panel="history"]').click()
    rows = view.root.locator(".steps .go")
    until(lambda: same(rows.count(), 1))
    view.toggle("edge", "0,0,1")
    until(lambda: same(rows.count(), 2))
    loss = value("w.loss")
    view.notebook.run(training)
    view.notebook.scroll_to_widget()
    if training == THREAD:
        until(lambda: same(value("training.is_alive()"), False), timeout=120)
    view.page.mouse.move(2, 2)

    def follows() -> None:
        assert value("w.loss") < loss
        view.assert_figures(14, value("w.session.preview().loss"))
        view.assert_agrees()
        view.assert_shown([ids for ids in EDGES if ids != "0,0,1"])

    until(follows, timeout=120)
    assert rows.count() == 3
    # It goes on as one, and what is switched then is a step of its own.
    view.toggle("edge", "1,0,0")
    until(lambda: same(rows.count(), 4))
    until(view.assert_agrees)


@pytest.mark.parametrize("end", ["restarted", "killed", "shut down"])
def test_a_widget_whose_kernel_has_gone_says_so_and_computes_by_itself(
    view: LabView, end: str
) -> None:
    value = view.notebook.value
    expected = value("w.session.preview(removed_edges=[(0, 0, 1)]).loss")
    if end == "killed":  # JupyterLab starts another one by itself
        os.kill(value("__import__('os').getpid()"), signal.SIGKILL)
    else:
        ending = {"restarted": "restartKernel", "shut down": "shutdown"}[end]
        view.page.evaluate(
            "(end) => window.jupyterapp.shell.currentWidget.sessionContext[end]()", ending
        )
    if end == "shut down":
        # Nothing tells of it; a hand that comes near finds out.
        view.twin("edge", "1,0,0").focus()
    notice = view.root.locator('[data-role="notice"]')
    until(lambda: same(notice.inner_text()[:22], "No kernel is connected"))
    if end == "killed":
        view.page.locator(".jp-Dialog .jp-mod-accept").click()  # it tells that the kernel died
    view.toggle("edge", "0,0,1")
    until(lambda: same(view.edges(), {ids: ids != "0,0,1" for ids in EDGES}))
    until(lambda: view.assert_figures(14, expected))
    assert view.root.locator('[data-role="commit"]').count() == 0
