"""croissant.json: a version described for machines after Croissant 1.1.

Paths of files come as they lie in the folder, so that the description holds wherever the folder is
copied to.
"""

import json
from typing import Any
from urllib.parse import quote

from augfactory.guarded.text import escaped_json
from augfactory.store.documents.croissant_context import CONTEXT
from augfactory.store.documents.croissant_provenance import provenance
from augfactory.store.documents.croissant_records import PARQUET, file_sets, record_sets
from augfactory.store.formats.registry import FORMATS
from augfactory.store.manifest import Manifest, program
from augfactory.store.manifest_parts import About, FileEntry

CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
ENCODINGS = {
    ".h5": "application/x-hdf5",
    ".tar": "application/x-tar",
    ".png": "image/png",
    ".json": "application/json",
    ".parquet": PARQUET,
    ".md": "text/markdown",
}
Node = dict[str, Any]


def croissant(manifest: Manifest) -> str:
    """Return croissant.json: what it is, every file, what can be extracted, the derivation."""
    files = [_file_object(entry) for entry in manifest.files]
    described = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        **_general(manifest),
        **_responsible(manifest),
        **provenance(manifest),
        "distribution": [*files, *file_sets(manifest)],
        "recordSet": record_sets(manifest),
    }
    return escaped_json(json.dumps(described, indent=2, ensure_ascii=False))


def _general(manifest: Manifest) -> Node:
    storage = FORMATS[manifest.format]
    description = (
        f"{manifest.rows:,} labelled images in {len(manifest.class_names)} classes, made by "
        f"augfactory from {len(manifest.source.rows):,} images of {manifest.source.title}, stored "
        f"as {manifest.format} in {storage.data_files}. README.md says how to read them."
    )
    about = manifest.about or About()
    if manifest.validation is not None:
        description += (
            f" {len(manifest.validation.source.rows):,} images to validate on are in val/: "
            f"{manifest.validation.in_words}."
        )
    told = [about.description, description, storage.not_extracted]
    return {
        "name": manifest.name,
        "description": " ".join(filter(None, told)),
        "version": manifest.croissant_version,
        "license": about.licence
        or {
            "@type": "sc:CreativeWork",
            "name": "The licence of the source images",
            "description": "augfactory does not know it: ask whoever they come from.",
        },
        "url": f"urn:sha256:{manifest.content_hash}",
        "creator": {
            "@type": "sc:Organization",
            "name": about.author or "augfactory",
            **({} if about.author else {"description": "A program. Who ran it is not recorded."}),
        },
        "dateCreated": manifest.created,
        "datePublished": manifest.created,
        "citeAs": f"{manifest.name} {manifest.version}, sha256 {manifest.content_hash}",
        "keywords": ["synthetic", "data augmentation", "soft labels", "image classification"],
        "isLiveDataset": False,
    }


def _responsible(manifest: Manifest) -> Node:
    """Return what is true of every dataset of ours, in the words of Croissant RAI."""
    methods = ", ".join(name for name in manifest.counts if name != "original")
    return {
        "rai:dataCollection": (
            f"Nothing was collected anew: all images derive from {manifest.source.originals:,} "
            f"images of {manifest.source.title}."
        ),
        "rai:dataManipulationProtocol": (
            f"Synthetic images were made by these methods: {methods or 'none'}. The recipe stands "
            "in prov:wasGeneratedBy, every number that was drawn in plan.parquet."
        ),
        "rai:dataAnnotationProtocol": (
            "Labels are those of the source images; where images were mixed, the label holds "
            "each class's exact share."
        ),
        "rai:machineAnnotationTools": [program()],
        "rai:dataUseCases": ["Training image classifiers."],
        "rai:dataLimitations": [
            "The images show nothing that the source images did not show, and repeat their biases "
            "and their wrong labels.",
            "No substitute for a test set: rows that go back to one image are near copies, so hold "
            f"out by {manifest.source.groups}.",
        ],
        "rai:personalSensitiveInformation": [
            "Whatever the source images show; augfactory does not look for it."
        ],
    }


def _file_object(entry: FileEntry) -> Node:
    ending = entry.path[entry.path.rfind(".") :]
    return {
        "@type": "cr:FileObject",
        "@id": quote(entry.path),  # an identifier is a URL; a path may hold anything
        "name": entry.path,
        "contentUrl": entry.path,
        "contentSize": f"{entry.size} B",
        "encodingFormat": ENCODINGS.get(ending, "application/octet-stream"),
        "sha256": entry.sha256,
    }
