"""In what order and shape an arm's rows reach the classifier, and what it minimises on them."""

from dataclasses import dataclass
from typing import Literal, get_args

from augfactory.errors import one_of
from augfactory.evaluation.training import batches
from augfactory.evaluation.training.online import OnlineStage

Loss = Literal["ce", "jsd"]
LOSSES: tuple[Loss, ...] = get_args(Loss)


@dataclass(frozen=True)
class BatchPolicy:
    """In what order and shape an arm's rows reach the classifier.

    ``real_share`` is the share of originals in every batch, None where the order alone decides.
    With the loss "jsd" a batch is of clean images, each with two of its views. ``virtual_batch``
    is how many rows share what is drawn once a batch, where the order keeps them together.
    """

    order: batches.Order = "shuffled"
    real_share: float | None = None
    online: tuple[OnlineStage, ...] = ()
    loss: Loss = "ce"
    virtual_batch: int | None = None


DEFAULT_POLICY = BatchPolicy()


def read_loss(text: str) -> Loss:
    """Check the name of a loss.

    Raises:
        RecipeError: there is none of this name.
    """
    return one_of("--loss", "loss", text, LOSSES)
