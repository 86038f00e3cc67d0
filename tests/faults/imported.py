"""What commands import when they need it, imported now: an import must meet no limit of time.

A module whose import is broken off half-way stays broken for the rest of the process.
"""

import matplotlib.figure
import matplotlib.pyplot
import torch

from augfactory.commands import demo
from augfactory.commands.evaluate import evaluate, quality
from augfactory.commands.study import study
from augfactory.commands.vae import train as vae_train
from augfactory.commands.versions import diff, export, info_row, log, reproduce
from augfactory.loading import load as loading

__all__ = ["demo", "diff", "evaluate", "export", "info_row", "loading", "log", "matplotlib"]
__all__ += ["quality", "reproduce", "study", "torch", "vae_train"]
