"""Tables for a terminal and in Markdown."""

from augfactory.guarded.tables import aligned, markdown

LINES = [("name", "kind", "rows"), ("a", "long kind", "1,000"), ("b\n\x1b[2J", "x", "7")]


def test_words_begin_on_the_left_and_numbers_end_on_the_right() -> None:
    assert aligned(LINES, words=2).split("\n") == [
        "name          kind        rows",
        "a             long kind  1,000",
        r"b\x0a\x1b[2J  x              7",
    ]
    assert aligned([("a", ""), ("bc", "")]) == "a\nbc"


def test_no_cell_breaks_a_table_of_markdown() -> None:
    assert markdown([("a|b", "n"), ("c\\d  e\n", "1")], words=1).split("\n") == [
        r"| a\|b | n |",
        "| --- | ---: |",
        r"| c\\d e\\x0a | 1 |",
    ]
