"""The whole story on the bundled digits: train a VAE, expand, label others, evaluate, show."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augfactory.commands.evaluate.evaluate import EvaluateResult, evaluate
from augfactory.commands.evaluate.request import EvaluateRequest
from augfactory.commands.expand.build import Dataset
from augfactory.commands.expand.expand import expand_all
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.vae.train import VaeTrainRequest, VaeTrainResult, vae_train
from augfactory.records import SourceSpec

N_TRAIN = 100
FACTOR = 50
# Sized for six minutes on two cores, and for arms that are at their plateau at the end.
VAE_STEPS = 750
CLASSIFIER_STEPS, BATCH = 400, 32
SEEDS = 5
UNLABELLED = {"images": 2000, "teachers": 3, "steps": 150, "views": 1}


@dataclass(frozen=True)
class DemoResult:
    """What each of the three commands answered."""

    model: VaeTrainResult
    datasets: list[Dataset]
    evaluation: EvaluateResult


def demo(out: Path, workers: int, progress: Progress) -> DemoResult:
    """Run the three daily commands into ``out``; what stands there already is kept.

    Raises:
        AugfactoryError: saying what is wrong with the folder or the disk.
    """
    model = out / "models" / "digits"
    progress.say(f"1 of 3  a VAE learns from {N_TRAIN} digits            augfactory vae-train")
    trained = vae_train(
        VaeTrainRequest(SourceSpec("sample:train"), model, n_train=N_TRAIN, steps=VAE_STEPS),
        progress,
    )
    progress.say("2 of 3  images are made from the 100            augfactory expand")
    datasets = _expand(model, out / "data", workers, progress)
    progress.say("3 of 3  classifiers tell whether it helped      augfactory evaluate")
    evaluation = evaluate(
        EvaluateRequest(
            datasets=tuple(str(dataset.path) for dataset in datasets),
            test=SourceSpec("sample:test"),
            seeds=SEEDS,
            steps=CLASSIFIER_STEPS,
            batch=BATCH,
            workers=workers,
            out=out / "evaluation",
        ),
        progress,
    )
    return DemoResult(trained, datasets, evaluation)


def _expand(model: Path, data: Path, workers: int, progress: Progress) -> list[Dataset]:
    """Make three sets, each fifty times as large.

    The first is decoded images alone, as the VAE article has them; the second what `expand` makes
    of a model without flags: geometry, and a quarter decoded. The third needs no model: it adds
    2,000 more digits, labelled by classifiers that had 100 labels alone.
    """
    encoded, plain = SourceSpec(str(model)), SourceSpec("sample:train")
    requests = [
        ExpandRequest(encoded, data / "decoded", (FACTOR,), geometry=None),
        ExpandRequest(encoded, data / "default", (FACTOR,)),
        ExpandRequest(
            plain,
            data / "unlabelled",
            (FACTOR,),
            n_train=N_TRAIN,
            unlabelled=plain,
            pseudo_label=UNLABELLED,
        ),
    ]
    return [*expand_all(requests, workers, progress)]


def files(result: DemoResult) -> dict[str, Path]:
    """Return every file worth opening, by what it shows."""
    evaluation, model = result.evaluation.out, result.model.out
    shown = {
        "report": evaluation / "report.html",
        "figure": evaluation / "accuracy.png",
        "results": evaluation / "results.json",
        "results as a table": evaluation / "results.csv",
        "model": model,
        "training curve": model / "loss.png",
        "reconstructions": model / "reconstructions.png",
        "samples": model / "samples.png",
    }
    for dataset in result.datasets:
        shown[f"dataset {dataset.name}"] = dataset.path
        shown[f"contact sheet {dataset.name}"] = dataset.path / "preview.png"
    return shown


def as_json(result: DemoResult) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    found = result.evaluation.plain()
    return {
        "arms": found["arms"],
        "baseline": result.evaluation.baseline,
        "verdict": found["verdict"],
        "files": {name: str(path) for name, path in files(result).items()},
    }
