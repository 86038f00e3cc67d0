"""What a classifier minimises."""

import numpy as np
import torch
import torch.nn.functional as F

from augfactory.records import Float32Array, Source

JSD_WEIGHT = 12.0
LABELS_AT_ONCE = 2**16  # rows
SMALLEST = 1e-7  # below float16's least normal number; so this is computed in float32


def consistent_cross_entropy(logits: torch.Tensor, soft_labels: torch.Tensor) -> torch.Tensor:
    """Return cross entropy on clean images + 12 × the Jensen-Shannon divergence of their views.

    Hendrycks et al. 2020, arXiv:1912.02781, section 3, and the authors' code.

    Args:
        logits: [3 n, K], those of n clean images, then of their first and of their second views.
        soft_labels: [n, K], of the clean images.
    """
    clean = logits[: len(soft_labels)]
    return F.cross_entropy(clean, soft_labels) + JSD_WEIGHT * jensen_shannon(logits)


def jensen_shannon(logits: torch.Tensor) -> torch.Tensor:
    """Return the mean divergence, in nats, 0 to ln 3, of three distributions from their mean.

    ``logits`` [3 n, K] stand as in ``consistent_cross_entropy``.
    """
    # Logarithms of probabilities rather than these: one that underflows to 0 has no gradient.
    logs = logits.float().log_softmax(dim=1).chunk(3)
    middle = torch.stack(logs).exp().mean(dim=0).clamp(SMALLEST, 1).log()
    divergences = [F.kl_div(middle, own, reduction="batchmean", log_target=True) for own in logs]
    return torch.stack(divergences).mean()


def class_weights(source: Source) -> Float32Array:
    """Return what a row of each class counts, float32 [K], so that all classes count alike.

    A row counts one on average; the mass of a class is that of the soft labels. A class that no
    row is of counts nothing.
    """
    mass = np.zeros(len(source.class_names))
    for rows in source.blocks(LABELS_AT_ONCE):
        mass += source.read_soft_labels(rows).sum(axis=0)
    there = mass > 0
    weights = np.zeros(len(mass), dtype=np.float32)
    weights[there] = mass.sum() / (np.count_nonzero(there) * mass[there])
    return weights
