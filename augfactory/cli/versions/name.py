"""How a dataset version is named on the command line."""

from typing import Annotated

import typer

Name = Annotated[
    str, typer.Argument(metavar="NAME[@vN]", help="A dataset: its newest version, or @vN.")
]
