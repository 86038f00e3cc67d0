"""What even classes are worth where a few labelled images are uneven: 60, 20 or 6 of a class.

Each draw takes labelled images, as many of a class as chance gives it among 60, 20 and 6, and makes
sets of them by geometry. Small classifiers are trained on all of them for the same number of steps,
as `augfactory evaluate` trains them, and tested on as many images of each class that nothing was
made from. Balanced accuracy is the mean over the classes; that of the rare ones stands beside it.

    python benchmarks/uneven.py 5 uneven.jsonl
    python benchmarks/uneven.py 5 clothes.jsonl --source torchvision:FashionMNIST --preset clothes

It goes on where it was stopped; ``docs/experiments.md`` has what it found.
"""

import argparse
import json
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from augfactory.commands.expand.classes import ClassRule
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.evaluation.comparison.protocol import Arm, ClassifierSpec, Run
from augfactory.evaluation.comparison.train_run import train_run
from augfactory.evaluation.training.batch_policy import BatchPolicy
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.loading.epochs import balanced_order
from augfactory.records import SourceSpec
from augfactory.source_rows import SourceRows, rows_of
from augfactory.sources.opening import open_source

COUNTS, FACTOR, PER_CLASS = (60, 20, 6), 10, 250
SEEDS, TEST_OF_CLASS, BATCH = 2, 200, 64
RULES = {
    "uneven": ((FACTOR,), ClassRule()),
    "balance": ((FACTOR,), ClassRule(balance=True)),
    "per class": ((), ClassRule(per_class=PER_CLASS)),
}
SHOWN_EVENLY, WEIGHTED = "uneven, loader balanced", "uneven, loss weighted"
ARMS = (*RULES, SHOWN_EVENLY, WEIGHTED)


def drawn_rows(labels: Any, counts: Any, draw: int, what: int = 0) -> Any:
    """Return ``counts`` [K] rows of each class, drawn by chance: int64 [n]."""
    generator = np.random.default_rng([draw, what])
    return np.concatenate(
        [
            generator.permutation(np.flatnonzero(labels == label))[:count]
            for label, count in enumerate(counts)
        ]
    )


def arms(drawn: SourceSpec, draw: int, preset: str, steps: int, place: Path) -> Iterator[Arm]:
    """Make the sets of one draw of originals; two arms show the first one as if it were even."""
    for name, (factors, rule) in RULES.items():
        geometry = {"preset": preset}
        request = ExpandRequest(
            drawn, place / "made", factors, seed=draw, geometry=geometry, mix=(), classes=rule
        )
        made = expand(request, Progress())[0]
        arm = Arm(name, None, SourceSpec(str(made.path)), made.rows, name)
        yield arm
        if name == "uneven":
            yield replace(arm, name=WEIGHTED, batch_policy=BatchPolicy(loss="weighted"))
            yield shown_evenly(SourceSpec(str(made.path)), draw, steps, place)


def shown_evenly(made: SourceSpec, draw: int, steps: int, place: Path) -> Arm:
    """Return the rows of a set as ``augfactory.loader(balanced=True)`` serves them, end to end."""
    source = open_source(made)
    epochs = range(-(-steps * BATCH // len(source)))
    rows = np.concatenate([balanced_order(source.labels, draw, epoch) for epoch in epochs])
    path, names = place / "shown.npz", np.array(source.class_names)
    images = source.read_images(np.arange(len(source)))[rows]
    np.savez(path, image=images, label=source.labels[rows], class_names=names)
    return Arm(SHOWN_EVENLY, None, SourceSpec(str(path)), len(source), SHOWN_EVENLY)


def test_images(source: str, draw: int) -> SourceRows:
    """Return test images, as many of each class."""
    spec = SourceSpec(f"{source}:test")
    whole = open_source(spec)
    even = np.full(len(whole.class_names), TEST_OF_CLASS)
    rows = np.sort(drawn_rows(whole.labels, even, draw, 1))
    return rows_of(spec, whole.restricted_to(rows), rows)


def told(source: str, preset: str, steps: int, draw: int, known: Collection[str]) -> dict[str, Any]:
    """Return what each arm but ``known`` reads, in percent, a value for each seed, of one draw."""
    training = open_source(SourceSpec(source))
    classes = len(training.class_names)
    generator = np.random.default_rng(draw)
    counts = generator.permutation(np.resize(COUNTS, classes))
    rows = drawn_rows(training.labels, counts, draw)
    test = test_images(source, draw)
    settings = TrainingSettings(steps=steps, horizon=steps, batch=BATCH)
    balanced: dict[str, list[float]] = {}
    rare: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as text:
        place = Path(text)
        images, names = training.read_images(rows), np.array(training.class_names)
        np.savez(place / "d.npz", image=images, label=training.labels[rows], class_names=names)
        for arm in arms(SourceSpec(str(place / "d.npz")), draw, preset, steps, place):
            for seed in range(SEEDS if arm.name not in known else 0):
                run = Run(arm, test, ClassifierSpec("quick"), settings, seed, subset=draw)
                found = train_run(run)[0]
                matrix = np.array(found.confusion)
                read = 100 * np.diag(matrix) / matrix.sum(axis=1)
                balanced.setdefault(arm.name, []).append(float(read.mean()))
                rare.setdefault(arm.name, []).append(float(read[counts == min(COUNTS)].mean()))
    return {
        "source": source,
        "steps": steps,
        "draw": draw,
        "images": counts.tolist(),
        "balanced": balanced,
        "rare": rare,
    }


def main() -> None:
    """Go on to as many draws as are asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("draws", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--source", default="sample")
    parser.add_argument("--preset", default="digits")
    parser.add_argument("--steps", type=int, default=800)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    lines = asked.out.read_text().splitlines() if asked.out.exists() else []
    found = [json.loads(line) for line in lines]
    own: dict[int, dict[str, Any]] = {}
    for one in found:  # arms that are younger than a draw have a line of their own
        if (one["source"], one["steps"]) == (asked.source, asked.steps):
            of_draw = own.setdefault(one["draw"], {"balanced": {}, "rare": {}})
            for what in of_draw:
                of_draw[what] |= one[what]
    for draw in range(asked.draws):
        of_draw = own.setdefault(draw, {"balanced": {}, "rare": {}})
        if {*ARMS} - of_draw["balanced"].keys():
            known = of_draw["balanced"].keys()
            more = told(asked.source, asked.preset, asked.steps, draw, known)
            with asked.out.open("a") as file:
                file.write(json.dumps(more) + "\n")
            for what in of_draw:
                of_draw[what] |= more[what]
    for name in ARMS:
        read = np.array([one["balanced"][name] for one in own.values()])
        gaps = (read - [one["balanced"]["uneven"] for one in own.values()]).mean(axis=1)
        rare = np.mean([one["rare"][name] for one in own.values()])
        print(
            f"{name:24} balanced accuracy {read.mean():.1f}  from uneven {gaps.mean():+.1f} "
            f"(draws {', '.join(f'{gap:+.1f}' for gap in gaps)})  rare classes {rare:.1f}"
        )


if __name__ == "__main__":
    main()
