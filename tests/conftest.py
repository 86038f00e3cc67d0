"""What every test gets: one thread a process, and a cache folder of the test session."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from augfactory.engines.processes import THREAD_VARIABLES

# Set before torch is loaded, and passed on to child processes. Tests that run side by side with two
# threads each spend most of their time waiting for each other.
for variable in THREAD_VARIABLES:
    os.environ.setdefault(variable, "1")

# A third of Hypothesis's own number of examples, so that all tests take minutes: they are others
# every time. HYPOTHESIS_PROFILE=thorough tries five hundred. A slow machine is no failure.
settings.register_profile("brief", max_examples=30, deadline=None)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "brief"))


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
