"""One small version in any storage format, its class names not ASCII, for tests."""

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.records import SourceSpec

CLASSES = ("Bär ähnlich", "chat noir", "狗")


def make_version(
    folder: Path, storage: str, channels: int = 3, classes: tuple[str, ...] = CLASSES
) -> Path:
    """Expand 12 images of 9×14 pixels to 60 rows."""
    images = np.random.default_rng(3).integers(0, 256, (12, 9, 14, channels), dtype=np.uint8)
    labels = np.arange(12) % 3
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "set.npz", images=images, labels=labels, class_names=np.array(classes))
    mix = (
        mix_stage("test", "mixup", 1, "expanded", {}),
        mix_stage("test", "ricap", 1, "originals", {}),
    )
    request = ExpandRequest(
        SourceSpec(str(folder / "set.npz")), folder / "d", (3,), mix=mix, format=storage
    )
    return expand(request, Progress())[0].path


@cache
def _made_once(storage: str, channels: int) -> Path:
    folder = Path(tempfile.mkdtemp(dir=os.environ["XDG_CACHE_HOME"]))  # the test session's own
    make_version(folder, storage, channels)
    return folder


def copy_version(folder: Path, storage: str, channels: int = 3) -> Path:
    """Return a copy of what ``make_version`` makes; the source it names is not in ``folder``."""
    shutil.copytree(_made_once(storage, channels), folder, dirs_exist_ok=True)
    return folder / "d-x3" / "v1"
