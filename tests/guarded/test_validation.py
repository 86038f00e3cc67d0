"""What pydantic finds wrong is told by its place, in words, with what mends it."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from augfactory.errors import RecipeError
from augfactory.guarded.validation import Table, checked, document_problem, option_error, told


class Inner(Table):
    """A table of its own."""

    width: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _not_thirteen(self) -> "Inner":
        if self.width == 13:
            raise told("is unlucky", "Take another.", "width")
        return self


def _inner(value: Any) -> Any:
    return Inner.model_validate(value).width


class Outer(Table):
    """A file."""

    name: str
    kind: Literal["plain", "odd"] = "plain"
    batch_size: int = Field(default=1, gt=0)
    rows: tuple[Annotated[int, Field(le=9)], ...] = ()
    one: Inner = Inner()
    many: tuple[Inner, ...] = ()
    width: Annotated[int, BeforeValidator(_inner)] = 1


@pytest.mark.parametrize(
    ("values", "where", "what", "remedy"),
    [
        ({}, "f", "key 'name' is missing", "Say name"),
        ({"name": 3}, "f: name", "must be a text, got 3", "Mend"),
        ({"naem": "a"}, "f", "there is no key 'naem'", "Did you mean 'name'"),
        ({"name": "a", "kind": "ood"}, "f: kind", "there is no kind 'ood'", "Did you mean 'odd'"),
        ({"name": "a", "batch_size": 0}, "f: batch_size", "must be greater than 0, got 0", "more"),
        ({"name": "a", "rows": [1, 10]}, "f: rows.1", "less than or equal to 9, got 10", "9 or l"),
        ({"name": "a", "rows": 1}, "f: rows", "must be a list, got 1", "Mend"),
        ({"name": "a", "one": 1}, "f: one", "must be a table, got 1", "Mend"),
        ({"name": "a", "one": {"wdith": 1}}, "f, one", "no key 'wdith'", "Did you mean 'width'"),
        ({"name": "a", "one": {"width": 0}}, "f, one: width", "must be greater", "Give 1 or more"),
        ({"name": "a", "many": [{}, {"width": "x"}]}, "f, many 2: width", "whole number", "Mend"),
        ({"name": "a", "many": [{"width": 13}]}, "f, many 1: width", "is unlucky", "Take another"),
        ({"name": "a", "width": {"width": 1.5}}, "f, width: width", "a whole number, got 1.5", ""),
    ],
)
def test_the_first_problem_is_told(
    values: dict[str, Any], where: str, what: str, remedy: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        checked(Outer, values, "f")
    assert caught.value.where == where
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_an_option_is_called_as_on_the_command_line() -> None:
    with pytest.raises(ValidationError) as caught:
        Outer(name="a", batch_size=-1)
    assert str(option_error(caught.value)).startswith("--batch-size: must be greater than 0, got")


def test_a_document_is_told_in_one_short_line() -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"name": "a", "one": {"k" * 10_000: 1}})
    told_of = document_problem(caught.value)
    assert told_of.startswith("one: there is no key 'kkk")
    assert len(told_of) <= 500
    assert "\n" not in told_of
    assert document_problem(ValueError("plain")) == "plain"
