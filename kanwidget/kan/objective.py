"""What a fit minimises, as a function of one flat vector: its value and its gradient.

For the mean squared error on the CPU the gradient is written out in numpy: a fit of a small
network costs little more than its arithmetic then, and repeats to the last bit whatever
torch's threads and vector instructions are. Any other loss, and any other device, goes
through autograd. A test checks that the two agree.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from kanwidget.masks import reachability
from kanwidget.masks.validate import check_scalar

from .arrays import Array, as_array, as_columns
from .call_loss import call_loss
from .layer import KANLayer
from .layer_stack import LayerStack
from .levenberg_marquardt import NormalEquations
from .live_parameters import LiveParameters, TrainedParameters
from .named_numpy_layer import NamedNumpyLayer, numpy_layer
from .normal_equations import normal_equations
from .numpy_layer import NumpyLayer

__all__ = ["FitObjective", "Penalty"]

MIN_ROWS_PER_BLOCK = 1024
"""Fewest rows that are predicted at once, where not all are."""


@dataclass(frozen=True)
class Penalty:
    """Strengths of the regulariser's terms (Liu et al. 2024, section 2.5.1, eqs. 2.17 to 2.20).

    Summed over layers, with ``p = scores / sum(scores)``:
    ``l1 * sum(scores) - entropy * sum(p log2(p + 1e-4))``, and the mean absolute spline
    coefficient (``coef``) and coefficient difference (``coefdiff``) of each edge. Edges that
    are off cost nothing. All of it is multiplied by ``lamb``.
    """

    lamb: float = 0.0
    l1: float = 1.0
    entropy: float = 2.0
    coef: float = 0.0
    coefdiff: float = 0.0

    def __call__(self, layer: KANLayer, scores: Tensor) -> Tensor:
        """Return one layer's terms, ``lamb`` left out, as a differentiable scalar."""
        reg, total = scores.new_zeros(()), scores.sum()
        if total > 0:  # a layer that is off costs nothing
            p = scores / total
            reg = self.l1 * total - self.entropy * (p * torch.log2(p + 1e-4)).sum()
        if self.coef or self.coefdiff:
            on = layer.coef.masked_fill((layer.spline_mask == 0).unsqueeze(2), 0.0)
            reg = reg + self.coef * on.abs().mean(2).sum()
            reg = reg + self.coefdiff * on.diff(dim=2).abs().mean(2).sum()
        return reg

    def on_scores(self, scores: Array) -> tuple[float, Array]:
        """Return the terms of a layer's scores, and their gradient."""
        total = scores.sum()
        if not total > 0:
            return 0.0, np.zeros_like(scores)
        p = scores / total
        bits = np.log2(p + 1e-4)
        q = bits + p / ((p + 1e-4) * math.log(2))
        slope = self.l1 - self.entropy * (q - (p * q).sum()) / total
        return float(self.l1 * total - self.entropy * (p * bits).sum()), slope

    def on_coef(self, coef: Array) -> tuple[float, Array]:
        """Return the terms of a layer's spline coefficients, and their gradient."""
        steps, count = np.diff(coef, axis=2), coef.shape[2]
        slope = np.sign(coef) * (self.coef / count)
        pull = np.sign(steps) * (self.coefdiff / (count - 1))
        slope[..., 1:] += pull
        slope[..., :-1] -= pull
        size = self.coef * np.abs(coef).mean(2).sum()
        return float(size + self.coefdiff * np.abs(steps).mean(2).sum()), slope


class FitObjective:
    """Loss plus regulariser of a model's trainable parameters, laid out in one flat vector.

    Parameters
    ----------
    model : LayerStack
        It is read, and written through `TrainedParameters` alone.
    penalty : Penalty
    loss_fn : callable, optional
        ``(prediction, label) -> scalar Tensor``; the mean squared error by default.
    live : TrainedParameters, optional
        The model's, where several objectives share them.
    still : bool Tensor, shape (n_in,), optional
        Inputs that do not vary. Their edges emit a constant, which belongs in the biases: it is
        neither trained nor part of the regulariser, which it would dominate.
    closed_form : bool
        Whether `normal_equations` will be asked for: all is computed in numpy then.

    Attributes
    ----------
    loss, reg : float
        Of the last evaluation.
    """

    def __init__(
        self,
        model: LayerStack,
        penalty: Penalty,
        loss_fn: Callable[[Tensor, Tensor], Tensor] | None = None,
        live: TrainedParameters | None = None,
        still: Tensor | None = None,
        closed_form: bool = False,
    ) -> None:
        self._model = model
        self._penalty = penalty
        self._loss_fn = loss_fn or nn.functional.mse_loss
        self._label_dtype: torch.dtype | None = None  # in which it takes labels, once that is known
        self._live: TrainedParameters = LiveParameters(model) if live is None else live
        self._parameters = self._live.parameters
        self._uses_numpy = (
            loss_fn is None
            and (closed_form or model.mask[0].device.type == "cpu")
            and len(list(model.parameters())) == self._weight_count()  # none in base functions
        )
        self._find_places()
        # Which inputs vary; None if all do.
        self._varying = None if still is None or not still.any() else as_array(still) == 0
        self._x = self._y = torch.empty(0)
        self._layers: list[NumpyLayer | NamedNumpyLayer] = []
        self.loss = self.reg = math.nan

    def _weight_count(self) -> int:
        return sum(len(layer.weights()) for layer in self._model.layers)

    def _find_places(self) -> None:
        """Find where each layer's numbers are in the flat vector; None for those not trained."""
        place = {id(p): n for n, p in enumerate(self._parameters)}
        self._places = [[(place.get(id(p)), p) for p in l.weights()] for l in self._model.layers]

    def start(self, x: Tensor, y: Tensor, lay_grids: bool = False) -> tuple[Array, bool]:
        """Get ready for evaluations on inputs ``(batch, n_in)`` and labels.

        Call it before each step: grids may have moved since the last, edges been switched, and
        means been added to biases.

        Parameters
        ----------
        x, y : Tensor
        lay_grids : bool
            Whether to lay the grids over these rows first.

        Returns
        -------
        theta : ndarray
            The model's trainable parameters as a flat vector.
        changed : bool
            False if a point that was evaluated before has the same value still.
        """
        changed = self.set_rows(x, y)
        if lay_grids:
            self.update_grid()
        with self._live.lock:  # masks and biases of one moment
            switched = [arrays.update_mask() for arrays in self._layers]
            return self._live.read(), changed or lay_grids or any(switched)

    def loss_on(self, x: Tensor, y: Tensor, batch: int = -1) -> float:
        """Return the loss of the model as it is, with predictions for some rows at a time.

        Parameters
        ----------
        x, y : Tensor
        batch : int
            Rows that fit into memory; -1 is all.
        """
        if batch == -1 or batch >= len(x):
            theta, _ = self.start(x, y)
            self(theta, slope=False)
            return self.loss
        blocks = torch.split(x, max(batch, MIN_ROWS_PER_BLOCK))
        if not self._uses_numpy:
            with torch.no_grad():
                pred = torch.cat([self._model.propagate(block)[-1] for block in blocks])
            with torch.enable_grad():  # a loss of one's own may need gradients
                return self._loss(pred, y).item()
        total = 0.0
        for block, label in zip(
            blocks, torch.split(y, max(batch, MIN_ROWS_PER_BLOCK)), strict=True
        ):
            total += self.loss_on(block, label) * len(block)
        return total / len(x)

    def set_rows(self, x: Tensor, y: Tensor) -> bool:
        """Set inputs and labels, as `start` does, and return whether values may be others."""
        same = x is self._x and y is self._y and all(a.is_current() for a in self._layers)
        self._x, self._y = x, y
        if not same:
            self._find_places()  # edges may have got names
        if not self._uses_numpy:
            return True  # a loss of the user's may depend on anything
        if not same:
            self._layers = [numpy_layer(layer) for layer in self._model.layers]
            self._rows, self._label = as_columns(x), as_columns(y)
            self._layers[0].set_inputs(self._rows)
        return not same or len(self._parameters) < self._weight_count()

    def restore_off_edges(self, theta: Array, before: Array) -> Array:
        """Return a point with the numbers that edges which are off had before.

        An optimiser moves them, by directions and momentum from when they were on.
        """
        theta = theta.copy()
        moved, old = self._live.split(theta), self._live.split(before)
        for layer, numbers in zip(self._model.layers, self._places, strict=True):
            off = as_array(layer.mask) == 0
            for n, _ in numbers[:-1]:  # the last is the nodes' bias
                if n is not None:
                    moved[n][off] = old[n][off]
        return theta

    def remove_constant_inputs(self, theta: Array, lay_grids: bool) -> Array:
        """Set the outputs of inputs that do not vary to 0, and return the new parameters.

        Their splines are shifted by a constant, and the biases take it over: on the grids of
        these inputs the function stays. Unless the objective is lower without the constant, as
        in a new network that starts with a random multiple of a large number.

        Parameters
        ----------
        theta : ndarray
            From `start`.
        lay_grids : bool
            Whether to lay grids over the present rows, if functions change.
        """
        layer, (coef, _, scale_sp, *_, bias) = self._model.layers[0], self._places[0]
        if self._varying is None or coef[0] is None or bias[0] is None:
            return theta
        emitted = as_array(layer.activations(self._x[:1])).squeeze(2)  # 0 where an edge is off
        emitted[as_array(layer.spline_mask) == 0] = 0.0
        value, scale, grid = as_array(self._x)[0], as_array(scale_sp[1]), as_array(layer.grid)
        inside = (grid[:, 0] <= value) & (value < grid[:, -1])  # the bases sum to 1 there
        emitted[~(inside & ~self._varying & (scale != 0))] = 0.0
        dropped = theta.copy()
        shift = np.divide(emitted, scale, out=np.zeros_like(emitted), where=emitted != 0)
        self._live.split(dropped)[coef[0]][...] -= shift[..., None]
        moved = dropped.copy()
        self._live.split(moved)[bias[0]][...] += emitted.sum(1)
        if not self(dropped, slope=False)[0] < self(moved, slope=False)[0]:
            return moved
        self._live.write(dropped)
        return self.start(self._x, self._y, lay_grids)[0]

    def update_grid(self) -> None:
        """Lay the model's grids over the values that they see for the present rows."""
        if not self._uses_numpy:
            self._model.update_grid(self._x, self._live.replace)
            return
        x, varying = self._rows, reachability.varying_sources(self._model.mask)
        for l, layer in enumerate(self._model.layers):
            rows = torch.from_numpy(x.T).to(layer.grid)
            layer.update_grid(rows, varying[l], self._live.replace)
            arrays = self._layers[l] = numpy_layer(layer)
            if l == 0 or l + 1 < len(self._layers):
                arrays.set_inputs(x)
            if l + 1 < len(self._layers):
                arrays.set_parameters(*map(as_array, layer.weights()))
                x = arrays.sums()

    def __call__(self, theta: Array, slope: bool = True) -> tuple[float, Array]:
        """Return value and gradient at a point; the gradient is 0 where it is not wanted."""
        evaluate = self._in_numpy if self._uses_numpy else self._by_autograd
        with np.errstate(over="ignore", invalid="ignore"):  # `fit` looks at what comes out
            self.loss, self.reg, grad = evaluate(theta, slope)
        return self.loss + self._penalty.lamb * self.reg, grad

    @property
    def spread(self) -> float:
        """The variance of the labels."""
        label = self._label
        return float(((label - label.mean(1, keepdims=True)) ** 2).mean())

    def normal_equations(self, theta: Array) -> NormalEquations:
        """Return the normal equations of the loss at a point: for the mean squared error alone."""
        with np.errstate(over="ignore", invalid="ignore"):
            self(theta, slope=False)
            places = self._live.split(np.arange(len(theta), dtype=np.float64))
            by_layer = [
                [None if n is None else places[n].astype(np.intp) for n, _ in numbers]
                for numbers in self._places
            ]
            constant = None if self._varying is None else ~self._varying
            error = self._layers[-1].sums() - self._label
            return normal_equations(self._layers, by_layer, error, constant)

    def _in_numpy(self, theta: Array, slope: bool) -> tuple[float, float, Array]:
        penalty = self._penalty
        grad = np.zeros_like(theta)
        parts, on_parts = self._live.split(theta), self._live.split(grad)
        sized = bool(penalty.lamb and (penalty.l1 or penalty.entropy))

        reg, x, on_sizes = 0.0, self._rows, []
        for l, (numbers, arrays) in enumerate(zip(self._places, self._layers, strict=True)):
            if l > 0:
                arrays.set_inputs(x, slope=True)
            arrays.set_parameters(*(as_array(p) if n is None else parts[n] for n, p in numbers))
            x = arrays.sums()
            if sized:
                scores = arrays.sizes() / arrays.span
                if l == 0 and self._varying is not None:
                    on_scores = np.zeros_like(scores)
                    size, on_scores[:, self._varying] = penalty.on_scores(scores[:, self._varying])
                else:
                    size, on_scores = penalty.on_scores(scores)
                reg += size
                on_sizes.append(on_scores * (penalty.lamb / arrays.span))

        error = x - self._label
        loss = float((error * error).mean())
        on_y = error * (2 / error.size)
        for l in reversed(range(len(self._layers) if slope else 0)):
            arrays, on_size = self._layers[l], on_sizes[l] if sized else None
            found = arrays.gradients(on_y, on_size)
            if penalty.coef or penalty.coefdiff:
                size, on_coef = penalty.on_coef(arrays.coef_on())
                reg += size
                found[0][...] += penalty.lamb * on_coef
            for (n, _), part in zip(self._places[l], found, strict=True):
                if n is not None:
                    on_parts[n][...] = part
            if l == 0:
                self._clear_constant_inputs(on_parts)
            if l > 0:
                on_y = arrays.grad_inputs(on_y, on_size)
        return loss, reg, grad

    def _loss(self, pred: Tensor, label: Tensor) -> Tensor:
        if self._label_dtype is not None:
            loss = self._loss_fn(pred, label.to(self._label_dtype))
        else:  # what does not fit together shows the first time
            name = getattr(self._loss_fn, "__name__", type(self._loss_fn).__name__)
            loss, self._label_dtype = call_loss(self._loss_fn, pred, label, f"loss_fn {name}")
        if not isinstance(loss, Tensor):
            raise TypeError(f"loss_fn must return a torch tensor, got {reprlib.repr(loss)}")
        check_scalar(loss, "loss_fn")
        return loss

    def _by_autograd(self, theta: Array, slope: bool) -> tuple[float, float, Array]:
        model = self._model
        try:
            self._live.write(theta)
            with torch.enable_grad():
                pred, scores = model.forward_with_scores(self._x)
                loss, reg = self._loss(pred, self._y), pred.new_zeros(())
                if self._varying is not None:
                    scores[0] = scores[0][:, self._varying]
                for layer, score in zip(model.layers, scores, strict=True):
                    reg = reg + self._penalty(layer, score)
                objective = loss + self._penalty.lamb * reg
                grads: Sequence[Tensor | None] = [None] * len(self._parameters)
                if slope:
                    grads = torch.autograd.grad(objective, self._parameters, allow_unused=True)
        finally:
            self._live.write_back()
        flat = [
            torch.zeros_like(p).flatten() if grad is None else grad.flatten()
            for p, grad in zip(self._parameters, grads, strict=True)
        ]
        gradient = as_array(torch.cat(flat))
        self._clear_constant_inputs(self._live.split(gradient))
        return loss.item(), reg.item(), gradient

    def _clear_constant_inputs(self, on_parts: Sequence[Array]) -> None:
        """Clear the gradient on the edges of inputs that do not vary."""
        if self._varying is not None:
            for n, _ in self._places[0][:-1]:
                if n is not None:
                    on_parts[n][:, ~self._varying] = 0.0
