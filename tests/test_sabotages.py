"""Each sabotage of ``make sabotage`` can be carried out, and is told in docs/reliability.md."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")


def sabotages() -> list[Any]:
    """Return the table of tools/sabotage.py, which is not part of any package."""
    spec = importlib.util.spec_from_file_location("sabotage", ROOT / "tools/sabotage.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["sabotage"] = module
    spec.loader.exec_module(module)
    return list(module.SABOTAGES)


@pytest.mark.parametrize("sabotage", sabotages(), ids=lambda sabotage: str(sabotage.what))
def test_it_can_be_carried_out_and_is_told(sabotage: Any) -> None:
    text = (ROOT / sabotage.file).read_text(encoding="utf-8")
    assert text.count(sabotage.text) == 1
    assert text.replace(sabotage.text, sabotage.instead) != text
    path, _, name = sabotage.test.partition("::")
    assert (ROOT / path).is_file()
    assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8") or not name
    assert f"| {sabotage.what} | `{sabotage.test}` |" in PAGE
