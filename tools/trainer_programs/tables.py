"""Classifiers of tables over HDF5 shards: python tables.py PACKAGE VERSION_DIR TEST_FOLDER."""

import sys
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

CLASSIFIERS = {
    "sklearn": ("sklearn.ensemble", "RandomForestClassifier", {"random_state": 0}),
    "xgboost": ("xgboost", "XGBClassifier", {"n_estimators": 20}),
    "lightgbm": ("lightgbm", "LGBMClassifier", {"n_estimators": 20, "verbose": -1}),
}

package, version, test = sys.argv[1:4]
shards = [h5py.File(path) for path in sorted(Path(version, "shards").glob("*.h5"))]
images = np.concatenate([shard["image"][:] for shard in shards])
labels = np.concatenate([shard["label"][:] for shard in shards])
files = sorted(Path(test).glob("*/*.png"))
shown = np.stack([np.asarray(Image.open(file)).ravel() for file in files])
truth = np.array([int(file.parent.name) for file in files])
module, name, options = CLASSIFIERS[package]
model = getattr(import_module(module), name)(**options).fit(images.reshape(len(images), -1), labels)
print("accuracy", (model.predict(shown) == truth).mean())
