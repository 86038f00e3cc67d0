"""The names of a version's splits."""

TRAIN = "train"  # the rows of the dataset
VAL = "val"  # originals that nothing was made from; also the folder of their files
