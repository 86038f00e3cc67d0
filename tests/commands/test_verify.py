"""`verify` finds one flipped byte, a missing shard, an edited manifest, and names the file."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.versions.verify import verify, verify_against
from augfactory.errors import InputDataError, VerificationError
from augfactory.names import FORMATS as NAMES
from augfactory.pipeline.recipes import recipe
from augfactory.records import SourceSpec
from augfactory.store.manifest import checksums_bytes, manifest_bytes, read_manifest
from tests.commands.hostile import copy_version, make_version, rewrite
from tests.commands.versions import read_rows
from tests.pictures import write_class_folders


@pytest.fixture(params=NAMES)
def version(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return copy_version(tmp_path, request.param)


def some_data_file(version: Path) -> Path:
    patterns = ("shards/*", "train/*/*.png", "data/*.parquet", "train.lance/data/*")
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


def test_what_a_trainer_left_is_told_apart_from_damage(tmp_path: Path) -> None:
    version = copy_version(tmp_path, "png")
    (version / "train.cache").write_bytes(b"images")
    (version / "train_split").mkdir()
    (version / "train_split" / "a.png").write_bytes(b"copy")
    with pytest.raises(VerificationError) as caught:
        verify(str(version), Progress())
    told = caught.value
    assert told.what.startswith("its own files and rows are as published")
    assert "train.cache: is not in the manifest; a list of images that ultralytics" in told.what
    assert "cut into splits" in told.what
    assert "expand again" not in told.remedy
    command = f"rm -r {version}/train.cache {version}/train_split"
    assert command in told.remedy
    damaged = some_data_file(version)
    kept = damaged.read_bytes()
    rewrite(damaged, kept[:-1])
    with pytest.raises(VerificationError) as caught:
        verify(str(version), Progress())
    assert caught.value.what.startswith("3 thing(s) are not as published")
    assert "Restore these files" in caught.value.remedy
    assert command in caught.value.remedy
    rewrite(damaged, kept)
    (version / "train_split" / "a.png").unlink()
    (version / "train_split").rmdir()
    with pytest.raises(VerificationError, match=r"nothing else is wrong: rm \S+train\.cache\n"):
        verify(str(version), Progress())
    (version / "train.cache").unlink()
    assert verify(str(version), Progress()).rows == 60


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
    for storage in NAMES:
        (tmp_path / storage).mkdir()
        version = make_version(tmp_path / storage, storage)
        hashes.add(read_manifest(version).content_hash)
    assert len(hashes) == 1


def test_a_newer_program_finds_an_older_dataset_sound(
    version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "RENDERING", recipe.RENDERING + 1)
    assert verify(str(version), Progress()).rows == 60


def test_a_damaged_shard_is_named_with_its_rows(tmp_path: Path) -> None:
    version = make_version(tmp_path, "hdf5")
    shards = sorted(version.glob("shards/*.h5"))
    assert len(shards) == 2  # 36 rows of the factor, 24 of mixup
    for path, rows in zip(shards, ("0 to 35", "36 to 59"), strict=True):
        whole = path.read_bytes()
        data = bytearray(whole)
        data[data.index(read_rows(path).image[3].tobytes()) + 5] ^= 1
        rewrite(path, bytes(data))
        with pytest.raises(VerificationError) as found:
            verify(str(version), Progress())
        told = f"shards/{path.name}: its content was changed (sha256 differs); it holds rows {rows}"
        assert told in str(found.value)
        assert "1 thing(s)" in str(found.value)
        rewrite(path, whole)
    assert verify(str(version), Progress()).rows == 60


def test_a_damaged_png_is_named_with_its_row(tmp_path: Path) -> None:
    version = make_version(tmp_path, "png")
    path = next(version.glob("train/*/00000041.png"))
    rewrite(path, path.read_bytes()[:-1] + b"x")
    with pytest.raises(VerificationError, match=r"00000041.png: [^;]*; it holds row 41"):
        verify(str(version), Progress())


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Class folders of 16×20 colour images, and a version d-x2 of the training split at 9×14."""
    for split, seed in (("train", 0), ("test", 1)):
        write_class_folders(tmp_path / "photos" / split, 6, seed)
    request = ExpandRequest(
        SourceSpec(str(tmp_path / "photos"), size=(9, 14)), tmp_path / "d", (2,)
    )
    expand(request, Progress())
    return tmp_path


def test_images_that_stand_in_no_row_are_proven_absent(photos: Path) -> None:
    test = SourceSpec(f"{photos / 'photos'}:test")
    found = verify_against(str(photos / "d-x2"), test, Progress())
    assert (found.source, found.images) == (test.text, 18)


def test_a_test_image_in_a_version_is_named_with_its_row(photos: Path) -> None:
    """It is converted as the originals were, so that it is found at another size too."""
    copied = photos / "photos/test/disc/003.png"
    copied.write_bytes((photos / "photos/train/bar/004.png").read_bytes())
    test = SourceSpec(f"{photos / 'photos'}:test")
    with pytest.raises(VerificationError, match=r"disc/003.png is in d-x2@v1 row 4\n") as found:
        verify_against(str(photos / "d-x2"), test, Progress())
    assert str(found.value).count(" is in d-x2") == 1
    with pytest.raises(VerificationError, match="and there are more"):
        verify_against(str(photos / "d-x2"), SourceSpec(str(photos / "photos")), Progress())


def test_a_generated_row_counts_too(photos: Path) -> None:
    """Not only originals: any row that holds a test image's pixels."""
    version = photos / "d-x2/v1"
    made = read_rows(version / "shards/00000.h5").image[18 + 7]
    images = np.stack([np.zeros_like(made), made])
    np.savez(photos / "leak.npz", images=images, labels=np.array([0, 2]))
    with pytest.raises(VerificationError, match=r"is in d-x2@v1 row 25\n"):
        verify_against(str(version), SourceSpec(str(photos / "leak.npz")), Progress())


def test_images_of_another_shape_cannot_be_compared(photos: Path) -> None:
    test = SourceSpec(f"{photos / 'photos'}:test", size=(9, 13))
    with pytest.raises(InputDataError, match=r"\(9, 13, 3\) .* are \(9, 14, 3\)"):
        verify_against(str(photos / "d-x2"), test, Progress())


def test_the_command_answers_with_exit_codes(photos: Path) -> None:
    run, version, name = CliRunner().invoke, str(photos / "d-x2"), str(photos / "photos")
    absent = run(app, ["verify", version, "--against", f"{name}:test", "--json", "--quiet"])
    assert absent.exit_code == 0
    assert json.loads(absent.stdout)["against"] == {"source": f"{name}:test", "images": 18}
    told = run(app, ["verify", version, "--against", f"{name}:test", "--quiet"])
    assert f"none of the 18 images of {name}:test is in it" in told.stdout
    present = run(app, ["verify", version, "--against", f"{name}:train", "--json", "--quiet"])
    assert present.exit_code == 4
    assert "bar/000.png is in d-x2@v1 row 0" in json.loads(present.stdout)["error"]["what"]
    assert run(app, ["verify", version, "--size", "9"]).exit_code == 2
    plain = run(app, ["verify", version, "--json", "--quiet"])
    assert "against" not in json.loads(plain.stdout)


def test_published_files_are_read_only_and_the_same_request_finds_them(tmp_path: Path) -> None:
    version = make_version(tmp_path, "hdf5")
    files = {path: path.stat() for path in version.rglob("*") if path.is_file()}
    assert len(files) == 8  # two shards, plan, manifest, preview, card, croissant, checksums
    for path, status in files.items():
        assert status.st_mode & 0o222 == 0, path
    assert make_version(tmp_path, "hdf5") == version
    assert [path.name for path in version.parent.iterdir() if path.is_dir()] == ["v1"]
    for path, status in files.items():
        assert path.stat().st_mtime_ns == status.st_mtime_ns
