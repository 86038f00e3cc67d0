"""Train a timm model on a PNG or Parquet version, read by timm's own create_dataset.

python examples/timm_hfds.py digits-x10/v1 [--hard]
"""

import sys
from pathlib import Path

import numpy as np
import timm
import torch
from timm.data import create_dataset, create_loader
from timm.data.target_transforms import MultiLabelTarget
from timm.loss import SoftTargetCrossEntropy
from timm.optim import create_optimizer_v2

EPOCHS, SIZE = 6, 32


def main(folder: Path, hard: bool) -> None:
    """Train, then print the last epoch's loss and the accuracy on images that were held out."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    # train/ of a PNG version, data/ of a Parquet one: `hfds/` and then an absolute path.
    where = next(p for p in (folder / "train", folder / "data") if p.is_dir()).resolve()
    rows = create_dataset(f"hfds/{where}", root=None, split="train").reader.dataset
    table = rows.remove_columns("image").with_format("numpy")[:]
    classes = table["soft_label"].shape[1]

    # Without these three timm takes `label`, the class of the largest share.
    soft = {
        "target_key": "soft_label",
        "target_format": "multihot",
        "target_transform": MultiLabelTarget(classes, dense=True),
    }

    def part(chosen: np.ndarray) -> timm.data.ImageDataset:
        # Not torch's Subset: create_loader sets the transform on what it is given.
        dataset = create_dataset(
            f"hfds/{where}", root=None, split="train", **({} if hard else soft)
        )
        dataset.reader.dataset = dataset.reader.dataset.select(chosen)
        return dataset

    # Hold out every fourth original, and train on no row that any of them was mixed or varied into.
    # source_index numbers the originals; the order of rows is the class folders', not augfactory's.
    test = np.flatnonzero(table["method"] == "original")
    test = test[np.argsort(table["source_index"][test, 0])][::4]
    held = np.isin(table["source_index"], table["source_index"][test, 0]).any(axis=1)
    train = np.flatnonzero(~held)
    options = {
        "input_size": (3, SIZE, SIZE),  # timm makes three channels of grey images
        "batch_size": 32,
        "num_workers": 0,
        "persistent_workers": False,
        "use_prefetcher": False,
        "device": torch.device("cpu"),
    }
    # no_aug: the images are augmented already. Random flips would turn digits into no digits.
    batches = create_loader(part(train), is_training=True, no_aug=True, **options)
    model = timm.create_model("resnet10t", pretrained=False, num_classes=classes)
    criterion = torch.nn.CrossEntropyLoss() if hard else SoftTargetCrossEntropy()
    optimiser = create_optimizer_v2(model, opt="adamw", lr=2e-3)
    for _ in range(EPOCHS):
        total = seen = 0.0
        model.train()
        for images, targets in batches:
            loss = criterion(model(images), targets)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total, seen = total + loss.item() * len(images), seen + len(images)

    model.eval()
    tests = create_loader(part(test), is_training=False, crop_pct=1.0, **options)
    with torch.no_grad():
        guesses = torch.cat([model(images).argmax(dim=1) for images, _ in tests]).numpy()
    accuracy = (guesses == table["label"][test]).mean()
    print(f"loss {total / seen:.4f}  accuracy {accuracy:.4f}  ({len(test)} held out)")


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--hard" in sys.argv)
