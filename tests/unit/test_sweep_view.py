"""The view of a sweep without a browser: what reaches the page, and what a page may do."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image
from sweeps import Shared, small_data, takes_long, untrained

from kanwidget import KAN, KANWidget, Sweep, SweepWidget, sweep
from kanwidget.sweep.pruning import count_live_edges
from kanwidget.widget.packed_array import unpack
from kanwidget.widget.sweep_payload import settings_in_words, thumbnail

DATA = small_data()
GRID: dict[str, Any] = {
    "width": [[2, 2, 1], [2, 3, 1]],
    "grid": 3,
    "k": 2,
    "steps": 2,
    "lamb": [0.1, 0.0],
    "prune": "within 5%",
}


def here(grid: Any, **options: Any) -> Sweep:
    """Run a sweep in this process."""
    return sweep(DATA, grid, executor=ThreadPoolExecutor(1), progress=False, **options)


@pytest.fixture(scope="module")
def finished() -> Sweep:
    """Eight runs that have ended."""
    return here(GRID, repeats=2)


@pytest.fixture
def view(finished: Sweep) -> Iterator[SweepWidget]:
    """A view of them."""
    view = SweepWidget(finished)
    yield view
    view.close()


def runs_shown(view: SweepWidget) -> np.ndarray[Any, Any]:
    return unpack(view._runs)[0]


def ask(view: SweepWidget, **content: Any) -> None:
    """Do as a page does."""
    view._handle_custom_msg(content, [])


# ------------------------------------------------------------------------------ what is shown


def test_a_sweep_is_shown_as_its_view_and_always_the_same(finished: Sweep) -> None:
    view = finished.view()
    data, _ = finished._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == view.model_id
    assert finished._display_() is view
    view.close()
    assert finished.view() is not view
    finished.view().close()


def test_threads_that_ask_at_once_get_one_view(
    finished: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Sweep.make_view
    assert make is not None

    def make_slowly(runs: Sweep) -> SweepWidget:
        time.sleep(0.2)  # the other asks meanwhile
        return make(runs)

    monkeypatch.setattr(Sweep, "make_view", make_slowly)
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _: finished.view(), range(2))
    assert first is second
    first.close()


def test_the_page_gets_all_runs_the_front_and_the_settings_that_differ(
    view: SweepWidget, finished: Sweep
) -> None:
    number, train, test, edges, seconds = runs_shown(view)
    assert list(number) == list(range(8))
    assert [*train] == [run.train_loss for run in finished.runs]
    assert [*test] == [run.test_loss for run in finished.runs]
    assert [*edges] == [run.active_edges for run in finished.runs]
    assert (seconds > 0).all()
    assert view._front == [run.number for run in finished.front()]
    assert (view._total, view._running, view._errors) == (8, False, [])
    assert [one["name"] for one in view._settings] == ["seed", "width", "lamb"]
    assert view._settings[2] == {"name": "lamb", "values": ["0", "0.1"], "numbers": True}
    assert view._shared == "grid 3, k 2, steps 2, prune within 5%"
    codes = unpack(view._codes)[0]
    for k, setting in enumerate(view._settings):
        for run in finished.runs:
            words = setting["values"][int(codes[k, run.number])]
            value = run.settings[setting["name"]]
            assert words == (f"{value:g}" if isinstance(value, float) else json.dumps(value))


def test_settings_that_are_missing_or_code_have_words(finished: Sweep) -> None:
    def policy(session: Any) -> None: ...

    base = {"width": [2, 1]}
    grid = [base, {**base, "prune": policy}, {**base, "prune": 0.5}, {**base, "prune": None}]
    varied, codes, shared = settings_in_words(Sweep(grid, None, ""))
    assert varied[0]["values"][0] == "–"
    assert "policy" in varied[0]["values"][1]
    assert varied[0]["values"][2:] == ["0.5", "none"]
    assert not varied[0]["numbers"]
    assert [*codes[0]] == [0, 1, 2, 3]
    assert shared == "width [2, 1]"


def test_a_run_that_failed_is_told_with_its_error() -> None:
    found = here({"width": [[2, 2, 1], [3, 2, 1]], "steps": 1})
    view = found.view()
    assert np.isnan(runs_shown(view)[3][1])
    ((number, words),) = view._errors
    assert number == 1
    assert "Error" in words
    ask(view, do="open", run=1)
    assert "run 1 failed" in view.error
    assert view.opened == []
    view.close()


def test_a_small_network_has_the_edges_that_carry_something() -> None:
    model = KAN([2, 3, 1], grid=3, k=2, seed=0)
    model(DATA["train_input"])
    model.remove_edge(1, 2, 0)  # what leads to node (1, 2) leads nowhere
    small = thumbnail(model)
    assert small["width"] == [2, 3, 1]
    edges = {tuple(edge[:3]) for edge in small["edges"]}
    assert edges == {(0, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 0, 0), (1, 1, 0)}
    assert len(edges) == count_live_edges(model)
    assert max(edge[3] for edge in small["edges"]) == 1
    grid = model.layers[0].grid
    steps = torch.linspace(0, 1, 17, dtype=grid.dtype).unsqueeze(1)
    curve = model.layers[0].activations(grid[:, 0] + (grid[:, -1] - grid[:, 0]) * steps)[1, 0]
    drawn = small["curves"][[edge[:3] for edge in small["edges"]].index([0, 0, 1])]
    scaled = 100 * (curve - curve.min()) / (curve.max() - curve.min())
    assert np.abs(np.array(drawn) - scaled.detach().numpy()).max() <= 0.51


def test_a_cell_keeps_a_picture_of_the_plot_behind_the_view(finished: Sweep) -> None:
    shell = InteractiveShell.instance()
    try:
        shell.display_pub = CapturingDisplayPublisher(shell=shell)
        shell.push({"runs": finished})
        cell = "from IPython.display import display; display(runs)"
        shell.run_cell(cell, store_history=True).raise_error()
        live, picture = (output["data"] for output in shell.display_pub.outputs)
    finally:
        InteractiveShell.clear_instance()
        finished.view().close()
    assert "application/vnd.jupyter.widget-view+json" in live
    assert picture["text/plain"] == f"SweepWidget({finished!r})"
    drawn = Image.open(io.BytesIO(base64.b64decode(picture["image/png"]))).convert("RGB")
    blue = np.asarray(drawn).astype(int)
    assert ((blue[..., 2] - blue[..., 0]) > 60).sum() > 100


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_the_plot_is_saved_as_a_file(view: SweepWidget, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"runs.{suffix}"
    view.save_image(file, width=4, title="Mine")
    begins = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[suffix]
    assert file.read_bytes().startswith(begins)
    if suffix == "svg":
        assert all(words in file.read_text() for words in ("edges left", "test loss", "Mine"))
    with pytest.raises(ValueError, match="an image ends in"):
        view.save_image(tmp_path / "runs.gif")


def test_a_sweep_of_which_nothing_has_ended_can_be_drawn() -> None:
    empty = Sweep([{"width": [2, 1], "seed": 0}], DATA, "")
    view = empty.view()
    assert len(view.figure().axes) == 1
    assert "0 runs" in view.to_html()
    view.close()


# ------------------------------------------------------------------------------- while it runs


def test_the_view_grows_by_itself_while_the_loop_is_free() -> None:
    seen: list[int] = []

    def fit(dataset: Any, seed: int) -> KAN:  # a run ends when the one before is shown
        end = time.monotonic() + 60
        while seed and seen[-1:] != [seed]:
            assert time.monotonic() < end, f"{seed} runs are not shown"
            time.sleep(0.01)
        return untrained(dataset, seed)

    async def watch() -> None:
        found = here({}, repeats=5, fit=Shared(fit), wait=False)
        view = SweepWidget(found)
        assert view._running
        while view._running:
            await asyncio.sleep(0.02)
            seen.append(runs_shown(view).shape[1])
        view.close()

    asyncio.run(asyncio.wait_for(watch(), 250))
    assert set(range(1, 6)) <= set(seen)


def test_the_view_grows_while_a_cell_waits_and_stop_keeps_what_has_ended(tmp_path: Path) -> None:
    grid = {"seconds": 0.2, "notes": str(tmp_path / "notes")}
    found = here(grid, repeats=100, fit=takes_long, wait=False)
    view, seen = found.view(), []

    def look(_: Any) -> None:
        seen.append(runs_shown(view).shape[1])
        if seen[-1] >= 2:
            ask(view, do="stop")

    view.observe(look, names="_runs")
    found.wait()
    view.look()
    assert 2 <= len(found) < 100
    assert runs_shown(view).shape[1] == len(found)
    assert not view._running
    view.close()


# ----------------------------------------------------------------------------- networks that open


def test_an_open_network_is_live_and_is_as_it_was_left(view: SweepWidget, finished: Sweep) -> None:
    number = finished.front()[-1].number
    ask(view, do="open", run=number)
    network = view.networks[number]
    assert isinstance(network, KANWidget)
    assert view._networks == [[number, network.model_id]]
    assert network.loss == pytest.approx(finished.runs[number].test_loss)
    network.remove_node(1, 0)
    ask(view, do="close", run=number)
    assert (view.opened, view._networks) == ([], [])
    view.opened = [0, number]
    assert view.networks[number] is network
    assert network.removed_nodes == [(1, 0)]
    assert [each for each, _ in view._networks] == [0, number]
    with pytest.raises(IndexError, match="there is no run 99"):
        view.opened = [99]
    assert view.opened == []


def test_a_network_opens_with_the_loss_that_it_was_trained_on() -> None:
    found = here({"width": [2, 2, 1], "steps": 1, "loss_fn": torch.nn.L1Loss()})
    view = found.view()
    view.opened = [0]
    assert view.networks[0].loss == pytest.approx(found.runs[0].test_loss)
    assert "L1Loss" in view.networks[0].loss_name
    view.close()


@pytest.mark.parametrize(
    "content",
    [
        {"do": "open", "run": "0"},
        {"do": "open", "run": 99},
        {"do": "open"},
        {"do": "thumbnail", "run": None},
        {"do": "close", "run": {}},
        {"do": "open", "run": True},
        {"do": ["open"]},
        {},
        [],
        None,
    ],
)
def test_messages_without_sense_change_nothing(view: SweepWidget, content: Any) -> None:
    view._handle_custom_msg(content, [])
    assert view.opened == []


def test_a_page_writes_which_run_is_selected_and_nothing_else(view: SweepWidget) -> None:
    view.set_state({"selected": 3, "_front": [7], "opened": [1], "_total": 1})
    assert view.selected == 3
    assert view._front != [7]
    assert (view.opened, view._total) == ([], 8)
    for nonsense in (99, -1, "1", True, None, [1]):
        view.set_state({"selected": nonsense})
        assert view.selected is None


def test_a_small_network_comes_when_it_is_asked_for(
    view: SweepWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(view, "send", lambda content, buffers=None: sent.append(content))
    ask(view, do="thumbnail", run=2)
    assert sent[0]["run"] == 2
    assert sent[0]["thumbnail"]["width"] == [2, 2, 1] or sent[0]["thumbnail"]["width"] == [2, 3, 1]


def test_what_the_good_runs_agree_on_comes_when_it_is_asked_for(
    view: SweepWidget, finished: Sweep
) -> None:
    assert view._agreement == {}
    ask(view, do="compare")
    told, found = view._agreement, finished.agreement()
    assert not view._comparing
    assert told["runs"] == len(found.runs)
    assert [one[:3] for one in told["inputs"]] == [
        [one.name, one.kept_in, one.runs] for one in found.inputs
    ]
    for drawn, curve in zip(told["curves"], found.curves, strict=True):
        same = sorted(run for run, is_same, _ in drawn["lines"] if is_same)
        assert same == sorted(curve.same_in)
        assert np.allclose(drawn["median"], curve.median[::2], rtol=1e-3, atol=1e-9)


def test_a_closed_view_gives_models_back_and_hears_nothing_more(finished: Sweep) -> None:
    view = SweepWidget(finished)
    view.opened = [0]
    model = view.networks[0].session
    view.close()
    view.close()
    assert model.closed
    assert not any((finished.listeners.run, finished.listeners.end, finished.listeners.waiting))
    ask(view, do="open", run=1)
    assert 1 not in view.networks


# ------------------------------------------------------------------------------------ the page


def test_a_page_holds_all_runs_and_the_networks_of_the_front(
    view: SweepWidget, finished: Sweep, tmp_path: Path
) -> None:
    other = next(run.number for run in finished.runs if run not in finished.front())
    view.opened = [other]
    content = view.to_html(tmp_path / "runs.html", title="A <b>sweep</b>", data_rows=5)
    assert (tmp_path / "runs.html").read_text() == content
    assert "A &lt;b&gt;sweep" in content
    (data,) = re.findall(r'id="kanwidget-traits">(.*?)</script>', content)
    traits = json.loads(data)
    inside = {run.number for run in finished.front()} | {other}
    assert {int(number) for number in traits["_pages"]} == inside
    assert {int(number) for number in traits["_thumbnails"]} == inside
    assert "_picture" not in traits  # a page's policy forbids the style that hides it
    assert not traits["_running"]
    assert all(page["_rows"]["base64"] for page in traits["_pages"].values())
    assert set(view.networks) == {other}  # what was open stays, and nothing else comes


def test_only_a_sweep_has_such_a_view() -> None:
    with pytest.raises(TypeError, match=r"shows a kanwidget\.Sweep, got a list"):
        SweepWidget([])  # type: ignore[arg-type]
