"""How long a step of a training takes here: told by a few of them, before the whole is begun."""

from dataclasses import replace

from augfactory.engines.processes import pinned_threads
from augfactory.evaluation.classifiers.registry import Builder
from augfactory.evaluation.training.batch_policy import BatchPolicy
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.evaluation.training.train import train_classifier
from augfactory.evaluation.training.training_set import TrainingSet

PROBE_STEPS = 12


def seconds_of_a_step(
    training: TrainingSet, build: Builder, settings: TrainingSettings, batch_policy: BatchPolicy
) -> float:
    """Train ``PROBE_STEPS`` steps on one thread; the network is thrown away."""
    few = replace(settings, steps=PROBE_STEPS)
    with pinned_threads(1):
        found = train_classifier(training, build, few, 0, batch_policy)
    return found.progress.seconds / PROBE_STEPS
