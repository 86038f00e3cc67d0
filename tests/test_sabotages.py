"""Each sabotage of ``make sabotage`` can be carried out, and is told in docs/reliability.md."""

from pathlib import Path
from typing import Any

import pytest

from tests.tools.loaded import load_tool

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")


def sabotages() -> list[Any]:
    """Return the table of tools/sabotage.py, which is not part of any package."""
    return list(load_tool("sabotage").SABOTAGES)


@pytest.mark.parametrize("sabotage", sabotages(), ids=lambda sabotage: str(sabotage.what))
def test_it_can_be_carried_out_and_is_told(sabotage: Any) -> None:
    text = (ROOT / sabotage.file).read_text(encoding="utf-8")
    assert text.count(sabotage.text) == 1
    assert text.replace(sabotage.text, sabotage.instead) != text
    path, _, name = sabotage.test.partition("::")
    assert (ROOT / path).is_file()
    assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8") or not name
    assert f"| {sabotage.what} | `{sabotage.test}` |" in PAGE
