"""Models that live on an accelerator: the same masks and numbers as on the processor."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import seed_function
from layouts import FastKANLayer, KANLinear, Stack
from torch import Tensor, nn

from kanwidget import KAN, KANWidget, PruningSession, create_dataset

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

Make = Callable[[], nn.Module]


def _own() -> nn.Module:
    model = KAN([2, 5, 1], grid=5, k=3, seed=0)
    model.fit(create_dataset(seed_function, n_var=2), steps=3, lamb=0.01, progress=False)
    return model


def _seeded(make: Make) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make().double()


def _pykan() -> nn.Module:
    kan = pytest.importorskip("kan", reason="pykan is not installed")
    model: nn.Module = _seeded(lambda: kan.MultKAN([2, 3, 1], grid=3, seed=0, auto_save=False))
    return model


MODELS: dict[str, Make] = {
    "own": _own,
    "pykan": _pykan,
    "efficient-kan": lambda: _seeded(lambda: Stack(KANLinear(2, 4), KANLinear(4, 1))),
    "FastKAN": lambda: _seeded(lambda: Stack(FastKANLayer(2, 4), FastKANLayer(4, 1))),
}


def _cuda(model: nn.Module) -> nn.Module:
    model = copy.deepcopy(model)
    to: Any = model.to
    moved = to("cuda")
    return model if moved is None else moved


def _walk(session: PruningSession) -> list[Any]:
    """Do a bit of everything, and return what a person would read."""
    told: list[Any] = [session.loss]
    curve = session.tradeoff("edge")
    told += [*curve.loss_kept.tolist(), *session.tradeoff("node").loss_kept.tolist()]
    session.set(edge_threshold=float(curve.thresholds[len(curve.thresholds) // 2]))
    told += [session.loss, session.active_edges]
    session.remove_edge(0, 0, 1)
    session.remove_node(1, 2)
    told += [session.loss, *torch.cat([e.flatten() for e in session.costs().edges_kept]).tolist()]
    session.undo()
    told += [session.preview(keep_mean=False).loss, session.loss]
    session.commit()
    session.restore_edge(0, 0, 1)
    return [*told, session.loss, session.active_edges]


@pytest.mark.parametrize("kind", MODELS)
def test_a_session_on_the_device_tells_what_one_on_the_processor_does(kind: str) -> None:
    model, dataset = MODELS[kind](), create_dataset(seed_function, n_var=2)
    moved = _cuda(model)
    told = _walk(PruningSession(model, dataset))
    # The data may stay where they are.
    assert _walk(PruningSession(moved, dataset)) == pytest.approx(told, rel=1e-8, nan_ok=True)
    assert next(moved.parameters()).device.type == "cuda"


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_on_the_device_is_given_back_to_the_last_bit(kind: str) -> None:
    model = _cuda(MODELS[kind]())
    x = torch.rand(50, 2, dtype=torch.float64, device="cuda") * 2 - 1
    before, out = copy.deepcopy(model.state_dict()), model(x).detach().clone()
    with PruningSession(model, x) as session:
        session.set(edge_threshold=float(session.tradeoff("edge").thresholds[4]))
        session.remove_node(1, 0)
        compact = session.compact()
        torch.testing.assert_close(compact(x), model(x), rtol=0, atol=1e-6)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(model(x), out)


def test_a_fit_on_the_device_learns(tmp_path: Path) -> None:
    dataset = create_dataset(seed_function, n_var=2, device="cuda")
    model = KAN([2, 5, 1], grid=5, k=3, seed=0, device="cuda")
    results = model.fit(dataset, steps=20, lamb=0.01, lamb_entropy=10.0, progress=False)
    assert results["test_loss"][-1] < 0.2
    assert model(dataset["test_input"]).device.type == "cuda"
    model.save(tmp_path / "model.safetensors")
    again = KAN.load(tmp_path / "model.safetensors", device="cuda")
    assert torch.equal(again(dataset["test_input"]), model(dataset["test_input"]))
    smaller = model.prune(1e-2)
    assert _device_of(smaller(dataset["test_input"])) == "cuda"


def test_a_widget_on_the_device_draws_and_exports() -> None:
    model = _cuda(_own())
    w = KANWidget(model, create_dataset(seed_function, n_var=2))
    w.edge_threshold = float(w.session.tradeoff("edge").thresholds[5])
    assert 0 < w.active_edges < 15
    assert "<html" in w.to_html()
    w.figure()
    w.close()


def _device_of(x: Tensor) -> str:
    return x.device.type
