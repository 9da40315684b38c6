"""Sweep: the runs that have ended so far, and what can be asked of them."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from tqdm import tqdm

from kanwidget.kan import KAN
from kanwidget.kan.check_data import as_tensor
from kanwidget.kan.interrupt_safe import InterruptSafeEvent, start_thread
from kanwidget.masks.validate import check_whole
from kanwidget.session import PruningSession

from . import agreement, choice
from .distribute import Distribution
from .fingerprints import data_digest, describe, run_key
from .folder import SweepFolder
from .listeners import Listeners
from .run import Result, Run, facts

__all__ = ["Sweep"]

SECONDS_TO_STOP = 5.0
"""How long an interrupt waits for what is under way to be let go."""


class Sweep:
    """Many runs: those that have ended, in the order of their numbers. `sweep` makes one.

    Attributes
    ----------
    settings : list of dict
        Of every run that there is to be; run ``k`` has ``settings[k]``.
    dataset : dict or None
        What all of them are trained on.
    listeners : Listeners
        Functions that are told of what happens.
    """

    make_view: ClassVar[Callable[[Sweep], Any] | None] = None
    """Makes the view of a sweep for a notebook; a room above this one sets it."""

    def __init__(
        self,
        settings: Sequence[Mapping[str, Any]],
        dataset: Mapping[str, Any] | None,
        data: str,
        fit: str = "",
        keys: Sequence[str] | None = None,
    ) -> None:
        self.settings = [dict(one) for one in settings]
        self.dataset = dataset
        self._data, self._fit = data, fit
        self._keys = [run_key(one) for one in self.settings] if keys is None else list(keys)
        self._runs: dict[int, Run] = {}
        self._models: dict[int, bytes] = {}
        self._folder: SweepFolder | None = None
        self.listeners = Listeners()
        self._view: Any = None
        self._view_lock = threading.RLock()
        self._distribution: Distribution | None = None
        self._ended = InterruptSafeEvent()
        self._ended.set()
        self._failure: BaseException | None = None

    def check_distinct(self) -> None:
        """Raise a ValueError if two runs have the same settings."""
        first: dict[str, int] = {}
        for number, key in enumerate(self._keys):
            if first.setdefault(key, number) != number:
                raise ValueError(
                    f"runs {first[key]} and {number} have the same settings: "
                    f"{describe(self.settings[number])}"
                )

    @property
    def runs(self) -> list[Run]:
        """The runs that have ended so far, those that failed too, by their numbers."""
        return [self._runs[number] for number in sorted(self._runs.copy())]

    @property
    def running(self) -> bool:
        """Whether runs are under way."""
        return not self._ended.is_set()

    def __len__(self) -> int:
        return len(self._runs)

    def __repr__(self) -> str:
        runs = self.runs
        failed = sum(bool(run.error) for run in runs)
        words = [f"{len(runs)} of {len(self.settings)} runs"]
        words += [f"{failed} failed"] if failed else []
        words += ["running"] if self.running else []
        usable = [run for run in runs if run.usable]
        if usable:
            best = min(usable, key=lambda run: run.test_loss)
            words.append(f"best test loss {best.test_loss:.4g} with {best.active_edges} edges")
        return f"Sweep({', '.join(words)})"

    def table(self) -> Any:
        """Return a row for each run: a pandas DataFrame if pandas is there, else a list of dicts.

        Its columns are ``run``, the settings, ``train_loss``, ``test_loss``, ``active_edges``,
        ``seconds``, ``error`` and ``stopped``.
        """
        rows = [{"run": run.number, **run.settings, **facts(run)} for run in self.runs]
        try:
            import pandas
        except ImportError:
            return rows
        return pandas.DataFrame(rows)

    def front(self) -> list[Run]:
        """Return the runs that no other beats in both test loss and edges, fewest edges first."""
        return choice.front(self.runs)

    def best(self, within: float = 0.05) -> Run:
        """Return the run with the fewest edges whose test loss is close to the lowest.

        Parameters
        ----------
        within : float
            0.05 allows test losses up to 1.05 times the lowest.

        Raises
        ------
        ValueError
            If no run has ended with a network yet.
        """
        return choice.best(self.runs, within)

    def model(self, run: int | Run, base_fun: Callable[[Tensor], Tensor] | None = None) -> KAN:
        """Return the network of a run, a new one at each call.

        Parameters
        ----------
        run : int or Run
            Its number, or itself, such as ``best()``.
        base_fun : callable, optional
            The base function that it was trained with, if that is code of your own and the sweep
            comes from a folder.

        Raises
        ------
        IndexError
            If there is no such run.
        ValueError
            If it has not ended yet, or failed.
        """
        number = self._number(run)
        given = self.settings[number].get("base_fun")
        base_fun = base_fun or (given if callable(given) else None)
        content = self._models.get(number)
        if content is None and self._folder is not None:
            model = KAN.load(self._folder.model_file(self._keys[number]), base_fun)
        else:
            with tempfile.TemporaryDirectory() as place:
                file = Path(place) / "model.safetensors"
                file.write_bytes(content or b"")
                model = KAN.load(file, base_fun)
        if self.dataset is not None:
            rows = as_tensor(self.dataset["train_input"], "dataset['train_input']")
            with torch.no_grad():
                model(rows if rows.dim() == 2 else rows.unsqueeze(1))  # scores come from these
        return model

    def session(self, run: int | Run, **options: Any) -> PruningSession:
        """Return a pruning session on the network of a run, with the data of the sweep.

        Parameters
        ----------
        run : int or Run
        **options
            For `PruningSession`; the metric is the run's ``loss_fn``, if it had one.

        Raises
        ------
        ValueError, IndexError
            As for `model`; or if the sweep was loaded without its data.
        """
        if self.dataset is None:
            raise ValueError("the sweep was loaded without its data: Sweep.load(folder, dataset)")
        if "metric" not in options:
            options["metric"] = self.metric(run)
        return PruningSession(self.model(run), self.dataset, **options)

    def metric(self, run: int | Run) -> Callable[..., Any] | None:
        """Return what a run was trained on in place of the mean squared error, None if nothing.

        Raises
        ------
        ValueError, IndexError
            As for `model`; or if it is code and the sweep comes from a folder.
        """
        metric = self.settings[self._number(run)].get("loss_fn")
        if metric is None or callable(metric):
            return metric
        raise ValueError(f"the run was trained with loss_fn {metric}; pass it as metric=")

    def agreement(
        self, within: float = 0.5, *, least_correlation: float = 0.9, most: int | None = None
    ) -> agreement.Agreement:
        """Return what the good runs agree on: which inputs matter, and first-layer curves.

        Parameters
        ----------
        within : float
            Runs are good whose test loss is at most ``1 + within`` times the lowest.
        least_correlation : float
            From which correlation on two hidden nodes, or two curves, count as the same.
        most : int, optional
            How many of the good runs to compare: the best, and those with the lowest losses.

        Raises
        ------
        ValueError
            If no run has ended, their widths differ in the inputs, or the sweep was loaded
            without its data.
        ImportError
            If scipy is not there.
        """
        if self.dataset is None:
            raise ValueError("the sweep was loaded without its data: Sweep.load(folder, dataset)")
        good, best = choice.good(self.runs, within), self.best()
        good = [best, *sorted((run for run in good if run is not best), key=_by_loss)]
        good = good[: None if most is None else check_whole(most, "most", 1)]
        models = [self.model(run) for run in good]
        numbers = [run.number for run in good]
        return agreement.find_agreement(models, numbers, self.dataset, least_correlation)

    def on_run(self, function: Callable[[Run], object]) -> None:
        """Call a function with each run that ends from now on, in a thread of the sweep's own."""
        self.listeners.run.append(function)

    def view(self) -> Any:
        """Return the view of this sweep for a notebook, see `kanwidget.SweepWidget`.

        It is what a notebook shows of a sweep, and the same at each call.
        """
        if Sweep.make_view is None:
            raise RuntimeError("there is no view without kanwidget.widget: import kanwidget")
        with self._view_lock:  # threads shall not make two
            if self._view is None or self._view.closed:
                self._view = Sweep.make_view(self)
            return self._view

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Return what a notebook shows."""
        return self.view()._repr_mimebundle_(**options)

    def _ipython_display_(self) -> None:
        """Show it in a notebook."""
        self.view()._ipython_display_()

    def _display_(self) -> Any:
        """Return what marimo shows."""
        return self.view()

    def wait(self, progress: bool = False) -> Sweep:
        """Wait until all runs have ended; Ctrl+C stops them and keeps those that have.

        Parameters
        ----------
        progress : bool
            Whether to show a progress bar.

        Returns
        -------
        Sweep
            This one.
        """
        total = len(self.settings)
        with tqdm(total=total, desc="runs", ncols=100) if progress else nullcontext() as bar:
            try:
                while not self._ended.wait(0.1):
                    self._show_progress(bar)
                    self.listeners.tell(self.listeners.waiting)
            except KeyboardInterrupt:
                self.stop()
                self._ended.wait(SECONDS_TO_STOP)
            self._show_progress(bar)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return self

    def _show_progress(self, bar: Any) -> None:
        if bar is not None and len(self._runs) > bar.n:
            runs = list(self._runs.values())
            losses = [run.test_loss for run in runs if run.usable]
            words = f"best test loss {min(losses):.3g}" if losses else "all failed"
            bar.set_postfix_str(words, refresh=False)
            bar.update(len(runs) - bar.n)

    def stop(self) -> None:
        """Let no more runs begin, and give up those under way; those that have ended stay."""
        if self._distribution is not None:
            self._distribution.stop()

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write all runs that have ended to a folder, as ``folder=`` of `sweep` does meanwhile.

        The data are not in it, only a digest of them.

        Raises
        ------
        ValueError
            If it holds another sweep, or other things.
        """
        target = SweepFolder(folder)
        if self._folder is not None and target.path.resolve() == self._folder.path.resolve():
            return  # they are there already
        self._begin(target)
        there = {key for key, result in target.read() if not result.error}
        for run in self.runs:
            key = self._keys[run.number]
            if key not in there:
                content = self._models.get(run.number, b"")
                if not content and not run.error and self._folder is not None:
                    content = self._folder.model(key)
                target.write(key, describe(run.settings), Result(**facts(run), model=content))

    @classmethod
    def load(
        cls, folder: str | os.PathLike[str], dataset: Mapping[str, Any] | None = None
    ) -> Sweep:
        """Read the runs that have ended from a folder; it may grow meanwhile.

        Settings that are code, such as a ``loss_fn``, are read as texts.

        Parameters
        ----------
        folder : path
        dataset : dict, optional
            The data of the sweep, which `session` and `agreement` need.

        Raises
        ------
        FileNotFoundError
            If there is no sweep.
        ValueError
            If it is damaged, or one of other data.
        """
        source = SweepFolder(folder)
        header = source.header()
        if header is None:
            raise FileNotFoundError(f"{source.path} holds no sweep")
        if dataset is not None and data_digest(dataset) != header["data"]:
            raise ValueError(f"{source.path} holds a sweep on other data")
        runs = header["runs"]
        found = cls(list(runs.values()), dataset, header["data"], header["fit"], list(runs))
        found._read(source)
        return found

    def _begin(self, folder: SweepFolder) -> None:
        runs = dict(zip(self._keys, map(describe, self.settings), strict=True))
        folder.begin(self._data, self._fit, runs)

    def _read(self, folder: SweepFolder) -> None:
        """Take over the runs of a folder, which holds their networks from now on."""
        self._folder = folder
        number_of = {key: number for number, key in enumerate(self._keys)}
        for key, result in folder.read():
            if key in number_of:
                self._add(number_of[key], result)

    def resume(self, folder: str | os.PathLike[str]) -> None:
        """Keep runs in a folder from now on, and take over those that are there without error.

        Raises
        ------
        ValueError
            If it holds a sweep of other data or settings, or other things.
        """
        target = SweepFolder(folder)
        self._begin(target)
        self._read(target)
        for number in [number for number, run in self._runs.items() if run.error]:
            del self._runs[number]

    def start(
        self, distribute: Callable[[Sequence[int], Callable[[int, Result], None]], Distribution]
    ) -> None:
        """Begin with what is missing, in a thread of its own.

        Parameters
        ----------
        distribute : callable
            Given the numbers of the runs and what to report them to, returns what does them.
        """
        missing = [number for number in range(len(self.settings)) if number not in self._runs]
        if not missing:
            return
        self._distribution = distribute(missing, self._take_in)
        self._ended = InterruptSafeEvent()
        try:
            start_thread(self._work, "kanwidget sweep")
        except BaseException:  # an interrupt came, and the thread may start all the same
            self._distribution.stop()
            self._ended.set()
            raise

    def _work(self) -> None:
        try:
            if self._distribution is not None:
                self._distribution.run()
        except BaseException as error:  # raised by `wait`, in the thread that asks
            self._failure = error
        finally:
            self._ended.set()
            self.listeners.tell(self.listeners.end)

    def _take_in(self, number: int, result: Result) -> None:
        """Keep a run that has ended, first on disk."""
        if self._folder is None:
            if result.model:
                self._models[number] = result.model
        else:
            self._folder.write(self._keys[number], describe(self.settings[number]), result)
        run = self._add(number, result)
        self.listeners.tell(self.listeners.run, run)

    def _add(self, number: int, result: Result) -> Run:
        run = self._runs[number] = Run(number, self.settings[number], **facts(result))
        return run

    def _number(self, run: int | Run) -> int:
        """Return the number of a run that has a network, or raise an IndexError or ValueError."""
        number = run.number if isinstance(run, Run) else check_whole(run, "run")
        if not 0 <= number < len(self.settings):
            raise IndexError(f"there is no run {number}: there are {len(self.settings)}, from 0 on")
        found = self._runs.get(number)
        if found is None:
            raise ValueError(f"run {number} has not ended yet")
        if found.error:
            raise ValueError(f"run {number} failed: {found.error}")
        return number


def _by_loss(run: Run) -> float:
    return run.test_loss
