"""Commands, undo and redo, the script, and sessions kept as JSON: nothing done is ever lost."""

from __future__ import annotations

import contextlib
import copy
import gc
import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from safetensors.torch import save_file
from torch import Tensor

from kanwidget import KAN, PruningSession
from kanwidget.masks.edits import Edits

Make = Callable[..., KAN]
Dataset = dict[str, Tensor]
WIDTH = [2, 4, 3, 1]


def digest(model: KAN) -> str:
    numbers = b"".join(value.numpy().tobytes() for value in model.state_dict().values())
    return hashlib.sha256(numbers).hexdigest()


def random_act(rng: random.Random, session: PruningSession, commits: bool = True) -> None:
    l = rng.randrange(len(WIDTH) - 1)
    edge = (l, rng.randrange(WIDTH[l]), rng.randrange(WIDTH[l + 1]))
    layer = rng.randrange(len(WIDTH))
    node = (layer, rng.randrange(WIDTH[layer]))
    levels = [float(s) for scores in session.scores for s in scores.flatten()]
    acts: list[Callable[[], Any]] = [
        lambda: session.set(node_threshold=rng.choice([0.0, *levels])),
        lambda: session.set(edge_threshold=rng.choice([0.0, *levels])),
        lambda: session.remove_edge(*edge),
        lambda: session.restore_edge(*edge),
        lambda: session.remove_node(*node),
        lambda: session.restore_node(*node),
        lambda: session.set(keep_mean=rng.random() < 0.8),
        session.remove_dead_ends,
        session.reset,
    ]
    rng.choice([*acts, session.commit] if commits and rng.random() < 0.1 else acts)()


def test_a_thousand_commands_undone_and_redone_come_to_the_same_bits(random_kan: Make) -> None:
    model = random_kan(WIDTH, 0)
    session, rng = PruningSession(model), random.Random(0)
    start, states = digest(model), {}
    while len(session.history.commands) <= 1000:
        random_act(rng, session)
        command = session.history.current
        if command.id % 50 == 0:
            states[command.id] = digest(model)
    end = digest(model)
    steps = 0
    while session.undo():
        steps += 1
        here = session.history.current.id
        assert digest(model) == states.get(here, digest(model))
    assert steps == 1000
    assert digest(model) == start
    while session.redo():
        here = session.history.current.id
        assert digest(model) == states.get(here, digest(model))
    assert digest(model) == end
    assert len(states) == 20
    for id, state in states.items():
        session.jump(id)
        assert digest(model) == state


class Walk(RuleBasedStateMachine):
    """Any order of acts, undo, redo and jumps: each command stands for one state of the model."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.model = KAN(WIDTH, seed=1)
        for parameter in self.model.parameters():
            parameter.data.add_(0.3 * torch.randn(parameter.shape, generator=generator).double())
        self.model(torch.linspace(-1, 1, 40).double().reshape(20, 2))
        self.original = digest(self.model)
        self.random = torch.get_rng_state()
        self.session = PruningSession(self.model)
        self.known = {0: self.original}

    @rule(seed=st.integers(0, 10**6))
    def act(self, seed: int) -> None:
        random_act(random.Random(seed), self.session)

    @rule()
    def undo(self) -> None:
        self.session.undo()

    @rule()
    def redo(self) -> None:
        self.session.redo()

    @rule(data=st.data())
    def jump(self, data: st.DataObject) -> None:
        self.session.jump(data.draw(st.integers(0, len(self.session.history.commands) - 1)))

    @invariant()
    def each_command_is_one_state(self) -> None:
        here = self.session.history.current.id
        assert self.known.setdefault(here, digest(self.model)) == digest(self.model)
        live = [layer != 0 for layer in self.model.mask]
        assert all(map(torch.equal, live, self.session.mask))

    def teardown(self) -> None:
        self.session.jump(0)
        self.session.close()
        assert digest(self.model) == self.original
        assert torch.equal(torch.get_rng_state(), self.random)


Walk.TestCase.settings = settings(max_examples=25, stateful_step_count=30)
TestWalk = Walk.TestCase


def test_undo_after_something_else_keeps_the_branch(model: KAN) -> None:
    session = PruningSession(model)
    session.remove_edge(0, 0, 1)
    first = session.history.current.id
    session.undo()
    session.remove_edge(0, 0, 2)
    assert not session.redo()
    session.jump(first)
    assert not session.mask[0][1, 0]
    assert session.mask[0][2, 0]
    session.undo()
    session.redo()
    assert session.history.current.id == first
    with pytest.raises(IndexError, match="no command 99"):
        session.jump(99)


def test_commands_say_what_was_done_and_what_it_cost(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    session = PruningSession(model, dataset)
    session.remove_edge(0, 0, 1)
    told = session.history.current
    assert told.text.startswith("edge (0, 0, 1) off: 1 edge goes, test RMSE ")
    assert f"{told.loss_before:.4g} -> {told.loss_after:.4g}" in told.text
    session.set(node_threshold=100.0)
    assert session.history.current.text.startswith("node threshold 100: 14 edges go, test RMSE")
    session.reset()
    assert session.history.current.text.startswith("reset: 15 edges come back, test RMSE")
    session.note(1, "the weakest of all")
    assert session.history.commands[1].note == "the weakest of all"
    session.set(node_threshold=0.0)
    assert len(session.history.commands) == 4  # what changes nothing is no command


def test_a_dragged_slider_is_one_command(model: KAN) -> None:
    session = PruningSession(model)
    session.remove_edge(0, 0, 1)
    session.set(node_threshold=0.001)
    for level in (0.002, 0.01, 0.03):
        session.set(node_threshold=level, merge=True)
    assert len(session.history.commands) == 3
    assert session.history.current.text.startswith("node threshold 0.03: ")
    session.undo()
    assert session.active_edges == 14


def test_a_commit_can_be_undone_and_its_edges_come_back_without_their_mean(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    x, before = dataset["test_input"], digest(model)
    y = model(x)
    session = PruningSession(model, dataset)
    session.remove_edge(1, 2, 0)
    pruned, bits = model(x), digest(model)
    session.commit()
    assert digest(model) == bits
    assert session.state.edits == Edits()
    session.restore_edge(1, 2, 0)
    assert torch.allclose(model(x), y, rtol=0, atol=1e-12)
    session.undo()
    session.undo()
    assert digest(model) == bits
    session.undo()
    assert digest(model) == before
    session.redo()
    session.redo()
    session.close()
    assert torch.equal(model(x), pruned)


REPLAY = """
import json, sys
import torch
from safetensors.torch import load_file, save_file
from kanwidget import KAN
folder = sys.argv[1]
for n in range(int(sys.argv[2])):
    model = KAN.load(f"{folder}/{n}.model")
    dataset = load_file(f"{folder}/{n}.data")["x"]
    exec(open(f"{folder}/{n}.py").read(), {"model": model, "dataset": dataset})
    out = {"y": model(dataset).detach(), **{f"mask{l}": m for l, m in enumerate(model.mask)}}
    save_file(out, f"{folder}/{n}.out")
"""


def test_scripts_replay_in_a_fresh_interpreter(random_kan: Make, tmp_path: Path) -> None:
    results = []
    for n in range(50):
        rng = random.Random(n)
        model = random_kan(WIDTH, n, 0.9)
        data = torch.rand(20, 2, generator=torch.Generator().manual_seed(n)).double()
        model.save(tmp_path / f"{n}.model")
        save_file({"x": data}, tmp_path / f"{n}.data")
        session = PruningSession(model, data)
        for _ in range(rng.randrange(1, 25)):
            random_act(rng, session)
            if rng.random() < 0.2:
                session.undo()
        (tmp_path / f"{n}.py").write_text(session.script())
        results.append((model(data).detach(), [layer.clone() for layer in model.mask]))
    subprocess.run([sys.executable, "-c", REPLAY, str(tmp_path), "50"], check=True)
    from safetensors.torch import load_file

    for n, (y, masks) in enumerate(results):
        out = load_file(tmp_path / f"{n}.out")
        assert all(torch.equal(out[f"mask{l}"], mask) for l, mask in enumerate(masks))
        assert torch.allclose(out["y"], y, rtol=0, atol=1e-12)


def test_the_script_is_short(model: KAN) -> None:
    session = PruningSession(model)
    for level in (0.1, 0.2, 0.0, 0.01):
        session.set(node_threshold=level)
    strong = int(session.scores[1].argmax())
    session.remove_edge(0, 0, strong)
    session.restore_edge(0, 0, strong)
    session.remove_edge(0, 1, strong)
    assert session.script().splitlines()[2:] == [
        "session = PruningSession(model, dataset)",
        f"session.set(node_threshold=0.01, removed_edges=[(0, 1, {strong})])",
        "session.commit()  # the model stays so when the session is gone",
    ]
    level = float(session.scores[1].sort().values[0, 1])
    session.set(node_threshold=level)  # a score itself: the script keeps away from it
    line = session.script().splitlines()[3]
    assert len(line.split("=")[1].split(",")[0]) < 10


def test_a_session_comes_back_from_json(random_kan: Make) -> None:
    model, twin = random_kan(WIDTH, 3), random_kan(WIDTH, 3)
    twin.load_state_dict(model.state_dict())
    data, rng = model.seen(), random.Random(3)
    session = PruningSession(model, data)
    for _ in range(40):
        random_act(rng, session)
        if rng.random() < 0.3:
            session.undo()
    session.note(1, "<b>mine</b>")
    content = json.loads(json.dumps(session.to_dict()))
    again = PruningSession.from_dict(content, twin, data)
    assert digest(twin) == digest(model)
    assert [c.text for c in again.history.commands] == [c.text for c in session.history.commands]
    assert again.history.commands[1].note == "<b>mine</b>"
    assert again.history.current.id == session.history.current.id
    assert again.script() == session.script()
    while session.undo():
        again.undo()
        assert digest(twin) == digest(model)


def test_a_foreign_model_or_content_is_refused_in_words(random_kan: Make) -> None:
    model = random_kan(WIDTH, 3)
    session = PruningSession(model)
    session.remove_edge(0, 0, 0)
    content = session.to_dict()
    session.close()
    other = random_kan(WIDTH, 4)
    before = digest(other)
    with pytest.raises(ValueError, match="belongs to another model"):
        PruningSession.from_dict(content, other, model.seen())
    assert digest(other) == before
    with pytest.raises(ValueError, match="belongs to other data"):
        PruningSession.from_dict(content, model, model.seen() + 1)
    for bad in (None, 5, {}, {**content, "format": "x"}):
        with pytest.raises(ValueError, match="content of format"):
            PruningSession.from_dict(bad, model)  # type: ignore[arg-type]
    before = digest(model)
    step = content["commands"][1]
    for change in (
        {"commands": 5},
        {"commands": [content["commands"][0], {}]},
        {"commands": [content["commands"][0], {**step, "parent": 7}]},
        {"commands": [content["commands"][0], {**step, "state": {"node_threshold": "x"}}]},
        {
            "commands": [
                content["commands"][0],
                {**step, "state": {**step["state"], "removed_edges": [[9, 9, 9]]}},
            ]
        },
        {"current": 99},
    ):
        with pytest.raises(ValueError, match="no session's content"):
            PruningSession.from_dict({**content, **change}, model, model.seen())
        assert digest(model) == before
    session = PruningSession(model)
    model.remove_edge(0, 0, 0)
    session.refresh()
    with pytest.raises(ValueError, match="a session cannot replay"):
        session.to_dict()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_sessions_on_one_model_close_in_any_order(
    model: KAN, dataset: dict[str, Tensor], order: tuple[int, int]
) -> None:
    before = digest(model)
    sessions = [PruningSession(model, dataset), PruningSession(model, dataset)]
    sessions[0].set(node_threshold=0.01)
    sessions[1].remove_edge(0, 0, int(sessions[0].scores[1].argmax()))
    sessions[0].remove_edge(0, 1, int(sessions[0].scores[1].argmax()))
    sessions[1].set(keep_mean=False)
    for n in order:
        sessions[n].close()
    assert digest(model) == before


def test_a_forgotten_session_gives_the_model_back(model: KAN) -> None:
    before = digest(model)
    session = PruningSession(model)
    session.set(node_threshold=0.1)
    assert digest(model) != before
    del session
    gc.collect()
    assert digest(model) == before


def test_an_error_in_a_metric_reaches_the_person_and_leaves_the_model(
    model: KAN, dataset: dict[str, Tensor]
) -> None:
    broken = False

    def metric(pred: Tensor, label: Tensor) -> Tensor:
        if broken:
            raise ZeroDivisionError("no such thing")
        return (pred - label).abs().max()

    session = PruningSession(model, dataset, metric=metric)
    assert session.loss_name == "test metric"
    error = model(dataset["test_input"]) - dataset["test_label"]
    assert session.loss == pytest.approx(error.abs().max().item())
    session.remove_edge(0, 0, 1)
    before, state = digest(model), session.state
    broken = True
    for act in (
        lambda: session.remove_edge(0, 0, 2),
        lambda: session.set(node_threshold=0.1),
        lambda: session.preview(node_threshold=0.1),
        session.undo,
        session.reset,
    ):
        with pytest.raises(ZeroDivisionError, match="no such thing"):
            act()
        assert digest(model) == before
        assert session.state == state
    session.close()
    assert all((layer == 1).all() for layer in model.mask)


def test_dead_ends_can_be_removed_and_no_output_changes(random_kan: Make) -> None:
    model = random_kan([2, 3, 3, 1], 2)
    session = PruningSession(model)
    session.remove_edge(2, 0, 0)
    for j in (1, 2):
        session.remove_edge(1, 1, j)
    assert session.dead_ends() == [(1, 1), (2, 0)]
    x = torch.linspace(-3, 3, 20).double().reshape(10, 2)
    y = model(x)
    session.remove_dead_ends()
    assert session.dead_ends() == []
    assert torch.equal(model(x), y)
    assert "2 dead ends removed" in session.history.current.text


def test_guards_speak_before_it_happens(random_kan: Make) -> None:
    model = random_kan([2, 3, 2], 2)
    session = PruningSession(model)
    before = digest(model)
    silent = session.preview(removed_edges=[(1, i, 1) for i in range(3)])
    assert silent.warnings == ["Output 1 depends on no input any more: it is constant."]
    assert silent.active_edges == 9
    assert session.preview(removed_nodes=[(0, 1)]).warnings == ["Input 1 leads nowhere any more."]
    emptied = session.preview(removed_nodes=[(1, 0), (1, 1), (1, 2)])
    assert "node layer 1 is empty" in emptied.warnings[0]
    assert digest(model) == before
    assert session.preview().warnings == []


def test_a_thousand_previews_touch_nothing(random_kan: Make) -> None:
    model = random_kan(WIDTH, 5)
    session, rng = PruningSession(model), random.Random(5)
    before, state = digest(model), torch.get_rng_state()
    levels = [float(s) for scores in session.scores for s in scores.flatten()]
    for _ in range(1000):
        outcome = session.preview(
            node_threshold=rng.choice(levels),
            edge_threshold=rng.choice(levels),
            keep_mean=rng.random() < 0.5,
        )
        assert outcome.active_edges <= session.active_edges
    assert digest(model) == before
    assert torch.equal(torch.get_rng_state(), state)
    assert len(session.history.commands) == 1


def test_after_a_rest_a_drag_is_a_step_of_its_own(model: KAN, dataset: dict[str, Tensor]) -> None:
    with PruningSession(model, dataset) as session:
        for threshold in (0.01, 0.02):
            session.set(node_threshold=threshold, merge=True)
        session.end_drag()
        for threshold in (0.1, 0.2):
            session.set(node_threshold=threshold, merge=True)
        steps = [command.state.node_threshold for command in session.history.commands]
        assert steps == [0.0, 0.02, 0.2]
        session.undo()
        assert session.node_threshold == 0.02


def test_two_thresholds_can_be_one_step(model: KAN, dataset: Dataset) -> None:
    with PruningSession(model, dataset) as session:
        before = digest(model)
        session.set(node_threshold=0.02, merge=True)
        session.continue_step()
        session.set(edge_threshold=0.01, merge=True)
        assert len(session.history.commands) == 2
        assert "edge_threshold=0.01" in session.script()
        assert "node_threshold=0.02" in session.script()
        session.set(edge_threshold=0.02, merge=True)  # a drag after it is another one
        session.set(edge_threshold=0.03, merge=True)
        assert len(session.history.commands) == 3
        session.undo()
        assert (session.node_threshold, session.edge_threshold) == (0.02, 0.01)
        session.undo()
        assert (session.node_threshold, session.edge_threshold) == (0.0, 0.0)
        assert digest(model) == before


def test_a_step_is_continued_only_while_it_is_the_present_one(model: KAN, dataset: Dataset) -> None:
    with PruningSession(model, dataset) as session:
        session.continue_step()  # the start is no decision
        session.set(node_threshold=0.02)
        session.continue_step()
        session.remove_edge(0, 0, 1)
        session.continue_step()
        session.undo()
        session.set(edge_threshold=0.01)
        steps = [(c.id, c.parent) for c in session.history.commands]
        assert steps == [(0, None), (1, 0), (2, 0)]
        session.continue_step()
        session.end_drag()
        session.set(node_threshold=0.01)
        session.history.note(3, "kept")
        session.continue_step()
        session.set(edge_threshold=0.02)
        assert len(session.history.commands) == 5


def test_a_drag_that_ends_where_it_began_leaves_no_step(model: KAN, dataset: Dataset) -> None:
    with PruningSession(model, dataset) as session:
        before = digest(model)
        for threshold in (0.01, 0.05, 0.01, 0.0):
            session.set(node_threshold=threshold, merge=True)
        assert len(session.history.commands) == 1
        assert digest(model) == before
        session.set(node_threshold=0.01)
        session.end_drag()
        for threshold in (0.02, 0.01, 0.03, 0.01, 0.05):  # it passes where it began
            session.set(node_threshold=threshold, merge=True)
        steps = [command.state.node_threshold for command in session.history.commands]
        assert steps == [0.0, 0.01, 0.05]
        session.end_drag()
        session.set(node_threshold=0.06, merge=True)
        session.set(node_threshold=0.05, merge=True)
        session.set(edge_threshold=0.01, merge=True)
        assert len(session.history.commands) == 4
        session.undo()
        assert (session.node_threshold, session.edge_threshold) == (0.05, 0.0)


def test_a_drag_back_on_one_branch_leaves_the_others(model: KAN, dataset: Dataset) -> None:
    with PruningSession(model, dataset) as session:
        session.set(node_threshold=0.01)
        session.undo()
        session.set(edge_threshold=0.01)
        session.jump(1)
        session.set(node_threshold=0.0, merge=True)
        assert len(session.history.commands) == 3
        session.jump(2)
        assert session.edge_threshold == 0.01


def test_a_loop_of_four_hundred_is_one_step(model: KAN, dataset: Dataset) -> None:
    with PruningSession(model, dataset) as session:
        for n in range(400):
            session.set(edge_threshold=n / 4000, merge=True)
        assert len(session.history.commands) == 2
        assert session.history.current.text.startswith("edge threshold 0.0998: ")


def test_several_changes_are_one_step(model: KAN, dataset: Dataset) -> None:
    with PruningSession(model, dataset) as session:
        loss = session.loss
        with session.as_one_step():
            session.remove_edge(0, 0, 0)
            session.remove_edge(0, 0, 1)
            session.set(edge_threshold=1e-4)
        step = session.history.current
        assert (step.id, step.parent, step.loss_before) == (1, 0, loss)
        assert step.loss_after == session.loss
        assert step.text.startswith("edge threshold 0.0001, edge (0, 0, 0) off, edge (0, 0, 1) off")
        with session.as_one_step("nothing"):
            session.remove_edge(1, 0, 0)
            session.restore_edge(1, 0, 0)
        assert len(session.history.commands) == 2
        with contextlib.suppress(IndexError), session.as_one_step("weak edges off"):
            session.remove_edge(1, 0, 0)
            session.remove_edge(1, 1, 0)
            session.remove_edge(9, 9, 9)
        assert len(session.history.commands) == 3
        assert session.history.current.text.startswith("weak edges off: 2 edges go")
        with session.as_one_step():  # a commit stays what it is
            session.remove_edge(1, 2, 0)
            session.commit()
        assert [c.kind for c in session.history.commands[-2:]] == ["set", "commit"]
        session.undo()
        session.undo()
        session.undo()
        session.undo()
        assert (session.active_edges, session.loss) == (15, loss)


def test_means_that_were_not_kept_from_the_start_are_not_kept_again(
    model: KAN, dataset: Dataset
) -> None:
    twin, third = copy.deepcopy(model), copy.deepcopy(model)
    session = PruningSession(model, dataset, keep_mean=False)
    session.set(node_threshold=0.01)
    names: dict[str, Any] = {"model": twin, "dataset": dataset}
    exec(session.script(), names)
    assert names["session"].loss == session.loss
    other = PruningSession.from_dict(json.loads(json.dumps(session.to_dict())), third, dataset)
    assert (other.loss, other.state) == (session.loss, session.state)
    other.undo()
    assert not other.state.keep_mean
    for one in (session, other, names["session"]):
        one.close()


@pytest.mark.parametrize("higher", [None, False])
def test_a_script_names_the_metric_that_ablation_scores_depend_on(
    model: KAN, dataset: Dataset, higher: bool | None
) -> None:
    metric, twin = torch.nn.L1Loss(), copy.deepcopy(model)
    session = PruningSession(
        model, dataset, metric=metric, score="ablation", higher_is_better=higher
    )
    scores = torch.cat([layer.flatten() for layer in session.scores]).sort().values
    session.set(edge_threshold=float(scores[6]))
    script = session.script()
    assert "# metric is L1Loss: " in script
    assert "PruningSession(model, dataset, metric=metric, " in script
    names: dict[str, Any] = {"model": twin, "dataset": dataset, "metric": metric}
    exec(script, names)
    again = names["session"]
    assert (again.loss, again.loss_name) == (session.loss, session.loss_name)
    for found, wanted in zip(again.mask, session.mask, strict=True):
        assert torch.equal(found, wanted)
    with PruningSession(copy.deepcopy(model), dataset) as plain:
        assert "metric" not in plain.script()


def mutated(content: Any, rng: random.Random) -> Any:
    """Return a session's content with something strange in it."""
    content = copy.deepcopy(content)
    strange = [
        None,
        True,
        -1,
        99,
        10**400,
        1e300,
        float("nan"),
        "x" * 10**6,
        [],
        {},
        [[0]],
        [[9, 9, 9]],
    ]
    path, here = [], content
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        path.append(rng.choice(keys))
        inner = here[path[-1]]
        if not isinstance(inner, (dict, list)) or not inner or rng.random() < 0.2:
            break
        here = inner
    if rng.random() < 0.2 and isinstance(here, dict):
        del here[path[-1]]
    else:
        here[path[-1]] = copy.deepcopy(rng.choice(strange))
    return content


def test_a_file_that_is_refused_leaves_the_model_as_it_was(random_kan: Make) -> None:
    model, rng = random_kan([2, 3, 1], 3), random.Random(0)
    x = model.seen()
    session = PruningSession(model, x)
    session.set(node_threshold=0.1)
    session.remove_edge(0, 0, 0)
    session.commit()
    session.note(3, "so far")
    session.rescore("attribution")
    session.set(edge_threshold=0.2, keep_mean=False)
    session.undo()
    session.remove_node(1, 1)
    content = json.loads(json.dumps(session.to_dict()))
    session.jump(0)
    session.close()
    before = digest(model)
    said: list[str] = []
    for _ in range(400):
        try:
            other = PruningSession.from_dict(mutated(content, rng), model, x)
        except (ValueError, TypeError) as error:
            said.append(str(error))
        else:
            assert all(len(c.text) < 3000 and len(c.note) <= 2000 for c in other.history.commands)
            other.jump(0)
            other.close()
        assert digest(model) == before
    assert len(said) > 200
    assert max(map(len, said)) < 400
