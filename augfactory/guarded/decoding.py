"""The net under decoders of files that nobody vouches for: what they raise becomes one error.

HDF5, Arrow, zlib and numpy raise nearly anything when bytes are damaged, and it changes with their
version.
"""

import contextlib
from collections.abc import Iterator

from augfactory.errors import ResourceError


@contextlib.contextmanager
def decoding() -> Iterator[None]:
    """Turn any failure inside the block into a ``ValueError``; it must hold decoding alone.

    What says that a file cannot be read, or that memory or another resource ran out, passes.

    Raises:
        ValueError: the bytes are not what they should be, with the first line of the reason.
    """
    try:
        yield
    except (OSError, ValueError, MemoryError, ResourceError):
        raise
    except Exception as error:
        lines = str(error).strip().splitlines()
        reason = lines[0][:200] if lines else type(error).__name__
        raise ValueError(f"{reason} ({type(error).__name__})") from error
