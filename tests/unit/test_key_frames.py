"""What a page carries of a training, so that it can be gone through step by step."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import kinds
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget import KAN, KANWidget, PruningSession, create_dataset
from kanwidget.kan.write_lock import write_lock
from kanwidget.widget.packed_array import unpack

Dataset = dict[str, Tensor]


def frames_in(html: str) -> dict[str, NDArray[Any]]:
    (text,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)
    found = {n: v for n, v in json.loads(text).items() if n.startswith("_frames")}
    return {n: unpack(base64.b64decode(v["base64"]))[0] for n, v in found.items()}


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_a_page_has_the_curves_of_each_step_of_the_last_training(kind: str) -> None:
    model, dataset = kinds.make(kind), kinds.data(40)
    w = KANWidget(model, dataset)
    assert frames_in(w.to_html()) == {}
    w.session.fit(3)
    w.remove_edge(0, 0, 1)
    seen: list[Tensor] = []

    def look(*_: object) -> None:
        with write_lock(model):
            seen.append(
                w.session._applier.require_live_model()
                .adapter.curves(dataset["train_input"], 64)[0][1]
                .flatten(0, 1)
                .clone()
            )

    w.session.fit(5, callback=look)
    w.refresh()
    before = kinds.bits(model)
    found = frames_in(w.to_html())
    assert kinds.bits(model) == before
    assert found["_frames_steps"].tolist() == [3, 4, 5, 6, 7]  # and the last is what is shown
    on = found["_frames_mask"]
    assert on.shape == (5, 9)
    assert (on.sum(1) == 8).all()
    low, high = np.moveaxis(found["_frames_range"].astype(float), 2, 0)
    curves = low[..., None] + found["_frames_y"] / 255 * (high - low)[..., None]
    for k, mine in enumerate(seen[:4]):
        room = (high - low)[k + 1, :6, None] / 255 + 1e-6
        assert (np.abs(curves[k + 1, :6] - mine.double().numpy()) <= room).all()
    w.close()


def test_they_are_thirty_at_the_most_and_less_than_a_megabyte(model: KAN, dataset: Dataset) -> None:
    w = KANWidget(model, dataset)
    w.session.fit(700, opt="Adam", lr=1e-3)
    steps = frames_in(w.to_html())["_frames_steps"]
    assert 15 < len(steps) <= 30
    assert len(set(np.diff(steps))) == 1  # evenly spread
    assert frames_in(w.to_html(data_rows=0)) == {}
    w.close()
    wide = KAN([20, 30, 20], grid=3)
    data = create_dataset(lambda x: x, n_var=20, train_num=50, test_num=50)
    w = KANWidget(wide, data)
    without = len(w.to_html())
    w.session.fit(40, opt="Adam", lr=1e-3)
    w.refresh()
    page = w.to_html()
    assert len(frames_in(page)["_frames_steps"]) >= 4
    assert len(page) - without < 1_000_000
    w.close()


def test_after_another_way_or_other_grids_there_are_none(model: KAN, dataset: Dataset) -> None:
    session = PruningSession(model, dataset)
    session.fit(4)
    assert [steps for steps, _ in session.key_frames(30)] == [0, 1, 2, 3]
    assert [steps for steps, _ in session.key_frames(2)] == [0, 2]
    session.set(edge_threshold=1e-4)
    assert len(session.key_frames(30)) == 4  # what was pruned since does not matter
    session.undo()
    session.undo()
    assert session.key_frames(30) == []
    session.redo()
    state = torch.get_rng_state()
    assert len(session.key_frames(30)) == 4
    assert torch.equal(torch.get_rng_state(), state)
    session.close()
