"""Train a timm model on a WebDataset version, read by timm's own create_dataset.

python examples/timm_wds.py digits-x10/v1 [--hard]
"""

import json
import sys
import tempfile
from pathlib import Path

import timm
import torch
import webdataset
from timm.data import create_dataset, create_loader
from timm.data.target_transforms import MultiLabelTarget
from timm.loss import SoftTargetCrossEntropy
from timm.optim import create_optimizer_v2

EPOCHS, SIZE = 6, 32


def split(folder: Path, out: Path) -> None:
    """Write the rows to train on and those that are held out to ``out``, a tar file for each.

    timm reads a stream, of which no rows can be chosen. To train on all rows give it ``folder``.
    """
    shards = [str(path) for path in sorted((folder / "shards").glob("*.tar"))]
    counts = {"train": 0, "test": 0}
    writers = {name: webdataset.TarWriter(f"{out}/{name}.tar", encoder=False) for name in counts}
    for sample in webdataset.WebDataset(shards, shardshuffle=False):
        row = json.loads(sample["json"])
        # Hold out every fourth original, and train on no row that any of them was mixed or varied
        # into; -1, where unused, leaves 3.
        held = any(source % 4 == 0 for source in row["source_index"])
        if held and row["method"] != "original":
            continue
        name = "test" if held else "train"
        writers[name].write({part: sample[part] for part in ("__key__", "png", "cls", "json")})
        counts[name] += 1
    splits = {}
    for name, rows in counts.items():
        writers[name].close()
        files = {"filenames": [f"{name}.tar"], "shard_lengths": [rows]}
        splits[name] = {"name": name, "num_samples": rows, **files}
    (out / "_info.json").write_text(json.dumps({"splits": splits}))


def main(folder: Path, hard: bool) -> None:
    """Train, then print the last epoch's loss and the accuracy on images that were held out."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    classes = len(json.loads((folder / "_info.json").read_text())["class_names"])
    out = Path(tempfile.mkdtemp())
    split(folder, out)
    # Without these three timm reads the .cls files, the class of the largest share.
    soft = {
        "target_key": "soft_label",  # in the .json files
        "target_format": "multihot",
        "target_transform": MultiLabelTarget(classes, dense=True),
    }
    options = {
        "input_size": (3, SIZE, SIZE),  # timm makes three channels of grey images
        "batch_size": 32,
        "num_workers": 0,
        "persistent_workers": False,
        "use_prefetcher": False,
        "device": torch.device("cpu"),
    }
    # is_training shuffles, and rounds an epoch up to whole batches of this size.
    told = {"is_training": True, "batch_size": 32, **({} if hard else soft)}
    rows = create_dataset("wds/", root=str(out), split="train", **told)
    # no_aug: the images are augmented already. Random flips would turn digits into no digits.
    batches = create_loader(rows, is_training=True, no_aug=True, **options)
    model = timm.create_model("resnet10t", pretrained=False, num_classes=classes)
    criterion = torch.nn.CrossEntropyLoss() if hard else SoftTargetCrossEntropy()
    optimiser = create_optimizer_v2(model, opt="adamw", lr=2e-3)
    for epoch in range(EPOCHS):
        rows.set_epoch(epoch)  # which shuffles the tar files, where there are several
        total = seen = 0.0
        model.train()
        for images, targets in batches:
            loss = criterion(model(images), targets)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total, seen = total + loss.item() * len(images), seen + len(images)

    model.eval()
    held = create_dataset("wds/", root=str(out), split="test")
    right = []
    with torch.no_grad():
        for images, targets in create_loader(held, is_training=False, crop_pct=1.0, **options):
            right += (model(images).argmax(dim=1) == targets).tolist()
    accuracy = sum(right) / len(right)
    print(f"loss {total / seen:.4f}  accuracy {accuracy:.4f}  ({len(right)} held out)")


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--hard" in sys.argv)
