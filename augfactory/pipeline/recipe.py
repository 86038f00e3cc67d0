"""What the user asked for: validated, canonical, hashable."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from augfactory.methods.registry import METHODS
from augfactory.pipeline.stages import (
    LARGEST_FACTOR,
    GeometryStage,
    MixStage,
    PseudoLabelStage,
    VaeStage,
)
from augfactory.pipeline.vary import VaryStage

# Raise this whenever the same recipe gives other pixels or labels than before.
RENDERING = 1

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


class Recipe(BaseModel):
    """One dataset: exactly ``factor`` images per source image, and mixed ones on top.

    With ``originals`` the source image is one of the ``factor``. Mixed images that were asked for
    by their share are among the ``factor`` too. With ``distinct`` a mixture that would be one of
    its parents is drawn again. ``format`` says how the rows are stored; it changes no pixel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    factor: Factor
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
    format: str = "hdf5"

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
