"""pseudo-labels.parquet: what classifiers make of each unlabelled image, and whether it serves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from augfactory.guarded.decoding import decoding
from augfactory.guarded.files import inside, read_inside
from augfactory.guarded.parquet import read_parquet
from augfactory.records import Float32Array, Int64Array
from augfactory.store.beside.left_out_table import LEFT_OUT
from augfactory.store.disk.atomic import write_file
from augfactory.store.formats.storage_format import unreadable
from augfactory.store.manifest import PLAN, Manifest
from augfactory.store.tables import table_bytes

PSEUDO_LABELS = "pseudo-labels.parquet"


def tables_beside(manifest: Manifest) -> list[str]:
    """Return the tables that are beside the rows of a version, in whatever format it is."""
    return [
        PLAN,
        *([PSEUDO_LABELS] if manifest.unlabelled is not None else []),
        *([LEFT_OUT] if manifest.left_out else []),
    ]


@dataclass(frozen=True)
class PseudoLabelTable:
    """One line for each of U unlabelled images.

    Attributes:
        row: int64 [U], its number in the unlabelled source.
        soft_label: float32 [U, K], each summing to 1.
        kept: bool [U], whether it serves.
    """

    row: Int64Array
    soft_label: Float32Array
    kept: npt.NDArray[np.bool_]

    def as_bytes(self, images: Sequence[str], class_names: Sequence[str]) -> bytes:
        """Return the file; ``images`` are the names of the U images, for whoever reads it."""
        return table_bytes(
            {
                "row": self.row,
                "image": np.array(images, dtype=np.str_),
                "taken_for": np.array(class_names, dtype=np.str_)[self.soft_label.argmax(axis=1)],
                "soft_label": self.soft_label,
                "sureness": self.soft_label.max(axis=1),
                "kept": self.kept,
            }
        )


def copy_pseudo_labels(version: Path, building: Path, rows: int, classes: int) -> None:
    """Leave the table of a version in ``building``, as it is.

    Raises:
        VerificationError: see ``read_pseudo_labels``.
    """
    read_pseudo_labels(version, rows, classes)
    write_file(building / PSEUDO_LABELS, read_inside(version, PSEUDO_LABELS))


def read_pseudo_labels(folder: Path, rows: int, classes: int) -> PseudoLabelTable:
    """Read the table of a version, or of one under construction.

    Raises:
        VerificationError: it is missing, cannot be read, or is none of ``rows`` images and
            ``classes`` classes.
    """
    path = folder / PSEUDO_LABELS
    try:
        with decoding():
            table = read_parquet(
                inside(folder, PSEUDO_LABELS),
                {
                    "row": [pa.int64()],
                    "soft_label": [pa.list_(pa.float32(), classes)],
                    "kept": [pa.bool_()],
                },
                rows,
                follow=False,
            ).combine_chunks()
            shares = np.asarray(table["soft_label"].combine_chunks().flatten())
            found = PseudoLabelTable(
                np.asarray(table["row"]), shares.reshape(-1, classes), np.asarray(table["kept"])
            )
            if len(found.row) != rows or not found.kept.any() or not np.isfinite(shares).all():
                raise ValueError("it is not a table of these images")
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    return found
