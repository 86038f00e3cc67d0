"""docs/documents.md: a line for all that the five documents hold, each with what does it here."""

import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from pydantic import BaseModel

import augfactory
from augfactory.cli.app import app
from augfactory.commands.evaluate.request import check_request
from augfactory.commands.study.arm import OWN_KEYS
from augfactory.commands.study.keys import Study
from augfactory.commands.study.vae_settings import VaeSettings
from augfactory.errors import AugfactoryError
from augfactory.evaluation.classifiers.registry import find_classifier
from augfactory.methods.registry import METHODS
from augfactory.pipeline.recipes.recipe import Recipe, with_copies
from augfactory.pipeline.recipes.recipe_file import AskedRecipe, read_recipe
from augfactory.pipeline.recipes.stages import MixStage, VaeStage
from augfactory.vae.files import CONFIG
from augfactory.vae.samplers.registry import SAMPLERS
from tests.cli import in_process
from tests.pictures import write_class_folders

DOCS = Path(__file__).parents[1] / "docs"
STUDIES = DOCS.parent / "studies"
PAGE = (DOCS / "documents.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
SECTIONS = re.findall(r"^### (00\d), .*?\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
LINES = [
    (document, *[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    for document, section in SECTIONS
    for line in section.splitlines()
    if line.startswith("| ") and not line.startswith("| in the document")
]
TOML, *_ = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PYTHON = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SPANS = sorted(
    {span for line in LINES for cell in line[1:] for span in re.findall(r"`([^`]+)`", cell)}
)
QUOTED = [span for line in LINES for span in re.findall(r"`([^`]+)`", line[2])]


def keys() -> set[str]:
    """Return every key of a recipe, of a study and of the methods and samplers in them."""
    models: list[type[BaseModel]] = [AskedRecipe, Study, VaeSettings, VaeStage, MixStage]
    found = {key for model in models for key in model.model_fields}
    found |= {*OWN_KEYS, *VaeStage.written, *MixStage.written}
    found |= {key for own in METHODS.values() for key in own.parameters.model_fields}
    return found | {key for own in SAMPLERS.values() for key in own.params.model_fields}


def test_every_document_is_there_line_by_line() -> None:
    assert [document for document, _ in SECTIONS] == ["000", "001", "002", "003", "004"]
    assert 80 <= len(LINES) <= 200
    for document, _ in SECTIONS:
        assert sum(line[0] == document for line in LINES) >= 15


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line[0]} {line[1][:50]}")
def test_a_line_has_what_does_it_or_why_nothing_does(line: tuple[str, ...]) -> None:
    assert len(line) == 4, "a line has three cells"
    _, there, here, why = line
    assert there
    if here.startswith("out of scope"):
        assert why or here.partition(": ")[2], "no reason"
    else:
        assert "`" in here or "](" in here or here.startswith("the same"), here


@pytest.mark.parametrize("command", [span for span in SPANS if span.startswith("augfactory ")])
def test_every_command_is_one(command: str) -> None:
    _, name, *arguments = shlex.split(command)
    if arguments == ["--help"]:
        return
    for option, value in pairwise(arguments):
        if option == "--classifier":
            find_classifier(value)
    COMMANDS[name].make_context(name, arguments)  # it exits where something is no option


CROP = """
[geometry]
preset = "none"

[[vary]]
method = "crop"
flip_horizontal = true
fill = "constant"
"""


class Enough(AugfactoryError):
    """Raised where a command would begin to work: its request is in order."""

    exit_code = 99


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which commands are asked for, and none is carried out."""
    checks: dict[str, Callable[[Any], object]] = {
        "augfactory.commands.evaluate.evaluate.evaluate": check_request,
        "augfactory.commands.expand.expand.expand": lambda _: None,
        "augfactory.commands.expand.estimate.estimate": lambda _: None,
        "augfactory.commands.study.study.study": lambda _: None,
        "augfactory.commands.vae.plan.plan_training": lambda _: None,
    }

    def stop(name: str) -> Callable[..., None]:
        def asked(request: Any, *_: object, **__: object) -> None:
            checks[name](request)
            raise Enough("here", "it is enough", "Stop.")

        return asked

    for name in checks:
        monkeypatch.setattr(name, stop(name))
    (tmp_path / "studies").symlink_to(STUDIES)
    (tmp_path / "recipe.toml").write_text(f"factor = 10\n{TOML}", encoding="utf-8")
    (tmp_path / "crop.toml").write_text(CROP, encoding="utf-8")
    (tmp_path / "models" / "losses").mkdir(parents=True)
    (tmp_path / "models" / "losses" / CONFIG).touch()
    return tmp_path


ASKED = [span for span in SPANS if re.match(r"augfactory (evaluate|expand|study|vae-train) ", span)]


@pytest.mark.parametrize("command", ASKED)
def test_a_command_asks_for_nothing_that_is_refused(command: str, place: Path) -> None:
    in_process.run(*shlex.split(command)[1:], cwd=place, code=Enough.exit_code)


def test_models_that_are_not_trained_alike_have_folders_of_their_own() -> None:
    trained: dict[str, set[str]] = {}
    for command in ASKED:
        head, _, out = command.partition(" --out ")
        if head.startswith("augfactory vae-train"):
            trained.setdefault(out, set()).add(head)
    assert len(trained) >= 6
    assert {out: heads for out, heads in trained.items() if len(heads) > 1} == {}


@pytest.mark.parametrize("text", [span for span in QUOTED if re.match(r"[a-z_0-9]+ = ", span)])
def test_every_key_is_one(text: str) -> None:
    (key,) = tomllib.loads(text)
    assert key in keys()


def values_in(table: object) -> Iterator[tuple[str, object]]:
    """Yield every key and value of a TOML document, at any depth."""
    for key, value in table.items() if isinstance(table, dict) else ():
        yield key, value
        for inner in value if isinstance(value, list) else [value]:
            yield from values_in(inner)


QUOTED_OF_STUDIES = [
    (name, text)
    for line in LINES
    for name in re.findall(r"\.\./studies/([\w-]+\.toml)", line[2])
    for text in re.findall(r"`([a-z_0-9]+ = [^`]+)`", line[2])
]


@pytest.mark.parametrize(("name", "text"), QUOTED_OF_STUDIES)
def test_a_value_quoted_of_a_study_is_in_it(name: str, text: str) -> None:
    ((key, value),) = tomllib.loads(text).items()
    study = tomllib.loads((STUDIES / name).read_text(encoding="utf-8"))
    assert (key, value) in list(values_in(study))


QUOTED_ARMS = [
    (name, arm)
    for line in LINES
    for name in re.findall(r"\.\./studies/([\w-]+\.toml)", line[2])
    if re.search(r"\barms?\b", line[2])
    for arm in re.findall(r'"([^"…]+)…?"', re.sub(r"`\w+ = [^`]+`", "", line[2]))
]


@pytest.mark.parametrize(("name", "arm"), QUOTED_ARMS)
def test_an_arm_quoted_of_a_study_is_in_it(name: str, arm: str) -> None:
    study = tomllib.loads((STUDIES / name).read_text(encoding="utf-8"))
    assert any(own["name"].startswith(arm) for own in study["arms"])


@pytest.mark.parametrize("call", [span for span in SPANS if re.match(r"augfactory\.\w+\(", span)])
def test_every_function_is_public(call: str) -> None:
    name = call.removeprefix("augfactory.").partition("(")[0]
    assert name in augfactory.__all__
    assert callable(getattr(augfactory, name))


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert target.startswith("https://") or (DOCS / target).exists(), target


def test_the_recipe_of_the_keras_transforms_is_one() -> None:
    asked = read_recipe(f"factor = 10\n{TOML}", "docs/documents.md")
    assert isinstance(asked.geometry, dict)
    (mix,) = asked.mix
    assert (mix.method, mix.share, asked.originals) == ("mixup", 0.5, False)
    rows = Recipe(
        factor=10, originals=False, mix=with_copies(asked.mix, 10, originals=False)
    ).section_rows(1)
    assert rows == [5, 5]  # "five are varied anew"


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_what_is_mixed_while_training_is_as_the_page_says(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_class_folders(tmp_path / "images", 25)
    if "NAME-x10" in PYTHON[number]:
        augfactory.expand("images", "NAME", factor=10, recipe=tomllib.loads(TOML), workers=1)
    told: dict[str, Any] = {}
    shown: list[tuple[Any, Any]] = []
    code = PYTHON[number].replace("100", "3").replace("        ...", "        seen(images, labels)")
    told["seen"] = lambda images, labels: shown.append((images, labels))
    exec(compile(code, "docs/documents.md", "exec"), told)
    if "loader" in told:
        shown = list(told["loader"])
        assert sum(len(labels) for _, labels in shown) == 5 * 75
    else:
        epochs = 3 * code.count("augfactory.online(")
        assert sum(len(labels) for _, labels in shown) == epochs * 75
    labels = np.concatenate([own.numpy() for _, own in shown])
    alike = (labels.max(axis=1) > 0.999).mean()  # partners of one class, or hardly any share
    assert alike < 0.75
    if "patched" in told:  # one boundary a batch, so at most 64 of 75 rows
        assert max(len(own) for _, own in shown) <= 64
        assert len(shown) >= 3 * 2
