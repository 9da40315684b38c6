"""Several metrics, what outputs say of classes, and parts of the view that are left out."""

from __future__ import annotations

import json
import re
from contextlib import closing
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kanwidget import KAN, KANWidget, PruningSession
from kanwidget.widget.packed_array import unpack

Data = dict[str, Tensor]


def accuracy(pred: Tensor, label: Tensor) -> Tensor:
    return (pred.argmax(1) == label).double().mean()


@pytest.fixture(scope="module")
def flowers() -> tuple[KAN, Data]:
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(240, 2, generator=generator) - 1
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0.3).long()
    parts = {"train": slice(160), "test": slice(160, 240)}
    data = {
        f"{part}_{of}": values[rows]
        for part, rows in parts.items()
        for of, values in (("input", x), ("label", y))
    }
    model = KAN([2, 3, 3], grid=3, seed=0)
    model.fit(data, steps=5, loss_fn=nn.CrossEntropyLoss(), progress=False)
    return model, data


def test_the_first_metric_decides_and_the_others_are_told_beside_it(
    flowers: tuple[KAN, Data],
) -> None:
    model, data = flowers
    both = {"cross entropy": nn.CrossEntropyLoss(), "accuracy": accuracy}
    with closing(KANWidget(model, data, metrics=both)) as w:
        assert w.loss_name == "test cross entropy"
        assert not w.higher_is_better
        for threshold in (0.0, 0.05):
            w.edge_threshold = threshold
            told = {name: (test, train) for name, test, train in w.page_state()["_metrics"]}
            values = {
                name: tuple(
                    float(metric(model(data[f"{part}_input"]), data[f"{part}_label"]))
                    for part in ("test", "train")
                )
                for name, metric in both.items()
            }
            assert list(told) == ["cross entropy", "accuracy"]
            for name, value in values.items():
                assert told[name] == pytest.approx(value, rel=1e-6)
            assert told["cross entropy"][0] == pytest.approx(w.loss)
            assert w.session.metric_values() == told


def test_metrics_alone_decide_by_the_first_and_one_metric_goes_before_them(
    flowers: tuple[KAN, Data],
) -> None:
    model, data = flowers
    ce = nn.CrossEntropyLoss()
    with PruningSession(
        model, data, metrics={"accuracy": accuracy, "ce": ce}, higher_is_better=True
    ) as s:
        assert (s.loss_name, s.higher_is_better) == ("test accuracy", True)
        assert s.loss == s.metric_values()["accuracy"].test
    with PruningSession(model, data, metric=ce, metrics={"accuracy": accuracy}) as s:
        assert s.loss_name == "test CrossEntropyLoss"
        assert list(s.metric_values()) == ["CrossEntropyLoss", "accuracy"]


def test_without_a_metric_of_ones_own_the_training_loss_is_told(model: KAN, dataset: Data) -> None:
    with closing(KANWidget(model, dataset)) as w:
        ((name, test, on_train),) = w.page_state()["_metrics"]
        assert name == "RMSE"
        assert test == pytest.approx(w.loss)
        gap = model(dataset["train_input"]) - dataset["train_label"]
        assert on_train == pytest.approx(float(gap.square().mean().sqrt()))
    train = {key: value for key, value in dataset.items() if "train" in key}
    same = {**train, **{key.replace("train", "test"): value for key, value in train.items()}}
    with PruningSession(model, same) as s:
        assert s.metric_values()["RMSE"].train is None
    with PruningSession(model, dataset["test_input"]) as s:
        assert s.metric_values() == {}


def test_a_number_that_is_shown_is_never_of_another_state(flowers: tuple[KAN, Data]) -> None:
    model, data = flowers
    with closing(
        KANWidget(model, data, metric=nn.CrossEntropyLoss(), metrics={"accuracy": accuracy})
    ) as w:
        w.page_state()
        assert w._metrics
        w.remove_edge(0, 0, 0)
        assert w._metrics == []
        assert w.page_state()["_metrics"][1][1] == float(
            accuracy(model(data["test_input"]), data["test_label"])
        )
        # A page of its own has other rows, and cannot compute them.
        carried = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', w.to_html())
        assert json.loads(carried[0])["_metrics"] == []


def test_the_same_cell_run_again_goes_on_and_other_metrics_start_anew(
    flowers: tuple[KAN, Data],
) -> None:
    model, data = flowers
    ce = nn.CrossEntropyLoss()
    first = KANWidget(model, data, metrics={"ce": ce, "accuracy": accuracy})
    first.remove_edge(0, 0, 0)
    again = KANWidget(model, data, metrics={"ce": ce, "accuracy": accuracy})
    assert again.session is first.session
    other = KANWidget(model, data, metrics={"ce": ce})
    assert other.removed_edges == [(0, 0, 0)]
    assert list(other.session.metric_values()) == ["ce"]
    other.close()


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ([accuracy], "must be a dict of names and functions"),
        ({1: accuracy}, "must be a dict of names and functions"),
        ({"accuracy": 0.9}, r"metric must be a function of \(prediction, label\)"),
        ({"ce": nn.CrossEntropyLoss(), "all": lambda p, y: p}, "metric all"),
    ],
)
def test_metrics_that_are_none_are_refused_in_words_and_the_model_stays(
    flowers: tuple[KAN, Data], metrics: Any, words: str
) -> None:
    model, data = flowers
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises((TypeError, ValueError), match=words):
        KANWidget(model, data, metrics=metrics)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize(
    ("metrics", "kind"),
    [
        ({"ce": nn.CrossEntropyLoss(label_smoothing=0.1)}, "softmax"),
        ({"accuracy": accuracy, "ce": F.cross_entropy}, "softmax"),
        ({"accuracy": accuracy}, "class"),
    ],
)
def test_the_view_gets_classes_and_what_outputs_say_of_them(
    flowers: tuple[KAN, Data], metrics: Any, kind: str
) -> None:
    model, data = flowers
    with closing(KANWidget(model, data, metrics=metrics)) as w:
        assert w._prediction == kind
        numbers = unpack(w._row_numbers)[0].astype(int)
        assert np.array_equal(unpack(w._row_classes)[0], data["test_label"][numbers])
    with closing(KANWidget(model, data, metrics=metrics, data_rows=0)) as w:
        assert w._row_classes == b""


def test_a_yes_or_no_is_a_probability_and_other_numbers_are_not(model: KAN, dataset: Data) -> None:
    yes = {k: (v > 1).double() if "label" in k else v for k, v in dataset.items()}
    bce = nn.BCEWithLogitsLoss()
    for data, metric, kind in ((yes, bce, "sigmoid"), (yes, None, ""), (dataset, None, "")):
        with closing(KANWidget(model, data, metric=metric)) as w:
            assert w._prediction == kind


def test_parts_of_the_view_are_left_out_by_name(model: KAN, dataset: Data) -> None:
    with closing(KANWidget(model, dataset, hide=("code", "legend"))) as w:
        assert w.hide == ["legend", "code"]
        w.hide = ["toolbar", "toolbar"]
        assert w.hide == ["toolbar"]
        page = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', w.to_html())
        assert json.loads(page[0])["hide"] == ["toolbar"]
        # A page does not decide that.
        w.set_state({"hide": []})
        assert w.hide == ["toolbar"]
    with closing(KANWidget(model, dataset, show=("thresholds", "status"))) as w:
        assert set(w.hide).isdisjoint({"thresholds", "status"})
        assert {"toolbar", "cards", "history", "hints"} < set(w.hide)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"hide": "legend"}, TypeError, "must be a list of parts"),
        ({"hide": 3}, TypeError, "must be a list of parts"),
        ({"hide": ["tolbar"]}, ValueError, "do you mean 'toolbar'"),
        ({"show": ["network", "card"]}, ValueError, "show must hold some of"),
        ({"show": [], "hide": []}, TypeError, "show or hide, not both"),
    ],
)
def test_parts_that_are_none_are_refused_in_words(
    model: KAN, dataset: Data, given: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        KANWidget(model, dataset, **given)
