"""What the files of a model's folder are called; here alone, so that a look loads no torch."""

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
CHECKPOINTS = "checkpoints"
RESUME = ".resume"  # of an unfinished training
