"""Trained networks, kept beside the results, so that several can answer together."""

import json
from pathlib import Path

from torch import nn

from augfactory.errors import ResourceError
from augfactory.evaluation.classifiers.registry import find_classifier
from augfactory.evaluation.comparison.protocol import Run, run_key
from augfactory.guarded.files import is_there
from augfactory.guarded.tensors import (
    checksum,
    first_misfit,
    metadata_of,
    parse_tensors,
    read_tensor_file,
)
from augfactory.sources.recorded import open_rows
from augfactory.store.disk.atomic import remove, write_file
from augfactory.vae.training_state import tensor_bytes

FOLDER, ENDING, CHECKSUM = "networks", ".safetensors", "sha256"


def save_network(folder: Path, run: Run, network: nn.Module) -> None:
    """Keep the network of a finished run in ``folder``.

    Raises:
        ResourceError: it cannot be written.
    """
    tensors = {name: own.contiguous().cpu() for name, own in network.state_dict().items()}
    text = json.dumps({"run": run_key(run)})
    data = tensor_bytes(tensors, {"about": text, CHECKSUM: checksum(text, tensors)})
    write_file(network_path(folder, run), data)


def network_is_kept(folder: Path, run: Run) -> bool:
    """Tell whether there is a file of the run's network."""
    return is_there(network_path(folder, run))


def load_network(folder: Path, run: Run) -> nn.Module:
    """Return the network of a finished run, in evaluation mode.

    Raises:
        ResourceError: what was kept is damaged; it is removed, so that the run is trained again.
    """
    path = network_path(folder, run)
    test = open_rows(run.test, trusted=True)[1]
    build = find_classifier(run.classifier.name, run.classifier.weights).build
    network = build(test.image_shape, len(test.class_names))
    try:
        data = read_tensor_file(path, follow=False)
        said, tensors = metadata_of(data), parse_tensors(data)
        if said[CHECKSUM] != checksum(said["about"], tensors):
            raise ValueError("its checksum differs")
        problem = first_misfit(tensors, network.state_dict())
        if problem is not None:
            raise ValueError(problem)
    except (OSError, ValueError, KeyError) as error:
        remove(path)
        raise ResourceError(
            path, f"is damaged ({error})", "Run the same command again: it is trained again."
        ) from error
    network.load_state_dict(tensors)
    return network.to(run.settings.device).eval()


def drop_others(out: Path, runs: list[Run]) -> None:
    """Remove the networks of runs that are not among ``runs``, such as shorter ones.

    Raises:
        ResourceError: something cannot be removed.
    """
    folder = out / FOLDER
    wanted = {network_path(folder, run) for run in runs}
    for path in sorted(folder.glob(f"*{ENDING}")):
        if path not in wanted:
            remove(path)


def network_path(folder: Path, run: Run) -> Path:
    """Return where the network of a run is kept."""
    return folder / f"{run_key(run)}{ENDING}"
