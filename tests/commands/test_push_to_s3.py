"""`push` to an S3 server: moto's, over HTTP on this machine, spoken to by s3fs."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import s3fs
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.progress import Progress
from augfactory.commands.versions.pushing.push import push
from augfactory.commands.versions.verify import verify
from augfactory.errors import ResourceError
from augfactory.store.manifest import MANIFEST
from tests.commands.hostile import copy_version
from tests.s3 import s3_server

TO = "s3://sets/d-x3/v1"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start a server with an empty bucket "sets", and let the environment name it."""
    with s3_server(monkeypatch.setenv) as address:
        yield address


def _let_through(server: str, calls: str) -> None:
    plain = {"Content-Type": "text/plain"}
    asked = urllib.request.Request(f"{server}/moto-api/reset-auth", calls.encode(), plain)
    urllib.request.urlopen(asked).close()


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("storage", ["hdf5", "png"])
def test_what_is_fetched_again_is_the_version(tmp_path: Path, storage: str) -> None:
    version = copy_version(tmp_path / "made", storage)
    pushed = push(str(version), TO, Progress())
    assert len(pushed.sent) == pushed.files
    s3fs.S3FileSystem().get(TO, str(tmp_path / "back"), recursive=True)
    assert verify(str(tmp_path / "back"), Progress()).content_hash == pushed.content_hash
    assert push(str(version), TO, Progress()).existing


def test_an_interrupted_push_is_no_version_and_goes_on(tmp_path: Path, server: str) -> None:
    version = copy_version(tmp_path / "made", "png")
    _let_through(server, "9")  # after so many calls the login is refused
    with pytest.raises(ResourceError, match="run the same command again"):
        push(str(version), TO, Progress())
    _let_through(server, "inf")
    there = s3fs.S3FileSystem().find(TO)
    assert 0 < len(there) < 60
    assert not any(path.endswith(MANIFEST) for path in there)
    pushed = push(str(version), TO, Progress())
    assert len(pushed.sent) == pushed.files - len(there)


@pytest.mark.usefixtures("server")
def test_a_bucket_that_is_not_there_is_told(tmp_path: Path) -> None:
    version = copy_version(tmp_path / "made", "hdf5")
    done = CliRunner().invoke(app, ["push", str(version), "s3://nowhere/d", "-q"])
    assert done.exit_code == 5
    assert "bucket does not exist" in done.stderr
    assert "Check the address" in done.stderr
