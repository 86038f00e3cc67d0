"""Results of an evaluation as they could be, for the tests of the report."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from augfactory.commands.study.file import study_of
from augfactory.commands.study.keys import Study
from augfactory.evaluation.comparison.results import ArmSummary, Results, StudyResults
from augfactory.evaluation.training.settings import reading_steps
from augfactory.keyed_random import generator
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.recipes.stages import geometry_stage, mix_stage
from tests.pipeline.stages import vae_stage

BINS = 15
MNIST_C = ("shot_noise", "impulse_noise", "glass_blur", "motion_blur", "shear", "scale", "rotate")
OVERLAP = ("shear", "rotate")
MEASURES = ("accuracy", "balanced_accuracy", "nll", "brier", "ece", "rms_calibration")
DIGITS = tuple("0123456789")
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><!--<script>",
    "' onload='alert(1)",
    "{{ 7 * 7 }} $\\frac$ &amp;",
    "猫\n\x07\u202e",
    "javascript:alert(1)",
    "--heat:1;background:url(x)",
    "plain",
    "]]>",
)


def read(document: dict[str, Any]) -> Results | StudyResults:
    """Return the results of an evaluation or a study from what their results.json holds."""
    return (StudyResults if "groups" in document else Results).model_validate(document)


def arms_of(document: dict[str, Any]) -> tuple[ArmSummary, ...]:
    """Return the arms of an evaluation or of one group."""
    return TypeAdapter(tuple[ArmSummary, ...]).validate_python(document["arms"])


def results(
    names: Sequence[str] = DIGITS,
    seeds: int = 3,
    factors: Sequence[int] = (10, 50),
    held_out: bool = True,
    corruptions: bool = True,
    rows: int = 60,
) -> dict[str, Any]:
    """Return results of the originals, of them varied online, and of a dataset for each factor.

    Args:
        names: of the classes.
        seeds: classifiers of each arm.
        factors: of the datasets.
        held_out: whether there was something to fit a temperature on.
        corruptions: whether errors on corrupted images were measured.
        rows: test images of each class.
    """
    plan: list[tuple[str, int | None, float]] = [
        ("originals", 1, 0.83),
        ("originals+geometry", None, 0.87),
        *((f"digits-x{factor}", factor, 0.85 + 0.02 * place) for place, factor in
          enumerate(factors)),
    ]  # fmt: skip
    arms = [
        _arm(place, *each, len(names), seeds, rows, held_out, corruptions)
        for place, each in enumerate(plan)
    ]
    _compare(arms, ("originals", "originals+geometry"))
    return {
        "schema_version": 3,
        "verdict": {
            "use": "digits-x50",
            "baseline": "originals",
            "gain": None,
            "better": ["digits-x50"],
            "worse": [],
            "undecided": ["originals+geometry"],
            "seeds_for_a_point": None,
            "test_images_for_a_point": 900,
            "test_images": 600,
            "rising": {},
            "collapsed": {},
            "without_collapsed": None,
            "measure": "accuracy",
            "by_accuracy": None,
            "by_nll": None,
            "lead": "Use digits-x50 (+4.0 points [+3.0, +5.0] over originals).",
            "text": "Use digits-x50 (+4.0 points [+3.0, +5.0] over originals).",
            "next": "augfactory info digits-x50@v1",
            "smallest_difference": 0.012,
        },
        "alerts": [
            {"level": "warning", "text": "digits-x10@v1 is uneven: look at the balanced accuracy."},
            {"level": "note", "text": "The intervals are over training seeds on one set."},
        ],
        "arms": arms,
        "baseline": "originals",
        "classifier": "vgg",
        "settings": {"steps": 2000, "batch": 64, "learning_rate": 0.001, "loss": "ce"},
        "class_names": list(names),
        "test": {"text": "sample:test", "rows": rows * len(names), "fingerprint": "ab" * 32},
        "held_out": {"text": "sample:train", "rows": 500} if held_out else None,
        "datasets": [_dataset(factor, names) for factor in factors],
        "libraries": {"numpy": "2.4.6", "torch": "2.13.0"},
        "machine": {},
        "request_id": "12" * 32,
    }


def study_results(
    n_train: Sequence[int] = (100, 1000),
    arms: int = 4,
    names: Sequence[str] = DIGITS,
    subsets: int = 3,
    seeds: int = 2,
    corruptions: bool = True,
) -> dict[str, Any]:
    """Return results of a study; the arms of each group are those of ``n_train``.

    Args:
        n_train: originals of each group.
        arms: of each group: originals, those varied online, and mixtures of them.
        names: of the classes.
        subsets: draws of the originals.
        seeds: classifiers on each draw.
        corruptions: whether errors on corrupted images were measured.
    """
    asked = study(n_train, arms, subsets, seeds, corruptions)
    groups = []
    for number in n_train:
        group = [
            _arm(
                place,
                arm.name,
                {0: 1, 1: None}.get(place, 20),
                0.6 + 0.1 * float(np.log10(number)) + 0.01 * (place % 5),
                len(names),
                subsets * seeds,
                40,
                True,
                corruptions,
            )
            for place, arm in enumerate(asked.arms)
        ]
        for arm in group:
            arm["rows"] = number * (arm["factor"] or 1)
            arm["subsets"] = [subset for subset in range(subsets) for _ in range(seeds)]
            arm["seeds"] = list(range(seeds)) * subsets
        _compare(group, asked.against)
        said = [f"{arm['name']}: gained on {number} originals." for arm in group[1:]]
        groups.append({"n_train": number, "arms": group, "sentences": said})
    return {
        "schema_version": 1,
        "title": asked.title,
        "about": asked.about,
        "size": "default",
        "study": asked.model_dump(mode="json"),
        "classifier": asked.classifier,
        "settings": {"steps": asked.steps, "batch": asked.batch, "learning_rate": 0.001},
        "class_names": list(names),
        "baseline": "originals",
        "test": {"text": asked.test, "rows": 40 * len(names), "fingerprint": "ab" * 32},
        "alerts": [{"level": "note", "text": "The intervals are over draws of the originals."}],
        "groups": groups,
        "libraries": {"numpy": "2.4.6", "torch": "2.13.0"},
    }


def study(
    n_train: Sequence[int], arms: int, subsets: int, seeds: int, corruptions: bool = False
) -> Study:
    """Return a study of so many arms."""
    alphas = [round(0.05 * place, 2) for place in range(1, arms - 1)]
    mixture = {"method": "mixup", "copies": 10, "from": "expanded", "alpha": "{alpha}"}
    values = {
        "title": "Mixup of few digits",
        "about": "Each dataset holds varied originals and mixtures of them.",
        "source": "sample",
        "test": "sample:test",
        "n_train": list(n_train),
        "subsets": subsets,
        "seeds": seeds,
        "corruptions": "mnist-c" if corruptions else None,
        "arms": [
            {"name": "originals"},
            {"name": "originals+geometry"},
            {
                "name": "geometry, mixup of 2, alpha {alpha}",
                "factor": 10,
                "mix": [mixture],
                "grid": {"alpha": alphas},
            },
        ],
    }
    return study_of(values, "here", "default")


def hostile() -> dict[str, Any]:
    """Return results whose every text, and every name that is looked up, is an attack."""
    document = results(names=HOSTILE)
    known = _keys_of(document)

    def attack(value: Any, place: str) -> Any:
        if isinstance(value, dict) and place == "versus":
            return {attack(name, ""): attack(own, name) for name, own in value.items()}
        if isinstance(value, dict):
            return {
                key if key in known else f"{HOSTILE[0]}{key}": attack(own, key)
                for key, own in value.items()
            }
        if isinstance(value, list):
            return [attack(own, place) for own in value]
        if isinstance(value, str) and place not in ("baseline", "class_names", "measure"):
            return HOSTILE[1] + HOSTILE[2] + value
        return value

    found: dict[str, Any] = attack(document, "")
    found["baseline"] = found["arms"][0]["name"]
    return found


def recipe(factor: int) -> Recipe:
    """Return a recipe with every kind of stage."""
    return Recipe(
        factor=factor,
        seed=7,
        geometry=geometry_stage("test", {"preset": "digits"}),
        vae=vae_stage("test", "same-class", {"reach": 0.25}),
        mix=(
            mix_stage("test", "mixup", 2, "expanded", {"alpha": 0.5}),
            mix_stage("test", "ricap", 1, "originals", {}),
        ),
    )


def _dataset(factor: int, names: Sequence[str]) -> dict[str, Any]:
    return {
        "name": f"digits-x{factor}",
        "version": "v1",
        "rows": 10 * factor * len(names),
        "content_hash": "cd" * 32,
        "path": f"data/digits-x{factor}/v1",
        "recipe": recipe(factor).model_dump(mode="json"),
        "recipe_id": "ef" * 32,
        "counts": {
            "original": dict.fromkeys(names, 10),
            "vae": dict.fromkeys(names, 10 * (factor - 1)),
        },
    }


def _arm(
    place: int,
    name: str,
    factor: int | None,
    accuracy: float,
    classes: int,
    seeds: int,
    rows: int,
    held_out: bool,
    corruptions: bool,
) -> dict[str, Any]:
    random = generator(0, place, classes)
    matrix = _confusion(random, accuracy, classes, seeds * rows)
    own = {
        "accuracy": _spread(np.trace(matrix) / matrix.sum() + random.normal(0, 0.01, seeds)),
        "balanced_accuracy": _spread(accuracy - 0.01 + random.normal(0, 0.01, seeds)),
        "nll": _spread(0.65 - 0.04 * (place % 5) + random.normal(0, 0.02, seeds)),
        "brier": _spread(0.25 - 0.02 * (place % 5) + random.normal(0, 0.005, seeds)),
        "ece": _spread(0.07 - 0.012 * (place % 5) + random.normal(0, 0.004, seeds)),
        "rms_calibration": _spread(0.09 - 0.01 * (place % 5) + random.normal(0, 0.004, seeds)),
    }
    scaled = {
        "temperature": _spread(1.4 + random.normal(0, 0.05, seeds)),
        "nll": _spread(0.6 - 0.04 * (place % 5) + random.normal(0, 0.02, seeds)),
        "ece": _spread(0.02 + random.normal(0, 0.002, seeds)),
        "rms_calibration": _spread(0.03 + random.normal(0, 0.002, seeds)),
        "brier": _spread(0.24 - 0.02 * (place % 5) + random.normal(0, 0.005, seeds)),
    }
    return {
        "name": name,
        "factor": factor,
        "rows": 10 * classes * (factor or 1),
        "images_per_step": 3 if name == "digits-x50" else 1,
        "subsets": [0] * seeds,
        "seeds": list(range(seeds)),
        **own,
        "scaled": scaled if held_out else None,
        "difference": None,
        "versus": {},
        "class_accuracy": (np.diag(matrix) / matrix.sum(axis=1)).tolist(),
        "confusion": matrix.tolist(),
        "reliability": _reliability(random, seeds * rows * classes, own["ece"]["mean"]),
        "corruptions": _corruptions(random) if corruptions else None,
        **_curve(random, accuracy, seeds),
        "collapsed": [],
        "seconds": _spread(61.2 + random.normal(0, 2, seeds)),
        "waiting": _spread(np.full(seeds, 0.25)),
    }


def _curve(random: np.random.Generator, accuracy: float, seeds: int) -> dict[str, Any]:
    steps = reading_steps(2000)
    mean = accuracy - 0.3 * np.exp(-np.arange(len(steps)) / 3) + random.normal(0, 0.003, len(steps))
    return {
        "curve": {
            "steps": list(steps),
            "accuracy": mean.tolist(),
            "std": [0.01] * len(steps) if seeds > 1 else None,
            "nll": (2 - mean).tolist(),
            "training_accuracy": np.clip(mean + 0.1, 0, 1).tolist(),
            "epochs": [step / 50 for step in steps],
            "training_nll": (1.8 - mean).tolist(),
            "batch_accuracy": np.clip(mean - 0.1, 0, 1).tolist(),
            "batch_loss": (2.2 - mean).tolist(),
        },
        "rise": 0.001,
        "still_from": steps[-4],
    }


def _compare(arms: Sequence[dict[str, Any]], against: Sequence[str]) -> None:
    """Fill in what each arm gained over the others; the first of ``against`` is the baseline."""
    by_name = {arm["name"]: arm for arm in arms}
    for arm in arms:
        arm["versus"] = {
            other: {
                measure: _gap(arm[measure]["values"], by_name[other][measure]["values"])
                for measure in MEASURES
            }
            for other in against
            if other != arm["name"]
        }
        arm["difference"] = arm["versus"].get(against[0])


def _confusion(
    random: np.random.Generator, accuracy: float, classes: int, rows: int
) -> np.ndarray[Any, np.dtype[np.int64]]:
    likeness = random.dirichlet(np.full(classes, 0.4), classes)
    shares = accuracy * np.eye(classes) + (1 - accuracy) * likeness
    return np.stack([random.multinomial(rows, share / share.sum()) for share in shares])


def _reliability(random: np.random.Generator, rows: int, ece: float) -> dict[str, list[Any]]:
    count = random.multinomial(rows, np.linspace(0, 1, BINS) ** 4 / 3.36 + 1e-9)
    confidence = (np.arange(BINS) + 0.6) / BINS
    accuracy = np.clip(confidence - ece * 1.5 + random.normal(0, 0.02, BINS), 0, 1)
    full = count > 0
    return {
        "count": count.tolist(),
        "confidence": np.where(full, confidence, 0).tolist(),
        "accuracy": np.where(full, accuracy, 0).tolist(),
    }


def _corruptions(random: np.random.Generator) -> dict[str, Any]:
    errors = {name: float(random.uniform(0.1, 0.6)) for name in MNIST_C}
    apart = [error for name, error in errors.items() if name not in OVERLAP]
    return {
        "profile": "mnist-c",
        "title": "MNIST-C-style",
        "mean_error": float(np.mean(list(errors.values()))),
        "mean_error_without_overlap": float(np.mean(apart)),
        "errors": errors,
        "severities": [_severity(random, level) for level in (1, 2)],
        "measured": [],
        "extra": ["identity"],
    }


def _severity(random: np.random.Generator, level: int) -> dict[str, Any]:
    measures = ("error", "nll", "ece", "rms_calibration")
    figures = {name: _spread(random.uniform(0.1, 0.6, 2)) for name in measures}
    return {"severity": level, "corruptions": len(MNIST_C), **figures}


def _spread(values: Any) -> dict[str, Any]:
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "std": std, "values": [float(v) for v in values]}


def _gap(own: Sequence[float], other: Sequence[float]) -> dict[str, Any]:
    gaps = np.subtract(own, other)
    if len(gaps) < 2:
        return {"mean": float(gaps.mean()), "low": None, "high": None, "pairs": 1}
    reach = 2 * float(gaps.std(ddof=1))
    mean = float(gaps.mean())
    return {"mean": mean, "low": mean - reach, "high": mean + reach, "pairs": len(gaps)}


def _keys_of(document: dict[str, Any]) -> set[str]:
    """Return the keys that the report looks up, those of ``results`` but the names of things."""
    free = ("libraries", "counts", "errors", "parameters", "settings", "versus", "machine")

    def keys(value: Any) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(keys, value))
        if not isinstance(value, dict):
            return set()
        return set(value).union(*(keys(own) for key, own in value.items() if key not in free))

    return keys(document) | {"steps", "batch"}
