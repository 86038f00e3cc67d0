"""The whole story on the bundled digits: train a VAE, expand, evaluate, show."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augfactory.commands.evaluate import EvaluateRequest, EvaluateResult, evaluate
from augfactory.commands.expand import Dataset, ExpandRequest, expand
from augfactory.commands.progress import Progress
from augfactory.commands.vae_train import VaeTrainRequest, VaeTrainResult, vae_train
from augfactory.records import SourceSpec

N_TRAIN = 100
FACTORS = (10, 50, 250)
VAE_STEPS = 1500
CLASSIFIER_STEPS = 300
SEEDS = 2


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
    progress.say(f"1 of 3  a VAE learns from {N_TRAIN} digits: augfactory vae-train")
    trained = vae_train(
        VaeTrainRequest(SourceSpec("sample:train"), model, n_train=N_TRAIN, steps=VAE_STEPS),
        progress,
    )
    progress.say("2 of 3  images are made around the encoded ones: augfactory expand")
    datasets = expand(
        ExpandRequest(SourceSpec(str(model)), out / "data" / "digits", FACTORS, workers=workers),
        progress,
    )
    progress.say("3 of 3  classifiers tell whether it helped: augfactory evaluate")
    evaluation = evaluate(
        EvaluateRequest(
            datasets=tuple(str(dataset.path) for dataset in datasets),
            test=SourceSpec("sample:test"),
            seeds=SEEDS,
            steps=CLASSIFIER_STEPS,
            workers=workers,
            out=out / "evaluation",
        ),
        progress,
    )
    return DemoResult(trained, datasets, evaluation)


def files(result: DemoResult) -> dict[str, Path]:
    """Return every file worth opening, by what it shows."""
    shown = {
        "figure": result.evaluation.out / "accuracy.png",
        "results": result.evaluation.out / "results.json",
        "results table": result.evaluation.out / "results.csv",
        "model": result.model.out,
        "reconstructions": result.model.out / "reconstructions.png",
        "samples": result.model.out / "samples.png",
        "training curve": result.model.out / "loss.png",
    }
    for dataset in result.datasets:
        shown[dataset.name] = dataset.path
        shown[f"{dataset.name} contact sheet"] = dataset.path / "preview.png"
    return shown


def as_json(result: DemoResult) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {
        "arms": result.evaluation.document["arms"],
        "baseline": result.evaluation.baseline,
        "files": {name: str(path) for name, path in files(result).items()},
    }
