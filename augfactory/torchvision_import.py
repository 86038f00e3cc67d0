"""The one door to torchvision.

The wheel of torchvision on the registry is built for CUDA. Beside a CPU build of torch it fails at
import, because the two operators that its compiled part would have declared are missing
(pytorch/vision#9085). Declaring their schemas is enough for everything written in Python; the
compiled parts (``torchvision.io``, ``torchvision.ops``) stay out of reach.
"""

import importlib
from types import ModuleType
from typing import Any

SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared: list[
    Any
] = []  # torch forgets a schema when the library object that declared it is collected


def import_torchvision(module: str = "torchvision") -> ModuleType:
    """Import ``module``, a part of torchvision, declaring the missing schemas if need be."""
    import torch

    try:
        return importlib.import_module(module)
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name, schema in SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    _declared.append(library)
    return importlib.import_module(module)
