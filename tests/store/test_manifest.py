"""The content hash covers pixels, labels, order and names, and nothing else."""

import dataclasses

import numpy as np

from augfactory.records import Rows
from augfactory.store.manifest import content_hash, row_digests
from tests.store.conftest import make_rows

CLASSES = ["cat", "dog", "emu"]
SHAPE = (5, 7, 3)

# Changing this breaks the identity of every dataset ever published.
GOLDEN = "741993f18157a3368119e5475668139f7c624139bf3da32741fe3c9163aa6d43"


def hash_of(rows: Rows, classes: list[str] = CLASSES) -> str:
    return content_hash(SHAPE, classes, [row_digests(rows)])


def test_golden() -> None:
    image = np.arange(2 * 5 * 7 * 3, dtype=np.uint8).reshape(2, 5, 7, 3)
    soft_label = np.array([[1, 0, 0], [0.25, 0.5, 0.25]], dtype=np.float32)
    rows = dataclasses.replace(make_rows(2), image=image, soft_label=soft_label)
    assert hash_of(rows) == GOLDEN


def test_shards_do_not_matter(rows: Rows) -> None:
    digests = row_digests(rows)
    parts = [digests[: 32 * 3], digests[32 * 3 : 32 * 4], digests[32 * 4 :]]
    assert content_hash(SHAPE, CLASSES, parts) == hash_of(rows)


def test_one_grey_level_one_label_bit_order_and_names_matter(rows: Rows) -> None:
    image = rows.image.copy()
    image[3, 4, 6, 2] ^= 1
    soft_label = rows.soft_label.copy()
    soft_label[9, 1] = np.nextafter(soft_label[9, 1], np.float32(1))
    changed = [
        hash_of(dataclasses.replace(rows, image=image)),
        hash_of(dataclasses.replace(rows, soft_label=soft_label)),
        hash_of(dataclasses.replace(rows, image=rows.image[::-1])),
        hash_of(rows, ["cat", "dog", "gnu"]),
    ]
    assert len({hash_of(rows), *changed}) == 5


def test_provenance_does_not_matter(rows: Rows) -> None:
    other = dataclasses.replace(rows, method=np.full(10, "mixup"), round=rows.round + 1)
    assert hash_of(other) == hash_of(rows)
