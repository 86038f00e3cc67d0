"""The names of what can be added: one line here, and one file of that name in the folder named.

It loads nothing, so that ``--help`` and every room may read it. A registry beside the files, such
as ``methods/registry.py``, loads them by these names; "-" in a name is "_" in its file's. The
classifiers are in ``evaluation/classifiers/registry.py``, which loads nothing either.
"""

from importlib import import_module
from typing import Any

METHODS = (  # methods/
    "geometry",
    "mixup",
    "ricap",
    "cutmix",
    "augmix",
    "erasing",
    "grid",
    "trivialaugment",
    "randaugment",
    "crop",
    "jitter",
    "stroke",
)
SAMPLERS = (  # vae/samplers/
    "posterior",
    "same-class",
)
FORMATS = (  # store/formats/
    "hdf5",
    "png",
    "parquet",
    "webdataset",
    "lance",
)
LAYOUTS = (  # store/layouts/
    "imagefolder",
    "ultralytics",
    "keras",
    "timm",
    "hf",
    "webdataset",
    "npz",
)
# sources/, each as messages and help call it; a path is opened by the last that takes it.
SOURCES = {
    "folder": "a folder of class folders",
    "torchvision-source": "a folder that torchvision filled",
    "idx": "a folder of IDX(.gz) files",
    "npz": "a .npz file",
    "hdf5": "a .h5 file",
    "table": "a table of files and labels (.csv, .tsv, .parquet)",
    "archive": "a .zip or .tar of class folders or WebDataset samples",
    "huggingface": "a Hugging Face dataset on disk",
}
# PRESETS in methods/geometry.py
PRESETS = ("digits", "photo", "clothes", "texture", "none")
MIXING = tuple(name for name in METHODS if name != "geometry")
# They change one image and keep its label.
VARYING = ("crop", "erasing", "jitter", "randaugment", "stroke", "trivialaugment")


def registered(package: str, names: tuple[str, ...], constant: str) -> dict[str, Any]:
    """Return name -> the ``constant`` of its file in ``package``, such as METHOD."""
    files = {name: f"augfactory.{package}.{name.replace('-', '_')}" for name in names}
    return {name: getattr(import_module(file), constant) for name, file in files.items()}
