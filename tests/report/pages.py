"""Report pages that tests share, taken apart into their elements."""

from functools import cache
from html.parser import HTMLParser
from typing import Any

from augfactory.report.page import report_page
from augfactory.report.page_figures import Picture
from tests.report.documents import HOSTILE, hostile, read, results, study_results
from tests.report.undrawn import blank


def best_first(arms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(arms, key=lambda arm: -arm["accuracy"]["mean"])


VOID = ("meta", "link", "img", "br")


class Elements(HTMLParser):
    """Every element in order: tag, attributes and the text beneath it."""

    def __init__(self, html: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[int] = []
        self.feed(html.decode())
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), []))
        assert len(dict(attrs)) == len(attrs)
        if tag not in VOID:
            self._open.append(len(self.found) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self.found[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for place in self._open:
            self.found[place][2].append(data)

    def texts(self, tag: str, **attributes: str) -> list[str]:
        return [
            " ".join("".join(text).split())
            for name, own, text in self.found
            if name == tag and attributes.items() <= own.items()
        ]

    def attributes(self, tag: str, name: str) -> list[str]:
        return [str(own[name]) for found, own, _ in self.found if found == tag and name in own]

    def table(self, identity: str) -> list[list[str]]:
        """Return the texts of the cells of the body."""
        start = next(
            place for place, (_, own, _) in enumerate(self.found) if own.get("id") == identity
        )
        lines: list[list[str]] = []
        for tag, own, text in self.found[start + 1 :]:
            if tag == "table":
                break
            if tag == "tr":
                lines.append([])
            elif tag == "td" or (tag == "th" and own.get("scope") == "row"):
                lines[-1].append(" ".join("".join(text).split()))
        return lines[1:]


def picture(title: str = "Sheet", caption: str = "what is to be seen") -> Picture:
    return Picture(title, caption, blank(31, 17))


@cache
def usual() -> tuple[dict[str, Any], bytes, Elements]:
    """Return results, their report with a picture, and its elements; nobody changes them."""
    document = results()
    html = report_page(read(document), [picture("A title", "A caption.")])
    return document, html, Elements(html)


@cache
def studied() -> tuple[dict[str, Any], bytes, Elements]:
    """Return the results of a study of two groups and their report."""
    document = study_results((30, 1000), arms=4, names=tuple("abc"), corruptions=False)
    html = report_page(read(document), [picture()])
    return document, html, Elements(html)


@cache
def attacked() -> tuple[dict[str, Any], bytes, Elements]:
    """Return the same of hostile results."""
    document = hostile()
    html = report_page(read(document), [picture(HOSTILE[0], HOSTILE[1])])
    return document, html, Elements(html)
