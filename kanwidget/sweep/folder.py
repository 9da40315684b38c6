"""A sweep on disk: each run that has ended is there whole, or not at all.

``sweep.json`` says what belongs together: the data, by a digest, and all runs. ``runs.jsonl`` has a
line for each run that has ended, written after its network, ``<key>.safetensors``. A line without
an end, or whose network does not have the digest that the line names, counts as not written.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kanwidget.kan.atomic_write import atomic_write

from .run import FACTS, Result, facts

__all__ = ["SweepFolder"]

FORMAT = "kanwidget.Sweep 1"
HEADER, LINES = "sweep.json", "runs.jsonl"

LONGEST_LIST = 6
"""How many values of a setting an error message names."""


class SweepFolder:
    """A folder with the runs of one sweep.

    Parameters
    ----------
    path : path
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def header(self) -> dict[str, Any] | None:
        """Return what belongs together, None if there is no sweep.

        Raises
        ------
        ValueError
            If something else has that name.
        """
        file = self.path / HEADER
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            if found["format"] != FORMAT:
                raise KeyError
            return dict(found)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{file} is damaged, or no sweep of ours") from None

    def begin(self, data: str, fit: str, runs: Mapping[str, Mapping[str, Any]]) -> None:
        """Make the folder that of a sweep, or check that it is.

        Parameters
        ----------
        data, fit : str
            Digests of the data, and of the function that trains.
        runs : dict
            Settings of each run, as JSON can hold them, by its key.

        Raises
        ------
        ValueError
            If it holds a sweep of other data, settings or function; nothing is changed then.
        """
        before = self.header()
        if before is not None:
            self._check_same(before, data, fit, runs)
        elif self.path.is_dir() and any(self.path.iterdir()):
            raise ValueError(f"{self.path} holds other things than a sweep; take an empty folder")
        self.path.mkdir(parents=True, exist_ok=True)
        header = {"format": FORMAT, "data": data, "fit": fit, "runs": dict(runs)}
        if header != before:
            with atomic_write(self.path / HEADER) as beside:
                beside.write_text(json.dumps(header), encoding="utf-8")
        self._end_last_line()

    def _check_same(
        self, before: Mapping[str, Any], data: str, fit: str, runs: Mapping[str, Any]
    ) -> None:
        what = f"{self.path} holds a sweep"
        advice = "; take another folder, or delete this one"
        if before["data"] != data:
            raise ValueError(f"{what} on other data{advice}")
        if before["fit"] != fit:
            raise ValueError(
                f"{what} with another fit: {before['fit'] or 'KAN.fit'} there, "
                f"{fit or 'KAN.fit'} here{advice}"
            )
        missing = before["runs"].keys() - runs.keys()
        if missing:
            there, here = list(before["runs"].values()), list(runs.values())
            raise ValueError(
                f"{what} with other settings ({_differences(there, here)}){advice}. More runs with "
                "settings besides those there may be added"
            )

    def _end_last_line(self) -> None:
        """Take off a line that was not written to its end."""
        file = self.path / LINES
        if not file.exists():
            return
        content = file.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(file, whole)

    def write(self, key: str, settings: Mapping[str, Any], result: Result) -> None:
        """Write a run that has ended."""
        digest = ""
        if result.model:
            digest = hashlib.sha256(result.model).hexdigest()
            beside = os.path.join(self.path, f".{key}.{os.getpid()}")
            with open(beside, "wb") as file:
                file.write(result.model)
            os.replace(beside, self.model_file(key))
        line = {
            "run": key,
            "settings": settings,
            **{name: _finite(value) for name, value in facts(result).items()},
            "sha256": digest,
        }
        with open(os.path.join(self.path, LINES), "ab") as file:
            file.write((json.dumps(line) + "\n").encode())

    def model_file(self, key: str) -> str:
        """Return where the network of a run is."""
        return os.path.join(self.path, f"{key}.safetensors")

    def model(self, key: str) -> bytes:
        """Return the network of a run, empty if it is not there."""
        try:
            with open(self.model_file(key), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def read(self) -> Iterator[tuple[str, Result]]:
        """Yield each run that is there whole, without its network; a later line counts more.

        Raises
        ------
        ValueError
            If there is a line that we have not written.
        """
        file = self.path / LINES
        content = file.read_bytes() if file.exists() else b""
        found: dict[str, dict[str, Any]] = {}
        for number, line in enumerate(content.splitlines(keepends=True), start=1):
            if not line.endswith(b"\n"):
                break
            try:
                run = json.loads(line)
                found[run["run"]] = run
            except (ValueError, KeyError, TypeError):
                raise ValueError(f"{file} is damaged in line {number}") from None
        for key, run in found.items():
            if self._has_network(key, run["sha256"]):
                yield key, _result(run)

    def _has_network(self, key: str, digest: str) -> bool:
        if not digest:  # a run that failed
            return True
        content = self.model(key)
        return hashlib.sha256(content).hexdigest() == digest


def _result(line: Mapping[str, Any]) -> Result:
    """Return a run as its line says it, without its network."""
    known = {name: line[name] for name in FACTS}
    numbers = ("train_loss", "test_loss", "seconds")
    return Result(**known | {name: math.nan for name in numbers if known[name] is None})


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _differences(there: Sequence[Mapping[str, Any]], here: Sequence[Mapping[str, Any]]) -> str:
    """Say which values settings have there and here."""
    names = sorted({name for settings in (*there, *here) for name in settings})
    words = []
    for name in names:
        a, b = _values(there, name), _values(here, name)
        if not set(a) <= set(b):
            words.append(f"{name}: {_shortened(a)} there, {_shortened(b)} here")
    return "; ".join(words) or "in other combinations"


def _values(runs: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    return list(dict.fromkeys(json.dumps(s[name]) if name in s else "none" for s in runs))


def _shortened(values: Sequence[str]) -> str:
    more = [f"{len(values) - LONGEST_LIST} more"] if len(values) > LONGEST_LIST else []
    return ", ".join([*values[:LONGEST_LIST], *more])
