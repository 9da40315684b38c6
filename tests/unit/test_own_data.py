"""A person's own data: arrays, tables and lists are taken where they have one meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kinds
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.text import Text
from torch import Tensor, nn
from torch.nn import functional as F

from kanwidget import KAN, KANWidget, PruningSession
from kanwidget.figure import figure
from kanwidget.kan.call_loss import call_loss, refuse_broadcasting
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
        ([3, 3], {"dtype": torch.float64}, nn.CrossEntropyLoss(), "y.long() of a tensor"),
        ([3, 2], {"top": 3}, nn.CrossEntropyLoss(), "classes go from 0 to 2, and the model has 2"),
        ([3, 1], {}, nn.CrossEntropyLoss(), "one output for each class"),
        ([3, 1], {}, nn.functional.cross_entropy, "one output for each class"),
        ([3, 3], {"dtype": torch.float64}, nn.CrossEntropyLoss(), "y.astype(int) of an array"),
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


@pytest.mark.parametrize(
    "kind",
    [
        lambda c: c,
        lambda c: c[:, None],
        lambda c: c.bool(),
        lambda c: c.numpy().astype(np.uint8),
        lambda c: c.tolist(),
        lambda c: pd.Series(c.numpy(), dtype="Int64"),
        lambda c: pd.DataFrame({"ill": c.numpy()}),
    ],
)
@pytest.mark.parametrize(
    "loss",
    [
        nn.BCEWithLogitsLoss(),
        nn.functional.binary_cross_entropy_with_logits,
        nn.HuberLoss(),
        lambda p, y: nn.functional.binary_cross_entropy(p.sigmoid(), y),
    ],
    ids=["bce", "function", "huber", "own"],
)
def test_a_loss_that_wants_numbers_gets_labels_0_and_1_as_numbers(
    numbers: dict[str, Tensor], kind: Callable[[Tensor], Any], loss: Any
) -> None:
    whole = {n: (v[:, 0] > 0.3).long() if "label" in n else v for n, v in numbers.items()}
    exact = {n: v.double() for n, v in whole.items()}
    data = {n: kind(v) if "label" in n else v for n, v in whole.items()}
    options: dict[str, Any] = {"steps": 2, "loss_fn": loss, "progress": False}
    for extra in ({}, {"batch": 30}):
        model, other = KAN([3, 1]), KAN([3, 1])
        assert model.fit(data, **options, **extra) == other.fit(exact, **options, **extra)
    w, expected = KANWidget(model, data, metric=loss), PruningSession(other, exact, metric=loss)
    for session in (w.session, expected):
        session.remove_edge(0, 2, 0)
    assert w.session.loss == expected.loss
    kept = [s.tradeoff().loss_kept.tolist() for s in (w.session, expected)]
    assert kept[0] == kept[1]
    w.close()


def test_a_metric_gets_whole_numbers_if_it_takes_them(numbers: dict[str, Tensor]) -> None:
    data = {n: (v[:, :1] > 0.3).long() if "label" in n else v for n, v in numbers.items()}
    seen = []

    def accuracy(pred: Tensor, label: Tensor) -> Tensor:
        seen.append(label.dtype)
        return (((pred > 0).long() ^ label) == 0).double().mean()  # numbers have no ^

    PruningSession(KAN([3, 1]), data, metric=accuracy, higher_is_better=True)
    assert set(seen) == {torch.int64}


def test_an_own_metric_that_fails_on_numbers_too_says_so_itself(
    numbers: dict[str, Tensor],
) -> None:
    data = {n: (v[:, :1] > 0.3).long() if "label" in n else v for n, v in numbers.items()}

    def metric(pred: Tensor, label: Tensor) -> Tensor:
        raise RuntimeError(f"no {label.dtype} please")

    with pytest.raises(RuntimeError, match=r"no torch.int64 please"):
        PruningSession(KAN([3, 1]), data, metric=metric)


def test_labels_in_one_row_are_told_apart_from_classes(numbers: dict[str, Tensor]) -> None:
    words = r"\(80, 3\), got \(80,\); they need 3 columns, or a model with one output"
    with pytest.raises(ValueError, match=words):
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


# Names -----------------------------------------------------------------------------------------


def named(numbers: dict[str, Tensor], inputs: list[Any], label: Any) -> Dataset:
    """Return tables with these columns."""
    data: Dataset = {}
    for name, value in numbers.items():
        columns = inputs if "input" in name else [label]
        data[name] = pd.DataFrame(value.numpy(), columns=columns)
    return data


def test_columns_of_tables_name_inputs_and_outputs(numbers: dict[str, Tensor]) -> None:
    data = named(numbers, ["age", "dose", "ill"], "days")
    w = KANWidget(KAN([3, 2, 1]), data)
    assert (w.in_vars, w.out_vars) == (["age", "dose", "ill"], ["days"])
    for made in (figure(w.session), w.figure()):
        texts = [text.get_text() for text in made.findobj(Text)]
        assert {"age", "dose", "ill", "days"} <= set(texts)
    w.close()
    w = KANWidget(KAN([3, 2, 1]), {**data, "train_label": data["train_label"]["days"]})
    assert w.out_vars == ["days"]
    w.close()
    w = KANWidget(KAN([3, 2, 1]), data["train_input"], out_vars=["y"])
    assert (w.in_vars, w.out_vars) == (["age", "dose", "ill"], ["y"])
    w.close()
    w = KANWidget(KAN([3, 2, 1]), data, in_vars=["a", "b", "c"])
    assert (w.in_vars, w.out_vars) == (["a", "b", "c"], ["days"])
    w.close()


@pytest.mark.parametrize(
    "columns",
    [
        pd.RangeIndex(3),
        ["a", 1, "c"],
        ["a", " ", "c"],
        pd.MultiIndex.from_tuples([("a", "1"), ("a", "2"), ("b", "1")]),
    ],
    ids=["numbers", "some numbers", "blank", "levels"],
)
def test_columns_that_have_no_names_give_none(columns: Any, numbers: dict[str, Tensor]) -> None:
    w = KANWidget(KAN([3, 1]), named(numbers, columns, None))
    assert (w.in_vars, w.out_vars) == (["x_1", "x_2", "x_3"], ["f(x)"])
    w.close()


def test_names_of_columns_may_be_alike_or_long(numbers: dict[str, Tensor]) -> None:
    names = ["a", "a", "n" * 2000]
    w = KANWidget(KAN([3, 1]), named(numbers, names, "a"))
    assert (w.in_vars, w.out_vars) == (names, ["a"])
    assert "n" * 20 in w.to_html()
    w.figure()
    w.close()


def test_names_of_classes_are_no_names_of_outputs(numbers: dict[str, Tensor]) -> None:
    data: Dataset = {
        n: pd.Series((3 * v[:, 0]).long().numpy(), name="kind") if "label" in n else v
        for n, v in numbers.items()
    }
    w = KANWidget(KAN([3, 3]), data, metric=nn.CrossEntropyLoss())
    assert w.out_vars == ["f_1", "f_2", "f_3"]
    w.close()


def test_a_widget_on_the_same_numbers_takes_the_names_of_a_table(
    numbers: dict[str, Tensor],
) -> None:
    model = KAN([3, 1])
    first = KANWidget(model, numbers)
    first.remove_edge(0, 1, 0)
    second = KANWidget(model, named(numbers, ["a", "b", "c"], "y"))
    assert second.session is first.session
    assert (second.in_vars, second.out_vars) == (["a", "b", "c"], ["y"])
    third = KANWidget(model, numbers)  # plain tensors again
    assert third.in_vars == ["a", "b", "c"]
    third.close()


def test_inputs_that_pykan_has_cut_keep_the_names_of_their_columns() -> None:
    model, dataset = kinds.make("pykan 0.2.8"), kinds.data()
    columns = ["a", "b", "c"][: dataset["train_input"].shape[1]]
    x = pd.DataFrame(dataset["train_input"].numpy(), columns=columns)
    model(dataset["train_input"])
    w = KANWidget(model.prune_input(active_inputs=[1]), x)
    assert w.in_vars == ["b"]
    w.close()


def test_an_interrupted_loss_does_not_refuse_the_losses_after_it() -> None:
    def interrupted() -> None:
        refuse_broadcasting("loss_fn").__enter__()  # as an interrupt before the end leaves it

    interrupted()
    pred, label = torch.rand(4, 1), torch.rand(4)
    with pytest.warns(UserWarning, match="target size"):
        assert F.mse_loss(pred, label).isfinite()
    with pytest.raises(ValueError, match="each row against all rows"):
        call_loss(F.mse_loss, pred, label, "loss_fn")
