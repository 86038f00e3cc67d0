"""Open the set of labelled images that a SOURCE of the command line names."""

import errno
import os
import stat
from dataclasses import replace
from pathlib import Path

from augfactory.errors import InputDataError, RecipeError
from augfactory.guarded.text import escaped, problem_with_name
from augfactory.names import SOURCES as NAMES
from augfactory.records import Source, SourceOptions, SourceSpec
from augfactory.sources.parsing.decoder_errors import decoder_errors
from augfactory.sources.parsing.pixels import converted
from augfactory.sources.registry import SOURCES
from augfactory.sources.sample import open_sample
from augfactory.sources.torchvision_source import PREFIX, open_torchvision
from augfactory.store.reader import open_version
from augfactory.store.splits import VAL
from augfactory.store.versions import find_version, looks_like_version

SAMPLE = "sample"
# The suffixes that choose a split, and what the split is called.
SPLITS = {"train": "train", "test": "test"} | dict.fromkeys(
    ("val", "valid", "validation"), "validation"
)
MAX_SIDE = 4096
LONGEST_CLASS_NAME = 4096  # letters; they stand in every table, sheet and card
LONGEST_SHOWN, MOST_SHOWN = 300, 60  # letters of a text in a message
KINDS = f"A source is {', '.join(NAMES.values())}, '{SAMPLE}' (the bundled digits) or {PREFIX}NAME."


def open_source(spec: SourceSpec) -> Source:
    """Open the source that ``spec`` names.

    Raises:
        InputDataError: it is not there, cannot be read, or is no set of labelled images.
    """
    if looks_like_version(spec.text):
        return open_version(find_version(spec.text)).source
    name, _, split = spec.text.rpartition(":")
    if SPLITS.get(split) == "validation" and looks_like_version(name):
        return replace(open_version(find_version(name), split=VAL).source, name=spec.text)
    if split in SPLITS and looks_like_version(name):
        source = open_version(find_version(name)).source
        if SPLITS[split] != (source.split or "train"):
            raise InputDataError(
                spec.text,
                f"this dataset was made from a {source.split or 'train'} split",
                f"Name it without the suffix: {name}",
            )
        return replace(source, name=spec.text)
    return open_files(spec)


def refuse_test_split(source: Source, what: str) -> None:
    """Keep test and validation images out of what is made from training images.

    Raises:
        InputDataError: ``source`` is a test split or a validation split.
    """
    if source.split in ("test", "validation", VAL):
        kind = "test" if source.split == "test" else "validation"
        raise InputDataError(
            source.name,
            f"this is a {kind} split, and {what} from it would leak into every later {kind}",
            "Name the training split instead, for example with the suffix :train.",
        )


def open_files(spec: SourceSpec) -> Source:
    """Open a source of files; the kind follows from ``spec.text``.

    ``sample`` is always the bundled digits (a folder of that name is ``./sample``). A suffix
    ``:train``, ``:test`` or ``:validation`` (``:val``, ``:valid``) names a split unless a file or
    folder is called so, suffix and all. Images are converted to ``spec.size`` and ``spec.colour``
    when they are read.

    Raises:
        InputDataError: nothing is there, it is of no known kind, cannot be used, or has a class
            whose name cannot be kept; with the file.
        RecipeError: ``spec.size`` is not a size; options of a table are given for what is none.
    """
    if spec.size is not None and not all(1 <= side <= MAX_SIDE for side in spec.size):
        raise RecipeError(
            "--size", f"{spec.size} is not a size", f"Give 1 to {MAX_SIDE} pixels a side."
        )
    _refuse_unfit_text(spec.text)
    text, split = split_suffix(spec.text)
    if text == SAMPLE:
        source = open_sample(split, spec.text)
    elif text.startswith(PREFIX) and not os.path.lexists(text):
        source = open_torchvision(text.removeprefix(PREFIX), split, spec)
    else:
        source = _open_path(text, split, spec)
    refuse_unfit_classes(source)
    _refuse_table_options(source, spec.options)
    options = replace(source.options, fit=spec.options.fit)
    return converted(replace(source, options=options), spec.size, spec.colour, spec.options.fit)


def refuse_unfit_classes(source: Source) -> None:
    """Refuse names of classes that cannot be kept in a dataset: told before anything is made.

    Raises:
        InputDataError: a name is no UTF-8, holds a control character or a line break, or is too
            long.
    """
    for name in source.class_names:
        problem = problem_with_name(name)
        if problem is None and len(name) > LONGEST_CLASS_NAME:
            problem = f"it has {len(name):,} letters, more than {LONGEST_CLASS_NAME:,}"
        if problem is not None:
            raise InputDataError(
                f"{_short(source.name)}: class '{_short(name)}'",
                f"this name cannot be kept: {problem}",
                "Rename the class: its folder, or its entry in class_names.",
            )


def split_suffix(text: str) -> tuple[str, str | None]:
    """Take a split's suffix off the end; what exists with the suffix keeps it.

    Returns:
        The rest, and "train", "test", "validation" or None.
    """
    name, colon, split = text.rpartition(":")
    if not colon or split not in SPLITS or os.path.lexists(text):
        return text, None
    return name, SPLITS[split]


def _refuse_unfit_text(text: str) -> None:
    """Refuse what could not be written down as where a dataset comes from.

    Raises:
        InputDataError: it is no UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputDataError(
            _short(text), "this name is not UTF-8 text", "Rename the file or folder."
        ) from error


def _refuse_table_options(source: Source, given: SourceOptions) -> None:
    """Refuse options of a table where the source is none.

    Raises:
        RecipeError: naming them.
    """
    options = {
        "--labels": given.root, "--file-column": given.file_column,
        "--label-column": given.label_column,
    }  # fmt: skip
    wanted = [option for option, value in options.items() if value is not None]
    if wanted and source.options.file_column is None:
        raise RecipeError(
            " ".join(wanted),
            f"{_short(source.name)} is no table of files and labels",
            "Leave it out, or name a table: .csv, .tsv or .parquet.",
        )


def _short(text: str) -> str:
    """Return the text escaped, and cut where it is absurdly long."""
    return escaped(text if len(text) <= LONGEST_SHOWN else f"{text[:MOST_SHOWN]}…")


def _open_path(text: str, split: str | None, spec: SourceSpec) -> Source:
    with decoder_errors(_short(text), "cannot be looked at", f"Check the path. {KINDS}"):
        try:
            mode = os.stat(text).st_mode
        except (FileNotFoundError, NotADirectoryError) as error:
            what = "there is no such file or folder"
            raise InputDataError(text or "''", what, f"Check the path. {KINDS}") from error
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            what = "this name is too long"
            raise InputDataError(_short(text), what, f"Check the path. {KINDS}") from error
    path, folder = Path(text), stat.S_ISDIR(mode)
    if folder or stat.S_ISREG(mode):
        for kind in reversed(SOURCES.values()):
            if kind.holds(path, folder):
                return kind.open(path, split, spec)
    raise InputDataError(path, "a file of this kind is not a source", KINDS)
