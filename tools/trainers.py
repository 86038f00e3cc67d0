"""Train programs that others wrote on versions and exports, and say what came of it.

    make trainers TRAINERS=PATH
    python tools/trainers.py --trainers PATH [--only timm]

PATH holds scripts that no package installs, as their repositories have them, in folders that
``trainer_runs.py`` names: ``timm/train.py``, ``lightning/imagenet.py`` and so on. They are run as
they are, never changed. What packages install is run by its own command or by a few lines in
``trainer_programs/``. The answers replace the table in docs/trainers.md; with ``--only`` a part
of its lines.
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
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from PIL import Image
from trainer_runs import DATA, TEST, Run, all_runs

from augfactory.records import SourceSpec
from augfactory.sources.opening import open_source

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "trainers.md"
PROGRAMS = ROOT / "tools" / "trainer_programs"
BEGIN, END = "<!-- table: make trainers -->\n", "<!-- end of table -->\n"
HEAD = "| trainer | versions | command | outcome |\n|---|---|---|---|\n"
LONGEST_RUN = 600  # seconds
MOST_TOLD = 150  # letters of an error


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
    wrote = _verdict(own) if "/v1" in run.command else ""
    if done.returncode or not accuracies:
        print(printed[-3000:], file=sys.stderr)
        return f"**failed**: {_told(printed)}{wrote}"
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
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    table, _, after = rest.partition(END)
    lines = {line.split("|")[3]: line for line in table.splitlines()[2:]}  # by command
    told = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "data"
        place.mkdir()
        make_data(place)
        for run in all_runs():
            shown = f" `{run.command}` "
            if asked.only and asked.only not in f"{run.trainer} {run.command}":
                told[shown] = lines.get(shown, f"| {run.trainer} | |{shown}| not run yet |")
                continue
            came = outcome(run, place, asked.trainers.resolve())
            told[shown] = f"| {run.trainer} | {_versions(run, asked.trainers)} |{shown}| {came} |"
            print(told[shown], flush=True)
    table = HEAD + "".join(f"{line}\n" for line in told.values())
    PAGE.write_text(f"{before}{BEGIN}{table}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
