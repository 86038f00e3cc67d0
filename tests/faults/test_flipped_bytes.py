"""One bit of the bytes of a version is flipped in turn: ``verify`` says so each time."""

import json
from pathlib import Path

import pytest

from augfactory.commands.progress import Progress
from augfactory.commands.versions.verify import verify
from augfactory.errors import VerificationError
from tests.faults.counting import FULL, Problem, count, settle
from tests.faults.running import run, within
from tests.faults.sealing import writable_copy
from tests.faults.small import FORMATS, write_images

PARTS = 4 if FULL else 1  # of the work for one format, so that two processes share it
EVERY = 1 if FULL else 499
# Nobody parses these: one hash sees all their bytes alike, so that every fourth stands for all.
PICTURE_AND_TEXT = ("preview.png", "README.md", "croissant.json")
THINNED = 4


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("storage", FORMATS)
def test_each_is_seen(tmp_path: Path, storage: str, part: int) -> None:
    source = write_images(tmp_path / "source", per_class=1)
    arguments = ("expand", source, "--factor=1", "--mixup=1", "--workers=1", "--out=d", "--json")
    done = run(*arguments, f"--format={storage}", cwd=tmp_path)
    made = tmp_path / json.loads(done.stdout)["datasets"][0]["path"]
    version = writable_copy(made, tmp_path / "changed")
    verify(str(version), Progress())
    problems, number = [], 0
    for path in sorted(path for path in version.rglob("*") if path.is_file()):
        data = path.read_bytes()
        # Bit by bit in turn, so that two neighbouring bytes do not lose the same one.
        every = EVERY * (THINNED if path.name in PICTURE_AND_TEXT else 1)
        for place in range(part * every, len(data), PARTS * every):
            changed = bytearray(data)
            changed[place] ^= 1 << ((place * 5 + place // 8) % 8)
            with open(path, "r+b") as file:
                file.seek(place)
                file.write(changed[place : place + 1])
            told = _verified(version)
            if told is not None:
                problems.append(Problem("wrong states", f"{path.name} byte {place}: {told}"))
            with open(path, "r+b") as file:
                file.seek(place)
                file.write(data[place : place + 1])
            number += 1
    count("bytes flipped", number)
    verify(str(version), Progress())
    settle(problems)


def _verified(version: Path) -> str | None:
    try:
        with within(20):
            verify(str(version), Progress())
    except VerificationError:
        return None
    except BaseException as error:
        return f"verify raised {type(error).__name__}: {str(error)[:200]}"
    return "verify found nothing"
