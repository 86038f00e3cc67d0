"""What holds for every method, whatever it does to the pixels."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from augfactory.keyed_random import generator
from augfactory.methods.method import Draws, Method
from augfactory.methods.registry import METHODS
from augfactory.records import UInt8Array
from tests.methods.slots import slots

METHODS_FOLDER = Path(__file__).parents[2] / "augfactory" / "methods"
NO_METHODS = {"__init__", "method", "registry"}

# Parameters to try beside the defaults.
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "mixup": [{"alpha": 0.0}, {"parents": 3, "alpha": 1.0}, {"parents": 16, "alpha": 1e-6}],
    "ricap": [
        {"beta": 0.0},
        {"scope": "batch", "batch_size": 4},
        {"scope": "batch", "batch_size": 3, "ramp_start": 0, "ramp_end": 2},
    ],
    "cutmix": [{"alpha": 0.0}, {"alpha": 1e6}],
    "geometry": [
        {"preset": "photo"},
        {"preset": "none", "elastic_alpha": 8.0, "elastic_sigma": 1.0, "fill": "wrap"},
        {"keep_aspect": False, "flip_vertical": True, "fill": "nearest"},
    ],
    "augmix": [
        {"operations": "all", "severity": 10.0},
        {"width": 1, "depth": 4},
        {"fill_value": 128, "alpha": 0.01},
    ],
    "erasing": [{"smallest": 1.0, "largest": 1.0}, {"aspect": 1.0}],
    "grid": [{"cells": 1}, {"cells": 16, "pairing": "any"}],
    "trivialaugment": [{"rotate": 30.0, "fill_value": 128}, {"blend": 0.0, "translate": 1.0}],
    "randaugment": [{"operations": 5, "magnitude": 30}, {"operations": 1, "fill_value": 128}],
    "crop": [{"pad": 6, "fill": "border", "flip_horizontal": True}, {"pad": 1, "fill": "wrap"}],
    "jitter": [{"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.5}, {"hue": 0.0}],
    "stroke": [{"thicker": 3.0, "thinner": 0.0}, {"thicker": 0.0, "thinner": 2.5}],
}
CASES = [
    pytest.param(method, parameters, id=f"{name}{parameters or ''}")
    for name, method in METHODS.items()
    for parameters in [{}, *VARIANTS.get(name, [])]
]
SHAPES = [(5, 7, 1), (6, 4, 3), (1, 1, 1), (1, 1, 3), (1, 6, 3), (5, 1, 1)]
ROWS = 11

every_case = pytest.mark.parametrize(("method", "parameters"), CASES)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def drawn(
    method: Method, parameters: dict[str, Any], shape: tuple[int, int, int], rows: int = ROWS
) -> tuple[Any, UInt8Array, Draws]:
    """Return the checked parameters, noise for parents, and draws over three rounds."""
    checked = method.parameters.model_validate(parameters)
    random = generator("parents", *shape)
    parents = (rows, method.parents(checked), *shape)
    images = random.integers(0, 256, parents, dtype=np.uint8)
    return checked, images, method.draw(checked, slots(rows, shape, per_round=5))


@every_shape
@every_case
def test_shapes_types_and_ranges(
    method: Method, parameters: dict[str, Any], shape: tuple[int, int, int]
) -> None:
    checked, images, draws = drawn(method, parameters, shape)
    weights = method.weights(checked, draws, shape)
    result = method.apply(checked, images, draws)

    fields = method.fields(checked)
    assert len(set(fields)) == len(fields)
    assert draws.shape == (ROWS, len(fields))
    assert draws.dtype == np.float64
    assert np.isfinite(draws).all()
    assert weights.shape == (ROWS, method.parents(checked))
    assert weights.dtype == np.float32
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1, dtype=np.float64), 1, rtol=0, atol=1e-6)
    assert result.shape == (ROWS, *shape)
    assert result.dtype == np.uint8


@every_shape
@every_case
def test_a_row_does_not_depend_on_its_batch(
    method: Method, parameters: dict[str, Any], shape: tuple[int, int, int]
) -> None:
    checked, images, draws = drawn(method, parameters, shape)
    together = method.apply(checked, images, draws)
    weights = method.weights(checked, draws, shape)
    for row in range(ROWS):
        alone = slice(row, row + 1)
        np.testing.assert_array_equal(
            method.apply(checked, images[alone], draws[alone]), together[alone]
        )
        np.testing.assert_array_equal(method.weights(checked, draws[alone], shape), weights[alone])
    backwards = method.apply(checked, images[::-1], draws[::-1])
    np.testing.assert_array_equal(backwards[::-1], together)


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_a_pairing_that_can_be_chosen_is_the_methods(method: Method) -> None:
    paired = "pairing" in method.parameters.model_fields
    parameters = method.parameters.model_validate({"pairing": "other"} if paired else {})
    assert method.pairing(parameters) == ("other" if paired else "any")


@every_case
def test_inputs_stay_as_they_are(method: Method, parameters: dict[str, Any]) -> None:
    checked, images, draws = drawn(method, parameters, (6, 4, 3))
    images_before, draws_before = images.copy(), draws.copy()
    result = method.apply(checked, images, draws)
    method.weights(checked, draws, (6, 4, 3))
    result ^= 255
    np.testing.assert_array_equal(images, images_before)
    np.testing.assert_array_equal(draws, draws_before)


@every_case
def test_no_rows_give_no_rows(method: Method, parameters: dict[str, Any]) -> None:
    checked, images, draws = drawn(method, parameters, (6, 4, 3), rows=0)
    assert draws.shape == (0, len(method.fields(checked)))
    assert method.weights(checked, draws, (6, 4, 3)).shape == (0, method.parents(checked))
    assert method.apply(checked, images, draws).shape == (0, 6, 4, 3)


@every_case
def test_equal_keys_give_equal_draws(method: Method, parameters: dict[str, Any]) -> None:
    checked, _, draws = drawn(method, parameters, (6, 4, 3))
    again = method.draw(checked, slots(ROWS, (6, 4, 3), per_round=5))
    np.testing.assert_array_equal(again, draws)


@every_method
def test_other_keys_give_other_draws(method: Method) -> None:
    checked, _, draws = drawn(method, {}, (16, 20, 3))
    other_run = method.draw(checked, slots(ROWS, (16, 20, 3), run="other"))
    other_rows = method.draw(checked, slots(ROWS, (16, 20, 3), first=ROWS))
    assert not np.array_equal(other_run, draws)
    assert not np.array_equal(other_rows, draws)


@every_case
def test_stored_draws_give_equal_bytes(
    method: Method, parameters: dict[str, Any], tmp_path: Path
) -> None:
    checked, images, draws = drawn(method, parameters, (6, 4, 3))
    expected = method.apply(checked, images, draws)
    weights = method.weights(checked, draws, (6, 4, 3))

    table = pa.table(dict(zip(method.fields(checked), draws.T, strict=True)))
    pa.parquet.write_table(table, tmp_path / "plan.parquet")
    columns = pa.parquet.read_table(tmp_path / "plan.parquet")
    from_parquet = np.stack([column.to_numpy() for column in columns.columns], axis=1)
    from_json = np.array(json.loads(json.dumps(draws.tolist(), allow_nan=False)))
    stored = json.loads(json.dumps(checked.model_dump(mode="json"), allow_nan=False))
    parameters_again = method.parameters.model_validate(stored)

    for replayed in (from_parquet, from_json):
        np.testing.assert_array_equal(method.apply(parameters_again, images, replayed), expected)
        again = method.weights(parameters_again, replayed, (6, 4, 3))
        np.testing.assert_array_equal(again, weights)


@pytest.mark.parametrize("name", ["mixup", "ricap", "cutmix", "grid"])
def test_images_of_one_colour_stay_so_where_all_parents_have_it(name: str) -> None:
    method = METHODS[name]
    checked, images, draws = drawn(method, {}, (6, 4, 3))
    images[:] = images[:, :1, :1, :1]
    np.testing.assert_array_equal(method.apply(checked, images, draws), images[:, 0])


@pytest.mark.parametrize("name", ["mixup", "cutmix", "grid"])  # ricap moves what it crops
def test_an_image_mixed_with_itself_is_unchanged(name: str) -> None:
    method = METHODS[name]
    checked, images, draws = drawn(method, {}, (6, 4, 3))
    images[:] = images[:, :1]
    np.testing.assert_array_equal(method.apply(checked, images, draws), images[:, 0])


@every_method
def test_the_card_has_its_headings(method: Method) -> None:
    first_line = method.card.splitlines()[0]
    assert re.fullmatch(r"[A-Z]\w+: .+\.", first_line)
    headings = re.findall(r"^(Source|Differs|Labels|Avoid):", method.card, re.MULTILINE)
    assert headings == ["Source", "Differs", "Labels", "Avoid"]
    assert max(map(len, method.card.splitlines())) <= 100


@every_method
def test_parameters_are_explained_frozen_and_closed(method: Method) -> None:
    for name, field in method.parameters.model_fields.items():
        assert field.description, f"{method.name}: {name} has no description"
        assert not field.is_required()
    assert method.parameters.model_config.get("frozen")
    assert method.parameters.model_config.get("extra") == "forbid"


def test_every_file_is_registered_and_tested() -> None:
    files = {path.stem for path in METHODS_FOLDER.glob("*.py")} - NO_METHODS
    tests = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    assert files == set(METHODS)
    assert files <= tests


@every_method
def test_names_fit_the_method_column(method: Method) -> None:
    assert re.fullmatch("[a-z]{1,16}", method.name)
    assert method.version >= 1
