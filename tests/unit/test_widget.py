"""The widget without a browser: what reaches the model, what reaches the view."""

from __future__ import annotations

import asyncio
import copy
import functools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from torch import Tensor
from traitlets import TraitError

from kanwidget import KAN, KANWidget, PruningSession
from kanwidget.widget.packed_array import unpack


@pytest.fixture
def widget(model: KAN, dataset: dict[str, Tensor]) -> Iterator[KANWidget]:
    w = KANWidget(model, dataset)
    yield w
    w.close()


def mask_sent(w: KANWidget) -> list[int]:
    return [int(on) for on in unpack(w._mask)[0]]


def test_the_view_gets_curves_scores_and_masks(widget: KANWidget, model: KAN) -> None:
    assert widget._width == [2, 5, 1]
    x, y = unpack(widget._curves_x)[0], unpack(widget._curves_y)[0]
    assert (x.dtype, x.shape) == (np.float32, (7, 64))
    assert (y.dtype, y.shape) == (np.float32, (15, 64))
    flat_edge = 3 * 2 + 1  # (0, 1, 3): row j = 3, column i = 1
    points = torch.from_numpy(x[1].copy()).double().repeat(2, 1).T
    drawn = model.layers[0].activations(points)[3, 1].detach().numpy()
    assert np.allclose(y[flat_edge], drawn, atol=1e-6)
    scores = unpack(widget._scores)[0]
    assert scores.dtype == np.float64
    assert scores[flat_edge] == widget.session.baseline.scores[0][3, 1].item()
    assert mask_sent(widget) == [1] * 15
    assert unpack(widget._baseline)[0].tolist() == [1] * 15


def test_methods_and_traits_change_the_live_model(widget: KANWidget, model: KAN) -> None:
    loss = widget.loss
    widget.remove_edge(0, 0, 1)
    assert widget.removed_edges == [(0, 0, 1)]
    assert widget.active_edges == 14
    assert model.mask[0][1, 0] == 0
    assert widget.loss != loss
    assert mask_sent(widget)[2] == 0
    widget.removed_edges = [[0, 1, 4], (0, 0, 1)]
    assert widget.removed_edges == [(0, 0, 1), (0, 1, 4)]
    assert widget.active_edges == 13
    widget.restore_edge(0, 1, 4)
    widget.remove_node(1, 2)
    assert widget.removed_nodes == [(1, 2)]
    assert widget.active_edges == 11
    widget.restore_node(1, 2)
    widget.node_threshold = 100
    assert widget.active_edges == 0
    assert isinstance(widget.node_threshold, float)
    widget.reset()
    assert (widget.active_edges, widget.node_threshold, widget.removed_edges) == (15, 0.0, [])
    assert widget.loss == loss


def test_the_view_is_told_what_the_session_warns_of(widget: KANWidget) -> None:
    assert widget._warnings == []
    widget.removed_edges = [(0, 1, j) for j in range(5)]
    assert widget._warnings == [["unused_input", 1]]
    widget.reset()
    assert widget._warnings == []


def test_steps_can_be_undone_committed_and_told_as_a_script(widget: KANWidget, model: KAN) -> None:
    loss = widget.loss
    widget.remove_edge(0, 0, 1)
    widget.undo()
    assert (widget.active_edges, widget.removed_edges, widget.loss) == (15, [], loss)
    widget.redo()
    assert widget.removed_edges == [(0, 0, 1)]
    assert "removed_edges=[(0, 0, 1)]" in widget.script()
    widget.commit()
    assert (widget.active_edges, widget.removed_edges) == (14, [])
    assert widget.baseline_loss == widget.loss
    assert unpack(widget._baseline)[0].sum() == 14
    widget.session.undo()  # whoever works the session in a cell sees it after that cell
    widget.refresh()
    assert widget.removed_edges == [(0, 0, 1)]


def test_means_are_kept_unless_told_otherwise(widget: KANWidget, model: KAN) -> None:
    x, bias = widget.session.baseline, model.layers[1].bias.clone()
    widget.remove_edge(1, 2, 0)
    kept = widget.loss
    assert torch.allclose(model.layers[1].bias, bias + x.means[1][0, 2])
    widget.keep_mean = False
    assert torch.equal(model.layers[1].bias, bias)
    assert widget.loss != kept
    widget.set_state({"keep_mean": "yes"})
    assert widget.keep_mean is False
    widget.set_state({"keep_mean": True})
    assert widget.loss == kept


def test_a_dragged_slider_is_one_step(widget: KANWidget) -> None:
    for level in (0.001, 0.01, 0.05):
        widget.set_state({"node_threshold": level})
    assert len(widget.session.history.commands) == 2
    widget.undo()
    assert widget.node_threshold == 0.0


def test_a_page_makes_one_step_of_both_thresholds(widget: KANWidget) -> None:
    widget._input.on_message(widget, {"do": "new_step"}, [])
    widget.set_state({"node_threshold": 0.02})
    widget._input.on_message(widget, {"do": "same_step"}, [])
    widget.set_state({"edge_threshold": 0.01})
    assert (widget._current, len(widget._history), widget.error) == (1, 2, "")
    widget._input.on_message(widget, {"do": "undo"}, [])
    assert (widget.node_threshold, widget.edge_threshold) == (0.0, 0.0)


def test_keys_that_end_where_they_began_leave_no_step(widget: KANWidget) -> None:
    widget.set_state({"edge_threshold": 0.02})
    widget._input.on_message(widget, {"do": "new_step"}, [])
    for threshold in (0.01, 0.02, 0.0):
        widget.set_state({"node_threshold": threshold})
    assert [command.id for command in widget.session.history.commands] == [0, 1]
    assert (widget._current, len(widget._history), widget.error) == (1, 2, "")
    widget.set_state({"edge_threshold": 0.03})  # a step of its own
    assert widget._current == 2


def test_initial_values_count(model: KAN, dataset: dict[str, Tensor]) -> None:
    w = KANWidget(model, dataset, removed_nodes=[(1, 0)], edge_threshold=1e-9, in_vars=["a", "b"])
    assert w.active_edges == 12
    assert w.in_vars == ["a", "b"]
    assert w.out_vars == ["f(x)"]
    w.close()
    assert all((layer == 1).all() for layer in model.mask)


def test_close_gives_the_model_back(model: KAN, dataset: dict[str, Tensor]) -> None:
    x = dataset["test_input"]
    y = model(x)
    w = KANWidget(model, dataset)
    w.node_threshold = 0.05
    w.remove_edge(0, 0, 0)
    assert not torch.equal(model(x), y)
    small = w.compact()
    w.close()
    assert torch.equal(model(x), y)
    assert small.width[1] < 5


def test_the_views_wishes_reach_the_model(widget: KANWidget, model: KAN) -> None:
    widget.set_state({"node_threshold": 0.01, "removed_edges": [[0, 1, 3]], "kept_nodes": [[1, 1]]})
    assert widget.node_threshold == 0.01
    assert widget.removed_edges == [(0, 1, 3)]
    assert widget.kept_nodes == [(1, 1)]
    assert model.mask[0][3, 1] == 0
    assert widget.active_edges == sum(int(m.sum()) for m in model.mask)
    assert widget.error == ""


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
ids = st.lists(st.lists(st.integers(-2, 6), min_size=1, max_size=4) | junk, max_size=6)


@given(
    state=st.dictionaries(
        st.sampled_from(sorted(set(KANWidget.class_trait_names(sync=True)) | {"evil"})),
        junk | ids | st.floats(-1, 1),
        max_size=5,
    )
)
def test_hostile_messages_leave_everything_in_order(shared: Any, state: dict[str, Any]) -> None:
    model, w = shared
    kept = {name: getattr(w, name) for name in ("_width", "_scores", "_esm", "loss_name")}
    w.set_state(state)
    w.refresh()
    assert all(getattr(w, name) == value for name, value in kept.items())
    assert w.error == ""
    assert 0 <= w.node_threshold < float("inf")
    assert 0 <= w.edge_threshold < float("inf")
    live = [layer != 0 for layer in model.mask]
    assert all(torch.equal(a, b) for a, b in zip(live, w.session.mask, strict=True))
    assert w.active_edges == sum(int(layer.sum()) for layer in live) == sum(mask_sent(w))
    assert all(len(edge) == 3 for edge in w.removed_edges + w.kept_edges)
    assert all(len(node) == 2 for node in w.removed_nodes + w.kept_nodes)


@pytest.fixture(scope="module")
def shared(_trained: KAN, dataset: dict[str, Tensor]) -> Iterator[Any]:
    model = copy.deepcopy(_trained)
    w = KANWidget(model, dataset)
    yield model, w
    w.close()


class Page:
    """What a view writes and sends, in the order in which ipywidgets sends it to a busy kernel.

    The first write goes at once; later ones wait, merged, until that is handled; messages do not.
    """

    def __init__(self, name: str = "page") -> None:
        self.name, self.number = name, 0
        self.numbers: dict[str, dict[str, int]] = {}
        self.values: dict[str, dict[str, Any]] = {}
        self.wire: list[Callable[[], None]] = []
        self.kept: dict[int, tuple[KANWidget, dict[str, Any]]] = {}

    def write(self, w: KANWidget, **decisions: Any) -> None:
        self.number += 1
        self.numbers.setdefault(w._picture, {}).update(dict.fromkeys(decisions, self.number))
        self.values.setdefault(w._picture, {}).update(decisions)
        written = {"page": self.name, "numbers": dict(self.numbers[w._picture])}
        if id(w) not in self.kept:
            self.kept[id(w)] = (w, {})
            self.wire.append(lambda: w.set_state(decisions | {"_written": written}))
        else:
            self.kept[id(w)][1].update(decisions | {"_written": written})

    def send(self, w: KANWidget, do: str) -> None:
        self.number += 1
        pending = {
            mark: {name: [number, self.values[mark][name]] for name, number in numbers.items()}
            for mark, numbers in self.numbers.items()
        }
        order = {"page": self.name, "number": self.number, "widgets": pending}
        self.wire.append(lambda: w._input.on_message(w, {"do": do, "pending": order}, []))

    def arrive(self) -> None:
        """Let all arrive: the kernel is free again."""
        for message in self.wire:
            message()
        for w, state in self.kept.values():
            if state:
                w.set_state(state)
        self.wire, self.kept = [], {}


def test_an_undo_takes_back_the_drag_that_arrives_after_it(widget: KANWidget) -> None:
    page = Page()
    page.write(widget, node_threshold=0.004)
    page.write(widget, node_threshold=0.04)
    page.send(widget, "undo")
    page.arrive()
    assert (widget.node_threshold, widget.active_edges, widget.error) == (0.0, 15, "")
    assert widget.session.history.commands[1].state.node_threshold == 0.04
    widget.redo()
    assert widget.node_threshold == 0.04


def test_a_commit_takes_in_what_was_shown(widget: KANWidget, model: KAN) -> None:
    page = Page()
    page.write(widget, node_threshold=0.004)
    page.write(widget, node_threshold=0.04, removed_edges=[[0, 0, 1]])
    page.send(widget, "commit")
    page.arrive()
    shown = copy.deepcopy(model)
    assert (widget.node_threshold, widget.removed_edges, widget.error) == (0.0, [], "")
    widget.undo()
    assert (widget.node_threshold, widget.removed_edges) == (0.04, [(0, 0, 1)])
    same = [torch.equal(a, b) for a, b in zip(model.mask, shown.mask, strict=True)]
    assert all(same)


def test_what_is_decided_after_a_command_counts(widget: KANWidget) -> None:
    page = Page()
    page.write(widget, node_threshold=0.004)
    page.write(widget, node_threshold=0.04)
    page.send(widget, "undo")
    page.write(widget, edge_threshold=0.02)  # it waits, and is merged with what the undo took
    page.arrive()
    assert (widget.node_threshold, widget.edge_threshold) == (0.0, 0.02)
    page.write(widget, node_threshold=0.01)
    page.arrive()
    assert (widget.node_threshold, widget.edge_threshold) == (0.01, 0.02)
    page.send(widget, "undo")  # nothing waits: it brings only what has arrived
    page.arrive()
    assert (widget.node_threshold, widget.edge_threshold) == (0.0, 0.02)


def test_a_command_does_not_undo_what_python_wrote_meanwhile(widget: KANWidget) -> None:
    page = Page()
    page.write(widget, node_threshold=0.01)
    page.arrive()
    widget.node_threshold = 0.04
    widget.edge_threshold = 0.02
    page.send(widget, "commit")
    page.arrive()
    widget.undo()
    assert (widget.node_threshold, widget.edge_threshold) == (0.04, 0.02)


def test_the_order_holds_between_widgets_on_one_model(
    widget: KANWidget, model: KAN, dataset: dict[str, Tensor]
) -> None:
    other, page = KANWidget(model, dataset), Page()
    page.write(widget, node_threshold=0.004)
    page.write(widget, node_threshold=0.04)
    page.send(other, "undo")
    page.arrive()
    assert (widget.node_threshold, other.node_threshold, other.active_edges) == (0.0, 0.0, 15)
    # A widget on another model has an order of its own.
    apart = KANWidget(copy.deepcopy(model), dataset)
    page.write(apart, node_threshold=0.004)
    page.write(apart, node_threshold=0.04)
    page.write(widget, node_threshold=0.04)
    page.send(widget, "undo")
    page.arrive()
    assert (widget.node_threshold, apart.node_threshold) == (0.0, 0.04)
    apart.close()
    other.close()


def test_two_browsers_do_not_hold_each_other_up(widget: KANWidget) -> None:
    first, second = Page("first"), Page("second")
    for _ in range(5):
        first.send(widget, "new_step")
    first.arrive()
    second.write(widget, node_threshold=0.04)
    second.arrive()
    assert widget.node_threshold == 0.04


def test_whoever_was_late_is_told_the_truth(
    widget: KANWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    page = Page()
    page.write(widget, node_threshold=0.004)
    page.write(widget, node_threshold=0.04)
    page.send(widget, "undo")
    monkeypatch.setattr(widget, "_send", lambda message, buffers=None: sent.append(message))
    page.arrive()
    told = [m["state"]["node_threshold"] for m in sent if "node_threshold" in m.get("state", {})]
    methods = [m["method"] for m in sent if "node_threshold" in m.get("state", {})]
    assert told[-2:] == [0.0, 0.0]
    assert methods[-2:] == ["echo_update", "update"]


@given(
    written=st.fixed_dictionaries({}, optional={"page": junk, "numbers": junk}) | junk,
    pending=st.fixed_dictionaries({}, optional={"page": st.text(), "number": junk, "widgets": junk})
    | junk,
)
def test_a_hostile_order_changes_nothing_else(shared: Any, written: Any, pending: Any) -> None:
    _, w = shared
    w._input.on_message(w, {"do": "new_step", "pending": pending}, [])
    assert w.error == ""
    w.set_state({"node_threshold": 0.01, "_written": written})
    assert (w.node_threshold, w.error) == (0.01, "")
    w.set_state({"node_threshold": 0.0})


def test_a_view_that_went_astray_is_told_the_truth(
    widget: KANWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(widget, "send_state", lambda key=None: told.extend(key or []))
    widget.set_state({"node_threshold": -3.0, "loss": 0.0, "removed_edges": [[9, 9, 9]]})
    assert {"node_threshold", "loss", "removed_edges"} <= set(told)
    told.clear()
    widget.set_state({"edge_threshold": "nan"})
    assert told == ["edge_threshold"]


def test_what_fails_is_said_in_the_error_trait(
    widget: KANWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(widget.session, "set", broken)
    widget.set_state({"node_threshold": 0.5})
    assert widget.error == "RuntimeError: out of memory"
    monkeypatch.undo()
    widget.set_state({"node_threshold": 0.01})
    assert widget.error == ""


def test_another_thread_leaves_the_model_to_its_owner(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    acting: list[int] = []

    class Watched(KAN):
        def propagate(self, x: Any) -> Any:
            acting.append(threading.get_ident())
            return super().propagate(x)

    model.__class__ = Watched

    async def scenario() -> None:
        w = KANWidget(model, dataset)
        thread = threading.Thread(target=w.set_state, args=({"removed_edges": [[0, 0, 1]]},))
        thread.start()
        thread.join()
        assert w.active_edges == 15
        await asyncio.sleep(0)
        assert w.active_edges == 14
        w.close()

    asyncio.run(scenario())
    assert set(acting) == {threading.get_ident()}


def test_a_change_in_a_cell_shows_after_that_cell(dataset: dict[str, Tensor], model: KAN) -> None:
    shell = InteractiveShell.instance()
    try:
        w = KANWidget(model, dataset)
        shell.push({"model": model})
        shell.run_cell("model.remove_edge(0, 0, 1)")
        assert w.active_edges == 14
        assert mask_sent(w)[2] == 0
        callbacks = len(shell.events.callbacks["post_run_cell"])
        w.close()
        assert len(shell.events.callbacks["post_run_cell"]) == callbacks - 1
    finally:
        InteractiveShell.clear_instance()


def test_traits_link_to_other_widgets(widget: KANWidget) -> None:
    slider = ipywidgets.FloatSlider(max=1.0, step=0.001)
    link = ipywidgets.link((slider, "value"), (widget, "node_threshold"))
    slider.value = 0.01
    assert widget.node_threshold == 0.01
    assert widget.active_edges < 15
    link.unlink()


def test_its_repr_is_one_cheap_line(widget: KANWidget) -> None:
    assert repr(widget) == "KANWidget([2, 5, 1], 15 of 15 edges on)"
    assert "text/plain" in widget._repr_mimebundle_()[0]


def test_running_the_cell_again_loses_nothing(model: KAN, dataset: dict[str, Tensor]) -> None:
    x = dataset["test_input"]
    y = model(x)
    first = KANWidget(model, dataset)
    first.node_threshold = 0.01
    again = KANWidget(model, dataset)
    assert again.node_threshold == 0.01
    assert again.active_edges == first.active_edges < 15
    assert unpack(again._baseline)[0].sum() == 15
    again.remove_edge(0, 0, int(again.session.scores[1].argmax()))
    assert first.removed_edges == again.removed_edges  # both show the one model
    again.reset()
    assert first.active_edges == 15
    other = {**dataset, "test_input": x[:9], "test_label": dataset["test_label"][:9]}
    again.node_threshold = 0.02
    third = KANWidget(model, other)
    assert third.node_threshold == 0.02
    assert third.loss == again.loss
    third.close()
    assert torch.equal(model(x), y)
    first.refresh()  # as after each cell: it has nothing left to say
    assert first.error == ""
    fourth = KANWidget(model, dataset)
    assert fourth.active_edges == 15
    fourth.close()


def test_a_widget_that_cannot_be_made_harms_no_other(widget: KANWidget, model: KAN) -> None:
    widget.node_threshold = 0.01
    for bad in ({"edge_threshold": -1.0}, {"in_vars": ["a"]}, {"removed_edges": [(0, 0, 9)]}):
        with pytest.raises((ValueError, IndexError)):
            KANWidget(model, **bad)
    assert not widget.session.closed
    assert widget.node_threshold == 0.01
    widget.reset()
    assert widget.active_edges == 15


def test_a_script_that_never_closes_its_widget_ends_well() -> None:
    script = (
        "import torch; from kanwidget import *; m = KAN([1, 1]); m(torch.rand(3, 1));"
        "w = KANWidget(m); w.remove_edge(0, 0, 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_observer_that_answers_is_heard(widget: KANWidget) -> None:
    def back_off(_: Any) -> None:
        if widget.active_edges < 5:
            widget.node_threshold = 0.0

    widget.observe(back_off, "active_edges")
    widget.node_threshold = 100.0
    assert widget.node_threshold == widget.session.node_threshold == 0.0
    assert widget.active_edges == 15


def test_what_is_to_read_cannot_be_written(widget: KANWidget) -> None:
    for name in ("loss", "active_edges", "baseline_loss", "loss_name", "error", "_mask", "_width"):
        with pytest.raises(TraitError, match="read-only"):
            setattr(widget, name, getattr(widget, name))


def test_a_float32_models_scores_compare_as_in_the_view(dataset: dict[str, Tensor]) -> None:
    model = KAN([2, 3, 1], dtype=torch.float32)
    model(dataset["train_input"])
    w = KANWidget(model)
    score = w.session.scores[0][1, 0].item()
    w.edge_threshold = np.nextafter(score, 0)
    assert w.session.mask[0][1, 0]
    w.edge_threshold = score
    assert not w.session.mask[0][1, 0]
    w.close()


@pytest.mark.parametrize("trait", [None, "node_threshold", "removed_edges", "score"])
def test_observers_that_are_taken_away_do_not_take_the_model_with_them(
    widget: KANWidget, model: KAN, trait: str | None
) -> None:
    heard: list[Any] = []
    widget.observe(heard.append)
    widget.observe(heard.append, "node_threshold")
    widget.unobserve_all() if trait is None else widget.unobserve_all(trait)
    widget.removed_edges = [(0, 0, 1)]
    assert model.mask[0][1, 0] == 0
    widget.score = "ablation"
    assert widget.session.score == "ablation"
    widget.node_threshold = 1e9
    assert widget.active_edges == 0
    assert sum(int(layer.sum()) for layer in model.mask) == 0
    assert not heard or trait is not None
    steps = len(widget.session.history.commands)
    widget.undo()
    assert (widget.active_edges, steps) == (14, 4)  # each was heard once


def test_several_changes_are_one_step_and_a_loop_may_be_one(widget: KANWidget) -> None:
    widget.set(node_threshold=1e-3, removed_edges=[(0, 0, 1)], keep_mean=False)
    assert len(widget.session.history.commands) == 2
    assert (widget.node_threshold, widget.removed_edges) == (1e-3, [(0, 0, 1)])
    assert widget.keep_mean is False
    for k in range(400):
        widget.set(node_threshold=1e-3 + k * 1e-5, merge=True)
    assert len(widget.session.history.commands) == 3
    assert widget.node_threshold == 1e-3 + 399 * 1e-5
    widget.undo()
    assert widget.node_threshold == 1e-3
    for bad in ({"node_threshold": -1.0}, {"removed_edges": [(9, 9, 9)]}, {"treshold": 1.0}):
        with pytest.raises((ValueError, IndexError, TypeError)):
            widget.set(edge_threshold=0.5, **bad)
    assert (widget.edge_threshold, widget.session.edge_threshold) == (0.0, 0.0)
    assert len(widget.session.history.commands) == 3


class Sent:
    """All that a widget sends, as JSON that is as strict as a browser's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.comms: list[dict[str, Any]] = []
        import comm

        class Comm(comm.base_comm.BaseComm):
            def publish_msg(
                comm,
                kind: str,
                data: Any = None,
                metadata: Any = None,
                buffers: Any = None,
                **keys: Any,
            ) -> None:
                json.dumps({**(data or {}), **(metadata or {})}, allow_nan=False)
                state = dict((data or {}).get("state", {}))
                paths = (data or {}).get("buffer_paths", [])
                state |= {p[0]: bytes(b) for p, b in zip(paths, buffers or [], strict=True)}
                if kind == "comm_open":
                    self.comms.append(state)
                else:
                    self.last |= state

        self.last: dict[str, Any] = {}
        monkeypatch.setattr("comm.create_comm", Comm)


def test_a_model_that_gives_nan_is_told_of_in_json(
    model: KAN, dataset: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Sent(monkeypatch)
    with torch.no_grad():
        model.layers[0].coef[1, 0, 2] = torch.nan
    w = KANWidget(model, dataset, selected=[(0, 0, 0)])
    assert np.isnan(w.loss)
    w.remove_edge(0, 0, 0)
    w._sync.finish()
    for state in (*sent.comms, sent.last, w.get_state()):
        assert state.get("loss") is None
    w.close()


def test_the_first_message_has_all_that_a_view_needs(
    model: KAN, dataset: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Sent(monkeypatch)
    chosen = {"node_threshold": 0.01, "removed_edges": [(0, 0, 1)], "selected": [(1, 0)]}
    w = KANWidget(model, dataset, view="matrix", in_vars=["a", "b"], score="ablation", **chosen)
    state = next(state for state in sent.comms if "_curves_x" in state)
    now = w.get_state()
    for name in [*chosen, "view", "in_vars", "score", "loss", "active_edges", "_width"]:
        assert state[name] == now[name], name
    for name in ("_curves_x", "_curves_y", "_scores", "_baseline", "_mask", "_rows", "_cells_x"):
        assert bytes(state[name]) == bytes(now[name]) != b"", name
    w.close()


def test_a_view_that_lacks_something_is_sent_it(
    widget: KANWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {}
    monkeypatch.setattr(widget, "send_state", lambda key=None: told.update(widget.get_state(key)))
    widget._handle_custom_msg({"do": "send"}, [])
    assert {"_curves_x", "_history", "_tradeoff_node", "loss", "in_vars"} <= set(told)
    assert len(told["_history"]) == 1
    assert told["_tradeoff_node"]
    assert "_esm" not in told  # the view runs it
    assert widget.error == ""


def in_a_kernel(scenario: Callable[[], Any]) -> Any:
    """Run in the thread that has a kernel's loop, as cells do."""

    class Kernel:
        class io_loop:
            asyncio_loop: Any = None

    async def run() -> Any:
        Kernel.io_loop.asyncio_loop = asyncio.get_running_loop()
        return await scenario()

    shell = InteractiveShell.instance()
    try:
        shell.kernel = Kernel()
        return asyncio.run(run())
    finally:
        InteractiveShell.clear_instance()


def test_a_widget_made_in_a_thread_acts_where_cells_run(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    async def scenario() -> None:
        made: list[KANWidget] = []
        acting: list[int] = []

        def metric(pred: Tensor, label: Tensor) -> Tensor:
            acting.append(threading.get_ident())
            return (pred - label).abs().mean()

        def run(act: Callable[[], Any]) -> None:
            thread = threading.Thread(target=act)
            thread.start()
            thread.join()

        run(lambda: made.append(KANWidget(model, dataset, metric=metric)))
        (w,) = made
        acting.clear()
        run(lambda: w.set_state({"removed_edges": [[0, 0, 1]]}))
        run(lambda: w._handle_custom_msg({"do": "commit"}, []))
        assert w.active_edges == 15
        for _ in range(1000):
            await asyncio.sleep(0.01)
            # The curves ahead come by themselves.
            if w._trait_values.get("_tradeoff_node"):
                break
        assert (w.active_edges, len(w.session.history.commands)) == (14, 3)
        assert w._trait_values["_tradeoff_node"]
        assert len(w._trait_values["_history"]) == 3
        assert set(acting) == {threading.get_ident()}
        w.close()

    in_a_kernel(scenario)


def test_the_same_metric_made_anew_keeps_what_was_done(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    def again(made: Callable[[], Any]) -> bool:
        first = KANWidget(model, dataset, metric=made())
        first.remove_edge(0, 0, 1)
        session = first.session
        second = KANWidget(model, dataset, metric=made())
        same = second.session is session
        assert second.removed_edges == [(0, 0, 1)]
        second.close()
        return same

    assert again(lambda: lambda p, y: (p - y).abs().max())
    assert again(torch.nn.L1Loss)
    assert again(lambda: functools.partial(torch.nn.functional.huber_loss, delta=0.5))
    scales = iter([1.0, 1.0, 1.0, 2.0])

    def closing_over() -> Any:
        scale = next(scales)
        return lambda p, y: scale * (p - y).abs().mean()

    assert again(closing_over)
    assert not again(closing_over)
    deltas = iter([0.5, 0.25])
    assert not again(lambda: torch.nn.HuberLoss(delta=next(deltas)))
    powers = iter([2, 3])

    def other_text() -> Any:
        return eval(f"lambda p, y: (p - y).abs().pow({next(powers)}).mean()")

    assert not again(other_text)


def test_a_widget_that_cannot_be_made_on_other_data_leaves_the_history(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    w = KANWidget(model, dataset)
    w.remove_edge(0, 0, 1)
    w.node_threshold = 1e-4
    session, commands = w.session, list(w.session.history.commands)
    other = {**dataset, "test_input": dataset["test_input"][:9]}
    other["test_label"] = dataset["test_label"][:9]

    def failing(pred: Tensor, label: Tensor) -> Tensor:
        if pred.std() < 1e-9:
            raise ArithmeticError("no edges")
        return (pred - label).abs().mean()

    bad: list[dict[str, Any]] = [
        {"node_threshold": -1},
        {"in_vars": ["a"]},
        {"removed_edges": [(0, 0, 9)]},
        {"selected": [(7, 7)]},
        {"view": "circle"},
        {"keep_mean": "yes"},
        {"score": "beauty"},
        {"_warnings": 5},
        {"loss": 0.0},
        {"node_threshold": 1e9, "metric": failing},
    ]
    for traits in bad:
        with pytest.raises((ValueError, IndexError, TypeError, TraitError, ArithmeticError)):
            KANWidget(model, other, **traits)
        assert w.session is session
        assert not session.closed
        assert list(session.history.commands) == commands
        assert model.mask[0][1, 0] == 0
    w.undo()
    w.undo()
    assert w.active_edges == 15
    w.close()


@pytest.mark.parametrize("kind", ["list", "tuple", "array", "index", "generator"])
def test_names_may_come_as_any_sequence(model: KAN, dataset: dict[str, Tensor], kind: str) -> None:
    pandas = pytest.importorskip("pandas") if kind == "index" else None
    kinds: dict[str, Callable[[list[str]], Any]] = {
        "list": list,
        "tuple": tuple,
        "array": np.array,
        "index": lambda names: pandas.DataFrame(columns=names).columns if pandas else names,
        "generator": iter,
    }
    make = kinds[kind]
    w = KANWidget(model, dataset, in_vars=make(["a", "b"]), out_vars=make(["y"]))
    assert (w.in_vars, w.out_vars) == (["a", "b"], ["y"])
    assert {type(name) for name in w.in_vars} == {str}
    w.in_vars = make(["c", "d"])
    assert json.loads(json.dumps(w.get_state("in_vars"))) == {"in_vars": ["c", "d"]}
    for bad in ("ab", 5, [1.5, 2.5], [None, "b"], ["a"], np.zeros((2, 2))):
        with pytest.raises((TypeError, ValueError), match="in_vars"):
            w.in_vars = bad
    assert w.in_vars == ["c", "d"]
    w.close()


def test_means_that_are_not_kept_from_the_start_are_not_kept_in_a_replay(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    fresh = copy.deepcopy(model)
    with PruningSession(model, dataset, keep_mean=False) as session:
        session.remove_edge(0, 1, 3)
        loss, content, script = session.loss, session.to_dict(), session.script()
        session.undo()
        unpruned = session.script()
    names: dict[str, Any] = {"model": copy.deepcopy(fresh), "dataset": dataset}
    exec(script, names)
    assert names["session"].loss == loss
    names["model"] = copy.deepcopy(fresh)
    exec(unpruned + "session.remove_edge(0, 1, 3)", names)
    assert names["session"].loss == loss
    with PruningSession.from_dict(content, fresh, dataset) as replayed:
        assert replayed.loss == loss
        assert not replayed.state.keep_mean
        replayed.reset()
        assert not replayed.state.keep_mean
