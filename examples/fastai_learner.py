"""Train a fastai learner on a PNG version, read by its own DataBlock.

python examples/fastai_learner.py digits-x10/v1 [--hard]
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from fastai.vision.all import (
    AvgLoss,
    CategoryBlock,
    ColReader,
    DataBlock,
    ImageBlock,
    IndexSplitter,
    Learner,
    RegressionBlock,
    set_seed,
)
from torch import nn

EPOCHS = 8

folder, hard = Path(sys.argv[1]), "--hard" in sys.argv
set_seed(0)
table = pd.read_parquet(folder / "train" / "metadata.parquet")
classes = len(table["soft_label"][0])

# Hold out every fourth original, and leave out every other row that it was mixed or varied into.
held = (np.stack(table["source_index"]) % 4 == 0).any(axis=1)  # -1, where unused, leaves 3
test = held & (table["method"] == "original")
table, test = table[test | ~held], test[test | ~held]

block = DataBlock(
    # Soft labels are a regression to fastai, whose loss would be the squared error.
    blocks=(ImageBlock, CategoryBlock if hard else RegressionBlock(classes)),
    get_x=ColReader("file_name", pref=f"{folder / 'train'}/"),
    get_y=ColReader("label" if hard else "soft_label"),
    splitter=IndexSplitter(np.flatnonzero(test)),
)
loaders = block.dataloaders(table, bs=32, num_workers=0)
model = nn.Sequential(
    nn.Conv2d(3, 16, 3, stride=2, padding=1),  # ImageBlock makes three channels of grey images
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.Conv2d(16, 32, 3, stride=2, padding=1),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(4),
    nn.Flatten(),
    nn.Linear(512, classes),
)
# Not fastai's CrossEntropyLossFlat, which takes the shares of a row for rows of classes.
learner = Learner(loaders, model, loss_func=nn.CrossEntropyLoss(), metrics=AvgLoss())
learner.recorder.train_metrics = True
with learner.no_bar(), learner.no_logging():
    learner.fit(EPOCHS, lr=3e-3)
    loss = learner.recorder.values[-1][1]  # the first is a moving average
    guesses, targets = learner.get_preds(act=nn.Identity())
truth = targets if hard else targets.argmax(dim=1)
accuracy = (guesses.argmax(dim=1) == truth).float().mean().item()
print(f"loss {loss:.4f}  accuracy {accuracy:.4f}  ({len(truth)} held out)")
