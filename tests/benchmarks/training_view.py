"""Measure a training that is watched in JupyterLab, in Chromium: ``make bench-training``.

Trainings with a view and without one take turns in one kernel. An update is a frame in which the
page has drawn other curves, or, if no curve has room on the screen, has told another step or
iteration. What slows a training down is told twice: by the clock on the wall, which counts whatever
else the machine does, and by the processor's time of the thread that trains.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from operator import sub
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "browser"))

from chromium import ARGUMENTS, HINTS_SEEN, find_chromium  # noqa: E402
from lab import JupyterServer, Notebook, wait_ready  # noqa: E402
from playwright.sync_api import Browser, sync_playwright  # noqa: E402
from servers import until  # noqa: E402
from view import View, same  # noqa: E402

NETS: dict[str, tuple[list[int], int, float]] = {
    "1,184": ([4, 32, 32, 1], 60, 10.0),
    "50,816": ([784, 64, 10], 4, 1.0),
}
"""Widths, steps of LBFGS, and the updates a second that are promised."""

CELL = """
import copy, threading, time
import torch
from kanwidget import KAN, KANWidget, PruningSession

def make(width):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2000, width[0], generator=generator) * 2 - 1
    y = torch.sin(3 * x[:, :1]) + x[:, 1:2] ** 2 + 0.1 * torch.arange(width[-1])
    rows = {"train": slice(0, 1000), "test": slice(1000, 2000)}
    data = {f"{n}_input": x[r] for n, r in rows.items()}
    data.update({f"{n}_label": y[r] for n, r in rows.items()})
    return KAN(width, grid=5, k=3, seed=0, dtype=torch.float32), data

MAIN = time.pthread_getcpuclockid(threading.main_thread().ident)

class Clock:
    '''Notes when steps of a training end, in a thread that trains.'''
    def __init__(self):
        self.wall, self.own, self.main = [], [], []
    def __call__(self, *_):
        self.wall.append(time.perf_counter())
        self.own.append(time.thread_time())
        self.main.append(time.clock_gettime(MAIN))
    def found(self):
        n = len(self.wall) - 1
        return [(times[-1] - times[0]) / n for times in (self.wall, self.own, self.main)]

model, data = make({width})
plain, start = copy.deepcopy(model), copy.deepcopy(model.state_dict())
"""
SHOWN = "w = KANWidget(model, data{shape})\nw"


def measure(browser: Browser, server: JupyterServer, name: str, rounds: int) -> dict[str, Any]:
    """Train with a view and without one, in turns."""
    width, steps, _ = NETS[name]
    found: dict[str, list[Any]] = {}
    context = browser.new_context(viewport={"width": 1200, "height": 1000})
    with closing(context):
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.add_init_script(path=HERE / "frames.js")
        page.add_init_script(COUNT_CURVES)
        page.add_init_script(HINTS_SEEN)
        shape = ", input_shape=(28, 28)" if width[0] == 784 else ""
        cell = CELL.replace("{width}", str(width))
        path = server.write_notebook(
            "net" + name.replace(",", ""), [cell, SHOWN.format(shape=shape)]
        )
        page.goto(server.address(path))
        wait_ready(page)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        with server.kernel(path) as client:
            notebook = Notebook(page, client)
            notebook.run_all()
            notebook.scroll_to_widget()
            view = View(page)
            wait(lambda: "edges" in view.status())
            for each in range(rounds + 1):
                got = one_round(notebook, view, session, steps)
                if each:  # the first warms up
                    for key, value in got.items():
                        found.setdefault(key, []).append(value)
            found["latency"] = latencies(notebook, view, 5 * rounds)
    return {key: median(v) if isinstance(v, list) else v for key, v in found.items()}


def one_round(notebook: Notebook, view: View, session: Any, steps: int) -> dict[str, float]:
    """Train with the view, and without any."""
    page = view.page
    notebook.define("w.session.jump(0); w.refresh(); clock = Clock()")
    notebook.wait_idle()
    page.wait_for_timeout(1500)
    page.evaluate(WATCH)
    before = times(session)
    page.evaluate("() => kanframes.start(false)")
    notebook.define(f"run = w.fit({steps}, callback=clock)")
    # Asked of the page: a cell that asks the kernel would slow down this training, and no other.
    said = view.root.locator('[data-role="training"]')
    wait(lambda: said.inner_text().startswith("step "))  # no more of the training before
    wait(lambda: said.inner_text().startswith(f"{steps} steps done"), pause=1.0)
    seen = page.evaluate("() => ({ costs: kanframes.costs, told: kanupdates, drawn: kancurves })")
    after = times(session)
    wall, own, main_thread = notebook_value(notebook, "clock.found()")
    page.wait_for_timeout(1500)
    notebook.define(
        "plain.load_state_dict(start); alone = PruningSession(plain, data); clock = Clock()\n"
        f"run2 = alone.start_fit(steps={steps}, callback=clock); run2.wait(); alone.close()",
        timeout=600,
    )
    wall2, own2, _ = notebook_value(notebook, "clock.found()")
    drawn, told = seen["drawn"], seen["told"]
    updates: list[float] = drawn if len(drawn) > 1 else told
    count = max(1, len(updates) - 1)
    costs = sorted(c for c in seen["costs"] if c > 0.5) or [0.0]
    return {
        "updates/s": rate(updates),
        "longest wait for one, s": max(map(sub, updates[1:], updates), default=math.nan) / 1000,
        "frames with other curves": len(drawn),
        "words/s": rate(told),
        "steps/s": 1 / wall,
        "steps/s alone": 1 / wall2,
        "wall ratio": wall / wall2,
        "thread ratio": own / own2,
        "kernel ms an update": 1000 * main_thread * (steps - 1) / count,
        "script ms a frame": median(costs),
        "script ms a frame, p95": costs[int(0.95 * (len(costs) - 1))],
        "page task ms an update": 1000 * (after["TaskDuration"] - before["TaskDuration"]) / count,
        "page script ms an update": 1000
        * (after["ScriptDuration"] - before["ScriptDuration"])
        / count,
    }


def rate(times: Sequence[float]) -> float:
    """Return how many a second there are of what came at some milliseconds."""
    return 1000 * (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else math.nan


def latencies(notebook: Notebook, view: View, count: int) -> float:
    """Return the median milliseconds from a press of Pause to the kernel's knowing of it."""
    notebook.define(
        "w.session.jump(0); w.refresh(); run = w.fit(100000); presses = []\n"
        "_pause, _resume = run.pause, run.resume\n"
        "run.pause = lambda: (presses.append(time.time()), _pause())"
    )
    page, took = view.page, []
    button = view.root.locator('[data-role="play"]')
    said = view.root.locator('[data-role="training"]')
    wait(lambda: said.inner_text().startswith("step "))
    for number in range(count):
        page.wait_for_timeout(300 + 37 * (number % 7))
        pressed = button.evaluate("(b) => { const t = Date.now(); b.click(); return t; }")
        wait(lambda n=number: notebook_value(notebook, "len(presses)") > n)
        took.append(1000 * notebook_value(notebook, "presses[-1]") - pressed)
        wait(lambda: said.inner_text().startswith("paused"))
        button.click()
        wait(lambda: said.inner_text().startswith("step "))
    notebook.define("run.stop(); run.wait()", timeout=120)
    return median(took)


WATCH = """() => {
    const root = [...document.querySelectorAll('[data-lm-suppress-shortcuts]')]
        .map((e) => e.shadowRoot).find((s) => s);
    window.kanupdates = [];
    window.kanwatch?.disconnect();
    Object.assign(window, { kancurves: [] });
    let last = '';
    window.kanwatch = new MutationObserver(() => {
        const text = root.querySelector('[data-role="training"]')?.textContent ?? '';
        if (text === last || !text.startsWith('step ')) return;
        last = text;
        window.kanupdates.push(performance.now());
    });
    window.kanwatch.observe(root, { subtree: true, childList: true, characterData: true });
}"""

COUNT_CURVES = """(() => {
    // Where curves begin says whether they are the same: what a whole curve is would cost a frame.
    let [sum, drawn, last, most] = [0, 0, 0, 0];
    window.kancurves = [];
    const close = () => {
        most = Math.max(most, drawn);
        if (drawn > most / 2 && sum !== last) {  // some frames draw a mark alone
            window.kancurves.push(performance.now());
            last = sum;
        }
        [sum, drawn] = [0, 0];
    };
    const kinds = [CanvasRenderingContext2D, OffscreenCanvasRenderingContext2D, Path2D];
    for (const { prototype } of kinds) {
        const moveTo = prototype.moveTo;
        prototype.moveTo = function (x, y) {
            if (drawn === 0) setTimeout(close);  // once the frame is painted
            drawn++;
            sum += drawn * y;
            moveTo.call(this, x, y);
        };
    }
})()"""


def wait(is_so: Callable[[], bool], pause: float = 0.05) -> None:
    """Wait until something is so; seldom asked, a kernel is hardly disturbed."""
    until(lambda: same(is_so(), True), timeout=600, pause=pause)


def times(session: Any) -> dict[str, float]:
    """Return the seconds that the page's main thread has worked until now."""
    metrics: list[dict[str, Any]] = session.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in metrics}


def notebook_value(notebook: Notebook, expression: str) -> Any:
    """Return a value of the kernel, however long a cell keeps it."""
    return notebook.value(expression, timeout=600)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(NETS), choices=NETS, help="edges")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        server = JupyterServer(Path(folder), "lab")
        try:
            for name in options.only:
                found = measure(browser, server, name, options.rounds)
                print(f"{name} edges, load {os.getloadavg()[0]:.1f}")
                print(json.dumps({k: round(v, 3) for k, v in found.items()}, indent=1), flush=True)
        finally:
            server.stop()
            browser.close()


if __name__ == "__main__":
    main()
