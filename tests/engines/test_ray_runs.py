"""Classifiers and VAEs that are trained on Ray are those that this machine trains alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli import in_process
from tests.commands.versions import write_source
from tests.engines.cluster import Machines
from tests.evaluation.memory import patterns
from tests.report.undrawn import blank, draw_nothing

pytest.importorskip("ray")
STUDY = """
title = "Both engines"
source = "train.h5"
test = "test.h5"
n_train = [20]
seeds = 2
steps = 3
batch = 8
vae = { steps = 3, latent = 2 }

[[arms]]
name = "originals"

[[arms]]
name = "decoded"
vae = true
factor = 2
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Relative names of sources, which a worker must find too."""
    draw_nothing(monkeypatch, blank(31, 17))
    for name, rows in (("train", 60), ("test", 50)):
        images, labels = patterns(name, rows)
        write_source(tmp_path / f"{name}.h5", images.repeat(3, axis=1).repeat(3, axis=2), labels)
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


def trained(folder: Path) -> dict[str, Any]:
    """Return what each classifier came to, without how long it took."""
    found = {}
    for path in sorted(folder.glob("cells/*.json")):
        kept = json.loads(path.read_bytes())
        for name in ("seconds", "waiting", "sha256"):
            kept.pop(name)
        found[path.name] = kept
    return found


def both(cluster: Machines, place: Path, out: str, *arguments: object) -> tuple[Path, Path]:
    """Run a command locally and on Ray; return what it left in each folder."""
    on_ray = ("--engine", "ray", "--address", cluster.address)
    local, far = (place / out.format(name) for name in ("local", "far"))
    in_process.run(*arguments, "--workers", 1, "--out", local.name, cwd=place)
    in_process.run(*arguments, *on_ray, "--out", far.name, cwd=place)
    return local, far


def test_evaluate(cluster: Machines, place: Path) -> None:
    made = ("expand", "train.h5", "--n-train", 20, "--factor", 2, "--out", "d")
    in_process.run(*made, "--workers", 1, cwd=place)
    asked = ("evaluate", "d-x2", "--test", "test.h5", "--steps", 3, "--batch", 8, "--seeds", 1)
    local, far = both(cluster, place, "{}", *asked)
    assert len(trained(local)) == 4
    assert trained(far) == trained(local)


def test_study(cluster: Machines, place: Path) -> None:
    local, far = both(cluster, place, "{}", "study", "study.toml")
    assert len(trained(local)) == 2 * 4  # with the two online baselines
    assert trained(far) == trained(local)
    models = [path / "models/n20-s0/model.safetensors" for path in (local, far)]
    assert models[0].read_bytes() == models[1].read_bytes()


def test_tune(cluster: Machines, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augfactory.commands.tune.tune.ROUNDS", (1,))
    monkeypatch.setattr("augfactory.commands.expand.build.sheet", lambda *_: b"not drawn")
    asked = ("tune", "train.h5", "--n-train", 30, "--steps", 3, "--factor", 3, "--minutes", 60)
    local, far = both(cluster, place, "{}.toml", *asked)
    folders = [path.with_name(f"{path.stem}-tuning") for path in (local, far)]
    assert len(trained(folders[0])) >= 4
    assert trained(folders[1]) == trained(folders[0])
