"""From rendered records to rows of the tables, and to the words by which `q` finds them."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlmodel import SQLModel

from app import models, vocabulary
from app.seeding.references import Json

Rows = list[tuple[type[SQLModel], dict[str, Any]]]

Names = Callable[[str], list[str | None]]
"""All names of an organisation by its id."""


def rows(record: Json, document: Callable[[Json], str | None]) -> Rows:
    """The rows of a version of a record with all that belongs to it, without what makes it a version; `document` tells which one holds a source."""
    found = _source(record, document) if record["kind"] == "source" else _ROWS[record["kind"]](record)
    derived = [
        {"field": item["field"], "reason": item["reason"], "from": [ground["source"]["id"] for ground in item["from"]]} for item in record["derived"]
    ]
    found[0][1].update(id=record["id"], derived=derived)
    return found + [(models.Citation, _citation(position, citation)) for position, citation in enumerate(record["citations"])]


def _only(record: Json, names: Iterable[str]) -> dict[str, Any]:
    return {name: record[name] for name in names}


def _dated(prefix: str, date: Json | None) -> dict[str, Any]:
    earliest, latest = (date["earliest"], date["latest"]) if date else (None, None)
    return {
        f"{prefix}_edtf": date["edtf"] if date else None,
        f"{prefix}_earliest": earliest,
        f"{prefix}_latest": latest,
        f"{prefix}_precision": date["precision"] if date else None,
        f"{prefix}_first": earliest or latest,
        f"{prefix}_last": latest or earliest,
    }


def _id(reference: Json | None) -> str | None:
    return reference["id"] if reference else None


def _region(record: Json) -> Rows:
    own = _only(record, ("name", "name_zh", "type", "iso_3166", "gb_2260", "latitude", "longitude", "reference"))
    members: Rows = [(models.RegionMember, {"member_id": member["id"]}) for member in record["members"]]
    return [(models.Region, {**own, "parent_id": _id(record["parent"])}), *members]


def _organisation(record: Json) -> Rows:
    own = _only(record, ("name", "name_zh", "type", "website", "description", "reference")) | record["identifiers"]
    names: Rows = [(models.OrganisationName, {"position": position, **alias}) for position, alias in enumerate(record["aliases"])]
    return [(models.Organisation, {**own, "region_id": _id(record["region"]), "parent_id": _id(record["parent"])}), *names]


def _source(record: Json, document: Callable[[Json], str | None]) -> Rows:
    own = _only(record, ("title", "title_zh", "authors", "url", "seen_url", "language", "type", "grade", "rights"))
    own |= _dated("published", record["published"])
    held = record["document"]
    own |= {
        "publisher_id": _id(record["publisher"]),
        "derived_from_id": _id(record["derived_from"]),
        "origin_id": record["origin"]["id"],
        "document_id": document(record) if held else None,
        "part_start": held["part"]["start"] if held else None,
        "part_end": held["part"]["end"] if held else None,
    }
    return [(models.Source, own)]


def _event(record: Json) -> Rows:
    own = _only(record, ("type", "status", "title", "title_zh", "summary", "venue", "origins")) | record["identifiers"]
    own |= _dated("date", record["date"])
    own["region_id"], own["parent_id"] = _id(record["region"]), _id(record["parent"])
    found: Rows = [(models.Event, own)]
    found += [(models.EventOrganisation, {"organisation_id": part["organisation"]["id"], "role": part["role"]}) for part in record["organisations"]]
    for position, person in enumerate(record["people"]):
        found.append((models.EventPerson, {**person, "position": position, "organisation_id": _id(person["organisation"])}))
        del found[-1][1]["organisation"]
    found += [(models.EventProduct, {"position": position, **product}) for position, product in enumerate(record["products"])]
    found += [(models.EventTopic, {"topic": topic}) for topic in record["topics"]]
    return found


def _figure(record: Json) -> Rows:
    same = ("metric", "value", "low", "high", "qualifier", "unit", "basis", "as_stated", "scope_note", "agreement", "origins")
    own = _only(record, same) | _dated("period", record["period"])
    relative: Json = record["relative_to"] or dict.fromkeys(("region", "subject", "period", "figure"))
    own |= {
        "subject": _id(record["subject"]),
        "region_id": _id(record["region"]),
        "organisation_id": _id(record["organisation"]),
        "event_id": _id(record["event"]),
        "relative_region_id": _id(relative["region"]),
        "relative_subject": _id(relative["subject"]),
        "relative_period_edtf": relative["period"]["edtf"] if relative["period"] else None,
        "relative_figure_id": _id(relative["figure"]),
    }
    return [(models.Figure, own)]


_ROWS: dict[str, Callable[[Json], Rows]] = {"region": _region, "organisation": _organisation, "event": _event, "figure": _figure}


def _citation(position: int, shown: Json) -> dict[str, Any]:
    attributed, locator = shown["attributed_to"], shown["locator"]
    return {
        "position": position,
        "source_id": shown["source"]["id"],
        "anchor": shown["anchor"],
        "supports": shown["supports"],
        "stated": shown["stated"],
        "attributed_name": attributed["name"] if attributed else None,
        "attributed_organisation_id": _id(attributed["organisation"]) if attributed else None,
        "reading": shown["reading"],
        "note": shown["note"],
        "locator_start": locator["start"] if locator else None,
        "locator_end": locator["end"] if locator else None,
        "locator_sha256": locator["sha256"] if locator else None,
        "status": shown["verification"]["status"],
        "checked_at": shown["verification"]["checked_at"],
    }


def texts(names: Names, record: Json) -> list[str | None]:
    """The texts by whose words `q` finds a record: names, aliases, titles, summaries, in both languages.

    Whoever knows only one of an organisation's names finds what it took part in.
    """
    match record["kind"]:
        case "region":
            return [record["name"], record["name_zh"]]
        case "organisation":
            return [*names(record["id"]), record["description"]]
        case "source":
            named = [record["title"], record["title_zh"], *_called(names, record["publisher"])]
            return [*named, *record["authors"], *_written(record["published"])]
        case "event":
            found = [record["title"], record["title_zh"], record["summary"], record["venue"], *_places(record["region"]), *_written(record["date"])]
            for part in record["organisations"]:
                found += names(part["organisation"]["id"])
            for person in record["people"]:
                found += (person["name"], person["name_zh"])
            for product in record["products"]:
                found += (product["name"], product["name_zh"], product["indication"])
            return found
        case "figure":
            metric = vocabulary.METRIC[record["metric"]]
            subject = [record["subject"]["name"], record["subject"]["name_zh"]] if record["subject"] else []
            event = [record["event"]["title"], record["event"]["title_zh"]] if record["event"] else []
            return [
                metric.name,
                metric.name_zh,
                *subject,
                *event,
                *_places(record["region"]),
                *_written(record["period"]),
                *_called(names, record["organisation"]),
                record["scope_note"],
                record["as_stated"],
            ]
    return []


def _places(region: Json | None) -> list[str | None]:
    return [region["name"], region["name_zh"]] if region else []


def _written(date: Json | None) -> list[str | None]:
    return [date["edtf"]] if date else []


def _called(names: Names, organisation: Json | None) -> list[str | None]:
    return names(organisation["id"]) if organisation else []


def called(organisation: Json) -> list[str | None]:
    """All names of an organisation, the aliases too."""
    return [organisation["name"], organisation["name_zh"], *(alias["text"] for alias in organisation["aliases"])]
