"""Augmentation while training."""

import numpy as np
import pytest

from augfactory.errors import RecipeError
from augfactory.evaluation.training.online import (
    check_views,
    online_stage,
    vary,
    vary_with_views,
)
from augfactory.methods.registry import METHODS
from augfactory.methods.ricap import RicapParameters
from augfactory.records import one_hot
from tests.evaluation.memory import CLASSES, patterns


def stages(*methods: str):  # type: ignore[no-untyped-def]
    return tuple(online_stage(name, METHODS[name].parameters()) for name in methods)


@pytest.mark.parametrize("method", list(METHODS))
def test_every_method_varies_a_batch_and_keeps_the_labels_whole(method: str) -> None:
    images, labels = patterns("a", 24)
    before, shares = images.copy(), one_hot(labels, CLASSES)
    made, soft = vary(stages(method), images, shares, seed=0, step=3, steps=9)
    assert (made.shape, made.dtype.name) == (images.shape, "uint8")
    assert (soft.shape, soft.dtype.name) == (shares.shape, "float32")
    np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-6)
    assert np.array_equal(images, before)
    assert not np.array_equal(made, images)


def test_labels_are_mixed_as_the_pixels_are() -> None:
    images = np.zeros((2, 5, 7, 3), dtype=np.uint8)
    images[1] = 200
    made, soft = vary(
        stages("mixup"), images, one_hot(np.array([0, 1]), 2), seed=1, step=0, steps=1
    )
    np.testing.assert_allclose(made[:, 2, 2, 0], np.rint(200 * soft[:, 1]), atol=0.51)
    assert 0 < soft[0, 1] < 1


def test_steps_seeds_and_places_are_drawn_apart() -> None:
    images, labels = patterns("a", 6)
    shares = one_hot(labels, CLASSES)
    made = [
        vary(chosen, images, shares, seed=seed, step=step, steps=9)[0].tobytes()
        for chosen, seed, step in (
            (stages("geometry"), 0, 0),
            (stages("geometry"), 0, 1),
            (stages("geometry"), 1, 0),
            (stages("geometry", "geometry"), 0, 0),
        )
    ]
    assert len(set(made)) == 4


def test_views_are_made_of_what_the_stages_before_them_made() -> None:
    images, labels = patterns("a", 8)
    shares, chosen = one_hot(labels, CLASSES), stages("crop", "augmix")
    made, soft = vary_with_views(chosen, images, shares, seed=0, step=3, steps=9)
    clean, first, second = made[:8], made[8:16], made[16:]
    cropped, kept = vary(chosen[:1], images, shares, seed=0, step=3, steps=9)
    assert np.array_equal(clean, cropped)
    assert np.array_equal(soft, kept)
    assert len(made) == 3 * len(soft)
    # The first view is what the arm without the loss would have seen; the second is drawn apart.
    assert np.array_equal(first, vary(chosen, images, shares, seed=0, step=3, steps=9)[0])
    again = vary(chosen[1:], cropped, kept, seed=0, step=3, steps=9, first=2)[0]
    assert np.array_equal(second, again)
    assert len({part.tobytes() for part in (clean, first, second)}) == 3
    later = vary_with_views(chosen, images, shares, seed=0, step=4, steps=9)[0]
    assert not np.array_equal(made[8:], later[8:])


def test_views_of_an_image_are_not_mixed_with_others() -> None:
    check_views(stages("mixup", "augmix"), "arm")
    for methods in ((), ("augmix", "mixup")):
        with pytest.raises(RecipeError, match="two views of an image"):
            check_views(stages(*methods), "arm")


@pytest.mark.parametrize(("method", "parents"), [("mixup", 2), ("mixup", 3), ("ricap", 4)])
def test_each_image_of_a_batch_is_mixed_with_others_as_often(method: str, parents: int) -> None:
    images = np.zeros((30, 5, 7, 3), dtype=np.uint8)
    given = {"parents": parents} if method == "mixup" else {}
    stage = (online_stage(method, METHODS[method].parameters.model_validate(given)),)
    # A class for each image, so that labels tell which of them a mixture is made of.
    shares = np.eye(30, dtype=np.float32)
    for step in range(3):
        _, soft = vary(stage, images, shares, seed=0, step=step, steps=9)
        if method == "mixup":  # else a large part of a batch would be the same image twice
            assert (soft.argmax(axis=1) == np.arange(30)).all()
        used = soft > 0
        assert used.sum(axis=1).max() == parents
        assert used.sum(axis=0).max() <= parents
        assert not np.array_equal(soft, shares)


@pytest.mark.parametrize(
    ("method", "pairing"), [("grid", "same"), ("mixup", "same"), ("mixup", "other")]
)
def test_partners_are_of_the_class_that_the_pairing_asks_for(method: str, pairing: str) -> None:
    images, labels = patterns("a", 60)
    shares = one_hot(labels, CLASSES)
    given = {} if method == "grid" else {"pairing": pairing, "alpha": 1.0}
    stage = (online_stage(method, METHODS[method].parameters.model_validate(given)),)
    soft = vary(stage, images, shares, seed=0, step=3, steps=9)[1]
    if pairing == "same":
        assert np.array_equal(soft, shares)
    else:
        assert ((soft > 0).sum(axis=1) == 2).mean() > 0.9
    # A batch of one class has no other to mix with.
    alone = vary(stage, images, np.tile(shares[:1], (60, 1)), seed=0, step=3, steps=9)
    assert np.array_equal(alone[0], images) == (pairing == "other")


def test_a_batch_of_fewer_images_than_parents_is_mixed_with_itself() -> None:
    images, _ = patterns("a", 2)
    stage = (online_stage("mixup", METHODS["mixup"].parameters.model_validate({"parents": 3})),)
    soft = vary(stage, images, np.eye(2, dtype=np.float32), seed=0, step=0, steps=1)[1]
    np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-6)


def test_a_lone_image_is_mixed_with_itself() -> None:
    images, labels = patterns("a", 1)
    made, soft = vary(stages("mixup"), images, one_hot(labels, CLASSES), seed=0, step=0, steps=1)
    assert np.array_equal(made, images)
    assert np.array_equal(soft, one_hot(labels, CLASSES))


def test_a_schedule_runs_over_the_training() -> None:
    images, labels = patterns("a", 200)
    ramp = RicapParameters(ramp_start=0, ramp_end=90, beta_min=0.001, beta_max=50.0)
    stage = (online_stage("ricap", ramp),)

    def largest(step: int) -> float:
        shares = one_hot(labels, CLASSES)
        return float(
            vary(stage, images, shares, seed=0, step=step, steps=100)[1].max(axis=1).mean()
        )

    assert largest(0) > largest(99) + 0.2


def test_a_share_of_a_batch_is_changed_and_the_others_stay() -> None:
    images, labels = patterns("a", 400)
    shares = one_hot(labels, CLASSES)
    mixup = METHODS["mixup"].parameters.model_validate({"alpha": 1.0})
    half = (online_stage("mixup", mixup, 0.5),)
    before = images.copy()
    made, soft = vary(half, images, shares, seed=0, step=3, steps=9)
    _whole, whole_soft = vary(
        (online_stage("mixup", mixup),), images, shares, seed=0, step=3, steps=9
    )
    changed = (made != images).any(axis=(1, 2, 3))
    # Binomial: 200 of 400 with a standard deviation of 10.
    assert 150 < changed.sum() < 250
    np.testing.assert_allclose(soft[~changed], shares[~changed], atol=0.02)
    # Partners are drawn for the whole batch: a row has the same ones whatever the share.
    mixed = ((soft > 0.01) & (soft < 0.99)).any(axis=1)
    mixed &= ((whole_soft > 0.01) & (whole_soft < 0.99)).any(axis=1)
    assert mixed.sum() > 50
    assert np.array_equal(soft[mixed] > 0, whole_soft[mixed] > 0)
    assert np.array_equal(images, before)
    later = vary(half, images, shares, seed=0, step=4, steps=9)[0]
    assert not np.array_equal(changed, (later != images).any(axis=(1, 2, 3)))


def test_a_share_is_drawn_apart_for_each_stage() -> None:
    images, labels = patterns("a", 400)
    shares = one_hot(labels, CLASSES)
    mixup, geometry = (
        METHODS["mixup"].parameters.model_validate({"alpha": 1.0}),
        METHODS["geometry"].parameters(),
    )
    first = (online_stage("geometry", geometry, 0.5),)
    both = (*first, online_stage("mixup", mixup, 0.5))
    varied = vary(first, images, shares, seed=0, step=3, steps=9)[0]
    made, _soft = vary(both, images, shares, seed=0, step=3, steps=9)
    mixed = (made != varied).any(axis=(1, 2, 3))
    turned = (varied != images).any(axis=(1, 2, 3))
    assert 60 < (mixed & turned).sum() < 140
    assert 60 < (mixed & ~turned).sum() < 140


def test_a_share_so_small_that_no_image_is_drawn_changes_none() -> None:
    images, labels = patterns("a", 5)
    shares = one_hot(labels, CLASSES)
    rare = (
        online_stage("mixup", METHODS["mixup"].parameters.model_validate({"alpha": 1.0}), 1e-9),
    )
    made, soft = vary(rare, images, shares, seed=0, step=3, steps=9)
    assert np.array_equal(made, images)
    assert np.array_equal(soft, shares)
