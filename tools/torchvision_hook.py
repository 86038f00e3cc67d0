"""Let ``import torchvision`` work in an environment whose torch and torchvision do not fit.

The wheel of torchvision on the registry is built for CUDA. Beside a CPU build of torch its import
fails, because two operators that its compiled part would have declared are missing
(pytorch/vision#9085). Declaring their schemas is enough for all that is written in Python.

``python tools/torchvision_hook.py`` puts this file and a ``.pth`` that starts it into the running
environment, as ``make`` does with ``.venv``. It then waits for the first ``import torchvision``,
loads nothing before, and does nothing where torchvision is whole.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

NAME = "torchvision_hook"
SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
# torch forgets a schema when the library object that declared it is collected.
_declared: list[Any] = []


class Loader(importlib.abc.Loader):
    """Runs torchvision; where operators are missing, declares them and runs it again."""

    def __init__(self, own: Any) -> None:
        self.own = own

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Leave it to torchvision's own loader."""
        return self.own.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        """Run it, twice where need be."""
        try:
            self.own.exec_module(module)
        except RuntimeError as error:
            if "torchvision::" not in str(error):
                raise
            for name in [name for name in sys.modules if name.startswith("torchvision.")]:
                del sys.modules[name]
            _declare()
            self.own.exec_module(module)


class Finder(importlib.abc.MetaPathFinder):
    """Finds torchvision where everybody does, and has it loaded by ``Loader``."""

    asking = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of torchvision; None for all else."""
        del path, target
        if name != "torchvision" or self.asking:
            return None
        # Not only the first time: others, as transformers, ask whether it is there before any
        # import.
        self.asking = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.asking = False
        if spec is not None and spec.loader is not None:
            spec.loader = Loader(spec.loader)
        return spec


def _declare() -> None:
    import torch

    library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name, schema in SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    _declared.append(library)


def install(folder: Path) -> None:
    """Put the hook into ``folder``, the site-packages of an environment."""
    shutil.copyfile(__file__, folder / f"{NAME}.py")
    (folder / f"{NAME}.pth").write_text(f"import {NAME}\n", encoding="utf-8")


if __name__ == "__main__":
    install(Path(sysconfig.get_paths()["purelib"]))
elif __name__ == NAME:  # started by the .pth
    sys.meta_path.insert(0, Finder())
