"""Rows of the plan that a dataset version holds."""

import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from augfactory.errors import VerificationError
from augfactory.guarded.decoding import decoding
from augfactory.guarded.files import open_inside
from augfactory.guarded.parquet import check_table, open_parquet
from augfactory.pipeline.plan import NONE
from augfactory.store.beside.left_out_table import PARENTS_BEFORE, ROW_BEFORE
from augfactory.store.manifest import PLAN
from augfactory.store.reader import Version

COLUMNS_OF_SHARDS = ("row", "method", "round", "view", "source_index", "weight")
KEY = "noise_key"
NOT_DRAWN = (*COLUMNS_OF_SHARDS, "parent_row", ROW_BEFORE, PARENTS_BEFORE)


def planned_rows(version: Version, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Return ``rows`` of plan.parquet, in the order asked; an empty one where it lacks the row.

    Raises:
        VerificationError: the plan cannot be read, or is not that of these rows.
    """
    try:
        with (
            decoding(),
            open_inside(version.folder, PLAN) as file,
            open_parquet(file) as parquet,
        ):
            parents = pa.list_(pa.int64(), version.source_index.shape[1])
            check_table(
                parquet, len(version.source), {"row": [pa.int64()], "parent_row": [parents]}
            )
            for field in parquet.schema_arrow:
                if field.name not in NOT_DRAWN and not (
                    pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
                ):
                    raise ValueError(f"its column {field.name!r} is {field.type}")
            found = pq.read_table(file, filters=[("row", "in", list(rows))]).to_pylist()
    except (OSError, ValueError) as error:
        raise VerificationError(
            version.folder / PLAN,
            f"cannot be read: {error}",
            "Run `augfactory verify` on this version.",
        ) from error
    by_row = {line["row"]: line for line in found}
    return [by_row.get(row, {}) for row in rows]


def drawn_of(planned: dict[str, Any]) -> dict[str, float]:
    """Return every number that was drawn for a row of the plan, by its name."""
    drawn = {
        name: value
        for name, value in planned.items()
        if name not in NOT_DRAWN and not math.isnan(value)
    }
    if drawn.get(KEY) == NONE:
        del drawn[KEY]
    return drawn
