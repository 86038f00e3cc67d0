"""Rows held out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from augfactory.vae.training_batches import draw_batch
from augfactory.vae.training_rows import held_out_rows
from tests.vae.small import LATENT, bar_source, settings


@given(
    counts=st.lists(st.integers(0, 12), min_size=1, max_size=5),
    share=st.floats(0, 0.5),
    seed=st.integers(0, 3),
)
def test_a_share_of_each_class_is_held_out(counts: list[int], share: float, seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    rows = held_out_rows(labels, share, seed)
    assert np.array_equal(rows, np.unique(rows))
    found = np.bincount(labels[rows], minlength=len(counts)).tolist()
    assert found == [int(share * count) for count in counts]


def test_batches_follow_from_seed_and_step() -> None:
    source = bar_source(24)
    first = draw_batch(source, settings(), LATENT, step=5)
    again = draw_batch(source, settings(), LATENT, step=5)
    assert all((one == other).all() for one, other in zip(first, again, strict=True))
    images, labels, noise = first
    assert images.shape == (8, 3, 17, 22)
    assert 0 <= images.min() < images.max() <= 1
    assert labels.shape == (8, 3)
    assert noise.shape == (8, LATENT)
    assert len(np.unique(images.flatten(1), axis=0)) == 8
    for changed in (draw_batch(source, settings(), LATENT, 6),
                    draw_batch(source, settings(seed=4), LATENT, 5)):  # fmt: skip
        assert not (changed[0] == images).all()
        assert not (changed[2] == noise).all()


def test_a_batch_is_never_larger_than_the_source() -> None:
    images, _, _ = draw_batch(bar_source(5), settings(batch=64), LATENT, 0)
    assert len(np.unique(images.flatten(1), axis=0)) == len(images) == 5
