"""Train programs that others wrote on versions and exports, and say what came of it.

    make trainers TRAINERS=PATH
    python tools/trainers.py --trainers PATH [--only timm] [--keep DIR]

PATH holds scripts that no package installs, as their repositories have them, in folders that are
named in ``RUNS``: ``timm/train.py``, ``torchvision_classification/``, ``lightning/imagenet.py`` and so
on. They are run where they are, and never changed. What packages install is run by its own command
or by a few lines in ``trainer_programs/``. The answers replace the table in docs/trainers.md; with
``--only`` they are only printed.
"""

import argparse
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from augfactory.records import SourceSpec
from augfactory.sources.opening import open_source

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "trainers.md"
PROGRAMS = ROOT / "tools" / "trainer_programs"
BEGIN, END = "<!-- table: make trainers -->\n", "<!-- end of table -->\n"
TEST = "test-digits"
LONGEST_RUN = 600  # seconds
MOST_TOLD = 150  # letters of an error
DATA = (
    "expand sample --n-train 100 --factor 5 --mixup 1 --format png --out digits",
    "export digits-x5 --to parquet --out digits-parquet",
    "export digits-x5 --to webdataset --out digits-tar",
    "export digits-x5 --to hdf5 --out digits-h5",
    *(
        f"export digits-x5 --layout {layout} --validation {TEST} --grey --out for-{layout}"
        for layout in ("imagefolder", "ultralytics", "keras", "timm", "hf", "webdataset")
    ),
)
VERSION = "digits-x5/v1"
TIMM = (
    "python timm/train.py {} --model resnet10t --num-classes 10 --img-size 32 --no-aug "
    "--smoothing 0 --opt adamw --lr 2e-3 --sched none --epochs 4 -b 32 -j 0 --device cpu"
)
VISION = (
    "python torchvision_classification/train.py --data-path {} --model resnet18 --device cpu "
    "--opt adamw --lr 2e-3 -b 32 --epochs 4 -j 0 --train-crop-size 32 --val-resize-size 32 "
    "--val-crop-size 32"
)
IMAGENET = (
    "python pytorch_examples_imagenet/main.py {} -a shufflenet_v2_x0_5 --lr 0.03 -b 16 --epochs 4 "
    "-j 1 --no-accel"
)
LIGHTNING = (
    "python lightning/imagenet.py fit --model.data_path {} --model.arch shufflenet_v2_x0_5 "
    "--model.lr 0.03 --model.batch_size 16 --model.workers 1 --trainer.max_epochs 4 "
    "--trainer.accelerator cpu"
)
TRANSFORMERS = (
    "python transformers/run_image_classification.py {} --model_name_or_path tiny-resnet "
    "--ignore_mismatched_sizes --image_column_name image --label_column_name label --do_train "
    "--do_eval --remove_unused_columns False --num_train_epochs 8 --learning_rate 5e-3 "
    "--per_device_train_batch_size 32 --use_cpu --report_to none --output_dir out"
)
NO_TRAINER = (
    "python transformers/run_image_classification_no_trainer.py {} --model_name_or_path tiny-resnet "
    "--ignore_mismatched_sizes --image_column_name image --label_column_name label "
    "--num_train_epochs 8 --learning_rate 5e-3 --per_device_train_batch_size 32"
)
YOLO = (
    "yolo classify train data={} model=yolo11n-cls.yaml epochs=4 imgsz=32 batch=32 workers=0 "
    "device=cpu plots=False"
)
ACCURACY = r"accuracy\D{1,4}([\d.]+)"


class Run(NamedTuple):
    """One program on one set of files.

    ``packages`` are told with their versions; the last of ``found`` in what it prints is the
    accuracy, of which ``whole`` is all.
    """

    trainer: str
    packages: tuple[str, ...]
    command: str
    found: str
    whole: float = 1.0


def _runs() -> list[Run]:
    """Return all of them, those that read a version before those that read an export."""
    runs: list[Run] = []

    def add(
        trainer: str,
        packages: str,
        command: str,
        reads: Sequence[str],
        found: str,
        whole: float = 1,
    ) -> None:
        for each in reads:
            runs.append(Run(trainer, tuple(packages.split()), command.format(each), found, whole))

    folder = (VERSION, "for-imagefolder")
    hfds = "--dataset hfds/{}"
    add(
        "timm `train.py`", "timm", TIMM,
        (
            f"--data-dir {VERSION}",
            "--data-dir for-timm --class-map for-timm/class_map.txt",
            hfds.format(VERSION),
            hfds.format("for-hf"),
            "--dataset wds/ --data-dir digits-tar/v1",
            "--dataset wds/ --data-dir for-webdataset",
        ),
        r'"top1": ([\d.]+)', 100,
    )  # fmt: skip
    add("torchvision references", "torchvision", VISION, folder, r"Test:  Acc@1 ([\d.]+)", 100)
    add("pytorch/examples imagenet", "torch", IMAGENET, folder, r"\* +Acc@1 ([\d.]+)", 100)
    add("Lightning imagenet", "lightning", LIGHTNING, folder, r"val_acc1=([\d.]+)")
    named, split = "--dataset_name {}", "--train_dir {0}/train --validation_dir {0}/val"
    both = (
        named.format(VERSION),
        named.format("digits-parquet/v1"),
        named.format("for-hf"),
        split.format("for-imagefolder"),
    )
    script = "transformers `run_image_classification.py`"
    add(script, "transformers datasets", TRANSFORMERS, both, r"eval_accuracy +=\s+([\d.]+)")
    add(f"{script[:-4]}_no_trainer.py`", "transformers datasets", NO_TRAINER, both[2:3], ACCURACY)
    add("ultralytics", "ultralytics", YOLO, (VERSION, "for-ultralytics"), r"all\s+([\d.]+)\s")
    fastai = "python fastai_from_folder.py {}"
    add(
        "fastai `from_folder`",
        "fastai",
        fastai,
        (f"{VERSION} val", "for-imagefolder val"),
        ACCURACY,
    )
    keras = "python keras_directory.py {}"
    reads = (f"{VERSION}/train {TEST}", "for-keras/train for-keras/val")
    found = r"val_accuracy: ([\d.]+)"
    add("Keras `image_dataset_from_directory`", "keras tensorflow-cpu", keras, reads, found)
    custom = (
        "python mmpretrain/.mim/tools/train.py mmpretrain_custom.py --cfg-options "
        "train_dataloader.dataset.data_root={0} val_dataloader.dataset.data_root={0}"
    )
    add("mmpretrain", "mmpretrain mmcv-lite", custom, folder[1:], r"accuracy/top1: ([\d.]+)", 100)
    for package, told in (
        ("sklearn", "scikit-learn"),
        ("xgboost", "xgboost-cpu"),
        ("lightgbm", "lightgbm"),
    ):
        add(told.removesuffix("-cpu"), told, "python tables.py {}",
            (f"{package} digits-h5/v1 {TEST}",), ACCURACY)  # fmt: skip
    return runs


def make_data(place: Path) -> None:
    """Write test images, a version in every format, and every layout into ``place``."""
    source = open_source(SourceSpec("sample:test"))
    of_class = [np.flatnonzero(source.labels == label)[:20] for label in range(10)]
    rows = np.concatenate(of_class)
    for row, image in zip(rows, source.read_images(rows), strict=True):
        folder = place / TEST / source.class_names[source.labels[row]]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(folder / f"{row:04d}.png")
    for command in DATA:
        words = [sys.executable, "-m", "augfactory", *command.split(), "--quiet"]
        subprocess.run(words, cwd=place, check=True)
    if importlib.util.find_spec("transformers"):
        subprocess.run([sys.executable, "-c", TINY_RESNET], cwd=place, check=True)
    (place / "accuracy").mkdir()
    (place / "accuracy" / "accuracy.py").write_text(METRIC, encoding="utf-8")


# What transformers' scripts would fetch from a hub: a network, and the metric "accuracy".
TINY_RESNET = """
import json, torch
from transformers import ResNetConfig, ResNetForImageClassification
torch.manual_seed(0)
config = ResNetConfig(embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic")
ResNetForImageClassification(config).save_pretrained("tiny-resnet")
processor = {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 32},
             "crop_pct": 1.0}
json.dump(processor, open("tiny-resnet/preprocessor_config.json", "w"))
"""
METRIC = """
import datasets
import evaluate


class Accuracy(evaluate.Metric):
    def _info(self):
        kinds = {name: datasets.Value("int32") for name in ("predictions", "references")}
        features = datasets.Features(kinds)
        return evaluate.MetricInfo(
            description="", citation="", inputs_description="", features=features
        )

    def _compute(self, predictions, references):
        right = sum(a == b for a, b in zip(predictions, references))
        return {"accuracy": right / len(references)}
"""


def outcome(run: Run, place: Path, trainers: Path) -> str:
    """Run it in a copy of ``place`` and return what came of it."""
    missing = [package for package in run.packages if not _version(package)]
    if missing:
        return f"not run: {', '.join(missing)} is not installed"
    words = run.command.split()
    program = _program(words[1], trainers) if words[0] == "python" else None
    if program is not None:
        if not program.exists():
            return "not run: the script is not at the given path"
        words = [sys.executable, str(program), *words[2:]]
    own = place.parent / "run"
    shutil.rmtree(own, ignore_errors=True)  # trainers write into what they read
    shutil.copytree(place, own, symlinks=True)
    shutil.copytree(PROGRAMS, own, dirs_exist_ok=True)
    try:
        done = subprocess.run(
            words, cwd=own, env=_environment(place.parent), text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LONGEST_RUN,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"not through in {LONGEST_RUN} seconds"
    printed = re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", done.stdout)
    accuracies = re.findall(run.found, printed)
    if done.returncode or not accuracies:
        print(printed[-3000:], file=sys.stderr)
        return f"**failed**: {_told(printed)}"
    wrote = _verdict(own) if "/v1" in run.command else ""
    return f"trained, {100 * float(accuracies[-1]) / run.whole:.0f} %{wrote}"


def _program(script: str, trainers: Path) -> Path:
    """Return where a script is: in an installed package, among our few lines, or as given."""
    package = script.partition("/")[0]
    if script.startswith("mmpretrain/"):
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        return Path(spec.origin).parents[1] / script
    return PROGRAMS / script if (PROGRAMS / script).exists() else trainers / script


def _environment(place: Path) -> dict[str, str]:
    """Offline, with every cache in ``place``."""
    caches = {name: str(place / "home") for name in ("HF_HOME", "KERAS_HOME", "YOLO_CONFIG_DIR")}
    bin_folder = str(Path(sys.executable).parent)
    path = os.pathsep.join([bin_folder, os.environ.get("PATH", "")])
    told = {"HF_HUB_OFFLINE": "1", "WANDB_MODE": "disabled", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return {**os.environ, **caches, **told, "PATH": path}


def _told(printed: str) -> str:
    """Return the last line that names an error, short enough for a table."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    text = (errors or lines or ["nothing was printed"])[-1]
    text = text.replace("|", "\\|").replace("`", "'").replace(str(Path(tempfile.gettempdir())), "")
    return f"`{text if len(text) <= MOST_TOLD else text[: MOST_TOLD - 1] + '…'}`"


def _verdict(own: Path) -> str:
    """Return what `verify` finds in the versions after others have read them, if anything."""
    for folder in sorted(own.glob("digits-*/v1")):
        words = [sys.executable, "-m", "augfactory", "verify", str(folder), "--quiet"]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            return "; wrote into the version, which `verify` tells"
    return ""


def _version(package: str) -> str:
    try:
        return version(package).partition("+")[0]
    except PackageNotFoundError:
        return ""


def _versions(run: Run, trainers: Path) -> str:
    told = [f"{package} {_version(package)}".strip() for package in run.packages]
    words = run.command.split()
    if words[0] == "python" and "/" in words[1] and (trainers / words[1]).exists():
        digest = hashlib.sha256((trainers / words[1]).read_bytes()).hexdigest()
        told.append(f"script {digest[:8]}")
    return ", ".join(told)


def main() -> None:
    """Run all, or some, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--trainers", type=Path, required=True, help="folder of scripts")
    parser.add_argument("--only", help="run those whose trainer or command has this in it")
    asked = parser.parse_args()
    lines = ["| trainer | versions | command | outcome |\n|---|---|---|---|\n"]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "data"
        place.mkdir()
        make_data(place)
        for run in _runs():
            if asked.only and asked.only not in f"{run.trainer} {run.command}":
                continue
            came = outcome(run, place, asked.trainers.resolve())
            versions = _versions(run, asked.trainers)
            lines.append(f"| {run.trainer} | {versions} | `{run.command}` | {came} |\n")
            print(lines[-1], end="", flush=True)
    if not asked.only:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}{''.join(lines)}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
