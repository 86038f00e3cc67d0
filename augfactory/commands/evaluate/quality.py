"""How good a dataset version's generated images are, before anything is trained on them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from augfactory.commands.evaluate.arms import opened_part, originals_arm
from augfactory.commands.opening.fit import check_fit
from augfactory.commands.opening.opening import converted_like
from augfactory.commands.progress import Progress
from augfactory.commands.vae.decoded_images import taught
from augfactory.engines.processes import pinned_threads
from augfactory.errors import InputDataError
from augfactory.evaluation.images.features import FeatureSpace, random_features
from augfactory.evaluation.images.judged import Judgement, fold_of_rows, judge_images
from augfactory.evaluation.images.judges import FOLDS
from augfactory.evaluation.images.leakage import find_shared_images
from augfactory.evaluation.images.quality import HeldOut, Quality, ReadFeatures, RealSet
from augfactory.evaluation.images.quality import quality as compare
from augfactory.records import Float32Array, Int64Array, Source, SourceSpec
from augfactory.sources.opening import open_source
from augfactory.store.reader import Version, open_version
from augfactory.store.versions import find_version


@dataclass(frozen=True)
class MethodQuality:
    """What one method made, or held-out images as if one had: rows, int64 [M], and how good.

    ``judgement`` is None where the originals are too few to teach classifiers.
    """

    name: str
    rows: Int64Array
    quality: Quality
    judgement: Judgement | None


@dataclass(frozen=True)
class QualityResult:
    """A version's generated rows against its originals.

    Attributes:
        address: the version.
        class_names: in label order.
        labels: int64 [N], the class of each row of the version: that of its largest share.
        space: where distances were taken.
        origin: int64 [n], for each original its position among the manifest's source rows.
        judged: the originals themselves, each judged by a classifier that did not learn it; None
            where they are too few.
        methods: what each method made, by its name; none where all rows are originals.
        held_out: how real images fare that nothing was made from; None where none were named.
    """

    address: str
    class_names: tuple[str, ...]
    labels: Int64Array
    space: FeatureSpace
    origin: Int64Array
    judged: Judgement | None
    methods: dict[str, MethodQuality]
    held_out: MethodQuality | None


def quality(text: str, progress: Progress, held_out: SourceSpec | None = None) -> QualityResult:
    """Judge what each method made, and compare it with the originals of the version ``text``.

    The originals are those in the version or, if it has none, the source rows read again. Held-out
    images, converted as the originals were, are measured too: no method can be expected to do
    better than new real images do.

    Raises:
        InputDataError: there is no such version, its source has changed, it has fewer than two
            originals, or the held-out images do not fit or stand among the originals.
        VerificationError: the version cannot be read.
    """
    version = open_version(find_version(text))
    originals, origin = originals_of(version)
    new = _held_out(version, originals, held_out) if held_out else None
    made = [name for name in np.unique(version.methods).tolist() if name != "original"]
    generated = {name: np.flatnonzero(version.methods == name) for name in made}
    space = random_features(version.source.image_shape)
    of_new, compared = _compared(space, originals, version, generated, new, progress)
    own, new_judged, judged = _judged(originals, origin, version, generated, new, progress)
    return QualityResult(
        address=version.address,
        class_names=version.source.class_names,
        labels=version.source.labels,
        space=space,
        origin=origin,
        judged=own,
        methods={
            name: MethodQuality(name, rows, compared[name], judged.get(name))
            for name, rows in generated.items()
        },
        held_out=(
            None
            if new is None or of_new is None
            else MethodQuality(new.name, np.arange(len(new)), of_new, new_judged)
        ),
    )


def _compared(
    space: FeatureSpace,
    originals: Source,
    version: Version,
    generated: Mapping[str, Int64Array],
    new: Source | None,
    progress: Progress,
) -> tuple[Quality | None, dict[str, Quality]]:
    """Compare new images and what each method made with the originals, by distance."""
    total = len(originals) + len(new or ()) + sum(map(len, generated.values()))
    with (
        pinned_threads(1),
        progress.bar("comparing generated images with originals", total, "image") as bar,
    ):
        real = RealSet(features_of(space, originals), originals.labels)
        bar.advance(len(originals))

        def measure(source: Source, usual: HeldOut | None) -> Quality:
            read = _reader(space, source)
            return compare(real, read, source.labels, held_out=usual, on_rows=bar.advance)

        of_new = None if new is None else measure(new, None)
        usual = None
        if new is not None and of_new is not None:
            usual = HeldOut(new.labels, of_new.neighbours.distance)
        return of_new, {
            name: measure(version.source.restricted_to(rows), usual)
            for name, rows in generated.items()
        }


def _judged(
    originals: Source,
    origin: Int64Array,
    version: Version,
    generated: Mapping[str, Int64Array],
    new: Source | None,
    progress: Progress,
) -> tuple[Judgement | None, Judgement | None, dict[str, Judgement]]:
    """Judge the originals, new images and what each method made.

    ``origin`` is where each original stands among the manifest's source rows. New images, which no
    judge has learnt, are dealt to them in turn.
    """
    bench = taught(originals, progress) if generated else None
    if bench is None:
        return None, None, {}
    place = np.full(len(version.manifest.source.rows) + 1, -1)  # the last for what is unused
    place[origin] = np.arange(len(origin))
    parents = {name: place[version.source_index[rows]] for name, rows in generated.items()}
    folds = {name: fold_of_rows(bench.judges, own) for name, own in parents.items()}
    total = len(originals) + len(new or ()) + sum(int((own >= 0).sum()) for own in folds.values())
    with pinned_threads(1), progress.bar("judging images", total, "image") as bar:

        def judge(source: Source, fold: Int64Array, made_from: Int64Array) -> Judgement:
            return judge_images(bench, source, fold, made_from, bar.advance)

        own = judge(originals, bench.judges.fold, np.arange(len(originals)))
        of_new = None
        if new is not None:
            of_new = judge(new, np.arange(len(new)) % FOLDS, np.full(len(new), -1))
        return (
            own,
            of_new,
            {
                name: judge(version.source.restricted_to(rows), folds[name], parents[name][:, 0])
                for name, rows in generated.items()
            },
        )


def originals_of(version: Version) -> tuple[Source, Int64Array]:
    """Return the originals and their positions among the manifest's source rows.

    Raises:
        InputDataError: their source has changed or gone, or there is but one of them.
    """
    arm = originals_arm((version,))
    part = opened_part(arm)
    if len(part.source) < 2:
        raise InputDataError(
            version.address,
            "it was made from a single image, so that nothing says what is near and what is far",
            "Expand a source of more images.",
        )
    # Read again from the source, they stand in the order of the manifest.
    origin = part.origin if arm.part == "originals" else np.arange(len(part.source))
    return part.source, origin


def _held_out(version: Version, originals: Source, spec: SourceSpec) -> Source:
    source = open_source(converted_like(spec, version.manifest.source))
    check_fit(version.source, source)
    shared = find_shared_images(originals, source, most=1)
    if shared:
        raise InputDataError(
            shared[0].test_name,
            f"this held-out image is one of the originals, {shared[0].training_name}",
            "Name images that the dataset was not made from.",
        )
    return source


def _reader(space: FeatureSpace, source: Source) -> ReadFeatures:
    return lambda rows: space.extract(source.read_images(rows))


def features_of(space: FeatureSpace, source: Source) -> Float32Array:
    """Return the features of all rows, float32 [N, D]; the source must hold some."""
    read = _reader(space, source)
    return np.concatenate([read(rows) for rows in source.blocks()])
