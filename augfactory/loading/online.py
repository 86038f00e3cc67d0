"""`augfactory.online`: the rows of a recipe made when they are asked for, and never stored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.data import Dataset

from augfactory.commands.expand.options import ExpandOptions, build_request
from augfactory.commands.expand.request import plan_builds
from augfactory.commands.opening.reading import spec_read_by
from augfactory.commands.progress import Progress
from augfactory.commands.versions.differences import recipe_words
from augfactory.errors import RecipeError, one_of
from augfactory.evaluation.training.virtual_batches import (
    VirtualBatches,
    epoch_of_rounds,
    fitting_batch,
    numbered,
    rows_of,
    shared_draws,
)
from augfactory.keyed_random import generator
from augfactory.loading.dataset import Item
from augfactory.loading.online_epochs import rows_of_epoch
from augfactory.loading.online_recipe import all_mixed, check_made, for_epochs
from augfactory.pipeline.draw import draw_rows
from augfactory.pipeline.partners import rows_by_class
from augfactory.pipeline.plan import Origin, PlanRows, Section, chosen, sections
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.render import EncodedSource, render_block
from augfactory.records import (
    BLOCK_ROWS,
    Colour,
    Float32Array,
    Int64Array,
    Source,
    UInt8Array,
)

PLANS = 1024  # blocks of 64 rows whose plans are kept


class OnlineDataset(Dataset[Item]):
    """The rows that a recipe would store, each made when it is read.

    Row r is row r of the dataset that `augfactory expand` stores for the same source, recipe, seed
    and the factor of ``recipe``: the same pixels and the same label. Items are (image float32
    [C, H, W] in [0, 1], soft label float32 [K]), or uint8 images, or int64 labels.

    Attributes:
        source: the images that rows are made from.
        recipe: what is made; its factor is the number of epochs, one more where all is mixed.
        mixed: whether epochs show mixtures alone.
        class_names: of the source.
        in_words: how rows are made.
    """

    def __init__(
        self,
        source: Source,
        recipe: Recipe,
        encoded: EncodedSource | None = None,
        *,
        mixed: bool = False,
        hard: bool = False,
        as_uint8: bool = False,
    ) -> None:
        self.source, self.recipe, self.encoded, self.mixed = source, recipe, encoded, mixed
        self.hard, self.as_uint8 = hard, as_uint8
        self.class_names = list(source.class_names)
        self._sections = sections(recipe, len(source))
        self._origin = Origin(
            rows_by_class(source.labels, len(source.class_names)), source.image_shape
        )
        self._plan = lru_cache(PLANS)(self._draw)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_plan"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._plan = lru_cache(PLANS)(self._draw)

    def __repr__(self) -> str:
        shape = self.source.image_shape
        return (
            f"OnlineDataset(epochs={self.epochs}, rows={len(self)}, "
            f"classes={len(self.class_names)}, shape={shape})"
        )

    def __len__(self) -> int:
        return self._sections[-1].stop

    @property
    def in_words(self) -> str:
        """How rows are made, in a few words, as `augfactory info` says it of a stored set."""
        return recipe_words(self.recipe.model_dump(mode="json"))

    @property
    def epochs(self) -> int:
        """How many epochs have rows of their own."""
        return (self.recipe.factor or 0) - self.mixed

    def epoch(self, number: int) -> Int64Array:
        """Return the rows of epoch ``number``, counted from 0, shuffled: int64 [n].

        One of each original, in the first epoch itself unless the recipe leaves it out; of what is
        mixed by a share, so many are mixtures later, and all in every epoch where the shares make
        up 1. Of M rows that mixing adds by ``copies``, epoch e has those whose number is e modulo
        ``epochs``.
        """
        if not 0 <= number < self.epochs:
            raise IndexError(f"epochs go from 0 to {self.epochs - 1}")
        return rows_of_epoch(
            self.recipe, self._sections, len(self.source), number, mixed=self.mixed
        )

    def batches(
        self, number: int, batch_size: int | None = None, *, drop_last: bool = False
    ) -> list[list[int]]:
        """Return the rows of epoch ``number`` in batches, as a DataLoader's ``batch_sampler``.

        Rows that share what is drawn once a batch (RICAP with scope "batch") are a batch of their
        own, shuffled within: those of it that the epoch has. All other rows are shuffled into
        batches of ``batch_size``.

        Args:
            number: of the epoch, counted from 0.
            batch_size: rows of a batch; 64 or, where rows share draws, as many as the recipe says.
            drop_last: leave out every batch that is not full.

        Raises:
            RecipeError: ``batch_size`` is not that of the rows that share draws, or below 1.
            IndexError: there is no such epoch.
        """
        if batch_size is not None and batch_size < 1:
            raise RecipeError("batch_size", f"{batch_size} is less than 1", "Give 1 or more.")
        rows = self.epoch(number)
        virtual = self._virtual(rows)
        size = fitting_batch(rows_of(virtual), batch_size, "batch_size")
        if virtual is None:
            found = [rows[start : start + size] for start in range(0, len(rows), size)]
        else:
            random = generator("online batches", self.recipe.seed, number)
            one_round = np.zeros(len(rows), dtype=np.int64)
            found = [rows[own] for own in epoch_of_rounds(one_round, virtual, size, random)]
        return [batch.tolist() for batch in found if len(batch) == size or not drop_last]

    def _virtual(self, rows: Int64Array) -> VirtualBatches | None:
        """Return which of ``rows`` share draws, from the plan of each."""
        sharing = shared_draws(self.recipe)
        names = [f"mix{stage}_{name}" for stage, own in sharing.items() for name in own.fields]
        drawn = np.full((len(rows), len(names)), np.nan)
        if names:
            for _, here, plan in self._planned(rows):
                own = [plan.draws.get(name, np.full(len(plan), np.nan)) for name in names]
                drawn[here] = np.stack(own, axis=1)
        return numbered(drawn, {own.rows for own in sharing.values()})

    def __getitem__(self, row: int) -> Item:
        images, labels = self.read_batch([row])
        return images[0], labels[0]

    def __getitems__(self, rows: Sequence[int]) -> list[Item]:
        """Make many at once; see ``read_batch``."""
        return list(zip(*self.read_batch(rows), strict=True))

    def read_batch(self, rows: Sequence[int] | Int64Array) -> Item:
        """Make many at once: (images [n, C, H, W], labels [n, K] or [n])."""
        asked = np.asarray(rows, dtype=np.int64)
        if len(asked) and not (-len(self) <= asked.min() and asked.max() < len(self)):
            raise IndexError(f"rows go from 0 to {len(self) - 1}")
        images, labels = self.made(asked % max(1, len(self)))
        shown = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
        if not self.as_uint8:
            shown = shown.to(torch.float32).div_(255)
        return shown, torch.from_numpy(labels.argmax(axis=1) if self.hard else labels)

    def made(self, rows: Int64Array) -> tuple[UInt8Array, Float32Array]:
        """Return images uint8 [n, H, W, C] and soft labels float32 [n, K] of rows int64 [n]."""
        images = np.empty((len(rows), *self.source.image_shape), dtype=np.uint8)
        labels = np.empty((len(rows), len(self.class_names)), dtype=np.float32)
        for _, here, plan in self._planned(rows):
            images[here], labels[here] = render_block(
                self.recipe, plan, self.source, self.encoded, self._pixels
            )
        return images, labels

    def _planned(self, rows: Int64Array) -> Iterator[tuple[int, Int64Array, PlanRows]]:
        """Yield, block by block, the section, the positions among ``rows`` and their plan."""
        which = np.searchsorted([section.stop for section in self._sections], rows, side="right")
        for number in np.unique(which).tolist():
            here = np.flatnonzero(which == number)
            blocks, places = np.divmod(rows[here] - self._sections[number].start, BLOCK_ROWS)
            for block in np.unique(blocks).tolist():
                own = blocks == block
                yield number, here[own], chosen(self._plan(number, block), places[own])

    def _pixels(self, rows: Int64Array) -> UInt8Array:
        return self.made(rows)[0]

    def _draw(self, number: int, block: int) -> PlanRows:
        section = self._sections[number]
        start = section.start + block * BLOCK_ROWS
        shard = Section(section.stage, start, min(start + BLOCK_ROWS, section.stop))
        (plan,) = draw_rows(self.recipe, self._origin, shard)
        return plan


def online(
    source: str | Path,
    epochs: int,
    *,
    recipe: str | Path | Mapping[str, Any] | None = None,
    model: str | Path | None = None,
    n_train: int | None = None,
    size: int | tuple[int, int] | str | None = None,
    colour: Colour = "auto",
    read: Mapping[str, Any] | None = None,
    seed: int | None = None,
    labels: Literal["soft", "hard"] = "soft",
    images: Literal["float", "uint8"] = "float",
) -> OnlineDataset:
    """Vary and mix images anew in every epoch of your own loop, with the draws of a stored set.

    Row r is row r of what ``expand`` stores for the same source, recipe and seed and
    ``factor=epochs``, to the last bit; so training online and on a stored set can be compared row
    by row. Nothing is written.

    Args:
        source: as for ``expand``.
        epochs: how many; the first shows the originals, unless the recipe leaves them out.
        recipe: a recipe file, or what one holds as a mapping, which says all but the factor; None
            is what ``expand`` makes of such images by default. With a ``share`` of 1 in its
            ``[[mix]]`` every row of every epoch is a mixture, of the images as they are (the
            factor is then ``epochs`` + 1, and the first round is for parents alone); with as many
            ``copies`` as epochs each epoch has a round of mixtures beside a round of varied images.
        model: folder of a trained VAE, where ``source`` is none.
        n_train: use only so many images, evenly from the classes.
        size: side, (height, width) or "48x64" in pixels to resize to; None keeps the images' own.
        colour: "grey", "rgb", or "auto" for what they are.
        read: more options by name, such as {"fit": "pad"} or {"labels": "train.csv"}.
        seed: random seed; 0 unless the recipe says otherwise.
        labels: "soft", float32 [K], or "hard", int64: the class of the largest share.
        images: "float", float32 [C, H, W] in [0, 1], or "uint8".

    Raises:
        AugfactoryError: something is wrong with the request or the data; ``RecipeError`` where the
            recipe filters decoded images or labels unlabelled ones, for which a dataset is stored,
            or mixes less than all with ``scope`` "batch" by a share.

    Example:
        >>> from torch.utils.data import DataLoader, Subset
        >>> mixed = {"mix": [{"method": "mixup", "share": 0.5}]}
        >>> rows = augfactory.online("sample", 3, recipe=mixed, n_train=20)
        >>> rows
        OnlineDataset(epochs=3, rows=60, classes=10, shape=(28, 28, 1))
        >>> for epoch in range(3):
        ...     for images, soft_labels in DataLoader(Subset(rows, rows.epoch(epoch)), 10):
        ...         assert images.shape == (10, 1, 28, 28)
    """
    one_of("labels", "kind of labels", labels, ("soft", "hard"))
    one_of("images", "kind of images", images, ("float", "uint8"))
    if epochs < 1:
        raise RecipeError("epochs", f"{epochs} is less than 1", "Give 1 or more.")
    options = ExpandOptions(
        factors=(epochs,),
        originals=None,
        seed=seed,
        format=None,
        geometry=None,
        preset=None,
        vae={},
        copies={},
        mix_from=None,
        recipe=Path(recipe) if isinstance(recipe, str) else recipe,
    )
    request = build_request(
        options,
        spec_read_by(source, size, colour, read, sized=model is not None),
        Path("online"),
        model=None if model is None else Path(model),
        checkpoint=None,
        n_train=n_train,
        workers=1,
    )
    inputs, (build,) = plan_builds(for_epochs(request, epochs), Progress())
    made = build.recipe
    check_made(made)
    held = replace(inputs.source.in_memory(), row_name=str)  # can be sent to a loader's processes
    encoded = None if inputs.model is None else EncodedSource(held, inputs.model)
    return OnlineDataset(
        held, made, encoded, mixed=all_mixed(request), hard=labels == "hard",
        as_uint8=images == "uint8",
    )  # fmt: skip
