"""Commands at once after a drag, in ipywidgets' real order of messages: what is shown counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cells import MODEL, WIDGET
from lab import Notebook
from labview import LabView, look
from playwright.sync_api import Page
from servers import until
from view import rectangle, same

OpenNotebook = Callable[[Sequence[str] | Path], Notebook]

BUSY = """
import os, time
while not os.path.exists({end!r}):
    time.sleep(0.05)
"""


@pytest.fixture(params=["lab", "notebook 7"])
def view(request: pytest.FixtureRequest, page: Page) -> LabView:
    """A notebook that has run, with a small model and its widget on the screen."""
    host = "open_notebook" if request.param == "lab" else "open_notebook_7"
    notebook: Notebook = request.getfixturevalue(host)([MODEL, WIDGET])
    notebook.run_all()
    return look(notebook)


def begin_cell(notebook: Notebook, source: str) -> None:
    """Run one more cell, and do not wait for its end."""
    notebook.page.evaluate(
        """async (source) => {
            const app = window.jupyterapp;
            const notebook = app.shell.currentWidget.content;
            notebook.activeCellIndex = notebook.widgets.length - 1;
            await app.commands.execute('notebook:insert-cell-below');
            notebook.activeCell.model.sharedModel.setSource(source);
            void app.commands.execute('notebook:run-cell');
        }""",
        source,
    )
    notebook.page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session"
        "?.kernel?.status === 'busy'"
    )
    notebook.scroll_to_widget()


def drag(view: LabView) -> dict[str, bool]:
    """Drag the threshold until something goes, farther, and let go; return the edges on show."""
    view.press_threshold()
    view.move_threshold_until_some_go()
    area = rectangle(view.threshold())
    view.page.mouse.move(area["x"] + 0.9 * area["width"], area["y"] + area["height"] / 2, steps=20)
    view.next_frame()
    shown = view.edges()
    assert not all(shown.values())
    view.page.mouse.up()
    return shown


@pytest.mark.parametrize("busy", [True, False], ids=["while a cell runs", "when idle"])
def test_an_undo_at_once_after_a_drag_undoes_it(view: LabView, busy: bool, tmp_path: Path) -> None:
    end = tmp_path / "end"
    if busy:
        begin_cell(view.notebook, BUSY.format(end=str(end)))
    shown = drag(view)
    view.page.keyboard.press("Control+z")
    end.touch()
    view.notebook.wait_idle()
    until(lambda: same(view.notebook.value("w.session.history.current.id"), 0))
    until(lambda: same(set(view.edges().values()), {True}))
    until(view.assert_agrees)
    # Nothing comes late and undoes the undo; and the whole drag was one step.
    view.page.wait_for_timeout(500)
    assert view.notebook.value("[w.node_threshold, torch.equal(model(x), before)]") == [0.0, True]
    view.root.locator('[data-role="redo"]').click()
    until(lambda: same(view.edges(), shown))
    until(view.assert_agrees)


@pytest.mark.parametrize("busy", [True, False], ids=["while a cell runs", "when idle"])
def test_a_commit_at_once_after_a_drag_commits_what_was_shown(
    view: LabView, busy: bool, tmp_path: Path
) -> None:
    end = tmp_path / "end"
    if busy:
        begin_cell(view.notebook, BUSY.format(end=str(end)))
    shown = drag(view)
    view.press("commit")
    end.touch()
    view.notebook.wait_idle()
    until(lambda: same(view.notebook.value("w.session.history.current.kind"), "commit"))
    view.page.wait_for_timeout(500)
    assert view.notebook.value("_probe.mask(model)") == shown
    assert view.notebook.value("w.node_threshold") == 0.0
    until(lambda: same(view.edges(), shown))
    until(view.assert_agrees)
