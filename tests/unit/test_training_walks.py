"""Random walks of trainings, names, toggles, cells and undo: each step comes back whole."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import kinds
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kanwidget import PruningSession
from kanwidget.adapters import adapt

DECISIONS = ("edge", "node", "threshold", "undo", "redo", "jump")
COMMANDS = ("fit", "run", "refine", "cell", *DECISIONS)
NAMING = ("name", "pin", "unname", "name all", "fit", "refine", "cell", "commit", *DECISIONS)
FUNCTIONS = ("sin", "x^2", "tanh", "0", "x", "gaussian", "abs")


def train_in_a_cell(model: Any, dataset: dict[str, torch.Tensor]) -> None:
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    loss = nn.functional.mse_loss(model(dataset["train_input"]), dataset["train_label"])
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def act(command: str, session: PruningSession, model: Any, kind: str, rng: random.Random) -> None:
    dataset, l = kinds.data(12), rng.randrange(2)
    i, j = rng.randrange(session.width[l]), rng.randrange(session.width[l + 1])
    if command == "fit":
        session.fit(1, lamb=rng.choice([0.0, 1e-3]), opt=rng.choice(["LBFGS", "Adam"]), lr=0.1)
    elif command == "run":
        run = session.start_fit(steps=3, opt="Adam", lr=0.01)
        session.set(edge_threshold=rng.uniform(0, 0.05))
        run.wait()
    elif command == "refine" and kind != "FastKAN" and rng.random() < 0.3:
        with contextlib.suppress(ValueError):  # grids are finer already
            session.refine(rng.randrange(5, 12))
    elif command == "edge":
        rng.choice([session.remove_edge, session.restore_edge])(l, i, j)
    elif command == "node":
        rng.choice([session.remove_node, session.restore_node])(1, rng.randrange(3))
    elif command == "threshold":
        session.set(edge_threshold=rng.uniform(0, 0.1), merge=rng.random() < 0.5)
    elif command == "cell":
        train_in_a_cell(model, dataset)
        session.refresh()
    elif command == "commit":
        session.commit()
    elif command in ("name", "pin"):
        pin = {rng.choice("abcd"): rng.uniform(0.5, 1.5)} if command == "pin" else None
        with contextlib.suppress(ValueError):  # it is not defined here
            session.name(l, i, j, rng.choice(FUNCTIONS), pin=pin)
    elif command == "unname" and session.names:
        session.unname(*rng.choice(sorted(session.names)))
    elif command == "name all" and kind != "FastKAN":
        loss = session.loss
        with contextlib.suppress(ValueError):  # a name is not defined on all rows
            session.name_all(seconds=0.1, lib=FUNCTIONS, tolerance=0.2)
        assert not session.loss > 1.2 * loss + 1e-9
    elif command in ("undo", "redo"):
        getattr(session, command)()
    elif command == "jump":
        session.jump(rng.randrange(len(session.history.commands)))


def walk(kind: str, commands: list[str], seed: int, history_bytes: int = 2**26) -> None:
    """Work a session; whatever step was left comes back with its very bits, and the start too."""
    model, rng = kinds.make(kind), random.Random(seed)

    def seen() -> tuple[Any, Any]:
        return kinds.bits(model), adapt(model).names()

    start = seen()
    session = PruningSession(model, kinds.data(12), history_bytes=history_bytes)
    known = {0: start}
    for command in commands:
        with pytest.MonkeyPatch.context() as patch:
            # Else a loop that goes on within three seconds would be the same training.
            patch.setattr("kanwidget.session.training_watch.PAUSE", 0.0)
            act(command, session, model, kind, rng)
            session.refresh()
        now = session.history.current
        lost = now.notice[:1] == ("weights_lost",)  # the budget is small: it is said
        same = known.setdefault(now.id, seen()) == seen()
        assert same or lost or now.kind in ("set", "outside")
        known[now.id] = seen()
        known = {id: bits for id, bits in known.items() if id < len(session.history.commands)}
        assert session.history.snapshots.nbytes <= history_bytes
    for id, bits in rng.sample(sorted(known.items()), min(8, len(known))):
        session.jump(id)
        if not session.warning_messages or session.warning_messages[0][0] != "weights_lost":
            assert seen() == bits
    is_kept = session.history.snapshots.get(0) is not None or session.history.current.weights == 0
    session.close(weights=True)
    assert seen() == start or not is_kept


@pytest.mark.parametrize("kind", kinds.KINDS)
@settings(max_examples=4, derandomize=True)
@given(
    commands=st.lists(st.sampled_from(COMMANDS), min_size=5, max_size=15),
    seed=st.integers(0, 1000),
)
def test_every_step_of_a_walk_comes_back(kind: str, commands: list[str], seed: int) -> None:
    walk(kind, commands, seed)


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_a_long_walk_comes_back_within_its_memory(kind: str) -> None:
    commands = random.Random(1).choices(COMMANDS, k=kinds.often(40, 500))
    walk(kind, commands, 1, history_bytes=100_000)


@pytest.mark.parametrize("kind", kinds.KINDS)
@settings(max_examples=4, derandomize=True)
@given(
    commands=st.lists(st.sampled_from(NAMING), min_size=5, max_size=15),
    seed=st.integers(0, 1000),
)
def test_every_name_of_a_walk_comes_back(kind: str, commands: list[str], seed: int) -> None:
    walk(kind, commands, seed)
