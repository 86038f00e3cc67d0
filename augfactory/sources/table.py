"""A table of image files and their classes: .csv, .tsv or .parquet, one row per image.

The two columns are found by their names and said, or named with ``--file-column`` and
``--label-column``. File names are told from the table's folder, or from that of ``--root``; the
ending may be missing. A column ``split`` with the words train, test and val makes splits; the
classes are those of the whole table. Rows stay in the order of the table.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from augfactory.errors import InputDataError
from augfactory.guarded.text import escaped
from augfactory.records import Source, SourceOptions, SourceSpec
from augfactory.sources.kind import SourceKind
from augfactory.sources.parsing.decoder_errors import decoder_errors
from augfactory.sources.parsing.image_files import source_of_files
from augfactory.sources.parsing.labels import require_two_classes
from augfactory.sources.parsing.table_columns import classes_of, file_and_label, splits_of
from augfactory.sources.parsing.table_files import (
    IMAGE_SUFFIXES,
    PARQUET_SUFFIXES,
    TEXT_SUFFIXES,
    TextTable,
    read_table,
)
from augfactory.sources.parsing.unread_formats import first_unread
from augfactory.store.places import path_at

SUFFIXES = (*TEXT_SUFFIXES, *PARQUET_SUFFIXES)
SHOWN = 5


def open_table(path: Path, split: str | None, spec: SourceSpec) -> Source:
    """Open a table; the images are read when they are asked for.

    Raises:
        InputDataError: it cannot be read, has no classes, or files that it names are not there.
        RecipeError: a column that was named is not there.
    """
    table = read_table(path)
    given = spec.options
    file_column, label_column = file_and_label(table, given.file_column, given.label_column)
    class_names, classes = classes_of(table, label_column)
    root = path.parent if given.root is None else Path(path_at(path.parent, given.root))
    if not root.is_dir():
        raise InputDataError(root, "there is no such folder", "Name the images' with --root.")
    split, rows = _rows_of_split(table, split)
    names = table.columns[file_column]
    repeated = len(rows)
    rows = _each_once(table, names, classes.tolist(), rows)
    repeated -= len(rows)
    require_two_classes(classes[rows], str(path))
    files = _find_files(table, root, names, rows, spec)
    labels = classes[rows]
    notes = []
    if (file_column, label_column) != (given.file_column, given.label_column):
        notes.append(
            f"{path.name}: files from column '{escaped(file_column)}', classes from column "
            f"'{escaped(label_column)}' (--file-column and --label-column name others)"
        )
    if repeated:
        notes.append(f"{path.name}: {repeated:,} rows name a file again; each file counts once")
    source = source_of_files(
        spec,
        split=split,
        class_names=class_names,
        labels=labels,
        path_of=lambda row: root / files[row],
        row_name=lambda row: files[row],
        options=SourceOptions(
            root=given.root,
            file_column=file_column,
            label_column=label_column,
            nested=False,
            follow_links=given.follow_links,
        ),
        notes=tuple(notes),
    )
    chosen = {name: np.array(values, dtype=object)[rows] for name, values in table.columns.items()}
    return replace(source, columns=chosen)


def _rows_of_split(table: TextTable, split: str | None) -> tuple[str | None, list[int]]:
    """Return the split and its rows, all where the table tells of none."""
    splits, everything = splits_of(table), list(range(len(table)))
    if splits is None:
        if split is not None:
            raise InputDataError(
                table.path, f"no column tells which rows are the {split} split",
                "Leave the suffix off, or add a column 'split' with train, val and test.",
            )  # fmt: skip
        return None, everything
    there = set(splits)
    if split is None:
        split = "train" if "train" in there else splits[0]
    if split not in there:
        raise InputDataError(
            table.path, f"no row is of the {split} split, only of {', '.join(sorted(there))}",
            f"Name it with a suffix, such as :{min(there)}.",
        )  # fmt: skip
    return split, [row for row in everything if splits[row] == split]


def _each_once(
    table: TextTable, names: Sequence[str], classes: Sequence[int], rows: Sequence[int]
) -> list[int]:
    """Return the first row of every file among ``rows``.

    Raises:
        InputDataError: a row of the table names no file, or a file is of two classes or splits.
    """
    splits = splits_of(table) or [""] * len(table)
    first: dict[str, int] = {}
    for row, name in enumerate(names):
        if not name:
            raise InputDataError(
                f"{table.path} {table.at(row)}", "it names no file", "Fill it in, or remove it."
            )
        before = first.setdefault(name, row)
        if classes[before] != classes[row]:
            raise InputDataError(
                f"{table.path} {table.at(row)}",
                f"{escaped(name)} has another class than on {table.at(before)}",
                "Every image has one class: remove one of the two rows.",
            )
        if splits[before] != splits[row]:
            raise InputDataError(
                f"{table.path} {table.at(row)}",
                f"{escaped(name)} is in the {splits[row]} split, and on {table.at(before)} in the "
                f"{splits[before]} split",
                "Remove one of the two rows: what is trained on cannot be tested on.",
            )
    return [row for row in rows if first[names[row]] == row]


def _find_files(
    table: TextTable, root: Path, names: Sequence[str], rows: Sequence[int], spec: SourceSpec
) -> list[str]:
    """Return the paths of the files as told from ``root``.

    Where ``spec`` skips what cannot be read, a file that is not there stays as it is named: it is
    told with the others that cannot be read.

    Raises:
        InputDataError: some are not there, all of them, or some lead out of ``root``.
    """
    folders: dict[str, set[str]] = {}
    there = [_existing(root, names[row], folders) for row in rows]
    missing = [row for row, path in zip(rows, there, strict=True) if path is None]
    skipped = spec.skip_broken and len(missing) < len(rows)
    if missing and (not skipped or any("\0" in names[row] for row in missing)):
        raise _missing(table, root, [names[row] for row in missing], missing)
    paths = [path or names[row] for row, path in zip(rows, there, strict=True)]
    if not spec.options.follow_links:
        _refuse_way_out(table, root, paths, rows)
    if (unread := first_unread(list(filter(None, there)))) is not None:
        raise InputDataError(root / unread[0], f"it is {unread[1]}", unread[2])
    return paths


def _existing(root: Path, name: str, folders: dict[str, set[str]]) -> str | None:
    """Return the path of a file as it is there: with its ending, and with slashes."""
    for path in dict.fromkeys((name, name.replace("\\", "/"))):
        folder, _, last = path.rpartition("/")
        if folder not in folders:
            folders[folder] = _listed(root / (folder or ("/" if path.startswith("/") else ".")))
        there = folders[folder]
        if last in there:
            return path
        ended = [last + suffix for suffix in IMAGE_SUFFIXES if last + suffix in there]
        ended = ended or [
            last + suffix.upper() for suffix in IMAGE_SUFFIXES if last + suffix.upper() in there
        ]
        if len(ended) == 1:
            return f"{folder}/{ended[0]}" if folder else ended[0]
    return None


def _listed(folder: Path) -> set[str]:
    with decoder_errors(folder, "cannot be listed", "Check the folder."):
        try:
            return set(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return set()


def _missing(
    table: TextTable, root: Path, names: Sequence[str], rows: Sequence[int]
) -> InputDataError:
    shown = ", ".join(
        f"{escaped(name)} ({table.at(row)})" for name, row in zip(names[:SHOWN], rows, strict=False)
    )
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    remedy = (
        "Restore them or remove their rows, or name the folder that they are in with --root. Or go "
        "on without them: --skip-broken."
    )
    below = sorted(path for path in root.iterdir() if path.is_dir())
    folders = [path for path in below if _existing(path, names[0], {}) is not None]
    if folders:
        remedy = f"{escaped(names[0])} is in {folders[0]}: add --root '{folders[0]}'."
    return InputDataError(
        table.path,
        f"{len(names):,} of {len(table):,} files are not in {root}: {shown}{more}",
        remedy,
    )


def _refuse_way_out(
    table: TextTable, root: Path, files: Sequence[str], rows: Sequence[int]
) -> None:
    """Refuse names and links that lead out of the root; each folder is looked at once."""
    whole, inside = os.path.realpath(root), set()
    for file, row in zip(files, rows, strict=True):
        folder, path = os.path.dirname(file), root / file
        if folder in inside and not path.is_symlink():
            continue
        if not Path(os.path.realpath(path)).is_relative_to(whole):
            raise InputDataError(
                f"{table.path} {table.at(row)}",
                f"{escaped(file)} leads out of {root}",
                "Name the folder that holds all images with --root, or allow it with "
                "--follow-links (in a study file: root and follow_links = true).",
            )
        if not path.is_symlink():
            inside.add(folder)


SOURCE = SourceKind(
    holds=lambda path, folder: not folder and path.suffix.lower() in SUFFIXES,
    open=open_table,
)
