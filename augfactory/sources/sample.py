"""The bundled digits: 5,000 training and 5,000 test images of MNIST, 28 x 28, grey.

They lie in ``data/digits`` of a checkout, and beside this file in an installed package; see
``PROVENANCE.md`` there.
"""

from dataclasses import replace
from pathlib import Path

from augfactory.records import Source
from augfactory.sources.idx import open_idx

INSTALLED = Path(__file__).parent / "digits"
CHECKOUT = Path(__file__).parents[2] / "data" / "digits"


def sample_folder() -> Path:
    """Return the folder of the bundled IDX files."""
    return INSTALLED if INSTALLED.is_dir() else CHECKOUT


def open_sample(split: str | None, name: str) -> Source:
    """Open the ``split`` (None: train) of the bundled digits."""
    source = open_idx(sample_folder(), split, name)
    return replace(source, row_name=lambda row: f"sample:{source.split} row {row}")
