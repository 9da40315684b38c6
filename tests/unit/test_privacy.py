"""What leaves Python of the data: with ``data_rows=0`` no value of them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from layouts import FastKANLayer, KANLinear, Stack
from numpy.typing import NDArray
from torch import Tensor, nn

from kanwidget import KAN, KANWidget
from kanwidget.widget.packed_array import unpack

Build = Callable[[Tensor], nn.Module]


def on_quantiles(x: Tensor) -> nn.Module:
    """A KAN whose knots are values of the data."""
    model = KAN([3, 4, 2], grid=6, seed=0, noise_scale=2.0, grid_eps=0.0)
    model.update_grid(x)
    return model


def without_hidden_nodes(x: Tensor) -> nn.Module:
    model = KAN([3, 2], grid=4, seed=0, noise_scale=2.0)
    model.update_grid(x)
    return model


def pykan(x: Tensor) -> nn.Module:
    kan = pytest.importorskip("kan")
    model = kan.MultKAN([3, 4, 2], grid=4, seed=0, auto_save=False, grid_eps=0.0).double()
    model.update_grid_from_samples(x)
    found: nn.Module = model
    return found


def efficient(x: Tensor) -> nn.Module:
    return Stack(KANLinear(3, 4), KANLinear(4, 2)).double()


def fast(x: Tensor) -> nn.Module:
    return Stack(FastKANLayer(3, 4), FastKANLayer(4, 2)).double()


MODELS: list[Build] = [on_quantiles, without_hidden_nodes, pykan, efficient, fast]


@pytest.fixture
def dataset() -> dict[str, Tensor]:
    """Random data: no value of them is a round number."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(80, 3, generator=generator, dtype=torch.float64) * torch.tensor([1, 30, 0.3])
    x[:, 2] += 2
    y = torch.randn(80, 2, generator=generator, dtype=torch.float64)
    parts = {"train_input": x[:50], "train_label": y[:50]}
    return parts | {"test_input": x[50:], "test_label": y[50:]}


def numbers_in_page(html: str) -> NDArray[Any]:
    """Return every number of a page, in its packed arrays and in its text."""
    found = [unpack(base64.b64decode(text))[0] for text in re.findall(r'"base64": "([^"]+)"', html)]
    traits = html.split('id="kanwidget-traits">')[1].split("</script>")[0]
    shown = html.split("<main")[0].split("<body>")[1]
    return all_of(found, re.sub(r'"base64": "[^"]*"', "", traits) + shown)


def numbers_in_state(w: KANWidget) -> NDArray[Any]:
    """Return every number of what a notebook keeps of a widget."""
    w._sync.finish()
    state = {name: value for name, value in w.get_state().items() if not name.startswith("_esm")}
    packed = [bytes(v) for v in state.values() if isinstance(v, (bytes, memoryview))]
    plain = {n: v for n, v in state.items() if not isinstance(v, (bytes, memoryview))}
    return all_of([unpack(data)[0] for data in packed if data], json.dumps(plain))


def all_of(arrays: list[NDArray[Any]], text: str) -> NDArray[Any]:
    told = [float(n) for n in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", text)]
    kinds = [a.astype(np.float64).ravel() for a in arrays if a.dtype != np.uint8]
    return np.concatenate([*kinds, told])


def secrets_among(numbers: NDArray[Any], dataset: dict[str, Tensor]) -> int:
    """Return how many of the data's values are among some numbers, to the last digit of a float32.

    So are the ends of the inputs, if they are told through what is a tenth wider on either side.
    """
    data = torch.cat([part.flatten() for part in dataset.values()]).numpy()
    inputs = torch.cat([dataset["train_input"], dataset["test_input"]]).numpy()
    low, high = inputs.min(0), inputs.max(0)
    wider = np.concatenate([low - 0.1 * (high - low), high + 0.1 * (high - low)])
    with np.errstate(over="ignore"):
        kept = np.unique(numbers.astype(np.float32))
    secret = np.unique(np.concatenate([data, wider]).astype(np.float32))
    return int(np.isin(secret, kept).sum())


@pytest.mark.parametrize("build", MODELS, ids=lambda build: build.__name__)
def test_without_rows_no_value_of_the_data_leaves_python(
    build: Build, dataset: dict[str, Tensor]
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build(dataset["train_input"])
    w = KANWidget(model, dataset, data_rows=0, selected=[(0, 0, 1)])
    w.edge_threshold = float(w.session.scores[0].median())
    w.commit()
    w.undo()
    for numbers in (
        numbers_in_state(w),
        numbers_in_page(w.to_html()),
        numbers_in_page(w.to_html(data_rows=0)),
    ):
        # One in thousands may be equal by chance.
        assert secrets_among(numbers, dataset) <= 1
    w.close()
    # The same search finds what is there.
    w = KANWidget(model, dataset, data_rows=10)
    assert secrets_among(numbers_in_state(w), dataset) >= 30
    assert secrets_among(numbers_in_page(w.to_html(data_rows=0)), dataset) <= 1
    assert secrets_among(numbers_in_page(w.to_html()), dataset) >= 30
    assert len(unpack(w._rows)[0]) == len(unpack(w._row_labels)[0]) == 10
    w.close()


def test_what_is_rounded_still_shows_the_curves_where_the_data_are(
    dataset: dict[str, Tensor],
) -> None:
    model = on_quantiles(dataset["train_input"])
    w = KANWidget(model, dataset, data_rows=0)
    x, y = unpack(w._curves_x)[0].astype(np.float64), unpack(w._curves_y)[0]
    for i in range(3):
        column = dataset["train_input"][:, i]
        low, high = float(column.min()), float(column.max())
        assert x[i, 0] <= low < high <= x[i, -1]
        assert x[i, -1] - x[i, 0] <= 1.25 * (high - low) + 1e-4 * abs(high)
    points = torch.from_numpy(x[:3].copy()).T.contiguous()
    expected = model.layers[0].activations(points)[2, 0].detach().numpy()
    assert np.allclose(y[2 * 3], expected, atol=1e-3)
    assert w._cells_y  # a page follows a sample that is typed in
    assert (w._density, w._grid, w._rows, w._row_labels) == (b"",) * 4
    w.close()


def test_a_page_gives_no_more_rows_than_its_widget_has(dataset: dict[str, Tensor]) -> None:
    model = KAN([3, 2], seed=0)
    rows = re.compile(r"and (\S+) of")
    for mine, asked, expected in ((None, None, "30"), (7, None, "7"), (7, 9, "9"), (0, 3, "3")):
        w = KANWidget(model, dataset, data_rows=mine)
        html = w.to_html() if asked is None else w.to_html(data_rows=asked)
        assert rows.findall(html.split("<script")[0]) == [expected]
        w.close()
    w = KANWidget(model, dataset, data_rows=0)
    assert "none of the 30 rows" in w.to_html()
    for bad in (-1, 1.5, "all"):
        with pytest.raises((TypeError, ValueError), match="data_rows"):
            KANWidget(model, dataset, data_rows=bad)
    w.close()
