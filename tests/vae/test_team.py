"""Two processes that learn half of each batch come to what one process comes to."""

import json
import multiprocessing
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from augfactory.errors import RecipeError
from augfactory.vae.team import Team
from tests.cli import in_process
from tests.faults.small import write_images
from tests.vae.small import new_training

# Of a weight, after some twenty steps of Adam: sums are added in another order, and Adam divides
# small gradients by their own size. The largest weights are some 0.5.
TOLERANCE = 2e-4
SIZE = 2


def answer_of(function: Callable[[Path], Any], folder: Path, rank: int, port: int) -> None:
    """Be one of the processes that ``torchrun`` starts."""
    os.environ.update(
        {
            "TORCHELASTIC_RUN_ID": "none",
            "WORLD_SIZE": str(SIZE),
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
        }
    )
    (folder / f"{rank}.json").write_text(json.dumps(function(folder)))


@pytest.fixture
def both(tmp_path: Path) -> Callable[[Callable[[Path], Any]], list[Any]]:
    """Run a function in two processes that know of each other; return what each gives."""
    fork = multiprocessing.get_context("fork")  # they have torch at once

    def run(function: Callable[[Path], Any]) -> list[Any]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        own = [
            fork.Process(target=answer_of, args=(function, tmp_path, rank, port))
            for rank in range(SIZE)
        ]
        for process in own:
            process.start()
        for process in own:
            process.join(120)
            process.kill()
        assert [process.exitcode for process in own] == [0] * SIZE
        return [json.loads((tmp_path / f"{rank}.json").read_bytes()) for rank in range(SIZE)]

    return run


ARGUMENTS = (
    *("vae-train", "images", "--steps", 20, "--batch", 7, "--validation", 0.2),
    *("--device", "cpu", "--no-verdict", "--json"),
)


def trained(folder: Path) -> list[str]:
    os.chdir(folder)
    done = in_process.run(*ARGUMENTS, "--out", "together", cwd=folder)
    return [done.stdout, done.stderr]


def test_the_command_comes_to_the_same_and_only_one_process_speaks(
    tmp_path: Path, both: Callable[[Callable[[Path], Any]], list[Any]]
) -> None:
    """Batches of 7 have parts of 4 and of 3 images."""
    write_images(tmp_path / "images", 6, 20, 16)
    in_process.run(*ARGUMENTS, "--out", "alone", cwd=tmp_path)
    first, second = both(trained)
    assert json.loads(first[0])["steps"] == 20
    assert second == ["", ""]
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("alone", "together")]
    furthest = [float(np.abs(weights[0][name] - weights[1][name]).max()) for name in weights[0]]
    assert 0 < max(furthest) < TOLERANCE  # 0: each would have learned all of it alone
    losses = [
        json.loads((tmp_path / name / "config.json").read_bytes())["result"]["validation_loss"]
        for name in ("alone", "together")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    # The finished model is found again by both.
    first, second = both(trained)
    assert json.loads(first[0])["existing"] is True
    assert second == ["", ""]


def test_parts_of_a_batch_weigh_what_they_hold() -> None:
    values = torch.arange(7.0)
    team = [Team(rank, SIZE) for rank in range(SIZE)]
    parts = [each.part((values,))[0] for each in team]
    assert sorted(torch.cat(parts).tolist()) == values.tolist()
    shares = [each.weighed(part.mean(), 7) for each, part in zip(team, parts, strict=True)]
    assert float(sum(shares)) / SIZE == pytest.approx(3.0)


def test_what_processes_cannot_share_is_refused() -> None:
    with pytest.raises(RecipeError, match="normalises by the images of a batch"):
        Team(0, SIZE).terms(new_training("keras-mnist").network, 8)
    with pytest.raises(RecipeError, match="9 processes cannot share a batch of 8"):
        Team(0, 9).terms(new_training().network, 8)
