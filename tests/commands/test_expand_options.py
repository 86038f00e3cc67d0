"""Options and a recipe file become a request; what contradicts or is out of range is refused."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augfactory.commands.expand.defaults import replaced
from augfactory.commands.expand.options import ExpandOptions, build_request
from augfactory.commands.expand.request import ExpandRequest
from augfactory.errors import RecipeError
from augfactory.keyed_random import generator
from augfactory.pipeline.recipes.stages import geometry_stage
from augfactory.records import SourceSpec
from augfactory.sources.parsing.arrays import source_of_arrays


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a recipe that steers a VAE and a folder that looks like a model."""
    (tmp_path / "r.toml").write_text("[vae]\nsampler = 'posterior'\n")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(
    *, source: str = "photos", model: str | None = None, checkpoint: str | None = None, **said: Any
) -> ExpandRequest:
    """Return the request of the flags ``said``, all others silent."""
    silent: dict[str, Any] = dict.fromkeys(
        ("originals", "seed", "format", "geometry", "preset", "mix_from", "recipe")
    )
    flags = ExpandOptions(
        **{"factors": (2,), "vae": {}, "copies": {}, **silent, **said},
    )
    return build_request(
        flags,
        SourceSpec(source),
        Path("out"),
        model=Path(model) if model else None,
        checkpoint=checkpoint,
        n_train=None,
        workers=1,
    )


STEERING: list[tuple[dict[str, Any], str]] = [
    ({"vae": {"sampler": "posterior"}}, "--sampler"),
    ({"vae": {"share": 0.5}}, "--share"),
    ({"vae": {"decode": "residual"}}, "--decode"),
    ({"vae": {"temperature": 2.0}}, "--temperature"),
    ({"vae": {"reach": 0.0}}, "--reach"),
    ({"checkpoint": "loss-120"}, "--checkpoint"),
    ({"recipe": Path("r.toml")}, r"\[vae\] of r.toml"),
]


@pytest.mark.parametrize(("said", "where"), STEERING)
def test_what_steers_a_model_is_refused_where_there_is_none(
    said: dict[str, Any], where: str
) -> None:
    words = (
        rf"^{where}: .*there is no model: photos is not a MODEL_DIR.*\n.*--model.*leave {where} out"
    )
    with pytest.raises(RecipeError, match=words):
        asked(**said)


@pytest.mark.parametrize(("said", "where"), STEERING)
@pytest.mark.parametrize("model", [{"source": "model"}, {"model": "model"}])
def test_what_steers_a_model_is_taken_where_there_is_one(
    said: dict[str, Any], where: str, model: dict[str, str]
) -> None:
    del where
    request = asked(**said, **model)
    assert request.checkpoint == said.get("checkpoint")
    wanted = {"sampler": "posterior"} if "recipe" in said else said.get("vae", {})
    assert request.vae == wanted


def test_nothing_said_of_a_model_needs_none(place: Path) -> None:
    (place / "r.toml").write_text("factor = 3\n[geometry]\nrotation = 2.0\n")
    assert asked(factors=(), recipe=Path("r.toml")).factors == (3,)


@pytest.mark.parametrize("factor", [0, -3, 100_001])
def test_a_factor_out_of_range_is_refused(place: Path, factor: int) -> None:
    words = rf"factor: must be .* than or equal to .*, got {factor}\n.*(1 or more|100000 or less)"
    with pytest.raises(RecipeError, match=f"^--{words}"):
        asked(factors=(2, factor))
    (place / "r.toml").write_text(f"factor = {factor}\n")
    with pytest.raises(RecipeError, match=f"^r.toml: {words}"):
        asked(factors=(), recipe=Path("r.toml"))


def large(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**30)


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (os.mkfifo, "it is a FIFO, not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a file"),
        (lambda path: path.mkdir(), "it is a folder, not a file"),
        (lambda path: path.write_bytes(b"factor = 2 # \xff"), "not UTF-8 text"),
        (large, "1,073,741,824 bytes"),
        (Path.resolve, "No such file"),
        (
            lambda path: path.write_text("seed = -1"),
            "seed: must be greater than",
        ),
    ],
)
def test_what_is_no_recipe_file_is_told_and_never_waited_for(
    place: Path, write: Callable[[Path], object], told: str
) -> None:
    path = place / "odd.toml"
    write(path)
    with pytest.raises(RecipeError) as caught:
        asked(recipe=path)
    assert caught.value.where.startswith(str(path))
    assert told in str(caught.value)
    assert "Errno" not in str(caught.value)


def test_a_missing_factor_is_asked_for() -> None:
    with pytest.raises(RecipeError, match=r"^--factor: is missing.*\n.*Add --factor 50"):
        asked(factors=())


def test_what_is_mixed_is_refused_where_nothing_is() -> None:
    with pytest.raises(RecipeError, match=r"--mix-from: .*no option such as --mixup"):
        asked(mix_from="originals")
    (stage,) = asked(mix_from="originals", copies={"mixup": 1}).mix or ()
    assert stage.source == "originals"


def test_a_share_in_a_recipe_is_one_of_the_further_images(place: Path) -> None:
    (place / "r.toml").write_text("[[mix]]\nmethod = 'ricap'\nshare = 0.25\n")
    (stage,) = asked(recipe=Path("r.toml")).mix or ()
    assert (stage.method, stage.share, stage.copies) == ("ricap", 0.25, 0)
    for keys, words in (
        ("copies = 2\nshare = 0.5", "share: says how many of the further images"),
        ("share = 0", "share: must be greater than 0, got 0"),
        ("share = 1.5", "share: must be less than or equal to 1, got 1.5"),
        ("share = 'half'", "must be a number"),
        ("", "key 'copies' is missing"),
    ):
        (place / "r.toml").write_text(f"[[mix]]\nmethod = 'ricap'\n{keys}\n")
        with pytest.raises(RecipeError, match=words):
            asked(recipe=Path("r.toml"))


def test_what_varies_images_further_is_taken_in_order_and_none_means_nothing(place: Path) -> None:
    assert asked().vary is None, "nothing is said: the images decide"
    assert asked(vary=("none",)).vary == ()
    said = asked(vary=("stroke", "erasing")).vary
    assert said is not None
    assert [stage.method for stage in said] == ["stroke", "erasing"]
    (place / "v.toml").write_text("[[vary]]\nmethod = 'jitter'\nshare = 0.5\n")
    (stage,) = asked(recipe=place / "v.toml").vary or ()
    assert (stage.method, stage.share) == ("jitter", 0.5)
    assert asked(recipe=place / "r.toml", model="model").vary == (), "a recipe says all there is"


@pytest.mark.parametrize(
    ("vary", "recipe", "where", "what"),
    [
        (("strok",), None, "--vary strok", "no method 'strok'"),
        (("mixup",), None, "--vary mixup", "no method 'mixup'"),
        (("none", "stroke"), None, "--vary none", "means nothing else"),
        (("stroke",), {"vary": [{"method": "jitter"}]}, "--vary", "stages of its own"),
    ],
)
def test_what_cannot_vary_images_is_refused(
    vary: tuple[str, ...], recipe: dict[str, Any] | None, where: str, what: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        asked(vary=vary, recipe=recipe)
    assert caught.value.where == where
    assert what in caught.value.what


NO_VARY, NO_MIX = ("r, which has no [[vary]],", "r, which has no [[mix]],")


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({}, {}),
        ({"copies": {"mixup": None, "cutmix": None}}, {}),
        ({"vary": ("none",), "copies": {"mixup": 0}}, {}),  # meant so
        ({"vary": ("randaugment", "erasing")}, {}),  # what the default does is there
        ({"vary": ("erasing", "crop")}, {"vary": "--vary erasing"}),
        ({"copies": {"mixup": None, "cutmix": 5}}, {"mix": "--cutmix"}),
        ({"recipe": {"format": "png"}}, {"vary": NO_VARY, "mix": NO_MIX}),
        ({"recipe": {"vary": [{"method": "crop"}]}}, {"mix": NO_MIX}),
        ({"recipe": {"mix": [{"method": "ricap", "copies": 1}]}}, {"vary": NO_VARY}),
        ({"recipe": {}, "vary": ("none",), "copies": {"mixup": 0}}, {}),
        ({"recipe": {}, "copies": {"ricap": 2}}, {"vary": NO_VARY, "mix": "--ricap"}),
    ],
)
def test_what_takes_the_place_of_a_default_is_named(
    said: dict[str, Any], named: dict[str, str]
) -> None:
    found = asked(**said).in_place
    assert {key: text.replace("the recipe", "r") for key, text in found.items()} == named


def test_that_it_does_is_told_where_there_is_such_a_default() -> None:
    rng = generator("leaves")
    images = rng.integers(0, 256, (12, 24, 20, 3), dtype=np.uint8)
    source = source_of_arrays(
        name="leaves", split=None, class_names=("ash", "oak"), images=images,
        labels=np.arange(12) % 2, row_name=str,
    )  # fmt: skip
    by = {"vary": "--vary erasing", "mix": "--cutmix"}

    def notes(preset: str, by: dict[str, str]) -> list[str]:
        geometry = geometry_stage("test", {"preset": preset})
        return list(replaced(by, source, geometry, unlabelled=False))

    changed, mixed = notes("photo", by)
    assert changed == (
        "note: --vary erasing takes the place of the default: images are not changed three times "
        "by RandAugment"
    )
    assert mixed.startswith("note: --cutmix takes the place of the default, by which up to half")
    assert notes("photo", {}) == []
    assert notes("texture", by) == []  # nothing of the kind is its default
    assert list(replaced(by, source, None, unlabelled=False)) == []
    photo = geometry_stage("test", {"preset": "photo"})
    # With unlabelled images the default mixes nothing either.
    assert list(replaced(by, source, photo, unlabelled=True)) == [changed]
