"""Apps: a marimo app and a notebook under Voila. Each tells of itself through a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nbformat
from cells import MODEL, WIDGET
from playwright.sync_api import Page, TimeoutError
from servers import SECOND, Server, until

EXAMPLE = Path(__file__).parents[2] / "examples" / "marimo_app.py"


class App(Server):
    """A server of one app, in which `kanprobe` writes to the files that are read here."""

    def __init__(self, folder: Path, command: Callable[[int], Sequence[str]], ready: str) -> None:
        self._told, self._ticks = told_in(folder), ticks_in(folder)
        self._seen = ""
        super().__init__(folder, command, ready=ready)

    def open(self, page: Page) -> None:
        """Open the app, once more if its kernel hangs at its start: two may ask for one port."""
        try:
            page.goto(self.url, timeout=30 * SECOND)
        except TimeoutError:
            page.goto(self.url)

    def facts(self) -> dict[str, Any]:
        """Return how widget and model stand in the newest session."""
        facts: dict[str, Any] = json.loads(self._told.read_text())
        return facts

    def runs(self) -> list[float]:
        """Return when the cell that depends on the widget has run, in seconds."""
        return [float(line) for line in self._ticks.read_text().splitlines()]

    def wait_for_session(self) -> None:
        """Wait until a session that was not there at the last call tells of itself."""

        def told() -> str:
            assert self._told.exists(), "the app has told nothing"
            session: str = self.facts()["session"]
            assert session != self._seen, "no new session"
            return session

        self._seen = until(told, timeout=120)


def told_in(folder: Path) -> Path:
    """Return the file that `kanprobe.keep` writes."""
    return folder / "told.json"


def ticks_in(folder: Path) -> Path:
    """Return the file that `kanprobe.tick` writes."""
    return folder / "ticks.txt"


def telling(folder: Path) -> str:
    """Return the line of an app that keeps its file."""
    return f"__import__('kanprobe').keep(w, model, dataset, {str(told_in(folder))!r})"


def marimo_app(folder: Path) -> App:
    """Serve the example, in run mode, with two cells more: one that tells, one that depends."""
    cells = (
        f"@app.cell\ndef _(dataset, model, w):\n    {telling(folder)}\n    return\n\n\n"
        f"@app.cell\ndef _(network):\n    network.value\n"
        f"    __import__('kanprobe').tick({str(ticks_in(folder))!r})\n    return\n\n\n"
    )
    end = 'if __name__ == "__main__":'
    source = EXAMPLE.read_text()
    assert end in source
    return _marimo(folder, source.replace(end, cells + end))


def marimo_example(folder: Path) -> Server:
    """Serve the example as it is, in run mode; nothing of it is told but what its page shows."""
    return _marimo(folder, EXAMPLE.read_text())


def marimo_cells(folder: Path, sources: Sequence[str]) -> App:
    """Serve an app whose one cell runs the sources, and shows the value of the last line."""
    lines = "".join(f"    {line}\n" for source in sources for line in source.strip().splitlines())
    return _marimo(
        folder,
        f"import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n{lines}    return\n\n\n"
        'if __name__ == "__main__":\n    app.run()\n',
    )


def _marimo(folder: Path, source: str) -> App:
    path = folder / "app.py"
    path.write_text(source)
    options = ["--headless", "--no-token", "--no-sandbox", "--host=127.0.0.1"]
    return App(
        folder,
        lambda port: ["marimo", "-q", "-y", "run", str(path), *options, f"--port={port}"],
        "health",
    )


def voila_app(folder: Path, sources: Sequence[str] = (MODEL, WIDGET)) -> App:
    """Serve a notebook of some cells under Voila, and one that tells of its widget ``w``."""
    return voila_cells(folder, (*sources, telling(folder)))


def voila_cells(folder: Path, sources: Sequence[str]) -> App:
    """Serve a notebook of some cells under Voila."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    path = folder / "app.ipynb"
    nbformat.write(notebook, path)
    options = ["--no-browser", "--Voila.ip=127.0.0.1", "--Voila.token="]
    return App(
        folder,
        lambda port: ["voila", str(path), *options, f"--port={port}"],
        "voila/templates/base/static/voila.js",
    )
