"""Every example learns from a real version, offline, and really uses the soft labels.

Those marked heavy train for a minute or need the extra `examples`: `make examples` installs that
extra and runs them. CI trains the others for one epoch on a few rows.
"""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.records import SourceSpec

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGE = (EXAMPLES / "README.md").read_text(encoding="utf-8")
EVERY: tuple[str, ...] = ("hdf5", "png", "parquet", "webdataset")


class Example(NamedTuple):
    """What a script reads, the accuracy it must exceed, and whether CI lacks its packages."""

    storages: tuple[str, ...]
    floor: float  # guessing one class gives 0.1
    heavy: bool = False


SCRIPTS = {
    "pytorch_loop.py": Example(EVERY, 0.6),
    "bare_h5py.py": Example(("hdf5",), 0.6),
    "soft_image_folder.py": Example(("png",), 0.6),
    "scikit_learn.py": Example(EVERY, 0.5),
    "timm_hfds.py": Example(("png", "parquet"), 0.5),
    "timm_wds.py": Example(("webdataset",), 0.5),
    "lightning_module.py": Example(EVERY, 0.5, heavy=True),
    "huggingface_trainer.py": Example(("png", "parquet"), 0.6, heavy=True),
    "keras_torch.py": Example(EVERY, 0.5, heavy=True),
    "fastai_learner.py": Example(("png",), 0.6, heavy=True),
    "ultralytics_classify.py": Example(("png",), 0.5, heavy=True),
}
RUNS = [(script, each) for script, example in SCRIPTS.items() for each in example.storages]
# What the page warns of, as a program: a trap that a new release mends fails here.
TRAPS = {
    "huggingface_trainer.py": """
import torch
import torch.nn.functional as F
from transformers import ResNetConfig, ResNetForImageClassification
config = ResNetConfig(num_channels=3, embedding_size=8, hidden_sizes=[8], depths=[1], num_labels=3)
images, shares = torch.rand(4, 3, 16, 16), torch.tensor([[0.7, 0.3, 0.0]] * 4)
found = ResNetForImageClassification(config)(images, labels=shares)
assert torch.allclose(found.loss, F.binary_cross_entropy_with_logits(found.logits, shares))
""",
    "lightning_module.py": """
import lightning, torch
import augfactory
from lightning.pytorch.utilities.data import _update_dataloader
dataset = augfactory.load(FOLDER)
batches = augfactory.loader(dataset, 32)
try:
    _update_dataloader(batches, torch.utils.data.SequentialSampler(dataset))
except TypeError:
    raise SystemExit
raise AssertionError("Lightning can divide the loader among devices")
""",
    "keras_torch.py": """
import os
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy as np
outputs, shares = np.array([[2.0, 1.0, 0.5]]), np.array([[0.7, 0.3, 0.0]])
taken = -(shares * np.log(outputs / outputs.sum())).sum()
loss = keras.losses.CategoricalCrossentropy()(shares, outputs)
assert np.isclose(float(loss), taken), "outputs are no longer taken for probabilities"
""",
    "ultralytics_classify.py": """
import torch
import torch.nn.functional as F
from ultralytics.utils.loss import v8ClassificationLoss
outputs, shares = torch.randn(4, 3), torch.softmax(torch.randn(4, 3), dim=1)
loss, _ = v8ClassificationLoss()(outputs, {"cls": shares})
assert torch.allclose(loss, F.cross_entropy(outputs, shares)), "shares are taken for something else"
""",
    "fastai_learner.py": """
import torch
from fastai.vision.all import CrossEntropyLossFlat, RegressionBlock
assert isinstance(RegressionBlock(3).type_tfms[0].loss_func.func, torch.nn.MSELoss)
try:
    CrossEntropyLossFlat()(torch.zeros(4, 3), torch.full((4, 3), 1 / 3))
except (RuntimeError, ValueError):
    raise SystemExit
raise AssertionError("CrossEntropyLossFlat takes soft labels")
""",
}
# Examples for one epoch, with soft labels and without, one after another: most of the time goes to
# imports that they share.
BRIEFLY = """
import re, sys
for script, folder in {runs!r}:
    code = open(script, encoding="utf-8").read()
    code = re.sub(r"(?m)^(EPOCHS.*=) \\d+", r"\\1 1", code)
    for options in ([], ["--hard"]):
        sys.argv = [script, folder, *options]
        print(script, end=" ")
        exec(compile(code, script, "exec"), {{"__name__": "__main__"}})
"""
# The parts of timm that its train.py is made of, under the flags that the page names.
TIMM_TRAIN = """
import torch
import torch.nn.functional as F
from timm.data import create_dataset
from timm.loss import create_classification_loss
folder = create_dataset("", root=FOLDER, split="train")  # --data-dir, --train-split
assert len(folder) == 700 and set(folder.reader.class_to_idx) == set("0123456789")
assert all(isinstance(label, int) for _, label in (folder[0], folder[699]))
missing = create_dataset("", root=FOLDER, split="validation")  # for lack of it, all it finds:
assert len(missing) == 701 and missing.reader.class_to_idx["0"] == 1  # preview.png is class 0
outputs, shares = torch.randn(4, 3), torch.softmax(torch.randn(4, 3), dim=1)
loss = create_classification_loss(smoothing=0.0)(outputs, shares)  # --smoothing 0
assert torch.equal(loss, F.cross_entropy(outputs, shares))
loss = create_classification_loss(multi_label=True)(outputs, shares)  # --task multilabel
assert torch.allclose(loss, F.binary_cross_entropy_with_logits(outputs, shares))
try:
    create_classification_loss(smoothing=0.1)(outputs, shares)
except RuntimeError:
    raise SystemExit
raise AssertionError("smoothing takes soft labels")
"""


def expanded(out: Path, n_train: int, storage: str) -> Path:
    """Return a version of so many digits, seven rows of each."""
    mix = (mix_stage("test", "mixup", 2, "expanded", {}),)
    request = ExpandRequest(
        SourceSpec("sample"), out, (5,), n_train=n_train, mix=mix, format=storage
    )
    return expand(request, Progress())[0].path


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the same 700 digits in every format."""
    place = tmp_path_factory.mktemp("examples")
    return {storage: expanded(place / storage, 100, storage) for storage in EVERY}


def python(cache: Path, *arguments: str) -> str:
    """Return what Python printed, as another program would run it, offline."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cache,
        env={
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(cache),
            "KERAS_HOME": str(cache),
            "YOLO_CONFIG_DIR": str(cache),
            "YOLO_OFFLINE": "true",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run(script: str, folder: Path, cache: Path, *options: str) -> tuple[float, float]:
    """Return the loss and the accuracy that the script printed."""
    printed = python(cache, str(EXAMPLES / script), str(folder), *options)
    found = re.fullmatch(r"loss (\S+)  accuracy (\S+)  \(25 held out\)\n", printed)
    assert found, printed
    return float(found[1]), float(found[2])


@pytest.mark.heavy
@pytest.mark.parametrize(("script", "storage"), RUNS)
def test_it_learns_and_soft_labels_are_used(
    script: str, storage: str, versions: dict[str, Path], tmp_path: Path
) -> None:
    loss, accuracy = run(script, versions[storage], tmp_path)
    assert accuracy > SCRIPTS[script].floor
    # No network gets below the entropy of a soft label; a hard one has none.
    hard_loss, _ = run(script, versions[storage], tmp_path, "--hard")
    assert hard_loss < 0.99 * loss


def test_they_read_the_rows_and_take_soft_labels_and_timm_is_what_the_page_says(
    tmp_path: Path,
) -> None:
    """Each of one format, for one epoch, and the parts of timm's train.py."""
    few = {storage: expanded(tmp_path / storage, 20, storage) for storage in EVERY}
    whole = expanded(tmp_path / "whole", 100, "png")
    scripts = [name for name, own in SCRIPTS.items() if not own.heavy]
    runs = [(str(EXAMPLES / name), str(few[SCRIPTS[name].storages[0]])) for name in scripts]
    folder = f"\nFOLDER = {str(whole)!r}\n"
    printed = python(tmp_path, "-c", BRIEFLY.format(runs=runs) + folder + TIMM_TRAIN)
    told = r"^\S+/(\w+\.py) loss (\d\.\d+)  accuracy [01]\.\d+  \(5 held out\)$"
    found = re.findall(told, printed, re.M)
    assert [script for script, _ in found] == [name for name in scripts for _ in range(2)], printed
    for (script, soft), (_, hard) in zip(found[::2], found[1::2], strict=True):
        # The same weights and order: only the labels can make a difference.
        assert soft != hard, script


@pytest.mark.heavy
@pytest.mark.parametrize("script", TRAPS)
def test_the_trap_is_there(script: str, versions: dict[str, Path], tmp_path: Path) -> None:
    folder = f"FOLDER = {str(versions['hdf5'])!r}\n"
    python(tmp_path, "-c", folder + TRAPS[script])


def test_bare_means_without_augfactory() -> None:
    assert "import augfactory" not in (EXAMPLES / "bare_h5py.py").read_text(encoding="utf-8")


def test_natively_means_by_the_trainers_own_reader() -> None:
    native = ("timm_hfds.py", "timm_wds.py", "huggingface_trainer.py", "fastai_learner.py")
    for script in (*native, "soft_image_folder.py", "ultralytics_classify.py"):
        assert not re.search(r"^import augfactory", (EXAMPLES / script).read_text("utf-8"), re.M)


def pinned() -> dict[str, str]:
    """Return the version that constraints.txt has for each package."""
    constraints = (EXAMPLES.parent / "constraints.txt").read_text(encoding="utf-8")
    return dict(line.split("==") for line in constraints.splitlines() if "==" in line)


def named(script: str) -> list[tuple[str, str]]:
    """Return the packages and versions in the script's row of the page's table."""
    row = re.search(rf"^\| \[{script}\]\({script}\) \|.*$", PAGE, flags=re.MULTILINE)
    assert row, script
    return re.findall(r"([a-z0-9-]+) (\d+\.\d+\.\d+)", row[0])


def test_the_page_names_every_example_and_the_constrained_versions() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SCRIPTS)
    for script in SCRIPTS:
        assert named(script), script
        for package, number in named(script):
            assert pinned()[package] == number, (script, package)


@pytest.mark.parametrize(
    "script",
    [pytest.param(s, marks=[pytest.mark.heavy] * example.heavy) for s, example in SCRIPTS.items()],
)
def test_the_named_versions_are_those_that_ran(script: str) -> None:
    for package, number in named(script):
        assert version(package).split("+")[0] == number


def test_the_page_names_the_formats_that_are_run() -> None:
    for script, (storages, *_) in SCRIPTS.items():
        row = re.search(rf"^\| \[{script}\]\({script}\) \|([^|]*)\|", PAGE, flags=re.MULTILINE)
        assert row, script
        said = EVERY if "every format" in row[1] else re.findall("|".join(EVERY), row[1])
        assert set(said) == set(storages), script
