"""What training and coding ask of a network."""

from torch import Tensor, nn
from torch.nn import functional

# Standard deviations from 0.007 to 7: wide enough for any useful vector, and no overflow.
LOWEST_LOG_VARIANCE, HIGHEST_LOG_VARIANCE = -10.0, 4.0


class Network(nn.Module):
    """A variational autoencoder whose encoder and decoder may look at the label.

    Images are float32 [n, C, H, W] in [0, 1], labels float32 [n, K] with rows summing to 1, or
    to 0 where the class is not known.
    """

    def encode(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the latent mean and bounded log-variance, both float32 [n, latent]."""
        raise NotImplementedError

    def decode(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Return the logits of the pixels, float32 [n, C, H, W]; their sigmoid is the image."""
        raise NotImplementedError


def bounded(log_variance: Tensor) -> Tensor:
    """Keep a log-variance within its range, softly.

    The gradient never vanishes altogether, so a vector that was driven to a bound can come back.
    """
    raised = LOWEST_LOG_VARIANCE + functional.softplus(log_variance - LOWEST_LOG_VARIANCE)
    return HIGHEST_LOG_VARIANCE - functional.softplus(HIGHEST_LOG_VARIANCE - raised)
