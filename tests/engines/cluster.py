"""A Ray cluster of this machine: a head that runs nothing, and two machines of one core each.

It lives in a process of its own, is told what to do by lines, and answers each by a line.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

MEMORY = 80 * 2**20  # bytes
SECONDS_LOST = 0.5  # after three times so many, a machine that does not answer counts as lost


class Machines:
    """The cluster, from outside."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.engines.cluster"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self.address = self._heard()

    def add(self) -> None:
        """Add a machine of one core."""
        self._told("add")

    def lose(self) -> None:
        """Take the machine away that was added last, with all that runs there."""
        self._told("lose")

    def stop(self) -> None:
        """End all of it."""
        with contextlib.suppress(OSError):
            self._told("stop")
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        self._process.stdout.close()
        self._process.stdin.close()
        try:
            self._process.wait(60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _told(self, what: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        assert self._heard() == what

    def _heard(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextlib.contextmanager
def machines() -> Iterator[Machines]:
    """Give a cluster for a block."""
    own = Machines()
    try:
        yield own
    finally:
        own.stop()


def _serve() -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    with contextlib.redirect_stdout(sys.stderr):
        health = {
            "health_check_initial_delay_ms": 0,
            "health_check_period_ms": int(1000 * SECONDS_LOST),
            "health_check_timeout_ms": int(1000 * SECONDS_LOST),
            "health_check_failure_threshold": 3,
        }
        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": MEMORY}
        cluster = Cluster(initialize_head=True, head_node_args={**head, "_system_config": health})
        nodes: list[Any] = []
        for _ in range(2):
            nodes.append(cluster.add_node(num_cpus=1, object_store_memory=MEMORY))
    print(cluster.address, flush=True)
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            if line.strip() == "add":
                nodes.append(cluster.add_node(num_cpus=1, object_store_memory=MEMORY))
            elif line.strip() == "lose":
                cluster.remove_node(nodes.pop(), allow_graceful=False)
            else:
                break
        print(line.strip(), flush=True)
    with contextlib.redirect_stdout(sys.stderr):
        cluster.shutdown()
    print("stop", flush=True)


if __name__ == "__main__":
    _serve()
