"""What the user asked for: validated, canonical, hashable."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from augfactory.methods.registry import METHODS
from augfactory.pipeline.class_rows import rows_of_sections, rows_within
from augfactory.pipeline.left_out import LeftOut
from augfactory.pipeline.recipes.stages import (
    LARGEST_FACTOR,
    GeometryStage,
    MixStage,
    PseudoLabelStage,
    VaeStage,
)
from augfactory.pipeline.recipes.vary import VaryStage
from augfactory.pipeline.redraw import Rounds
from augfactory.records import Int64Array

# Raise this whenever the same recipe gives other pixels or labels than before.
RENDERING = 1
LARGEST_PER_CLASS = 1_000_000_000

Factor = Annotated[
    StrictInt,
    Field(
        ge=1, le=LARGEST_FACTOR,
        description="How many images each source image becomes, itself among them.",
    ),
]  # fmt: skip
Originals = Annotated[
    StrictBool, Field(description="Whether the source image is one of the `factor`.")
]
Seed = Annotated[StrictInt, Field(ge=0, description="Random seed.")]
Distinct = Annotated[
    StrictBool, Field(description="Draw a mixture again that would be one of its parents.")
]
PerClass = Annotated[
    StrictInt,
    Field(
        ge=1, le=LARGEST_PER_CLASS,
        description="In place of `factor`: exactly so many rows of each class, mixtures among "
        "them. A `[[mix]]` has its `copies` for each image of the largest class.",
    ),
]  # fmt: skip
Balance = Annotated[
    StrictBool,
    Field(
        description="As many rows of each class as the largest has by its `factor`; `copies` of a "
        "`[[mix]]` too are those of the largest class."
    ),
]
ClassFactors = Annotated[
    dict[str, Factor],
    Field(
        min_length=1,
        description="Factors of single classes, by name; `factor` is that of the others.",
    ),
]
Images = Annotated[int, Field(ge=0, le=2**40)]


class Recipe(BaseModel):
    """One dataset: exactly ``factor`` images per source image, and mixed ones on top.

    With ``originals`` the source image is one of the ``factor``. Mixed images that were asked for
    by their share are among the ``factor`` too. With ``distinct`` a mixture that would be one of
    its parents is drawn again. ``redrawn`` are rows that were rejected once the dataset was
    finished: see ``redraw.py``; those ``left_out`` are stored by no version: see ``left_out.py``.
    ``format`` says how the rows are stored; it changes no pixel.

    Where one of ``per_class``, ``balance`` and ``class_factors`` says how many rows classes have,
    ``class_images`` holds the source images of each class, by its name in label order, and
    ``class_rows`` the rows that follow.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    factor: Factor | None = Field(default=None, exclude_if=lambda factor: factor is None)
    per_class: PerClass | None = Field(default=None, exclude_if=lambda rows: rows is None)
    balance: Balance = Field(default=False, exclude_if=lambda balance: not balance)
    class_factors: ClassFactors | None = Field(
        default=None, exclude_if=lambda factors: factors is None
    )
    class_images: dict[str, Images] | None = Field(
        default=None, exclude_if=lambda images: images is None
    )
    originals: Originals = True
    seed: Seed = 0
    geometry: GeometryStage | None = None
    vary: tuple[VaryStage, ...] = Field(default=(), exclude_if=lambda vary: not vary)
    vae: VaeStage | None = None
    mix: tuple[MixStage, ...] = ()
    distinct: Distinct = Field(default=False, exclude_if=lambda distinct: not distinct)
    pseudo_label: PseudoLabelStage | None = Field(
        default=None, exclude_if=lambda stage: stage is None
    )
    redrawn: Rounds = Field(default=(), exclude_if=lambda rounds: not rounds)
    left_out: LeftOut = Field(default=(), exclude_if=lambda rows: not rows)
    format: str = "hdf5"

    @model_validator(mode="after")
    def _shares_fit(self) -> "Recipe":
        if (self.factor is None) == (self.per_class is None):
            raise ValueError("either factor or per_class says how many rows there are")
        asked = (self.per_class, self.balance or None, self.class_factors)
        rules = sum(rule is not None for rule in asked)
        if rules > 1 or rules != (self.class_images is not None):
            raise ValueError("what is said of the rows of classes contradicts itself")
        if self.class_images is not None:
            self._check_class_images(self.class_images)
        elif self.single < 1:
            raise ValueError("nothing is left of the factor for images of one original each")
        return self

    def _check_class_images(self, images: Mapping[str, int]) -> None:
        if not any(images.values()) or not {*(self.class_factors or {})} <= {*images}:
            raise ValueError("class_images lacks images, or a class that has a factor")
        rows = self.class_rows
        if rows is None or (rows[0] < [*images.values()]).any() or (rows < 0).any():
            raise ValueError("a class has fewer rows than images")

    @property
    def single(self) -> int:
        """How many of the ``factor`` images are made of one original each, itself among them.

        Where classes are expanded alike.
        """
        within = sum(stage.copies for stage in self.mix if stage.share is not None)
        return (self.factor or 0) - within

    @property
    def further(self) -> int:
        """How many of ``single`` are made, of each original."""
        return self.single - 1 if self.originals else self.single

    @property
    def class_rows(self) -> Int64Array | None:
        """Rows of each class: int64 [1 + mix stages, K]; None where classes are expanded alike.

        The first are those made of one original each. A mixture is a row of the class that leads
        it.
        """
        if self.class_images is None:
            return None
        images = np.array([*self.class_images.values()], dtype=np.int64)
        factors: Int64Array | int | None = self.factor
        if self.class_factors is not None:
            own = [self.class_factors.get(name, self.factor) for name in self.class_images]
            factors = np.array(own, dtype=np.int64)
        within, base = rows_within(images, factors, self.per_class or 0, self.mix)
        return rows_of_sections(within, base, self.mix, originals=self.originals)

    def section_rows(self, sources: int) -> list[int]:
        """Return the rows of the first section and of each mix stage, made of labelled images."""
        rows = self.class_rows
        if rows is not None:
            return [int(count) for count in rows.sum(axis=1)]
        return [copies * sources for copies in (self.single, *(s.copies for s in self.mix))]

    def further_rows(self, sources: int) -> int:
        """Return how many rows are made of one original each, originals apart."""
        return self.section_rows(sources)[0] - (sources if self.originals else 0)


def with_copies(mix: Sequence[MixStage], factor: int, *, originals: bool) -> tuple[MixStage, ...]:
    """Give the stages that were asked for by a share their copies, whole ones.

    Of K images per source image, K - 1 are further ones with the originals and K without. The
    stages together have their shares' sum of them, rounded down, but for one image that is always
    no mixture. A stage that comes to less than a copy is left out.
    """
    rows = rows_of_sections(np.array([factor]), np.array([1]), mix, originals=originals)
    return tuple(
        stage.model_copy(update={"copies": copies})
        for stage, copies in zip(mix, rows[1:, 0].tolist(), strict=True)
        if copies
    )


def canonical_json(value: Any) -> str:
    """Return JSON that is the same text for equal values: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def rendering_versions(recipe: Recipe) -> dict[str, int]:
    """Return the versions of the rendering and of each method that takes part in ``recipe``."""
    used = {stage.method for stage in recipe.vary} | {stage.method for stage in recipe.mix}
    used |= {"geometry"} if recipe.geometry else set()
    return {"rendering": RENDERING, **{name: METHODS[name].version for name in sorted(used)}}


def recipe_id(
    recipe: Recipe,
    versions: Mapping[str, int],
    source_fingerprint: str,
    model_sha256: str | None,
    unlabelled_fingerprint: str | None = None,
    validation_fingerprint: str | None = None,
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
    if validation_fingerprint is not None:
        request["validation"] = validation_fingerprint
    return hashlib.sha256(canonical_json(request).encode()).hexdigest()
