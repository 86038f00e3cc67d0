"""Only ``store/disk/system.py`` and the three files above it change the disk; so any step can fail.

A walk over the whole package for calls that write, make, rename or remove. It knows them by their
names, so what is written into memory stands in ``INTO_MEMORY``.
"""

import ast
from pathlib import Path

import pytest

import augfactory

PACKAGE = Path(augfactory.__file__).parent
THE_WAY = (
    "store/disk/system.py",
    "store/disk/atomic.py",
    "store/disk/lock.py",
    "store/disk/scratch.py",
)
INTO_MEMORY = {  # each writes to a buffer, whose bytes then go through store/disk/atomic.py
    ("commands/runs/corrupted.py", "np.save"),
    ("commands/versions/rows/looking.py", "picture.save"),
    ("commands/expand/filtering.py", "np.savez"),
    ("commands/expand/pseudo_labelling.py", "np.savez"),
    ("commands/expand/rendering/job.py", "np.save"),
    ("commands/tune/folds.py", "np.savez"),
    ("evaluation/images/decoded_filter.py", "np.savez"),
    ("evaluation/corruptions/digital.py", "_picture(image).save"),
    ("report/contact_sheet.py", "page.save"),
    ("report/figures/drawing.py", "root.savefig"),
    ("store/formats/hdf5.py", "h5py.File"),
    ("store/formats/parquet.py", "pq.write_table"),
    ("store/formats/png.py", "Image.fromarray(pixels).save"),
    ("store/layouts/npz.py", "archive.open"),
    ("store/layouts/npz.py", "zipfile.ZipFile"),
    ("store/tables.py", "pq.write_table"),
    ("store/tables.py", "writer.write_table"),
    ("store/formats/webdataset.py", "tarfile.open"),
    ("vae/training.py", "training.callbacks.save"),
    ("vae/training_state.py", "safetensors.torch.save"),
}
OTHER = {
    ("store/disk/remote.py", "self.files.makedirs"),  # where a push goes, or shards come through
    ("store/disk/passing.py", "tempfile.mkdtemp"),  # of a worker that shares no folder
    ("cli/session.py", "os.open"),  # the null device, where nobody reads stdout any more
    ("engines/ray.py", "os.open"),  # the null device, while Ray starts
}
OF_PATHS = {
    *("write_bytes", "write_text", "touch", "mkdir", "makedirs", "mkfifo", "rmdir", "removedirs"),
    *("unlink", "rmtree", "rename", "renames", "symlink", "symlink_to", "hardlink_to", "link_to"),
    *("chmod", "truncate", "copyfile", "copy2", "copytree", "tofile"),
    *("mkstemp", "mkdtemp", "TemporaryDirectory", "NamedTemporaryFile", "TemporaryFile"),
    *("savefig", "save", "savez", "savez_compressed", "savetxt", "save_file", "write_table"),
}
WITH_MODE = {"open", "fdopen", "File", "ZipFile", "TarFile", "GzipFile"}
OF_OS = {"move", "remove", "replace", "link", "open", "write"}


def writes(call: ast.Call) -> bool:
    """Tell whether a call looks like one that changes the disk."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    of = ast.unparse(call.func).rpartition(".")[0]
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if name in OF_PATHS:
        return True
    if of in ("os", "shutil") and name in OF_OS:
        return name != "open" or any(
            flag in ast.unparse(call) for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC")
        )
    if name == "replace" and of:  # text takes two arguments, a path one
        return len(given) == 1
    modes = [each.value for each in given if isinstance(each, ast.Constant)]
    return name in WITH_MODE and any(
        isinstance(mode, str)
        and len(mode) <= 4
        and set(mode) & set("wax+")
        and set(mode) <= set("rwaxbt+:")
        for mode in modes
    )


def found() -> set[tuple[str, str]]:
    """Return (module, call) of every such call."""
    calls = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).as_posix()
        if module in THE_WAY:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and writes(node):
                calls.add((module, ast.unparse(node.func)))
    return calls


def test_all_writing_goes_through_one_file() -> None:
    allowed = INTO_MEMORY | OTHER
    assert {call for call in found() if call not in allowed} == set()
    assert allowed <= found()  # an exception that is no longer needed goes


@pytest.mark.parametrize(
    "line",
    [
        "path.write_text('x')",
        "shutil.rmtree(path)",
        "rmtree(path)",
        "os.replace(old, new)",
        "old.replace(new)",
        "open(path, 'wb')",
        "open(path, mode='a')",
        "path.open('r+')",
        "os.open(path, os.O_RDONLY | os.O_CREAT)",
        "h5py.File(path, 'w')",
        "figure.savefig(path)",
    ],
)
def test_a_call_that_writes_is_known(line: str) -> None:
    call = ast.parse(line, mode="eval").body
    assert isinstance(call, ast.Call)
    assert writes(call)


@pytest.mark.parametrize(
    "line",
    [
        "text.replace('a', 'b')",
        "replace(request, out=out)",
        "open(path, 'rb')",
        "Image.open(path)",
        "os.open(path, os.O_RDONLY)",
        "rows.remove(row)",
    ],
)
def test_a_call_that_does_not_write_is_known(line: str) -> None:
    call = ast.parse(line, mode="eval").body
    assert isinstance(call, ast.Call)
    assert not writes(call)
