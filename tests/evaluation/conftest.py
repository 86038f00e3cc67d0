"""Training is repeatable on one thread only."""

from collections.abc import Iterator

import pytest

from augfactory.engines.processes import pinned_threads


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Pin torch to one thread, as the engines do."""
    with pinned_threads(1):
        yield
