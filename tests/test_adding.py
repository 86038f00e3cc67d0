"""What can be added is one file and one line: toys of every kind, found wherever they should be.

The package is copied, the toys are put in, and one process of the copy looks for them in help, in
the generated pages, in a recipe, in ``expand``, ``load`` and ``evaluate``.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]

# file -> its text, and the line that is put behind another one of a registry.
TOYS = {
    "methods/toymirror.py": '''"""Toy mirror: an image upside down."""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from augfactory.methods.method import Draws, Method, Slots, only_parent
from augfactory.records import UInt8Array


class ToyParameters(BaseModel):
    """One switch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    toy_upright: bool = Field(default=False, description="leave it as it is")


def draw(parameters: ToyParameters, slots: Slots) -> Draws:
    """Draw nothing."""
    return np.empty((len(slots), 0))


def apply(parameters: ToyParameters, images: UInt8Array, draws: Draws) -> UInt8Array:
    """Turn every image over."""
    return images[:, 0] if parameters.toy_upright else images[:, 0, ::-1].copy()


METHOD = Method(
    name="toymirror",
    version=1,
    parameters=ToyParameters,
    parents=lambda _: 1,
    fields=lambda _: (),
    draw=draw,
    weights=only_parent,
    apply=apply,
)
''',
    "vae/samplers/toy_still.py": '''"""Toy still: the image's own latent vector."""

import numpy as np

from augfactory.vae.samplers.sampler import Parameters, Sampler

SAMPLER = Sampler(
    name="toy-still",
    needs_partner=False,
    params=Parameters,
    fields=(),
    draw=lambda params, count, generator: np.empty((count, 0)),
    move=lambda params, mean, log_variance, partner_mean, draws, noise: mean,
    card=__doc__,
)
''',
    "store/formats/toyformat.py": '''"""Toy format: Parquet by another name."""

from dataclasses import replace

from augfactory.store.formats import parquet

FORMAT = replace(parquet.FORMAT, name="toyformat")
''',
    "evaluation/classifiers/toylinear.py": '''"""Toy classifier: one layer."""

import math

from torch import nn


def toylinear(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return one dense layer."""
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(image_shape), classes))
''',
    "sources/toysource.py": '''"""Toy source: a ``.toy`` file is an ``.npz``."""

from augfactory.sources.kind import SourceKind
from augfactory.sources.npz import open_npz

SOURCE = SourceKind(
    holds=lambda path, folder: path.suffix == ".toy",
    open=lambda path, split, spec: open_npz(path, split, spec.text),
)
''',
}
LINES = {
    "names.py": {
        '    "stroke",\n': '    "toymirror",\n',
        '    "same-class",\n': '    "toy-still",\n',
        '    "parquet",\n': '    "toyformat",\n',
        '    "hdf5": "a .h5 file",\n': '    "toysource": "a .toy file",\n',
    },
    "evaluation/classifiers/registry.py": {
        '    "allconv": Classifier(_built_by("allconv", "allconv"), "adamw", 4e-3, 0.05),\n': (
            '    "toylinear": Classifier(_built_by("toylinear", "toylinear"), "adamw", 4e-3, 0.05),'
            "\n"
        )
    },
}
LOOK = """
import contextlib, io, json, sys
sys.path.insert(0, "tools")
import write_docs
import augfactory
from augfactory.cli.app import main

def run(*words):
    sys.argv, out = ["augfactory", *words], io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            main()
        except SystemExit as end:
            assert not end.code, (words, end.code)
    return out.getvalue()

def flat(text):
    return " ".join(text.split())

fast = ("--workers", "1", "--quiet", "--json")
found = {"help": {name: flat(run(name, "--help")) for name in ("expand", "evaluate", "export")}}
found["docs"] = write_docs.pages()
run("vae-train", "some.toy", "--out", "model", "--steps", "2", "--device", "cpu", "--quiet")
mixed = ("--mix", "toymirror=1", "--format", "toyformat", "--sampler", "toy-still", "--share", "1")
found["flags"] = json.loads(run("expand", "model", "--factor", "2", "--out", "a", *mixed, *fast))
asked = ("--recipe", "recipe.toml", "--out", "b")
found["recipe"] = json.loads(run("expand", "model", *asked, *fast))
rows = augfactory.load("a-x2")
found["loaded"] = [len(rows), list(rows[0][0].shape), sorted({*map(str, rows.version.methods)})]
trained = ("--classifier", "toylinear", "--arm", "originals+toymirror")
few = ("--seeds", "1", "--steps", "2", "--device", "cpu")
run("evaluate", "a-x2", "--test", "other.toy", "--out", "e", *trained, *few, "--workers", "1")
found["evaluated"] = json.load(open("e/results.json"))
run("verify", "a-x2")
print(json.dumps(found))
"""
RECIPE = """
factor = 2
format = "toyformat"
[vae]
sampler = "toy-still"
share = 1
[[mix]]
method = "toymirror"
copies = 1
toy_upright = true
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with every toy in it, and images to work on."""
    root = tmp_path_factory.mktemp("copy")
    unneeded = shutil.ignore_patterns("__pycache__")
    for folder in ("augfactory", "tools", "data/digits"):
        shutil.copytree(ROOT / folder, root / folder, ignore=unneeded)
    for name, text in TOYS.items():
        assert not (root / "augfactory" / name).exists()
        (root / "augfactory" / name).write_text(text, encoding="utf-8")
    for name, lines in LINES.items():
        path = root / "augfactory" / name
        text = path.read_text(encoding="utf-8")
        for before, line in lines.items():
            assert text.count(before) == 1, before
            text = text.replace(before, before + line)
        path.write_text(text, encoding="utf-8")
    random = np.random.default_rng(0)
    for name in ("some", "other"):
        with (root / f"{name}.toy").open("wb") as file:
            images = random.integers(0, 256, (12, 16, 20, 3), dtype=np.uint8)
            np.savez(file, image=images, label=np.arange(12) % 2)
    (root / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    return root


def test_a_toy_of_every_kind_is_found_everywhere(copy: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    for name in ("toymirror", "toy-still", "toyformat", "a .toy file"):
        assert name in found["help"]["expand"], name
    assert "toyformat" in found["help"]["export"]
    assert "toylinear" in found["help"]["evaluate"]
    for page, names in {
        "cli.md": ("toymirror", "toy-still", "toyformat", "toylinear", "a .toy file"),
        "methods.md": ("### toymirror", "### toy-still"),
        "recipe.md": ('method = "toymirror"', "`toy_upright`", '"toy-still"', "`toyformat`"),
        "study.md": ("toylinear",),
    }.items():
        for name in names:
            assert name in found["docs"][page], (page, name)
    for asked in ("flags", "recipe"):
        (dataset,) = found[asked]["datasets"]
        assert dataset["rows"] == 12 * 3
        manifest = json.loads((copy / dataset["path"] / "manifest.json").read_text("utf-8"))
        recipe = manifest["recipe"]
        assert (recipe["format"], recipe["vae"]["sampler"]) == ("toyformat", "toy-still")
        (stage,) = recipe["mix"]
        assert stage["method"] == "toymirror"
        assert stage["parameters"] == {"toy_upright": asked == "recipe"}
        assert manifest["counts"]["toymirror"]
    assert found["loaded"][:2] == [36, [3, 16, 20]]
    assert "toymirror" in found["loaded"][2]
    assert "originals+toymirror" in [arm["name"] for arm in found["evaluated"]["arms"]]
    assert found["evaluated"]["settings"]["steps"] == 2
