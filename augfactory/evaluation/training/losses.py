"""What a classifier minimises."""

import torch
import torch.nn.functional as F

JSD_WEIGHT = 12.0
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
