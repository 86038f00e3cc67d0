"""The folder of a model while it is made: what stands there, and where a training left off.

Until the model is finished, ``.resume`` holds the plan and the last saved state. Once config.json
is there, the model is complete and ``.resume`` is of no more use. Whatever is found there may be
damaged, by a bad disk or a careless copy: each file carries a checksum, and what does not hold is
made again.
"""

import contextlib
import hashlib
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from augfactory.commands.progress import Progress
from augfactory.errors import RecipeError, ResourceError
from augfactory.guarded.documents import read_json
from augfactory.guarded.files import NotRegularError, is_there, open_inside, sha256_of
from augfactory.guarded.tensors import LARGEST_HEADER, read_tensor_file
from augfactory.source_rows import SourceRows
from augfactory.store.disk.atomic import make_folders, remove, remove_leftovers, write_file
from augfactory.vae.checkpoint import check_files, checkpoint_path
from augfactory.vae.config import (
    LARGEST_CONFIG,
    ModelConfig,
    TrainingPlan,
    document_bytes,
    read_config,
)
from augfactory.vae.divergence import TrainingDivergedError
from augfactory.vae.files import CHECKPOINTS, CONFIG, RESUME
from augfactory.vae.training import STATE, Training, checked_training, checkpoint_name
from augfactory.vae.training_state import TrainingProgress, UnreadableStateError, read_state

ORDER = "order.json"
STATE_FILE = "state.safetensors"
DIVERGED = "diverged.txt"
COPIES = 4  # of the weights that a state holds: the last, two moments, the best


def finished_config(out: Path, plan: TrainingPlan) -> ModelConfig | None:
    """Return the config of the finished model in ``out``, None where there is none.

    Raises:
        RecipeError: it is that of another plan.
        InputDataError: it cannot be read, or weights that it names are missing or damaged.
    """
    if not is_there(out / CONFIG):
        return None
    config = read_config(out)
    difference = first_difference(config, plan)
    if difference is not None:
        raise RecipeError(
            out,
            f"holds a finished model of another request: {difference}",
            "Give another --out, or delete this folder.",
        )
    check_files(out, config)
    with contextlib.suppress(ResourceError):  # a finished model may lie where nothing is written
        remove(out / RESUME)  # killed just before this was done
    return config


def refuse_foreign(out: Path) -> None:
    """Keep away from folders that hold something else.

    Raises:
        RecipeError: ``out`` is a file, or a folder with other files in it.
    """
    if out.exists() and not out.is_dir():
        raise RecipeError(out, "is a file", "Name a folder that is new or empty with --out.")
    known = _is_plain_folder(out / RESUME) or is_there(out / CONFIG)
    if out.is_dir() and not known and any(out.iterdir()):
        raise RecipeError(
            out,
            "holds files that are not a model of augfactory",
            "Name a folder that is new or empty with --out.",
        )


def begin(out: Path, plan: TrainingPlan, progress: Progress) -> None:
    """Leave the plan in ``out``; a training that came to nothing makes way.

    What a killed run left half-written is removed, and a damaged plan is written again.

    Raises:
        RecipeError: a training of another plan was interrupted here.
        ResourceError: something there cannot be read or removed.
    """
    resume = out / RESUME
    if is_there(out / CHECKPOINTS) and not _is_plain_folder(out / CHECKPOINTS):
        remove(out / CHECKPOINTS)  # a link would lead what is written there elsewhere
    for folder in (out, resume, out / CHECKPOINTS):
        remove_leftovers(folder)
    difference = _difference_there(resume, plan, progress)
    if difference is not None and not is_there(resume / DIVERGED):
        raise RecipeError(
            out,
            f"holds an unfinished training of another request: {difference}",
            "Finish that one with its own command, give another --out, or delete this folder.",
        )
    remove(resume / DIVERGED)
    if difference is not None:
        _discard(out)
    write_file(resume / ORDER, _plan_bytes(plan))


def read_saved(
    out: Path, training: Training, progress: Progress
) -> tuple[bytes | None, TrainingProgress]:
    """Return the saved state of ``training`` in ``out``, None where there is none.

    One that is damaged, or whose checkpoints are, is removed: there is nothing to mend it from, so
    the training begins from the start, and comes to the same model.

    Raises:
        ResourceError: it cannot be read, though it may be whole.
    """
    path = out / RESUME / STATE_FILE
    if not is_there(path):
        return None, training.standing
    try:
        data = _state_data(path, training)
        standing, _ = checked_training(training, data)
        for loss, sha256 in standing.kept.items():
            _check_kept(out, checkpoint_path(checkpoint_name(loss)), sha256)
    except UnreadableStateError as error:
        progress.say(
            f"the saved state of the interrupted training is damaged ({error}): it is removed, and "
            "the training begins from the start"
        )
        _discard(out)
        return None, training.standing
    return data, standing


def saver(out: Path) -> Callable[[str, bytes], None]:
    """Return what writes the state and the checkpoints of a training to their places."""

    def save(name: str, data: bytes) -> None:
        path = out / (f"{RESUME}/{STATE_FILE}" if name == STATE else checkpoint_path(name))
        make_folders([path.parent])
        write_file(path, data)

    return save


def mark_diverged(out: Path, error: TrainingDivergedError) -> None:
    """Note why the training failed; the next one in this folder may be another."""
    write_file(out / RESUME / DIVERGED, f"{error}\n".encode())


def first_difference(there: TrainingPlan, here: TrainingPlan) -> str | None:
    """Say in words what first sets two plans apart, None where nothing does.

    Sources are alike when the chosen rows have one fingerprint, wherever they are kept.
    """
    options: list[tuple[str, object, object]] = [
        ("--architecture", there.architecture, here.architecture),
        ("--latent", there.latent, here.latent),
        ("--geometry", there.geometry is not None, here.geometry is not None),
    ]
    for name in type(here.training).model_fields:
        ours, theirs = getattr(here.training, name), getattr(there.training, name)
        options.append((f"--{name.replace('_', '-')}", theirs, ours))
    if there.source.fingerprint != here.source.fingerprint:
        options += [
            ("SOURCE", there.source.text, here.source.text),
            ("--n-train", len(there.source.rows), len(here.source.rows)),
            ("--size or colour", there.image_shape, here.image_shape),
        ]
    if _print_of(there.unlabelled) != _print_of(here.unlabelled):
        options.append(
            ("--unlabelled", _text_of(there.unlabelled), _text_of(here.unlabelled)),
        )
    for option, old, new in options:
        if old != new:
            return f"{option} is {old} there and {new} here"
    if there.source.fingerprint != here.source.fingerprint:
        return "the images or labels of its SOURCE were others"
    if _print_of(there.unlabelled) != _print_of(here.unlabelled):
        return "its unlabelled images were others"
    if _preset(there) != _preset(here):
        return f"--preset is {_preset(there)} there and {_preset(here)} here"
    if there.geometry != here.geometry:
        return "its images were varied in another way, by another version of augfactory"
    return None


def _print_of(more: SourceRows | None) -> str | None:
    return None if more is None else more.fingerprint


def _text_of(more: SourceRows | None) -> str | None:
    return None if more is None else more.text


def _preset(plan: TrainingPlan) -> str | None:
    return None if plan.geometry is None else plan.geometry.get("preset")


def _difference_there(resume: Path, plan: TrainingPlan, progress: Progress) -> str | None:
    """Say how the training that was interrupted differs from ``plan``, None where it does not."""
    path = resume / ORDER
    try:
        return first_difference(_read_plan(path), plan)
    except FileNotFoundError:
        damage = None
    except (NotRegularError, ValueError) as error:
        damage = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
    except OSError as error:
        raise _unreadable(path, error) from error
    if damage is not None:
        progress.say(f"{path} is damaged ({damage}): it is written again")
        remove(path)
    try:  # the state knows its plan, too
        standing, _ = read_state(read_tensor_file(resume / STATE_FILE, follow=False))
    except (OSError, ValueError):
        return None
    return None if standing.order == plan.identity else f"{path} does not say which"


def _read_plan(path: Path) -> TrainingPlan:
    values = read_json(path, LARGEST_CONFIG, follow=False)
    if not isinstance(values, dict) or _sha256(values.get("order")) != values.get("sha256"):
        raise ValueError("its checksum differs")
    return TrainingPlan.model_validate_json(json.dumps(values["order"]))


def _plan_bytes(plan: TrainingPlan) -> bytes:
    values = json.loads(document_bytes(plan))
    document = {"order": values, "sha256": _sha256(values)}
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _sha256(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _state_data(path: Path, training: Training) -> bytes:
    weights = sum(tensor.nbytes for tensor in training.network.state_dict().values())
    try:
        return read_tensor_file(path, COPIES * weights + LARGEST_HEADER, follow=False)
    except NotRegularError as error:
        raise UnreadableStateError(error.strerror) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        raise UnreadableStateError(str(error)) from error


def _check_kept(out: Path, name: str, sha256: str) -> None:
    try:
        with open_inside(out, name) as file:
            _, found = sha256_of(file)
    except (FileNotFoundError, NotRegularError) as error:
        raise UnreadableStateError(f"{name}: {error.strerror}") from error
    except OSError as error:
        raise _unreadable(out / name, error) from error
    if found != sha256:
        raise UnreadableStateError(f"{name} is not what was saved there")


def _discard(out: Path) -> None:
    """Remove the saved state and the checkpoints, so that the training begins from the start."""
    remove(out / RESUME / STATE_FILE)
    for path in (out / CHECKPOINTS).glob("loss-*.safetensors"):
        remove(path)


def _is_plain_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _unreadable(path: Path, error: OSError) -> ResourceError:
    return ResourceError(
        path,
        f"cannot be read ({error.strerror or error})",
        f"Check the disk and the rights of this file, or delete {path.parent} to train from the "
        "beginning.",
    )
