"""The stages of a recipe: one model of each for a recipe file, for a request and for a manifest.

A stage reads both what a recipe file writes and what a manifest holds. In a file its parameters are
keys of its own table, and those that are left out are filled in. In a manifest they are apart under
``parameters``, complete when they were written, and stay what they are.
"""

import difflib
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Protocol

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    model_validator,
)

from augfactory.errors import one_of
from augfactory.guarded.validation import Table, checked, refuse_unknown, told, unknown
from augfactory.methods.geometry import PRESETS
from augfactory.methods.method import Method
from augfactory.methods.registry import METHODS
from augfactory.vae.samplers.registry import SAMPLERS

Decode = Literal["full", "residual"]
Origin = Literal["originals", "expanded"]
LARGEST_FACTOR = 100_000
MIXING = {name: method for name, method in METHODS.items() if name != "geometry"}
DEFAULT_SAMPLER = "same-class"
LABELLING_CLASSIFIER = "quick"


class Stage(BaseModel):
    """One way in which images are made, by a method or a sampler of some name.

    ``parameters`` holds every parameter, defaults filled in, so that a changed default makes
    another recipe.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    written: ClassVar[tuple[str, ...]] = ()  # keys of a recipe file, but for the parameters

    @classmethod
    def model_of(cls, values: Mapping[str, Any]) -> type[BaseModel]:
        """Return the model of the parameters of a stage that says ``values``.

        Raises:
            PydanticCustomError: it names none that there is.
        """
        raise NotImplementedError

    @model_validator(mode="before")
    @classmethod
    def _checked_and_filled_in(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        model = cls.model_of(values)
        if "parameters" in values:
            model.model_validate(values["parameters"])
            return values
        own = {key: value for key, value in values.items() if key not in cls.written}
        refuse_unknown(own, [*cls.written, *model.model_fields])
        parameters = model.model_validate(own).model_dump(mode="json")
        return {**{key: values[key] for key in values if key not in own}, "parameters": parameters}


class OfAMethod(Protocol):
    """A stage whose images a method makes."""

    @property
    def method(self) -> str:
        """Its name."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Its parameters, all of them."""


class GeometryStage(Stage):
    """How an image is varied before it is encoded or, without a model, on its own."""

    method: ClassVar[str] = "geometry"

    parameters: dict[str, Any]

    @classmethod
    def model_of(cls, values: Mapping[str, Any]) -> type[BaseModel]:
        """Return the parameters of geometry."""
        del values
        return METHODS[cls.method].parameters


class VaeStage(Stage):
    """How decoded images are made from encoded ones.

    ``varied`` says that images are varied before they are encoded, where geometry takes part: a
    model that was trained without geometry does not know varied images. Keys of their defaults are
    left out of a recipe's text, which then is that of older versions.
    """

    written: ClassVar[tuple[str, ...]] = ("sampler", "share", "decode", "filter")

    sampler: str = Field(
        default=DEFAULT_SAMPLER,
        description="How latent vectors are sampled; its own parameters are further keys.",
    )
    parameters: dict[str, Any]
    share: StrictFloat = Field(
        default=1.0, ge=0, le=1, exclude_if=lambda share: share == 1,
        description="The share that is decoded of the further images that are not mixtures; "
        "geometry alone varies the others.",
    )  # fmt: skip
    decode: Decode = Field(
        default="full", exclude_if=lambda decode: decode == "full",
        description="full: what the network decodes; residual: the real image plus what the move "
        "in the latent space changes, clip(x + decode(z') - decode(mean)).",
    )  # fmt: skip
    varied: bool = Field(default=True, exclude_if=lambda varied: varied)
    filter: StrictBool = Field(
        default=False, exclude_if=lambda filter: not filter,
        description="Draw a decoded image again that classifiers do not read as its class, that "
        "is blank or a copy.",
    )  # fmt: skip

    @classmethod
    def model_of(cls, values: Mapping[str, Any]) -> type[BaseModel]:
        """Return the parameters of the sampler."""
        name = str(values.get("sampler", DEFAULT_SAMPLER))
        if name not in SAMPLERS:
            raise unknown("sampler", name, list(SAMPLERS), "sampler")
        return SAMPLERS[name].params


class MixStage(Stage):
    """Further rows: ``copies`` for each source image, made by ``method``.

    A stage that was asked for by its ``share`` has no copies before a recipe gives it some.
    """

    written: ClassVar[tuple[str, ...]] = ("method", "copies", "share", "from")

    method: str = Field(
        description="What makes the images; its own parameters are further keys: see "
        "[methods](methods.md)."
    )
    copies: StrictInt = Field(
        ge=0, le=LARGEST_FACTOR,
        description="So many rows for each source image, on top of the factor, 1 or more; needed "
        "unless `share` is given.",
    )  # fmt: skip
    source: Origin = Field(
        validation_alias=AliasChoices("source", "from"),
        description="What is mixed: the original images, or any of those that the earlier stages "
        "made of each, the original itself being one of them unless `originals = false`. Left "
        "out, it is expanded; originals for methods that make views.",
    )
    parameters: dict[str, Any]
    share: StrictFloat | None = Field(
        default=None, gt=0, le=1, exclude_if=lambda share: share is None,
        description="In place of `copies`: so large a part of the further images among the "
        "`factor` is made by this method.",
    )  # fmt: skip

    @classmethod
    def model_of(cls, values: Mapping[str, Any]) -> type[BaseModel]:
        """Return the parameters of the method.

        A wrong key is refused before the right one is said to be missing. Without a method only
        what looks like another key is known to be wrong.
        """
        name = values.get("method")
        if name is None:
            for key in values:
                if key not in cls.written and difflib.get_close_matches(key, cls.written, 1, 0.7):
                    raise unknown("key", key, cls.written)
            raise told("key 'method' is missing", "Say method = …")
        if str(name) not in MIXING:
            raise unknown("method", str(name), list(MIXING), "method")
        return MIXING[str(name)].parameters

    @model_validator(mode="before")
    @classmethod
    def _copies_or_share(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "parameters" in values:
            return values
        copies, share = values.get("copies"), values.get("share")
        cls.model_of(values)
        if (copies is None) == (share is None):
            if share is None:
                refuse_unknown(values, [*cls.written, *cls.model_of(values).model_fields])
                raise told("key 'copies' is missing", "Say copies = …, or share = …")
            raise told(
                "says how many of the further images are mixed; copies say how many come on top",
                "Give one of the two.",
                "share",
            )
        if copies == 0:
            raise told("0 copies cannot be made", f"Ask for 1 to {LARGEST_FACTOR}.")
        return {"from": default_origin(values["method"]), "copies": 0, **values}


class PseudoLabelStage(Table):
    """Further rows: unlabelled images, with labels by classifiers trained on the labelled ones.

    Each that serves comes once before any comes again, then varied by geometry; see
    ``evaluation/pseudo_labels.py``.
    """

    copies: int = Field(
        ge=1, le=LARGEST_FACTOR,
        description="So many rows for each source image, on top of the factor; left out, as many "
        "as the factor.",
    )  # fmt: skip
    keep: float = Field(
        default=0.75, gt=0, le=1, description="The share of each class that serves: the surest."
    )
    rounds: int = Field(default=2, ge=1, le=10, description="How often all are labelled anew.")
    teachers: int = Field(default=5, ge=2, le=20, description="Classifiers of a round.")
    steps: int = Field(
        ge=1, le=1_000_000,
        description="Steps each is trained; left out, 1,200; of grey drawings and grey textures, "
        "and from weights, 400.",
    )  # fmt: skip
    views: int = Field(
        default=4, ge=0, le=64, description="Varied views that are read beside each image."
    )
    images: int = Field(
        default=20_000, ge=1, le=10_000_000,
        description="Of more unlabelled images so many are labelled, evenly spread.",
    )  # fmt: skip
    classifier: str = Field(
        default=LABELLING_CLASSIFIER, exclude_if=lambda name: name == LABELLING_CLASSIFIER,
        description="What labels them: a classifier of `evaluate`, torchvision's among them.",
    )  # fmt: skip
    weights_sha256: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{64}$", exclude_if=lambda digest: digest is None,
        description="With `--weights FILE`: the hash of that file, which is written here.",
    )  # fmt: skip


def default_origin(method: str) -> Origin:
    """Return what a method mixes where nothing is said: views are views of clean images."""
    return "originals" if METHODS[method].views else "expanded"


def method_of(stage: OfAMethod) -> tuple[Method, Any]:
    """Return a stage's method and its parameters as the method takes them."""
    method = METHODS[stage.method]
    return method, method.parameters.model_validate(stage.parameters)


def default_geometry(image_shape: tuple[int, int, int], preset: str | None = None) -> GeometryStage:
    """Return ``preset`` or, at None, the one that suits the colours: photo in colour, else digits.

    Raises:
        RecipeError: there is no such preset.
    """
    if preset is None:
        preset = "photo" if image_shape[2] == 3 else "digits"
    check_preset(preset)
    return geometry_stage("geometry", {"preset": preset})


def check_preset(preset: str) -> None:
    """Refuse a preset that there is not.

    Raises:
        RecipeError: naming the nearest one.
    """
    one_of("--preset", "preset", preset, list(PRESETS))


def geometry_stage(where: str, parameters: Mapping[str, Any]) -> GeometryStage:
    """Return the stage of these parameters; RecipeError, naming ``where``, if one is wrong."""
    return checked(GeometryStage, parameters, where)


def mix_stage(
    where: str,
    method: str,
    copies: int,
    source: Origin,
    parameters: Mapping[str, Any],
    share: float | None = None,
) -> MixStage:
    """Return the stage of these parameters; RecipeError, naming ``where``, if one is wrong."""
    count = {"copies": copies} if share is None else {"share": share}
    return checked(MixStage, {"method": method, **count, "from": source, **parameters}, where)
