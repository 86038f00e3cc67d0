"""The commands as Python functions: ``augfactory.train_vae``, ``expand`` and ``evaluate``.

Each does what the command of its name does, with the same defaults, and raises the same errors
(``augfactory.errors``) where the command ends with an exit code. They are silent unless asked for
progress. ``augfactory.load`` and ``augfactory.loader`` read what they make.
"""

from augfactory.api.datasets import expand
from augfactory.api.evaluation import evaluate
from augfactory.api.models import train_vae
from augfactory.commands.evaluate.evaluate import EvaluateResult
from augfactory.commands.expand.build import Dataset
from augfactory.commands.vae.train import VaeTrainResult

__all__ = ["Dataset", "EvaluateResult", "VaeTrainResult", "evaluate", "expand", "train_vae"]
