"""What is told of work that goes on, where no terminal shows a bar."""

import pytest

from augfactory.cli.progress import StderrProgress, duration


def test_a_log_says_what_was_finished_last_and_how_long_the_rest_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [1000.0]
    monkeypatch.setattr("augfactory.cli.progress.time.monotonic", lambda: now[0])
    with StderrProgress().bar("training to step 400", 12, "classifier", 2) as bar:
        now[0] += 14
        bar.advance(1, "originals", accuracy=0.5)  # too soon for a line
        now[0] += 46
        bar.advance(1, "leaves-x50", accuracy=0.98765)  # two in 60 s, so the other eight in 240
        now[0] += 600
        bar.advance(8, "moss-x50", accuracy=0.25)
    assert capsys.readouterr().err.splitlines() == [
        "training to step 400: 4 of 12 classifiers, about 4 min left, leaves-x50: accuracy 0.988",
        "training to step 400: 12 of 12 classifiers, moss-x50: accuracy 0.25",
        "training to step 400: 12 classifiers, 10 of them now, in 660.0 s",
    ]


def test_a_line_of_work_without_names_and_figures_has_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr("augfactory.cli.progress.time.monotonic", lambda: now[0])
    with StderrProgress().bar("making moss-x50", 20_000, "row") as bar:
        now[0] += 16
        bar.advance(5_000)
    assert capsys.readouterr().err.splitlines() == [
        "making moss-x50: 5,000 of 20,000 rows, about 48 s left",
        "making moss-x50: 5,000 rows in 16.0 s",
    ]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "1 s"), (89, "89 s"), (90, "2 min"), (5_000, "83 min"), (9_000, "2.5 h")],
)
def test_durations_are_told_in_the_unit_that_fits(seconds: float, told: str) -> None:
    assert duration(seconds) == told
