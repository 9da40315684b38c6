"""The widget in hosts other than JupyterLab: drawn, dragged, toggled, and after a reload."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from apps import App
from cells import EDGES, MODEL, WIDGET
from lab import Notebook
from playwright.sync_api import Page
from servers import SECOND, until
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


def test_marimo_runs_dependent_cells_at_most_ten_times_a_second(
    marimo_server: App, page: Page
) -> None:
    view = open_app(marimo_server, page)
    runs = len(marimo_server.runs())

    # As fast as no hand moves: 1,000 positions, some five milliseconds apart.
    lasted = view.threshold().evaluate(
        """async (slider) => {
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
    )
    # What is shown in the end is what was last set, and what Python has.
    until(lambda: assert_agree(view, marimo_server.facts()))
    assert not all(view.edges().values())

    seen = len(marimo_server.runs()) - runs
    print(f"{seen} runs in {lasted / SECOND:.1f} s")
    # One on the first move, and one when the hand lets go, come whenever they come.
    assert 5 <= seen <= 10 * lasted / SECOND + 2


def open_app(app: App, page: Page) -> View:
    """Open an app's page in a session of its own."""
    page.goto(app.url)
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
