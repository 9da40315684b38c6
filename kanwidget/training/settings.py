"""What a training is asked to do, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kanwidget.masks.validate import check_number, check_whole

__all__ = ["OPTIMIZERS", "TrainingSettings"]

OPTIMIZERS = ("LBFGS", "Adam", "LM")


@dataclass(frozen=True)
class TrainingSettings:
    """How a model is trained; see `PruningSession.fit`.

    Attributes
    ----------
    steps : int
    opt : {"LBFGS", "Adam", "LM"}
    lr, lamb, lamb_entropy : float
    update_grid : bool
    batch : int
    """

    steps: int = 20
    opt: str = "LBFGS"
    lr: float = 1.0
    lamb: float = 0.0
    lamb_entropy: float = 2.0
    update_grid: bool = False
    batch: int = -1

    @classmethod
    def checked(cls, **given: Any) -> TrainingSettings:
        """Return settings, or raise a ValueError or TypeError that says what is wrong."""
        asked = cls(**given)
        if asked.opt not in OPTIMIZERS:
            names = ", ".join(map(repr, OPTIMIZERS))
            raise ValueError(f"opt must be one of {names}, got {asked.opt!r}")
        lr, batch = check_number(asked.lr, "lr"), check_whole(asked.batch, "batch")
        if lr == 0:
            raise ValueError("lr must be a finite number above 0, got 0")
        if batch == 0 or batch < -1:
            raise ValueError(f"batch must be -1 (all rows) or at least 1, got {batch}")
        if not isinstance(asked.update_grid, bool):
            raise TypeError(f"update_grid must be True or False, got {asked.update_grid!r}")
        return cls(
            check_whole(asked.steps, "steps", 1),
            asked.opt,
            lr,
            check_number(asked.lamb, "lamb"),
            check_number(asked.lamb_entropy, "lamb_entropy"),
            asked.update_grid,
            batch,
        )
