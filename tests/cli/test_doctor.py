"""``doctor`` tells what is missing and how to mend it, and nothing private."""

import getpass
import json
import platform
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from augfactory.commands import doctor
from tests.cli.in_process import answer, run


def checks(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in found["checks"]}


def test_a_whole_installation_is_whole(tmp_path: Path) -> None:
    found = answer("doctor", cwd=tmp_path)
    assert found["ok"]
    named = checks(found)
    assert named["torch"]["value"] == metadata.version("torch")
    assert named["python"]["found"] == platform.python_version()
    assert named["bundled digits"]["state"] == "ok"
    assert named["memory"]["value"]["bytes"] > 2**28
    assert named["disk of the working folder"]["value"] == pytest.approx(
        shutil.disk_usage(tmp_path).free, rel=0.2
    )
    text = run("doctor", cwd=tmp_path).stdout
    assert "All that augfactory needs is here." in text


def test_nothing_private_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUGFACTORY_TORCHVISION_ROOT", str(tmp_path / "hidden-place"))
    monkeypatch.setattr(platform, "node", lambda: "hidden-machine")
    told = json.dumps(answer("doctor", cwd=tmp_path)) + run("doctor", cwd=tmp_path).stdout
    assert "set by AUGFACTORY_TORCHVISION_ROOT, not there yet" in told
    private = {str(tmp_path), "hidden-place", "hidden-machine", str(Path.home())}
    if getpass.getuser() != "root":
        private.add(getpass.getuser())
    for each in private - {"/"}:
        assert each not in told


def test_what_is_missing_is_told_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = {"scipy": None, "h5py": "0.1"}
    known = doctor.package_version
    monkeypatch.setattr(
        doctor, "package_version", lambda name: versions[name] if name in versions else known(name)
    )
    monkeypatch.setattr(doctor, "sample_folder", lambda: tmp_path)

    def no_memory() -> object:
        raise OSError("nobody counts it")

    monkeypatch.setitem(doctor.CHECKS, "memory", no_memory)
    found = answer("doctor", cwd=tmp_path)
    assert not found["ok"]
    named = checks(found)
    assert named["scipy"]["found"] == "is not installed"
    assert "pip install 'scipy>=" in named["scipy"]["remedy"]
    assert named["h5py"]["found"].startswith("0.1, and >=")
    assert named["bundled digits"]["state"] == "problem"
    assert named["memory"]["found"] == "cannot be looked at: OSError"
    text = run("doctor", cwd=tmp_path).stdout  # and the exit code stays 0
    assert "PROBLEM  scipy" in text
    assert "4 problems" in text
