"""The table of an evaluation."""

from typing import Any

from augfactory.report.tables import markdown_table, table


def spread(mean: float, std: float | None = None) -> dict[str, Any]:
    return {"mean": mean, "std": std, "values": [mean]}


def arm(
    name: str, rows: int, accuracy: dict[str, Any], gap: tuple[Any, ...] | None
) -> dict[str, Any]:
    return {
        "name": name,
        "rows": rows,
        "accuracy": accuracy,
        "nll": spread(0.6),
        "ece": spread(0.0316),
        "seconds": spread(1234.56),
        "corruptions": None,
        "difference": gap and {"accuracy": dict(zip(("mean", "low", "high"), gap, strict=True))},
    }


ARMS = [
    arm("originals", 100, spread(0.85, 0.01414), None),
    arm("dig-x10", 1_000, spread(0.875), (0.025, None, None)),
    arm("a|b", 25_000, spread(0.805, 0.007), (-0.045, -0.061, -0.0104)),
]


def test_a_table_has_one_aligned_line_for_each_arm() -> None:
    assert table({"arms": ARMS}).splitlines() == [
        "trained on  images  accuracy %  difference [95 %]               NLL  ECE %  seconds",
        "dig-x10      1,000        87.5               +2.5  undecided  0.600    3.2  1,234.6",
        "originals      100  85.0 ± 1.4                      baseline  0.600    3.2  1,234.6",
        "a|b         25,000  80.5 ± 0.7  -4.5 [-6.1, -1.0]      worse  0.600    3.2  1,234.6",
    ]


def test_markdown_escapes_what_would_split_a_cell() -> None:
    lines = markdown_table({"arms": ARMS}).splitlines()
    assert len(lines) == 5
    assert lines[1] == "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    assert lines[4].startswith("| a\\|b | 25,000 |")


def test_a_name_that_could_fool_a_terminal_comes_as_escapes() -> None:
    odd = {"arms": [arm("a\nb\x1b[2J\u202ec", 10, spread(0.5), None)]}
    assert len(table(odd).split("\n")) == 2
    assert table(odd).split("\n")[1].startswith(r"a\x0ab\x1b[2J\u202ec  ")
    assert len(markdown_table(odd).splitlines()) == 3
    assert r"| a\x0ab\x1b[2J\u202ec |" in markdown_table(odd)


def test_corruption_errors_have_a_column_of_their_own() -> None:
    errors = {"title": "MNIST-C-style", "mean_error": 0.1234}
    arms = [ARMS[0] | {"corruptions": errors}, ARMS[1]]
    head, without, measured = table({"arms": arms}).splitlines()
    assert "error on MNIST-C-style %" in head
    assert " 12.3 " in measured
    assert " 12.3 " not in without
