"""Render shards on machines that share no folder: all goes through a place that they reach.

What shards are made from is sent to ``NAME.building-…`` there. A machine fetches it once for each
of its processes, renders in a temporary folder, and sends each shard back; the process that gave
the tasks fetches it and holds it to its hashes. When all are here the place is emptied. After an
interruption it holds what was finished meanwhile.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from augfactory.commands.expand.build import Build
from augfactory.commands.expand.filtering import JUDGES
from augfactory.commands.expand.rendering.job import read_given
from augfactory.commands.expand.rendering.libraries import JOB, other_libraries, told_dropped
from augfactory.commands.expand.rendering.shard import ShardTask, in_two_parts, render_shard
from augfactory.commands.progress import Progress
from augfactory.engines.processes import Run
from augfactory.errors import RecipeError, ResourceError
from augfactory.store.beside.pseudo_label_table import PSEUDO_LABELS
from augfactory.store.disk.passing import folder_of_this_process
from augfactory.store.disk.remote import Remote, open_remote, told
from augfactory.store.exchange import (
    drop_shard,
    fetch_files,
    fetch_shard,
    send_files,
    send_shard,
)
from augfactory.store.shards import RECORD, begin, state_name

LEARNED = (PSEUDO_LABELS, JUDGES)  # what classifiers learned, where they did
OPTION = "--through"


@dataclass(frozen=True)
class SentTask:
    """Shard ``index`` of what was sent to ``place``.

    ``job`` are the files that any shard is made from, ``mixed`` the shards that this one is mixed
    from.
    """

    place: str
    index: int
    job: tuple[str, ...]
    mixed: tuple[int, ...]


def open_place(address: str) -> Remote:
    """Return the place that --through names.

    Raises:
        RecipeError: it is a folder, or none that can be written to.
    """
    if "://" not in address:
        raise RecipeError(
            f"{OPTION} {address}",
            "is a folder: machines that share one need no other place",
            "Leave it out, or name what all machines reach by a URL, such as s3://BUCKET/NAME.",
        )
    return open_remote(address, f"{OPTION} {address}")


def render_elsewhere(
    build: Build, waiting: list[int], run: Run, files: list[str], through: str, progress: Progress
) -> Iterator[int]:
    """Render shards through the place ``through``; yield the rows of each.

    ``files`` are those that ``begin_job_that_travels`` left.

    Raises:
        RecipeError: ``through`` is no such place.
        ResourceError: it cannot be read or written.
    """
    if not waiting:
        return
    place = open_place(f"{through.rstrip('/')}/{build.folder.name}{build.building.name}")
    job = (*files, *(name for name in LEARNED if (build.building / name).is_file()))
    with told(place.address):
        there = _found(place, progress)
        send_files(place, build.building, job)
    ranges = build.ranges
    expanded = tuple(index for index, part in enumerate(ranges) if part.stage == 0)
    for put_off, indices in enumerate(in_two_parts(build, waiting)):
        mixed = expanded if put_off else ()
        sent = [index for index in indices if state_name(index, RECORD) in there]
        for index in sent:
            yield _taken(place, build.building, index)
        if len(sent) < len(indices):
            _send_those_of_an_earlier_run(place, build.building, mixed)
        tasks = [
            SentTask(place.address, index, job, mixed) for index in indices if index not in sent
        ]
        for task, _ in run(render_sent, tasks, None):
            yield _taken(place, build.building, tasks[task].index)
    _empty(place, progress)


def render_sent(task: SentTask) -> None:
    """Make a shard in a temporary folder of this process, and send it.

    Raises:
        AugfactoryError: the place cannot be read or written, or what ``render_shard`` raises.
    """
    place = open_place(task.place)
    building = _folder_of(task.place, task.job)
    _fetch_once(task.place, building, task.mixed)
    render_shard(ShardTask(building, task.index))
    with told(task.place):
        send_shard(place, building, task.index)
    drop_shard(building, task.index)


@lru_cache(maxsize=1)
def _folder_of(place: str, job: tuple[str, ...]) -> Path:
    """Fetch what shards are made from into a folder that goes with this process."""
    building = folder_of_this_process()
    with told(place):
        fetch_files(open_place(place), building, job)
    given = read_given(building)
    begin(building, given.recipe.format, [*given.source.class_names])
    return building


@lru_cache(maxsize=1)
def _fetch_once(place: str, building: Path, indices: tuple[int, ...]) -> None:
    """Fetch the shards that others are mixed from."""
    with told(place):
        for index in indices:
            fetch_shard(open_place(place), building, index)


def _found(place: Remote, progress: Progress) -> Collection[str]:
    """Return the files that an earlier run left at the place, once those of others are removed."""
    there = place.found()
    other = other_libraries(place.read(JOB)) if JOB in there else None
    if other is None:
        return there
    progress.say(f"note: {place.address}: {told_dropped(other)}")
    place.drop(path for path in there if path != JOB)  # the job, which tells it, goes last
    place.drop([JOB])
    return ()


def _taken(place: Remote, building: Path, index: int) -> int:
    with told(place.address):
        return fetch_shard(place, building, index).rows


def _send_those_of_an_earlier_run(place: Remote, building: Path, indices: Sequence[int]) -> None:
    """Send shards that are here alone: others are mixed from them."""
    with told(place.address):
        found = place.found() if indices else {}
        for index in indices:
            if state_name(index, RECORD) not in found:
                send_shard(place, building, index)


def _empty(place: Remote, progress: Progress) -> None:
    try:
        with told(place.address):
            place.remove()
    except ResourceError as error:
        progress.say(f"note: {place.address} was not emptied: {error.what}")
