"""The golden files are what Python says today; TypeScript reads the same files."""

from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanwidget.wire import pack, unpack

GOLDEN = Path(__file__).parent.parent / "golden"


def _make() -> object:
    spec = importlib.util.spec_from_file_location("golden_make", GOLDEN / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["masks.json", "wire.json"])
def test_golden_files_are_up_to_date(name: str) -> None:
    make = _make()
    fresh = make.text(make.FILES[name]())  # type: ignore[attr-defined]
    assert (GOLDEN / name).read_text() == fresh, "run: python tests/golden/make.py"


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
