"""What a model's decoded images are worth to a classifier, and what to do with the model then."""

import math

from pydantic import BaseModel, ConfigDict, Field

# Shares of what is read of the originals; docs/experiments.md has the two data sets behind them.
KEPT, PARTLY_KEPT = 0.95, 0.8
READABLE = 0.5  # of the originals; a classifier that reads less may be too weak to tell


class DecodedImages(BaseModel):
    """Decoded images of the training rows, judged by classifiers that did not learn these rows.

    Attributes:
        rows: images judged.
        read: share of them that a classifier reads as their class, 0 to 1.
        originals_read: share of the rows themselves that it reads so.
        sharpness: their fine detail over that of the originals.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rows: int = Field(ge=1)
    read: float = Field(ge=0, le=1)
    originals_read: float = Field(ge=0, le=1)
    sharpness: float | None = Field(ge=0)

    def words(self) -> str:
        """Say what was found, and what follows."""
        detail = (
            "" if self.sharpness is None else f"; they have {self.sharpness:.2f} of the fine detail"
        )
        return (
            f"a classifier still reads {100 * self.read:.0f} % of the decoded images, "
            f"{100 * self.originals_read:.0f} % of the originals{detail}: {self.advice()}"
        )

    def advice(self) -> str:
        """Say what to do with the model.

        Where little is read of the originals, and of decoded images no less but for chance (two
        standard errors of a difference of shares), nothing follows.
        """
        chance = 2 * math.sqrt(2 * self.originals_read * (1 - self.originals_read) / self.rows)
        if self.originals_read < READABLE and self.read + chance >= KEPT * self.originals_read:
            return "too little is read of the originals to tell; `augfactory evaluate` can"
        if self.read >= KEPT * self.originals_read:
            return "blend them with varied originals, as a part of the rows"
        if self.read >= PARTLY_KEPT * self.originals_read:
            return "blend sparingly, or leave the model out"
        return "leave the model out"
