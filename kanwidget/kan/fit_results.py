"""What a fit returns: losses, and why it ended before its last step, if it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["EarlyEnd", "FitResults"]


Reason = Literal["diverged", "interrupted", "stopped"]


@dataclass(frozen=True)
class EarlyEnd:
    """Why a fit ended before its last step; its ``str`` says it in words.

    Attributes
    ----------
    reason : {"diverged", "interrupted", "stopped"}
        If it was stopped, the model has the step; else it is as it was before that step.
    step : int
    loss, reg : float
        Of a step that diverged.
    """

    reason: Reason
    step: int
    loss: float = 0.0
    reg: float = 0.0

    def __str__(self) -> str:
        if self.reason == "stopped":
            return f"stopped on request in step {self.step}"
        restored = "the model is as it was before that step"
        if self.reason == "interrupted":
            return f"interrupted in step {self.step}; {restored}"
        return (
            f"diverged in step {self.step}: loss {self.loss:g}, regulariser {self.reg:g}; "
            f"{restored}. A smaller lr, or inputs and labels scaled to about 1, may help"
        )


class FitResults(dict[str, list[float]]):
    """Losses and metrics of each step.

    Attributes
    ----------
    early_end : EarlyEnd or None
        Why the fit ended before its last step, if it did.
    """

    early_end: EarlyEnd | None = None

    @property
    def stopped(self) -> str:
        """Why the fit ended early, in words; "" if it did not."""
        return "" if self.early_end is None else str(self.early_end)

    def ended_by(self, reason: Reason) -> bool:
        """Whether this is why the fit ended early."""
        return self.early_end is not None and self.early_end.reason == reason
