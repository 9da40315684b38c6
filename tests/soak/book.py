"""What a session claims, held against what the model and numpy say."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import oracles
import torch
from models import Kind
from numpy.typing import NDArray
from oracles import Habit, Net, effective_mask
from torch import Tensor

from kanwidget import PruningSession
from kanwidget.adapters import adapt

__all__ = ["MASKS", "TOLERANCE", "Book", "Violation", "alike", "bits", "close", "numbers"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MASKS = {
    "kan": (".mask", ".bias"),
    "pykan": (".mask", "node_bias"),
    "pykan0": (".mask", "biases."),
    "efficient": (),
    "fastkan": (),
}
"""How the names of those tensors end, or begin, which a session writes to."""

TOLERANCE = {torch.float64: 1e-7, torch.float32: 1e-3}


class Violation(Exception):
    """What an oracle contradicts."""

    def __init__(self, check: str, text: str) -> None:
        super().__init__(f"{check}: {text}")
        self.check = check


def raw(value: Tensor) -> tuple[Any, ...]:
    """Return what tells a tensor from every other, to the last bit."""
    flat = value.detach().cpu().contiguous().reshape(-1)
    return value.dtype, tuple(value.shape), flat.view(torch.uint8).numpy().tobytes()


def bits(model: Any) -> dict[str, Any]:
    """Return all of a model that a session must give back: numbers, hooks, formulas, flags."""
    found: dict[str, Any] = {name: raw(value) for name, value in model.state_dict().items()}
    for name, part in model.named_modules():
        hooks = len(part._forward_hooks), len(part._forward_pre_hooks)
        found[f"{name} hooks and mode"] = (*hooks, part.training)
        if hasattr(part, "funs_name"):
            found[f"{name} formulas"] = copy.deepcopy(part.funs_name)
            # A formula that is off is replaced by an object of another type, a new one each time.
            found[f"{name} functions"] = [
                [(type(f).__name__, id(getattr(f, "original", f))) for f in row]
                for row in part.funs
            ]
    for name, parameter in model.named_parameters():
        found[f"{name} trains"] = parameter.requires_grad
    return found


def numbers(kind: Kind, model: Any) -> dict[str, Tensor]:
    """Return copies of the tensors that no session may write to."""
    ends = MASKS[kind.library]
    return {
        name: value.detach().clone()
        for name, value in model.state_dict().items()
        if not any(name.endswith(end) or name.startswith(end) or end in name for end in ends)
        or "subnode_scale" in name
    }


def different(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """Return the names under which two models' `bits` or `numbers` differ."""
    names = [*a, *(name for name in b if name not in a)]

    def at(found: Mapping[str, Any], name: str) -> Any:
        value = found.get(name)
        return raw(value) if isinstance(value, Tensor) else value

    return [name for name in names if at(a, name) != at(b, name)]


def alike(a: Mapping[str, Any], b: Mapping[str, Any], check: str, text: str) -> None:
    """Raise a Violation unless two models are equal bit for bit."""
    names = different(a, b)
    if names:
        raise Violation(check, f"{text}: {', '.join(names[:4])} differ")


def close(found: Any, wanted: Any, tolerance: float, check: str, text: str) -> None:
    """Raise a Violation unless numbers agree; NaN agrees with NaN."""
    found, wanted = np.asarray(found, float), np.asarray(wanted, float)
    if found.shape != wanted.shape:
        raise Violation(check, f"{text}: shape {found.shape}, not {wanted.shape}")
    with np.errstate(invalid="ignore"):
        size = 1 + (np.abs(wanted[np.isfinite(wanted)]).max() if np.isfinite(wanted).any() else 0)
        good = np.isclose(found, wanted, rtol=0, atol=tolerance * size, equal_nan=True)
    if not good.all():
        at = np.argwhere(~good)[0].tolist()
        one = tuple(at)
        raise Violation(check, f"{text}: {found[one]!r} is not {wanted[one]!r} at {at}")


class Ground:
    """The oracle's own account of a baseline, from which all that follows is computed."""

    def __init__(
        self, mask: list[Bools], bias: list[Floats], means: list[Floats], folded: list[Floats]
    ) -> None:
        self.mask, self.bias, self.means, self.folded = mask, bias, means, folded

    def bias_under(self, mask: Sequence[Bools], keep: bool) -> list[Floats]:
        """Return biases with the means of edges that are off, without those that came back."""
        found = []
        for l, on in enumerate(mask):
            off, back = self.mask[l] & ~on, on & ~self.mask[l]
            change = np.where(off & keep, self.means[l], 0.0) - np.where(back, self.folded[l], 0.0)
            found.append(self.bias[l] + change.sum(1))
        return found


class Book:
    """One session on a model, and what the oracles know of it.

    Parameters
    ----------
    kind : Kind
    model : Module
    data : dict of Tensor, or Tensor
        What the session gets.
    habit : Habit
    settings
        For the session: ``keep_mean``, ``score``, ``metric``.
    """

    def __init__(
        self, kind: Kind, model: Any, data: Any, habit: Habit, settings: dict[str, Any]
    ) -> None:
        self.kind, self.model, self.data, self.habit = kind, model, data, habit
        self.settings = settings
        self.start = bits(model)
        self.state = {name: value.clone() for name, value in model.state_dict().items()}
        net = self.net()
        self.session = PruningSession(model, data, **settings)
        self.pure = True  # nobody else has touched the model since
        self.weights: dict[int, dict[str, Tensor]] = {}
        self.lost: set[int] = set()  # commands whose weights nobody has any more
        self.whole: dict[int, dict[str, Any]] = {}
        self.grounds: dict[int, Ground] = {}
        self.kept: list[Any] = []  # baselines, so that no id comes twice
        x = data if isinstance(data, Tensor) else data["train_input"]
        self.x = oracles.array(x)
        self.rows = self.x if isinstance(data, Tensor) else oracles.array(data["test_input"])
        mask = [la.mask if la.mask is not None else oracles.bools(m)
                for la, m in zip(net.layers, self.session.mask, strict=True)]  # fmt: skip
        bias = self.live_bias(net, first=True)
        self.labels = (
            net.outputs(self.rows, mask, bias)
            if isinstance(data, Tensor)
            else oracles.array(data["test_label"])
        )
        zero = [np.zeros(m.shape) for m in mask]
        self._enter(Ground(mask, bias, net.means(self.x, mask, bias), zero))
        self.given = {id(self.session.baseline): self.start}

    def net(self) -> Net:
        return oracles.read(self.kind.library, self.model, self.habit)

    def live_bias(self, net: Net, first: bool = False) -> list[Floats]:
        """Return the constants of the slots: a hook's are only known from the session."""
        if any(la.mask is None for la in net.layers) and (
            not first or any(part._forward_hooks for part in self.model.modules())
        ):
            return [oracles.array(b) for b in adapt(self.model).bias()]
        return [la.bias for la in net.layers]

    def _enter(self, ground: Ground) -> None:
        baseline = self.session.baseline
        self.grounds[id(baseline)] = ground
        self.kept.append(baseline)

    @property
    def tolerance(self) -> float | None:
        """How far numbers may be apart; None where they are too coarse to compare."""
        dtypes = {p.dtype for p in self.model.parameters() if p.is_floating_point()}
        found = [TOLERANCE.get(dtype) for dtype in dtypes]
        return None if None in found else max(f for f in found if f is not None)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return what the session says was decided, perhaps with changes."""
        session, edits = self.session, self.session.edits
        names = ("removed_edges", "kept_edges", "removed_nodes", "kept_nodes")
        return {
            "node_threshold": session.node_threshold,
            "edge_threshold": session.edge_threshold,
            "keep_mean": session.state.keep_mean,
            **{name: set(getattr(edits, name)) for name in names},
            **changes,
        }

    def scores(self) -> list[Floats]:
        return [oracles.array(s) for s in self.session.scores]

    def ground(self) -> Ground:
        """Return the oracle's account of the session's baseline, a new one if need be."""
        session = self.session
        baseline = session.baseline
        if id(baseline) in self.grounds:
            return self.grounds[id(baseline)]
        command = session.history.current
        known = None if command.parent is None else session.history.get(command.parent)
        old = None if known is None else self.grounds.get(id(known.baseline))
        mask = [oracles.bools(m) for m in baseline.mask]
        if old is None or not self.pure or command.kind not in ("commit", "score"):
            claimed = ((oracles.array(v) for v in getattr(baseline, name))
                       for name in ("bias", "means", "folded"))  # fmt: skip
            bias, means, folded = (list(part) for part in claimed)
            found = Ground(mask, bias, means, folded)
        elif command.kind == "score":
            found = old
        else:
            now, keep = [oracles.bools(m) for m in session.mask], known.state.keep_mean
            bias = old.bias_under(now, keep)
            folded = [
                np.where(was & ~on, mean * keep, np.where(on, 0.0, fold))
                for was, on, mean, fold in zip(old.mask, now, old.means, old.folded, strict=True)
            ]
            means = self.net().means(self.x, now, bias)
            found = Ground(now, bias, means, folded)
        self._enter(found)
        self._baseline(found)
        return found

    def _baseline(self, ground: Ground) -> None:
        """Hold a new baseline against numpy: its mask, scores, means, loss."""
        session, tolerance = self.session, self.tolerance
        baseline, net = session.baseline, self.net()
        for l, (mine, theirs) in enumerate(zip(ground.mask, baseline.mask, strict=True)):
            if not np.array_equal(mine, oracles.bools(theirs)):
                raise Violation("baseline mask", f"of layer {l}")
        if tolerance is None:
            return
        means = net.means(self.x, ground.mask, ground.bias)
        # What others trained with stays: the mean that an edge left which was off meanwhile.
        commands = session.history.commands  # other scores do not make other means
        first = next(c for c in commands if c.baseline.means is baseline.means)
        here = [True if self.pure else oracles.bools(m) for m in session.mask_of(first.id)]
        for l, (mine, theirs) in enumerate(zip(means, baseline.means, strict=True)):
            seen = ground.mask[l] & here[l]
            got = np.where(seen, oracles.array(theirs), 0.0)
            close(got, np.where(seen, mine, 0.0), tolerance, "baseline means", f"layer {l}")
        if session.score == "ablation":
            scores = self._ablation(net, ground)
        else:
            scores = net.scores(self.x, ground.mask, ground.bias, session.score)
            tolerance *= 10  # a share of what hardly varies
        for l, (mine, theirs) in enumerate(zip(scores, baseline.scores, strict=True)):
            name, theirs = f"{session.score} scores", oracles.array(theirs)
            if session.score == "ablation":  # of what is off, it may be with either mean
                mine, theirs = (np.where(here[l], s, 0.0) for s in (mine, theirs))
            close(theirs, mine, tolerance, name, f"layer {l}")
        loss = self.measure(net.outputs(self.rows, ground.mask, ground.bias))
        close(baseline.loss, loss, tolerance, "baseline loss", "of the baseline")

    def _ablation(self, net: Net, ground: Ground) -> list[Floats]:
        before = self.measure(net.outputs(self.rows, ground.mask, ground.bias))
        found = [np.zeros(m.shape) for m in ground.mask]
        for l, on in enumerate(ground.mask):
            for j, i in np.argwhere(on):
                mask = [m.copy() for m in ground.mask]
                mask[l][j, i] = False
                bias = ground.bias_under(mask, True)
                loss = self.measure(net.outputs(self.rows, mask, bias))
                found[l][j, i] = max(0.0, loss - before)
        return found

    def measure(self, outputs: Floats) -> float:
        """Return the session's metric of outputs on its rows."""
        if self.settings.get("metric") is not None:
            return float(np.abs(outputs - self.labels).mean())
        return float(np.sqrt(((outputs - self.labels) ** 2).mean()))

    def at(self, state: dict[str, Any]) -> tuple[list[Bools], list[Floats], float]:
        """Return mask, biases and loss that a state means."""
        ground, net = self.ground(), self.net()
        mask = effective_mask(ground.mask, self.scores(), state, net.slots)
        bias = ground.bias_under(mask, state["keep_mean"])
        return mask, bias, self.measure(net.outputs(self.rows, mask, bias))

    def _zeros(self, net: Net) -> None:
        for l, (on, la) in enumerate(zip(self.session.mask, net.layers, strict=True)):
            if la.vague is None:
                continue
            wrong = np.argwhere(oracles.bools(on) & la.vague)
            if len(wrong):
                text = f"layer {l}, (j, i) = {wrong[0].tolist()}: counted as on"
                raise Violation("formula 0 is off", text)

    def check(self, forward: Callable[[Tensor], Tensor], alone: bool) -> None:
        """Hold all that the session claims of the present against the oracles."""
        session, tolerance = self.session, self.tolerance
        net = self.net()
        self._zeros(net)
        mask, bias, loss = self.at(self.claims())
        for l, (mine, theirs) in enumerate(zip(mask, session.mask, strict=True)):
            if not np.array_equal(mine, oracles.bools(theirs)):
                raise Violation("effective mask", f"the session's mask of layer {l}")
        if session.active_edges != sum(int(m.sum()) for m in mask):
            raise Violation("effective mask", f"{session.active_edges} edges on")
        for l, (mine, la) in enumerate(zip(mask, net.layers, strict=True)):
            vague = np.zeros_like(mine) if la.vague is None else la.vague
            if la.mask is not None and not np.array_equal(mine & ~vague, la.mask & ~vague):
                at = np.argwhere((mine != la.mask) & ~vague)[0].tolist()
                raise Violation("live mask", f"layer {l}, (j, i) = {at}: session and model differ")
        if tolerance is None:
            return
        if net.layers[0].mask is not None:
            for l, (mine, la) in enumerate(zip(bias, net.layers, strict=True)):
                close(la.bias, mine, tolerance, "live bias", f"layer {l}")
        wanted = net.outputs(self.rows, mask, bias)
        with torch.no_grad():
            found = oracles.array(forward(torch.from_numpy(self.rows)))
        close(found, wanted, tolerance, "outputs", "of the model")
        close(session.loss, loss, tolerance, "loss", "that the session states")
