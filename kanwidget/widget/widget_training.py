"""The part of a widget that trains its model, and follows loops of one's own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from kanwidget.session import PruningSession
from kanwidget.training.engine import AtRest
from kanwidget.training.objective import LossFunction
from kanwidget.training.run import TrainingRun

from .loop_watch import LoopWatch
from .sync import TraitSync

__all__ = ["WidgetTraining"]

Batch = TypeVar("Batch")


class WidgetTraining:
    """Trains the session's model in the background, or shows how others train it."""

    session: PruningSession
    _sync: TraitSync
    _loop_watch: LoopWatch

    def fit(
        self,
        steps: int = 20,
        opt: str = "LBFGS",
        lr: float = 1.0,
        lamb: float = 0.0,
        lamb_entropy: float = 2.0,
        update_grid: bool = False,
        batch: int = -1,
        callback: AtRest | None = None,
        stop: Callable[[], bool] | None = None,
        progress: bool = False,
        *,
        loss_fn: LossFunction | None = None,
        paused: bool = False,
    ) -> TrainingRun:
        """Train the model under its masks in a background thread, and return at once.

        The view follows, and decisions act meanwhile. The training is one step of the history;
        `undo` stops it first. In a long step of LBFGS curves move on before it ends: the model has
        nothing of this until then.

        Parameters
        ----------
        steps, opt, lr, lamb, lamb_entropy, update_grid, batch, stop, progress, loss_fn
            As for `PruningSession.fit`.
        callback : callable, optional
            ``(step, results)`` after each step, in the thread that trains.
        paused : bool
            Whether to wait after the first step.

        Returns
        -------
        TrainingRun
            With ``pause()``, ``resume()``, ``step()``, ``change(lr=...)``, ``stop()``,
            ``wait(timeout)``, ``running`` and ``results``; ``await run`` lets the view follow.

        Raises
        ------
        ValueError, TypeError, RuntimeError
            As for `PruningSession.fit`; as if a training is under way.

        Examples
        --------
        >>> run = w.fit(50, lamb=1e-3)  # doctest: +SKIP
        >>> run.pause()  # doctest: +SKIP
        >>> run.wait()["test_loss"][-1]  # doctest: +SKIP
        """
        run = self.session.start_fit(
            steps=steps,
            opt=opt,
            lr=lr,
            lamb=lamb,
            lamb_entropy=lamb_entropy,
            update_grid=update_grid,
            batch=batch,
            callback=callback,
            stop=stop,
            progress=progress,
            loss_fn=loss_fn,
            paused=paused,
        )
        run.while_waiting = self._sync.run.look
        self._sync.update_all_widgets()
        return run

    def refine(self, grid: int) -> float:
        """Give every spline a finer grid; return by how much an output has changed at the most.

        Raises
        ------
        ValueError, TypeError
            If it is no such number, or the model's library has no grids to refine.
        """
        try:
            return self.session.refine(grid)
        finally:
            self._sync.update_all_widgets()

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches of a training loop, and show the model after each.

        The view follows ten times a second at the most, and takes less than a twentieth of the
        loop's time. The whole loop is one step of the history.

        Parameters
        ----------
        batches : iterable
            Such as a `torch.utils.data.DataLoader`, or ``range(steps)``.

        Raises
        ------
        RuntimeError
            If the widget is closed, or the model is gone.

        Examples
        --------
        >>> for x, y in w.watch(loader):  # doctest: +SKIP
        ...     optimizer.zero_grad()
        ...     loss(model(x), y).backward()
        ...     optimizer.step()
        """
        return self._loop_watch.watch(batches)

    def watching(self) -> contextlib.AbstractContextManager[None]:
        """Show the model after steps of any torch optimiser of it, as `watch` does.

        Examples
        --------
        >>> with w.watching():  # doctest: +SKIP
        ...     trainer.train(model)
        """
        return self._loop_watch.watching()

    def show_step(self, *_: object) -> None:
        """Show the model as it is, at most ten times a second: ``fit(..., callback=w.show_step)``.

        Arguments mean nothing.
        """
        self._loop_watch.show_step()
