"""How often a decoded image is nearest to the original that it was decoded around.

    python benchmarks/own_original.py MODEL_DIR...

Each original of a model is encoded, moved by noise of its own (posterior sampling; temperature 0
for none) and decoded; then the nearest of all originals is looked for, by the distance of pixels.
`docs/experiments.md` has what it found.
"""

import sys
from pathlib import Path

import numpy as np

from augfactory.keyed_random import generator
from augfactory.records import Int64Array, UInt8Array
from augfactory.sources.recorded import open_rows
from augfactory.vae.checkpoint import Model, load_model
from augfactory.vae.coding import decode, encode
from augfactory.vae.samplers.posterior import SAMPLER, PosteriorParameters


def nearest_of(made: UInt8Array, originals: UInt8Array) -> Int64Array:
    """Return the row of the nearest original of each made image: int64 [n]."""
    flat = originals.reshape(len(originals), -1).astype(np.float64)
    own = made.reshape(len(made), -1).astype(np.float64)
    nearest: Int64Array = ((flat**2).sum(1) - 2 * own @ flat.T).argmin(1)
    return nearest


def main() -> None:
    """Print a line for each model and temperature."""
    for folder in sys.argv[1:]:
        model: Model = load_model(Path(folder))
        _, source = open_rows(model.config.source, "the model was trained on", "Restore it.")
        rows = np.arange(len(source))
        images, labels = source.read_images(rows), source.read_soft_labels(rows)
        mean, log_variance = encode(model, images, labels)
        noise = generator("own original").standard_normal(mean.shape, dtype=np.float32)
        for temperature in (0.0, 1.0):
            params = PosteriorParameters(temperature=temperature)
            nothing = np.empty((len(rows), 0))
            moved = SAMPLER.move(params, mean, log_variance, None, nothing, noise)
            nearest = nearest_of(decode(model, moved, labels), images)
            same = (source.labels[nearest] == source.labels).mean()
            print(
                f"{folder}, temperature {temperature:g}: own original nearest in "
                f"{100 * (nearest == rows).mean():.1f} %, one of its class in {100 * same:.1f} %; "
                f"mean deviation {np.exp(0.5 * log_variance).mean():.2f}, "
                f"KL {model.config.result.kl:.1f}, loss {model.config.result.loss:.1f}"
            )


if __name__ == "__main__":
    main()
