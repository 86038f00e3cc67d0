"""The trained networks of runs: for whoever goes on from them, and to answer together.

Each is a file that ``--weights`` takes, with a checksum.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from torch import nn

from augfactory.errors import ResourceError
from augfactory.evaluation.classifiers.registry import find_classifier
from augfactory.evaluation.classifiers.weights import model_of, read_checked, weights_bytes
from augfactory.evaluation.comparison.protocol import Run, run_key
from augfactory.guarded.files import is_there
from augfactory.guarded.tensors import first_misfit
from augfactory.records import Source
from augfactory.store.disk.atomic import remove, write_file

WEIGHTS, NETWORKS = "weights", "networks"  # folders: of what a user asked for, and of the rest
ENDING = ".safetensors"
LONGEST_SLUG = 60


def folder_of(out: Path, *, asked: bool, ensemble: bool) -> Path | None:
    """Return where networks are kept in ``out``; None where nobody needs them.

    ``asked`` is whether the user wants the files, ``ensemble`` whether the networks are to answer
    together.
    """
    if asked:
        return out / WEIGHTS
    return out / NETWORKS if ensemble else None


def network_path(folder: Path, run: Run) -> Path:
    """Return where the network of a run is kept in ``folder``.

    Its name has the run's key. Of equal runs one is trained, whose arm has given the name.
    """
    slug = re.sub(r"[^a-z0-9.]+", "-", run.arm.name.lower()).strip("-")[:LONGEST_SLUG] or "arm"
    ending = f"-seed{run.seed}-{run_key(run)[:8]}{ENDING}"
    own = folder / f"{slug}{ending}"
    return own if is_there(own) else next(iter(sorted(folder.glob(f"*{ending}"))), own)


def has_network(folder: Path, run: Run) -> bool:
    """Tell whether there is a file of the run's network."""
    return is_there(network_path(folder, run))


def save_network(folder: Path, run: Run, network: nn.Module) -> None:
    """Keep the network of a finished run in a folder that is there.

    Raises:
        ResourceError: it cannot be written.
    """
    about = {
        "classifier": run.classifier.name,
        "arm": run.arm.name,
        "seed": run.seed,
        "steps": run.settings.steps,
        "run": run_key(run),
    }
    write_file(network_path(folder, run), weights_bytes(network, about))


def load_network(folder: Path, run: Run, test: Source) -> nn.Module:
    """Return the network of a finished run, in evaluation mode.

    ``test`` has the size of its images and the classes that it was trained on.

    Raises:
        ResourceError: what was kept is damaged; it is removed, so that the run is trained again.
    """
    path = network_path(folder, run)
    build = find_classifier(run.classifier.name, run.classifier.weights).build
    network = build(test.image_shape, len(test.class_names))
    model = model_of(network)
    try:
        text, tensors = read_checked(path)
        problem = first_misfit(tensors, model.state_dict())
        if json.loads(text)["run"] != run_key(run):
            problem = "it is that of another run"
        if problem is not None:
            raise ValueError(problem)
    except (OSError, ValueError, KeyError, TypeError) as error:
        remove(path)
        raise ResourceError(
            path, f"is damaged ({error})", "Run the same command again: it is trained again."
        ) from error
    model.load_state_dict(tensors)
    return network.to(run.settings.device).eval()


def drop_networks(folder: Path, runs: Iterable[Run]) -> None:
    """Remove the networks of ``runs``, such as shorter trainings that went on.

    Raises:
        ResourceError: something cannot be removed.
    """
    for run in runs:
        remove(network_path(folder, run))


def drop_others(folder: Path, runs: Iterable[Run]) -> None:
    """Remove the networks of runs that are not among ``runs``.

    Raises:
        ResourceError: something cannot be removed.
    """
    wanted = {network_path(folder, run) for run in runs}
    for path in sorted(folder.glob(f"*{ENDING}")):
        if path not in wanted:
            remove(path)
