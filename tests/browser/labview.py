"""The widget ``w`` of a notebook in JupyterLab, beside what its kernel says of the model."""

from __future__ import annotations

import math
from collections.abc import Iterable

from lab import Notebook
from servers import until
from view import Curves, View, same


class LabView(View):
    """The widget ``w`` of a notebook."""

    def __init__(self, notebook: Notebook) -> None:
        super().__init__(notebook.page)
        self.notebook = notebook

    def assert_shown(self, edges: Iterable[str]) -> None:
        """Check the pixels of these edges' boxes against the live model's functions."""
        curves: Curves = self.notebook.value("_probe.curves(model, w._curves_x)")
        self.assert_curves(edges, curves)

    def assert_agrees(self) -> None:
        """Check that page, traits and model name the same edges on."""
        mask = self.notebook.value("_probe.mask(model)")
        assert self.edges() == mask
        assert self.notebook.value("w.active_edges") == sum(mask.values())


def between(scores: dict[str, float], taken: int) -> tuple[float, float]:
    """Return the slider positions between which the threshold takes so many nodes."""
    ordered = sorted(scores.values())
    low, high = min(s for s in ordered if s > 0) / 2, 1.1 * ordered[-1]

    def position(score: float) -> float:
        return 1 + 999 * math.log(score / low) / math.log(high / low)

    first, last = position(ordered[taken - 1]), position(ordered[taken])
    assert last - first > 20, "these scores lie too close together to aim between them"
    return first + 5, last - 5


def look(notebook: Notebook) -> LabView:
    """Bring the widget into view and wait until it is drawn."""
    notebook.define("import kanprobe as _probe")
    notebook.scroll_to_widget()
    view = LabView(notebook)
    view.wait()
    return view


def opened(notebook: Notebook) -> LabView:
    """Run a notebook, and wait for its widget."""
    notebook.run_all()
    return look(notebook)


def pruned(view: LabView) -> None:
    """Wait until *Prune* has gone as far as it may along both thresholds, in the kernel too."""
    button = view.root.locator('[data-role="prune"]')
    until(lambda: same(button.get_attribute("aria-busy"), "false"))
    until(view.assert_agrees)
