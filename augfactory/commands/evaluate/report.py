"""The figure and the report of an evaluation."""

from pathlib import Path

from augfactory.commands.evaluate import pictures as report_pictures
from augfactory.commands.evaluate.arms import names_of
from augfactory.commands.evaluate.inputs import Inputs
from augfactory.commands.evaluate.won_and_lost import won_and_lost
from augfactory.evaluation.comparison.compare import Results as Runs
from augfactory.evaluation.comparison.results import Results
from augfactory.report.page import report_page
from augfactory.report.page_figures import accuracy_png
from augfactory.store.disk.atomic import write_file

REPORT = "report.html"


def write_report(
    out: Path,
    results: Results,
    inputs: Inputs,
    runs: Runs,
) -> list[Path]:
    """Write accuracy.png and report.html; return their paths."""
    datasets = set(names_of(inputs.versions))
    best = max(
        (arm for arm in results.arms if arm.name in datasets), key=lambda arm: arm.accuracy.mean
    )
    pictures = [
        *won_and_lost(inputs, runs, best.name, results.baseline),
        *report_pictures.of_versions(inputs.versions),
        *report_pictures.of_models(report_pictures.model_folders(inputs.versions)),
    ]
    contents = {
        "accuracy.png": accuracy_png(results.arms, results.baseline, subtitle(results)),
        REPORT: report_page(results, pictures),
    }
    for name, data in contents.items():
        write_file(out / name, data)
    return [out / name for name in contents]


def subtitle(results: Results) -> str:
    """Say in one line what an evaluation was."""
    test, settings = results.test, results.settings
    text = test.text if len(test.text) <= 32 else "…" + test.text[-31:]
    seeds = len(results.arms[0].seeds)
    spread = f"{seeds} seeds, bars ± 1 standard deviation" if seeds > 1 else "1 seed"
    return (
        f"{test.rows:,} images of {text} · {results.classifier}, "
        f"{settings['steps']:,} steps of {settings['batch']} · {spread}"
    )
