"""Write the pages under docs/ that are generated: ``make docs``."""

import inspect
from pathlib import Path
from typing import Any

import typer

from augfactory.cli.app import app
from augfactory.commands.methods import markdown

DOCS = Path(__file__).parents[1] / "docs"


def cli_page() -> str:
    """Return docs/cli.md: every command, its options and examples, as ``--help`` has them."""
    group: Any = typer.main.get_command(app)  # of a type that depends on typer's version
    parts = [
        "# Every command and option\n\n"
        "This page is what `augfactory COMMAND --help` says; `make docs` writes it.\n"
    ]
    for name, command in sorted(group.commands.items()):
        text, _, examples = inspect.cleandoc(command.help or "").partition("\b\n")
        parts.append(f"## augfactory {name}\n\n{text.strip()}\n")
        shown = "\n".join(line.strip() for line in examples.splitlines()[1:])
        if shown:
            parts.append(f"```\n{shown.strip()}\n```\n")
        context = command.make_context(name, [], resilient_parsing=True)
        parts.append(
            "| option | meaning |\n|---|---|\n"
            + "".join(_line(parameter, context) for parameter in command.params)
        )
    return "\n".join(parts)


def _line(parameter: Any, context: Any) -> str:
    name, meaning = parameter.get_help_record(context)
    return f"| `{_cell(name)}` | {_cell(meaning)} |\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def pages() -> dict[str, str]:
    """Return the text of every generated page, by its name under docs/."""
    return {"methods.md": markdown(), "cli.md": cli_page()}


def main() -> None:
    """Write them."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
