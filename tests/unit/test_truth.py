"""What a widget shows is what the model has: after what failed, and for who observes it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kanwidget import KAN, KANWidget, PruningSession
from kanwidget.session.script import script

Dataset = dict[str, Tensor]


class Moody:
    """A metric that fails when it is told to."""

    __name__ = "moody"
    fails = False

    def __call__(self, pred: Tensor, label: Tensor) -> Tensor:
        if self.fails:
            raise RuntimeError("boom")
        return (pred - label).abs().mean()


def decisions(w: KANWidget) -> dict[str, Any]:
    return {name: getattr(w, name) for name in w.session.state.to_dict()}


@pytest.mark.parametrize(
    "wish",
    [
        {"node_threshold": 0.05},
        {"edge_threshold": 0.05},
        {"removed_edges": [[0, 0, 3]]},
        {"removed_nodes": [[1, 2]], "keep_mean": False},
        {"score": "ablation"},
    ],
)
def test_what_failed_does_not_stay_on_the_page(
    wish: dict[str, Any], model: KAN, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = Moody()
    w = KANWidget(model, dataset, metric=metric)
    w.edge_threshold = 1e-4
    before = decisions(w), w.score, w.active_edges, w.loss
    sent: list[str] = []
    monkeypatch.setattr(
        w, "send_state", lambda key=None: sent.extend([key] if type(key) is str else key)
    )
    metric.fails = True
    w.set_state(wish)
    assert w.error == "RuntimeError: boom"
    assert (decisions(w), w.score, w.active_edges, w.loss) == before
    assert set(wish) <= set(sent)
    for name, value in wish.items():
        with pytest.raises(RuntimeError, match="boom"):
            setattr(w, name, value)
        assert (decisions(w), w.score, w.active_edges, w.loss) == before
    metric.fails = False
    w.set_state(wish)
    assert w.error == ""
    assert (decisions(w), w.score) != before[:2]
    w.close()


def test_what_comes_too_late_does_not_stay_on_the_page(model: KAN, dataset: Dataset) -> None:
    w, other = KANWidget(model, dataset), KANWidget(model, dataset)
    w.close()
    other.set_state({"node_threshold": 0.05})
    assert "closed" in other.error
    assert (other.node_threshold, other.active_edges) == (0.0, 15)
    assert all((layer == 1).all() for layer in model.mask)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"metric": lambda pred, label: pred}, "metric <lambda> must return one real number"),
        ({"metric": Moody()}, "boom"),
        ({"score": "nonsense"}, "no score 'nonsense'"),
    ],
)
def test_a_second_widget_that_cannot_be_leaves_the_first_one_alone(
    arguments: dict[str, Any], words: str, model: KAN, dataset: Dataset
) -> None:
    w = KANWidget(model, dataset)
    w.node_threshold = 0.02
    w.removed_edges = [(0, 0, 3)]
    before, outputs = decisions(w), model(dataset["test_input"]).detach()
    active, loss, steps = w.active_edges, w.loss, len(w.session.history.commands)
    metric = arguments.get("metric")
    if isinstance(metric, Moody):
        metric.fails = True
    few = {name: rows[:50] for name, rows in dataset.items()}
    with pytest.raises((TypeError, ValueError, RuntimeError), match=words):
        KANWidget(model, few, **arguments)
    assert not w.session.closed
    assert torch.equal(model(dataset["test_input"]), outputs)
    w.refresh()
    assert (decisions(w), w.active_edges, w.loss) == (before, active, loss)
    assert len(w.session.history.commands) == steps
    w.undo()
    assert w.removed_edges == []
    w.close()
    assert all((layer == 1).all() for layer in model.mask)


def test_a_second_widget_on_other_data_stands_where_the_first_did(
    model: KAN, dataset: Dataset
) -> None:
    before = model(dataset["test_input"]).detach()
    w = KANWidget(model, dataset)
    w.node_threshold = 0.02
    w.removed_edges = [(0, 0, 3)]
    mask = [layer.clone() for layer in model.mask]
    few = {name: rows[:50] for name, rows in dataset.items()}
    other = KANWidget(model, few, metric=Moody())
    assert decisions(other) == decisions(w)
    assert w.session is other.session
    assert all(map(torch.equal, model.mask, mask))
    other.close()
    assert torch.equal(model(dataset["test_input"]), before)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (torch.ones(3), "got a Tensor of shape (3,)"),
        (None, "got a NoneType"),
        ("0.5", "got a str"),
        ([1.0], "got a list"),
        (1j, "got a complex"),
        (torch.tensor(1j), r"got a Tensor of shape ()"),
    ],
)
def test_a_metric_that_gives_no_number_is_named(
    found: Any, words: str, model: KAN, dataset: Dataset
) -> None:
    def odd(pred: Tensor, label: Tensor) -> Any:
        return found

    with pytest.raises(TypeError) as caught:
        PruningSession(model, dataset, metric=odd)
    assert str(caught.value) == f"metric odd must return one real number, {words}"
    assert all((layer == 1).all() for layer in model.mask)


@pytest.mark.parametrize("inputs", [True, False])
def test_a_metric_without_labels_is_refused(inputs: bool, model: KAN, dataset: Dataset) -> None:
    data = dataset["test_input"] if inputs else None
    for make in (PruningSession, KANWidget):
        with pytest.raises(ValueError, match="metric compares predictions with labels"):
            make(model, data, metric=Moody())


def test_who_observes_a_trait_finds_all_others_up_to_it(model: KAN, dataset: Dataset) -> None:
    w = KANWidget(model, dataset)
    seen: list[bool] = []

    def look(change: Any) -> None:
        session = w.session
        told = w.active_edges, w.loss, w.baseline_loss, decisions(w)
        seen.append(
            told
            == (session.active_edges, session.loss, session.baseline.loss, session.state.to_dict())
        )

    names = ["active_edges", "loss", "baseline_loss", "node_threshold", "removed_edges"]
    w.observe(look, names)
    w.remove_edge(0, 0, 3)
    w.undo()
    w.commit()
    w.reset()
    w.set_state({"removed_edges": [[0, 0, 1]]})
    assert len(seen) > 6
    assert all(seen)
    w.close()


def test_what_others_did_one_after_the_other_is_said_once(model: KAN, dataset: Dataset) -> None:
    session = PruningSession(model, dataset)
    for change in (model.remove_edge, model.restore_edge, model.remove_edge):
        change(0, 0, 1)
        session.refresh()
    assert session.script().count("edges switched in a cell") == 1
    assert session.script().count("session.refresh()") == 1
    session.set(node_threshold=0.01)
    model.remove_edge(0, 0, 2)
    session.refresh()
    assert session.script().count("session.refresh()") == 2
    assert script(session.history) == session.script()
    session.close()


def test_the_history_says_what_a_hand_did(model: KAN, dataset: Dataset) -> None:
    w = KANWidget(model, dataset)

    def did(**wish: Any) -> str:
        w.set_state(wish)
        return w.session.history.current.text.split(": ")[0].split(", test")[0]

    assert did(removed_edges=[[0, 0, 3]]) == "edge (0, 0, 3) off"
    assert did(removed_edges=[[0, 0, 3], [0, 1, 0], [1, 2, 0]]) == (
        "edge (0, 1, 0) off, edge (1, 2, 0) off"
    )
    assert did(removed_edges=[[0, 1, 0], [1, 2, 0]], removed_nodes=[[1, 4]]) == (
        "edge (0, 0, 3) on, node (1, 4) off"
    )
    assert did(removed_edges=[], removed_nodes=[]) == "hand edits"
    assert did(kept_nodes=[[1, 1]]) == "node (1, 1) on"
    assert did(kept_nodes=[]) == "node (1, 1) not kept"
    w.close()
