"""What even classes are worth where a few labelled images are uneven: 60, 20 or 6 of a class.

Each draw takes labelled images, as many of a class as chance gives it among 60, 20 and 6, and makes
sets of them by the default recipe of their preset. Small classifiers are trained on each set, and
on the originals varied online under a loss that weighs the classes, for the same number of steps,
as `augfactory evaluate` trains them. They are tested on as many images of each class that nothing
was made from. Balanced accuracy is the mean over the classes; that of the rare ones stands beside
it.

    python benchmarks/uneven.py 5 uneven.jsonl
    python benchmarks/uneven.py 3 photos.jsonl --source photos --preset photo --factor 50

It goes on where it was stopped; ``docs/experiments.md`` has what it found.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from augfactory.commands.evaluate.arms import ArmsRequest, make_arms
from augfactory.commands.evaluate.online_arms import WEIGHTED
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
from augfactory.store.reader import open_version

COUNTS, PER_CLASS, TEST_OF_CLASS, BATCH = (60, 20, 6), 250, 200, 64
UNEVEN, BALANCED, OF_EACH = "uneven", "balance", "per class"
SHOWN_EVENLY, LOSS_WEIGHTED = "uneven, loader balanced", "uneven, loss weighted"
# Draws are gone on with where all of these are what they were.
SETTINGS = ("source", "preset", "factor", "steps")


def drawn_rows(labels: Any, counts: Any, draw: int, what: int = 0) -> Any:
    """Return ``counts`` [K] rows of each class, drawn by chance: int64 [n]."""
    generator = np.random.default_rng([draw, what])
    return np.concatenate(
        [
            generator.permutation(np.flatnonzero(labels == label))[:count]
            for label, count in enumerate(counts)
        ]
    )


def arms(drawn: SourceSpec, draw: int, asked: argparse.Namespace, place: Path) -> Iterator[Arm]:
    """Make the sets of one draw of originals, and the arms that read the first one otherwise."""
    rules = {
        UNEVEN: ((asked.factor,), ClassRule()),
        BALANCED: ((asked.factor,), ClassRule(balance=True)),
        OF_EACH: ((), ClassRule(per_class=PER_CLASS)),
    }
    for name, (factors, rule) in rules.items():
        geometry = {"preset": asked.preset}
        out = place / name.replace(" ", "-")
        request = ExpandRequest(drawn, out, factors, seed=draw, geometry=geometry, classes=rule)
        made = expand(request, Progress())[0]
        arm = Arm(name, None, SourceSpec(str(made.path)), made.rows, name)
        yield arm
        if name == UNEVEN:
            yield replace(arm, name=LOSS_WEIGHTED, batch_policy=BatchPolicy(loss="weighted"))
            yield shown_evenly(arm.source, draw, asked.steps, place)
            free = make_arms((open_version(made.path),), ArmsRequest())
            yield from (one for one in free if one.name.endswith(WEIGHTED))


def shown_evenly(made: SourceSpec, draw: int, steps: int, place: Path) -> Arm:
    """Return the rows of a set as ``augfactory.loader(balanced=True)`` serves them, end to end."""
    source = open_source(made)
    epochs = range(-(-steps * BATCH // len(source)))
    rows = np.concatenate([balanced_order(source.labels, draw, epoch) for epoch in epochs])
    path, names = place / "shown.npz", np.array(source.class_names)
    images = source.read_images(np.arange(len(source)))[rows]
    np.savez(path, image=images, class_names=names, soft_label=source.read_soft_labels(rows))
    return Arm(SHOWN_EVENLY, None, SourceSpec(str(path)), len(source), SHOWN_EVENLY)


def test_images(source: str, draw: int) -> SourceRows:
    """Return test images, as many of each class."""
    spec = SourceSpec(f"{source}:test")
    whole = open_source(spec)
    even = np.full(len(whole.class_names), TEST_OF_CLASS)
    rows = np.sort(drawn_rows(whole.labels, even, draw, 1))
    return rows_of(spec, whole.restricted_to(rows), rows)


def told(asked: argparse.Namespace, draw: int, known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give what each arm but the ``known`` reads of one draw, in percent, a value for each seed."""
    training = open_source(SourceSpec(f"{asked.source}:train"))
    generator = np.random.default_rng(draw)
    counts = generator.permutation(np.resize(COUNTS, len(training.class_names)))
    rows = drawn_rows(training.labels, counts, draw)
    test = test_images(asked.source, draw)
    settings = TrainingSettings(steps=asked.steps, horizon=asked.steps, batch=BATCH)
    with tempfile.TemporaryDirectory() as text:
        place = Path(text)
        images, names = training.read_images(rows), np.array(training.class_names)
        np.savez(place / "d.npz", image=images, label=training.labels[rows], class_names=names)
        for arm in arms(SourceSpec(str(place / "d.npz")), draw, asked, place):
            if arm.name in known or (asked.arms and arm.name not in asked.arms):
                continue
            matrices = [
                np.array(train_run(run)[0].confusion)
                for seed in range(asked.seeds)
                for run in [Run(arm, test, ClassifierSpec("quick"), settings, seed, subset=draw)]
            ]
            read = [100 * np.diag(matrix) / matrix.sum(axis=1) for matrix in matrices]
            yield {
                **{name: getattr(asked, name) for name in SETTINGS},
                "draw": draw,
                "images": counts.tolist(),
                "balanced": {arm.name: [float(one.mean()) for one in read]},
                "rare": {
                    arm.name: [float(one[counts == min(COUNTS)].mean()) for one in read],
                },
            }


def found(asked: argparse.Namespace) -> dict[int, dict[str, dict[str, list[float]]]]:
    """Read what was told before under the same settings, of each draw."""
    draws: dict[int, dict[str, dict[str, list[float]]]] = {}
    lines = asked.out.read_text().splitlines() if asked.out.exists() else []
    for one in map(json.loads, lines):
        if all(one[name] == getattr(asked, name) for name in SETTINGS):
            of_draw = draws.setdefault(one["draw"], {"balanced": {}, "rare": {}})
            for what in of_draw:
                of_draw[what] |= one[what]
    return draws


def main() -> None:
    """Go on to as many draws as are asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("draws", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--source", default="sample", help="with the splits :train and :test")
    parser.add_argument("--preset", default="digits")
    parser.add_argument("--factor", type=int, default=10)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--arms", nargs="+", help="the names of some; all if left out")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for draw in range(asked.draws):
        known = found(asked).get(draw, {"balanced": {}})["balanced"]
        for one in told(asked, draw, known):
            with asked.out.open("a") as file:
                file.write(json.dumps(one) + "\n")
    draws = found(asked)
    for name in dict.fromkeys(arm for one in draws.values() for arm in one["balanced"]):
        of_arm = {draw: one for draw, one in draws.items() if name in one["balanced"]}
        read = [np.mean(one["balanced"][name]) for one in of_arm.values()]
        rare = np.mean([np.mean(one["rare"][name]) for one in of_arm.values()])
        each = ", ".join(f"{draw}: {value:.1f}" for draw, value in zip(of_arm, read, strict=True))
        print(f"{name:50} balanced accuracy {np.mean(read):.1f} ({each})  rare {rare:.1f}")


if __name__ == "__main__":
    main()
