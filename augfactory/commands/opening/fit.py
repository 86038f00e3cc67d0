"""Whether images can be used beside those that a classifier is trained on."""

from augfactory.errors import InputDataError
from augfactory.records import Source


def check_fit(training: Source, other: Source, what: str = "a test source") -> None:
    """Refuse images that a classifier trained on ``training`` cannot be measured on.

    ``what`` they are to be, in words.

    Raises:
        InputDataError: there are none, or their classes or image shape are others.
    """
    if len(other) == 0:
        raise InputDataError(other.name, "it holds no images", f"Name {what} with images.")
    if training.class_names != other.class_names:
        raise InputDataError(
            other.name,
            f"its classes ({_listed(other.class_names)}) are not those of {training.name} "
            f"({_listed(training.class_names)})",
            f"Name {what} that has the same classes under the same names.",
        )
    if training.image_shape != other.image_shape:
        raise InputDataError(
            other.name,
            f"its images are {_shape(other)}, those of {training.name} are {_shape(training)}",
            f"Name {what} of that size and colour, or convert it with --size and --grey or --rgb.",
        )


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown}, … {len(names)} in all"


def _shape(source: Source) -> str:
    height, width, channels = source.image_shape
    return f"{height}×{width} {'RGB' if channels == 3 else 'grey'}"
