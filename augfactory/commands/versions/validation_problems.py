"""Hold the validation images of a version to its manifest."""

import numpy as np

from augfactory.store.manifest import MANIFEST, content_hash, row_digests
from augfactory.store.reader import Version, open_rows, read_row_ranges
from augfactory.store.shards import count_rows
from augfactory.store.splits import VAL


def validation_problems(version: Version) -> list[str]:
    """Hold the validation images to the manifest, and to be none that a row was made from."""
    manifest = version.manifest.of_validation()
    held = open_rows(version.folder, manifest, VAL)
    problems = []
    digests = [row_digests(rows) for _, rows in read_row_ranges(held)]
    if content_hash(manifest.image_shape, manifest.class_names, digests) != manifest.content_hash:
        problems.append(f"{VAL}: its pixels and labels are not those of its content hash")
    counts = count_rows(held.methods, held.source.labels, manifest.class_names)
    if counts != manifest.counts:
        problems.append(f"{MANIFEST}: its counts of {VAL} are not those of the data")
    of_training, of_held = version.manifest.source, manifest.source
    if (of_training.text, of_training.split) == (of_held.text, of_held.split):
        both = np.intersect1d(of_training.numbers, of_held.numbers)
        if len(both):
            problems.append(f"{VAL}: source image {both[0]} is among the training rows' too")
    return problems
