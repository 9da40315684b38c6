"""The traits that cross the wire, and what crosses as codes, with the words for them."""

from __future__ import annotations

from typing import Any

import traitlets

from kanwidget import KANWidget
from kanwidget.masks.state import State
from kanwidget.session.words import Message, step_words, warning_words
from kanwidget.widget.traits import BrowserWritable, Choice
from kanwidget.widget.view_traits import HOST_TRAITS, PackedArray

EDGE, NODE = (0, 1, 2), (1, 3)

CHANGES: list[Message] = [
    ("text", "weak edges off"),
    ("reset",),
    ("commit",),
    ("score", "ablation"),
    *(("node_threshold", value) for value in (0.0, 0.125, 1.5e-7, 12345.678, 99999.5, 0.0625)),
    ("edge_threshold", 0.05),
    ("keep_mean", True),
    ("keep_mean", False),
    ("hand_edits",),
    *((f"edge_{how}", *EDGE) for how in ("off", "on", "not_kept")),
    *((f"node_{how}", *NODE) for how in ("off", "on", "not_kept")),
    ("dead_ends_removed", 1),
    ("dead_ends_removed", 2),
    ("outside",),
    ("outside", "edges", "trained"),
    ("outside", "layers", "type", "formulas"),
    ("fit", 1, "LBFGS", 1.0, 0.0, 2.0, False, -1, ""),
    ("fit", 20, "Adam", 0.01, 1.5e-3, 2.0, True, 100, "CrossEntropyLoss"),
    ("refine", 10, 2.5e-16),
    ("name", *EDGE, "sin"),
    ("name", *EDGE, "1/(1+x^2)"),
    ("unname", *EDGE),
    ("name_all", 1, 0, 0.05, "", 20.0, False, -1),
    ("name_all", 3, 2, 0.05, "sin x", 20.0, False, 3),
    ("threshold_lowered", "node", 0.01),
    ("kept_off", 1),
    ("kept_off", 3),
]

WARNINGS: list[Message] = [
    ("text", "This library counts from 1."),
    ("constant_model",),
    ("constant_model", 1, 2),
    ("constant_output", 1),
    ("unused_input", 0),
    ("lost_factor", 1, 0, False, 0, None),
    ("lost_factor", 2, 1, True, 1, 0.0),
    ("lost_factor", 1, 2, False, 0, 0.12345),
    ("broken_edge", *EDGE, 0),
    ("broken_edge", *EDGE, 4),
    ("broken_bias", 1, 0),
    ("inputs_do_not_vary", 0, 0),
    ("inputs_do_not_vary", 1, 2),
    ("layer_norm",),
    ("may_be_better", "accuracy"),
    ("weights_lost", 3, False),
    ("weights_lost", 3, True),
    ("thresholds_lowered", ("node", 0.1, 0.05)),
    ("thresholds_lowered", ("node", 0.1, 0.05), ("edge", 1e-3, 2e-7)),
    ("kept_off", 1),
    ("kept_off", 3),
]


def messages() -> dict[str, Any]:
    """Return steps of the history and warnings, and what Python says for them."""
    steps: list[tuple[tuple[Message, ...], int]] = [((change,), 0) for change in CHANGES]
    steps += [((), 0), *(((("reset",),), removed) for removed in (1, 2, -1, -2))]
    steps += [((CHANGES[4], CHANGES[14]), 3)]
    return {
        "steps": [
            {"what": what, "edges_removed": removed, "words": step_words(what, removed)}
            for what, removed in steps
        ],
        "warnings": [{"message": message, "words": warning_words(message)} for message in WARNINGS],
    }


def traits() -> dict[str, Any]:
    """Return the widget's synced traits: by name their type, who may write them, and more.

    ``writer`` is "decision" for what says what is pruned, "view" for what else a page may write,
    and "python" for the rest.
    """
    hosts = HOST_TRAITS
    found = {}
    for name, trait in sorted(KANWidget.class_traits(sync=True).items()):
        if name in hosts:
            continue
        decides = name in State().to_dict()
        writes = isinstance(trait, BrowserWritable)
        entry: dict[str, Any] = {
            "type": _type_of(trait),
            "writer": "decision" if decides else "view" if writes else "python",
        }
        if isinstance(trait, PackedArray):
            entry |= {"dtype": trait.dtype, "shape": trait.shape}
        if isinstance(trait, Choice):
            entry["choices"] = list(trait.words)
        found[name] = entry
    return found


def _type_of(trait: Any) -> str:
    """Return what JSON has for a trait's values; of packed arrays "bytes"."""
    kinds = [
        (traitlets.Bytes, "bytes"),
        (traitlets.Bool, "boolean"),
        ((traitlets.Int, traitlets.Float), "number"),
        (traitlets.Unicode, "text"),
        (traitlets.List, "list"),
        (traitlets.Dict, "object"),
    ]
    return next(name for kind, name in kinds if isinstance(trait, kind))
