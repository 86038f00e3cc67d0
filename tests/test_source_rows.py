"""One set, one fingerprint, however it is kept; rows that have changed are not opened."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augfactory import records
from augfactory.records import Float32Array, Int64Array, Source, SourceSpec, UInt8Array
from augfactory.source_rows import PLAIN, fingerprint, rows_of
from augfactory.sources.opening import open_source
from augfactory.sources.parsing.arrays import source_of_arrays
from augfactory.sources.recorded import ChangedSourceError, open_rows
from tests.sources.written import HEIGHT, WIDTH, noise, write_class_folders, write_h5, write_idx

IMAGES = noise(9, HEIGHT, WIDTH, 3)
LABELS = np.array([0, 0, 1, 1, 1, 2, 2, 2, 2])


def source_of(
    images: UInt8Array = IMAGES,
    labels: Int64Array = LABELS,
    soft_labels: Float32Array | None = None,
    names: tuple[str, ...] = ("0", "1", "2"),
) -> Source:
    return source_of_arrays(
        name="x",
        split=None,
        class_names=names,
        images=images,
        labels=labels,
        soft_labels=soft_labels,
        row_name=str,
    )


def test_every_way_of_keeping_a_set_gives_one_fingerprint(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "folders", IMAGES, LABELS)
    write_idx(tmp_path / "idx", IMAGES, LABELS, suffix=".gz")
    np.savez_compressed(tmp_path / "set.npz", images=IMAGES, labels=LABELS)
    floats = (IMAGES / 255).astype(np.float32).transpose(0, 3, 1, 2)
    np.savez_compressed(tmp_path / "floats.npz", x_train=floats, y_train=np.eye(3)[LABELS])
    write_h5(tmp_path / "set.h5", image=IMAGES, label=LABELS)
    names = {"class_names": ["0", "1", "2"]}
    write_h5(tmp_path / "soft.h5", names, image=IMAGES, soft_label=np.eye(3)[LABELS])
    kinds = ("folders", "idx", "set.npz", "floats.npz", "set.h5", "soft.h5")
    found = {kind: fingerprint(open_source(SourceSpec(str(tmp_path / kind)))) for kind in kinds}
    assert set(found.values()) == {fingerprint(source_of())}


def test_the_hash_is_as_described() -> None:
    head = {
        "class_names": ["0", "1", "2"],
        "image_shape": [HEIGHT, WIDTH, 3],
        "scheme": "augfactory source 1",
    }
    data = json.dumps(head).encode() + b"\0"
    for image, label in zip(IMAGES, LABELS, strict=True):
        data += image.tobytes() + np.eye(3, dtype="<f4")[label].tobytes()
    assert fingerprint(source_of()) == hashlib.sha256(data).hexdigest()


def test_each_part_counts() -> None:
    one_pixel = IMAGES.copy()
    one_pixel[8, 11, 19, 2] ^= 1
    soft = np.eye(3, dtype=np.float32)[LABELS]
    soft[4] = [0, 0.75, 0.25]
    others = [
        source_of(one_pixel),
        source_of(IMAGES[::-1]),
        source_of(IMAGES[:8], LABELS[:8]),
        source_of(IMAGES.reshape(9, WIDTH, HEIGHT, 3)),
        source_of(labels=LABELS[::-1].copy()),
        source_of(soft_labels=soft),
        source_of(names=("0", "1", "3")),
        source_of(names=("0", "1", "2", "3")),
    ]
    assert len({fingerprint(source) for source in [source_of(), *others]}) == 9


def test_the_name_and_the_split_do_not_count() -> None:
    renamed = replace(source_of(), name="y", split="test")
    assert fingerprint(renamed) == fingerprint(source_of())


@pytest.mark.parametrize("block", [1, 2, 8, 9])
def test_blocks_do_not_show(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = fingerprint(source_of())
    monkeypatch.setattr(records, "READ_AT_ONCE", block)
    assert fingerprint(source_of()) == expected


def test_memory_is_bounded_and_progress_told() -> None:
    asked: list[int] = []
    told: list[int] = []
    source = source_of(np.tile(IMAGES, (60, 1, 1, 1)), np.tile(LABELS, 60))

    def read_images(rows: Int64Array) -> UInt8Array:
        asked.append(len(rows))
        return source.read_images(rows)

    fingerprint(replace(source, read_images=read_images), told.append)
    assert asked == told == [256, 256, 28]


def test_rows_are_opened_as_they_were_recorded_or_not_at_all() -> None:
    whole, numbers = source_of(), np.array([1, 4, 7])
    recorded = rows_of(SourceSpec("x"), whole.restricted_to(numbers), numbers)
    assert recorded.rows == (1, 4, 7)
    again, chosen = open_rows(recorded, opener=lambda _: source_of())
    assert len(again) == 9
    np.testing.assert_array_equal(chosen.read_images(np.arange(3)), IMAGES[numbers])

    other = IMAGES.copy()
    other[7, 0, 0, 0] ^= 1
    with pytest.raises(ChangedSourceError, match="no longer those that it was made from: their"):
        open_rows(recorded, "it was made from", opener=lambda _: source_of(other))
    fewer = source_of(IMAGES[:7], LABELS[:7])
    for trusted in (False, True):
        with pytest.raises(ChangedSourceError, match="it has 7 rows"):
            open_rows(recorded, opener=lambda _: fewer, trusted=trusted)
    other = IMAGES.copy()
    other[0] = 0  # none of these rows
    assert len(open_rows(recorded, opener=lambda _: source_of(other))[1]) == 3


def test_a_record_is_of_what_there_is_and_opened_where_it_is_now() -> None:
    recorded = rows_of(SourceSpec("old", (5, 7), "rgb"), source_of())
    asked: list[SourceSpec] = []

    def opened(spec: SourceSpec) -> Source:
        asked.append(spec)
        return source_of()

    open_rows(recorded, opener=opened)
    open_rows(recorded, opener=opened, spec=SourceSpec("new"))
    assert asked == [SourceSpec("old", (5, 7), "rgb", options=PLAIN), SourceSpec("new")]
    assert recorded.rows == tuple(range(9))
    assert recorded.roots is None
    made = replace(source_of(), roots=np.array([[3, -1], [5, 4]] * 4 + [[6, 6]]))
    assert rows_of(SourceSpec("x"), made).roots == ((3,), (4, 5)) * 4 + ((6,),)
