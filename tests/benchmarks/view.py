"""Measure the view in Chromium, and write the tables into the guide: ``make bench-view``.

A threshold is dragged with the mouse and swept with the keyboard, in exported pages and in
JupyterLab, without a graphics card. Main-thread time is what the page's animation callbacks and
its listeners take while a hand holds the slider, panels and all; not style, layout and paint.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "browser"))

from chromium import ARGUMENTS, HINTS_SEEN, find_chromium  # noqa: E402
from lab import JupyterServer, Notebook, wait_ready  # noqa: E402
from performance_page import machine, table, write  # noqa: E402
from playwright.sync_api import Browser, Page, WebSocket, sync_playwright  # noqa: E402
from view import View, rectangle, thumb  # noqa: E402

BEGIN, END = "<!-- view benchmarks: written by make bench-view -->", "<!-- view benchmarks: end -->"
NETS: dict[str, tuple[list[int], tuple[float, float]]] = {
    "15": ([2, 5, 1], (4, 8)),
    "500": ([16, 25, 4], (4, 8)),
    "2,000": ([40, 40, 10], (8, 16)),
    "50,816": ([784, 64, 10], (8, 16)),
}
"""Widths, and the milliseconds of a frame that are promised: in the median, and in 95 of 100."""
VIEWS = {"15": ("auto",), "500": ("auto", "network"), "2,000": ("auto", "network")}
FRAME = 1000 / 60
SIZE = {"width": 1200, "height": 1000}

WHERE = (
    "{machine}, Chromium {chromium} with software rendering, 1,200 by 1,000 pixels; medians of "
    "three rounds. *Median* and *p95*: milliseconds of script a frame, all the page's listeners "
    "and panels included. *Late*: by more than one frame."
)
PAGES = (
    "**Exported pages**, which compute by themselves: a node or edge threshold dragged up and "
    "down, and 1,000 presses of Page Up and Page Down."
)
LAB = (
    "**JupyterLab**, where Python computes: 1,000 moves of the mouse, the messages that they send, "
    "and the milliseconds to the confirmed numbers, at their end and after other releases "
    "(median, and of how many)."
)

SETUP = """
import torch
from kanwidget import KAN, KANWidget
def widget(width, view="auto"):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(256, width[0], generator=generator) * 2 - 1
    y = torch.sin(3 * x[:, :1]) + x[:, 1:2] ** 2 + 0.1 * torch.arange(width[-1])
    data = {"train_input": x, "train_label": y, "test_input": x, "test_label": y}
    shape = {"input_shape": (28, 28)} if width[0] == 784 else {}
    return KANWidget(KAN(width, grid=3, k=3, seed=0), data, view=view, **shape)
"""


class Recorded:
    """What a page noted while something was done: see `frames.js`."""

    def __init__(self, page: Page, do: Callable[[], None]) -> None:
        page.evaluate("() => kanframes.start()")
        do()
        found = page.evaluate("() => ({ costs: kanframes.costs, times: kanframes.times })")
        # The first frames are the press itself.
        self.costs: list[float] = found["costs"][2:]
        self.gaps = [b - a for a, b in pairwise(found["times"])]

    @property
    def late(self) -> float:
        """The share of frames that came more than one frame late."""
        return sum(gap > 2.5 * FRAME for gap in self.gaps) / len(self.gaps)


def drag(view: View, axis: str, moves: int, low: float = 0.05, high: float = 0.95) -> None:
    """Drag a threshold's thumb up and down again, a hand's way, and let go."""
    slider = view.root.locator(f'input[type=range][data-threshold="{axis}"]')
    area = rectangle(slider)
    y = area["y"] + area["height"] / 2
    view.page.mouse.move(thumb(area, int(slider.input_value()) / 1000), y)
    view.page.mouse.down()
    for k in range(moves):
        way = 1 - abs(2 * k / moves - 1)
        view.page.mouse.move(thumb(area, low + way * (high - low)), y)
    view.page.mouse.up()


def keys(view: View, axis: str, moves: int) -> None:
    """Hold an arrow key, and the opposite one on the way back."""
    view.root.locator(f'input[type=range][data-threshold="{axis}"]').focus()
    for key in ("PageUp", "PageDown"):
        for _ in range(moves // 2):
            view.page.keyboard.down(key)
    for key in ("PageUp", "PageDown"):
        view.page.keyboard.up(key)


def clear(view: View) -> None:
    """Undo every decision."""
    if view.root.locator('[data-role="reset"]').is_enabled():
        view.press("reset")
    view.next_frame()


@contextmanager
def fresh(browser: Browser) -> Iterator[Page]:
    """Open a page that is measured."""
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.add_init_script(path=HERE / "frames.js")
    page.add_init_script(HINTS_SEEN)
    yield page
    context.close()


def in_pages(browser: Browser, folder: Path, rounds: int, only: Sequence[str]) -> list[list[str]]:
    """Measure frames in exported pages, which compute by themselves."""
    scope: dict[str, Any] = {}
    exec(SETUP, scope)
    rows = []
    for name, (width, most) in NETS.items():
        if only and name not in only:
            continue
        for kind in VIEWS.get(name, ("auto", "network")):
            path = folder / f"{len(rows)}.html"
            widget = scope["widget"](width, kind)
            widget.to_html(path)
            widget.close()
            found: dict[str, list[Recorded]] = {}
            rest: list[int] = []
            for _ in range(rounds):
                with fresh(browser) as page:
                    page.goto(path.as_uri())
                    view = View(page)
                    view.wait()
                    calm(page)
                    for what, run in moves().items():
                        found.setdefault(what, []).append(Recorded(page, partial(run, view)))
                        clear(view)
                        calm(page)
                    rest.append(at_rest(page))
            for what, recorded in found.items():
                rows.append([f"{name}, {kind}", what, *figures(recorded, most)])
                print(
                    " | ".join(rows[-1]),
                    f"| at rest {max(rest)} frames | load {load()}",
                    flush=True,
                )
    return rows


def moves() -> dict[str, Callable[[View], None]]:
    """Return what is done with a view."""
    return {
        "node": lambda view: drag(view, "node", 300),
        "edge": lambda view: drag(view, "edge", 300),
        "keys": lambda view: keys(view, "edge", 1000),
    }


def figures(recorded: Sequence[Recorded], most: tuple[float, float]) -> list[str]:
    """Write down the median over the runs, and whether it keeps what is promised."""
    middle = median(median(r.costs) for r in recorded)
    high = median(quantiles(r.costs, n=20)[-1] for r in recorded)
    gap = median(median(r.gaps) for r in recorded)
    late = median(r.late for r in recorded)
    kept = middle <= most[0] and high <= most[1] and gap < 1.05 * FRAME and late <= 0.05
    cells = [
        f"{middle:.1f}",
        f"{high:.1f}",
        f"{most[0]:g} / {most[1]:g}",
        f"{gap:.1f}",
        f"{100 * late:.1f}",
    ]
    return [*cells, "yes" if kept else "**no**"]


def calm(page: Page) -> None:
    """Wait until a page has nothing left to draw."""
    page.wait_for_timeout(600)


def at_rest(page: Page) -> int:
    """Count the animation frames that a page asks for in a second in which nothing happens."""
    before = page.evaluate("() => kanframes.asked")
    page.wait_for_timeout(1000)
    after: int = page.evaluate("() => kanframes.asked")
    return after - before


def in_lab(browser: Browser, folder: Path, rounds: int, only: Sequence[str]) -> list[list[str]]:
    """Measure the same, messages and answers in JupyterLab, where Python computes."""
    server = JupyterServer(folder, "lab")
    rows = []
    try:
        for name, (width, most) in NETS.items():
            if only and name not in only:
                continue
            with fresh(browser) as page:
                sent: list[float] = []
                page.on("websocket", lambda socket, s=sent: count(socket, s))
                path = server.write_notebook(
                    "edges" + name.replace(",", ""), [SETUP, f"w = widget({width})\nw"]
                )
                page.goto(server.address(path))
                wait_ready(page)
                with server.kernel(path) as client:
                    notebook = Notebook(page, client)
                    notebook.run_all()
                    notebook.scroll_to_widget()
                    view = View(page)
                    view.wait()
                    rows.append([name, *lab_figures(notebook, view, sent, rounds, most)])
                print(" | ".join(rows[-1]), f"| load {load()}", flush=True)
    finally:
        server.stop()
    return rows


def count(socket: WebSocket, sent: list[float]) -> None:
    """Note when a page sends a message to a widget in the kernel."""

    def note(payload: str | bytes) -> None:
        data = payload if isinstance(payload, bytes) else payload.encode()
        if b'"comm_msg"' in data:
            sent.append(time.monotonic())

    socket.on("framesent", note)


def lab_figures(
    notebook: Notebook, view: View, sent: list[float], rounds: int, most: tuple[float, float]
) -> list[str]:
    """Drag 1,000 moves, then let go several times right after a move."""
    page = view.page
    notebook.wait_idle()
    calm(page)
    recorded, rates, waits = [], [], []
    for axis in ("node", "edge"):
        del sent[:]
        start = time.monotonic()
        recorded.append(Recorded(page, lambda a=axis: drag(view, a, 1000)))
        rates.append(len(sent) / (time.monotonic() - start))
        waits.append(confirmed(page))
        clear(view)
        notebook.wait_idle()
    releases = []
    for _ in range(5 * rounds):
        for axis in ("node", "edge"):
            drag(view, axis, 8, 0.1, 0.9)
            # Only what the last move decides is left to be answered.
            found = confirmed(page)
            if found is not None:
                releases.append(found)
            clear(view)
            notebook.wait_idle()
    wait = median(releases) if releases else float("nan")
    backlog = max((w for w in waits if w is not None), default=0.0)
    return [
        *figures(recorded, most)[:-1],
        f"{max(rates):.1f}",
        f"{backlog:.0f}",
        f"{wait:.0f} ({len(releases)})",
    ]


def confirmed(page: Page) -> float | None:
    """Return the milliseconds from letting go to the drawn answer, if one came."""
    page.wait_for_timeout(1500)
    found = page.evaluate("() => [kanframes.released, kanframes.confirmed]")
    return found[1] - found[0] if found[1] else None


def load() -> str:
    """Say what else the machine does."""
    return f"{os.getloadavg()[0]:.1f}"


def main() -> None:
    """Measure everything, print it, and write it into the guide."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round; the guide stays")
    parser.add_argument(
        "--only", nargs="*", default=[], choices=NETS, help="edges; the guide stays"
    )
    parser.add_argument("--part", choices=("pages", "lab"), help="one part; the guide stays")
    options = parser.parse_args()
    rounds = 1 if options.quick else 3
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        parts = [WHERE.format(machine=machine(), chromium=browser.version.split(".")[0])]
        if options.part != "lab":
            rows = in_pages(browser, Path(name), rounds, options.only)
            head = [
                "edges, view",
                "moved",
                "median ms",
                "p95 ms",
                "promised",
                "frame every ms",
                "late %",
                "kept",
            ]
            parts.append(table(PAGES, head, rows))
        if options.part != "pages":
            rows = in_lab(browser, Path(name), rounds, options.only)
            head = ["edges", "median ms", "p95 ms", "promised", "frame every ms", "late %"]
            head += ["messages/s", "after 1,000 moves, ms", "after a release, ms"]
            parts.append(table(LAB, head, rows))
        browser.close()
    text = "\n\n".join(parts)
    print(f"\n{text}\n")
    if not (options.quick or options.only or options.part):
        write(BEGIN, text, END)


if __name__ == "__main__":
    main()
