"""`preview --html`: the page holds the rows of a version as they are stored, in a real browser."""

import base64
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.versions.info_row import info_row
from augfactory.commands.versions.rows.looking import chosen_rows
from augfactory.store.reader import open_version
from tests.commands.made import SOURCES, expanded, train, write_parts
from tests.pictures import CLASSES

MIXUP, RICAP, ROWS = 3 * SOURCES, 5 * SOURCES, 7 * SOURCES


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("looking")
    return expanded(write_parts(place), place / "d", n_train=True)


@pytest.fixture(scope="module")
def html(made: Path) -> Path:
    out = made.parents[1] / "all.html"
    assert preview(made, out)["rows"] == ROWS
    return out


@pytest.fixture
def page(browser: Browser, html: Path) -> Iterator[Page]:
    """Open the page without a network; nothing may be complained of or fetched."""
    said: list[str] = []
    context = browser.new_context(offline=True, viewport={"width": 1300, "height": 900})
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "request",
        lambda one: said.append(one.url) if not one.url.startswith(("data:", "blob:")) else None,
    )
    page.goto(html.as_uri())
    yield page
    context.close()
    assert set(said) == {html.as_uri()}


def preview(version: Path, out: Path, *more: str) -> dict[str, Any]:
    told = CliRunner().invoke(
        app, ["preview", str(version), "--html", "--out", str(out), "--json", *more]
    )
    assert told.exit_code == 0, told.output
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def data_of(path: Path) -> dict[str, Any]:
    found = re.search(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"))
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_the_key_of_a_decoded_row_is_shown_to_its_last_digit(
    browser: Browser, tmp_path: Path
) -> None:
    version = expanded(train(write_parts(tmp_path), tmp_path / "m"), tmp_path / "d")
    preview(version, tmp_path / "page.html")
    row = int(np.flatnonzero(open_version(version).methods == "vae")[0])
    key = info_row(str(version), row).drawn["noise_key"]
    assert key > 2**53  # more than a number of a browser holds
    page = browser.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    page.locator(f".one[data-row='{row}'] button").click()
    assert str(key) in page.get_by_role("dialog").locator("#drawn dd").all_inner_texts()
    page.close()


@pytest.mark.parametrize("row", [4, SOURCES + 3, MIXUP + 7, RICAP + 11])
def test_the_page_tells_a_row_as_info_does(made: Path, html: Path, row: int) -> None:
    data, known = data_of(html), info_row(str(made), row)
    one = data["rows"][row]
    assert (one["row"], one["method"], one["round"]) == (row, known.method, known.round)
    assert {CLASSES[kind]: share for kind, share in one["label"]} == known.label
    assert one["drawn"] == {
        name: str(value) if isinstance(value, int) else value for name, value in known.drawn.items()
    }
    if known.method != "original":
        assert [(own["source_row"], own["weight"]) for own in one["parents"]] == [
            (own.source_row, own.weight) for own in known.parents
        ]
    version = open_version(made)
    for shown in [row, *(own["row"] for own in one["parents"])]:
        with Image.open(io.BytesIO(base64.b64decode(data["pictures"][str(shown)]))) as image:
            assert np.array_equal(
                np.asarray(image), version.source.read_images(np.array([shown]))[0]
            )


def test_a_sample_is_said_and_has_every_method_and_class(made: Path, tmp_path: Path) -> None:
    told = preview(made, tmp_path / "few.html", "--rows", "30")
    assert (told["rows"], told["of"]) == (30, ROWS)
    text = (tmp_path / "few.html").read_text(encoding="utf-8")
    assert f"30 of {ROWS} rows are on this page" in text
    data, version = data_of(tmp_path / "few.html"), open_version(made)
    assert {one["method"] for one in data["rows"]} == set(version.methods.tolist())
    assert {one["label"][0][0] for one in data["rows"]} == set(range(len(CLASSES)))
    assert len(data["pictures"]) <= 2 * 30
    chosen = chosen_rows(version, 30)
    assert (np.diff(chosen) > 0).all()


def test_rows_without_a_page_are_refused(made: Path) -> None:
    told = CliRunner().invoke(app, ["preview", str(made), "--rows", "5"])
    assert told.exit_code == 2
    assert "Add --html" in told.output


def test_filters_show_what_they_say(page: Page, html: Path) -> None:
    rows = data_of(html)["rows"]

    def expected(kind: int | None, method: str | None, least: float) -> list[int]:
        return [
            one["row"]
            for one in rows
            if method in (None, one["method"])
            and any(kind in (None, own) and 100 * share >= least for own, share in one["label"])
        ]

    def shown() -> list[int]:
        found: list[int] = page.evaluate(
            "[...document.querySelectorAll('.one')].map(each => Number(each.dataset.row))"
        )
        return found

    assert shown() == expected(None, None, 0)
    page.get_by_label("method").select_option("mixup")
    assert shown() == expected(None, "mixup", 0)
    page.get_by_label("class", exact=True).select_option("disc")
    assert 0 < len(shown()) < 2 * SOURCES
    assert shown() == expected(1, "mixup", 0)
    page.get_by_label("least share").fill("60")
    assert shown() == expected(1, "mixup", 60)
    assert page.locator("#count").inner_text() == f"{len(shown())} of {ROWS} rows"


def test_a_click_shows_parents_weights_and_draws(page: Page, made: Path) -> None:
    row = RICAP + 11
    known = info_row(str(made), row)
    page.locator(f".one[data-row='{row}'] button").click()
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_role("heading", level=2).inner_text().startswith(f"Row {row}: ricap")
    assert dialog.locator(".parent").count() == len(known.parents)
    assert dialog.locator(".parent img").count() == len(known.parents)
    text = dialog.inner_text()
    for parent in known.parents:
        assert f"weight {parent.weight:.4f}" in text
        assert f"source row {parent.source_row}" in text
    assert dialog.locator("#drawn dt").all_inner_texts() == list(known.drawn)
    page.keyboard.press("ArrowRight")
    assert f"Row {row + 1}: ricap" in dialog.inner_text()


def test_marked_rows_become_a_file(page: Page, made: Path, tmp_path: Path) -> None:
    assert page.locator("#save").is_disabled()
    for row in (MIXUP + 7, 4):
        page.get_by_label(f"reject row {row}", exact=True).check()
    page.locator(f".one[data-row='{SOURCES}'] button").click()
    page.keyboard.press("x")
    page.get_by_role("button", name="Close").click()
    page.reload()  # marks outlive it
    page.get_by_label("marked only").check()
    assert page.locator(".one.marked").count() == page.locator(".one").count() == 3
    with page.expect_download() as waiting:
        page.locator("#save").click()
    waiting.value.save_as(tmp_path / "rejects.json")
    manifest = open_version(made).manifest
    assert waiting.value.suggested_filename == "d-x3-v1-rejects.json"
    assert json.loads((tmp_path / "rejects.json").read_bytes()) == {
        "version": "d-x3@v1",
        "content_hash": manifest.content_hash,
        "rejected": [4, SOURCES, MIXUP + 7],
    }


def test_the_saved_list_is_drawn_anew(
    page: Page, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rejected = [SOURCES + 2, MIXUP + 9]
    for row in rejected:
        page.get_by_label(f"reject row {row}", exact=True).check()
    with page.expect_download() as waiting:
        page.locator("#save").click()
    saved = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(saved)
    monkeypatch.chdir(made.parents[1])
    told = CliRunner().invoke(app, ["expand", made.parent.name, "--reject", str(saved), "--json"])
    assert told.exit_code == 0, told.output
    (anew,) = json.loads(told.stdout)["datasets"]
    before, after = open_version(made).source, open_version(Path(anew["path"])).source
    rows = np.arange(ROWS)
    differs = (before.read_images(rows) != after.read_images(rows)).any(axis=(1, 2, 3))
    assert np.flatnonzero(differs).tolist() == rejected
    shutil.rmtree(made.parent / anew["version"])


@pytest.mark.parametrize("width", [1300, 400])
def test_the_page_is_no_wider_than_the_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(f".one[data-row='{RICAP + 11}'] button").click()
    box = page.get_by_role("dialog").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [
        (["--out", "page.html"], "Name it page.png, or add --html."),
        (["--out", "sheet.jpg"], "Name it sheet.png, or add --html."),
        (["--html", "--out", "sheet.png"], "Name it sheet.html."),
    ],
)
def test_a_name_of_another_kind_of_file_is_refused_before_anything_is_written(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str], remedy: str
) -> None:
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, ["preview", str(made), *asked])
    assert told.exit_code == 2
    assert remedy in told.stderr
    assert not list(tmp_path.iterdir())


def test_a_list_of_rejected_rows_that_is_not_there_is_told(made: Path, tmp_path: Path) -> None:
    told = CliRunner().invoke(
        app, ["expand", str(made), "--reject", str(tmp_path / "none.json"), "--workers", "1"]
    )
    assert told.exit_code == 3
    assert "none.json: there is no such file" in told.stderr
    assert "Errno" not in told.stderr
