"""``--size``: one number or two, and what is none of them."""

import pytest

from augfactory.errors import RecipeError
from augfactory.records import read_size


@pytest.mark.parametrize(
    ("text", "size"), [("28", (28, 28)), ("28x32", (28, 32)), ("7×9", (7, 9)), ("0028", (28, 28))]
)
def test_sizes(text: str, size: tuple[int, int]) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "x", "1x2x3", "-3", "1.5", "9" * 5000, "0" * 5000 + "8"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(RecipeError, match=r"^--size: .* is not a size") as caught:
        read_size(text)
    assert len(str(caught.value)) < 300
