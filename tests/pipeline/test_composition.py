"""What is made where nothing is said, and what contradicts itself."""

import pytest

from augfactory.errors import RecipeError
from augfactory.pipeline.composition import DECODED, MIXED, composed
from augfactory.pipeline.recipe import mix_stage


@pytest.mark.parametrize("channels", [1, 3])
def test_silence_asks_for_the_best_that_was_measured(channels: int) -> None:
    found = composed({}, None, None, varied=True, channels=channels)
    assert (found.vae.share, found.vae.decode) == tuple(DECODED[channels].values())
    assert [(stage.method, stage.share) for stage in found.mix] == [("mixup", MIXED)]
    assert found.distinct


def test_what_is_said_stands() -> None:
    stage = mix_stage("test", "ricap", 3, "expanded", {})
    found = composed({"share": 1, "decode": "full"}, (stage,), None, varied=True, channels=3)
    assert (found.vae.share, found.vae.decode, found.mix) == (1, "full", (stage,))
    assert not found.distinct
    assert not composed({}, (), True, varied=True, channels=3).mix
    assert composed({}, (), True, varied=True, channels=3).distinct
    assert not composed({}, None, False, varied=True, channels=3).distinct


def test_without_geometry_all_is_decoded_and_nothing_mixed() -> None:
    found = composed({}, None, None, varied=False, channels=1)
    assert (found.vae.share, found.vae.decode, found.mix) == (1, "full", ())
    with pytest.raises(RecipeError, match="nothing makes the others"):
        composed({"share": 0.5}, None, None, varied=False, channels=1)


@pytest.mark.parametrize(
    ("vae", "words"),
    [
        ({"share": 1.5}, "1.5 is no share"),
        ({"share": "half"}, "must be a number"),
        ({"decode": "resid"}, "Did you mean 'residual'"),
        ({"reech": 0.2}, "Did you mean 'reach'"),
    ],
)
def test_wrong_values_are_named(vae: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        composed(vae, None, None, varied=True, channels=3)
