"""JupyterLab or Notebook 7, and a notebook in it that a test can work with as a person would.

`JupyterServer` is the server, one of each kind for all tests. `Notebook` is one page of it: it
runs cells through the front end, and reads the kernel from outside, past the front end, so that
what the page shows and what Python holds can be compared.
"""

from __future__ import annotations

import ast
import contextlib
import json
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import nbformat
from jupyter_client.blocking.client import BlockingKernelClient
from playwright.sync_api import Page
from servers import SECOND, Server


class JupyterServer(Server):
    """JupyterLab, or Notebook 7."""

    def __init__(self, folder: Path, kind: Literal["lab", "notebook"]) -> None:
        self.root = folder / "notebooks"
        self._kind = kind
        self._runtime = folder / "runtime"
        self._token = secrets.token_hex(16)
        program, app = {
            "lab": ("jupyterlab", "LabApp"),
            "notebook": ("notebook", "JupyterNotebookApp"),
        }[kind]
        options = [
            "--allow-root",
            "--no-browser",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={self._token}",
            "--ServerApp.terminals_enabled=False",
            f"--ServerApp.root_dir={self.root}",
            f"--{app}.expose_app_in_browser=True",
        ]
        self.root.mkdir()
        _switch_news_off(folder / "settings")
        super().__init__(
            folder,
            lambda port: [program, *options, f"--ServerApp.port={port}"],
            ready="api/status",
            headers={"Authorization": f"token {self._token}"},
        )

    def address(self, path: str) -> str:
        """Return the address that opens the notebook at ``path`` (below `root`)."""
        if self._kind == "notebook":
            return f"{self.url}/notebooks/{path}?token={self._token}"
        # A workspace of its own: the default one would bring back other tests' notebooks.
        workspace = path.removesuffix(".ipynb").replace("/", "-")
        return f"{self.url}/lab/workspaces/{workspace}/tree/{path}?token={self._token}"

    def write_notebook(self, name: str, source: Sequence[str] | Path) -> str:
        """Write a notebook of these code cells, or a copy of one; return its path below `root`."""
        if isinstance(source, Path):
            notebook = nbformat.read(source, as_version=4)
        else:
            cells = [nbformat.v4.new_code_cell(cell) for cell in source]
            notebook = nbformat.v4.new_notebook(cells=cells)
        # Without a kernel's name Jupyter asks for one.
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        path = f"{name}.ipynb"
        nbformat.write(notebook, self.root / path)
        return path

    @contextlib.contextmanager
    def kernel(self, path: str) -> Iterator[BlockingKernelClient]:
        """Connect to the kernel of the open notebook at ``path``; shut it down in the end."""
        (session,) = [s for s in self.request("GET", "api/sessions") if s["path"] == path]
        client = BlockingKernelClient()
        client.load_connection_file(str(self._runtime / f"kernel-{session['kernel']['id']}.json"))
        client.start_channels(iopub=False, stdin=False, hb=False, control=False)
        try:
            yield client
        finally:
            client.stop_channels()
            if session["id"] in [s["id"] for s in self.request("GET", "api/sessions")]:
                self.request("DELETE", f"api/sessions/{session['id']}")


class Notebook:
    """An open notebook: its page, and its kernel."""

    def __init__(self, page: Page, client: BlockingKernelClient) -> None:
        self.page = page
        self._client = client

    # ------------------------------------------------------------------ the front end

    def run_all(self) -> None:
        """Run all cells; an `AssertionError` tells the first cell that ended in an error."""
        self._command("notebook:run-all-cells")
        self._assert_no_error()

    def run(self, source: str) -> None:
        """Run one more cell, at the end of the notebook."""
        self.page.evaluate(
            """async (source) => {
                const app = window.jupyterapp;
                const notebook = app.shell.currentWidget.content;
                notebook.activeCellIndex = notebook.widgets.length - 1;
                await app.commands.execute('notebook:insert-cell-below');
                notebook.activeCell.model.sharedModel.setSource(source);
                await app.commands.execute('notebook:run-cell');
            }""",
            source,
        )
        self.wait_idle()
        self._assert_no_error()

    def clear_outputs(self) -> None:
        """Take the outputs of all cells off the page."""
        self._command("notebook:clear-all-cell-outputs")

    def save(self) -> None:
        """Save the notebook, as Ctrl+S does."""
        self._command("docmanager:save")

    def reload(self) -> None:
        """Reload the page; the kernel goes on."""
        self.page.reload()
        wait_ready(self.page)

    def wait_idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session"
            "?.kernel?.status === 'idle'",
            timeout=120 * SECOND,
        )

    def scroll_to_widget(self) -> None:
        """Bring the widget's cell into view: far cells are not in the page at all."""
        self.page.evaluate(
            """async () => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                const view = 'application/vnd.jupyter.widget-view+json';
                const index = notebook.widgets.findIndex((cell) =>
                    (cell.model.sharedModel.toJSON().outputs ?? []).some((o) => o.data?.[view]));
                if (index < 0) throw new Error('no cell of this notebook shows a widget');
                await notebook.scrollToItem(index);
            }"""
        )
        root = self.page.locator(".kanwidget").first
        root.wait_for()
        root.scroll_into_view_if_needed()

    def _command(self, name: str) -> None:
        self.page.evaluate("(name) => window.jupyterapp.commands.execute(name)", name)
        self.wait_idle()

    def _assert_no_error(self) -> None:
        errors = self.page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.content.widgets.flatMap(
                (cell) => (cell.model.sharedModel.toJSON().outputs ?? [])
                    .filter((output) => output.output_type === 'error')
                    .map((output) => output.traceback.join('\\n')))"""
        )
        assert not errors, f"a cell ended in an error:\n{errors[0]}"

    # ------------------------------------------------------------------ the kernel

    def define(self, source: str, *, timeout: float = 120.0) -> None:
        """Run helpers of a test in the kernel, from outside: no cell, no history."""
        reply = self._client.execute(source, silent=True, reply=True, timeout=timeout)
        assert reply["content"]["status"] == "ok", reply["content"]

    def value(self, expression: str, *, timeout: float = 120.0) -> Any:
        """Evaluate a Python expression in the kernel, from outside; it must fit into JSON.

        Nothing of this shows in the notebook, and no hook for "after a cell" runs.
        """
        reply = self._client.execute(
            "",
            silent=True,
            store_history=False,
            user_expressions={"value": f"__import__('json').dumps({expression})"},
            reply=True,
            timeout=timeout,
        )
        answer = reply["content"]["user_expressions"]["value"]
        if answer["status"] != "ok":
            traceback = "\n".join(answer.get("traceback", []))
            raise RuntimeError(f"{expression}\n{answer['ename']}: {answer['evalue']}\n{traceback}")
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))


def wait_ready(page: Page) -> None:
    """Wait until the front end, the notebook that it shows and the kernel are ready."""
    page.wait_for_function(
        "() => window.jupyterapp?.shell?.currentWidget?.context?.sessionContext",
        timeout=120 * SECOND,
    )
    page.evaluate(
        """async () => {
            const app = window.jupyterapp;
            await app.started;
            await app.restored;
            const { context, sessionContext } = app.shell.currentWidget;
            await context.ready;
            await sessionContext.ready;
            await sessionContext.session.kernel.info;
        }"""
    )


def set_theme(page: Page, name: str) -> None:
    """Change JupyterLab's theme; all pages of the server have it from then on."""
    page.evaluate(
        "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", name
    )
    light = "false" if "Dark" in name else "true"
    page.locator(f'body[data-jp-theme-light="{light}"]').wait_for(state="attached")


def _switch_news_off(settings: Path) -> None:
    """Keep the question about news from covering the page."""
    folder = settings / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True)
    (folder / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
