"""Muon: orthogonal steps for convolutions, plain Nesterov for the rest."""

import pytest
import torch

from augfactory.evaluation.training.muon import MOMENTUM, OTHER_RATE, Muon, orthogonal_step


@pytest.mark.parametrize("shape", [(24, 60), (60, 24), (32, 32)])
def test_steps_are_nearly_orthogonal_and_keep_the_directions(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = orthogonal_step(matrix)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    scale = 0.2 * max(shape) ** 0.5 * max(1.0, shape[0] / shape[1]) ** 0.5
    own = left.T @ found @ right.T / scale
    values = own.diagonal()
    assert float((own - torch.diag(values)).abs().max()) < 1e-3  # the same singular vectors
    assert values.min() > 0.3
    assert values.max() < 1.3


def test_the_step_does_not_depend_on_the_gradients_size() -> None:
    matrix = torch.randn(16, 27, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(orthogonal_step(matrix), orthogonal_step(1e-4 * matrix), atol=1e-3)


def test_what_is_no_convolution_takes_sgds_nesterov_steps() -> None:
    ours = torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
    theirs = torch.nn.Parameter(ours.detach().clone())
    muon = Muon([ours], lr=0.01, weight_decay=0.0)
    sgd = torch.optim.SGD([theirs], lr=0.01 * OTHER_RATE, momentum=MOMENTUM, nesterov=True)
    for step in range(5):
        for parameter in (ours, theirs):
            parameter.grad = torch.tensor([0.5, step - 2.0, 1.0])
        muon.step()
        sgd.step()
    assert torch.allclose(ours, theirs)


def test_weight_decay_is_decoupled_and_spares_vectors() -> None:
    vector, matrix = torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(2, 3))
    for parameter in (vector, matrix):
        parameter.grad = torch.zeros_like(parameter)
    Muon([vector, matrix], lr=0.1, weight_decay=0.5).step()
    assert torch.equal(vector, torch.ones(3))
    assert torch.allclose(matrix, torch.full((2, 3), 0.95))
