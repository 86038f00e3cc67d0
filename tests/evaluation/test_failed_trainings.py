"""When a training counts as failed: by what it learnt, not by how few or uneven test images are."""

import numpy as np
import pytest
import torch
from torch import nn

from augfactory.evaluation.comparison.train_run import why_failed
from augfactory.evaluation.training.train import Trained, TrainingProgress
from augfactory.records import Source
from tests.evaluation.memory import memory_source

COUNTS = (60, 6, 6)


class Reads(nn.Module):
    """Takes the grey of the first pixel for the class, but for a share of each class."""

    def __init__(self, right: float, otherwise: int) -> None:
        super().__init__()
        self.right, self.otherwise = right, otherwise

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        own = (images[:, 0, 0, 0] * 255).round().long()
        known = images[:, 1, 0, 0] < self.right
        return nn.functional.one_hot(own.where(known, torch.tensor(self.otherwise)), 3).float()


def uneven() -> Source:
    """Return images whose first pixel is their class, and whose second numbers them in it."""
    labels = np.repeat(np.arange(3), COUNTS)
    place = np.concatenate([np.arange(count) / count for count in COUNTS])
    images = np.zeros((len(labels), 5, 7, 3), dtype=np.uint8)
    images[:, 0, 0, 0] = labels
    images[:, 0, 0, 1] = (place * 255).astype(np.uint8)
    return memory_source(images, labels, class_names=("good", "scratch", "dent"))


@pytest.mark.parametrize(
    ("right", "failed"),
    [
        (2.0, False),
        (0.8, False),
        (0.0, True),  # always the largest class: 83 % of these images, a third of each class
        (0.1, True),  # one of six of the others: luck
    ],
)
def test_a_training_fails_that_reads_its_own_images_no_better_than_by_guessing(
    right: float, failed: bool
) -> None:
    trained = Trained(Reads(right, 0), TrainingProgress(10, {}))
    why = why_failed(trained, uneven())
    assert (why is not None) == failed
    if why is not None:
        assert "no better than guessing among 3 classes" in why


def test_a_loss_that_is_no_number_is_a_failure() -> None:
    trained = Trained(Reads(2.0, 0), TrainingProgress(10, {}, broke=True))
    assert why_failed(trained, uneven()) == "the loss stopped being a number at step 11"
