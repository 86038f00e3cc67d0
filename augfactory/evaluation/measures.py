"""What is measured on a trained classifier."""

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from augfactory.evaluation.training import to_network
from augfactory.records import Int64Array, Source

Float64Array = npt.NDArray[np.float64]
TEST_BATCH = 128  # small enough that a layer's output stays in the cache: twice as fast as 1,000


def log_probabilities(network: nn.Module, source: Source) -> Float64Array:
    """Return float64 [N, K]: the log-softmax (in float64) of the network's logits, all rows."""
    found = np.empty((len(source), len(source.class_names)))
    with torch.inference_mode():
        for start in range(0, len(source), TEST_BATCH):
            rows = np.arange(start, min(start + TEST_BATCH, len(source)))
            logits: torch.Tensor = network(to_network(source.read_images(rows)))
            found[rows] = logits.double().log_softmax(dim=1).numpy()
    return found


def accuracy(log_probability: Float64Array, labels: Int64Array) -> float:
    """Return the share of rows, 0 to 1, whose most likely class is the label."""
    return float(np.mean(log_probability.argmax(axis=1) == labels))


def negative_log_likelihood(log_probability: Float64Array, labels: Int64Array) -> float:
    """Return the mean of -log p(label), in nats."""
    return float(-np.mean(log_probability[np.arange(len(labels)), labels]))
