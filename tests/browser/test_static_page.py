"""A notebook as a web page that nobody runs, with ipywidgets' own scripts: its view computes."""

from __future__ import annotations

import contextlib
import functools
import http.server
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from cells import EDGES, MODEL, WIDGET
from nbconvert import HTMLExporter
from nbconvert.preprocessors import ExecutePreprocessor
from playwright.sync_api import Page
from servers import until
from view import View, same

from kanwidget import KANWidget

MODULES = Path(__file__).parents[2] / "js" / "node_modules"
# What a page would load from a CDN.
SCRIPTS = {
    "require.js": MODULES / "requirejs" / "require.js",
    "embed-amd.js": MODULES / "@jupyter-widgets" / "html-manager" / "dist" / "embed-amd.js",
    "anywidget.js": Path(sys.prefix) / "share/jupyter/nbextensions/anywidget/index.js",
}
METRIC = """
w = KANWidget(model, dataset, metric=torch.nn.L1Loss())
w
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, and tells of none."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which it is served."""
    folder = tmp_path_factory.mktemp("site")
    for name, source in SCRIPTS.items():
        shutil.copy(source, folder / name)
    (folder / "favicon.ico").touch()  # browsers ask for one
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def converted(folder: Path, name: str, cells: list[str]) -> str:
    """Run cells, and write the page that nbconvert makes of them."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    ExecutePreprocessor(timeout=120).preprocess(notebook, {})
    exporter = HTMLExporter(
        require_js_url="require.js",
        widget_renderer_url="embed-amd.js",
        mathjax_url="",
        jquery_url="",
    )
    html, _ = exporter.from_notebook_node(notebook)
    # Mermaid is asked for in any page, also where nothing needs it.
    html = re.sub(
        r'<script type="module">\s*document.addEventListener.*?</script>', "", html, flags=re.S
    )
    (folder / f"{name}.html").write_text(html)
    return f"{name}.html"


def opened(page: Page, address: str) -> View:
    page.goto(address)
    view = View(page)
    view.wait()
    return view


@contextlib.contextmanager
def same_model(metric: str = "") -> Iterator[KANWidget]:
    """The widget that the page's cells make, here."""
    names: dict[str, Any] = {}
    exec(MODEL + (metric or WIDGET), names)
    try:
        yield names["w"]
    finally:
        names["w"].close()


def test_a_page_of_a_notebook_computes_what_its_model_would(
    page: Page, site: tuple[Path, str]
) -> None:
    folder, url = site
    view = opened(page, f"{url}/{converted(folder, 'rmse', [MODEL, WIDGET])}")
    said = view.root.locator('[data-role="notice"]')
    until(lambda: same(said.inner_text()[:22], "No kernel is connected"))
    assert sorted(view.edges()) == EDGES
    with same_model() as w:
        view.click("edge", "0,0,3")
        until(lambda: same(view.edges(), {ids: ids != "0,0,3" for ids in EDGES}))
        w.remove_edge(0, 0, 3)
        view.assert_figures(14, w.loss)
        # Its curves are there, and undo works; there is no model to commit to.
        unknown = view.root.locator(".lossplot .unknown")
        until(lambda: same(unknown.all_inner_texts(), ["", ""]))
        assert view.root.locator('[data-role="commit"]').count() == 0
        view.root.locator('[data-role="undo"]').click()
        until(lambda: same(set(view.edges().values()), {True}))
        w.undo()
        view.assert_figures(15, w.loss)
    assert view.root.locator('[data-role="error"]').inner_text() == ""


def test_a_page_computes_torch_s_own_losses_too(page: Page, site: tuple[Path, str]) -> None:
    folder, url = site
    view = opened(page, f"{url}/{converted(folder, 'l1', [MODEL, METRIC])}")
    view.root.locator('[data-role="notice"]').filter(has_text="No kernel").wait_for()
    with same_model(METRIC) as w:
        view.click("edge", "0,0,3")
        until(lambda: same(view.edges()["0,0,3"], False))
        w.remove_edge(0, 0, 3)
        view.assert_figures(14, w.loss)
    assert "L1Loss" in view.status()
