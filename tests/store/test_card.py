"""The card says what the manifest holds, in a form that the Hugging Face hub reads."""

import json
from typing import Any

import pytest
from huggingface_hub import DatasetCard

from augfactory.guarded.text import escaped
from augfactory.source_rows import SourceRows
from augfactory.store.documents.card import card
from augfactory.store.documents.croissant import croissant
from augfactory.store.formats.registry import FORMATS
from augfactory.store.manifest import Manifest
from augfactory.store.manifest_parts import About, VersionEntry
from augfactory.store.statistics import LabelStatistics, Statistics

FINGERPRINT, WEIGHTS = "f" * 64, "e" * 64
STATISTICS = Statistics(
    pixel_mean=[0.1307, 0.2, 0.3],
    pixel_deviation=[0.3081, 0.25, 0.125],
    repeats=7,
    labels={
        "mixup": LabelStatistics(mixed=1_990, largest_share=0.8125),
        "original": LabelStatistics(mixed=0, largest_share=1.0),
        "vae": LabelStatistics(mixed=0, largest_share=1.0),
    },
)
TRAINED_ON = {"text": "parts:train", "split": "train", "size": None, "colour": "auto"}
MODEL = {
    "folder": "/home/someone/models/digits",
    "sha256": WEIGHTS,
    "architecture": "conditional",
    "trained_on": {**TRAINED_ON, "fingerprint": FINGERPRINT, "rows": [0, 1]},
}


def source(**changes: Any) -> SourceRows:
    values: dict[str, Any] = {
        "text": "/home/someone/leaves:train",
        "split": "train",
        "size": None,
        "colour": "auto",
        "fingerprint": FINGERPRINT,
        "rows": [4, 5, 6, 9],
    }
    return SourceRows(**{**values, **changes})


def manifest(storage: str = "hdf5", **changes: Any) -> Manifest:
    values: dict[str, Any] = {
        "schema_version": 1,
        "name": "leaves-x10",
        "version": "v2",
        "rows": 4_104,
        "class_names": ["ash", "oak | elm"],
        "image_shape": (28, 32, 3),
        "recipe": {"factor": 10, "seed": 3, "format": storage},
        "recipe_id": "a" * 64,
        "versions": {},
        "source": source(),
        "model": None,
        "files": [],
        "content_hash": "c" * 64,
        "counts": {
            "mixup": {"ash": 2_000},
            "original": {"ash": 50, "oak | elm": 54},
            "vae": {"ash": 1_000, "oak | elm": 1_000},
        },
        "libraries": {},
        "created": "2026-01-01T00:00:00Z",
        "seconds": 1.5,
        "statistics": STATISTICS,
    }
    return Manifest(**{**values, **changes})


def plain(text: str) -> str:
    """Return the text without its line breaks."""
    return " ".join(text.split())


@pytest.mark.parametrize("storage", FORMATS)
def test_the_front_matter_is_that_of_a_hub_card(storage: str) -> None:
    data = DatasetCard(card(manifest(storage))).data.to_dict()
    assert data == {
        "pretty_name": "leaves-x10, v2",
        "license": "other",
        "license_name": "as-the-source",
        "task_categories": ["image-classification"],
        "task_ids": ["multi-class-image-classification"],
        "size_categories": ["1K<n<10K"],
        "source_datasets": ["extended"],
        "annotations_creators": ["machine-generated"],
        "tags": ["synthetic", "data-augmentation", "soft-labels", "augfactory"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": FORMATS[storage].data_files}],
            }
        ],
    }


def test_a_name_with_signs_of_yaml_stays_a_name() -> None:
    name = 'a: "b" #c 狗'
    assert DatasetCard(card(manifest(name=name))).data["pretty_name"] == f"{name}, v2"


@pytest.mark.parametrize(
    ("rows", "category"),
    [(999, "n<1K"), (1_000, "1K<n<10K"), (25_000, "10K<n<100K"), (10**7, "10M<n<100M")],
)
def test_size_categories_are_those_of_the_hub(rows: int, category: str) -> None:
    assert DatasetCard(card(manifest(rows=rows))).data["size_categories"] == [category]


def test_counts_of_every_method_and_class() -> None:
    lines = card(manifest()).splitlines()
    assert "| class | mixup | original | vae | all |" in lines
    assert "| ash | 2,000 | 50 | 1,000 | 3,050 |" in lines
    assert r"| oak \| elm | 0 | 54 | 1,000 | 1,054 |" in lines
    assert "| all | 2,000 | 104 | 2,000 | 4,104 |" in lines


def test_figures_and_how_to_get_the_costly_ones() -> None:
    text = plain(card(manifest()))
    mixup = "blend two or more whole images, and their labels in the same shares"
    assert f"| mixup | {mixup} | 2,000 | 1,990 | 0.812 |" in text
    assert "mean 0.1307, 0.2000, 0.3000, standard deviation 0.3081, 0.2500, 0.1250." in text
    assert "pixels and label: 7." in text
    assert "`augfactory info leaves-x10@v2 --quality`" in text
    assert "`augfactory evaluate leaves-x10@v2 --test SOURCE:test`" in text


def test_a_manifest_of_before_statistics_has_a_card_too() -> None:
    text = card(manifest(statistics=None))
    assert "| 2,000 | - | - |" in text
    assert "standard deviation" not in text


def test_source_rows_model_and_recipe_are_told_without_paths() -> None:
    text = plain(card(manifest(model=MODEL, source=source(size=(28, 32), colour="rgb"))))
    assert "Source: `leaves:train`, the train split; 4 of its images, numbers 4–6, 9." in text
    assert f"fingerprint `{FINGERPRINT}`. Images were converted to 28×32 pixels and to rgb." in text
    assert "autoencoder `conditional`, trained on the same images" in text
    assert f"its weights is `{WEIGHTS}`" in text
    assert '{ "factor": 10, "seed": 3, "format": "hdf5" }' in text
    assert "someone" not in text


def test_who_took_part_is_told() -> None:
    assert "No trained model made an image." in plain(card(manifest(model=None)))
    assert "Classifiers that learned" not in plain(card(manifest(model=None)))
    labelled = plain(card(manifest(model=None, unlabelled=source())))
    assert "Classifiers that learned from the labelled images labelled the others." in labelled


def test_many_stretches_of_source_rows_are_left_to_the_manifest() -> None:
    text = plain(card(manifest(source=source(rows=[*range(0, 3_000, 2)]))))
    assert (
        "numbers 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38" in text
    )
    assert "38 and others: `manifest.json` lists all." in text
    text = plain(card(manifest(source=source(rows=[*range(3_000)]))))
    assert "3,000 of its images, numbers 0–2,999." in text


def test_a_model_of_other_images_is_told() -> None:
    trained_on = {**TRAINED_ON, "fingerprint": "0" * 64, "rows": [1, 2, 3]}
    other = {**MODEL, "trained_on": trained_on}
    assert "trained on 3 images" in plain(card(manifest(model=other)))


def test_limits_come_with_what_they_are_limits_of() -> None:
    text = plain(card(manifest()))
    assert "All of it derives from 4 images." in text
    assert "fine detail is lost" in text
    assert "The licence is that of the source" in text
    assert "fine detail" not in card(manifest(counts={"original": {"ash": 4}}, statistics=None))


def test_a_set_without_originals_and_an_export_say_so() -> None:
    text = plain(card(manifest(counts={"vae": {"ash": 4_104}})))
    assert "4,104 images made from 4 originals, which are not among them" in text
    origin = VersionEntry(name="leaves-x10", version="v1", content_hash="c" * 64)
    text = plain(card(manifest(exported_from=origin)))
    assert "104 originals and 4,000 images made from them" in text
    assert "Exported from leaves-x10@v1" in text


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("sample", "sample"),
        ("torchvision:MNIST:train", "torchvision:MNIST:train"),
        ("a/b/leaves/", "leaves"),
        ("/data/digits-x10/v3", "digits-x10/v3"),
        ("data/digits-x10@v3", "digits-x10@v3"),
        (".", "."),
    ],
)
def test_a_source_is_called_by_the_end_of_its_path(text: str, title: str) -> None:
    assert source(text=text).title == title


FOOLING = "a\u202eb\u2066"


def test_what_could_fool_a_reader_comes_as_escapes() -> None:
    odd: dict[str, Any] = {
        "name": FOOLING,
        "class_names": [FOOLING, "ok"],
        "counts": {"original": {FOOLING: 4_000, "ok": 104}},
        "source": source(text=f"{FOOLING}\x1b[2J\x85\u2028\n# A heading`:train"),
        "exported_from": VersionEntry(name=FOOLING, version="v1", content_hash="c" * 64),
    }
    text = card(manifest(**odd))
    assert not [letter for letter in text if letter != "\n" and escaped(letter) != letter]
    assert r"| a\\u202eb\\u2066 | 4,000 |" in text
    assert r"a\u202eb\u2066\x1b[2J\x85\u2028\x0a# A heading':train`" in plain(text)
    assert not [line for line in text.splitlines() if line.startswith("# A heading")]
    assert DatasetCard(text).data.to_dict()["pretty_name"] == f"{FOOLING}, v2"


@pytest.mark.parametrize(
    ("licence", "front", "named"),
    [("CC-BY-4.0", "cc-by-4.0", None), ("ours: for study", "other", "ours: for study")],
)
def test_what_the_maker_says_is_in_card_and_croissant(
    licence: str, front: str, named: str | None
) -> None:
    about = About(licence=licence, description="Leaves of *one* wood.", author="A. Botanist")
    told = manifest(about=about)
    text = card(told)
    data = DatasetCard(text).data
    assert (data.license, getattr(data, "license_name", None)) == (front, named)
    assert "Leaves of *one* wood." in text
    assert f"licence as {licence}. A. Botanist answers" in text.replace("\n  ", " ")
    described = json.loads(croissant(told))
    assert described["license"] == licence
    assert described["creator"]["name"] == "A. Botanist"
    assert described["description"].startswith("Leaves of *one* wood.")
