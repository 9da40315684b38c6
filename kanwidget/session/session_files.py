"""A session in a folder, with the weights of its steps: JSON and safetensors, no pickle."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.adapters.model_copy import Weights
from kanwidget.evaluate.baseline import Baseline
from kanwidget.evaluate.data_and_metric import DataAndMetric
from kanwidget.functions.curve import NamedCurve
from kanwidget.kan.atomic_write import atomic_write
from kanwidget.kan.json_numbers import number_of, without_nan
from kanwidget.masks.ids import Edge
from kanwidget.masks.state import State

from .history import Command, History
from .live_model import PlannedStep
from .mask_and_bias import MaskAndBias
from .name_rows import names_of_rows, rows_of_names
from .serialize import NOTE, errors_in_words
from .snapshots import Snapshots
from .step_applier import StepApplier
from .words import checked_messages, warning_words

__all__ = ["SavedSession", "read_session", "resume", "write_session"]

FORMAT = "kanwidget.session folder 1"

JSON_FILE = "session.json"

LISTS = ("mask", "bias", "folded", "scores", "means")
"""What a baseline has for each layer, and a file holds."""

KINDS = ("start", "set", "commit", "score", "outside", "fit", "refine", "name", "name_all")


def write_session(folder: str | os.PathLike[str], applier: StepApplier) -> None:
    """Write a session's history, baselines and weights; see `PruningSession.save`."""
    store = _TensorStore()
    evaluator, history = applier.require_evaluator(), applier.history
    adapter, data = evaluator.adapter, evaluator.data
    now = evaluator.scratch.with_masks(*applier.current_masks).weights()
    settings = adapter.describe_settings(now.settings)
    kept = {history.current.weights: (now, evaluator.adapter.names(), settings)}
    for number in sorted({command.weights for command in history.commands} - set(kept)):
        weights = history.snapshots.get(number)
        if weights is None:
            continue
        names = evaluator.with_weights(weights).adapter.names()
        described = adapter.describe_settings(weights.settings)
        # A formula that is no name of the library is code, which no file holds.
        if _settings_with(adapter, names, described) is not None:
            kept[number] = weights, names, described
    baselines: list[Baseline] = []
    for command in history.commands:
        if not any(command.baseline is known for known in baselines):
            baselines.append(command.baseline)
    content = {
        "format": FORMAT,
        "library": type(adapter).__name__,
        "width": adapter.width,
        "settings": settings,
        "model": applier.model_digest,
        "rows": data.digest_of_given(),
        "labels": None if data.has_labels else store.key(data.test_labels),
        "current": history.current.id,
        "redo": [list(pair) for pair in history.redo_steps().items()],
        "baselines": [_baseline_content(baseline, store) for baseline in baselines],
        "commands": [
            _command_content(command, [b is command.baseline for b in baselines].index(True))
            for command in history.commands
        ],
        "weights": {
            str(number): {name: store.key(t) for name, t in weights.tensors.items()}
            for number, (weights, _, _) in sorted(kept.items())
        },
        "names": {
            str(number): [[list(row) for row in rows_of_names(names)], described]
            for number, (_, names, described) in sorted(kept.items())
        },
    }
    numbers = save(store.tensors)
    content["tensors"] = hashlib.sha256(numbers).hexdigest()
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    # The text comes last, and names the numbers that belong to it.
    name = f"weights-{content['tensors'][:16]}.safetensors"
    with atomic_write(path / name) as beside:
        beside.write_bytes(numbers)
    with atomic_write(path / JSON_FILE) as beside:
        beside.write_text(json.dumps(without_nan(content), indent=1), "utf-8")
    for old in path.glob("weights-*.safetensors"):
        if old.name != name:
            old.unlink()


class SavedSession:
    """What a folder holds, checked as far as that goes without its model.

    Attributes
    ----------
    commands : list of Command
    current : int
    redo : dict of int to int
    weights : dict of int to dict of str to Tensor
    labels : Tensor or None
        What predictions are compared with, of a session on inputs alone.
    content : dict
        All else.
    """

    def __init__(self, content: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        baselines = [_baseline(saved, tensors) for saved in content["baselines"]]
        self.content = content
        self.commands = [
            _command(saved, id, baselines) for id, saved in enumerate(content["commands"])
        ]
        count = len(self.commands)
        self.current = _below(content["current"], count)
        self.redo = {_below(a, count): _below(b, count) for a, b in content["redo"]}
        if any(self.commands[child].parent != parent for parent, child in self.redo.items()):
            raise ValueError("redo leads to a step that does not follow")
        self.weights = {
            int(number): {str(name): tensors[key] for name, key in names.items()}
            for number, names in content["weights"].items()
        }
        if self.commands[self.current].weights not in self.weights:
            raise ValueError("the weights of the present step are missing")
        self.names = {
            int(number): (names_of_rows(rows, known_only=False), described)
            for number, (rows, described) in content.get("names", {}).items()
        }
        labels = content["labels"]
        self.labels = None if labels is None else tensors[labels]

    @property
    def first(self) -> Command:
        """The step at which the session began."""
        return self.commands[0]

    def check_owner(self, adapter: Adapter, data: DataAndMetric) -> Weights:
        """Return the weights of the present step; a ValueError if they belong elsewhere."""
        weights = self._weights(self.commands[self.current].weights, adapter)
        if (
            type(adapter).__name__ != self.content["library"]
            or adapter.width != self.content["width"]
            or (weights is not None and not weights.fits(adapter.model))
        ):
            raise ValueError(
                "this session belongs to another model: hand over one of the same library, width "
                "and dtype; its weights do not matter"
            )
        if weights is None:
            raise ValueError(
                "this session belongs to a model with other formulas, which a file cannot hold: "
                "give the model's edges the same ones first"
            )
        if data.digest_of_given() != self.content["rows"]:
            raise ValueError("this session belongs to other data; give it the data it was on")
        shapes = [on.shape for on in adapter.mask()]
        with errors_in_words():
            for command in self.commands:
                if [on.shape for on in command.baseline.mask] == shapes:
                    command.state.changed(command.state.to_dict(), adapter.width, adapter.slots())
        return weights

    def history(self, adapter: Adapter, budget: int) -> History:
        """Return the history, with the weights that a budget in bytes has room for."""
        snapshots = Snapshots(budget)
        history = History.of(self.commands, self.current, self.redo, snapshots)
        for number in sorted(self.weights):
            if number != history.current.weights:
                weights = self._weights(number, adapter)
                if weights is not None:
                    snapshots.keep(number, weights, history.decided_weights())
        return history

    def _weights(self, number: int, adapter: Adapter) -> Weights | None:
        """Return weights by their number; None if they need formulas that the model has not."""
        names, described = self.names.get(number, ({}, self.content["settings"]))
        settings = _settings_with(adapter, names, described)
        if settings is None:
            return None
        return Weights(self.weights[number], settings[0], adapter.weights().grid_tensors)


def read_session(folder: str | os.PathLike[str], device: torch.device) -> SavedSession:
    """Read what `write_session` wrote, its tensors to a device.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it is no session's, or damaged; nothing in it is run.
    """
    path = Path(folder)
    text = (path / JSON_FILE).read_text("utf-8")
    with errors_in_words():
        content = json.loads(text)
        if not isinstance(content, Mapping) or content.get("format") != FORMAT:
            raise ValueError(f"{path / JSON_FILE} is not of format {FORMAT!r}")
        digest = str(content["tensors"])
        if not re.fullmatch("[0-9a-f]{64}", digest):
            raise ValueError(f"{path / JSON_FILE} does not say which weights belong to it")
        numbers = (path / f"weights-{digest[:16]}.safetensors").read_bytes()
        if hashlib.sha256(numbers).hexdigest() != digest:
            raise ValueError(f"{path} is damaged: its weights are not those that were saved")
        try:
            tensors = {key: tensor.to(device) for key, tensor in load(numbers).items()}
            return SavedSession(content, tensors)
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged: {error}") from None


def resume(applier: StepApplier, saved: SavedSession, budget: int) -> None:
    """Bring a new session and its model to what was saved; close the session if that fails.

    Parameters
    ----------
    applier : StepApplier
        Of the new session.
    saved : SavedSession
    budget : int
        Bytes of memory for the weights of other steps.
    """
    try:
        adapter, before = applier.require_live_model().adapter, applier.require_evaluator()
        data = before.data
        weights = saved.check_owner(adapter, data)
        if saved.labels is not None:
            data.test_labels = data.train_labels = saved.labels.to(data.test_labels)
        data.baseline_count = max(command.baseline.number for command in saved.commands)
        applier.history = saved.history(adapter, budget)
        applier.model_digest = str(saved.content["model"])
        command = replace(applier.current)
        applier.apply(
            PlannedStep(
                command,
                before.with_weights(weights),
                before,
                MaskAndBias.of(adapter),
                applier.masks_under(command.baseline, command.state),
                sets_restore_point=True,
                weights=weights,
                weights_before=adapter.weights(),
            )
        )
        applier.require_evaluator().add_curves(command.baseline)
    except BaseException:
        applier.close(restore=False)
        raise


def _settings_with(
    adapter: Adapter, names: Mapping[Edge, NamedCurve | None], described: Any
) -> tuple[Any] | None:
    """Return the settings of a model's weights with names on these edges alone, in a tuple.

    None if they cannot be described in this way.
    """
    now = adapter.weights().settings
    if adapter.names() == names and adapter.describe_settings(now) == described:
        return (now,)
    if not {curve.function for curve in names.values() if curve} <= set(adapter.functions()):
        return None
    copy = adapter.copy()
    try:
        copy.set_names({**dict.fromkeys(copy.names()), **names}, copy.functions())
    except (IndexError, TypeError, ValueError):
        return None
    settings = copy.weights().settings
    return (settings,) if copy.describe_settings(settings) == described else None


class _TensorStore:
    """Tensors by short names, each once."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._keys: dict[int, str] = {}
        self._held: list[Tensor] = []  # so that no number is used twice

    def key(self, tensor: Tensor) -> str:
        """Return the name of a tensor."""
        if id(tensor) not in self._keys:
            self._keys[id(tensor)] = key = f"t{len(self.tensors)}"
            self._held.append(tensor)
            self.tensors[key] = tensor.detach().cpu().clone().contiguous()
        return self._keys[id(tensor)]

    def keys(self, tensors: Sequence[Tensor]) -> list[str]:
        """Return the names of several."""
        return [self.key(tensor) for tensor in tensors]


def _baseline_content(baseline: Baseline, store: _TensorStore) -> dict[str, Any]:
    trained, restore_to = baseline.trained, baseline.restore_to
    return {
        **{name: store.keys(getattr(baseline, name)) for name in LISTS},
        **{n: getattr(baseline, n) for n in ("loss", "number", "slots", "score")},
        "notes": [list(note) for note in baseline.notes],
        "broken": [list(edge) for edge in baseline.broken],
        "trained": trained and [store.keys(trained[0]), store.keys(trained[1]), trained[2]],
        "restore_to": restore_to and [store.keys(tensors) for tensors in restore_to],
    }


def _baseline(saved: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Baseline:
    def of(keys: Sequence[str]) -> list[Tensor]:
        return [tensors[key] for key in keys]

    lists = {name: of(saved[name]) for name in LISTS}
    trained, restore_to = saved["trained"], saved["restore_to"]
    pairs = [(lists["mask"], lists["bias"])]
    pairs += [(of(masks), of(biases)) for masks, biases, *_ in filter(None, (trained, restore_to))]
    shapes = [tuple(layer.shape) for layer in lists["mask"]]
    for masks, biases in pairs:
        sound = [tuple(m.shape) for m in masks] == shapes and all(
            m.dtype == torch.bool for m in masks
        )
        if not sound or [tuple(b.shape) for b in biases] != [shape[:1] for shape in shapes]:
            raise ValueError("masks and biases do not fit together")
    for name in ("folded", "scores", "means"):
        if [tuple(t.shape) for t in lists[name]] != shapes:
            raise ValueError(f"{name} and masks do not fit together")
    notes = [_as_tuples(note) for note in saved["notes"]]
    for note in notes:
        warning_words(note)
    return Baseline(
        **lists,
        curves=[],
        loss=number_of(saved["loss"]),
        number=int(saved["number"]),
        slots=[[int(i) for i in layer] for layer in saved["slots"]],
        score=str(saved["score"]),
        notes=notes,
        broken=[_edge(edge) for edge in saved["broken"]],
        trained=trained and (*pairs[1], bool(trained[2])),
        restore_to=restore_to and pairs[-1],
    )


def _command_content(command: Command, baseline: int) -> dict[str, Any]:
    plain = {f.name: getattr(command, f.name) for f in fields(Command)}
    return {
        **plain,
        "names": [list(row) for row in command.names],
        "state": command.state.to_dict(),
        "baseline": baseline,
        "kept_off": sorted(command.kept_off),
    }


def _command(saved: Mapping[str, Any], id: int, baselines: Sequence[Baseline]) -> Command:
    parent, kind, note = saved["parent"], saved["kind"], saved["note"]
    if (parent is None) != (id == 0) or (id and not 0 <= int(parent) < id):
        raise ValueError(f"command {id} follows none that there is")
    if kind not in KINDS or not isinstance(note, str) or len(note) > NOTE:
        raise ValueError(f"command {id} is of no known kind, or its note is too long")
    notice = _as_tuples(saved["notice"])
    if notice:
        warning_words(notice)
    return Command(
        id,
        None if parent is None else int(parent),
        kind,
        State.from_dict(saved["state"]),
        baselines[_below(saved["baseline"], len(baselines))],
        number_of(saved["loss_before"]),
        number_of(saved["loss_after"]),
        int(saved["active_edges"]),
        int(saved["edges_removed"]),
        str(saved["loss_name"]),
        checked_messages(saved["what"]),
        note,
        int(saved["weights"]),
        notice,
        tuple(str(change) for change in saved["changes"]),
        frozenset(_edge(edge) for edge in saved["kept_off"]),
        rows_of_names(names_of_rows(saved.get("names", []), known_only=False)),
    )


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _edge(value: Sequence[Any]) -> tuple[int, int, int]:
    l, i, j = map(int, value)
    return l, i, j


def _below(value: Any, end: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < end:
        raise ValueError(f"{value!r} is not one of 0 .. {end - 1}")
    return value
