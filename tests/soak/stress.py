"""Sessions interrupted by a real timer, and beside a training thread: no work is lost."""

from __future__ import annotations

import gc
import random
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from book import TOLERANCE, bits, different, numbers, raw
from models import KINDS, dataset_of
from oracles import Habit, read
from torch import Tensor
from walks import Failure

from kanwidget import PruningSession

__all__ = ["interrupted", "threads"]

TOOK: dict[tuple[str, str], float] = defaultdict(lambda: 0.01)
"""Seconds that an act took when it last came to its end."""


def data_of(kind: str, model: Any, seed: int) -> dict[str, Tensor]:
    net = read(KINDS[kind].library, model, Habit())
    dtype = next(p.dtype for p in model.parameters() if p.is_floating_point())
    return dataset_of(len(net.layers[0].span), max(net.slots[-1]) + 1, seed, dtype)


def interrupt(act: Callable[[], Any], kind: str, name: str, rng: random.Random) -> bool:
    """Do something, and press Ctrl+C at some moment of it; return whether that was in time."""

    def press(*_: Any) -> None:
        raise KeyboardInterrupt

    limit = signal.setitimer(signal.ITIMER_REAL, 0)  # the test's own
    before, start = signal.signal(signal.SIGALRM, press), time.perf_counter()
    try:
        signal.setitimer(signal.ITIMER_REAL, max(1e-5, rng.random() * 1.1 * TOOK[kind, name]))
        try:
            act()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        return True
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *limit)
    TOOK[kind, name] = time.perf_counter() - start
    return False


def chosen(session: PruningSession, rng: random.Random) -> tuple[str, Callable[[], Any]]:
    """Return one command, or question, and its name."""
    l = rng.randrange(len(session.mask))
    n_out, n_in = session.mask[l].shape
    edge = l, rng.randrange(n_in), rng.randrange(n_out)
    scores = torch.cat([s.flatten() for s in session.scores]).tolist()
    at = rng.choice([0.0, *scores])
    acts: dict[str, Callable[[], Any]] = {
        "edge": lambda: session.set(edge_threshold=at),
        "node": lambda: session.set(node_threshold=at),
        "keep_mean": lambda: session.set(keep_mean=not session.state.keep_mean),
        "remove_edge": lambda: session.remove_edge(*edge),
        "restore_edge": lambda: session.restore_edge(*edge),
        "remove_node": lambda: session.remove_node(*edge[:2]),
        "restore_node": lambda: session.restore_node(*edge[:2]),
        "preview": lambda: session.preview(edge_threshold=at),
        "tradeoff": lambda: session.tradeoff(),
        "costs": lambda: session.costs(),
        "undo": session.undo,
        "redo": session.redo,
        "reset": session.reset,
        "refresh": session.refresh,
        "commit": session.commit,
        "rescore": lambda: session.rescore(rng.choice(("l1", "attribution", "ablation"))),
    }
    weights = [3 if name in ("edge", "node", "remove_edge", "preview") else 1 for name in acts]
    name = rng.choices(list(acts), weights)[0]
    return name, acts[name]


def interrupted(kind: str, seed: int) -> Failure | None:
    """Interrupt a session's commands, and its close; the model must be as it was in the end."""
    rng, model = random.Random(f"{kind} {seed} interrupts"), KINDS[kind].make(seed)
    data, done = data_of(kind, model, seed), []  # type: ignore[var-annotated]
    x = data["test_input"]

    def whole() -> tuple[dict[str, Any], Any]:
        with torch.no_grad():
            return bits(model), raw(model(x))

    def failed(check: str, text: str) -> Failure:
        return Failure(kind, seed, check, text, done, "interrupts")

    good = [whole()]  # as it was, and as it was committed
    if rng.random() < 0.3:
        done.append(("interrupted: begin",))
        first: list[PruningSession] = []
        interrupt(lambda: first.append(PruningSession(model, data)), kind, "begin", rng)
        first.clear()
        gc.collect()
        if whole() not in good:
            return failed("not given back", "after a session that never began")
    start = time.perf_counter()
    score = rng.choice((None, None, "l1", "ablation"))
    sessions = [PruningSession(model, data, score=score)]
    TOOK[kind, "begin"] = time.perf_counter() - start
    two = rng.random() < 0.2
    if two:
        sessions.append(PruningSession(model, data))
    for _ in range(rng.randrange(3, 12)):
        session = rng.choice(sessions)
        name, act = chosen(session, rng)
        if name == "commit":
            if two:
                continue
            good.append(whole())
        hit = False
        try:
            if rng.random() < 0.5:
                hit = interrupt(act, kind, name, rng)
            else:
                act()
        except Exception as error:
            return failed(f"{name} raises", f"{type(error).__name__}: {str(error)[:200]}")
        done.append((f"interrupted: {name}" if hit else name,))
        if not two and any(c.kind == "outside" for c in session.history.commands):
            return failed("own write taken for another's", "an outside step in the history")
    for session in sessions:
        if rng.random() < 0.6 and interrupt(session.close, kind, "close", rng):
            done.append(("interrupted: close",))
            if rng.random() < 0.3 and interrupt(session.close, kind, "close", rng):
                done.append(("interrupted: close",))
        done.append(("close",))
        try:
            session.close()
        except Exception as error:
            return failed("close raises", f"{type(error).__name__}: {str(error)[:200]}")
        if not session.closed:
            return failed("close raises", "it is not closed")
    left = whole()
    if left not in good:
        names = different(left[0], good[0][0])
        weights = set(numbers(KINDS[kind], model)) & set(names)
        check = "weights lost" if weights else "not given back"
        return failed(check, f"{names[:3] or 'outputs'} differ")
    return None


# -- beside a training thread


class Training(threading.Thread):
    """A loop that trains a model until it is told to stop, or for some steps."""

    def __init__(self, model: Any, data: dict[str, Tensor], lr: float, steps: int, how: str):
        super().__init__(daemon=True)
        self.model, self.data, self.lr, self.steps, self.how = model, data, lr, steps, how
        self.enough, self.error, self.done = threading.Event(), None, 0  # type: ignore[var-annotated]

    def run(self) -> None:
        try:
            if self.how == "loop":
                self.loop()
            else:
                self.fit()
        except BaseException as error:
            self.error = error

    def fit(self) -> None:
        settings: dict[str, Any] = {"update_grid": False, "progress": False, "lamb": 0.0}
        self.model.fit(
            self.data, opt="Adam", steps=self.steps, lr=self.lr, stop=self.enough.is_set, **settings
        )

    def loop(self) -> None:
        trained = [p for p in self.model.parameters() if p.requires_grad]
        optimiser = torch.optim.Adam(trained, lr=self.lr)
        while self.done < self.steps and not self.enough.is_set():
            optimiser.zero_grad()
            out = self.model(self.data["train_input"])
            (out - self.data["train_label"]).square().mean().backward()
            optimiser.step()
            self.done += 1


def beside(kind: str, how: str, changes: int, seed: int = 1) -> Failure | None:
    """Change thresholds while a thread trains by next to nothing: all comes back."""
    model, rng = KINDS[kind].make(seed), random.Random(seed)
    data = data_of(kind, model, seed)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    first, name = bits(model), f"{changes} changes beside {how}"
    session = PruningSession(model, data)
    training = Training(model, data, 1e-14, 10**9, how)
    scores = torch.cat([s.flatten() for s in session.scores]).tolist()
    training.start()
    try:
        for n in range(changes):
            axis = ("edge", "node")[n % 7 == 6]
            session.set(merge=n % 5 > 0, **{f"{axis}_threshold": rng.choice([0.0, *scores])})
            if training.error is not None:
                break
    except Exception as error:
        training.enough.set()
        training.join()
        session.close()
        words = f"change {n}: {type(error).__name__}: {str(error)[:200]}"
        return Failure(kind, seed, f"{how}: session raises", words, [(name,)], "threads")
    training.enough.set()
    training.join()
    error = training.error
    session.close()
    if error is not None:
        words = f"{type(error).__name__}: {str(error)[:200]}"
        return Failure(kind, seed, f"{how}: training raises", words, [(name,)], "threads")
    tolerance = TOLERANCE[start[next(iter(start))].dtype] / 10
    for key, value in model.state_dict().items():
        apart = float((value - start[key]).abs().max())
        if not apart <= tolerance:
            words = f"{key} is {apart:.3g} from where it was"
            return Failure(kind, seed, f"{how}: numbers lost", words, [(name,)], "threads")
    flags = [n for n, value in bits(model).items() if n not in start and value != first[n]]
    if flags:
        return Failure(kind, seed, f"{how}: not given back", f"{flags[:3]}", [(name,)], "threads")
    return None


def previews(kind: str, how: str, count: int = 1000, seed: int = 2) -> Failure | None:
    """Train with and without previews beside it: not one bit may differ."""
    made = KINDS[kind].make(seed)
    first, ends = {n: v.clone() for n, v in made.state_dict().items()}, []
    for asked in (0, count):
        model, rng = KINDS[kind].make(seed), random.Random(seed)
        model.load_state_dict(first)
        data = data_of(kind, model, seed)
        session = PruningSession(model, data)
        scores = torch.cat([s.flatten() for s in session.scores]).tolist()
        session.set(edge_threshold=sorted(scores)[1])
        training = Training(model, data, 0.01, 400, how)
        training.start()
        for _ in range(asked):
            try:
                session.preview(edge_threshold=rng.choice(scores))
                session.tradeoff() if rng.random() < 0.05 else None
            except Exception as error:
                training.join()
                words = f"{type(error).__name__}: {str(error)[:200]}"
                return Failure(kind, seed, f"{how}: preview raises", words, [], "threads")
            if not training.is_alive():
                break
        training.join()
        if training.error is not None:
            words = f"{type(training.error).__name__}: {str(training.error)[:200]}"
            return Failure(
                kind, seed, f"{how}: training raises beside previews", words, [], "threads"
            )
        ends.append(numbers(KINDS[kind], model))
        session.close()
    names = different(ends[0], ends[1])
    if names:
        apart = max(float((ends[0][n] - ends[1][n]).abs().max()) for n in names)
        words = f"{names[:3]} differ by up to {apart:.3g}"
        return Failure(kind, seed, f"{how}: previews change what is learnt", words, [], "threads")
    return None


def threads(
    kinds: list[str], changes: int, hows: Sequence[str] = ("loop", "fit")
) -> dict[str, list[Failure | None]]:
    """Run all trainings; thresholds are changed so many times in all."""
    old, found = sys.getswitchinterval(), {kind: [] for kind in kinds}  # type: ignore[var-annotated]
    ways = {kind: ["loop"] + ["fit"] * (KINDS[kind].library == "kan") for kind in kinds}
    ways = {kind: [how for how in way if how in hows] for kind, way in ways.items()}
    each = max(10, changes // sum(len(w) for w in ways.values()))
    sys.setswitchinterval(1e-4)
    try:
        for kind in kinds:
            for how in ways[kind]:
                start = time.time()
                for one in (previews(kind, how, max(20, changes // 10)), beside(kind, how, each)):
                    found[kind].append(one)
                    if one is not None:
                        print(one, flush=True)
                print(f"{kind} beside {how}: {time.time() - start:.0f} s", flush=True)
    finally:
        sys.setswitchinterval(old)
    return found
