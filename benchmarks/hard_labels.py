"""What hard labels cost a set that mixes images: soft against sampled against the largest share.

Each draw takes 100 labelled digits and makes a set ten times as large, and two more of the same
images whose labels are hard, as ``augfactory export --labels sampled`` and ``--labels largest``
write them: drawn with the shares as probabilities, or the class of the largest share. Small
classifiers are trained on all three, as `augfactory evaluate` trains them.

    python benchmarks/hard_labels.py 3 hard-labels.jsonl

It goes on where it was stopped; ``docs/experiments.md`` has what it found.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.evaluation.comparison.compare import summarise
from augfactory.evaluation.comparison.protocol import Arm, ClassifierSpec, Run
from augfactory.evaluation.comparison.train_run import train_run
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.pipeline.recipes.stages import MixStage, mix_stage
from augfactory.records import SourceSpec
from augfactory.source_rows import rows_of
from augfactory.sources.opening import open_source

SEEDS, TEST_IMAGES, EACH, STEPS = 3, 2000, 10, 800
# The trainer's label smoothing is off: scripts of others do not all have it.
SETTINGS = TrainingSettings(steps=STEPS, horizon=STEPS, label_smoothing=0.0)
KINDS = ("soft", "sampled", "largest")


def mixed(method: str, copies: int, **parameters: float) -> MixStage:
    """Return a stage that mixes images of the set."""
    return mix_stage("recipe", method, copies, "expanded", parameters)


# factor, mixtures: ten rows of each original in all
RECIPES: dict[str, tuple[int, tuple[MixStage, ...]]] = {
    "half mixup, alpha 1": (5, (mixed("mixup", 5, alpha=1.0),)),
    "nine tenths mixup, alpha 1": (1, (mixed("mixup", 9, alpha=1.0),)),
}


def hard_labels(shares: Any, kind: str, seed: int) -> Any:
    """Return a class for each row of ``shares`` [N, K]: int64 [N]."""
    if kind == "largest":
        return shares.argmax(axis=1)
    reached = shares.astype(np.float64).cumsum(axis=1)
    drawn = np.random.default_rng(seed).random(len(shares)) * reached[:, -1]
    return (reached <= drawn[:, None]).sum(axis=1)


def arms(recipe: str, draw: int, place: Path) -> Iterator[Arm]:
    """Make the set of one draw of originals, and give it with each kind of labels."""
    sample = open_source(SourceSpec("sample"))
    generator = np.random.default_rng(draw)
    of_class = [np.flatnonzero(sample.labels == label) for label in range(10)]
    rows = np.concatenate([generator.permutation(own)[:EACH] for own in of_class])
    np.savez(place / "drawn.npz", image=sample.read_images(rows), label=sample.labels[rows])
    factor, mix = RECIPES[recipe]
    drawn = SourceSpec(str(place / "drawn.npz"))
    request = ExpandRequest(
        drawn, place / "made", (factor,), seed=draw, geometry={"preset": "digits"}, mix=mix
    )
    path = expand(request, Progress())[0].path
    made = open_source(SourceSpec(str(path)))
    every = np.arange(len(made))
    assert made.read_soft_labels is not None
    shares = made.read_soft_labels(every)
    for kind in KINDS:
        spec = SourceSpec(str(path))
        if kind != "soft":
            spec = SourceSpec(str(place / f"{kind}.npz"))
            label = hard_labels(shares, kind, draw)
            np.savez(spec.text, image=made.read_images(every), label=label)
        yield Arm(f"{recipe}: {kind}", 10, spec, len(made), kind)


def readings(recipe: str, draw: int) -> list[tuple[Run, Any]]:
    """Train on the three sets of one draw and return each run with its result."""
    whole = open_source(SourceSpec("sample:test"))
    shown = np.random.default_rng([draw, 1]).permutation(len(whole))[:TEST_IMAGES]
    test = rows_of(SourceSpec("sample:test"), whole.restricted_to(shown), shown)
    found = []
    with tempfile.TemporaryDirectory() as place:
        for arm in arms(recipe, draw, Path(place)):
            for seed in range(SEEDS):
                run = Run(arm, test, ClassifierSpec("quick"), SETTINGS, seed, subset=draw)
                found.append((run, train_run(run)[0]))
    return found


def told(recipe: str, draw: int) -> dict[str, Any]:
    """Return accuracy in percent and NLL of each kind of labels, one value for each seed."""
    found = readings(recipe, draw)
    summaries = summarise(found, ())
    percent = [[100 * value for value in arm.accuracy.values] for arm in summaries]
    return {
        "recipe": recipe,
        "draw": draw,
        "accuracy": dict(zip(KINDS, percent, strict=True)),
        "nll": dict(zip(KINDS, [list(arm.nll.values) for arm in summaries], strict=True)),
    }


def main() -> None:
    """Go on to as many draws as are asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("draws", type=int)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    lines = asked.out.read_text().splitlines() if asked.out.exists() else []
    found = [json.loads(line) for line in lines]
    done = {(one["recipe"], one["draw"]) for one in found}
    for draw in range(asked.draws):
        for recipe in RECIPES:
            if (recipe, draw) not in done:
                found.append(told(recipe, draw))
                with asked.out.open("a") as file:
                    file.write(json.dumps(found[-1]) + "\n")
    for recipe in RECIPES:
        own = [one for one in found if one["recipe"] == recipe]
        soft = np.array([one["accuracy"]["soft"] for one in own])
        for kind in KINDS:
            accuracy = np.array([one["accuracy"][kind] for one in own])
            nll, gap = np.mean([one["nll"][kind] for one in own]), accuracy - soft
            print(
                f"{recipe}: {kind:8} accuracy {accuracy.mean():.2f}  from soft {gap.mean():+.2f} "
                f"(draws {', '.join(f'{x:+.2f}' for x in gap.mean(axis=1))})  NLL {nll:.3f}"
            )


if __name__ == "__main__":
    main()
