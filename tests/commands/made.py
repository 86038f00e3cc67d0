"""A real expansion of a small source in colour, with and without a model, for tests."""

from pathlib import Path

from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.vae.train import VaeTrainRequest, vae_train
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.records import SourceSpec
from tests.pictures import CLASSES, write_class_folders

PER_CLASS = 8
SOURCES = 5 * len(CLASSES)  # chosen of them, so that positions are not row numbers
FACTOR, COPIES = 3, 2


def write_parts(place: Path) -> Path:
    """Write class folders with a training and a test split."""
    write_class_folders(place / "parts" / "train", PER_CLASS)
    write_class_folders(place / "parts" / "test", 4, seed=1)
    return place / "parts"


def train(parts: Path, out: Path, seed: int = 0) -> Path:
    """Train a model for very few steps."""
    request = VaeTrainRequest(
        SourceSpec(str(parts)), out, n_train=SOURCES, steps=4, seed=seed, verdict=False
    )
    vae_train(request, Progress())
    return out


def expanded(
    source: Path,
    out: Path,
    *,
    factor: int = FACTOR,
    seed: int = 0,
    storage: str = "hdf5",
    n_train: bool = False,
) -> Path:
    """Expand ``source``, a folder or a model, with mixup and RICAP; return the version."""
    request = ExpandRequest(
        SourceSpec(str(source)),
        out,
        (factor,),
        n_train=SOURCES if n_train else None,
        mix=(
            mix_stage("test", "mixup", COPIES, "expanded", {}),
            mix_stage("test", "ricap", COPIES, "originals", {}),
        ),
        seed=seed,
        format=storage,
    )
    return expand(request, Progress())[0].path
