"""The manifest of a Lance dataset over data files that are there: the same for the same files."""

from collections.abc import Iterator
from pathlib import Path

from augfactory.guarded.files import read_file
from augfactory.guarded.lance import open_lance
from augfactory.store.disk.scratch import scratch_folder
from augfactory.store.formats.storage_format import FinishedShard

FIRST = "_versions/1.manifest"
# Fields of the message Manifest in Lance's table.proto that differ from run to run.
TIMESTAMP, TRANSACTION_FILE, TRANSACTION_SECTION = 7, 12, 23


def manifest_of(building: Path, shards: list[FinishedShard]) -> bytes:
    """Return the file ``FIRST`` of the Lance dataset whose data files are those of ``shards``."""
    from lance import LanceDataset, LanceOperation
    from lance.fragment import DataFile, FragmentMetadata

    fragments = []
    for number, shard in enumerate(shards):
        (name,) = shard.paths
        about = open_lance(building / name).metadata()
        columns = [*range(len(about.schema))]
        size = (building / name).stat().st_size
        file = DataFile(
            Path(name).name, columns, columns, about.major_version, about.minor_version, size
        )
        fragments.append(FragmentMetadata(number, [file], shard.rows))
    with scratch_folder("lance") as folder:
        place = folder / "dataset.lance"
        LanceDataset.commit(
            str(place),
            LanceOperation.Overwrite(about.schema, fragments),
            enable_v2_manifest_paths=False,
        )
        return _timeless(read_file(place / FIRST))


def _timeless(manifest: bytes) -> bytes:
    """Return the file of a Lance manifest without the time and the transaction that made it.

    Its end says where the message is: 8 bytes, then 4 of versions and the magic. Before the message
    is its length, and before that perhaps the transaction.
    """
    begin = int.from_bytes(manifest[-16:-8], "little")
    length = int.from_bytes(manifest[begin : begin + 4], "little")
    left_out = (TIMESTAMP, TRANSACTION_FILE, TRANSACTION_SECTION)
    kept = b"".join(
        data
        for number, data in _fields(manifest[begin + 4 : begin + 4 + length])
        if number not in left_out
    )
    return len(kept).to_bytes(4, "little") + kept + bytes(8) + manifest[-8:]


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (number, bytes) of each field of a Protocol Buffers message."""

    def varint(at: int) -> tuple[int, int]:
        value, shift = 0, 0
        while True:
            value |= (message[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if message[at - 1] < 128:
                return value, at

    at = 0
    while at < len(message):
        begin = at
        key, at = varint(at)
        kind = key & 7
        if kind == 0:
            _, at = varint(at)
        elif kind == 2:
            length, at = varint(at)
            at += length
        else:
            at += {1: 8, 5: 4}[kind]
        yield key >> 3, message[begin:at]
