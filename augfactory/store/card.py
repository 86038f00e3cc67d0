"""README.md: the dataset card, for people, with the front matter of the Hugging Face hub.

Nothing in it depends on when or where the dataset was made: the same request gives the same card.
"""

import json
import textwrap
from collections.abc import Sequence
from itertools import pairwise

from augfactory.guarded.text import escaped, escaped_json
from augfactory.methods.registry import METHODS
from augfactory.store.formats import FORMATS
from augfactory.store.manifest import Manifest, program
from augfactory.store.manifest_parts import SourceEntry

ORIGINAL, DECODED, LABELLED = "original", "vae", "pseudo-label"
SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
)
LINE = 100
MOST_STRETCHES = 20  # of source rows that are written out


def card(manifest: Manifest) -> str:
    """Return the dataset card."""
    sections = (
        _front_matter(manifest) + "\n" + _introduction(manifest),
        "## What it holds\n\n" + _contents(manifest),
        "## Reading it\n\n" + _reading(manifest),
        "## How it was made\n\n" + _making(manifest),
        "## Use and limits\n\n" + _limits(manifest),
        "## Identity\n\n" + _identity(manifest),
    )
    return escaped("\n\n".join(sections), keep="\n") + "\n"


def _front_matter(manifest: Manifest) -> str:
    # No dataset_info: the features stand in the Parquet files, and load_dataset ignores them here.
    return f"""---
pretty_name: {_quoted(f"{manifest.name}, {manifest.version}")}
license: other
license_name: as-the-source
task_categories: [image-classification]
task_ids: [multi-class-image-classification]
size_categories: [{_size_category(manifest.rows)}]
source_datasets: [extended]
annotations_creators: [machine-generated]
tags: [synthetic, data-augmentation, soft-labels, augfactory]
configs:
- config_name: default
  data_files:
  - split: train
    path: {FORMATS[manifest.format].data_files}
---"""


def _introduction(manifest: Manifest) -> str:
    height, width, channels = manifest.image_shape
    kept = sum(manifest.counts.get(ORIGINAL, {}).values())
    made, originals = manifest.rows - kept, len(manifest.source.rows)
    parts = (
        f"{kept:,} originals and {made:,} images made from them"
        if kept
        else f"{made:,} images made from {originals:,} originals, which are not among them"
    )
    exported = (
        f" Exported from {escaped(manifest.exported_from.name)}@{manifest.exported_from.version}: "
        "the same rows, stored in another way."
        if manifest.exported_from
        else ""
    )
    text = (
        f"{manifest.rows:,} labelled images of {height}×{width} pixels, {_colours(channels)}, in "
        f"{len(manifest.class_names)} classes: {parts}, by {program()}.{exported}"
    )
    return f"""# {escaped(manifest.name)}, {manifest.version}

{_wrapped(text)}

![what there was, and what was made from it](preview.png)"""


def _contents(manifest: Manifest) -> str:
    methods = list(manifest.counts)
    classes = [["class", *methods, "all"]]
    for name in manifest.class_names:
        counts = [manifest.counts[method].get(name, 0) for method in methods]
        classes.append([name, *(f"{count:,}" for count in [*counts, sum(counts)])])
    totals = [sum(manifest.counts[method].values()) for method in methods]
    classes.append(["all", *(f"{count:,}" for count in [*totals, sum(totals)])])
    address = f"{escaped(manifest.name)}@{manifest.version}"
    later = (
        "How near the made images come to the originals, and whether they help, is measured once "
        f"the dataset stands: `augfactory info {address} --quality` tells precision, recall, "
        "density, coverage and authenticity of each method and class; `augfactory evaluate "
        f"{address} --test SOURCE:test` trains classifiers with it and without."
    )
    return f"""{_table(classes)}

A row counts in the class of its largest label share.

{_figures(manifest)}

{_wrapped(later)}"""


def _figures(manifest: Manifest) -> str:
    statistics = manifest.statistics
    table = [["method", "how a row is made", "rows", "of mixed label", "largest share, mean"]]
    for method, classes in manifest.counts.items():
        labels = statistics.labels[method] if statistics else None
        table.append(
            [
                method,
                _method(method, residual=_is_residual(manifest)),
                f"{sum(classes.values()):,}",
                f"{labels.mixed:,}" if labels else "-",
                f"{labels.largest_share:.3f}" if labels else "-",
            ]
        )
    if statistics is None:
        return _table(table, words=2)
    pixels = (
        "Pixels, on the scale 0 to 1 over all rows, to normalise by: mean "
        f"{_channels(statistics.pixel_mean)}, standard deviation "
        f"{_channels(statistics.pixel_deviation)}. Rows that repeat an earlier one, pixels and "
        f"label: {statistics.repeats:,}."
    )
    return f"{_table(table, words=2)}\n\n{_wrapped(pixels)}"


def _reading(manifest: Manifest) -> str:
    storage = FORMATS[manifest.format]
    grey = storage.grey_note if manifest.image_shape[2] == 1 else ""
    columns = (
        "`soft_label` holds the exact label shares in the order of the classes above, `label` the "
        "number of the largest. `source_index` counts positions among the source rows that "
        "`manifest.json` lists (-1: unused), `weight` is the share of each; `round` counts passes "
        "over the source, 0 for originals. `plan.parquet` holds every number that was drawn for a "
        "row. `croissant.json` describes all of it for machines."
    )
    return "\n\n".join(filter(None, [storage.reading, _wrapped(grey), _wrapped(columns)]))


def _making(manifest: Manifest) -> str:
    source = manifest.source
    split = f", the {source.split} split" if source.split else ""
    converted = [
        *([f"to {source.size[0]}×{source.size[1]} pixels"] if source.size else []),
        *([f"to {source.colour}"] if source.colour != "auto" else []),
    ]
    origin = (
        f"Source: `{_code(source.title)}`{split}; {len(source.rows):,} of its images, numbers "
        f"{_numbers(source.rows)}. Their pixels and labels have the fingerprint "
        f"`{source.fingerprint}`."
        + (f" Images were converted {' and '.join(converted)}." if converted else "")
        + (
            f" They were made themselves, and go back to {source.originals:,} images: "
            "`source.roots` in `manifest.json` tells to which."
            if source.roots is not None
            else ""
        )
    )
    if manifest.unlabelled is not None:
        origin += " " + _unlabelled(manifest.unlabelled)
    again = (
        f"`augfactory reproduce {_code(manifest.name)}@{manifest.version}` renders it again from "
        f"the source{' and the model' if manifest.model else ''}, bit by bit the same, after this "
        "recipe:"
    )
    return f"""{_wrapped(origin)}

{_wrapped(_model(manifest))}

{_wrapped(again)}

```json
{json.dumps(manifest.recipe, indent=2)}
```"""


def _unlabelled(entry: SourceEntry) -> str:
    return (
        f"Unlabelled images: `{_code(entry.title)}`, {len(entry.rows):,} of them, with the "
        f"fingerprint `{entry.fingerprint}`; `pseudo-labels.parquet` has the label that "
        "classifiers give to each, and whether it serves. `source_index` counts them behind the "
        "source rows."
    )


def _model(manifest: Manifest) -> str:
    model = manifest.model
    if model is None:
        return "No trained model took part."
    trained_on = model.get("trained_on") or {}
    same = trained_on.get("fingerprint") == manifest.source.fingerprint
    images = "the same images" if same else f"{len(trained_on.get('rows') or ()):,} images"
    kind = f" `{_code(model['architecture'])}`" if model.get("architecture") else ""
    return (
        f"Model: a variational autoencoder{kind}, trained on {images}; the sha256 of its weights "
        f"is `{_code(model['sha256'])}`."
    )


def _limits(manifest: Manifest) -> str:
    points = [
        f"All of it derives from {manifest.source.originals:,} images. It shows nothing that these "
        "did not show, and repeats their biases and their wrong labels.",
        "It is no test set. Rows that go back to one image are near copies: hold out by "
        f"`{manifest.source.groups}`, never by row, and test on images that nothing here was made "
        "from.",
        "What the source images show of persons or places stands in these too: augfactory does "
        "not look for it.",
        "The licence is that of the source, which augfactory does not know: ask whoever it comes "
        "from.",
    ]
    if LABELLED in manifest.counts:
        points.insert(
            1,
            f"The labels of `{LABELLED}` rows are guesses of classifiers, as sure as their shares "
            "say; some are wrong.",
        )
    if DECODED in manifest.counts:
        look = "are smoother than real ones: fine detail is lost"
        if _is_residual(manifest):
            look = "keep the detail of the image that they are made from"
        points.insert(
            2,
            f"Decoded images (`{DECODED}`) {look}. The model that decoded them has learnt from "
            "every image it was trained on, held out afterwards or not.",
        )
    use = (
        "Meant for training image classifiers, with soft labels (cross-entropy against the shares) "
        "or hard ones."
    )
    return "\n".join([_wrapped(use), "", *(_wrapped(point, "- ") for point in points)])


def _identity(manifest: Manifest) -> str:
    return f"""Content hash `{manifest.content_hash}`
(decoded pixels, labels and their order; the same in every format). Recipe id
`{manifest.recipe_id}`.
`sha256sum -c SHA256SUMS` checks every file without augfactory, `augfactory verify` the rows too."""


def _is_residual(manifest: Manifest) -> bool:
    """Tell whether decoded rows are source images and what a move among codes changes in them."""
    return (manifest.recipe.get("vae") or {}).get("decode") == "residual"


def _method(name: str, *, residual: bool) -> str:
    """Return how a row of this method is made, in the words of the method's card."""
    if name == ORIGINAL:
        return "taken from the source as it was"
    if name == DECODED and residual:
        return "add to a source image what a move near its code changes"
    if name == DECODED:
        return "decode a code near that of a source image"
    if name == LABELLED:
        return "an unlabelled image, labelled by classifiers of the labelled ones"
    method = METHODS.get(name)
    return method.card.splitlines()[0].partition(": ")[2].rstrip(".") if method else ""


def _numbers(rows: Sequence[int]) -> str:
    """Return ``3, 5–9, 12``; the last of many are left to the manifest."""
    breaks = [0, *(i for i, (a, b) in enumerate(pairwise(rows), 1) if b != a + 1), len(rows)]
    stretches = [(rows[start], rows[stop - 1]) for start, stop in pairwise(breaks)]
    shown = [
        f"{first:,}" if first == last else f"{first:,}–{last:,}"
        for first, last in stretches[:MOST_STRETCHES]
    ]
    more = " and others: `manifest.json` lists all" if len(stretches) > MOST_STRETCHES else ""
    return ", ".join(shown) + more


def _wrapped(text: str, bullet: str = "") -> str:
    return textwrap.fill(
        text,
        LINE,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _table(lines: Sequence[Sequence[str]], words: int = 1) -> str:
    """Return a table of which all columns but the first ``words`` are numbers."""
    head, *rest = [[_cell(text) for text in line] for line in lines]
    ruled = [head, ["---" if place < words else "---:" for place in range(len(head))], *rest]
    return "\n".join(f"| {' | '.join(line)} |" for line in ruled)


def _cell(text: str) -> str:
    return " ".join(escaped(text).replace("\\", "\\\\").replace("|", "\\|").split())


def _code(text: object) -> str:
    """Return a text to stand between backticks: one line, without any of them."""
    return escaped(str(text)).replace("`", "'")


def _quoted(text: str) -> str:
    """Return a text as YAML in quotes, which are those of JSON."""
    return escaped_json(json.dumps(text, ensure_ascii=False))


def _channels(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)


def _colours(channels: int) -> str:
    return "grey" if channels == 1 else "RGB"


def _size_category(rows: int) -> str:
    return next((name for limit, name in SIZES if rows < limit), "1B<n<10B")
