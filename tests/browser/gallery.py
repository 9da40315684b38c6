"""The pictures of `examples/gallery`: `make gallery` takes them anew, and plain test runs do not.

They are of the widget at work in JupyterLab, and a picture of what is not so fails: each is taken
after the state it shows has been confirmed by Python.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from cells import FORMULA, TUMOURS
from lab import Notebook, set_theme
from PIL import Image
from playwright.sync_api import Page
from servers import until
from view import View, rectangle, same

OpenNotebook = Callable[[Sequence[str] | Path], Notebook]

GALLERY = Path(__file__).parents[2] / "examples" / "gallery"
LARGEST = 250_000  # bytes
COLOURS = 192

pytestmark = pytest.mark.parametrize("page", [1.5], indirect=True, ids=["fine"])

# The digits are of 8 x 8 pixels: there is no larger set without a download.
DIGITS = """
import torch
from kanwidget import KAN, KANWidget
from sklearn.datasets import load_digits
from torch.nn.functional import cross_entropy, interpolate

# Two threads of a busy machine are slower than one.
torch.set_num_threads(1)
digits = load_digits()
small = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 8 - 1
pixels = interpolate(small, size=(28, 28), mode="bilinear").flatten(1)
labels = torch.tensor(digits.target)
dataset = {"train_input": pixels[:1300], "train_label": labels[:1300]}
dataset |= {"test_input": pixels[1300:], "test_label": labels[1300:]}
model = KAN([784, 64, 10], grid=3, k=3, seed=0, dtype=torch.float32)
model.fit(dataset, opt="Adam", lr=0.01, steps=200, batch=128, lamb=0.003, loss_fn=cross_entropy,
          update_grid=False, progress=False)
"""


def widget(arguments: str = "", width: int = 960, then: str = "") -> str:
    """Return a cell that makes a widget, does something to it, and shows it."""
    return f'w = KANWidget(model, dataset, {arguments}layout={{"width": "{width}px"}})\n{then}\nw'


class Studio:
    """A notebook with a widget, and a camera."""

    def __init__(self, notebook: Notebook, edges: int | None = None, height: int = 3000) -> None:
        self.notebook = notebook
        notebook.page.set_viewport_size({"width": 1500, "height": height})
        notebook.run_all()
        notebook.scroll_to_widget()
        self.view = View(notebook.page)
        # Where a training ends differs between processors: then it is what Python says.
        self.settle(notebook.value("w.active_edges") if edges is None else edges)

    def settle(self, edges: int) -> None:
        """Wait until both sides have so many edges, and nothing moves or waits any more."""
        until(lambda: same(self.notebook.value("w.active_edges"), edges))
        until(lambda: same(self.view.status().split()[0].replace(",", ""), str(edges)))
        plots = self.view.root.locator(".lossplot[data-unknown]")
        until(lambda: same(plots.count(), 0))
        self.notebook.page.wait_for_timeout(800)

    def do(self, source: str, edges: int) -> None:
        """Do something in Python, and wait for it."""
        self.notebook.run(source)
        self.notebook.scroll_to_widget()
        self.settle(edges)

    def press(self, role: str) -> None:
        """Press one of the view's buttons."""
        self.view.root.locator(role).click()
        self.notebook.page.mouse.move(2, 2)

    def step(self, count: int, edges: int) -> None:
        """Take the weakest hidden nodes, so many: their scores differ from machine to machine."""
        self.view.threshold().focus()
        for _ in range(count):
            self.notebook.page.keyboard.press("ArrowRight")
        self.view.root.evaluate("(root) => root.getRootNode().activeElement.blur()")
        self.settle(edges)

    def take(self, name: str, below: str = "", above: str = "") -> None:
        """Take a picture of the widget, or of what begins with some part of it, or ends before one.

        It must be small enough for a repository.
        """
        page = self.notebook.page
        page.mouse.move(2, 2)
        if above:
            self.view.root.evaluate("(root) => root.scrollIntoView()")
        page.wait_for_timeout(400)
        picture = Image.open(io.BytesIO(self.view.root.screenshot())).convert("RGB")
        frame = rectangle(self.view.root)
        first, last = 0, picture.height
        for part in filter(None, (below, above)):
            top = rectangle(self.view.root.locator(part))["y"] - frame["y"]
            cut = round(top * picture.width / frame["width"])
            first, last = (cut, last) if part == below else (first, cut)
        picture = picture.crop((0, first, picture.width, last))
        small = picture.quantize(
            COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
        path = GALLERY / f"{name}.png"
        small.save(path, optimize=True)
        assert path.stat().st_size < LARGEST, f"{path.name}: {path.stat().st_size} bytes"


@pytest.fixture
def dark(page: Page) -> Iterator[Callable[[Notebook], None]]:
    """Make JupyterLab dark, until the end of the test."""
    changed: list[Notebook] = []

    def change(notebook: Notebook) -> None:
        changed.append(notebook)
        set_theme(notebook.page, "JupyterLab Dark")

    yield change
    for notebook in changed:
        set_theme(notebook.page, "JupyterLab Light")


def test_before_and_after(open_notebook: OpenNotebook) -> None:
    studio = Studio(open_notebook([FORMULA, widget()]), 15)
    studio.take("before")
    studio.press('.slider[aria-label="Node threshold"] [data-role="suggest"]')
    studio.settle(3)
    studio.take("after")


def test_formula(open_notebook: OpenNotebook) -> None:
    made = "w.node_threshold = 0.005"
    studio = Studio(open_notebook([FORMULA, widget(width=1120, then=made)]), 3)
    # With room for the formula beside the network, and no more height than a screen has.
    studio.notebook.page.set_viewport_size({"width": 1750, "height": 760})
    studio.notebook.scroll_to_widget()
    studio.press('[data-role="name"]')
    math = studio.view.root.locator('[data-role="math"] math')
    until(lambda: same("π" in (math.text_content() or ""), True), timeout=30)
    studio.settle(3)
    studio.take("formula")


def test_light_and_dark(open_notebook: OpenNotebook, dark: Callable[[Notebook], None]) -> None:
    made = "w.selected = [(0, 0, 3), (0, 1, 3), (1, 3, 0)]"
    studio = Studio(open_notebook([FORMULA, widget(then=made)]), 15)
    studio.step(2, 9)
    studio.take("light")
    dark(studio.notebook)
    studio.take("dark")


def test_card(open_notebook: OpenNotebook) -> None:
    made = "w.node_threshold = 0.005\nw.selected = [(0, 0, 3), (0, 1, 3), (1, 3)]"
    studio = Studio(open_notebook([FORMULA, widget(then=made)]), 3)
    studio.press('[data-panel="probe"]')
    studio.take("card", below=".middle")


def test_narrow(open_notebook: OpenNotebook) -> None:
    # As high as a screen, and no more of the widget than is seen on it.
    studio = Studio(open_notebook([FORMULA, widget(width=400)]), 15, height=900)
    studio.press('.slider[aria-label="Node threshold"] [data-role="suggest"]')
    studio.settle(3)
    studio.take("narrow", above=".inspector")


def test_medium(open_notebook: OpenNotebook) -> None:
    names = 'in_vars=["radius", "texture", "smoothness", "concavity"], out_vars=["malignant"], '
    made = "w.node_threshold = 0.008\nw.edge_threshold = 0.002"
    studio = Studio(open_notebook([TUMOURS, widget(f"metric=log_loss, {names}", then=made)]))
    studio.take("medium")


def test_matrix(open_notebook: OpenNotebook) -> None:
    arguments = "metric=cross_entropy, input_shape=(28, 28), out_vars=list('0123456789'), "
    studio = Studio(open_notebook([DIGITS, widget(arguments)]), 50816)
    studio.take("matrix")


def test_history(open_notebook: OpenNotebook) -> None:
    studio = Studio(open_notebook([FORMULA, widget()]), 15)
    studio.step(2, 9)
    studio.do("w.removed_edges = [(0, 0, 3)]", 8)
    studio.do("w.undo()", 9)
    studio.do("w.session.note(w.session.history.current.id, 'two weakest nodes: free')", 9)
    studio.do("w.node_threshold = 0.005", 3)
    studio.do("w.commit()", 3)
    studio.press('[data-panel="history"]')
    studio.take("history", below=".inspector")
