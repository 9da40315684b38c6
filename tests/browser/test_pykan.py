"""pykan's own models in JupyterLab: drawn, dragged, toggled, left to other cells, reloaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cells import EDGES, PYKAN_MODEL, WIDGET
from lab import Notebook
from labview import LabView, between, look
from servers import until
from view import ends, rectangle, same

OpenNotebook = Callable[[Sequence[str] | Path], Notebook]

# What the model computes with these edges off and their means kept, by pykan's own means.
MASKED = """
def masked(off):
    m = KAN(width=[2, 5, 1], grid=5, k=3, auto_save=False)
    m.load_state_dict(original.state_dict())
    with torch.no_grad():
        m(dataset["train_input"])
        means = [post.mean(0) for post in m.spline_postacts]
        for l, i, j in off:
            m.act_fun[l].mask[i, j] = 0.0
            m.node_bias[l][j] += means[l][j, i]
        return m(x)
"""


@pytest.fixture
def view(open_notebook: OpenNotebook) -> LabView:
    """A notebook that has run, with a pykan model and its widget on the screen."""
    notebook = open_notebook([PYKAN_MODEL + MASKED, WIDGET])
    notebook.run_all()
    return look(notebook)


def test_the_canvas_shows_each_edge_as_pykan_computes_it(view: LabView) -> None:
    assert sorted(view.edges()) == EDGES
    until(lambda: view.assert_shown(EDGES))
    until(view.assert_agrees)
    assert view.notebook.value("w.score") == "attribution"


def test_dragging_prunes_the_live_pykan_model_and_back_restores_it(view: LabView) -> None:
    value = view.notebook.value
    scores: dict[str, float] = value("_probe.node_scores(original)")
    weak = sorted(scores, key=scores.__getitem__)[:1]
    kept = {ids: not any(f"{l},{n}" in weak for l, n in ends(ids)) for ids in EDGES}

    view.press_threshold()
    view.move_threshold(*between(scores, taken=1))
    until(lambda: same(view.edges(), kept))  # the preview, before the button is let go
    view.page.mouse.up()
    until(lambda: same(value("_probe.mask(model)"), kept))
    until(view.assert_agrees)
    off = [tuple(map(int, ids.split(","))) for ids, on in kept.items() if not on]
    assert value(f"(model(x) - masked({off})).abs().max().item()") < 1e-9
    assert value("(model(x) - before).abs().max().item()") > 1e-6

    view.press_threshold()
    area = rectangle(view.threshold())
    view.page.mouse.move(area["x"] - 20, area["y"] + area["height"] / 2, steps=10)
    until(lambda: same(set(view.edges().values()), {True}))
    view.page.mouse.up()
    until(lambda: same(value("w.node_threshold"), 0.0))
    assert value("(model(x) - before).abs().max().item()") == 0.0
    until(lambda: view.assert_shown(EDGES))
    # pykan keeps checkpoints of what its own methods do; this was none of them.
    assert value("sorted(os.listdir()) == files")


def test_edges_and_nodes_of_a_pykan_model_are_toggled_and_come_back(view: LabView) -> None:
    value = view.notebook.value
    view.click("edge", "0,1,2")
    until(lambda: same(view.edges(), {ids: ids != "0,1,2" for ids in EDGES}))
    until(view.assert_agrees)
    assert value("(model(x) - masked([(0, 1, 2)])).abs().max().item()") < 1e-9
    view.click("edge", "0,1,2")
    until(lambda: same(value("torch.equal(model(x), before)"), True))

    view.click("node", "1,3")
    until(lambda: same(view.edges(), {ids: (1, 3) not in ends(ids) for ids in EDGES}))
    until(view.assert_agrees)
    view.toggle("node", "1,3")
    until(lambda: same(value("torch.equal(model(x), before)"), True))


def test_what_pykans_own_methods_do_shows_and_a_reload_keeps_it(view: LabView) -> None:
    value = view.notebook.value
    view.notebook.run("model.remove_edge(0, 0, 1)")
    view.notebook.scroll_to_widget()
    until(lambda: same(view.edges(), {ids: ids != "0,0,1" for ids in EDGES}))
    view.toggle("edge", "1,4,0")
    off = {"0,0,1", "1,4,0"}
    until(lambda: same(view.edges(), {ids: ids not in off for ids in EDGES}))
    until(view.assert_agrees)
    status = view.status()

    view.notebook.save()
    view.notebook.reload()
    again = look(view.notebook)
    until(lambda: same(again.edges(), {ids: ids not in off for ids in EDGES}))
    until(lambda: same(again.status(), status))
    until(again.assert_agrees)
    again.toggle("edge", "1,4,0")
    until(lambda: same(value("w.removed_edges"), []))
