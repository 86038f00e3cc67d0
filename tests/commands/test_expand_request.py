"""What `augfactory expand` was asked for is checked before anything is opened or made."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.naming import check_dataset_name
from augfactory.commands.expand.request import ExpandRequest, plan_builds
from augfactory.commands.progress import Progress
from augfactory.errors import InputDataError, RecipeError
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.records import SourceSpec
from augfactory.store.versions import find_version
from tests.commands.versions import write_source
from tests.sources.written import noise

AUGMIX = (mix_stage("--augmix", "augmix", 2, "originals", {}),)
MIXUP = (mix_stage("--mixup", "mixup", 1, "originals", {}),)


def request_of(source: SourceSpec, out: str | Path = "out", **more: Any) -> ExpandRequest:
    return ExpandRequest(source, Path(out), **{"factors": (2,), **more})


@pytest.mark.parametrize(
    ("out", "what"),
    [
        (".", "no name"),
        ("", "no name"),
        ("/", "no name"),
        ("..", "no name"),
        ("data/..", "no name"),
        ("a\nb", r"control character \x0a"),
        ("data/a\x1b[2Jb", r"control character \x1b"),
        ("a\0b", r"control character \x00"),
        ("\udcff\udcfe", "not UTF-8 text"),
        ("n" * 201, "201 bytes"),
        ("ü" * 101, "202 bytes"),
    ],
)
def test_what_is_no_name_of_a_dataset_is_refused_before_anything_is_opened(
    out: str, what: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        plan_builds(request_of(SourceSpec("nowhere/at/all"), out), Progress())
    assert caught.value.where.startswith("--out ")
    assert "\x1b" not in caught.value.where
    assert "\n" not in caught.value.where
    assert what in caught.value.what
    assert "digits" in caught.value.remedy


@pytest.mark.parametrize("out", ["run:1", "a/", ".hidden", "n" * 200, "猫", "a b", "-", "\u202ex"])
def test_any_other_name_will_do(out: str) -> None:
    check_dataset_name(Path(out))


def test_a_name_with_a_colon_works_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = write_source(tmp_path / "s.h5", noise(6, 12, 20, 3), np.arange(6) % 3)
    for format in ("hdf5", "png", "parquet", "webdataset", "lance"):
        (made,) = expand(request_of(source, f"run:{format}", format=format), Progress())
        assert made.path == Path(f"run:{format}-x2/v1")
        assert find_version(f"run:{format}-x2@v1") == made.path


@pytest.mark.parametrize(
    ("more", "method"),
    [({}, "geometry"), ({"mix": AUGMIX, "factors": (1,)}, "augmix"), ({"mix": AUGMIX}, "geometry")],
)
def test_images_too_long_to_be_warped_are_refused(
    tmp_path: Path, more: dict[str, Any], method: str
) -> None:
    source = write_source(tmp_path / "s.h5", noise(6, 2, 32_767, 3), np.arange(6) % 3)
    with pytest.raises(InputDataError) as caught:
        plan_builds(request_of(source, **more), Progress())
    assert caught.value.where == source.text
    assert f"2×32767 pixels, and {method} moves the pixels of at most 32,766" in caught.value.what
    assert "--size" in caught.value.remedy


def test_images_that_are_just_not_too_long_work(tmp_path: Path) -> None:
    source = write_source(tmp_path / "s.h5", noise(6, 2, 32_766, 3), np.arange(6) % 3)
    out = tmp_path / "out"
    (made,) = expand(request_of(source, out, mix=AUGMIX, format="parquet"), Progress())
    assert made.rows == 6 * 4


def test_what_warps_nothing_takes_them(tmp_path: Path) -> None:
    source = write_source(tmp_path / "s.h5", noise(6, 2, 50_000, 3), np.arange(6) % 3)
    without = {"factors": (1,), "mix": MIXUP, "geometry": None}
    (made,) = expand(request_of(source, tmp_path / "out", **without), Progress())
    assert made.rows == 12
    _, (build,) = plan_builds(request_of(source, tmp_path / "out", factors=(1,)), Progress())
    assert build.recipe.geometry is None
