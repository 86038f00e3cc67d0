"""Labels from outside are taken exactly, or refused by the row."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from augfactory.errors import InputDataError
from augfactory.sources.parsing.labels import MAX_CLASSES, checked_soft, read_labels


def refusal(hard: object = None, soft: object = None, names: list[str] | None = None) -> str:
    with pytest.raises(InputDataError) as caught:
        read_labels(
            None if hard is None else np.asarray(hard),
            None if soft is None else np.asarray(soft),
            names,
            "file[y]",
        )
    return str(caught.value)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int64", "uint64", ">i4", "float32", "float64"])
@pytest.mark.parametrize("shape", [(5,), (5, 1)])
def test_whole_numbers_of_any_type(dtype: str, shape: tuple[int, ...]) -> None:
    values = np.array([4, 0, 1, 1, 0], dtype=dtype).reshape(shape)
    labels, soft, names = read_labels(values, None, None, "x")
    assert labels.dtype == np.int64
    assert labels.tolist() == [4, 0, 1, 1, 0]
    assert soft is None
    assert names == ("0", "1", "2", "3", "4")


@pytest.mark.parametrize(
    ("values", "row", "reason"),
    [
        ([0, 1, float("nan")], 2, "not a number"),
        ([0, float("inf"), 1], 1, "not a number"),
        ([0.0, 1.0, 1.5], 2, "no whole number"),
        ([0, 1, 1, -1, -2], 3, "negative"),
        ([0, MAX_CLASSES, 1], 1, "outside"),
        (np.array([0, 2**63], dtype=np.uint64), 1, "outside"),
    ],
)
def test_the_first_bad_row_is_named(values: object, row: int, reason: str) -> None:
    message = refusal(values)
    assert message.startswith(f"file[y]: the label of row {row}, ")
    assert reason in message


def test_labels_outside_the_named_classes() -> None:
    assert "the label of row 1, 2, is outside the 2 classes 0 to 1" in refusal(
        [0, 2, 1], names=["cat", "dog"]
    )


@pytest.mark.parametrize("values", [[], [3], [1, 1, 1]])
def test_two_classes_need_rows(values: list[int]) -> None:
    assert "at least two classes" in refusal(np.array(values, dtype=np.int64))


@pytest.mark.parametrize("values", [["a", "b"], [[[0]], [[1]]], 3])
def test_what_is_no_list_of_numbers(values: object) -> None:
    assert "is not a list of class numbers" in refusal(values)


def test_no_labels_at_all() -> None:
    assert "there are no labels" in refusal()


def test_class_names_must_fit() -> None:
    values = [0, 1, 0]
    assert read_labels(np.array(values), None, ["b", "a"], "x")[2] == ("b", "a")
    assert "stands twice" in refusal(values, names=["a", "a"])
    assert "empty" in refusal(values, names=["a", ""])
    assert "3 class names for 2 classes" in refusal(soft=np.eye(2), names=["a", "b", "c"])


def test_another_split_can_have_more_classes() -> None:
    assert len(read_labels(np.array([0, 1]), None, None, "x", least_classes=7)[2]) == 7


SHARES = np.array([[0.5, 0.5, 0], [0, 0.25, 0.75], [1, 0, 0]], dtype=np.float32)


def test_soft_labels_stay_to_the_bit() -> None:
    for values in (SHARES, SHARES.astype(np.float64)):
        labels, soft, names = read_labels(None, values, None, "x")
        assert soft is not None
        assert soft.dtype == np.float32
        assert np.array_equal(soft, SHARES)
        assert labels.tolist() == [0, 2, 0]
        assert len(names) == 3


def test_two_axes_of_labels_are_soft_labels() -> None:
    labels, soft, _ = read_labels(np.eye(3, dtype=np.int64)[[2, 0]], None, None, "x")
    assert labels.tolist() == [2, 0]
    assert soft is not None
    assert soft.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_hard_labels_beside_soft_ones_are_kept() -> None:
    labels, _, _ = read_labels(np.array([1, 2, 0]), SHARES, None, "x")
    assert labels.tolist() == [1, 2, 0]
    assert "outside the 3 classes" in refusal([1, 2, 3], SHARES)
    assert "2 labels but 3 soft labels" in refusal([1, 2], SHARES)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "not a number"),
        (-0.001, "negative"),
        (0.2485, "do not sum to 1"),
        (0.2515, "do not sum to 1"),
    ],
)
def test_bad_shares_name_their_row(value: float, reason: str) -> None:
    shares = SHARES.copy()
    shares[1, 1] = value
    message = refusal(soft=shares)
    assert message.startswith("file[y]: row 1 ")
    assert reason in message.splitlines()[0]
    with pytest.raises(InputDataError, match="row 41 "):
        checked_soft(shares, "x", np.array([40, 41, 42]))


def test_a_small_excess_is_scaled_away() -> None:
    shares = SHARES.astype(np.float64)
    shares[1] *= 1.0005
    soft = checked_soft(shares, "x", np.arange(3))
    assert np.array_equal(soft, SHARES)


def test_shares_of_other_shapes() -> None:
    for values in (np.ones((3, 1)), np.ones(3), np.array([["a", "b"]])):
        assert "no soft labels" in refusal(soft=values)


@given(
    npst.arrays(
        st.sampled_from(["int8", "uint16", "float64", "float16", "bool", "S2", "complex64"]),
        npst.array_shapes(max_dims=3, min_side=0, max_side=5),
    ),
    st.booleans(),
)
def test_any_array_is_read_or_refused(values: np.ndarray[Any, Any], as_soft: bool) -> None:
    try:
        with np.errstate(all="raise"):
            labels, soft, names = read_labels(
                None if as_soft else values, values if as_soft else None, None, "x"
            )
    except InputDataError:
        return
    assert labels.min() >= 0
    assert labels.max() < len(names)
    if soft is not None:
        assert np.abs(soft.sum(axis=1, dtype=np.float64) - 1).max() < 1e-6
