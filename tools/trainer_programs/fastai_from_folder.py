"""fastai's shortest way: python fastai_from_folder.py DIR VALIDATION_FOLDER."""

import sys

from fastai.vision.all import ImageDataLoaders, Learner, accuracy, models, set_seed

set_seed(0)
loaders = ImageDataLoaders.from_folder(sys.argv[1], valid=sys.argv[2], bs=32, num_workers=0)
learner = Learner(loaders, models.resnet18(num_classes=loaders.c), metrics=accuracy)
with learner.no_bar(), learner.no_logging():
    learner.fit(4, lr=2e-3)
assert learner.recorder.values[-1][2] is not None, "no images to validate on"
print("classes", list(loaders.vocab), "accuracy", learner.recorder.values[-1][2])
