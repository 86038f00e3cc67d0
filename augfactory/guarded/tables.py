"""Tables that names of strangers cannot break: aligned for a terminal, and in Markdown."""

from collections.abc import Sequence

from augfactory.guarded.text import escaped


def aligned(lines: Sequence[Sequence[str]], words: int = 1) -> str:
    """Return the lines, which have as many cells each, in columns with a gap of two.

    All columns but the first ``words`` are numbers and end on the right.
    """
    shown = [[escaped(cell) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < words else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in shown
    )


def markdown(lines: Sequence[Sequence[str]], words: int = 1) -> str:
    """Return the same in Markdown; the first line is the head."""
    head, *rest = [[markdown_cell(text) for text in line] for line in lines]
    ruled = [head, ["---" if place < words else "---:" for place in range(len(head))], *rest]
    return "\n".join(f"| {' | '.join(line)} |" for line in ruled)


def markdown_cell(text: str) -> str:
    """Return a text that may be in a table: one line, its bars and backslashes escaped."""
    return " ".join(escaped(text).replace("\\", "\\\\").replace("|", "\\|").split())
