"""The options that say where work is done, as ``expand``, ``tune``, ``evaluate`` and ``study``."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from augfactory.errors import RecipeError, one_of

if TYPE_CHECKING:
    from augfactory.engines.processes import Engine

ENGINES = ("local", "ray")
EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="|".join(ENGINES),
        help="Where work is done: processes of this machine, or Ray (docs/scale.md).",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT|auto",
        help="With --engine ray: the cluster; without it, one is started here for this command.",
    ),
]
Through = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="With --engine ray: machines share no folder, and shards come through this place.",
    ),
]


@dataclass(frozen=True)
class Chosen:
    """Where work is done, and how many tasks at once."""

    engine: "Engine"
    workers: int


@contextlib.contextmanager
def chosen_engine(
    name: str, address: str | None, workers: int | None, through: str | None = None
) -> Iterator[Chosen]:
    """Give the engine that the options name, for the time of a command.

    Raises:
        RecipeError: there is none of this name, or the options contradict each other.
        ResourceError: Ray is not installed, or its cluster cannot be reached.
    """
    one_of("--engine", "engine", name, ENGINES)
    if name == "local" and address is not None:
        raise RecipeError("--address", "is that of a Ray cluster", "Add --engine ray.")
    if name == "local" and through is not None:
        raise RecipeError("--through", "is for machines of a Ray cluster", "Add --engine ray.")
    from augfactory.engines.processes import default_workers, worker_pool

    if name == "local":
        yield Chosen(worker_pool, workers or default_workers())
        return
    from augfactory.engines.ray import ray_engine
    from augfactory.store.disk.scratch import owned_folder
    from augfactory.store.manifest import library_versions

    with ray_engine(address, workers, library_versions, owned_folder) as engine:
        # A cluster is asked at once how large it is; one that is yet to be started is this machine.
        yield Chosen(engine, engine.workers if engine.is_there else workers or default_workers())
