"""README.md: the dataset card, for people, with the front matter of the Hugging Face hub.

Nothing in it depends on when or where the dataset was made: the same request gives the same card.
"""

from dataclasses import dataclass

from augfactory.guarded.tables import markdown as table
from augfactory.guarded.text import escaped
from augfactory.store.documents.card_validation import validation_files, validation_in_words
from augfactory.store.documents.made_in_words import (
    DECODED,
    LABELLED,
    ORIGINAL,
    classes_in_words,
    exported_in_words,
    is_residual,
    labelling_in_words,
    left_out_in_words,
    licence_in_words,
    licence_lines,
    method_in_words,
    recipe_json,
    redrawn_in_words,
    rejected_in_words,
    unlabelled_in_words,
    varied_in_words,
    without_in_words,
)
from augfactory.store.documents.markdown import channels, code, numbers, quoted, wrapped
from augfactory.store.formats.registry import FORMATS
from augfactory.store.manifest import Manifest, program
from augfactory.store.manifest_parts import About

SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
)


@dataclass(frozen=True)
class Elsewhere:
    """What the card says where rows of a version are laid out for others, beside no other file.

    ``configs`` are lines of the front matter; ``reading`` is Markdown: how the files are read.
    """

    configs: str
    reading: str


def card(manifest: Manifest, laid_out: Elsewhere | None = None) -> str:
    """Return the dataset card of a version, or of its rows ``laid_out`` in another folder."""
    sections = (
        _front_matter(manifest, laid_out) + "\n" + _introduction(manifest, laid_out),
        "## What it holds\n\n" + _contents(manifest),
        "## Reading it\n\n" + _reading(manifest, laid_out),
        "## How it was made\n\n" + _making(manifest),
        "## Use and limits\n\n" + _limits(manifest),
        "## Identity\n\n" + _identity(manifest, laid_out),
    )
    return escaped("\n\n".join(sections), keep="\n") + "\n"


def _front_matter(manifest: Manifest, laid_out: Elsewhere | None) -> str:
    # No dataset_info: the features stand in the Parquet files, and load_dataset ignores them here.
    configs = f"""configs:
- config_name: default
  data_files:
  - split: train
    path: {FORMATS[manifest.format].data_files}{validation_files(manifest)}"""
    return f"""---
pretty_name: {quoted(f"{manifest.name}, {manifest.version}")}
{licence_lines(manifest)}
task_categories: [image-classification]
task_ids: [multi-class-image-classification]
size_categories: [{_size_category(manifest.rows)}]
source_datasets: [extended]
annotations_creators: [machine-generated]
tags: [synthetic, data-augmentation, soft-labels, augfactory]
{laid_out.configs if laid_out else configs}
---"""


def _introduction(manifest: Manifest, laid_out: Elsewhere | None) -> str:
    height, width, channels = manifest.image_shape
    kept = sum(manifest.counts.get(ORIGINAL, {}).values())
    made, originals = manifest.rows - kept, len(manifest.source.rows)
    parts = (
        f"{kept:,} originals and {made:,} images made from them"
        if kept
        else f"{made:,} images made from {originals:,} originals, which are not among them"
    )
    about = manifest.about or About()
    own = f"{wrapped(escaped(about.description))}\n\n" if about.description else ""
    text = (
        f"{manifest.rows:,} labelled images of {height}×{width} pixels, {_colours(channels)}, in "
        f"{len(manifest.class_names)} classes: {parts}, by {program()}."
        f"{exported_in_words(manifest)}"
    )
    picture = "" if laid_out else "\n\n![what there was, and what was made from it](preview.png)"
    return f"# {escaped(manifest.name)}, {manifest.version}\n\n{own}{wrapped(text)}{picture}"


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
    more = validation_in_words(manifest) + _of_classes(manifest)
    return f"""{table(classes)}

In this table a row counts in the class of its largest label share.{more}

{_figures(manifest)}

{wrapped(later)}"""


def _of_classes(manifest: Manifest) -> str:
    told = classes_in_words(manifest)
    return "" if told is None else f"\n\n{wrapped(told)}"


def _figures(manifest: Manifest) -> str:
    statistics = manifest.statistics
    lines = [["method", "how a row is made", "rows", "of mixed label", "largest share, mean"]]
    for method, classes in manifest.counts.items():
        labels = statistics.labels[method] if statistics else None
        lines.append(
            [
                method,
                method_in_words(method, residual=is_residual(manifest)),
                f"{sum(classes.values()):,}",
                f"{labels.mixed:,}" if labels else "-",
                f"{labels.largest_share:.3f}" if labels else "-",
            ]
        )
    if statistics is None:
        return table(lines, words=2)
    pixels = (
        "Pixels, on the scale 0 to 1 over all rows, to normalise by: mean "
        f"{channels(statistics.pixel_mean)}, standard deviation "
        f"{channels(statistics.pixel_deviation)}. Rows that repeat an earlier one, pixels and "
        f"label: {statistics.repeats:,}."
    )
    return f"{table(lines, words=2)}\n\n{wrapped(pixels)}"


def _reading(manifest: Manifest, laid_out: Elsewhere | None) -> str:
    storage = FORMATS[manifest.format]
    grey = storage.grey_note if manifest.image_shape[2] == 1 else ""
    columns = (
        "`soft_label` holds the exact label shares in the order of the classes above, `label` the "
        "number of the largest. `source_index` counts positions among the source rows that "
        "`manifest.json` lists (-1: unused), `weight` is the share of each; `round` counts passes "
        "over the source, 0 for originals."
    )
    if laid_out is not None:
        return "\n\n".join([laid_out.reading, wrapped(columns)])
    columns += (
        " `plan.parquet` holds every number that was drawn for a row. `croissant.json` describes "
        "all of it for machines."
    )
    return "\n\n".join(filter(None, [storage.reading, wrapped(grey), wrapped(columns)]))


def _making(manifest: Manifest) -> str:
    source = manifest.source
    split = f", the {source.split} split" if source.split else ""
    converted = [
        *([f"to {source.size[0]}×{source.size[1]} pixels"] if source.size else []),
        *([f"to {source.colour}"] if source.colour != "auto" else []),
    ]
    origin = (
        f"Source: `{code(source.title)}`{split}; {len(source.rows):,} of its images, numbers "
        f"{numbers(source.rows)}. Their pixels and labels have the fingerprint "
        f"`{source.fingerprint}`."
        + (f" Images were converted {' and '.join(converted)}." if converted else "")
        + (
            f" They were made themselves, and go back to {source.originals:,} images: "
            "`source.roots` in `manifest.json` tells to which."
            if source.roots is not None
            else ""
        )
    )
    origin += left_out_in_words(manifest)
    for words in (
        varied_in_words(manifest),
        rejected_in_words(manifest),
        redrawn_in_words(manifest),
        without_in_words(manifest),
    ):
        origin += f" {words}" if words else ""
    if manifest.unlabelled is not None:
        origin += " " + unlabelled_in_words(manifest.unlabelled, manifest.recipe)
    again = (
        f"`augfactory reproduce {code(manifest.name)}@{manifest.version}` renders it again from "
        f"the source{' and the model' if manifest.model else ''}, bit by bit the same, after this "
        "recipe:"
    )
    return f"""{wrapped(origin)}

{wrapped(_model(manifest))}

{wrapped(again)}

```json
{recipe_json(manifest)}
```"""


def _model(manifest: Manifest) -> str:
    model = manifest.model
    if model is None:
        others = " Classifiers that learned from the labelled images labelled the others."
        return "No trained model made an image." + (others if manifest.unlabelled else "")
    trained_on = model.get("trained_on") or {}
    same = trained_on.get("fingerprint") == manifest.source.fingerprint
    images = "the same images" if same else f"{len(trained_on.get('rows') or ()):,} images"
    kind = f" `{code(model['architecture'])}`" if model.get("architecture") else ""
    return (
        f"Model: a variational autoencoder{kind}, trained on {images}; the sha256 of its weights "
        f"is `{code(model['sha256'])}`."
    )


def _limits(manifest: Manifest) -> str:
    points = [
        f"All of it derives from {manifest.source.originals:,} images. It shows nothing that these "
        "did not show, and repeats their biases and their wrong labels.",
        "It is not a test set. Rows that go back to one image are near copies: hold out by "
        f"`{manifest.source.groups}`, never by row, and test on images that nothing here was made "
        "from.",
        "What the source images show of persons or places stands in these too: augfactory does "
        "not look for it.",
        licence_in_words(manifest),
    ]
    if LABELLED in manifest.counts:
        points.insert(
            1,
            f"The labels of `{LABELLED}` rows are guesses of classifiers, as sure as their shares "
            f"say; some are wrong.{labelling_in_words(manifest.labelling)}",
        )
    if DECODED in manifest.counts:
        look = "are smoother than real ones: fine detail is lost"
        if is_residual(manifest):
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
    return "\n".join([wrapped(use), "", *(wrapped(point, "- ") for point in points)])


def _identity(manifest: Manifest, laid_out: Elsewhere | None) -> str:
    checks = (
        "`sha256sum -c SHA256SUMS` checks every file without augfactory, `augfactory verify` the "
        "rows too."
    )
    return f"""Content hash `{manifest.content_hash}`
(decoded pixels, labels and their order; the same in every format). Recipe id
`{manifest.recipe_id}`.{"" if laid_out else f"{chr(10)}{checks}"}"""


def _colours(channels: int) -> str:
    return "grey" if channels == 1 else "RGB"


def _size_category(rows: int) -> str:
    return next((name for limit, name in SIZES if rows < limit), "1B<n<10B")
