"""Levenberg-Marquardt steps for models of any library, with the Jacobian by autograd.

Each row's outputs are differentiated on their own, all rows at once, by `torch.func`. Our own KAN
has a faster way in closed form: ``KAN.fit(dataset, opt="LM")``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from kanwidget.kan.arrays import Array, as_array
from kanwidget.kan.levenberg_marquardt import (
    LevenbergMarquardt,
    NormalEquations,
    check_count,
    gram,
)

__all__ = ["LeastSquaresFit"]

MAX_NUMBERS_PER_BLOCK = 1 << 22
"""Most numbers in one block of the Jacobian: bounds the memory."""


class LeastSquaresFit:
    """Fits a model to labels by least squares, a step at a time.

    Parameters that the outputs do not depend on stay as they are to the last bit, such as those
    of edges that are off.

    Parameters
    ----------
    model : nn.Module
        A private copy: its parameters are written while a step is computed. Masks may be
        switched between two steps, and other weights be put into it.
    names : sequence of str
        Which of its parameters are trained. In a private copy none has ``requires_grad``.
    x : Tensor, shape (rows, n_in)
    y : Tensor, shape (rows, n_out)
    stop : callable, optional
        Asked during each step, which ends soon once it is true.
    fixed : mapping of str to bool Tensor, optional
        By the names of parameters, in their shapes: numbers that stay as they are.

    Attributes
    ----------
    names : list of str
        Of the parameters that are trained.
    loss : float
        The mean squared error of the model as it is, NaN before the first step.
    spread : float
        The variance of the labels.

    Raises
    ------
    ValueError
        If nothing is trained, or too many parameters are, or `y` has another shape than the
        outputs.
    """

    def __init__(
        self,
        model: nn.Module,
        names: Sequence[str],
        x: Tensor,
        y: Tensor,
        stop: Callable[[], bool] | None = None,
        fixed: Mapping[str, Tensor] | None = None,
    ) -> None:
        if not names:
            raise ValueError("there is nothing to train: no parameter was named")
        self._model, self.names = model, list(names)
        self._optimizer = LevenbergMarquardt(stop=stop)
        self.loss = float("nan")
        self.use_rows(x, y, fixed)
        check_count(int(self._used(self._error()).sum()))

    def use_rows(self, x: Tensor, y: Tensor, fixed: Mapping[str, Tensor] | None = None) -> None:
        """Go on with other rows, or with the same of a model whose parameters others have set."""
        self._fixed = {n: f for n, f in (fixed or {}).items() if n in self.names}
        known = dict(self._model.named_parameters())
        self._parameters = {name: known[name] for name in self.names}
        with torch.no_grad():
            shape = self._model(x[:2]).shape[1:]  # of a row
        if y.shape != (len(x), *shape):
            raise ValueError(
                f"labels must have shape {(len(x), *shape)}, as the outputs have, got "
                f"{tuple(y.shape)}"
            )
        self._x, self._y = x, y
        label = as_array(y)
        self.spread = float(((label - label.mean(0)) ** 2).mean())

    @torch.no_grad()
    def step(self) -> float:
        """Go on from the parameters as they are, and return the mean squared error then.

        It is never higher than before. If an error is raised the parameters are as they were.

        Raises
        ------
        RuntimeError
            If torch cannot map the model's code over rows.
        """
        before = {name: p.detach().clone() for name, p in self._parameters.items()}
        theta, done = np.concatenate([as_array(p).ravel() for p in before.values()]), False
        try:
            found = self._optimizer.step(theta, self)
            self.loss = self(found, slope=False)[0]
            done = True
        finally:
            if not done:
                for name, p in self._parameters.items():
                    p.data.copy_(before[name])
        return self.loss

    def __call__(self, theta: Array, slope: bool = True) -> tuple[float, Array]:
        """Return the mean squared error at a point, and its gradient if that is wanted."""
        self._write(theta)
        error = self._error()
        with np.errstate(over="ignore", invalid="ignore"):  # such a point is tried, and not taken
            value = float((error * error).mean())
        if not slope:
            return value, np.empty(0)
        return value, self._gradient(2 / error.size * error)

    def normal_equations(self, theta: Array) -> NormalEquations:
        """Return the normal equations at a point, of the parameters that the outputs depend on."""
        self._write(theta)
        error = self._error()
        value = float((error * error).mean())
        used = self._used(error)
        columns = used.nonzero()[0]
        check_count(len(columns))
        curvature, slope = np.zeros((len(columns),) * 2), np.zeros(len(columns))
        fixed = {name: p.detach() for name, p in self._parameters.items()}
        size = max(1, MAX_NUMBERS_PER_BLOCK // (len(theta) * error.shape[1]))
        for start in range(0, len(error), size):
            rows = slice(start, start + size)
            found = self._slopes_by_row(fixed, self._x[rows])
            parts = [as_array(part).reshape(error[rows].size, -1) for part in found.values()]
            jacobian = np.ascontiguousarray(np.concatenate(parts, axis=1)[:, used].T)
            gram(jacobian, curvature)
            slope += (jacobian * error[rows].ravel()).sum(1)
        scale = 2 / error.size
        return NormalEquations(value, columns, scale * slope, scale * curvature)

    def _used(self, error: Array) -> NDArray[np.bool_]:
        """Return which numbers any output depends on: those that a sum of random weights does."""
        weights = np.random.default_rng(0).standard_normal(error.shape)
        used: NDArray[np.bool_] = self._gradient(weights) != 0
        return used

    def _slopes_by_row(self, parameters: dict[str, Tensor], x: Tensor) -> dict[str, Tensor]:
        """Return the slopes of each row's outputs, ``(rows, n_out, *shape)`` for each parameter."""

        def outputs(values: dict[str, Tensor], row: Tensor) -> Tensor:
            # Twice: pykan measures the spread of the rows, and warns where there is but one.
            out: Tensor = functional_call(self._model, values, (row.expand(2, -1),))[0]
            return out

        try:
            found: dict[str, Tensor] = vmap(jacrev(outputs), (None, 0))(parameters, x)
            return found
        except RuntimeError as error:
            kind = type(self._model).__name__
            raise RuntimeError(
                f"opt='LM' needs the code of {kind} to work on one row after the other, and torch "
                "cannot make it do so; train it with opt='LBFGS'. It said: "
                f"{str(error).splitlines()[0]}"
            ) from error

    def _gradient(self, weights: Array) -> Array:
        """Return the gradient of the outputs' sum with weights ``(rows, n_out)``."""
        leaves = {n: p.detach().requires_grad_() for n, p in self._parameters.items()}
        with torch.enable_grad():
            out = functional_call(self._model, leaves, (self._x,))
            total = (out * torch.from_numpy(weights).to(out).reshape(out.shape)).sum()
            grads = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
        pairs = zip(grads, leaves.values(), strict=True)
        flat = [torch.zeros_like(p) if grad is None else grad for grad, p in pairs]
        for name, grad in zip(leaves, flat, strict=True):
            if name in self._fixed:
                grad[self._fixed[name].to(grad.device)] = 0.0
        return np.concatenate([as_array(grad).ravel() for grad in flat])

    def _error(self) -> Array:
        with torch.no_grad():
            return as_array(self._model(self._x) - self._y).reshape(len(self._x), -1)

    def _write(self, theta: Array) -> None:
        ends = np.cumsum([p.numel() for p in self._parameters.values()])[:-1]
        for p, part in zip(self._parameters.values(), np.split(theta, ends), strict=True):
            p.data.copy_(torch.from_numpy(part).reshape(p.shape))
