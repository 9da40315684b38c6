"""From the first picture to the formula in JupyterLab: by mouse, and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
from cells import FORMULA, SHOW
from keyboard import Keyboard, enter
from lab import Notebook
from labview import LabView, opened, pruned
from playwright.sync_api import Locator, Page
from servers import until
from view import View, same

OpenNotebook = Callable[[Sequence[str] | Path], Notebook]

TRUE = re.compile(r"esin\(πx1\)\+x22")
"""exp(sin(pi x1) + x2^2), as the text of its MathML."""

EXACT = """
import numpy as _np
def _difference():
    x = _np.random.default_rng(0).uniform(-2, 2, (1000, 2))
    scope = {}
    exec(w.session.formula().python(), scope)
    true = _np.exp(_np.sin(_np.pi * x[:, 0]) + x[:, 1] ** 2)
    return float(_np.abs(scope["formula"](x)[:, 0] / true - 1).max())
"""

PATIENT = """
from functools import partialmethod as _partial
from kanwidget import PruningSession as _Session
_Session.start_name_all = _partial(_Session.start_name_all, seconds=600.0)
"""

OWN = """
from kanwidget.functions.own_function import own_function
mood = "good"
def wave(x):
    if mood == "raises":
        raise ZeroDivisionError("no <img src=x onerror='window.hit = 1'> luck")
    return x * float("nan") if mood == "nan" else x[:1] if mood == "short" else torch.sin(3 * x)
own = own_function("wave", wave)
def _state():
    path = w.session.history.path()
    return [len(path), len(w.session.names), sum(float(p.sum()) for p in model.parameters())]
"""


class Road:
    """What a person does, counted."""

    def __init__(self, view: View, keys: Keyboard | None) -> None:
        self.view, self.keys, self.actions = view, keys, 0

    def press(self, role: str) -> None:
        """Press a button, by mouse or by keyboard."""
        self.actions += 1
        enter(self.view, self.keys, role)


def math_of(view: View) -> Locator:
    return view.root.locator('[data-role="math"] math')


def typeset(view: View) -> str:
    """Return the text of the formula, without what is invisible."""
    found = math_of(view)
    return re.sub(r"[\s\u2061\u2062]", "", found.text_content() or "") if found.count() else ""


def patient(notebook: Notebook) -> LabView:
    """Run a notebook whose searches for names end when they are done, however slow the machine."""
    notebook.define(PATIENT)
    return opened(notebook)


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_from_the_first_picture_to_the_formula(
    by: str, open_notebook: OpenNotebook, page: Page
) -> None:
    notebook = open_notebook([FORMULA, SHOW])
    view = patient(notebook)
    notebook.define(EXACT)
    value = notebook.value
    road = Road(view, Keyboard(page) if by == "keyboard" else None)

    road.press("prune")
    until(lambda: same(value("w.active_edges"), 3))
    pruned(view)
    road.press("name")
    until(lambda: same(bool(TRUE.search(typeset(view))), True), timeout=120)
    assert road.actions <= 5
    assert value("w.loss") < 1e-6
    assert value("_difference()") < 1e-6
    # It is typeset: the exponent is higher, and smaller, than its base.
    base, exponent = (math_of(view).locator(f"msup > :nth-child({n})").first for n in (1, 2))
    assert exponent.bounding_box()["y"] < base.bounding_box()["y"]  # type: ignore[index]
    assert "e to the power of" in (math_of(view).get_attribute("aria-label") or "")

    # A term lights its edges, and opens their cards.
    steps = value("len(w.session.history.path())")
    term = math_of(view).locator("[data-edges]").last
    if road.keys is None:
        term.click()
    else:
        view.root.locator('[data-role="terms"] button').last.focus()
        road.keys.press("Enter")
    until(lambda: same(value("len(w.selected) > 0"), True))
    assert value("len(w.session.history.path())") == steps
    road.press("undo")
    until(lambda: same(value("len(w.session.names)"), 0))
    road.press("redo")
    until(lambda: same(value("len(w.session.names)"), 3))


def test_a_curve_is_named_on_its_card_and_gets_its_spline_back(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook([FORMULA, SHOW])
    view = patient(notebook)
    value = notebook.value
    view.press("prune")
    until(lambda: same(value("w.active_edges"), 3))
    pruned(view)
    edge = value("next([0, 0, j] for j in range(5) if w.session.mask[0][j, 0])")
    notebook.page.mouse.click(*view.middle("edge", ",".join(map(str, edge))))
    sine = view.root.locator('[data-function="sin"]')
    until(lambda: same(sine.count(), 1))
    until(lambda: same("→" in sine.inner_text() and "…" not in sine.inner_text(), True))
    sine.click()
    until(lambda: same(value("[c.function for c in w.session.names.values()]"), ["sin"]))
    facts = view.root.locator(".facts")
    until(lambda: same("sin(" in facts.inner_text(), True))
    view.press("unname")
    until(lambda: same(value("len(w.session.names)"), 0))


def test_a_function_of_ones_own_that_fails_loses_nothing(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook([FORMULA, SHOW])
    view = patient(notebook)
    value = notebook.value
    view.press("prune")
    until(lambda: same(value("w.active_edges"), 3))
    pruned(view)
    notebook.define(OWN)
    edge = value("next([0, 0, j] for j in range(5) if w.session.mask[0][j, 0])")
    notebook.define(f"w.session.name(*{edge}, own); w.refresh()")
    before = value("_state()")

    def told(words: str) -> None:
        same(words in value("w._naming.get('error', '')"), True)
        # Of the search: the formula may have said the same before the button was seen to be busy.
        same(words in view.root.locator('[data-role="naming"]').inner_text(), True)

    for mood, words in {
        "raises": "the function 'wave' raised ZeroDivisionError: no <img",
        "nan": "NaN or infinite",
        "short": "the function 'wave' raised ValueError: cannot reshape",
    }.items():
        notebook.define(f"mood = {mood!r}")
        view.press("name")
        until(partial(told, words))
        assert value("_state()") == before
        until(
            lambda: same(
                view.root.locator('[data-role="name"]').get_attribute("aria-busy"), "false"
            )
        )
    notebook.define("mood = 'good'; w.refresh()")
    view.press("name")
    until(lambda: same(value("len(w.session.names)"), 3), timeout=120)
    view.press("undo")
    until(lambda: same(value("_state()"), before))
    assert view.root.locator("img").count() == 0
    assert notebook.page.evaluate("window.hit") is None
