"""Versions made by somebody who knows how they are read: one function for each way.

Each changes the files of a version; the path of a secret file is given to it, which must not come
out. The hashes are made to match afterwards.
"""

import io
import json
import struct
import tarfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from tests.faults import sealing

Attack = Callable[[Path, Path], object]
COLUMNS = ("image", "soft_label", "label", "method", "round", "view", "source_index", "weight")


def _manifest(change: Callable[[Any, Path], object]) -> Attack:
    def attack(version: Path, secret: Path) -> None:
        manifest = sealing.read(version)
        change(manifest, secret)
        sealing.write(version, manifest)

    return attack


def _set(*keys: str, to: Any) -> Attack:
    """Set one value of the manifest; ``to`` may be made from the secret's path."""

    def change(manifest: Any, secret: Path) -> None:
        for key in keys[:-1]:
            manifest = manifest[key]
        manifest[keys[-1]] = to(secret) if callable(to) else to

    return _manifest(change)


def _listing(path: Any) -> Attack:
    """Let the manifest list one more file."""

    def change(manifest: Any, secret: Path) -> None:
        name = path(secret) if callable(path) else path
        manifest["files"].append({"path": name, "size": 9, "sha256": "0" * 64})

    return _manifest(change)


def _plan(change: Callable[[pa.Table], pa.Table]) -> Attack:
    return lambda version, _: _rewritten(version / "plan.parquet", change)


def _rewritten(path: Path, change: Callable[[Any], Any]) -> None:
    table = pq.read_table(path)
    pq.write_table(change(table), path)


def _without(name: str, table: pa.Table) -> pa.Table:
    return table.drop_columns([name])


def _as_text(name: str, table: pa.Table) -> pa.Table:
    text = pa.array(["x"] * len(table))
    return table.set_column(table.schema.get_field_index(name), name, text)


def _nulls(name: str, table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, name, pa.nulls(len(table), table.schema.field(name).type))


def _huge(name: str, number: int, table: pa.Table) -> pa.Table:
    place, kind = table.schema.get_field_index(name), table.schema.field(name).type
    values: list[Any]
    if pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind):
        values = [[number] * len(row) for row in table[name].to_pylist()]
    else:
        values = [number] * len(table)
    return table.set_column(place, name, pa.array(values, kind))


def _repeated(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table] * 50)


def _elsewhere(secret: Path) -> str:
    return str(secret.parent / "x")


FOR_ALL: list[tuple[str, Attack]] = [
    ("name leads up", _set("name", to="../../x")),
    ("name leads up far", _set("name", to="../../../../../../x")),
    ("name is absolute", _set("name", to=_elsewhere)),
    ("name is empty", _set("name", to="")),
    ("name is a dot", _set("name", to=".")),
    ("name with NUL", _set("name", to="a\0b")),
    ("name with escapes", _set("name", to="\x1b[2J\x1b]0;x\x07")),
    ("name of 100,000 letters", _set("name", to="x" * 100_000)),
    ("version leads up", _set("version", to="../../v9")),
    ("version is a word", _set("version", to="latest")),
    ("a file above", _listing("../../secret/secret.bin")),
    ("an absolute file", _listing(str)),
    ("a file with NUL", _listing("a\0b")),
    ("a file without name", _listing("")),
    ("the folder as a file", _listing(".")),
    ("a file by backslashes", _listing("..\\..\\x")),
    ("a device", _listing("/dev/zero")),
    ("the manifest lists itself", _listing("manifest.json")),
    ("rows without end", _set("rows", to=10**12)),
    ("fewer rows", _set("rows", to=1)),
    ("negative rows", _set("rows", to=-5)),
    ("huge images", _set("image_shape", to=[2**31, 2**31, 3])),
    ("images without height", _set("image_shape", to=[0, 9, 3])),
    ("other images", _set("image_shape", to=[9, 6, 3])),
    ("grey images", _set("image_shape", to=[6, 9, 1])),
    ("negative images", _set("image_shape", to=[-6, 9, 3])),
    ("no classes", _set("class_names", to=[])),
    ("classes of one name", _set("class_names", to=["ash"] * 3)),
    ("classes that lead up", _set("class_names", to=["../../x", "/y", "a\0"])),
    ("more classes", _set("class_names", to=[f"c{n}" for n in range(100_000)])),
    ("no recipe", _set("recipe", to={})),
    ("recipe of another format", _set("recipe", "format", to="png")),
    ("recipe of no format", _set("recipe", "format", to="x")),
    ("recipe without end", _set("recipe", "factor", to=10**15)),
    ("recipe of a list", _set("recipe", "mix", to=[1, 2])),
    ("unknown method", _set("recipe", "mix", to=[{"method": "x", "copies": 1}])),
    ("seed without end", _set("recipe", "seed", to=10**40)),
    ("source is secret", _set("source", "text", to=str)),
    ("source's place is secret", _set("source", "place", to=str)),
    ("source's place leads up", _set("source", "place", to="../../../../secret")),
    ("source is a device", _set("source", "text", to="/dev/zero")),
    ("source is a folder above", _set("source", "text", to="/")),
    ("no source rows", _set("source", "rows", to=[])),
    ("negative source rows", _set("source", "rows", to=[-1] * 6)),
    ("far source rows", _set("source", "rows", to=[10**12] * 6)),
    ("source rows without end", _set("source", "rows", to=[0] * 10**6)),
    ("empty roots", _set("source", "roots", to=[])),
    ("no roots", _set("source", "roots", to=[[]] * 6)),
    ("far roots", _set("source", "roots", to=[[10**30]] * 6)),
    ("many roots", _set("source", "roots", to=[[0] * 10**5] * 6)),
    ("model in a secret place", _set("model", to=lambda s: {"folder": str(s), "sha256": "0" * 64})),
    ("model on a device", _set("model", to={"folder": "/dev/zero", "place": "..", "sha256": "0"})),
    ("model without hash", _set("model", to={})),
    ("counts of nothing", _set("counts", to={"x" * 1000: {"y": 10**30}})),
    ("statistics of nothing", _set("statistics", to={"pixel_mean": []})),
    ("created never", _set("created", to="\x1b[31m")),
    ("content hash of nothing", _set("content_hash", to="../../x")),
    ("recipe id leads up", _set("recipe_id", to="../../../x")),
    ("plan without a column", _plan(partial(_without, "parent_row"))),
    ("plan of text", _plan(partial(_as_text, "parent_row"))),
    ("plan of nulls", _plan(partial(_nulls, "source_index"))),
    ("plan far away", _plan(partial(_huge, "parent_row", 2**40))),
    ("plan of negatives", _plan(partial(_huge, "parent_row", -(2**40)))),
    ("plan of no rows", _plan(lambda table: table.slice(0, 0))),
    ("plan of many rows", _plan(_repeated)),
]


def _h5(index: int, change: Callable[[Any, Path], object]) -> Attack:
    def attack(version: Path, secret: Path) -> None:
        with h5py.File(version / f"shards/{index:05d}.h5", "a") as file:
            change(file, secret)

    return attack


def _external(name: str, file: Any, secret: Path) -> None:
    shape, kind = file[name].shape, file[name].dtype
    del file[name]
    file.create_dataset(name, shape, kind, external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def _external_link(name: str, file: Any, secret: Path) -> None:
    del file[name]
    file[name] = h5py.ExternalLink(str(secret), "/x")


def _soft_link(name: str, file: Any, _: Path) -> None:
    file.move(name, f"{name}-moved")
    file[name] = h5py.SoftLink(f"/{name}-moved")


def _virtual(name: str, file: Any, secret: Path) -> None:
    shape, kind = file[name].shape, file[name].dtype
    del file[name]
    layout = h5py.VirtualLayout(shape, kind)
    layout[:] = h5py.VirtualSource(str(secret), "x", shape, kind)
    file.create_virtual_dataset(name, layout)


def _never_written(name: str, file: Any, _: Path) -> None:
    shape, kind = file[name].shape, file[name].dtype
    del file[name]
    file.create_dataset(name, (2**33, *shape[1:]), kind, chunks=(2**12, *shape[1:]))


def _never_written_whole(name: str, file: Any, _: Path) -> None:
    shape, kind = file[name].shape, file[name].dtype
    del file[name]
    file.create_dataset(name, (2**40, *shape[1:]), kind)


def _group(name: str, file: Any, _: Path) -> None:
    del file[name]
    file.create_group(name)


def _replaced(name: str, make: Callable[[Any], Any], file: Any, _: Path) -> None:
    values = make(file[name][()])
    del file[name]
    file[name] = values


def _filled(name: str, value: float, file: Any, _: Path) -> None:
    file[name][...] = value


def _compressed(name: str, file: Any, _: Path) -> None:
    values = file[name][()]
    del file[name]
    file.create_dataset(name, data=values, compression="gzip")


def _bomb(name: str, file: Any, _: Path) -> None:
    shape, kind = file[name].shape, file[name].dtype
    del file[name]
    dataset = file.create_dataset(
        name, (2**24, *shape[1:]), kind, chunks=(2**16, *shape[1:]), compression="gzip"
    )
    chunk = zlib.compress(bytes(2**16 * int(np.prod(shape[1:])) * kind.itemsize))
    for start in range(0, 2**24, 2**16):
        dataset.id.write_direct_chunk((start, *([0] * (len(shape) - 1))), chunk)


HDF5: list[tuple[str, Attack]] = [
    *[
        (f"{what} {name}", _h5(index, partial(change, name)))
        for index, what, change in (
            (0, "external", _external),
            (1, "external link of", _external_link),
            (0, "soft link of", _soft_link),
            (0, "virtual", _virtual),
            (0, "never written", _never_written),
            (2, "never written whole", _never_written_whole),
            (0, "group instead of", _group),
            (0, "compressed", _compressed),
            (0, "bomb of", _bomb),
        )
        for name in COLUMNS
    ],
    *[
        (f"{what} {name}", _h5(0, partial(_replaced, name, make)))
        for name in COLUMNS
        for what, make in (
            ("one number instead of", lambda _: 5),
            ("nothing in", lambda values: values[:0]),
            ("less of", lambda values: values[:-1]),
            ("one more axis of", lambda values: values[None]),
            ("text instead of", lambda values: np.full(values.shape, b"xyz")),
            ("floats instead of", lambda values: np.zeros(values.shape, "f8")),
            ("complex numbers instead of", lambda values: np.zeros(values.shape, "c16")),
        )
    ],
    ("labels of NaN", _h5(0, partial(_filled, "soft_label", float("nan")))),
    ("labels without end", _h5(0, partial(_filled, "soft_label", float("inf")))),
    ("labels of 7", _h5(0, partial(_filled, "soft_label", 7))),
    ("no class", _h5(0, partial(_filled, "label", -1))),
    ("far class", _h5(0, partial(_filled, "label", 2**40))),
    ("far sources", _h5(0, partial(_filled, "source_index", 2**40))),
    ("negative sources", _h5(0, partial(_filled, "source_index", -(2**40)))),
    ("weights of NaN", _h5(0, partial(_filled, "weight", float("nan")))),
    ("far rounds", _h5(0, partial(_filled, "round", -(2**31)))),
    ("methods that are no ASCII", _h5(0, lambda file, _: _set_method(file, b"\xff\xfe"))),
    ("methods that escape", _h5(0, lambda file, _: _set_method(file, b"\x1b[2J"))),
    ("unknown methods", _h5(0, lambda file, _: _set_method(file, b"magic"))),
    ("no HDF5", lambda version, _: (version / "shards/00000.h5").write_bytes(b"x" * 100)),
    ("an empty file", lambda version, _: (version / "shards/00000.h5").write_bytes(b"")),
]


def _set_method(file: Any, name: bytes) -> None:
    file["method"][...] = np.full(file["method"].shape, name, "S16")


def _png(data: Callable[[], bytes], name: str = "train/ash/00000000.png") -> Attack:
    return lambda version, _: (version / name).write_bytes(data())


def _image(mode: str, size: tuple[int, int], kind: str = "PNG", **more: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, kind, **more)
    return buffer.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int = 2**31 - 1, height: int = 2**31 - 1, pixels: int = 2**20) -> bytes:
    """Return a PNG that declares far more than it holds."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(pixels))
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _text_bomb() -> bytes:
    whole = _image("RGB", (9, 6))
    text = _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**28)))
    return whole[:33] + text + whole[33:]


IMAGES: list[tuple[str, Callable[[], bytes]]] = [
    ("bomb", bomb),
    ("bomb of 50,000", partial(bomb, 50_000, 50_000)),
    ("bomb of text", _text_bomb),
    ("JPEG", partial(_image, "RGB", (9, 6), "JPEG")),
    ("GIF", partial(_image, "P", (9, 6), "GIF")),
    ("TIFF", partial(_image, "RGB", (9, 6), "TIFF")),
    ("other size", partial(_image, "RGB", (6, 9))),
    ("one pixel", partial(_image, "RGB", (1, 1))),
    ("grey", partial(_image, "L", (9, 6))),
    ("palette", partial(_image, "P", (9, 6))),
    ("alpha", partial(_image, "RGBA", (9, 6))),
    ("16 bits", partial(_image, "I;16", (9, 6))),
    ("bits", partial(_image, "1", (9, 6))),
    ("no pixels", partial(bomb, 0, 0, 0)),
    ("too few pixels", partial(bomb, 9, 6, 10)),
    ("text", lambda: b"hello"),
    ("nothing", lambda: b""),
]


def _table(name: str, change: Callable[[Any], Any]) -> Attack:
    def attack(version: Path, _: Path) -> None:
        paths = sorted(version.glob(name))
        _rewritten(paths[0], change)

    return attack


Change = Callable[[Any], Any]


def _tables(
    change_of: Callable[[Change], Attack], columns: tuple[str, ...]
) -> list[tuple[str, Attack]]:
    found: list[tuple[str, Attack]] = [
        ("no rows", change_of(lambda table: table.slice(0, 0))),
        ("a row less", change_of(lambda table: table.slice(1))),
        ("many rows", change_of(_repeated)),
        (
            "a column twice",
            change_of(lambda table: table.append_column("label", table["label"])),
        ),
    ]
    for column in columns:
        found += [
            (f"no {column}", change_of(partial(_without, column))),
            (f"text in {column}", change_of(partial(_as_text, column))),
            (f"nulls in {column}", change_of(partial(_nulls, column))),
        ]
    for column, number in (("label", 2**40), ("label", -1), ("source_index", 2**40), ("round", -9)):
        found.append((f"{column} {number}", change_of(partial(_huge, column, number))))
    return found


def _names(table: pa.Table, name: str) -> pa.Table:
    place = table.schema.get_field_index("file_name")
    return table.set_column(place, "file_name", pa.array([name] * len(table)))


PNG: list[tuple[str, Attack]] = [
    *[(f"PNG: {what}", _png(data)) for what, data in IMAGES],
    *_tables(partial(_table, "train/metadata.parquet"), COLUMNS[1:]),
    *[
        (f"file name {name}", _table("train/metadata.parquet", partial(_names, name=name)))
        for name in ("../../../secret/secret.bin", "/dev/zero", "", "\0")
    ],
]


def _stored(table: pa.Table, data: Callable[[], bytes]) -> pa.Table:
    place, field = table.schema.get_field_index("image"), table.schema.field("image")
    values: list[Any] = table["image"].to_pylist()
    values[0] = {**values[0], "bytes": data()} if isinstance(values[0], dict) else data()
    return table.set_column(place, field, pa.array(values, field.type))


def _pointing(version: Path, secret: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        place, field = table.schema.get_field_index("image"), table.schema.field("image")
        if not pa.types.is_struct(field.type):
            return table
        values = [{"bytes": None, "path": str(secret)} for _ in range(len(table))]
        return table.set_column(place, field, pa.array(values, field.type))

    _rewritten(sorted(version.glob("data/*.parquet"))[0], change)


PARQUET: list[tuple[str, Attack]] = [
    ("images that lie elsewhere", _pointing),
    *[
        (f"image: {what}", _table("data/*.parquet", partial(_stored, data=data)))
        for what, data in IMAGES
    ],
    *_tables(partial(_table, "data/*.parquet"), COLUMNS),
]


def _lance(change: Change, version_of_files: str = "2.0") -> Attack:
    def attack(version: Path, _: Path) -> None:
        from lance.file import LanceFileReader, LanceFileWriter

        path = str(sorted(version.glob("train.lance/data/*.lance"))[0])
        table = change(LanceFileReader(path).read_all().to_table())
        Path(path).unlink()
        writer = LanceFileWriter(path, table.schema, version=version_of_files)
        writer.write_batch(table)
        writer.close()

    return attack


def _text(column: str, value: str, table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index(column)
    return table.set_column(place, column, pa.array([value] * len(table)))


def _features(value: bytes, table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata({"huggingface": value})


def _end(data: bytes, version: Path, _: Path) -> None:
    path = sorted(version.glob("train.lance/data/*.lance"))[0]
    path.write_bytes(path.read_bytes()[: -len(data)] + data)


LANCE: list[tuple[str, Attack]] = [
    # Lance itself writes no column twice.
    *[each for each in _tables(_lance, COLUMNS) if each[0] != "a column twice"],
    *[(f"file version {each}", _lance(lambda table: table, each)) for each in ("2.1", "2.2")],
    ("a method of a megabyte", _lance(partial(_text, "method", "x" * 2**20))),
    ("a method that is a path", _lance(partial(_text, "method", "../../x"))),
    *[
        (f"features {value[:20]!r}", _lance(partial(_features, value)))
        for value in (b"", b"[]", b"{}", b"x", b"[" * 10_000)
    ],
    *[
        (f"the end {value!r}", partial(_end, value))
        for value in (
            b"LANX", b"\xff" * 8 + b"\0\0\3\0LANC", b"\xff" * 16 + b"LANC", b"\0" * 40 + b"LANC",
        )
    ],
]  # fmt: skip


def _tar(change: Callable[[list[tuple[tarfile.TarInfo, bytes]], Path], Any]) -> Attack:
    def attack(version: Path, secret: Path) -> None:
        path = sorted(version.rglob("*.tar"))[0]
        members = []
        with tarfile.open(path) as tar:
            for member in tar.getmembers():
                file = tar.extractfile(member)
                members.append((member, file.read() if file else b""))
        change(members, secret)
        with tarfile.open(path, "w") as tar:
            for member, data in members:
                member.size = len(data) if member.isreg() else member.size
                tar.addfile(member, io.BytesIO(data))

    return attack


def _member(ending: str, data: Callable[[bytes], bytes], members: Any, _: Path) -> None:
    for place, (member, stored) in enumerate(members):
        if member.name.endswith(ending):
            members[place] = (member, data(stored))
            return


def _instead(make: Callable[[], bytes], _: bytes) -> bytes:
    return make()


def _named(name: str, members: Any, _: Path) -> None:
    members[0][0].name = name


def _kind(kind: bytes, members: Any, secret: Path) -> None:
    members[0][0].type, members[0][0].linkname = kind, str(secret)


def _json(change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps(change(json.loads(data))).encode()


WEBDATASET: list[tuple[str, Attack]] = [
    *[
        (f"PNG in a tar: {what}", _tar(partial(_member, ".png", partial(_instead, data))))
        for what, data in IMAGES
    ],
    *[
        (f"JSON in a tar: {what}", _tar(partial(_member, ".json", change)))
        for what, change in (
            ("no JSON", lambda _: b"x"),
            ("nothing", lambda _: b""),
            ("a list", lambda _: b"[]"),
            ("a number", lambda _: b"5"),
            ("empty", lambda _: b"{}"),
            ("deep", lambda _: b"[" * 100_000 + b"]" * 100_000),
            ("digits", lambda _: b"9" * 5000),
            ("far label", _json(lambda values: {**values, "label": 2**70})),
            ("text for a label", _json(lambda values: {**values, "label": "x"})),
            ("labels of NaN", lambda data: data.replace(b"0.0", b"NaN")),
            ("labels without end", lambda data: data.replace(b"1.0", b"1e999")),
            ("labels in lists", _json(lambda values: {**values, "soft_label": [[1], 2, "x"]})),
            ("no labels", _json(lambda values: {**values, "soft_label": []})),
            ("method of a number", _json(lambda values: {**values, "method": 5})),
            ("far sources", _json(lambda values: {**values, "source_index": [2**70]})),
        )
    ],
    *[(f"member {name!r}", _tar(partial(_named, name))) for name in ("../../x", "/x", "", "x.png")],
    *[
        (f"member of kind {kind!r}", _tar(partial(_kind, kind)))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
    ],
    ("no members", _tar(lambda members, _: members.clear())),
    ("a member less", _tar(lambda members, _: members.pop())),
    ("members twice", _tar(lambda members, _: members.extend(list(members)))),
    ("members in another order", _tar(lambda members, _: members.reverse())),
]

ATTACKS: dict[str, list[tuple[str, Attack]]] = {
    "hdf5": HDF5,
    "png": PNG,
    "parquet": PARQUET,
    "webdataset": WEBDATASET,
    "lance": LANCE,
}
