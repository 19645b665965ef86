"""JSON-LD expanded by PyLD without a network, and GeoJSON read by geojson."""

import json
from collections.abc import Iterator
from typing import Any

import geojson
import pytest
from pyld import jsonld

from app.formats import FORMATS, Record
from app.formats.flat import columns
from app.formats.linked import _TYPES, _WORDS, CONTEXT
from tests.test_formats import KINDS, SETS, Exported, context, leaves, written

SCHEMA = "https://schema.org/"
BASE = "https://atlas.example"


def expand(content: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The document and its expanded nodes; fetching anything is an error."""

    def loader(url: str, options: Any) -> Any:
        raise AssertionError(f"{url} was fetched")

    document = json.loads(content)
    nodes: list[dict[str, Any]] = jsonld.expand(document, {"documentLoader": loader, "base": "urn:nowhere:"})
    return document, nodes


def names(value: Any) -> Iterator[str]:
    """Every name of a property and every type in a document."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            if name == "@type":
                yield from [inner] if isinstance(inner, str) else inner
            yield from names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names(inner)


def literals(value: Any) -> list[str]:
    return [str(leaf) for leaf in leaves(value)]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("kind", KINDS)
def test_everything_expands(exported: Exported, name: str, kind: str) -> None:
    records = exported[name][kind]
    document, [dataset, *nodes] = expand(written("jsonld", kind, records))
    graph = document["@graph"]
    assert {word for word in names(graph) if not word.startswith(("@", "http"))} <= set(CONTEXT)
    assert len(nodes) == len(records)
    assert dataset["@type"] == [f"{SCHEMA}Dataset"]
    assert dataset[f"{SCHEMA}license"] == [{"@id": "https://creativecommons.org/licenses/by/4.0/"}]
    # Nothing is dropped: there are as many properties before as after, and each is an IRI now.
    for before, after in zip(graph, [dataset, *nodes], strict=True):
        kept = [word for word in names(after) if not word.startswith("@")]
        wanted = [word for word in names(before) if not word.startswith("@")]
        assert len(kept) == len(wanted), before["@id"]
        assert all(word.startswith((SCHEMA, "http://id.loc.gov/")) for word in kept)
    for record, node in zip(records, nodes, strict=True):
        assert node["@id"] == f"{BASE}/{kind}s/{record['id']}"
        cited = {one["@id"] for one in node.get(f"{SCHEMA}citation", [])}
        assert cited == {f"{BASE}/sources/{citation['source']['id']}" for citation in record["citations"]}
        claims = [one for one in node[f"{SCHEMA}subjectOf"] if one.get("@type") == [f"{SCHEMA}Claim"]]
        differing = [citation for citation in record["citations"] if citation["stated"]]
        assert [claim[f"{SCHEMA}appearance"][0]["@id"] for claim in claims] == [
            f"{BASE}/sources/{citation['source']['id']}" for citation in differing
        ]
        assert {"@id": f"{BASE}/{kind}s?q=vector"} in node[f"{SCHEMA}subjectOf"]
        if kind == "figure":
            for field, word in {"value": "value", "low": "minValue", "high": "maxValue", "unit": "unitText"}.items():
                assert [one["@value"] for one in node.get(f"{SCHEMA}{word}", [])] == ([] if record[field] is None else [record[field]])
            period = record["period"]
            exact = period and not set("[]~/") & set(period["edtf"]) and period["precision"] in {"day", "month", "year"}
            assert [one["@value"] for one in node.get(f"{SCHEMA}observationDate", [])] == ([period["edtf"]] if exact else [])
            shown = literals(node)
            assert all(str(record[field]) in shown for field in ("basis", "agreement", "as_stated", "origins"))
            assert not period or period["edtf"] in shown
        if kind == "event":
            assert [one["@id"] for one in node.get("@reverse", {}).get(f"{SCHEMA}observationAbout", [])] == [
                f"{BASE}/figures/{figure['id']}" for figure in record["figures"]
            ]
            shown = literals(node)
            assert all(part["organisation"]["name"] in shown for part in record["organisations"])
            assert all(person["name"] in shown for person in record["people"])
            assert not record["date"] or record["date"]["edtf"] in shown


def test_it_becomes_triples(exported: Exported) -> None:
    content = json.loads(written("jsonld", "figure", exported["curated"]["figure"]))
    quads = jsonld.to_rdf(content, {"format": "application/n-quads"})
    assert quads.count(f"<{SCHEMA}Observation>") == len(exported["curated"]["figure"])
    assert "<https://schema.org/startDate>" not in quads


def test_a_word_that_is_not_in_the_context_would_be_found() -> None:
    assert set(_TYPES) | set(_WORDS) < set(CONTEXT)
    assert "@vocab" not in CONTEXT


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("kind", FORMATS["geojson"].kinds)
def test_geojson_reads_back(exported: Exported, name: str, kind: str) -> None:
    places = {"cn-bj": (116.4, 39.9), "us": (-98.5, 39.8)}
    records = exported[name][kind]
    found = geojson.loads(written("geojson", kind, records, places=places))
    assert found.is_valid, found.errors()
    assert found["type"] == "FeatureCollection"
    assert len(found.features) == len(records)
    for feature, record in zip(found.features, records, strict=True):
        assert isinstance(feature, geojson.Feature)
        assert feature.id == record["id"]
        assert feature.properties == {column.name: column.read(record) for column in columns(context(), kind)}
        assert feature.geometry == _wanted(record, places)
    assert found["release"]["id"] == 7


def _wanted(record: Record, places: dict[str, tuple[float, float]]) -> dict[str, Any] | None:
    if record.get("latitude") is not None:
        return {"type": "Point", "coordinates": [record["longitude"], record["latitude"]]}
    place = places.get(record["id"] if record["kind"] == "region" else (record["region"] or {"id": ""})["id"])
    return place and {"type": "Point", "coordinates": list(place)}


def test_nothing_found_is_an_empty_collection() -> None:
    assert geojson.loads(written("geojson", "event", [])).features == []
    assert len(expand(written("jsonld", "event", []))[1]) == 1
