"""A page to look through a dataset version and mark the rows that are not wanted."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from augfactory.commands.versions.rows.planned_rows import drawn_of, planned_rows
from augfactory.guarded.text import escaped
from augfactory.records import READ_AT_ONCE, Int64Array, UInt8Array
from augfactory.report.looking.rows_page import rows_page
from augfactory.store.disk.atomic import write_file
from augfactory.store.reader import Version, open_version
from augfactory.store.versions import find_version

ROWS = 2000
LONGEST_SIDE = 96  # pixels on the page
LEAST_SHARE = 1e-6


@dataclass(frozen=True)
class Shown:
    """What a page holds: ``rows`` of the ``of`` rows of the version."""

    rows: int
    of: int


def preview_page(text: str, out: Path, rows: int = ROWS) -> Shown:
    """Write a page of the version that ``text`` names to ``out``, of ``rows`` rows at most.

    Raises:
        InputDataError: there is no such version.
        VerificationError: its files cannot be read.
    """
    version = open_version(find_version(text))
    chosen = chosen_rows(version, rows)
    data = _data(version, chosen)
    write_file(out, rows_page(f"The rows of {version.address}", _remarks(version, data), data))
    return Shown(len(chosen), len(version.source))


def chosen_rows(version: Version, most: int) -> Int64Array:
    """Return ``most`` rows spread evenly over methods and classes, or all: int64 [n], ascending."""
    total = len(version.source)
    if total <= most:
        return np.arange(total)
    order = np.lexsort((np.arange(total), version.source.labels, version.methods))
    places = (np.arange(most) + 0.5) * total / most
    return np.sort(order[places.astype(np.int64)])


def _data(version: Version, chosen: Int64Array) -> dict[str, Any]:
    manifest = version.manifest
    labels = version.source.read_soft_labels(chosen).tolist()
    planned = planned_rows(version, chosen.tolist())
    row_of = _rows_of_originals(version)
    rows = [
        {
            "row": row,
            "method": str(version.methods[row]),
            "round": int(version.rounds[row]),
            "view": int(version.views[row]),
            "label": sorted(
                ([kind, share] for kind, share in enumerate(shares) if share > LEAST_SHARE),
                key=lambda own: -own[1],
            ),
            "parents": _parents(version, row, plan, row_of),
            # A browser rounds whole numbers of 64 bits, so they come as text.
            "drawn": {
                escaped(name): str(value) if isinstance(value, int) else value
                for name, value in drawn_of(plan).items()
            },
        }
        for row, shares, plan in zip(chosen.tolist(), labels, planned, strict=True)
    ]
    further = sorted(
        {own["row"] for one in rows for own in one["parents"]} - {-1, *chosen.tolist()}
    )
    # A page of few rows of a large version is not to hold more parents than rows.
    kept = further[: len(chosen)]
    return {
        "address": version.address,
        "file": f"{manifest.name}-{manifest.version}",
        "content_hash": manifest.content_hash,
        "class_names": [escaped(name) for name in manifest.class_names],
        "shape": list(manifest.image_shape[:2]),
        "rows": rows,
        "pictures": _pictures(version, np.array([*chosen.tolist(), *kept], dtype=np.int64)),
    }


def _rows_of_originals(version: Version) -> dict[int, int]:
    original = np.flatnonzero(version.methods == "original")
    sources = version.source_index[original, 0].tolist()
    return dict(zip(sources, original.tolist(), strict=True))


def _parents(
    version: Version, row: int, planned: dict[str, Any], row_of: dict[int, int]
) -> list[dict[str, Any]]:
    """Return what a row was made from; "row" is -1 where the version does not hold that."""
    entry, more = version.manifest.source, version.manifest.unlabelled
    numbers = entry.rows if more is None else [*entry.rows, *more.rows]
    mixed = planned.get("parent_row") or [-1] * version.source_index.shape[1]
    itself = version.methods[row] == "original"
    return [
        {
            "source_row": numbers[index],
            "weight": weight,
            "row": row_of.get(index, -1) if known == -1 else max(int(known), -1),
        }
        for index, weight, known in zip(
            version.source_index[row].tolist(), version.weight[row].tolist(), mixed, strict=True
        )
        if index >= 0 and not itself
    ]


def _pictures(version: Version, rows: Int64Array) -> dict[int, str]:
    found = {}
    for start in range(0, len(rows), READ_AT_ONCE):
        block = rows[start : start + READ_AT_ONCE]
        for row, image in zip(block.tolist(), version.source.read_images(block), strict=True):
            found[row] = base64.b64encode(_png(image)).decode()
    return found


def _png(image: UInt8Array) -> bytes:
    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BOX)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _remarks(version: Version, data: dict[str, Any]) -> list[str]:
    total, shown = len(version.source), len(data["rows"])
    remarks = [
        f"All {total:,} rows are on this page."
        if shown == total
        else f"{shown:,} of {total:,} rows are on this page, spread evenly over methods and "
        "classes; --rows takes another number."
    ]
    height, width = data["shape"]
    if max(height, width) > LONGEST_SIDE:
        remarks.append(
            f"Images of {height} × {width} pixels are shown at {LONGEST_SIDE} pixels at most; "
            "`augfactory info --row N --out FILE.png` draws one whole."
        )
    return remarks
