"""Files in and out: atomic writing, shards, manifests, versions."""
