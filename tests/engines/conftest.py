"""One cluster for all tests that need one: to start it takes seconds."""

from collections.abc import Iterator

import pytest

from tests.engines.cluster import Machines, machines


@pytest.fixture(scope="session")
def cluster() -> Iterator[Machines]:
    """Give two machines of one core each; skipped where Ray is not installed."""
    pytest.importorskip("ray")
    with machines() as own:
        yield own
