"""The table of an evaluation."""

from dataclasses import dataclass

from augfactory.evaluation.protocol import ArmSummary, spread
from augfactory.report.tables import table


@dataclass(frozen=True)
class Result:
    """What `table` needs of an evaluation."""

    arms: tuple[ArmSummary, ...]
    baseline: str


def arm(name: str, rows: int, accuracy: list[float], nll: list[float]) -> ArmSummary:
    seeds = tuple(range(len(accuracy)))
    return ArmSummary(name, None, rows, seeds, spread(accuracy), spread(nll), spread([1234.56]))


def test_a_table_has_one_aligned_line_for_each_arm() -> None:
    arms = (
        arm("originals", 100, [0.84, 0.86], [0.5, 0.7]),
        arm("digits-x10", 1_000, [0.875], [0.25]),
        arm("worse", 25_000, [0.8, 0.81], [1.0, 1.0]),
    )
    assert table(Result(arms, "originals")).splitlines() == [
        "trained on  images    accuracy %  difference            NLL  seconds",
        "originals      100  85.00 ± 1.41              0.600 ± 0.141  1,234.6",
        "digits-x10   1,000         87.50       +2.50          0.250  1,234.6",
        "worse       25,000  80.50 ± 0.71       -4.50  1.000 ± 0.000  1,234.6",
    ]
