"""The report in a real browser, cut off from every network."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request

from augfactory.report.page import report_page
from tests.report.documents import read, results
from tests.report.pages import attacked, best_first, studied, usual
from tests.report.undrawn import all_figures, blank

OpenPage = Callable[..., Page]


@cache
def wide_report(classes: int) -> bytes:
    """Return a report with long names and, for figures, pictures wider than any figure."""
    document = results(names=[f"class-{'x' * 30}{place}" for place in range(classes)])
    document["arms"][2]["name"] = "digits" * 20
    with all_figures(blank(3000, 40)):
        return report_page(read(document), [])


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[OpenPage]:
    """Open a document's report; in the end nothing may have been complained of or fetched."""
    complaints: list[str] = []
    requests: list[str] = []
    contexts = []
    file = tmp_path / "report.html"

    def keep(request: Request) -> None:
        if not request.url.startswith("data:"):
            requests.append(request.url)

    def opened(html: bytes, **options: Any) -> Page:
        file.write_bytes(html)
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", keep)
        page.goto(file.as_uri(), wait_until="load")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert requests == [file.as_uri()] * len(contexts)


def column(page: Page, place: int) -> list[str]:
    texts: list[str] = page.locator(f"#arms tbody td:nth-child({place}) .text").all_inner_texts()
    return texts


def test_figures_of_the_table_are_those_of_the_document(open_page: OpenPage) -> None:
    document, html, _ = usual()
    page = open_page(html)
    shown = page.locator("#arms tbody th").all_inner_texts()
    arms = best_first(document["arms"])
    assert [name.split("\n")[0] for name in shown] == [arm["name"] for arm in arms]
    for place, measure, scale in ((2, "accuracy", 100), (4, "nll", 1), (5, "brier", 1),
                                  (6, "ece", 100)):  # fmt: skip
        means = [float(text.split(" ± ")[0]) for text in column(page, place)]
        expected = [scale * arm[measure]["mean"] for arm in arms]
        assert means == pytest.approx(expected, abs=0.05 if scale == 100 else 0.0005)
    assert page.evaluate("JSON.parse(document.getElementById('results').textContent)") == document


def test_a_study_has_tables_images_and_choices_of_each_number_of_originals(
    open_page: OpenPage,
) -> None:
    document, html, _ = studied()
    page = open_page(html)
    for group in document["groups"]:
        key = f"n{group['n_train']}-"
        means = page.locator(f"#{key}arms tbody td:nth-child(2) .text").all_inner_texts()
        assert [float(text.split(" ± ")[0]) for text in means] == pytest.approx(
            [100 * arm["accuracy"]["mean"] for arm in best_first(group["arms"])], abs=0.05
        )
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        page.locator("nav").get_by_role("link", name=f"{group['n_train']:,} originals").click()
        assert page.locator(f"#{key}outcome h2").is_visible()
        section = page.locator(f"#{key}classes")
        section.get_by_role("combobox").select_option(label=group["arms"][2]["name"])
        shown = [each.is_visible() for each in section.locator(".choice").all()]
        assert shown == [True, False, True, False]
    assert page.evaluate("[...document.images].every(i => i.naturalWidth > 0)")
    assert page.evaluate("JSON.parse(document.getElementById('results').textContent)") == document


def test_every_image_is_there(open_page: OpenPage) -> None:
    page = open_page(usual()[1])
    images = page.evaluate(
        "[...document.images].map("
        "each => [each.complete, each.naturalWidth, each.naturalHeight, each.offsetWidth])"
    )
    assert len(images) == 15
    hidden = 0
    for complete, width, height, shown in images:
        assert complete
        assert width > 0
        assert height > 0
        hidden += shown == 0
    assert hidden == 2  # the confusions that are not chosen


def test_attacks_stay_words(open_page: OpenPage) -> None:
    document, html, _ = attacked()
    page = open_page(html)
    assert page.evaluate("JSON.parse(document.getElementById('results').textContent)") == document
    assert page.evaluate("document.querySelectorAll('script').length") == 2
    assert page.evaluate("document.querySelectorAll('[onerror], [onload]').length") == 0
    assert page.evaluate("[...document.images].every(i => i.naturalWidth > 0)")


def test_the_table_can_be_sorted(open_page: OpenPage) -> None:
    document, html, _ = usual()
    page = open_page(html)
    heads = page.locator("#arms thead")
    accuracies = [arm["accuracy"]["mean"] for arm in document["arms"]]
    read = (
        "[...document.querySelectorAll('#arms tbody td:nth-child(%d)')].map(c => c.dataset.value)"
    )
    for order in (sorted(accuracies, reverse=True), sorted(accuracies)):
        heads.get_by_role("button", name="accuracy", exact=True).click()
        assert [float(value) for value in page.evaluate(read % 2)] == order
    # The baseline has no difference from itself; it stays at the end.
    heads.get_by_role("button", name="difference from originals").click()
    found = page.evaluate(read % 3)
    assert found[-1] is None
    gaps = [float(value) for value in found[:-1]]
    assert gaps == sorted(gaps, reverse=True)
    heads.get_by_role("button", name="trained on").click()
    names = [text.split("\n")[0] for text in page.locator("#arms tbody th").all_inner_texts()]
    assert names == sorted(names)


def test_a_confusion_is_chosen_and_all_are_printed(open_page: OpenPage) -> None:
    page = open_page(usual()[1])
    choices = page.locator(".choice")
    page.get_by_role("combobox").select_option("digits-x50")
    assert [each.is_visible() for each in choices.all()] == [True, False, False, True]
    page.emulate_media(media="print")
    assert all(each.is_visible() for each in choices.all())


def test_the_page_is_whole_without_scripts(open_page: OpenPage) -> None:
    document, html, _ = usual()
    page = open_page(html, java_script_enabled=False)
    assert all(each.is_visible() for each in page.locator(".choice").all())
    assert len(column(page, 2)) == len(document["arms"])
    assert page.locator("button, select").count() == 0


@pytest.mark.parametrize(
    ("classes", "width", "scheme"), [(10, 360, "light"), (30, 360, "dark"), (10, 1200, "dark")]
)
def test_the_page_is_no_wider_than_the_window(
    open_page: OpenPage, classes: int, width: int, scheme: str
) -> None:
    page = open_page(
        wide_report(classes), viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    levels = [int(part) for part in paper[4:-1].split(",")]
    assert max(levels) < 60 if scheme == "dark" else min(levels) > 200
