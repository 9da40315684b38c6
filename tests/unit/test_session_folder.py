"""A session in a folder: its history and all weights come back, and nothing else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import kinds
import pytest
import torch
from torch import nn

from kanwidget import KAN, PruningSession

every_kind = pytest.mark.parametrize("kind", kinds.KINDS)


def worked(kind: str) -> tuple[Any, PruningSession, list[dict[str, bytes]]]:
    """Return a session with some steps, and the model's bits at each."""
    model = kinds.make(kind)
    session = PruningSession(model, kinds.data(30))
    found = [kinds.bits(model)]
    for step in (
        lambda: session.remove_edge(0, 0, 1),
        lambda: session.fit(2, opt="Adam", lr=0.01),
        lambda: session.set(edge_threshold=1e-3),
        lambda: session.fit(1),
    ):
        step()
        found.append(kinds.bits(model))
    session.note(2, "better")
    return model, session, found


@every_kind
def test_a_session_comes_back_with_all_its_weights(kind: str, tmp_path: Path) -> None:
    _, session, found = worked(kind)
    session.undo()
    session.save(tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".safetensors"]
    model = kinds.make(kind, seed=5)  # other weights
    again = PruningSession.load(tmp_path, model, kinds.data(30))
    assert kinds.bits(model) == found[3]
    theirs = [(c.kind, c.text, c.note, c.state, c.parent) for c in session.history.commands]
    assert [(c.kind, c.text, c.note, c.state, c.parent) for c in again.history.commands] == theirs
    assert (again.loss, again.script()) == (session.loss, session.script())
    assert len(again.baseline.curves) == 2
    assert again.redo()
    assert kinds.bits(model) == found[4]
    for step in (3, 2, 1, 0):
        assert again.undo()
        assert kinds.bits(model) == found[step]
    again.jump(4)
    assert not again.refresh()
    again.fit(1)
    again.save(tmp_path)  # over what is there
    assert len(list(tmp_path.iterdir())) == 2
    assert again.history.commands[-1].kind == "fit"
    again.close()
    assert all(bool(on.all()) for on in PruningSession(model, kinds.data(30)).mask)
    session.close()


def test_a_session_on_inputs_alone_compares_with_the_first_outputs(tmp_path: Path) -> None:
    model = kinds.make("native")
    x = kinds.data(30)["train_input"]
    session = PruningSession(model, x)
    session.remove_edge(0, 0, 1)
    session.save(tmp_path)
    again = PruningSession.load(tmp_path, kinds.make("native", seed=4), x)
    assert again.loss == session.loss > 0
    again.remove_edge(0, 1, 1)
    session.remove_edge(0, 1, 1)
    assert again.loss == session.loss
    again.close()


def test_refined_grids_come_back(tmp_path: Path) -> None:
    model = kinds.make("native")
    session = PruningSession(model, kinds.data(30))
    coarse = kinds.bits(model)
    session.refine(8)
    session.save(tmp_path)
    other = kinds.make("native", seed=3)
    again = PruningSession.load(tmp_path, other, kinds.data(30))
    assert kinds.bits(other) == kinds.bits(model)
    assert again.undo()
    assert kinds.bits(other) == coarse


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    _, session, _ = worked("native")
    session.save(tmp_path)
    data = kinds.data(30)
    for model, dataset, words in (
        (KAN([2, 4, 1]), data, "another model"),
        (KAN([2, 3, 1], dtype=torch.float32), data, "another model"),
        (kinds.make("efficient-kan"), data, "another model"),
        (kinds.make("native"), kinds.data(31), "other data"),
    ):
        before = kinds.bits(model)
        with pytest.raises(ValueError, match=words):
            PruningSession.load(tmp_path, model, dataset)
        assert kinds.bits(model) == before
    with pytest.raises(FileNotFoundError):
        PruningSession.load(tmp_path / "nowhere", kinds.make("native"), data)
    session.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content.update(format="else"),
        lambda content: content.pop("weights"),
        lambda content: content.update(current=99),
        lambda content: content["commands"][1].update(parent=7),
        lambda content: content["commands"][1].update(what=[["no such code"]]),
        lambda content: content["commands"][1]["state"].update(removed_edges=[[0, 0, 99]]),
        lambda content: content["baselines"][0].update(mask=["t0"]),
        lambda content: content.update(tensors="../../etc"),
    ],
)
def test_a_damaged_folder_is_refused_in_words(spoil: Any, tmp_path: Path) -> None:
    _, session, _ = worked("native")
    session.save(tmp_path)
    session.close()
    file = tmp_path / "session.json"
    content = json.loads(file.read_text())
    spoil(content)
    file.write_text(json.dumps(content))
    model = kinds.make("native")
    before = kinds.bits(model)
    with pytest.raises(ValueError, match="session"):
        PruningSession.load(tmp_path, model, kinds.data(30))
    assert kinds.bits(model) == before


def test_a_metric_comes_back_with_its_session(tmp_path: Path) -> None:
    model, data = kinds.make("native"), kinds.data(30)
    session = PruningSession(model, data, metric=nn.L1Loss())
    session.fit(1)
    session.save(tmp_path)
    again = PruningSession.load(tmp_path, kinds.make("native"), data, metric=nn.L1Loss())
    assert (again.loss, again.loss_name) == (session.loss, session.loss_name)
