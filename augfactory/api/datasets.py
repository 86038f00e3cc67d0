"""``augfactory.expand``."""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from augfactory.api.models import Read, Size
from augfactory.cli.progress import StderrProgress
from augfactory.commands.expand import expand as expanding
from augfactory.commands.expand.build import Dataset
from augfactory.commands.expand.classes import ClassRule
from augfactory.commands.expand.in_place import read_copies
from augfactory.commands.expand.options import ExpandOptions, build_request
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.expand.validation import Held
from augfactory.commands.opening.reading import of_any_source, spec_read_by
from augfactory.commands.progress import Progress
from augfactory.commands.versions.rows.redraw_asked import redraw
from augfactory.engines.processes import default_workers
from augfactory.errors import RecipeError
from augfactory.records import Colour


def expand(
    source: str | Path,
    out: str | Path | None = None,
    *,
    factor: int | None = None,
    per_class: int | None = None,
    balance: bool = False,
    class_factors: Mapping[str, int] | None = None,
    model: str | Path | None = None,
    checkpoint: str | None = None,
    recipe: str | Path | Mapping[str, Any] | None = None,
    n_train: int | None = None,
    originals: bool | None = None,
    geometry: bool | None = None,
    preset: str | None = None,
    vae: Mapping[str, Any] | None = None,
    vary: str | Sequence[str] = (),
    mixup: int | None = None,
    ricap: int | None = None,
    cutmix: int | None = None,
    augmix: int | None = None,
    mix: Mapping[str, int] | None = None,
    mix_from: str | None = None,
    unlabelled: str | Path | None = None,
    pseudo_label: bool = False,
    classifier: str | None = None,
    weights: str | Path | None = None,
    validation: float | None = None,
    group: str | None = None,
    reject: str | Path | None = None,
    size: Size = None,
    colour: Colour = "auto",
    read: Read = None,
    format: str | None = None,
    licence: str | None = None,
    description: str | None = None,
    author: str | None = None,
    seed: int | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> Dataset:
    """Make a dataset ``factor`` times as large, as `augfactory expand` does.

    The same request again is answered with the version that exists.

    Args:
        source: as for ``train_vae``, or the folder of a model, which brings its own images.
        out: NAME of the dataset; ``NAME-xK/v1`` is written.
        factor: images per source image, itself among them; None is that of the recipe.
        per_class: in place of a factor: exactly so many rows of each class.
        balance: as many rows of each class as the largest has.
        class_factors: factors of single classes, such as {"scratch": 20}.
        model: folder of a trained VAE, where ``source`` is none.
        checkpoint: one of the model's, such as "loss-120"; None is its end.
        recipe: a recipe file, or what one holds as a mapping; the other arguments override it.
        n_train: use only so many images, evenly from the classes.
        originals: keep the source images in the dataset (True unless the recipe says otherwise).
        geometry: vary images by geometry (True unless the recipe says otherwise).
        preset: how they are varied; None is the model's, or tests what the images bear.
        vae: what a recipe's ``[vae]`` holds: share, decode, sampler, filter and the sampler's own.
        vary: a method that varies further images after geometry, several in order, or "none".
        mixup: further rows per source image, on top of the factor, made by mixup.
        ricap: the same, by RICAP.
        cutmix: the same, by CutMix.
        augmix: the same, by AugMix.
        mix: the same, by any method: its name -> rows, such as {"crop": 2}.
        mix_from: what these mix, "expanded" or "originals"; None is what suits each.
        unlabelled: images without labels.
        pseudo_label: label them by classifiers, and add as many rows again.
        classifier: what labels, a name as ``evaluate`` takes it; "quick" at None.
        weights: a file of weights that all but its last layer starts from.
        validation: share of the originals kept apart, for ``load(..., split="val")``.
        group: which stay together, as --group.
        reject: a list of rows of a finished version to draw anew, which `augfactory preview --html`
            saves. ``source`` is that version, without ``out`` and what made it; or all arguments
            are those that made it.
        size: as for ``train_vae``.
        colour: as for ``train_vae``.
        read: as for ``train_vae``.
        format: "hdf5", "png", "parquet", "webdataset" or "lance"; hdf5 at None.
        licence: for the card, such as "CC-BY-4.0".
        description: for the card, what the images show.
        author: for the card, who answers for the dataset.
        seed: random seed; 0 unless the recipe says otherwise.
        workers: processes; None is one per core.
        progress: show progress on stderr.

    Returns:
        Name, version, path, rows and content hash of the dataset.

    Raises:
        AugfactoryError: something is wrong with the request, the data or the disk.

    Example:
        >>> dataset = augfactory.expand("sample", "digits", factor=3, n_train=20, workers=1)
        >>> dataset.name, dataset.version, dataset.rows
        ('digits-x3', 'v1', 60)
        >>> assert len(augfactory.load("digits-x3")) == 60
    """
    given = dict(locals())
    told, own = StderrProgress() if progress else Progress(), None if model is None else Path(model)
    processes = workers or default_workers()
    if out is None:
        _check_of_version(given)
        return _redrawn(str(source), reject or "", own, told, processes)
    further = of_any_source(read)
    named = {"mixup": mixup, "ricap": ricap, "cutmix": cutmix, "augmix": augmix}
    copies = read_copies([f"{method}={rows}" for method, rows in (mix or {}).items()], named)
    flags = ExpandOptions(
        factors=() if factor is None else (factor,),
        classes=ClassRule(per_class, balance, class_factors),
        originals=originals,
        seed=seed,
        format=format,
        geometry=geometry,
        preset=preset,
        vae=vae or {},
        copies=copies,
        mix_from=mix_from,
        vary=(vary,) if isinstance(vary, str) else vary,
        recipe=Path(recipe) if isinstance(recipe, str) else recipe,
        unlabelled=None if unlabelled is None else spec_read_by(unlabelled, None, "auto", further),
        pseudo_label=pseudo_label,
        classifier=classifier,
        weights=None if weights is None else Path(weights),
        licence=licence,
        description=description,
        author=author,
        held=None if validation is None and group is None else Held(validation, group=group),
    )
    request = build_request(
        flags,
        spec_read_by(source, size, colour, read, sized=model is not None),
        Path(out),
        model=own,
        checkpoint=checkpoint,
        n_train=n_train,
        workers=processes,
    )
    if reject is not None:
        return _redrawn(request, reject, None, told, processes)
    (dataset,) = expanding.expand(request, told)
    return dataset


def _check_of_version(given: Mapping[str, Any]) -> None:
    """Refuse arguments beside a version, which says itself how it was made.

    Raises:
        RecipeError: naming one.
    """
    if given["reject"] is None:
        raise RecipeError("out", "is missing: it names the dataset", 'Give out="NAME".')
    own = ("source", "reject", "model", "workers", "progress")
    for name, parameter in inspect.signature(expand).parameters.items():
        if name not in own and given[name] != parameter.default:
            raise RecipeError(
                name,
                "is beside `reject` and a version, which says itself how it was made",
                "Leave it out; or give `out` and all arguments that made the version.",
            )


def _redrawn(
    asked: str | ExpandRequest,
    reject: str | Path,
    model: Path | None,
    progress: Progress,
    workers: int,
) -> Dataset:
    made = redraw(asked, Path(reject), progress, workers, "flock", model=model)
    assert isinstance(made, Dataset)
    return made
