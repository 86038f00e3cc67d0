"""Train one classifier: batches, augmentation, loss, optimiser, averaged weights."""
