"""How images reach a network."""

import torch

from augfactory.records import UInt8Array


def to_network(images: UInt8Array, device: str | torch.device = "cpu") -> torch.Tensor:
    """Turn uint8 [N, H, W, C] into float32 [N, C, H, W] in [0, 1], channels last in memory."""
    return torch.from_numpy(images).to(device).float().div_(255).permute(0, 3, 1, 2)
