"""Train on a version without augfactory: h5py, numpy and torch alone.

python examples/bare_h5py.py digits-x10/v1 [--hard]
"""

import sys
from pathlib import Path

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

EPOCHS = 20
COLUMNS = ("image", "soft_label", "label", "method", "source_index")

folder, hard = Path(sys.argv[1]), "--hard" in sys.argv
torch.manual_seed(0)

# The shards hold the same columns, row after row; they must be read in the order of their names.
parts = []
for path in sorted((folder / "shards").glob("*.h5")):
    with h5py.File(path) as shard:
        parts.append({name: shard[name][:] for name in COLUMNS})
column = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}

# Hold out every fourth original, and train on no row that any of them was mixed or varied into.
originals = np.flatnonzero(column["method"] == b"original")  # text comes as bytes
test = originals[::4]
held = np.isin(column["source_index"], column["source_index"][test, 0])
train = np.flatnonzero(~held.any(axis=1))

images = torch.from_numpy(column["image"]).permute(0, 3, 1, 2).float() / 255  # stored H, W, C
images = (images - images[train].mean()) / images[train].std()
targets = torch.from_numpy(column["label"] if hard else column["soft_label"])
model = nn.Sequential(
    nn.Flatten(),
    nn.Linear(images[0].numel(), 128),
    nn.ReLU(),
    nn.Linear(128, column["soft_label"].shape[1]),
)
optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
for _ in range(EPOCHS):
    total = 0.0
    for rows in torch.from_numpy(train)[torch.randperm(len(train))].split(32):
        loss = F.cross_entropy(model(images[rows]), targets[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += loss.item() * len(rows)

with torch.no_grad():
    right = model(images[test]).argmax(dim=1).numpy() == column["label"][test]
print(f"loss {total / len(train):.4f}  accuracy {right.mean():.4f}  ({len(test)} held out)")
