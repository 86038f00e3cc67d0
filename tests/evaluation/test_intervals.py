"""Simultaneous intervals: against scipy, published tables, and by simulation."""

import numpy as np
import pytest
from scipy import stats

from augfactory.evaluation.comparison.intervals import (
    compare,
    half_width,
    image_variance,
    largest_t,
    of_groups,
    pooled_residual,
)


def by_block(values: np.ndarray) -> dict[str, dict[int, float]]:
    """Name the rows of [arms, blocks]."""
    return {str(arm): dict(enumerate(row.tolist())) for arm, row in enumerate(values)}


def test_two_arms_have_the_interval_of_a_paired_t_test() -> None:
    values = np.random.default_rng(0).normal([[0.82], [0.8]], 0.02, (2, 6))
    found = compare(by_block(values), [("0", "1")]).differences["0", "1"]
    wanted = stats.ttest_rel(values[0], values[1]).confidence_interval()
    assert found.mean == pytest.approx((values[0] - values[1]).mean())
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=2e-4)
    assert found.pairs == 6


@pytest.mark.parametrize(("arms", "freedom"), [(1, 5), (2, 10), (3, 12), (7, 60)])
def test_the_largest_t_is_dunnetts(arms: int, freedom: int) -> None:
    pairs = tuple((str(arm), "baseline") for arm in range(arms))
    reach = largest_t(pairs, freedom)
    joint = stats.multivariate_t(shape=0.5 * (np.eye(arms) + 1), df=freedom, seed=0)
    below = joint.cdf(np.full(arms, reach), lower_limit=np.full(arms, -reach))
    assert below == pytest.approx(0.95, abs=0.002)


def test_the_residual_is_that_of_two_way_analysis_of_variance() -> None:
    values = np.random.default_rng(1).normal(size=(4, 5))
    rest = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    residual, freedom = pooled_residual(by_block(values))
    assert freedom == 12
    assert residual == pytest.approx((rest**2).sum() / 12)
    lacking = by_block(values)
    del lacking["2"][3]
    assert pooled_residual(lacking)[1] == 11


def test_one_block_gives_no_interval() -> None:
    found = compare({"a": {0: 0.5}, "b": {0: 0.4}}, [("a", "b")])
    assert found.differences["a", "b"].low is None
    assert not found.differences["a", "b"].excludes_zero


def test_equal_arms_have_an_interval_of_no_width() -> None:
    values = np.tile(np.random.default_rng(2).normal(size=6), (3, 1))
    images = {str(arm): {block: np.ones(9) for block in range(6)} for arm in range(3)}
    found = compare(by_block(values), [("0", "2"), ("1", "2")], images)
    assert {(gap.low, gap.high) for gap in found.differences.values()} == {(0.0, 0.0)}
    assert not found.differences["0", "2"].excludes_zero


def test_the_images_variance_is_that_of_their_means_without_what_blocks_share() -> None:
    random = np.random.default_rng(3)
    truth, draws = 0.3**2 / 400, []
    for _ in range(300):
        images = random.normal(0, 0.3, 400)
        draws.append(image_variance(images + random.normal(0, 0.5, (4, 400))))
    assert np.mean(draws) == pytest.approx(truth, rel=0.05)
    assert image_variance(np.ones((3, 1))) == 0.0


def test_blocks_that_agree_by_chance_leave_the_chance_in_the_test_images() -> None:
    # Each training of "0" is wrong on 40 images of its own, of "1" on 20: the counts all agree.
    images = {
        arm: {
            block: (~np.isin(np.arange(400), block * 100 + np.arange(wrong))).astype(np.float64)
            for block in (0, 1)
        }
        for arm, wrong in (("0", 40), ("1", 20))
    }
    figures = {arm: {block: own.mean() for block, own in at.items()} for arm, at in images.items()}
    gap = compare(figures, [("0", "1")], images).differences["0", "1"]
    mean_gap = (images["0"][0] + images["0"][1] - images["1"][0] - images["1"][1]) / 2
    assert gap.high is not None
    assert gap.high - gap.mean == pytest.approx(1.96 * mean_gap.std(ddof=1) / 20, rel=0.02)


def test_more_blocks_make_intervals_narrower_down_to_the_test_images_share() -> None:
    widths = [half_width(1e-4, 3 * (blocks - 1), 1e-5, blocks, 3) for blocks in (2, 4, 40, 4000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == pytest.approx(2.35 * 1e-5**0.5, rel=0.05)


# The spread of latent scores, in units of the noise of one image in one training: of images, of
# images in an arm, of trainings, of an arm's trainings. They give accuracies, and standard
# deviations of about 1.5 points between trainings, as measured on 500 photographs.
SPREADS = (1.0, 0.5, 0.04, 0.04)
LEVELS = np.array([0.1, 0.25, 0.3, 0.3, 0.0])
IMAGES = 200


def evaluation(random: np.random.Generator, blocks: int) -> np.ndarray:
    """Return whether each image is right, [arms, blocks, images], in one simulated evaluation."""
    of_image, of_both, of_block, of_training = SPREADS
    arms = len(LEVELS)
    latent = (
        LEVELS[:, None, None]
        + random.normal(0, of_image, IMAGES)
        + random.normal(0, of_both, (arms, 1, IMAGES))
        + random.normal(0, of_block, (1, blocks, 1))
        + random.normal(0, of_training, (arms, blocks, 1))
        + random.normal(0, 1, (arms, blocks, IMAGES))
    )
    return (latent > 0).astype(np.float64)


@pytest.mark.parametrize("blocks", [2, 5])
def test_95_of_100_evaluations_hold_the_truth_in_all_their_intervals(blocks: int) -> None:
    random = np.random.default_rng(blocks)
    share = stats.norm.cdf(LEVELS / (sum(own**2 for own in SPREADS) + 1) ** 0.5)
    pairs = [(str(arm), "2") for arm in (0, 1, 3, 4)]
    held = 0
    for _ in range(1000):
        right = evaluation(random, blocks)
        images = {str(arm): dict(enumerate(own)) for arm, own in enumerate(right)}
        found = compare(by_block(right.mean(axis=2)), pairs, images).differences
        held += all(
            (gap.low or 0) <= share[int(one)] - share[int(other)] <= (gap.high or 0)
            for (one, other), gap in found.items()
        )
    assert 0.93 <= held / 1000 <= 0.97


def false_claims(groups: np.ndarray, *, told: bool, evaluations: int = 300, arms: int = 3) -> float:
    """Return how often equal arms are told apart where images of a group are alike."""
    random, false = np.random.default_rng(7), 0
    count, images = int(groups.max()) + 1, len(groups)
    pairs = [(str(arm), "0") for arm in range(1, arms)]
    for _ in range(evaluations):
        latent = (
            random.normal(0, 1.0, count)[groups]
            + random.normal(0, 0.7, (arms, 1, count))[:, :, groups]
            + random.normal(0, 0.3, (arms, 3, images))
        )
        right = (latent > 0).astype(np.float64)
        own = {str(arm): dict(enumerate(rows)) for arm, rows in enumerate(right)}
        known = groups if told else None
        found = compare(by_block(right.mean(axis=2)), pairs, own, groups=known)
        false += any(gap.excludes_zero for gap in found.differences.values())
    return false / evaluations


def test_images_that_belong_together_are_counted_as_one_group() -> None:
    """Counted one by one they make intervals too narrow: most equal arms are told apart."""
    sizes = np.tile([1, 4, 10, 25], 10)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    assert false_claims(groups, told=False) > 0.3
    assert false_claims(groups, told=True) < 0.08
    # Groups of one image are images.
    alone = np.random.default_rng(1).permutation(len(groups))
    gaps = np.random.default_rng(2).normal(0, 1, (3, len(groups)))
    np.testing.assert_allclose(of_groups(gaps, alone)[:, alone], gaps)


def test_the_variance_of_groups_is_that_of_drawing_them() -> None:
    random, sizes = np.random.default_rng(4), np.tile([1, 2, 9], 40)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    found, means = [], []
    for _ in range(400):
        of_group = random.normal(0, 1, len(sizes))
        gaps = (of_group[groups] + random.normal(0, 0.2, len(groups)))[None]
        found.append(image_variance(of_groups(gaps, groups)))
        means.append(gaps.mean())
    assert np.mean(found) == pytest.approx(np.var(means), rel=0.15)


def test_trainings_that_stand_twice_say_nothing_new() -> None:
    """One training under two names would make the others' remainders look smaller."""
    random = np.random.default_rng(5)
    right = random.normal(0.5, 0.02, (3, 4))
    plain = compare(by_block(right), [("1", "0"), ("2", "0")])
    twice = by_block(np.concatenate([right, right[:1], right[:1]]))
    found = compare(twice, [("1", "0"), ("2", "0")], distinct=("0", "1", "2"))
    assert (found.residual, found.freedom) == (plain.residual, plain.freedom)
    assert found.differences == plain.differences
    naive = compare(twice, [("1", "0"), ("2", "0")])
    assert (naive.freedom, plain.freedom) == (12, 6)
    assert naive.residual < plain.residual
