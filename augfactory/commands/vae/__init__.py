"""Train a VAE on a source and leave a model folder."""
