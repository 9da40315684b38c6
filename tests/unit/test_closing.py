"""A widget that is closed, and forgotten, takes everything with it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell
from torch import Tensor

from kanwidget import KAN, KANWidget


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
