"""What can be read, what cannot and why, and how to add to it."""

from __future__ import annotations

import copy
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import kanwidget
from kanwidget import KAN, PruningSession
from kanwidget.adapters import BaseAdapter, adapt, register_adapter, registry
from kanwidget.adapters.native import NativeAdapter
from kanwidget.widget.function_tables import cells

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def registered() -> Iterator[None]:
    """Forget afterwards what a test registers."""
    before = list(registry.REGISTERED)
    yield
    registry.REGISTERED[:] = before


@pytest.fixture
def toy(registered: None) -> ModuleType:
    spec = importlib.util.spec_from_file_location("toy_adapter", EXAMPLES / "toy_adapter.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["toy_adapter"] = module
    spec.loader.exec_module(module)
    return module


class Impostor(nn.Module):
    """Looks like pykan's KAN, and is none."""

    def __init__(self) -> None:
        super().__init__()
        self.act_fun = nn.ModuleList([nn.Linear(2, 3)])
        self.width = [2, 3]


class MultKAN(nn.Module):
    """Is called like pykan's, and has nothing of it."""


@pytest.mark.parametrize("model", [Impostor(), MultKAN(), nn.Linear(2, 1), object(), None])
def test_what_is_no_kan_is_refused_in_words_that_help(model: object) -> None:
    with pytest.raises(TypeError) as caught:
        PruningSession(model, torch.rand(5, 2))  # type: ignore[arg-type]
    said = str(caught.value)
    for name in ("kanwidget.KAN", "pykan 0.2", "pykan 0.0", "efficient-kan", "FastKAN"):
        assert name in said
    assert "register_adapter" in said
    assert type(model).__name__ in said


def test_a_model_that_is_nearly_one_is_told_what_it_lacks() -> None:
    with pytest.raises(TypeError, match="has no act_fun"):
        adapt(MultKAN())


def test_a_library_is_imported_only_by_its_user() -> None:
    code = (
        "import sys, torch, kanwidget\n"
        "m = kanwidget.KAN([2, 1], seed=0)\n"
        "kanwidget.PruningSession(m, torch.rand(9, 2))\n"
        "assert not {'kan', 'efficient_kan', 'fastkan', 'sympy.core'} & set(sys.modules) - known"
    )
    code = "import torch, sys\nknown = set(sys.modules)\n" + code
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_adapter_of_ones_own_is_asked_first(registered: None) -> None:
    class Mine(NativeAdapter):
        supports = "mine"

    assert register_adapter(Mine) is Mine
    register_adapter(Mine)
    assert registry.REGISTERED.count(Mine) == 1
    model = KAN([2, 1], seed=0)
    assert type(adapt(model)) is Mine
    with pytest.raises(TypeError, match=r"mine, kanwidget\.KAN"):
        adapt(nn.Linear(1, 1))


def test_what_is_no_adapter_cannot_be_registered() -> None:
    with pytest.raises(TypeError, match="needs wrap and supports"):
        register_adapter(int)


def test_the_toy_adapter_is_short_and_does_it_all(toy: ModuleType) -> None:
    assert len((EXAMPLES / "toy_adapter.py").read_text().splitlines()) <= 60
    torch.manual_seed(0)
    model, x = nn.Sequential(toy.Cubics(2, 3), toy.Cubics(3, 1)), torch.rand(40, 2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    y = model(x)
    with PruningSession(model, x, keep_mean=False) as session:
        assert session.width == [2, 3, 1]
        session.remove_edge(0, 1, 2)
        with torch.no_grad():
            expected = by_hand(before, x, {(0, 1, 2)})
        assert torch.allclose(model(x), expected, atol=1e-6)
        session.undo()
        assert torch.equal(model(x), y)
        assert len(session.tradeoff("edge").thresholds) == 10
        session.set(keep_mean=True, node_threshold=session.threshold_for(0.1, axis="node"))
        session.rescore("ablation")
        assert session.preview_toggle(0, 0, 0).loss == pytest.approx(float(session.scores[0][0, 0]))
    assert torch.equal(model(x), y)
    assert all(torch.equal(before[n], v) for n, v in model.state_dict().items())
    assert not any(m._forward_hooks for m in model.modules())


def by_hand(state: dict[str, Tensor], x: Tensor, off: set[tuple[int, int, int]]) -> Tensor:
    for l in range(2):
        coef, out = state[f"{l}.coef"].clone(), state[f"{l}.bias"].expand(len(x), -1)
        for j in range(coef.shape[0]):
            for i in range(coef.shape[1]):
                if (l, i, j) not in off:
                    c, v = coef[j, i], x[:, i]
                    more = torch.zeros_like(out)
                    more[:, j] = c[0] * v + c[1] * v**2 + c[2] * v**3
                    out = out + more
        x = out
    return x


def test_the_toy_appears_in_the_widget(toy: ModuleType) -> None:
    model, x = nn.Sequential(toy.Cubics(2, 3), toy.Cubics(3, 1)), torch.rand(40, 2)
    w = kanwidget.KANWidget(model, x, score="attribution")
    assert w._width == [2, 3, 1]
    assert w.score == "attribution"
    assert w._cells_y
    w.edge_threshold = float(w.session.scores[0].median())
    assert w.active_edges < 9
    w.score = "ablation"
    assert w.session.score == "ablation"
    assert w.edge_threshold == 0
    w.undo()
    assert w.score == "attribution"
    w.close()


def test_the_defaults_of_an_adapter_say_what_the_model_says(random_kan: object) -> None:
    """The base class computes from functions, masks and biases what our own KAN computes."""
    model = random_kan([3, 4, 2], seed=3, density=0.8)  # type: ignore[operator]
    ours, x = NativeAdapter(model), model.seen()

    class Plain(NativeAdapter):
        propagate, means = BaseAdapter.propagate, BaseAdapter.means
        forward, curves = BaseAdapter.forward, BaseAdapter.curves

        def scores(self, x: Tensor, kind: str = "l1") -> list[Tensor]:
            return BaseAdapter.scores(self, x, kind)

    plain = Plain(model)
    assert torch.allclose(plain.forward(x), ours.forward(x), atol=1e-12)
    for a, b in zip(
        [*plain.means(x), *plain.scores(x)], [*ours.means(x), *ours.scores(x)], strict=True
    ):
        assert torch.allclose(a, b, atol=1e-12)
    session = PruningSession(model)
    assert cells(plain, session.baseline, [x]) is not None


@pytest.mark.parametrize("score", ["attribution", "ablation"])
def test_other_scores_order_the_edges_of_our_own_model(
    model: KAN, score: str, dataset: dict[str, Tensor]
) -> None:
    with PruningSession(model, dataset, score=score) as session:
        scores = torch.cat([s.flatten() for s in session.scores])
        assert torch.isfinite(scores).all()
        assert (scores >= 0).all()
        assert session.score == score
        assert f"score={score!r}" in session.script()
        curve = session.tradeoff("edge")
        assert curve.active_edges[-1] == 0
        twin = PruningSession.from_dict(session.to_dict(), model, dataset)
        assert twin.score == score
        twin.close()


def test_ablation_is_what_leaving_the_edge_out_costs(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    with PruningSession(model, dataset, score="ablation") as session:
        start = session.loss
        for l, layer in enumerate(session.scores):
            for (j, i), score in np.ndenumerate(layer.numpy()):
                session.remove_edge(l, i, j)
                assert max(0.0, session.loss - start) == pytest.approx(float(score), abs=1e-9)
                session.undo()


def test_an_unknown_score_is_refused_before_anything_happens(model: KAN) -> None:
    with pytest.raises(ValueError, match="it has l1, attribution, ablation"):
        PruningSession(model, score="l2")
    session = PruningSession(model)
    with pytest.raises(ValueError, match="it has l1"):
        session.rescore("l2")
    assert len(session.history.commands) == 1


def test_scoring_anew_is_a_step_like_any_other(model: KAN) -> None:
    session = PruningSession(model)
    session.set(edge_threshold=float(session.scores[0].median()))
    session.remove_edge(1, 0, 0)
    first = session.scores
    session.rescore("attribution")
    assert session.edge_threshold == 0
    assert (1, 0, 0) in session.edits.removed_edges
    session.set(edge_threshold=float(session.scores[0].median()))
    kept, text = session.mask, session.script()
    assert "session.rescore('attribution')" in text
    session.undo()
    session.undo()
    assert session.scores is first
    assert session.score == "l1"
    session.close()
    space = {"model": model, "dataset": None}
    exec(text, space)
    assert all(map(torch.equal, space["session"].mask, kept))


def test_a_model_in_single_precision_is_not_taken_for_changed() -> None:
    model = KAN([2, 4, 1], seed=0, dtype=torch.float32)
    model(torch.rand(50, 2))
    session = PruningSession(model)
    session.set(edge_threshold=float(session.scores[0].median()))
    assert not session.refresh()


def test_scores_of_an_adapter_s_own_can_be_chosen_in_the_widget(registered: None) -> None:
    @register_adapter
    class Mine(NativeAdapter):
        supports = "mine"
        score_names = ("spread", "l1")

        @classmethod
        def wrap(cls, model: object) -> Mine | None:
            return cls(model) if isinstance(model, KAN) else None

        def scores(self, x: Tensor, kind: str = "spread") -> list[Tensor]:
            if kind == "l1":
                return super().scores(x, kind)
            layers = zip(self.inputs_of(x), self.mask(), strict=True)
            return [self.edge_outputs(l, v).std(-1) * on for l, (v, on) in enumerate(layers)]

    model, x = KAN([2, 3, 1], seed=0), torch.rand(40, 2).double()
    with PruningSession(copy.deepcopy(model), x) as session:
        expected = session.scores[0]
    w = kanwidget.KANWidget(model, x)
    assert (w.score, w._scores_known) == ("spread", ["spread", "l1", "ablation"])
    assert torch.equal(w.session.scores[0], expected)
    w.score = "l1"
    w.set_state({"score": "spread"})
    assert (w.session.score, w.error) == ("spread", "")
    w.set_state({"score": "attribution"})  # which these edges do not have
    assert w.score == w.session.score == "spread"
    with pytest.raises(ValueError, match="no score 'attribution'; it has spread, l1, ablation"):
        w.score = "attribution"
    w.close()
    w = kanwidget.KANWidget(KAN([2, 3, 1], seed=0), x, score="l1")
    assert w.score == "l1"
    w.close()
