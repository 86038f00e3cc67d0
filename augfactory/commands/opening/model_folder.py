"""Whether a SOURCE is the folder of a model; a look at names, which loads no torch."""

from pathlib import Path

from augfactory.errors import InputDataError
from augfactory.guarded.files import is_there
from augfactory.vae.files import CONFIG, RESUME


def is_model_folder(text: str) -> bool:
    """Tell whether a SOURCE is the folder of a finished model."""
    return is_there(Path(text) / CONFIG)


def refuse_unfinished(folder: Path) -> None:
    """Refuse the folder of a model whose training was interrupted.

    Raises:
        InputDataError: its training is not finished.
    """
    if not is_model_folder(str(folder)) and is_there(folder / RESUME):
        raise InputDataError(
            folder,
            "the training of this model is not finished",
            "Run the command that was training it again: it continues where it stopped.",
        )
