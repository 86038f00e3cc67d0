"""`verify` finds one flipped byte, a missing shard, an edited manifest, and names the file."""

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from augfactory.commands.expand import expand
from augfactory.commands.expand_request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.verify import verify
from augfactory.errors import VerificationError
from augfactory.pipeline import recipe
from augfactory.pipeline.recipe import Format, mix_stage
from augfactory.records import SourceSpec
from augfactory.store.manifest import checksums_bytes, manifest_bytes, read_manifest


@pytest.fixture(params=get_args(Format))
def version(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return make_version(tmp_path, request.param)


def make_version(folder: Path, storage: Format) -> Path:
    random = np.random.default_rng(3)
    images = random.integers(0, 256, (12, 9, 14, 3), dtype=np.uint8)
    np.savez(folder / "set.npz", images=images, labels=np.arange(12) % 3)
    request = ExpandRequest(
        SourceSpec(str(folder / "set.npz")),
        folder / "d",
        (3,),
        mix=(mix_stage("test", "mixup", 2, "expanded", {}),),
        format=storage,
    )
    return expand(request, Progress())[0].path


def rewrite(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


def some_data_file(version: Path) -> Path:
    patterns = ("shards/*", "train/*/*.png", "data/*.parquet")
    return sorted(path for pattern in patterns for path in version.glob(pattern))[0]


def test_what_was_published_is_verified(version: Path) -> None:
    found = verify(str(version), Progress())
    assert (found.rows, found.name, found.version) == (60, "d-x3", "v1")


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_one_flipped_byte_is_found(version: Path, place: float) -> None:
    path = some_data_file(version)
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    rewrite(path, bytes(data))
    with pytest.raises(VerificationError, match=f"{path.name}: its content was changed"):
        verify(str(version), Progress())


def test_a_missing_file_is_found(version: Path) -> None:
    path = some_data_file(version)
    path.unlink()
    with pytest.raises(VerificationError, match=f"{path.name}: is missing"):
        verify(str(version), Progress())


def test_a_cut_file_is_found(version: Path) -> None:
    path = some_data_file(version)
    rewrite(path, path.read_bytes()[:-1])
    with pytest.raises(VerificationError, match=f"{path.name}: has .* bytes, not"):
        verify(str(version), Progress())


def test_a_file_too_many_is_found(version: Path) -> None:
    (version / "notes.txt").write_text("mine")
    with pytest.raises(VerificationError, match=r"notes.txt: is not in the manifest"):
        verify(str(version), Progress())


@pytest.mark.parametrize("key", ["rows", "content_hash", "seconds", "recipe", "class_names"])
def test_an_edited_manifest_is_found(version: Path, key: str) -> None:
    path = version / "manifest.json"
    values = json.loads(path.read_bytes())
    edits = {
        "rows": 61,
        "content_hash": "0" * 64,
        "seconds": 0.0,
        "recipe": {**values["recipe"], "seed": 9},
        "class_names": ["a", "b", "c"],
    }
    rewrite(path, json.dumps({**values, key: edits[key]}).encode())
    with pytest.raises(VerificationError, match=r"manifest.json: was edited"):
        verify(str(version), Progress())


def test_a_manifest_that_is_no_json_is_found(version: Path) -> None:
    rewrite(version / "manifest.json", b"{")
    with pytest.raises(VerificationError, match=r"manifest.json: cannot be read"):
        verify(str(version), Progress())


def test_pixels_are_held_to_the_content_hash_even_when_every_checksum_was_renewed(
    version: Path,
) -> None:
    manifest = read_manifest(version)
    forged = manifest.model_copy(update={"content_hash": "0" * 64})
    data = manifest_bytes(forged)
    rewrite(version / "manifest.json", data)
    rewrite(version / "SHA256SUMS", checksums_bytes(forged.files, data))
    with pytest.raises(VerificationError, match="not those of the content hash"):
        verify(str(version), Progress())


def test_plain_sha256sum_agrees(version: Path) -> None:
    import subprocess

    done = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=version, check=False
    )
    assert done.returncode == 0


def test_all_formats_hold_the_same_content(tmp_path: Path) -> None:
    hashes = set()
    for storage in get_args(Format):
        (tmp_path / storage).mkdir()
        version = make_version(tmp_path / storage, storage)
        hashes.add(read_manifest(version).content_hash)
    assert len(hashes) == 1


def test_a_newer_program_finds_an_older_dataset_sound(
    version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "RENDERING", recipe.RENDERING + 1)
    assert verify(str(version), Progress()).rows == 60
