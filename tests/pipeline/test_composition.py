"""What is made where nothing is said, and what contradicts itself."""

import pytest

from augfactory.errors import RecipeError
from augfactory.pipeline.recipes.composition import DECODED, vae_or_default


@pytest.mark.parametrize("channels", [1, 3])
def test_silence_asks_for_the_best_that_was_measured(channels: int) -> None:
    found = vae_or_default({}, varied=True, channels=channels)
    assert (found.share, found.decode) == tuple(DECODED[channels].values())
    assert found.sampler == "same-class"


def test_what_is_said_stands() -> None:
    asked = {"share": 1, "decode": "full", "sampler": "posterior"}
    found = vae_or_default(asked, varied=True, channels=3)
    assert (found.share, found.decode, found.sampler) == (1, "full", "posterior")


def test_without_geometry_all_is_decoded() -> None:
    found = vae_or_default({}, varied=False, channels=3)
    assert (found.share, found.decode) == (1, "full")
    with pytest.raises(RecipeError, match="nothing makes the others"):
        vae_or_default({"share": 0.5}, varied=False, channels=1)


@pytest.mark.parametrize(
    ("vae", "words"),
    [
        ({"share": 1.5}, "share: must be less than or equal to 1, got 1.5"),
        ({"share": "half"}, "must be a number"),
        ({"decode": "resid"}, "Did you mean 'residual'"),
        ({"reech": 0.2}, "Did you mean 'reach'"),
    ],
)
def test_wrong_values_are_named(vae: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        vae_or_default(vae, varied=True, channels=3)
