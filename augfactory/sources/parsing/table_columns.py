"""Which columns of a table name the image and its class, and what the classes are."""

import re
from collections.abc import Sequence

import numpy as np

from augfactory.errors import InputDataError, unknown_name
from augfactory.guarded.text import escaped
from augfactory.records import Int64Array
from augfactory.sources.parsing.labels import MAX_CLASSES
from augfactory.sources.parsing.table_files import TextTable, looks_like_image

# By how surely the name means it; compared in lower case, with "_" for spaces and hyphens.
FILE_NAMES = (
    *("file_name", "filename", "file", "filepath", "file_path", "path", "image_path", "img_path"),
    *("image_file", "image_name", "img_name", "image", "img", "image_id", "img_id", "id", "name"),
)
LABEL_NAMES = (
    *("label", "labels", "class", "class_name", "classname", "target", "category", "species"),
    *("y", "diagnosis", "dx", "breed", "label_name", "class_id", "label_id", "category_id"),
    *("klasse", "classe", "clase"),
)
SPLIT_NAMES = ("split", "subset", "partition", "set", "data_set", "dataset")
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
}
BOX_NAMES = ("xmin", "ymin", "xmax", "ymax", "x_min", "y_min", "x1", "y1", "bbox", "bboxes")
MASK_NAMES = ("mask", "masks", "mask_path", "mask_file", "rle", "encodedpixels", "segmentation")
MANY_NUMBERS = 50  # different whole numbers, from which on they may count or measure something
MANY_ROWS = 20
SHOWN = 4
ONE_LABEL = "augfactory is for classification only: every image has one class."
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def file_and_label(
    table: TextTable, file_column: str | None, label_column: str | None
) -> tuple[str, str]:
    """Return the names of the two columns; None has one found.

    Raises:
        RecipeError: there is no column of a name that was given.
        InputDataError: no column can be told to be it, or the table is of another task.
    """
    names = list(table.columns)
    for option, name in (("--file-column", file_column), ("--label-column", label_column)):
        if name is not None and name not in table.columns:
            raise unknown_name(option, f"column of {table.path}", name, names)
    files = file_column or _first(table, FILE_NAMES, label_column) or _of_images(table)
    if files is None:
        raise InputDataError(
            table.path, f"no column is known to name the image files: {_listed(names)}",
            "Name it with --file-column.",
        )  # fmt: skip
    labels = label_column or _first(table, LABEL_NAMES, files)
    if labels is None:
        others = [name for name in names if name != files]
        _refuse_other_task(table, others)
        if len(others) != 1:
            raise _no_labels(table, others)
        labels = others[0]
    return files, labels


def classes_of(table: TextTable, column: str) -> tuple[tuple[str, ...], Int64Array]:
    """Return the class names in order, and the class of each row, int64 [N].

    Whole numbers are in the order of numbers, all else in that of letters.

    Raises:
        InputDataError: rows have no label, or the column does not hold classes.
    """
    values = table.columns[column]
    empty = [row for row, value in enumerate(values) if not value]
    if empty:
        named = ", ".join(table.at(row) for row in empty[:SHOWN])
        more = f" and {len(empty) - SHOWN:,} more" if len(empty) > SHOWN else ""
        raise InputDataError(
            table.path, f"no label in column '{escaped(column)}': {named}{more}",
            "Fill it in, or remove these rows.",
        )  # fmt: skip
    different = set(values)
    names = {value: value for value in different}
    if all(map(NUMBER.fullmatch, different)):
        numbers = {value: float(value) for value in different}
        _refuse_measures(table, column, numbers, len(values))
        names = {value: _whole(value, number) for value, number in numbers.items()}
        ordered = sorted(set(names.values()), key=lambda name: (int(name), name))
    else:
        if len(different) > max(MANY_ROWS, 0.9 * len(values)):
            raise _not_classes(
                table, column, f"{len(different):,} different texts in {len(values):,} rows"
            )
        ordered = sorted(different)
    if len(ordered) > MAX_CLASSES:
        raise _not_classes(table, column, f"{len(ordered):,} different values")
    number_of = {name: number for number, name in enumerate(ordered)}
    return tuple(ordered), np.array([number_of[names[value]] for value in values], dtype=np.int64)


def label_column_of(names: Sequence[str]) -> str | None:
    """Return which of some columns is called as labels are, the surest first."""
    by_plain = {_plain(name): name for name in reversed(names)}
    return next((by_plain[name] for name in LABEL_NAMES if name in by_plain), None)


def splits_of(table: TextTable) -> list[str] | None:
    """Return the split of each row, None where no column tells it."""
    for name, values in table.columns.items():
        if _plain(name) in SPLIT_NAMES:
            words = [SPLIT_WORDS.get(value.lower()) for value in values]
            if all(word is not None for word in words):
                return [word for word in words if word is not None]
    return None


def _first(table: TextTable, wanted: Sequence[str], taken: str | None) -> str | None:
    by_plain = {_plain(name): name for name in reversed(table.columns) if name != taken}
    return next((by_plain[name] for name in wanted if name in by_plain), None)


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _of_images(table: TextTable) -> str | None:
    """Return the only column whose texts end as image files do."""
    found = [
        name
        for name, values in table.columns.items()
        if all(looks_like_image(value) for value in values[:MANY_ROWS])
    ]
    return found[0] if len(found) == 1 else None


def _refuse_other_task(table: TextTable, others: Sequence[str]) -> None:
    plain = {_plain(name): name for name in others}
    for names, what in ((BOX_NAMES, "boxes"), (MASK_NAMES, "masks")):
        for name in names:
            if name in plain:
                raise InputDataError(
                    table.path,
                    f"column '{escaped(plain[name])}' holds {what}, not classes",
                    f"{ONE_LABEL} Where a column holds it, name that with --label-column.",
                )


def _no_labels(table: TextTable, others: Sequence[str]) -> InputDataError:
    flags = [name for name in others if {*table.columns[name]} <= {"0", "1", "0.0", "1.0"}]
    if len(flags) > 1:
        return InputDataError(
            table.path, f"there is a column of 0 and 1 for each class: {_listed(flags)}",
            f"{ONE_LABEL} Where exactly one of them is 1, write its name into one column "
            f"'label': table['label'] = table[{flags[:2]!r} + […]].idxmax(axis=1) in pandas.",
        )  # fmt: skip
    return InputDataError(
        table.path, f"no column is known to hold the labels: {_listed(others) or 'none is left'}",
        "Name it with --label-column.",
    )  # fmt: skip


def _refuse_measures(table: TextTable, column: str, numbers: dict[str, float], rows: int) -> None:
    """Refuse numbers that measure or count something."""
    broken = [value for value, number in numbers.items() if number != round(number)]
    if broken:
        shown = ", ".join(sorted(broken)[:SHOWN])
        raise _not_classes(table, column, f"numbers such as {shown}")
    if len(numbers) > max(MANY_NUMBERS, rows / 2):
        raise _not_classes(table, column, f"{len(numbers):,} different numbers in {rows:,} rows")


def _not_classes(table: TextTable, column: str, what: str) -> InputDataError:
    return InputDataError(
        table.path,
        f"column '{escaped(column)}' holds {what}, which are no classes",
        f"{ONE_LABEL} Name the column of the classes with --label-column, or sort what was "
        "measured into classes first, in a column of their own.",
    )


def _whole(value: str, number: float) -> str:
    return value if re.fullmatch(r"\d+", value) else str(int(number))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{escaped(name)}'" for name in names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10:,} more"
