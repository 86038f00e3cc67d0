"""WebDataset samples: ``KEY.png`` beside ``KEY.cls``, ``KEY.json`` or ``KEY.txt`` in a tar."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augfactory.errors import InputDataError
from augfactory.guarded.documents import parse_json, read_json
from augfactory.guarded.text import escaped
from augfactory.sources.parsing.archive_files import Member
from augfactory.sources.parsing.decoder_errors import decoder_errors
from augfactory.sources.parsing.table_files import IMAGE_SUFFIXES

LABEL_ENDINGS = ("cls", "cls.txt", "label", "label.txt", "class.txt", "txt", "json")
JSON_KEYS = ("label", "cls", "class", "class_name", "target", "category")
INFO_NAMES = ("_info.json", "info.json")
LARGEST_LABEL = 2**16  # bytes
LARGEST_INFO = 2**27
NEEDED = "Each sample needs an image and its class: KEY.jpg and KEY.cls, or a 'label' in KEY.json."


@dataclass(frozen=True)
class Sample:
    """One image and its label, as it is written: a whole number or a name."""

    image: Member
    label: str


def samples_of(members: Sequence[Member]) -> list[Sample]:
    """Return the samples of an archive, in its order.

    Raises:
        InputDataError: an image has no label, or it cannot be read.
    """
    groups: dict[str, dict[str, Member]] = {}
    for member in members:
        folder, slash, last = member.name.rpartition("/")
        stem, _, ending = last.partition(".")
        groups.setdefault(folder + slash + stem, {})[ending.lower()] = member
    samples = []
    for own in groups.values():
        image = next((own[ending] for ending in own if _is_image(ending)), None)
        if image is None:
            continue
        label = next((own[ending] for ending in LABEL_ENDINGS if ending in own), None)
        if label is None:
            raise InputDataError(
                f"{image.archive}: {escaped(image.name)}", "nothing tells its class", NEEDED
            )
        samples.append(Sample(image, _label(label)))
    return samples


def holds_samples(members: Sequence[Member]) -> bool:
    """Say whether the members are samples: there is a .cls, or files of one key side by side."""
    endings: dict[str, set[str]] = {}
    for member in members:
        folder, _, last = member.name.rpartition("/")
        stem, _, ending = last.partition(".")
        endings.setdefault(f"{folder}/{stem}", set()).add(ending.lower())
    return any(own & {*LABEL_ENDINGS} and any(map(_is_image, own)) for own in endings.values())


def class_names_beside(path: Path) -> list[str] | None:
    """Return the class names that an ``_info.json`` beside shards tells, None where none does."""
    for folder in (path.parent, path.parent.parent):
        for name in INFO_NAMES:
            if (folder / name).is_file():
                with decoder_errors(folder / name, "cannot be read as JSON", "Mend or remove it."):
                    values = read_json(folder / name, LARGEST_INFO)
                names = values.get("class_names") if isinstance(values, dict) else None
                if isinstance(names, list) and all(isinstance(each, str) for each in names):
                    return names
    return None


def _is_image(ending: str) -> bool:
    return f".{ending.rpartition('.')[2]}" in IMAGE_SUFFIXES


def _label(member: Member) -> str:
    where = f"{member.archive}: {escaped(member.name)}"
    if member.size > LARGEST_LABEL:
        raise InputDataError(where, f"a label of {member.size:,} bytes", NEEDED)
    with decoder_errors(where, "cannot be read as a label", NEEDED):
        text = member.read().decode()
        value: Any = parse_json(text) if member.name.lower().endswith(".json") else text
    if isinstance(value, dict):
        value = next((value[key] for key in JSON_KEYS if key in value), None)
    if not isinstance(value, (str, int)) or isinstance(value, bool) or not str(value).strip():
        raise InputDataError(where, "it tells no class", NEEDED)
    return str(value).strip()
