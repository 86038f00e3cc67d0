"""How often an evaluation claims a difference between two sets of one recipe: it should be rare.

Each repetition draws 100 labelled digits, makes two sets of the same recipe with other random
numbers, trains three small classifiers on both and asks for the verdict. ``--shuffled`` gives
another class to a fifth of the rows of one of the two: there the harm should be found.

    python benchmarks/equal_sets.py 200 equal.jsonl
    python benchmarks/equal_sets.py 20 shuffled.jsonl --shuffled

It goes on where it was stopped; ``docs/experiments.md`` has what it found.
"""

import argparse
import json
import tempfile
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
from augfactory.evaluation.comparison.verdict import verdict_of
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.records import SourceSpec
from augfactory.source_rows import rows_of
from augfactory.sources.opening import open_source

SEEDS, TEST_IMAGES, EACH = 3, 1000, 10
SETTINGS = TrainingSettings(steps=60, batch=32, horizon=60)
NAMES = ("one", "other")


def compared(number: int, place: Path, *, shuffled: bool) -> dict[str, Any]:
    """Return what an evaluation says of the two sets of repetition ``number``."""
    sample = open_source(SourceSpec("sample"))
    generator = np.random.default_rng(number)
    rows = np.concatenate(
        [
            generator.permutation(np.flatnonzero(sample.labels == label))[:EACH]
            for label in range(10)
        ]
    )
    np.savez(place / "drawn.npz", image=sample.read_images(rows), label=sample.labels[rows])
    specs = []
    for seed, name in enumerate(NAMES):
        drawn, varied = SourceSpec(str(place / "drawn.npz")), {"preset": "digits"}
        request = ExpandRequest(drawn, place / name, (3,), seed=seed, geometry=varied)
        specs.append(SourceSpec(str(expand(request, Progress())[0].path)))
    if shuffled:
        specs[1] = with_wrong_labels(specs[1], number, place)
    whole = open_source(SourceSpec("sample:test"))
    shown = np.random.default_rng([number, 1]).permutation(len(whole))[:TEST_IMAGES]
    test = rows_of(SourceSpec("sample:test"), whole.restricted_to(shown), shown)
    results = []
    for name, spec in zip(NAMES, specs, strict=True):
        arm = Arm(name, 3, spec, 3 * len(rows), name)
        for seed in range(SEEDS):
            run = Run(arm, test, ClassifierSpec("quick"), SETTINGS, seed)
            results.append((run, train_run(run)[0]))
    arms = summarise(results, NAMES[:1])
    verdict, gap = verdict_of(results, arms, NAMES[:1]), arms[1].versus["one"]["accuracy"]
    return {
        "number": number,
        "accuracy": [arm.accuracy.values for arm in arms],
        "difference": [gap.mean, gap.low, gap.high],
        "better": list(verdict.better),
        "worse": list(verdict.worse),
    }


def with_wrong_labels(spec: SourceSpec, number: int, place: Path) -> SourceSpec:
    """Return the set with another class for a fifth of its rows."""
    source, generator = open_source(spec), np.random.default_rng([number, 2])
    rows, labels = np.arange(len(source)), source.labels.copy()
    wrong = generator.permutation(rows)[: len(rows) // 5]
    labels[wrong] = (labels[wrong] + generator.integers(1, 10, len(wrong))) % 10
    np.savez(place / "wrong.npz", image=source.read_images(rows), label=labels)
    return SourceSpec(str(place / "wrong.npz"))


def main() -> None:
    """Go on to as many repetitions as are asked for, and count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repetitions", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shuffled", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    lines = asked.out.read_text().splitlines() if asked.out.exists() else []
    found = [json.loads(line) for line in lines]
    for number in range(len(found), asked.repetitions):
        with tempfile.TemporaryDirectory() as place:
            found.append(compared(number, Path(place), shuffled=asked.shuffled))
        with asked.out.open("a") as file:
            file.write(json.dumps(found[-1]) + "\n")
    claimed = sum(bool(one["better"] or one["worse"]) for one in found)
    harm = sum(bool(one["worse"]) for one in found)
    print(f"{claimed} of {len(found)} repetitions claim a difference, {harm} of them harm")


if __name__ == "__main__":
    main()
