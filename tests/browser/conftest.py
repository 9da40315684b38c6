"""Fixtures: one server of each host for all tests, a fresh browser context for each."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pytest
from apps import App, marimo_app, voila_app
from chromium import ARGUMENTS, HINTS_SEEN, find_chromium
from lab import JupyterServer, Notebook, wait_ready
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from servers import SECOND, Server

ARTIFACTS = Path(__file__).with_name("artifacts")

OpenNotebook = Callable[[Sequence[str] | Path], Notebook]
ServerT = TypeVar("ServerT", bound=Server)

# What hosts do of their own accord, without any widget, by name.
HARMLESS = re.compile(
    r"reading 'schema'"  # Notebook 7.6 asks for the settings of a plugin that it does not have
    r"|@fortawesome/fontawesome-free@"  # Voila's page asks a CDN for icons
    r"|\"shareKey\":\"@jupyterlab/docregistry\""  # and loads Notebook 7's extension in vain
    r"|/voila/api/shutdown/"  # and may not stop its own kernel when the page goes
    r"|debugger state: Canceled future"  # JupyterLab asked a kernel that ended before it answered
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the browser, and leave it for the end: the quick tests speak first."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """The JupyterLab that all tests share."""
    yield from served(JupyterServer(tmp_path_factory.mktemp("lab"), "lab"))


@pytest.fixture(scope="session")
def notebook_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """The Notebook 7 that all tests share."""
    yield from served(JupyterServer(tmp_path_factory.mktemp("notebook"), "notebook"))


@pytest.fixture(scope="session")
def marimo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The marimo app that all tests share."""
    yield from served(marimo_app(tmp_path_factory.mktemp("marimo")))


@pytest.fixture(scope="session")
def voila_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The Voila app that all tests share."""
    yield from served(voila_app(tmp_path_factory.mktemp("voila")))


def served(server: ServerT) -> Iterator[ServerT]:
    """Hand out a server, and stop it."""
    yield server
    server.stop()


# Not for the session: it leaves an event loop running in this thread, and other tests start theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser that a module's tests share."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in a fresh context; the test fails if it logs an error or asks another machine.

    Its parameter, if a test gives one, is how many of the screen's pixels make a CSS pixel.
    A picture of the page as the test left it goes to `ARTIFACTS`, to be looked at.
    """
    # A fixture that is asked for by name while the test runs is not seen when tests are chosen.
    assert request.node.get_closest_marker("browser"), "name `page` or `browser` as an argument"
    context = browser.new_context(
        viewport={"width": 1400, "height": 1500},
        device_scale_factor=getattr(request, "param", 1),
    )
    context.add_init_script(HINTS_SEEN)
    page = context.new_page()
    page.set_default_timeout(60 * SECOND)  # two workers start their servers side by side
    errors: list[str] = []
    strangers: list[str] = []

    def note(error: str) -> None:
        if not HARMLESS.search(error):
            errors.append(error)

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            note(f"{message.text} ({message.location.get('url')})")

    def on_request(url: str) -> None:
        parts = urlsplit(url)
        local = parts.hostname == "127.0.0.1" or parts.scheme not in ("http", "https", "ws", "wss")
        if not local and not HARMLESS.search(url):
            strangers.append(url)

    page.on("console", on_console)
    page.on("pageerror", lambda error: note(f"uncaught: {error.stack or error}"))
    page.on("request", lambda request: on_request(request.url))
    page.on("websocket", lambda socket: on_request(socket.url))

    yield page

    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{re.sub(r'[^a-z0-9]+', '_', request.node.name)}.png")
    context.close()
    assert not errors, "the page logged errors:\n" + "\n".join(errors)
    assert not strangers, "the page asked other machines:\n" + "\n".join(strangers)


@pytest.fixture
def open_notebook(
    lab_server: JupyterServer, page: Page, request: pytest.FixtureRequest
) -> Iterator[OpenNotebook]:
    """Open a notebook, not yet run, in JupyterLab: a copy of a file, or one of given code cells."""
    with opening(lab_server, page, request) as open_with:
        yield open_with


@pytest.fixture
def open_notebook_7(
    notebook_server: JupyterServer, page: Page, request: pytest.FixtureRequest
) -> Iterator[OpenNotebook]:
    """Open a notebook in Notebook 7, likewise."""
    with opening(notebook_server, page, request) as open_with:
        yield open_with


@contextlib.contextmanager
def opening(
    server: JupyterServer, page: Page, request: pytest.FixtureRequest
) -> Iterator[OpenNotebook]:
    """Give a function that opens notebooks; their kernels end with the context."""
    with contextlib.ExitStack() as stack:

        def open_with(source: Sequence[str] | Path) -> Notebook:
            name = re.sub(r"[^a-z0-9]+", "_", request.node.name)
            path = server.write_notebook(name, source)
            page.goto(server.address(path))
            wait_ready(page)
            return Notebook(page, stack.enter_context(server.kernel(path)))

        yield open_with
