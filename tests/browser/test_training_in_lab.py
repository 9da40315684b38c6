"""The road from pruning to a trained network in JupyterLab: by mouse, and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cells import FORMULA, SHOW
from keyboard import Keyboard, enter
from lab import Notebook
from labview import opened, pruned
from playwright.sync_api import Page
from servers import SECOND, until
from view import View, rectangle, same

OpenNotebook = Callable[[Sequence[str] | Path], Notebook]

DEFINE = """
import hashlib as _hashlib
def _bits():
    # A mean that a removed edge leaves is in a bias, which a training moves: all of it is compared.
    state = model.state_dict()
    data = b"".join(name.encode() + value.numpy().tobytes() for name, value in state.items())
    return _hashlib.sha256(data).hexdigest()
"""
STEPS = "len(w.session.history.path())"
STATE = "w._run.get('state')"


def trained(notebook: Notebook, view: View, act: Callable[[], None]) -> None:
    """Train, and wait until it is over, and seen to be."""
    number: int = notebook.value("w._run.get('number', 0)")
    act()
    until(lambda: same(notebook.value(f"w._run.get('number', 0) > {number}"), True))
    until(lambda: same(notebook.value(STATE), "ended"), timeout=120)
    notebook.define("w.refresh()")
    said = view.root.locator('[data-role="training"]')
    until(lambda: same(bool(re.search(r"steps? done|no better", said.inner_text())), True))


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_pruned_retrained_undone_refined_and_retrained(
    by: str, open_notebook: OpenNotebook, page: Page
) -> None:
    notebook = open_notebook([FORMULA, SHOW])
    view = opened(notebook)
    notebook.define(DEFINE)
    value = notebook.value
    keys = Keyboard(page) if by == "keyboard" else None

    def press(role: str) -> None:
        enter(view, keys, role)

    press("prune")
    until(lambda: same(value("w.active_edges") < 8, True))
    pruned(view)  # its second threshold goes on with the first
    assert value(STEPS) == 2
    steps, before, loss = value(STEPS), value("_bits()"), value("w.loss")
    edges = value("w.active_edges")
    trained(notebook, view, lambda: press("retrain"))
    assert value("w.loss") < loss / 3
    assert value("w.active_edges") == edges
    assert value(STEPS) == steps + 1
    after: Any = value("_bits()")
    press("undo")
    until(lambda: same(value("_bits()"), before))
    press("redo")
    until(lambda: same(value("_bits()"), after))
    view.root.locator('[data-role="grid"]').fill("10")
    press("refine")
    until(lambda: same(value("model.layers[0].grid.shape[1]"), 11))
    assert value(STEPS) == steps + 2
    trained(notebook, view, lambda: press("retrain"))
    assert value("w.loss") < 0.01
    assert value(STEPS) == steps + 3
    until(lambda: view.assert_figures(edges, value("w.loss")))


def test_a_long_training_is_seen_paused_pruned_and_stopped(
    open_notebook: OpenNotebook, page: Page
) -> None:
    notebook = open_notebook([FORMULA, SHOW])
    view = opened(notebook)
    value = notebook.value
    view.root.locator('[data-panel="train"]').click()
    view.root.locator('[data-role="opt"]').select_option("Adam")
    for role, typed in (("steps", "100000"), ("lr", "0.001")):
        view.root.locator(f'[data-role="{role}"]').click(click_count=3)
        page.keyboard.type(typed)
    view.press("play")
    said = view.root.locator('[data-role="training"]')
    until(lambda: same(said.inner_text().startswith("step "), True))
    first = said.inner_text()
    until(lambda: same(said.inner_text() != first, True))
    view.press("play")
    until(lambda: same(said.inner_text().startswith("paused"), True))
    done: int = value("w._run['done']")
    view.toggle("edge", "0,0,1")
    until(lambda: same(value("w.active_edges"), 14))
    view.press("one-step")
    until(lambda: same(value("w._run['done']"), done + 1))
    view.press("play")
    until(lambda: same(value(f"w._run['done'] > {done + 20}"), True))
    assert value("w.active_edges") == 14
    view.press("stop")
    until(lambda: same(value(STATE), "ended"))
    until(lambda: same("stopped" in said.inner_text(), True))
    assert view.root.locator(".loss-chart path.train").get_attribute("d")


SLOW = """
import time as _time
def slow_loss(pred, label):
    _time.sleep(0.25)
    return (pred - label).square().mean()
"""


def test_a_long_step_is_seen_before_the_model_has_it(
    open_notebook: OpenNotebook, page: Page
) -> None:
    notebook = open_notebook([FORMULA, SHOW])
    view = opened(notebook)
    notebook.define(DEFINE + SLOW)
    value = notebook.value
    before = value("_bits()")
    box = view.twin("edge", "0,0,0")

    def seen() -> tuple[int, bytes]:
        """Return the iteration of the first step that is told, and a curve as it is drawn."""
        said = view.root.locator('[data-role="training"]').inner_text()
        found = re.match(r"step 1 of 2, iteration (\d+) · train 0\.\d+", said)
        return int(found[1]) if found else 0, page.screenshot(clip=rectangle(box))

    notebook.define("run = w.fit(2, loss_fn=slow_loss)")
    until(lambda: same(seen()[0] > 0, True))
    first = seen()
    until(lambda: same(seen()[0] > first[0] + 1, True))
    assert seen()[1] != first[1]
    assert (value("run.steps_done"), value("_bits()")) == (0, before)
    notebook.define("run.stop(); run.wait(); w.refresh()")
    assert value("run.steps_done") == 1
    assert value("_bits()") != before
    until(lambda: same("stopped" in page.locator('[data-role="training"]').inner_text(), True))
    until(lambda: view.assert_figures(value("w.active_edges"), value("w.loss")))


LOOP = """
import threading
count = []
def descend():
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    for _ in w.watch(range(1_000_000)):
        optimizer.zero_grad()
        loss = (model(dataset["train_input"]) - dataset["train_label"]).square().mean()
        loss.backward()
        optimizer.step()
        count.append(loss.item())
thread = threading.Thread(target=descend)
thread.start()
"""


def test_a_loop_of_one_s_own_is_paused_and_stopped_from_the_view(
    open_notebook: OpenNotebook, page: Page
) -> None:
    notebook = open_notebook([FORMULA, "import torch", SHOW])
    view = opened(notebook)
    notebook.define(DEFINE)
    value = notebook.value
    steps, before = value(STEPS), value("_bits()")
    said = view.root.locator('[data-role="training"]')

    def taken() -> int:
        found = re.search(r"([\d,]+) steps? of your own loop", said.inner_text())
        assert found
        return int(found[1].replace(",", ""))

    notebook.run(LOOP)
    notebook.scroll_to_widget()
    # It takes a share of the loop's time: on a busy machine it comes seldom.
    until(lambda: same(taken() > 5, True), timeout=180)
    view.press("play")
    until(lambda: same(said.inner_text().startswith("paused"), True))
    at = taken()
    page.wait_for_timeout(0.5 * SECOND)
    assert taken() == at
    view.press("one-step")
    until(lambda: same(taken(), at + 1))
    view.press("play")
    until(lambda: same(taken() > at + 10, True), timeout=180)
    view.press("stop")
    until(lambda: same("done" in said.inner_text(), True))
    until(lambda: same(value("thread.is_alive()"), False))
    assert value("len(count)") == taken() > at + 10
    assert value(STEPS) == steps + 1
    after: Any = value("_bits()")
    assert after != before
    view.press("undo")
    until(lambda: same(value("_bits()"), before))
