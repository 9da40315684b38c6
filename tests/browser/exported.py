"""An exported page: what it holds, read from the file, and what it shows, read from the browser."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from playwright.sync_api import Page
from view import View, rectangle, thumb

from kanwidget.widget.packed_array import unpack


def traits_in(html: str) -> dict[str, Any]:
    """Return what a page carries, packed arrays as their bytes."""
    (text,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)
    return {
        name: base64.b64decode(value["base64"])
        if isinstance(value, dict) and "base64" in value
        else value
        for name, value in json.loads(text).items()
    }


def arrays_in(html: str) -> dict[str, NDArray[Any]]:
    """Return the arrays that a page carries."""
    packed = {name: v for name, v in traits_in(html).items() if isinstance(v, bytes) and v}
    return {name: unpack(value)[0] for name, value in packed.items()}


class StrictPage:
    """A page opened under the policy that it carries, with notes of what breaks that and is asked.

    Parameters
    ----------
    path : Path
        Where it is.
    html : str
        What is there.
    """

    def __init__(self, page: Page, path: Path, html: str) -> None:
        policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
        assert policy is not None
        assert "default-src 'none'" in policy[1]
        assert "unsafe" not in policy[1]
        self.page, self.url = page, path.as_uri()
        self.requests: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.add_init_script(
            "window.broken = []; addEventListener('securitypolicyviolation',"
            " (event) => broken.push(`${event.violatedDirective} ${event.blockedURI}`))"
        )
        page.goto(self.url)

    def assert_kept(self) -> None:
        """Check that nothing broke the policy, and that the page asked for itself alone."""
        assert self.page.evaluate("() => window.broken") == []
        assert self.requests == [self.url]


class ExportedPage(View):
    """An exported page in a browser whose network is off; opens the file."""

    def __init__(self, page: Page, path: Path) -> None:
        super().__init__(page)
        self.url = path.as_uri()
        self.requests: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.context.set_offline(True)
        page.goto(self.url)

    def loss(self) -> float:
        """Return the loss, all its digits."""
        title = self.root.locator(".status .loss").get_attribute("title")
        assert title is not None, f"no loss in {self.status()!r}"
        return float(title)

    def count(self) -> int:
        """Return how many edges the status line says are on."""
        return int(self.status().split()[0].replace(",", ""))

    def panel(self, name: str) -> None:
        """Show a panel of the inspector."""
        tab = self.root.locator(f'button[data-panel="{name}"]')
        if tab.get_attribute("aria-selected") != "true":
            tab.click()
        self.next_frame()

    def script(self) -> str:
        """Return the Python lines."""
        self.panel("script")
        return self.root.locator('[data-role="script"] code').text_content() or ""

    def steps(self) -> list[str]:
        """Return the history's lines."""
        self.panel("history")
        steps = self.root.locator(".steps .go").evaluate_all(
            "(all) => all.map((step) => step.getAttribute('aria-label') ?? step.textContent)"
        )
        return [str(step) for step in steps]

    def drag(self, axis: str, share: float) -> None:
        """Drag a slider to a share of its length, and keep hold of it."""
        slider = self.root.locator(f'input[type=range][data-threshold="{axis}"]')
        area = rectangle(slider)
        middle = area["y"] + area["height"] / 2
        self.page.mouse.move(thumb(area, int(slider.input_value()) / 1000), middle)
        self.page.mouse.down()
        self.page.mouse.move(thumb(area, share), middle, steps=12)
