"""What the user asked for: validated, canonical, hashable."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from augfactory.methods.method import Method
from augfactory.methods.registry import METHODS

Format = Literal["hdf5", "png", "parquet", "webdataset"]
Decode = Literal["full", "residual"]
Origin = Literal["originals", "expanded"]
LARGEST_FACTOR = 100_000
MOST_SHOWN = 200  # letters of a wrong value in a message
MIXING = {name: method for name, method in METHODS.items() if name != "geometry"}

# Raise this whenever the same recipe gives other pixels or labels than before.
RENDERING = 1


class GeometryStage(BaseModel):
    """How an image is varied before it is encoded or, without a model, on its own.

    ``parameters`` holds every parameter, defaults filled in, so that a changed default makes
    another recipe; so it does in the other stages.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameters: dict[str, Any]


class VaeStage(BaseModel):
    """How decoded images are made from encoded ones.

    ``share`` is that of the images made of one original each that are decoded; the others are
    varied by geometry alone. ``decode`` "full" takes what the network decodes; "residual" adds what
    the move in the latent space changes to the real image, clip(x + decode(z') - decode(mean)).
    ``varied`` says that images are varied before they are encoded, where geometry takes part: a
    model that was trained without geometry does not know varied images. With ``filter`` a decoded
    image that classifiers do not read as its class, that is blank or a copy is drawn again.
    Keys of their defaults are left out of a recipe's text, which then is that of older versions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sampler: str
    parameters: dict[str, Any]
    share: float = Field(default=1.0, ge=0, le=1, exclude_if=lambda share: share == 1)
    decode: Decode = Field(default="full", exclude_if=lambda decode: decode == "full")
    varied: bool = Field(default=True, exclude_if=lambda varied: varied)
    filter: bool = Field(default=False, exclude_if=lambda filter: not filter)


class MixStage(BaseModel):
    """Further rows: ``copies`` for each source image, made by ``method``.

    ``source`` says what is mixed: the original images, or any of the images that the earlier stages
    made of each. With a ``share`` the copies are so large a part of the further images among the
    ``factor``; without one they come on top of it. A stage that was asked for by its share has no
    copies before a recipe gives it some.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    copies: int = Field(ge=0, le=LARGEST_FACTOR)
    source: Origin
    parameters: dict[str, Any]
    share: float | None = Field(default=None, gt=0, le=1, exclude_if=lambda share: share is None)


class PseudoLabelStage(BaseModel):
    """Further rows: unlabelled images, with labels by classifiers trained on the labelled ones.

    There are ``copies`` of them for each source image, on top of the factor. The surest ``keep`` of
    each class serve, each once before any comes again, then varied by geometry. So many
    ``teachers`` are trained, ``steps`` steps each, and read an image and ``views`` varied ones of
    it, in so many ``rounds``; see ``evaluation/pseudo_labels.py``. Of more unlabelled images than
    ``images`` so many are labelled, evenly spread.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    copies: int = Field(ge=1, le=LARGEST_FACTOR)
    keep: float = Field(default=0.75, gt=0, le=1)
    rounds: int = Field(default=2, ge=1, le=10)
    teachers: int = Field(default=5, ge=2, le=20)
    steps: int = Field(default=400, ge=1, le=1_000_000)
    views: int = Field(default=4, ge=0, le=64)
    images: int = Field(default=20_000, ge=1, le=10_000_000)


class Recipe(BaseModel):
    """One dataset: exactly ``factor`` images per source image, and mixed ones on top.

    With ``originals`` the source image is one of the ``factor``. Mixed images that were asked for
    by their share are among the ``factor`` too. With ``distinct`` a mixture that would be one of
    its parents is drawn again. ``format`` says how the rows are stored; it changes no pixel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    factor: int = Field(ge=1, le=LARGEST_FACTOR)
    originals: bool = True
    seed: int = Field(default=0, ge=0)
    geometry: GeometryStage | None = None
    vae: VaeStage | None = None
    mix: tuple[MixStage, ...] = ()
    distinct: bool = Field(default=False, exclude_if=lambda distinct: not distinct)
    pseudo_label: PseudoLabelStage | None = Field(
        default=None, exclude_if=lambda stage: stage is None
    )
    format: Format = "hdf5"

    @model_validator(mode="after")
    def _shares_fit(self) -> "Recipe":
        if self.single < 1:
            raise ValueError("nothing is left of the factor for images of one original each")
        return self

    @property
    def single(self) -> int:
        """How many of the ``factor`` images are made of one original each, itself among them."""
        within = sum(stage.copies for stage in self.mix if stage.share is not None)
        return self.factor - within

    @property
    def further(self) -> int:
        """How many of ``single`` are made, of each original."""
        return self.single - 1 if self.originals else self.single


def with_copies(mix: Sequence[MixStage], factor: int, *, originals: bool) -> tuple[MixStage, ...]:
    """Give the stages that were asked for by a share their copies, whole ones.

    Of K images per source image, K - 1 are further ones with the originals and K without. The
    stages together have their shares' sum of them, rounded down, but for one image that is always
    no mixture. A stage that comes to less than a copy is left out.
    """
    further = factor - 1 if originals else factor
    share, given = 0.0, 0
    found = []
    for stage in mix:
        copies = stage.copies
        if stage.share is not None:
            share += stage.share
            copies = min(math.floor(share * further + 1e-9), factor - 1) - given
            given += copies
        if copies:
            found.append(stage.model_copy(update={"copies": copies}))
    return tuple(found)


def canonical_json(value: Any) -> str:
    """Return JSON that is the same text for equal values: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def rendering_versions(recipe: Recipe) -> dict[str, int]:
    """Return the versions of the rendering and of each method that takes part in ``recipe``."""
    used = {stage.method for stage in recipe.mix} | ({"geometry"} if recipe.geometry else set())
    return {"rendering": RENDERING, **{name: METHODS[name].version for name in sorted(used)}}


def recipe_id(
    recipe: Recipe,
    versions: Mapping[str, int],
    source_fingerprint: str,
    model_sha256: str | None,
    unlabelled_fingerprint: str | None = None,
) -> str:
    """Return the sha256 that names a request: the same request makes the same dataset.

    ``versions`` are those that rendered it, or would: see ``rendering_versions``.
    """
    request: dict[str, Any] = {
        "recipe": recipe.model_dump(mode="json"),
        "versions": dict(versions),
        "source": source_fingerprint,
        "model": model_sha256,
    }
    if unlabelled_fingerprint is not None:
        request["unlabelled"] = unlabelled_fingerprint
    return hashlib.sha256(canonical_json(request).encode()).hexdigest()


def method_of(stage: MixStage) -> tuple[Method, Any]:
    """Return a stage's method and its parameters as the method takes them."""
    method = METHODS[stage.method]
    return method, method.parameters.model_validate(stage.parameters)
