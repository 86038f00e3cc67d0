"""``import torchvision`` in the environment that make builds, and where nothing is to be mended."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
FAKE = "RuntimeError('operator torchvision::nms does not exist')"


def python(code: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a process whose hook is that of the tools, before any other."""
    start = f"import sys\nsys.path[:0] = {[str(path) for path in (*paths, TOOLS)]!r}\n"
    start += "sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != 'Finder']\n"
    start += "sys.modules.pop('torchvision_hook', None)\nimport torchvision_hook\n"
    return subprocess.run(
        [sys.executable, "-c", start + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_imported_and_works_in_this_environment() -> None:
    """No help but what make put there."""
    code = "import torchvision; print(torchvision.transforms.CenterCrop(2).size)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert told.stdout == "(2, 2)\n", told.stderr


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    told = python("print('torch' in sys.modules, 'torchvision' in sys.modules)")
    assert told.stdout == "False False\n", told.stderr


def write(folder: Path, text: str) -> Path:
    (folder / "torchvision").mkdir()
    (folder / "torchvision" / "__init__.py").write_text(text, encoding="utf-8")
    (folder / "torchvision" / "part.py").write_text("", encoding="utf-8")
    return folder


def test_a_whole_one_is_left_alone(tmp_path: Path) -> None:
    fake = write(tmp_path, "whole = True\n")
    told = python("import torchvision; print(torchvision.whole, 'torch' in sys.modules)", fake)
    assert told.stdout == "True False\n", told.stderr


def test_what_misses_operators_is_run_again_with_them(tmp_path: Path) -> None:
    """The first try leaves parts behind, which are loaded anew."""
    fake = write(
        tmp_path,
        "import builtins, torchvision.part, torch\n"
        "builtins.tries = getattr(builtins, 'tries', 0) + 1\n"
        f"if not hasattr(torch.ops.torchvision, 'nms'): raise {FAKE}\n",
    )
    told = python(
        "import builtins, torch, torchvision; print(builtins.tries, torchvision.part.__name__)",
        fake,
    )
    assert told.stdout == "2 torchvision.part\n", told.stderr


def test_who_asks_whether_it_is_there_before_importing_it_gets_it_mended(tmp_path: Path) -> None:
    """So do transformers and accelerate."""
    fake = write(
        tmp_path, f"import torch\nif not hasattr(torch.ops.torchvision, 'nms'): raise {FAKE}\n"
    )
    told = python(
        "import importlib.util; importlib.util.find_spec('torchvision')\n"
        "import torchvision; print(torchvision.__name__)",
        fake,
    )
    assert told.stdout == "torchvision\n", told.stderr


@pytest.mark.parametrize("error", ["RuntimeError('another')", "ImportError('another')"])
def test_another_error_is_told_as_it_is(tmp_path: Path, error: str) -> None:
    fake = write(tmp_path, f"raise {error}\n")
    told = python("import torchvision", fake)
    assert told.returncode == 1
    assert told.stderr.rstrip().endswith("another")
