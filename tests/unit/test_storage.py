"""Saving and loading: the same model comes back, and a hostile file does no harm."""

from __future__ import annotations

import json
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from kanwidget import KAN, KANWidget

Make = Callable[..., KAN]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("base_fun", [None, torch.nn.Tanh()])
def test_a_saved_model_comes_back(
    random_kan: Make, tmp_path: Path, dtype: torch.dtype, base_fun: Any
) -> None:
    model = random_kan([2, 4, 1], 1, 0.7, grid=4, k=2, grid_eps=0.3, dtype=dtype, base_fun=base_fun)
    model.update_grid(torch.rand(50, 2))
    model.save(tmp_path / "model.safetensors")
    again = KAN.load(tmp_path / "model.safetensors")
    x = torch.rand(20, 2)
    assert torch.equal(again(x), model(x))
    assert again.width == model.width
    assert again.layers[0].grid_eps == 0.3
    state = model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in again.state_dict().items())


def test_a_base_function_of_ones_own_is_asked_for(random_kan: Make, tmp_path: Path) -> None:
    model = random_kan([2, 2, 1], 1, base_fun=torch.sin)
    path = tmp_path / "model.safetensors"
    model.save(path)
    with pytest.raises(ValueError, match="base function of its own; pass it as base_fun="):
        KAN.load(path)
    x = torch.rand(5, 2)
    assert torch.equal(KAN.load(path, base_fun=torch.sin)(x), model(x))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "model.safetensors"
    KAN([2, 3, 1]).save(path)
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_truncated_or_damaged_files_are_refused_in_words(
    saved: Path, tmp_path: Path, data: st.DataObject
) -> None:
    whole = saved.read_bytes()
    content = bytearray(whole[: data.draw(st.integers(0, len(whole) - 1))])
    for at in data.draw(st.lists(st.integers(0, max(0, len(content) - 1)), max_size=4)):
        if content:
            content[at] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged\.safetensors"):
        KAN.load(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"width": [10**9, 10**9, 1]}, "does not fit a KAN"),
        ({"width": [2, 3]}, "does not fit a KAN"),
        ({"width": "231"}, "settings are not a KAN's"),
        ({"width": [2, 3.5, 1]}, "settings are not a KAN's"),
        ({"grid": -1}, "settings are not a KAN's"),
        ({"grid": 10**9}, "does not fit a KAN"),
        ({"k": "3"}, "settings are not a KAN's"),
        ({"extra": 1}, "settings are not a KAN's"),
        ({"base_fun": "os.system"}, "base function of its own"),
    ],
)
def test_hostile_settings_are_refused(
    saved: Path, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with safe_open(saved, framework="pt") as file:
        metadata = file.metadata()
    metadata["settings"] = json.dumps({**json.loads(metadata["settings"]), **change})
    path = tmp_path / "hostile.safetensors"
    save_file(load_file(saved), path, metadata)
    with pytest.raises(ValueError, match=words):
        KAN.load(path)


def test_other_files_are_refused(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match=r"a file that KAN\.save wrote"):
        KAN.load(path)
    state = load_file(saved)
    with safe_open(saved, framework="pt") as file:
        metadata = file.metadata()
    state["layers.0.grid"] = state["layers.0.grid"].flip(1)
    save_file(state, path, metadata)
    with pytest.raises(ValueError, match=r"layers\.0\.grid does not hold"):
        KAN.load(path)
    with pytest.raises(FileNotFoundError):
        KAN.load(tmp_path / "nothing")


KINDS = ["model.safetensors", "page.html", "picture.png", "picture.svg", "picture.pdf"]


def write(w: KANWidget, model: KAN, path: Path) -> None:
    """Write a model, a page or a picture, by the path's suffix."""
    if path.suffix == ".safetensors":
        model.save(path)
    elif path.suffix == ".html":
        w.to_html(path)
    else:
        w.save_image(path)


@pytest.fixture
def widget(random_kan: Make) -> Iterator[tuple[KANWidget, KAN]]:
    model = random_kan([3, 20, 1], 0, grid=20)
    w = KANWidget(model)
    yield w, model
    w.close()


@pytest.mark.parametrize("name", KINDS)
def test_a_full_disk_leaves_the_older_file(
    widget: tuple[KANWidget, KAN], tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    write(*widget, path)
    older = path.read_bytes()
    mode = path.stat().st_mode
    assert len(older) > 8192
    # The kernel refuses what goes beyond, as it does where a disk is full.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(Exception, match=r"(?i)file too large|I/?O error"):
            write(*widget, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == older
    assert path.stat().st_mode == mode
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", KINDS)
def test_a_file_is_replaced_where_it_is(
    widget: tuple[KANWidget, KAN], tmp_path: Path, name: str
) -> None:
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / name, tmp_path / name
    real.write_bytes(b"older")
    real.chmod(0o640)
    link.symlink_to(real)
    write(*widget, link)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert len(real.read_bytes()) > 8192
    fresh = tmp_path / f"fresh_{name}"
    write(*widget, fresh)
    (tmp_path / "plain").touch()
    assert fresh.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert len(list(tmp_path.iterdir())) == 4
    with pytest.raises(FileNotFoundError):
        write(*widget, tmp_path / "nowhere" / name)
