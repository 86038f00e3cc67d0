"""The losses against plain computations and the published formula."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from augfactory.commands.evaluate.online_arms import online_policy
from augfactory.errors import RecipeError
from augfactory.evaluation.training.batch_policy import BatchPolicy, Loss, read_loss
from augfactory.evaluation.training.losses import (
    JSD_WEIGHT,
    class_weights,
    consistent_cross_entropy,
    jensen_shannon,
)
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.evaluation.training.train import train_classifier
from augfactory.evaluation.training.training_set import plain_set
from augfactory.records import Source
from augfactory.sources.parsing.arrays import source_of_arrays


def entropy(shares: np.ndarray) -> float:
    return -math.fsum(share * math.log(share) for share in shares.tolist() if share > 0)


def test_the_divergence_is_the_entropy_of_the_mean_less_the_mean_entropy() -> None:
    logits = np.random.default_rng(0).normal(0, 2, (3, 7, 5))
    shares = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    expected = np.mean(
        [
            entropy(shares[:, row].mean(axis=0)) - np.mean([entropy(own) for own in shares[:, row]])
            for row in range(7)
        ]
    )
    found = jensen_shannon(torch.from_numpy(logits.reshape(21, 5)))
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_it_goes_from_nothing_to_ln_3() -> None:
    alike = torch.randn(4, 6, generator=torch.Generator().manual_seed(0)).repeat(3, 1)
    assert jensen_shannon(alike).item() == pytest.approx(0, abs=1e-6)
    apart = torch.eye(3).repeat_interleave(4, dim=0) * 100
    assert jensen_shannon(apart).item() == pytest.approx(math.log(3), abs=1e-4)


def test_half_precision_does_not_underflow() -> None:
    logits = (torch.eye(3).repeat_interleave(4, dim=0) * 60).half()
    assert jensen_shannon(logits).item() == pytest.approx(math.log(3), abs=1e-4)


def test_a_probability_that_underflows_leaves_the_gradient_a_number() -> None:
    logits = (torch.eye(3).repeat_interleave(4, dim=0) * 500).requires_grad_()
    jensen_shannon(logits).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_cross_entropy_sees_the_clean_images_alone() -> None:
    logits = torch.randn(9, 5, generator=torch.Generator().manual_seed(1))
    targets = torch.tensor([[0.7, 0.3, 0, 0, 0], [0, 0, 1, 0, 0], [0.2, 0.2, 0.2, 0.2, 0.2]])
    expected = F.cross_entropy(logits[:3], targets) + JSD_WEIGHT * jensen_shannon(logits)
    assert torch.equal(consistent_cross_entropy(logits, targets), expected)


def test_a_wrong_name_is_mended() -> None:
    assert read_loss("jsd") == "jsd"
    with pytest.raises(RecipeError, match="jsd"):
        read_loss("jds")


def uneven(counts: tuple[int, ...]) -> Source:
    """Return black images, higher than wide and in colour, that tell nothing of their class."""
    labels = np.repeat(np.arange(len(counts)), counts)
    return source_of_arrays(
        name="uneven",
        split=None,
        class_names=tuple(f"class {number}" for number in range(len(counts))),
        images=np.zeros((len(labels), 5, 4, 3), dtype=np.uint8),
        labels=labels,
        row_name=str,
    )


def test_classes_count_alike_by_their_weights() -> None:
    weights = class_weights(uneven((30, 10, 0, 20)))
    assert weights.tolist() == pytest.approx([60 / 90, 60 / 30, 0, 60 / 60])
    halves = np.full((8, 2), 0.5, dtype=np.float32)
    assert class_weights(uneven((6, 2)).labelled(halves, ("a", "b"))).tolist() == [1, 1]


@pytest.mark.parametrize(("loss", "share"), [("ce", 0.75), ("weighted", 0.5)])
def test_a_weighted_classifier_guesses_no_common_class(loss: Loss, share: float) -> None:
    settings = TrainingSettings(
        steps=300, batch=40, optimiser="adam", learning_rate=0.05, weight_decay=0, horizon=300,
        label_smoothing=0,
    )  # fmt: skip

    def build(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(image_shape), classes))

    policy = BatchPolicy(loss=loss)
    network = train_classifier(plain_set(uneven((30, 10))), build, settings, 0, policy).network
    shares = network(torch.zeros(1, 3, 5, 4)).softmax(dim=1)[0]
    assert shares[0].item() == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(
    ("name", "methods"),
    [
        ("originals+weighted", []),
        ("originals+geometry+mixup+weighted", ["geometry", "mixup"]),
    ],
)
def test_the_name_of_an_arm_may_ask_for_it(name: str, methods: list[str]) -> None:
    policy = online_policy(name, [], (5, 4, 3))
    assert policy.loss == "weighted"
    assert [stage.method for stage in policy.online] == methods
