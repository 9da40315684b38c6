"""A seed means what it means in pykan 0.0.x, and the seed's demo runs from top to bottom.

The numbers were printed by the reference implementation (pykan 0.0.1, torch CPU, float64).
"""

from __future__ import annotations

import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from kanwidget import KAN, create_dataset

Demo = tuple[KAN, dict[str, Tensor], dict[str, list[float]]]


@pytest.fixture(scope="module")
def demo() -> Demo:
    def f(x: Tensor) -> Tensor:
        return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)

    model = KAN(width=[2, 5, 1], grid=5, k=3, seed=0)
    dataset = create_dataset(f, n_var=2)
    results = model.train(dataset, opt="LBFGS", steps=20, lamb=0.01, lamb_entropy=10.0)
    return model, dataset, results


def test_initial_state_is_the_seeds(dataset: dict[str, Tensor]) -> None:
    model = KAN([2, 5, 1], grid=5, k=3, seed=0)
    first = model.layers[0]
    near = {"rel": 0, "abs": 1e-6}
    assert first.scale_base.flatten()[:3].tolist() == pytest.approx(
        [0.9153060028, 0.5484210000, 0.1713489048], **near
    )
    assert first.coef[0, 0, :3].tolist() == pytest.approx(
        [7.365984e-4, 6.616379e-4, -9.0388881e-3], **near
    )
    assert dataset["train_input"][0].tolist() == pytest.approx([0.9401060036, 0.9796708650], **near)
    error = model(dataset["train_input"]) - dataset["train_label"]
    assert error.square().mean().item() == pytest.approx(4.589948635889, **near)
    assert model.acts_scale[1].flatten().tolist() == pytest.approx(
        [0.0272286778, 0.0256658578, 0.0161485034, 0.0413676588, 0.0213516448], **near
    )


def test_the_demo_trains_as_the_seed_did(
    demo: Demo,
) -> None:
    _, _, results = demo
    assert results["train_loss"][:3] == pytest.approx(
        [0.17743941, 0.17383493, 0.162155], rel=0, abs=1e-4
    )
    assert len(results["train_loss"]) == len(results["test_loss"]) == len(results["reg"]) == 20
    assert 0.150 <= results["train_loss"][-1] <= 0.158
    assert 0.127 <= results["test_loss"][-1] <= 0.135
    assert 19.5 <= results["reg"][-1] <= 21.0


def test_the_demo_prunes_to_three_curves_that_look_like_the_seeds(
    demo: Demo,
) -> None:
    model, dataset, _ = demo
    small = model.prune()
    assert small.width == [2, 1, 1]
    x = torch.linspace(-1, 1, 81, dtype=torch.float64).repeat(2, 1).T
    with torch.no_grad():
        sine, parabola = small.layers[0].activations(x)[0]
        hidden = small.propagate(dataset["train_input"])[1]
        points = torch.linspace(hidden.min().item(), hidden.max().item(), 81).double()
        exponential = small.layers[1].activations(points[:, None])[0, 0]

    def alike(curve: Tensor, shape: Tensor) -> float:
        return float(torch.corrcoef(torch.stack([curve, shape]))[0, 1])

    assert abs(alike(sine, torch.sin(torch.pi * x[:, 0]))) > 0.99
    assert abs(alike(parabola, x[:, 1] ** 2)) > 0.97
    if alike(sine, torch.sin(torch.pi * x[:, 0])) < 0:
        exponential = exponential.flip(0)
    slope = exponential.diff()
    assert (slope[20:] > 0).all()  # rising, but for a dip at its foot
    assert slope[-20:].mean() > 2 * slope[20:40].mean()  # and ever steeper


def test_a_lower_threshold_leaves_more_nodes_and_manual_pruning_goes_on(
    demo: Demo,
) -> None:
    model, dataset, _ = demo
    model = model.prune(threshold=1e-4)
    assert 1 < model.width[1] <= 5
    model(dataset["train_input"])
    strongest = int(model.acts_scale[1].argmax())
    others = [i for i in range(model.width[1]) if i != strongest]
    model.remove_node(1, others[0])
    for i in others[1:]:
        model.remove_edge(0, 0, i)
        model.remove_edge(0, 1, i)
    model = model.prune(mode="manual", active_neurons_id=[[0, 1], [strongest], [0]])
    model(dataset["train_input"])
    assert model.width == [2, 1, 1]
    assert model.plot().axes


def test_nothing_global_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    states = torch.get_rng_state(), pickle.dumps(np.random.get_state()), random.getstate()  # noqa: NPY002
    dtype = torch.get_default_dtype()
    model = KAN([2, 3, 1], seed=7)
    dataset = create_dataset(lambda x: x[:, [0]], seed=3, train_num=20, test_num=20)
    model.fit(dataset, steps=2, batch=5, progress=False)
    model.prune(0.0).plot()
    assert torch.equal(torch.get_rng_state(), states[0])
    assert pickle.dumps(np.random.get_state()) == states[1]  # noqa: NPY002
    assert random.getstate() == states[2]
    assert torch.get_default_dtype() is dtype
    assert list(tmp_path.iterdir()) == []
