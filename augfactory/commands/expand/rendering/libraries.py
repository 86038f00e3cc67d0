"""Which libraries rendered what an earlier run left: a version holds pixels of one set of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augfactory.commands.progress import Progress
from augfactory.errors import unwritable
from augfactory.guarded.documents import parse_json
from augfactory.guarded.files import read_inside
from augfactory.guarded.text import escaped
from augfactory.store.disk.atomic import remove
from augfactory.store.manifest import library_versions
from augfactory.store.shards import STATE

JOB = f"{STATE}/job.json"
LIBRARIES = "libraries"  # what the job calls them
# No pixel depends on these. Where augfactory renders otherwise, the request is another one.
OF_NO_PIXEL = ("python", "augfactory", "h5py", "pyarrow")


def pixel_libraries() -> dict[str, str]:
    """Return the versions of the libraries that pixels depend on."""
    versions = library_versions()
    return {name: version for name, version in versions.items() if name not in OF_NO_PIXEL}


def other_libraries(job: bytes) -> str | None:
    """Tell in words what a job was begun with in place of the libraries of today.

    Returns:
        None where these are the same, and where the job does not tell, as those of old do not.
    """
    try:
        values = parse_json(job)
    except ValueError:
        return None
    then: Any = values.get(LIBRARIES) if isinstance(values, Mapping) else None
    if not isinstance(then, Mapping):
        return None
    words = [
        f"{name} {escaped(str(then.get(name)))} and not {now}"
        for name, now in pixel_libraries().items()
        if then.get(name) != now
    ]
    return ", ".join(words) or None


def drop_what_others_rendered(building: Path, name: str, progress: Progress) -> None:
    """Remove a dataset under construction that was begun with other libraries, and say so.

    The state, which tells them, goes last, so that what a run which is killed here leaves is not
    taken for today's.

    Raises:
        ResourceError: something cannot be removed.
    """
    try:
        other = other_libraries(read_inside(building, JOB))
    except (OSError, ValueError):
        return
    if other is None:
        return
    progress.say(f"note: {name}: {told_dropped(other)}")
    try:
        others = [path for path in building.iterdir() if path != building / STATE]
    except OSError as error:
        raise unwritable(building, error) from error
    for path in (*others, building):
        remove(path)


def told_dropped(other: str) -> str:
    """Say why what an earlier run rendered is made again."""
    return f"what an earlier run left was made with {other}, and is made again"
