"""A recipe says everything the flags say and more; what is wrong in it is named with its place."""

import pytest

from augfactory.errors import RecipeError
from augfactory.pipeline.recipes.recipe_file import read_recipe

WHOLE = """
factor = 10
originals = false
seed = 7
format = "png"

[geometry]
preset = "photo"
rotation = 5.0

[vae]
sampler = "posterior"
temperature = 1.5

[[mix]]
method = "mixup"
copies = 5
from = "originals"
parents = 3

[[mix]]
method = "ricap"
copies = 2
"""


def test_everything_is_read() -> None:
    asked = read_recipe(WHOLE, "r.toml")
    assert (asked.factor, asked.originals, asked.seed, asked.format) == (10, False, 7, "png")
    assert asked.geometry == {"preset": "photo", "rotation": 5.0}
    assert asked.vae == {"sampler": "posterior", "temperature": 1.5}
    first, second = asked.mix
    assert (first.method, first.copies, first.source) == ("mixup", 5, "originals")
    assert first.parameters == {"parents": 3, "alpha": 0.2, "pairing": "any"}
    assert (second.method, second.copies, second.source) == ("ricap", 2, "expanded")
    assert second.parameters["beta"] == 0.3


def test_silence_is_silence() -> None:
    asked = read_recipe("", "r.toml")
    assert (asked.factor, asked.geometry, asked.vae, asked.mix) == (None, None, None, ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("factr = 3", r"r.toml: there is no key 'factr'\s+Did you mean 'factor'"),
        ("factor = 'ten'", "r.toml: factor: must be a whole number"),
        ("factor = true", "r.toml: factor: must be a whole number"),
        ("factor = ", "r.toml: is not TOML"),
        ("factor = 0", r"r.toml: factor: must be greater than or equal to 1, got 0\n.*1 or more"),
        (
            "factor = 100001",
            r"factor: must be less .* 100000, got 100001\n.*100000 or less",
        ),
        ("seed = -1", r"r.toml: seed: must be greater .* 0, got -1\n.*0 or more"),
        (f"factor = 2\nseed = {9 * '1' + 5000 * '0'}", "r.toml: line 2: .*beyond 64 bits"),
        (f"seed = 0x{5000 * 'f'}", "r.toml: seed: .*beyond 64 bits"),
        (f"seed = {2**63}", "r.toml: seed: .*beyond 64 bits"),
        (f"[geometry]\nrotation = 0b{100 * '1'}", "r.toml: geometry.rotation: .*beyond 64 bits"),
        (f"[[mix]]\nmethod = 'mixup'\ncopies = {2**70}", "r.toml: mix 1.copies: .*beyond 64 bits"),
        (f"factor = {'[' * 5000}{']' * 5000}", "r.toml: .*nested too deeply"),
        (f"factor = {'[' * 150}{']' * 150}", "r.toml: .*nested too deeply"),
        (f"factor = {'{a = ' * 150}1{'}' * 150}", "r.toml: .*nested too deeply"),
        (f"{'a.' * 5000}b = 1", "r.toml: .*nested too deeply"),
        (
            f"format = 3\nseed = '{'x' * 10_000}'",
            "r.toml: seed: must be a whole number, got 'x{50}",
        ),
        ("seed = 'a\\nb'", "r.toml: seed: must be a whole number, got 'a.*b'"),
        ("seed = 2020-01-01", "r.toml: seed: must be a whole number"),
        ("seed = nan", "r.toml: seed: must be a whole number"),
        ("geometry = 3", "r.toml: geometry: must be a table or false"),
        ("mix = 3", "r.toml: mix: must be a list of tables"),
        ("mix = [3]", "r.toml: mix.0: must be a table, got 3"),
        ("[[mix]]\ncopies = 2", "r.toml, mix 1: key 'method' is missing"),
        ("[[mix]]\nmethod = 'mixup'", "r.toml, mix 1: key 'copies' is missing"),
        ("[[mix]]\nmethod = 'mixup'\ncopys = 5", r"no key 'copys'\s+Did you mean 'copies'"),
        ("[[mix]]\nmetod = 'mixup'\ncopies = 5", r"no key 'metod'\s+Did you mean 'method'"),
        ("[[mix]]\nalpha = 1\ncopies = 2", "r.toml, mix 1: key 'method' is missing"),
        ("[geometry]\nrotatoin = 2", r"r.toml, geometry: .*\n.*Did you mean 'rotation'"),
        ("[geometry]\nrotation = 'far'", "r.toml, geometry: rotation"),
        ("[vae]\nreech = 2", r"r.toml, vae: there is no key 'reech'\s+Did you mean 'reach'"),
        ("[vae]\nsampler = 'posteriour'", r"r.toml, vae: .*\n.*Did you mean 'posterior'"),
        ("[vae]\nreach = -1", "r.toml, vae: reach"),
        ("[[mix]]\nmethod = 'mixpu'\ncopies = 1", "Did you mean 'mixup'"),
        ("[[mix]]\nmethod = 'mixup'\ncopies = 0", "0 copies cannot be made"),
        ("[[mix]]\nmethod = 'mixup'\ncopies = 1\nalhpa = 1", "Did you mean 'alpha'"),
        ("[[mix]]\nmethod = 'mixup'\ncopies = 1\nalpha = -1", "r.toml, mix 1: alpha"),
        ("[[mix]]\nmethod = 'mixup'\ncopies = 1\nalpha = nan", "r.toml, mix 1: alpha"),
        ("[[mix]]\nmethod = 'mixup'\ncopies = 1\nfrom = 'original'", "Did you mean 'originals'"),
        ("[[mix]]\nmethod = 'ricap'\ncopies = 1\nramp_start = 3", "go together"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words) as caught:
        read_recipe(text, "r.toml")
    assert len(str(caught.value)) < 2000
    assert caught.value.remedy
