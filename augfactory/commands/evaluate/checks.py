"""What a reader should know before believing an evaluation."""

import json
from collections.abc import Sequence

import numpy as np

from augfactory.commands.evaluate.arms import opened_part
from augfactory.commands.evaluate.inputs import Inputs
from augfactory.commands.evaluate.online_arms import WEIGHTED, preset_of
from augfactory.commands.opening.near_copies import near_duplicates
from augfactory.commands.opening.notes import small_for_weights
from augfactory.evaluation.comparison.compare import UNEVEN
from augfactory.evaluation.comparison.protocol import ClassifierSpec
from augfactory.evaluation.comparison.results import Alert, ArmSummary
from augfactory.evaluation.corruptions.registry import Profile
from augfactory.evaluation.training.virtual_batches import virtual_batches
from augfactory.guarded.text import escaped
from augfactory.records import Source
from augfactory.store.reader import Version

FEW_TEST_ROWS = 1000
ROWS_FOR_TWO = 2500  # test images with which an accuracy of a half is certain to ±2 points
MUCH_WAITING = 0.05
READ_ROWS = 16_384
LABEL_ERROR = 1e-3


def before_training(inputs: Inputs, seeds: int, profile: Profile | None) -> list[Alert]:
    """Look at labels, balance and sizes."""
    alerts = [
        alert
        for version in inputs.versions
        for alert in (_labels(version.source, version.address), _balance(version, inputs.baselines))
        if alert is not None
    ]
    alerts += _online(inputs)
    alerts += _test_set(inputs)
    alerts += _shuffled_apart(inputs)
    originals = opened_part(inputs.arms[0]).source
    alerts += near_duplicates(originals, inputs.test, inputs.learnt_from)
    alerts += _seeds(seeds)
    alerts += [_unchecked_model(version) for version in inputs.versions if _unknown_model(version)]
    if inputs.held_out is None:
        alerts.append(
            Alert(
                "note",
                "No labelled rows are held out (--held-out SOURCE), so calibration is given as it "
                "is, not after temperature scaling.",
            )
        )
    if profile is not None:
        alerts += _overlap(inputs, profile)
    return alerts


def _test_set(inputs: Inputs) -> list[Alert]:
    """Say what test images cannot tell: of classes without any, because of few, or of copies."""
    alerts = []
    missing = np.flatnonzero(np.bincount(inputs.test.labels, minlength=_classes(inputs)) == 0)
    if len(missing):
        names = ", ".join(inputs.test.class_names[label] for label in missing[:10].tolist())
        alerts.append(Alert("warning", f"The test set has no image of: {names}."))
    rows = len(inputs.test)
    if rows < FEW_TEST_ROWS:
        error = 100 / np.sqrt(rows) / 2
        alerts.append(
            Alert(
                "note",
                f"The test set has {rows:,} images, so that an accuracy is uncertain by up to "
                f"±{2 * error:.1f} points whatever the seeds; only the intervals of "
                f"accuracy and NLL have this in them. ±2 points would take {ROWS_FOR_TWO:,} test "
                "images.",
            )
        )
    if inputs.test_groups is not None:
        count = len(np.unique(inputs.test_groups))
        alerts.append(
            Alert(
                "note",
                f"The {rows:,} test images are of {count:,} groups: copies of each other, or of "
                "one --group. Intervals count the groups, since images of one are read alike.",
            )
        )
    return alerts


def from_weights(
    classifier: ClassifierSpec, image_shape: tuple[int, int, int], arms: Sequence[str] = ()
) -> list[Alert]:
    """Say what of a classifier starts from a file; ``arms`` are those that have it, () is all."""
    if classifier.weights is None:
        return []
    alerts = [
        Alert(
            "note",
            f"{'The' if arms else 'All'} classifiers{' of ' * bool(arms)}{', '.join(arms)} start "
            f"from {classifier.weights.name}, whatever classes that was "
            "trained on; their last layer starts anew.",
        )
    ]
    small = small_for_weights(classifier.name, classifier.weights, image_shape)
    if small is not None:
        alerts.append(Alert("warning", small))
    return alerts


def after_training(arms: Sequence[ArmSummary], same: Sequence[Sequence[str]] = ()) -> list[Alert]:
    """Look at what the training itself says; ``same`` are arms that are the same trainings."""
    alerts = [
        Alert(
            "note",
            f"{escaped(' and '.join(names))} are the same trainings: the same images, varied the "
            "same way or not at all. They count once.",
        )
        for names in same
        if len(names) > 1
    ]
    slow = [arm for arm in arms if arm.waiting.mean > MUCH_WAITING]
    if slow:
        worst = max(slow, key=lambda arm: arm.waiting.mean)
        alerts.append(
            Alert(
                "note",
                f"Training waited for images for up to {100 * worst.waiting.mean:.0f} % of the "
                f"time ({worst.name}); the figures are the same, the seconds are not.",
            )
        )
    longer = [arm.name for arm in arms if arm.images_per_step > 1]
    if longer:
        alerts.append(
            Alert(
                "note",
                f"Steps are equal, images are not: {', '.join(longer)} shows three images, the "
                "clean one and two views, for each that the others show.",
            )
        )
    return alerts


def _classes(inputs: Inputs) -> int:
    return len(inputs.test.class_names)


def _labels(source: Source, address: str) -> Alert | None:
    for rows in source.blocks(READ_ROWS):
        labels = source.read_soft_labels(rows)
        wrong = (np.abs(labels.sum(axis=1) - 1) > LABEL_ERROR) | (labels < -LABEL_ERROR).any(axis=1)
        if wrong.any():
            row = int(rows[wrong][0])
            return Alert(
                "warning",
                f"{address}, row {row:,}: the label is not a distribution that sums to 1.",
            )
    return None


def _balance(version: Version, baselines: Sequence[str]) -> Alert | None:
    names = version.source.class_names
    mass = np.zeros(len(names))
    for rows in version.source.blocks(READ_ROWS):
        mass += version.source.read_soft_labels(rows).sum(axis=0)
    most, least = int(mass.argmax()), int(mass.argmin())
    if mass[most] <= UNEVEN * mass[least]:
        return None
    remedy = ", or expand with --balance, which makes as many rows of each class"
    if version.manifest.unlabelled is not None:
        remedy = ""  # which classes unlabelled images are of is not known beforehand
    weighted = [name for name in baselines if name.endswith(WEIGHTED)]
    beat = f"; what a set has to beat is {' and '.join(weighted)}, whose loss weighs the classes"
    return Alert(
        "warning",
        f"{version.address} is uneven: {mass[most]:,.0f} images' worth of {names[most]}, "
        f"{mass[least]:,.0f} of {names[least]}. Add originals of "
        f"the rare classes{remedy}{beat if weighted else ''}.",
    )


def _online(inputs: Inputs) -> list[Alert]:
    """Say how arms vary originals online that have geometry: by which preset."""
    used = {
        json.loads(stage.parameters)["preset"]
        for arm in inputs.arms
        for stage in arm.batch_policy.online
        if stage.method == "geometry"
    }
    own = {v.address: preset_of(v.manifest.recipe) for v in inputs.versions}
    others = [f"{name} as {preset}" for name, preset in own.items() if preset not in {None, *used}]
    if not used:
        return []
    differ = f"; of the datasets, {', '.join(others)}" if others else ""
    text = f"Originals are varied online as {' and '.join(sorted(used))}{differ}."
    return [Alert("note", text)]


def _seeds(seeds: int) -> list[Alert]:
    if seeds == 1:
        text = "One seed: no interval, and no difference here can be told from chance."
        return [Alert("warning", text)]
    text = (
        f"The intervals are over {seeds} training seeds on one set of originals; another draw of "
        "originals moves accuracies further. `augfactory study` repeats with several draws."
    )
    return [Alert("note", text)]


def _shuffled_apart(inputs: Inputs) -> list[Alert]:
    """Say of which datasets the rows that share draws do not reach a classifier together."""
    if any(arm.batch_policy.virtual_batch for arm in inputs.arms):
        return []
    shared = [own.address for own in inputs.versions if virtual_batches(own) is not None]
    if not shared:
        return []
    return [
        Alert(
            "note",
            f"{', '.join(shared)}: rows that share what is drawn once a batch are shuffled among "
            "all others, so that a batch holds many boundaries. --order rounds --steps N serves "
            "each virtual batch as one.",
        )
    ]


def _unknown_model(version: Version) -> bool:
    return version.manifest.model is not None and "trained_on" not in version.manifest.model


def _unchecked_model(version: Version) -> Alert:
    return Alert(
        "warning",
        f"{version.address} does not say what its VAE was trained on, so that a leak of test "
        "images through the VAE cannot be ruled out.",
    )


def _overlap(inputs: Inputs, profile: Profile) -> list[Alert]:
    augmix = [
        stage["parameters"]
        for version in inputs.versions
        for stage in version.manifest.recipe.get("mix", [])
        if stage["method"] == "augmix"
    ]
    augmix += [
        json.loads(stage.parameters)
        for arm in inputs.arms
        for stage in arm.batch_policy.online
        if stage.method == "augmix"
    ]
    alerts = []
    shared = [each.name for each in profile.corruptions if each.overlaps_augmix]
    if augmix and shared:
        alerts.append(
            Alert(
                "warning",
                f"AugMix trains on {', '.join(shared)}, which are corruptions of {profile.title} "
                "too: see the mean without them.",
            )
        )
    bright = any(each.name == "brightness" for each in profile.corruptions)
    if bright and any(own.get("operations") == "all" for own in augmix):
        alerts.append(
            Alert(
                "warning",
                'AugMix with operations = "all" trains on colour, contrast, brightness and '
                f"sharpness, which {profile.title} tests.",
            )
        )
    if profile.name == "mnist-c":
        alerts.append(
            Alert(
                "note",
                "Arms with geometry train on turns, shears, scalings and shifts, which are "
                "corruptions of this profile too.",
            )
        )
    return alerts
