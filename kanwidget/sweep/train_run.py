"""What a worker does for one run: build, train, prune, retrain, measure."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import time
import traceback
import uuid
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from kanwidget.adapters import adapt
from kanwidget.evaluate.data_and_metric import DataAndMetric
from kanwidget.kan import KAN
from kanwidget.kan.safetensors_io import to_bytes
from kanwidget.session import PruningSession

from .pruning import Interrupted, count_live_edges, early_end, prune_with
from .run import Result
from .settings import AFTER_TRAINING, FIT_NAMES, MODEL_NAMES, retrain_settings

__all__ = ["Fit", "Interrupted", "dumps", "start_worker", "this_process", "train_runs"]

Fit = Callable[..., KAN]
"""``fit(dataset, **settings)`` returns a trained `KAN`."""

_IMPORTED = uuid.uuid4().hex

_last_shared: tuple[str, Any] = "", None
"""What came with the last run, by its digest: runs of one sweep share it."""


def this_process() -> tuple[str, int]:
    """Return what no other process on any machine is called."""
    return _IMPORTED, os.getpid()


def start_worker() -> None:
    """Let a process that works for others compute on one thread."""
    torch.set_num_threads(1)


def dumps(value: object) -> bytes:
    """Pickle a value, functions of a notebook too if cloudpickle is there.

    Raises
    ------
    TypeError
        If it cannot be pickled.
    """
    try:
        from cloudpickle import dumps as dump
    except ImportError:
        dump = pickle.dumps
    try:
        return bytes(dump(value))
    except Exception as error:
        raise TypeError(f"what is sent to workers cannot be pickled: {error}") from error


def train_runs(shared: bytes, settings: Sequence[bytes], sender: tuple[str, int]) -> list[Result]:
    """Do runs, one after the other; what fails is in a result's ``error``.

    Parameters
    ----------
    shared : bytes
        Pickled dataset and function that trains, or None for `KAN.fit`.
    settings : sequence of bytes
        Pickled settings of each run.
    sender : tuple
        `this_process` of who sent them.

    Raises
    ------
    Interrupted
        If the process was interrupted meanwhile.
    """
    with contextlib.ExitStack() as stack:
        if sender != this_process():
            start_worker()
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        try:
            dataset, fit = _load_shared(shared)
        except Exception as error:
            return [Result(error=_error_words(error))] * len(settings)
        return [_train_run(dataset, fit, one) for one in settings]


def _train_run(dataset: Mapping[str, Any], fit: Fit | None, settings: bytes) -> Result:
    start = time.perf_counter()
    try:
        return _train(dataset, fit, pickle.loads(settings), start)
    except Interrupted:
        raise
    except Exception as error:
        took = time.perf_counter() - start
        return Result(seconds=took, error=_error_words(error))


def _load_shared(content: bytes) -> Any:
    global _last_shared
    digest = hashlib.sha256(content).hexdigest()
    found, value = _last_shared
    if found != digest:
        value = pickle.loads(content)
        _last_shared = digest, value
    return value


def _train(
    dataset: Mapping[str, Any], fit: Fit | None, settings: Mapping[str, Any], start: float
) -> Result:
    if fit is None:
        model = KAN(**_named(settings, MODEL_NAMES))
        stopped = _fit(model, dataset, _named(settings, FIT_NAMES))
    else:
        model, stopped = _train_by(fit, dataset, settings), ""
    policy, loss_fn = settings.get("prune"), settings.get("loss_fn")
    retrain = retrain_settings(settings)
    if policy is not None or retrain is not None:
        with PruningSession(model, dataset, metric=loss_fn) as session:
            stopped = prune_with(policy, session, retrain) or stopped
    took = time.perf_counter() - start
    adapter = adapt(model)
    loss = next(iter(DataAndMetric(adapter, dataset, loss_fn).metric_values(adapter).values()))
    train_loss = loss.test if loss.train is None else loss.train  # where the rows are the same
    edges = count_live_edges(model)
    return Result(train_loss, loss.test, edges, took, stopped=stopped, model=to_bytes(model))


def _named(settings: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name in names}


def _fit(model: KAN, dataset: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Train a model; return why that ended early."""
    return early_end(model.fit(dataset, **{**settings, "progress": False}))


def _train_by(fit: Fit, dataset: Mapping[str, Any], settings: Mapping[str, Any]) -> KAN:
    """Train by a function of a person's own, from one state of torch's random numbers."""
    given = {name: value for name, value in settings.items() if name not in AFTER_TRAINING}
    with torch.random.fork_rng(devices=[]):
        _set_seed(settings["seed"])
        model = fit(dataset, **given)
    if not isinstance(model, KAN):
        raise TypeError(f"fit must return a kanwidget.KAN, got a {type(model).__name__}")
    return model


def _set_seed(seed: int) -> None:
    """Do what `torch.manual_seed` does, in a tenth of its time where there is no GPU to seed."""
    accelerator = getattr(torch, "accelerator", None)  # since torch 2.6
    if accelerator is None or accelerator.is_available():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


def _error_words(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} (line {last.lineno} of {last.name})"
