"""Which arms an evaluation compares: the originals, the same varied online, and the datasets."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial

from augfactory.commands.evaluate.online_arms import (
    BASELINES,
    ORIGINALS,
    REAL_AND_SYNTHETIC,
    SYNTHETIC_ONLY,
    baselines_of,
    online_policy,
    recipes_of,
)
from augfactory.commands.opening.notes import uneven_classes
from augfactory.commands.opening.opening import spec_of
from augfactory.errors import RecipeError
from augfactory.evaluation.comparison.protocol import Arm
from augfactory.evaluation.training.batch_policy import BatchPolicy, Loss
from augfactory.evaluation.training.batches import Order, images_with_views
from augfactory.evaluation.training.training_set import (
    TrainingSet,
    open_training,
    training_part,
    version_set,
)
from augfactory.evaluation.training.virtual_batches import DEFAULT_BATCH, rows_of
from augfactory.records import SourceSpec
from augfactory.sources.recorded import open_rows
from augfactory.store.reader import Version


@dataclass(frozen=True)
class ArmsRequest:
    """Which arms are wanted beside the baselines and each dataset.

    ``arms`` holds "synthetic-only" and "real+synthetic", made of each dataset, and "originals+…"
    with the methods that are applied to every batch, in order, and perhaps a loss, "+jsd" or
    "+weighted". ``real_share`` is that of each batch of "real+synthetic". ``order`` and ``loss`` go
    for the datasets; ``batch`` is the size of all, None where nothing is said.
    """

    arms: tuple[str, ...] = ()
    real_share: float = 0.5
    order: Order = "shuffled"
    loss: Loss = "ce"
    batch: int | None = None


def make_arms(versions: tuple[Version, ...], request: ArmsRequest) -> tuple[Arm, ...]:
    """Return the baselines, further online arms, then each dataset followed by its parts.

    The baseline whose loss weighs the classes is there where they are uneven, or asked for.

    Raises:
        RecipeError: there is no such arm, or a dataset cannot serve it.
        InputDataError: the originals stand in no dataset and their source has changed.
    """
    originals = originals_arm(versions)
    source = opened_part(originals).source
    recipes = recipes_of(versions, source)
    policy = partial(
        online_policy,
        recipes=recipes,
        image_shape=versions[0].manifest.image_shape,
        batch=request.batch or DEFAULT_BATCH,
    )
    baselines = baselines_of(recipes, uneven=uneven_classes(source) is not None)
    free = {*BASELINES, *baselines}
    online = [
        replace(originals, name=name, factor=None, batch_policy=policy(name), free=name in free)
        for name in dict.fromkeys((*baselines[1:], *request.arms))
        if name not in (SYNTHETIC_ONLY, REAL_AND_SYNTHETIC)
    ]
    arms = [originals, *online]
    for name, version in zip(names_of(versions), versions, strict=True):
        training = version_set(version)
        factor = version.manifest.recipe.get("factor")
        whole = Arm(
            name=name,
            factor=factor,
            source=SourceSpec(str(version.folder)),
            size=len(version.source),
            fingerprint=version.manifest.content_hash,
            batch_policy=_batch_policy(training, request),
            series=series_of(name, factor),
        )
        arms.append(whole)
        arms += _parts(whole, training, request)
    if request.loss == "jsd" and not any(arm.batch_policy.loss == "jsd" for arm in arms):
        raise RecipeError(
            "--loss jsd",
            "none of the datasets holds two views of an image",
            "Make them with `augfactory expand … --augmix 2`, use --loss ce, or have them made "
            "while training: --arm originals+geometry+augmix+jsd.",
        )
    return tuple(arms)


def originals_arm(versions: tuple[Version, ...]) -> Arm:
    """Return the originals as they stand in a dataset, else read again from their source.

    Raises:
        InputDataError: they stand in none, and the source is no longer what it was.
    """
    origin = versions[0].manifest.source
    for version in versions:
        count = int((version.methods == "original").sum())
        if count:
            spec = SourceSpec(str(version.folder))
            return Arm(ORIGINALS, 1, spec, count, origin.fingerprint, part="originals", free=True)
    spec = spec_of(origin, versions[0].folder)
    what = f"{versions[0].address} was made from"
    open_rows(origin, what, "Restore the source as it was, or expand it again.", spec=spec)
    rows = origin.rows
    return Arm(ORIGINALS, 1, spec, len(rows), origin.fingerprint, rows=rows, free=True)


def opened_part(arm: Arm) -> TrainingSet:
    """Open what the arm trains on."""
    return training_part(open_training(arm.source), arm.part, arm.rows)


def names_of(versions: tuple[Version, ...]) -> list[str]:
    """Call each version by its name where that is clear, else NAME@vN, else its folder."""
    plain = [version.manifest.name for version in versions]
    addresses = Counter(version.address for version in versions)
    uses = Counter([ORIGINALS, *plain])
    return [
        name
        if uses[name] == 1
        else version.address
        if addresses[version.address] == 1
        else str(version.folder)
        for name, version in zip(plain, versions, strict=True)
    ]


def series_of(name: str, factor: int | None) -> str:
    """Return the name that arms share whose datasets differ in their factor only.

    `augfactory expand` names its datasets NAME-xK, which nothing else records.
    """
    head, _, tail = name.rpartition(f"-x{factor}")
    return head + tail


def in_order(training: TrainingSet, order: Order) -> BatchPolicy:
    """Return the policy of rows in this order: with "rounds", virtual batches are kept together."""
    rows = rows_of(training.virtual) if order == "rounds" else ()
    return BatchPolicy(order=order, virtual_batch=rows[0] if rows else None)


def _batch_policy(training: TrainingSet, request: ArmsRequest) -> BatchPolicy:
    if request.loss == "jsd" and len(images_with_views(training)[0]):
        return BatchPolicy(loss="jsd")
    return replace(in_order(training, request.order), loss=_without_views(request.loss))


def _without_views(loss: Loss) -> Loss:
    """Return the loss of rows that are read one by one."""
    return "ce" if loss == "jsd" else loss


def _parts(whole: Arm, training: TrainingSet, request: ArmsRequest) -> list[Arm]:
    generated = int((~training.original).sum())
    parts = []
    for name in dict.fromkeys(request.arms):
        if name == SYNTHETIC_ONLY and generated:
            parts.append(
                replace(
                    whole,
                    name=f"{whole.name} {SYNTHETIC_ONLY}",
                    series=f"{whole.series} {SYNTHETIC_ONLY}",
                    size=generated,
                    part="synthetic",
                    batch_policy=replace(
                        in_order(training, request.order), loss=_without_views(request.loss)
                    ),
                )
            )
        if name == REAL_AND_SYNTHETIC:
            if not 0 < generated < len(training.source):
                raise RecipeError(
                    f"--arm {REAL_AND_SYNTHETIC}",
                    f"{whole.name} does not hold both originals and generated images",
                    "Leave that arm or that dataset out.",
                )
            suffix = f"{REAL_AND_SYNTHETIC} ({100 * request.real_share:g} % real)"
            parts.append(
                replace(
                    whole,
                    name=f"{whole.name} {suffix}",
                    series=f"{whole.series} {suffix}",
                    batch_policy=BatchPolicy(
                        real_share=request.real_share, loss=_without_views(request.loss)
                    ),
                )
            )
    return parts
