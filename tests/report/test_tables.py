"""The table of an evaluation."""

from augfactory.evaluation.comparison.intervals import Difference
from augfactory.evaluation.comparison.results import (
    ArmSummary,
    CorruptionErrors,
    SeverityScores,
    Summary,
)
from augfactory.report.tables import markdown_table, severities_table, table


def summary(mean: float, std: float | None = None) -> Summary:
    return Summary(mean, std, (mean,))


def arm(name: str, rows: int, accuracy: Summary, gap: Difference | None) -> ArmSummary:
    return ArmSummary.model_construct(
        name=name,
        rows=rows,
        accuracy=accuracy,
        nll=summary(0.6),
        ece=summary(0.0316),
        seconds=summary(1234.56),
        corruptions=None,
        difference=gap and {"accuracy": gap},
    )


ARMS = [
    arm("originals", 100, summary(0.85, 0.01414), None),
    arm("dig-x10", 1_000, summary(0.875), Difference(0.025, None, None, 1)),
    arm("a|b", 25_000, summary(0.805, 0.007), Difference(-0.045, -0.061, -0.0104, 3)),
]


def test_a_table_has_one_aligned_line_for_each_arm() -> None:
    assert table(ARMS).splitlines() == [
        "trained on  images  accuracy %  difference [95 %]               NLL  ECE %  seconds",
        "dig-x10      1,000        87.5               +2.5  undecided  0.600    3.2  1,234.6",
        "originals      100  85.0 ± 1.4                      baseline  0.600    3.2  1,234.6",
        "a|b         25,000  80.5 ± 0.7  -4.5 [-6.1, -1.0]      worse  0.600    3.2  1,234.6",
    ]


def test_markdown_escapes_what_would_split_a_cell() -> None:
    lines = markdown_table(ARMS).splitlines()
    assert len(lines) == 5
    assert lines[1] == "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    assert lines[4].startswith("| a\\|b | 25,000 |")


def test_a_name_that_could_fool_a_terminal_comes_as_escapes() -> None:
    odd = [arm("a\nb\x1b[2J\u202ec", 10, summary(0.5), None)]
    assert len(table(odd).split("\n")) == 2
    assert table(odd).split("\n")[1].startswith(r"a\x0ab\x1b[2J\u202ec  ")
    assert len(markdown_table(odd).splitlines()) == 3
    assert r"| a\\x0ab\\x1b[2J\\u202ec |" in markdown_table(odd)  # \\ is a backslash in Markdown


def test_corruption_errors_have_a_column_of_their_own() -> None:
    errors = CorruptionErrors("mnist-c", "MNIST-C-style", 0.1234, None, {})
    arms = [ARMS[0].model_copy(update={"corruptions": errors}), ARMS[1]]
    head, without, measured = table(arms).splitlines()
    assert "error on MNIST-C-style %" in head
    assert " 12.3 " in measured
    assert " 12.3 " not in without
    assert severities_table(arms) is None


def test_severities_are_a_table_of_their_own() -> None:
    figures = (Summary(0.25, 0.01, (0.24, 0.26)), Summary(1.5, None, (1.5,)))
    level = SeverityScores(3, 15, figures[0], figures[1], figures[0], figures[0])
    errors = CorruptionErrors("cifar-c", "CIFAR-10-C-style", 0.25, None, {}, (level,))
    found = severities_table([ARMS[0].model_copy(update={"corruptions": errors}), ARMS[1]])
    assert found is not None
    head, _, line = found.splitlines()
    assert "severity, CIFAR-10-C-style" in head
    assert "| 3 | 25.0 ± 1.0 | 1.500 | 25.0 ± 1.0 |" in line
