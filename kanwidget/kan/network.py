"""KAN: layers of edges that can be trained, pruned, refined, drawn and saved."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from kanwidget.functions.library import Function
from kanwidget.masks import effective, reachability, validate

from . import compact, config, plot, prune, refine, safetensors_io, training
from .layer import KANLayer, copy_all
from .symbolic import SymbolicStack
from .write_lock import write_lock

__all__ = ["KAN"]


class KAN(SymbolicStack):
    """A Kolmogorov-Arnold network with B-spline edges.

    Every edge carries a learnable function of one variable; a node adds what comes in,
    and its bias (Liu et al. 2024, "KAN: Kolmogorov-Arnold Networks", section 2.2).

    Parameters
    ----------
    width : sequence of int
        Nodes in each node layer, from inputs to outputs, such as ``[2, 5, 1]``.
    grid : int
        Grid intervals of each spline.
    k : int
        Order of the splines; 3 is cubic.
    seed : int
        For the initial functions. A seed means the same network as in pykan 0.0.x; the
        global random state is neither read nor changed.
    noise_scale : float
        Height of the splines' initial noise.
    noise_scale_base : float
        Spread of the initial weights of the base function.
    base_fun : callable, optional
        The residual function of every edge, SiLU by default.
    grid_eps : float
        How `update_grid` lays grids: 1 is uniform, 0 follows the samples' quantiles.
    grid_range : (float, float)
        The range of the first grids.
    device : torch.device or str
    dtype : torch.dtype
        Floating point type of parameters and outputs; inputs are converted to it.

    Raises
    ------
    ValueError, TypeError
        If a number does not make sense; the message says which, and what does.

    Examples
    --------
    >>> model = KAN([2, 5, 1], grid=5, k=3, seed=0)
    >>> model(torch.zeros(4, 2)).shape
    torch.Size([4, 1])
    """

    def __init__(
        self,
        width: Sequence[int],
        grid: int = 3,
        k: int = 3,
        seed: int = 0,
        noise_scale: float = 0.1,
        noise_scale_base: float = 0.1,
        base_fun: Callable[[Tensor], Tensor] | None = None,
        grid_eps: float = 1.0,
        grid_range: Sequence[float] = (-1.0, 1.0),
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        width, grid, k = config.check_config(width, grid, k, base_fun, grid_eps, grid_range, dtype)
        noise_scale = validate.check_number(noise_scale, "noise_scale", -math.inf)
        noise_scale_base = validate.check_number(noise_scale_base, "noise_scale_base", -math.inf)
        generator = torch.Generator().manual_seed(validate.check_whole(seed, "seed"))
        layers = []
        for n_in, n_out in pairwise(width):
            layer = KANLayer(n_in, n_out, grid, k, base_fun, grid_eps, grid_range, device, dtype)
            layer.initialize(generator, noise_scale, noise_scale_base)
            layers.append(layer)
        super().__init__(layers)

    fit = training.fit

    @functools.wraps(training.fit, assigned=())  # so that it shows what it takes
    def train(  # type: ignore[override]  # it takes what torch's takes, too
        self, mode: Any = True, *args: Any, **kwargs: Any
    ) -> Any:
        """`fit` if given a dataset, as in pykan; torch's own ``train(mode)`` if given a bool.

        Parameters and results are those of `fit`; or ``mode`` is True or False, and the model
        is returned.
        """
        if "dataset" in kwargs:
            return self.fit(*args, **kwargs)
        if isinstance(mode, bool):
            return super().train(mode)
        return self.fit(mode, *args, **kwargs)

    def remove_edge(self, l: int, i: int, j: int, keep_mean: bool = False) -> None:
        """Switch off the edge from node ``i`` of node layer ``l`` to node ``j`` of the next.

        Parameters
        ----------
        l, i, j : int
        keep_mean : bool
            Whether to add the edge's mean output over the data last seen to the bias of node
            ``j``, so that only its variation is lost.

        Raises
        ------
        IndexError
            If there is no such edge; the message names the layer and its size.
        ValueError
            If the mean is to be kept and the model has seen no data.
        """
        l, i, j = validate.check_edge(self.width, l, i, j)
        with write_lock(self):
            mask = [layer.clone() for layer in self.mask]
            mask[l][j, i] = 0.0
            self._switch_off(mask, keep_mean)
            self.switched_edges.append(((l, i, j), False))

    @torch.no_grad()
    def restore_edge(self, l: int, i: int, j: int) -> None:
        """Switch the edge ``(l, i, j)`` on again, with the function it had.

        A mean that was kept stays in the bias.
        """
        l, i, j = validate.check_edge(self.width, l, i, j)
        with write_lock(self):
            self.mask[l][j, i] = 1.0
            self.switched_edges.append(((l, i, j), True))

    def remove_node(self, l: int, i: int, keep_mean: bool = False) -> None:
        """Switch off all edges into and out of node ``i`` of node layer ``l``.

        Parameters
        ----------
        l, i : int
        keep_mean : bool
            Whether to add the edges' mean outputs over the data last seen to the biases of
            the nodes they lead to.

        Raises
        ------
        IndexError
            If there is no such node; the message names the layer and its size.
        ValueError
            If means are to be kept and the model has seen no data.
        """
        node = validate.check_node(self.width, l, i)
        with write_lock(self):
            mask = [layer.clone() for layer in self.mask]
            for side in effective.sides(mask, node):
                side.fill_(0.0)
            self._switch_off(mask, keep_mean)
            self.switched_edges += [(edge, False) for edge in effective.edges_of(self.width, node)]

    @torch.no_grad()
    def restore_node(self, l: int, i: int) -> None:
        """Switch on all edges into and out of node ``(l, i)``."""
        node = validate.check_node(self.width, l, i)
        with write_lock(self):
            for side in effective.sides(self.mask, node):
                side.fill_(1.0)
            self.switched_edges += [(edge, True) for edge in effective.edges_of(self.width, node)]

    def prune(
        self,
        threshold: float = 1e-2,
        mode: str = "auto",
        active_neurons_id: Sequence[Sequence[int]] | None = None,
        keep_mean: bool = False,
    ) -> KAN:
        """Return a new, smaller KAN without weak hidden nodes; this one stays as it is.

        Parameters
        ----------
        threshold : float
            With ``mode="auto"``: hidden nodes go, with their edges, whose largest incoming
            or largest outgoing score is at or below it. 0 takes only what is dead already.
        mode : {"auto", "manual"}
        active_neurons_id : list of lists of int
            With ``mode="manual"``: the hidden nodes to keep, one list for each hidden layer.
            Lists for inputs and outputs may stand before and behind, as in pykan; they are
            ignored, since those nodes always stay.
        keep_mean : bool
            Whether to add the mean outputs of the edges that go, over the data last seen, to
            the biases of the nodes they lead to, so that only their variation is lost.

        Raises
        ------
        ValueError
            If the model has seen no data, or if nothing would lead from the inputs to the
            outputs any more. Nothing is changed then.
        """
        if mode == "auto":
            mask = prune.mask_by_threshold(self, threshold)
            child = self.copy_sharing_inputs()
            child._switch_off(mask, keep_mean)
            return child.compact()
        if mode == "manual":
            hidden = prune.check_hidden_nodes(self.width, active_neurons_id)
            mask = prune.mask_of_nodes(self, hidden)
            child = self.copy_sharing_inputs()
            if keep_mean:
                child._switch_off(mask, keep_mean)
            return child._keep_nodes(hidden)
        raise ValueError(f"mode must be 'auto' or 'manual', got {mode!r}")

    def compact(self) -> KAN:
        """Return a new KAN without dead nodes, and with the same outputs.

        A hidden node is dead if no input reaches it or it reaches no output, over edges
        that are on. The constant that an unreached node emits is added to the biases it
        reaches. A hidden layer without a live node keeps one, switched off.
        """
        with write_lock(self):
            alive = zip(
                reachability.reachable_from_inputs(self.mask),
                reachability.leads_to_outputs(self.mask),
                strict=True,
            )
            return self._keep_nodes([(a & b).nonzero().flatten().tolist() for a, b in alive][1:-1])

    def refine(self, new_grid: int) -> KAN:
        """Return a new KAN with the same function on finer grids; this one stays as it is.

        The new model has more coefficients to train, and starts from where this one is. Grids
        keep their ranges, or are widened to those of the data last seen, and splines are fitted
        to the old ones there: exactly where a range is kept and ``new_grid`` is a multiple of
        the present number of intervals. Masks, biases, weights of the base function and the data
        last seen go along. By how much outputs move is ``(new(x) - old(x)).abs().max()``.

        Parameters
        ----------
        new_grid : int
            Grid intervals of each spline, no fewer than there are.

        Raises
        ------
        ValueError, TypeError
            If it is not such a number.

        Examples
        --------
        >>> model = KAN([2, 5, 1], grid=3)
        >>> model.refine(6).layers[0].grid.shape
        torch.Size([2, 7])
        """
        intervals = self.layers[0].grid.shape[1] - 1
        new_grid = validate.check_whole(new_grid, "new_grid", 1)
        if new_grid < intervals:
            raise ValueError(
                f"new_grid must be at least {intervals}, the grid intervals of this model, got "
                f"{new_grid}: fewer would not hold its functions"
            )
        child = self.copy_sharing_inputs()
        values = child.propagate(self.seen())[:-1] if self.last_inputs is not None else []
        for l, layer in enumerate(child.layers):
            x = values[l].detach() if values else None
            child.layers[l] = refine.refine_layer(layer, new_grid, x)
        return child

    @classmethod
    def from_coarser(cls, model: KAN, grid: int) -> KAN:
        """Return a new KAN with the function of another one on finer grids: see `refine`.

        Parameters
        ----------
        model : KAN
            It stays as it is.
        grid : int
            Grid intervals of each spline, no fewer than there are.

        Raises
        ------
        ValueError, TypeError
            If the model is no KAN, or it is not such a number.
        """
        if not isinstance(model, KAN):
            raise TypeError(f"model must be a kanwidget.KAN, got {type(model).__name__}")
        return model.refine(grid)

    @torch.no_grad()
    def initialize_from_another_model(self, another_model: KAN, x: Tensor) -> KAN:
        """Take over the function of another KAN, such as one with coarser grids, as in pykan.

        Grids take the ranges of the other model's, widened to those of the data, and splines
        are fitted to its splines there; masks, biases and weights of the base function are
        copied. `refine` does it in one.

        Parameters
        ----------
        another_model : KAN
            With the same width and base function; it stays as it is.
        x : Tensor, shape (rows, width[0])
            Also remembered as the data last seen, for scores and the plot.

        Returns
        -------
        KAN
            This model.

        Raises
        ------
        ValueError, TypeError
            If the other model or the data do not fit; this model is unchanged then.
        """
        if not isinstance(another_model, KAN):
            raise TypeError(f"another_model must be a KAN, got {type(another_model).__name__}")
        if another_model.width != self.width:
            raise ValueError(
                f"another_model must have the width of this one, {self.width}, "
                f"got {another_model.width}"
            )
        mine, other = self.layers[0].base_fun, another_model.layers[0].base_fun
        if mine is not other and repr(mine) != repr(other):
            raise ValueError(
                f"another_model must have the base function of this one, {mine!r}, got {other!r}"
            )
        x = self._check_inputs(x, "x")
        targets, values = [], []
        seen = another_model.propagate(x)[:-1]
        for layer, source, value in zip(self.layers, another_model.layers, seen, strict=True):
            grid = refine.refine_grid(source.grid, layer.grid.shape[1] - 1, value)
            grid = grid.to(layer.grid)
            targets += [layer.grid, layer.coef]
            values += [grid, refine.refit(source, grid, layer.k)]
            for name in ("scale_base", "scale_sp", "bias", "mask"):
                targets.append(getattr(layer, name))
                values.append(getattr(source, name))
        with write_lock(self):
            copy_all(targets, values)
            for layer, source in zip(self.layers, another_model.layers, strict=True):
                names = source.named_edges
                layer.replace_names(None if names is None else names.copy())
        self.last_inputs = x
        return self

    plot = plot.plot

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a safetensors file: numbers, masks, grids and settings, no code.

        A base function of your own is not saved (but its numbers are), nor are functions of your
        own on named edges (but their constants are); `load` asks for them. Nor are attributes that
        you have added.

        Raises
        ------
        ValueError
            If the model has what such a file cannot hold, such as buffers of your own; nothing
            is written then.
        """
        safetensors_io.save(self, path)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        base_fun: Callable[[Tensor], Tensor] | None = None,
        device: torch.device | str = "cpu",
        functions: Mapping[str, Function] | None = None,
    ) -> KAN:
        """Read a model that `save` wrote.

        Parameters
        ----------
        path : str or path
        base_fun : callable, optional
            The base function, if it was one of your own.
        device : torch.device or str
        functions : mapping of str to Function, optional
            The functions of your own that edges were named by, by their names.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is not one of ours, or is damaged; nothing in it is run.
        """
        return safetensors_io.load(cls, path, base_fun, device, functions)

    @torch.no_grad()
    def _switch_off(self, mask: Sequence[Tensor], keep_mean: bool) -> None:
        """Set masks that leave fewer edges on, and keep the means of those that go."""
        targets, values = [*self.mask], [*mask]
        with write_lock(self):
            if keep_mean:
                means = self.means(self.seen())
                for layer, mean, new in zip(self.layers, means, mask, strict=True):
                    # Of an edge that is broken there is no mean to keep.
                    gone = mean.where((new == 0) & mean.isfinite(), 0.0)
                    targets.append(layer.bias)
                    values.append(layer.bias + gone.sum(1))
            copy_all(targets, values)

    def _keep_nodes(self, hidden: Sequence[Sequence[int]]) -> KAN:
        child = self.copy_sharing_inputs()
        for l, layer in enumerate(compact.compact_layers(self.layers, hidden)):
            child.layers[l] = layer
        return child
