"""Closed widgets leave neither canvases in the page nor models in the kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cells import MODEL
from lab import Notebook
from playwright.sync_api import Page
from servers import until
from view import same

# JupyterLab shows fifty outputs of a cell, and a widget has two: its view and its picture.
BATCH = 25

# Remembers weakly, and counts what is still remembered.
COLLECT = """() => {
    window.remembered ??= new Set();
    const known = new Set([...window.remembered].map((ref) => ref.deref()));
    for (const output of document.querySelectorAll('.jp-OutputArea-output *')) {
        for (const canvas of output.shadowRoot?.querySelectorAll('canvas') ?? []) {
            if (!known.has(canvas)) window.remembered.add(new WeakRef(canvas));
        }
    }
    return window.remembered.size;
}"""
ALIVE = "() => [...window.remembered].filter((ref) => ref.deref()).length"


def test_two_hundred_closed_widgets_leave_no_canvas_and_no_model(
    open_notebook: Callable[[Sequence[str] | Path], Notebook], page: Page
) -> None:
    notebook = open_notebook([MODEL, "import kanprobe\nbrood = kanprobe.Brood(dataset)"])
    notebook.run_all()
    widgets = page.locator(".kanwidget")
    remembered = 0
    for batch in range(200 // BATCH):
        notebook.run(f"brood.show({BATCH})")
        until(lambda: same(widgets.count(), BATCH))
        until(lambda: same(page.locator(".kanwidget button[data-edge='0,0,0']").count(), BATCH))
        before, remembered = remembered, page.evaluate(COLLECT)
        assert remembered - before >= BATCH
        if batch % 2:
            notebook.clear_outputs()
        notebook.run("brood.close()")
        until(lambda: same(widgets.count(), 0))
    assert page.locator("canvas").count() == 0
    assert notebook.value("brood.alive()") == 0

    session = page.context.new_cdp_session(page)

    def forgotten() -> None:
        session.send("HeapProfiler.collectGarbage")
        assert page.evaluate(ALIVE) == 0

    until(forgotten)
