"""Metrics of one's own: which way is better, and what they may do to what they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kanwidget import KAN, KANWidget, PruningSession

Data = dict[str, Tensor]


def accuracy(pred: Tensor, label: Tensor) -> Tensor:
    return ((pred > 0) == (label > 0)).double().mean()


class Accuracy(nn.Module):
    higher_is_better = True

    def forward(self, pred: Tensor, label: Tensor) -> Tensor:
        return accuracy(pred, label)


@pytest.fixture(scope="module")
def classified() -> tuple[KAN, Data]:
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(300, 3, generator=generator) - 1
    y = (x[:, :1] * x[:, 1:2] > 0).float() * 2 - 1
    data = {
        "train_input": x[:200],
        "train_label": y[:200],
        "test_input": x[200:],
        "test_label": y[200:],
    }
    model = KAN([3, 4, 1], grid=5, seed=0)
    model.fit(data, steps=20)
    return model, data


@pytest.mark.parametrize(
    ("metric", "given"), [(accuracy, True), (Accuracy(), None), (lambda p, y: accuracy(p, y), True)]
)
def test_the_smallest_network_within_a_tolerance_keeps_the_accuracy(
    classified: tuple[KAN, Data], metric: Any, given: bool | None
) -> None:
    model, data = classified
    with PruningSession(model, data, metric=metric, higher_is_better=given) as session:
        assert session.higher_is_better
        before, edges = session.loss, session.active_edges
        assert before > 0.9
        for choose in (session.threshold_for, lambda: session.tradeoff().knee()):
            session.reset()
            session.set(edge_threshold=choose())
            assert 0 < session.active_edges < edges
            assert session.loss >= 0.8 * before
        session.reset()
        session.set(edge_threshold=session.threshold_for(0.05))
        assert session.loss >= 0.95 * before


def test_an_edge_scores_by_ablation_what_accuracy_is_lost_without_it(
    classified: tuple[KAN, Data],
) -> None:
    model, data = classified
    with PruningSession(model, data, metric=Accuracy(), score="ablation") as session:
        costs = session.costs()
        for score, without in zip(session.scores, costs.edges_kept, strict=True):
            assert torch.allclose(score, (costs.loss - without).clamp_min(0))
        assert max(float(score.max()) for score in session.scores) > 0.1


def test_a_metric_that_sounds_like_a_score_is_asked_about(classified: tuple[KAN, Data]) -> None:
    model, data = classified
    for given, asked in ((None, True), (True, False), (False, False)):
        with PruningSession(model, data, metric=accuracy, higher_is_better=given) as session:
            assert any("higher_is_better=True" in w for w in session.warnings) == asked
    for metric in (Accuracy(), F.mse_loss, nn.L1Loss()):
        with PruningSession(model, data, metric=metric) as session:
            assert not any("higher_is_better" in w for w in session.warnings)


def test_a_widget_says_which_way_is_better_and_takes_it_for_another_measure(
    classified: tuple[KAN, Data],
) -> None:
    model, data = classified
    w = KANWidget(model, data, metric=accuracy)
    assert not w.higher_is_better
    other = KANWidget(model, data, metric=accuracy, higher_is_better=True)
    assert other.higher_is_better
    assert other.session is w.session
    w.close()
    other.close()


def test_a_page_computes_no_metric_of_which_more_is_better(classified: tuple[KAN, Data]) -> None:
    model, data = classified
    w = KANWidget(model, data, metric=F.mse_loss, higher_is_better=True)
    assert "how far the outputs move instead" in w.to_html()
    w.close()


def r2_score(y_true: Tensor, y_pred: Tensor) -> float:
    return float(1 - F.mse_loss(y_pred, y_true) / y_true.var())


class Scorer:
    _score_func, _sign = r2_score, 1

    def __call__(self, estimator: Any, X: Any, y: Any) -> float:
        return 1.0


class Function:
    """A function as scikit-learn's are."""

    __module__, __name__ = "sklearn.metrics._regression", "r2_score"

    def __call__(self, y_true: Any, y_pred: Any) -> float:
        return r2_score(y_true, y_pred)


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (r2_score, r"\(y_true, y_pred\).*lambda prediction, label: r2_score\(label, prediction\)"),
        (Function(), r"r2_score\(label, prediction\) with higher_is_better=True"),
        (Scorer(), r"scorer.*\(estimator, X, y\).*higher_is_better=True"),
        ("accuracy", r"function of \(prediction, label\)"),
    ],
)
def test_metrics_that_take_other_arguments_are_refused_in_words(
    classified: tuple[KAN, Data], metric: Any, words: str
) -> None:
    model, data = classified
    with pytest.raises(TypeError, match=words):
        PruningSession(model, data, metric=metric)


def test_a_direction_without_a_metric_or_that_is_none_is_refused(
    classified: tuple[KAN, Data],
) -> None:
    model, data = classified
    with pytest.raises(TypeError, match="True, False or None"):
        PruningSession(model, data, metric=accuracy, higher_is_better="yes")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="there is none"):
        PruningSession(model, data, higher_is_better=True)


def test_a_metric_that_works_in_place_changes_nothing(classified: tuple[KAN, Data]) -> None:
    model, data = classified

    def careless(pred: Tensor, label: Tensor) -> Tensor:
        error = pred.sub_(label).square_().mean()
        label.zero_()
        return error

    with (
        PruningSession(model, data, metric=F.mse_loss) as session,
        PruningSession(model, data, metric=careless) as other,
    ):
        assert other.loss == session.loss
        for axis in ("node", "edge"):
            expected, found = session.tradeoff(axis), other.tradeoff(axis)
            assert np.array_equal(found.loss_kept, expected.loss_kept)
            assert np.array_equal(found.loss_zeroed, expected.loss_zeroed)
        expected_costs, costs = session.costs(), other.costs()
        assert costs.loss == expected_costs.loss
        for a, b in zip(costs.edges_kept, expected_costs.edges_kept, strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("inputs_alone", [False, True])
def test_data_that_change_after_the_start_change_no_number(
    classified: tuple[KAN, Data], inputs_alone: bool
) -> None:
    model, data = classified
    mine = {name: value.double().clone() for name, value in data.items()}
    given: Any = mine["train_input"] if inputs_alone else mine
    with PruningSession(model, given) as session:
        session.remove_edge(0, 0, 1)
        loss, curve = session.loss, session.tradeoff()
        for value in mine.values():
            value.mul_(3)
        assert session.tradeoff().loss_kept.tolist() == curve.loss_kept.tolist()
        session.undo()
        session.redo()
        assert session.loss == loss


@pytest.mark.parametrize("axis", ["node", "edge"])
def test_what_scores_zero_goes_where_the_curve_says_if_torch_flushes_denormals(axis: str) -> None:
    model = KAN([2, 4, 1], seed=0)
    with torch.no_grad():
        for name in ("coef", "scale_base"):
            getattr(model.layers[0], name)[1].zero_()
    with PruningSession(model, torch.rand(20, 2)) as session:
        if not torch.set_flush_denormal(True):
            pytest.skip("this processor cannot")
        try:
            curve = session.tradeoff(axis)
            for threshold, edges in zip(curve.thresholds, curve.active_edges, strict=True):
                assert session.preview(**{f"{axis}_threshold": threshold}).active_edges == edges
                session.set(**{f"{axis}_threshold": threshold})
                assert session.active_edges == edges
        finally:
            torch.set_flush_denormal(False)


def test_a_preview_gives_outputs_and_changes_nothing(classified: tuple[KAN, Data]) -> None:
    model, data = classified
    x = data["test_input"][:7]
    with PruningSession(model, data) as session:
        session.remove_edge(0, 1, 1)
        before, now = len(session.history.commands), model(x)
        found = session.preview(removed_edges=[(0, 0, 1)], edge_threshold=0.05, inputs=x)
        assert session.preview().outputs is None
        assert torch.equal(model(x), now)
        assert len(session.history.commands) == before
        session.set(removed_edges=[(0, 0, 1)], edge_threshold=0.05)
        assert found.loss == session.loss
        assert found.outputs is not None
        assert torch.equal(found.outputs, model(x))
        with pytest.raises(ValueError, match=r"inputs must have shape \(rows, 3\)"):
            session.preview(inputs=x[:, :2])


def test_an_input_that_does_not_vary_is_told() -> None:
    x = torch.rand(30, 3)
    x[:, 1] = 7.0
    with PruningSession(KAN([3, 2, 1], seed=0), x) as session:
        assert any("Input node (0, 1) does not vary" in w for w in session.warnings)
    x[:, 2] = -1.0
    with PruningSession(KAN([3, 2, 1], seed=0), x) as session:
        assert any("Input node (0, 1) (and 1 more) do not vary" in w for w in session.warnings)
    with PruningSession(KAN([3, 2, 1], seed=0), x[:1]) as session:
        assert not any("vary" in w for w in session.warnings)
