"""An order: one dataset that is to be made, and what follows from that alone."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from augfactory.commands.expand.ingredients import Ingredients
from augfactory.pipeline import plan as planning
from augfactory.pipeline.recipe import (
    Recipe,
    recipe_id,
    rendering_versions,
)
from augfactory.pipeline.shares import count_decoded
from augfactory.store.formats.registry import FORMATS
from augfactory.store.formats.storage_format import Extent
from augfactory.store.shards import building_folder


@dataclass(frozen=True)
class Order:
    """A recipe, what it is made from, and ``folder``, which holds all versions of the dataset."""

    folder: Path
    recipe: Recipe
    ingredients: Ingredients

    @cached_property
    def identity(self) -> str:
        """The recipe id: equal for equal requests."""
        model, unlabelled = self.ingredients.model, self.ingredients.unlabelled
        return recipe_id(
            self.recipe,
            rendering_versions(self.recipe),
            self.ingredients.fingerprint,
            model.sha256 if model else None,
            unlabelled.fingerprint if unlabelled else None,
        )

    @property
    def building(self) -> Path:
        """Where it is built."""
        return building_folder(self.folder, self.identity)

    @property
    def class_names(self) -> list[str]:
        """The classes, in label order."""
        return list(self.ingredients.source.class_names)

    @property
    def rows(self) -> int:
        """How many rows it will have."""
        return planning.count_rows(self.recipe, len(self.ingredients.source))

    @property
    def ranges(self) -> list[planning.Section]:
        """The rows of each shard."""
        source = self.ingredients.source
        return planning.shard_ranges(self.recipe, len(source), source.image_shape)

    def expected_size(self) -> tuple[int, int]:
        """Return (bytes, files) of the data, an upper bound where pixels are compressed."""
        extent = Extent(
            rows=self.rows,
            shards=len(self.ranges),
            image_shape=self.ingredients.source.image_shape,
            classes=len(self.class_names),
            parents=planning.parents(self.recipe),
        )
        return FORMATS[self.recipe.format].expected_size(extent)

    def counts(self) -> dict[str, int]:
        """Return the rows of each method."""
        sources = len(self.ingredients.source)
        decoded = count_decoded(self.recipe, sources)
        counts = {
            "original": sources if self.recipe.originals else 0,
            "geometry": sources * self.recipe.further - decoded,
            "vae": decoded,
        }
        for stage in self.recipe.mix:
            counts[stage.method] = counts.get(stage.method, 0) + sources * stage.copies
        if self.recipe.pseudo_label is not None:
            counts[planning.UNLABELLED] = sources * self.recipe.pseudo_label.copies
        return {method: rows for method, rows in counts.items() if rows}
