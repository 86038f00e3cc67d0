"""Write the pages under docs/ that are generated: ``make docs``.

docs/recipe.md and docs/study.md have every table and key, from the models that read them.
"""

import inspect
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from augfactory.cli.app import app
from augfactory.commands.methods import markdown
from augfactory.commands.opening.reading import NAMES
from augfactory.commands.study.arm import OWN_KEYS, RECIPE_KEYS, StudyArm
from augfactory.commands.study.keys import Study
from augfactory.commands.study.vae_settings import VaeSettings
from augfactory.methods.geometry import PRESETS
from augfactory.methods.registry import METHODS
from augfactory.names import FORMATS
from augfactory.pipeline.recipes.composition import (
    ELASTIC_ALPHA,
    ELASTIC_SIGMA,
    MIXED,
    MOST_CLOTHES,
    RANDAUGMENT,
    THICKER,
    THINNER,
)
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.recipes.recipe_file import AskedRecipe
from augfactory.pipeline.recipes.stages import (
    MIXING,
    MixStage,
    PseudoLabelStage,
    VaeStage,
    geometry_stage,
)
from augfactory.pipeline.recipes.vary import VARYING, VaryStage
from augfactory.report.recipe_toml import toml_lines
from augfactory.vae.samplers.registry import SAMPLERS

DOCS = Path(__file__).parents[1] / "docs"

FUNCTIONS = {"vae-train": "train_vae"}
# Options that a function has as part of an argument (vae, read, colour, arms), or that are for a
# terminal.
OTHERWISE = (
    "share", "decode", "filter", "sampler", "temperature", "reach", "arm", *NAMES, "grey", "rgb",
    "json", "quiet", "debug",
)  # fmt: skip
WORDS = {bool: "true or false", int: "whole number", float: "number", tuple: "list", dict: "table"}
BOUNDS = {Ge: ("ge", "≥ {}"), Gt: ("gt", "> {}"), Le: ("le", "≤ {}"), Lt: ("lt", "< {}")}
# What is taken where these are left out depends on others, and their descriptions say it.
SAID_ELSEWHERE = ("factor", "copies", "from", "steps")
HEAD = "| key | type | default | what it does |\n|---|---|---|---|\n"
GENERATED = "`make docs` writes this page from the models that read the file.\n"


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
        "with the same defaults; `load` and `loader` read what they make, `online` makes\n"
        "rows while training. What is wrong with a request, the data or the disk raises an\n"
        "`augfactory.AugfactoryError`, whose text says what, where and how to mend it.\n"
        "This page is generated from their docstrings; `make docs` writes it, and the tests run\n"
        "its examples.\n",
        f"Only the commands have {_only_commands()}.\n",
    ]
    for name in ("train_vae", "expand", "evaluate", "load", "loader", "online"):
        parts.append(f"## augfactory.{name}\n\n{_function(getattr(augfactory, name))}")
    parts.append(f"## What load returns\n\n{_sections(VersionDataset)['']}\n\n")
    parts[-1] += "| attribute or method | what it is |\n|---|---|\n"
    for name, member in vars(VersionDataset).items():
        about = inspect.getdoc(getattr(member, "fget", member) or member)
        if not name.startswith("_") and about and not isinstance(member, str):
            parts[-1] += f"| `{name}` | {_cell(about.partition(chr(10) * 2)[0])} |\n"
    return "\n".join(parts)


def _only_commands() -> str:
    """Return the options that the functions of their commands have under no name."""
    import augfactory

    commands, found = typer.main.get_command(app).commands, []  # type: ignore[attr-defined]
    for name in ("vae-train", "expand", "evaluate"):
        arguments = inspect.signature(getattr(augfactory, FUNCTIONS.get(name, name))).parameters
        left = [
            f"`{option.opts[0]}`"
            for option in commands[name].params
            if option.name not in {*arguments, *OTHERWISE}
        ]
        found.append(f"{', '.join(left)} (`{name}`)")
    return "; ".join(found)


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


def recipe_page() -> str:
    """Return docs/recipe.md."""
    stated = {"factor": 10, "originals": True, "seed": 0, "format": "hdf5", "distinct": True}
    top = AskedRecipe.model_fields
    parts = [
        "# The recipe file",
        "A recipe says in TOML what flags cannot: stages in order, each with its parameters.\n"
        "`augfactory expand SOURCE --recipe recipe.toml --out NAME` follows it, options that are\n"
        "given override it, and `augfactory.expand(recipe=…)` takes the same as a mapping. Every\n"
        "key may be left out; a key that is not here is refused.\n\n"
        "**A recipe says everything: what it does not name is left out.** Photographs that\n"
        "a recipe of `factor = 50` alone is applied to are varied by geometry only: RandAugment\n"
        "and mixtures, which they have without a recipe, are gone, and `expand` says so. To\n"
        "change a default, begin with [its recipe](#the-defaults-as-recipes).\n" + GENERATED,
        _toml({**stated})
        + _toml({"preset": "digits"}, "[geometry]")
        + _toml({"share": 0.25, "sampler": "same-class", "reach": 0.5}, "[vae]")
        + _toml({"method": "stroke"}, "[[vary]]")
        + _toml({"method": "mixup", "copies": 5, "from": "expanded"}, "[[mix]]")
        + _toml({"copies": 10, "keep": 0.75}, "[pseudo_label]"),
        "## The defaults as recipes",
        f"What `expand` does without a recipe, of photographs; of clothes, up to {MOST_CLOTHES} a "
        'class, the same with `preset = "clothes"`:',
        _default_recipe("photo"),
        "Of drawings, such as digits, of 28 pixels; larger ones are bent and thickened in "
        "proportion:",
        _default_recipe("digits"),
        "Textures, and images varied as they are, have geometry alone.",
        "## At the top",
        _table(top, {**Recipe.model_fields, "geometry": top["geometry"]}, {"format": FORMATS}),
        "## [geometry]",
        "`geometry = false` leaves images as they are. Without the table the preset that suits the "
        "images varies them.",
        "The defaults below are those of digits. A key that is left out has the value of the "
        "preset, also where the preset is found out from the images:",
        _presets(),
        *_parameters(METHODS["geometry"].parameters, "[geometry]"),
        "## [[vary]]",
        "What changes each further image once more, after geometry or the model made it: table\n"
        "after table, in their order. Mixtures are made of images so changed. A method takes the\n"
        "same parameters as in `[[mix]]`.",
        _table(_without(VaryStage, "parameters"), choices={"method": tuple(VARYING)}),
        _toml({"method": "stroke", "thicker": 1.0}, "[[vary]]")
        + _toml({"method": "erasing", "share": 0.5}, "[[vary]]"),
        "## [vae]",
        _table(_without(VaeStage, "parameters", "varied"), choices={"sampler": tuple(SAMPLERS)}),
    ]
    for name, sampler in SAMPLERS.items():
        parts += [f"### sampler = {name!r}".replace("'", '"')]
        parts += _parameters(sampler.params, "[vae]", sampler=name)
    parts += ["## [[mix]]", _table(_mix_fields(), choices={"method": tuple(MIXING)})]
    for name, method in MIXING.items():
        parts += [f'### method = "{name}"', method.card.splitlines()[0]]
        parts += _parameters(method.parameters, "[[mix]]", method=name, copies=5)
    parts += [
        "## [pseudo_label]",
        "With `--unlabelled SOURCE`; see [unlabelled images](unlabelled.md).",
        *_parameters(PseudoLabelStage, "[pseudo_label]", copies=10),
    ]
    return _joined(parts)


def _default_recipe(preset: str) -> str:
    """Return what is made of images of ``preset`` by default, as a recipe."""
    geometry: dict[str, Any] = {"preset": preset}
    if preset == "digits":
        geometry |= {"elastic_alpha": ELASTIC_ALPHA, "elastic_sigma": ELASTIC_SIGMA}
        vary: dict[str, Any] = {"method": "stroke", "thicker": THICKER, "thinner": THINNER}
        return _toml({"factor": 50}) + _toml(geometry, "[geometry]") + _toml(vary, "[[vary]]")
    return (
        _toml({"factor": 50, "distinct": True})
        + _toml(geometry, "[geometry]")
        + _toml({"method": "randaugment", **RANDAUGMENT}, "[[vary]]")
        + _toml({"method": "mixup", "share": MIXED[preset]}, "[[mix]]")
    )


def _presets() -> str:
    """Return a table of what the presets say of geometry."""
    own = {name: geometry_stage("docs", {"preset": name}).parameters for name in PRESETS}
    keys = [key for key in own["digits"] if any(key in values for values in PRESETS.values())]
    lines = [f"| key | {' | '.join(own)} |", "|---" * (1 + len(own)) + "|"]
    for key in keys:
        values = (json.dumps(parameters[key]) for parameters in own.values())
        lines.append(f"| `{key}` | {' | '.join(f'`{value}`' for value in values)} |")
    return "\n".join(lines)


def study_page() -> str:
    """Return docs/study.md."""
    example = {
        "title": "Mixup on few digits", "source": "sample:train", "test": "sample:test",
        "size": 28, "n_train": [20, 100], "subsets": 3, "seeds": 2, "steps": 800,
    }  # fmt: skip
    arm = {"name": "mixup, alpha {alpha}", "factor": 1, "distinct": True}
    mix = {"method": "mixup", "copies": 9, "alpha": "{alpha}"}
    parts = [
        "# The study file",
        "A study compares arms over draws of originals and training seeds:\n"
        "`augfactory study study.toml --out DIR`. A key that is not here is refused.\n" + GENERATED,
        _toml(example)
        + _toml({"name": "originals"}, "[[arms]]")
        + _toml({"name": "originals+geometry"}, "[[arms]]")
        + _toml(arm, "[[arms]]")
        + _toml(mix, "[[arms.mix]]")
        + _toml({"alpha": [0.2, 1.0]}, "[arms.grid]")
        + _toml({"n_train": [20], "steps": 20}, "[quick]"),
        "## At the top",
        _table(Study.model_fields),
        "## [vae]",
        "How the VAEs are trained that arms ask for, as `augfactory vae-train` has it.",
        _table(VaeSettings.model_fields),
        _toml(example)
        + _toml(_defaults(VaeSettings.model_fields), "[vae]")
        + _toml({"name": "originals"}, "[[arms]]")
        + _toml({"name": "decoded", "vae": True, "factor": 10}, "[[arms]]"),
        "## [[arms]]",
        "An arm trains on a dataset, where it holds keys of a recipe, else on the originals.",
        _table({key: StudyArm.model_fields[key] for key in OWN_KEYS}),
        "Keys of a recipe, as in [the recipe file](recipe.md): "
        + ", ".join(f"`{key}`" for key in RECIPE_KEYS)
        + ". `vae` may be a table, with `at_loss` beside a recipe's keys. Its seed is that of the "
        "draw. Where `classifier` under `[arms.pseudo_label]` is the one that the arm trains, it "
        "starts from the arm's `weights`. An arm that says nothing of geometry, mixing and "
        "`distinct` is made as "
        "`augfactory expand` makes a dataset by default.",
        _toml(example)
        + _toml({"name": "originals"}, "[[arms]]")
        + _toml({"name": "near", "factor": 10, "order": "rounds"}, "[[arms]]")
        + _toml({"at_loss": 120.0, "sampler": "same-class", "reach": 0.5}, "[arms.vae]")
        + _toml({"name": "online", "classifier": "vgg"}, "[[arms]]")
        + _toml({"method": "geometry"}, "[[arms.online]]")
        + _toml({"method": "ricap", "beta": 0.3}, "[[arms.online]]"),
        "## [arms.grid]",
        "Lists by name. The arm stands for one arm for each combination of their values, and "
        '`"{name}"` is replaced by the value everywhere in it; `"{{"` is a brace.',
        "## [quick] and [full]",
        "What `--quick` and `--full` have in place of the keys at the top. `[quick.grid]` narrows "
        "grids by name.",
    ]
    return _joined(parts)


def _joined(parts: Iterable[str]) -> str:
    """Join paragraphs; examples of tables that follow each other become one block."""
    text = "\n\n".join(part.strip("\n") for part in parts) + "\n"
    return text.replace("```\n```toml\n", "\n")


def _toml(values: Mapping[str, Any], head: str = "") -> str:
    return f"```toml\n{head}\n{toml_lines(values)}```\n".replace("```toml\n\n", "```toml\n")


def _parameters(model: type[BaseModel], head: str, **more: Any) -> list[str]:
    """Return the table of a model and an example that says all of its defaults."""
    example = _toml({**more, **_defaults(model.model_fields)}, head)
    return [_table(model.model_fields), example] if model.model_fields else [example]


def _defaults(fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
    return {
        name: field.examples[0] if field.examples else field.default
        for name, field in fields.items()
        if field.examples or field.default not in (None, PydanticUndefined)
    }


def _without(model: type[BaseModel], *names: str) -> dict[str, FieldInfo]:
    return {name: field for name, field in model.model_fields.items() if name not in names}


def _mix_fields() -> dict[str, FieldInfo]:
    fields = _without(MixStage, "parameters")
    return {"from" if name == "source" else name: field for name, field in fields.items()}


def _table(
    fields: Mapping[str, FieldInfo],
    defaults: Mapping[str, FieldInfo] | None = None,
    choices: Mapping[str, tuple[str, ...]] | None = None,
) -> str:
    """Return a line for each field; ``defaults`` are where their defaults are, if elsewhere."""
    lines = []
    for name, field in fields.items():
        base, metadata = _unwrapped(field)
        if choices and name in choices:
            base = Literal[choices[name]]
        kind = ", ".join(filter(None, [_kind(base), _range(metadata)]))
        about = next(
            (each.description for each in (field, *metadata) if getattr(each, "description", None)),
            "",
        )
        default = _default((defaults or fields)[name], name)
        lines.append(f"| `{name}` | {kind} | {default} | {_cell(about)} |\n")
    return HEAD + "".join(lines)


def _default(field: FieldInfo, name: str) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "" if name in SAID_ELSEWHERE else "required"
    if value is None or isinstance(value, BaseModel) or value == ():
        return ""
    return f"`{toml_lines({'x': value}).strip().removeprefix('x = ')}`"


def _unwrapped(field: FieldInfo) -> tuple[Any, list[Any]]:
    """Return the type of a field without None and annotations, and all that is said of it."""
    base: Any = field.annotation
    metadata = list(field.metadata)
    while True:
        if get_origin(base) is Annotated:
            inner = get_args(base)
            base = inner[0]
            for each in inner[1:]:
                metadata += [each, *getattr(each, "metadata", [])]
        elif get_origin(base) in (Union, UnionType) and NoneType in get_args(base):
            left = [each for each in get_args(base) if each is not NoneType]
            base = Union[tuple(left)]  # noqa: UP007
        else:
            return base, metadata


def _kind(base: Any) -> str:
    if get_origin(base) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(base))
    if get_origin(base) in (Union, UnionType):
        return " or ".join(_kind(each) for each in get_args(base))
    own = get_origin(base) or base
    if isinstance(own, type) and issubclass(own, BaseModel):
        return "table"
    return WORDS.get(own, "text")


def _range(metadata: Iterable[Any]) -> str:
    found = []
    for each in metadata:
        for kind, (name, words) in BOUNDS.items():
            if isinstance(each, kind):
                bound = getattr(each, name)
                found.append(words.format(f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"))
    return ", ".join(found)


def pages() -> dict[str, str]:
    """Return the text of every generated page, by its name under docs/."""
    return {
        "methods.md": markdown(),
        "cli.md": cli_page(),
        "recipe.md": recipe_page(),
        "study.md": study_page(),
        "python.md": python_page(),
    }


def main() -> None:
    """Write them."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
