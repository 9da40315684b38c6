"""The adapter of kanwidget's own KAN."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import torch
from torch import Tensor

from kanwidget.functions.named_edges import NamedEdges
from kanwidget.kan import KAN, incremental_forward
from kanwidget.kan.arrays import as_array
from kanwidget.kan.bsplines import extend_grid
from kanwidget.kan.mask_sequence import MaskSequence
from kanwidget.kan.row_blocks import mean_over
from kanwidget.masks.ids import Edge

from .finer_grids import SplineLayer
from .named_edges import NamedEdgesAdapter

__all__ = ["NativeAdapter"]


class NativeAdapter(NamedEdgesAdapter):
    """Reads and edits a `kanwidget.KAN`; see `Adapter` for what each method promises."""

    supports = "kanwidget.KAN"

    transient = ("last_inputs", "switched_edges")
    grid_tensors = ".grid", ".coef"

    _model: KAN
    _last: tuple[Hashable, tuple[list[Tensor], list[Tensor]]] | None = None
    _first: tuple[Hashable, Tensor, Tensor, Tensor, Tensor] | None = None

    @classmethod
    def wrap(cls, model: object) -> NativeAdapter | None:
        """Return an adapter for the model, or None if it is of another library."""
        return cls(model) if isinstance(model, KAN) else None

    @property
    def width(self) -> list[int]:
        return self._model.width

    def last_inputs(self) -> Tensor:
        return self._model.seen()

    def scores(self, x: Tensor, kind: str = "l1") -> list[Tensor]:
        if kind != "l1":
            return super().scores(x, kind)
        # In float64 whatever the model's dtype: a view compares them with thresholds in float64.
        return [score.double().clone() for score in self._scores_and_means(x)[0]]

    def means(self, x: Tensor) -> list[Tensor]:
        return [mean.clone() for mean in self._scores_and_means(x)[1]]

    def _scores_and_means(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return scores and means; those of the first layer are used again if it has not changed.

        What enters the first layer is the data, whatever the masks: an edge that was on scores
        there what it scored before. In wide models nearly all edges are there.
        """
        data = x.data_ptr(), x.shape, x._version, self.version()
        key = data, *(t.cpu().numpy().tobytes() for t in (*self.mask(), *self.bias()))
        if self._last is None or self._last[0] != key:  # callers need both
            self._last = key, self._compute_summary(x, data)
        return self._last[1]

    def _compute_summary(self, x: Tensor, data: Hashable) -> tuple[list[Tensor], list[Tensor]]:
        on = self.mask()[0]
        if self._first is None or self._first[0] != data or bool((on & ~self._first[1]).any()):
            scores, means = self._summary_from(0, x)
            self._first = data, on, scores[0], means[0], x  # so x's memory is not reused
            return scores, means
        _, _, score, mean, _ = self._first
        scores, means = self._summary_from(1, x)
        return [score.masked_fill(~on, 0.0), *scores], [mean.masked_fill(~on, 0.0), *means]

    @torch.no_grad()
    def _summary_from(self, first: int, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return scores and means of all layers from one on, on inputs of the model."""
        model = self._model

        def of_rows(rows: Tensor) -> list[Tensor]:
            values, scores, means = rows, [], []
            for l, layer in enumerate(model.layers):
                if l < first:
                    values = layer(values)
                    continue
                means.append(layer.means(values))
                values, score = layer.forward_with_scores(values)
                scores.append(score)
            return scores + means

        found = mean_over(x, model.numbers_per_row, of_rows)
        half = len(found) // 2
        return found[:half], found[half:]

    def propagate(self, x: Tensor) -> list[Tensor]:
        return self._model.propagate(x)

    @torch.no_grad()
    def edge_curves(self, l: int, points: Tensor) -> Tensor:
        return self._model.layers[l].activations(points, masked=False)

    @torch.no_grad()
    def base_part(self, l: int, points: Tensor) -> Tensor:
        layer = self._model.layers[l]
        part = layer.scale_base.unsqueeze(2) * layer.base_fun(points).T
        named = layer.named_edges
        return part if named is None else part.masked_fill(named.on.unsqueeze(2), 0.0)

    def knots(self) -> list[Tensor]:
        return [
            torch.from_numpy(extend_grid(as_array(layer.grid), layer.k)).to(layer.grid)
            for layer in self._model.layers
        ]

    def grid(self) -> list[Tensor]:
        return [layer.grid[:, [0, -1]].detach() for layer in self._model.layers]

    def mask(self) -> list[Tensor]:
        return [layer != 0 for layer in self._model.mask]

    def bias(self) -> list[Tensor]:
        return [layer.bias.detach().clone() for layer in self._model.layers]

    def mask_tensors(self) -> list[Tensor]:
        return self._model.mask

    def bias_tensors(self) -> list[Tensor]:
        return [layer.bias for layer in self._model.layers]

    @torch.no_grad()
    def set_mask(self, mask: Sequence[Tensor], bias: Sequence[Tensor]) -> None:
        mask, bias = self.check_shapes(mask, bias)
        for layer, on, constant in zip(self._model.layers, mask, bias, strict=True):
            # Not seen by a backward pass that is under way.
            if not torch.equal(layer.mask != 0, on):
                layer.mask.data.copy_(on)
            if not torch.equal(layer.bias, constant):
                layer.bias.data.copy_(constant)

    def outputs_under_masks(
        self, x: Tensor, sequence: MaskSequence
    ) -> Iterator[tuple[list[int], Tensor]]:
        return incremental_forward.outputs(self._model.layers, x, sequence)

    def edge_parameters(self, l: int) -> list[Tensor]:
        return list(self._model.layers[l].weights()[:-1])

    def named_edges(self, l: int) -> NamedEdges | None:
        return self._model.layers[l].named_edges

    def replace_named_edges(self, l: int, named: NamedEdges | None) -> None:
        self._model.layers[l].replace_names(named)

    def new_named_edges(self, l: int) -> NamedEdges:
        return self._model.layers[l].new_names()

    def trains_shift(self, l: int) -> bool:
        return not self._model.layers[l].bias.requires_grad

    def path_of_layer(self, l: int) -> str:
        return f"layers.{l}"

    def spline_layers(self) -> list[SplineLayer]:
        return [SplineLayer(m.grid, m.coef, m.k, 1) for m in self._model.layers]

    def compact(self) -> KAN:
        return self._model.compact()

    def edges_switched_by_model(self) -> Sequence[tuple[Edge, bool]]:
        return list(self._model.switched_edges)

    def function_tensors(self) -> list[Tensor]:
        found = []
        for m in self._model.layers:
            found += [m.coef, m.scale_base, m.scale_sp, m.grid]
            if m.named_edges is not None:
                found += [m.named_edges.affine, m.named_edges.codes, m.named_edges.fixed]
        return found

    def function_settings(self) -> object:
        return [layer.k for layer in self._model.layers]
