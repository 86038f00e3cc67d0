"""Our weights and boxes are distributed as timm's, which draws for each pair as we do."""

import warnings
from typing import Any

import numpy as np
import pytest

from augfactory.methods.cutmix import METHOD as CUTMIX
from augfactory.methods.mixup import METHOD as MIXUP
from augfactory.torchvision_import import import_torchvision
from tests.methods.slots import slots
from tests.methods.two_samples import agree

COUNT = 4000
HEIGHT, WIDTH = 40, 56


@pytest.fixture(scope="module")
def timm_mixup() -> Any:
    import_torchvision()  # timm imports it, and would meet the missing operators
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # timm's and its dependencies' own deprecations
        import timm.data.mixup

    return timm.data.mixup


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.0])
def test_mixup_weights(timm_mixup: Any, alpha: float) -> None:
    np.random.seed(7)  # noqa: NPY002  timm draws from the global generator
    peer = timm_mixup.Mixup(mixup_alpha=alpha, cutmix_alpha=0, num_classes=3, mode="elem")
    theirs, _ = peer._params_per_elem(COUNT)

    parameters = MIXUP.parameters.model_validate({"alpha": alpha})
    draws = MIXUP.draw(parameters, slots(COUNT, (HEIGHT, WIDTH, 3)))
    ours = MIXUP.weights(parameters, draws, (HEIGHT, WIDTH, 3))[:, 0]

    # Ours are whole 65536ths, so that pixels can be mixed again to the byte; so we read theirs.
    whole_steps = np.rint(np.asarray(theirs, dtype=np.float64) * 65536) / 65536
    assert agree(ours.astype(np.float64), whole_steps)


def test_cutmix_shares(timm_mixup: Any) -> None:
    np.random.seed(7)  # noqa: NPY002  timm draws from the global generator
    theirs = [
        timm_mixup.cutmix_bbox_and_lam(
            (1, 3, HEIGHT, WIDTH),
            np.random.beta(1, 1),  # noqa: NPY002  timm draws from the global generator
            correct_lam=True,
        )[1]
        for _ in range(COUNT)
    ]

    parameters = CUTMIX.parameters()
    draws = CUTMIX.draw(parameters, slots(COUNT, (HEIGHT, WIDTH, 3)))
    ours = CUTMIX.weights(parameters, draws, (HEIGHT, WIDTH, 3))[:, 0]

    # timm cuts half-sides down to whole pixels, so its boxes are up to a pixel smaller each way.
    assert abs(ours.mean() - np.mean(theirs)) < 0.03
    assert (
        np.abs(np.quantile(ours, [0.1, 0.5, 0.9]) - np.quantile(theirs, [0.1, 0.5, 0.9])).max()
        < 0.06
    )


def test_what_the_comparison_would_notice(timm_mixup: Any) -> None:
    """A uniform weight in place of Beta(0.4, 0.4), a mistake others made, does not pass."""
    np.random.seed(7)  # noqa: NPY002  timm draws from the global generator
    peer = timm_mixup.Mixup(mixup_alpha=0.4, cutmix_alpha=0, num_classes=3, mode="elem")
    theirs, _ = peer._params_per_elem(COUNT)
    uniform = np.random.default_rng(0).random(COUNT)
    assert not agree(uniform, np.asarray(theirs, dtype=np.float64))
