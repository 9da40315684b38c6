"""The golden files are what Python says today; TypeScript reads the same files."""

from __future__ import annotations

import base64
import importlib.util
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanwidget.widget.packed_array import pack, unpack

GOLDEN = Path(__file__).parent.parent / "golden"
STALE = "run: python tests/golden/make.py"


@pytest.fixture(scope="module")
def make() -> Iterator[Any]:
    sys.path.insert(0, str(GOLDEN))
    try:
        spec = importlib.util.spec_from_file_location("golden_make", GOLDEN / "make.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(GOLDEN))


@pytest.mark.parametrize(
    "name",
    ["importance.json", "layout.json", "masks.json", "messages.json", "traits.json", "wire.json"],
)
def test_golden_files_are_up_to_date(make: Any, name: str) -> None:
    fresh = make.text(make.FILES[name]())
    assert (GOLDEN / name).read_text() == fresh, STALE


@pytest.mark.parametrize("name", ["forward.json", "page.json", "tradeoff.json", "losses.json"])
def test_golden_numbers_are_those_of_any_machine(make: Any, name: str) -> None:
    # Another machine may sum in another order.
    fresh = json.loads(make.text(make.FILES[name]()))
    assert not list(_apart(json.loads((GOLDEN / name).read_text()), fresh)), STALE


def _apart(a: Any, b: Any, path: str = "") -> Iterator[str]:
    """Yield where two contents differ, numbers by more than rounding."""
    if isinstance(a, float) and isinstance(b, float):
        if not math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9):
            yield f"{path}: {a} != {b}"
    elif isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from _apart(a[key], b[key], f"{path}.{key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for k, pair in enumerate(zip(a, b, strict=True)):
            yield from _apart(*pair, f"{path}[{k}]")
    elif a != b:
        yield f"{path}: {a!r} != {b!r}"


def test_golden_files_are_small_enough_to_live_in_a_repository() -> None:
    sizes = {path.name: path.stat().st_size for path in GOLDEN.glob("*.json")}
    assert max(sizes.values()) < 300_000, sizes


def test_golden_forward_passes_hold_the_cases_that_matter() -> None:
    cases = json.loads((GOLDEN / "forward.json").read_text())["cases"]
    steps = [step for case in cases for step in case["steps"]]
    assert {step["keep_mean"] for step in steps} == {True, False}
    assert any(not all(case["baseline"]) for case in cases)
    assert any(case["slots"] for case in cases)
    # Back on by hand, what an earlier commit had left its mean of.
    assert any(
        now and not was and fold
        for case in cases
        for step in case["steps"]
        for now, was, fold in zip(
            step["mask"], case["baseline"], case["cells"]["folded"], strict=True
        )
    )


def test_golden_session_holds_the_steps_that_matter() -> None:
    content = json.loads((GOLDEN / "page.json").read_text())
    asked = {step["send"]["do"] for step in content["steps"] if "send" in step}
    assert asked == {"undo", "redo", "reset", "jump", "note", "remove_dead_ends"}
    drags = sum("_threshold" in str(step.get("write")) for step in content["steps"])
    assert len(content["history"]["texts"]) < len(content["steps"])
    assert drags > 20
    assert content["history"]["parents"] != sorted(content["history"]["parents"])


def test_golden_masks_hold_the_cases_that_matter() -> None:
    cases = json.loads((GOLDEN / "masks.json").read_text())["cases"]
    steps = [step for case in cases for step in case["steps"]]
    assert any(step["cut"] for step in steps)
    assert any(step["kept_nodes"] for step in steps)
    at_a_score = [
        step
        for case in cases
        for step in case["steps"]
        if step["op"][0] == "thresholds" and step["op"][2] in case["scores"]
    ]
    assert any(step["op"][2] > 0 for step in at_a_score)
    assert any(step["cut"] for case in cases if case["slots"] for step in case["steps"])


def test_packed_arrays_come_back() -> None:
    for entry in json.loads((GOLDEN / "wire.json").read_text())["arrays"]:
        array, sequence = unpack(base64.b64decode(entry["base64"]))
        assert array.dtype == entry["dtype"]
        assert list(array.shape) == entry["shape"]
        assert array.flatten().tolist() == entry["values"]
        assert sequence == entry["sequence"]


@pytest.mark.parametrize(
    "entry", json.loads((GOLDEN / "wire.json").read_text())["bad"], ids=lambda entry: entry["why"]
)
def test_bytes_that_are_no_packed_array_are_refused(entry: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="packed array"):
        unpack(base64.b64decode(entry["base64"]))


@given(data=st.binary(max_size=64))
def test_junk_is_refused_in_words(data: bytes) -> None:
    try:
        unpack(data)
    except ValueError as error:
        assert "packed array" in str(error)  # noqa: PT017


def test_only_the_three_types_are_packed() -> None:
    with pytest.raises(TypeError, match="float32, float64, uint8, got an array of int64"):
        pack(np.zeros(3, np.int64))
