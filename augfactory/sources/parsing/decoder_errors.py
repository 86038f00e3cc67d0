"""The net under foreign decoders: whatever they raise reaches the user as one sentence."""

import contextlib
import threading
import warnings
from collections.abc import Iterator

from PIL import Image, UnidentifiedImageError

from augfactory.errors import AugfactoryError, InputDataError


@contextlib.contextmanager
def decoder_errors(where: object, what: str, remedy: str) -> Iterator[None]:
    """Turn any failure inside the block into "``where``: ``what`` (why)" and the ``remedy``.

    Decoders of image and array files raise nearly anything when the bytes are damaged, and what
    they raise changes with their version; so every exception is caught here, and the block must
    hold calls of the decoder only. A picture declared to be huge counts as a failure; other
    warnings of decoders are of no use to a user and are dropped.

    Raises:
        InputDataError: the block failed. An error of augfactory passes as it is.
    """
    try:
        with _SILENCE:
            yield
    except (AugfactoryError, MemoryError):
        raise  # too little memory is no fault of the file
    except PermissionError as error:
        raise InputDataError(
            where, "you may not read it (permission denied)", f"Allow it: chmod -R u+rX '{where}'"
        ) from error
    except Exception as error:
        raise InputDataError(where, f"{what} ({_reason(error)})", remedy) from error


class _Silence(contextlib.AbstractContextManager[None]):
    """Warnings are dropped, or the one that counts is raised, until the last thread has left.

    What is done with warnings is one setting of the process, and ``catch_warnings`` puts back what
    it found: of two threads the later one would put back what the earlier had set.
    """

    def __init__(self) -> None:
        self._inside = 0
        self._changing = threading.Lock()
        self._before = contextlib.ExitStack()

    def __enter__(self) -> None:
        with self._changing:
            self._inside += 1
            if self._inside == 1:
                self._before.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", Image.DecompressionBombWarning)

    def __exit__(self, *_: object) -> None:
        with self._changing:
            self._inside -= 1
            if self._inside == 0:
                self._before.close()


_SILENCE = _Silence()


def _reason(error: Exception) -> str:
    """Return the first line of an exception's text, or its kind where it has none."""
    if isinstance(error, UnidentifiedImageError):  # its text holds the whole path, of this machine
        return "its content is that of no image format that is read"
    told = (isinstance(error, OSError) and error.strerror) or error
    lines = str(told).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
