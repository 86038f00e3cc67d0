"""Help starts fast because it loads nothing heavy; version and usage errors answer."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.serving import Serve, serving
from tests.commands.versions import write_source, write_version
from tests.evaluation.memory import patterns

STUDY = """
title = "of nothing"
source = "nowhere:train"
test = "nowhere:test"
n_train = [20]
[[arms]]
name = "originals"
"""
HEAVY = ("torch", "numpy", "h5py", "matplotlib", "pyarrow", "pydantic", "cv2", "PIL")


@pytest.fixture(scope="module")
def served() -> Iterator[Serve]:
    """Run commands, one after another, in a process that never loads torch."""
    with serving() as serve:
        yield serve


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['augfactory', '--help']\n"
        "from augfactory.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "augfactory demo" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        ("evaluate nowhere-x2 --test sample:test", 3, "nowhere-x2"),
        ("evaluate {version} --test nowhere:test", 3, "nowhere"),
        ("evaluate {version} --test sample:test", 3, "classes"),
        ("evaluate {version} --test sample:test --order shufled", 2, "'shuffled'"),
        ("evaluate {version} --test sample:test --device gpu", 2, "gpu"),
        ("evaluate {version} --test {train}", 3, "is in the training set"),
        ("evaluate {version} --test sample:test --dry-run", 3, "classes"),
        ("study {study} --out s", 3, "nowhere"),
        ("study {study} --out s --dry-run", 3, "nowhere"),
        ("vae-train nowhere --out m", 3, "nowhere"),
        ("vae-train sample --architecture keras --out m", 2, "'keras-mnist'"),
        ("expand {train} --model nowhere --factor 2 --out e", 3, "nowhere"),
    ],
)
def test_what_is_wrong_is_told_before_torch_is_loaded(
    arguments: str, code: int, what: str, served: Serve, tmp_path: Path
) -> None:
    train = write_source(tmp_path / "train.h5", *patterns("train", 40))
    write_version(tmp_path / "made-x2/v1", train, list(range(40)), 2)
    (tmp_path / "study.toml").write_text(STUDY)
    places = {"version": "made-x2", "train": "train.h5", "study": "study.toml"}
    done = served(tmp_path, *(each.format(**places) for each in arguments.split()))
    assert not done.torch
    assert done.returncode == code, done.stderr
    assert what in done.stderr


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "augfactory", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_version_and_wrong_option() -> None:
    version = run("--version")
    assert (version.returncode, version.stdout[:13]) == (0, "augfactory 0.")
    wrong = run("expand", "sample", "--fator", "3", "--out", "x")
    assert wrong.returncode == 2
    assert wrong.stdout == ""
    assert "--fator" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "where", "what"),
    [
        (("expand", "sample", "--out", "x", "--factor", "x"), "--factor", "Invalid value"),
        (("expand", "sample", "--fator", "3", "--out", "x"), "--fator", "No such option"),
        (("expand", "--out", "x"), "SOURCE|MODEL_DIR", "Missing argument"),
        (("expand", "sample"), "--out", "Missing option"),
        (("diff", "a", "b", "c"), "augfactory diff", "unexpected extra argument"),
        (("frobnicate",), "augfactory", "No such command"),
    ],
)
def test_usage_errors_answer_in_json_too(
    arguments: tuple[str, ...], where: str, what: str, served: Serve, tmp_path: Path
) -> None:
    plain, done = served(tmp_path, *arguments), served(tmp_path, *arguments, "--json")
    assert done.returncode == plain.returncode == 2
    assert done.stderr == plain.stderr
    assert what in plain.stderr
    assert plain.stdout == ""
    error = json.loads(done.stdout)["error"]
    assert set(error) == {"where", "what", "remedy", "exit_code"}
    assert (error["where"], error["exit_code"]) == (where, 2)
    assert what in error["what"]
    assert " --help" in error["remedy"]


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("megabytes", [60, 100, 150, 300, 600, 1200])
@pytest.mark.parametrize("command", ["expand sample --factor 2", "vae-train sample --steps 20"])
def test_too_little_memory_is_told_before_libraries_crash(
    megabytes: int, command: str, tmp_path: Path
) -> None:
    line = f"ulimit -v {1000 * megabytes}; exec {sys.executable} -m augfactory {command} --json"
    done = subprocess.run(
        ["/bin/sh", "-c", f"{line} --n-train 20 --out {tmp_path / 'x'}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 5, done.stderr
    error = json.loads(done.stdout)["error"]
    assert (error["where"], error["exit_code"]) == ("memory", 5)
    assert [*tmp_path.iterdir()] == []


def test_what_fails_outside_a_command_is_told_too() -> None:
    code = (
        "import sys; sys.argv = ['augfactory', 'verify', 'x', '--json']\n"
        "import augfactory.cli.app as app\n"
        "def fail(**_): raise MemoryError\n"
        "app.app = fail\n"
        "app.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["error"]["exit_code"] == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "expand sample --out d --factor five",
            "'five' is no whole number; write it like --factor 10",
        ),
        ("evaluate d --test x --seeds two", "'two' is no whole number; write it like --seeds 3"),
        ("expand sample --out d --share much", "'much' is no number; write it like --share 0.5"),
    ],
)
def test_a_word_in_place_of_a_number_is_told_with_an_example(
    tmp_path: Path, words: str, said: str
) -> None:
    from tests.cli.in_process import run

    # Older releases of typer say it in their own words.
    told = " ".join(run(*words.split(), cwd=tmp_path, code=2).stderr.split())
    assert said in told or "is not a valid" in told
