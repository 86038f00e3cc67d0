"""The course of a training, one row per interval."""

import csv
import io
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict


class HistoryRow(BaseModel):
    """Means over one interval of steps.

    Attributes:
        step: steps done at its end.
        loss: reconstruction + KL at weight 1, nats per image, whatever ``kl_weight`` is.
        reconstruction: Bernoulli cross entropy, nats per image.
        kl: KL divergence, nats per image.
        kl_weight: β at the interval's last step.
        learning_rate: at the interval's last step.
        validation_loss: as ``loss``, of the images kept from training; None where there are none.
        seconds: since the training began, pauses between runs left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    loss: float
    reconstruction: float
    kl: float
    kl_weight: float
    learning_rate: float
    validation_loss: float | None
    seconds: float

    @property
    def watched(self) -> float:
        """The loss that early stopping goes by: of validation where there is one."""
        return self.loss if self.validation_loss is None else self.validation_loss


def history_csv(rows: Sequence[HistoryRow]) -> bytes:
    """Return history.csv: a header and one line per interval, empty where there is no value."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(HistoryRow.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.model_dump() for row in rows)
    return text.getvalue().encode()
