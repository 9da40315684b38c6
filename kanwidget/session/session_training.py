"""The part of a `PruningSession` that trains its model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from math import nan
from typing import Any, NamedTuple

from torch import Tensor

from kanwidget.evaluate.baseline import Baseline
from kanwidget.evaluate.metric import metric_name
from kanwidget.kan.fit_results import FitResults
from kanwidget.kan.write_lock import write_lock
from kanwidget.masks.validate import check_whole
from kanwidget.training.current_step import CurrentStep
from kanwidget.training.engine import AtRest, Written, check_model, train
from kanwidget.training.key_frames import KeyFrames
from kanwidget.training.objective import LossFunction, check_loss
from kanwidget.training.pausable import LoopRun
from kanwidget.training.run import TrainingRun
from kanwidget.training.settings import TrainingSettings

from .session_reader import SessionReader
from .training_log import TrainedSteps
from .training_watch import FitRecord

__all__ = ["DrawnStep", "SessionTraining"]


class DrawnStep(NamedTuple):
    """What is drawn of a training that goes on.

    Attributes
    ----------
    curves : dict of int to Tensor, shapes (n_out, n_in, n)
        By layer; masks aside, all of one moment.
    run : int
        The training's number.
    steps : int
        How many of its steps the model has.
    iteration : int
        How many iterations of the step after these are in the curves; 0 if they are the model's.
    loss : float or None
        Of the model: the test loss of its last step, None if that is not known.
    train_loss : float
        On the training rows after that iteration; NaN if it is not known.
    """

    curves: dict[int, Tensor]
    run: int
    steps: int
    iteration: int
    loss: float | None
    train_loss: float


class SessionTraining(SessionReader):
    """Trains the live model under its masks, here or in a background thread."""

    loop: LoopRun | None = None
    """The last training loop of the user's own that a widget has followed."""

    _run: TrainingRun | None = None
    _frames: KeyFrames | None = None
    _current_step: CurrentStep | None = None

    @property
    def run(self) -> TrainingRun | None:
        """The last training by `fit` or `start_fit`, None if there was none."""
        return self._run

    @property
    def run_is_over(self) -> bool:
        """Whether the last training has ended, and all of it is in the history: or none was."""
        record = self._planner.fit
        return self.closed or record is None or record.run is not self._run

    def trained_steps(self) -> TrainedSteps:
        """Return the steps of all trainings by the session that led to where it stands."""
        record = self._planner.fit
        unrecorded = None
        if record is not None:
            unrecorded = record.run, record.recorded, record.run.steps_done
        return self._planner.log.along(self.history, unrecorded)

    def key_frames(self, count: int) -> list[tuple[int, Baseline]]:
        """Return what the model was at some steps of the last training, if that led to here.

        Parameters
        ----------
        count : int
            How many there may be.

        Returns
        -------
        list of (int, Baseline)
            The steps among those of `trained_steps` that the model had, and its curves and mask.
        """
        trained, run = self.trained_steps(), self._run
        live, evaluator = self._applier.require_live_model(), self._applier.require_evaluator()
        if self._frames is None or run is None or not trained.pieces or count < 2:
            return []
        if trained.pieces[-1][0] is not run:
            return []
        # Of a training that a decision has parted, all that led here.
        first = min(piece[1] for piece in trained.pieces if piece[0] is run)
        before = trained.total - trained.pieces[-1][2]
        frames = [
            frame
            for frame in self._frames.kept
            if first <= frame.steps < trained.pieces[-1][2]
            and frame.state.weights.fits(live.adapter.model)
        ]
        frames = frames[:: -(-len(frames) // count)] if frames else []
        return [
            (
                before + frame.steps,
                evaluator.with_weights(frame.state.weights).make_baseline(
                    frame.state.mask, frame.state.bias, score=self.baseline.score
                ),
            )
            for frame in frames
        ]

    def step_to_draw(
        self, points: Sequence[Tensor], layers: Collection[int] | None = None
    ) -> DrawnStep | None:
        """Return what is drawn of a training's last step, without making history of it.

        Of the step that it is in, if it has left where that is: see `ask_for_current_step`. The
        live model has nothing of this before the step ends; nor has any loss that is told.

        None if none is under way, or more than this is needed to know the loss: see `refresh`.

        Parameters
        ----------
        points : list of Tensor, shapes (width[l], n)
            Where to evaluate each layer's curves.
        layers : collection of int, optional
            Those whose curves are wanted; by default all.
        """
        run, record = self._run, self._planner.fit
        live = self._applier.require_live_model().adapter
        if run is None or not run.running or record is None or self._current_step is None:
            return None
        if [len(x) for x in points] != live.width[:-1] or not live.can_tabulate:
            return None
        wanted = range(len(points)) if layers is None else sorted(layers)
        with self._current_step.lock:
            with write_lock(live.model):
                done, point = run.steps_done, self._current_step.point
                loss = run.losses_at(done - 1)[1] if done and not record.loss_name else None
                if point is None:
                    if loss is None:
                        return None
                    curves = {l: live.edge_curves(l, points[l].T) for l in wanted}
                    return DrawnStep(curves, run.number, done, 0, loss, nan)
            curves = {l: point.adapter.edge_curves(l, points[l].T) for l in wanted}
            return DrawnStep(curves, run.number, done, point.iteration, loss, point.loss)

    def ask_for_current_step(self, seconds: float) -> None:
        """Let a training leave where its step is in so many seconds; see `step_to_draw`."""
        if self._current_step is not None:
            self._current_step.ask(seconds)

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
    ) -> FitResults:
        """Train the model under its masks, as one step of the history.

        Edges that are off are not trained, and means that they have left in biases stay there.
        Between two steps the model always is whole: ``callback`` may ask it, and switch edges.
        What it decides is a step of the history, and so is the training until then.

        Parameters
        ----------
        steps : int
            Steps of the optimiser; one of LBFGS is up to 20 iterations.
        opt : {"LBFGS", "Adam", "LM"}
            ``"LM"`` (Levenberg-Marquardt) is for mean squared errors without a regulariser and up
            to 4,000 parameters of edges that are on: it ends lower there, mostly sooner.
        lr : float
            Step size.
        lamb, lamb_entropy : float
            Strength of the regulariser, as in `KAN.fit`, and of the entropy in it.
        update_grid : bool
            Whether grids follow the samples, as in `KAN.fit`; of a `KAN` or pykan's.
        batch : int
            Training rows drawn anew for each step; -1 takes all.
        callback : callable, optional
            Called as ``callback(step, results)`` after each step.
        stop : callable, optional
            Asked during each step: once it is true, the training ends with the step it is in.
        progress : bool
            Whether to show a progress bar.
        loss_fn : callable, optional
            ``(prediction, label) -> scalar Tensor`` to train on; by default the session's metric,
            and without one the mean squared error.

        Returns
        -------
        FitResults
            A dict of ``train_loss``, ``test_loss`` and ``reg``, one float for each step; its
            ``stopped`` says in words why it ended early, as when it diverged: the model is as it
            was after the last good step then. An interrupt ends it in the same way.

        Raises
        ------
        ValueError, TypeError
            If a number makes no sense, the data have no labels, or the metric has no gradient.
        RuntimeError
            If the session is closed, or trains already.
        """
        settings = TrainingSettings.checked(
            steps=steps,
            opt=opt,
            lr=lr,
            lamb=lamb,
            lamb_entropy=lamb_entropy,
            update_grid=update_grid,
            batch=batch,
        )
        run = self._new_run(settings, callback, stop, progress, loss_fn)
        try:
            return run.work()
        finally:
            if not self.closed:
                self.refresh()

    def start_fit(self, *, paused: bool = False, **arguments: Any) -> TrainingRun:
        """Begin to train in a background thread, and return at once.

        Decisions act meanwhile: an edge goes off at once in the model, and for the training
        between two steps. `undo`, `redo`, `jump` and `close` stop the training first. It becomes a
        step of the history when the session is used next, or by ``run.wait()``.

        Parameters
        ----------
        paused : bool
            Whether to wait after the first step, see `TrainingRun.pause`.
        **arguments
            As for `fit`; ``callback`` is called in the thread that trains.

        Returns
        -------
        TrainingRun
            With ``pause()``, ``resume()``, ``step()``, ``change(lr=...)``, ``stop()``,
            ``wait(timeout)``, ``running`` and ``results``; in an event loop ``await`` it.

        Raises
        ------
        ValueError, TypeError, RuntimeError
            As for `fit`.
        """
        others = {n: arguments.pop(n, None) for n in ("callback", "stop", "loss_fn")}
        progress = arguments.pop("progress", False)
        settings = TrainingSettings.checked(**arguments)
        run = self._new_run(
            settings, others["callback"], others["stop"], progress, others["loss_fn"], paused
        )
        run.begin(self._refresh_if_open)
        return run

    def refine(self, grid: int) -> float:
        """Give every spline a finer grid, as one step of the history.

        The functions stay what they are, as near as the new grids allow. A training that is under
        way is stopped first.

        Parameters
        ----------
        grid : int
            Grid intervals of each spline, no fewer than there are.

        Returns
        -------
        float
            By how much an output has changed, at the most, on the training inputs.

        Raises
        ------
        ValueError, TypeError
            If it is no such number, or the model's library has no grids to refine.
        """
        self._applier.require_live_model()
        self.end_fit()
        self.refresh()
        step, change = self._planner.refine(check_whole(grid, "grid", 1))
        self._applier.apply(step)
        return change

    def end_fit(self) -> None:
        """Stop a training that is under way, and keep what was trained."""
        if self._run is not None and self._run.running:
            self._run.end()

    def _refresh_if_open(self) -> None:
        if not self.closed:
            self.refresh()

    def _new_run(
        self,
        settings: TrainingSettings,
        callback: AtRest | None,
        stop: Callable[[], bool] | None,
        progress: bool,
        loss_fn: LossFunction | None,
        paused: bool = False,
    ) -> TrainingRun:
        """Return a training that is to begin, once everything about it is known to be right."""
        live = self._applier.require_live_model().adapter
        if self._run is not None and self._run.running:
            raise RuntimeError(
                "this session trains already: stop() or wait() for the run that is under way"
            )
        self.refresh()  # what others did before is a step of its own
        data = self.data
        if not data.has_labels:
            raise ValueError(
                "there is nothing to train on: the session has inputs without labels; hand over a "
                "dataset with train_label and test_label, as create_dataset makes it"
            )
        loss, name = loss_fn, "loss_fn"
        if loss is None and data.metric is not None:
            loss, name = data.metric, f"metric {metric_name(data.metric)}"
            if data.higher_is_better:
                raise ValueError(
                    f"{name} cannot be trained on, since more of it is better: hand over "
                    "loss_fn=..., a loss of (prediction, label), such as "
                    "torch.nn.CrossEntropyLoss() for classes"
                )
        if loss is not None:
            check_loss(loss, live.forward(data.train_rows[:2]), data.train_labels[:2], name)
        rows = {
            "train_input": data.train_rows,
            "train_label": data.train_labels,
            "test_input": data.test_rows,
            "test_label": data.test_labels,
        }

        def work(
            asked: TrainingSettings,
            at_rest: AtRest,
            is_over: Callable[[], bool],
            written: Written,
        ) -> FitResults:
            return train(live, rows, asked, loss, at_rest, is_over, progress, written, current_step)

        def check(asked: TrainingSettings) -> None:
            check_model(live, asked, loss)

        check(settings)
        self._frames, current_step = KeyFrames(live), CurrentStep()
        self._current_step = current_step
        run = TrainingRun(
            settings, work, live.model, callback, stop, bool(paused), check, self._frames.look
        )
        named = "" if loss_fn is None else metric_name(loss_fn)
        self._planner.fit = FitRecord(run, named)
        self._run = run
        return run
