"""`geojson`: records as features (RFC 7946), at the place that is known for them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from app.formats.context import Context, Record
from app.formats.flat import columns


def geojson(context: Context, kind: str, records: Iterable[Record]) -> Iterator[bytes]:
    """A feature a record: a region stands at its own coordinates, other records at those of their region, where the context has them."""
    found = columns(context, kind)
    head = {"type": "FeatureCollection", "release": context.release.model_dump(mode="json"), "attribution": context.attribution, "url": context.url}
    yield _json(head)[:-1] + b',"features":['
    between = b"\n"
    for record in records:
        feature = {
            "type": "Feature",
            "id": record["id"],
            "geometry": _geometry(context, record),
            "properties": {column.name: column.read(record) for column in found},
        }
        yield between + _json(feature)
        between = b",\n"
    yield b"\n]}\n"


def _geometry(context: Context, record: Record) -> dict[str, Any] | None:
    """A point, longitude first; null where no place is known."""
    if record.get("latitude") is not None and record.get("longitude") is not None:
        return {"type": "Point", "coordinates": [record["longitude"], record["latitude"]]}
    region = record["id"] if record["kind"] == "region" else record["region"] and record["region"]["id"]
    place = context.places.get(region) if region else None
    return {"type": "Point", "coordinates": list(place)} if place else None


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
