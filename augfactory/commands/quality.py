"""How good a dataset version's generated images are, before anything is trained on them."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augfactory.commands.evaluation_arms import opened_part, originals_arm
from augfactory.commands.evaluation_inputs import check_fit
from augfactory.commands.opening import converted_like, open_any
from augfactory.commands.progress import Progress
from augfactory.engines.processes import pinned_threads
from augfactory.errors import InputDataError, RecipeError
from augfactory.evaluation.features import FeatureSpace, random_features
from augfactory.evaluation.leakage import find_shared_images
from augfactory.evaluation.quality import (
    NEIGHBOURS,
    Figures,
    HeldOut,
    Quality,
    ReadFeatures,
    Real,
)
from augfactory.evaluation.quality import quality as compare
from augfactory.records import Float32Array, Int64Array, Source, SourceSpec
from augfactory.store.atomic import write_file
from augfactory.store.reader import Version, open_version
from augfactory.store.tables import table_bytes
from augfactory.store.versions import find_version

HEAD = (
    *("class", "rows", "real", "k", "precision", "recall", "density", "coverage", "authentic"),
    *("distance", "of held-out"),
)
# cli/versions.py has the same for --help, where no column is left out.
LEGEND = (
    "rows, real   what was made, originals of the class; near: up to an image's k-th nearest other",
    "precision    share of rows near originals; density: to how many, over k; high is good",
    "recall       share of originals near rows; coverage: that have a row near; high is good",
    "authentic    share of rows that are no near-copies of an original; high is good",
    "distance     median to the nearest original, in features of a random network (random-cnn)",
    "of held-out  distance over that of new real images; near 1 is good, well below 1: copies",
)


@dataclass(frozen=True)
class MethodQuality:
    """What one method made: its rows of the version, int64 [M], and how good they are."""

    rows: Int64Array
    quality: Quality


@dataclass(frozen=True)
class HeldOutQuality:
    """The name of a held-out source, and its images measured as if a method had made them."""

    name: str
    quality: Quality


@dataclass(frozen=True)
class QualityResult:
    """A version's generated rows against its originals.

    Attributes:
        address: the version.
        class_names: in label order.
        labels: int64 [N], the class of each row of the version: that of its largest share.
        space: where distances were taken.
        origin: int64 [n], for each original its position among the manifest's source rows.
        methods: what each method made, by its name; none where all rows are originals.
        held_out: how real images fare that nothing was made from; None where none were named.
    """

    address: str
    class_names: tuple[str, ...]
    labels: Int64Array
    space: FeatureSpace
    origin: Int64Array
    methods: dict[str, MethodQuality]
    held_out: HeldOutQuality | None


def quality(text: str, progress: Progress, held_out: SourceSpec | None = None) -> QualityResult:
    """Compare what each method made with the originals of the version that ``text`` names.

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
    held_out_source = _held_out(version, originals, held_out) if held_out else None
    space = random_features(version.source.image_shape)
    made = [name for name in np.unique(version.methods).tolist() if name != "original"]
    generated = {name: np.flatnonzero(version.methods == name) for name in made}
    total = len(originals) + len(held_out_source or ()) + sum(map(len, generated.values()))
    with (
        pinned_threads(1),
        progress.bar("comparing generated images with originals", total, "image") as bar,
    ):
        real = Real(features_of(space, originals), originals.labels)
        bar.advance(len(originals))

        def measure(source: Source, usual: HeldOut | None) -> Quality:
            read = _reader(space, source)
            return compare(real, read, source.labels, held_out=usual, on_rows=bar.advance)

        usual, measured = None, None
        if held_out_source is not None:
            new = measure(held_out_source, None)
            usual = HeldOut(held_out_source.labels, new.neighbours.distance)
            measured = HeldOutQuality(held_out_source.name, new)
        methods = {
            name: MethodQuality(rows, measure(version.source.restricted_to(rows), usual))
            for name, rows in generated.items()
        }
    return QualityResult(
        address=version.address,
        class_names=version.source.class_names,
        labels=version.source.labels,
        space=space,
        origin=origin,
        methods=methods,
        held_out=measured,
    )


def as_json(result: QualityResult) -> dict[str, Any]:
    """Return the figures as plain values, classes by name."""

    def plain(measured: Quality) -> dict[str, Any]:
        classes = {
            result.class_names[label]: asdict(figures)
            for label, figures in measured.classes.items()
        }
        return {"overall": asdict(measured.overall), "classes": classes}

    held_out = result.held_out
    return {
        "features": {"name": result.space.name, "sha256": result.space.sha256},
        "neighbours": NEIGHBOURS,
        "originals": len(result.origin),
        "held_out": {"source": held_out.name, **plain(held_out.quality)} if held_out else None,
        "methods": {name: plain(each.quality) for name, each in result.methods.items()},
    }


def as_text(result: QualityResult) -> str:
    """Return a table for each method with a line for each class."""
    if not result.methods:
        return "quality   all rows are originals: there is nothing to compare"
    lines = [f"quality   against {len(result.origin):,} originals, in {result.space.name}"]
    tables = {name: each.quality for name, each in result.methods.items()}
    if result.held_out:
        tables[f"held out: {result.held_out.name}"] = result.held_out.quality
    for name, measured in tables.items():
        table: list[tuple[str, ...]] = [HEAD]
        for label, figures in measured.classes.items():
            table.append(_line(result.class_names[label], figures))
        table.append(_line("all", measured.overall))
        shown = len(HEAD) if result.held_out else len(HEAD) - 1
        lines += ["", name, *_aligned([line[:shown] for line in table])]
    legend = LEGEND if result.held_out else LEGEND[:-1]
    return "\n".join([*lines, "", *legend])


def check_rows_path(path: Path) -> None:
    """Refuse a place that cannot take the table of ``write_rows``, before hours are spent.

    Raises:
        RecipeError: it does not end in .parquet, or its folder is not there.
    """
    if path.suffix != ".parquet" or not path.parent.is_dir():
        raise RecipeError(
            f"--quality-out {path}",
            "this is no .parquet file in a folder that exists",
            "Name one, such as rows.parquet.",
        )


def write_rows(result: QualityResult, path: Path) -> None:
    """Write one line for each generated row: its nearest original, how far, and if authentic.

    ``nearest_source`` counts, as ``source_index`` in the version does, positions among the source
    rows of the manifest.

    Raises:
        ResourceError: the file cannot be written.
    """
    parts = [
        (name, each.rows, each.quality.neighbours)
        for name, each in sorted(result.methods.items(), key=lambda item: item[1].rows[0])
    ]
    rows = _joined([rows for _, rows, _ in parts], np.int64)
    order = np.argsort(rows)
    columns: dict[str, npt.NDArray[Any]] = {
        "row": rows,
        "method": _joined([np.full(len(rows), name) for name, rows, _ in parts], np.str_),
        "label": result.labels[rows],
        "nearest_source": result.origin[_joined([each.nearest for *_, each in parts], np.int64)],
        "distance": _joined([each.distance for *_, each in parts], np.float32),
        "authentic": _joined([each.authentic for *_, each in parts], np.bool_),
    }
    write_file(path, table_bytes({name: values[order] for name, values in columns.items()}))


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
    source = open_any(converted_like(spec, version.manifest.source))
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
    read, block = _reader(space, source), 1024
    parts = [
        read(np.arange(start, min(start + block, len(source))))
        for start in range(0, len(source), block)
    ]
    return np.concatenate(parts)


def _line(name: str, figures: Figures) -> tuple[str, ...]:
    return (
        name,
        f"{figures.rows:,}",
        f"{figures.real_rows:,}",
        str(figures.k),
        *map(
            _number,
            (
                *(figures.precision, figures.recall, figures.density, figures.coverage),
                *(figures.authentic, figures.distance, figures.distance_ratio),
            ),
        ),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _aligned(table: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join([first.ljust(widths[0]), *map(str.rjust, rest, widths[1:])])
        for first, *rest in table
    ]


def _joined(parts: list[npt.NDArray[Any]], dtype: type[Any]) -> npt.NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)
