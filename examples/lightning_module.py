"""Train a Lightning module on a dataset version with augfactory.loader.

python examples/lightning_module.py digits-x10@v1 [--hard]
"""

import sys

import lightning
import torch
import torch.nn.functional as F
from torch import nn

import augfactory

EPOCHS = 8


class Classifier(lightning.LightningModule):
    """A small network; the loss takes shares as well as classes."""

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.network = nn.Sequential(
            nn.Conv2d(channels, 16, 3, stride=2, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(512, classes),
        )

    def training_step(self, batch):
        """Return the loss of one batch."""
        images, targets = batch
        loss = F.cross_entropy(self.network(images), targets)
        self.log("loss", loss, on_step=False, on_epoch=True)
        return loss

    def test_step(self, batch):
        """Log the accuracy of one batch."""
        images, targets = batch
        # torchmetrics' Accuracy, which is usual here, takes classes and no shares.
        truth = targets.argmax(dim=1) if targets.ndim == 2 else targets
        right = (self.network(images).argmax(dim=1) == truth).float().mean()
        self.log("accuracy", right)

    def configure_optimizers(self):
        """Return the optimiser."""
        return torch.optim.AdamW(self.parameters(), lr=3e-3)


def main(name: str, labels: str) -> None:
    """Train, then print the last epoch's loss and the accuracy on images that were held out."""
    lightning.seed_everything(0, verbose=False)
    dataset = augfactory.load(name, labels=labels, normalise=True)
    train, test = dataset.held_out(0.25)  # by originals: no row made of a test image is trained on
    model = Classifier(dataset[0][0].shape[0], len(dataset.class_names))
    trainer = lightning.Trainer(
        max_epochs=EPOCHS,
        accelerator="auto",
        devices=1,
        # The loader shuffles by batch_sampler, which Lightning cannot divide among devices. On more
        # than one, make it in `train_dataloader`, with shard=(trainer.global_rank,
        # trainer.world_size), and leave this at False.
        use_distributed_sampler=False,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, augfactory.loader(dataset, 32, rows=train, seed=0))
    loss = trainer.callback_metrics["loss"].item()
    trainer.test(model, augfactory.loader(dataset, 32, rows=test), verbose=False)
    accuracy = trainer.callback_metrics["accuracy"].item()
    print(f"loss {loss:.4f}  accuracy {accuracy:.4f}  ({len(test)} held out)")


if __name__ == "__main__":
    main(sys.argv[1], "hard" if "--hard" in sys.argv else "soft")
