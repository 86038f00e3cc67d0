"""Lance: read and trained on by the package itself, the same bytes each time, damage told."""

import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import augfactory
from augfactory.commands.progress import Progress
from augfactory.commands.versions.export import export
from augfactory.commands.versions.verify import verify
from augfactory.errors import RecipeError, ResourceError, VerificationError
from augfactory.records import Rows
from augfactory.store.formats import storage_format
from augfactory.store.formats.lance import shard_bytes
from augfactory.store.manifest import read_manifest
from augfactory.store.reader import open_rows, open_version, read_rows
from tests.cli.in_process import answer, run
from tests.commands.formats import CLASSES, copy_version
from tests.store.conftest import make_rows

pytestmark = pytest.mark.lance


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``d-x4``, in Lance, of 60 images of three colours."""
    folder = tmp_path_factory.mktemp("lance")
    random = np.random.default_rng(5)
    label = np.arange(60) % 3
    image = random.integers(0, 90, (60, 8, 11, 3), dtype=np.uint8)
    image[np.arange(60), :, :, label] += 150
    np.savez(folder / "set.npz", image=image, label=label, class_names=np.array(CLASSES))
    line = ("expand", "set.npz", "--factor", 4, "--preset", "photo", "--mixup", 1, "--workers", 1)
    answer(*line, "--validation", 0.2, "--format", "lance", "--out", "d", cwd=folder)
    return folder


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")  # of the package's own
def test_a_classifier_is_trained_through_the_packages_own_loader(made: Path) -> None:
    import lance
    from lance.torch.data import LanceDataset

    version = made / "d-x4/v1"
    shape = read_manifest(version).image_shape
    torch.manual_seed(0)
    network = torch.nn.Linear(shape[2], 3)
    optimiser = torch.optim.Adam(network.parameters(), 0.5)

    def seen(image: torch.Tensor) -> torch.Tensor:
        shares: torch.Tensor = network(image.view(-1, *shape).float().mean(dim=(1, 2)) / 255)
        return shares

    rows = LanceDataset(
        str(version / "train.lance"), columns=["image", "soft_label"], batch_size=32
    )
    for _ in range(8):
        for batch in rows:
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(seen(batch["image"]), batch["soft_label"])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    held = lance.dataset(str(version / "val/val.lance")).to_table(columns=["image", "label"])
    pixels = torch.tensor(held["image"].combine_chunks().flatten().to_numpy())
    right = seen(pixels).argmax(dim=1).numpy() == held["label"].to_numpy()
    assert len(right) == 12
    assert right.mean() > 0.9
    verify(str(version), Progress())  # reading leaves nothing


def test_the_package_reads_what_is_stored(made: Path) -> None:
    import lance

    version = open_version(made / "d-x4/v1")
    rows = read_rows(version, 0, len(version.source))
    table = lance.dataset(str(version.folder / "train.lance")).to_table()
    flat = table["image"].combine_chunks().flatten().to_numpy()
    assert np.array_equal(flat.reshape(rows.image.shape), rows.image)
    shares = table["soft_label"].combine_chunks().flatten().to_numpy()
    assert np.array_equal(shares.reshape(rows.soft_label.shape), rows.soft_label)
    assert table["method"].to_pylist() == rows.method.tolist()
    found = lance.dataset(str(version.folder / "train.lance"))
    assert found.take([3, 200])["label"].to_pylist() == rows.label[[3, 200]].tolist()
    assert [each["version"] for each in found.versions()] == [1]


def test_the_same_rows_are_the_same_bytes(made: Path) -> None:
    run("export", "d-x4", "--to", "hdf5", "--out", "between", cwd=made)
    run("export", "between", "--to", "lance", "--out", "again", cwd=made)
    first, second = (read_manifest(made / name / "v1") for name in ("d-x4", "again"))
    data = [
        {entry.path: entry.sha256 for entry in each.files if ".lance/" in entry.path}
        for each in (first, second)
    ]
    assert data[0] == data[1]
    assert len(data[0]) == 5  # two shards, images to validate on, two manifests
    assert first.content_hash == second.content_hash


def test_forked_workers_of_a_loader_read_it(made: Path) -> None:
    dataset = augfactory.load(str(made / "d-x4"), images="uint8")
    whole, _ = dataset.read_batch(range(len(dataset)))
    loader: Any = torch.utils.data.DataLoader(
        dataset, batch_size=25, num_workers=2, multiprocessing_context="fork"
    )
    assert torch.equal(torch.cat([image for image, _ in loader]), whole)


def test_a_forked_process_is_refused_what_would_crash_in_it(made: Path) -> None:
    version = made / "d-x4/v1"
    open_version(version)  # uses the package here
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, context) as pool, pytest.raises(ResourceError, match="forked"):
        pool.submit(_count_rows, version).result()


def _count_rows(version: Path) -> int:
    return len(open_version(version).source)


def test_a_large_shard_is_one_piece() -> None:
    """Lance cuts columns into pages of 32 MiB where nothing is said."""
    image = np.zeros((8, 1200, 1500, 3), dtype=np.uint8)
    image[:, ::7] = np.arange(8, dtype=np.uint8)[:, None, None, None]
    rows = Rows(**{**vars(make_rows(8)), "image": image})
    assert shard_bytes(rows, CLASSES)[: image.nbytes] == image.tobytes()


def test_damage_is_refused_and_never_a_crash(tmp_path: Path, made: Path) -> None:
    folder = Path(shutil.copytree(made / "d-x4/v1", tmp_path / "v1"))
    manifest, path = read_manifest(folder), folder / "train.lance/data/00000.lance"
    path.chmod(0o644)
    whole = path.read_bytes()
    refused = 0
    for at in range(len(whole) - 4000, len(whole), 40):  # behind the pixels: columns and the end
        data = bytearray(whole)
        data[at : at + 8] = bytes(255 - each for each in data[at : at + 8])
        path.write_bytes(data)
        try:
            open_rows(folder, manifest)  # whatever its hash
        except VerificationError:
            refused += 1
    assert refused > 20
    with pytest.raises(VerificationError, match="its content was changed"):
        open_version(folder)
    path.write_bytes(whole)
    open_version(folder)


def test_without_the_package_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_version(tmp_path, "hdf5")
    monkeypatch.setattr(storage_format, "find_spec", lambda name: name != "lance" or None)
    with pytest.raises(RecipeError) as raised:
        export(str(folder), "lance", None, Progress())
    assert "needs the package pylance" in str(raised.value)
    assert "augfactory[lance]" in raised.value.remedy
    line = ("expand", "sample", "--factor", 2, "--format", "lance", "--out", "no")
    told = run(*line, cwd=tmp_path, code=2).stderr
    assert "pip install 'augfactory[lance]'" in told
    assert "looking at the images" not in told
