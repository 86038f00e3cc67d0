"""Study files: what they mean, and what is said of the wrong ones."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.commands.study.described import count_runs
from augfactory.commands.study.file import Size, read_study, study_of
from augfactory.commands.study.plan import _slug, as_by_default
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
    assert count_runs(study) >= len(study.arms)


def test_there_is_a_study_for_each_document_that_measured_or_could() -> None:
    assert [path.stem for path in STUDIES] == [
        "000-mixup",
        "001-ricap",
        "001-transfer",
        "003-vae-mnist",
        "004-augmix",
        "small-data-clothes",
        "small-data-photos",
        "small-data",
    ]


def test_study_001_has_each_boundary_online_and_stored_on_top_of_shift_and_flip() -> None:
    for size, batch in (("default", 64), ("full", 1024)):
        study = read_study(STUDIES[1], "default" if size == "default" else "full")
        assert study.batch == batch
        names = {arm.name for arm in study.arms}
        all_of_them = ("0.1", "0.3", "0.5", "growing")
        stored = all_of_them if size == "full" else ("0.3", "growing")
        for way, betas in (("online", all_of_them), ("stored", stored)):
            for beta in betas:
                for scope in ("sample", "batch"):
                    assert f"{way}, beta {beta}, by {scope}" in names
        for arm in study.arms:
            if arm.recipe is not None:
                (stage,) = arm.recipe.mix
                assert arm.order == "rounds"
                assert stage.parameters["batch_size"] == batch
                assert arm.recipe.variation == {
                    "preset": "none",
                    "fill": "nearest",
                    "flip_horizontal": True,
                    "shift_height": 15 / 160,
                    "shift_width": 15 / 160,
                }
            elif arm.name.startswith("online"):
                assert [stage.method for stage in arm.online or ()] == ["geometry", "ricap"]
    assert study.training.optimiser == "rmsprop"
    started = read_study(
        STUDIES[1], "full", {"weights": Path("densenet121.pth"), "freeze": "denseblock3"}
    )
    assert (started.weights, started.freeze) == (Path("densenet121.pth"), "denseblock3")
    with pytest.raises(RecipeError, match="drawn at random"):
        read_study(STUDIES[1], "full", {"freeze": 3})


def test_study_000_has_two_and_three_parents_at_each_alpha_and_the_documents_rate() -> None:
    study = read_study(STUDIES[0], "full")
    names = {arm.name for arm in study.arms}
    for way in ("online", "stored"):
        for parents in (2, 3):
            for alpha in (0.05, 0.2, 1.0):
                assert f"{way}, mixup of {parents}, alpha {alpha}" in names
    assert study.steps == 200 * 1563  # epochs of 50,000 images in batches of 32
    assert [round(200 * share) for share, _ in study.drops] == [81, 121, 161, 181]
    assert study.training.optimiser == "adam"


def test_study_003_is_the_documents_grid() -> None:
    study, small = read_study(STUDIES[3], "full"), read_study(STUDIES[3], "default")
    assert study.n_train == (100, 200, 400, 800)
    for vae in (study.vae, small.vae):
        assert (vae.architecture, vae.latent, vae.kl_weight) == ("keras-mnist", 20, 1.0)
        assert (vae.optimiser, vae.learning_rate, vae.schedule) == ("rmsprop", 1e-3, "constant")
        assert (vae.clip, vae.warmup, vae.patience, vae.geometry) == (False, 0, 0, False)
    assert {arm.name for arm in small.arms} < {arm.name for arm in study.arms}
    grid = {
        (arm.vae, arm.recipe.factor) for arm in study.arms if arm.recipe and arm.name[:4] == "vae-"
    }
    assert len(grid) == 12
    assert {factor for _, factor in grid} == {10, 50, 250}
    assert len(study.losses) == 4
    assert list(study.losses) == sorted(study.losses, reverse=True)


# Stored arms of the documents' studies that are made as `expand` does it by default, and why.
BY_DEFAULT = {
    ("003-vae-mnist", "geometry-x50"): "what has to be beaten: the best set without a VAE",
    ("003-vae-mnist", "geometry, a quarter decoded, x50"): "the same with a VAE, which is asked",
}


def test_no_other_arm_of_a_document_is_made_as_by_default() -> None:
    found = {
        (path.stem, arm.name)
        for path in STUDIES
        if path.stem[:3].isdecimal()
        for size in SIZES
        for arm in read_study(path, size).arms
        if arm.recipe is not None and as_by_default(arm.recipe)
    }
    assert found == {*BY_DEFAULT}
    page = (STUDIES[0].parent / "README.md").read_text(encoding="utf-8")
    told = page[page.index("## 003,") : page.index("## 004,")]
    assert "made as `augfactory expand` makes digits by default" in told


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
    assert [stage.parameters["alpha"] for stage in last.mix] == [1.0]
    assert count_runs(study) == 5 * 2 * study.subsets * study.seeds


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


def test_what_stands_in_braces_is_filled_in_and_double_braces_are_braces() -> None:
    arm = {
        "name": "{{a}} {a} {b}{a} {c} {{{b}}}",
        "factor": "{a}",
        "grid": {"a": [2], "b": [0.5], "c": [True]},
    }
    study = study_of({**PLAIN, "arms": [{"name": "originals"}, arm]}, "s.toml", "default")
    assert study.arms[1].name == "{a} 2 0.52 True {0.5}"
    assert study.arms[1].recipe is not None
    assert study.arms[1].recipe.factor == 2


@given(st.text("ab{} c", max_size=12), st.sampled_from([1, 0.25, "b", "{a}"]))
def test_plain_placeholders_are_filled_as_by_str_format(text: str, value: object) -> None:
    try:
        expected = text.format(a=value)
    except (KeyError, IndexError, ValueError, AttributeError):
        expected = None
    arm = {"name": f"x{text}", "grid": {"a": [value]}}
    try:
        filled = study_of({**PLAIN, "arms": [{"name": "originals"}, arm]}, "s", "default")
    except RecipeError:
        assert expected is None
    else:
        assert filled.arms[1].name == f"x{expected}"


@pytest.mark.parametrize(
    "text", ["{a.foo}", "{a[0]}", "{a:>2000000000}", "{a!r}", "{}", "{0}", "{b}"]
)
def test_only_plain_names_are_filled_in(text: str) -> None:
    arm = {"name": f"m {text}", "grid": {"a": [1, 2]}}
    with pytest.raises(RecipeError, match=r"s.toml, arm 2: .*\n.*\[arms.grid\]") as caught:
        study_of({**PLAIN, "arms": [{"name": "originals"}, arm]}, "s.toml", "default")
    assert text in str(caught.value)


def test_a_grid_is_counted_before_it_is_listed() -> None:
    grid = {name: list(range(1000)) for name in "abc"}
    arm = {"name": "m {a} {b} {c}", "grid": grid}
    with pytest.raises(RecipeError, match=r"s.toml, arm 2: grid.*1,000,000,000 .*1,000") as caught:
        study_of({**PLAIN, "arms": [{"name": "originals"}, arm]}, "s.toml", "default")
    assert "arms.grid" in caught.value.remedy
    many = [{"name": f"m{number}" + " {a}", "grid": {"a": list(range(900))}} for number in range(2)]
    with pytest.raises(RecipeError, match="1,801 arms"):
        study_of({**PLAIN, "arms": [{"name": "originals"}, *many]}, "s.toml", "default")
    most = [{"name": "originals"}, {"name": "m {a}", "grid": {"a": list(range(999))}}]
    assert len(study_of({**PLAIN, "arms": most}, "s.toml", "default").arms) == 1000


def test_what_is_filled_in_stays_short() -> None:
    arm = {"name": "{a}" * 1000, "grid": {"a": ["x" * 10_000]}}
    with pytest.raises(RecipeError, match="longer than 10,000 letters"):
        study_of({**PLAIN, "arms": [{"name": "originals"}, arm]}, "s.toml", "default")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("quick = 5", "s.toml: quick: must be a table"),
        ("quick = [1]", "s.toml: quick: must be a table"),
        ("[quick.grid]\na = 5", "s.toml: quick.grid: must be lists by name"),
        ("[quick]\ngrid = 5", "s.toml: quick.grid: must be lists by name"),
        ("against = []", "s.toml: against: .*at least 1"),
        ("n_train = []", "s.toml: n_train: .*at least 1"),
        ("n_train = [0]", "s.toml: n_train.0: .*greater than or equal to 1"),
        ("n_train = [10, -1]", "s.toml: n_train.1: .*greater than or equal to 1"),
        (f"steps = 1{'0' * 5000}", "s.toml: line 4: .*beyond 64 bits"),
        (f"steps = 0x{'f' * 5000}", "s.toml: steps: .*beyond 64 bits"),
        (f"steps = {'[' * 5000}{']' * 5000}", "s.toml: .*nested too deeply"),
        (f"about = {'[' * 90}{']' * 90}", "s.toml: about"),
        ("subsets = 1000000", "s.toml: subsets: .*less than or equal to"),
        ("seeds = 1000000", "s.toml: seeds: .*less than or equal to"),
        ("seeds = 1000\nsubsets = 1000", "s.toml: .*2,000,000 classifiers"),
        ("vae = 3", "s.toml: vae"),
        ("title = 3", "s.toml: title"),
        ("title = [[1]]", "s.toml: title"),
        (f"colour = '{'x' * 100_000}'", "s.toml: colour"),
    ],
)
def test_a_hostile_file_is_a_wrong_request(tmp_path: Path, text: str, told: str) -> None:
    values = {"title": "'t'", "source": "'a'", "test": "'b'", "n_train": "[10, 20]"}
    key = text.partition(" ")[0]
    lines = [f"{name} = {value}" for name, value in values.items() if name != key]
    lines = lines[:3] if key == "steps" else lines
    path = tmp_path / "s.toml"
    arms = "[[arms]]\nname = 'originals'\n"
    path.write_text("\n".join([*lines, text, arms]))
    with pytest.raises(RecipeError, match=told) as caught:
        read_study(path, "default")
    assert len(str(caught.value)) < 2000
    assert caught.value.remedy


@pytest.mark.parametrize("at_loss", [float("nan"), float("inf"), -1.0])
def test_a_loss_that_no_training_reaches_is_refused(at_loss: float) -> None:
    arm = {"name": "m", "factor": 2, "vae": {"at_loss": at_loss}}
    with pytest.raises(RecipeError, match="arm 2: vae"):
        study_of({**PLAIN, "arms": [{"name": "originals"}, arm]}, "s.toml", "default")


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2Jb", "", "\ud800"])
def test_a_name_of_an_arm_is_one_line_of_text(name: str) -> None:
    with pytest.raises(RecipeError, match="arm 2: name") as caught:
        study_of({**PLAIN, "arms": [{"name": "originals"}, {"name": name}]}, "s.toml", "default")
    assert "\x1b" not in str(caught.value)


def test_a_study_that_is_no_file_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(RecipeError, match="it is a FIFO, not a file"):
        read_study(tmp_path / "pipe.toml", "default")


@pytest.mark.parametrize("size", ["x", "3x", f"{'9' * 5000}x3", "0x3", "-3x3", 0, -3, 2.5, True])
def test_a_size_that_is_none(size: object) -> None:
    with pytest.raises(RecipeError, match=r"^s.toml: size: .* is not a size\n.*28x32"):
        study_of({**PLAIN, "size": size}, "s.toml", "default")


@pytest.mark.parametrize("size", [28, "28", "28x28", "28×28"])
def test_a_size_is_said_as_on_the_command_line(size: int | str) -> None:
    assert study_of({**PLAIN, "size": size}, "s.toml", "default").size == "28x28"


def test_a_long_name_of_an_arm_makes_a_folder_name_that_can_be() -> None:
    long, other = "Geometry, " * 100, "Geometry, " * 101
    assert _slug("Geometry, mixup of 2") == "geometry-mixup-of-2"
    assert len(_slug(long)) <= 100
    assert _slug(long) != _slug(other)


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
        ({"arms": [{"name": "originals", "loss": "jsd"}]}, r"arm 1: loss: jsd needs two views"),
        ({"arms": [{"name": "originals", "real_share": 0.5}]}, r"arm 1: real_share: shares batch"),
        ({"arms": [{"name": "originals", "part": "synthetic"}]}, r"arm 1: part: asks for gener"),
        ({"vae": {"stepz": 3}}, r"s\.toml, vae.*stepz.*Did you mean 'steps'"),
        ({"steps": 1.5}, r"steps: must be a whole number, got 1\.5"),
        ({"arms": [{"name": "originals", "weights": 3}]}, r"arm 1: weights: must be a text, got 3"),
        ({"arms": [{"name": "m", "vae": "x"}]}, r"arm 1: vae: must be true, a loss or a table"),
        ({"arms": [{"name": "originals"}, STEERED]}, r"arm 2.*vae.*no model, which reach steers"),
    ],
)
def test_a_wrong_study_is_refused_by_its_place(change: dict[str, Any], told: str) -> None:
    with pytest.raises(RecipeError, match=f"(?s){told}"):
        study_of({**PLAIN, **change}, "s.toml", "default")


def test_an_arm_that_freezes_nothing_needs_no_weights() -> None:
    weighed = {"name": "m", "weights": "w.safetensors"}
    arms = [{"name": "originals", "freeze": False}, weighed]
    study = study_of({**PLAIN, "freeze": True, "arms": arms}, "s.toml", "default")
    assert [study.freeze_of(arm) for arm in study.arms] == [False, True]


def test_a_size_that_is_not_there_is_told() -> None:
    with pytest.raises(RecipeError, match=r"--full.*no such size"):
        study_of(PLAIN, "s.toml", "full")


def test_a_file_that_is_no_study_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        read_study(tmp_path / "none.toml", "default")
    (tmp_path / "broken.toml").write_text("title = ")
    with pytest.raises(RecipeError, match="is not TOML"):
        read_study(tmp_path / "broken.toml", "default")
