"""Keras' image_dataset_from_directory: python keras_directory.py TRAIN_DIR VALIDATION_DIR."""

import os
import sys

os.environ["KERAS_BACKEND"] = "torch"  # before keras is imported

import keras

keras.utils.set_random_seed(0)
options = {"color_mode": "grayscale", "image_size": (28, 28), "batch_size": 32}
train, test = (
    keras.utils.image_dataset_from_directory(folder, **options) for folder in sys.argv[1:3]
)
model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(train, validation_data=test, epochs=8, verbose=2)
