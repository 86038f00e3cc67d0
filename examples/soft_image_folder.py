"""torchvision's ImageFolder over a PNG version, with the soft labels that its table holds.

python examples/soft_image_folder.py digits-x10/v1 [--hard]

A script of others that reads ImageFolder and can take label shares, such as torchvision's own
references/classification/train.py, is run unchanged with them:

python examples/soft_image_folder.py --run train.py --data-path DIR ...
"""

import runpy
import sys
from pathlib import Path

import pyarrow.parquet
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torchvision.transforms import ToTensor

EPOCHS = 8
HardFolder = torchvision.datasets.ImageFolder


class SoftFolder(HardFolder):
    """An ImageFolder whose targets are float32 [K], where metadata.parquet is beside the classes.

    Their order is that of the version's classes: the folders' own is by name, as text.
    """

    def __init__(self, root, *arguments, **options):
        super().__init__(root, *arguments, **options)
        self.shares = {}
        table = Path(root) / "metadata.parquet"
        if not table.exists():  # as beside validation images, whose classes are certain
            return
        columns = pyarrow.parquet.read_table(table, columns=["file_name", "label", "soft_label"])
        rows = columns.to_pydict()
        folder_of = {  # number of a class in the version -> its number here
            label: self.class_to_idx[Path(name).parent.name]
            for name, label in zip(rows["file_name"], rows["label"], strict=True)
        }
        for name, shares in zip(rows["file_name"], rows["soft_label"], strict=True):
            ordered = torch.zeros(len(self.classes))
            for label, share in enumerate(shares):
                if share:
                    ordered[folder_of[label]] = share
            self.shares[name] = ordered

    def __getitem__(self, index):
        """Return an image and its shares; its class, where there is no table."""
        image, label = super().__getitem__(index)
        name = Path(self.samples[index][0]).relative_to(self.root).as_posix()
        return image, self.shares.get(name, label)


def main(folder: Path, hard: bool) -> None:
    """Train, then print the last epoch's loss and the accuracy on images that were held out."""
    torch.manual_seed(0)
    rows = (HardFolder if hard else SoftFolder)(folder / "train", transform=ToTensor())
    columns = ["file_name", "source_index", "method"]
    table = pyarrow.parquet.read_table(folder / "train" / "metadata.parquet", columns=columns)
    told = {row["file_name"]: row for row in table.to_pylist()}
    # Hold out every fourth original, and train on no row that any of them was mixed or varied into.
    train, test = [], []
    for index, (path, _) in enumerate(rows.samples):
        row = told[Path(path).relative_to(rows.root).as_posix()]
        if all(source % 4 for source in row["source_index"]):  # -1, where unused, leaves 3
            train.append(index)
        elif row["method"] == "original":
            test.append(index)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1),  # ImageFolder makes three channels of grey images
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(512, len(rows.classes)),
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    chosen = torch.utils.data.Subset(rows, train)
    batches = torch.utils.data.DataLoader(chosen, batch_size=32, shuffle=True)
    for _ in range(EPOCHS):
        total = 0.0
        for images, targets in batches:
            loss = F.cross_entropy(model(images), targets)  # takes shares as well as classes
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item() * len(images)
    model.eval()
    with torch.no_grad():
        shown = torch.stack([rows[index][0] for index in test])
        truth = torch.tensor([rows.samples[index][1] for index in test])
        accuracy = (model(shown).argmax(dim=1) == truth).float().mean().item()
    print(f"loss {total / len(train):.4f}  accuracy {accuracy:.4f}  ({len(test)} held out)")


if __name__ == "__main__":
    if sys.argv[1] == "--run":
        torchvision.datasets.ImageFolder = SoftFolder
        del sys.argv[:2]  # the script finds its own name and its own options
        sys.path.insert(0, str(Path(sys.argv[0]).resolve().parent))
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        main(Path(sys.argv[1]), "--hard" in sys.argv)
