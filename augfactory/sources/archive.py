"""Zip and tar files: of class folders, as ``folder.py`` reads them, or WebDataset samples.

``photos.zip`` holds ``<class>/…`` or ``train/<class>/…``, perhaps below one more folder. A ``.tar``
of WebDataset samples, or a folder of such shards, has ``KEY.jpg`` beside ``KEY.cls`` (or .json,
.txt); shards whose names say train, test or val are splits. Nothing is unpacked to disk; links,
special files and paths that lead out of the archive are refused.
"""

import os
import re
from pathlib import Path

import numpy as np

from augfactory.errors import InputDataError
from augfactory.records import Source, SourceSpec
from augfactory.sources.kind import SourceKind
from augfactory.sources.listing.class_paths import class_paths, split_in_name
from augfactory.sources.parsing.archive_files import Member, is_archive, members_of, names_of
from augfactory.sources.parsing.decoder_errors import decoder_errors
from augfactory.sources.parsing.image_files import source_of_files
from augfactory.sources.parsing.labels import read_labels, require_two_classes
from augfactory.sources.parsing.webdataset_samples import (
    Sample,
    class_names_beside,
    holds_samples,
    samples_of,
)


def open_archive(path: Path, split: str | None, spec: SourceSpec) -> Source:
    """Open a zip or tar file, or a folder of WebDataset shards.

    Raises:
        InputDataError: it is damaged or unsafe, holds neither class folders nor samples, or the
            split is not there.
    """
    if not path.is_dir():
        members = members_of(path)
        if holds_samples(members):
            own = split_in_name(path.name) if _has_train(path.parent) else None
            if split not in (None, own):
                raise InputDataError(
                    path, f"it has no splits, so no {split} split", f"Leave :{split} off."
                )
            return _of_samples(path, samples_of(members), own, spec)
        return _of_class_folders(path, members, split, spec)
    shards = _shards(path)
    splits = {name: split_in_name(name) for name in shards}
    if "train" in splits.values():
        split = split or "train"
    elif split is not None and split not in splits.values():
        raise InputDataError(path, f"it has no splits, so no {split} split", f"Leave :{split} off.")
    chosen = [name for name in shards if split is None or splits[name] == split]
    if not chosen:
        there = sorted({own for own in splits.values() if own is not None})
        raise InputDataError(
            path, f"no shard is of the {split} split", f"Name :{' or :'.join(there)}."
        )
    samples = [sample for name in chosen for sample in samples_of(members_of(path / name))]
    return _of_samples(path / chosen[0], samples, split, spec)


def _of_class_folders(
    path: Path, members: list[Member], split: str | None, spec: SourceSpec
) -> Source:
    by_name = {member.name: member for member in members}
    found = class_paths(path, names_of(members), split)
    labels = np.array(found.labels, dtype=np.int64)
    require_two_classes(labels, str(path))
    rows = [by_name[name] for name in found.paths]
    return source_of_files(
        spec,
        split=found.split,
        class_names=found.class_names,
        labels=labels,
        path_of=lambda row: path / found.paths[row],
        row_name=lambda row: found.paths[row],
        open_row=lambda row: rows[row].open(),
    )


def _of_samples(path: Path, samples: list[Sample], split: str | None, spec: SourceSpec) -> Source:
    if not samples:
        raise InputDataError(path, "there are no samples in it", "Name shards that hold some.")
    labels, class_names = _labels(path, [sample.label for sample in samples])
    rows = [sample.image for sample in samples]
    return source_of_files(
        spec,
        split=split,
        class_names=class_names,
        labels=labels,
        path_of=lambda row: rows[row].archive / rows[row].name,
        row_name=lambda row: f"{rows[row].archive.name}/{rows[row].name}",
        open_row=lambda row: rows[row].open(),
    )


def _labels(path: Path, texts: list[str]) -> "tuple[np.ndarray, tuple[str, ...]]":
    if all(re.fullmatch(r"\d{1,9}", text) for text in texts):
        numbers = np.array([int(text) for text in texts])
        labels, _, names = read_labels(numbers, None, class_names_beside(path), str(path))
        return labels, names
    names = tuple(sorted(set(texts)))
    number_of = {name: number for number, name in enumerate(names)}
    labels = np.array([number_of[text] for text in texts], dtype=np.int64)
    require_two_classes(labels, str(path))
    return labels, names


def _has_train(folder: Path) -> bool:
    return any(split_in_name(name) == "train" for name in _shards(folder))


def _shards(folder: Path) -> list[str]:
    """Return the names of the plain tar files directly in a folder, sorted."""
    with decoder_errors(folder, "cannot be listed", "Check the folder."):
        return sorted(
            name
            for name in os.listdir(folder)
            if name.lower().endswith(".tar") and not name.startswith(".")
        )


def _holds(path: Path, folder: bool) -> bool:
    return bool(_shards(path)) if folder else is_archive(path)


SOURCE = SourceKind(holds=_holds, open=open_archive)
