"""What many runs cost beside their fits, whether they are the same everywhere, and what they find.

``python tests/benchmarks/sweep.py`` prints four tables in some minutes, one thread for each run;
``cost``, ``same``, ``many`` or ``right`` after it prints one of them. Wall times need two idle
processors; the load that there was is printed, and shares that it does not change.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from torch import Tensor

from kanwidget import KAN, Sweep, create_dataset, sweep

torch.set_num_threads(1)

Dataset = dict[str, Tensor]

WORKERS = 2


def demo(x: Tensor) -> Tensor:
    """Return exp(sin(pi x1) + x2^2), the function of the demo."""
    return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)


def peak(x: Tensor) -> Tensor:
    """Return a peak over x1 and x2; x3 does nothing."""
    return 1 / (0.2 + x[:, [0]] ** 2 + 2 * (x[:, [1]] + 0.5) ** 2)


def product(x: Tensor) -> Tensor:
    """Return x1 x2."""
    return x[:, [0]] * x[:, [1]]


def cone(x: Tensor) -> Tensor:
    """Return nearly a cone over x1 and x2."""
    return (x[:, [0]] ** 2 + (x[:, [1]] - 0.3) ** 2 + 0.05).sqrt()


def step(x: Tensor) -> Tensor:
    """Return a step over x1, x2 and x3; x4 does nothing."""
    return torch.tanh(2 * (x[:, [0]] + x[:, [1]] ** 2 - x[:, [2]]))


GRID = {
    "width": [2, 5, 1],
    "grid": 5,
    "steps": 20,
    "lamb": [0.001, 0.003, 0.01, 0.03],
    "lamb_entropy": 10.0,
}
"""With 25 repeats: the 100 runs of the demo's network."""


MADE: list[KAN] = []
"""The network of all runs of a process that take no time."""


def at_once(dataset: Any, seed: int, **settings: Any) -> KAN:
    """Return a network that is there already: a run that takes no time."""
    if not MADE:
        MADE.append(KAN([2, 5, 1], grid=5, seed=0))
    return MADE[0]


def load() -> str:
    """Say how busy the machine is."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def of_workers() -> float:
    """Return the processor seconds of the processes that this one has started."""
    children = psutil.Process().children(recursive=True)
    return float(sum(sum(child.cpu_times()[:2]) for child in children))


def runs_of(found: Sweep) -> list[Any]:
    """Return what runs gave but for the time they took, with every number of their networks."""
    numbers = [(run.number, run.train_loss, run.test_loss, run.error) for run in found.runs]
    return [(*one, found.model(one[0]).state_dict()) for one in numbers]


def same(a: Sweep, b: Sweep) -> bool:
    """Whether two sweeps have the same runs bit for bit."""
    pairs = list(zip(runs_of(a), runs_of(b), strict=True))
    return all(
        x[:4] == y[:4] and all(torch.equal(x[4][key], y[4][key]) for key in x[4]) for x, y in pairs
    )


def serially(data: Dataset, grid: Any, repeats: int, **options: Any) -> Sweep:
    """Do a sweep in this process, one run after the other."""
    with ThreadPoolExecutor(1) as executor:
        return sweep(data, grid, repeats=repeats, executor=executor, progress=False, **options)


def cost(repeats: int = 25) -> None:
    """Print the time of 100 runs beside the time of their fits."""
    data = create_dataset(demo, n_var=2)
    start, spent = time.perf_counter(), time.process_time()
    alone = serially(data, GRID, repeats)
    fits, cpu = sum(run.seconds for run in alone.runs), time.process_time() - spent
    print(f"one process: {len(alone)} runs, fits {fits:.1f} s, processor {cpu:.1f} s; {load()}")

    start = time.perf_counter()
    sweep(data, {"start": 1}, repeats=WORKERS, fit=at_once, progress=False)
    print(f"start of {WORKERS} processes: {time.perf_counter() - start:.1f} s; {load()}")

    process, first, before = psutil.Process(), [], of_workers()
    memory, spent = process.memory_info().rss, time.process_time()
    start = time.perf_counter()
    found = sweep(data, GRID, repeats=repeats, progress=False, wait=False)
    while found.running:
        if len(found) and not first:
            first.append(time.perf_counter() - start)
        time.sleep(0.005)
    found.wait()
    wall, ours = time.perf_counter() - start, time.process_time() - spent
    grown = (process.memory_info().rss - memory) / 2**20
    workers = of_workers() - before
    inside = sum(run.seconds for run in found.runs)
    count = len(found)
    print(f"{WORKERS} processes: wall {wall:.1f} s, first result after {first[0]:.2f} s; {load()}")
    print(f"  wall / (fits in one process / {WORKERS}) = {wall / (fits / WORKERS):.3f}")
    print(f"  wall / (fits in the workers / {WORKERS}) = {wall / (inside / WORKERS):.3f}")
    print(f"  processor: workers {workers:.1f} s ({workers / cpu:.3f} of one process),")
    print(f"  parent {1e3 * ours / count:.1f} ms a run (with looking for the first every 5 ms)")
    print(f"  beside the fits {1e3 * (WORKERS * wall - inside) / count:.1f} ms a run and worker")
    print(f"  memory of the parent: {grown / count:.3f} MiB a run; bits the same: ", end="")
    print(same(alone, found))


SCRIPT = """
import sys
import torch
sys.path.insert(0, sys.argv[2])
import sweep as benchmark
from kanwidget import create_dataset, sweep
data = create_dataset(benchmark.demo, n_var=2)
sweep(data, {**benchmark.GRID, "steps": 4}, repeats=25, folder=sys.argv[1], progress=False)
"""


def everywhere() -> None:
    """Print whether 100 runs are the same, whoever does them and whoever dies."""
    from distributed import Client, LocalCluster

    data, grid = create_dataset(demo, n_var=2), {**GRID, "steps": 4}
    alone = serially(data, grid, 25)
    print(f"loky: {same(alone, sweep(data, grid, repeats=25, progress=False))}; {load()}")
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        options: Any = {"repeats": 25, "executor": client.get_executor(), "progress": False}
        print(f"Dask: {same(alone, sweep(data, grid, **options))}; {load()}")
        found = sweep(data, {**grid, "grid_eps": 1.0}, wait=False, **options)
        while len(found) < 30:
            time.sleep(0.01)
        os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
        at = len(found)
        found.wait()
        numbers = [run.number for run in found.runs]
        whole = numbers == list(range(100)) and same(alone, found)
        print(f"Dask, a worker killed after {at} runs: {whole}; {load()}")
    with tempfile.TemporaryDirectory() as place:
        lines = Path(place) / "runs" / "runs.jsonl"
        command = [sys.executable, "-c", SCRIPT, str(lines.parent), str(Path(__file__).parent)]
        killed = subprocess.Popen(command)
        while not lines.exists() or lines.read_bytes().count(b"\n") < 30:
            time.sleep(0.01)
        killed.kill()
        killed.wait()
        time.sleep(2)
        before = lines.read_bytes()
        subprocess.run(command, check=True)
        after, there = lines.read_bytes(), before.count(b"\n")
        trained = after.count(b"\n") - there
        kept = after.startswith(before[: before.rfind(b"\n") + 1])
        print(f"parent killed after {there} runs, called again: {trained} trained; {load()}")
        print(f"  what was there stayed: {kept}; bits: {same(alone, Sweep.load(lines.parent))}")


def many(count: int = 10_000) -> None:
    """Print what a sweep of runs that take no time costs."""
    data = create_dataset(demo, n_var=2)
    sweep(data, {"start": 1}, repeats=WORKERS, fit=at_once, progress=False)

    def timed(name: str, call: Callable[[], Any]) -> Any:
        start, spent, theirs = time.perf_counter(), time.process_time(), of_workers()
        found = call()
        if isinstance(found, Sweep):
            assert not any(run.error for run in found.runs), found
        wall, cpu = time.perf_counter() - start, time.process_time() - spent
        workers = of_workers() - theirs
        print(f"{name}: wall {wall:.2f} s, processor {cpu:.2f} s", end="")
        print(f" and {workers:.2f} s in the workers; {load()}" if workers else f"; {load()}")
        return found

    with tempfile.TemporaryDirectory() as place:
        options: Any = {"repeats": count, "fit": at_once, "progress": False}
        timed(f"{count} runs, in memory", lambda: sweep(data, {}, **options))
        options["folder"] = place
        found = timed(f"{count} runs, in a folder", lambda: sweep(data, {}, **options))
        timed("resume", lambda: sweep(data, {}, **options))
        timed("load", lambda: Sweep.load(place))
        for name in ("table", "front", "best"):
            timed(name, getattr(found, name))
        timed("a model", lambda: found.model(count // 2))


def noisy(f: Callable[[Tensor], Tensor], n_var: int, seed: int, noise: float) -> Dataset:
    """Return data of a function, labels with standard deviation 1 and noise of a part of it."""
    data = create_dataset(f, n_var=n_var, train_num=500, test_num=500, seed=seed)
    spread, generator = data["train_label"].std(), torch.Generator().manual_seed(1000 + seed)
    for part in ("train_label", "test_label"):
        error = torch.randn(data[part].shape, generator=generator, dtype=torch.float64)
        data[part] = data[part] / spread + noise * error
    return data


TRUTHS: dict[str, tuple[Callable[[Tensor], Tensor], list[int], int, list[Callable[[Any], Any]]]] = {
    "exp(sin(pi x1) + x2^2)": (
        *(demo, [2, 5, 1], 3),
        [lambda x: np.sin(np.pi * x), np.square],
    ),
    "1 / (0.2 + x1^2 + 2 (x2 + 0.5)^2), x3 unused": (
        *(peak, [3, 3, 1], 3),
        [np.square, lambda x: (x + 0.5) ** 2],
    ),
    "sqrt(x1^2 + (x2 - 0.3)^2 + 0.05)": (
        *(cone, [2, 4, 1], 3),
        [np.square, lambda x: (x - 0.3) ** 2],
    ),
    "tanh(2 (x1 + x2^2 - x3)), x4 unused": (
        *(step, [4, 4, 1], 4),
        [lambda x: x, np.square, lambda x: x],
    ),
    "x1 x2": (product, [2, 4, 1], 6, [lambda x: x, lambda x: x]),
}
"""For each function: itself, the width to start from, its edges, and its first-layer curves."""


def right(noise: float = 0.05) -> None:
    """Print how often `best` finds the structure of known functions, and how right curves are.

    Ten sweeps of ten seeds for each, each from other data and other seeds.
    """
    for name, (f, width, edges, curves) in TRUTHS.items():
        found_in: dict[bool, list[list[float]]] = {True: [], False: []}
        share = []
        for seed in range(10):
            data = noisy(f, width[0], seed, noise)
            found = sweep(
                data,
                {
                    "width": width,
                    "grid": 5,
                    "steps": 20,
                    "lamb": 0.01,
                    "lamb_entropy": 10.0,
                    "prune": "within 5%",
                    "retrain": 15,
                },
                repeats=10,
                seed=100 * seed,
                progress=False,
            )
            result = found.agreement()
            found_in[found.best().active_edges == edges].append(
                [
                    max(
                        abs(np.corrcoef(truth(curve.points), curve.median)[0, 1])
                        for curve in result.curves
                        if curve.input == i
                    )
                    for i, truth in enumerate(curves)
                ]
            )
            share += [len(curve.same_in) / curve.runs for curve in result.curves]
        print(f"{name}: {edges} edges in {len(found_in[True])} of 10; {load()}")
        print("  least correlation of a median with the true curve, for each input:")
        for right, correlations in found_in.items():
            if correlations:
                words = "with those edges" if right else "with others"
                print(f"    in sweeps {words}: {np.min(correlations, axis=0).round(4)}")
        print(f"  share of the good runs that have a curve of the best: {np.mean(share):.2f}")


if __name__ == "__main__":
    tables = {"cost": cost, "same": everywhere, "many": many, "right": right}
    for name in sys.argv[1:] or tables:
        print(f"== {name}")
        tables[name]()
