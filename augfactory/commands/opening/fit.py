"""Whether images can be used beside those that a classifier is trained on."""

from augfactory.errors import InputDataError
from augfactory.records import Source


def check_fit(
    training: Source,
    other: Source,
    what: str = "a test source",
    how: str = "convert it with --size and --grey or --rgb",
) -> None:
    """Refuse images that a classifier trained on ``training`` cannot be measured on.

    ``what`` they are to be, and ``how`` others are made so, in words.

    Raises:
        InputDataError: there are none, or their classes or image shape are others.
    """
    if len(other) == 0:
        raise InputDataError(other.name, "it holds no images", f"Name {what} with images.")
    if training.class_names != other.class_names:
        _refuse_classes(training, other, what)
    if training.image_shape != other.image_shape:
        raise InputDataError(
            other.name,
            f"its images are {_shape(other)}, those of {training.name} are {_shape(training)}",
            f"Name {what} of that size and colour, or {how}.",
        )


def among_classes(training: Source, other: Source) -> Source:
    """Return ``other``, its classes numbered as those of ``training``.

    Where it has further ones it is left as it is, and ``check_fit`` refuses it.
    """
    if set(other.class_names) <= set(training.class_names):
        return other.among(training.class_names)
    return other


def _refuse_classes(training: Source, other: Source, what: str) -> None:
    """Raise InputDataError: the classes of ``other`` are not those of ``training``."""
    unknown = tuple(name for name in other.class_names if name not in training.class_names)
    missing = tuple(name for name in training.class_names if name not in other.class_names)
    differs, remedies = [], []
    if unknown:
        differs.append(f"it has classes that {training.name} does not know: {_listed(unknown)}")
        remedies.append("Leave the images of these classes out, or make datasets of all classes.")
    if missing:
        differs.append(f"it has no image of {_listed(missing)}")
        remedies.append(f"Name {what} that has the same classes under the same names.")
    if not differs:
        differs.append(f"it has the classes of {training.name} in another order")
        remedies.append(f"Name {what} that numbers them alike.")
    raise InputDataError(other.name, "; ".join(differs), " ".join(remedies))


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown}, … {len(names)} in all"


def _shape(source: Source) -> str:
    height, width, channels = source.image_shape
    return f"{height}×{width} {'RGB' if channels == 3 else 'grey'}"
