"""The quality of a version's images as plain values, as tables and as one line for each row."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augfactory.commands.evaluate.quality import MethodQuality, QualityResult
from augfactory.errors import RecipeError
from augfactory.evaluation.images.judged import Judged, Judgement
from augfactory.evaluation.images.judges import FOLDS
from augfactory.evaluation.images.quality import NEIGHBOURS, Metrics, Quality
from augfactory.guarded.tables import aligned
from augfactory.records import Float32Array
from augfactory.store.disk.atomic import write_file
from augfactory.store.tables import table_bytes

JUDGED_HEAD = ("class", "rows", "read", "sharpness", "own", "nearest", "coverage")
HEAD = (
    *("method", "rows", "real", "k", "precision", "recall", "density", "coverage", "authentic"),
    *("distance", "of held-out"),
)
# cli/versions/info.py has the same for --help, where no column is left out.
JUDGED_LEGEND = (
    "read         share of rows whose class is named by a classifier that never saw their original",
    "sharpness    fine detail over that of the originals of the class; 1 is theirs, less is blur",
    "own          median distance to the row's own original; nearest: to any; in the features of",
    "             that classifier, where 1 is how far originals lie apart",
    "coverage     share of originals with a row near, up to the k-th nearest other of the class",
)
LEGEND = (
    "rows, real   what was made, originals; near: up to an image's k-th nearest other",
    "precision    share of rows near originals; density: to how many, over k",
    "recall       share of originals near rows; coverage: that have a row near",
    "authentic    share of rows that are not near-copies of an original; high is good",
    "distance     median to the nearest original, in features of a random network (random-cnn)",
    "of held-out  distance over that of new real images; near 1 is good, well below 1: copies",
)


def as_json(result: QualityResult) -> dict[str, Any]:
    """Return the figures as plain values, classes by name."""
    names = result.class_names

    def plain(measured: Quality, judged: Judgement | None) -> dict[str, Any]:
        classes = {names[label]: asdict(figures) for label, figures in measured.classes.items()}
        return {
            "judged": _plain(judged, names),
            "overall": asdict(measured.overall),
            "classes": classes,
        }

    held_out = result.held_out
    return {
        "features": {"name": result.space.name, "sha256": result.space.sha256},
        "neighbours": NEIGHBOURS,
        "originals": len(result.origin),
        "originals_judged": _plain(result.judged, names),
        "held_out": (
            {"source": held_out.name, **plain(held_out.quality, held_out.judgement)}
            if held_out
            else None
        ),
        "methods": {
            name: plain(each.quality, each.judgement) for name, each in result.methods.items()
        },
    }


def _plain(judged: Judgement | None, names: tuple[str, ...]) -> dict[str, Any] | None:
    if judged is None:
        return None
    classes = {names[label]: asdict(found) for label, found in judged.classes.items()}
    return {"overall": asdict(judged.overall), "classes": classes}


def as_text(result: QualityResult) -> str:
    """Return what classifiers make of each method, class by class, then distances in all."""
    if not result.methods:
        return "quality   all rows are originals: there is nothing to compare"
    return "\n".join([*_judged_text(result), *_distances_text(result)])


def _judged_text(result: QualityResult) -> list[str]:
    if result.judged is None:
        return [
            "quality   fewer than six originals, or a single class: no classifier can judge",
            "",
        ]
    lines = [
        f"quality   judged by {FOLDS} classifiers of the {len(result.origin):,} originals; "
        "none judges what it learnt from"
    ]
    tables = {"originals": result.judged}
    if result.held_out and result.held_out.judgement:
        tables[f"held out: {result.held_out.name}"] = result.held_out.judgement
    tables |= {name: each.judgement for name, each in result.methods.items() if each.judgement}
    for name, judged in tables.items():
        table: list[tuple[str, ...]] = [JUDGED_HEAD]
        for label, found in judged.classes.items():
            table.append(_judged_line(result.class_names[label], found))
        table.append(_judged_line("all", judged.overall))
        lines += ["", name, aligned(table)]
    left_out = [
        f"{name}: {len(each.rows) - each.judgement.overall.rows:,} of {len(each.rows):,} rows mix "
        "originals of several classifiers and are not judged"
        for name, each in result.methods.items()
        if each.judgement and each.judgement.overall.rows < len(each.rows)
    ]
    return [*lines, "", *left_out, *JUDGED_LEGEND, ""]


def _judged_line(name: str, found: Judged) -> tuple[str, ...]:
    measures = (found.read, found.sharpness, found.own, found.nearest, found.coverage)
    return name, f"{found.rows:,}", *map(_number, measures)


def _distances_text(result: QualityResult) -> list[str]:
    measured = {name: each.quality.overall for name, each in result.methods.items()}
    if result.held_out:
        held_out = {f"held out: {result.held_out.name}": result.held_out.quality.overall}
        measured = held_out | measured
    table = [HEAD, *(_line(name, figures) for name, figures in measured.items())]
    shown = len(HEAD) if result.held_out else len(HEAD) - 1
    return [
        f"distances in {result.space.name}, which tells copies from new images, not blur",
        "",
        aligned([line[:shown] for line in table]),
        "",
        *(LEGEND if result.held_out else LEGEND[:-1]),
    ]


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
    """Write one line for each generated row: what a classifier makes of it, its nearest original.

    ``read`` and ``sharpness`` are NaN where a row was not judged.

    ``nearest_source`` counts, as ``source_index`` in the version does, positions among the source
    rows of the manifest.

    Raises:
        ResourceError: the file cannot be written.
    """
    parts = sorted(result.methods.items(), key=lambda item: item[1].rows[0])
    rows = _joined([each.rows for _, each in parts], np.int64)
    neighbours = [each.quality.neighbours for _, each in parts]
    order = np.argsort(rows)
    columns: dict[str, npt.NDArray[Any]] = {
        "row": rows,
        "method": _joined([np.full(len(each.rows), name) for name, each in parts], np.str_),
        "label": result.labels[rows],
        "nearest_source": result.origin[_joined([each.nearest for each in neighbours], np.int64)],
        "distance": _joined([each.distance for each in neighbours], np.float32),
        "authentic": _joined([each.authentic for each in neighbours], np.bool_),
        "read": _joined([_each(each)[0] for _, each in parts], np.float32),
        "sharpness": _joined([_each(each)[1] for _, each in parts], np.float32),
    }
    write_file(path, table_bytes({name: values[order] for name, values in columns.items()}))


def _each(measured: MethodQuality) -> tuple[Float32Array, Float32Array]:
    """Return what classifiers read of each row and how sharp it is."""
    if measured.judgement is None:
        blank = np.full(len(measured.rows), np.nan, dtype=np.float32)
        return blank, blank
    return measured.judgement.each.read, measured.judgement.each.sharpness


def _line(name: str, figures: Metrics) -> tuple[str, ...]:
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


def _joined(parts: list[npt.NDArray[Any]], dtype: type[Any]) -> npt.NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)
