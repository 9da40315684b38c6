"""A person's own data: arrays, tables and lists are taken where they have one meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from kanwidget import KAN, KANWidget, PruningSession
from kanwidget.kan.check_data import as_tensor

Dataset = dict[str, Any]


@pytest.fixture(scope="module")
def numbers() -> dict[str, Tensor]:
    """Three inputs and one label; half of each are 0 or 1."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(120, 3, generator=generator, dtype=torch.float64).round(decimals=6)
    x[:, 2] = (x[:, 2] > 0.5).double()
    y = (x[:, :1] * x[:, 1:2]).round(decimals=6)
    return {
        "train_input": x[:80],
        "train_label": y[:80],
        "test_input": x[80:],
        "test_label": y[80:],
    }


def rows(value: Tensor) -> Tensor:
    return value[:, 0] if value.shape[1] == 1 else value


def frame(value: Tensor) -> Any:
    table = pd.DataFrame(value.numpy(), index=range(100, 100 + len(value)))
    return table.astype({2: bool}) if len(table.columns) == 3 else table


def series(value: Tensor) -> Any:
    table = frame(value)
    return table[0] if len(table.columns) == 1 else table.convert_dtypes()


@pytest.mark.parametrize(
    "kind",
    [
        rows,
        Tensor.numpy,
        lambda v: rows(v).numpy()[::-1][::-1],
        lambda v: v.numpy().astype(">f8"),
        Tensor.tolist,
        lambda v: tuple(map(tuple, v.tolist())),
        lambda v: rows(v).tolist(),
        frame,
        series,
        lambda v: v.numpy().astype(object),
        lambda v: np.ma.masked_invalid(v.numpy()),
    ],
    ids=[
        "(rows,)",
        "numpy",
        "strides",
        "bytes swapped",
        "lists",
        "tuples",
        "flat list",
        "frame",
        "series",
        "objects",
        "masked",
    ],
)
def test_all_kinds_of_numbers_give_the_same_training_and_the_same_loss(
    numbers: dict[str, Tensor], kind: Callable[[Tensor], Any]
) -> None:
    data = {name: kind(value) for name, value in numbers.items()}
    expected, model = KAN([3, 2, 1]), KAN([3, 2, 1])
    losses = expected.fit(numbers, steps=2, progress=False)
    assert model.fit(data, steps=2, progress=False) == losses
    assert PruningSession(model, data).loss == PruningSession(expected, numbers).loss
    half = KAN([3, 2, 1], dtype=torch.float32)
    half.fit(data, steps=1, progress=False)
    w = KANWidget(half, data, metric=lambda pred, label: (pred - label).abs().max())
    assert np.isfinite(w.loss)
    w.close()
    inputs = PruningSession(model, data["test_input"])
    assert torch.equal(inputs.scores[0], model.scores(numbers["test_input"])[0])


@pytest.mark.parametrize("kind", [torch.int32, torch.uint8, torch.bool, torch.float32])
def test_whole_numbers_and_bools_are_numbers_to_the_usual_loss(
    numbers: dict[str, Tensor], kind: torch.dtype
) -> None:
    data = {n: (v > 0.5).to(kind) for n, v in numbers.items()}
    exact = {n: v.double() for n, v in data.items()}
    assert KAN([3, 1]).fit(data, steps=1, progress=False) == KAN([3, 1]).fit(
        exact, steps=1, progress=False
    )


@pytest.mark.parametrize(
    "kind",
    [
        lambda c: c,
        lambda c: c[:, None],
        lambda c: c.int(),
        lambda c: c.numpy().astype(np.uint8),
        lambda c: c.tolist(),
        lambda c: pd.Series(c.numpy(), dtype="Int64"),
        lambda c: pd.DataFrame({"class": c.numpy()}),
    ],
)
def test_classes_stay_whole_numbers_for_a_loss_of_classes(
    numbers: dict[str, Tensor], kind: Callable[[Tensor], Any]
) -> None:
    def data(make: Callable[[Tensor], Any]) -> Dataset:
        return {n: make((3 * v[:, 0]).long()) if "label" in n else v for n, v in numbers.items()}

    loss = nn.CrossEntropyLoss()
    options = {"steps": 2, "loss_fn": loss, "progress": False}
    model = KAN([3, 3])
    found = model.fit(data(kind), **options)
    assert found == KAN([3, 3]).fit(data(lambda c: c), **options)
    session = PruningSession(model, data(kind), metric=loss)
    assert session.loss == pytest.approx(found["test_loss"][-1])


def _classes(numbers: dict[str, Tensor], dtype: torch.dtype = torch.int64, top: int = 3) -> Dataset:
    return {n: (top * v[:, 0]).to(dtype) if "label" in n else v for n, v in numbers.items()}


@pytest.mark.parametrize(
    ("width", "change", "loss", "words"),
    [
        ([3, 3], {}, None, "loss_fn=torch.nn.CrossEntropyLoss() in fit, and metric="),
        ([3, 3], {"dtype": torch.float64}, nn.CrossEntropyLoss(), "such as y.long()"),
        ([3, 2], {"top": 3}, nn.CrossEntropyLoss(), "classes go from 0 to 2, and the model has 2"),
        ([3, 1], {}, nn.CrossEntropyLoss(), "one output for each class"),
        ([3, 1], {}, nn.functional.cross_entropy, "one output for each class"),
        ([3, 1], {"top": 1}, nn.BCEWithLogitsLoss(), "y.to(torch.float64)"),
        ([3, 1], {}, lambda p, y: (p[:, 0] - y).square().mean(), "each row against all rows"),
        ([3, 2], {}, lambda p, y: (p[:, :1] - y).square().mean(), "each row against all rows"),
        (
            [3, 2],
            {"dtype": torch.float64},
            lambda p, y: nn.functional.mse_loss(p[:, :1], y),
            "each row against all rows",
        ),
    ],
)
def test_labels_that_do_not_fit_are_refused_in_words(
    numbers: dict[str, Tensor], width: list[int], change: Any, loss: Any, words: str
) -> None:
    data, model = _classes(numbers, **change), KAN(width)
    before = {n: v.clone() for n, v in model.state_dict().items()}
    with pytest.raises(ValueError, match="loss_fn") as refused:
        model.fit(data, steps=1, loss_fn=loss, progress=False)
    assert words in str(refused.value)
    with pytest.raises(ValueError, match="metric") as refused:
        PruningSession(model, data, metric=loss)
    assert words in str(refused.value)
    assert all(torch.equal(v, before[n]) for n, v in model.state_dict().items())


def test_labels_in_one_row_are_told_apart_from_classes(numbers: dict[str, Tensor]) -> None:
    with pytest.raises(ValueError, match=r"\(80, 3\), got \(80,\); y\[:, None\] makes one column"):
        KAN([3, 3]).fit(_classes(numbers, torch.float64), progress=False)


def test_a_metric_of_a_fit_that_compares_all_rows_with_all_is_refused(
    numbers: dict[str, Tensor],
) -> None:
    model = KAN([3, 1])

    def train_acc() -> Tensor:
        pred = model(numbers["train_input"])
        return ((pred > 0.5) == (numbers["train_label"][:, 0] > 0.5)).double().mean()

    with pytest.raises(ValueError, match=r"metric train_acc compares .* each row against all rows"):
        model.fit(numbers, steps=1, metrics=[train_acc], progress=False)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (pd.DataFrame({"a": ["x", "y"]}), "must hold numbers, got 'x' at [0, 0]"),
        (pd.Series([1, None], dtype="Int64").astype(object), "got <NA> at 1"),
        (pd.Series(pd.to_datetime(["2020-01-01"])), "seconds of times"),
        (np.array(["a", "b"]), "codes of categories"),
        (np.array([1, None]), "got None at 1"),
        ([[1, 2], [3]], "cannot be made a tensor"),
        ([[1, "2"]], "must hold numbers"),
        ("text", "got str"),
        (range(3).__iter__(), "got range_iterator"),
        ({1, 2}, "got set"),
        (None, "got NoneType"),
    ],
)
def test_what_is_no_number_is_named(values: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError)) as refused:
        as_tensor(values, "data")
    assert words in str(refused.value)


def test_a_tensor_made_of_an_array_is_a_copy() -> None:
    array = np.zeros((3, 2))
    tensor = as_tensor(array, "data")
    array += 1
    assert tensor.sum() == 0
    array.flags.writeable = False
    as_tensor(array, "data").add_(1)
    assert as_tensor(np.ma.array([1.0, 2.0], mask=[0, 1]), "data").isnan().tolist() == [0, 1]


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_inputs_and_labels_in_a_pair_are_told_how_to_be_given(kind: Any) -> None:
    pair = kind(np.zeros((9, 2))), kind(np.zeros((9, 1)))
    with pytest.raises(ValueError, match="a dict with the entries train_input, train_label"):
        KANWidget(KAN([2, 1]), pair)
