"""Models, data and metrics of a kind that nothing can be done with: refused in words."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kanwidget import KAN, KANWidget, PruningSession

nan = float("nan")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.to("meta"), "layers.0.coef is on torch's meta device"),
        (lambda m: m.to(torch.complex64), "layers.0.coef must hold real numbers"),
        (lambda m: m.half(), "torch.float16, in which nothing can be measured; turn it into"),
        (lambda m: m.bfloat16(), "model.float(), or a copy of it: copy.deepcopy(model).float()"),
        (lambda m: nn.Sequential(m), "hand over model[0]"),
        (lambda m: nn.ModuleDict({"kan": nn.Sequential(nn.ReLU(), m)}), "over model.kan[1]"),
        (torch.compile, "hand over model._orig_mod"),
    ],
)
@pytest.mark.filterwarnings("ignore:Complex modules")
def test_a_model_in_a_form_that_cannot_be_read(
    model: KAN, dataset: dict[str, Tensor], change: Callable[[KAN], Any], words: str
) -> None:
    changed = change(copy.deepcopy(model))
    for call in (PruningSession, KANWidget):
        with pytest.raises(TypeError, match=re.escape(words)):
            call(changed, dataset)


def test_a_hint_does_not_lead_to_one_of_several(model: KAN, dataset: dict[str, Tensor]) -> None:
    two = nn.Sequential(model, copy.deepcopy(model))
    with pytest.raises(TypeError, match="as a KAN; supported: kanwidget"):
        KANWidget(two, dataset)


def test_a_model_with_sparse_numbers(model: KAN, dataset: dict[str, Tensor]) -> None:
    model.layers[0].coef = nn.Parameter(model.layers[0].coef.detach().to_sparse())
    with pytest.raises(TypeError, match=r"layers\.0\.coef must be a dense tensor"):
        PruningSession(model, dataset)


def test_a_model_that_can_never_change(dataset: dict[str, Tensor]) -> None:
    with torch.inference_mode():
        model = KAN([2, 3, 1])
    for call in (
        lambda: PruningSession(model, dataset),
        lambda: model.fit(dataset, steps=1, progress=False),
    ):
        with pytest.raises(TypeError, match=r"inference_mode.*copy\.deepcopy\(model\)"):
            call()
    session = PruningSession(copy.deepcopy(model), dataset)
    session.set(edge_threshold=0.01)


def test_model_and_data_swapped(model: KAN, dataset: dict[str, Tensor]) -> None:
    for data in (dataset, dataset["test_input"]):
        with pytest.raises(TypeError, match="The model comes first, and then its data"):
            KANWidget(data, model)  # type: ignore[arg-type]


STRANGE: list[tuple[Callable[[Tensor], Tensor], str]] = [
    (Tensor.to_sparse, "must be a dense tensor, got a sparse one; take its to_dense()"),
    (Tensor.to_sparse_csr, "must be a dense tensor"),
    (lambda x: x.to("meta"), "is on torch's meta device"),
    (lambda x: x.to(torch.complex64), "must hold real numbers, got torch.complex64"),
    (lambda x: torch.quantize_per_tensor(x.float(), 0.1, 0, torch.qint8), "plain tensor"),
]


@pytest.mark.parametrize(("change", "words"), STRANGE)
@pytest.mark.filterwarnings("ignore:Sparse CSR", "ignore:torch.quantize")
def test_data_of_a_strange_kind(
    model: KAN, dataset: dict[str, Tensor], change: Callable[[Tensor], Tensor], words: str
) -> None:
    x, y = change(dataset["test_input"]), change(dataset["test_label"])
    for call, name in (
        (lambda: model(x), "the input of KAN([2, 5, 1]) "),
        (lambda: model.scores(x), "x "),
        (lambda: KANWidget(model, x), "data "),
        (lambda: model.fit({**dataset, "train_input": x}, progress=False), "['train_input'] "),
        (lambda: PruningSession(model, {**dataset, "test_label": y}), "['test_label'] "),
    ):
        with pytest.raises(TypeError, match=re.escape(name) + ".*" + re.escape(words)):
            call()


def test_complex_labels_are_the_metrics_affair(model: KAN, dataset: dict[str, Tensor]) -> None:
    data = {n: y.to(torch.complex128) if "label" in n else y for n, y in dataset.items()}
    session = PruningSession(model, data, metric=lambda a, b: (a - b).abs().mean())
    assert session.loss > 0


def mine(given: Any) -> Callable[[Tensor, Tensor], Any]:
    """A metric that returns this, or what this makes of predictions and labels."""

    def error_rate(pred: Tensor, label: Tensor) -> Any:
        return given(pred, label) if callable(given) else given

    return error_rate


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (lambda a, b: a - b, TypeError, "got a Tensor of shape (1000, 1)"),
        (lambda a, b: (a - b).numpy()[:3], TypeError, "got a ndarray of shape (3, 1)"),
        (None, TypeError, "got a NoneType"),
        ("0.5", TypeError, "got a str"),
        ([0.5], TypeError, "got a list"),
        (1j, TypeError, "got a complex"),
        (np.complex64(1j), TypeError, "got a complex64"),
        (torch.tensor(1j), TypeError, "got a Tensor of shape ()"),
        (10**400, ValueError, "too large for a float"),
    ],
)
def test_a_metric_that_returns_no_number(
    model: KAN, dataset: dict[str, Tensor], given: Any, error: type[Exception], words: str
) -> None:
    start = "metric error_rate must return one real number, "
    with pytest.raises(error, match=re.escape(start) + ".*" + re.escape(words)):
        KANWidget(model, dataset, metric=mine(given))
    metric, zeros = mine(given), torch.zeros(1000, 1)

    def error_rate() -> Any:
        return metric(zeros, zeros)

    with pytest.raises(error, match=re.escape(start)):
        model.fit(dataset, steps=1, progress=False, metrics=[error_rate])


@pytest.mark.parametrize(
    "given", [0.25, 1, np.float32(0.5), torch.tensor([[0.5]]), np.array([0.5]), True]
)
def test_a_metric_that_returns_any_kind_of_number(
    model: KAN, dataset: dict[str, Tensor], given: Any
) -> None:
    assert PruningSession(model, dataset, metric=mine(given)).loss == np.asarray(given).item()


@pytest.mark.parametrize("given", [None, 0.5, lambda a, b: (a - b) ** 2, "1", torch.tensor(1j)])
def test_a_loss_to_train_on_that_is_none(
    model: KAN, dataset: dict[str, Tensor], given: Any
) -> None:
    before = copy.deepcopy(model.state_dict())
    with pytest.raises((TypeError, ValueError), match="loss_fn must return"):
        model.fit(dataset, steps=1, progress=False, loss_fn=mine(given))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_what_is_no_function(model: KAN, dataset: dict[str, Tensor]) -> None:
    for data in (dataset, None):
        with pytest.raises(TypeError, match=r"metric must be a function .*, got 'mse'"):
            PruningSession(model, data, metric="mse")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"loss_fn must be a function .*, got 'mse'"):
        model.fit(dataset, loss_fn="mse")  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [10**400, -(10**5000)], ids=["long", "longer"])
def test_whole_numbers_too_large_for_a_float(
    model: KAN, dataset: dict[str, Tensor], number: int
) -> None:
    session, widget = PruningSession(model), KANWidget(model)
    for call in (
        lambda: session.set(edge_threshold=number),
        lambda: setattr(widget, "node_threshold", number),
        lambda: setattr(widget, "probe", [number, 0]),
        lambda: model.fit(dataset, lamb=number),
        lambda: model.prune(number),
    ):
        with pytest.raises(ValueError, match="too large for a float"):
            call()


def test_a_model_with_numbers_that_are_none_says_so(model: KAN, dataset: dict[str, Tensor]) -> None:
    assert PruningSession(model, dataset).warnings == []
    with torch.no_grad():
        model.layers[0].coef[3, 1] = nan
        model.layers[0].scale_base[4, 0] = float("inf")
    session = PruningSession(model, dataset)
    (said,) = session.warnings
    assert "edge (0, 1, 3) (and 1 more) gives numbers that are NaN or infinite" in said
    assert session.preview(node_threshold=0.01).warnings[-1] == said
    assert KANWidget(model, dataset).session.warnings == [said]
    session.close()
    with torch.no_grad():
        model.layers[0].coef[3, 1], model.layers[0].scale_base[4, 0] = 0.0, 0.0
        model.layers[1].bias[0] = nan
    (said,) = PruningSession(model, dataset).warnings
    assert "bias 0 of layer 1 gives numbers that are NaN" in said


def test_what_is_off_may_be_broken(model: KAN, dataset: dict[str, Tensor]) -> None:
    with torch.no_grad():
        model.layers[0].coef[3, 1] = nan
    model.remove_edge(0, 1, 3)
    assert PruningSession(model, dataset).warnings == []


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("node_treshold", "node_threshold"),
        ("edge_thresholds", "edge_threshold"),
        ("keep_means", "keep_mean"),
        ("removed_edge", "removed_edges"),
        ("orientaion", "orientation"),
    ],
)
def test_a_misspelt_trait_is_not_set_silently(model: KAN, name: str, near: str) -> None:
    widget = KANWidget(model)
    with pytest.raises(AttributeError, match=f"no {name} to set; do you mean {near}"):
        setattr(widget, name, 0.1)
    assert not hasattr(widget, name)


def test_all_other_names_are_free(model: KAN) -> None:
    class Mine(KANWidget):
        views: list[str] = []  # noqa: RUF012

    widget = Mine(model)
    widget.views = ["mine"]
    widget._node_treshold = widget.caption = "anything"  # type: ignore[attr-defined]
    widget.layout.width = "50%"
    widget.layout = {"width": "60%"}
    widget.node_threshold = 0.1
    widget.session = widget.session
    with widget.hold_trait_notifications():
        widget.edge_threshold = 0.01
    assert widget.caption == "anything"  # type: ignore[attr-defined]
    assert widget.views == ["mine"]
