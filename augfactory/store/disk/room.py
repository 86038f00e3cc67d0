"""Is there room for what is to be written? Asked before hours go into it."""

import os
import shutil
from pathlib import Path

from augfactory.errors import ResourceError

SPARE_BYTES = 64 * 2**20


def check_disk(folder: Path, size: int, files: int, share: float, remedy: str) -> None:
    """Hold the disk of ``folder`` to have room for ``share`` of ``size`` bytes, and some to spare.

    Raises:
        ResourceError: it has not.
    """
    needed = int(size * share)
    there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    if needed + SPARE_BYTES > free:
        raise ResourceError(
            folder,
            f"this needs about {needed / 2**20:,.1f} MiB and {SPARE_BYTES / 2**20:,.0f} MiB to "
            f"spare, and the disk has {free / 2**20:,.1f} MiB left",
            remedy,
        )
    nodes = os.statvfs(there)
    if nodes.f_files and files * share > nodes.f_favail:
        raise ResourceError(
            folder,
            f"this dataset needs {files:,} files, and the disk can hold {nodes.f_favail:,} more",
            "Choose the format hdf5, which needs few files.",
        )
