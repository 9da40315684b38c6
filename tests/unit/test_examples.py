"""Every example, run top to bottom in a kernel of its own, says what its prose promises."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.ipynb"))
BAR = re.compile(r"[^\r\n]*%\|[^\r\n]*[\r\n]*")
"""A progress bar of tqdm: the only thing that may be on stderr."""
WIDGET = "application/vnd.jupyter.widget-view+json"
NEEDS = {"04_pykan": "kan"}
ASKED = {
    "03_lesson": "steps = [len(w.session.history.commands) for w in (w1, w2, w3, w4)]\n"
    "print('steps of the widgets:', steps)"
}
"""What is asked in a cell of its own at the end."""


class Executed:
    """A notebook after it ran, and the files that it left."""

    def __init__(self, name: str, folder: Path) -> None:
        self.notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
        if name in ASKED:
            self.notebook.cells.append(nbformat.v4.new_code_cell(ASKED[name]))
        work, home = folder / "work", folder / "home"
        work.mkdir()
        client = NotebookClient(
            self.notebook,
            timeout=120,  # an example takes seconds: longer than this on any machine is a hang
            kernel_name="python3",
            resources={"metadata": {"path": str(work)}},
        )
        # Another test may have told this process, and so its children, not to show plots.
        inline = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
        client.execute(env=os.environ | inline | {"OMP_NUM_THREADS": "1", "IPYTHONDIR": str(home)})
        self.left_behind = sorted(path.name for path in work.iterdir())
        self.widgets: dict[str, dict[str, Any]] = {
            id: model["state"]
            for id, model in self.notebook.metadata["widgets"][
                "application/vnd.jupyter.widget-state+json"
            ]["state"].items()
        }

    def outputs(self) -> Iterator[Any]:
        """Yield all outputs, in order."""
        for cell in self.notebook.cells:
            yield from cell.get("outputs", [])

    def text(self, stream: str = "stdout") -> str:
        """Return all that went to stdout or stderr."""
        return "".join(o["text"] for o in self.outputs() if o.get("name") == stream)

    def shown(self, mime: str) -> list[Any]:
        """Return what cells showed of a kind, pictures that stand for a widget left out."""
        data = [o.get("data", {}) for o in self.outputs()]
        others = [d for d in data if not d.get("text/plain", "").startswith("KANWidget(")]
        return [d[mime] for d in others if mime in d]

    def numbers(self, pattern: str) -> list[float]:
        """Return the numbers in the groups of a pattern, where it is first found in stdout."""
        found = re.search(pattern, self.text())
        assert found, f"{pattern!r} is not in:\n{self.text()}"
        return [float(group) for group in found.groups()]

    def texts(self) -> list[str]:
        """Return the values of all HTML widgets."""
        return [s["value"] for s in self.widgets.values() if s["_model_name"] == "HTMLModel"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Executed]]:
    """Return an example after it ran. While one is waited for, the next one runs already."""
    folder, runs = tmp_path_factory.mktemp("examples"), dict[str, Future[Executed]]()
    able = [name for name in NAMES if name not in NEEDS or importlib.util.find_spec(NEEDS[name])]
    with ThreadPoolExecutor(2) as pool:

        def result(name: str) -> Executed:
            if name not in able:
                pytest.skip(f"{name} needs a library that is not installed")
            place = able.index(name)
            for due in able[place : place + 2]:
                if due not in runs:
                    (folder / due).mkdir()
                    runs[due] = pool.submit(Executed, due, folder / due)
            return runs[name].result()

        yield result


@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs_in_silence_and_shows_its_widgets(
    name: str, run: Callable[[str], Executed]
) -> None:
    done = run(name)
    assert BAR.sub("", done.text("stderr")).strip() == ""
    assert done.left_behind == []
    live = [id for id, state in done.widgets.items() if "node_threshold" in state]
    assert live
    assert {view["model_id"] for view in done.shown(WIDGET)} >= set(live)
    assert [done.widgets[id]["error"] for id in live] == [""] * len(live)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_stored_without_outputs(name: str) -> None:
    cells = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert cells[0].source.startswith("# ")


def test_the_pruning_demo_ends_with_three_curves(run: Callable[[str], Executed]) -> None:
    done = run("01_pruning")
    assert done.numbers(r"test RMSE (\d+\.\d+)")[0] < 0.14
    assert len(done.shown("image/png")) == 4
    before, after = done.numbers(r"test RMSE (\d+\.\d+) before, (\d+\.\d+) after")
    assert after < before / 2


def test_the_measurements_are_pruned_to_a_formula_that_beats_a_line(
    run: Callable[[str], Executed],
) -> None:
    done = run("02_threshold_tuning")
    line, formula, whole, pruned, retrained = done.numbers(
        r"(?s)regression, 5 inputs +(\d+\.\d+).*calibrated +(\d+\.\d+).*"
        r"KAN, 6 edges +(\d+\.\d+).*pruned +(\d+\.\d+).*retraining +(\d+\.\d+)"
    )
    assert whole < retrained < pruned < line / 2
    assert retrained < 1.05 * formula
    assert "3 edges left, from perimeter and area" in done.text()
    assert -2.3 < done.numbers(r"slope over log\(area\) = (-\d+\.\d+)")[0] < -1.7
    assert len(done.shown("image/png")) == 2


def test_the_lesson_hides_answers_that_are_true(run: Callable[[str], Executed]) -> None:
    done = run("03_lesson")
    folded = [s for s in done.widgets.values() if s["_model_name"] == "AccordionModel"]
    assert len(folded) == 8
    assert all(state["selected_index"] is None for state in folded)
    answers = "\n".join(done.texts())
    patterns = {
        r"For 0.5 it answers (\d+\.\d+)": 1.0,
        r"for -0.5 it answers (-\d+\.\d+)": -1.0,
        r"(\d+\.\d+): the height of one curve plus": 2.0,
        r"Without the sine the loss is (\d+\.\d+)": 0.5**0.5,
        r"the parabola only (\d+\.\d+)": (4 / 45) ** 0.5,
    }
    for pattern, expected in patterns.items():
        found = re.search(pattern, answers)
        assert found, pattern
        assert float(found[1]) == pytest.approx(expected, abs=0.02), pattern
    # Steps in a widget's History, and its "last" figures, would give the answers away.
    assert "steps of the widgets: [1, 1, 1, 1]" in done.text()
    assert "6 can go, and 3 are left" in answers
    assert "most expensive edge is (1, 2, 0)" in answers


def test_pykan_and_the_widget_agree_on_a_pykan_model(run: Callable[[str], Executed]) -> None:
    done = run("04_pykan")
    pairs = re.findall(r"the widget says (\d+\.\d+), the model (\d+\.\d+)", done.text())
    assert len(pairs) == 3
    assert all(said == found for said, found in pairs)
    assert done.numbers(r"test RMSE (\d+\.\d+)")[0] < 0.1
    assert done.numbers(r"R² = (\d+\.\d+)")[0] > 0.9


def test_digits_survive_the_loss_of_half_the_edges(run: Callable[[str], Executed]) -> None:
    done = run("05_digits")
    (whole,) = done.numbers(r"whole +1184 +(\d+\.\d+)%")
    edges, pruned, refitted = done.numbers(r"\+5% +(\d+) +(\d+\.\d+)% +(\d+\.\d+)%")
    assert edges < 1184 * 0.6
    assert whole > 95
    assert min(pruned, refitted) > whole - 2
    (widget,) = [state for state in done.widgets.values() if "node_threshold" in state]
    assert (widget["input_shape"], widget["view"]) == ([8, 8], "matrix")


def test_a_button_a_slider_and_a_plot_follow_the_widget(run: Callable[[str], Executed]) -> None:
    done = run("06_linking")
    left, threshold = done.numbers(r"(\d+) of 15 edges, threshold (\d+\.\d+)")
    assert left < 5
    assert threshold > 0
    assert f"the slider says '{left:.0f} edges', the plot '{left:.0f} edges, " in done.text()
    assert any("<td>(0, 0, 3)</td>" in text for text in done.texts())


def test_the_measurements_become_a_formula_that_geometry_agrees_with(
    run: Callable[[str], Executed],
) -> None:
    done = run("08_formula")
    assert re.search(r"3 curves named, test RMSE 0\.0\d+ -> 0\.0\d+\n", done.text())
    assert len(re.findall(r"group 0", done.text())) >= 3
    assert 0.47 < done.numbers(r"exponent of the area (\d\.\d+)")[0] < 0.53
    assert 3.5 < done.numbers(r"roundest nuclei: (\d\.\d+) times")[0] < 3.7
    before, after = done.numbers(r"test RMSE (\d\.\d+) before, (\d\.\d+) with the law")
    assert after < 1.02 * before
    assert "np.log(area)" in done.text()


def test_many_runs_agree_on_the_inputs_that_geometry_names(
    run: Callable[[str], Executed],
) -> None:
    done = run("07_many_runs")
    edges, loss = done.numbers(r"run \d+: (\d+) edges, test RMSE (\d+\.\d+)")
    assert edges <= 4
    assert loss < 0.35
    # Compactness is perimeter^2 / area - 1.
    for name in ("perimeter", "area"):
        kept, runs = done.numbers(rf"{name}: kept in (\d+) of (\d+) runs")
        assert kept == runs
    (view,) = [state for state in done.widgets.values() if "_comparing" in state]
    assert (view["_total"], view["error"]) == (18, "")
