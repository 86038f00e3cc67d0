"""The pictures of a report: what was made from what, what lies nearest to it, how VAEs learnt."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from augfactory.commands.opening.opening import folder_of_model
from augfactory.commands.opening.sheet import sheet
from augfactory.engines.processes import pinned_threads
from augfactory.errors import AugfactoryError
from augfactory.evaluation.images.quality import RealSet, quality
from augfactory.guarded.files import read_file
from augfactory.keyed_random import generator
from augfactory.records import Source
from augfactory.report.figures.training_figures import Strip, picture_figure
from augfactory.report.page_figures import Picture
from augfactory.store.reader import Version

MOST_VERSIONS = 8
MOST_MODELS = 4
MOST_SEARCHED = 2_000  # generated rows of a version whose nearest originals are looked for
SHOWN = 8
LARGEST_CURVE = 2**24  # bytes; our own has some 100 KB
LARGE = 100  # pixels; of images with a longer side, half as many are shown


def of_versions(versions: Sequence[Version]) -> list[Picture]:
    """Return for each version its contact sheet, and decoded images beside the nearest originals.

    Versions of the same content are shown once; of more than ``MOST_VERSIONS`` the first are.
    """
    different = {version.manifest.content_hash: version for version in reversed(versions)}
    pictures = []
    for version in [*reversed(different.values())][:MOST_VERSIONS]:
        picture = sheet(version.folder, version.manifest)
        pictures.append(Picture(f"{version.address}: what was made from what", "", picture))
        nearest = nearest_originals(version)
        if nearest is not None:
            pictures.append(nearest)
    return pictures


def of_models(folders: Iterable[Path]) -> list[Picture]:
    """Return the loss curves that stand beside the models, of the first ``MOST_MODELS`` at most.

    A model that has gone is left out.
    """
    pictures = []
    for folder in [*dict.fromkeys(folders)][:MOST_MODELS]:
        try:
            curve = read_file(folder / "loss.png", LARGEST_CURVE)
        except (OSError, ValueError):
            continue
        pictures.append(Picture(f"Training of the VAE {folder.name}", "", curve))
    return pictures


def model_folders(versions: Iterable[Version]) -> list[Path]:
    """Return where the models of the versions lie."""
    places = [folder_of_model(version.manifest, version.folder) for version in versions]
    return [place for place in places if place is not None]


def room(source: Source) -> int:
    """Return how many images of ``source`` stand side by side."""
    return SHOWN if max(source.image_shape[:2]) <= LARGE else SHOWN // 2


def nearest_originals(version: Version) -> Picture | None:
    """Return decoded images, at random and the most suspicious, above their nearest originals.

    Most suspicious are those that lie nearest to an original, measured by how far that original
    lies from its own nearest other. Other methods rework the originals' own pixels, so that being
    near tells nothing of them. None where nothing was decoded, or where the originals are gone or
    a single one.
    """
    from augfactory.commands.evaluate.quality import features_of, originals_of
    from augfactory.evaluation.images.features import random_features  # loads torch

    made = np.flatnonzero(version.methods == "vae")
    try:
        originals, _ = originals_of(version)
    except AugfactoryError:
        return None
    if not len(made):
        return None
    random = generator("report neighbours", version.manifest.content_hash)
    searched = np.sort(random.permutation(made)[:MOST_SEARCHED])
    space = random_features(version.source.image_shape)
    with pinned_threads(1):
        real = RealSet(features_of(space, originals), originals.labels)
        found = quality(
            real,
            lambda rows: space.extract(version.source.read_images(searched[rows])),
            version.source.labels[searched],
        ).neighbours
    closeness = found.distance / np.maximum(real.to_other[found.nearest], 1e-12)
    count = room(version.source)
    suspicious = np.argsort(closeness, kind="stable")[:count]
    chosen = random.permutation(len(searched))[:count], suspicious
    copies = 1 - found.authentic.mean()
    return Picture(
        f"{version.address}: the nearest originals",
        f"Of {len(searched):,} decoded images, {100 * copies:.0f} % lie nearer to an original "
        "than it lies to its own nearest other. New images do so too: augfactory info --held-out "
        "says how often. Copies in the right half mean that the VAE has learnt originals by heart.",
        picture_figure(
            f"{version.address} beside the nearest originals",
            f"distances in {space.name}",
            ("drawn at random", "nearest of all to an original"),
            [
                Strip("made", tuple(version.source.read_images(searched[r]) for r in chosen)),
                Strip(
                    "nearest original",
                    tuple(originals.read_images(found.nearest[r]) for r in chosen),
                ),
            ],
        ),
    )
