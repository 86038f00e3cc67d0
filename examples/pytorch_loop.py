"""Train a small network on a dataset version with augfactory.loader.

python examples/pytorch_loop.py digits-x10@v1 [--hard]
"""

import sys

import torch
import torch.nn.functional as F
from torch import nn

import augfactory

EPOCHS = 8


def network(channels: int, classes: int) -> nn.Sequential:
    """Return a small convolutional network for images of any size."""
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(512, classes),
    )


def main(name: str, labels: str) -> None:
    """Train, then print the last epoch's loss and the accuracy on images that were held out."""
    torch.manual_seed(0)
    dataset = augfactory.load(name, labels=labels, normalise=True)  # soft labels are float32 [K]
    # A row mixed from a test image would give the answer away: the split is by originals.
    train, test = dataset.held_out(0.25)
    loader = augfactory.loader(dataset, 32, rows=train, seed=0)  # workers=2 reads in processes
    classes = len(dataset.class_names)
    model = network(dataset[0][0].shape[0], classes)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(EPOCHS):  # each pass is the next epoch, shuffled anew
        total = 0.0
        for images, targets in loader:
            loss = F.cross_entropy(model(images), targets)  # takes shares as well as classes
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item() * len(images)
    model.eval()
    images, targets = next(iter(augfactory.loader(dataset, len(test), rows=test)))
    truth = targets if labels == "hard" else targets.argmax(dim=1)
    with torch.no_grad():
        accuracy = (model(images).argmax(dim=1) == truth).float().mean().item()
    print(f"loss {total / len(train):.4f}  accuracy {accuracy:.4f}  ({len(test)} held out)")


if __name__ == "__main__":  # workers that are spawned import this file
    main(sys.argv[1], "hard" if "--hard" in sys.argv else "soft")
