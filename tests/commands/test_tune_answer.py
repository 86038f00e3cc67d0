"""What `augfactory tune` says of simulated folds: the smallest gain it sees, what still rises."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from augfactory.commands.evaluate.online_arms import ONLINE_GEOMETRY, ONLINE_MIXUP, ORIGINALS
from augfactory.commands.tune.answer import Answer, answer
from augfactory.commands.tune.space import DEFAULT, candidates
from augfactory.commands.tune.trials import Trials
from augfactory.pipeline.recipes.composition import Variation
from tests.evaluation.results import result
from tests.evaluation.tunings import Kind, tuning

SPACE = candidates("digits", Variation(), with_vae=False)
ARMS = (ORIGINALS, ONLINE_GEOMETRY, ONLINE_MIXUP, *(one.name for one in SPACE[1:]))
FLAT = (0.8,) * 4
STEPS = 250


def answered(
    gains: Mapping[str, float],
    folds: Mapping[str, int],
    images: int = 300,
    curves: Mapping[str, Sequence[float]] | None = None,
) -> Answer:
    """Return the answer to folds of recipes that gain ``gains`` over the default.

    Those of ``folds`` were tried on so many folds, others on one.
    """
    most = max(folds.values())
    own = tuning(np.random.default_rng(3), Kind(), images, most, [gains.get(a, 0.0) for a in ARMS])
    results = {
        (name, fold): result(
            float(right.mean()),
            right=(right > 0).tolist(),
            curve=(curves or {}).get(name, FLAT),
        )
        for name, by_arm in zip((DEFAULT, *ARMS), own.right, strict=True)
        for fold, right in enumerate(by_arm[: folds.get(name, 1)])
    }
    trials = Trials(SPACE, (ONLINE_GEOMETRY, ONLINE_MIXUP), results, own.tested)
    return answer(trials, STEPS, images, 48)


def last(count: int, *names: str) -> dict[str, int]:
    """Let the default, the references and ``names`` be tried on ``count`` folds."""
    return dict.fromkeys((DEFAULT, ORIGINALS, ONLINE_GEOMETRY, ONLINE_MIXUP, *names), count)


def test_a_better_recipe_of_the_last_round_is_used() -> None:
    own = answered({"cutmix": 0.1, ONLINE_MIXUP: -0.1}, last(24, "cutmix", "ricap"))
    assert own.chosen.name == "cutmix"
    assert own.text.startswith("Use cutmix: +")
    assert "minutes" not in own.text
    gap = next(one for one in own.tried if one.name == "cutmix").against_default
    assert gap is not None
    assert gap.low is not None
    assert gap.low > 0


def test_a_recipe_that_was_left_out_early_is_not_used() -> None:
    """Its one fold may be a lucky one."""
    own = answered({"cutmix": 0.19}, last(12, "ricap"))
    assert own.chosen.name == DEFAULT
    assert "best of the others is ricap" in own.text


@pytest.mark.parametrize(
    ("folds", "words"),
    [
        (1, "More minutes would tell more: there was time for 1 fold."),
        (3, "More minutes would tell more: there was time for 3 folds."),
        (6, "; more minutes would bring that to"),
        (48, ", and more minutes would not help: it takes more images"),
    ],
)
def test_the_smallest_gain_is_told_and_whether_minutes_or_images_lower_it(
    folds: int, words: str
) -> None:
    own = answered({}, last(folds, "cutmix", "ricap"))
    assert own.chosen.name == DEFAULT
    assert words in own.text
    assert (own.smallest_gain is None) == (folds == 1)
    assert (own.smallest_gain_ever is None) == (folds < 6)
    if own.smallest_gain is not None and own.smallest_gain_ever is not None:
        assert own.smallest_gain_ever < own.smallest_gain
        assert f"below {100 * own.smallest_gain:.1f} points may go unseen" in own.text
        assert f"{100 * own.smallest_gain_ever:.1f} points with these 300 images" in own.text


def test_more_images_show_smaller_gains() -> None:
    few, many = (answered({}, last(48, "cutmix"), images=own) for own in (60, 501))
    assert few.smallest_gain is not None
    assert many.smallest_gain is not None
    assert many.smallest_gain < 0.6 * few.smallest_gain


def test_the_best_of_the_arms_without_a_dataset_is_named() -> None:
    own = answered({ONLINE_MIXUP: -0.15, ONLINE_GEOMETRY: -0.1}, last(24, "cutmix"))
    assert own.best_online == ONLINE_GEOMETRY
    assert "over training with online geometry, the best of 2 ways without a dataset." in own.text
    own = answered({ONLINE_MIXUP: 0.15}, last(24, "cutmix"))
    assert own.best_online == ONLINE_MIXUP
    assert "Online geometry and mixup, which need no dataset, are better" in own.text
    own = answered({ONLINE_GEOMETRY: 0.15}, last(24, "cutmix"))
    assert "Online geometry, which needs no dataset, is better" in own.text


def test_recipes_that_still_rise_are_told() -> None:
    """Of the last round: others are of no use any more."""
    rising = (0.6, 0.65, 0.7, 0.75)
    curves = {"cutmix": rising, "erasing": rising}
    own = answered({}, last(12, "cutmix", "ricap"), curves=curves)
    assert list(own.rising) == ["cutmix"]
    assert own.rising["cutmix"] == pytest.approx(0.048, abs=0.002)
    assert "Still rising after 250 steps: cutmix (+4.8 points in the last fifth);" in own.text
    curves |= {DEFAULT: rising, "ricap": rising}
    own = answered({}, last(12, "cutmix", "ricap"), curves=curves)
    assert set(own.rising) == {DEFAULT, "cutmix", "ricap"}
    assert "all recipes of the last round (" in own.text
    own = answered({}, last(12, "cutmix", "ricap"))
    assert own.rising == {}
    assert "Still rising" not in own.text


def test_a_rise_that_so_few_images_cannot_tell_is_not_told() -> None:
    slow = dict.fromkeys((DEFAULT, "cutmix"), (0.8, 0.804, 0.808, 0.812))
    few = answered({}, last(3, "cutmix"), images=60, curves=slow)
    assert few.rising == {}
    assert "Still rising" not in few.text
    many = answered({}, last(3, "cutmix"), images=30_000, curves=slow)
    assert set(many.rising) == {DEFAULT, "cutmix"}
