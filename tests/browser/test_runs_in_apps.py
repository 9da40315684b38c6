"""A sweep in marimo, under Voila, and on a page of its own: points, and networks that open."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from apps import App, marimo_cells, told_in, voila_cells
from exported import StrictPage
from playwright.sync_api import Page
from runs import COUNT, DATA, RUN, OpenNetwork, ended, point_at_a_run
from servers import until
from view import same

from kanwidget import create_dataset, sweep


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
    until(lambda: same(ended(page) >= 3, True), timeout=120)
    first = ended(page)
    until(lambda: same(ended(page) > first, True))
    page.locator('[data-role="stop"]').click()
    until(lambda: same(app.facts()["running"], False))
    kept = app.facts()["count"]
    assert 3 <= kept < COUNT
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


def test_a_page_opens_its_networks_under_a_strict_policy(page: Page, tmp_path: Path) -> None:
    data = create_dataset(lambda x: x[:, [0]] * x[:, [1]], n_var=2, train_num=50, test_num=50)
    grid = {"width": [[2, 2, 1], [2, 3, 1]], "grid": 3, "steps": 2, "prune": "within 5%"}
    with ThreadPoolExecutor(1) as executor:
        runs = sweep(data, grid, repeats=3, executor=executor, progress=False)
    path = tmp_path / "runs.html"
    strict = StrictPage(page, path, runs.view().to_html(path))
    runs.view().close()
    until(lambda: same(ended(page), 6))
    table = page.locator(".runs-table")
    assert table.evaluate("(e) => getComputedStyle(e).borderTopStyle") == "solid"
    page.locator(".runs-table tr[data-front] button").first.click()
    network = OpenNetwork(page)
    network.wait()
    on = next(ids for ids, is_on in network.edges().items() if is_on)
    network.toggle("edge", on)
    until(lambda: same(network.edges()[on], False))
    strict.assert_kept()
