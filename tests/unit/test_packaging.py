"""What is built and installed: the front end is always in it, and installing needs no Node.js."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
BUILT = "kanwidget/static/widget.js"
SWEEP = "kanwidget/static/sweep.js"


def run(*command: str | Path, cwd: Path, path: str) -> str:
    """Run a command with this ``PATH``; return what it prints."""
    result = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PATH": path, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def build(source: Path, kind: str, target: Path) -> Path:
    """Build the wheel or the sdist of a source tree without Node.js; return its path."""
    nowhere = target / "empty"
    nowhere.mkdir(parents=True)
    run(
        *(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", target),
        cwd=source,
        path=str(nowhere),
    )
    (artefact,) = (p for p in target.iterdir() if p.is_file())
    return artefact


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout, with the front end that was built in it."""
    assert (ROOT / BUILT).exists(), "build the front end first: make build"
    copy = tmp_path_factory.mktemp("checkout") / "kanwidget"
    leave = (".git", ".venv", "node_modules", "dist", "artifacts", ".*_cache", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*leave))
    # Whatever is being edited here just now, the copy's front end is up to date.
    (copy / BUILT).touch()
    return copy


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    return build(checkout, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, built from the checkout."""
    return build(checkout, "sdist", tmp_path_factory.mktemp("sdist"))


def contents(wheel: Path) -> dict[str, bytes]:
    """Return a wheel's files."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def info(wheel: Path) -> str:
    """Return the folder of a wheel's metadata."""
    return f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"


def test_the_wheel_holds_the_package_with_its_front_end_and_nothing_else(wheel: Path) -> None:
    files = contents(wheel)
    assert {name.split("/")[0] for name in files} == {"kanwidget", info(wheel)}
    for built in (BUILT, SWEEP):
        assert files[built] == (ROOT / built).read_bytes()
    assert "kanwidget/py.typed" in files
    assert f"{info(wheel)}/licenses/LICENSE" in files
    sources = {p.relative_to(ROOT).as_posix() for p in (ROOT / "kanwidget").rglob("*.py")}
    assert {name for name in files if name.endswith(".py")} == sources


def test_the_wheel_is_small_enough_to_be_loaded_over_a_slow_line(wheel: Path, sdist: Path) -> None:
    assert wheel.stat().st_size < 750_000
    assert sdist.stat().st_size < 5_000_000


def test_the_wheel_asks_for_no_test_tools(wheel: Path) -> None:
    metadata = contents(wheel)[f"{info(wheel)}/METADATA"].decode()
    lines = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    needed = {line.split()[1].split(">")[0] for line in lines if "extra ==" not in line}
    numbers, view = (
        {"numpy", "safetensors", "torch", "tqdm"},
        {"anywidget", "ipywidgets", "traitlets"},
    )
    assert needed == numbers | view | {"matplotlib", "pillow"}


def test_the_wheel_names_the_pythons_that_it_is_for(wheel: Path) -> None:
    metadata = contents(wheel)[f"{info(wheel)}/METADATA"].decode()
    assert "Requires-Python: >=3.10" in metadata
    for minor in range(10, 14):
        assert f"Classifier: Programming Language :: Python :: 3.{minor}\n" in metadata


def test_the_sdist_holds_the_built_front_end_and_its_sources(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for needed in (
        BUILT,
        SWEEP,
        "js/src/index.ts",
        "js/package.json",
        "js/package-lock.json",
        "js/tsconfig.json",
        "js/build.mjs",
        "js/build_hook.py",
        "kanwidget/py.typed",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    ):
        assert needed in names
    places = {name.split("/")[0] for name in names if "/" in name}
    assert places == {"kanwidget", "js", "tests", "examples", ".ci"}
    unwanted = ("node_modules", "__pycache__", ".git/", "artifacts", ".ipynb_checkpoints", ".venv")
    assert not [name for name in names if any(word in name for word in unwanted)]


def test_a_wheel_built_from_the_sdist_without_node_is_the_same(
    wheel: Path, sdist: Path, tmp_path: Path
) -> None:
    shutil.unpack_archive(sdist, tmp_path)
    (unpacked,) = tmp_path.iterdir()
    # As unpacking may leave them: the sources newer than what was built from them.
    os.utime(unpacked / BUILT, (0, 0))
    assert contents(build(unpacked, "wheel", tmp_path / "again")) == contents(wheel)


SHOW = """
import json
from pathlib import Path
import torch
import kanwidget
from kanwidget import KAN, KANWidget

model = KAN([2, 3, 1])
model(torch.rand(20, 2))
w = KANWidget(model)
w.remove_edge(0, 0, 1)
(bundle, *_) = w._repr_mimebundle_()
shown = bundle["application/vnd.jupyter.widget-view+json"]
w.to_html("page.html")
for suffix in ("svg", "png", "pdf"):
    w.save_image(f"picture.{suffix}", title="kept")
Path("module.js").write_text(w._esm, encoding="utf-8")
print(json.dumps([kanwidget.__file__, w.active_edges, shown["model_id"]]))
"""


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_what_is_installed_without_node_imports_shows_and_saves(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    artefact: Path = request.getfixturevalue(kind)
    place = tmp_path / "venv"
    venv.create(place)
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(python, "-c", ask, cwd=tmp_path, path=str(place)).strip())
    # torch and the rest from this environment, but not kanwidget: a .pth is not read through one.
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")

    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    local = ("--no-index", "--no-deps", "--no-build-isolation")
    run(*pip, "install", *local, artefact, cwd=tmp_path, path=str(place))
    file, edges, shown = json.loads(
        run(python, "-c", SHOW, cwd=tmp_path, path=str(place)).splitlines()[-1]
    )
    assert Path(file).is_relative_to(place)
    assert edges == 8
    assert shown
    # What the front end is to a page without a kernel is in the package too.
    script = (ROOT / BUILT).read_text(encoding="utf-8")
    for made in ("module.js", "page.html"):
        assert script in (tmp_path / made).read_text(encoding="utf-8")
    for suffix, begins in (("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
        assert (tmp_path / f"picture.{suffix}").read_bytes().startswith(begins)


# ---------------------------------------------------------------------- the build hook by itself


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    """The build hook's module."""
    spec = importlib.util.spec_from_file_location("build_hook", ROOT / "js" / "build_hook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tiny checkout."""
    root = tmp_path / "tree"
    (root / "js" / "src").mkdir(parents=True)
    for name in ("package.json", "package-lock.json", "src/index.ts"):
        (root / "js" / name).write_text("")
    return root


Npm = Callable[[str], Callable[[], list[str]]]


@pytest.fixture
def fake_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Npm:
    """Put an npm in front that notes its calls and then runs a line of shell for ``run build``."""

    def install(line: str) -> Callable[[], list[str]]:
        programs, log = tmp_path / "bin", tmp_path / "npm.log"
        programs.mkdir()
        log.touch()
        npm = programs / "npm"
        npm.write_text(
            f'#!/bin/sh\necho "$*" >> "{log}"\n[ "$1" = run ] || exit 0\n'
            f"mkdir -p ../kanwidget/static\n{line}\n"
        )
        npm.chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        return lambda: log.read_text().splitlines()

    return install


BUILDS = "cd ../kanwidget/static && echo built | tee widget.js > sweep.js"


def test_a_checkout_is_built_once_and_again_when_a_source_changes(
    hook: ModuleType, tree: Path, fake_npm: Npm
) -> None:
    calls = fake_npm(BUILDS)
    assert hook.ensure_built(tree) is True
    assert [call.split()[0] for call in calls()] == ["ci", "run"]
    assert hook.ensure_built(tree) is False
    assert len(calls()) == 2

    later = (tree / BUILT).stat().st_mtime + 10
    os.utime(tree / "js" / "src" / "index.ts", (later, later))
    assert hook.ensure_built(tree) is True


def test_installed_node_packages_are_left_alone_until_the_lock_changes(
    hook: ModuleType, tree: Path, fake_npm: Npm
) -> None:
    calls = fake_npm(BUILDS)
    installed = tree / "js" / "node_modules" / ".package-lock.json"
    installed.parent.mkdir()
    installed.touch()
    hook.ensure_built(tree)
    assert calls() == ["run build"]

    later = installed.stat().st_mtime + 10
    os.utime(tree / "js" / "package-lock.json", (later, later))
    hook.ensure_built(tree)
    assert [call.split()[0] for call in calls()] == ["run", "ci", "run"]


def test_a_failing_build_says_what_npm_said(hook: ModuleType, tree: Path, fake_npm: Npm) -> None:
    fake_npm("echo the reason; exit 3")
    with pytest.raises(RuntimeError, match=r"npm run build` in js/ failed:\nthe reason"):
        hook.ensure_built(tree)


def test_a_build_that_writes_nothing_is_told(hook: ModuleType, tree: Path, fake_npm: Npm) -> None:
    fake_npm("true")
    with pytest.raises(RuntimeError, match="wrote no kanwidget/static"):
        hook.ensure_built(tree)


def test_without_node_a_checkout_says_what_to_install(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tree))
    with pytest.raises(RuntimeError, match=r"Node\.js 20 or newer"):
        hook.ensure_built(tree)


def test_an_sdist_is_never_built_from(hook: ModuleType, tree: Path, fake_npm: Npm) -> None:
    calls = fake_npm(BUILDS)
    (tree / "PKG-INFO").touch()
    with pytest.raises(RuntimeError, match="this sdist is broken"):
        hook.ensure_built(tree)
    (tree / BUILT).parent.mkdir(parents=True)
    for built in (BUILT, SWEEP):
        (tree / built).touch()
        os.utime(tree / built, (0, 0))
    assert hook.ensure_built(tree) is False
    assert calls() == []


@pytest.mark.parametrize("page", [ROOT / "README.md", *(ROOT / "examples/guide").glob("*.md")])
def test_every_link_of_the_readme_and_the_guide_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert links or "](" not in page.read_text(encoding="utf-8")
    for link in links:
        assert (page.parent / link).exists(), f"{page.name} links to {link}"
