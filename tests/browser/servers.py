"""Servers of pages: each with its own folder, settings and port, in its own process group."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

# Holds `kanprobe`.
INSIDE = Path(__file__).with_name("inside")

SECOND = 1000.0  # Playwright counts in milliseconds

NOT_YET = AssertionError, ValueError, LookupError, TypeError
"""What a look raises at what is not there yet, or says nothing yet."""


def until(check: Callable[[], T], *, timeout: float = 60.0, pause: float = 0.05) -> T:
    """Call ``check`` until it raises no error of `NOT_YET`, and return what it returns.

    After ``timeout`` seconds its last error is raised.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            return check()
        except NOT_YET:
            if time.monotonic() > deadline:
                raise
        time.sleep(pause)


class Server:
    """A Python program that serves pages; it is up when it was made.

    Parameters
    ----------
    folder : Path
        What is the server's own: settings, caches, log.
    command : callable
        Given a free port, returns what comes after ``python -m``.
    ready : str
        A path that answers when the server is up.
    headers : mapping
        To send with each request to the server's REST API.
    """

    def __init__(
        self,
        folder: Path,
        command: Callable[[int], Sequence[str]],
        *,
        ready: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._headers = dict(headers or {})
        self._log = folder / "server.log"
        arguments = command(port)
        self._name = arguments[0]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=folder,
                env=_isolated_environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            until(lambda: self._answers(ready), timeout=180)
        except BaseException:
            self.stop()
            raise

    def _answers(self, path: str) -> None:
        log = self._log.read_text(errors="replace")[-2000:]
        if self._process.poll() is not None:
            raise RuntimeError(f"{self._name} ended with code {self._process.returncode}:\n{log}")
        try:
            self._ask("GET", path)
        except OSError as error:
            raise AssertionError(f"{self._name} does not answer ({error}):\n{log}") from error

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
        body = self._ask(method, path)
        return json.loads(body) if body else None

    def _ask(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(f"{self.url}/{path}", method=method, headers=self._headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            body: bytes = answer.read()
        return body


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _isolated_environment(folder: Path) -> dict[str, str]:
    """Return an environment in which nothing of this user's own settings is read or written."""
    python_path = [str(INSIDE), *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {
        "HOME": "home",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "XDG_CONFIG_HOME": "xdg/config",
        "XDG_DATA_HOME": "xdg/data",
        "XDG_STATE_HOME": "xdg/state",
        "XDG_CACHE_HOME": "xdg/cache",
        "MPLCONFIGDIR": "matplotlib",
    }
    theirs = ("JUPYTER", "IPYTHON", "MARIMO", "VOILA")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(theirs)}
    paths = {name: folder / place for name, place in own.items()}
    for path in paths.values():
        path.mkdir(parents=True, exist_ok=True)
    switches = {
        "PYTHONPATH": os.pathsep.join(python_path),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "MARIMO_SKIP_UPDATE_CHECK": "1",
    }
    return kept | {k: str(v) for k, v in paths.items()} | switches
