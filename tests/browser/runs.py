"""A sweep that runs on a page: its cells, its points, and its networks."""

from __future__ import annotations

import re

from playwright.sync_api import Page
from view import View, at_rest

DATA = """
import time
import torch
from kanwidget import KAN, create_dataset, sweep

dataset = create_dataset(
    lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2
)
def slowly(dataset, seed, width, steps, lamb):
    time.sleep(0.2)
    model = KAN(width, grid=3, seed=seed)
    model.fit(dataset, steps=steps, lamb=lamb, progress=False)
    return model
"""
COUNT = 2000  # far more than end while a test looks
RUN = f"""
grid = {{"width": [[2, 2, 1], [2, 3, 1]], "steps": 2, "lamb": [0.001, 0.03], "prune": "within 5%"}}
runs = sweep(dataset, grid, repeats={COUNT // 4}, fit=slowly, wait=False)
runs
"""


class OpenNetwork(View):
    """The first network that is open below a sweep."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.root = page.locator(".runs-networks .kanwidget").first


def ended(page: Page) -> int:
    """Return how many runs the page tells of."""
    found = re.match(r"([\d,]+) (?:of|runs)", page.locator(".runs > .top .status").inner_text())
    return int(found[1].replace(",", "")) if found else 0


def point_at_a_run(page: Page) -> int:
    """Move the mouse over the plot until it is at a point; return the number of its run."""
    area = at_rest(page.locator(".scatter"))
    card = page.locator(".runs-card")
    for x in range(64, int(area["width"]), 9):
        for y in range(30, int(area["height"]) - 40, 9):
            page.mouse.move(area["x"] + x, area["y"] + y)
            page.evaluate("() => new Promise(requestAnimationFrame)")  # the page has noticed
            if card.is_visible():
                found = re.match(r"Run (\d+)", card.locator("b").inner_text())
                assert found
                return int(found[1])
    raise AssertionError("there is no point under the mouse anywhere")
