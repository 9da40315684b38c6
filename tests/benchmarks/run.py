"""Measure kanwidget's KAN next to others, and write the tables into the guide: ``make bench``.

Each library runs in a process of its own, on one thread. All are asked in turns, again and
again, so that whatever else the machine does meets all alike; medians are quoted.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import linear_regression, median
from typing import Any

from performance_page import machine, table, write

HERE = Path(__file__).parent
BEGIN, END = "<!-- benchmarks: written by make bench -->", "<!-- benchmarks: end -->"

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

OURS, SCORED, EFFICIENT = "kanwidget", "kanwidget with scores", "efficient-kan"
PYKAN1, PYKAN2, NUMERIC = "pykan 0.0.1", "pykan 0.2.8", "pykan 0.2.8, symbolic part off"

NETS = (([4, 32, 32, 1], 1000), ([64, 64, 64, 10], 1000), ([784, 64, 10], 256))
BY_EDGES = (
    [2, 5, 1],
    [4, 16, 4],
    [16, 16, 16],
    [4, 32, 32, 1],
    [64, 64, 10],
    [64, 64, 64, 64, 10],
    [784, 64, 10],
)
BY_ROWS = ([4, 32, 32, 1], (100, 316, 1000, 3162, 10_000))

targets: list[tuple[str, bool]] = []
"""What the project has promised, and whether this run kept it."""


class Worker:
    """A process that runs `worker.py` for one library."""

    def __init__(self, name: str, folder: str) -> None:
        self._log = Path(folder, f"{name}.log")
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "worker.py"), name],
                cwd=folder,
                env={**os.environ, **ONE_THREAD, "MPLBACKEND": "Agg"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def ask(self, task: str, **options: Any) -> Any:
        """Wait for the answer to a request, see `worker`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            print(json.dumps([task, options]), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"a worker failed:\n{self._log.read_text()[-4000:]}")
        return json.loads(answer)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def workers(*names: str) -> Iterator[dict[str, Worker]]:
    """Start a worker for each library, and stop them all in the end."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        started = {}
        for name in names:
            started[name] = Worker(name, folder)
            stack.callback(started[name].stop)
        yield started


def in_turns(rounds: int, asks: Mapping[Any, Callable[[], Any]]) -> dict[Any, list[Any]]:
    """Call everything once a round; return the answers of each."""
    answers: dict[Any, list[Any]] = {name: [] for name in asks}
    for _ in range(rounds):
        for name, ask in asks.items():
            answers[name].append(ask())
    return answers


def training(rounds: int) -> str:
    """Time the training of the first example."""
    with workers(OURS, PYKAN1, PYKAN2, NUMERIC) as started:
        answers = in_turns(rounds, {n: partial(w.ask, "train") for n, w in started.items()})
    drawn = {round(a["data"], 9) for found in answers.values() for a in found}
    assert len(drawn) == 1, f"the libraries drew different data: {drawn}"
    middle = {
        name: {key: median(a[key] for a in found) for key in found[0]}
        for name, found in answers.items()
    }
    seconds = {name: found["seconds"] for name, found in middle.items()}
    rows = [
        [name, f"{found['seconds']:.3g}", f"{found['seconds'] / seconds[OURS]:.1f}×"]
        + [f"{found[part]:.3f}" for part in ("train", "test")]
        for name, found in middle.items()
    ]
    for name, times in ((PYKAN1, 20), (PYKAN2, 15)):
        ratio = seconds[name] / seconds[OURS]
        target(f"training {times}x faster than {name}: {ratio:.1f}x", ratio >= times)
    return table(
        "**Training** `[2, 5, 1]` on the formula above: 20 steps of LBFGS, `lamb=0.01`, "
        f"`lamb_entropy=10`, seed 0, 1,000 rows, float64; median of {rounds}. pykan 0.2.8 starts "
        "from other functions and has another regulariser; its `fit` leaves out a symbolic part "
        "that is not in use.",
        ["", "seconds", "against kanwidget", "train RMSE", "test RMSE"],
        rows,
    )


def passes(rounds: int) -> str:
    """Time forward and backward passes, and measure their memory."""
    names = (OURS, SCORED, EFFICIENT, NUMERIC, "MLP")
    found = [steps(rounds, names, width, rows) for width, rows in NETS]
    rows = []
    for name in names:
        cells = [f"{ms(took[name])} ({took[name] / took[SCORED]:.2g}×)" for took, _ in found]
        rows.append([name, *cells, " / ".join(mib(used[name]) for _, used in found)])
    for n, ((width, _), (took, used)) in enumerate(zip(NETS, found, strict=True)):
        with_, without = (took[name] / took[EFFICIENT] for name in (SCORED, OURS))
        target(f"{width} with scores at most {EFFICIENT}'s time: {with_:.2f}", with_ <= 1)
        target(f"{width} at most half of {EFFICIENT}'s time: {without:.2f}", without <= 0.5)
        if n:
            times = took[NUMERIC] / took[SCORED]
            target(f"{width} with scores 9x faster than {PYKAN2}: {times:.1f}x", times >= 9)
        peak = used[SCORED]
        target(f"{width} with scores at most 20 MiB: {mib(peak)}", peak is None or peak <= 20)
    return table(
        "**Forward and backward**, milliseconds (and against kanwidget with scores), float32, "
        "grid 5, k 3. *With scores*: the exact size of every edge's output is computed too, and "
        "the gradient flows through it; pykan does that with its l1 term, efficient-kan cannot "
        f"(its layer, as in kan-gpt 1.2.0). Median of {rounds} rounds. Memory: the peak resident "
        "memory above the model's own.",
        ["", *(f"`{width}`, {rows} rows" for width, rows in NETS), "MiB"],
        rows,
    )


def steps(
    rounds: int, names: Sequence[str], width: list[int], rows: int
) -> tuple[dict[str, float], dict[str, float | None]]:
    """Return the seconds and the MiB of one forward and backward pass, for each library.

    In fresh processes: what was allocated before makes the next pass faster or slower.
    """
    net = {"width": width, "rows": rows}
    with workers(*names) as started:
        used = {name: w.ask("peak", **net) for name, w in started.items()}
        asks = {name: partial(w.ask, "step", **net) for name, w in started.items()}
        return {n: median(all_) for n, all_ in in_turns(rounds, asks).items()}, used


def looks(rounds: int) -> str:
    """Time what a widget asks for."""
    widths = ([2, 5, 1], [784, 64, 10])
    with workers(OURS) as started:
        look = partial(started[OURS].ask, "look", rows=256)
        answers = in_turns(rounds, {n: partial(look, width=w) for n, w in enumerate(widths)})
    seconds = [median(found) for found in answers.values()]
    for width, time, most in zip(widths, seconds, (0.001, 0.06), strict=True):
        target(f"{width} curves and scores in {ms(most)} ms: {ms(time)}", time < most)
    return table(
        "**What the widget reads** when a network has changed: every edge's curve at 64 points "
        "and its score on 256 rows, float32.",
        ["", *(f"`{width}`, {edges(width):,} edges" for width in widths)],
        [["milliseconds", *map(ms, seconds)]],
    )


def growth(rounds: int) -> str:
    """Time forward and backward passes of growing networks and batches."""
    width, counts = BY_ROWS
    tables = []
    fitted = "*p* of *time = c · size^p*, by least squares of the logarithms"
    for text, sizes, nets in (
        (
            f"edges, 256 rows, milliseconds; and {fitted}, over all sizes and over the three "
            "largest. In small networks the calls cost more than the arithmetic",
            [edges(width) for width in BY_EDGES],
            [(width, 256) for width in BY_EDGES],
        ),
        (f"rows, `{width}`, likewise", counts, [(width, rows) for rows in counts]),
    ):
        found = [steps(rounds, (OURS, SCORED), *net)[0] for net in nets]
        rows = []
        for name in (OURS, SCORED):
            took = [seconds[name] for seconds in found]
            rows.append([name, *map(ms, took), exponent(sizes, took), exponent(sizes, took, 3)])
        tables.append(
            table(
                f"**Growth** with the number of {text}.",
                ["", *(f"{size:,}" for size in sizes), "*p*", "*p*, largest"],
                rows,
            )
        )
    return "\n\n".join(tables)


def exponent(sizes: Sequence[float], seconds: Sequence[float], last: int = 0) -> str:
    """Fit ``p`` in ``seconds = c * sizes ** p``, to all sizes or to the last few."""
    logs = [math.log(s) for s in sizes[-last:]], [math.log(s) for s in seconds[-last:]]
    return f"{linear_regression(*logs).slope:.2f}"


def edges(width: Sequence[int]) -> int:
    """Count a network's edges."""
    return sum(a * b for a, b in pairwise(width))


def ms(seconds: float) -> str:
    """Write seconds as milliseconds, with three digits."""
    value = seconds * 1000
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def mib(amount: float | None) -> str:
    """Write an amount of memory, if it could be measured."""
    return "?" if amount is None else f"{amount:.0f}"


def target(text: str, kept: bool) -> None:
    """Note whether something promised was kept."""
    targets.append((text, kept))


def main() -> None:
    """Measure everything, print it, and write it into the guide."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round; the guide stays")
    quick = parser.parse_args().quick
    parts = [f"{machine()}, one thread."]
    for part, rounds in ((training, 5), (passes, 11), (looks, 11), (growth, 7)):
        parts.append(part(1 if quick else rounds))
        print(parts[-1], end="\n\n", flush=True)
    if not quick:
        write(BEGIN, "\n\n".join(parts), END)
    for text, kept in targets:
        print("kept  " if kept else "MISSED", text)


if __name__ == "__main__":
    main()
