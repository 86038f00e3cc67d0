"""Image files decoded on several threads give what one thread gives, errors and warnings too."""

import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augfactory import threads
from augfactory.errors import InputDataError
from augfactory.records import SourceSpec
from augfactory.sources.examined import examine
from augfactory.sources.opening import open_source
from augfactory.sources.parsing.decoder_errors import decoder_errors
from augfactory.threads import read_each, usable_threads

ROWS = 23


@pytest.fixture
def four(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let four threads read, whatever the machine has, and find every image worth them."""
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.setattr(threads, "WORTH_SECONDS", 0.0)


def write_photographs(folder: Path) -> None:
    """Write class folders of 23 images of 5x8 pixels, two of them alike."""
    random = np.random.default_rng(0)
    for number in range(ROWS):
        path = folder / ["ash", "birch"][number % 2] / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (5, 8, 3), dtype=np.uint8)
        Image.fromarray(np.zeros_like(pixels) if number in (3, 9) else pixels).save(path)


def test_threads_read_the_same_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, four: None
) -> None:
    write_photographs(tmp_path / "trees")
    found = {}
    for count in ("1", "4"):
        monkeypatch.setenv("OMP_NUM_THREADS", count)
        source = open_source(SourceSpec(str(tmp_path / "trees")))
        asked = np.array([5, 0, 22, 5, 11])
        seen = examine(source)
        found[count] = (source.read_images(asked).tobytes(), seen.shapes.tolist(), seen.copies)
    assert found["1"] == found["4"]
    assert len(found["4"][2]) == 1


def test_threads_take_part(four: None) -> None:
    meeting, here = threading.Barrier(4, timeout=10), set()

    def read(row: int) -> int:
        here.add(threading.get_ident())
        if row:
            meeting.wait()  # passes only where four are there at once
        return row * row

    assert list(read_each(read, range(9))) == [row * row for row in range(9)]
    assert threading.get_ident() in here
    assert len(here) == 5


def test_one_thread_where_images_are_read_at_once_or_workers_share_the_cores(
    monkeypatch: pytest.MonkeyPatch, four: None
) -> None:
    def readers() -> set[int]:
        here = set()
        list(read_each(lambda _: here.add(threading.get_ident()), range(9)))
        return here

    assert len(readers()) > 1
    monkeypatch.setattr(threads, "WORTH_SECONDS", 60.0)
    assert readers() == {threading.get_ident()}
    monkeypatch.setattr(threads, "WORTH_SECONDS", 0.0)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert readers() == {threading.get_ident()}
    assert list(read_each(str, range(0))) == []


@pytest.mark.parametrize(("told", "threads_used"), [("3", 3), ("64", 8), ("2,4", 2), ("1", 1)])
def test_the_usual_variable_says_how_many(
    monkeypatch: pytest.MonkeyPatch, told: str, threads_used: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert usable_threads() == threads_used


@pytest.mark.parametrize("told", ["", "0", "many"])
def test_a_variable_that_says_nothing_leaves_the_cores(
    monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {4, 5, 6}, raising=False)
    assert usable_threads() == 3


def test_of_several_broken_files_the_first_is_named(tmp_path: Path, four: None) -> None:
    write_photographs(tmp_path / "trees")
    files = sorted((tmp_path / "trees").glob("*/*.png"))
    for broken in (files[4], files[17]):
        broken.write_bytes(broken.read_bytes()[:60])
    source = open_source(SourceSpec(str(tmp_path / "trees")))
    assert [*examine(source).broken] == [4, 17]
    for _ in range(5):
        with pytest.raises(InputDataError, match=f"{files[4].parent.name}/{files[4].name}"):
            source.read_images(np.arange(ROWS))


def test_what_has_not_begun_is_dropped_when_one_fails(four: None) -> None:
    begun = []

    def read(row: int) -> None:
        begun.append(row)
        time.sleep(0.01)
        if row == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(read_each(read, range(200)))
    assert len(begun) < 50


def test_warnings_are_as_before_once_the_last_thread_has_left() -> None:
    before, both = list(warnings.filters), threading.Barrier(2, timeout=10)
    left = threading.Event()

    def first() -> None:
        with decoder_errors("a", "cannot be read", "Save it again."):
            both.wait()
        left.set()

    other = threading.Thread(target=first)
    other.start()
    with decoder_errors("b", "cannot be read", "Save it again."):
        both.wait()
        assert left.wait(10)
        warnings.warn("of a decoder", UserWarning, stacklevel=1)  # an error outside, by pytest
    other.join()
    assert list(warnings.filters) == before
    with (
        pytest.raises(InputDataError, match="cannot be read"),
        decoder_errors("c", "cannot be read", "Save it again."),
    ):
        warnings.warn("huge", Image.DecompressionBombWarning, stacklevel=1)
