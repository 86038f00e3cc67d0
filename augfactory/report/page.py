"""The report of an evaluation or a study: one HTML file that holds all it shows, no network."""

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from augfactory.evaluation.comparison.results import (
    ArmSummary,
    DatasetSummary,
    Results,
    StudyResults,
)
from augfactory.evaluation.comparison.verdict_words import lead_and_rest
from augfactory.guarded.text import escaped, escaped_json
from augfactory.records import LeftOut
from augfactory.report import page_figures
from augfactory.report.figures.class_figures import MOST_BARS, MOST_DRAWN
from augfactory.report.page_corrupted import corruption_table, ensemble_table, severity_table
from augfactory.report.page_figures import Picture
from augfactory.report.page_tables import (
    further_table,
    main_table,
    overview_table,
)
from augfactory.report.recipe_toml import recipe_toml, study_toml
from augfactory.source_rows import skipped_in_words

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE = "page.html.j2"
TEMPLATES = (TEMPLATE, "tuning.html.j2", "looking/rows.html.j2")
MOST_NAMED = 3  # datasets in the title


def report_page(results: Results | StudyResults, pictures: Sequence[Picture]) -> bytes:
    """Return the report as HTML in UTF-8; the same bytes for the same arguments.

    Every text of ``results`` may come from strangers and is shown as text. The page fetches
    nothing: a policy in it forbids that, and any script but its own, which sorts the tables and
    chooses which confusions are shown.

    Args:
        results: what results.json holds. A study has a section for each number of originals.
        pictures: further pictures, in the order in which they are shown.
    """
    script = part("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    study = results if isinstance(results, StudyResults) else None
    if isinstance(results, StudyResults):
        title = results.title
        sections = [
            _section(
                f"n{group.n_train}-", f"{group.n_train:,} originals",
                group.sentences, group.arms, results,
            )
            for group in results.groups
        ]  # fmt: skip
        arms = [arm for group in results.groups for arm in group.arms]
    else:
        title = _title(results.datasets)
        told = lead_and_rest(results.verdict.text, results.verdict.lead)
        sections = [_section("", "", told, results.arms, results)]
        arms = list(results.arms)
    html = environment().get_template(TEMPLATE).render(
        document=results,
        style=part("page.css"),
        script=script,
        script_hash=f"sha256-{digest}",
        results=embedded_json(results.plain()),
        is_study=study is not None,
        title=title,
        overview=overview_table(study) if study and len(study.groups) > 1 else None,
        sections=sections,
        many_classes=len(results.class_names) > MOST_DRAWN,
        most_bars=MOST_BARS if len(results.class_names) > MOST_BARS else None,
        pictures=pictures,
        datasets=[_dataset(entry) for entry in getattr(results, "datasets", ())],
        study=study_toml(study.study) if study else "",
        facts=_facts(results),
        cells=_counts(arms),
        bins=max((len(arm.reliability.count) for arm in arms), default=0),
        has_intervals=any(arm.gain and arm.gain.low is not None for arm in arms),
        warnings=sum(alert.level == "warning" for alert in results.alerts),
        is_scaled=any(arm.scaled for arm in arms),
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


def _section(
    key: str,
    title: str,
    sentences: tuple[str, ...],
    arms: Sequence[ArmSummary],
    results: Results | StudyResults,
) -> dict[str, Any]:
    """Return what the template shows of arms that were compared with each other.

    ``key`` starts the names of its parts in the page; ``title`` is empty where it is the only one.
    """
    baseline, names = results.baseline, results.class_names
    drawn = page_figures.drawn_arms(arms, baseline)
    return {
        "key": key,
        "title": title,
        "sentences": sentences,
        "main": main_table(arms, baseline),
        "further": further_table(arms, baseline),
        "accuracy": page_figures.accuracy(arms, results),
        "curves": page_figures.curves(arms, results),
        "epochs": page_figures.epochs(arms, results),
        "reliability": [page_figures.reliability(arm) for arm in drawn],
        "gains": page_figures.gains(drawn, baseline, names),
        "confusions": page_figures.confusions(drawn, names),
        "corruptions": corruption_table(arms),
        "ensembles": ensemble_table(arms),
        "severities": severity_table(arms),
        "undrawn": len(arms) - len(drawn),
    }


def _title(datasets: Sequence[DatasetSummary]) -> str:
    if not 1 <= len(datasets) <= MOST_NAMED:
        return f"Evaluation of {len(datasets)} datasets"
    *names, last = (f"{entry.name}@{entry.version}" for entry in datasets)
    return f"Evaluation of {', '.join(names)} and {last}" if names else f"Evaluation of {last}"


def _dataset(entry: DatasetSummary) -> dict[str, Any]:
    counts = {method: sum(own.values()) for method, own in entry.counts.items()}
    made = ", ".join(f"{count:,} {method}" for method, count in counts.items())
    return {
        "title": f"{entry.name}@{entry.version}",
        "facts": {
            "rows": f"{entry.rows:,}" + (f": {made}" if made else ""),
            "content hash": entry.content_hash,
            "recipe id": entry.recipe_id,
            "folder": entry.path,
            **_skipped("left out", entry.skipped),
        },
        "recipe": recipe_toml(entry.recipe),
    }


def _facts(results: Results | StudyResults) -> dict[str, dict[str, str]]:
    """Return lists of names and values: what was tested on, the settings, the libraries."""
    test = results.test
    tested = {
        "test set": f"{test.text}, {test.rows:,} images",
        "fingerprint": test.fingerprint,
        "classes": f"{len(results.class_names):,}",
    }
    tested |= _skipped("left out", test.skipped)
    if test.size:
        tested["size"] = " × ".join(map(str, test.size))
    if test.colour:
        tested["colour"] = test.colour
    settings, computer = {"classifier": results.classifier, **results.settings}, {}
    if isinstance(results, StudyResults):
        settings["size of the study"] = results.size
    else:
        held_out, computer = results.held_out, results.machine
        tested["held out"] = f"{held_out.text}, {held_out.rows:,} images" if held_out else "nothing"
        tested |= _skipped("left out of it", held_out.skipped) if held_out else {}
    facts = {
        "Tested on": tested,
        "Settings": {name.replace("_", " "): str(value) for name, value in settings.items()},
        "Machine": {name: str(value) for name, value in computer.items()},
        "Libraries": {name: str(version) for name, version in results.libraries.items()},
    }
    return {heading: own for heading, own in facts.items() if own}


def _skipped(name: str, skipped: Sequence[LeftOut] | None) -> dict[str, str]:
    """Return a line on images that could not be read; nothing where there are none."""
    told = skipped_in_words(skipped)
    return {name: f"{told}; they cannot be read"} if told else {}


def _counts(arms: Sequence[ArmSummary]) -> dict[str, int]:
    """Return how many subsets, training seeds and classifiers an arm has that lacks none."""
    return {
        "subsets": max((len(set(arm.subsets)) for arm in arms), default=0),
        "seeds": max((len(set(arm.seeds)) for arm in arms), default=0),
        "classifiers": max((len(arm.seeds) for arm in arms), default=0),
    }
