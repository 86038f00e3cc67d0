"""Arms of figures that tests share."""

from augfactory.commands.evaluate.arms import series_of
from augfactory.evaluation.comparison.compare import summary
from augfactory.evaluation.comparison.results import ArmSummary


def arm(name: str, factor: int | None, *accuracies: float, rows: int = 500) -> ArmSummary:
    series = series_of(name, factor)
    return ArmSummary.model_construct(
        name=name, factor=factor, rows=rows, accuracy=summary(accuracies), series=series
    )


ORIGINALS = arm("originals", 1, 0.8, 0.82, rows=100)
