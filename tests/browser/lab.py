"""A real JupyterLab, and a notebook in it that a test can work with as a person would.

`LabServer` is the server, one for all tests. `Notebook` is one page of it: it runs cells through
the front end, and reads the kernel from outside, past the front end, so that what the page shows
and what Python holds can be compared.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import nbformat
from jupyter_client.blocking.client import BlockingKernelClient
from playwright.sync_api import Page

T = TypeVar("T")

SECOND = 1000.0  # Playwright counts in milliseconds


def until(check: Callable[[], T], *, timeout: float = 20.0, pause: float = 0.05) -> T:
    """Call ``check`` until it raises no `AssertionError`, and return what it returns.

    After ``timeout`` seconds its last error is raised.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(pause)


class LabServer:
    """One JupyterLab of its own: own folder, own settings, own port, own process group."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "notebooks"
        self._runtime = folder / "runtime"
        self._log = folder / "server.log"
        self._token = secrets.token_hex(16)
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"

        self.root.mkdir()
        environment = _isolated_environment(folder)
        environment["JUPYTER_RUNTIME_DIR"] = str(self._runtime)
        _switch_news_off(Path(environment["JUPYTERLAB_SETTINGS_DIR"]))
        options = [
            "--allow-root",
            "--no-browser",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={self._port}",
            "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={self._token}",
            "--ServerApp.terminals_enabled=False",
            f"--ServerApp.root_dir={self.root}",
            "--LabApp.expose_app_in_browser=True",
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *options],
                cwd=self.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            until(self._answers, timeout=60)
        except BaseException:
            self.stop()
            raise

    def _answers(self) -> None:
        log = self._log.read_text(errors="replace")[-2000:]
        if self._process.poll() is not None:
            raise RuntimeError(f"JupyterLab ended with code {self._process.returncode}:\n{log}")
        try:
            self.request("GET", "api/status")
        except OSError as error:
            raise AssertionError(f"JupyterLab does not answer ({error}):\n{log}") from error

    def stop(self) -> None:
        """Stop the server and every kernel it started."""
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        # Kernels that outlive their server; none is the usual case.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=10)

    def request(self, method: str, path: str) -> Any:
        """Ask the server's REST API, and return the decoded answer."""
        request = urllib.request.Request(
            f"{self.url}/{path}", method=method, headers={"Authorization": f"token {self._token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def address(self, path: str) -> str:
        """Return the address that opens the notebook at ``path`` (below `root`) in JupyterLab.

        In a workspace of its own: the default one would bring back other tests' notebooks.
        """
        workspace = path.removesuffix(".ipynb").replace("/", "-")
        return f"{self.url}/lab/workspaces/{workspace}/tree/{path}?token={self._token}"

    def write_notebook(self, name: str, source: Sequence[str] | Path) -> str:
        """Write a notebook of these code cells, or a copy of one; return its path below `root`."""
        if isinstance(source, Path):
            notebook = nbformat.read(source, as_version=4)
        else:
            cells = [nbformat.v4.new_code_cell(cell) for cell in source]
            notebook = nbformat.v4.new_notebook(cells=cells)
        # Without a kernel's name JupyterLab asks for one.
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
        root.wait_for(timeout=20 * SECOND)
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

    def define(self, source: str, *, timeout: float = 60.0) -> None:
        """Run helpers of a test in the kernel, from outside: no cell, no history."""
        reply = self._client.execute(source, silent=True, reply=True, timeout=timeout)
        assert reply["content"]["status"] == "ok", reply["content"]

    def value(self, expression: str, *, timeout: float = 60.0) -> Any:
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
    """Wait until JupyterLab, the notebook that it shows and the kernel are ready."""
    page.wait_for_function(
        "() => window.jupyterapp?.shell?.currentWidget?.context?.sessionContext",
        timeout=60 * SECOND,
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _isolated_environment(folder: Path) -> dict[str, str]:
    """Return an environment in which nothing of this user's own Jupyter is read or written."""
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "XDG_CONFIG_HOME": "xdg/config",
        "XDG_DATA_HOME": "xdg/data",
        "XDG_CACHE_HOME": "xdg/cache",
        "MPLCONFIGDIR": "matplotlib",
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON"))}
    paths = {name: folder / place for name, place in own.items()}
    for path in paths.values():
        path.mkdir(parents=True)
    return kept | {k: str(v) for k, v in paths.items()} | {"JUPYTER_PREFER_ENV_PATH": "1"}


def _switch_news_off(settings: Path) -> None:
    """Keep JupyterLab's question about news from covering the page."""
    folder = settings / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True)
    (folder / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
