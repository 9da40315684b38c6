"""Random sessions with changes from outside in between, each step held against the oracles."""

from __future__ import annotations

import gc
import random
import traceback
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import oracles
import torch
from book import Book, Violation, alike, bits, close, different, numbers
from models import KINDS, Kind, dataset_of, outside
from oracles import Habit
from questions import Questions
from torch import Tensor, nn

from kanwidget import PruningSession

__all__ = ["Failure", "Step", "program", "shrink", "walk"]

Step = tuple[Any, ...]

FAMILIES = {
    "train": ("sgd", "adam"),
    "inplace": ("inplace",),
    "data": ("data_add", "data_set"),
    "load": ("load_near", "load_first"),
    "dtype": ("double", "float", "half"),
}
SWITCHING = ("load_first", "remove_edge", "restore_edge", "remove_node", "fix_symbolic", "fix_off")
SWITCHING += ("unfix_symbolic", "auto_symbolic", "prune_edge")
"""Acts that may switch edges, or write biases in a way of their own."""

CUTTING = "remove_node", "remove_edge", "prune_edge"
"""Acts that may leave a node without edges in."""


@dataclass
class Failure:
    """What went wrong in a session, and how to see it again."""

    kind: str
    seed: int
    check: str
    text: str
    steps: list[Step] = field(default_factory=list)
    what: str = "walks"

    def __str__(self) -> str:
        lines = [f"{self.kind}, seed {self.seed}: {self.check}: {self.text}"]
        lines += [f"    {step}" for step in self.steps]
        again = f"python tests/soak/soak.py {self.what} --kind {self.kind} --seed {self.seed}"
        return "\n".join([*lines, f"    {again}"])


def program(kind: Kind, seed: int) -> list[Step]:
    """Return the steps of a session: plain numbers, which mean something on any model."""
    rng = random.Random(f"{kind.name} {seed}")
    acts: list[str] = []
    if rng.random() < 0.6:
        families = {**FAMILIES, "library": kind.own_calls}
        for name in rng.sample([n for n in families if families[n]], rng.choice((1, 1, 2))):
            acts += families[name]
    two = rng.random() < 0.15
    commands = ["node"] * 3 + ["edge"] * 4 + ["drag"] * 2 + ["remove_edge"] * 3
    commands += ["restore_edge", "restore_edge", "remove_node", "restore_node", "keep_mean"]
    commands += ["several"] * 2 + ["preview", "preview", "toggle", "tradeoff", "tradeoff", "costs"]
    commands += ["within", "rescore", "undo", "undo", "undo", "redo", "redo", "jump", "jump"]
    commands += [
        "reset",
        "commit",
        "remove_dead_ends",
        "note",
        "refresh",
        "compact",
        "script",
        "script",
    ]
    commands += ["dict", "bad_dict", "close", "forget"]
    steps: list[Step] = [("begin", rng.randrange(10**6))]
    for _ in range(rng.randrange(6, 20)):
        if acts and rng.random() < 0.3:
            steps.append(("outside", rng.choice(acts), rng.randrange(10**6)))
            if rng.random() < 0.6:
                steps.append(("refresh", 0))
            continue
        if two and rng.random() < 0.2:
            steps.append(("other", rng.randrange(10**6)))
            continue
        steps.append((rng.choice(commands), rng.randrange(10**6)))
    return [*steps, ("script", 0), (rng.choice(("close", "close", "forget")), 0)]


class Walk(Questions):
    """A model, the sessions on it, and the checks after each step.

    Parameters
    ----------
    kind : Kind
    seed : int
        Of the model.
    ignored : collection of str
        Checks whose contradictions do not end the walk, and acts from outside to leave out;
        and ``zeroed``: sessions that begin without keeping means.
    """

    def __init__(self, kind: Kind, seed: int, ignored: Collection[str] = ()) -> None:
        self.kind, self.seed, self.ignored = kind, seed, ignored
        self.model = kind.make(seed)
        self.first = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.habit, self.books = Habit(), []  # type: ignore[var-annotated]
        self.touched = self.closed = 0
        self.fresh = False  # whether others have changed the model since a session last looked
        self.ended = False  # the last session, and no other has begun
        self.committed = False  # by any session since the last one began
        self.since: list[str] = []  # acts from outside since the last session began
        self.moved: list[np.ndarray] | None = None  # by how much these moved the biases

    def data(self, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
        p = next(p for p in self.model.parameters() if p.is_floating_point())
        net = Book.net(self)  # type: ignore[arg-type]
        n_in, n_out = len(net.layers[0].span), max(net.slots[-1]) + 1
        return dataset_of(n_in, n_out, self.seed, dtype or p.dtype)

    def run(self, steps: list[Step]) -> None:
        """Go through steps; raise a Violation where an oracle contradicts."""
        for step in steps:
            name, *arguments = step
            state = torch.get_rng_state(), torch.get_default_dtype()
            try:
                getattr(self, f"do_{name}")(*arguments)
            except Violation as violation:
                if violation.check not in self.ignored:
                    raise
            except Exception as error:
                if isinstance(error, TypeError) and self.coarse() and "float()" in str(error):
                    if name == "begin" or len(self.books) == 0 or self.ended:
                        return  # nobody can begin a session on such a model, and it says so
                    continue
                where = traceback.extract_tb(error.__traceback__)[-1]
                place = f"{where.filename.rsplit('/', 2)[-1]}:{where.lineno}"
                check = f"{name if name != 'outside' else arguments[0]} raises"
                if check not in self.ignored:
                    words = f"{type(error).__name__}: {str(error)[:200]} ({place})"
                    raise Violation(check, words) from None
            if name != "outside":
                if not torch.equal(state[0], torch.get_rng_state()):
                    raise Violation("random state", f"{name} has moved it")
                if state[1] != torch.get_default_dtype():
                    raise Violation("default dtype", f"{name} has changed it")

    @property
    def session(self) -> PruningSession:
        return self.books[0].session

    # -- sessions begin and end

    def do_begin(self, number: int) -> None:
        rng = random.Random(number)
        data: Any = self.data()
        settings: dict[str, Any] = {"keep_mean": rng.random() < 0.7 or "zeroed" in self.ignored}
        if rng.random() < 0.2:
            data = data["train_input"]
        elif rng.random() < 0.2:
            settings["metric"] = nn.L1Loss()
        if rng.random() < 0.3:
            settings["score"] = rng.choice(("l1", "attribution", "ablation"))
        self.start = bits(self.model)
        self.since, self.moved, self.committed = [], None, False
        self.hooked = self.hooks()
        self.books = [Book(self.kind, self.model, data, self.habit, settings)]
        self.ended = False
        self.after(self.books[0], numbers(self.kind, self.model))

    def coarse(self) -> bool:
        """Whether the model's numbers are too coarse to measure anything with."""
        return any(p.dtype == torch.half for p in self.model.parameters())

    def hooks(self) -> int:
        return sum(len(part._forward_hooks) for part in self.model.modules())

    def do_other(self, number: int) -> None:
        """Another session on the model does something, or ends."""
        rng = random.Random(number)
        if len(self.books) == 1:
            self.touched += 1
            first = self.books[0]
            self.books.append(Book(self.kind, self.model, first.data, self.habit, {}))
            for book in self.books:
                book.pure = False
        book = self.books[1]
        before = numbers(self.kind, self.model)
        name = rng.choice(("node", "edge", "remove_edge", "undo", "commit", "close"))
        if name == "close":
            book.session.close()
            self.books.pop()
            alike(numbers(self.kind, self.model), before, "weights", "the other session's close")
            return
        self.command(book, name, number)
        self.after(book, before)

    def do_close(self, number: int) -> None:
        self.end(lambda book: book.session.close())

    def do_forget(self, number: int) -> None:
        def forget(book: Book) -> None:
            book.session = None  # type: ignore[assignment]
            gc.collect()

        self.end(forget)

    def end(self, how: Any) -> None:
        """Close all sessions, look at what they leave, and begin a new one."""
        book = self.books[0]
        tolerance = book.tolerance
        pure, alone = not self.since, not self.touched
        before = numbers(self.kind, self.model)
        if not pure and not self.coarse():
            try:
                book.session.refresh()
            except Exception as error:
                self.contradict("refresh raises", f"{type(error).__name__}: {str(error)[:150]}")
        baseline, number = book.session.baseline, id(book.session.baseline)
        committed = self.committed
        if not alone:
            for other in self.books[1:]:
                other.session.close()
            self.books = self.books[:1]
        how(book)
        found = bits(self.model)
        if pure and (alone or not committed):
            wanted = book.given[number] if alone else self.start
            alike(found, wanted, "given back", "the model after close")
        alike(numbers(self.kind, self.model), before, "weights", "close")
        net = book.net()
        masks = [la.mask for la in net.layers]
        switched = any(act in SWITCHING for act in self.since)
        # In half precision the session could not look at what others had switched.
        unseen = self.coarse() and switched
        if masks[0] is not None and alone and not unseen:
            first = [oracles.bools(m) for m in baseline.mask]
            if not committed and not switched:
                first = book.grounds[id(book.kept[0])].mask
            for l, (mine, la) in enumerate(zip(first, net.layers, strict=True)):
                if not np.array_equal(mine, la.mask):
                    raise Violation("edges given back", f"layer {l}")
            if not committed and not switched and self.moved is not None and tolerance:
                first_bias = book.grounds[id(book.kept[0])].bias
                for l, (la, was, by) in enumerate(
                    zip(net.layers, first_bias, self.moved, strict=True)
                ):
                    close(la.bias, was + by, 10 * tolerance, "biases given back", f"layer {l}")
        elif alone and not committed and self.hooks() > self.hooked:
            raise Violation("edges given back", "a hook stays")
        book.session = None  # type: ignore[assignment]
        self.closed += 1
        self.touched, self.ended = 0, True
        self.do_begin(self.closed * 1000 + self.seed)

    # -- changes from outside

    def do_outside(self, act: str, number: int) -> None:
        data = {**self.data(), "first": self.first}
        p = next(p for p in self.model.parameters() if p.is_floating_point())
        if act in self.ignored or (p.dtype == torch.half and act not in ("double", "float")):
            return
        layers = self.books[0].net().layers
        empty = any(la.mask is not None and not la.mask.any() for la in layers)
        if self.kind.library == "pykan0" and act == "fit_lbfgs" and empty:
            return  # its penalty is 0 / 0 then, and every weight NaN
        cut = self.fresh and any(a in CUTTING for a in self.since)
        if cut and act.startswith("fit"):
            return  # what pykan cut off by itself it trains to NaN, before a session has looked
        before = [la.bias for la in layers]
        if act == "fit_watched":
            self.watched(data)
        elif not outside(self.kind, self.model, act, number, data):
            return
        after = self.books[0].net()
        for book in self.books:
            book.pure = False
        if not self.since and act not in SWITCHING:
            self.moved = [np.zeros_like(b) for b in before]
        self.since.append(act)
        self.fresh = True
        # What is given back need not have been rounded to half.
        if self.moved is not None and act not in (*SWITCHING, "half"):
            bias = [la.bias for la in after.layers]
            self.moved = [m + b - a for m, a, b in zip(self.moved, before, bias, strict=True)]
        else:
            self.moved = None
        for name, value in self.model.state_dict().items():
            if not value.isfinite().all():
                raise Violation("weights finite", f"{name} after {act}")

    def watched(self, data: dict[str, Any]) -> None:
        """Let the session look on at each step of a training, as a callback does."""
        session = self.session
        session.refresh()
        count = len(session.history.commands)
        rows = {name: value for name, value in data.items() if name != "first"}
        settings: dict[str, Any] = {"opt": "Adam", "lr": 0.01, "progress": False}
        self.model.fit(rows, steps=4, callback=lambda *_: session.refresh(), **settings)
        session.refresh()
        if len(session.history.commands) > count + 1:
            self.contradict("one training one step", "a watched fit writes several")

    # -- commands of the session

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("do_"):
            raise AttributeError(name)

        def do(number: int) -> None:
            book = self.books[0]
            before = numbers(self.kind, self.model)
            self.command(book, name[3:], number)
            self.after(book, before)

        return do

    def after(self, book: Book, before: dict[str, Tensor]) -> None:
        """Check the model and one session's claims, once it has done something."""
        session = book.session
        if not book.pure:
            session.refresh()  # an undo with nothing to go back to has not looked
        now = numbers(self.kind, self.model)
        for command in session.history.commands:
            book.weights.setdefault(command.id, before)
        here = session.history.current
        if self.fresh and here.kind == "set" and here.id == len(session.history.commands) - 1:
            seen = session.history.get(here.parent)
            if seen.weights == here.weights:  # a training may have gone on until this command
                book.weights[seen.id] = before
        if different(now, book.weights[here.id]):
            cast = {n: v.to(now[n].dtype) for n, v in book.weights[here.id].items()}
            same_dtype = all(v.dtype == now[n].dtype for n, v in before.items())
            if not (different(cast, book.weights[here.id]) and same_dtype):
                names = different(now, book.weights[here.id])
                kept = "as before the step" if not different(now, before) else "others"
                text = f"at command {here.id} ({here.kind}) weights are {kept}: {names[:3]}"
                last = here.id == len(session.history.commands) - 1
                # What another session undoes goes on with the training, too.
                goes_on = (self.fresh or self.touched) and last and here.kind in ("outside", "set")
                if here.id not in book.lost and not goes_on:  # one training is one step
                    self.contradict("weights", text)
            book.weights[here.id] = now
        self.fresh = False
        if book.session.history.current.kind == "commit" and book.pure:
            book.given.setdefault(id(session.baseline), bits(self.model))
        known = here.parent is not None and session.history.get(here.parent).baseline
        if here.kind == "score" and id(known) in book.given:
            book.given[id(session.baseline)] = book.given[id(known)]
        book.check(self.forward, len(self.books) == 1)

    def command(self, book: Book, name: str, number: int) -> None:
        """Let a session do something that a number chooses."""
        session, rng = book.session, random.Random(number)
        claims, history = book.claims(), session.history
        if hasattr(history, "snapshots"):  # it says which steps no longer have their weights
            book.lost = {c.id for c in history.commands if history.stale(c)}
        if name in ("node", "edge"):
            session.set(**{f"{name}_threshold": self.level(session, name, rng)})
        elif name == "drag":
            axis = rng.choice(("node", "edge"))
            count = len(session.history.commands)
            book.whole.pop(session.history.current.id, None)  # which it may go on with
            for _ in range(rng.randrange(2, 6)):
                at = self.level(session, axis, rng)
                session.set(merge=True, **{f"{axis}_threshold": at})
            session.end_drag()
            if book.pure and len(session.history.commands) > count + 1:
                self.contradict("one drag one step", f"{session.history.commands[count:]}")
        elif name in ("remove_edge", "restore_edge"):
            getattr(session, name)(*self.edge(session, rng))
        elif name in ("remove_node", "restore_node"):
            getattr(session, name)(*self.node(session, rng))
        elif name == "keep_mean":
            session.set(keep_mean=rng.random() < 0.5)
        elif name == "several":
            session.set(**self.several(session, rng))
        elif name in ("undo", "redo", "jump"):
            self.travel(book, name, rng)
        elif name == "commit":
            session.commit()
            self.committed = True
        elif name == "rescore":
            session.rescore(rng.choice(("l1", "attribution", "ablation")))
        elif name == "note":
            session.note(rng.randrange(len(session.history.commands)), "a note")
        elif name == "refresh":
            self.refresh(book)
        elif name in ("reset", "remove_dead_ends"):
            getattr(session, name)()
        else:
            # These answer, and change nothing; what is new in the model they take in first.
            if not book.pure:
                self.refresh(book)
                claims = book.claims()
            before = bits(self.model), len(session.history.commands)
            getattr(self, f"ask_{name}")(book, claims, rng)
            alike(bits(self.model), before[0], "asking changes nothing", name)
            if len(session.history.commands) != before[1]:
                raise Violation("asking changes nothing", f"{name} adds to the history")
        here = session.history.current.id
        if book.pure:
            book.whole[here] = bits(self.model)
            if claims and name == "reset" and id(session.baseline) in book.given:
                alike(bits(self.model), book.given[id(session.baseline)], "given back", "reset")

    def refresh(self, book: Book) -> None:
        """Let a session take in what others did: the model stays what they made of it."""
        x = torch.from_numpy(book.rows)
        exact, count = book.tolerance is not None, len(book.session.history.commands)
        before = self.forward(x) if exact else None  # a library may not compute in half
        # An edge that its own library has switched on again gives back the mean that it had left.
        back = [la.mask is not None and (la.mask & ~oracles.bools(on)).any()
                for la, on in zip(book.net().layers, book.session.mask, strict=True)]  # fmt: skip
        expected = not any(back) or (self.since and self.since[-1] == "load_first")
        book.session.refresh()
        if len(book.session.history.commands) > count + 1:
            self.contradict("one training one step", "a refresh writes several")
        if before is not None and book.tolerance is not None and expected:
            after = self.forward(x)
            close(after, before, book.tolerance, "refresh keeps outputs", "of the model")

    def travel(self, book: Book, name: str, rng: random.Random) -> None:
        session, history = book.session, book.session.history
        if name == "jump":
            session.jump(rng.randrange(len(history.commands)))
        else:
            getattr(session, name)()
        here = history.current.id
        if history.current.weights != max(c.weights for c in history.commands):
            self.moved = None  # the way back led past what others did
        if book.pure and here in book.whole:
            alike(bits(self.model), book.whole[here], f"{name} restores all", f"command {here}")


def walk(
    kind: str, seed: int, ignored: Collection[str] = (), steps: list[Step] | None = None
) -> Failure | None:
    """Run one session; return what went wrong, None if nothing did."""
    steps = program(KINDS[kind], seed) if steps is None else steps
    try:
        one = Walk(KINDS[kind], seed, ignored)
        one.run(steps)
    except Violation as violation:
        return Failure(kind, seed, violation.check, str(violation.args[0]), steps)
    return None


def shrink(failure: Failure, ignored: Collection[str] = (), tries: int = 60) -> Failure:
    """Leave out steps as long as the same goes wrong."""
    at = len(failure.steps) - 1
    while at > 0 and tries:
        fewer = failure.steps[:at] + failure.steps[at + 1 :]
        tries -= 1
        found = walk(failure.kind, failure.seed, ignored, fewer)
        if found is not None and found.check == failure.check:
            failure = found
        at -= 1
        at = min(at, len(failure.steps) - 1)
    return failure
