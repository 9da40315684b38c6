"""The exported page, from a file and with the network off: it computes what Python computes."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import kanprobe
import numpy as np
import pytest
import torch
from cells import EDGES
from exported import ExportedPage, arrays_in
from playwright.sync_api import Page
from servers import until
from torch import Tensor
from view import Curves, same

from kanwidget import KAN, KANWidget, PruningSession, create_dataset
from kanwidget.session.words import step_words

ROWS = 200
DRAGS = [
    *(("node", share) for share in (0.04, 0.15, 0.35, 0.41, 0.7, 0)),
    *(("edge", share) for share in (0.3, 0.55, 0.67, 0.8)),
    ("node", 0.35),
]
"""Places to drag a slider to: thumbs snap, so that not all of them tell something new."""


class Demo(NamedTuple):
    """The seed's demo, as a page, and a session in Python on the rows that the page holds."""

    path: Path
    html: str
    model: KAN
    dataset: dict[str, Tensor]
    rows: tuple[Tensor, Tensor]
    packed_x: bytes

    def loss(self, model: KAN) -> float:
        """Return the loss by the model's own forward pass."""
        x, y = self.rows
        with torch.no_grad():
            return float((model(x) - y).square().mean().sqrt())


class Twin:
    """A session that does in Python what a hand does on the page."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo
        self.model = copy.deepcopy(demo.model)
        x, y = demo.rows
        # Scores come from the training inputs, the loss from the rows of the page.
        data = {**demo.dataset, "test_input": x, "test_label": y}
        self.session = PruningSession(self.model, data)

    def curves(self) -> Curves:
        """Return each edge's function in the live model."""
        found = kanprobe.curves(self.model, self.demo.packed_x)
        return {ids: (xs, ys) for ids, (xs, ys) in found.items()}

    def assert_agrees(self, view: ExportedPage) -> None:
        """Check mask, number of edges and loss, this to 1e-6."""
        mask = kanprobe.mask(self.model)
        assert view.edges() == mask
        assert view.count() == sum(mask.values())
        assert view.loss() == pytest.approx(self.demo.loss(self.model), rel=1e-6)
        assert view.loss() == pytest.approx(self.session.loss, rel=1e-6)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Train the demo and export it, before any browser runs its loop in this thread."""
    dataset = create_dataset(
        lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2
    )
    model = KAN([2, 5, 1], grid=5, k=3, seed=0)
    model.fit(dataset, steps=20, lamb=0.01, lamb_entropy=10.0, progress=False)
    original = copy.deepcopy(model)
    w = KANWidget(model, dataset)
    path = tmp_path_factory.mktemp("page") / "demo.html"
    html = w.to_html(path, title="The demo", data_rows=ROWS)
    packed_x = w._curves_x
    w.close()
    x, y = dataset["test_input"], dataset["test_label"]
    some = torch.linspace(0, len(x) - 1, ROWS).round().long()
    return Demo(path, html, original, dataset, (x[some], y[some]), packed_x)


@pytest.fixture
def twin(demo: Demo) -> Iterator[Twin]:
    twin = Twin(demo)
    yield twin
    twin.session.close()


@pytest.fixture
def view(demo: Demo, page: Page) -> Iterator[ExportedPage]:
    view = ExportedPage(page, demo.path)
    view.wait()
    yield view
    assert view.requests, "the file itself is asked for"
    assert set(view.requests) == {view.url}


def test_it_is_one_small_file_that_says_what_it_holds(demo: Demo, view: ExportedPage) -> None:
    assert demo.path.stat().st_size == len(demo.html.encode()) < 2_000_000
    assert "src=" not in re.sub(r"<script.*?</script>", "", demo.html, flags=re.DOTALL)
    text = view.page.inner_text("body")
    assert "This page holds 15 edges and 200 of 1,000 rows of data" in text
    assert "What you try here stays on this page." in text
    assert "commit" not in text
    assert "test RMSE (200 rows)" in view.status()
    assert view.page.title() == view.page.inner_text("h1") == "The demo"


def test_dragging_shows_the_curves_the_loss_and_the_edges_that_python_gives(
    twin: Twin, view: ExportedPage
) -> None:
    twin.assert_agrees(view)
    seen = set()
    for axis, share in DRAGS:
        view.drag(axis, share)

        def agree() -> None:
            # The page's own lines, which are rounded, as people like it, but to the same mask.
            twin.session.reset()
            levels = re.findall(r"(node_threshold|edge_threshold)=([\d.e-]+)", view.script())
            changes: dict[str, Any] = {name: float(level) for name, level in levels}
            twin.session.set(**changes)
            twin.assert_agrees(view)

        def settled() -> None:
            agree()
            assert view.script() == twin.session.script()

        until(agree)  # in the hand
        view.page.mouse.up()
        until(settled)
        on = [ids for ids, is_on in view.edges().items() if is_on]
        curves = twin.curves()
        until(lambda on=on, curves=curves: view.assert_curves(on, curves))  # type: ignore[misc]
        seen.add(view.count())
    assert len(seen) >= 5, f"the places tell too little apart: {seen}"


def test_switches_undo_redo_history_and_script_go_as_in_python(
    twin: Twin, view: ExportedPage
) -> None:
    session = twin.session

    def agree() -> None:
        twin.assert_agrees(view)
        assert view.script() == session.script()
        commands = session.history.commands
        assert view.steps() == [step_words(c.what, c.edges_removed) for c in commands]

    until(agree)
    view.toggle("edge", "0,0,1")
    session.remove_edge(0, 0, 1)
    until(lambda: same(view.edges()["0,0,1"], False))
    until(lambda: same(len(view.steps()), 2))
    view.click("node", "1,3")
    session.remove_node(1, 3)
    until(lambda: same(len(view.steps()), 3))
    until(lambda: twin.assert_agrees(view))
    view.press("undo")
    session.undo()
    until(lambda: twin.assert_agrees(view))
    view.press("undo")
    session.undo()
    until(lambda: twin.assert_agrees(view))
    assert all(view.edges().values())
    view.press("redo")
    session.redo()
    until(lambda: twin.assert_agrees(view))
    view.press("more")
    view.root.get_by_label("Keep mean of removed edges").click()
    view.page.keyboard.press("Escape")
    session.set(keep_mean=False)
    until(lambda: twin.assert_agrees(view))
    view.panel("history")
    view.root.locator('.steps .go[data-step="2"]').click()
    session.jump(2)
    until(lambda: twin.assert_agrees(view))
    assert view.script() == session.script()
    view.press("reset")
    session.reset()
    until(lambda: twin.assert_agrees(view))
    assert view.script() == session.script()
    assert len(view.steps()) == len(session.history.commands) == 5


def test_there_is_no_commit_where_there_is_no_model(view: ExportedPage) -> None:
    assert view.root.locator('button[data-role="undo"]').is_visible()
    assert view.root.locator('button[data-role="commit"]').count() == 0


def test_cards_tell_what_a_switch_would_cost(twin: Twin, view: ExportedPage) -> None:
    box = view.twin("edge", "0,1,2").bounding_box()
    assert box is not None
    view.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    card = view.root.locator("[data-card]")
    card.wait_for()
    assert "x2 → " in card.inner_text().replace("\n", "")
    twin.session.remove_edge(0, 1, 2)
    price = f"→ {figures(twin.session.loss)}"
    until(lambda: same(price in card.inner_text(), True))
    twin.session.undo()
    card.locator('[data-role="close"]').click()
    card.wait_for(state="detached")


def test_a_probe_shows_what_the_forward_pass_gives(twin: Twin, view: ExportedPage) -> None:
    view.toggle("edge", "0,0,1")
    twin.session.remove_edge(0, 0, 1)
    view.panel("probe")
    x, y = twin.demo.rows
    with torch.no_grad():
        truth = twin.model(x)
    outputs = view.root.locator('[data-role="outputs"]')
    for row in range(5):
        told = f"f(x) = {figures(truth[row].item())}, label {figures(y[row].item())}"
        until(lambda told=told: same(outputs.inner_text(), told.replace("-", "−")))  # type: ignore[misc]
        view.press("next-row")
    assert "of 1,000 (200 here)" in view.root.locator(".picker").inner_text()


def test_a_reload_starts_again(demo: Demo, twin: Twin, view: ExportedPage) -> None:
    view.toggle("node", "1,0")
    until(lambda: same(view.edges()["1,0,0"], False))
    view.page.reload()
    view.wait()
    until(lambda: twin.assert_agrees(view))
    assert sorted(view.edges()) == EDGES
    assert view.threshold().input_value() == "0"


def test_its_picture_can_be_saved(view: ExportedPage) -> None:
    for entry, first in (("Save as SVG", b"<?xml"), ("Save as PNG (2×)", b"\x89PNG")):
        view.press("picture")
        with view.page.expect_download() as download:
            view.root.get_by_role("menuitem", name=entry).click()
        content = Path(download.value.path()).read_bytes()
        assert content.startswith(first)
        assert len(content) > 3000
        hint = view.root.locator(".tools .hint").inner_text()
        assert download.value.suggested_filename in hint
        assert "Python" not in hint


# What it holds ------------------------------------------------------------------------------


@pytest.mark.parametrize("data_rows", [0, 1, 7])
def test_it_holds_no_more_of_the_data_than_asked(
    demo: Demo, page: Page, tmp_path: Path, data_rows: int
) -> None:
    w = KANWidget(copy.deepcopy(demo.model), demo.dataset)
    path = tmp_path / "page.html"
    html = w.to_html(path, data_rows=data_rows)
    w.close()
    arrays = arrays_in(html)
    kept = [arrays[name] for name in ("_rows", "_row_labels") if name in arrays]
    assert [len(array) for array in kept] == [data_rows] * len(kept)
    assert len(kept) == (2 if data_rows else 0)
    allowed = np.unique(np.concatenate([np.empty(0), *(a.ravel() for a in kept)]).astype("f4"))
    data = torch.cat([part.flatten() for part in demo.dataset.values()]).numpy().astype("f4")
    secret = np.setdiff1d(np.unique(data), allowed)
    for name, array in arrays.items():
        if array.dtype != np.uint8:
            found = np.intersect1d(array.astype("f4").ravel(), secret)
            # Of thousands of numbers, one may be equal by chance.
            assert found.size < 2, f"{name} holds {found[:3]} of the data"
    if not data_rows:
        assert {"_density", "_rows", "_row_labels", "_grid"}.isdisjoint(arrays)

    view = ExportedPage(page, path)
    view.wait()
    view.toggle("edge", "0,0,1")
    until(lambda: same(view.count(), 14))
    assert ("RMSE" in view.status()) == bool(data_rows)


TITLE = "</script><script>window.hurt=1</script>\"'&amp;\u2028<!-- \u202e" + "long " * 2000
NAMES = ["</script><img src=x onerror=window.hurt=1>", "\"'&<!--\u2028" + "z" * 3000]


def test_hostile_titles_and_names_are_text(demo: Demo, page: Page, tmp_path: Path) -> None:
    w = KANWidget(copy.deepcopy(demo.model), demo.dataset, in_vars=NAMES, out_vars=["]]>\x00{{}}"])
    path = tmp_path / "page.html"
    w.to_html(path, title=TITLE, data_rows=3)
    w.close()
    view = ExportedPage(page, path)
    view.wait()
    assert page.evaluate("window.hurt") is None
    assert page.locator("h1").text_content() == TITLE
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == view.root.locator("img").count() == 0
    names = view.root.locator("button[data-node]").evaluate_all(
        "all => all.map((b) => b.getAttribute('aria-label') ?? b.textContent)"
    )
    assert f"Input {NAMES[0]}" in names
    assert f"Input {NAMES[1]}" in names
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert set(view.requests) == {view.url}


def test_half_a_character_in_a_title_is_no_reason_to_fail(demo: Demo, tmp_path: Path) -> None:
    w = KANWidget(copy.deepcopy(demo.model), demo.dataset, in_vars=["\ud83d", "y"])
    html = w.to_html(tmp_path / "page.html", title="half \ud83d of it", data_rows=0)
    w.close()
    assert "<title>half ? of it</title>" in html
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == html


@pytest.mark.parametrize(("width", "megabytes"), [([64, 64, 10], 5), ([784, 64, 10], 15)])
def test_a_wide_network_tells_the_loss_that_python_gives(
    width: list[int], megabytes: float, page: Page, tmp_path: Path
) -> None:
    generator = torch.Generator().manual_seed(0)
    model = KAN(width, grid=3, seed=0)
    x = torch.rand(300, width[0], dtype=torch.float64, generator=generator)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(0.1 * noise)
        y = model(x)
        y += 0.01 * y.std() * torch.randn(y.shape, generator=generator, dtype=torch.float64)
    some = torch.linspace(0, len(x) - 1, ROWS).round().long()
    data = {"train_input": x, "train_label": y, "test_input": x[some], "test_label": y[some]}
    w = KANWidget(model, {**data, "test_input": x, "test_label": y})
    path = tmp_path / "page.html"
    w.to_html(path, data_rows=ROWS)
    w.close()
    assert path.stat().st_size < megabytes * 1_000_000

    view = ExportedPage(page, path)
    with PruningSession(model, data) as session:
        total = session.active_edges
        until(lambda: same(view.count(), total))
        assert "every loss is computed here" in page.inner_text("body")
        assert view.loss() == pytest.approx(session.loss, rel=1e-6)
        scores = torch.cat([score.flatten() for score in session.scores]).sort().values
        for share in (0.3, 0.9):
            threshold = float(scores[int(share * total)])
            field = view.root.locator('[data-readout="edge"]')
            field.fill(repr(threshold))
            field.press("Enter")
            session.set(edge_threshold=threshold)
            until(lambda: same(view.count(), session.active_edges))
            # It comes when nothing has been moved for a moment.
            until(lambda: same(view.root.locator(".status .loss").inner_text() != "", True))
            assert view.loss() == pytest.approx(session.loss, rel=1e-6)
            assert view.loss() != pytest.approx(session.baseline.loss, rel=1e-3)
        assert view.root.locator('[data-role="error"]').inner_text() == ""
        # Whatever is still computed, the page answers.
        slowest = page.evaluate(SLOWEST, 2000)
        assert slowest < 400
        view.press("undo")
        session.undo()
        until(lambda: same(view.count(), session.active_edges))
        assert view.loss() == pytest.approx(session.loss, rel=1e-6)
    assert set(view.requests) == {view.url}


SLOWEST = """async (milliseconds) => {
  const start = performance.now();
  let [last, worst] = [start, 0];
  while (last - start < milliseconds) {
    await new Promise((resolve) => setTimeout(resolve));
    worst = Math.max(worst, performance.now() - last);
    last = performance.now();
  }
  return worst;
}"""
"""The longest time that the page took no event."""


def test_a_network_beyond_all_tables_is_shown_without_a_loss(page: Page, tmp_path: Path) -> None:
    model = KAN([50, 50, 10], grid=3, seed=0, base_fun=torch.tanh)
    with torch.no_grad():
        model.layers[0].coef[3, 4] = torch.nan
        model.layers[0].mask[3, 4] = 0
        model(torch.rand(50, 50, dtype=torch.float64))
    w = KANWidget(model)
    path = tmp_path / "page.html"
    w.to_html(path)
    w.close()
    view = ExportedPage(page, path)
    until(lambda: same(view.count(), 2999))
    assert "It tells the losses that were measured when it was made" in page.inner_text("body")
    field = view.root.locator('[data-readout="edge"]')
    field.fill("1000")
    field.press("Enter")
    until(lambda: same(view.count(), 0))
    assert view.root.locator(".status .loss").inner_text() == ""
    assert view.root.locator('[data-role="error"]').inner_text() == ""
    view.press("undo")
    until(lambda: same(view.count(), 2999))
    assert view.loss() == 0.0


def figures(value: float) -> str:
    """Return four figures, as the page writes them."""
    return f"{value:#.4g}".rstrip(".")


def test_a_training_is_gone_through_step_by_step(tmp_path: Path, page: Page) -> None:
    dataset = create_dataset(lambda x: torch.sin(3 * x[:, [0]]) + x[:, [1]] ** 2, n_var=2)
    model = KAN([2, 3, 1], grid=3, seed=0)
    w = KANWidget(model, dataset)
    w.remove_edge(0, 0, 1)
    w.session.fit(12)
    w.refresh()
    w.to_html(tmp_path / "trained.html")
    edges, losses = w.active_edges, w.session.run.results if w.session.run else {}
    w.close()
    shown = ExportedPage(page, tmp_path / "trained.html")
    shown.panel("train")
    now = shown.loss()
    slider = shown.root.locator('[data-role="frame"]')
    said, told = slider.locator("xpath=../output"), shown.root.locator('[data-role="losses"]')
    assert said.inner_text() == "now"
    picture = shown.root.locator("canvas").first.screenshot()
    slider.focus()
    page.keyboard.press("Home")
    until(lambda: same(said.inner_text(), "before the first step"))
    assert shown.count() == edges
    until(lambda: same(shown.root.locator("canvas").first.screenshot() == picture, False))
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    until(lambda: same(said.inner_text(), "after 3 steps"))
    assert f"{losses['test_loss'][2]:.4g}"[:5] in told.inner_text()
    shown.toggle("edge", "0,0,0")  # what is decided is decided of the network as it is
    until(lambda: same("earlier step" in shown.root.inner_text(), True))
    assert shown.count() == edges
    slider.focus()
    page.keyboard.press("End")
    until(lambda: same(said.inner_text(), "now"))
    assert shown.loss() == now
    shown.toggle("edge", "0,0,0")
    until(lambda: same(shown.count() != edges, True))
    shown.press("undo")
    until(lambda: same((shown.count(), shown.loss()), (edges, now)))


def test_names_are_switched_off_and_on(tmp_path: Path, page: Page) -> None:
    dataset = create_dataset(
        lambda x: torch.exp(torch.sin(3 * x[:, [0]]) + x[:, [1]] ** 2),
        n_var=2,
        train_num=150,
        test_num=150,
    )
    model = KAN([2, 2, 1], grid=5, seed=0)
    model.fit(dataset, steps=10, progress=False)
    w = KANWidget(model, dataset)
    w.session.name(0, 0, 0, "sin")
    w.session.name(1, 0, 0, "exp")
    w.refresh()
    w.to_html(tmp_path / "named.html", data_rows=ROWS)
    named = w.loss
    w.remove_edge(0, 1, 1)
    removed = w.loss
    w.session.unname(0, 0, 0)
    first = w.session.loss
    w.session.unname(1, 0, 0)
    both = w.session.loss
    w.close()
    assert len({named, removed, first, both}) == 4

    shown = ExportedPage(page, tmp_path / "named.html")
    shown.wait()
    assert shown.loss() == pytest.approx(named, rel=1e-6)
    start = shown.loss()
    picture = shown.root.locator("canvas").first.screenshot()

    def card(ids: str) -> None:
        shown.twin("edge", ids).focus()
        page.keyboard.press("Enter")

    def agrees(expected: float) -> None:
        until(lambda: same(shown.loss() == pytest.approx(expected, rel=1e-6), True))

    shown.toggle("edge", "0,1,1")
    agrees(removed)
    card("0,0,0")
    shown.root.get_by_role("button", name="Back to the spline").click()
    agrees(first)
    again = shown.root.get_by_role("button", name="Name it again: sin")
    assert again.evaluate("button => button === button.getRootNode().activeElement")
    page.keyboard.press("Escape")
    card("1,0,0")
    shown.press("unname")
    agrees(both)
    for expected in (first, removed, named):
        shown.press("undo")
        agrees(expected)
    assert shown.loss() == start
    card("0,0,0")
    shown.press("unname")
    until(lambda: same(shown.loss() != start, True))
    until(lambda: same(shown.root.locator("canvas").first.screenshot() == picture, False))
    shown.press("name-again")
    until(lambda: same(shown.loss(), start))
