"""How many rows each class gets: as it was asked for, and held to the source."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from augfactory.errors import RecipeError, one_of
from augfactory.guarded.text import escaped
from augfactory.pipeline.class_rows import rows_within
from augfactory.pipeline.recipes.recipe_file import AskedRecipe
from augfactory.pipeline.recipes.stages import MixStage
from augfactory.records import Int64Array, Source


@dataclass(frozen=True)
class ClassRule:
    """What says the rows of each class, where a factor alone does not; one of the three at most.

    ``per_class`` rows of each, as many of each as of the largest (``balance``), or ``factors`` of
    single classes by name.
    """

    per_class: int | None = None
    balance: bool = False
    factors: Mapping[str, int] | None = None

    @property
    def given(self) -> list[str]:
        """What is given, as it is called."""
        said = {
            "--per-class": self.per_class is not None,
            "--balance": self.balance,
            "class_factors": self.factors is not None,
        }
        return [name for name, there in said.items() if there]

    def title(self, factor: int | None) -> str:
        """Return what is put behind NAME."""
        if self.per_class is not None:
            return f"-{self.per_class}-per-class"
        return f"-x{factor}{'-balanced' if self.balance else ''}"

    def options(self, factor: int | None) -> str:
        """Return the options that ask for it, for messages."""
        if self.per_class is not None:
            return f"--per-class {self.per_class}"
        return f"--factor {factor}{' --balance' if self.balance else ''}"


ALIKE = ClassRule()


def read_rule(
    flags: ClassRule, factors: tuple[int, ...], asked: AskedRecipe, recipe_name: str
) -> tuple[ClassRule, tuple[int, ...]]:
    """Return the rule and the factors: what flags say, before what a recipe says.

    ``factors`` are those of the flags. Balanced without a factor, the largest class stays as it is.

    Raises:
        RecipeError: they contradict each other, or nothing says how many rows there are to be.
    """
    said = ClassRule(asked.per_class, bool(asked.balance), asked.class_factors)
    _refuse_two(said, asked.factor is not None, f" of {recipe_name}")
    _refuse_two(flags, bool(factors), "")
    rule = flags if flags.given else said
    if factors and rule.per_class is not None:
        rule = ALIKE  # --factor is there in place of the recipe's per_class
    if rule.per_class is not None:
        return rule, ()
    factors = factors or ((asked.factor,) if asked.factor is not None else ())
    if not factors and rule.balance:
        return rule, (1,)
    if not factors:
        raise RecipeError(
            "--factor", "is missing: it tells how many images each source image becomes",
            "Add --factor 50.",
        )  # fmt: skip
    return rule, factors


def check_rule(rule: ClassRule, *, pseudo_label: bool) -> None:
    """Refuse even classes of rows whose classes nobody knows beforehand.

    Raises:
        RecipeError: naming the option.
    """
    even = rule.per_class is not None or rule.balance
    if even and pseudo_label:
        raise RecipeError(
            rule.given[0],
            "makes classes even, and which classes unlabelled images are of is only found out",
            "Leave one out; `augfactory.loader(balanced=True)` shows any classes equally often.",
        )


def _refuse_two(rule: ClassRule, has_factor: bool, where: str) -> None:
    given = rule.given
    if rule.per_class is not None and has_factor:
        given.append("--factor")
    if where:
        given = [name.removeprefix("--").replace("-", "_") for name in given]
    if len(given) > 1:
        raise RecipeError(
            f"{' and '.join(given)}{where}", "each say how many rows a class has",
            "Leave all but one out.",
        )  # fmt: skip


def class_keys(rule: ClassRule, source: Source, mix: tuple[MixStage, ...]) -> dict[str, Any]:
    """Return what a recipe says of classes and their rows; nothing where no rule is given.

    Raises:
        RecipeError: there is no class of a name, or rows are too few to keep every original.
    """
    if not rule.given:
        return {}
    names, images = source.class_names, class_images(source)
    own = None
    if rule.factors is not None:
        own = {one_of("class_factors", "class", name, names): k for name, k in rule.factors.items()}
    if rule.per_class is not None:
        within, _ = rows_within(images, None, rule.per_class, mix)
        largest = int(images.argmax())
        if within[largest] < images[largest]:
            beside = int(rule.per_class - within[largest])
            mixed = f" besides its {beside:,} mixtures" if beside else ""
            raise RecipeError(
                f"--per-class {rule.per_class}",
                f"class {escaped(names[largest])} has {images[largest]:,} images, each of which "
                f"has a row at least{mixed}: no original is left out",
                f"Ask for {beside + images[largest]:,} or more, or take fewer images of it: "
                "--n-train N.",
            )
    return {
        "per_class": rule.per_class,
        "balance": rule.balance,
        "class_factors": own,
        "class_images": dict(zip(names, images.tolist(), strict=True)),
    }


def class_images(source: Source) -> Int64Array:
    """Return the images of each class: int64 [K]."""
    return np.bincount(source.labels, minlength=len(source.class_names))


def largest_factor(rule: ClassRule, factor: int | None, source: Source) -> int:
    """Return the largest number of rows that an image becomes, rounded up."""
    images = class_images(source)
    if rule.factors is not None:
        return max(factor or 1, *rule.factors.values())
    least = int(images[images > 0].min())
    if rule.per_class is not None:
        return -(-rule.per_class // least)
    return -(-(factor or 1) * int(images.max()) // least) if rule.balance else factor or 1
