"""What benchmarks write into the guide's page on performance: where they ran, and their tables."""

from __future__ import annotations

import datetime
import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).parents[2] / "examples" / "guide" / "performance.md"


def machine() -> str:
    """Say what all this ran on, and when."""
    cpu, system = platform.processor() or platform.machine(), platform.platform(terse=True)
    if (info := Path("/proc/cpuinfo")).exists():
        found = re.search(r"model name\s*:\s*(.+)", info.read_text())
        cpu = found[1] if found else cpu
    if Path("/etc/os-release").exists():
        system = platform.freedesktop_os_release().get("PRETTY_NAME", system)
    return (
        f"{datetime.date.today()}, {cpu} ({os.cpu_count()} cores), {system}, "
        f"Python {platform.python_version()}, torch {version('torch')}"
    )


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table in Markdown, below what it shows."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join([caption, "", *(f"| {' | '.join(line)} |" for line in lines)])


def write(begin: str, text: str, end: str) -> None:
    """Put tables into the page, between two markers."""
    before, rest = PAGE.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    PAGE.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
