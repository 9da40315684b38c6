"""An exported page computes what the live model computes, whatever the library and the names.

``PAGES=100`` is how many random networks are tried, 18 by default.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from formula_forms import Floats, live_outputs, random_names, remove_some
from test_formula_agreement import SOAK

from kanwidget import KANWidget
from kanwidget.adapters import adapt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "soak"))

JS = Path(__file__).parents[2] / "js"
COUNT = int(os.environ.get("PAGES", "18"))
# Pages only show networks in which an edge sees all nodes of its layer.
KINDS = [kind for kind in SOAK if kind != "fastkan-norm"]
ROWS = 60


def named_widget(kind: str, seed: int, choose: random.Random) -> tuple[KANWidget, Floats]:
    """Return a widget of a random network, with edges that are off or named, and its outputs."""
    model = pytest.importorskip("models").KINDS[kind].make(seed).double()
    if kind == "pykan-products":  # pages only show products that are scaled, which pykan never does
        for scale in model.node_scale:
            scale.data.fill_(1.0)
    width = adapt(model).width
    # Pages hold their rows as float32.
    x = pytest.importorskip("models").rows(ROWS, width[0], seed).float().double()
    labels = torch.zeros(ROWS, width[-1], dtype=torch.float64)
    names = ("train_input", "train_label", "test_input", "test_label")
    widget = KANWidget(model, dict(zip(names, (x, labels, x, labels), strict=True)))
    session, share = widget.session, choose.choice([0.3, 0.7, 1.0])
    remove_some(session, choose)
    adapt(model).set_names(live_outputs(model, x, random_names(model, choose, share))[1])
    widget.refresh()
    return widget, adapt(model).forward(x).numpy()


@pytest.fixture(scope="module")
def page_outputs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that lets the pages' own script compute what pages carry."""
    bundler, node = JS / "node_modules" / ".bin" / "esbuild", shutil.which("node")
    if node is None or not bundler.exists():
        pytest.skip("needs node and the packages of js/")
    folder = tmp_path_factory.mktemp("pages")
    source, script = JS / "test" / "page-outputs.ts", folder / "page-outputs.mjs"
    options = ["--bundle", "--platform=node", "--format=esm", "--log-level=warning"]
    subprocess.run([bundler, source, *options, f"--outfile={script}"], check=True)

    def compute(pages: list[Any]) -> list[dict[str, Any]]:
        carried, found = folder / "carried.json", folder / "found.json"
        carried.write_text(json.dumps(pages))
        subprocess.run([node, script, carried, found], check=True)
        return json.loads(found.read_text())

    return compute


def test_a_page_computes_what_the_live_model_computes(page_outputs: Any) -> None:
    pytest.importorskip("kan", reason="pykan is not installed")
    cases, pages = [], []
    for n in range(COUNT):
        kind, choose = KINDS[n % len(KINDS)], random.Random(n)
        widget, outputs = named_widget(kind, n, choose)
        html = widget.to_html(data_rows=ROWS)
        (carried,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.S)
        pages.append(json.loads(carried))
        cases.append((f"{kind} {n}", outputs, widget.session.loss))
        widget.close()
    for (what, outputs, loss), found in zip(cases, page_outputs(pages), strict=True):
        expected = outputs.flatten()
        size = max(1.0, float(np.abs(expected).max()))
        assert found is not None, f"the page of {what} does not compute"
        assert np.abs(np.array(found["outputs"]) - expected).max() <= 1e-9 * size, what
        assert found["loss"] == pytest.approx(loss, rel=1e-9, abs=1e-9), what
