"""A sweep on disk: what is there is whole, belongs together, and is not trained again."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sweeps import outcomes, small_data, untrained

from kanwidget import KAN, Sweep, sweep
from kanwidget.sweep.fingerprints import data_digest, describe, run_key

DATA = small_data()
GRID: dict[str, Any] = {"lamb": [0.0, 0.1], "width": [2, 2, 1], "steps": 1}

trained: list[int] = []


def counted(dataset: Any, seed: int, **settings: Any) -> KAN:
    """Note the seed, and fail where a run is to fail."""
    trained.append(seed)
    if seed == settings.get("fails"):
        raise RuntimeError("too warm")
    return untrained(dataset, seed)


def run(folder: Path, data: Any = DATA, grid: Any = GRID, **options: Any) -> Sweep:
    """Run a sweep in this process, and keep it in a folder."""
    trained.clear()
    options = {"repeats": 2, **options}
    with ThreadPoolExecutor(1) as executor:
        return sweep(data, grid, executor=executor, folder=folder, progress=False, **options)


def test_what_is_there_is_not_trained_again_and_more_may_be_added(tmp_path: Path) -> None:
    first = run(tmp_path / "a", fit=counted)
    assert trained == [0, 0, 1, 1]
    again = run(tmp_path / "a", fit=counted)
    assert trained == []
    assert outcomes(again) == outcomes(first)
    more = run(tmp_path / "a", fit=counted, repeats=3)
    assert trained == [2, 2]
    assert outcomes(more)[:4] == outcomes(first)
    read = Sweep.load(tmp_path / "a", DATA)
    assert outcomes(read) == outcomes(more)
    assert read.best().settings == more.best().settings
    assert read.session(5).loss == pytest.approx(more.runs[5].test_loss)


def test_a_run_that_failed_is_tried_again(tmp_path: Path) -> None:
    class Mended:
        broken = True

    def fit(dataset: Any, seed: int, **settings: Any) -> KAN:
        return counted(dataset, seed, fails=1 if STATE.broken else None)

    global STATE
    STATE = Mended()
    first = run(tmp_path, fit=fit)
    assert [bool(one.error) for one in first.runs] == [False, False, True, True]
    assert "RuntimeError: too warm" in Sweep.load(tmp_path).runs[2].error
    STATE.broken = False
    again = run(tmp_path, fit=fit)
    assert trained == [1, 1]
    assert [one.error for one in again.runs] == [""] * 4
    assert [one.error for one in Sweep.load(tmp_path).runs] == [""] * 4


STATE: Any = None


@settings(max_examples=12)
@given(cut=st.integers(1, 200), lost=st.integers(0, 3), seed=st.integers(0, 3))
def test_what_was_not_written_whole_is_trained_again(
    tmp_path_factory: pytest.TempPathFactory, cut: int, lost: int, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("sweep")
    whole = outcomes(run(folder, fit=counted))
    lines = folder / "runs.jsonl"
    content = lines.read_bytes()
    last = content.splitlines(keepends=True)[-1]
    lines.write_bytes(content[: -min(cut, len(last))])  # into the last line
    damaged = folder / f"{json.loads(content.splitlines()[lost])['run']}.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert len(Sweep.load(folder).runs) == 4 - len({lost, 3})
    again = run(folder, fit=counted)
    assert len(trained) == len({lost, 3})
    assert outcomes(again) == whole
    assert outcomes(Sweep.load(folder)) == whole


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": small_data(seed=1)}, "holds a sweep on other data"),
        ({"data": small_data(rows=61)}, "holds a sweep on other data"),
        ({"grid": {**GRID, "steps": 2}}, r"other settings \(steps: 1 there, 2 here\)"),
        ({"grid": {**GRID, "lamb": 0.0}}, r"other settings \(lamb: 0.0, 0.1 there, 0.0 here\)"),
        ({"seed": 7}, r"other settings \(seed: 0, 1 there, 7, 8 here\)"),
        ({"fit": untrained}, "with another fit: KAN.fit there, sweeps.untrained"),
    ],
)
def test_other_data_and_settings_are_refused_in_words(
    tmp_path: Path, change: Any, words: str
) -> None:
    run(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=words):
        run(tmp_path, **change)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_full_disk_is_said_and_leaves_no_half_a_network(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # no file may be longer
    try:
        with pytest.raises(OSError, match="File too large"):
            run(tmp_path / "a", fit=counted)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / "a").glob("*.safetensors")) == []
    assert len(run(tmp_path / "a", fit=counted).runs) == 4


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="holds other things than a sweep"):
        run(tmp_path)
    with pytest.raises(FileNotFoundError, match="holds no sweep"):
        Sweep.load(tmp_path)
    (tmp_path / "sweep.json").write_text("[]")
    with pytest.raises(ValueError, match=r"sweep\.json is damaged, or no sweep of ours"):
        Sweep.load(tmp_path)


def test_what_was_kept_in_memory_is_saved_and_read_again(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        found = sweep(DATA, GRID, repeats=2, executor=executor, progress=False)
    found.save(tmp_path / "a")
    read = Sweep.load(tmp_path / "a")
    assert outcomes(read) == outcomes(found)
    read.save(tmp_path / "b")
    assert outcomes(Sweep.load(tmp_path / "b")) == outcomes(found)
    with pytest.raises(ValueError, match="loaded without its data"):
        read.session(0)
    with pytest.raises(ValueError, match="a sweep on other data"):
        Sweep.load(tmp_path / "a", small_data(seed=1))


def test_settings_that_are_code_are_kept_as_texts(tmp_path: Path) -> None:
    grid = {**GRID, "base_fun": torch.sin, "loss_fn": torch.nn.L1Loss()}
    found = run(tmp_path, grid=grid, repeats=1)
    x = DATA["test_input"]
    read = Sweep.load(tmp_path, DATA)
    assert "sin" in read.settings[0]["base_fun"]
    with pytest.raises(ValueError, match="pass it as base_fun="):
        read.model(0)
    assert torch.equal(read.model(0, torch.sin)(x), found.model(0)(x))
    with pytest.raises(ValueError, match="pass it as metric="):
        read.session(0)


def _first(x: float) -> float:
    return x + 1


def _second(x: float) -> float:
    return x + 2


def _adder(step: float) -> Callable[[float], float]:
    return lambda x: x + step


def test_settings_differ_if_anything_in_them_does() -> None:
    different = [
        1,
        1.5,
        "1",
        True,
        None,
        [1, 2],
        torch.float32,
        torch.tensor([1.0]),
        torch.tensor([2.0]),
        _first,
        _second,
        _adder(1.0),
        _adder(2.0),
        functools.partial(_first, 3),
        functools.partial(_first, 4),
        torch.nn.L1Loss(),
        torch.nn.L1Loss(reduction="sum"),
        torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0])),
        torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0])),
    ]
    keys = {run_key({"value": value}) for value in different}
    assert len(keys) == len(different)
    for value in different:
        json.dumps(describe(value))
    assert run_key({"f": _adder(1.0)}) == run_key({"f": _adder(1.0)})
    one, other = {"f": lambda x: x + 1}, {"f": lambda x: x + 1, "g": 1}
    assert run_key({"f": one["f"]}) == run_key({"f": other["f"]}) != run_key({"f": lambda x: x + 2})
    assert run_key({"a": 1, "b": 2}) == run_key({"b": 2, "a": 1})


def test_the_same_numbers_are_the_same_data_whatever_they_came_as() -> None:
    as_arrays = {name: values.numpy() for name, values in DATA.items()}
    assert data_digest(as_arrays) == data_digest(DATA)
    other = {**DATA, "test_label": DATA["test_label"] + 1e-12}
    assert data_digest(other) != data_digest(DATA)
