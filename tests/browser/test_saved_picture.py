"""The saved picture and the live one: boxes, curves and lines are at the same places."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from ink import Box, Pixels, curve_points
from lab import JupyterServer
from nbconvert import HTMLExporter
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page
from scipy.ndimage import distance_transform_edt  # type: ignore[import-untyped]
from view import rectangle

from kanwidget import KAN, KANWidget, create_dataset
from kanwidget.figure.layout import Layout
from kanwidget.figure.network import layout_of
from kanwidget.figure.paths import Box as PlacedBox
from kanwidget.figure.snapshot import Snapshot, read_snapshot

NEAR = 1.5
"""CSS pixels within which each picture has the other's ink."""

BOLD = 70
"""Ink that differs from the paper by so much (of 255): all but what is faint on purpose."""

# Names as wide as names may be: no font makes the two layouts differ.
LONG = "a name that is far too long to be written"


def by_hand(w: KANWidget) -> None:
    w.remove_edge(0, 0, 1)
    w.remove_node(1, 3)


def by_threshold(w: KANWidget) -> None:
    w.node_threshold = threshold(w)


STEPS: dict[str, Callable[[KANWidget], None]] = {
    "all on": lambda w: None,
    "by threshold": by_threshold,
    "by hand": by_hand,
}


def threshold(w: KANWidget) -> float:
    """Return a threshold that takes two hidden nodes of five."""
    into, out = (score.amax(axis) for score, axis in zip(w.session.scores, (1, 0), strict=True))
    return float(torch.minimum(into, out).sort().values[1])


@pytest.fixture
def widget() -> Iterator[KANWidget]:
    dataset = create_dataset(
        lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2),
        n_var=2,
        train_num=200,
        test_num=100,
    )
    # So much noise gives every edge a curve of its own.
    model = KAN([2, 5, 1], seed=0, noise_scale=5.0)
    w = KANWidget(model, dataset, in_vars=[LONG, LONG], out_vars=[LONG])
    yield w
    w.close()


@pytest.mark.parametrize("page", [2], indirect=True)
@pytest.mark.parametrize("orientation", ["right", "up"])
@pytest.mark.parametrize("state", STEPS)
def test_the_svg_has_its_ink_where_the_canvas_has_it(
    page: Page, widget: KANWidget, tmp_path: Path, state: str, orientation: str
) -> None:
    STEPS[state](widget)
    widget.orientation = orientation
    canvas, area = on_canvas(page, widget, tmp_path)
    saved = in_svg(page, widget, tmp_path, area)
    assert canvas.shape == saved.shape
    known, made = laid_out(widget, area["width"])
    inside = frame(made, canvas.shape)
    # And both are the model's: two blank pictures would be alike.
    boxes = {e: place.box for e, place in made.places.items() if place.box}
    assert len(boxes) == widget.active_edges
    assert_alike(canvas, saved, inside)
    canvas, saved = (without_grounds(pixels, boxes.values()) for pixels in (canvas, saved))
    assert_alike(canvas, saved, inside)
    for name, pixels in (("canvas", canvas), ("SVG", saved)):
        away = distance_transform_edt(~inked(pixels)) / 2
        for e, box in boxes.items():
            x, y = (np.asarray(values, np.float64) for values in known.curve(e))
            points = np.floor(2 * curve_points(x, y, Box(*box))).astype(int)
            worst = away[points[:, 1], points[:, 0]].max()
            assert worst <= NEAR, f"{name}: edge {e}'s curve is {worst:.1f} px from ink"


@pytest.mark.parametrize("page", [2], indirect=True)
def test_a_picture_of_another_state_is_told(page: Page, widget: KANWidget, tmp_path: Path) -> None:
    widget.orientation = "right"
    canvas, area = on_canvas(page, widget, tmp_path)
    saved = in_svg(page, widget, tmp_path, area)
    inside = frame(laid_out(widget, area["width"])[1], canvas.shape)
    with pytest.raises(AssertionError, match="px from"):
        assert_alike(canvas, np.roll(saved, 6, axis=1), inside)
    widget.remove_edge(0, 0, 0)
    with pytest.raises(AssertionError, match="px from"):
        assert_alike(canvas, in_svg(page, widget, tmp_path, area), inside)


def test_a_saved_notebook_shows_the_picture_where_nothing_runs(
    page: Page, widget: KANWidget, tmp_path: Path, lab_server: JupyterServer
) -> None:
    widget.remove_edge(0, 0, 1)
    data, metadata = widget._repr_mimebundle_()
    shown = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    cell = nbformat.v4.new_code_cell("w", outputs=[shown])
    # Nobody has its kernel, and nobody trusts it: it came by mail.
    kernel = {"name": "none-such", "display_name": "none such", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
    size = metadata["image/png"]

    # Its head would ask a CDN for formulas, with or without a widget.
    exporter = HTMLExporter(require_js_url="", mathjax_url="")
    body, _ = exporter.from_notebook_node(notebook)
    (tmp_path / "saved.html").write_text(body, encoding="utf-8")
    page.goto((tmp_path / "saved.html").as_uri())
    assert_shown(page.locator(".jp-OutputArea-output img"), size)

    nbformat.write(notebook, lab_server.root / "by_mail.ipynb")
    page.goto(lab_server.address("by_mail.ipynb"))
    assert_shown(page.locator(".jp-OutputArea-output img"), size)


def assert_shown(image: Locator, size: dict[str, int]) -> None:
    image.wait_for()
    area = rectangle(image)
    assert (area["width"], area["height"]) == (size["width"], size["height"])
    assert image.evaluate("(image) => image.complete && image.naturalWidth > 0")


# What a canvas has been painted with; it is out of sight on paper.
PAINTED = """(canvas) => [canvas.toDataURL(), ...['width', 'height'].map((name) =>
    parseFloat(canvas.style[name]))]"""


def on_canvas(page: Page, widget: KANWidget, folder: Path) -> tuple[Pixels, FloatRect]:
    """Return what the page without a kernel draws for paper, and its size.

    On a screen the network fills the window, whose size Python does not know.
    """
    path = folder / "page.html"
    widget.to_html(path)
    page.goto(path.as_uri())
    root = page.locator(".kanwidget").first
    root.locator('button[data-edge="0,0,0"]').wait_for(state="attached")
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    url, width, height = root.locator("canvas").first.evaluate(PAINTED)
    painted = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGBA")
    paper = Image.new("RGBA", painted.size, "white")
    paper.alpha_composite(painted)
    return np.asarray(paper.convert("RGB")), FloatRect(x=0, y=0, width=width, height=height)


def in_svg(page: Page, widget: KANWidget, folder: Path, area: FloatRect) -> Pixels:
    """Return what the browser makes of the SVG of the canvas's size."""
    path = folder / "picture.svg"
    widget.save_image(path, width=area["width"] / 96)
    page.goto(path.as_uri())
    clip: FloatRect = {"x": 0, "y": 0, "width": area["width"], "height": area["height"]}
    return pixels_of(page.screenshot(clip=clip))


def pixels_of(png: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def laid_out(widget: KANWidget, width: float) -> tuple[Snapshot, Layout]:
    state = read_snapshot(widget.session, widget.in_vars, widget.out_vars)
    return state, layout_of(state, width, widget.orientation)


def frame(made: Layout, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return where there is no name: the fonts of the two may differ."""
    inside = np.zeros(shape[:2], bool)
    far = 7  # more than a node's radius
    x, y = (slice(int(2 * (v.min() - far)), int(2 * (v.max() + far))) for v in (made.x, made.y))
    if made.orientation == "up":
        inside[y, :] = True
    else:
        inside[:, x] = True
    return inside


def assert_alike(one: Pixels, other: Pixels, inside: NDArray[np.bool_]) -> None:
    """Check that each of two pictures has ink wherever the other has, of the same colour."""
    for mine, theirs in ((one, other), (other, one)):
        ink = inked(mine) & inside
        assert ink.sum() > 0.005 * inside.sum(), "there is hardly any ink"
        # What is a little fainter there is still there.
        astray = np.where(ink, distance_transform_edt(~inked(theirs, 0.6 * BOLD)) / 2, 0)
        worst = np.unravel_index(astray.argmax(), astray.shape)
        where = [round(float(at) / 2, 1) for at in worst[::-1]]
        assert astray.max() <= NEAR, f"ink at {where} is {astray.max():.1f} px from the other's"


def without_grounds(pixels: Pixels, boxes: Iterable[PlacedBox]) -> Pixels:
    """Return a picture in which boxes are white, and darker where they differ from their ground."""
    flat = pixels.copy()
    for box in boxes:
        left, top, side = (round(2 * number) for number in box)
        part = pixels[top : top + side, left : left + side].astype(int)
        colours, counts = np.unique(part.reshape(-1, 3), axis=0, return_counts=True)
        away = np.abs(part - colours[counts.argmax()]).max(2, keepdims=True)
        flat[top : top + side, left : left + side] = 255 - away
    return flat


def inked(pixels: Pixels, least: float = BOLD) -> NDArray[np.bool_]:
    """Return where a picture differs from paper."""
    ink: NDArray[np.bool_] = 255 - pixels.min(2).astype(int) > least
    return ink
