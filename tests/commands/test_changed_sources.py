"""Sources that are no longer what was recorded of them: told, or left out, never taken for it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augfactory.commands.evaluate.arms import ArmsRequest
from augfactory.commands.evaluate.inputs import Inputs, gather
from augfactory.commands.progress import Progress
from augfactory.errors import InputDataError
from augfactory.records import SourceSpec
from augfactory.source_rows import fingerprint
from augfactory.sources.opening import open_source
from tests.commands.hostile import edit_manifest
from tests.commands.versions import write_source, write_version
from tests.evaluation.memory import patterns


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset of 40 of 60 originals, and test images."""
    monkeypatch.chdir(tmp_path)
    train = write_source(tmp_path / "train.h5", *patterns("train", 60))
    write_source(tmp_path / "test.h5", *patterns("test", 30))
    write_version(tmp_path / "d-x2/v1", train, list(range(3, 43)), 2)
    (tmp_path / "d-x2/v1/SHA256SUMS").touch()
    return tmp_path


def write_anew(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    path.unlink()  # it may be open
    write_source(path, images, labels)


def gathered(test: str = "test.h5") -> Inputs:
    return gather(("d-x2",), SourceSpec(test), None, ArmsRequest(), Progress())


def test_rows_of_a_changed_source_are_not_held_out(place: Path) -> None:
    """What was used is known by row number: in another order, unused numbers may be used images."""
    held_out = gathered().held_out_source
    assert held_out is not None
    assert len(held_out) == 20
    images, labels = patterns("train", 60)
    write_anew(place / "train.h5", images[::-1], labels[::-1])
    assert gathered().held_out_source is None


def test_what_a_model_learnt_is_looked_through_or_nothing_is_told(place: Path) -> None:
    """A test image among those of the model is found; where they have changed, that is said."""
    images, labels = patterns("learnt by the model", 20)
    spec = write_source(place / "learnt.h5", images, labels)
    whole = open_source(spec)

    def made_with_a_model(values: dict[str, Any]) -> None:
        values["model"] = {
            "sha256": "0" * 64,
            "trained_on": {
                **values["source"], "text": spec.text, "place": None, "roots": None,
                "rows": list(range(20)), "fingerprint": fingerprint(whole),
            },
        }  # fmt: skip

    edit_manifest(place / "d-x2/v1", made_with_a_model)
    test_images, test_labels = patterns("test", 30)
    write_source(
        place / "seen.h5",
        np.concatenate([test_images, images[:1]]),
        np.concatenate([test_labels, labels[:1]]),
    )
    with pytest.raises(InputDataError, match="is in the training set too"):
        gathered("seen.h5")
    for rows in (19, 20):
        write_anew(place / "learnt.h5", *patterns("others", rows))
        with pytest.raises(
            InputDataError, match="no longer those that the model of d-x2@v1 learnt"
        ):
            gathered("seen.h5")
