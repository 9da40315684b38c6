"""Hatch build hook: builds ``kanwidget/static/`` from ``js/`` when a checkout lacks it.

A wheel, an sdist and an editable install all carry the built file. An sdist already holds it, so
installing from one needs no Node.js.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = (Path("kanwidget", "static", "widget.js"), Path("kanwidget", "static", "sweep.js"))
# What the bundle is made from, below js/.
SOURCES = ("src", "package.json", "package-lock.json", "tsconfig.json", "build.mjs")


class JavaScriptBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs ``npm ci`` and ``npm run build`` before hatch collects its files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the front end if needed; ``version`` and ``build_data`` are hatch's."""
        ensure_built(Path(self.root))


def ensure_built(root: Path) -> bool:
    """Make sure that all of ``BUILT`` exist below ``root`` and are up to date.

    Returns
    -------
    bool
        Whether it had to be built.

    Raises
    ------
    RuntimeError
        If it has to be built and cannot be.
    """
    built = [root / path for path in BUILT]
    missing = [path.name for path in built if not path.exists()]
    # Unpacking an sdist may write the files in any order, so their times say nothing there.
    if (root / "PKG-INFO").exists():
        if missing:
            raise RuntimeError(f"this sdist is broken: it should hold {', '.join(missing)}")
        return False
    newest = _newest(root / "js")
    if not missing and all(path.stat().st_mtime >= newest for path in built):
        return False
    _build(root / "js")
    if not all(path.exists() for path in built):
        raise RuntimeError(f"`npm run build` in js/ ended well but wrote no {BUILT[0].parent}")
    return True


def _newest(js: Path) -> float:
    """Return the time of the last change to what the bundle is made from."""
    paths = [js / name for name in SOURCES]
    files = [f for path in paths for f in ([path] if path.is_file() else path.rglob("*"))]
    return max((f.stat().st_mtime for f in files), default=0.0)


def _build(js: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(
            "building kanwidget from a checkout needs Node.js 20 or newer with npm, and npm was "
            "not found; install it, or install kanwidget from a wheel or an sdist, which need none"
        )
    commands = [["run", "build"]]
    # npm leaves this file at the end of an install; installing again would pull node_modules from
    # under whatever runs there now.
    installed = js / "node_modules" / ".package-lock.json"
    lock = js / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        commands.insert(0, ["ci", "--no-audit", "--no-fund"])
    # Captured, since build front ends read the standard output of a build themselves.
    for command in commands:
        result = subprocess.run(
            [npm, *command], cwd=js, capture_output=True, text=True, check=False
        )
        if result.returncode != 0:
            raise RuntimeError(
                f"`npm {' '.join(command)}` in js/ failed:\n{result.stdout}\n{result.stderr}"
            )
