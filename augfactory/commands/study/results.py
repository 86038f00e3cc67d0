"""What a study leaves behind: results.json, cells.csv, tables.md, figures and the report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from augfactory.commands.evaluate.report import REPORT
from augfactory.commands.runs import files
from augfactory.commands.study.arm import StudyArm
from augfactory.commands.study.keys import Study
from augfactory.evaluation.comparison.protocol import Run, RunResult
from augfactory.evaluation.comparison.results import (
    Alert,
    ArmSummary,
    Group,
    LabelledSet,
    StudyResults,
)
from augfactory.evaluation.comparison.verdict_words import sentence
from augfactory.guarded.text import escaped
from augfactory.report.figures.losses_figure import losses_figure
from augfactory.report.page import report_page
from augfactory.report.page_figures import Picture, accuracy_png, epochs
from augfactory.report.tables import (
    failed_in_words,
    markdown_ensembles,
    markdown_table,
    severities_table,
)
from augfactory.store.disk.atomic import write_file
from augfactory.store.manifest import library_versions

SCHEMA_VERSION = 1
LINE_BREAK = "\n"


def write_results(
    out: Path,
    study: Study,
    size: str,
    arms: Mapping[int, Sequence[ArmSummary]],
    missing: Sequence[str],
    results: Sequence[tuple[Run, RunResult]],
    *,
    verdicts: Mapping[int, str],
    test: LabelledSet,
    settings: dict[str, Any],
    class_names: Sequence[str],
    alerts: Sequence[Alert],
    pictures: Sequence[Picture],
) -> tuple[StudyResults, list[Path]]:
    """Write everything; return what results.json holds and the paths.

    ``arms`` are those of each number of originals, and so are ``verdicts``.
    """
    document = StudyResults(
        schema_version=SCHEMA_VERSION,
        title=study.title,
        about=study.about,
        size=size,
        study=study.model_dump(mode="json"),
        classifier=study.classifier,
        settings=settings,
        class_names=tuple(class_names),
        baseline=study.against[0],
        test=test,
        alerts=(*alerts, *_not_run(missing), *_failed(arms), _scope(study)),
        groups=tuple(
            _group(study, n_train, own, verdicts[n_train]) for n_train, own in arms.items()
        ),
        libraries=library_versions(),
    )
    contents = {
        "results.json": files.json_bytes(document.plain()),
        "cells.csv": files.runs_csv(results),
        files.CURVES: files.curves_csv(results),
        "tables.md": _tables(study, size, document).encode(),
    }
    if (lines := files.corruptions_csv(results)) is not None:
        contents[files.CORRUPTIONS] = lines
    shown = []
    for group in document.groups:
        subtitle = (
            f"{study.title} · {group.n_train:,} originals · {study.classifier}, "
            f"{study.steps:,} steps of {study.batch}"
        )
        contents[f"accuracy-n{group.n_train}.png"] = accuracy_png(
            group.arms, study.against[0], subtitle
        )
        over_losses = accuracy_by_loss(group, study.arms, study.against[0], subtitle)
        if over_losses is not None:
            contents[f"accuracy-loss-n{group.n_train}.png"] = over_losses.png
            shown.append(over_losses)
        over_epochs = epochs(group.arms, document)
        if over_epochs is not None:
            contents[f"epochs-n{group.n_train}.png"] = over_epochs.png
    contents[REPORT] = report_page(document, [*shown, *pictures])
    for name, data in contents.items():
        write_file(out / name, data)
    return document, [out / name for name in contents]


def accuracy_by_loss(
    group: Group, arms: Sequence[StudyArm], baseline: str, subtitle: str
) -> Picture | None:
    """Return accuracy over the losses at which VAEs were stopped; None for fewer than two."""
    losses = {arm.name: float(arm.vae) for arm in arms if not isinstance(arm.vae, bool)}
    lines: dict[int, list[tuple[float, ArmSummary]]] = {}
    for arm in group.arms:
        if arm.name in losses and arm.factor is not None:
            lines.setdefault(arm.factor, []).append((losses[arm.name], arm))
    base = next((arm for arm in group.arms if arm.name == baseline), None)
    if base is None or len({loss for line in lines.values() for loss, _ in line}) < 2:
        return None
    said = "; ".join(
        f"×{factor} at {loss:g}: {100 * arm.accuracy.mean:.1f} %"
        for factor, line in sorted(lines.items())
        for loss, arm in sorted(line, key=lambda point: -point[0])
    )
    return Picture(
        f"Accuracy against the VAE's loss, {group.n_train:,} originals",
        "",
        losses_figure(lines, base, subtitle),
        f"Test accuracy over the loss of the VAE, {baseline} as a dashed line. {said}.",
    )


def _group(study: Study, n_train: int, arms: Sequence[ArmSummary], verdict: str) -> Group:
    baseline = study.against[0]
    said = [verdict, *(sentence(arm) for arm in arms if arm.name != baseline)]
    return Group(
        n_train=n_train,
        arms=tuple(arm.model_copy(update={"difference": arm.versus.get(baseline)}) for arm in arms),
        sentences=tuple(filter(None, said)),
    )


def _not_run(missing: Sequence[str]) -> list[Alert]:
    return [
        Alert("warning", f"Not run, the VAE never reached that loss: {name}") for name in missing
    ]


def _failed(arms: Mapping[int, Sequence[ArmSummary]]) -> list[Alert]:
    return [
        Alert(
            "warning",
            f"{arm.name}, {n_train:,} originals: {failed_in_words(arm)}, counted as they are "
            f"({arm.collapsed[0]}).",
        )
        for n_train, own in arms.items()
        for arm in own
        if arm.collapsed
    ]


def _scope(study: Study) -> Alert:
    if study.subsets > 1:
        text = (
            f"The intervals are over {study.subsets} draws of the originals, the seeds of each "
            "averaged; the test images are the same for all."
        )
    elif study.seeds > 1:
        text = f"The intervals are over {study.seeds} training seeds on one draw of the originals."
    else:
        return Alert("warning", "One draw, one seed: no interval, no conclusion.")
    return Alert("note", text)


def _tables(study: Study, size: str, document: StudyResults) -> str:
    parts = [f"# {escaped(study.title)}\n\n"]
    if study.about:
        parts.append(f"{escaped(study.about, keep=LINE_BREAK)}\n\n")
    parts.append(
        f"{study.classifier}, {study.steps:,} steps of {study.batch}, {study.subsets} draws × "
        f"{study.seeds} seeds, {document.test.rows:,} test images; size {size}. "
        "Mean ± standard deviation over the classifiers; difference from "
        f"{escaped(study.against[0])} in points with its 95 % interval.\n"
    )
    parts += [f"\n> {escaped(alert.text)}\n" for alert in document.alerts]
    for group in document.groups:
        parts.append(f"\n## {group.n_train:,} originals\n\n")
        parts.append(markdown_table(group.arms))
        if (together := markdown_ensembles(group.arms)) is not None:
            parts.append(f"\n{together}")
        if (by_severity := severities_table(group.arms)) is not None:
            parts.append(f"\n{by_severity}")
    return "".join(parts)
