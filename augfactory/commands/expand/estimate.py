"""What `augfactory expand --dry-run` says of a dataset before anything is written."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from augfactory.commands.expand.orders import Order
from augfactory.commands.expand.request import ExpandRequest, take_orders
from augfactory.commands.progress import Progress
from augfactory.store.versions import find_recipe, next_version


@dataclass(frozen=True)
class Estimate:
    """What is known of one dataset beforehand; bytes are those of the data files."""

    name: str
    version: str
    path: Path
    rows: int
    counts: dict[str, int]
    bytes: int
    files: int
    disk_left: int
    existing: bool


def estimate(request: ExpandRequest, progress: Progress) -> list[Estimate]:
    """Say what `expand` would write, without writing anything."""
    return [_estimate(order) for order in take_orders(request, progress)]


def _estimate(order: Order) -> Estimate:
    existing = find_recipe(order.folder, order.identity)
    version = existing.name if existing else next_version(order.folder)
    size, files = order.expected_size()
    disk = next(path for path in order.folder.resolve().parents if path.is_dir())
    return Estimate(
        name=order.folder.name,
        version=version,
        path=order.folder / version,
        rows=order.rows,
        counts=order.counts(),
        bytes=size,
        files=files,
        disk_left=shutil.disk_usage(disk).free,
        existing=existing is not None,
    )


def estimates_text(estimates: Sequence[Estimate]) -> str:
    """Return what ``--dry-run`` prints."""
    lines = []
    for estimate_ in estimates:
        counts = ", ".join(f"{count:,} {name}" for name, count in estimate_.counts.items() if count)
        lines.append(
            f"{estimate_.name}@{estimate_.version}  {estimate_.rows:,} rows ({counts}), "
            f"about {estimate_.bytes / 2**20:,.1f} MiB in {estimate_.files:,} file(s), "
            f"disk left {estimate_.disk_left / 2**30:,.1f} GiB"
            + (" - exists already" if estimate_.existing else "")
        )
    return "\n".join([*lines, "Nothing was written."])
