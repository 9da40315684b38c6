"""Many runs in real processes: loky's and Dask's, killed, interrupted, and taken up again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
import pytest
import sweeps
from distributed import Client, LocalCluster
from sweeps import outcomes, small_data

from kanwidget import KAN, Sweep, sweep

DATA = small_data()
REAL: dict[str, Any] = {
    "width": [2, 2, 1],
    "grid": 3,
    "k": 2,
    "steps": 2,
    "lamb": [0.0, 0.05],
    "prune": "within 5%",
    "retrain": 1,
}


@pytest.fixture(scope="module")
def dask() -> Iterator[tuple[LocalCluster, Executor]]:
    """A cluster of two processes on this machine, and its executor."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield cluster, client.get_executor()


@pytest.fixture(scope="module")
def serial() -> Sweep:
    """The runs that others have to give, too: one after the other, in this process."""
    with ThreadPoolExecutor(1) as executor:
        return sweep(DATA, REAL, repeats=3, executor=executor, progress=False)


def test_our_processes_give_the_same_bits_as_this_one(serial: Sweep) -> None:
    found = sweep(DATA, REAL, repeats=3, progress=False)
    assert outcomes(found) == outcomes(serial)
    # Processes stay for the next sweep, and functions of a notebook reach them.
    processes = {process.pid for process in psutil.Process().children(recursive=True)}
    base = sweeps.untrained(DATA, 0).width
    again = sweep(DATA, {}, repeats=2, fit=lambda data, seed: KAN(base), progress=False)
    assert [run.active_edges for run in again.runs] == [6, 6]
    assert {process.pid for process in psutil.Process().children(recursive=True)} == processes


def test_dask_gives_the_same_bits_and_survives_the_death_of_a_worker(
    serial: Sweep, dask: tuple[LocalCluster, Executor]
) -> None:
    cluster, executor = dask
    found = sweep(DATA, REAL, repeats=3, executor=executor, progress=False, wait=False)
    while found.running and not found.runs:
        time.sleep(0.01)
    os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
    found.wait()
    assert outcomes(found) == outcomes(serial)


# Of many short runs, several are with a worker at once.
@pytest.mark.parametrize(("count", "deadly"), [(6, 2), (80, 60)])
def test_a_run_that_ends_its_workers_fails_alone(count: int, deadly: int) -> None:
    grid = {"deadly": deadly, "parent": os.getpid()}
    found = sweep(DATA, grid, repeats=count, fit=sweeps.dies_with, progress=False)
    assert [run.number for run in found.runs] == list(range(count))
    assert [run.number for run in found.runs if run.error] == [deadly]
    assert "its worker died 3 times" in found.runs[deadly].error


def test_what_a_dead_worker_had_is_done_again(tmp_path: Path) -> None:
    grid = {"mark": str(tmp_path / "mark")}
    found = sweep(DATA, grid, repeats=5, fit=sweeps.dies_once, progress=False)
    assert [run.error for run in found.runs] == [""] * 5


def test_a_broken_executor_of_others_keeps_what_has_ended(tmp_path: Path) -> None:
    def make() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    grid = {"mark": str(tmp_path / "mark")}
    options: dict[str, Any] = {"repeats": 3, "fit": sweeps.dies_once, "folder": tmp_path / "runs"}
    with make() as executor, pytest.raises(RuntimeError, match="Call sweep with a new executor"):
        sweep(DATA, grid, executor=executor, progress=False, **options)
    assert [run.number for run in Sweep.load(tmp_path / "runs").runs] == [0]
    (tmp_path / "mark").unlink()
    made: list[ProcessPoolExecutor] = []

    def make_another() -> ProcessPoolExecutor:
        made.append(make())
        return made[-1]

    found = sweep(DATA, grid, executor=make_another, progress=False, **options)
    assert [run.error for run in found.runs] == [""] * 3
    assert len(made) == 2
    for executor in made:
        executor.shutdown()


SCRIPT = """
import json, sys
import sweeps
from kanwidget import sweep

folder, notes, go_on = sys.argv[1:]
grid = {"first": 4, "notes": notes, "go_on": go_on}
found = sweep(sweeps.small_data(), grid, repeats=8, fit=sweeps.waits, folder=folder, progress=False)
print(json.dumps([run.number for run in found.runs]))
"""


def start(folder: Path) -> subprocess.Popen[str]:
    """Begin the sweep of the script in a process group of its own: its last runs wait."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, folder / "runs", folder / "notes", folder / "go_on"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_lines(folder: Path, count: int) -> None:
    """Wait until so many runs have ended."""
    lines, until = folder / "runs" / "runs.jsonl", time.monotonic() + 120
    while not lines.exists() or lines.read_bytes().count(b"\n") < count:
        assert time.monotonic() < until, "no run has ended"
        time.sleep(0.02)


def test_after_the_death_of_the_parent_only_what_is_missing_is_trained(tmp_path: Path) -> None:
    killed = start(tmp_path)
    wait_for_lines(tmp_path, 2)
    killed.kill()
    killed.wait()
    ended = [json.loads(x)["run"] for x in (tmp_path / "runs/runs.jsonl").read_text().splitlines()]
    before = len(ended)
    assert 2 <= before <= 4
    (tmp_path / "notes").unlink()
    (tmp_path / "go_on").touch()
    again = start(tmp_path)
    said, _ = again.communicate(timeout=240)
    assert json.loads(said) == list(range(8))
    # A worker of the killed parent may write its note after all: what it did counts for nothing.
    assert len(set((tmp_path / "notes").read_text().splitlines())) == 8 - before
    lines = (tmp_path / "runs/runs.jsonl").read_text().splitlines()
    assert len({json.loads(line)["run"] for line in lines}) == len(lines) == 8


def test_ctrl_c_keeps_what_has_ended_and_waits_for_nothing(tmp_path: Path) -> None:
    running = start(tmp_path)
    wait_for_lines(tmp_path, 2)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    said, _ = running.communicate(timeout=120)
    assert running.returncode == 0
    kept = json.loads(said)
    assert 2 <= len(kept) <= 4
    assert len(Sweep.load(tmp_path / "runs").runs) == len(kept)
