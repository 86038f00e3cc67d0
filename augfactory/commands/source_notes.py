"""What is worth a word about the source rows that images are made or learnt from."""

import numpy as np

from augfactory.records import Source

FEW_IMAGES = 5
MOST_NAMED = 10


def few_images(source: Source) -> str | None:
    """Name the classes with fewer than ``FEW_IMAGES`` images; None where there is no such class."""
    counts = np.bincount(source.labels, minlength=len(source.class_names))
    few = np.flatnonzero(counts < FEW_IMAGES).tolist()
    if not few:
        return None
    named = ", ".join(
        f"{source.class_names[label]} ({counts[label]})" for label in few[:MOST_NAMED]
    )
    more = f" and {len(few) - MOST_NAMED:,} more classes" if len(few) > MOST_NAMED else ""
    least = min(few, key=lambda label: (counts[label] == 0, counts[label]))
    images = "1 image" if counts[least] == 1 else f"{counts[least]} images"
    derives = (
        f"; all that is made for {source.class_names[least]} derives from {images}"
        if counts[least]
        else ""
    )
    return f"warning: fewer than {FEW_IMAGES} images of {named}{more}{derives}"
