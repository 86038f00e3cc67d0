"""Write the pages under docs/ that are generated: ``make docs``."""

from pathlib import Path

from augfactory.commands.methods import markdown

DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    """Write docs/methods.md."""
    (DOCS / "methods.md").write_text(markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
