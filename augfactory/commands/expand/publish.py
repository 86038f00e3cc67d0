"""Turn a dataset whose shards are all rendered into a published version."""

from pathlib import Path

from augfactory.commands.expand.ingredients import Ingredients
from augfactory.commands.expand.orders import Order
from augfactory.commands.opening.opening import place_of_source
from augfactory.commands.opening.sheet import sheet
from augfactory.errors import ResourceError
from augfactory.pipeline.recipe import (
    rendering_versions,
)
from augfactory.records import Int64Array, Source, SourceSpec
from augfactory.store import shards
from augfactory.store.disk.atomic import publish_folder, write_file
from augfactory.store.documents.card import card
from augfactory.store.documents.croissant import croissant
from augfactory.store.manifest import (
    CHECKSUMS,
    MANIFEST,
    SCHEMA_VERSION,
    Manifest,
    checksums_bytes,
    content_hash,
    creation_time,
    file_entry,
    library_versions,
    manifest_bytes,
)
from augfactory.store.manifest_parts import SourceEntry
from augfactory.store.places import place_from
from augfactory.store.pseudo_label_table import tables_beside
from augfactory.store.reader import open_rows
from augfactory.store.statistics import statistics_of
from augfactory.store.versions import next_version


def publish(order: Order, seconds: float) -> Path:
    """Add tables, preview, card, hashes and at last the manifest; return the version's folder.

    ``seconds`` is what rendering took in this run.
    """
    building, ingredients, storage = order.building, order.ingredients, order.recipe.format
    records = read_records(building, len(order.ranges))
    version = next_version(order.folder)
    shards.join_plans(building, len(records))
    more = ingredients.unlabelled
    paths = [
        *tables_beside(labelled=more is not None),
        *shards.finish(building, storage, records, order.class_names),
    ]
    image_shape, final = ingredients.source.image_shape, order.folder / version
    digests = [record.digests for record in records]
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        name=order.folder.name,
        version=version,
        rows=sum(record.rows for record in records),
        class_names=order.class_names,
        image_shape=image_shape,
        recipe=order.recipe.model_dump(mode="json"),
        recipe_id=order.identity,
        versions=rendering_versions(order.recipe),
        source=_source_entry(
            ingredients.spec, ingredients.source, ingredients.rows, ingredients.fingerprint, final
        ),
        unlabelled=None
        if more is None
        else _source_entry(more.spec, more.source, more.rows, more.fingerprint, final),
        model=_model_entry(ingredients, final),
        files=[
            *(entry for record in records for entry in record.files),
            *(file_entry(building, path) for path in paths),
        ],
        content_hash=content_hash(image_shape, order.class_names, digests),
        counts=shards.add_counts(records),
        libraries=library_versions(),
        created=creation_time(),
        seconds=round(seconds, 3),
        semantic_version=f"{version.removeprefix('v')}.0.0",
        statistics=statistics_of([record.sums for record in records], digests),
        rejected=shards.add_rejected(records),
    )
    return publish_version(building, order.folder, manifest)


def publish_version(building: Path, dataset: Path, manifest: Manifest) -> Path:
    """Add documents, hashes and at last the manifest, and give the folder its public name.

    ``manifest`` lists the data files; ``dataset`` is the folder of all versions.
    """
    complete = _with_documents(building, manifest)
    shards.drop_all_but(building, complete)
    data = manifest_bytes(complete)
    write_file(building / CHECKSUMS, checksums_bytes(complete.files, data))
    write_file(building / MANIFEST, data)
    final = dataset / complete.version
    publish_folder(building, final)
    return final


def read_records(building: Path, count: int) -> list[shards.ShardRecord]:
    """Return the records of all ``count`` shards.

    Raises:
        ResourceError: one is not there.
    """
    # What an earlier run left was held to its hashes before this one rendered the rest.
    records = [shards.finished_shard(building, index, rehash=False) for index in range(count)]
    if any(record is None for record in records):
        raise ResourceError(
            building,
            "a shard vanished while the dataset was built",
            "Leave this folder alone while it is written, and run the same command again.",
        )
    return [record for record in records if record is not None]


def _with_documents(building: Path, manifest: Manifest) -> Manifest:
    write_file(building / "preview.png", sheet(open_rows(building, manifest)))
    write_file(building / "README.md", card(manifest).encode())
    described = _adding(building, manifest, "preview.png", "README.md")
    write_file(building / "croissant.json", croissant(described).encode())
    return _adding(building, described, "croissant.json")


def _adding(building: Path, manifest: Manifest, *paths: str) -> Manifest:
    more = [file_entry(building, path) for path in paths]
    return manifest.model_copy(update={"files": [*manifest.files, *more]})


def _source_entry(
    spec: SourceSpec, source: Source, rows: Int64Array, print_of_rows: str, final: Path
) -> SourceEntry:
    return SourceEntry(
        text=spec.text,
        split=source.split,
        size=spec.size,
        colour=spec.colour,
        fingerprint=print_of_rows,
        rows=rows.tolist(),
        place=place_of_source(spec.text, final),
        roots=_listed(source.roots),
    )


def _listed(roots: Int64Array | None) -> list[list[int]] | None:
    return None if roots is None else [sorted({*row} - {-1}) for row in roots.tolist()]


def _model_entry(ingredients: Ingredients, final: Path) -> dict[str, object] | None:
    model, folder = ingredients.model, ingredients.model_folder
    if model is None or folder is None:
        return None
    more = model.config.unlabelled
    return {
        "folder": str(folder),
        "place": place_from(final, folder),
        "sha256": model.sha256,
        "architecture": model.config.architecture,
        "latent": model.config.latent,
        "checkpoint": ingredients.checkpoint,
        "trained_on": model.config.source.model_dump(mode="json"),
        **({"unlabelled": more.model_dump(mode="json")} if more is not None else {}),
    }
