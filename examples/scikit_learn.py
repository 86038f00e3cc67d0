"""Train scikit-learn on soft labels, which its classifiers do not take: weights stand in for them.

python examples/scikit_learn.py digits-x10@v1 [--hard]

A row with the label 0.7 "three", 0.3 "eight" becomes two rows, a three of weight 0.7 and an eight
of weight 0.3. The log loss of both is the cross entropy with the soft label.
"""

import sys

import numpy as np
from sklearn.linear_model import LogisticRegression

import augfactory

name, hard = sys.argv[1], "--hard" in sys.argv
dataset = augfactory.load(name)
train, test = dataset.held_out(0.25)  # by originals: no row made of a test image is trained on


def read(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels float32 [n, H * W * C] and soft labels float32 [n, K]."""
    items = dataset.__getitems__(rows)
    pixels = np.stack([image.numpy().reshape(-1) for image, _ in items])
    return pixels, np.stack([label.numpy() for _, label in items])


pixels, soft_labels = read(train)
if hard:
    soft_labels = np.eye(soft_labels.shape[1])[soft_labels.argmax(axis=1)]
row, label = np.nonzero(soft_labels)
model = LogisticRegression(C=0.02, max_iter=300)
model.fit(pixels[row], label, sample_weight=soft_labels[row, label])

# predict_proba has one column for each class that was seen: model.classes_, not 0 to K - 1.
logs = np.log(model.predict_proba(pixels).clip(1e-12))
loss = -(soft_labels[:, model.classes_] * logs).sum(axis=1).mean()
test_pixels, test_labels = read(test)
accuracy = model.score(test_pixels, test_labels.argmax(axis=1))
print(f"loss {loss:.4f}  accuracy {accuracy:.4f}  ({len(test)} held out)")
