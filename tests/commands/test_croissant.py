"""croissant.json is what the Croissant 1.1 specification asks for, as a reader of JSON-LD sees it.

The lists here are those of the specification, not of our writer; mlcroissant says nothing of most.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph, Literal, Namespace, URIRef
from rdflib.namespace import DCTERMS, PROV, RDF, SDO

from augfactory.commands.progress import Progress
from augfactory.commands.versions.export import export
from augfactory.names import FORMATS as NAMES
from augfactory.store.manifest import Manifest, read_manifest
from tests.commands.formats import make_version
from tests.commands.made import SOURCES, expanded, train, write_parts
from tests.pictures import CLASSES

FORMATS = NAMES
ROWS = SOURCES * 7
# Written so in the specification, though PROV-O itself has no such term.
LABEL = URIRef("http://www.w3.org/ns/prov#label")
CR = Namespace("http://mlcommons.org/croissant/")
REQUIRED = (
    *("@context", "@type", "conformsTo", "description", "license", "name", "url", "creator"),
    *("datePublished", "distribution"),
)
# Appendix 1 of the specification; its schema.org is that of http, mlcroissant's that of https.
TERMS = (
    *("annotation", "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty"),
    *("excludes", "extract", "field", "fileProperty", "fileObject", "fileSet", "format"),
    *("includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5", "parentField"),
    *("recordSet", "references", "regex", "readLines", "sdVersion", "separator", "source"),
    *("subField", "transform", "unArchive", "value"),
)
CONTEXT = {
    "@language": "en",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in TERMS},
    "prov": "http://www.w3.org/ns/prov#",
}
VALIDATE = """
import json, sys
import mlcroissant
found = {}
for folder in json.loads(sys.argv[1]):
    dataset = mlcroissant.Dataset(jsonld=f"{folder}/croissant.json")
    issues = dataset.metadata.ctx.issues
    records = {}
    for each in dataset.metadata.record_sets:
        records[each.uuid] = len(list(dataset.records(each.uuid)))
    found[folder] = [[*issues.errors, *issues.warnings], records]
json.dump(found, sys.stdout)
"""
# The parser of rdflib 7 uses what rdflib 7 advises against.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return one version made with a model in each format, and one exported to each."""
    place = tmp_path_factory.mktemp("croissant")
    model = train(write_parts(place), place / "model")
    found = {name: expanded(model, place / name, storage=name) for name in FORMATS}
    for name in FORMATS:
        origin = found["png" if name == "hdf5" else "hdf5"]
        made = export(str(origin), name, place / f"{name}-export", Progress())
        found[f"{name} exported"] = made.path
    return found


BOTH = [*FORMATS, *(f"{name} exported" for name in FORMATS)]


def described(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "croissant.json").read_bytes())
    return values


def expansion(folder: Path) -> tuple[Graph, Any]:
    """Return all that the description says, context applied, and the node of the dataset."""
    graph = Graph()
    graph.parse(data=(folder / "croissant.json").read_text("utf-8"), format="json-ld")
    (dataset,) = graph.subjects(RDF.type, SDO.Dataset)
    return graph, dataset


def only(graph: Graph, subject: Any, predicate: URIRef) -> Any:
    (value,) = graph.objects(subject, predicate)
    return value


def test_mlcroissant_has_no_complaint_and_reads_every_record_set(
    versions: dict[str, Path], tmp_path: Path
) -> None:
    folders = {str(folder): name.split()[0] for name, folder in versions.items()}
    done = subprocess.run(
        [sys.executable, "-c", VALIDATE, json.dumps([*folders])],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},  # where it keeps things
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr.upper()  # as of a context that is not the official one
    for folder, (issues, records) in json.loads(done.stdout).items():
        assert issues == [], folder
        own = {"rows": ROWS} if folders[folder] in ("png", "parquet") else {}
        assert records == {**own, "plan": ROWS, "classes": len(CLASSES)}, folder


@pytest.mark.parametrize("name", BOTH)
def test_every_required_property_is_there(versions: dict[str, Path], name: str) -> None:
    values = described(versions[name])
    assert [each for each in REQUIRED if not values.get(each)] == []
    assert values["@type"] == "sc:Dataset"
    assert "http://mlcommons.org/croissant/1.1" in values["conformsTo"]
    assert re.fullmatch(r"\w+:\S+", values["url"])
    assert values["license"]["@type"] == "sc:CreativeWork"
    assert values["creator"]["@type"] in ("sc:Organization", "sc:Person")
    for date in ("datePublished", "dateCreated"):
        assert datetime.fromisoformat(values[date]).tzinfo is not None
    assert re.fullmatch(r"\d+\.\d+\.\d+", values["version"])
    assert all(isinstance(word, str) for word in values["keywords"])
    assert {key: values["@context"].get(key) for key in CONTEXT} == CONTEXT


@pytest.mark.parametrize("name", BOTH)
def test_every_file_is_described_with_its_hash(versions: dict[str, Path], name: str) -> None:
    folder = versions[name]
    described_files = {}
    for entry in described(folder)["distribution"]:
        if entry["@type"] == "cr:FileSet":
            assert entry["includes"]
            continue
        data = (folder / entry["contentUrl"]).read_bytes()
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
        assert entry["contentSize"] == f"{len(data)} B"
        assert "/" in entry["encodingFormat"]
        described_files[entry["contentUrl"]] = entry["@id"]
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there - set(described_files) == {"croissant.json", "manifest.json", "SHA256SUMS"}


def test_the_context_maps_every_key_to_its_vocabulary(versions: dict[str, Path]) -> None:
    graph, dataset = expansion(versions["parquet"])
    said = {str(predicate) for predicate in graph.predicates(dataset)}
    expected = {
        *(str(SDO[key]) for key in ("description", "license", "name", "url", "creator")),
        *(str(SDO[key]) for key in ("datePublished", "version", "keywords", "distribution")),
        *(str(CR[key]) for key in ("citeAs", "isLiveDataset", "recordSet")),
        *(f"http://mlcommons.org/croissant/RAI/{key}" for key in ("dataLimitations",)),
        *("http://www.w3.org/ns/prov#wasDerivedFrom", str(DCTERMS.conformsTo)),
    }
    assert expected <= said
    fields = set(graph.subjects(RDF.type, CR.Field))
    assert {str(kind) for field in fields for kind in graph.objects(field, CR.dataType)} == {
        *(str(SDO[kind]) for kind in ("Integer", "Float", "Text", "ImageObject")),
        str(CR.Label),
    }
    labels = {str(only(graph, field, SDO.name)) for field in graph.subjects(CR.dataType, CR.Label)}
    assert labels == {"label", "soft_label"}
    # No term of ours is left to fall into schema.org unknown.
    known = (str(SDO), str(CR), str(PROV), str(RDF), str(DCTERMS))
    assert all(str(predicate).startswith(known) for predicate in graph.predicates())


@pytest.mark.parametrize("name", BOTH)
def test_the_derivation_in_prov_o(versions: dict[str, Path], name: str) -> None:
    graph, dataset = expansion(versions[name])
    manifest = read_manifest(versions[name])
    model = versions["hdf5"].parents[1] / "model"
    weights = hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()
    source = URIRef(f"urn:sha256:{manifest.source.fingerprint}")
    of_model = URIRef(f"urn:sha256:{weights}")
    expected = {source, of_model}
    if "exported" in name:
        expected.add(URIRef(f"urn:sha256:{manifest.content_hash}"))
    assert set(graph.objects(dataset, PROV.wasDerivedFrom)) == expected
    for entity in expected:
        assert only(graph, entity, RDF.type) == PROV.Entity
        assert str(model.parent) not in only(graph, entity, LABEL)
    assert only(graph, of_model, PROV.wasDerivedFrom) == source
    assert only(graph, of_model, SDO.sha256) == Literal(weights, lang="en")
    _assert_activity(graph, dataset, manifest, expected)


def _assert_activity(graph: Graph, dataset: Any, manifest: Manifest, expected: set[URIRef]) -> None:
    activity = only(graph, dataset, PROV.wasGeneratedBy)
    assert only(graph, activity, RDF.type) == PROV.Activity
    command = "export" if manifest.exported_from else "expand"
    assert str(only(graph, activity, LABEL)) == f"augfactory {command}"
    assert str(only(graph, activity, PROV.endedAtTime)) == manifest.created
    assert set(graph.objects(activity, PROV.used)) == expected
    agent = only(graph, activity, PROV.wasAssociatedWith)
    assert only(graph, agent, RDF.type) == PROV.SoftwareAgent
    assert str(only(graph, agent, LABEL)) == f"augfactory {manifest.libraries['augfactory']}"
    assert only(graph, dataset, PROV.wasAttributedTo) == agent
    plan = only(graph, only(graph, activity, PROV.qualifiedAssociation), PROV.hadPlan)
    assert plan == URIRef(f"urn:sha256:{manifest.recipe_id}")
    assert json.loads(str(only(graph, plan, PROV.value))) == manifest.recipe


def test_a_version_without_a_model_derives_from_its_source_alone(tmp_path: Path) -> None:
    folder = make_version(tmp_path, "hdf5")
    graph, dataset = expansion(folder)
    source = read_manifest(folder).source
    found = only(graph, dataset, PROV.wasDerivedFrom)
    assert found == URIRef(f"urn:sha256:{source.fingerprint}")
    assert str(only(graph, found, LABEL)).startswith("12 labelled images of set.npz, ")
    assert str(tmp_path) not in (folder / "croissant.json").read_text("utf-8")


def test_identifiers_are_valid_and_told_apart(tmp_path: Path) -> None:
    folder = make_version(tmp_path, "png", classes=("a b", "a_b", 'x<{"|}>% 狗'))
    ids = re.findall(r'\{\s+"@type": [^{}]+?"@id": "(.+)"', json.dumps(described(folder), indent=1))
    assert len(ids) > 60
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[\w./%~-]+", each, flags=re.ASCII) for each in ids)
    files = {
        entry["contentUrl"] for entry in described(folder)["distribution"] if "sha256" in entry
    }
    assert all((folder / path).is_file() for path in files)
