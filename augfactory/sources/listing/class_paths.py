"""Class folders told from paths alone, such as those in an archive: as ``folder.py`` reads them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from augfactory.errors import InputDataError
from augfactory.sources.parsing.table_files import looks_like_image

# Names of the folder of a split, in the order in which they are looked for.
VALIDATION_NAMES = ("validation", "val", "valid")
SPLIT_NAMES = {
    "train": ("train",),
    "test": ("test", *VALIDATION_NAMES),
    "validation": VALIDATION_NAMES,
}
SPLIT_IN_NAME = re.compile(r"(?:^|[-_.])(train|test|val|valid|validation)(?:[-_.\d]|$)", re.I)
LAYOUT = "It needs one folder per class, with the image files in it."


@dataclass(frozen=True)
class ClassPaths:
    """The images of a split: ``paths`` in order, the class of each, and what the classes are."""

    split: str | None
    class_names: tuple[str, ...]
    paths: tuple[str, ...]
    labels: tuple[int, ...]


def split_in_name(name: str) -> str | None:
    """Return the split that is a word of a name such as ``birds-val-0001.tar``, if any."""
    found = SPLIT_IN_NAME.search(name)
    if found is None:
        return None
    word = found[1].lower()
    return "validation" if word in VALIDATION_NAMES else word


def class_paths(where: object, names: Sequence[str], split: str | None) -> ClassPaths:
    """Return the images among ``names``, paths with "/", of a split; None means train.

    Raises:
        InputDataError: there are no class folders or only one, the split is not there, or it has a
            class that train does not have.
    """
    whole = [name.split("/") for name in names if looks_like_image(name)]
    deep = [parts for parts in whole if len(parts) > 1]
    cut = 0
    while deep and len({parts[cut] for parts in deep}) == 1 and min(map(len, deep)) > cut + 2:
        cut += 1
    folders = {parts[cut].lower(): parts[cut] for parts in deep if len(parts) > cut + 2}
    found = {
        name: next((folders[word] for word in words if word in folders), None)
        for name, words in SPLIT_NAMES.items()
    }
    classes_from = [parts for parts in deep if len(parts) > cut + 1]
    chosen = classes_from
    if found["train"] is not None:
        split = split or "train"
        if found[split] is None:
            others = " or ".join(f":{name}" for name, there in found.items() if there)
            raise InputDataError(where, f"there is no {split} split in it", f"Name {others}.")
        chosen = [parts for parts in deep if parts[cut] == found[split]]
        classes_from = [parts for parts in deep if parts[cut] == found["train"]]
        cut += 1
        chosen, classes_from = (
            [parts for parts in each if len(parts) > cut + 1] for each in (chosen, classes_from)
        )
    elif split is not None:
        raise InputDataError(
            where, f"it has no splits, so no {split} split", f"Leave :{split} off."
        )
    class_names = tuple(sorted({parts[cut] for parts in classes_from}))
    if len(class_names) < 2:
        there = f"only one class folder, {class_names[0]}" if class_names else "no class folders"
        raise InputDataError(where, f"there is {there} in it", LAYOUT)
    numbers = {name: number for number, name in enumerate(class_names)}
    unknown = sorted({parts[cut] for parts in chosen} - numbers.keys())
    if unknown:
        raise InputDataError(
            where, f"the {split} split has a class {unknown[0]}, and the train split has none",
            "Every split has the classes of its train split: rename or remove the folder.",
        )  # fmt: skip
    chosen.sort(key=lambda parts: _order(parts[cut:]))
    return ClassPaths(
        split,
        class_names,
        tuple("/".join(parts) for parts in chosen),
        tuple(numbers[parts[cut]] for parts in chosen),
    )


def _order(parts: Sequence[str]) -> list[tuple[int, str]]:
    """Put the files of a folder before its folders."""
    return [*((1, part) for part in parts[:-1]), (0, parts[-1])]
