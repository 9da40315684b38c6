"""A widget that is closed, and forgotten, takes everything with it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import Tensor

from kanwidget import KAN, KANWidget
from kanwidget.widget.packed_array import unpack


@pytest.fixture(params=["in a script", "in a notebook"])
def shell(request: pytest.FixtureRequest) -> Iterator[InteractiveShell | None]:
    """The shell whose cells a widget watches, or none."""
    if request.param == "in a script":
        yield None
        return
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def test_two_hundred_closed_widgets_leave_no_model_alive(
    shell: InteractiveShell | None, dataset: dict[str, Tensor]
) -> None:
    few = {name: rows[:20] for name, rows in dataset.items()}
    watched = len(shell.events.callbacks["post_run_cell"]) if shell else 0
    left: list[weakref.ref[object]] = []
    for seed in range(100):
        model = KAN([2, 2, 1], grid=3, seed=seed)
        # Two on one model share a session.
        widgets = [KANWidget(model, few), KANWidget(model, few)]
        widgets[0].remove_edge(0, 0, 1)
        widgets[-1].set_state({"node_threshold": 0.01, "removed_edges": [[0, 1, 1]]})
        for w in widgets:
            left += [weakref.ref(w), weakref.ref(w.session)]
            w.close()
        left += [weakref.ref(model), *(weakref.ref(p) for p in model.parameters())]
    del model, widgets, w
    gc.collect()
    assert [ref() for ref in left if ref() is not None] == []
    if shell:
        assert len(shell.events.callbacks["post_run_cell"]) == watched


@pytest.mark.parametrize("by", ["widget", "session"])
def test_a_widget_whose_model_another_one_gave_back_says_so_at_once(
    by: str, model: KAN, dataset: dict[str, Tensor]
) -> None:
    x = dataset["test_input"]
    before = model(x)
    left, closing = KANWidget(model, dataset), KANWidget(model, dataset)
    closing.node_threshold = 0.01
    assert left.active_edges < 15
    assert not left._closed
    if by == "widget":
        closing.close()
    else:
        left.session.close()
        left.refresh()  # as after the cell
    assert left._closed
    # It shows the model as it is, and no wish from its page reaches that any more.
    assert (left.node_threshold, left.active_edges) == (0.0, 15)
    assert left.loss == left.baseline_loss
    assert unpack(left._mask)[0].all()
    left.set_state({"edge_threshold": 100.0})
    left._handle_custom_msg({"do": "undo"}, [])
    assert torch.equal(model(x), before)
    assert "closed" in left.error
    left.refresh()
    again = KANWidget(model, dataset)
    again.edge_threshold = 0.01
    assert not again._closed
    left.close()
    assert again.active_edges < 15
    again.close()


def test_an_observer_of_a_closed_widget_is_no_reason_to_fail(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    left, closing = KANWidget(model, dataset), KANWidget(model, dataset)
    closing.node_threshold = 0.01
    left.observe(lambda change: setattr(left, "keep_mean", False), "active_edges")
    closing.close()
    assert left._closed
    assert all((layer == 1).all() for layer in model.mask)
