"""Train with Hugging Face's Trainer on a PNG or Parquet version, read by its own load_dataset.

python examples/huggingface_trainer.py digits-x10/v1 [--hard]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from datasets import load_dataset
from transformers import (
    PrinterCallback,
    ResNetConfig,
    ResNetForImageClassification,
    Trainer,
    TrainingArguments,
)

EPOCHS = 8

folder, hard = Path(sys.argv[1]), "--hard" in sys.argv
# train/ of a PNG version, data/ of a Parquet one: both hold the columns as well as the images.
where = next(p for p in (folder / "train", folder / "data") if p.is_dir())
rows = load_dataset(str(where.resolve()), split="train")
table = rows.remove_columns("image").with_format("numpy")[:]

# Hold out every fourth original, and train on no row that any of them was mixed or varied into.
held = (table["source_index"] % 4 == 0).any(axis=1)  # -1, where unused, leaves 3
test = np.flatnonzero(held & (table["method"] == "original"))


def pixels(batch: dict) -> dict:
    """Return images as float32 [C, H, W] in -1 to 1, and the labels to train with."""
    images = [np.atleast_3d(image).transpose(2, 0, 1) / 127.5 - 1 for image in batch["image"]]
    return {
        "pixel_values": [torch.tensor(image, dtype=torch.float32) for image in images],
        "labels": batch["label"] if hard else batch["soft_label"],
    }


def cross_entropy(outputs, labels, **_) -> torch.Tensor:
    """Return the loss of shares as well as of classes."""
    return F.cross_entropy(outputs.logits, labels)


rows = rows.with_transform(pixels)
config = ResNetConfig(
    num_channels=len(rows[0]["pixel_values"]),
    embedding_size=16,
    hidden_sizes=[16, 32],
    depths=[1, 1],
    layer_type="basic",
    num_labels=table["soft_label"].shape[1],
)
torch.manual_seed(0)
trainer = Trainer(
    ResNetForImageClassification(config),
    TrainingArguments(
        output_dir=tempfile.mkdtemp(),  # for checkpoints
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=32,
        learning_rate=5e-3,
        remove_unused_columns=False,  # else it drops the columns that `pixels` reads
        logging_strategy="epoch",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
    ),
    train_dataset=rows.select(np.flatnonzero(~held)),
    # Without it labels of floats make the model minimise binary cross entropy, and nothing says so.
    compute_loss_func=cross_entropy,
)
trainer.remove_callback(PrinterCallback)
trainer.train()
loss = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry][-1]
guesses = trainer.predict(rows.select(test)).predictions.argmax(axis=1)
accuracy = (guesses == table["label"][test]).mean()
print(f"loss {float(loss):.4f}  accuracy {accuracy:.4f}  ({len(test)} held out)")
