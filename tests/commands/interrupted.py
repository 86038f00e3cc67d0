"""An expansion that was stopped when all of its shards were finished."""

from pathlib import Path

import pytest

from augfactory.commands.expand import build as command
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.records import SourceSpec
from augfactory.store.manifest import read_manifest
from tests.commands.hostile import make_version


def request(folder: Path, storage: str = "hdf5") -> ExpandRequest:
    return ExpandRequest(
        SourceSpec(str(folder / "set.npz")),
        folder / "d",
        (3,),
        mix=(mix_stage("test", "mixup", 2, "expanded", {}),),
        format=storage,
    )


def whole_hashes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the content hash of what is made where nothing comes between, by format."""
    storages: tuple[str, ...] = ("hdf5", "png")
    return {
        storage: read_manifest(make_version(tmp_path_factory.mktemp(storage), storage)).content_hash
        for storage in storages
    }


class Stopped(BaseException):
    """The run was killed here."""


def stop(*_: object) -> Path:
    raise Stopped


def interrupted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, storage: str, progress: Progress | None = None
) -> Path:
    """Stop an expansion when all shards are finished; return the folder that it leaves."""
    with monkeypatch.context() as patched:
        patched.setattr(command, "publish", stop)
        with pytest.raises(Stopped):
            expand(request(folder, storage), progress or Progress())
    [building] = (folder / "d-x3").glob(".building-*")
    return building
