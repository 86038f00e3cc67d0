"""The two descriptions that travel with a dataset: a card for people, Croissant for machines."""

import json
from typing import Any

from augfactory.store.formats import FORMATS
from augfactory.store.manifest import Manifest

CROISSANT_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
ROW_FIELDS = {
    "label": "sc:Integer",
    "soft_label": "sc:Float",
    "method": "sc:Text",
    "round": "sc:Integer",
    "view": "sc:Integer",
    "source_index": "sc:Integer",
    "weight": "sc:Float",
}
ROW_LISTS = ("soft_label", "source_index", "weight")
ENCODINGS = {
    ".h5": "application/x-hdf5",
    ".tar": "application/x-tar",
    ".png": "image/png",
    ".json": "application/json",
    ".parquet": "application/x-parquet",  # the name that Croissant and the hub use
    ".md": "text/markdown",
}


def card(manifest: Manifest) -> str:
    """Return the dataset card, README.md, with the front matter of the Hugging Face hub."""
    height, width, channels = manifest.image_shape
    methods = "\n".join(
        f"| {method} | {sum(classes.values()):,} |" for method, classes in manifest.counts.items()
    )
    model = (
        f"decoded by a variational autoencoder (sha256 `{manifest.model['sha256'][:16]}…`) "
        "that was trained on the source images"
        if manifest.model
        else "made without a trained model"
    )
    exported = (
        f"\nExported from {manifest.exported_from.name}@{manifest.exported_from.version}: "
        "the same rows, stored in another way."
        if manifest.exported_from
        else ""
    )
    return f"""---
license: other
task_categories: [image-classification]
size_categories: [{_size_category(manifest.rows)}]
annotations_creators: [machine-generated]
tags: [synthetic, data-augmentation, augfactory]
configs:
- config_name: default
  data_files:
  - split: train
    path: {FORMATS[manifest.format].data_files}
---
# {manifest.name}, {manifest.version}

{manifest.rows:,} labelled images of {height}×{width} pixels, {_channels(channels)},
{len(manifest.class_names)} classes, made by augfactory from {len(manifest.source.rows):,} images of
`{manifest.source.text}` and {model}.{exported}

![what was made from what](preview.png)

| method | rows |
|---|---|
{methods}

## Reading it
{FORMATS[manifest.format].reading}
`soft_label` holds the exact label shares, `label` the largest of them. `source_index` counts
positions among the source rows that `manifest.json` lists; `plan.parquet` holds every number that
was drawn for a row.

## Use and limits
Meant for training classifiers. The images are derived from few originals: they show nothing that
these did not show, and are no substitute for a test set. The licence is that of the source.

## Identity
Content hash `{manifest.content_hash}` (decoded pixels, labels and order; the same in every format).
Recipe id `{manifest.recipe_id}`. Check the files with `sha256sum -c SHA256SUMS` or
`augfactory verify`.

```json
{json.dumps(manifest.recipe, indent=2)}
```
"""


def croissant(manifest: Manifest) -> str:
    """Return croissant.json after Croissant 1.1: the description, every file, the derivation."""
    return json.dumps(
        {
            "@context": CROISSANT_CONTEXT,
            "@type": "sc:Dataset",
            "conformsTo": "http://mlcommons.org/croissant/1.1",
            "name": manifest.name,
            "description": (
                f"{manifest.rows} labelled images made by augfactory from "
                f"{len(manifest.source.rows)} images of {manifest.source.text}, stored as "
                f"{manifest.format} in {FORMATS[manifest.format].data_files}; "
                "README.md says how to read them."
            ),
            "version": manifest.croissant_version,
            "license": "As the source's; see the source.",
            "url": f"urn:sha256:{manifest.content_hash}",
            "creator": {"@type": "sc:Organization", "name": "augfactory"},
            "datePublished": manifest.created,
            "citeAs": f"{manifest.name} {manifest.version}, sha256 {manifest.content_hash}",
            "keywords": ["synthetic", "data augmentation", "image classification"],
            "isLiveDataset": False,
            "prov:wasDerivedFrom": _derivation(manifest),
            "distribution": [
                *(_file_object(entry.model_dump()) for entry in manifest.files),
                *_file_set(manifest),
            ],
            "recordSet": [*_row_records(manifest), _class_records(manifest)],
        },
        indent=2,
        ensure_ascii=False,
    )


def _derivation(manifest: Manifest) -> list[dict[str, str]]:
    entities = [{"@id": f"urn:sha256:{manifest.source.fingerprint}", "name": manifest.source.text}]
    if manifest.exported_from:
        exported = manifest.exported_from
        entities.append(
            {
                "@id": f"urn:sha256:{exported.content_hash}",
                "name": f"{exported.name}@{exported.version}, of which this is an export",
            }
        )
    if manifest.model:
        entities.append({"@id": f"urn:sha256:{manifest.model['sha256']}", "name": "trained VAE"})
    return entities


def _file_object(entry: dict[str, Any]) -> dict[str, Any]:
    ending = entry["path"][entry["path"].rfind(".") :]
    return {
        "@type": "cr:FileObject",
        "@id": "_".join(entry["path"].split()),  # an identifier holds no space; a path may
        "name": entry["path"],
        "contentUrl": entry["path"],
        "contentSize": f"{entry['size']} B",
        "encodingFormat": ENCODINGS.get(ending, "application/octet-stream"),
        "sha256": entry["sha256"],
    }


def _file_set(manifest: Manifest) -> list[dict[str, Any]]:
    table = FORMATS[manifest.format].table
    if table is None:
        return []
    return [
        {
            "@type": "cr:FileSet",
            "@id": "table",
            "name": "table",
            "description": "A line for each row, in the order of the rows.",
            "encodingFormat": ENCODINGS[".parquet"],
            "includes": table[0],
        }
    ]


def _row_records(manifest: Manifest) -> list[dict[str, Any]]:
    """Describe the columns where Croissant can extract them; it knows no HDF5."""
    table = FORMATS[manifest.format].table
    if table is None:
        return []
    image = {"image": "sc:ImageObject", "file_name": "sc:Text"}[table[1]]
    fields = [_field(name, kind) for name, kind in ((table[1], image), *ROW_FIELDS.items())]
    return [{"@type": "cr:RecordSet", "@id": "rows", "name": "rows", "field": fields}]


def _field(name: str, kind: str) -> dict[str, Any]:
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"rows/{name}",
        "name": name,
        "dataType": kind,
        "source": {"fileSet": {"@id": "table"}, "extract": {"column": name}},
    }
    if name == "image":
        field["source"]["transform"] = {"jsonPath": "bytes"}
    if name in ROW_LISTS:
        field["repeated"] = True
    return field


def _class_records(manifest: Manifest) -> dict[str, Any]:
    fields = [
        {"@type": "cr:Field", "@id": f"classes/{name}", "name": name, "dataType": kind}
        for name, kind in (("label", "sc:Integer"), ("name", "sc:Text"))
    ]
    data = [
        {"classes/label": label, "classes/name": name}
        for label, name in enumerate(manifest.class_names)
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "classes",
        "name": "classes",
        "description": "What the labels are called.",
        "key": {"@id": "classes/label"},
        "field": fields,
        "data": data,
    }


def _channels(channels: int) -> str:
    return "grey" if channels == 1 else "RGB"


def _size_category(rows: int) -> str:
    limits = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M")]
    return next((name for limit, name in limits if rows < limit), "1M<n<10M")
