"""What makes no sense is refused in words, with the right type, and nothing is changed."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from kanwidget import KAN, KANWidget, PruningSession, create_dataset

nan, inf = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("config", "error", "words"),
    [
        ({"width": []}, ValueError, "width must list"),
        ({"width": [2]}, ValueError, "width must list"),
        ({"width": [2, 0, 1]}, ValueError, "each at least 1"),
        ({"width": [2, -5, 1]}, ValueError, "each at least 1"),
        ({"width": [2, 2.5, 1]}, ValueError, "got [2, 2.5, 1]"),
        ({"width": "251"}, TypeError, "list of ints"),
        ({"width": 5}, TypeError, "list of ints"),
        ({"width": None}, TypeError, "list of ints"),
        ({"grid": 0}, ValueError, "grid must be a whole number of at least 1, got 0"),
        ({"grid": 2.5}, ValueError, "grid must be"),
        ({"k": 0}, ValueError, "k must be a whole number of at least 1, got 0"),
        ({"k": -3}, ValueError, "k must be"),
        ({"grid_eps": 1.5}, ValueError, "grid_eps must be between 0"),
        ({"grid_eps": nan}, ValueError, "grid_eps must be between 0"),
        ({"grid_range": [1, -1]}, ValueError, "low < high"),
        ({"grid_range": [nan, 1]}, ValueError, "low < high"),
        ({"grid_range": [0, 1, 2]}, ValueError, "low < high"),
        ({"base_fun": 3}, TypeError, "base_fun must be a function"),
        ({"dtype": torch.int64}, TypeError, "floating point"),
        ({"dtype": torch.float16}, TypeError, "torch.float32 or torch.float64"),
        ({"dtype": torch.bfloat16}, TypeError, "torch.float32 or torch.float64"),
        ({"grid_range": 5}, TypeError, "grid_range must be two numbers"),
        ({"grid_range": ["a", "b"]}, TypeError, "grid_range must be two numbers"),
        ({"grid_eps": "1"}, TypeError, "grid_eps must be a number"),
        ({"noise_scale": "a"}, TypeError, "noise_scale must be a number"),
        ({"noise_scale": nan}, ValueError, "noise_scale must be a finite number"),
        ({"noise_scale_base": float("inf")}, ValueError, "noise_scale_base must be a finite"),
        ({"seed": "a"}, TypeError, "seed must be an int, got 'a'"),
        ({"seed": 1.5}, TypeError, "seed must be an int"),
    ],
)
def test_a_kan_that_cannot_be(config: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)):
        KAN(**{"width": [2, 2, 1], **config})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.remove_edge(0, 2, 1), "no edge (0, 2, 1): there are 2 nodes in node layer 0"),
        (lambda m: m.remove_edge(0, 0, 5), "no edge (0, 0, 5): there are 5 nodes in node layer 1"),
        (lambda m: m.remove_edge(2, 0, 0), "no edge (2, 0, 0): there are 2 layers of edges"),
        (lambda m: m.remove_edge(-1, 0, 0), "no edge (-1, 0, 0)"),
        (lambda m: m.restore_edge(0, -1, 0), "no edge (0, -1, 0)"),
        (lambda m: m.remove_node(3, 0), "no node (3, 0): there are 3 node layers"),
        (lambda m: m.remove_node(1, 5), "no node (1, 5): there are 5 nodes in node layer 1"),
        (lambda m: m.restore_node(1, -1), "no node (1, -1)"),
        (lambda m: m.prune(mode="manual", active_neurons_id=[[7]]), "no node (1, 7)"),
        (lambda m: PruningSession(m).remove_edge(0, 0, 9), "no edge (0, 0, 9)"),
        (lambda m: PruningSession(m).restore_node(1, 9), "no node (1, 9)"),
        (lambda m: PruningSession(m).set(removed_nodes=[(5, 0)]), "no node (5, 0)"),
        (lambda m: KANWidget(m).remove_node(9, 0), "no node (9, 0)"),
        (lambda m: KANWidget(m, kept_edges=[(0, 0, 9)]), "no edge (0, 0, 9)"),
    ],
)
def test_indices_are_checked_on_their_own_axis(
    model: KAN, call: Callable[[KAN], Any], words: str
) -> None:
    unchanged(model, call, IndexError, words)


@pytest.mark.parametrize("index", [0.0, "0", None, True])
def test_an_index_is_an_int(model: KAN, index: Any) -> None:
    unchanged(model, lambda m: m.remove_edge(0, index, 0), TypeError, "an index must be an int")


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (-1e-9, ValueError, "at least 0"),
        (nan, ValueError, "finite number of at least 0, got nan"),
        (float("inf"), ValueError, "finite"),
        ("0.1", TypeError, "must be a number, got '0.1'"),
        (None, TypeError, "must be a number"),
        (True, TypeError, "must be a number"),
    ],
)
def test_thresholds_are_numbers_of_at_least_0(
    model: KAN, value: Any, error: type[Exception], words: str
) -> None:
    unchanged(model, lambda m: m.prune(value), error, words)
    unchanged(model, lambda m: setattr(KANWidget(m), "node_threshold", value), error, words)
    unchanged(model, lambda m: setattr(KANWidget(m), "edge_threshold", value), error, words)
    if value is not None:
        unchanged(model, lambda m: PruningSession(m).set(edge_threshold=value), error, words)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m: m.prune(mode="best"), ValueError, "'auto' or 'manual', got 'best'"),
        (lambda m: m.prune(mode="manual"), ValueError, "active_neurons_id"),
        (
            lambda m: m.prune(mode="manual", active_neurons_id=[[0], [1]]),
            ValueError,
            "1 lists, one for each hidden layer of KAN([2, 5, 1]), or 3 with inputs and outputs",
        ),
        (
            lambda m: m.prune(mode="manual", active_neurons_id=[[]]),
            ValueError,
            "would empty node layer 1",
        ),
        (lambda m: m.plot(in_vars=["a"]), ValueError, "in_vars must hold 2 names"),
        (lambda m: m.plot(mode="fancy"), ValueError, "'supervised' or 'unsupervised'"),
        (lambda m: m.plot(scale=0), ValueError, "scale must be above 0"),
        (lambda m: m.plot(scale="big"), TypeError, "scale must be a number"),
        (lambda m: m.plot(mask=-1.0), ValueError, "at least 0"),
        (lambda m: m(torch.zeros(3, 3)), ValueError, "shape (batch, 2), got (3, 3)"),
        (lambda m: m(torch.zeros(2)), ValueError, "shape (batch, 2), got (2,)"),
        (lambda m: m([[1.0, 2.0]]), TypeError, "takes a torch tensor, got list"),
        (lambda m: KANWidget(m, out_vars=["a", "b"]), ValueError, "out_vars must hold 1 names"),
        (lambda m: KANWidget(m, threshold=0.1), TypeError, "no threshold to set; it has"),
        (lambda m: KANWidget(m, removed_edges=5), TypeError, "got 5"),
        (lambda m: KANWidget(m, removed_edges=[(0, 0)]), TypeError, "(l, i, j), got (0, 0)"),
        (lambda m: KANWidget(m, removed_nodes=["ab"]), TypeError, "(l, i), got 'ab'"),
        (lambda m: PruningSession(m, "data"), TypeError, "data must be a torch tensor, an array"),
        (lambda m: PruningSession(m, torch.zeros(4, 3)), ValueError, "shape (rows, 2)"),
        (lambda m: PruningSession(m, torch.zeros(0, 2)), ValueError, "no rows"),
    ],
)
def test_wrong_arguments(
    model: KAN, call: Callable[[KAN], Any], error: type[Exception], words: str
) -> None:
    unchanged(model, call, error, words)


def test_what_is_no_kan_is_refused_with_what_is_supported() -> None:
    for thing in (42, None, "model", torch.nn.Linear(2, 1), torch.zeros(3)):
        with pytest.raises(TypeError, match=r"as a KAN; supported: kanwidget\.KAN"):
            KANWidget(thing)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "call", [lambda m: m.acts_scale, lambda m: m.prune(), lambda m: m.plot(), KANWidget]
)
def test_a_model_that_has_seen_no_data(call: Callable[[KAN], Any]) -> None:
    with pytest.raises(ValueError, match=r"seen no data yet.*call model\(x\) or model\.fit"):
        call(KAN([2, 3, 1]))


def test_a_model_that_has_seen_nan(model: KAN) -> None:
    model(torch.full((3, 2), nan))
    for call in (lambda: model.acts_scale, model.prune, model.plot, lambda: KANWidget(model)):
        with pytest.raises(ValueError, match="NaN or infinite, the first in row 0"):
            call()


def _with(name: str, change: Callable[[Tensor], Any]) -> Callable[[dict[str, Tensor]], Any]:
    return lambda data: {**data, name: change(data[name])}


def _nan_in_row_7(values: Tensor) -> Tensor:
    values = values.clone()
    values[7, 0] = nan
    return values


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda d: None, TypeError, "dataset must be a dict"),
        (lambda d: [d], TypeError, "dataset must be a dict"),
        (lambda d: {}, ValueError, "dataset lacks train_input, train_label"),
        (
            lambda d: {k: v for k, v in d.items() if k != "test_label"},
            ValueError,
            "dataset lacks test_label",
        ),
        (_with("train_input", lambda x: x[:, :1]), ValueError, "must have shape (rows, 2)"),
        (_with("train_label", lambda y: y[None]), ValueError, "['train_label'] must have shape"),
        (_with("train_label", lambda y: y[:-1]), ValueError, "['train_label'] must have shape"),
        (_with("test_label", lambda y: y.repeat(1, 2)), ValueError, "['test_label']"),
        (_with("test_input", lambda x: "x"), TypeError, "must be a torch tensor, an array"),
        (_with("train_label", lambda y: None), TypeError, "must be a torch tensor, an array"),
        (_with("train_label", lambda y: [["a"]] * len(y)), TypeError, "must hold numbers, got"),
        (_with("train_label", lambda y: [[1.0], [1.0, 2.0]]), ValueError, "cannot be made a"),
        (_with("train_input", _nan_in_row_7), ValueError, "the first in row 7"),
        (_with("test_label", _nan_in_row_7), ValueError, "['test_label'] holds 1 numbers"),
        (_with("train_label", lambda y: y / 0), ValueError, "NaN or infinite"),
        (_with("train_input", lambda x: x[:0]), ValueError, "has no rows"),
    ],
)
def test_wrong_data(
    model: KAN,
    dataset: dict[str, Tensor],
    spoil: Callable[[dict[str, Tensor]], Any],
    error: type[Exception],
    words: str,
) -> None:
    bad = spoil(dataset)
    unchanged(model, lambda m: m.fit(bad, steps=1, progress=False), error, words)
    if isinstance(bad, dict):
        unchanged(model, lambda m: KANWidget(m, bad), error, words)


STRENGTHS = "lamb", "lamb_l1", "lamb_entropy", "lamb_coef", "lamb_coefdiff"
COUNTS = "steps", "log", "batch", "grid_update_num", "stop_grid_update_step", "seed"


@pytest.mark.parametrize(
    ("error", "option"),
    [
        *((ValueError, {name: value}) for name in STRENGTHS for value in (nan, -1.0, inf)),
        *((TypeError, {name: "a"}) for name in STRENGTHS),
        *((TypeError, {name: value}) for name in COUNTS for value in (1.5, "2")),
        *((ValueError, o) for o in ({"opt": "SGD"}, {"steps": 0}, {"log": 0})),
        *((ValueError, o) for o in ({"lr": 0.0}, {"lr": nan}, {"batch": 0})),
        (ValueError, {"grid_update_num": 0}),
        (TypeError, {"lr": "fast"}),
        (TypeError, {"metrics": ["loss"]}),
    ],
)
def test_wrong_training_options(
    model: KAN, dataset: dict[str, Tensor], error: type[Exception], option: dict[str, Any]
) -> None:
    name = next(iter(option))
    unchanged(model, lambda m: m.fit(dataset, progress=False, **option), error, f"{name} ")


def test_metrics_are_told_apart_by_name(model: KAN, dataset: dict[str, Tensor]) -> None:
    def reg() -> float:
        return 1.0

    def mine() -> float:
        return 2.0

    for metrics in ([reg], [mine, mine], [mine, functools.partial(mine)]):
        words = f"two results named '{metrics[0].__name__}'"
        unchanged(model, lambda m, f=metrics: m.fit(dataset, metrics=f), ValueError, words)


def test_numbers_too_large_for_the_models_dtype(dataset: dict[str, Tensor]) -> None:
    model = KAN([2, 1], dtype=torch.float32)
    for name in ("train_input", "test_label"):
        bad = {**dataset, name: dataset[name] + 1e300}
        unchanged(model, lambda m, d=bad: m.fit(d, progress=False), ValueError, "up to 1e+300")
    with pytest.raises(ValueError, match=r"too large for the model's torch\.float32"):
        model.scores(torch.full((1, 2), 1e300, dtype=torch.float64))


@pytest.mark.parametrize(
    ("error", "option"),
    [
        (ValueError, {"n_var": 0}),
        (ValueError, {"train_num": 0}),
        (ValueError, {"ranges": [0, 1, 2]}),
        (ValueError, {"ranges": [[0, 1]]}),
        (ValueError, {"ranges": [1, 0]}),
        (ValueError, {"ranges": [0, nan]}),
        (ValueError, {"ranges": [0, float("inf")]}),
        (ValueError, {"f": lambda x: x[:3]}),
        (ValueError, {"f": lambda x: x.sum()}),
        (TypeError, {"n_var": 2.0}),
        (TypeError, {"train_num": 10.5}),
        (TypeError, {"test_num": "9"}),
        (TypeError, {"seed": "a"}),
    ],
)
def test_wrong_datasets(error: type[Exception], option: dict[str, Any]) -> None:
    with pytest.raises(error, match="must"):
        create_dataset(**{"f": lambda x: x[:, [0]], "n_var": 2, **option})


def unchanged(model: KAN, call: Callable[[KAN], Any], error: type[Exception], words: str) -> None:
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(error, match=re.escape(words)):
        call(model)
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
