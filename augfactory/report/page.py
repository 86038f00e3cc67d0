"""The report of an evaluation or a study: one HTML file that holds all it shows, no network."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from augfactory.guarded.text import escaped, escaped_json
from augfactory.report import page_figures
from augfactory.report.figures.class_figures import MOST_BARS, MOST_DRAWN
from augfactory.report.page_tables import (
    Arm,
    Table,
    corruption_table,
    further_table,
    main_table,
    overview_table,
)
from augfactory.report.recipe_toml import recipe_toml, study_toml

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE = "page.html.j2"
TEMPLATES = (TEMPLATE, "tuning.html.j2")
MOST_NAMED = 3  # datasets in the title


@dataclass(frozen=True)
class Picture:
    """A picture to show: its title, what is to be seen, and the PNG."""

    title: str
    caption: str
    png: bytes


@dataclass(frozen=True)
class Section:
    """What is shown of arms that were compared with each other.

    ``key`` starts the names of its parts in the page; ``title`` is empty where it is the only one.
    ``undrawn`` counts the arms that the tables have and the figures of single arms have not.
    """

    key: str
    title: str
    sentences: tuple[str, ...]
    main: Table
    further: Table
    accuracy: page_figures.Figure | None
    curves: page_figures.Figure | None
    reliability: tuple[page_figures.Figure, ...]
    gains: tuple[page_figures.Figure, ...]
    choices: tuple[page_figures.Choice, ...]
    corruptions: Table | None
    undrawn: int


@dataclass(frozen=True)
class DatasetEntry:
    """What is said of a dataset: ``counts`` are rows by method."""

    title: str
    facts: dict[str, str]
    recipe: str


def report_page(document: Mapping[str, Any], pictures: Sequence[Picture]) -> bytes:
    """Return the report as HTML in UTF-8; the same bytes for the same arguments.

    Every text of ``document`` may come from strangers and is shown as text. The page fetches
    nothing: a policy in it forbids that, and any script but its own, which sorts the tables and
    chooses which confusions are shown.

    Args:
        document: what results.json of an evaluation or of a study holds. A study, known by its
            "groups", has a section for each.
        pictures: further pictures, in the order in which they are shown.
    """
    script = part("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    is_study = "groups" in document
    groups = _groups(document)
    arms = [arm for _, _, own in groups for arm in own["arms"]]
    html = environment().get_template(TEMPLATE).render(
        document=document,
        style=part("page.css"),
        script=script,
        script_hash=f"sha256-{digest}",
        results=embedded_json(document),
        is_study=is_study,
        title=document["title"] if is_study else _title(document["datasets"]),
        overview=overview_table(document) if is_study and len(groups) > 1 else None,
        sections=[_section(key, title, own) for key, title, own in groups],
        many_classes=len(document["class_names"]) > MOST_DRAWN,
        most_bars=MOST_BARS if len(document["class_names"]) > MOST_BARS else None,
        pictures=[_shown(picture) for picture in pictures],
        datasets=[_dataset(entry) for entry in document.get("datasets", ())],
        study=study_toml(document["study"]) if is_study else "",
        facts=_facts(document),
        cells=_cells(arms),
        bins=max((len(arm["reliability"]["count"]) for arm in arms), default=0),
        has_intervals=_has_intervals(arms),
        warnings=sum(alert["level"] == "warning" for alert in document["alerts"]),
        is_scaled=any(arm["scaled"] for arm in arms),
    )  # fmt: skip
    return html.encode()


def embedded_json(value: Any) -> str:
    """Return JSON that may stand inside a script element: no ``<`` ends it or opens another."""
    return escaped_json(json.dumps(value, allow_nan=False)).replace("<", "\\u003c")


@cache
def environment() -> "Environment":
    """Return what renders the pages: every text in them is escaped."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    return Environment(
        loader=DictLoader({name: part(name) for name in TEMPLATES}),
        autoescape=True,
        finalize=_shown_text,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown_text(value: Any) -> Any:
    """Escape what could fool a reader in a text of data; HTML is escaped by jinja afterwards."""
    return escaped(value, keep="\n\t") if type(value) is str else value


@cache
def part(name: str) -> str:
    """Return a file of this folder: a template, the style or the script."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _groups(document: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Return key, title and document of each section; an evaluation is a section itself."""
    if "groups" not in document:
        return [("", "", document)]
    return [
        (f"n{group['n_train']}-", f"{group['n_train']:,} originals", {**document, **group})
        for group in document["groups"]
    ]


def _section(key: str, title: str, document: Mapping[str, Any]) -> Section:
    drawn = page_figures.drawn_arms(document)
    return Section(
        key=key,
        title=title,
        sentences=_sentences(document),
        main=main_table(document),
        further=further_table(document),
        accuracy=page_figures.accuracy(document),
        curves=page_figures.curves(document),
        reliability=tuple(page_figures.reliability(arm) for arm in drawn),
        gains=tuple(page_figures.gains(document)),
        choices=tuple(page_figures.choices(document)),
        corruptions=corruption_table(document),
        undrawn=len(document["arms"]) - len(drawn),
    )


def _shown(picture: Picture) -> page_figures.Figure:
    alt = f"{picture.title}. {picture.caption}".strip()
    return page_figures.embedded(picture.png, picture.title, picture.caption, alt)


def _title(datasets: Sequence[Mapping[str, Any]]) -> str:
    if not 1 <= len(datasets) <= MOST_NAMED:
        return f"Evaluation of {len(datasets)} datasets"
    *names, last = (f"{entry['name']}@{entry['version']}" for entry in datasets)
    return f"Evaluation of {', '.join(names)} and {last}" if names else f"Evaluation of {last}"


def _sentences(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the verdict of an evaluation, or what a study says of each arm."""
    if "verdict" in document:
        return (document["verdict"]["text"],)
    return tuple(document["sentences"])


def _dataset(entry: Mapping[str, Any]) -> DatasetEntry:
    counts = {method: sum(own.values()) for method, own in entry["counts"].items()}
    made = ", ".join(f"{count:,} {method}" for method, count in counts.items())
    return DatasetEntry(
        title=f"{entry['name']}@{entry['version']}",
        facts={
            "rows": f"{entry['rows']:,}" + (f": {made}" if made else ""),
            "content hash": entry["content_hash"],
            "recipe id": entry["recipe_id"],
            "folder": entry["path"],
        },
        recipe=recipe_toml(entry["recipe"]),
    )


def _facts(document: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return lists of names and values: what was tested on, the settings, the libraries."""
    test, held_out = document["test"], document.get("held_out")
    tested = {
        "test set": f"{test['text']}, {test['rows']:,} images",
        "fingerprint": test["fingerprint"],
        "classes": f"{len(document['class_names']):,}",
    }
    if test.get("size"):
        tested["size"] = " × ".join(map(str, test["size"]))
    if test.get("colour"):
        tested["colour"] = test["colour"]
    if "held_out" in document:
        tested["held out"] = (
            f"{held_out['text']}, {held_out['rows']:,} images" if held_out else "nothing"
        )
    settings = {"classifier": document["classifier"], **document["settings"]}
    if "size" in document:
        settings["size of the study"] = document["size"]
    facts = {
        "Tested on": tested,
        "Settings": {name.replace("_", " "): str(value) for name, value in settings.items()},
        "Machine": {name: str(value) for name, value in document.get("machine", {}).items()},
        "Libraries": {name: str(version) for name, version in document["libraries"].items()},
    }
    return {heading: own for heading, own in facts.items() if own}


def _cells(arms: Sequence[Arm]) -> dict[str, int]:
    """Return how many subsets, training seeds and classifiers an arm has that lacks none."""
    return {
        "subsets": max((len(set(arm["subsets"])) for arm in arms), default=0),
        "seeds": max((len(set(arm["seeds"])) for arm in arms), default=0),
        "classifiers": max((len(arm["seeds"]) for arm in arms), default=0),
    }


def _has_intervals(arms: Sequence[Arm]) -> bool:
    return any(
        arm["difference"] and arm["difference"]["accuracy"]["low"] is not None for arm in arms
    )
