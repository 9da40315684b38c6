"""What a training reads of the live model at every step, and when it looks for it anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kinds
import pytest
import torch
from torch import nn

from kanwidget import KAN, PruningSession
from kanwidget.adapters import adapt
from kanwidget.adapters.model_copy import same_bits
from kanwidget.functions.curve import NamedCurve
from kanwidget.training.model_state import ModelLayout, ModelState


def state_of(adapter: Any) -> ModelState:
    return ModelState(ModelLayout(adapter))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("kind", kinds.KINDS)
def test_it_is_what_the_model_was(kind: str, dtype: torch.dtype) -> None:
    model = kinds.make(kind, dtype=dtype)
    with PruningSession(model, kinds.data(20, dtype)) as session:
        session.remove_edge(0, 0, 1)
        session.name(1, 0, 0, "x^2")
        adapter = adapt(model)
        state = state_of(adapter)
        weights, mask, bias = adapter.weights(), adapter.mask(), adapter.bias()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.data.mul_(2)
        session.restore_edge(0, 0, 1)
        found = state.weights
        assert found.fits(model)
        assert found.tensors.keys() == weights.tensors.keys()
        for name, value in weights.tensors.items():
            assert same_bits(found.tensors[name], value), name
        assert all(map(torch.equal, state.mask, mask))
        assert all(map(torch.equal, state.bias, bias))
        assert adapter.describe_settings(found.settings) == adapter.describe_settings(
            weights.settings
        )


def set_number(model: KAN) -> None:
    model.layers[0].coef.data[0, 0, 0] += 1e-12


def set_nan(model: KAN) -> None:
    model.layers[1].grid.data[0, 0] = torch.nan


def switch(model: KAN) -> None:
    model.layers[0].mask.data[1, 1] = 0.0


def move_bias(model: KAN) -> None:
    model.layers[1].bias.data[0] += 1.0


def swap_memory(model: KAN) -> None:
    coef = model.layers[0].coef
    coef.data = coef.data + 1


def swap_tensor(model: KAN) -> None:
    layer = model.layers[0]
    layer.coef = nn.Parameter(layer.coef.detach() + 1)


def give_name(model: KAN) -> None:
    adapt(model).set_names({(0, 0, 0): NamedCurve("sin", 1.0, 0.0, 1.0, 0.0)})


def add_buffer(model: KAN) -> None:
    model.layers[0].register_buffer("note", torch.ones(1))


def replace_layer(model: KAN) -> None:
    model.layers[1] = KAN([5, 1], seed=3).layers[0]


@pytest.mark.parametrize(
    "change",
    [
        set_number,
        set_nan,
        switch,
        move_bias,
        swap_memory,
        swap_tensor,
        give_name,
        add_buffer,
        replace_layer,
    ],
)
def test_whatever_others_change_is_seen(model: KAN, change: Callable[[KAN], None]) -> None:
    before = state_of(adapt(model))
    assert before.layout.is_current()
    assert ModelState(before.layout).equals(before)
    change(model)
    assert not (before.layout.is_current() and ModelState(before.layout).equals(before))


def test_a_number_that_is_none_is_equal_to_itself(model: KAN) -> None:
    set_nan(model)
    state = state_of(adapt(model))
    assert ModelState(state.layout).equals(state)
