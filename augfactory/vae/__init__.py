"""The variational autoencoder: networks, training, checkpoints, samplers."""
