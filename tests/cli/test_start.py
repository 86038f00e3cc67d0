"""Help starts fast because it loads nothing heavy; version and usage errors answer."""

import subprocess
import sys

HEAVY = ("torch", "numpy", "h5py", "matplotlib", "pyarrow", "pydantic", "cv2", "PIL")


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


def test_version_and_wrong_option() -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "augfactory", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert run("--version").stdout.startswith("augfactory 0.")
    wrong = run("expand", "sample", "--fator", "3", "--out", "x")
    assert wrong.returncode == 2
    assert "--fator" in wrong.stderr
