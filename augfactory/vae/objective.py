"""What the autoencoder minimises: reconstruction + β·KL, in nats per image.

Kingma and Welling, "Auto-Encoding Variational Bayes" (2014), equations 3 and 10, with pixels in
[0, 1] as Bernoulli means, as in the VAE article (docs/documents.md, 003). A grey pixel costs its
own entropy even when it is matched exactly, so the reconstruction does not go down to 0.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from augfactory.vae.settings import Schedule

BLANK_NATS = math.log(2)  # what a value costs when it is guessed to be 0.5 everywhere


def reconstruction_loss(logits: Tensor, images: Tensor) -> Tensor:
    """Return the Bernoulli cross entropy, summed over pixels, averaged over images: a scalar."""
    total = functional.binary_cross_entropy_with_logits(logits, images, reduction="sum")
    return total / len(images)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(q‖N(0, I)), summed over latent dimensions, averaged over images: a scalar."""
    terms = mean.square() + log_variance.exp() - 1 - log_variance
    return 0.5 * terms.sum() / len(mean)


def sampled(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Return mean + σ·noise, all of shape [n, latent]."""
    return mean + torch.exp(0.5 * log_variance) * noise


def kl_weight_at(step: int, warmup: int, full: float) -> float:
    """Return β at ``step``, counted from 0: it rises linearly to ``full`` over ``warmup`` steps."""
    return full * min(1.0, step / warmup) if warmup else full


def learning_rate_at(step: int, steps: int, first: float, schedule: Schedule = "cosine") -> float:
    """Return the learning rate at ``step``, counted from 0.

    It is ``first`` throughout where ``schedule`` is "constant", else half a cosine from it to 0.
    """
    if schedule == "constant":
        return first
    return first * 0.5 * (1 + math.cos(math.pi * step / steps))
