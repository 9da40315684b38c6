"""Where runs are done: processes of this machine by default, or any executor."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from .train_run import start_worker

__all__ = ["ExecutorSource", "executor_source", "give_back", "most_in_flight"]

ExecutorSource = Callable[[], Executor]
"""Returns the executor to use; asked again if that breaks."""

IDLE_SECONDS = 120
"""How long processes of ours wait for another sweep: to start one takes seconds."""

BYTES_IN_FLIGHT = 256 * 2**20
"""How much data may wait in executors of which we do not know the number of workers."""

ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS", "NUMEXPR")}


def executor_source(executor: Executor | ExecutorSource | None) -> ExecutorSource:
    """Return the function that gives the executor.

    Raises
    ------
    ImportError
        If none is given, and loky is not there.
    TypeError
        If it is no executor.
    """
    if executor is None:
        _local_executor()  # so that it is said at once if it cannot be had
        return _local_executor
    if hasattr(executor, "submit"):
        given: Any = executor
        return lambda: given
    if callable(executor):
        return executor
    raise TypeError(
        "executor must be a concurrent.futures.Executor, such as Client(...).get_executor() of "
        f"Dask, or a function that makes one; got {type(executor).__name__}"
    )


_processes: Executor | None = None
_processes_lock = threading.Lock()


def _local_executor() -> Executor:
    """Return our processes, one for each processor: those from before, if they still work."""
    global _processes
    try:
        import loky
    except ImportError:
        raise ImportError(
            "sweep trains in processes of loky, which is not installed: "
            "pip install 'kanwidget[sweep]', or hand over an executor="
        ) from None
    with _processes_lock:
        if _processes is None or not _takes_work(_processes):
            _processes = loky.ProcessPoolExecutor(
                max_workers=loky.cpu_count(),
                timeout=IDLE_SECONDS,
                initializer=_start_local_worker,
                env=ONE_THREAD,
            )
        found: Executor = _processes
        return found


def _takes_work(executor: Executor) -> bool:
    try:
        executor.submit(int)
    except RuntimeError:  # broken, or shut down
        return False
    return True


def _start_local_worker() -> None:
    """Prepare a process of ours. Ctrl+C reaches it, too, but is meant for who sent the run."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    start_worker()


def give_back(source: ExecutorSource, executor: Any, busy: bool) -> None:
    """End our own processes if they are busy with what nobody waits for; leave others' alone."""
    if source is _local_executor and busy:
        executor.shutdown(wait=False, kill_workers=True)


def most_in_flight(executor: Any, size: int) -> int:
    """Return how many runs to hand to an executor at a time.

    With a known number of workers it is enough to keep all of them busy: when a worker dies, all
    runs that were handed over are lost. Without one, as many as there is room for their data.

    Parameters
    ----------
    executor : Executor
    size : int
        Bytes that go with each run.
    """
    workers = getattr(executor, "_max_workers", None)
    if isinstance(workers, int) and workers > 0:
        return 2 * workers + 2
    return max(64, BYTES_IN_FLIGHT // max(1, size))
