"""What is kept of the network of a run, beside its result."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from augfactory.evaluation.comparison.protocol import Run
from augfactory.guarded.files import is_there


@dataclass(frozen=True)
class Keeper:
    """Keeps trained networks in ``out``.

    Attributes:
        out: the folder of an evaluation or a study.
        path: (out, run) -> the file of a run's network.
        write: (path, run, network) keeps it there.
    """

    out: Path
    path: Callable[[Path, Run], Path]
    write: Callable[[Path, Run, nn.Module], None]

    def has(self, run: Run) -> bool:
        """Tell whether there is a file of the run's network."""
        return is_there(self.path(self.out, run))

    def keep(self, run: Run, network: nn.Module) -> None:
        """Write the network of a finished run."""
        self.write(self.path(self.out, run), run, network)
