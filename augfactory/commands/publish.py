"""Turn a dataset whose shards are all rendered into a published version."""

from pathlib import Path

from augfactory.commands.ingredients import Ingredients
from augfactory.commands.preview import sheet
from augfactory.pipeline.recipe import Recipe
from augfactory.store import documents, shards
from augfactory.store.atomic import publish_folder, write_file
from augfactory.store.manifest import (
    CHECKSUMS,
    MANIFEST,
    SCHEMA_VERSION,
    Manifest,
    SourceEntry,
    checksums_bytes,
    content_hash,
    creation_time,
    file_entry,
    library_versions,
    manifest_bytes,
)
from augfactory.store.reader import open_rows
from augfactory.store.versions import next_version


def publish(
    folder: Path,
    building: Path,
    shard_count: int,
    identity: str,
    recipe: Recipe,
    ingredients: Ingredients,
    seconds: float,
) -> Path:
    """Add tables, preview, card, hashes and at last the manifest; return the version's folder.

    ``seconds`` is what rendering took in this run.
    """
    records = []
    for index in range(shard_count):
        record = shards.finished_shard(building, index)
        if record is None:
            raise FileNotFoundError(f"shard {index} of {building} vanished while it was built")
        records.append(record)
    data_files = [entry for record in records for entry in record.files]
    data_files += [
        file_entry(building, path)
        for path in shards.join_state(building, recipe.format, shard_count)
    ]
    source = ingredients.source
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        name=folder.name,
        version=next_version(folder),
        rows=sum(record.rows for record in records),
        class_names=list(source.class_names),
        image_shape=source.image_shape,
        recipe=recipe.model_dump(mode="json"),
        recipe_id=identity,
        source=SourceEntry(
            text=ingredients.spec.text,
            split=source.split,
            size=ingredients.spec.size,
            colour=ingredients.spec.colour,
            fingerprint=ingredients.fingerprint,
            rows=ingredients.rows.tolist(),
        ),
        model=_model_entry(ingredients),
        files=data_files,
        content_hash=content_hash(
            source.image_shape, list(source.class_names), [record.digests for record in records]
        ),
        counts=shards.add_counts(records),
        libraries=library_versions(),
        created=creation_time(),
        seconds=round(seconds, 3),
    )
    return _write_documents(folder, building, manifest)


def _write_documents(folder: Path, building: Path, manifest: Manifest) -> Path:
    version = open_rows(building, manifest)
    write_file(building / "preview.png", sheet(version))
    write_file(building / "README.md", documents.card(manifest).encode())
    described = manifest.model_copy(
        update={"files": manifest.files + [
            file_entry(building, name) for name in ("preview.png", "README.md")
        ]}
    )
    write_file(building / "croissant.json", documents.croissant(described).encode())
    complete = described.model_copy(
        update={"files": [*described.files, file_entry(building, "croissant.json")]}
    )
    shards.drop_state(building)
    data = manifest_bytes(complete)
    write_file(building / CHECKSUMS, checksums_bytes(complete.files, data))
    write_file(building / MANIFEST, data)
    final = folder / complete.version
    publish_folder(building, final)
    return final


def _model_entry(ingredients: Ingredients) -> dict[str, object] | None:
    model = ingredients.model
    if model is None:
        return None
    return {
        "sha256": model.sha256,
        "architecture": model.config.architecture,
        "latent": model.config.latent,
        "checkpoint": ingredients.checkpoint,
    }
