"""The report holds what results.json holds, as text, in one file."""

import base64
import hashlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from PIL import Image

from augfactory.guarded.text import escaped
from augfactory.report import page_figures
from augfactory.report.page import embedded_json, report_page
from augfactory.report.page_figures import Picture
from augfactory.report.page_tables import confused_pairs
from tests.report.documents import HOSTILE, arms_of, read, results, study_results
from tests.report.pages import Elements, attacked, best_first, picture, studied, usual
from tests.report.undrawn import FIGURES, all_figures


def page(document: dict[str, Any], *pictures: Picture) -> Elements:
    return Elements(report_page(read(document), pictures))


def undrawn(document: dict[str, Any], *pictures: Picture) -> Elements:
    """Return the elements of the report with the same small picture for each figure."""
    with all_figures(picture().png):
        return page(document, *pictures)


@pytest.fixture(autouse=True, scope="module")
def _drawn_once() -> Iterator[None]:
    """Draw a figure once, however many pages show it: drawing is what a page takes time for."""
    with pytest.MonkeyPatch.context() as patch:
        for name in FIGURES:
            patch.setattr(page_figures, name, once(getattr(page_figures, name)))
        yield


def once(draw: Callable[..., bytes]) -> Callable[..., bytes]:
    """Return ``draw`` with a memory; the same values have the same text."""
    known: dict[str, bytes] = {}

    def remembered(*values: Any) -> bytes:
        text = repr(values)
        if text not in known:
            known[text] = draw(*values)
        return known[text]

    return remembered


def test_parts_stand_in_their_order() -> None:
    document, _, elements = usual()
    ids = elements.attributes("section", "id")
    assert ids == [
        "outcome", "calibration", "classes", "corruptions", "pictures", "method", "recipes",
    ]  # fmt: skip
    assert elements.texts("h1") == ["Evaluation of digits-x10@v1 and digits-x50@v1"]
    assert elements.texts("p", **{"class": "sentence"}) == [document["verdict"]["text"]]
    assert f"Next: {document['verdict']['next']}" in elements.texts("p")
    assert elements.texts("summary") == [
        "2 things to know before you rely on this, 1 of them warning"
    ]
    assert [text.split()[0] for text in elements.texts("p") if "uneven" in text] == ["Warning"]
    assert {link[1:] for link in elements.attributes("a", "href")} <= set(ids)


def test_the_table_says_what_the_document_says() -> None:
    document, _, elements = usual()
    lines = elements.table("arms")
    assert len(lines) == len(document["arms"])
    for line, arm in zip(lines, best_first(document["arms"]), strict=True):
        assert line[0].startswith(f"{arm['name']} {arm['rows']:,} images")
        assert ("baseline" in line[0]) == (arm["name"] == "originals")
        assert ("3 images per step" in line[0]) == (arm["images_per_step"] == 3)
        for cell, key, scale, digits in ((1, "accuracy", 100, 1), (3, "nll", 1, 3),
                                         (4, "brier", 1, 3), (5, "ece", 100, 1)):  # fmt: skip
            own = arm[key]
            assert (
                line[cell] == f"{scale * own['mean']:.{digits}f} ± {scale * own['std']:.{digits}f}"
            )
        assert line[6].startswith(f"{100 * arm['scaled']['ece']['mean']:.1f} ±")
        assert line[7].startswith(f"{100 * arm['balanced_accuracy']['mean']:.1f} ±")
        assert line[8] == f"{100 * arm['corruptions']['mean_error']:.1f}"
    by_name = {line[0].split()[0]: line for line in lines}
    gap = document["arms"][3]["difference"]["accuracy"]
    low, high = 100 * gap["low"], 100 * gap["high"]
    assert by_name["digits-x50"][2] == f"{100 * gap['mean']:+.1f} [{low:+.1f}, {high:+.1f}]"
    assert by_name["originals"][2] == "–"


def test_a_further_comparison_stands_in_the_further_table() -> None:
    document, _, elements = usual()
    gap = document["arms"][2]["versus"]["originals+geometry"]["accuracy"]
    low, high = 100 * gap["low"], 100 * gap["high"]
    lines = elements.table("further")
    assert lines[2][1] == f"{100 * gap['mean']:+.1f} [{low:+.1f}, {high:+.1f}]"
    assert lines[1][1] == "–"


def test_a_study_has_a_section_for_each_number_of_originals() -> None:
    document, _, elements = studied()
    parts = ("outcome", "calibration", "classes")
    ids = elements.attributes("section", "id")
    assert ids == [
        "outcome", *(f"n30-{part}" for part in parts),
        *(f"n1000-{part}" for part in parts), "pictures", "method", "recipes",
    ]  # fmt: skip
    assert len(set(elements.attributes("table", "id"))) == 5
    assert elements.texts("h1") == [document["title"]]
    assert elements.texts("h2")[:2] == ["30 originals", "1,000 originals"]
    assert document["about"] in elements.texts("p")
    assert {link[1:] for link in elements.attributes("a", "href")} <= set(ids)
    said = [text for group in document["groups"] for text in group["sentences"]]
    assert elements.texts("li") == said
    overview = elements.table("overview")
    for place, group in enumerate(document["groups"], 1):
        lines = elements.table(f"n{group['n_train']}-arms")
        accuracy = {}
        for line, arm in zip(lines, best_first(group["arms"]), strict=True):
            assert line[0].startswith(f"{arm['name']} {arm['rows']:,} images")
            own = arm["accuracy"]
            accuracy[arm["name"]] = f"{100 * own['mean']:.1f} ± {100 * own['std']:.1f}"
            assert line[1] == accuracy[arm["name"]]
        assert [above[place] for above in overview] == [
            accuracy[arm["name"]] for arm in group["arms"]
        ]
    images = [own for tag, own, _ in elements.found if tag == "img"]
    assert len(images) == 2 * (2 + 4 + 3 + 4) + 1
    assert "6 times: 2 seeds on 3 subsets" in " ".join(elements.texts("p"))
    (text,) = elements.texts("pre")
    assert text.startswith('title = "Mixup of few digits" about = ')


def test_a_study_of_one_group_needs_no_overview() -> None:
    document = study_results((30,), arms=3, names=tuple("ab"), subsets=1, seeds=1)
    elements = undrawn(document)
    tables = ("arms", "further", "corruption-errors", "severities")
    assert elements.attributes("table", "id") == [f"n30-{name}" for name in tables]
    assert "One pair gives no interval" in " ".join(elements.texts("p"))


def test_a_group_that_lacks_arms_is_shown_as_it_is() -> None:
    document = study_results((20, 40, 60), arms=4, names=tuple("ab"), corruptions=False)
    first, second, third = document["groups"]
    lost = first["arms"].pop()
    second["arms"], second["sentences"] = [], []
    third["arms"] = third["arms"][1:]
    for arm in third["arms"]:
        arm["difference"] = None
    part = third["arms"][-1]
    for key in ("subsets", "seeds"):
        part[key] = part[key][:4]
    elements = page(document)
    overview = {line[0]: line[1:] for line in elements.table("overview")}
    assert overview[lost["name"]][:2] == ["–", "–"]
    assert overview[lost["name"]][2] != "–"
    assert "Nothing was trained here." in elements.texts("p")
    (line,) = [line for line in elements.table("n60-arms") if line[0].startswith(part["name"])]
    assert line[0].endswith("4 of 6 classifiers")
    images = [own for tag, own, _ in elements.found if tag == "img"]
    assert len(images) == (2 + 3 + 2 + 3) + (1 + 3 + 3)


def test_of_many_arms_twelve_have_figures_and_all_are_in_the_tables() -> None:
    document = study_results((30,), arms=15, names=tuple("ab"), seeds=1, corruptions=False)
    arms = document["groups"][0]["arms"]
    document["baseline"] = arms[-1]["name"]
    elements = undrawn(document)
    assert len(elements.table("n30-arms")) == len(elements.table("n30-further")) == 15
    shown = elements.attributes("div", "data-name")
    assert shown == [arm["name"] for arm in (arms[-1], *arms[:11])]
    assert len(elements.attributes("img", "src")) == 2 + 12 + 11 + 12
    assert "3 further arms stand in the tables only" in " ".join(elements.texts("p"))


def test_few_short_lines_are_drawn_over_factors_and_others_by_arm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[str] = []

    def figure(name: str) -> Callable[..., bytes]:
        def draw(*_: object) -> bytes:
            drawn.append(name)
            return picture().png

        return draw

    monkeypatch.setattr(page_figures, "accuracy_figure", figure("factors"))
    monkeypatch.setattr(page_figures, "arms_figure", figure("arms"))
    short = results(tuple("ab"))
    page_figures.accuracy(arms_of(short), read(short))
    many = study_results((30,), arms=9, names=tuple("ab"))
    page_figures.accuracy(arms_of(many["groups"][0]), read(many))
    long = results(tuple("ab"))
    long["arms"][2]["name"] = "a long way to some dataset-x10"
    page_figures.accuracy(arms_of(long), read(long))
    assert drawn == ["factors", "arms", "arms"]


def test_the_line_of_an_interval_is_drawn_to_scale() -> None:
    document = results(tuple("abc"), factors=(10,))
    for arm, ends in zip(document["arms"][1:], ((0.01, 0.02, 0.04), (-0.02, -0.01, 0.005)),
                         strict=True):  # fmt: skip
        arm["difference"]["accuracy"].update(zip(("low", "mean", "high"), ends, strict=True))
    found = undrawn(document).found
    kinds = [own["class"] for tag, own, _ in found if tag == "svg"]
    assert kinds == ["interval gain", "interval unclear"]
    means = [float(str(own["cx"])) for tag, own, _ in found if tag == "circle"]
    lows = [
        float(re.findall(r"^M([\d.]+)", str(own["d"]))[0])
        for tag, own, _ in found
        if tag == "path" and "class" not in own
    ]
    assert means == pytest.approx([50 + 46 * 0.5, 50 - 46 * 0.25])
    assert lows == pytest.approx([50 + 46 * 0.25, 50 - 46 * 0.5])


def test_no_text_of_a_document_becomes_markup() -> None:
    tame = results(names=[f"class {place}" for place in range(len(HOSTILE))])
    (_, _, found), expected = attacked(), undrawn(tame, picture())
    assert [(tag, sorted(own)) for tag, own, _ in found.found] == [
        (tag, sorted(own)) for tag, own, _ in expected.found
    ]
    assert HOSTILE[0] in found.texts("h3")
    assert "src=x onerror" in "".join(found.texts("h1"))
    assert "49" not in found.texts("h1")[0]
    for tag, name in (("td", "style"), ("svg", "class"), ("p", "class")):
        assert sorted(set(found.attributes(tag, name))) != []
        for value in found.attributes(tag, name):
            assert re.fullmatch(r"--heat:[\d.]+|[a-z ]+", value)


def test_the_document_stands_in_the_page_for_machines() -> None:
    for document, _, elements in (usual(), attacked()):
        (text,) = (
            "".join(text)
            for tag, own, text in elements.found
            if tag == "script" and own.get("id") == "results"
        )
        assert "<" not in text
        assert json.loads(text) == document
    assert json.loads(embedded_json({"a": "</script>\udcff"})) == {"a": "</script>\udcff"}


def test_a_name_that_utf8_has_no_bytes_for_is_shown() -> None:
    document = results(names=tuple("abc"), factors=(10,))
    document["test"]["text"] = "images-\udcff"
    assert r"images-\xff" in " ".join(page(document).texts("dd"))


def test_only_the_pages_own_script_may_run_and_nothing_is_fetched() -> None:
    _, html, elements = usual()
    scripts = [
        "".join(text)
        for tag, own, text in elements.found
        if tag == "script" and own.get("type") != "application/json"
    ]
    digests = [
        base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in scripts
    ]
    policy = elements.attributes("meta", "content")[0]
    assert re.findall(r"script-src '([^']*)'", policy) == [f"sha256-{digests[0]}"]
    assert len(scripts) == 1
    assert policy.startswith("default-src 'none'; img-src data:;")
    bare = re.sub(rb"data:image/png;base64,[\w+/=]*|sha256-[\w+/=]*", b"", html)
    assert not re.search(rb"https?:|\"//|@import|url\(|[^-]src=[^\"]", bare)
    sources = elements.attributes("img", "src")
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert elements.attributes("link", "href") == ["data:,"]
    assert not any("src" in own for tag, own, _ in elements.found if tag != "img")


def test_every_image_has_words_and_its_size() -> None:
    _, _, elements = usual()
    images = [own for tag, own, _ in elements.found if tag == "img"]
    # Curves and accuracy, reliability, gains, confusion, picture.
    assert len(images) == 2 + 4 + 3 + 4 + 1
    for own in images:
        data = base64.b64decode(str(own["src"]).partition(",")[2])
        with Image.open(io.BytesIO(data)) as image:
            assert (int(str(own["width"])), int(str(own["height"]))) == image.size
        assert len(str(own["alt"])) > 15
    assert images[-1]["alt"] == "A title. A caption."
    assert images[-1]["width"] == "31"


def page_of_three() -> bytes:
    return report_page(read(results(tuple("abc"), factors=(10,))), [])


def test_the_same_results_make_the_same_bytes_in_any_process(
    another_process: ProcessPoolExecutor,
) -> None:
    document = results(tuple("abc"), factors=(10,))
    assert another_process.submit(page_of_three).result() == report_page(read(document), [])
    assert document == results(tuple("abc"), factors=(10,))


def test_one_seed_has_no_interval_and_nothing_held_out_no_scaling() -> None:
    document = results(tuple("abc"), seeds=1, factors=(10,), held_out=False, corruptions=False)
    elements = page(document)
    lines = elements.table("arms")
    assert all(len(line) == 7 for line in lines)
    for line, arm in zip(lines, best_first(document["arms"]), strict=True):
        assert line[1] == f"{100 * arm['accuracy']['mean']:.1f}"
        gap = arm["difference"]
        assert line[2] == (f"{100 * gap['accuracy']['mean']:+.1f}" if gap else "–")
    assert "corruptions" not in elements.attributes("section", "id")
    assert "pictures" not in elements.attributes("section", "id")
    assert "One pair gives no interval" in " ".join(elements.texts("p"))
    assert all(own["class"] == "interval unclear" for tag, own, _ in elements.found if tag == "svg")


def test_a_class_without_test_images_is_no_error() -> None:
    document = results(tuple("abc"), factors=(10,))
    for arm in document["arms"]:
        arm["class_accuracy"][2] = None
        arm["confusion"][2] = [0] * 3
    assert "Gain over originals" in page(document).texts("h3")


def test_many_classes_are_told_by_their_confused_pairs() -> None:
    names = [f"kind {place}" for place in range(30)]
    document = results(names=names, factors=(10,))
    elements = undrawn(document)
    assert len(elements.attributes("img", "src")) == 2 + 3 + 2
    for place, arm in enumerate(document["arms"], 1):
        pairs = [
            (-arm["confusion"][true][taken], true, taken)
            for true in range(30)
            for taken in range(30)
            if true != taken
        ]
        expected = [
            [names[true], names[taken], f"{-less:,}", f"{100 * -less / 180:.1f}"]
            for less, true, taken in sorted(pairs)[:10]
        ]
        assert elements.table(f"pairs-{place}") == expected


def test_templates_are_imported_only_when_a_page_is_made() -> None:
    code = (
        "import sys, augfactory.report.page; "
        "print('jinja2' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"


def test_no_error_is_no_pair() -> None:
    table = confused_pairs([[5, 0], [0, 7]], ("a", "b"))
    assert table.rows == ()
    assert "No test image" in table.caption


def test_corruption_errors_are_a_table() -> None:
    document, _, elements = usual()
    lines = elements.table("corruption-errors")
    first, last = document["arms"][0]["corruptions"], document["arms"][-1]["corruptions"]
    assert lines[0][0] == "mean"
    assert lines[0][1] == f"{100 * first['mean_error']:.1f}"
    assert lines[1][-1] == f"{100 * last['mean_error_without_overlap']:.1f}"
    assert {line[0]: line[-1] for line in lines[2:]} == {
        name.replace("_", " "): f"{100 * error:.1f}" for name, error in last["errors"].items()
    }


def test_figures_by_severity_are_a_table_with_the_clean_ones_before() -> None:
    document, _, elements = usual()
    lines = elements.table("severities")
    arms = document["arms"]
    assert len(lines) == 3 * len(arms)
    for place, arm in enumerate(arms):
        clean, first, second = lines[3 * place : 3 * place + 3]
        assert clean[0] == f"{arm['name']} clean"
        assert clean[1] == f"{100 - 100 * arm['accuracy']['mean']:.1f}"
        assert second[0] == f"{arm['name']} severity 2"
        own = arm["corruptions"]["severities"][0]
        for cell, name, scale in zip(
            first[1:], ("error", "nll", "ece"), (100, 1, 100), strict=False
        ):
            assert cell.startswith(f"{scale * own[name]['mean']:.{1 if scale == 100 else 3}f} ±")


def test_the_baseline_comes_first_among_the_confusions() -> None:
    document = results(tuple("abc"), factors=(10,))
    document["baseline"] = "digits-x10"
    assert undrawn(document).attributes("div", "data-name") == [
        "digits-x10", "originals", "originals+geometry",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "document",
    [
        results(tuple("abc"), factors=(10,), corruptions=False),
        study_results((30,), arms=2, names=tuple("abc"), corruptions=False),
    ],
    ids=["evaluation", "study"],
)
def test_what_could_fool_a_reader_comes_as_escapes(document: dict[str, Any]) -> None:
    fooling = "\x1b[2J\u202e\x9b\u2028\udcff"

    def fooled(value: Any) -> Any:
        if isinstance(value, str):
            return value + fooling
        if isinstance(value, list):
            return [fooled(own) for own in value]
        return (
            {key: fooled(own) for key, own in value.items()} if isinstance(value, dict) else value
        )

    odd = {**document, "alerts": fooled(document["alerts"]), "test": fooled(document["test"])}
    if "title" in odd:
        odd["title"] += fooling
    for entry in odd.get("datasets", ()):
        entry["name"] += fooling
    html = report_page(read(odd), [picture(f"picture{fooling}", f"caption{fooling}")]).decode()
    page, _, rest = html.partition('<script type="application/json"')
    assert not [letter for letter in html if letter not in "\n\t" and escaped(letter) != letter]
    shown = r"\x1b[2J\u202e\x9b\u2028\xff"
    assert f"picture{shown}" in page
    assert f"caption{shown}" in page
    assert page.count(shown) > 5
    assert json.loads(rest.partition(">")[2].partition("</script>")[0])["test"] == odd["test"]
