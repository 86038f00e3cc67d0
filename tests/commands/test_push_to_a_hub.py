"""`push` to a hub over HTTP, by the hub's own client."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.versions.pushing import destinations
from augfactory.store.manifest import MANIFEST
from tests.commands.hostile import copy_version
from tests.commands.hub_server import HubServer, serving

# The client of the hub gives its HTTP library files in an old way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
HUB = "hf://datasets/me/d-x3"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with serving() as server:
        # What HF_ENDPOINT sets, where it is there before the client is first imported.
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", "hf_nobody")
        yield server


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return copy_version(tmp_path / "made", "png")


def files_in(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_a_version_goes_to_the_hub_and_goes_on_after_the_connection_broke(
    hub: HubServer, version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, words = CliRunner().invoke, ["push", str(version), HUB, "--json", "-q"]
    dry = run(app, [*words, "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert len(json.loads(dry.stdout)["would_send"]) == len(files_in(version))
    assert hub.repositories == {}
    assert all(each.startswith("GET") for each in hub.asked)

    monkeypatch.setattr(destinations, "MOST_FILES", 25)
    hub.breaks_after = 2
    broken = run(app, words)
    assert broken.exit_code == 5
    told = json.loads(broken.stdout)["error"]
    assert told["where"] == HUB
    assert "run the same command again" in told["remedy"]
    assert broken.stderr.count("\n") == 2  # the error and what to do: no bars of others
    assert MANIFEST not in hub.repositories["me/d-x3"]
    assert sum(map(len, hub.commits)) == 50

    hub.breaks_after = -1
    done = run(app, words)
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert (answer["sent"], answer["visibility"]) == (len(files_in(version)) - 50, "private")
    held = hub.repositories["me/d-x3"]
    assert {path: data for path, data in held.items() if path[0] != "."} == files_in(version)
    assert hub.commits[-1] == [MANIFEST]
    assert hub.private == {"me/d-x3": True}
    again = run(app, words)
    assert json.loads(again.stdout)["existing"], again.output


def test_another_version_and_a_public_repository_are_not_touched(
    hub: HubServer, version: Path
) -> None:
    run = CliRunner().invoke
    hub.repositories["me/d-x3"] = {"README.md": b"of somebody"}
    hub.private["me/d-x3"] = False
    told = run(app, ["push", str(version), HUB, "-q"])
    assert told.exit_code == 2
    assert "is a public repository" in told.output
    hub.private["me/d-x3"] = True
    told = run(app, ["push", str(version), HUB, "-q"])
    assert told.exit_code == 2
    assert "README.md" in told.output
    assert hub.repositories["me/d-x3"] == {"README.md": b"of somebody"}
    assert hub.commits == []
