"""A sweep in JupyterLab: its points come while it runs, and its networks open and are live."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from keyboard import Keyboard
from lab import Notebook
from playwright.sync_api import Page
from runs import COUNT, DATA, RUN, OpenNetwork, ended, point_at_a_run
from servers import SECOND, until
from view import same

OpenNotebook = Callable[[Sequence[str] | Path], Notebook]


def growing(notebook: Notebook) -> None:
    """Run the cells, and see points come."""
    page = notebook.page
    notebook.run_all()
    notebook.scroll_to_widget()
    until(lambda: same(ended(page) >= 3, True), timeout=120)
    first = ended(page)
    until(lambda: same(ended(page) > first, True))
    assert notebook.value("runs.running")


def stopped(notebook: Notebook) -> None:
    """See that the runs that have ended stay, and no more come."""
    until(lambda: same(notebook.value("runs.running"), False))
    kept = notebook.value("len(runs)")
    assert 3 <= kept < COUNT
    until(lambda: same(ended(notebook.page), kept))
    until(lambda: same(notebook.page.locator('[data-role="stop"]').is_visible(), False))


def pruned_live(notebook: Notebook, number: int, act: Callable[[OpenNetwork], str]) -> None:
    """Switch an edge of the open network off, and see the live model follow."""
    network = OpenNetwork(notebook.page)
    network.wait()
    live = f"runs.view().networks[{number}]"
    before = notebook.value(f"{live}.active_edges")
    ids = act(network)
    until(lambda: same(notebook.value(f"{live}.removed_edges"), [[int(k) for k in ids.split(",")]]))
    assert notebook.value(f"{live}.active_edges") == before - 1
    until(lambda: same(network.edges()[ids], False))


def test_by_mouse(open_notebook: OpenNotebook, page: Page) -> None:
    notebook = open_notebook([DATA, RUN])
    growing(notebook)
    page.locator('[data-role="stop"]').click()
    stopped(notebook)
    number = point_at_a_run(page)
    # What is under the mouse is drawn small, by the kernel's answer.
    page.locator(".runs-card canvas").wait_for(state="visible")
    page.mouse.down()
    page.mouse.up()
    until(lambda: same(notebook.value("runs.view().opened"), [number]))
    assert notebook.value("runs.view().selected") == number

    def click(network: OpenNetwork) -> str:
        ids = next(ids for ids, on in network.edges().items() if on)
        network.click("edge", ids)
        return ids

    pruned_live(notebook, number, click)
    # A second one is beside it, and the first is closed.
    page.locator(".runs-table tr[data-place] button").nth(1).click()
    sections = page.locator(".runs-networks section[data-run]")
    until(lambda: same(sections.count(), 2))
    sections.first.locator('[data-role="close-network"]').click()
    until(lambda: same(sections.count(), 1))
    until(lambda: same(len(notebook.value("runs.view().opened")), 1))
    page.locator('[data-role="compare"]').click()
    page.locator(".runs-agreement figure").first.wait_for(timeout=60 * SECOND)
    # All of it is there again on a new page.
    kept = notebook.value("len(runs)")
    notebook.save()
    notebook.reload()
    notebook.scroll_to_widget()
    until(lambda: same(ended(page), kept))
    until(lambda: same(sections.count(), 1))
    page.locator(".runs-networks button[data-edge]").first.wait_for(state="attached")


def test_by_keyboard(open_notebook: OpenNotebook, page: Page) -> None:
    notebook = open_notebook([DATA, RUN])
    growing(notebook)
    keys = Keyboard(page)
    page.locator(".runs .check select").first.focus()
    keys.go_to('[data-role="stop"]', "Shift+Tab")
    keys.press("Enter")
    stopped(notebook)
    keys.go_to(".scatter")
    keys.press("Home")
    keys.press("ArrowRight")
    keys.press("ArrowDown")
    said = page.locator(".runs > [role=status]")

    def told() -> int:
        found = re.match(r"Run (\d+): \d+ edges?, test loss", said.inner_text())
        assert found, said.inner_text()
        assert notebook.value("runs.view().selected") == int(found[1])
        return int(found[1])

    number = until(told)
    keys.press("Enter")
    until(lambda: same(notebook.value("runs.view().opened"), [number]))
    until(lambda: same(said.inner_text(), f"The network of run {number} is open below"))

    def switch(network: OpenNetwork) -> str:
        keys.go_to(".twins button")
        keys.go_to("button[data-edge][aria-pressed=true]", "ArrowRight")
        ids = keys.focused("data-edge")
        assert ids is not None
        keys.press("Space")
        return ids

    pruned_live(notebook, number, switch)


def test_an_interrupt_keeps_what_has_ended(open_notebook: OpenNotebook, page: Page) -> None:
    notebook = open_notebook([DATA, RUN, "runs.wait();"])
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells'), null")
    page.locator(".runs > .top .status").wait_for(timeout=60 * SECOND)
    # The cell waits, and the view grows all the same.
    until(lambda: same(ended(page) >= 2, True), timeout=120)
    page.evaluate("window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
    notebook.wait_idle()
    assert not notebook.value("runs.running")
    kept = notebook.value("len(runs)")
    assert 2 <= kept < COUNT
    until(lambda: same(ended(page), kept))
