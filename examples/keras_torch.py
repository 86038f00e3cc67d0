"""Train a Keras model, on its torch backend, on a dataset version with augfactory.loader.

python examples/keras_torch.py digits-x10@v1 [--hard]
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "torch"  # before keras is imported

import keras
import numpy as np

import augfactory

EPOCHS = 8

name, hard = sys.argv[1], "--hard" in sys.argv
keras.utils.set_random_seed(0)
keras.config.set_image_data_format("channels_first")  # as PyTorch's loaders give images
dataset = augfactory.load(name, labels="hard" if hard else "soft", normalise=True)
train, test = dataset.held_out(0.25)  # by originals: no row made of a test image is trained on

model = keras.Sequential(
    [
        keras.Input(dataset[0][0].shape),
        keras.layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
        keras.layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(len(dataset.class_names)),
    ]
)
# CategoricalCrossentropy takes shares. The model ends without a softmax: without from_logits it
# would take its outputs for probabilities, and nothing would say so.
loss = (
    keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if hard
    else keras.losses.CategoricalCrossentropy(from_logits=True)
)
model.compile(optimizer=keras.optimizers.AdamW(3e-3), loss=loss)
batches = augfactory.loader(dataset, 32, rows=train, seed=0)  # shuffles by itself
history = model.fit(batches, epochs=EPOCHS, shuffle=False, verbose=0)

images, targets = next(iter(augfactory.loader(dataset, len(test), rows=test)))
truth = targets if hard else targets.argmax(dim=1)
guesses = model.predict(images, verbose=0).argmax(axis=1)
accuracy = np.mean(guesses == truth.numpy())
print(f"loss {history.history['loss'][-1]:.4f}  accuracy {accuracy:.4f}  ({len(test)} held out)")
