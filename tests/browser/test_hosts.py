"""The widget in hosts other than JupyterLab: drawn, dragged, toggled, and after a reload."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from apps import App, marimo_example
from cells import EDGES, MODEL, WIDGET
from lab import Notebook
from playwright.sync_api import Page
from servers import SECOND, Server, until
from view import View, ends, same

OpenNotebook = Callable[[Sequence[str] | Path], Notebook]
Facts = Callable[[], dict[str, Any]]


def test_in_notebook_7_it_prunes_the_model_and_comes_back_after_a_reload(
    open_notebook_7: OpenNotebook,
) -> None:
    notebook = open_notebook_7([MODEL, WIDGET])
    notebook.run_all()
    notebook.define(
        "import json, kanprobe; tell = kanprobe.teller(w, model, dataset)\n"
        "curves = kanprobe.curves(model, w._curves_x)"
    )
    notebook.scroll_to_widget()
    view = View(notebook.page)
    view.wait()
    until(lambda: view.assert_curves(EDGES, notebook.value("curves")))

    def facts() -> dict[str, Any]:
        told: dict[str, Any] = notebook.value("tell()")
        return told

    drag(view, facts)
    toggle(view, facts)

    held, shown = facts(), (view.edges(), view.status(), view.threshold().input_value())
    notebook.save()
    notebook.reload()
    notebook.scroll_to_widget()
    view = View(notebook.page)
    view.wait()
    until(lambda: same((view.edges(), view.status(), view.threshold().input_value()), shown))
    assert facts() == held
    toggle(view, facts)


def test_in_marimo_it_prunes_the_model_and_starts_anew_after_a_reload(
    marimo_server: App, page: Page
) -> None:
    open_app(marimo_server, page)
    work_and_reload(marimo_server, page)


def test_under_voila_it_prunes_the_model_and_starts_anew_after_a_reload(
    voila_server: App, page: Page
) -> None:
    open_app(voila_server, page)
    work_and_reload(voila_server, page)


def test_under_voila_a_view_whose_kernel_was_killed_computes_by_itself(
    voila_server: App, page: Page
) -> None:
    view = open_app(voila_server, page)
    toggle(view, voila_server.facts)
    told = voila_server.facts()
    os.kill(told["process"], signal.SIGKILL)
    notice = view.root.locator('[data-role="notice"]')
    until(lambda: same(notice.inner_text()[:22], "No kernel is connected"))
    view.assert_figures(told["active_edges"], told["loss"])
    off = next(ids for ids, on in view.edges().items() if not on)
    view.toggle("edge", off)
    until(lambda: same(set(view.edges().values()), {True}))
    until(lambda: view.assert_figures(15, told["baseline_loss"]))


@pytest.mark.parametrize("host", ["marimo", "voila"])
def test_an_undo_at_once_after_a_drag_undoes_it(
    host: str, page: Page, request: pytest.FixtureRequest
) -> None:
    app: App = request.getfixturevalue(f"{host}_server")
    view = open_app(app, page)

    def assert_undone() -> None:
        told = app.facts()
        assert (told["node_threshold"], set(told["mask"].values())) == (0.0, {True})
        assert_agree(view, told)

    until(assert_undone)
    view.press_threshold()
    view.move_threshold_until_some_go()
    page.mouse.up()
    page.keyboard.press("Control+z")
    page.wait_for_timeout(SECOND)
    until(assert_undone)
    # And the drag was a step: it can come back.
    view.root.locator('[data-role="redo"]').click()
    until(lambda: same(app.facts()["node_threshold"] > 0, True))
    until(lambda: assert_agree(view, app.facts()))


def test_marimo_runs_dependent_cells_at_most_ten_times_a_second(
    marimo_server: App, page: Page
) -> None:
    view = open_app(marimo_server, page)
    runs = len(marimo_server.runs())

    lasted = view.threshold().evaluate(FAST_DRAG)
    # What is shown in the end is what was last set, and what Python has.
    until(lambda: assert_agree(view, marimo_server.facts()))
    assert not all(view.edges().values())

    seen = len(marimo_server.runs()) - runs
    print(f"{seen} runs in {lasted / SECOND:.1f} s")
    # One on the first move, and one when the hand lets go, come whenever they come.
    assert 5 <= seen <= 10 * lasted / SECOND + 2


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Server]:
    """The marimo app of the examples, as it is."""
    server = marimo_example(tmp_path)
    yield server
    server.stop()


def test_the_marimo_example_s_own_cells_follow_the_hand(example: Server, page: Page) -> None:
    page.goto(example.url)
    view = View(page)
    view.wait()
    learned = page.locator("svg polyline[stroke='#0072b2']")

    def drawn() -> list[str | None]:
        return [line.get_attribute("points") for line in learned.all()]

    def assert_follows() -> None:
        edges, loss = (
            (stat.get_attribute("data-value") or "").strip('"')
            for stat in page.locator("marimo-stat").all()
        )
        assert int(edges) == sum(view.edges().values())
        view.assert_figures(int(edges), float(loss))

    until(assert_follows)
    assert learned.count() == 2
    # Two numbers, two curves, the network and a script are what it shows: no cell tells more.
    assert page.locator("marimo-json-output").count() == 0
    before = drawn()

    # As fast as no hand moves, and as far as nothing is left.
    page.evaluate(COUNT_CHANGES)
    lasted = view.threshold().evaluate(FAST_DRAG)
    until(assert_follows)
    assert not all(view.edges().values())
    assert drawn() != before
    changes = page.evaluate("() => window.changes")
    print(f"{changes} changes in {lasted / SECOND:.1f} s")
    assert 3 <= changes <= 10 * lasted / SECOND + 2

    # A hand that holds the slider sees all follow before it lets go.
    view.press("reset")
    until(lambda: same(drawn(), before))  # what a network without its curves makes was another
    view.press_threshold()
    view.move_threshold_until_some_go()
    until(assert_follows)
    page.mouse.up()
    until(assert_follows)


# Counts how often what the app draws beside the widget is another one.
COUNT_CHANGES = """() => {
    window.changes = 0;
    let last = null;
    const look = () => {
        const all = [...document.querySelectorAll("marimo-stat")];
        const now = all.map((stat) => stat.dataset.value).join();
        if (last !== null && now !== last) window.changes += 1;
        last = now;
        requestAnimationFrame(look);
    };
    look();
}"""

# A thousand positions, some five milliseconds apart.
FAST_DRAG = """async (slider) => {
    const started = performance.now();
    for (let move = 0; move < 1000; move++) {
        slider.value = 500 + 450 * Math.sin(move / 30);
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        await new Promise((go) => setTimeout(go, 4));
    }
    slider.value = 500;
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    slider.dispatchEvent(new Event('change', { bubbles: true }));
    return performance.now() - started;
}"""


def open_app(app: App, page: Page) -> View:
    """Open an app's page in a session of its own."""
    app.open(page)
    app.wait_for_session()
    view = View(page)
    view.wait()
    return view


def work_and_reload(app: App, page: Page) -> None:
    """Prune in an app, and see that a reload begins with a fresh network."""
    view = View(page)
    drag(view, app.facts)
    toggle(view, app.facts)
    page.reload()
    app.wait_for_session()
    view.wait()
    until(lambda: same(view.edges(), dict.fromkeys(EDGES, True)))
    until(lambda: assert_agree(view, app.facts()))
    toggle(view, app.facts)


def drag(view: View, facts: Facts) -> None:
    """Drag the node threshold until some edges go; page, model and rule must name the same."""
    assert sorted(view.edges()) == EDGES
    until(lambda: assert_agree(view, facts()))
    assert all(view.edges().values())
    view.press_threshold()
    view.move_threshold_until_some_go()
    view.page.mouse.up()

    def agree() -> None:
        told = facts()
        assert_agree(view, told)
        limit, scores = told["node_threshold"], told["node_scores"]
        gone = {node for node, score in scores.items() if score <= limit}
        assert 0 < len(gone) < len(scores)
        kept = {ids: not gone & {f"{l},{n}" for l, n in ends(ids)} for ids in EDGES}
        assert told["mask"] == kept

    until(agree)


def toggle(view: View, facts: Facts) -> None:
    """Switch one edge that is on off from the keyboard."""
    before = view.edges()
    ids = next(ids for ids, on in before.items() if on)
    view.toggle("edge", ids)
    until(lambda: same(view.edges(), before | {ids: False}))
    until(lambda: assert_agree(view, facts()))
    assert [int(n) for n in ids.split(",")] in facts()["removed_edges"]


def assert_agree(view: View, told: dict[str, Any]) -> None:
    """Check that the page shows the edges and the loss that Python has."""
    assert view.edges() == told["mask"]
    assert told["active_edges"] == sum(told["mask"].values())
    view.assert_figures(told["active_edges"], told["loss"])
