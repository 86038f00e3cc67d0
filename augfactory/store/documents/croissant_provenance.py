"""Where a dataset comes from, in the words of PROV-O, as Croissant 1.1 recommends.

Entities are named by their hashes, so that two descriptions which name the same source or the same
model can be joined. Paths are left out: they say nothing to anybody else. ``prov:label`` is no
term of PROV-O itself; the specification of Croissant writes it so.
"""

from typing import Any

from augfactory.store.manifest import Manifest, program

Node = dict[str, Any]


def provenance(manifest: Manifest) -> Node:
    """Return what a dataset was derived from, and by whom, when and after which recipe."""
    entities = _entities(manifest)
    agent = {
        "@id": "urn:software:" + program().replace(" ", ":"),
        "@type": "prov:SoftwareAgent",
        "prov:label": program(),
    }
    plan = {
        "@id": _urn(manifest.recipe_id),
        "@type": "prov:Plan",
        "prov:label": f"the recipe, id {manifest.recipe_id}",
        "prov:value": {"@type": "@json", "@value": manifest.recipe},
    }
    command = "export" if manifest.exported_from else "expand"
    return {
        "prov:wasDerivedFrom": entities,
        "prov:wasAttributedTo": {"@id": agent["@id"]},
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "prov:label": f"augfactory {command}",
            "prov:endedAtTime": manifest.created,
            "prov:used": [{"@id": entity["@id"]} for entity in entities],
            "prov:wasAssociatedWith": agent,
            "prov:qualifiedAssociation": {
                "@type": "prov:Association",
                "prov:agent": {"@id": agent["@id"]},
                "prov:hadPlan": plan,
            },
        },
    }


def _entities(manifest: Manifest) -> list[Node]:
    source, origin = manifest.source, manifest.exported_from
    entities = [
        _entity(
            source.fingerprint,
            f"{len(source.rows):,} labelled images of {source.title}, "
            f"by the fingerprint {source.fingerprint} of their pixels and labels",
        )
    ]
    if manifest.model:
        entities.append(_model(manifest.model))
    if origin:
        label = f"{origin.name}@{origin.version}, of which this is an export"
        entities.append(_entity(origin.content_hash, label))
    for each in manifest.redrawn_from:
        label = f"{each.name}@{each.version}, of which rejected rows were drawn anew"
        entities.append(_entity(each.content_hash, label))
    whole = manifest.left_out_from
    if whole is not None:
        count = len(manifest.left_out)
        label = f"{whole.name}@{whole.version}, of which rejected rows ({count:,}) are left out"
        entities = [entity for entity in entities if entity["@id"] != _urn(whole.content_hash)]
        entities.append(_entity(whole.content_hash, label))
    return entities


def _model(model: dict[str, Any]) -> Node:
    kind = f" ({model['architecture']})" if model.get("architecture") else ""
    entity = _entity(model["sha256"], f"a variational autoencoder{kind}")
    entity["sha256"] = model["sha256"]
    trained_on = model.get("trained_on") or {}
    if trained_on.get("fingerprint"):
        entity["prov:wasDerivedFrom"] = {"@id": _urn(trained_on["fingerprint"])}
    return entity


def _entity(sha256: str, label: str) -> Node:
    return {"@id": _urn(sha256), "@type": "prov:Entity", "prov:label": label}


def _urn(sha256: str) -> str:
    return f"urn:sha256:{sha256}"
