"""`augfactory.online` makes, row for row, what `expand` stores."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch.utils.data import DataLoader, Subset

import augfactory
from augfactory.commands.versions.info import as_text, info
from augfactory.errors import RecipeError

RECIPES: dict[str, dict[str, Any]] = {
    "geometry": {},
    "share of mixup": {"mix": [{"method": "mixup", "share": 0.5}], "distinct": True},
    "ricap of expanded, augmix": {
        "mix": [{"method": "ricap", "copies": 3}, {"method": "augmix", "copies": 2}]
    },
    "no originals": {"originals": False, "geometry": {"preset": "photo"}},
}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    path = tmp_path / "photos.npz"
    image = random.integers(0, 256, (45, 14, 11, 3), dtype=np.uint8)
    np.savez(path, image=image, label=np.arange(45) % 3)
    return path


@pytest.mark.parametrize("name", RECIPES)
def test_rows_are_those_of_the_stored_set(name: str, photos: Path, tmp_path: Path) -> None:
    recipe = RECIPES[name]
    stored = augfactory.expand(photos, tmp_path / "set", factor=4, recipe=recipe, seed=5, workers=1)
    images, labels = augfactory.load(str(stored.path)).read_batch(range(stored.rows))
    online = augfactory.online(photos, 4, recipe=recipe, seed=5)
    assert len(online) == stored.rows
    order = np.random.default_rng(1).permutation(stored.rows)
    for rows in (order[:50], order[50:]):
        made, soft = online.read_batch(rows)
        assert np.array_equal(made, images[rows])
        assert np.array_equal(soft, labels[rows])


def test_decoded_rows_are_those_of_the_stored_set(tmp_path: Path) -> None:
    model = tmp_path / "model"
    augfactory.train_vae("sample", model, n_train=20, steps=2, verdict=False)
    recipe = {"vae": {"share": 0.5}}
    stored = augfactory.expand(model, tmp_path / "set", factor=4, recipe=recipe, workers=1)
    images, _ = augfactory.load(str(stored.path), images="uint8").read_batch(range(stored.rows))
    online = augfactory.online(model, 4, recipe=recipe, images="uint8")
    rows = np.arange(stored.rows)[::-3]
    assert np.array_equal(online.read_batch(rows)[0], images[rows.copy()])
    with pytest.raises(RecipeError, match="cannot be made online"):
        augfactory.online(model, 4, recipe={"vae": {"share": 0.5, "filter": True}})


def test_epochs_hold_every_row_once_and_each_original_once_an_epoch(photos: Path) -> None:
    recipe = {"mix": [{"method": "mixup", "copies": 3}]}
    online = augfactory.online(photos, 3, recipe=recipe)
    epochs = [online.epoch(number) for number in range(3)]
    assert sorted(np.concatenate(epochs).tolist()) == list(range(len(online)))
    for rows in epochs:
        assert sorted((rows % 45).tolist()) == sorted(2 * list(range(45)))
    originals = np.sort(epochs[0])[:45]
    stored = np.load(photos)["image"]
    made = (online.read_batch(originals)[0].permute(0, 2, 3, 1).numpy() * 255).round()
    assert np.array_equal(made, stored)
    with pytest.raises(IndexError, match="epochs go from 0 to 2"):
        online.epoch(3)


@pytest.mark.parametrize("epochs", [1, 2, 7, 40])
@pytest.mark.parametrize("originals", [True, False])
@pytest.mark.parametrize(
    "mix",
    [
        None,
        [{"method": "mixup", "share": 0.5}],
        [{"method": "mixup", "share": 0.3}, {"method": "cutmix", "share": 0.2}],
        [{"method": "mixup", "share": 0.5}, {"method": "cutmix", "copies": 3}],
    ],
)
def test_epochs_of_rows_mixed_by_a_share_are_as_long_as_any_other(
    photos: Path, epochs: int, originals: bool, mix: list[dict[str, object]] | None
) -> None:
    recipe: dict[str, object] = {"originals": originals}
    if mix is not None:
        recipe["mix"] = mix
    online = augfactory.online(photos, epochs, recipe=recipe)
    found = [online.epoch(number) for number in range(epochs)]
    # Every row once; in an epoch one of each original, beside what is added by copies.
    assert sorted(np.concatenate(found).tolist()) == list(range(len(online)))
    copies = sum(stage.copies for stage in online.recipe.mix if stage.share is None)
    for number, rows in enumerate(found):
        added = len(range(number, copies, epochs))
        assert sorted((rows % 45).tolist()) == sorted((1 + added) * list(range(45)))
    if originals:
        assert set(range(45)) <= set(found[0].tolist())


ALL_MIXED: list[list[dict[str, Any]]] = [
    [{"method": "mixup", "share": 1.0}],
    [{"method": "mixup", "share": 0.5}, {"method": "cutmix", "share": 0.5}],
    [{"method": "mixup", "share": 1.0}, {"method": "cutmix", "copies": 3}],
]


@pytest.mark.parametrize("epochs", [1, 2, 7])
@pytest.mark.parametrize("originals", [True, False])
@pytest.mark.parametrize("mix", ALL_MIXED)
def test_shares_that_make_up_one_mix_every_row_of_every_epoch(
    photos: Path, epochs: int, originals: bool, mix: list[dict[str, Any]]
) -> None:
    online = augfactory.online(photos, epochs, recipe={"mix": mix, "originals": originals})
    assert online.epochs == epochs
    found = [online.epoch(number) for number in range(epochs)]
    copies = sum(stage.get("copies", 0) for stage in mix)
    for number, rows in enumerate(found):
        added = len(range(number, copies, epochs))
        assert sorted((rows % 45).tolist()) == sorted((1 + added) * list(range(45)))
        _, labels = online.read_batch(rows)
        assert (labels.max(dim=1).values < 1).float().mean() > 0.3  # some partners are of the class
    # Every row once but those of the first round, which are for parents alone.
    assert sorted(np.concatenate(found).tolist()) == list(range(45, len(online)))


def test_what_is_mixed_alone_is_the_stored_set_of_a_factor_more(
    photos: Path, tmp_path: Path
) -> None:
    recipe = {"geometry": False, "mix": [{"method": "mixup", "share": 1.0, "alpha": 1.0}]}
    online = augfactory.online(photos, 3, recipe=recipe, seed=2)
    images, labels = online.read_batch(range(len(online)))
    for factor in (3, 4):
        out = tmp_path / "set"
        stored = augfactory.expand(photos, out, factor=factor, recipe=recipe, seed=2, workers=1)
        assert stored.rows == factor * 45
        kept, soft = augfactory.load(str(stored.path)).read_batch(range(stored.rows))
        assert np.array_equal(images[: stored.rows], kept)
        assert np.array_equal(labels[: stored.rows], soft)
    assert len(online) == 4 * 45
    other = augfactory.online(photos, 3, recipe={**recipe, "originals": False}, seed=2)
    assert np.array_equal(other.read_batch(range(len(other)))[0], images)


@pytest.mark.parametrize(
    "mix", [[{"method": "mixup", "share": 0.9}], [{"method": "mixup", "copies": 3}]]
)
def test_what_is_not_mixed_needs_something_that_varies_it(
    photos: Path, mix: list[dict[str, Any]]
) -> None:
    with pytest.raises(RecipeError, match=r"(?s)nothing to make images with.*share = 1\.0"):
        augfactory.online(photos, 3, recipe={"geometry": False, "mix": mix})


def test_every_epoch_after_the_first_mixes_its_share_in_the_order_of_rounds(photos: Path) -> None:
    online = augfactory.online(photos, 41, recipe={"mix": [{"method": "mixup", "share": 0.5}]})
    begin = online._sections[1].start
    mixed = [(online.epoch(number) >= begin).mean() for number in range(1, 41)]
    assert min(mixed) > 0.25  # of 45 images, three standard errors below a half
    assert max(mixed) < 0.75
    for original in (0, 17, 44):
        rows = [int(own[own % 45 == original][0]) for own in map(online.epoch, range(41))]
        for own in ([row for row in rows if row < begin], [row for row in rows if row >= begin]):
            assert own == sorted(own)


def test_loaders_with_and_without_processes_serve_the_same(photos: Path) -> None:
    online = augfactory.online(photos, 2, labels="hard")
    rows = Subset(online, online.epoch(1).tolist())
    one, two = (
        [(images.numpy(), labels.numpy()) for images, labels in loader]
        for loader in (
            DataLoader(rows, 16),
            DataLoader(rows, 16, num_workers=1, multiprocessing_context="spawn"),
        )
    )
    assert [len(labels) for _, labels in one] == [16, 16, 13]
    for (images, labels), (others, other_labels) in zip(one, two, strict=True):
        assert np.array_equal(images, others)
        assert np.array_equal(labels, other_labels)


def test_how_rows_are_made_is_said_as_info_says_it(photos: Path, tmp_path: Path) -> None:
    stored = augfactory.expand(photos, tmp_path / "s", factor=4, preset="photo", workers=1)
    words = augfactory.online(photos, 4, recipe=None).in_words
    assert f"made      {words}" in as_text(*info(str(stored.path)))
    assert "randaugment" in words
    assert "randaugment" not in augfactory.online(photos, 4, recipe={"mix": []}).in_words


def test_what_is_not_there_is_refused(photos: Path) -> None:
    with pytest.raises(RecipeError, match="kind of labels"):
        augfactory.online(photos, 2, labels="soggy")  # type: ignore[arg-type]
    with pytest.raises(IndexError, match="rows go from 0"):
        augfactory.online(photos, 2).read_batch([90])
