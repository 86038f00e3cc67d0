"""Study files: what they mean, and what is said of the wrong ones."""

from pathlib import Path
from typing import Any

import pytest

from augfactory.commands.study import count_cells
from augfactory.commands.study_file import Size, read_study, study_of
from augfactory.errors import RecipeError

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.toml"))
SIZES: tuple[Size, ...] = ("quick", "default", "full")
PLAIN: dict[str, Any] = {
    "title": "t",
    "source": "a",
    "test": "b",
    "n_train": [10, 20],
    "arms": [{"name": "originals"}],
}
MIX = {"method": "mixup", "copies": 2, "alpha": "{alpha}"}
GRID = {"name": "mix {alpha} x{k}", "factor": "{k}", "mix": [MIX]}
GRID_ARM = {**GRID, "grid": {"alpha": [0.1, 1.0], "k": [1, 5]}}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_documents_studies_are_whole(path: Path, size: Size) -> None:
    study = read_study(path, size)
    assert study.arms[0].name == "originals"
    assert count_cells(study) >= len(study.arms)


def test_there_is_a_study_for_each_document_that_measured_or_could() -> None:
    assert [path.stem for path in STUDIES] == [
        "000-mixup",
        "001-ricap",
        "003-vae-mnist",
        "004-augmix",
    ]


def test_study_003_is_the_documents_grid() -> None:
    study = read_study(STUDIES[2], "default")
    assert study.n_train == (100, 200, 400, 800)
    grid = {
        (arm.vae, arm.recipe.factor) for arm in study.arms if arm.recipe and arm.name[:4] == "vae-"
    }
    assert len(grid) == 9
    assert {factor for _, factor in grid} == {10, 50, 250}
    assert len(study.losses) == 3
    assert list(study.losses) == sorted(study.losses, reverse=True)


def test_a_grid_stands_for_every_combination() -> None:
    study = study_of({**PLAIN, "arms": [{"name": "originals"}, GRID_ARM]}, "s.toml", "default")
    assert [arm.name for arm in study.arms] == [
        "originals",
        "mix 0.1 x1",
        "mix 0.1 x5",
        "mix 1.0 x1",
        "mix 1.0 x5",
    ]
    last = study.arms[-1].recipe
    assert last is not None
    assert last.factor == 5
    assert last.mix[0].parameters["alpha"] == 1.0
    assert count_cells(study) == 5 * 2 * study.subsets * study.seeds


def test_a_size_replaces_values_and_narrows_grids() -> None:
    values = {
        **PLAIN,
        "steps": 500,
        "arms": [{"name": "originals"}, GRID_ARM],
        "quick": {"steps": 5, "n_train": [4], "grid": {"alpha": [0.1]}},
    }
    quick = study_of(values, "s.toml", "quick")
    assert (quick.steps, quick.n_train) == (5, (4,))
    assert [arm.name for arm in quick.arms] == ["originals", "mix 0.1 x1", "mix 0.1 x5"]
    whole = study_of(values, "s.toml", "default")
    assert (whole.steps, len(whole.arms)) == (500, 5)


STEERED = {"name": "m", "factor": 2, "vae": {"at_loss": False, "reach": 0.5}}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sourec": "x"}, r"s\.toml.*sourec.*Did you mean 'source'"),
        ({"n_train": [0.5]}, r"n_train"),
        ({"subsets": 0}, r"subsets.*greater than or equal to 1, got 0"),
        ({"arms": []}, r"arms"),
        ({"arms": {"name": "originals"}}, r"tables headed \[\[arms\]\]"),
        ({"arms": [{"name": "originals"}, {"name": "originals"}]}, r"two are called 'originals'"),
        ({"arms": [{"name": "others"}]}, r"no arm 'originals'"),
        ({"arms": [{"name": "originals", "facto": 2}]}, r"arm 1.*facto.*Did you mean 'factor'"),
        ({"arms": [{"name": "originals"}, {**GRID_ARM, "grid": {"k": [1]}}]}, r"not in the grid"),
        ({"arms": [{"name": "originals"}, {"name": "m", "mix": [MIX]}]}, r"arm 2"),
        ({"arms": [{"name": "originals"}, {"name": "m", "mixup": 3}]}, r"arm 2.*mixup"),
        ({"arms": [{"name": "originals", "loss": "hinge"}]}, r"loss"),
        ({"vae": {"stepz": 3}}, r"stepz"),
        ({"arms": [{"name": "originals"}, STEERED]}, r"arm 2.*vae.*no model, which reach steers"),
    ],
)
def test_a_wrong_study_is_refused_by_its_place(change: dict[str, Any], told: str) -> None:
    with pytest.raises(RecipeError, match=f"(?s){told}"):
        study_of({**PLAIN, **change}, "s.toml", "default")


def test_a_size_that_is_not_there_is_told() -> None:
    with pytest.raises(RecipeError, match=r"--full.*no such size"):
        study_of(PLAIN, "s.toml", "full")


def test_a_file_that_is_no_study_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        read_study(tmp_path / "none.toml", "default")
    (tmp_path / "broken.toml").write_text("title = ")
    with pytest.raises(RecipeError, match="is no TOML"):
        read_study(tmp_path / "broken.toml", "default")
