"""A version copied elsewhere needs no augfactory: checksums, the card's own code, Croissant."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augfactory.commands.progress import Progress
from augfactory.commands.versions.export import export
from augfactory.names import FORMATS as NAMES
from augfactory.store.manifest import read_manifest
from augfactory.store.reader import open_version, read_rows
from tests.commands.formats import CLASSES, make_version

FORMATS = NAMES
# Runs isolated in the copy; whoever imports augfactory, however indirectly, fails.
BARE = """
import json, re, sys

class NoAugfactory:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "augfactory":
            raise ImportError("there is no augfactory here")

sys.meta_path.insert(0, NoAugfactory())
card = open("README.md", encoding="utf-8").read()
reading = card[card.index("## Reading it"):]
scope = {}
exec(re.search("```python\\n(.*?)```", reading, re.DOTALL)[1], scope)

import numpy as np
from PIL import Image
Image.open("preview.png").verify()
found = {
    "image": np.asarray(scope["image"]).tolist(),
    "soft_label": [float(share) for share in scope["soft_label"]],
    "class_names": scope.get("class_names"),
}
import mlcroissant
described = mlcroissant.Dataset(jsonld="croissant.json")
issues = described.metadata.ctx.issues
found["issues"] = [*issues.errors, *issues.warnings]
found["plan"] = sum(1 for _ in described.records("plan"))
assert "augfactory" not in sys.modules
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module", params=[1, 3], ids=["grey", "colour"])
def versions(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Return one version in every format."""
    place = tmp_path_factory.mktemp("home")
    first = make_version(place, "hdf5", request.param)
    return {to: export(str(first), to, None, Progress()).path for to in FORMATS}


def in_copy(copy: Path, *command: str) -> str:
    done = subprocess.run(
        command,
        cwd=copy,
        env={**os.environ, "HOME": str(copy.parent), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    return done.stdout


@pytest.mark.parametrize("storage", FORMATS)
def test_a_copy_is_checked_and_read_without_augfactory(
    versions: dict[str, Path], tmp_path: Path, storage: str
) -> None:
    version = versions[storage]
    copy = Path(shutil.copytree(version, tmp_path / "else where" / "copy"))

    checked = in_copy(copy, "sha256sum", "-c", "SHA256SUMS").splitlines()
    files = {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()}
    assert {line.removesuffix(": OK") for line in checked} == files - {"SHA256SUMS"}

    found: dict[str, Any] = json.loads(in_copy(copy, sys.executable, "-I", "-c", BARE))
    first = read_rows(open_version(version), 0, 1)
    image = np.array(found["image"], dtype=np.uint8)
    assert np.array_equal(image.reshape(first.image[0].shape), first.image[0])
    assert found["soft_label"] == first.soft_label[0].tolist()
    assert found["class_names"] in (None, list(CLASSES))
    assert found["issues"] == []
    assert found["plan"] == read_manifest(version).rows


def test_a_flipped_byte_is_found_by_sha256sum(versions: dict[str, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(versions["parquet"], tmp_path / "copy"))
    path = copy / "README.md"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"labelled", b"labeled_"))
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "README.md: FAILED" in done.stdout


@pytest.mark.parametrize("storage", FORMATS)
def test_the_card_warns_where_grey_images_get_three_channels(
    versions: dict[str, Path], storage: str
) -> None:
    card = (versions[storage] / "README.md").read_text("utf-8")
    grey = read_manifest(versions[storage]).image_shape[2] == 1
    warned = "three equal channels" in card
    assert warned == (grey and storage in ("png", "webdataset"))
    assert ('decode("pill")' in card) == (grey and storage == "webdataset")
