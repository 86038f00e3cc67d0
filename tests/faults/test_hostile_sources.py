"""Sources, recipes, studies, models and unfinished trainings from strangers, damaged at random.

What is damaged is used by the command that reads it; it ends with an exit code that is documented,
within a time and a memory, and nothing outside its folder changes.
"""

import errno
import gzip
import json
import os
import shutil
import struct
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.faults import hostile_files, mutations
from tests.faults.counting import FULL, Problem, count, part_of, settle
from tests.faults.faulty import failing, replaced
from tests.faults.running import run
from tests.faults.sealing import snapshot
from tests.faults.small import CLASSES, SIDES, training, write_images

SETTINGS = settings(
    max_examples=50 if FULL else 4,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[*HealthCheck],
)
SLOW = settings(SETTINGS, max_examples=15 if FULL else 2)
EXPAND = ("--factor=2", "--mixup=1", "--workers=1", "--out=d")
COUNT = 12


def _arrays() -> tuple[Any, Any]:
    images = np.random.default_rng(0).integers(0, 256, (COUNT, 6, 9, 3), dtype=np.uint8)
    return images, np.arange(COUNT) % 3


def write_npz(folder: Path) -> Path:
    """Write a source in one .npz, and name its file."""
    images, labels = _arrays()
    np.savez(folder / "s.npz", images=images, labels=labels, class_names=np.array(CLASSES))
    return folder / "s.npz"


def write_packed_npz(folder: Path) -> Path:
    """Write the same, compressed."""
    images, labels = _arrays()
    np.savez_compressed(folder / "s.npz", images=images, labels=labels)
    return folder / "s.npz"


def write_h5(folder: Path) -> Path:
    """Write a source in one HDF5 file."""
    images, labels = _arrays()
    with h5py.File(folder / "s.h5", "w") as file:
        file["image"], file["label"] = images, labels
        file.attrs["class_names"] = json.dumps(CLASSES)
    return folder / "s.h5"


def write_chunked_h5(folder: Path) -> Path:
    """Write the same in compressed chunks."""
    images, labels = _arrays()
    with h5py.File(folder / "s.h5", "w") as file:
        file.create_dataset("image", data=images, chunks=(5, 6, 9, 3), compression="gzip")
        file.create_dataset("label", data=labels, chunks=(7,), shuffle=True)
    return folder / "s.h5"


def _idx(array: Any) -> bytes:
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return head + bytes(array.astype(np.uint8).tobytes())


def write_idx(folder: Path) -> Path:
    """Write IDX files, and name that of the images."""
    images, labels = _arrays()
    (folder / "train-images-idx3-ubyte").write_bytes(_idx(images[..., 0]))
    (folder / "train-labels-idx1-ubyte").write_bytes(_idx(labels))
    return folder / "train-images-idx3-ubyte"


def write_packed_idx(folder: Path) -> Path:
    """Write the same packed, and name that of the labels."""
    images, labels = _arrays()
    images_bytes, labels_bytes = gzip.compress(_idx(images[..., 0])), gzip.compress(_idx(labels))
    (folder / "train-images-idx3-ubyte.gz").write_bytes(images_bytes)
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(labels_bytes)
    return folder / "train-images-idx3-ubyte.gz"


def _write_as(kind: str, folder: Path) -> Path:
    write_images(folder)
    image = Image.open(folder / "ash/0.png").convert("L" if kind == "PGM" else "RGB")
    (folder / "ash/0.png").unlink()
    path = folder / f"ash/0.{kind.lower()}"
    image.save(path, "PPM" if kind == "PGM" else kind)
    return path


SOURCES: dict[str, Callable[[Path], Path]] = {
    "npz": write_npz,
    "npz, packed": write_packed_npz,
    "HDF5": write_h5,
    "HDF5, packed": write_chunked_h5,
    "IDX": write_idx,
    "IDX, packed": write_packed_idx,
    **{kind: partial(_write_as, kind) for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")},
}


def named(path: Path, kind: str) -> Path:
    """Return what is given as SOURCE where ``path`` was written."""
    if kind.startswith("IDX"):
        return path.parent
    return path if kind.startswith(("npz", "HDF5")) else path.parent.parent


def tried(
    what: str, place: Path, *arguments: object, seconds: float = 40, cwd: Path | None = None
) -> list[Problem]:
    """Run a command in a new folder of ``place``; return what should not have been."""
    out = cwd or Path(tempfile.mkdtemp(dir=place, prefix="out"))
    before = snapshot(place, out)
    done = run(*arguments, cwd=out, seconds=seconds)
    count("hostile inputs tried")
    problems = [] if done.defect is None else [Problem("escapes", f"{what}: {done.defect}")]
    if snapshot(place, out) != before:
        problems.append(Problem("escapes", f"{what}: wrote outside"))
    if cwd is None:
        shutil.rmtree(out)
    return problems


@pytest.mark.parametrize("kind", part_of([*SOURCES], 3))
def test_sources(tmp_path: Path, kind: str) -> None:
    path = SOURCES[kind](_made(tmp_path / "source"))
    whole = path.read_bytes()
    assert run("expand", named(path, kind), *EXPAND, cwd=_made(tmp_path / "whole")).code == 0

    @SETTINGS
    @given(mutations.BYTES, st.booleans())
    def damaged(changes: list[mutations.Bytes], inside: bool) -> None:
        if inside and path.suffix == ".gz":
            path.write_bytes(gzip.compress(mutations.changed(gzip.decompress(whole), changes)))
        else:
            path.write_bytes(mutations.changed(whole, changes))
        settle(tried(kind, tmp_path, "expand", named(path, kind), *EXPAND))

    damaged()


def test_images_by_those_who_know_how_they_are_read(tmp_path: Path) -> None:
    source, problems = write_images(tmp_path / "source"), list[Problem]()
    for what, data in part_of(hostile_files.IMAGES, 5):
        (source / "ash/0.png").write_bytes(data())
        problems += tried(f"image: {what}", tmp_path, "expand", source, *EXPAND)
    settle(problems)


@pytest.mark.parametrize("kind", part_of(["npz", "HDF5", "IDX", "IDX, packed", "PNG"], 2))
def test_sources_that_are_no_files(tmp_path: Path, kind: str) -> None:
    path = SOURCES[kind](_made(tmp_path / "source"))
    problems: list[Problem] = []
    kinds: dict[str, Callable[[Path], object]] = {
        "FIFO": os.mkfifo,
        "folder": os.mkdir,
        "device": lambda path: path.symlink_to("/dev/zero"),
        "loop": lambda path: path.symlink_to(path.name),
    }
    for what, make in kinds.items():
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
        make(path)
        arguments = ("expand", named(path, kind), *EXPAND)
        problems += tried(f"{what} instead of {kind}", tmp_path, *arguments, seconds=30)
    settle(problems)


RECIPE = """factor = 2
seed = 3
[geometry]
rotation = 10.0
[[mix]]
method = "mixup"
copies = 1
parents = 2
from = "originals"
[[mix]]
method = "ricap"
copies = 1
"""
STUDY = """title = "small"
about = "x"
source = "sample:train"
test = "sample:test"
n_train = [20]
subsets = 1
seeds = 1
steps = 2
batch = 4
against = ["originals"]
[vae]
steps = 4
[[arms]]
name = "originals"
[[arms]]
name = "ricap, beta {beta}"
factor = 2
[[arms.mix]]
method = "ricap"
copies = 1
beta = "{beta}"
[arms.grid]
beta = [0.1, 0.3]
[quick]
n_train = [10]
[quick.grid]
beta = [0.3]
"""
TOML_VALUES = (
    *("-1", "0", "1", "9" * 5000, "1e999", "-inf", "nan", "true", '""', '"x"', '"\\u0000"'),
    *('"../../x"', '"{a.foo}"', '"{a[0]}"', '"{beta:>2000000000}"', '"{beta!r:{beta}}"', '"{"'),
    *("[]", "[[]]", "{}", "[1, 2]", '["x"]', "[-1]", "[1e300]", "1979-05-27", "07:32:00"),
    *("[" * 2000 + "]" * 2000, "[" * 50 + "]" * 50, "{a = " * 1500 + "1" + "}" * 1500),
    *(f"[{', '.join(['1'] * 100_000)}]", f"'{'x' * 100_000}'", "0x" + "f" * 400, "1_000_000_000"),
)
TOML = st.lists(
    st.tuples(
        st.integers(0, 100),
        st.sampled_from(["replace", "replace", "remove", "repeat", "insert"]),
        st.sampled_from(TOML_VALUES),
    ),
    min_size=1,
    max_size=3,
)


def changed_toml(text: str, changes: list[tuple[int, str, str]]) -> bytes:
    """Return the text with other values, lines removed or repeated, and keys of no meaning."""
    lines = text.splitlines()
    for number, what, value in changes:
        at = number % max(1, len(lines))
        if what == "replace" and "=" in lines[at]:
            lines[at] = f"{lines[at].partition('=')[0]}= {value}"
        elif what == "repeat":
            lines.insert(at, lines[at])
        elif what == "insert":
            lines.insert(at, f"unknown{number} = {value}")
        else:
            del lines[at]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def test_recipes(tmp_path: Path) -> None:
    source, recipe = write_images(tmp_path / "source"), tmp_path / "r.toml"

    @SETTINGS
    @given(st.one_of(TOML, TOML, mutations.BYTES))
    def damaged(changes: list[Any]) -> None:
        by_bytes = callable(changes[0])
        whole = RECIPE.encode()
        data = mutations.changed(whole, changes) if by_bytes else changed_toml(RECIPE, changes)
        recipe.write_bytes(data)
        # What a copied digit asks for may be large and lawful: it is planned, not made.
        arguments = ("--recipe", recipe, "--workers=1", "--out=d", "--dry-run")
        settle(tried(f"recipe {data!r:.300}", tmp_path, "expand", source, *arguments))

    damaged()


def test_studies(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"

    @SETTINGS
    @given(st.one_of(TOML, TOML, mutations.BYTES), st.sampled_from(["--quick", "--full", "--json"]))
    def damaged(changes: list[Any], size: str) -> None:
        by_bytes = callable(changes[0])
        whole = STUDY.encode()
        data = mutations.changed(whole, changes) if by_bytes else changed_toml(STUDY, changes)
        file.write_bytes(data)
        arguments = ("study", file, "--out=s", "--dry-run", size)
        settle(tried(f"study {data!r:.300}", tmp_path, *arguments))

    damaged()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a source and a model of it."""
    folder = tmp_path_factory.mktemp("trained")
    source = write_images(folder / "source", 3, *SIDES)
    done = run(*training(source), cwd=folder)
    assert done.code == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_models(trained: Path, tmp_path: Path, name: str) -> None:
    model = tmp_path / "model"
    shutil.copytree(trained / "model", model)
    whole = (model / name).read_bytes()
    json_changes = mutations.JSON if name == "config.json" else mutations.BYTES

    @SLOW
    @given(st.one_of(json_changes, mutations.BYTES))
    def damaged(changes: list[Any]) -> None:
        if callable(changes[0]):
            data = mutations.changed(whole, changes)
        else:
            data = mutations.changed_json(json.loads(whole), changes, "/dev/zero")
        (model / name).write_bytes(data)
        arguments = ("expand", model, "--factor=2", "--workers=1", "--out=d")
        settle(tried(f"{name} {changes}"[:300], tmp_path, *arguments, seconds=40))

    damaged()


@pytest.mark.parametrize("kind", part_of(["FIFO", "device", "folder"], 3))
@pytest.mark.parametrize("name", part_of(["config.json", "model.safetensors"], 2))
def test_models_that_are_no_files(trained: Path, tmp_path: Path, name: str, kind: str) -> None:
    model = tmp_path / "model"
    shutil.copytree(trained / "model", model)
    (model / name).unlink()
    make: dict[str, Callable[[Path], object]] = {
        "FIFO": os.mkfifo,
        "folder": os.mkdir,
        "device": lambda path: path.symlink_to("/dev/zero"),
    }
    make[kind](model / name)
    arguments = ("expand", model, "--factor=2", "--workers=1", "--out=d")
    settle(tried(f"{kind} instead of {name}", tmp_path, *arguments, seconds=40))


@pytest.fixture(scope="module")
def unfinished(trained: Path) -> Path:
    """Return the folder of a training that was stopped when its state was saved, and no model."""
    renamed: list[int] = []

    def noting(number: int, name: str, real: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        if name == "replace" and Path(given[1]).name == "model.safetensors":
            renamed.append(number)
        return real(*given)

    with replaced(noting):
        assert run(*training(trained / "source"), cwd=_made(trained / "counted")).code == 0
    folder = _made(trained / "unfinished")
    with failing(renamed[0], errno.EIO, lasting=True):
        run(*training(trained / "source"), cwd=folder)
    assert (folder / "model/.resume/state.safetensors").exists()
    assert not (folder / "model/config.json").exists()
    return folder


@pytest.mark.parametrize("name", ["order.json", "state.safetensors"])
def test_unfinished_trainings(trained: Path, unfinished: Path, tmp_path: Path, name: str) -> None:
    whole = (unfinished / "model/.resume" / name).read_bytes()
    changes_of = mutations.JSON if name == "order.json" else mutations.BYTES

    @SLOW
    @given(st.one_of(changes_of, mutations.BYTES))
    def damaged(changes: list[Any]) -> None:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        shutil.copytree(unfinished / "model", folder / "model")
        if callable(changes[0]):
            data = mutations.changed(whole, changes)
        else:
            data = mutations.changed_json(json.loads(whole), changes, "/dev/zero")
        (folder / "model/.resume" / name).write_bytes(data)
        arguments = training(trained / "source")
        what = f"{name} {changes}"[:300]
        problems = tried(what, tmp_path, *arguments, seconds=40, cwd=folder)
        shutil.rmtree(folder)
        settle(problems)

    damaged()


@pytest.mark.parametrize("kind", part_of(["FIFO", "device", "folder"], 3))
@pytest.mark.parametrize("name", part_of(["order.json", "state.safetensors"], 2))
def test_unfinished_trainings_that_are_no_files(
    trained: Path, unfinished: Path, tmp_path: Path, name: str, kind: str
) -> None:
    folder = _made(tmp_path / "case")
    shutil.copytree(unfinished / "model", folder / "model")
    path = folder / "model/.resume" / name
    path.unlink()
    make: dict[str, Callable[[Path], object]] = {
        "FIFO": os.mkfifo,
        "folder": os.mkdir,
        "device": lambda path: path.symlink_to("/dev/zero"),
    }
    make[kind](path)
    arguments = training(trained / "source")
    settle(tried(f"{kind} instead of {name}", tmp_path, *arguments, seconds=40, cwd=folder))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
