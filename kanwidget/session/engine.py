"""What a session runs on: one live model, one history, and the ways from one state to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from kanwidget.kan.checks import (
    Edge,
    Node,
    check_edge,
    check_edges,
    check_node,
    check_nodes,
    check_threshold,
)
from kanwidget.kan.pruning import Edits

from . import edits as acts
from . import history
from .baseline import Baseline, Metric
from .history import Command, History, State
from .stage import Stage

__all__ = ["Engine"]


class Engine:
    """Brings a live model to states, and records how it came there; see `PruningSession`."""

    _stage: Stage | None = None
    _rested = False

    def __init__(
        self,
        model: nn.Module,
        dataset: Mapping[str, Tensor] | Tensor | None = None,
        *,
        keep_mean: bool = True,
        metric: Metric | None = None,
        score: str | None = None,
    ) -> None:
        stage = Stage(model, dataset, metric, score)
        self.loss_name = stage.yardstick.name
        self.width, self.columns = stage.adapter.width, stage.adapter.columns()
        self._coupled = stage.adapter.coupled
        self._usual_score = stage.adapter.kinds[0]
        self._origin = stage.origin
        try:
            baseline = stage.look(stage.mask, stage.bias)
        except BaseException:
            stage.leave(stage.mask, stage.bias)
            raise
        stage.loss = baseline.loss
        self._stage = self._last = stage
        first = Command(
            0,
            None,
            "start",
            "the model as it came",
            State(keep_mean=bool(keep_mean)),
            baseline,
            baseline.loss,
            baseline.loss,
            self.active_edges,
        )
        self.history = History(first)

    @property
    def closed(self) -> bool:
        """Whether the session has let go of the model."""
        return self._stage is None

    @property
    def mask(self) -> list[Tensor]:
        """The effective mask, which the model has, shapes ``(n_out, n_in)``."""
        return self._last.mask

    @property
    def loss(self) -> float:
        """The metric at present."""
        return self._last.loss

    @property
    def stage(self) -> Stage:
        """The live model, and what it is measured with.

        Raises
        ------
        RuntimeError
            If the session is closed.
        """
        return self._live()

    @property
    def state(self) -> State:
        """Thresholds, hand edits and whether means are kept."""
        return self.history.current.state

    @property
    def baseline(self) -> Baseline:
        """What thresholds and hand edits stand on."""
        return self.history.current.baseline

    @property
    def active_edges(self) -> int:
        """How many edges are on."""
        return sum(int(layer.sum()) for layer in self.mask)

    def _check_edge(self, l: int, i: int, j: int) -> Edge:
        """Return ``(l, i, j)`` as plain ints, or raise an IndexError or TypeError."""
        return check_edge(self.width, l, i, j, self.baseline.slots)

    def _check_node(self, l: int, i: int) -> Node:
        """Return ``(l, i)`` as plain ints, or raise an IndexError or TypeError."""
        return check_node(self.width, l, i)

    def refresh(self) -> bool:
        """Take in what others did to the model since; return whether there was anything.

        Edges that somebody switched are switched in the baseline; scores, curves and losses
        are computed anew. Thresholds and hand edits stay, except where they contradict.
        """
        before = self.baseline
        self._refresh()
        return self.baseline is not before

    def _live(self) -> Stage:
        if self._stage is None:
            raise RuntimeError("this pruning session is closed; start a new one on the model")
        return self._stage

    def _changed(self, changes: Mapping[str, Any]) -> State:
        """Return the present state with checked changes."""
        state = self.state
        new: dict[str, Any] = {}
        edits: dict[str, Any] = {}
        for name, value in changes.items():
            if name in ("node_threshold", "edge_threshold"):
                new[name] = check_threshold(value, name)
            elif name in ("removed_edges", "kept_edges"):
                edits[name] = check_edges(self.width, value, self.baseline.slots)
            elif name in ("removed_nodes", "kept_nodes"):
                edits[name] = check_nodes(self.width, value)
            elif name == "keep_mean":
                new[name] = bool(value)
            else:
                known = ", ".join(state.to_dict())
                raise TypeError(f"a session has no {name} to set; it has {known}")
        return replace(state, edits=replace(state.edits, **edits), **new)

    def _ground(self, state: State | None = None) -> acts.Ground:
        return acts.Ground.of(self.baseline, state or self.state)

    def rest(self) -> None:
        """Let the next change be a step of its own, whatever ``merge`` says."""
        self._rested = True

    def _go(self, state: State, text: str = "", merge: bool = False, always: bool = False) -> None:
        """Bring the model to a state, and record how it came there."""
        if state == self.state and not always:
            return
        before = self.history.current
        mask = self._ground(state).mask(state.edits)
        self._live().show(mask, self.baseline.bias_under(mask, state.keep_mean))
        text = text or history.describe(before.state, state)
        start = self.history.before()
        goes_on = (
            merge
            and not self._rested
            and start is not None
            and before.kind == "set"
            and not before.note
            and self.history.after() is None
            and before.state.arguments(start.state).keys() == state.arguments(before.state).keys()
        )
        if goes_on and start is not None and state == start.state:
            # Out and back is no step, and what follows does not go on with the step before.
            self.history.stand(start)
            self.history.forget(before)
            self._rested = True
            return
        if goes_on and start is not None:
            text = self._told(history.describe(start.state, state) or text, start)
            self.history.amend(
                state=state, text=text, loss_after=self.loss, active_edges=self.active_edges
            )
        else:
            self._record("set", text, state, self.baseline)
        self._rested = False

    def _record(self, kind: str, text: str, state: State, baseline: Baseline) -> None:
        before = self.history.current
        self.history.add(
            Command(
                len(self.history.commands),
                before.id,
                kind,
                self._told(text, before),
                state,
                baseline,
                before.loss_after,
                self.loss,
                self.active_edges,
            )
        )

    def _told(self, text: str, before: Command) -> str:
        """Add to what was done what it came to."""
        gone = before.active_edges - self.active_edges
        losses = f"{self.loss_name} {before.loss_after:.4g} -> {self.loss:.4g}"
        return f"{text}{history.told(gone)}, {losses}"

    def _stand(self, command: Command | None) -> bool:
        if command is None:
            return False
        self._refresh()
        stage, baseline = self._live(), command.baseline
        stale = self.history.stale(command)
        if stale:  # the weights stay as they are now
            now = self.baseline
            bias = [
                b - new.sum(1) + old.sum(1)
                for b, new, old in zip(now.bias, now.folded, baseline.folded, strict=True)
            ]
            stage.score = baseline.score
            baseline = stage.look(baseline.mask, bias, baseline.folded)
        state = command.state
        mask = acts.Ground.of(baseline, state).mask(state.edits)
        stage.show(mask, baseline.bias_under(mask, state.keep_mean))
        if baseline is not self.baseline:
            stage.settle(baseline)
            stage.score = baseline.score
        self.history.stand(command)
        if stale:
            self.history.amend(
                baseline=baseline, loss_after=self.loss, active_edges=self.active_edges
            )
        return True

    def _refresh(self) -> None:
        stage = self._live()
        found = stage.found()
        if found is None:
            return
        try:
            self._take_in(stage, *found)
        except BaseException:
            stage.put_back(*found[:2])
            raise

    def _take_in(
        self,
        stage: Stage,
        live: list[Tensor],
        bias: list[Tensor],
        switched: list[tuple[Edge, bool]],
    ) -> None:
        """Make what others left in the model the new baseline, under the same thresholds.

        What was off stays off, whatever it scores now, and leaves the same means: so others
        have trained the model. What was on stays on.
        """
        old, edits, text = self.baseline, self.state.edits, "changed from outside the session"
        retrained = stage.retrained()
        edges: list[Edge] = []
        if stage.adapter.width == self.width:
            written = stage.mask, stage.bias
            keep = self.state.keep_mean
            mask, bias, folded, changed = old.changed_outside(written, (live, bias), keep)
            edges = [(l, i, j) for l, c in enumerate(changed) for j, i in c.nonzero().tolist()]
            for edge, on in switched:
                acts.put(mask, edge, on)
                edges.append(edge)
            edits = replace(
                edits,
                removed_edges=edits.removed_edges - set(edges),
                kept_edges=edits.kept_edges - set(edges),
            )
            baseline = stage.look(mask, bias, folded)
            if keep:
                baseline = baseline.keeping_means(old, live)
            ground = acts.Ground.of(baseline, self.state)
            for edge in edges:
                if acts.at(baseline.mask, edge):
                    edits = acts.restore_edge(edits, edge, ground)
            state = acts.keep_on(replace(self.state, edits=edits), live, baseline)
            for axis in ("node", "edge"):
                lower = getattr(state, f"{axis}_threshold")
                if lower < getattr(self.state, f"{axis}_threshold"):
                    text += f", {axis} threshold {lower:.3g} to leave them on"
            ground = acts.Ground.of(baseline, state)
            edits, kept_off = acts.keep_off(edits, live, self._ground(), ground)
            if kept_off:
                text += f" ({history.count(kept_off, 'edge')} kept off)"
        else:
            self.width, self.columns = stage.adapter.width, stage.adapter.columns()
            edits = Edits()
            baseline = stage.look(live, bias)
            state = self.state
            ground = acts.Ground.of(baseline, state)
        state = replace(state, edits=edits)
        mask = ground.mask(edits)
        stage.show(mask, baseline.bias_under(mask, state.keep_mean))
        stage.take(switched)
        if retrained:
            self.history.since = baseline.number
        self._record("outside", text, state, baseline)
