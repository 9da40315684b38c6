"""Questions to a session, and what numpy answers; and the changes that a walk chooses."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Collection
from typing import Any

import torch
from book import Book, Violation, alike, bits, close
from models import Kind
from torch import Tensor

from kanwidget import PruningSession

__all__ = ["Questions"]


class Questions:
    """The part of a `Walk` that asks: none of it may change the model or the session."""

    kind: Kind
    seed: int
    model: Any
    ignored: Collection[str]
    closed: int
    touched: int
    since: list[str]

    def forward(self, x: Tensor) -> Tensor:
        """Return the live model's outputs."""
        p = next(p for p in self.model.parameters() if p.is_floating_point())
        with torch.no_grad():
            out: Tensor = self.model(x.to(p.dtype))
        return out

    def contradict(self, check: str, text: str) -> None:
        """Raise a Violation, unless such are ignored."""
        if check not in self.ignored:
            raise Violation(check, text)

    def level(self, session: PruningSession, axis: str, rng: random.Random) -> float:
        """Return 0, a score, or something between or beyond them."""
        scores = torch.cat([s.flatten() for s in session.scores]).tolist()
        scores = sorted(s for s in scores if s == s and s >= 0)
        share = rng.choice((0.0, rng.random() * 0.7, rng.random()))
        at = scores[int(share * (len(scores) - 1))] if scores and share else 0.0
        return float(at * rng.choice((1.0, 1.0, 1.03, 0.5)))

    def edge(self, session: PruningSession, rng: random.Random) -> tuple[int, int, int]:
        l = rng.randrange(len(session.mask))
        n_out, n_in = session.mask[l].shape
        return l, rng.randrange(n_in), rng.randrange(n_out)

    def node(self, session: PruningSession, rng: random.Random) -> tuple[int, int]:
        l = rng.randrange(len(session.width))
        return l, rng.randrange(session.width[l])

    def several(self, session: PruningSession, rng: random.Random) -> dict[str, Any]:
        changes = {
            "node_threshold": self.level(session, "node", rng) / 2,
            "edge_threshold": self.level(session, "edge", rng) / 2,
            "removed_edges": [self.edge(session, rng) for _ in range(rng.randrange(3))],
            "kept_edges": [self.edge(session, rng) for _ in range(rng.randrange(3))],
            "removed_nodes": [self.node(session, rng) for _ in range(rng.randrange(2))],
            "kept_nodes": [self.node(session, rng) for _ in range(rng.randrange(3))],
            "keep_mean": rng.random() < 0.5,
        }
        return {name: changes[name] for name in rng.sample(list(changes), rng.randrange(1, 6))}

    # -- questions to the session

    def agree(self, book: Book, found: float, wanted: float, check: str, text: str) -> None:
        if book.tolerance is not None:
            close(found, wanted, book.tolerance, check, text)

    def ask_preview(self, book: Book, claims: dict[str, Any], rng: random.Random) -> None:
        changes = self.several(book.session, rng)
        outcome = book.session.preview(**changes)
        mask, _, loss = book.at({**claims, **changes})
        if outcome.active_edges != sum(int(m.sum()) for m in mask):
            raise Violation("preview", f"{outcome.active_edges} edges")
        self.agree(book, outcome.loss, loss, "preview", "loss")

    def ask_toggle(self, book: Book, claims: dict[str, Any], rng: random.Random) -> None:
        edge = l, i, j = self.edge(book.session, rng)
        outcome = book.session.preview_toggle(*edge)
        if book.session.mask[l][j, i]:
            changes = {"removed_edges": claims["removed_edges"] | {edge}}
            changes["kept_edges"] = claims["kept_edges"] - {edge}
            loss = book.at({**claims, **changes})[2]
            self.agree(book, outcome.loss, loss, "preview", f"without {edge}")

    def ask_tradeoff(self, book: Book, claims: dict[str, Any], rng: random.Random) -> None:
        axis = rng.choice(("node", "edge"))
        found = book.session.tradeoff(axis)
        for n in {0, rng.randrange(len(found.thresholds)), len(found.thresholds) - 1}:
            state = {**claims, f"{axis}_threshold": found.thresholds[n]}
            for keep, losses in ((False, found.loss_zeroed), (True, found.loss_kept)):
                mask, _, loss = book.at({**state, "keep_mean": keep})
                text = f"{axis} point {n}, keep_mean={keep}"
                self.agree(book, losses[n], loss, "trade-off", text)
            if found.active_edges[n] != sum(int(m.sum()) for m in mask):
                raise Violation("trade-off", f"{axis} point {n}: {found.active_edges[n]} edges")

    def ask_costs(self, book: Book, claims: dict[str, Any], rng: random.Random) -> None:
        found = book.session.costs()
        l, i, j = self.edge(book.session, rng)
        mask, bias, loss = book.at(claims)
        self.agree(book, found.loss, loss, "costs", "the present loss")
        if not mask[l][j, i]:
            return
        ground, net = book.ground(), book.net()
        mask[l][j, i] = False
        for keep, losses in ((False, found.edges_zeroed), (True, found.edges_kept)):
            more = [b.copy() for b in bias]
            was = ground.mask[l][j, i]
            more[l][j] += keep * ground.means[l][j, i] if was else ground.folded[l][j, i]
            loss = book.measure(net.outputs(book.rows, mask, more))
            self.agree(book, float(losses[l][j, i]), loss, "costs", f"{(l, i, j)}, kept={keep}")

    def ask_within(self, book: Book, claims: dict[str, Any], rng: random.Random) -> None:
        axis = rng.choice(("node", "edge"))
        thresholds = book.session.tradeoff(axis).thresholds
        try:
            at = book.session.threshold_for(0.05, axis)
        except ValueError:
            return  # there is none, and it says so
        if at is not None and at not in thresholds:
            raise Violation("threshold_for", f"{at} is none of {thresholds}")

    def ask_compact(self, book: Book, claims: dict[str, Any], rng: random.Random) -> None:
        small, x = book.session.compact(), torch.from_numpy(book.rows)
        p = next(p for p in self.model.parameters() if p.is_floating_point())
        if book.tolerance is not None:
            with torch.no_grad():
                found = small(x.to(p.dtype))
            close(found, self.forward(x), book.tolerance, "compact", "outputs")

    def twin(self, book: Book) -> Any:
        """Return the model as the session found it; None if that cannot be had."""
        if self.closed or self.since or self.touched or not book.pure:
            return None
        model = self.kind.make(self.seed)
        model.load_state_dict(book.state)
        return model

    def ask_script(self, book: Book, claims: dict[str, Any], rng: random.Random) -> None:
        model = self.twin(book)
        if model is None:
            return
        text = book.session.script()
        names: dict[str, Any] = {"model": model, "dataset": book.data}
        names["metric"] = book.settings.get("metric")
        exec(text, names)
        for mine, theirs in zip(book.session.mask, names["session"].mask, strict=True):
            if not torch.equal(mine, theirs):
                raise Violation("script", f"other masks from\n{text}")
        x = torch.from_numpy(book.rows)
        p = next(p for p in model.parameters() if p.is_floating_point())
        with torch.no_grad():
            found = model(x.to(p.dtype))
        close(found, self.forward(x), book.tolerance or 1, "script", f"outputs of\n{text}")

    def content(self, book: Book) -> tuple[Any, Any]:
        model = self.twin(book)
        return model, None if model is None else json.loads(json.dumps(book.session.to_dict()))

    def ask_dict(self, book: Book, claims: dict[str, Any], rng: random.Random) -> None:
        model, content = self.content(book)
        if model is None:
            return
        before, metric = bits(model), book.settings.get("metric")
        again = PruningSession.from_dict(content, model, book.data, metric=metric)
        for mine, theirs in zip(book.session.mask, again.mask, strict=True):
            if not torch.equal(mine, theirs):
                raise Violation("from_dict", "other masks")
        self.agree(book, again.loss, book.session.loss, "from_dict", "loss")
        path = [c.kind for c in again.history.path()]
        again.close()
        if "commit" not in path:
            alike(bits(model), before, "from_dict", "after close")

    def ask_bad_dict(self, book: Book, claims: dict[str, Any], rng: random.Random) -> None:
        model, content = self.content(book)
        if model is None:
            return
        bad = damaged(content, rng)
        before = bits(model)
        try:
            PruningSession.from_dict(
                bad, model, book.data, metric=book.settings.get("metric")
            ).close()
        except ValueError:
            alike(bits(model), before, "refused from_dict", f"leaves {bad}")
        except Exception as error:
            self.contradict("from_dict in words", f"{type(error).__name__}: {error}"[:200])


def damaged(content: Any, rng: random.Random) -> Any:
    """Return a session's content with something else in one place."""
    content = copy.deepcopy(content)
    where, at = content, rng.choice([key for key in content if key != "format"])
    while isinstance(where[at], (dict, list)) and where[at] and rng.random() < 0.9:
        where = where[at]
        at = rng.choice(list(where) if isinstance(where, dict) else list(range(len(where))))
    strange: list[Any] = [None, -1, 0, 10**400, float("inf"), float("nan"), "x", [], {}, [[0, 0]]]
    where[at] = rng.choice([*strange, 10**9, -1.5, "commit", [[0, 0, 0]], [[0, 9, 9]], True])
    return content
