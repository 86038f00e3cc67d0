"""How far classifiers have come, kept beside their results, so that more steps go on from there."""

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from augfactory.evaluation.comparison.protocol import Earlier, Reading, Run, training_key
from augfactory.evaluation.training.train import TrainingProgress
from augfactory.guarded.tensors import checksum, metadata_of, parse_tensors, read_tensor_file
from augfactory.store.disk.atomic import remove, write_file
from augfactory.vae.training_state import tensor_bytes

CURVE = TypeAdapter(tuple[Reading, ...])
ENDING = ".safetensors"
PROGRESS, CHECKSUM = "standing", "sha256"  # the keys of the metadata


def save_state(folder: Path, run: Run, earlier: Earlier) -> None:
    """Keep how far the training of the run has come, in the place of what was kept before.

    One that broke is not kept: it cannot go on.

    Raises:
        ResourceError: it cannot be written.
    """
    progress = earlier.progress
    if progress.broke:
        return
    text = json.dumps(
        {
            "key": training_key(run),
            "step": progress.step,
            "seconds": progress.seconds,
            "waited": progress.waited,
            "curve": [asdict(reading) for reading in earlier.curve],
        }
    )
    tensors = {name: own.contiguous() for name, own in progress.tensors.items()}
    data = tensor_bytes(tensors, {PROGRESS: text, CHECKSUM: checksum(text, tensors)})
    write_file(_path(folder, run), data)


def load_state(folder: Path, run: Run) -> Earlier | None:
    """Return what was kept of a shorter training of the run; None where there is nothing usable.

    What is damaged is removed: the training begins from the start, and comes to the same.

    Raises:
        ResourceError: it cannot be removed.
    """
    path = _path(folder, run)
    try:
        data = read_tensor_file(path, follow=False)
        said, tensors = metadata_of(data), parse_tensors(data)
        text = said[PROGRESS]
        if said[CHECKSUM] != checksum(text, tensors):
            raise ValueError("its checksum differs")
        kept = json.loads(text)
        progress = TrainingProgress(
            int(kept["step"]), tensors, float(kept["seconds"]), float(kept["waited"])
        )
        earlier = Earlier(progress, CURVE.validate_python(kept["curve"]))
        if kept["key"] != training_key(run):
            raise ValueError("it is that of another run")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        remove(path)
        return None
    return earlier if progress.step <= run.settings.steps else None


def drop_states(folder: Path) -> None:
    """Remove what was kept of trainings that have no more steps to go.

    Raises:
        ResourceError: something cannot be removed.
    """
    for path in sorted(folder.glob(f"*{ENDING}")):
        remove(path)


def _path(folder: Path, run: Run) -> Path:
    return folder / f"{training_key(run)}{ENDING}"
