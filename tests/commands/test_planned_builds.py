"""What a build is planned as: defaults with and without a model, the model's own preset, flags."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.expand.classes import ClassRule
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest, plan_builds
from augfactory.commands.opening.notes import MEASURED_FEW, few_mixed_rows
from augfactory.commands.progress import Progress
from augfactory.commands.tune.space import candidates
from augfactory.commands.vae.plan import VaeTrainRequest
from augfactory.commands.vae.train import vae_train
from augfactory.errors import RecipeError
from augfactory.pipeline.recipes import composition
from augfactory.pipeline.recipes.composition import (
    Variation,
    default_mix,
    default_variation,
    large_factor,
)
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.records import SourceSpec
from augfactory.sources.opening import open_source
from augfactory.store.manifest import read_manifest
from augfactory.store.reader import open_version
from augfactory.store.versions import find_version
from tests.commands.told import Told
from tests.commands.versions import write_source
from tests.sources.written import noise

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source of 12 coloured images in three classes, and models trained in three ways."""
    folder = tmp_path_factory.mktemp("builds")
    spec = write_source(folder / "s.h5", noise(12, 16, 21, 3), np.arange(12) % 3, NAMES)
    ways: dict[str, dict[str, Any]] = {
        "plain": {},
        "texture": {"preset": "texture"},
        "unvaried": {"geometry": False},
        "blind": {"architecture": "keras-mnist"},
    }
    for name, more in ways.items():
        vae_train(VaeTrainRequest(spec, folder / name, steps=2, verdict=False, **more), Progress())
    return folder


def order_of(place: Path, source: str, **more: Any) -> Recipe:
    request = ExpandRequest(SourceSpec(str(place / source)), place / "d", (9,), **more)
    _, (build,) = plan_builds(request, Progress())
    return build.recipe


def test_the_default_with_a_model_and_without(place: Path) -> None:
    recipe = order_of(place, "plain")
    assert recipe.vae is not None
    assert 0 < recipe.vae.share < 1
    assert recipe.vae.decode == "residual"
    assert [(stage.method, stage.share) for stage in recipe.mix] == [("mixup", 0.5)]
    without = order_of(place, "s.h5")
    assert without.vae is None
    assert without.mix == recipe.mix
    assert without.geometry == recipe.geometry


def test_the_preset_is_what_is_asked_for_else_the_models(place: Path) -> None:
    def preset(source: str, **more: Any) -> str:
        geometry = order_of(place, source, **more).geometry
        assert geometry is not None
        return str(geometry.parameters["preset"])

    assert preset("s.h5") == preset("plain") == "photo"
    assert preset("texture") == "texture"
    assert preset("texture", geometry={"preset": "clothes"}) == "clothes"


def test_a_model_that_knows_no_varied_images_is_given_none(place: Path) -> None:
    recipe = order_of(place, "unvaried")
    assert recipe.vae is not None
    assert not recipe.vae.varied
    assert recipe.geometry is not None
    (made,) = expand(
        ExpandRequest(SourceSpec(str(place / "unvaried")), place / "u", (9,)), Progress()
    )
    version = open_version(made.path)
    whole = {name: sum(each.values()) for name, each in read_manifest(made.path).counts.items()}
    assert whole == {"original": 12, "geometry": 36, "vae": 12, "mixup": 48}

    # Its decoded images of one original differ by the move in the latent space alone.
    still = ExpandRequest(
        SourceSpec(str(place / "unvaried")),
        place / "still",
        (9,),
        vary=(),
        vae={"share": 1, "reach": 0, "temperature": 0},
    )
    (made,) = expand(still, Progress())
    version = open_version(made.path)
    decoded = version.source.read_images(np.flatnonzero(version.methods == "vae"))
    for image in range(12):
        rows = decoded[image::12]
        assert (rows == rows[0]).all()


@pytest.mark.parametrize(
    ("source", "more", "words"),
    [
        ("unvaried", {}, "recipe.vae.varied"),
        ("unvaried", {"geometry": None}, None),
        ("unvaried", {"factors": (1,)}, None),
        ("blind", {}, "keras-mnist, is not given the class"),
        ("blind", {"vae": {"sampler": "posterior"}}, None),
        ("plain", {}, None),
        ("unvaried", {"factors": (), "classes": ClassRule(per_class=9)}, "recipe.vae.varied"),
    ],
)
def test_what_a_model_does_not_know_is_said(
    place: Path, source: str, more: dict[str, Any], words: str | None
) -> None:
    said = Told()
    asked = {"factors": (9,), **more}
    plan_builds(ExpandRequest(SourceSpec(str(place / source)), place / "d", **asked), said)
    told = [line for line in said.lines if "recipe.vae.varied" in line or "given the class" in line]
    assert len(told) == (words is not None)
    assert words is None or words in told[0]


@pytest.mark.parametrize(("alpha", "told"), [(0.0, True), (1000.0, False)])
def test_rows_that_repeat_others_are_told(place: Path, alpha: float, told: bool) -> None:
    """At alpha 0 a mixture is its first image."""
    said = Told()
    mix = (mix_stage("test", "mixup", 2, "originals", {"alpha": alpha}),)
    asked = ExpandRequest(SourceSpec(str(place / "s.h5")), place / "r", (1,), mix=mix, vary=())
    (made,) = expand(asked, said)
    repeats = [line for line in said.lines if "equal an earlier one" in line]
    assert len(repeats) == told
    if told:
        assert f"of {made.rows} rows" in repeats[0]
        assert "distinct = true" in repeats[0]


def test_without_geometry_all_is_decoded(place: Path) -> None:
    recipe = order_of(place, "plain", geometry=None)
    assert recipe.vae is not None
    assert (recipe.vae.share, recipe.mix, recipe.geometry) == (1, (), None)
    with pytest.raises(RecipeError, match="nothing makes the others"):
        order_of(place, "plain", geometry=None, vae={"share": 0.5})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("expand", "s.h5", "--factor", "2", "--preset", "cloths"), "Did you mean 'clothes'"),
        (("expand", "s.h5", "--factor", "2", "--preset", "photo", "--no-geometry"), "--preset"),
        (("expand", "plain", "--factor", "2", "--decode", "resid"), "Did you mean 'residual'"),
        (
            ("expand", "plain", "--factor", "2", "--share", "2"),
            "--share: must be less than",
        ),
        (("vae-train", "s.h5", "--preset", "foto"), "Did you mean 'photo'"),
        (("vae-train", "s.h5", "--preset", "photo", "--no-geometry"), "--preset"),
    ],
)
def test_wrong_flags_are_told(
    place: Path, arguments: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    done = CliRunner().invoke(app, [*arguments, "--out", "x"])
    assert done.exit_code == 2
    assert words in done.stderr
    assert not list(place.glob("x*"))


def test_flags_reach_the_recipe(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    line = ["expand", "plain", "--factor", "3", "--out", "f", "--share", "0.5", "--decode"]
    done = CliRunner().invoke(app, [*line, "residual", "--preset", "clothes"])
    assert done.exit_code == 0, done.output
    recipe = read_manifest(place / "f-x3/v1").recipe
    assert recipe["vae"]["share"] == 0.5
    assert recipe["vae"]["decode"] == "residual"
    assert recipe["geometry"]["parameters"]["preset"] == "clothes"
    assert [(stage["method"], stage["share"]) for stage in recipe["mix"]] == [("mixup", 0.5)]


@pytest.mark.parametrize(
    ("decode", "how", "look"),
    [
        ("full", "decode a code near that of a source image", "fine detail is lost"),
        ("residual", "add to a source image what a move near its code changes", "keep the detail"),
    ],
)
def test_the_card_says_how_decoded_rows_are_made(
    place: Path, decode: str, how: str, look: str
) -> None:
    request = ExpandRequest(
        SourceSpec(str(place / "plain")), place / f"card-{decode}", (3,), vae={"decode": decode}
    )
    (made,) = expand(request, Progress())
    card = " ".join((made.path / "README.md").read_text(encoding="utf-8").split())
    assert how in card
    assert look in card


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("s.h5", "varied as photo: they are in colour"),
        ("texture", "varied as texture, since the model was trained so"),
    ],
)
def test_the_preset_that_is_taken_is_said(
    place: Path, source: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    line = ["expand", source, "--factor", "2", "--dry-run", "--out", "dry"]
    assert said in CliRunner().invoke(app, line).stderr
    asked = CliRunner().invoke(app, [*line, "--preset", "clothes"])
    assert "varied as" not in asked.stderr


@pytest.mark.parametrize(
    ("option", "asked"),
    [
        ("--n-train", ["--n-train", "10"]),
        ("--size", ["--size", "12"]),
        ("--grey", ["--grey"]),
        ("--rgb", ["--rgb"]),
    ],
)
def test_a_model_has_its_own_rows_of_one_size_and_colour(
    place: Path, tmp_path: Path, option: str, asked: list[str]
) -> None:
    model, out = place / "plain", str(tmp_path / "d")
    told = CliRunner().invoke(app, ["expand", str(model), "--factor", "2", "--out", out, *asked])
    assert told.exit_code == 2
    assert f"{option}: {model} is a model, which has its own" in told.stderr


def counts_of(place: Path, *asked: str) -> tuple[dict[str, int], str]:
    """Return the rows of each method that would be made, and what was said."""
    command = ["expand", str(place / "s.h5"), "--out", str(place / "dry"), *asked]
    told = CliRunner().invoke(app, [*command, "--dry-run", "--json"])
    assert told.exit_code == 0, told.stderr
    (estimate,) = json.loads(told.stdout)["datasets"]
    return estimate["counts"], told.stderr


@pytest.mark.parametrize("preset", ["clothes", "photo"])
def test_clothes_and_photographs_are_mixed_unless_something_is_said_of_mixing(
    place: Path, tmp_path: Path, preset: str
) -> None:
    clothes = ("--factor", "11", "--preset", preset)
    counts, said = counts_of(place, *clothes)
    assert counts == {"original": 12, "geometry": 60, "mixup": 60}
    assert "--mixup 0 leaves them out" in said
    few = f"132 rows are few for {MEASURED_FEW[preset]}. Here take --factor 250, or vary them"
    assert few in said
    plain = {"original": 12, "geometry": 120}
    counts, said = counts_of(place, *clothes, "--mixup", "0")
    assert counts == plain
    assert "--mixup 0" not in said
    assert counts_of(place, *clothes, "--mixup", "2")[0] == {**plain, "mixup": 24}
    assert counts_of(place, *clothes, "--no-originals")[0] == {"geometry": 72, "mixup": 60}
    assert counts_of(place, "--factor", "11", "--preset", "texture")[0] == plain
    (tmp_path / "r.toml").write_text(f'factor = 11\n[geometry]\npreset = "{preset}"\n')
    assert counts_of(place, "--recipe", str(tmp_path / "r.toml"))[0] == plain
    (tmp_path / "m.toml").write_text('factor = 11\n[[mix]]\nmethod = "ricap"\ncopies = 2\n')
    mixed = ["expand", str(place / "s.h5"), "--out", "d", "--recipe", str(tmp_path / "m.toml")]
    told = CliRunner().invoke(app, [*mixed, "--mixup", "0", "--dry-run"])
    assert told.exit_code == 2
    assert "--mixup: the recipe has mix stages of its own" in told.stderr
    write_source(tmp_path / "more.h5", noise(9, 16, 21, 3) ^ np.uint8(1), np.arange(9) % 3, NAMES)
    more = ("--unlabelled", str(tmp_path / "more.h5"), "--pseudo-label")
    assert "mixup" not in counts_of(place, *clothes, *more)[0]


def test_how_many_rows_are_advised_depends_on_the_images_and_on_their_bytes() -> None:
    """So that nobody is sent to make tens of gigabytes where online does as well."""
    small, large = 32 * 48 * 3, 224 * 336 * 3
    for originals, preset, image_bytes, factor in (
        (100, "photo", small, 250),
        (500, "photo", small, 250),
        (1_000, "photo", small, 50),
        (500, "photo", large, 50),  # 250 of each would be 26 GiB
        (500, "clothes", small, 50),
        (100, "clothes", small, 250),
        (400, None, small, 50),
        (399, None, small, 250),
    ):
        assert large_factor(originals, preset, image_bytes) == factor, (originals, preset)
    assert few_mixed_rows("photo", 50_000, 50, small) is None
    assert few_mixed_rows("photo", 25_000, 250, small) is None
    told = few_mixed_rows("photo", 25_000, 50, small)
    assert told is not None
    online = "vary them while you train (`augfactory.online`), which stores nothing"
    assert told.endswith(f"Here take --factor 250, or {online}")
    told = few_mixed_rows("photo", 25_000, 50, large)
    assert told is not None
    assert told.endswith(f"Here --factor 250 would take 26 GiB: {online}")
    assert few_mixed_rows("clothes", 25_000, 50, small) is None
    assert few_mixed_rows("texture", 10, 2, small) is None


def test_the_default_of_clothes_is_what_tune_and_studies_take_for_it(place: Path) -> None:
    default, *others = candidates("clothes", Variation(), with_vae=True)
    assert [stage.method for stage in default.recipe.mix] == ["mixup"]
    assert "geometry-alone" in [one.name for one in others]
    for preset in ("digits", "photo", "clothes", "texture"):
        tried = {one.name: one for one in candidates(preset, Variation(), with_vae=True)}
        assert tried["vae"].recipe.mix == tried["default"].recipe.mix == default_mix(preset)


@pytest.mark.parametrize("preset", ["photo", "clothes"])
def test_photographs_and_clothes_are_changed_by_randaugment_unless_something_is_said(
    place: Path, tmp_path: Path, preset: str
) -> None:
    def recipe_of(name: str, *asked: str) -> tuple[dict[str, Any], str]:
        command = ["expand", str(place / "s.h5"), "--out", str(tmp_path / name), *asked]
        told = CliRunner().invoke(app, [*command, "--workers", "1"])
        assert told.exit_code == 0, told.stderr
        return read_manifest(find_version(str(tmp_path / f"{name}-x3"))).recipe, told.stderr

    own = () if preset == "photo" else ("--preset", preset, "--grey")  # they are in colour
    recipe, said = recipe_of("default", "--factor", "3", *own)
    assert recipe["geometry"]["parameters"]["preset"] == preset
    what = {"photo": "a colour", "clothes": "a shade of grey"}[preset]
    assert f"where {what} decides the class, leave it out: --vary none" in said
    (changes,) = recipe["vary"]
    assert changes["method"] == "randaugment"
    default = default_variation(preset, open_source(SourceSpec(str(place / "s.h5"))))
    assert changes["parameters"] == default.vary[0].parameters
    (tmp_path / "r.toml").write_text(f'factor = 3\n[geometry]\npreset = "{preset}"\n')
    for name, *asked in (
        ("none", "--factor", "3", "--vary", "none", *own),
        ("texture", "--factor", "3", "--preset", "texture"),
        ("recipe", "--recipe", str(tmp_path / "r.toml")),
    ):
        recipe, said = recipe_of(name, *asked)
        assert "vary" not in recipe, name
        assert "are also changed" not in said
        # What a recipe leaves out without a word is told.
        assert ("images are not changed three times by RandAugment" in said) == (name == "recipe")


def test_many_clothes_are_told_why_they_have_no_randaugment(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composition, "MOST_CLOTHES", 1)
    command = ["expand", str(place / "s.h5"), "--out", str(tmp_path / "many"), "--factor", "3"]
    told = CliRunner().invoke(app, [*command, "--preset", "clothes", "--workers", "1"])
    assert told.exit_code == 0, told.stderr
    assert "RandAugment is left out, since there are more than" in told.stderr
    assert "vary" not in read_manifest(find_version(str(tmp_path / "many-x3"))).recipe


def test_drawings_are_bent_and_their_strokes_changed_unless_something_is_said(
    tmp_path: Path,
) -> None:
    height, width = 28, 42
    images = np.zeros((12, height, width, 1), dtype=np.uint8)
    for number, image in enumerate(images):
        image[4:24, 5 + 2 * number : 9 + 2 * number] = 255
    write_source(tmp_path / "drawn.h5", images, np.arange(12) % 3, NAMES)
    (tmp_path / "r.toml").write_text('factor = 3\n[geometry]\npreset = "digits"\n')

    def recipe_of(name: str, *asked: str) -> tuple[dict[str, Any], str]:
        command = ["expand", str(tmp_path / "drawn.h5"), "--out", str(tmp_path / name), *asked]
        told = CliRunner().invoke(app, [*command, "--workers", "1"])
        assert told.exit_code == 0, told.stderr
        return read_manifest(find_version(str(tmp_path / f"{name}-x3"))).recipe, told.stderr

    recipe, said = recipe_of("default", "--factor", "3", "--preset", "digits")
    assert "--vary none leaves it" in said
    (stroke,) = recipe["vary"]
    assert (stroke["method"], stroke["parameters"]["thicker"]) == ("stroke", 1.0)
    assert recipe["geometry"]["parameters"]["elastic_alpha"] == 30
    for name, *asked in (
        ("none", "--factor", "3", "--preset", "digits", "--vary", "none"),
        ("texture", "--factor", "3", "--preset", "texture"),
        ("recipe", "--recipe", str(tmp_path / "r.toml")),
    ):
        recipe, said = recipe_of(name, *asked)
        assert "vary" not in recipe, name
        assert recipe["geometry"]["parameters"]["elastic_alpha"] == 0
        assert "--vary none" not in said
    recipe, _ = recipe_of("own", "--factor", "3", "--vary", "erasing", "--vary", "jitter")
    assert [stage["method"] for stage in recipe["vary"]] == ["erasing", "jitter"]
    card = (find_version(str(tmp_path / "own-x3")) / "README.md").read_text(encoding="utf-8")
    assert "changed once more: by erasing, then by jitter." in " ".join(card.split())
