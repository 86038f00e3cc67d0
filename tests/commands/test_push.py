"""`push` copies a version whole or goes on later, and never overwrites anything."""

import hashlib
import inspect
import json
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import huggingface_hub
import pytest
from huggingface_hub.errors import RepositoryNotFoundError
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.progress import Progress
from augfactory.commands.versions.pushing import destinations
from augfactory.commands.versions.pushing.push import push
from augfactory.commands.versions.verify import verify
from augfactory.errors import RecipeError, ResourceError, VerificationError
from augfactory.names import FORMATS
from augfactory.store.disk import remote
from augfactory.store.manifest import MANIFEST
from tests.commands.hostile import copy_version, rewrite

HUB = "hf://datasets/me/d-x3"


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return copy_version(tmp_path / "made", "png")


def files_in(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize("storage", FORMATS)
def test_a_copy_at_a_path_is_a_version(tmp_path: Path, storage: str) -> None:
    version = copy_version(tmp_path / "made", storage)
    (version / "train.cache").write_text("a trainer's")  # is not sent
    pushed = push(str(version), f"file://{tmp_path}/to/v1", Progress())
    assert verify(str(tmp_path / "to/v1"), Progress()).content_hash == pushed.content_hash
    (version / "train.cache").unlink()
    assert files_in(tmp_path / "to/v1") == files_in(version)
    assert not pushed.existing
    assert pushed.files == len(pushed.sent) == len(files_in(version))
    again = push(str(version), str(tmp_path / "to/v1"), Progress())
    assert again.existing
    assert again.sent == ()


def test_any_fsspec_file_system_takes_it(version: Path) -> None:
    memory = fsspec.filesystem("memory")
    pushed = push(str(version), "memory://bucket/d/v1", Progress())
    found = {path.removeprefix("/bucket/d/v1/"): memory.cat_file(path)
             for path in memory.find("/bucket/d/v1")}  # fmt: skip
    assert found == files_in(version)
    assert push(str(version), "memory://bucket/d/v1", Progress()).existing
    assert pushed.visibility is None
    memory.rm("/bucket", recursive=True)


@pytest.mark.parametrize("sent", [0, 3, -1])
def test_an_interrupted_copy_is_no_version_and_goes_on(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: int
) -> None:
    local, left = type(fsspec.filesystem("file")), [sent % len(files_in(version))]
    whole, to = local.put_file, tmp_path / "to"

    def stopping(self: Any, path: str, other: str, **more: Any) -> None:
        if left[0] == 0:
            Path(other).parent.mkdir(parents=True, exist_ok=True)
            Path(other).write_bytes(Path(path).read_bytes()[:-1])  # half a file
            raise OSError("the connection is lost")
        left[0] -= 1
        whole(self, path, other, **more)

    monkeypatch.setattr(local, "put_file", stopping)
    with pytest.raises(ResourceError, match="the connection is lost"):
        push(str(version), str(to), Progress())
    assert not (to / MANIFEST).exists()
    before = {path: path.stat().st_mtime_ns for path in to.rglob("*.png")}
    monkeypatch.undo()
    pushed = push(str(version), str(to), Progress())
    assert len(pushed.sent) == len(files_in(version)) - (sent % len(files_in(version)))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert verify(str(to), Progress()).rows == 60


def test_nothing_is_overwritten(version: Path, tmp_path: Path) -> None:
    other, to = copy_version(tmp_path / "other", "hdf5"), tmp_path / "to"
    push(str(other), str(to), Progress())
    before = files_in(to)
    with pytest.raises(RecipeError, match="a different version is there already"):
        push(str(version), str(to), Progress())
    assert files_in(to) == before
    for name in ("README.md", "notes/mine.txt"):  # one of ours and of other content, or not ours
        mine = tmp_path / name.partition(".")[0] / name
        mine.parent.mkdir(parents=True)
        mine.write_text("mine")
        with pytest.raises(RecipeError, match=Path(name).name):
            push(str(version), str(tmp_path / name.partition(".")[0]), Progress())
        assert mine.read_text() == "mine"
    with pytest.raises(RecipeError, match="inside the version"):
        push(str(version), str(version / "sub"), Progress())


def test_a_data_file_that_is_lost_there_is_restored_and_a_changed_card_kept(
    version: Path, tmp_path: Path
) -> None:
    to = tmp_path / "to"
    push(str(version), str(to), Progress())
    lost = next(to.glob("train/*/*.png"))
    lost.unlink()
    (to / "README.md").write_text("my own words")
    pushed = push(str(version), str(to), Progress())
    assert [each.path for each in pushed.sent] == [lost.relative_to(to).as_posix()]
    assert (to / "README.md").read_text() == "my own words"


def test_a_damaged_version_is_not_sent(version: Path, tmp_path: Path) -> None:
    path = next(version.glob("train/*/*.png"))
    rewrite(path, path.read_bytes()[:-1] + b"x")
    with pytest.raises(VerificationError, match=path.name):
        push(str(version), str(tmp_path / "to"), Progress())
    assert not (tmp_path / "to").exists()


def test_the_command_answers(version: Path, tmp_path: Path) -> None:
    run, to = CliRunner().invoke, tmp_path / "to"
    dry = json.loads(run(app, ["push", str(version), str(to), "--dry-run", "--json", "-q"]).stdout)
    assert not to.exists()
    assert {each["path"] for each in dry["would_send"]} == set(files_in(version))
    assert dry["would_send"][-1]["path"] == MANIFEST
    assert (dry["dry_run"], dry["existing"], dry["sent"]) == (True, False, 0)
    listed = run(app, ["push", str(version), str(to), "--dry-run", "-q"]).stdout
    assert "  manifest.json\n" in listed
    assert "would be sent" in listed
    done = json.loads(run(app, ["push", str(version), str(to), "--json", "-q"]).stdout)
    assert done["sent"] == done["files"] == len(files_in(version))
    assert "exists already" in run(app, ["push", str(version), str(to), "-q"]).stdout


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("nowhere://x", "not an address"),
        ("ftp://me:secret@host/x", "holds a password"),
        ("hf://models/me/x", "not a dataset repository"),
        ("hf://datasets/me", "not a dataset repository"),
    ],
)
def test_an_address_that_is_none_is_told(version: Path, to: str, told: str) -> None:
    done = CliRunner().invoke(app, ["push", str(version), to, "-q"])
    assert done.exit_code == 2
    assert told in done.stderr
    assert "secret" not in done.stderr


def test_a_missing_extra_is_told(version: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        remote, "find_spec", lambda name: None if "hub" in name else find_spec(name)
    )
    with pytest.raises(RecipeError, match=r"huggingface_hub\n.*pip install 'augfactory\[hub\]'"):
        push(str(version), HUB, Progress())


class FakeHub:
    """The calls of HfApi that are used, in memory; large files have a sha256, small ones git's."""

    repositories: dict[str, dict[str, bytes]]
    public: set[str]
    commits: list[list[str]]
    fails_after: int
    folder: Path

    def repo_info(self, repo: str, *, repo_type: str) -> Any:
        assert repo_type == "dataset"
        if repo not in self.repositories:
            raise RepositoryNotFoundError("404", response=_Response())
        return SimpleNamespace(private=repo not in self.public)

    def create_repo(self, repo: str, *, repo_type: str, private: bool, exist_ok: bool) -> None:
        assert (repo_type, exist_ok) == ("dataset", True)
        self.repositories[repo] = {".gitattributes": b"*.h5 filter=lfs"}
        self.public |= set() if private else {repo}

    def list_repo_tree(self, repo: str, *, repo_type: str, recursive: bool) -> Any:
        assert (repo_type, recursive) == ("dataset", True)
        yield SimpleNamespace(path="train")  # a folder
        for path, data in self.repositories[repo].items():
            large = SimpleNamespace(sha256=hashlib.sha256(data).hexdigest())
            name = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
            lfs = large if path.endswith(".png") else None
            yield SimpleNamespace(path=path, size=len(data), lfs=lfs, blob_id=name)

    def create_commit(
        self, repo: str, operations: Any, *, commit_message: str, repo_type: str
    ) -> None:
        if len(self.commits) == self.fails_after:
            raise ConnectionError("the connection is lost")
        assert commit_message.startswith("d-x3@v1")
        assert repo_type == "dataset"
        self.commits.append([each.path_in_repo for each in operations])
        for each in operations:
            self.repositories[repo][each.path_in_repo] = Path(each.path_or_fileobj).read_bytes()

    def hf_hub_download(self, repo: str, path: str, *, repo_type: str) -> str:
        assert repo_type == "dataset"
        kept = self.folder / "downloaded"
        kept.write_bytes(self.repositories[repo][path])
        return str(kept)


class _Response:
    headers: dict[str, str] = {}  # noqa: RUF012
    request = None
    status_code = 404


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[FakeHub]:
    class Hub(FakeHub):
        repositories, public, commits, fails_after = {}, set(), [], -1
        folder = tmp_path

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    return Hub


def test_the_fake_is_called_as_the_real_hub_is() -> None:
    for name in ("repo_info", "create_repo", "list_repo_tree", "create_commit", "hf_hub_download"):
        real = inspect.signature(getattr(huggingface_hub.HfApi, name))
        asked = inspect.signature(getattr(FakeHub, name)).parameters.values()
        named = {each.name: "" for each in asked if each.kind is each.KEYWORD_ONLY}
        real.bind(*("" for each in asked if each.kind is not each.KEYWORD_ONLY), **named)


def test_the_hub_gets_a_private_repository_manifest_last(version: Path, hub: type[FakeHub]) -> None:
    assert push(str(version), HUB, Progress(), dry_run=True).visibility == "private"
    assert hub.repositories == {}
    pushed = push(str(version), HUB, Progress())
    held = hub.repositories["me/d-x3"]
    assert {path: data for path, data in held.items() if path[0] != "."} == files_in(version)
    assert hub.commits[-1] == [MANIFEST]
    assert MANIFEST not in hub.commits[0]
    assert (pushed.visibility, hub.public) == ("private", set())
    assert push(str(version), HUB, Progress()).existing


def test_the_hub_goes_on_after_an_interruption(
    version: Path, hub: type[FakeHub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destinations, "MOST_FILES", 25)
    monkeypatch.setattr(hub, "fails_after", 2)
    with pytest.raises(ResourceError, match=r"connection is lost(.|\n)*hf auth login"):
        push(str(version), HUB, Progress())
    assert MANIFEST not in hub.repositories["me/d-x3"]
    monkeypatch.setattr(hub, "fails_after", -1)
    pushed = push(str(version), HUB, Progress())
    assert len(pushed.sent) == len(files_in(version)) - 50
    assert max(map(len, hub.commits)) == 25
    assert sum(map(len, hub.commits)) == len(files_in(version))


def test_who_may_see_it_is_asked_for(version: Path, hub: type[FakeHub], tmp_path: Path) -> None:
    assert push(str(version), HUB, Progress(), public=True).visibility == "public"
    assert hub.public == {"me/d-x3"}
    with pytest.raises(RecipeError, match=r"is a public repository\n.*--public"):
        push(str(version), HUB, Progress())
    with pytest.raises(RecipeError, match="--public"):
        push(str(version), str(tmp_path / "to"), Progress(), public=True)
