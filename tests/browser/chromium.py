"""Where the browser is, and how it is started so that nothing leaves this machine."""

from __future__ import annotations

import os
import shutil

# Keep in step with .ci/chromium, which installs one when none of these is found.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

ARGUMENTS = [
    "--no-sandbox",  # Chromium's own sandbox refuses to run as root, as CI does
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The network is off but for this machine: whatever asks for another host fails at once.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


HINTS_SEEN = "try { localStorage.setItem('kanwidget.hints', '3') } catch {}"
"""Runs in every page first: tests begin as a person who has seen the hints of the first time."""


def find_chromium() -> str:
    """Return the path of a Chromium or Chrome on this machine.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    chosen = os.environ.get("CHROMIUM")
    found = shutil.which(chosen) if chosen else next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise FileNotFoundError(
            f"no {' or '.join(NAMES)} found: install one (apt-get install chromium), "
            "or set CHROMIUM to its path"
        )
    return found
