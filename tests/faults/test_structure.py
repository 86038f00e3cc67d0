"""Files added, removed, renamed, exchanged, made links or special: ``verify`` says 4 each time."""

import hashlib
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults.counting import Problem, count, part_of, settle
from tests.faults.running import run
from tests.faults.sealing import MANIFEST, SUMS, writable_copy
from tests.faults.small import FORMATS, expanded, write_images

Change = tuple[str, Callable[[Path], object]]


@pytest.mark.parametrize("storage", part_of(FORMATS, 3))
def test_each_is_seen(tmp_path: Path, storage: str) -> None:
    made = expanded(write_images(tmp_path / "source"), storage, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/image.png").write_bytes((made / "preview.png").read_bytes())
    other = expanded(write_images(tmp_path / "other", seed=1), storage, tmp_path, "other")
    problems = []
    for what, change in [*changes_of(made, tmp_path / "elsewhere", other)]:
        version = writable_copy(made, tmp_path / "changed")
        change(version)
        done = run("verify", version, cwd=tmp_path, seconds=20)
        allowed = (3, 4) if what.endswith(MANIFEST) else (4,)
        if done.code not in allowed or "Traceback" in done.stderr:
            told = (done.defect or done.stderr)[-300:]
            problems.append(Problem("wrong states", f"{what}: exit {done.code}: {told}"))
        count("structural changes")
        shutil.rmtree(version.parent)
    settle(problems)


def changes_of(made: Path, elsewhere: Path, other: Path) -> Iterator[Change]:
    """Yield everything that is done to a version, each with what it is called."""
    files = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    folders = ["", *sorted(p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_dir())]
    few = [*files[:8], *files[-8:]] if len(files) > 16 else files
    for name in few:
        for what, change in changes_of_file(elsewhere):
            yield f"{what} {name}", _on(name, change)
        yield f"link to the same instead of {name}", _on(name, partial(_link, made / name))
    for name in folders:
        for what, change in changes_of_folder(elsewhere):
            yield f"{what} in {name}", _on(name, change)
        if name:
            yield f"link instead of folder {name}", _on(name, _link_of_folder)
    places = ("shards/", "train/", "data/", "train.lance/data/")
    data = [name for name in files if name.startswith(places)]
    yield "two exchanged", lambda at: _exchange(at / data[0], at / data[1])
    yield "of another version", lambda at: shutil.copyfile(other / data[0], at / data[0])
    yield (
        f"another version's {MANIFEST}",
        lambda at: shutil.copyfile(other / MANIFEST, at / MANIFEST),
    )
    for what, edit in edits_of_sums():
        yield f"{SUMS} with {what}", _on(SUMS, partial(_edit, edit))


def changes_of_file(elsewhere: Path) -> list[Change]:
    """Return what is done to one file of a version."""
    return [
        ("removed", Path.unlink),
        ("renamed", lambda path: path.rename(f"{path}.old")),
        ("emptied", lambda path: path.write_bytes(b"")),
        ("cut", lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])),
        ("longer", lambda path: path.write_bytes(path.read_bytes() + b"\n")),
        ("dangling", partial(_link, elsewhere / "nothing")),
        ("folder instead of", _folder),
        ("FIFO instead of", _fifo),
        ("device instead of", partial(_link, Path("/dev/zero"))),
    ]


def changes_of_folder(elsewhere: Path) -> list[Change]:
    """Return what is put into one folder of a version."""
    return [
        ("file", lambda folder: (folder / "more.txt").write_text("more")),
        ("hidden file", lambda folder: (folder / ".more").write_text("")),
        ("empty folder", partial(_made, Path.mkdir)),
        ("FIFO", partial(_made, os.mkfifo)),
        ("socket", _socket),
        ("link", partial(_made, partial(_linked, elsewhere))),
        ("dangling link", partial(_made, partial(_linked, Path("no")))),
        ("loop", partial(_made, partial(_linked, Path()))),
    ]


def _on(name: str, change: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda version: change(version / name)


def _made(make: Callable[[Path], object], folder: Path) -> None:
    make(folder / "zz")


def edits_of_sums() -> Iterator[tuple[str, Callable[[bytes], bytes]]]:
    """Yield what can be done to SHA256SUMS that `sha256sum -c` would take amiss, or people."""
    zeros = b"0" * 64
    for name, mark in {
        "VT": "\v",
        "FF": "\f",
        "FS": "\x1c",
        "GS": "\x1d",
        "RS": "\x1e",
        "NEL": "\x85",
        "LS": "\u2028",
        "PS": "\u2029",
        "CR": "\r",
        "CR LF": "\r\n",
        "NUL": "\0",
    }.items():
        yield f"{name} for a newline", partial(_first_newline, mark.encode())
    yield (
        "a wrong line before a right one",
        lambda data: zeros + data.split(b"\n")[0][64:] + b"\n" + data,
    )
    yield "a wrong line at the end", lambda data: data + zeros + data.split(b"\n")[0][64:] + b"\n"
    yield "a line twice", lambda data: data + data.split(b"\n")[0] + b"\n"
    yield "lines in another order", lambda data: b"".join(reversed(data.splitlines(keepends=True)))
    yield "an empty line", lambda data: b"\n" + data
    yield "no last newline", lambda data: data[:-1]
    yield "a comment", lambda data: b"# checked\n" + data
    yield (
        "hashes in capitals",
        lambda data: b"\n".join(line[:64].upper() + line[64:] for line in data.split(b"\n")),
    )
    yield "a star before names", lambda data: data.replace(b"  ", b" *")
    yield "one space", lambda data: data.replace(b"  ", b" ")
    yield "tabs", lambda data: data.replace(b"  ", b"\t")
    yield "three spaces", lambda data: data.replace(b"  ", b"   ")
    yield "a byte order mark", lambda data: b"\xef\xbb\xbf" + data
    yield "dots before names", lambda data: data.replace(b"  ", b"  ./")
    yield "a line less", lambda data: b"".join(data.splitlines(keepends=True)[1:])
    yield "no line of the manifest", lambda data: b"".join(data.splitlines(keepends=True)[:-1])
    yield (
        "a foreign file",
        lambda data: data + hashlib.sha256().hexdigest().encode() + b"  /dev/null\n",
    )
    yield "no UTF-8", lambda data: data + b"\xff\n"
    yield "UTF-16", lambda data: data.decode().encode("utf-16")


def _link(to: Path, path: Path) -> None:
    path.unlink()
    path.symlink_to(to)


def _linked(to: Path, path: Path) -> None:
    path.symlink_to(to)


def _link_of_folder(path: Path) -> None:
    moved = path.parent.parent / f"moved-{path.name}"
    path.rename(moved)
    path.symlink_to(moved)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _socket(folder: Path) -> None:
    before = Path.cwd()
    os.chdir(folder)  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind("zz")
    finally:
        os.chdir(before)


def _exchange(one: Path, two: Path) -> None:
    kept = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(kept)


def _first_newline(mark: bytes, data: bytes) -> bytes:
    return data.replace(b"\n", mark, 1)


def _edit(edit: Callable[[bytes], bytes], path: Path) -> None:
    path.write_bytes(edit(path.read_bytes()))
