"""Hugging Face datasets on disk: what ``save_to_disk`` wrote, or Parquet files with images.

A folder of ``save_to_disk`` has ``state.json`` and .arrow files; that of a ``DatasetDict`` has
``dataset_dict.json`` and such a folder for each split. A folder of Parquet files is what the Hub
keeps: ``data/train-00000-of-00001.parquet``; the split is in a file's or folder's name. The image
column is the ``Image`` feature, the label the ``ClassLabel``; ``--file-column`` and
``--label-column`` name others. It is read with pyarrow; ``datasets`` is not needed.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from augfactory.errors import InputDataError, RecipeError, unknown_name
from augfactory.guarded.documents import read_json
from augfactory.guarded.files import inside
from augfactory.guarded.text import escaped
from augfactory.records import Int64Array, Source, SourceOptions, SourceSpec
from augfactory.sources.kind import SourceKind
from augfactory.sources.listing.class_paths import split_in_name
from augfactory.sources.parsing.arrow_images import (
    ArrowFile,
    features_of,
    is_image_type,
    open_file,
    parquet_files_in,
    refuse_no_image,
)
from augfactory.sources.parsing.decoder_errors import decoder_errors
from augfactory.sources.parsing.image_files import source_of_files
from augfactory.sources.parsing.labels import checked_names, require_two_classes
from augfactory.sources.parsing.table_columns import ONE_LABEL, classes_of, label_column_of
from augfactory.sources.parsing.table_files import (
    PARQUET_SUFFIXES,
    TextTable,
    parquet_schema,
)

DICT, STATE = "dataset_dict.json", "state.json"
LARGEST_STATE = 2**26
SAVE_AGAIN = "Save it again with dataset.save_to_disk."
OTHER_TASKS = {"objects": "boxes", "bbox": "boxes", "annotation": "masks", "mask": "masks"}


def open_huggingface(path: Path, split: str | None, spec: SourceSpec) -> Source:
    """Open a dataset; images stay in its files until they are read.

    Raises:
        InputDataError: it is damaged, has no images or labels, or the split is not there.
        RecipeError: a column that was named is not there.
    """
    if spec.options.root is not None:
        raise RecipeError(
            "--labels", f"{spec.text} holds its images and their labels", "Leave it out."
        )
    split, paths = _files_of_split(path, split)
    files = [open_file(each) for each in paths]
    files = [file for file in files if file.rows] or files
    image, label = _columns(path, files[0].schema, spec.options)
    for file in files[1:]:
        if not {image, label} <= {*file.schema.names}:
            raise InputDataError(file.path, f"it has no columns {image} and {label}", SAVE_AGAIN)
    labels, class_names = _labels(path, files, label)
    require_two_classes(labels, str(path))
    ends = np.cumsum([file.rows for file in files], dtype=np.int64)
    readers = [file.images(image) for file in files]

    def place_of(row: int) -> tuple[int, int]:
        place = int(np.searchsorted(ends, row, side="right"))
        return place, row - (int(ends[place - 1]) if place else 0)

    def open_row(row: int) -> BinaryIO:
        place, own = place_of(row)
        return _opened(files[place].path, readers[place], own)

    def row_name(row: int) -> str:
        place, own = place_of(row)
        return f"{files[place].path.name} row {own}"

    notes: tuple[str, ...] = ()
    if (image, label) != (spec.options.file_column, spec.options.label_column):
        notes = (
            f"{path.name}: images from column '{escaped(image)}', classes from column "
            f"'{escaped(label)}' (--file-column and --label-column name others)",
        )
    return source_of_files(
        spec,
        split=split,
        class_names=class_names,
        labels=labels,
        path_of=lambda row: path / row_name(row),
        row_name=row_name,
        open_row=open_row,
        options=SourceOptions(file_column=image, label_column=label, nested=False),
        notes=notes,
    )


def _opened(path: Path, read: Callable[[int], bytes | None], row: int) -> BinaryIO:
    data = read(row)
    if data is None:
        raise refuse_no_image(path, row)
    return io.BytesIO(data)


def _files_of_split(path: Path, split: str | None) -> tuple[str | None, list[Path]]:
    """Return the split and its files."""
    if not path.is_dir():
        found: dict[str | None, list[Path]] = {None: [path]}
    elif (path / DICT).is_file():
        found = {}
        for name in _names(path / DICT, "splits"):
            found.setdefault(split_in_name(name), []).extend(
                _saved(inside(path, f"{name}/x").parent)
            )
    elif (path / STATE).is_file():
        found = {_own_split(path): _saved(path)}
    else:
        found = {}
        for each in parquet_files_in(path):
            words = [split_in_name(part) for part in each.relative_to(path).parts]
            found.setdefault(next((word for word in words if word), None), []).append(each)
    if split is None:
        split = "train" if "train" in found else next(iter(found))
    if split not in found:
        there = sorted(name for name in found if name)
        raise InputDataError(
            path, f"there is no {split} split in it",
            f"Name :{' or :'.join(there)}." if there else f"Leave :{split} off.",
        )  # fmt: skip
    return split, found[split]


def _saved(folder: Path) -> list[Path]:
    """Return the .arrow files that ``save_to_disk`` put into a folder, by its own list."""
    names = _names(folder / STATE, "_data_files")
    with decoder_errors(folder / STATE, "names a file that cannot be used", SAVE_AGAIN):
        return [inside(folder, name) for name in names]


def _own_split(folder: Path) -> str | None:
    """Return the split of a folder that is one of a ``DatasetDict``'s."""
    if not (folder.resolve().parent / DICT).is_file():
        return None
    return split_in_name(folder.resolve().name)


def _names(path: Path, key: str) -> list[str]:
    with decoder_errors(path, "cannot be read as what save_to_disk writes", SAVE_AGAIN):
        values = read_json(path, LARGEST_STATE)[key]
        names = [each["filename"] if isinstance(each, dict) else each for each in values]
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError(f"{key} names nothing")
    return names


def _columns(path: Path, schema: Any, given: SourceOptions) -> tuple[str, str]:
    """Return the names of the columns of images and of labels."""
    for option, name in (("--file-column", given.file_column),
                         ("--label-column", given.label_column)):  # fmt: skip
        if name is not None and name not in schema.names:
            raise unknown_name(option, f"column of {path}", name, schema.names)
    features = features_of(schema)
    images = [given.file_column] if given.file_column else _image_columns(schema, features)
    if len(images) != 1 or not is_image_type(schema.field(images[0]).type):
        there = f"several columns hold images: {', '.join(images)}" if len(images) > 1 else (
            f"no column holds images, of {', '.join(schema.names)}"
        )  # fmt: skip
        raise InputDataError(
            path, escaped(there),
            "Name it with --file-column; make arrays images first: "
            "dataset.cast_column('image', datasets.Image()).",
        )  # fmt: skip
    image = images[0]
    if given.label_column:
        return image, given.label_column
    classes = [
        name for name in schema.names
        if isinstance(features.get(name), dict) and features[name].get("_type") == "ClassLabel"
    ]  # fmt: skip
    if len(classes) == 1:
        return image, classes[0]
    others = classes or [
        name for name in schema.names
        if name != image and str(schema.field(name).type) in PLAIN_TYPES
    ]  # fmt: skip
    label = label_column_of(others)
    if label is not None:
        return image, label
    other = next((OTHER_TASKS[name] for name in schema.names if name in OTHER_TASKS), None)
    raise InputDataError(
        path,
        f"it holds {other}, not classes"
        if other
        else "no column is known to hold the labels, of " + escaped(", ".join(others) or "none"),
        f"{ONE_LABEL} Name its column with --label-column.",
    )


PLAIN_TYPES = ("string", "large_string", "int8", "int16", "int32", "int64", "uint8", "uint16",
               "uint32", "double", "float", "bool")  # fmt: skip


def _image_columns(schema: Any, features: dict[str, Any]) -> list[str]:
    told = [
        name for name in schema.names
        if isinstance(features.get(name), dict) and features[name].get("_type") == "Image"
    ]  # fmt: skip
    return told or [name for name in schema.names if is_image_type(schema.field(name).type)]


def _labels(path: Path, files: list[ArrowFile], label: str) -> tuple[Int64Array, tuple[str, ...]]:
    with decoder_errors(path, f"column {label} cannot be read", SAVE_AGAIN):
        texts = [text for file in files for text in file.texts(label)]
    feature = features_of(files[0].schema).get(label)
    table = TextTable(path, {label: texts}, range(len(texts)), "row")
    if not isinstance(feature, dict) or not isinstance(feature.get("names"), list):
        names, labels = classes_of(table, label)
        return labels, names
    names = checked_names(
        [str(name) for name in feature["names"]], len(feature["names"]), str(path)
    )
    unlabelled = [row for row, text in enumerate(texts) if not _is_class(text, len(names))]
    if unlabelled:
        raise InputDataError(
            path,
            f"{len(unlabelled):,} rows have no class, such as row {unlabelled[0]}, "
            f"whose label is {escaped(texts[unlabelled[0]] or 'empty')}",
            "Filter them out and save it again; a test split of a competition has no labels.",
        )
    return np.array([int(text) for text in texts], dtype=np.int64), names


def _is_class(text: str, classes: int) -> bool:
    return text.isdecimal() and int(text) < classes


def _holds(path: Path, folder: bool) -> bool:
    if not folder:
        return path.suffix.lower() in PARQUET_SUFFIXES and _has_images(path)
    if (path / DICT).is_file() or (path / STATE).is_file():
        return True
    files = parquet_files_in(path)
    return bool(files) and _has_images(files[0])


def _has_images(path: Path) -> bool:
    try:
        schema = parquet_schema(path)
    except InputDataError:
        return False
    return any(is_image_type(field.type) for field in schema)


SOURCE = SourceKind(holds=_holds, open=open_huggingface)
