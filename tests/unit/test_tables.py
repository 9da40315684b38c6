"""Cells: a browser that has only the packed arrays computes what the model computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import kinds
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget import KAN, PruningSession
from kanwidget.adapters import adapt
from kanwidget.adapters.native import NativeAdapter
from kanwidget.widget.function_tables import MAX_TABLE_EDGES, Cells, cells
from kanwidget.widget.low_rank_tables import SharedCells, shared_cells
from kanwidget.widget.payload import spline_arrays

Make = Callable[..., KAN]
Floats = NDArray[np.float64]


def table_of(session: PruningSession) -> Cells | None:
    rows = [session.data.test_rows, session.data.train_rows]
    return cells(session.edge_functions, session.baseline, rows)


def evaluate(table: Cells, source: int, edges: NDArray[np.int64], at: Floats) -> Floats:
    ends = table.x[source]
    here = np.clip(at, ends[0], ends[-1])
    cell = np.clip(np.searchsorted(ends, here, side="right") - 1, 0, len(ends) - 2)
    u = (here - ends[cell]) / (ends[cell + 1] - ends[cell])
    c = table.y[edges][:, cell]
    return ((c[..., 3] * u + c[..., 2]) * u + c[..., 1]) * u + c[..., 0]


def forward(
    table: Cells,
    session: PruningSession,
    x: Floats,
    slots: list[list[int]],
    width: list[int],
    offset: Sequence[Tensor] = (),
) -> Floats:
    """What the contract with the browser says, word for word."""
    baseline, keep = session.baseline, session.state.keep_mean
    values, first_edge, first_source = x.T, 0, 0
    for l, mask in enumerate(session.mask):
        was, on = baseline.mask[l].numpy(), mask.numpy()
        n_slots, n_in = on.shape
        sums = np.repeat(baseline.bias[l].double().numpy()[:, None], len(x), 1)
        for i in range(n_in):
            edges = first_edge + np.arange(n_slots) * n_in + i
            sums += on[:, i, None] * evaluate(table, first_source + i, edges, values[i])
        means, folded = baseline.means[l].double().numpy(), baseline.folded[l].double().numpy()
        shift = np.where(was & ~on & keep, means, 0) - np.where(on & ~was, folded, 0)
        sums += shift.sum(1)[:, None]
        if slots:
            nodes = np.ones((width[l + 1], len(x)))
            for slot, node in enumerate(slots[l]):
                nodes[node] *= sums[slot]
            sums = nodes + offset[l + 1].numpy()[:, None]
        values, first_edge, first_source = sums, first_edge + on.size, first_source + n_in
    return values.T


def random_steps(session: PruningSession, generator: np.random.Generator) -> None:
    scores = np.concatenate([s.numpy().ravel() for s in session.scores])
    edges = [(l, i, j) for l, m in enumerate(session.mask) for j, i in np.ndindex(m.shape)]
    pick = [edges[e] for e in generator.choice(len(edges), 3)]
    session.set(
        edge_threshold=float(generator.choice(scores)) * (generator.random() < 0.5),
        keep_mean=bool(generator.random() < 0.5),
        removed_edges=pick[:2],
        kept_edges=pick[2:],
    )


@pytest.mark.parametrize("grid_eps", [1.0, 0.1])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_cells_compute_what_the_model_computes_under_every_mask(
    k: int, grid_eps: float, random_kan: Make
) -> None:
    generator = np.random.default_rng(k)
    for width, density in (([2, 5, 1], 1.0), ([3, 4, 3, 2], 0.7)):
        model = random_kan(width, k, density, k=k, grid=4, grid_eps=grid_eps)
        x = torch.from_numpy(generator.normal(size=(200, width[0])))
        model.layers[0].update_grid(x)
        with PruningSession(model, x) as session:
            for step in range(12):
                random_steps(session, generator)
                if step in (4, 8):
                    session.commit()
                table = table_of(session)
                assert table is not None
                assert (np.diff(table.x) > 0).all()
                seen = forward(table, session, x.numpy(), [], width)
                truth = model(x).detach().numpy()
                assert np.abs(seen - truth).max() <= 1e-9 * max(1.0, np.abs(truth).max())


def test_a_float32_model_is_met_to_its_own_accuracy(random_kan: Make) -> None:
    model = random_kan([2, 4, 1], 3, dtype=torch.float64).float()
    x = torch.rand(100, 2) * 2 - 1
    with PruningSession(model, x) as session:
        for step in range(6):
            random_steps(session, np.random.default_rng(step))
            table = table_of(session)
            assert table is not None
            seen = forward(table, session, x.double().numpy(), [], [2, 4, 1])
            truth = model(x).detach().double().numpy()
            assert np.abs(seen - truth).max() <= 1e-5 * max(1.0, np.abs(truth).max())


def test_all_values_that_masks_can_lead_to_are_in_the_cells(random_kan: Make) -> None:
    model = random_kan([3, 4, 2], 1, 0.8)
    x = torch.rand(100, 3, dtype=torch.float64) * 6 - 3
    generator = np.random.default_rng(0)
    with PruningSession(model, x) as session:
        table = table_of(session)
        assert table is not None
        for _ in range(40):
            random_steps(session, generator)
            values = torch.cat(adapt(model).inputs_of(x), 1).numpy()
            assert (values >= table.x[:, 0]).all()
            assert (values <= table.x[:, -1]).all()


class Products(NativeAdapter):
    """Nodes that multiply two sums each, as pykan's multiplication nodes do."""

    @property
    def width(self) -> list[int]:
        return [2, 2, 1]

    def slots(self) -> list[list[int]]:
        return [[0, 0, 1, 1], [0]]

    def offset(self) -> list[Tensor]:
        return [torch.zeros(2), torch.tensor([0.5, -1.0]), torch.zeros(1)]


def test_products_of_sums_stay_in_the_cells(random_kan: Make) -> None:
    model, second = random_kan([2, 4, 1], 0), random_kan([2, 1], 1).layers[0]
    first = model.layers[0]
    x = torch.rand(50, 2, dtype=torch.float64) * 2 - 1
    with PruningSession(model, x) as session:
        whole = session.baseline
    narrow = {
        name: [getattr(whole, name)[0], getattr(whole, name)[1][:, :2]]
        for name in ("mask", "means", "folded")
    }
    model.layers[1] = second
    table = cells(Products(model), replace(whole, **narrow), [x])
    assert table is not None
    sums = first(x).detach()
    values = torch.stack([sums[:, 0] * sums[:, 1] + 0.5, sums[:, 2] * sums[:, 3] - 1], 1).numpy()
    assert (values >= table.x[2:, 0]).all()
    assert (values <= table.x[2:, -1]).all()


def test_there_is_no_table_of_what_no_table_can_hold(random_kan: Make) -> None:
    large = random_kan([100, 20, 1], 0)
    with PruningSession(large) as session:
        assert sum(m.numel() for m in session.mask) > MAX_TABLE_EDGES
        assert table_of(session) is None
    model = random_kan([2, 3, 1], 0)
    with PruningSession(model) as session:

        class Poles(NativeAdapter):
            def edge_curves(self, l: int, points: Tensor) -> Tensor:
                return 1 / (super().edge_curves(l, points) * 0 + points.T)

        rows = [session.data.test_rows]
        assert cells(Poles(model), session.baseline, rows) is None


@pytest.mark.parametrize("width", [[2, 5, 1], [4, 32, 32, 1]])
def test_a_table_is_small_enough_to_send(width: list[int], random_kan: Make) -> None:
    model: Any = random_kan(width, 0)
    with PruningSession(model) as session:
        table = table_of(session)
    assert table is not None
    assert table.y.nbytes <= 3 << 20


# Large networks -----------------------------------------------------------------------------


def unshared(table: SharedCells, session: PruningSession) -> list[Cells]:
    """The table of each edge of each layer, from those that edges share."""
    many, layers = table.weights.shape[1], []
    edge = x = y = 0
    for mask, c in zip(session.mask, table.counts, strict=True):
        n_out, n_in = mask.shape
        weights = table.weights[edge : edge + mask.numel()].reshape(n_out, n_in, many)
        parts = table.y[y : y + n_in * many * c].reshape(n_in, many, c, 4)
        cubics = np.einsum("jik,ikcd->jicd", weights, parts).reshape(-1, c, 4)
        layers.append(Cells(table.x[x : x + n_in * (c + 1)].reshape(n_in, c + 1), cubics))
        edge, x, y = edge + mask.numel(), x + n_in * (c + 1), y + n_in * many * c
    assert (edge, x, y) == (len(table.weights), len(table.x), len(table.y))
    return layers


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_edges_of_a_source_share_a_small_table(dtype: torch.dtype, random_kan: Make) -> None:
    model = random_kan([30, 80, 5], 0, 0.8, dtype=torch.float64).to(dtype)
    x = torch.rand(50, 30, dtype=dtype) * 2 - 1
    exact = 1e-7 if dtype == torch.float64 else 1e-4
    with PruningSession(model, x) as session:
        assert table_of(session) is None
        table = shared_cells(session.edge_functions, session.baseline, [x])
        assert table is not None
        assert table.weights.shape == (30 * 80 + 80 * 5, 3 + 3 + 1)  # coefficients, and a base
        assert table.y.nbytes <= 2 * 3 << 20
        layers, values = unshared(table, session), adapt(model).inputs_of(x)
        for l, (layer, at) in enumerate(zip(layers, values, strict=True)):
            truth = session.edge_functions.edge_curves(l, at).double().numpy()
            scale = np.abs(truth).max()
            for i in (0, len(layer.x) - 1):
                edges = np.arange(len(truth)) * len(layer.x) + i
                seen = evaluate(layer, i, edges, at[:, i].double().numpy())
                assert np.abs(seen - truth[:, i]).max() <= exact * scale


def test_no_table_is_shared_where_none_would_be_right(random_kan: Make) -> None:
    model = random_kan([30, 80, 5], 0)
    with torch.no_grad():
        model.layers[0].coef[3, 4] = torch.nan
    with PruningSession(model, torch.rand(9, 30, dtype=torch.float64)) as session:
        rows = [session.data.test_rows]
        assert shared_cells(session.edge_functions, session.baseline, rows) is None


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_a_page_s_table_has_the_splines_under_names(kind: str) -> None:
    data = kinds.data()
    with PruningSession(kinds.make(kind), data) as session:
        assert spline_arrays(session) == {}
        session.name(0, 0, 0, "sin")
        session.name(1, 1, 0, "tanh")
        arrays = spline_arrays(session)
        if not session.edge_functions.can_tabulate:  # a LayerNorm
            assert arrays == {}
            return
        session.unname(0, 0, 0)
        session.unname(1, 1, 0)
        x, adapter = data["test_input"], session.private_copy()
        slots = adapter.slots() or [list(range(n)) for n in session.width[1:]]
        table = Cells(np.asarray(arrays["_cells_x"]), np.asarray(arrays["_cells_y"]))
        found = forward(table, session, x.numpy(), slots, session.width, adapter.offset())
        np.testing.assert_allclose(found, adapter.forward(x).detach().numpy(), atol=1e-6)
