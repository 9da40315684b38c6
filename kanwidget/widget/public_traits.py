"""The traits that people read, set and link to."""

from __future__ import annotations

from typing import Any

import traitlets

from kanwidget.kan.json_numbers import finite

from .traits import (
    BrowserWritable,
    Choice,
    Edges,
    Flag,
    Names,
    Nodes,
    Parts,
    RejectsUnknownTraits,
    Sample,
    Score,
    Selection,
    Shape,
    Threshold,
)

__all__ = ["PublicTraits"]


def _as_json(number: float, _: Any) -> float | None:
    """Return a number as it crosses the wire: JSON has neither NaN nor infinity."""
    return finite(number)


class PublicTraits(RejectsUnknownTraits):
    """What a person decides and what is found out, up to the session at every moment."""

    node_threshold = Threshold(0.0).tag(sync=True)
    """Hidden nodes with a score at or below it are off, with their edges; 0 removes nothing."""

    edge_threshold = Threshold(0.0).tag(sync=True)
    """Edges with a score at or below it are off; 0 removes nothing."""

    removed_edges = Edges().tag(sync=True)
    """Edges ``(l, i, j)`` switched off by hand."""

    kept_edges = Edges().tag(sync=True)
    """Edges ``(l, i, j)`` kept on by hand, against thresholds and baseline."""

    removed_nodes = Nodes().tag(sync=True)
    """Nodes ``(l, i)`` switched off by hand."""

    kept_nodes = Nodes().tag(sync=True)
    """Nodes ``(l, i)`` kept on by hand, against the node threshold."""

    keep_mean = Flag(True).tag(sync=True)
    """Whether an edge that goes off leaves its mean output in a bias."""

    in_vars = Names(0).tag(sync=True)
    """Names of the inputs; those of all columns of the data will do. The page cannot set them."""

    out_vars = Names(-1).tag(sync=True)
    """Names of the outputs. The page cannot set them."""

    input_shape = Shape().tag(sync=True)
    """Rows and columns of inputs that are an image, or (). The page cannot set it."""

    score = Score("l1").tag(sync=True)
    """What edges score: "l1", "attribution" or "ablation", see `PruningSession.rescore`."""

    selected = Selection().tag(sync=True)
    """Edges ``(l, i, j)`` and nodes ``(l, i)`` with a card, 64 at most."""

    probe = Sample().tag(sync=True)
    """The inputs followed through the network, ``width[0]`` numbers; or []."""

    tolerance = Threshold(0.05).tag(sync=True)
    """By which share the loss may be worse than the best along a threshold."""

    view = Choice("auto", "network", "matrix").tag(sync=True)
    """How the model is drawn: "auto" takes the matrix where there are too many edges for lines."""

    orientation = Choice("auto", "right", "up").tag(sync=True)
    """Where the inputs lead: "auto" takes the way in which the curves are larger."""

    hide = Parts().tag(sync=True)
    """Parts of the view that are not there; see `traits.Parts`. The page cannot set it."""

    beta = Threshold(3.0).tag(sync=True)
    """How dark weak edges are drawn, as in pykan's ``plot``: the larger, the darker."""

    removed = Choice("faint", "hidden").tag(sync=True)
    """Whether edges and nodes that are off are drawn faintly, or not at all."""

    shared_scale = Flag(False).tag(sync=True)
    """Whether the curves into one node share a scale, so that a flat one looks flat."""

    active_edges = traitlets.Int(read_only=True).tag(sync=True)
    """How many edges are on."""

    loss = traitlets.Float(read_only=True).tag(sync=True, to_json=_as_json)
    """Loss at present; NaN crosses the wire as null."""

    baseline_loss = traitlets.Float(read_only=True).tag(sync=True, to_json=_as_json)
    """Loss before thresholds and hand edits."""

    loss_name = traitlets.Unicode(read_only=True).tag(sync=True)
    """What the losses measure, such as "test RMSE"."""

    higher_is_better = traitlets.Bool(read_only=True).tag(sync=True)
    """Whether more of the loss is better, as of an accuracy."""

    error = traitlets.Unicode(read_only=True).tag(sync=True)
    """What went wrong with the page's last change, in words; "" if nothing did."""

    @classmethod
    def writable_traits(cls) -> list[str]:
        """Return the names of the traits that both a person and a view may write."""
        return [
            name for name, trait in cls.class_traits().items() if isinstance(trait, BrowserWritable)
        ]
