"""The picture that a notebook keeps of a widget: seen where no view can be, and only there."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from cells import MODEL, WIDGET
from lab import JupyterServer, Notebook, wait_ready
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter
from PIL import Image
from playwright.sync_api import Browser, Locator, Page
from servers import SECOND, until
from view import View, rectangle, same

OpenNotebook = Callable[[Sequence[str] | Path], Notebook]

PICTURE = ".jp-OutputArea-output img"
VIEW = "application/vnd.jupyter.widget-view+json"

# Notes each picture that is there for more frames than a moment has. A host may show one for a few:
# it begins to load a new widget when it is told of it, and is told of the picture meanwhile.
WATCH = """
(() => {
    window.pictureSeen = [];
    const shown = new Map();
    const look = () => {
        for (const picture of document.querySelectorAll('.jp-OutputArea-output > img')) {
            const visible = picture.getBoundingClientRect().height > 0;
            const frames = visible ? (shown.get(picture) ?? 0) + 1 : 0;
            shown.set(picture, frames);
            if (frames === 15) window.pictureSeen.push(picture.src);
        }
        requestAnimationFrame(look);
    };
    look();
})();
"""


@pytest.fixture(params=["lab", "notebook"])
def server(request: pytest.FixtureRequest) -> JupyterServer:
    """JupyterLab, or Notebook 7."""
    found: JupyterServer = request.getfixturevalue(f"{request.param}_server")
    return found


def test_a_notebook_s_own_reader_sees_the_picture_when_its_kernel_is_gone(
    server: JupyterServer, page: Page, browser: Browser, request: pytest.FixtureRequest
) -> None:
    path = server.write_notebook(f"kept_{request.node.callspec.id}", [MODEL, WIDGET])
    page.goto(server.address(path))
    wait_ready(page)
    with server.kernel(path) as client:
        notebook = Notebook(page, client)
        notebook.run_all()
        notebook.scroll_to_widget()
        view = View(page)
        view.wait()
        view.toggle("edge", "0,0,1")
        until(lambda: same(view.edges()["0,0,1"], False))

        def told() -> None:
            notebook.save()
            assert '"KANWidget([2, 5, 1], 14 of 15 edges on)"' in (server.root / path).read_text()

        until(told, pause=0.5)  # nobody draws while a hand may be at work
    (size,) = (o["metadata"]["image/png"] for o in outputs(server, path) if VIEW not in o["data"])

    # The next day; the server trusts what its own kernels wrote. It starts a new kernel.
    with stranger(browser) as later:
        later.goto(server.address(path))
        wait_ready(later)
        with server.kernel(path):
            assert_picture(later.locator(PICTURE), size)
            assert later.locator(PICTURE).count() == 1
            assert "Out[2]" not in later.locator("body").inner_text()
            assert "KANWidget([" not in later.locator("body").inner_text()


def test_in_jupyterlab_without_any_kernel_the_picture_is_there(
    lab_server: JupyterServer, browser: Browser, page: Page
) -> None:
    path = lab_server.write_notebook("kept_no_kernel", [MODEL, WIDGET])
    page.goto(lab_server.address(path))
    wait_ready(page)
    with lab_server.kernel(path) as client:
        notebook = Notebook(page, client)
        notebook.run_all()
        notebook.save()
    with stranger(browser) as later:
        later.goto(lab_server.address(f"empty-{path}").replace(f"/tree/empty-{path}", ""))
        later.wait_for_function("() => window.jupyterapp?.commands")
        later.evaluate(
            """async (path) => {
                const { commands, restored } = window.jupyterapp;
                await restored;
                const kernelPreference = { shouldStart: false, autoStartDefault: false };
                await commands.execute('docmanager:open', { path, kernelPreference });
            }""",
            path,
        )
        image = later.locator(PICTURE)
        image.wait_for()
        assert lab_server.request("GET", "api/sessions") == []
        until(lambda: assert_inked(image))


def test_a_live_view_is_never_joined_by_its_picture(
    open_notebook: OpenNotebook, page: Page
) -> None:
    page.add_init_script(WATCH)
    notebook = open_notebook([MODEL, WIDGET])
    seen = f"() => [document.querySelectorAll('{PICTURE}').length, window.pictureSeen.length]"
    notebook.run_all()
    notebook.scroll_to_widget()
    view = View(page)
    view.wait()
    notebook.run_all()  # a new widget in the old one's place
    notebook.scroll_to_widget()
    view.wait()
    notebook.run("for _ in range(2): display(KANWidget(copy.deepcopy(model), dataset))")
    notebook.run("import ipywidgets; ipywidgets.VBox([KANWidget(copy.deepcopy(model), dataset)])")
    until(lambda: same(page.evaluate(seen), [3, 0]))
    notebook.save()
    notebook.reload()
    notebook.scroll_to_widget()
    view.wait()
    picture = page.locator(PICTURE).first
    page.wait_for_timeout(2 * SECOND)  # a picture that nobody hides is there by now
    assert picture.is_hidden()

    # It outlives the widget, not the output.
    notebook.run("w.close()")
    picture.wait_for()
    notebook.clear_outputs()
    until(lambda: same(page.locator(PICTURE).count(), 0))
    until(lambda: same(page.locator("head > style[data-kanwidget]").count(), 0))


@pytest.mark.parametrize("state", [False, True], ids=["no state", "widget state"])
def test_a_page_by_nbconvert_shows_the_picture_offline(
    state: bool, browser: Browser, tmp_path: Path
) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(source)
            for source in (MODEL, WIDGET, "w.remove_edge(0, 0, 1)")
        ]
    )
    NotebookClient(notebook, kernel_name="python3", store_widget_state=state).execute()
    assert ("widgets" in notebook.metadata) == state
    body, _ = HTMLExporter().from_notebook_node(notebook)
    (tmp_path / "saved.html").write_text(body, encoding="utf-8")
    with stranger(browser) as page:
        page.goto((tmp_path / "saved.html").as_uri())
        image = page.locator(PICTURE)
        assert_picture(image, size_of(notebook))
        assert page.locator(PICTURE).count() == 1
        text = page.locator("body").inner_text()
        assert "Out[2]" not in text
        assert "KANWidget([" not in text
        # A narrow page makes it smaller, and no other shape.
        shape = rectangle(image)
        page.add_style_tag(content="img { max-width: 100% }")
        page.set_viewport_size({"width": 500, "height": 800})
        until(lambda: same(rectangle(image)["width"] < 500, True))
        small = rectangle(image)
        assert small["height"] / small["width"] == pytest.approx(
            shape["height"] / shape["width"], rel=0.02
        )


def test_sanitised_pages_and_markdown_have_the_picture_and_no_markup(
    browser: Browser, tmp_path: Path
) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in (MODEL, WIDGET)]
    )
    NotebookClient(notebook, kernel_name="python3", store_widget_state=False).execute()
    exporter = HTMLExporter()
    exporter.sanitize_html = True
    body, _ = exporter.from_notebook_node(notebook)
    (tmp_path / "clean.html").write_text(body, encoding="utf-8")
    with stranger(browser) as page:
        page.goto((tmp_path / "clean.html").as_uri())
        image = page.locator(PICTURE)
        assert_picture(image, size_of(notebook))
        text = page.locator("body").inner_text()
        assert "<" not in text.split("KANWidget(model, dataset)")[1]
        assert "base64" not in text
    markdown, resources = MarkdownExporter().from_notebook_node(notebook)
    (picture,) = resources["outputs"]
    assert resources["outputs"][picture].startswith(b"\x89PNG")
    assert f"({picture})" in markdown
    assert "<" not in markdown.split("KANWidget(model, dataset)")[1]


def test_a_notebook_that_came_by_mail_shows_one_picture(
    lab_server: JupyterServer, page: Page
) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in (MODEL, WIDGET)]
    )
    NotebookClient(notebook, kernel_name="python3", store_widget_state=False).execute()
    # Nobody has its kernel, and nobody trusts it.
    kernel = {"name": "none-such", "display_name": "none such", "language": "python"}
    notebook.metadata["kernelspec"] = kernel
    nbformat.write(notebook, lab_server.root / "kept_by_mail.ipynb")
    page.goto(lab_server.address("kept_by_mail.ipynb"))
    image = page.locator(PICTURE)
    image.wait_for()
    until(lambda: assert_inked(image))
    assert image.count() == 1
    assert "KANWidget([" not in page.locator("body").inner_text()


@contextlib.contextmanager
def stranger(browser: Browser) -> Iterator[Page]:
    """Give a page whose errors are the host's: it says to itself that a model is not there."""
    context = browser.new_context(viewport={"width": 1400, "height": 1500})
    context.set_default_timeout(60 * SECOND)
    yield context.new_page()
    context.close()


def outputs(server: JupyterServer, path: str) -> list[dict[str, Any]]:
    """Return what the saved notebook's cells show."""
    cells = json.loads((server.root / path).read_text())["cells"]
    return [output for cell in cells for output in cell["outputs"]]


def size_of(notebook: Any) -> dict[str, int]:
    """Return the size of the one picture in an executed notebook."""
    (size,) = (
        o.metadata["image/png"]
        for cell in notebook.cells
        for o in cell.outputs
        if "image/png" in o.get("data", {})
    )
    return dict(size)


def assert_picture(image: Locator, size: dict[str, Any]) -> None:
    """Check that a picture is on the page at its size, and that there is something on it."""
    image.wait_for()
    until(lambda: same(round(rectangle(image)["width"]), size["width"]))
    until(lambda: assert_inked(image))


def assert_inked(image: Locator) -> None:
    pixels = np.asarray(Image.open(io.BytesIO(image.screenshot())).convert("L"))
    assert 0.01 < (pixels < 230).mean() < 0.5
