"""Hands that work a page by its keys alone."""

from __future__ import annotations

from playwright.sync_api import Page
from servers import until
from view import View, same

# Where the focus is, through shadow roots.
FOCUSED = """() => {
    let found = document.activeElement;
    while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
    return found;
}"""


class Keyboard:
    """Hands that touch nothing but keys."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.press = page.keyboard.press

    def is_on(self, selector: str) -> bool:
        """Return whether the focus is on such an element."""
        return bool(self.page.evaluate(f"(s) => ({FOCUSED})().matches(s)", selector))

    def focused(self, attribute: str) -> str | None:
        """Return an attribute of what has the focus."""
        found: str | None = self.page.evaluate(f"(a) => ({FOCUSED})().getAttribute(a)", attribute)
        return found

    def go_to(self, selector: str, key: str = "Tab", most: int = 60) -> None:
        """Press a key until the focus is on such an element."""
        for _ in range(most):
            self.press(key)
            if self.is_on(selector):
                return
        raise AssertionError(f"{most} times {key} do not lead to {selector}")


def enter(view: View, keys: Keyboard | None, role: str) -> None:
    """Press a button, by mouse or by keyboard."""
    button = view.root.locator(f'[data-role="{role}"]').first
    if keys is None:
        button.click()
    else:
        until(lambda: same(button.is_enabled(), True))  # as a click waits for it
        button.focus()
        keys.press("Enter")
