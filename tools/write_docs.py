"""Write the pages under docs/ that are generated: ``make docs``."""

import inspect
import re
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


def python_page() -> str:
    """Return docs/python.md: the public functions, from their signatures and docstrings."""
    import augfactory
    from augfactory.loading.dataset import VersionDataset

    parts = [
        "# Python functions\n\n"
        "`augfactory.train_vae`, `expand` and `evaluate` do what the commands of these names do,\n"
        "with the same defaults; `load` and `loader` read what they make. This page is generated\n"
        "from their docstrings; `make docs` writes it, and the tests run its examples.\n"
    ]
    for name in ("train_vae", "expand", "evaluate", "load", "loader"):
        parts.append(f"## augfactory.{name}\n\n{_function(getattr(augfactory, name))}")
    parts.append(f"## What load returns\n\n{_sections(VersionDataset)['']}\n\n")
    parts[-1] += "| attribute or method | what it is |\n|---|---|\n"
    for name, member in vars(VersionDataset).items():
        about = inspect.getdoc(getattr(member, "fget", member) or member)
        if not name.startswith("_") and about and not isinstance(member, str):
            parts[-1] += f"| `{name}` | {_cell(about.partition(chr(10) * 2)[0])} |\n"
    return "\n".join(parts)


def _function(function: Any) -> str:
    """Return a signature, a table of arguments, and what else the docstring says."""
    told, signature = _sections(function), inspect.signature(function)
    about = dict(re.findall(r"^(\w+): (.*(?:\n +.*)*)", told.pop("Args"), flags=re.MULTILINE))
    assert [*about] == [*signature.parameters], function
    text = f"{told.pop('')}\n\n| argument | type | default | what it does |\n|---|---|---|---|\n"
    for name, parameter in signature.parameters.items():
        kind = inspect.formatannotation(parameter.annotation)
        kind = re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Za-z])", "", kind)
        kind = re.sub(r"Optional\[(Literal\[.*?\])\]", r"\1 | None", kind)
        kind = re.sub(r"ndarray\[.*?dtype\[int64\]\]", "ndarray", kind)
        given = parameter.default
        default = "" if given is inspect.Parameter.empty else f"`{_cell(repr(given))}`"
        text += f"| `{name}` | `{_cell(kind)}` | {default} | {_cell(about[name])} |\n"
    if "Returns" in told:
        text += f"\n**Returns** {_cell(told['Returns'])}\n"
    for line in re.findall(r"^\w+: .*(?:\n +.*)*", told["Raises"], flags=re.MULTILINE):
        text += f"\n**Raises** {_cell(line)}\n"
    return f"{text}\n```pycon\n{told['Example']}\n```\n"


def _sections(documented: Any) -> dict[str, str]:
    """Cut a docstring apart at its headings; what comes before them is called ''."""
    parts = re.split(r"^(\w+):\n", inspect.getdoc(documented) or "", flags=re.MULTILINE)
    titles = ["", *parts[1::2]]
    return {
        title: inspect.cleandoc(f"\n{body}") for title, body in zip(titles, parts[::2], strict=True)
    }


def pages() -> dict[str, str]:
    """Return the text of every generated page, by its name under docs/."""
    return {"methods.md": markdown(), "cli.md": cli_page(), "python.md": python_page()}


def main() -> None:
    """Write them."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
