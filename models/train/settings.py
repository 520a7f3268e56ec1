"""How a training runs, and what is told of it while it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from models.contract import InputSize


@dataclass(frozen=True, slots=True)
class Settings:
    """How a training runs. All of it stands in the report.

    Attributes:
        epochs: Times that every picture is seen.
        seed: Of the weights and of all that is drawn.
        batch: Pictures of one step.
        rate: Highest step size of AdamW.
        decay: AdamW's weight decay.
        size: The network's input.
        width: Its channels at stride 8; a multiple of 16.
        judged: Pictures that judge an epoch; all of them judge the end.
    """

    epochs: int = 12
    seed: int = 0
    batch: int = 8
    rate: float = 3e-3
    decay: float = 0.02
    size: InputSize = field(default_factory=lambda: InputSize(384, 640))
    width: int = 64
    judged: int = 150

    def told(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "epochs": self.epochs,
            "seed": self.seed,
            "batch": self.batch,
            "rate": self.rate,
            "decay": self.decay,
            "height": self.size.height,
            "width": self.size.width,
            "channels": self.width,
            "judged": self.judged,
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a training stands.

    Attributes:
        epoch: From 1 on.
        epochs: All of them.
        step: Of the epoch, from 1 on.
        steps: Of each epoch.
        loss: Mean of the last steps.
        overlap: Mean IoU of the cells that answered, of the last steps.
        rate: Pictures a second.
        left: Seconds until the end, judging left out.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    overlap: float
    rate: float
    left: float

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.left), 60)
        return (
            f"epoch {self.epoch}/{self.epochs} step {self.step}/{self.steps}: "
            f"loss {self.loss:.3f}, IoU {self.overlap:.3f}, {self.rate:.1f} pictures/s, "
            f"{minutes}:{seconds:02d} left"
        )


@dataclass(frozen=True, slots=True)
class Epoch:
    """What came of one epoch.

    Attributes:
        epoch: From 1 on.
        loss: Mean.
        box: Mean of the boxes' part.
        score: Mean of the scores' part.
        ap50: Mean over the classes, of the judging pictures.
        ap: The same, over overlaps from 0.5 to 0.95.
        seconds: That it took, judging included.
    """

    epoch: int
    loss: float
    box: float
    score: float
    ap50: float
    ap: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"epoch {self.epoch} done in {self.seconds:.0f} s: loss {self.loss:.3f}, "
            f"AP50 {self.ap50:.3f}, AP {self.ap:.3f}"
        )
