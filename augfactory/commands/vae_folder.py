"""The folder of a model while it is made: what stands there, and where a training left off.

Until the model is finished, ``.resume`` holds the order and the last saved state. Once config.json
is there, the model is complete and ``.resume`` is of no more use.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from augfactory.errors import InputDataError, RecipeError
from augfactory.store.atomic import write_file
from augfactory.vae.checkpoint import checkpoint_path
from augfactory.vae.config import ModelConfig, TrainingOrder, document_bytes, read_config
from augfactory.vae.divergence import TrainingDivergedError
from augfactory.vae.files import CHECKPOINTS, CONFIG
from augfactory.vae.training import STATE
from augfactory.vae.training_state import Standing, UnreadableStateError, read_standing

RESUME = ".resume"
ORDER = "order.json"
STATE_FILE = "state.safetensors"
DIVERGED = "diverged.txt"


def finished_config(out: Path, order: TrainingOrder) -> ModelConfig | None:
    """Return the config of the finished model in ``out``, None where there is none.

    Raises:
        RecipeError: it is that of another order.
        InputDataError: it cannot be read.
    """
    if not (out / CONFIG).exists():
        return None
    config = read_config(out)
    difference = first_difference(config, order)
    if difference is not None:
        raise RecipeError(
            out,
            f"holds a finished model of another request: {difference}",
            "Give another --out, or delete this folder.",
        )
    shutil.rmtree(out / RESUME, ignore_errors=True)  # killed just before this was done
    return config


def refuse_foreign(out: Path) -> None:
    """Keep away from folders that hold something else.

    Raises:
        RecipeError: ``out`` is a file, or a folder with other files in it.
    """
    if out.exists() and not out.is_dir():
        raise RecipeError(out, "is a file", "Name a folder that is new or empty with --out.")
    if out.is_dir() and not (out / RESUME).is_dir() and any(out.iterdir()):
        raise RecipeError(
            out,
            "holds files that are no model of augfactory",
            "Name a folder that is new or empty with --out.",
        )


def begin(out: Path, order: TrainingOrder) -> None:
    """Leave the order in ``out``; a training that came to nothing makes way.

    Raises:
        RecipeError: a training of another order was interrupted here.
    """
    resume = out / RESUME
    path = resume / ORDER
    if path.exists():
        difference = _difference_from_file(path, order)
        if difference is None:
            (resume / DIVERGED).unlink(missing_ok=True)
            return
        if not (resume / DIVERGED).exists():
            raise RecipeError(
                out,
                f"holds an unfinished training of another request: {difference}",
                "Finish that one with its own command, give another --out, or delete this folder.",
            )
    for left_over in [resume / STATE_FILE, *(out / CHECKPOINTS).glob("loss-*.safetensors")]:
        left_over.unlink(missing_ok=True)
    (resume / DIVERGED).unlink(missing_ok=True)
    write_file(path, document_bytes(order))


def read_saved(out: Path) -> tuple[bytes | None, Standing]:
    """Return the saved state of the training in ``out``, None where there is none yet.

    Raises:
        InputDataError: it cannot be read.
    """
    path = out / RESUME / STATE_FILE
    if not path.exists():
        return None, Standing()
    with reading_state(out):
        data = path.read_bytes()
        return data, read_standing(data)


@contextmanager
def reading_state(out: Path) -> Iterator[None]:
    """Say in words that the saved state cannot be read.

    Raises:
        InputDataError: the block found it unreadable.
    """
    try:
        yield
    except UnreadableStateError as error:
        raise InputDataError(
            out / RESUME / STATE_FILE,
            f"the state of the interrupted training cannot be read: {error}",
            f"Delete {out / RESUME} to train from the beginning.",
        ) from error


def saver(out: Path) -> Callable[[str, bytes], None]:
    """Return what writes the state and the checkpoints of a training to their places."""

    def save(name: str, data: bytes) -> None:
        path = out / (f"{RESUME}/{STATE_FILE}" if name == STATE else checkpoint_path(name))
        path.parent.mkdir(exist_ok=True)
        write_file(path, data)

    return save


def mark_diverged(out: Path, error: TrainingDivergedError) -> None:
    """Note why the training failed; the next one in this folder may be another."""
    write_file(out / RESUME / DIVERGED, f"{error}\n".encode())


def first_difference(there: TrainingOrder, here: TrainingOrder) -> str | None:
    """Say in words what first sets two orders apart, None where nothing does.

    Sources are alike when the chosen rows have one fingerprint, wherever they are kept.
    """
    options: list[tuple[str, object, object]] = [
        ("--architecture", there.architecture, here.architecture),
        ("--latent", there.latent, here.latent),
    ]
    ours = here.training.model_dump()
    for name, value in there.training.model_dump().items():
        options.append((f"--{name.replace('_', '-')}", value, ours[name]))
    if there.source.fingerprint != here.source.fingerprint:
        options += [
            ("SOURCE", there.source.text, here.source.text),
            ("--n-train", len(there.source.rows), len(here.source.rows)),
            ("--size or colour", there.image_shape, here.image_shape),
        ]
    for option, old, new in options:
        if old != new:
            return f"{option} is {old} there and {new} here"
    if there.source.fingerprint != here.source.fingerprint:
        return "the images or labels of its SOURCE were others"
    return None


def _difference_from_file(path: Path, order: TrainingOrder) -> str | None:
    try:
        there = TrainingOrder.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise InputDataError(
            path,
            "the order of the interrupted training cannot be read",
            f"Delete {path.parent} to train from the beginning.",
        ) from error
    return first_difference(there, order)
