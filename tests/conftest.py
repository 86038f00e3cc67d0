"""What every test gets: one thread a process, a cache folder of the test session, processes."""

import multiprocessing
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

from augfactory.engines import processes as engine
from augfactory.engines.processes import THREAD_VARIABLES
from tests import processes

# Set before torch is loaded, and passed on to child processes. Tests that run side by side with two
# threads each spend most of their time waiting for each other.
for variable in THREAD_VARIABLES:
    os.environ.setdefault(variable, "1")

# Where nothing compiled may be kept, every process compiles torch anew: five seconds each.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A third of Hypothesis's own number of examples, so that all tests take minutes: they are others
# every time. HYPOTHESIS_PROFILE=thorough tries five hundred. A slow machine is no failure.
settings.register_profile("brief", max_examples=30, deadline=None)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "brief"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the format lance where pylance is not installed."""
    if find_spec("lance") is None:
        for item in items:
            asked = getattr(item, "callspec", None)
            if (asked and "lance" in asked.params.values()) or item.get_closest_marker("lance"):
                item.add_marker(pytest.mark.skip(reason="needs pylance: the extra `lance`"))


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


@pytest.fixture(scope="session")
def run_command() -> processes.RunCommand:
    """Run the command in a process of its own; ``tests/cli/in_process.py`` does so in this one."""
    return processes.run


@pytest.fixture(scope="session")
def stop_command() -> processes.StopCommand:
    """Run the command in a process of its own until it has done something, and stop it there."""
    return processes.stop


@pytest.fixture(scope="session")
def another_process() -> Iterator[ProcessPoolExecutor]:
    """One more process, which has another hash seed and knows nothing of this one.

    It lives as long as the session: to load torch is what most of it costs.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONHASHSEED", "7")
        executor = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        executor.submit(os.getpid).result()
    with executor:
        yield executor


@pytest.fixture
def forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork worker processes, which then have torch at once.

    Commands spawn theirs, as ``test_workers_formats_and_kills_do_not_change_a_pixel`` sees.
    """

    def pool(workers: int) -> ProcessPoolExecutor:
        fork = multiprocessing.get_context("fork")
        return ProcessPoolExecutor(workers, fork, engine._start_worker)

    monkeypatch.setattr(engine, "_pool", pool)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium for the tests of a page."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        say = pytest.fail if os.environ.get("AUGFACTORY_BROWSER") == "required" else pytest.skip
        say("no Chromium on PATH; on Debian: apt-get install --no-install-recommends chromium")
    # Chromium refuses its sandbox to root, which containers run tests as.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=arguments)
        yield started
        started.close()
