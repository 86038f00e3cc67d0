"""The weights of trained classifiers, kept for whoever goes on from them."""

import re
from pathlib import Path

from torch import nn

from augfactory.evaluation.classifiers.weights import weights_bytes
from augfactory.evaluation.comparison.protocol import Run, run_key
from augfactory.store.disk.atomic import make_folders, write_file

FOLDER = "weights"
LONGEST = 60


def weights_path(out: Path, run: Run) -> Path:
    """Return where the weights of a run's classifier are kept in ``out``.

    The name has the run's key, so that one of other settings is never taken for it.
    """
    slug = re.sub(r"[^a-z0-9.]+", "-", run.arm.name.lower()).strip("-")[:LONGEST] or "arm"
    return out / FOLDER / f"{slug}-seed{run.seed}-{run_key(run)[:8]}.safetensors"


def save_weights(path: Path, run: Run, network: nn.Module) -> None:
    """Keep the weights as ``--weights`` takes them.

    Raises:
        ResourceError: they cannot be written.
    """
    about = {
        "classifier": run.classifier.name,
        "arm": run.arm.name,
        "seed": run.seed,
        "steps": run.settings.steps,
    }
    make_folders([path.parent])
    write_file(path, weights_bytes(network, about))
