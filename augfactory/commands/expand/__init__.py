"""Make datasets: from a request to a published version."""
