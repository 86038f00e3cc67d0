"""Make the shards of a dataset: in this process, in others, on machines that share no folder."""
