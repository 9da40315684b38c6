"""Saving and loading: the same model comes back, and a hostile file does no harm."""

from __future__ import annotations

import itertools
import json
import random
import resource
import signal
import time
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


class Bump(torch.nn.Module):
    """A base function with a parameter and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.height = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
        self.register_buffer("place", torch.zeros(1, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.height * torch.exp(-((x - self.place) ** 2))


def constant_column() -> KAN:
    model = KAN([2, 3, 1], grid_eps=0.0)
    x = torch.rand(40, 2)
    x[:, 1] = 3.0
    model.update_grid(x)
    return model


def huge() -> KAN:
    model = KAN([2, 3, 1])
    model.update_grid(1e17 + torch.rand(40, 2, dtype=torch.float64) * 1e3)
    return model


def point_grid() -> KAN:
    model = KAN([2, 3, 1])
    model.layers[0].grid.fill_(2.0)
    return model


def with_bump() -> KAN:
    model = KAN([2, 3, 1], base_fun=Bump())
    with torch.no_grad():
        next(p for n, p in model.named_parameters() if n.endswith("height")).fill_(2.5)
    return model


def tied() -> KAN:
    model = KAN([2, 2, 2])
    model.layers[1].coef = model.layers[0].coef
    return model


@pytest.mark.parametrize(
    "make",
    [
        constant_column,
        huge,
        point_grid,
        with_bump,
        tied,
        lambda: KAN([2, 3, 1]).half(),
        lambda: KAN([2, 3, 1]).bfloat16(),
        lambda: KAN([2, 3, 1]).float(),
    ],
)
def test_whatever_is_saved_can_be_loaded(make: Callable[[], KAN], tmp_path: Path) -> None:
    model, path = make(), tmp_path / "model.safetensors"
    model.save(path)
    base_fun = Bump() if "Bump" in repr(model) else None
    again = KAN.load(path, base_fun=base_fun)
    state, found = model.state_dict(), again.state_dict()
    assert list(state) == list(found)
    assert all(torch.equal(found[n], v) and found[n].dtype == v.dtype for n, v in state.items())
    assert type(again.layers[0].base_fun) is type(model.layers[0].base_fun)
    x = torch.rand(5, 2)
    assert torch.equal(again(x), model(x))


def _changed(change: Callable[[KAN], object]) -> KAN:
    model = KAN([2, 3, 1])
    change(model)
    return model


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.register_buffer("mean", torch.zeros(2)), "the tensor 'mean' does not fit"),
        (lambda m: setattr(m, "head", torch.nn.Linear(1, 1)), "'head.bias' does not fit"),
        (lambda m: setattr(m.layers[1], "grid_eps", 0.5), "grid_eps of layer 1 is 0.5"),
        (lambda m: setattr(m.layers[1], "base_fun", torch.nn.Tanh()), "base function of layer 1"),
        (lambda m: m.layers[1].grid.fill_(torch.nan), "layers.1.grid does not hold finite"),
        (lambda m: setattr(m.layers[1], "mask", m.layers[1].mask.bool()), "layers.1.mask"),
        (lambda m: m.to("meta"), "meta device"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_before_it_is_written(
    change: Callable[[KAN], object], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="cannot be saved") as refused:
        _changed(change).save(tmp_path / "model.safetensors")
    assert words in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_base_function_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with_bump().save(path)
    with pytest.raises(ValueError, match=r"numbers \['height', 'place'\], and the given one has"):
        KAN.load(path, base_fun=torch.sin)
    KAN([2, 1]).save(path)
    with pytest.raises(ValueError, match=r"pass the same as base_fun="):
        KAN.load(path, base_fun=Bump())


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


def write(path: Path, settings: Any, state: dict[str, torch.Tensor]) -> None:
    text = settings if isinstance(settings, str) else json.dumps(settings)
    save_file(state, path, {"format": "kanwidget.KAN 1", "settings": text})


def state_of(width: list[int], grid: int, k: int) -> dict[str, torch.Tensor]:
    state = {}
    for l, (n_in, n_out) in enumerate(itertools.pairwise(width)):
        state |= {
            f"layers.{l}.coef": torch.zeros(n_out, n_in, grid + k),
            f"layers.{l}.scale_base": torch.ones(n_out, n_in),
            f"layers.{l}.scale_sp": torch.ones(n_out, n_in),
            f"layers.{l}.mask": torch.ones(n_out, n_in),
            f"layers.{l}.bias": torch.zeros(n_out),
            f"layers.{l}.grid": torch.linspace(-1, 1, grid + 1).repeat(n_in, 1),
        }
    return state


@pytest.mark.parametrize(
    ("width", "grid", "k"), [([2, 1], 3, 3000), ([1, 1], 20_000, 3), ([1] * 301, 1, 1)]
)
def test_loading_takes_no_more_than_the_file_holds(
    width: list[int], grid: int, k: int, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    settings = {"width": width, "grid": grid, "k": k, "grid_eps": 1.0, "base_fun": "SiLU"}
    write(path, settings, state_of(width, grid, k))
    start = time.process_time()
    assert KAN.load(path).width == width
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    "settings",
    [
        "[" * 100_000,
        '{"width": ' + "[" * 100_000,
        json.dumps({"width": [1] * 1_000_000, "grid": 1, "k": 1, "grid_eps": 1, "base_fun": None}),
        '{"width": [' + "9" * 5000 + ', 1], "grid": 1, "k": 1, "grid_eps": 1, "base_fun": null}',
        '{"width": [2, 1], "grid": 3, "k": 3, "grid_eps": NaN, "base_fun": null}',
        '{"width": [2, 1], "grid": 3, "k": 3, "grid_eps": 1e999, "base_fun": null}',
        '{"width": [2, 1], "grid": 3, "k": 3, "grid_eps": 1, "base_fun": []}',
        '{"width": [], "grid": 3, "k": 3, "grid_eps": 1, "base_fun": null}',
        '{"width": [2], "grid": 3, "k": 3, "grid_eps": 1, "base_fun": null}',
        '{"width": [true, 1], "grid": 3, "k": 3, "grid_eps": 1, "base_fun": null}',
        '{"width": {"0": 2}, "grid": 3, "k": 3, "grid_eps": 1, "base_fun": null}',
        "3",
        "null",
        '"width"',
    ],
    ids=range(14),
)
def test_settings_that_are_none_are_refused_at_once(settings: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write(path, settings, state_of([2, 1], 3, 3))
    start = time.process_time()
    with pytest.raises(ValueError, match="is damaged") as refused:
        KAN.load(path)
    assert time.process_time() - start < 3
    assert len(str(refused.value)) < 400


def test_a_thousand_damaged_files_are_loaded_or_refused_in_words(
    saved: Path, tmp_path: Path
) -> None:
    draw, whole = random.Random(0), saved.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    path, words = tmp_path / "damaged.safetensors", []
    tokens = [b"[]", b"{}", b"-1", b"1e9", b"null", b'"F16"', b'"I64"', b"0", b"\\", b"99999999"]
    for _ in range(1000):
        content = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(header if draw.random() < 0.8 else len(content))
            if draw.random() < 0.5:
                content[at] = draw.randrange(256)
            else:  # of the same length, so that the header still ends where it says
                token = draw.choice(tokens)
                content[at : at + len(token)] = token
        path.write_bytes(content)
        try:
            KAN.load(path)
            words.append("damaged")
        except ValueError as error:
            words.append(str(error))
    assert all("damaged" in w or "expected 'kanwidget.KAN 1'" in w for w in words)
    assert max(map(len, words)) < 600


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"directory|device"):
        KAN.load(tmp_path)
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(ValueError, match="damaged"):
        KAN.load(tmp_path / "empty")


KINDS = ["model.safetensors", "page.html", "picture.png", "picture.svg", "picture.pdf"]


def write_with(w: KANWidget, model: KAN, path: Path) -> None:
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
    write_with(*widget, path)
    older = path.read_bytes()
    mode = path.stat().st_mode
    assert len(older) > 8192
    # The kernel refuses what goes beyond, as it does where a disk is full.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(Exception, match=r"(?i)file too large|I/?O error"):
            write_with(*widget, path)
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
    write_with(*widget, link)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert len(real.read_bytes()) > 8192
    fresh = tmp_path / f"fresh_{name}"
    write_with(*widget, fresh)
    (tmp_path / "plain").touch()
    assert fresh.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert len(list(tmp_path.iterdir())) == 4
    with pytest.raises(FileNotFoundError):
        write_with(*widget, tmp_path / "nowhere" / name)
