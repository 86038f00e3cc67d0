"""Which decoded images are fit to be kept, by classifiers that did not learn their original.

The originals are split into folds as ``judges.py`` does, and the judge of a fold is shown what was
decoded around its originals. Three things are rejected:

* unread: the judge reads the original as its class, and what was decoded as another. Where it does
  not read the original either, it has no say: what is hard to read would be thinned out else, and
  a weak judge would reject nearly all;
* blank: the brightness deviates by less than a tenth of what it does in the original;
* copy: on average a pixel is less than one of 255 away from an original that took part.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from augfactory.evaluation.classifiers.quick import NARROW, quick
from augfactory.evaluation.images.judges import STEPS, folds_of, train_judges
from augfactory.evaluation.training.online import OnlineStage
from augfactory.evaluation.training.predicting import log_probabilities
from augfactory.records import Int64Array, Source, UInt8Array

BLANK = 0.1
COPY = 1.0  # of 255


@dataclass(frozen=True)
class DecodedFilter:
    """Judges of what was decoded around N originals.

    Attributes:
        fold: int64 [N], which judge is asked.
        judges: classifiers in evaluation mode.
        read: bool [N], whether the judge reads the original itself as its class.
    """

    fold: Int64Array
    judges: tuple[nn.Module, ...]
    read: npt.NDArray[np.bool_]

    def as_bytes(self) -> bytes:
        """Return what ``filter_from`` reads; damage to it is noticed by its checksums."""
        weights = {
            f"{own}/{name}": values.numpy()
            for own, judge in enumerate(self.judges)
            for name, values in judge.state_dict().items()
        }
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, read=self.read, fold=self.fold, **weights)
        return buffer.getvalue()


def taught_filter(
    originals: Source,
    online: tuple[OnlineStage, ...],
    on_steps: Callable[[int], None] | None = None,
) -> DecodedFilter:
    """Train the judges, varying every batch by ``online``; see ``train_judges``.

    Raises:
        ValueError: there are too few originals.
    """
    found = train_judges(originals, online, steps=STEPS, on_steps=on_steps)
    networks = tuple(judge.network for judge in found.judges)
    read = np.zeros(len(originals), dtype=np.bool_)
    for own, network in enumerate(networks):
        rows = np.flatnonzero(found.fold == own)
        read[rows] = _named(network, originals.read_images, rows, originals)
    return DecodedFilter(found.fold, networks, read)


def filter_from(data: bytes, originals: Source) -> DecodedFilter:
    """Return the filter that was taught on ``originals`` and kept as ``data``.

    What was kept before folds held equal images together does not tell them, and dealt them singly.

    Raises:
        ValueError, KeyError, OSError, zipfile.BadZipFile: the data is damaged, or of others.
    """
    kept = np.load(io.BytesIO(data), allow_pickle=False)
    dealt, read = folds_of(originals.labels), kept["read"]
    fold = kept.get("fold", dealt)
    if not read.shape == fold.shape == dealt.shape or (read.dtype, fold.dtype) != (bool, np.int64):
        raise ValueError("it was taught on other images")
    networks = []
    for own in range(int(fold.max(initial=-1)) + 1):
        network = quick(originals.image_shape, len(originals.class_names), NARROW)
        weights = {}
        for name, values in network.state_dict().items():
            found = torch.from_numpy(np.array(kept[f"{own}/{name}"]))
            if found.shape != values.shape or found.dtype != values.dtype:
                raise ValueError("it was taught on other images")
            weights[name] = found
        network.load_state_dict(weights)
        networks.append(network.eval())
    return DecodedFilter(fold, tuple(networks), read)


def reasons(
    judged: DecodedFilter,
    originals: Source,
    images: UInt8Array,
    origins: Int64Array,
) -> npt.NDArray[np.str_]:
    """Say why each image is rejected: "unread", "blank", "copy", or "" where it is not.

    Args:
        judged: the filter of ``originals``.
        originals: N images.
        images: uint8 [n, H, W, C], decoded, each in the class of the first of its originals.
        origins: int64 [n, P], the originals that took part, the one it was decoded around first;
            -1 where unused.
    """
    anchors = origins[:, 0]
    read = np.ones(len(images), dtype=np.bool_)
    for own, judge in enumerate(judged.judges):
        rows = np.flatnonzero((judged.fold[anchors] == own) & judged.read[anchors])
        if len(rows):
            named = _named(judge, lambda chosen: images[chosen], rows, originals, anchors[rows])
            read[rows] = named
    anchor_images = originals.read_images(anchors)
    blank = _deviation(images) < BLANK * _deviation(anchor_images)
    copy = np.zeros(len(images), dtype=np.bool_)
    for place in range(origins.shape[1]):
        rows = np.flatnonzero(origins[:, place] >= 0)
        taking_part = originals.read_images(origins[rows, place])
        apart = np.abs(images[rows].astype(np.int16) - taking_part)
        copy[rows] |= apart.mean(axis=(1, 2, 3)) < COPY
    return np.select([copy, blank, ~read], ["copy", "blank", "unread"], "")


def _named(
    network: nn.Module,
    read_images: Callable[[Int64Array], UInt8Array],
    rows: Int64Array,
    originals: Source,
    origins: Int64Array | None = None,
) -> npt.NDArray[np.bool_]:
    """Tell which rows the network reads as the class of their originals, bool [n]."""
    labels = originals.labels[rows if origins is None else origins]
    found = log_probabilities(network, read_images, rows, len(originals.class_names))
    return np.asarray(found.argmax(axis=1) == labels)


def _deviation(images: UInt8Array) -> npt.NDArray[np.float64]:
    return np.asarray(images.mean(axis=3).std(axis=(1, 2)), dtype=np.float64)
