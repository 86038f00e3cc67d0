"""What a Croissant reader can take from a version: its sets of files, records and their fields."""

from collections.abc import Sequence
from typing import Any

from augfactory.store.beside.left_out_table import PARENTS_BEFORE, ROW_BEFORE
from augfactory.store.formats.registry import FORMATS
from augfactory.store.manifest import PLAN, Manifest
from augfactory.store.splits import VAL

PARQUET = "application/x-parquet"  # the name that Croissant and the hub use
# Column -> the type of its values, and whether a row holds several.
ROW_FIELDS = {
    "label": ("sc:Integer", False),
    "soft_label": ("sc:Float", True),
    "method": ("sc:Text", False),
    "round": ("sc:Integer", False),
    "view": ("sc:Integer", False),
    "source_index": ("sc:Integer", True),
    "weight": ("sc:Float", True),
}
PLAN_FIELDS = {
    "row": ("sc:Integer", False),
    **{name: ROW_FIELDS[name] for name in ("method", "round", "view", "source_index", "weight")},
    "parent_row": ("sc:Integer", True),
}
LABELS = ("label", "soft_label")
Node = dict[str, Any]


def file_sets(manifest: Manifest) -> list[Node]:
    """Return the sets of files that records are taken from."""
    table = FORMATS[manifest.format].table
    if table is None:
        return []
    found = [_file_set("table", "A line for each row, in the order of the rows.", table[0])]
    if manifest.validation is not None:
        files = f"{VAL}/{table[0].rpartition('/')[2]}"
        found.append(_file_set("validation-table", "A line for each validation image.", files))
    return found


def _file_set(name: str, description: str, files: str) -> Node:
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "description": description,
        "encodingFormat": PARQUET,
        "includes": files,
    }


def record_sets(manifest: Manifest) -> list[Node]:
    """Return all that can be extracted, the classes and the plan always among it."""
    storage, entry = FORMATS[manifest.format], manifest.validation
    found = []
    if storage.table is not None:
        image, classes = storage.table[1], len(manifest.class_names)
        found.append(_rows(image, classes, "rows", "table", "The rows of the dataset, in order."))
        if entry is not None:
            told = f"Images to validate on: {entry.in_words}. No row was made from one of them."
            found.append(_rows(image, classes, "validation", "validation-table", told))
    if entry is not None:
        found.append(_splits({"train": manifest.rows, "validation": len(entry.source.rows)}))
    return [*found, _plan(manifest), _classes(manifest.class_names)]


def _splits(rows: dict[str, int]) -> Node:
    """Return the splits, as Croissant names them, and how many rows each has."""
    kinds = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit"}
    fields = [
        _field("splits", name, kind)
        for name, kind in (("name", "sc:Text"), ("url", "sc:URL"), ("rows", "sc:Integer"))
    ]
    return {
        **_record_set("splits", "The splits of the dataset.", fields),
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "data": [
            {"splits/name": name, "splits/url": kinds[name], "splits/rows": count}
            for name, count in rows.items()
        ],
    }


def _rows(image_column: str, classes: int, records: str, table: str, description: str) -> Node:
    image = {"image": "sc:ImageObject", "file_name": "sc:Text"}[image_column]
    source = {"fileSet": {"@id": table}}
    fields = [_column(records, image_column, (image, False), source)]
    fields += [_column(records, name, kind, source) for name, kind in ROW_FIELDS.items()]
    if image_column == "image":
        fields[0]["source"]["transform"] = {"jsonPath": "bytes"}
    for field in fields:
        if field["name"] in LABELS:
            field["dataType"] = [field["dataType"], "cr:Label"]
        if field["name"] == "label":
            field["references"] = {"field": {"@id": "classes/label"}}
        if field["name"] == "soft_label":
            field["arrayShape"] = str(classes)
    return _record_set(records, description, fields)


def _plan(manifest: Manifest) -> Node:
    source = {"fileObject": {"@id": PLAN}}
    columns = dict(PLAN_FIELDS)
    if manifest.left_out:
        columns |= {ROW_BEFORE: columns["row"], PARENTS_BEFORE: columns["parent_row"]}
    fields = [_column("plan", name, kind, source) for name, kind in columns.items()]
    plan = _record_set("plan", "What each row was made from, in the order of the rows.", fields)
    return {**plan, "key": {"@id": "plan/row"}}


def _classes(class_names: Sequence[str]) -> Node:
    fields = [_field("classes", "label", "sc:Integer"), _field("classes", "name", "sc:Text")]
    return {
        **_record_set("classes", "What the labels are called.", fields),
        "dataType": "sc:Enumeration",
        "key": {"@id": "classes/label"},
        "data": [
            {"classes/label": label, "classes/name": name} for label, name in enumerate(class_names)
        ],
    }


def _record_set(name: str, description: str, fields: list[Node]) -> Node:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "field": fields,
    }


def _column(records: str, name: str, kind: tuple[str, bool], source: Node) -> Node:
    """Return the field of a table's column."""
    value, several = kind
    field = _field(records, name, value)
    field["source"] = {**source, "extract": {"column": name}}
    return {**field, "isArray": True, "arrayShape": "-1"} if several else field


def _field(records: str, name: str, kind: str | list[str]) -> Node:
    return {"@type": "cr:Field", "@id": f"{records}/{name}", "name": name, "dataType": kind}
