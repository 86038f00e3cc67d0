"""Train an ultralytics classifier on a PNG version with its soft labels.

python examples/ultralytics_classify.py digits-x10/v1 [--hard]
"""

import contextlib
import io
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet
import torch
from ultralytics.models.yolo.classify import ClassificationTrainer
from ultralytics.utils import LOGGER

EPOCHS, SIZE = 10, 32


def split(folder: Path, out: Path) -> dict[str, torch.Tensor]:
    """Write train/ and val/ of links to ``out``, and return the shares of every file by its name.

    ultralytics writes a *.cache beside what it reads: it is not given the version itself.
    """
    columns = ["file_name", "label", "soft_label", "source_index", "method"]
    table = pyarrow.parquet.read_table(folder / "train" / "metadata.parquet", columns=columns)
    rows, shares = table.to_pylist(), {}
    # ultralytics numbers classes by the names of their folders, as text: "10" before "2".
    number = {Path(row["file_name"]).parent.name: row["label"] for row in rows}
    order = [number[name] for name in sorted(number)]
    for row in rows:
        # Hold out every fourth original, and train on no row that any of them was mixed or varied
        # into; -1, where unused, leaves 3.
        held = any(source % 4 == 0 for source in row["source_index"])
        if held and row["method"] != "original":
            continue
        link = out / ("val" if held else "train") / row["file_name"]
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to((folder / "train" / row["file_name"]).resolve())
        shares[link.name] = torch.tensor(row["soft_label"])[order]
    return shares


class SoftTrainer(ClassificationTrainer):
    """Trains with shares: ultralytics' loss is a cross entropy, which takes them as they are."""

    shares: dict[str, torch.Tensor]  # of each file; empty leaves the classes of the folders

    def build_dataset(self, img_path, mode="train", batch=None):
        """Return ultralytics' own dataset; for training with shares in place of classes."""
        dataset = super().build_dataset(img_path, mode, batch)
        if mode == "train" and self.shares:
            for sample in dataset.samples:  # [file, class, cache, image]
                sample[1] = self.shares[Path(sample[0]).name]
        return dataset


def main(folder: Path, hard: bool) -> None:
    """Train, then print the last epoch's loss and the accuracy on images that were held out."""
    out = Path(tempfile.mkdtemp())
    SoftTrainer.shares = split(folder, out / "data")
    held = len(list((out / "data" / "val").glob("*/*")))
    if hard:
        SoftTrainer.shares = {}
    LOGGER.setLevel("ERROR")
    options = {"data": str(out / "data"), "model": "yolo11n-cls.yaml", "project": str(out)}
    options |= {"epochs": EPOCHS, "imgsz": SIZE, "batch": 32, "workers": 0, "device": "cpu"}
    options |= {"plots": False, "verbose": False, "pretrained": False, "seed": 0}
    # The images are augmented already: no flips, crops and colours of its own.
    options |= {"fliplr": 0.0, "scale": 0.0, "erasing": 0.0, "auto_augment": None}
    options |= {"hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": 0.0, "optimizer": "AdamW", "lr0": 2e-3}
    trainer = SoftTrainer(overrides=options)
    with contextlib.redirect_stdout(io.StringIO()):
        trainer.train()
    accuracy = trainer.metrics["metrics/accuracy_top1"]
    loss = float(trainer.tloss["loss"] if isinstance(trainer.tloss, dict) else trainer.tloss)
    print(f"loss {loss:.4f}  accuracy {accuracy:.4f}  ({held} held out)")


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--hard" in sys.argv)
