"""In what order and shape an arm's rows reach the classifier, and what it minimises on them."""

from dataclasses import dataclass
from typing import Literal, get_args

from augfactory.errors import one_of
from augfactory.evaluation.training import batches
from augfactory.evaluation.training.online import OnlineStage

Loss = Literal["ce", "weighted", "jsd"]
LOSSES: tuple[Loss, ...] = get_args(Loss)
VIEWS = "+jsd"
LOSS_BY_END: dict[str, Loss] = {VIEWS: "jsd", "+weighted": "weighted"}  # of the name of an arm


@dataclass(frozen=True)
class BatchPolicy:
    """In what order and shape an arm's rows reach the classifier.

    ``real_share`` is the share of originals in every batch, None where the order alone decides.
    With the loss "weighted" an image counts the more the rarer its class is, see ``class_weights``.
    With "jsd" a batch is of clean images, each with two of its views: stored ones or, with
    ``online``, what the last of these methods makes of it, anew each time.
    """

    order: batches.Order = "shuffled"
    real_share: float | None = None
    online: tuple[OnlineStage, ...] = ()
    loss: Loss = "ce"
    virtual_batch: int | None = None

    @property
    def online_views(self) -> bool:
        """Whether views are made while training."""
        return self.loss == "jsd" and bool(self.online)


DEFAULT_POLICY = BatchPolicy()


def read_loss(text: str) -> Loss:
    """Check the name of a loss.

    Raises:
        RecipeError: there is none of this name.
    """
    return one_of("--loss", "loss", text, LOSSES)
