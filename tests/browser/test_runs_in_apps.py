"""A sweep in marimo and under Voila: its points come while it runs, and its networks are live."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from apps import App, marimo_cells, told_in, voila_cells
from playwright.sync_api import Page
from servers import until
from test_runs_in_lab import DATA, RUN, OpenNetwork, ended, point_at_a_run
from view import same


@pytest.fixture(params=[marimo_cells, voila_cells], ids=["marimo", "voila"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    """An app that shows a sweep while it runs."""
    grow, show = RUN.rsplit("\n", 2)[:2]
    tell = f"__import__('kanprobe').keep_runs(runs, {str(told_in(tmp_path))!r})"
    server: App = request.param(tmp_path, [DATA, grow, tell, show])
    yield server
    server.stop()


def test_points_come_stop_keeps_them_and_an_open_network_is_live(app: App, page: Page) -> None:
    app.open(page)
    app.wait_for_session()
    until(lambda: same(ended(page) >= 3, True), timeout=60)
    first = ended(page)
    until(lambda: same(ended(page) > first, True))
    page.locator('[data-role="stop"]').click()
    until(lambda: same(app.facts()["running"], False))
    kept = app.facts()["count"]
    assert 3 <= kept < 400
    until(lambda: same(ended(page), kept))

    page.locator(".scatter").scroll_into_view_if_needed()
    number = point_at_a_run(page)
    page.locator(".runs-card canvas").wait_for(state="visible")
    page.mouse.down()
    page.mouse.up()
    until(lambda: same(app.facts()["opened"], [number]))
    network = OpenNetwork(page)
    network.wait()
    before = app.facts()["edges"][f"{number}"]
    network.toggle("edge", next(ids for ids, on in network.edges().items() if on))
    until(lambda: same(app.facts()["edges"][f"{number}"], before - 1))
