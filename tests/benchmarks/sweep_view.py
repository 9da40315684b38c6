"""What the view of 10,000 runs costs: ``python tests/benchmarks/sweep_view.py``, a minute.

The runs are networks as they are built, with edges off at random. In Python it prints what the view
reads, and in Chromium, without a graphics card, what the main thread does for each frame while the
mouse goes over the plot and the table, keys go through the points, the table is scrolled, and a
limit is typed: animation callbacks and the page's listeners; not style, layout and paint.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "browser"), str(HERE)]

from chromium import ARGUMENTS, find_chromium  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402
from sweep import demo, load  # noqa: E402
from view import rectangle  # noqa: E402

from kanwidget import KAN, Sweep, SweepWidget, create_dataset, sweep  # noqa: E402

COUNT = 10_000


def scattered(dataset: Any, seed: int, **settings: Any) -> KAN:
    """Return a network as it is built, with some edges off."""
    model = KAN([2, 5, 1], grid=5, seed=seed, noise_scale=1.0)
    generator = torch.Generator().manual_seed(seed)
    share = float(torch.rand((), generator=generator))
    model.set_mask([torch.rand(m.shape, generator=generator) < share for m in model.mask])
    return model


def frames(page: Page, name: str, act: Callable[[], None]) -> None:
    """Print the milliseconds of script of the frames in which something is done."""
    page.wait_for_timeout(300)
    page.evaluate("() => kanframes.start()")
    act()
    found = page.evaluate("() => ({ costs: kanframes.costs, times: kanframes.times })")
    costs, gaps = found["costs"], [b - a for a, b in pairwise(found["times"])]
    late = sum(gap > 2 * 1000 / 60 for gap in gaps) / max(1, len(gaps))
    print(
        f"{name}: {len(costs)} frames, script median {median(costs):.2f} ms, "
        f"p95 {quantiles(costs, n=20)[-1]:.2f} ms, most {max(costs):.2f} ms, {late:.0%} late; "
        f"{load()}"
    )


def in_page(page: Page) -> None:
    """Print what frames cost on a page with all runs."""
    plot, table = page.locator(".scatter"), page.locator(".runs-table")
    area = rectangle(plot)

    def over_plot() -> None:
        for k in range(600):
            x = area["x"] + 60 + (k * 7.3) % (area["width"] - 80)
            y = area["y"] + 30 + (k * 3.1) % (area["height"] - 80)
            page.mouse.move(x, y)

    def over_table() -> None:
        rows = rectangle(table)
        for k in range(300):
            page.mouse.move(rows["x"] + 100 + k, rows["y"] + 40 + (k * 5) % (rows["height"] - 50))

    def keys() -> None:
        plot.focus()
        for key in ("Home", *["ArrowRight", "ArrowUp", "ArrowUp"] * 40):
            page.keyboard.down(key)  # what is recorded ends when a key is let go

    def scroll() -> None:
        page.mouse.move(rectangle(table)["x"] + 100, rectangle(table)["y"] + 100)
        for _ in range(120):
            page.mouse.wheel(0, 900)
            page.wait_for_timeout(8)

    def limit() -> None:
        page.locator('[data-role="most-edges"]').focus()
        for key in "1234567890":
            page.keyboard.down(key)
            page.keyboard.down("Backspace")

    for name, act in {
        "mouse over the plot": over_plot,
        "mouse over the table": over_table,
        "arrow keys in the plot": keys,
        "table scrolled": scroll,
        "a limit typed": limit,
    }.items():
        frames(page, name, act)


def main() -> None:
    """Print all figures."""
    data = create_dataset(demo, n_var=2)
    grid = {"lamb": [0.001, 0.003, 0.01, 0.03]}
    with tempfile.TemporaryDirectory() as folder:
        options: Any = {"repeats": COUNT // 4, "fit": scattered, "folder": folder}
        sweep(data, grid, **options)

        def timed(name: str, call: Callable[[], Any]) -> Any:
            start = time.perf_counter()
            found = call()
            print(f"{name}: {time.perf_counter() - start:.2f} s; {load()}")
            return found

        found: Sweep = timed("resume", lambda: sweep(data, grid, **options, progress=False))
        timed("table", found.table)
        timed("front", found.front)
        view: SweepWidget = timed("view", found.view)
        timed("view, looked at anew", view.look)
        timed("a small network", lambda: view._send_thumbnail(COUNT // 2))
        page_file = Path(folder) / "page.html"
        timed("page", lambda: view.to_html(page_file))
        print(f"{page_file.stat().st_size / 2**20:.1f} MiB with {len(found.front())} networks")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1200, "height": 1000})
            page.add_init_script(path=HERE / "frames.js")
            page.goto(page_file.as_uri())
            page.locator(".runs-table tr[data-place]").first.wait_for()
            in_page(page)
            browser.close()


if __name__ == "__main__":
    main()
