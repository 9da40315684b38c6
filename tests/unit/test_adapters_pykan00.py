"""pykan 0.0.1 in a session: the generation that the seed of this project comes from."""

from __future__ import annotations

import contextlib
import io
import itertools
import random
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import rivals
import torch
from torch import Tensor

from kanwidget import KANWidget, PruningSession
from kanwidget.adapters import adapt
from kanwidget.adapters.pykan00 import Pykan0Adapter

# Its import makes float64 the default for everybody, and wants what only its films need.
default, film = torch.get_default_dtype(), "moviepy.video.io.ImageSequenceClip"
absent = list(itertools.accumulate(film.split("."), "{}.{}".format))
with pytest.MonkeyPatch.context() as patch:
    for name in absent:
        patch.setitem(sys.modules, name, ModuleType(name))
    pykan0 = rivals.load("pykan==0.0.1", "kan", "pykan0")
torch.set_default_dtype(default)


@pytest.fixture
def x() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(40, 2, generator=generator) * 1.8 - 0.9


@pytest.fixture
def pykan() -> Any:
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    model = pykan0.KAN(width=[2, 4, 3, 1], grid=4, k=3, seed=0).float()
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    random.setstate(states[2])
    generator = torch.Generator().manual_seed(1)
    for layer, bias in zip(model.act_fun, model.biases, strict=True):
        layer.coef.data += 0.3 * torch.randn(layer.coef.shape, generator=generator)
        bias.weight.data += 0.3 * torch.randn(bias.weight.shape, generator=generator)
    model.fix_symbolic(0, 1, 2, "sin", fit_params_bool=False, verbose=False)
    return model


def removed(model: Any, edges: list[tuple[int, int, int]], x: Tensor) -> Tensor:
    """Return the outputs without edges, from what pykan keeps of every edge's output."""
    with torch.no_grad():
        values = x
        for l, (layer, formulas) in enumerate(zip(model.act_fun, model.symbolic_fun, strict=True)):
            posts = layer(values)[2] + formulas(values)[1]
            for at, i, j in edges:
                if at == l:
                    posts[:, j, i] = 0.0
            values = posts.sum(2) + model.biases[l].weight
    return values


def test_it_is_read_as_it_is(pykan: Any, x: Tensor) -> None:
    y = pykan(x)
    session = PruningSession(pykan)
    assert isinstance(adapt(pykan), Pykan0Adapter)
    assert session.width == [2, 4, 3, 1]
    assert session.score == "l1"
    for ours, theirs in zip(session.scores, pykan.acts_scale, strict=True):
        assert torch.allclose(ours, theirs.detach().double(), atol=1e-6)
    assert torch.allclose(adapt(pykan).forward(x), y, atol=1e-6)
    assert session.edge_functions.symbolic() == {(0, 1, 2): "sin"}
    for (points, values), posts in zip(session.baseline.curves, pykan.spline_postacts, strict=True):
        assert values.shape == (*posts.shape[1:], points.shape[1])


def test_functions_that_edges_share_are_read_as_pykan_shares_them(pykan: Any, x: Tensor) -> None:
    pykan.lock(0, [[0, 0], [1, 3]])
    pykan.act_fun[1].grid.data[3] *= 1.5  # one edge with a grid of its own
    y = pykan(x)
    with PruningSession(pykan) as session:
        assert torch.allclose(adapt(pykan).forward(x), y, atol=1e-6)
        session.remove_node(1, 1)
        assert torch.allclose(session.compact()(x), pykan(x), atol=1e-6)


def test_off_is_off_and_comes_back_bit_for_bit(pykan: Any, x: Tensor) -> None:
    y = pykan(x).detach()
    before = {n: v.clone() for n, v in pykan.state_dict().items()}
    held = pykan.acts, pykan.spline_postacts
    session = PruningSession(pykan, keep_mean=False)
    edges = [(0, 1, 2), (1, 3, 0), (2, 0, 0)]
    for n, edge in enumerate(edges, start=1):
        session.remove_edge(*edge)
        expected = removed_from(before, pykan, edges[:n], x)
        assert (pykan.acts, pykan.spline_postacts) == held
        assert torch.allclose(adapt(pykan).forward(x), expected, atol=1e-6)
    assert torch.allclose(pykan(x), expected, atol=1e-6)
    session.close()
    assert torch.equal(pykan(x), y)
    assert all(torch.equal(before[n], v) for n, v in pykan.state_dict().items())


def removed_from(
    state: dict[str, Tensor], model: Any, edges: list[tuple[int, int, int]], x: Tensor
) -> Tensor:
    """Return what the model with these numbers computes without edges."""
    now = {n: v.clone() for n, v in model.state_dict().items()}
    model.load_state_dict(state)
    out = removed(model, edges, x)
    model.load_state_dict(now)
    return out


def test_what_is_compacted_is_pykans_and_computes_the_same(pykan: Any, x: Tensor) -> None:
    y = pykan(x).detach()
    session = PruningSession(pykan)
    session.remove_node(1, 0)
    session.remove_node(2, 1)
    session.remove_edge(0, 0, 1)
    session.remove_edge(0, 1, 1)
    smaller = session.compact()
    assert type(smaller) is type(pykan)
    assert smaller.width == [2, 2, 2, 1]
    assert torch.allclose(smaller(x), pykan(x), atol=1e-6)
    smaller.update_grid_from_samples(x)
    loss = (smaller(x) - y).square().mean()
    loss.backward()
    assert smaller.act_fun[0].coef.grad.any()
    assert pykan.width == [2, 4, 3, 1]


def test_it_works_in_the_widget(pykan: Any, x: Tensor) -> None:
    y = pykan(x).detach()
    w = KANWidget(pykan, x)
    w.edge_threshold = float(w.session.scores[0].median())
    assert w.active_edges < w.session.mask[0].numel() + 15
    assert w._cells_y
    w.undo()
    w.close()
    assert torch.equal(pykan(x), y)


def test_without_data_it_says_so(pykan: Any) -> None:
    with pytest.raises(ValueError, match="has seen no data yet"):
        PruningSession(pykan)
    assert adapt(pykan).grid()[0].shape == (2, 2)


def quietly(function: Any) -> Any:
    """Call what seeds the random numbers and prints."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        result = function()
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    random.setstate(states[2])
    return result


@pytest.mark.parametrize("grid_eps", [0.0, 0.02, 1.0])
@pytest.mark.parametrize("opt", ["LBFGS", "Adam"])
def test_a_pruned_model_trains_in_a_cell(pykan: Any, x: Tensor, grid_eps: float, opt: str) -> None:
    for layer in pykan.act_fun:
        layer.grid_eps = grid_eps
    y = torch.sin(3 * x[:, [0]]) + x[:, [1]] ** 2
    dataset = {"train_input": x, "train_label": y, "test_input": x, "test_label": y}
    pykan(x)
    with PruningSession(pykan, dataset) as session:
        for l, n, j in ((0, 2, 1), (1, 4, 2)):
            for i in range(n):
                session.remove_edge(l, i, j)
        before, kept = session.loss, [layer.grid.clone() for layer in pykan.act_fun]
        rate = 1.0 if opt == "LBFGS" else 0.01
        found = quietly(lambda: pykan.train(dataset, opt=opt, steps=7, lr=rate, lamb=1e-3))
        assert found["train_loss"][-1] < before
        assert all(p.isfinite().all() for p in pykan.parameters())
        session.refresh()
        # What waits for its edges to be switched on again is still of use then.
        for l, i in ((1, 1), (2, 2)):
            rows = torch.arange(len(kept[l])) % session.width[l] == i
            assert torch.equal(pykan.act_fun[l].grid[rows], kept[l][rows])
            assert not torch.equal(pykan.act_fun[l].grid[~rows], kept[l][~rows])
    assert not any("update_grid_from_samples" in vars(layer) for layer in pykan.act_fun)


def test_what_pykan_names_that_is_off_stays_off(pykan: Any, x: Tensor) -> None:
    pykan(x)
    before = [layer.mask.clone() for layer in pykan.act_fun]
    session = PruningSession(pykan, x)
    session.remove_edge(0, 0, 2)
    session.remove_edge(0, 1, 2)  # a formula
    session.remove_edge(2, 0, 0)
    pykan(x)
    quietly(lambda: pykan.auto_symbolic(lib=["x", "x^2", "sin"], verbose=0))
    y = pykan(x).detach()
    session.refresh()
    assert torch.equal(pykan(x), y)
    total = sum(layer.numel() for layer in before)
    assert session.active_edges == total - 3
    assert torch.allclose(adapt(pykan).forward(x), y, atol=1e-5)
    assert torch.allclose(session.compact()(x), y, atol=1e-5)
    with PruningSession(pykan, x) as other:
        assert other.active_edges == total - 3
    session.close()


def test_pykans_formula_leaves_out_what_is_off(pykan: Any, x: Tensor) -> None:
    pytest.importorskip("sympy")
    smaller = adapt(pykan).compact()
    for l, (n, m) in enumerate(itertools.pairwise([2, 4, 3, 1])):
        for i, j in itertools.product(range(n), range(m)):
            name = "x^2" if (l, i, j) == (0, 0, 2) else "sin"
            pykan.fix_symbolic(l, i, j, name, fit_params_bool=False, verbose=False)
    pykan.symbolic_fun[0].affine.data[2, 0, 3] = 5.0

    def formula(model: Any) -> str:
        assert quietly(model.symbolic_formula) is not None
        return str(model.symbolic_acts[1][2])

    assert quietly(smaller.symbolic_formula) is None  # it has splines
    whole = formula(pykan)
    assert "x_1**2" in whole
    assert "4.76" in whole
    with PruningSession(pykan, x, keep_mean=False) as session:
        session.remove_edge(0, 0, 2)
        for part in (pykan, session.compact()):
            left = formula(part)
            assert "x_1" not in left
            assert left.endswith("- 0.24")
            assert "sin(1.0*x_2)" in left
    assert formula(pykan) == whole
