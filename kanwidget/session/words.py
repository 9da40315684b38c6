"""The words for what a session keeps as codes and numbers: steps of the history, and warnings.

A message is a tuple ``(code, value, ...)`` of what JSON knows, such as ``("edge_off", 0, 1, 2)``.
Decisions are made by codes; this module says them to a person, and
``js/src/text/session-messages.ts`` says them in the view.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

__all__ = [
    "Message",
    "checked_messages",
    "count",
    "outside_words",
    "step_words",
    "warning_words",
]

Message = tuple[Any, ...]

LONGEST_TEXT = 2000
"""Characters that the words of a person's own may have."""

OUTSIDE = {
    "layers": "layers changed",
    "type": "dtype or device changed",
    "formulas": "formulas changed",
    "trained": "trained",
    "edges": "edges switched",
}
"""What others do to a model."""


def count(number: int, noun: str) -> str:
    """Return a number and what it counts: "1 edge", "2 edges"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def outside_words(*changes: str) -> str:
    """Say what others did to a model, by the keys of `OUTSIDE`."""
    words = [words for change, words in OUTSIDE.items() if change in changes]
    return f"{' and '.join(words) or 'changed'} in a cell"


def _fit_words(steps: int, opt: str, lr: float, lamb: float, *_: object) -> str:
    strength = f", lamb {lamb:.3g}" if lamb else ""
    return f"retrained, {count(steps, 'step')} of {opt}{strength}"


_CHANGES: dict[str, Callable[..., str]] = {
    "text": lambda words: words,
    "reset": lambda: "reset",
    "commit": lambda: "set as new start",
    "score": lambda score: f"scores by {score}",
    "node_threshold": lambda value: f"node threshold {value:.3g}",
    "edge_threshold": lambda value: f"edge threshold {value:.3g}",
    "keep_mean": lambda keep: "means kept" if keep else "means not kept",
    "hand_edits": lambda: "hand edits",
    "edge_off": lambda *edge: f"edge {edge} off",
    "edge_on": lambda *edge: f"edge {edge} on",
    "edge_not_kept": lambda *edge: f"edge {edge} not kept",
    "node_off": lambda *node: f"node {node} off",
    "node_on": lambda *node: f"node {node} on",
    "node_not_kept": lambda *node: f"node {node} not kept",
    "dead_ends_removed": lambda number: f"{count(number, 'dead end')} removed",
    "outside": outside_words,
    "fit": _fit_words,
    "name": lambda l, i, j, function: f"edge {(l, i, j)} named {function}",
    "unname": lambda *edge: f"edge {edge} a spline again",
    "name_all": lambda named, left, *_: (
        f"{count(named, 'curve')} named" + (f", {left} left as they are" if left else "")
    ),
    "refine": lambda grid, change: f"refined to grid {grid}, outputs move by {change:.3g} at most",
    "threshold_lowered": lambda kind, value: f"{kind} threshold lowered to {value:.3g}",
    "kept_off": lambda number: f"{count(number, 'edge')} off by hand now",
}
"""What a step of the history does, by its code."""


def change_words(what: Iterable[Message]) -> str:
    """Say what a step does; nothing at all is the model as it came."""
    words = [_CHANGES[code](*values) for code, *values in what]
    return ", ".join(words) or "the model as it came"


def step_words(what: Iterable[Message], edges_removed: int) -> str:
    """Say what a step does, and how many edges go, or come back if the number is negative."""
    words = change_words(what)
    if edges_removed == 0:
        return words
    one = abs(edges_removed) == 1
    goes = (
        ("goes" if one else "go") if edges_removed > 0 else ("comes" if one else "come") + " back"
    )
    return f"{words}: {count(abs(edges_removed), 'edge')} {goes}"


def checked_messages(content: object) -> tuple[Message, ...]:
    """Return the messages of a step that was kept as JSON, or raise a ValueError or TypeError."""
    if not isinstance(content, Sequence) or isinstance(content, (str, bytes)):
        raise TypeError(f"what a step does is a list, got a {type(content).__name__}")
    messages = tuple(tuple(_checked_value(value) for value in message) for message in content)
    if len(change_words(messages)) > LONGEST_TEXT:  # a KeyError or TypeError if it says nothing
        raise ValueError(f"what a step does has {LONGEST_TEXT} characters at the most")
    return messages


def _checked_value(value: object) -> str | int | float:
    """Return a number or a text as JSON and files can hold it, or raise a TypeError."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError(f"a step is told in texts and numbers, got a {type(value).__name__}")
    return value


def _constant_model(*empty: int) -> str:
    why = f" (node layer {', '.join(map(str, empty))} is empty)" if empty else ""
    return f"Nothing leads from the inputs to the outputs any more{why}: the model is constant."


def _lost_factor(l: int, i: int, is_output: bool, factor: int, value: float | None) -> str:
    name = f"output {i}" if is_output else f"h{l},{i}"
    start = f"Factor {factor + 1} of the product {name} has lost its last edge"
    if value is None:
        return f"{start}: it is constant."
    if value == 0:
        return f"{start} and is 0: the whole product is."
    return f"{start}: it is always {value:.3g}, and only scales the others."


def _broken(where: str, more: int) -> str:
    others = f" (and {more} more)" if more else ""
    return (
        f"The model is broken: {where}{others} gives numbers that are NaN or infinite on these "
        "data, and so does what it leads to."
    )


def _inputs_do_not_vary(i: int, more: int) -> str:
    others = f" (and {more} more) do" if more else " does"
    return (
        f"Input node (0, {i}){others} not vary in these data: edges from there add a constant, "
        "whatever they score."
    )


def _weights_lost(step: int, kept: bool) -> str:
    why = "do not fit the model any more" if kept else "are not kept any more"
    return f"The weights that step {step} had {why}: it is shown with those of a later step."


def _thresholds_lowered(*lowered: tuple[str, float, float]) -> str:
    said = [f"the {kind} threshold went from {a:.3g} to {b:.3g}" for kind, a, b in lowered]
    return f"T{' and '.join(said)[1:]}: by their new scores it would have removed more."


def _kept_off(number: int) -> str:
    were, are, them = ("edge that was", "is", "it")
    if number > 1:
        were, are, them = ("edges that were", "are", "them")
    return (
        f"{number} {were} off by a threshold {are} off by hand now: a double click or Reset "
        f"brings {them} back."
    )


_WARNINGS: dict[str, Callable[..., str]] = {
    "text": lambda words: words,
    "constant_model": _constant_model,
    "constant_output": lambda j: f"Output {j} depends on no input any more: it is constant.",
    "unused_input": lambda i: f"Input {i} leads nowhere any more.",
    "lost_factor": _lost_factor,
    "broken_edge": lambda l, i, j, more: _broken(f"edge {(l, i, j)}", more),
    "broken_bias": lambda l, j: _broken(f"bias {j} of layer {l}", 0),
    "inputs_do_not_vary": _inputs_do_not_vary,
    "layer_norm": lambda: (
        "A LayerNorm lets every edge depend on all nodes of its layer: curves show it at the mean "
        "and spread that the others have on the average, and nodes that lead nowhere still count."
    ),
    "may_be_better": lambda metric: (
        f"Less {metric} counts as better. If more is better, hand over higher_is_better=True with "
        "the metric."
    ),
    "weights_lost": _weights_lost,
    "thresholds_lowered": _thresholds_lowered,
    "kept_off": _kept_off,
}
"""What is wrong with a state, by its code."""


def warning_words(message: Message) -> str:
    """Say what is wrong."""
    code, *values = message
    return _WARNINGS[code](*values)
