"""What every test gets: one thread a process, and a cache folder of the test session."""

import os
from collections.abc import Iterator

import pytest

from augfactory.engines.processes import THREAD_VARIABLES

# Set before torch is loaded, and passed on to child processes. Tests that run side by side with two
# threads each spend most of their time waiting for each other.
for variable in THREAD_VARIABLES:
    os.environ.setdefault(variable, "1")


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Remember what was verified in a folder of this session; child processes do so too."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before
