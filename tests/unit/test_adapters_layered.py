"""efficient-kan and FastKAN: layers without masks, switched by a hook that leaves no trace."""

from __future__ import annotations

import copy
import importlib
import pickle
import random
from collections.abc import Callable
from typing import Any

import layouts
import pytest
import rivals
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layouts import FastKANLayer, KANLinear, Stack
from torch import Tensor, nn

from kanwidget import KANWidget, PruningSession
from kanwidget.adapters import adapt
from kanwidget.adapters.efficient_kan import EfficientAdapter
from kanwidget.adapters.fast_kan import FastAdapter


def efficient() -> nn.Module:
    return Stack(KANLinear(3, 4), KANLinear(4, 2))


def sequential() -> nn.Module:
    return nn.Sequential(KANLinear(3, 4), KANLinear(4, 4), KANLinear(4, 2))


def fast() -> nn.Module:
    return Stack(FastKANLayer(3, 4), FastKANLayer(4, 2))


def fast_without_norm() -> nn.Module:
    layers = FastKANLayer(3, 4, norm=False), FastKANLayer(4, 2, norm=False, base=False)
    return nn.Sequential(*layers)


MODELS = (efficient, sequential, fast, fast_without_norm)


@pytest.fixture(params=MODELS, ids=lambda build: build.__name__)
def build(request: pytest.FixtureRequest) -> Callable[[], Any]:
    """Return what makes one of several models, the same each time."""

    def make() -> Any:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return request.param().double()

    return make


@pytest.fixture
def x() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(30, 3, generator=generator, dtype=torch.float64) * 2 - 1


def by_hand(model: Any, x: Tensor, off: set[tuple[int, int, int]]) -> Tensor:
    """Return what the model computes without edges: as a copy whose weights there are 0."""
    twin = copy.deepcopy(model)
    for layer in twin.modules():
        layer._forward_hooks.clear()
    layers = [m for m in twin.modules() if isinstance(m, (KANLinear, FastKANLayer))]
    with torch.no_grad():
        for l, i, j in off:
            layer = layers[l]
            if isinstance(layer, KANLinear):
                layer.base_weight[j, i] = 0.0
                layer.spline_weight[j, i] = 0.0
            else:
                grids = layer.rbf.num_grids
                layer.spline_linear.weight[j, i * grids : (i + 1) * grids] = 0.0
                if layer.use_base_update:
                    layer.base_linear.weight[j, i] = 0.0
        result: Tensor = twin(x)
        return result


def off_edges(session: PruningSession) -> set[tuple[int, int, int]]:
    return {(l, i, j) for l, m in enumerate(session.mask) for j, i in (~m).nonzero().tolist()}


@given(random=st.randoms(use_true_random=False))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_off_is_off_in_the_live_model(
    build: Callable[[], Any], x: Tensor, random: random.Random
) -> None:
    model = build()
    y, numbers = model(x), {n: v.clone() for n, v in model.state_dict().items()}
    with PruningSession(model, x, keep_mean=False) as session:
        for _ in range(5):
            l = random.randrange(len(session.mask))
            j, i = (random.randrange(n) for n in session.mask[l].shape)
            act = random.choice(["remove", "restore", "threshold", "node", "undo"])
            if act == "remove":
                session.remove_edge(l, i, j)
            elif act == "restore":
                session.restore_edge(l, i, j)
            elif act == "node":
                session.remove_node(l, i)
            elif act == "threshold":
                session.set(edge_threshold=float(session.scores[l][j, i]))
            else:
                session.undo()
            found = model(x)
            assert torch.allclose(found, by_hand(model, x, off_edges(session)), atol=1e-12)
            assert torch.equal(adapt(model).forward(x), found)
            smaller = session.compact()
            assert type(smaller) is type(model)
            assert torch.allclose(smaller(x), found, atol=1e-10)
    assert torch.equal(model(x), y)
    assert all(torch.equal(numbers[n], v) for n, v in model.state_dict().items())
    assert not any(m._forward_hooks for m in model.modules())


def test_means_stay_where_they_are_kept(build: Callable[[], Any], x: Tensor) -> None:
    model = build()
    y, adapter = model(x), adapt(model)
    mean = adapter.means(x)[-1][1, 2]
    with PruningSession(model, x) as session:
        session.remove_edge(len(session.mask) - 1, 2, 1)
        expected = by_hand(model, x, off_edges(session))
        expected[:, 1] += mean
        assert torch.allclose(model(x), expected, atol=1e-12)
        assert torch.allclose(model(x).mean(0), y.mean(0))
        smaller = session.compact()
        assert torch.allclose(smaller(x), model(x), atol=1e-12)
        assert torch.allclose(copy.deepcopy(smaller)(x), model(x), atol=1e-12)


def test_what_is_off_is_not_trained_and_the_rest_is(build: Callable[[], Any], x: Tensor) -> None:
    model = build()
    with PruningSession(model, x) as session:
        session.remove_edge(0, 1, 2)
        parameters = dict(model.named_parameters())
        assert all(p.is_leaf for p in parameters.values())
        model(x).square().sum().backward()
        layer = adapt(model).layers[0]
        if isinstance(layer, KANLinear):
            gradients = [layer.base_weight.grad, layer.spline_weight.grad.flatten(1)]
            gradients.append(layer.spline_scaler.grad)
            dead = [gradients[0][2, 1], layer.spline_weight.grad[2, 1], gradients[2][2, 1]]
        else:
            gradients = [layer.base_linear.weight.grad, layer.spline_linear.weight.grad]
            dead = [gradients[0][2, 1], gradients[1].view(4, 3, -1)[2, 1]]
        assert not any(g.any() for g in dead)
        assert all(g.any() for g in gradients)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        before = session.scores
        optimizer.step()
        assert session.refresh()
        assert not session.mask[0][2, 1]
        assert not torch.equal(before[0], session.scores[0])
    assert not any(m._forward_hooks for m in model.modules())


def test_copies_and_files_of_a_pruned_model(build: Callable[[], Any], x: Tensor) -> None:
    model = build()
    names = list(model.state_dict())
    with PruningSession(model, x) as session:
        session.remove_edge(0, 1, 2)
        assert list(model.state_dict()) == names
        twin = copy.deepcopy(model)
        assert torch.equal(twin(x), model(x))
        assert torch.equal(pickle.loads(pickle.dumps(model))(x), model(x))
        session.restore_edge(0, 1, 2)
    # The copy has a mask of its own, as our own KAN's copies do.
    assert not adapt(twin).mask()[0][2, 1]
    assert not torch.equal(twin(x), model(x))


def test_what_a_commit_leaves_is_found_by_the_next_session(
    build: Callable[[], Any], x: Tensor
) -> None:
    model = build()
    y = model(x)
    with PruningSession(model, x) as session:
        session.remove_edge(0, 1, 2)
        session.commit()
    pruned = model(x)
    assert not torch.equal(pruned, y)
    with PruningSession(model, x) as session:
        assert not session.mask[0][2, 1]
        session.restore_edge(0, 1, 2)
        session.remove_edge(0, 0, 0)
    assert torch.equal(model(x), pruned)


def test_a_users_own_hooks_stay_and_run(build: Callable[[], Any], x: Tensor) -> None:
    model = build()
    seen: list[Tensor] = []
    layer = adapt(model).layers[0]  # type: ignore[attr-defined]
    handle = layer.register_forward_hook(lambda module, inputs, output: seen.append(output))
    with PruningSession(model, x, keep_mean=False) as session:
        session.remove_node(1, 0)
        seen.clear()
        model(x)
        assert len(seen) == 1
        own = seen[0][:, 0]
        assert torch.allclose(own, own[:1].expand(len(own)))
    assert list(layer._forward_hooks) == [handle.id]


def test_curves_are_the_functions_that_the_layers_add_up(
    build: Callable[[], Any], x: Tensor
) -> None:
    adapter: Any = adapt(build())
    for l, values in enumerate(adapter.inputs_of(x)):
        with torch.no_grad():
            out = adapter.edge_outputs(l, values).sum(1).T + adapter.bias()[l]
            assert torch.allclose(out, adapter.layers[l](values), atol=1e-12)


def test_a_layer_norm_is_told_and_believed(x: Tensor) -> None:
    model = fast().double()
    with PruningSession(model, x) as session:
        assert "LayerNorm" in session.warnings[-1]
        session.remove_edge(1, 0, 0)
        session.remove_edge(1, 0, 1)
        # Node (1, 0) leads nowhere, but still counts in the norm.
        assert session.dead_ends() == []
        assert session.compact().layers[0].output_dim == 4
        assert isinstance(adapt(model), FastAdapter)
    w = KANWidget(model, x)
    assert not w._cells_y  # the browser cannot compute it alone
    assert w._curves_y
    w.close()


def test_compacting_cuts_what_can_be_cut(x: Tensor) -> None:
    model = Stack(KANLinear(3, 4), KANLinear(4, 2)).double()
    with PruningSession(model, x) as session:
        session.remove_node(1, 3)
        for i in range(3):
            session.remove_edge(0, i, 0)
        smaller: Any = session.compact()
        assert torch.allclose(smaller(x), model(x), atol=1e-12)
    sizes = [(layer.in_features, layer.out_features) for layer in smaller.layers]
    assert sizes == [(3, 2), (2, 2)]
    assert smaller.layers[0].spline_weight.shape == (2, 3, 8)
    assert not smaller.layers[0]._forward_hooks


class Doubled(Stack):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (nn.Sequential(KANLinear(3, 4), nn.Dropout(), KANLinear(4, 2)), "it holds Dropout"),
        (Doubled(KANLinear(3, 4), KANLinear(4, 2)), "its forward does more"),
        (
            Stack(KANLinear(3, 4), KANLinear(2, 2)),
            "a layer with 4 outputs is followed by one with 2",
        ),
        (nn.Sequential(FastKANLayer(3, 4), nn.ReLU()), "it holds ReLU"),
    ],
    ids=["dropout", "doubled", "unfitting", "relu"],
)
def test_what_is_no_plain_chain_is_refused_with_the_reason(model: nn.Module, why: str) -> None:
    with pytest.raises(TypeError, match=why):
        PruningSession(model, torch.rand(5, 3))


def test_data_must_come_along(x: Tensor) -> None:
    with pytest.raises(ValueError, match="does not remember its data"):
        PruningSession(efficient())


def test_the_public_layer_of_efficient_kan_is_read_too(x: Tensor) -> None:
    rivals.load("kan-gpt==1.2.0", "kan_gpt", "kan_gpt_rival")
    theirs = importlib.import_module("kan_gpt_rival.efficient_kan.model")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(theirs.KANLinear(3, 4), theirs.KANLinear(4, 2))
    x = x.float()
    y = model(x)
    with PruningSession(model, x) as session:
        assert isinstance(adapt(model), EfficientAdapter)
        session.set(edge_threshold=float(session.scores[0].median()))
        assert torch.allclose(session.compact()(x), model(x), atol=1e-6)
        model[0].regularization_loss().backward()
    assert torch.equal(model(x), y)
    assert layouts.KANLinear(3, 2).state_dict().keys() == model[0].state_dict().keys()
