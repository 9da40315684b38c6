"""What a view asks of names for curves, and what it is told."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from kanwidget import KAN, KANWidget, PruningSession, create_dataset
from kanwidget.functions.library import FUNCTIONS
from kanwidget.widget.packed_array import unpack


@pytest.fixture(autouse=True)
def _no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    start = functools.partialmethod(PruningSession.start_name_all, seconds=600.0)
    monkeypatch.setattr(PruningSession, "start_name_all", start)


@pytest.fixture(scope="module")
def trained() -> tuple[KAN, dict[str, torch.Tensor]]:
    def f(x: torch.Tensor) -> torch.Tensor:
        return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)

    data = create_dataset(f, n_var=2, train_num=300, test_num=300)
    model = KAN([2, 1, 1], grid=5, seed=0)
    model.fit(data, steps=20, progress=False)
    return model, data


@pytest.fixture
def widget(trained: Any) -> Iterator[KANWidget]:
    model, data = trained
    copy = KAN([2, 1, 1], grid=5, seed=0)
    copy.load_state_dict(model.state_dict())
    w = KANWidget(copy, data, in_vars=["x", "y"], out_vars=["z"])
    yield w
    w.close()


def sent(w: KANWidget, **message: Any) -> str:
    """Send a message as a page does; return the error."""
    w._input.on_message(None, message, [])
    w._sync.finish_names()
    return str(w.error)


def test_what_is_selected_gets_candidates_with_losses(widget: KANWidget) -> None:
    widget.selected = [(0, 0, 0)]
    widget._sync.finish_names()
    (found,) = widget._candidates
    assert (found["edge"], found["busy"], found["error"]) == ([0, 0, 0], False, "")
    first = found["rows"][0]
    assert first["function"] == "sin"
    assert first["r2"] > 0.99
    # After a refit the right name costs nothing, others do.
    after = [row["loss_after"] for row in found["rows"]]
    assert after[0] < 0.02 * max(after)
    told = [(row["function"], row["loss"], row["loss_after"]) for row in found["rows"]]
    in_cell = {c.curve.function: c for c in widget.session.candidates(0, 0, 0, topk=20)}
    assert told == [(name, in_cell[name].loss, in_cell[name].loss_after) for name, *_ in told]
    curves, _ = unpack(widget._candidates_y)
    assert len(curves) == len(found["rows"])
    own = unpack(widget._curves_y)[0][0]
    assert np.abs(curves[0] - own).max() < 0.1 * np.ptp(own)
    json.dumps(widget._candidates, allow_nan=False)
    widget.selected = []
    widget._sync.finish_names()
    assert widget._candidates == []


def test_a_press_names_a_curve_and_undo_takes_it_back(widget: KANWidget) -> None:
    assert sent(widget, do="name", edge=[0, 0, 0], function="sin") == ""
    assert [row[:4] for row in widget._names] == [[0, 0, 0, "sin"]]
    assert widget._symbolic == [[0, 0, 0, "sin"]]
    assert sent(widget, do="undo") == ""
    assert widget._names == []
    assert sent(widget, do="redo") == ""
    assert sent(widget, do="unname", edge=[0, 0, 0]) == ""
    assert widget._names == []


def test_all_curves_are_named_and_one_may_stand_on_fewer(widget: KANWidget) -> None:
    assert sent(widget, do="formula", digits=3, exact=True) == ""
    assert widget._formula["unnamed"] == [[0, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert sent(widget, do="name_all", tolerance=0.05) == ""
    naming, formula = widget._naming, widget._formula
    assert (naming["state"], naming["at"], len(naming["steps"])) == ("ended", 3, 3)
    assert formula["sympy"] == "z = exp(y**2 + sin(pi*x))"
    assert formula["loss"] < 1e-9
    assert "the sine of pi times x plus y squared" in formula["words"]
    ids = re.findall(r'data-edges="([^"]*)"', formula["mathml"])
    assert {edge for each in ids for edge in each.split()} == {"0,0,0", "0,1,0", "1,0,0"}
    named = widget.loss
    assert sent(widget, do="keep_names", count=2) == ""
    assert (len(widget._names), widget._naming["at"]) == (2, 2)
    assert sent(widget, do="keep_names", count=3) == ""
    assert (widget.loss, widget._naming["at"]) == (named, 3)
    assert sent(widget, do="keep_names", count=0) == ""
    assert (widget._names, widget._naming["at"]) == ([], 0)


def test_digits_and_exact_numbers_are_as_wished(widget: KANWidget) -> None:
    sent(widget, do="name_all", tolerance=0.05)
    sent(widget, do="formula", digits=2, exact=False)
    rough = widget._formula
    assert (rough["digits"], rough["exact"]) == (2, False)
    assert "pi" not in rough["sympy"]
    sent(widget, do="formula", digits=6, exact=False)
    assert widget._formula["loss"] < rough["loss"]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"do": "name", "edge": [0, 0, 0], "function": "<b>x</b>"}, "no function '<b>x</b>'"),
        ({"do": "name", "edge": [0, 0, 0], "function": None}, "named by a function's name"),
        ({"do": "name", "edge": [0, 0, 9], "function": "sin"}, "no edge"),
        ({"do": "name", "edge": "all", "function": "sin"}, "an edge is three numbers"),
        ({"do": "unname", "edge": [0, 0, 0]}, "no name to take back"),
        ({"do": "name_all", "tolerance": "much"}, "tolerance"),
        ({"do": "name_all", "tolerance": float("nan")}, "tolerance"),
        ({"do": "stop_naming"}, "no search for names"),
        ({"do": "keep_names", "count": 1}, "0 names"),
        ({"do": "formula", "digits": 99}, "1 to 17 digits"),
        ({"do": "formula", "digits": None}, "digits are whole numbers"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    widget: KANWidget, message: dict[str, Any], words: str
) -> None:
    before = widget.session.history.current.id
    assert words in sent(widget, **message)
    assert widget.session.history.current.id == before


def test_names_that_two_variables_share_are_told_and_nothing_is_lost(trained: Any) -> None:
    model, data = trained
    w = KANWidget(model, data, in_vars=["<img src=x>", "z"], out_vars=["z"])
    sent(w, do="formula", digits=3, exact=True)
    assert "'z' is the name of both" in w._formula["error"]
    w.out_vars = ["<b>"]
    w._sync.finish_names()
    sent(w, do="formula", digits=4, exact=True)
    assert w._formula["error"] == ""
    assert "<img" not in w._formula["mathml"]
    assert "&lt;img" in w._formula["mathml"]
    w.close()


def test_a_search_goes_on_in_the_background_and_is_stopped(trained: Any) -> None:
    model, data = trained

    async def main() -> None:
        w = KANWidget(model, data)
        w._input.on_message(None, {"do": "name_all", "tolerance": 0.05}, [])
        w._input.on_message(None, {"do": "name_all", "tolerance": 0.05}, [])
        assert "already" in w.error
        w.edge_threshold = 1e-9  # decisions act meanwhile
        w._input.on_message(None, {"do": "stop_naming"}, [])
        end = time.monotonic() + 120
        while w._naming.get("state") != "ended":
            assert time.monotonic() < end
            await asyncio.sleep(0.02)
        assert w._naming["error"] == ""
        w.session.jump(0)
        w.close()

    asyncio.run(main())


def test_a_page_carries_the_formula_and_the_functions(widget: KANWidget) -> None:
    sent(widget, do="name_all", tolerance=0.05)
    page = widget.to_html()
    data = json.loads(re.search(r'id="kanwidget-traits">(.*?)</script>', page)[1])  # type: ignore[index]
    assert data["_formula"]["sympy"] == "z = exp(y**2 + sin(pi*x))"
    for l, i, j, name, a, b, c, d in data["_names"]:
        x = torch.linspace(-1, 1, 9, dtype=torch.float64).expand(widget.session.width[l], 9).T
        live = widget.session.edge_functions.edge_curves(l, x)[j, i].numpy()
        own = c * FUNCTIONS[name].value(a * x[:, i].numpy() + b) + d
        assert np.abs(own - live).max() < 1e-12
    assert data["_candidates"] == []
    assert data["_splines"] is True
    assert '"_splines"' not in widget.to_html(data_rows=0)
