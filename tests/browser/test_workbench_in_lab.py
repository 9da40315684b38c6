"""The whole workbench: by keyboard alone, for screen readers, under a policy, to the pixel."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from cells import FORMULA, SHOW, TUMOURS
from exported import StrictPage
from keyboard import Keyboard
from lab import Notebook, set_theme
from labview import opened
from playwright.sync_api import Page
from servers import until
from view import View, same

OpenNotebook = Callable[[Sequence[str] | Path], Notebook]

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
STATIC = files("kanwidget") / "static"
SMALLEST_BOX = 24  # pixels; on the lines of other edges lie smaller squares without a curve

NOTE_WORDS = """(element) => {
    window.said = [];
    const watch = new MutationObserver(() => window.said.push(element.textContent));
    watch.observe(element, { childList: true, characterData: true, subtree: true });
}"""

NODE_THRESHOLD = '[data-threshold="node"]'
SUGGEST = '[aria-label="Node threshold"] [data-role="suggest"]'


@pytest.fixture
def light_again(page: Page) -> Iterator[None]:
    """Leave JupyterLab as light as it was."""
    yield
    set_theme(page, "JupyterLab Light")


def test_a_whole_session_needs_nothing_but_the_keyboard(
    open_notebook: OpenNotebook, page: Page
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    notebook = open_notebook([FORMULA, SHOW])
    view = opened(notebook)
    value = notebook.value
    keys = Keyboard(page)

    def on() -> list[str]:
        held: dict[str, bool] = value("_probe.mask(model)")
        assert view.edges() == held
        return [ids for ids, is_on in held.items() if is_on]

    def kinds() -> Any:
        return value("[step.kind for step in w.session.history.path()]")

    # Look around: one step up takes the weakest node, and the way back is free.
    keys.go_to(NODE_THRESHOLD)
    keys.press("ArrowRight")
    until(lambda: same(len(on()), 12))
    keys.press("Home")
    until(lambda: same(len(on()), 15))

    # Prune as suggested, which is known as soon as the loss along the threshold is.
    page.wait_for_function(
        "(button) => !document.querySelector('.jp-OutputArea-output [data-lm-suppress-shortcuts]')"
        ".shadowRoot.querySelector(button).disabled",
        arg=SUGGEST,
    )
    keys.go_to(SUGGEST, "Shift+Tab")
    keys.press("Enter")
    until(lambda: same(len(on()), 3))
    pruned = on()
    assert value("w.node_threshold") > 0
    assert kinds()[-1] == "set"

    # To an edge that went, and back with it.
    keys.go_to(".twins button")
    keys.press("Home")
    keys.go_to("button[data-edge][aria-pressed=false]", "ArrowRight", most=8)
    edge = keys.focused("data-edge")
    assert edge is not None
    assert edge not in pruned
    keys.press("Space")
    until(lambda: same(sorted(on()), sorted([*pruned, edge])))
    assert value("w.kept_edges") == [[int(part) for part in edge.split(",")]]
    assert keys.focused("data-edge") == edge

    keys.press("Control+z")
    until(lambda: same(on(), pruned))
    keys.press("Control+Shift+z")
    until(lambda: same(sorted(on()), sorted([*pruned, edge])))

    keys.go_to('[data-role="more"]', "Shift+Tab")
    keys.press("Enter")
    keys.go_to('[data-role="commit"]')
    keys.press("Enter")
    until(lambda: same(kinds()[-2:], ["set", "commit"]))
    assert value("w.node_threshold") == 0
    left = on()
    assert sorted(left) == sorted([*pruned, edge])

    keys.go_to('[data-panel="script"]')
    keys.press("Enter")
    keys.go_to('[data-role="copy"]')
    view.root.locator('[data-role="copied"]').evaluate(NOTE_WORDS)  # they go again after a moment
    keys.press("Enter")
    until(lambda: same("copied" in page.evaluate("window.said"), True))
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == value("w.script()")

    notebook.define(
        f"again = copy.deepcopy(original)\nexec({copied!r}, dict(model=again, dataset=dataset))"
    )
    assert value("_probe.mask(again) == _probe.mask(model)")
    assert value("(again(x) - model(x)).abs().max().item()") < 1e-12
    assert not value("torch.equal(again(x), original(x))")


def serious(view: View) -> list[str]:
    """Return what axe-core holds for serious or critical in the widget."""
    found = view.root.evaluate(
        """async (root) => {
            const { violations, passes } = await axe.run(root.getRootNode().host);
            // A target in a shadow root is a path of selectors.
            const inside = passes.flatMap(({ nodes }) => nodes)
                .filter(({ target }) => Array.isArray(target[0])).length;
            if (inside < 50) throw new Error(`axe-core saw only ${inside} parts`);
            return violations
                .filter(({ impact }) => impact === 'serious' || impact === 'critical')
                .flatMap(({ id, nodes }) => nodes.map((node) =>
                    `${id}: ${node.html.slice(0, 200)}\n${node.failureSummary}`));
        }"""
    )
    return list(found)


@pytest.mark.usefixtures("light_again")
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_serious(open_notebook: OpenNotebook, page: Page, theme: str) -> None:
    notebook = open_notebook([FORMULA, SHOW])
    view = opened(notebook)
    set_theme(page, theme)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert serious(view) == []

    for panel in ("probe", "history", "script"):
        view.root.locator(f'[data-panel="{panel}"]').click()
        view.next_frame()
        assert serious(view) == [], panel
    notebook.run(
        "w.selected = [(0, 0, 0), (1, 3, 0), (1, 3), (1, 0)]\nw.node_threshold = 0.0002\n"
        "w.removed_edges = [(0, 0, 3)]"
    )
    notebook.scroll_to_widget()
    until(lambda: same(view.root.locator("[data-card]").count(), 4))
    view.root.locator('[data-panel="history"]').click()
    until(lambda: same(view.root.locator(".steps li").count() > 1, True))
    assert serious(view) == []
    view.root.locator('[data-panel="cards"]').click()
    view.next_frame()
    assert serious(view) == []

    view.press("more")
    assert serious(view) == []
    view.root.locator('input[value="matrix"]').check(force=True)
    until(lambda: same(notebook.value("w.view"), "matrix"))
    view.next_frame()
    assert serious(view) == []


@pytest.mark.parametrize("name", ["widget.js", "sweep.js"])
def test_a_bundle_is_small_and_makes_no_code_from_text(name: str) -> None:
    source = STATIC.joinpath(name).read_bytes()
    assert len(gzip.compress(source, 9)) <= 120_000
    assert not re.search(rb"\beval\s*\(|\bFunction\s*\(", source)


def test_an_exported_page_lives_under_its_own_strict_policy(page: Page, tmp_path: Path) -> None:
    from kanwidget import KAN, KANWidget, create_dataset

    data = create_dataset(lambda x: x[:, [0]] * x[:, [1]], n_var=2, train_num=100, test_num=50)
    w = KANWidget(KAN([2, 3, 1], seed=0), data)
    path = tmp_path / "page.html"
    strict = StrictPage(page, path, w.to_html(path))
    w.close()
    view = View(page)
    view.wait()
    view.root.locator('[data-panel="history"]').click()
    view.toggle("edge", "0,0,0")
    until(lambda: same(view.edges()["0,0,0"], False))
    view.root.locator(".panel.history .steps li").first.wait_for()
    tabs = view.root.locator(".tabs")
    looks = tabs.evaluate(
        "(e) => [getComputedStyle(e).borderBottomStyle, getComputedStyle(e).display]"
    )
    assert looks == ["solid", "flex"]
    assert view.root.evaluate("(e) => getComputedStyle(e).getPropertyValue('--ink')") != ""
    strict.assert_kept()


NOISY = """
import torch
from kanwidget import KAN, KANWidget, create_dataset

dataset = create_dataset(lambda x: x[:, :2] * x[:, 1:], n_var=3, train_num=200, test_num=100)
# So much noise gives every edge a curve of its own.
model = KAN([3, 4, 2], grid=5, k=3, seed=0, noise_scale=5.0)
with torch.no_grad():
    model(dataset["train_input"])
"""


# In a box of 24 pixels a coarse screen cannot tell its frame from its curve.
@pytest.mark.parametrize("page", [2], indirect=True, ids=["fine screen"])
@pytest.mark.parametrize(
    ("cell", "edges", "height", "threshold", "left"),
    [(FORMULA, 15, 1600, 0.005, 3), (NOISY, 20, 1600, 0.0, 20), (TUMOURS, 95, 2100, 0.008, 14)],
    ids=["[2,5,1] trained", "[3,4,2] noisy", "[4,10,5,1] trained"],
)
def test_the_curve_of_every_edge_is_the_function_that_the_model_computes(
    open_notebook: OpenNotebook, cell: str, edges: int, height: int, threshold: float, left: int
) -> None:
    notebook = open_notebook([cell, 'w = KANWidget(model, dataset, view="network")\nw'])
    notebook.page.set_viewport_size({"width": 1400, "height": height})
    view = opened(notebook)
    curves = notebook.value("_probe.curves(model, w._curves_x)")

    def boxes() -> list[str]:
        on, areas = view.edges(), view.areas("edge")
        return [ids for ids in on if on[ids] and areas[ids]["width"] >= SMALLEST_BOX]

    def assert_drawn(count: int) -> None:
        shown = boxes()
        assert len(shown) == count
        view.assert_curves(shown, curves)

    # As tall as the screen, so that each of fifty edges in one layer has a box.
    view.root.locator('[data-role="full-screen"]').click()
    notebook.page.mouse.move(2, 2)
    until(lambda: assert_drawn(edges))
    view.root.locator('[data-role="full-screen"]').click()
    notebook.run(f"w.node_threshold = {threshold}")
    notebook.scroll_to_widget()
    until(lambda: same(sum(view.edges().values()), left))
    until(lambda: assert_drawn(left))
