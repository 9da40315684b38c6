"""Thousands of hostile values for every synced trait, and messages: both ends stay in agreement."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import math
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from kanwidget import KAN, KANWidget
from kanwidget.widget.packed_array import pack, unpack

HUGE = 10**400


def nested(depth: int) -> list[Any]:
    """Lists in lists."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


FIXED: list[Any] = [
    *(None, True, False, 0, -0.0, 1, -1, 0.5, 1e308, -1e308, 5e-324, 2**53, -(2**63), HUGE, -HUGE),
    *(math.nan, math.inf, -math.inf, "nan", "inf", "Infinity", "NaN", "0.01", "", "auto", "matrix"),
    *("up", "\x00", "\ud800", "\u202e", "x" * 100_000, "</script>", "__proto__", "IPY_MODEL_no"),
    *(b"", b"KW", b"KW\x01\x02" + b"\xff" * 60, memoryview(b"junk"), bytes(range(256)) * 40),
    *([], [[]], [None], [[0, 0, 0]], [[0, 0]], [[0, 0, 9]], [[-1, 0, 0]], [[0, -1, -1]], [[9, 9]]),
    *([[0.0, 1.0, 3.0]], [[True, 0, 1]], [["0", "0", "0"]], [[0, 0, math.nan]], [[HUGE, 0, 0]]),
    *(
        [[0, 0, 0, 0]],
        [[[0, 0, 0]]],
        [{"l": 0}],
        [0, 0, 0],
        [math.nan, 1],
        [math.inf, 0],
        [HUGE, 0],
    ),
    *([0.25, -0.5], [0.25], [0.25, "1"], [0.25] * 3, list(range(20_000)), [[0, 1, 4]] * 20_000),
    *([[0, i, j] for i in range(-3, 40) for j in range(-3, 40)], [None] * 20_000),
    *({}, {"a": {}}, {"0": 1}, {"length": 3}, {"__class__": "x"}, {"do": "undo"}),
    *(nested(50), nested(900), {"a": nested(900)}, [nested(300), [0, 1, 1]]),
]


def anything(rng: random.Random, depth: int = 3) -> Any:
    """Some value that a message could hold."""
    kind = rng.randrange(12 if depth else 7)
    if kind < 2:
        return rng.choice(FIXED[:40])
    if kind < 4:
        return rng.randint(-3, 6)
    if kind < 5:
        return rng.gauss(0, 10 ** rng.randint(-4, 4))
    if kind < 6:
        return "".join(chr(rng.randrange(0x11000)) for _ in range(rng.randrange(6)))
    if kind < 7:
        return rng.randbytes(rng.randrange(80))
    if kind < 9:  # nearly ids
        return [[rng.randint(-1, 5) for _ in range(rng.choice((2, 3, 3, 4)))] for _ in range(4)]
    if kind < 11:
        return [anything(rng, depth - 1) for _ in range(rng.randrange(5))]
    return {str(k): anything(rng, depth - 1) for k in range(rng.randrange(4))}


class Page:
    """The view's end: what it has written, and what it has been told since."""

    def __init__(self, w: KANWidget, monkeypatch: pytest.MonkeyPatch) -> None:
        self.w = w
        self.has = dict(w.get_state())
        monkeypatch.setattr(w, "_send", self._told)

    def _told(self, message: dict[str, Any], buffers: Any = None) -> None:
        assert message["method"] in ("update", "echo_update"), message["method"]
        state = copy.deepcopy(message["state"])
        json.dumps(state)
        for path, data in zip(message["buffer_paths"], buffers or [], strict=True):
            assert len(path) == 1, "a packed array is the whole value of a trait"
            state[path[0]] = bytes(data)
        self.has.update(state)

    def write(self, state: Any) -> None:
        """Write as a host does: first on its own end, then by message."""
        if isinstance(state, dict):
            self.has.update(state)
        self._message({"method": "update", "state": state, "buffer_paths": []})

    def send(self, content: Any) -> None:
        """Send a custom message."""
        self._message({"method": "custom", "content": content})

    def _message(self, data: dict[str, Any]) -> None:
        self.w._handle_msg({"content": {"data": data}, "buffers": []})

    def assert_agrees(self, names: list[str] | None = None) -> None:
        """Check that both ends have the same in all traits, or in some."""
        truth = self.w.get_state(names)
        for name, value in truth.items():
            assert plain(self.has[name]) == plain(value), name


def plain(value: Any) -> Any:
    """As it is after it has crossed the wire."""
    if isinstance(value, (tuple, list)):
        return [plain(one) for one in value]
    return bytes(value) if isinstance(value, memoryview) else value


def in_order(w: KANWidget, model: KAN) -> None:
    """Check that the model is valid and the traits tell of it."""
    live = [layer != 0 for layer in model.mask]
    assert all(torch.equal(a, b) for a, b in zip(live, w.session.mask, strict=True))
    assert w.active_edges == sum(int(layer.sum()) for layer in live)
    assert unpack(w._mask)[0].sum() == w.active_edges
    assert w._width == [2, 5, 1]
    assert math.isfinite(w.loss)
    assert w.loss == w.session.loss
    for level in (w.node_threshold, w.edge_threshold, w.tolerance):
        assert 0 <= level < math.inf
    assert all(len(ids) in (2, 3) for ids in w.selected)
    assert len(w.selected) <= 64
    assert len(w.probe) in (0, 2)
    assert len(w.error) < 500


Scenario = Callable[[Page, KAN, random.Random], Awaitable[None]]


@pytest.fixture
def run(
    model: KAN,
    dataset: dict[str, Tensor],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[Scenario], None]:
    """Run a scenario in a loop, as in a kernel; nothing above a warning may be said."""
    small = {name: rows[:40] for name, rows in dataset.items()}

    async def whole(scenario: Scenario) -> None:
        w = KANWidget(model, small)
        page = Page(w, monkeypatch)
        kept = {n: v for n, v in w.get_state().items() if n in FOR_GOOD}
        await scenario(page, model, random.Random(2026))
        w._sync.finish()
        in_order(w, model)
        page.assert_agrees()
        assert {n: v for n, v in w.get_state().items() if n in FOR_GOOD} == kept
        page.write({"node_threshold": 0.0, "removed_edges": [[0, 0, 1]]})
        assert (w.removed_edges, w.error) == ([(0, 0, 1)], "")
        assert torch.isfinite(model(small["test_input"])).all()
        w.close()

    def run(scenario: Scenario) -> None:
        with caplog.at_level(logging.DEBUG):
            asyncio.run(whole(scenario))
        # Where there is no notebook, a traceback is only a warning.
        loud = [r for r in caplog.records if r.levelno > logging.WARNING or r.exc_info]
        assert not loud, [r.getMessage()[:300] for r in loud]
        assert "Traceback" not in "".join(capsys.readouterr())

    return run


FOR_GOOD = {"_esm", "_width", "_rows", "_slots", "loss_name", "layout", "in_vars", "input_shape"}


def test_every_trait_survives_every_value(run: Callable[[Scenario], None]) -> None:
    async def scenario(page: Page, model: KAN, rng: random.Random) -> None:
        names = sorted(page.w.keys)
        assert {"_esm", "layout", "_model_name", "_dom_classes", *FOR_GOOD} <= set(names)
        count = 0
        for name in names:
            # What is of the right form, and says something else.
            held = page.w.get_state([name])[name]
            own = [pack(unpack(held)[0] * 0, 99)] if isinstance(held, bytes) and held else []
            values = [*FIXED, *own, *(anything(rng) for _ in range(30))]
            for value in values:
                page.write({name: value})
                page.assert_agrees([name])
            count += len(values)
            in_order(page.w, model)
            await asyncio.sleep(0)
        assert count > 5000

    run(scenario)


def test_messages_of_many_traits_survive_too(run: Callable[[Scenario], None]) -> None:
    async def scenario(page: Page, model: KAN, rng: random.Random) -> None:
        names = [*sorted(page.w.keys), "evil", "session", "model", "close", "__class__", ""]
        for step in range(600):
            some = rng.sample(names, rng.randint(1, 8))
            page.write({name: anything(rng) for name in some})
            page.assert_agrees()
            if step % 50 == 0:
                in_order(page.w, model)
                await asyncio.sleep(0)
        for junk in (None, [], "state", 3, [["node_threshold", 1]]):
            page.write(junk)

    run(scenario)


def test_custom_messages_survive_too(run: Callable[[Scenario], None]) -> None:
    acts = [
        "undo",
        "redo",
        "commit",
        "reset",
        "jump",
        "note",
        "remove_dead_ends",
        "compare",
        "evil",
        "",
    ]

    async def scenario(page: Page, model: KAN, rng: random.Random) -> None:
        for content in FIXED:
            page.send(content)
            page.send({"do": content})
            for act in ("jump", "note", "compare"):
                page.send({"do": act, "id": content, "ids": content, "text": content})
        for step in range(400):
            content = {"do": rng.choice(acts)}
            for key in ("id", "ids", "text"):
                if rng.random() < 0.7:
                    content[key] = anything(rng)
            page.send(content)
            if step % 20 == 0:
                page.write({"node_threshold": 10 ** rng.uniform(-4, 0)})
                in_order(page.w, model)
                await asyncio.sleep(0)
        page.send({"do": "reset"})
        assert page.w.error == ""
        assert json.dumps(page.w._history)

    run(scenario)
