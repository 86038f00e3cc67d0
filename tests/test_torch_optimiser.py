"""Optimisers come to the same numbers as torch's, and do not load its compiler."""

import subprocess
import sys
from typing import Any

import pytest
import torch

from augfactory import torch_optimiser

TRAINED = """
import sys
import torch
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.evaluation.training.train import _optimiser
from augfactory.torch_optimiser import Adam, RMSprop, without_compiler

layer = torch.nn.Linear(3, 2)
without_compiler()
made = [Adam(layer.parameters(), fused=True), RMSprop(layer.parameters())]
made += [_optimiser(layer, TrainingSettings(optimiser=name)) for name in ("muon", "adamw")]
for optimiser in made:
    optimiser.zero_grad()
    layer(torch.ones(4, 3)).sum().backward()
    optimiser.step()
    optimiser.load_state_dict(optimiser.state_dict())
assert "torch._dynamo" not in sys.modules
"""


def test_no_process_that_trains_loads_the_compiler() -> None:
    subprocess.run([sys.executable, "-c", TRAINED], check=True, timeout=120)


@pytest.mark.parametrize(
    ("ours", "theirs", "more"),
    [
        (torch_optimiser.Adam, torch.optim.Adam, {"fused": False}),
        (torch_optimiser.Adam, torch.optim.Adam, {"fused": True}),
        (torch_optimiser.AdamW, torch.optim.AdamW, {"fused": False}),
        (torch_optimiser.AdamW, torch.optim.AdamW, {"fused": True}),
        (torch_optimiser.RMSprop, torch.optim.RMSprop, {"alpha": 0.9}),
    ],
)
def test_the_numbers_are_those_of_torch(ours: Any, theirs: Any, more: dict[str, Any]) -> None:
    found = []
    for kind in (ours, theirs):
        torch.manual_seed(0)
        layer = torch.nn.Linear(5, 3)
        optimiser = kind(layer.parameters(), lr=0.01, weight_decay=0.1, **more)
        for step in range(4):
            optimiser.zero_grad()
            (layer(torch.full((2, 5), 1.0 + step)) ** 2).sum().backward()
            optimiser.step()
        found.append(torch.cat([weights.detach().flatten() for weights in layer.parameters()]))
        assert not any(weights.grad_fn for weights in layer.parameters())
    assert torch.equal(*found)
