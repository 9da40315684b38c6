"""What a notebook shows of a name when one asks for it: signature, docstring, completion."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest

from kanwidget import KAN, KANWidget, PruningSession
from kanwidget.evaluate.tradeoff import Costs, TradeOff
from kanwidget.session.outcome import Outcome


@pytest.mark.parametrize(
    ("method", "first", "some"),
    [
        (KAN.fit, "dataset", ["opt", "steps", "lamb", "callback", "stop"]),
        (KAN.train, "dataset", ["opt", "steps", "lamb", "callback", "stop"]),
        (KAN.plot, "beta", ["mask", "in_vars", "title"]),
    ],
)
def test_a_method_shows_what_it_takes(method: Any, first: str, some: list[str]) -> None:
    shown = list(inspect.signature(method).parameters)[1:]
    assert shown[0] == first
    assert {*some} < {*shown}
    assert not {"args", "kwargs"} & {*shown}


@pytest.mark.parametrize("method", [KAN.fit, KAN.plot])
def test_a_docstring_lists_the_parameters_and_no_other(method: Any) -> None:
    doc, names = inspect.getdoc(method) or "", list(inspect.signature(method).parameters)[1:]
    assert documented(doc, "Parameters") == {*names}


def test_train_says_in_its_own_words_what_it_does() -> None:
    assert "train(mode)" in (inspect.getdoc(KAN.train) or "")
    model = KAN([2, 1])
    assert model.eval().training is False
    assert model.train() is model
    assert model.training


def test_the_widget_lists_every_trait(model: KAN) -> None:
    own = {
        name
        for kind in KANWidget.__mro__
        if kind.__module__.startswith("kanwidget")
        for name in vars(kind)
        if name in KANWidget.class_trait_names(sync=True) and not name.startswith("_")
    }
    assert len(own) > 20
    assert documented(inspect.getdoc(KANWidget) or "", "Attributes") == {*own, "session"}


@pytest.mark.parametrize("kind", [Outcome, Costs, TradeOff])
def test_what_a_session_returns_describes_its_fields(kind: Any) -> None:
    names = {field.name for field in fields(kind)}
    assert documented(inspect.getdoc(kind) or "", "Attributes") == names


@pytest.mark.parametrize("name", ["preview", "tradeoff", "costs", "threshold_for"])
def test_a_question_to_a_session_says_what_it_returns(name: str) -> None:
    assert "Returns\n-------" in (inspect.getdoc(getattr(PruningSession, name)) or "")


def test_a_session_shows_where_it_stands(model: KAN) -> None:
    session = PruningSession(model)
    session.remove_edge(0, 0, 1)
    assert repr(session).startswith("PruningSession([2, 5, 1], 14 of 15 edges on, RMS change of")
    assert f"{session.loss:.4g}" in repr(session)
    session.close()
    assert repr(session).endswith("closed)")


def test_a_session_has_its_baselines_loss_as_the_widget_has(model: KAN) -> None:
    widget = KANWidget(model, node_threshold=0.1)
    assert widget.session.baseline_loss == widget.baseline_loss == 0.0
    assert widget.session.loss > 0


def test_completion_offers_nothing_from_the_inside(model: KAN) -> None:
    session = PruningSession(model)
    assert not [name for name in dir(session) if name.startswith("check")]
    assert not {"switched", "check_inputs"} & {*dir(model)}


def documented(doc: str, section: str) -> set[str]:
    """Return the names that a section of a docstring has entries for."""
    lines = doc.split("\n")
    start = lines.index(section) + 2
    names: set[str] = set()
    for line, under in zip(lines[start:], [*lines[start + 1 :], ""], strict=True):
        if under.startswith("---"):
            break
        if line and not line.startswith(" "):
            names |= {*line.split(" : ")[0].split(", ")}
    return names
