"""`jsonld`: records in the words of schema.org.

The context stands in the answer and names every word that is used, so that a reader fetches nothing and a word that
is misspelt is found by whoever expands it. The licence is the data's: the cited works, which stand here too, have their own.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from app import vocabulary
from app.formats.calendar import in_words
from app.formats.context import ATTRIBUTION, Context, Record

Node = dict[str, Any]

EDTF = "http://id.loc.gov/datatypes/edtf/EDTF"
"""The datatype of dates as the records bear them."""

_LINKS = ("additionalType", "appearance", "isBasedOn", "license", "subjectOf", "url", "sameAs")
_WORDS = (
    "about", "additionalProperty", "affiliation", "alternateName", "author", "category", "citation", "containedInPlace", "containsPlace",
    "contributor", "copyrightNotice", "creator", "creditText", "datePublished", "description", "endDate", "eventStatus", "funder", "geo",
    "identifier", "inLanguage", "keywords", "latitude", "leiCode", "location", "longitude", "maxValue", "measurementQualifier", "minValue",
    "name", "observationAbout", "observationDate", "organizer", "parentOrganization", "performer", "propertyID", "publisher", "roleName",
    "sponsor", "startDate", "subEvent", "superEvent", "text", "unitCode", "unitText", "value", "variableMeasured", "version",
)  # fmt: skip
_TYPES = (
    "AdministrativeArea", "Claim", "CollegeOrUniversity", "Corporation", "Country", "CreativeWork", "Dataset", "DefinedTerm", "DigitalDocument",
    "Event", "GeoCoordinates", "GovernmentOrganization", "Hospital", "NewsArticle", "NewsMediaOrganization", "Observation", "Organization",
    "Person", "Place", "Product", "PropertyValue", "PublicationEvent", "Report", "ResearchOrganization", "Role", "ScholarlyArticle", "State",
    "StatisticalVariable", "WebPage",
)  # fmt: skip
CONTEXT: Node = {
    "schema": "https://schema.org/",
    **{word: f"schema:{word}" for word in (*_TYPES, *_WORDS)},
    **{word: {"@id": f"schema:{word}", "@type": "@id"} for word in _LINKS},
    "eventStatus": {"@id": "schema:eventStatus", "@type": "@id"},
    "observations": {"@reverse": "schema:observationAbout"},
}
"""Every word of the answer. `observations` are the observations about an event."""

_UNIT_CODES = {"percent": "P1", "day": "DAY", "week": "WEE", "month": "MON", "year": "ANN", "square-metre": "MTK"}
"""UN/CEFACT Recommendation 20, which schema.org asks for; other units are named by the URL of their term."""
_PARTS = {"host": "organizer", "organiser": "organizer", "supporter": "sponsor", "investor": "funder", "speaker": "performer"}
"""The properties of an event that say what a role says; every other role is a `contributor`."""


def jsonld(context: Context, kind: str, records: Iterable[Record]) -> Iterator[bytes]:
    """A graph of the answer as a data set and one node a record."""
    yield b'{"@context":' + _json(CONTEXT) + b',"@graph":[\n' + _json(_dataset(context))
    for record in records:
        yield b",\n" + _json(NODES[kind](context, record))
    yield b"\n]}\n"


def _json(node: Any) -> bytes:
    return json.dumps(node, ensure_ascii=False, separators=(",", ":")).encode()


def _dataset(context: Context) -> Node:
    release = context.release
    return {
        "@id": context.url,
        "@type": "Dataset",
        "name": f"{ATTRIBUTION}, release {release.id}",
        "description": "Records of the cell and gene therapy industry, each with the sources that state it.",
        "creator": {"@type": "Organization", "name": ATTRIBUTION, "url": context.base_url},
        "creditText": context.attribution,
        "license": context.licence_url,
        "version": str(release.id),
        "datePublished": release.released_at.isoformat().replace("+00:00", "Z"),
    }


def _node(context: Context, record: Record, type: str, term: tuple[str, str] | None = None, **more: Any) -> Node:
    """What the nodes of all kinds share; what is absent is left out."""
    kind = record["kind"]
    claims = [_claim(context, record, citation) for citation in record["citations"] if citation["stated"]]
    sources = {citation["source"]["id"]: citation["source"] for citation in record["citations"]}
    node = {
        "@id": context.of(kind, record["id"]),
        "@type": type,
        "additionalType": context.term(*term) if term else None,
        "url": context.of(kind, record["id"]),
        **more,
        "citation": [_cited(context, source) for source in sources.values()],
        "subjectOf": [context.url, *claims],
    }
    return _filled(node)


def _filled(node: Node) -> Node:
    return {name: value for name, value in node.items() if value not in (None, [], {})}


def _zh(text: str | None) -> Node | None:
    return {"@value": text, "@language": "zh"} if text else None


def _names(record: Record, name: str = "name") -> Node:
    return {"name": record[name], "alternateName": _zh(record[f"{name}_zh"])}


def _ref(context: Context, kind: str, type: str, record: Record | None) -> Node | None:
    if record is None:
        return None
    return _filled({"@id": context.of(kind, record["id"]), "@type": type, **_names(record, "title" if "title" in record else "name")})


def _property(context: Context, name: str, value: Any, scheme: str | None = None) -> Node | None:
    """A property for which schema.org has no word; a term is told with its address."""
    if value is None:
        return None
    found: Node = {"@type": "PropertyValue", "name": name, "value": value}
    return found | ({"propertyID": f"{context.base_url}/vocabulary#{scheme}"} if scheme else {})


def _date(context: Context, name: str, span: Record | None) -> Node | None:
    """A date as it stands, with what it means in words."""
    if span is None:
        return None
    found = _property(context, name, {"@value": span["edtf"], "@type": EDTF}) or {}
    return found if _iso(span) else found | {"description": in_words(span)}


def _iso(span: Record | None) -> tuple[str, str] | None:
    """Begin and end in ISO 8601 where the date names them, no more precise than it is; None for what is open or uncertain."""
    if span is None or any(character in span["edtf"] for character in "[]~?%X.") or span["precision"] == "quarter":
        return None
    start, _, end = span["edtf"].partition("/")
    if any(part[5:7] in {"21", "22", "23", "24"} for part in (start, end)):  # seasons, which ISO 8601 does not have
        return None
    return start, end or start


def _single(span: Record | None) -> str | None:
    """A date that is one day, month or year."""
    found = _iso(span)
    return found[0] if found and found[0] == found[1] else None


def _cited(context: Context, source: Record) -> Node:
    published = source["published"]
    return _filled(
        {
            "@id": context.of("source", source["id"]),
            "@type": _type("source-type", source["type"], "CreativeWork"),
            **_names(source, "title"),
            "publisher": _ref(context, "organisation", "Organization", source["publisher"]),
            "datePublished": _single(published),
            "inLanguage": source["language"],
            "url": source["url"],
        }
    )


def _claim(context: Context, record: Record, citation: Record) -> Node:
    """What a source states instead of the record."""
    return _filled(
        {
            "@type": "Claim",
            "about": {"@id": context.of(record["kind"], record["id"])},
            "appearance": context.of("source", citation["source"]["id"]),
            "text": "; ".join(f"{field}: {value}" for field, value in citation["stated"].items()),
            "url": citation["deep_link"],
            "description": citation["note"],
            "additionalProperty": [_property(context, field, value) for field, value in citation["stated"].items()],
        }
    )


def _type(scheme: str, term: str, other: str) -> str:
    """The type of schema.org that a term matches."""
    match = vocabulary.SCHEMES[scheme][term].match or ""
    return match.removeprefix("schema:") if match.removeprefix("schema:") in _TYPES else other


def _event(context: Context, record: Record) -> Node:
    dates = _iso(record["date"])
    status = vocabulary.EVENT_STATUS[record["status"]].match
    place = _ref(context, "region", "Place", record["region"])
    if record["venue"]:
        place = _filled({"@type": "Place", "name": record["venue"], "containedInPlace": place})
    node = _node(
        context,
        record,
        _type("event-type", record["type"], "Event"),
        ("event-type", record["type"]),
        **_names(record, "title"),
        description=record["summary"],
        startDate=dates and dates[0],
        endDate=dates and dates[1],
        eventStatus=status and status.replace("schema:", "https://schema.org/"),
        location=place,
        superEvent=_ref(context, "event", "Event", record["parent"]),
        subEvent=[_ref(context, "event", "Event", child) for child in record["children"]],
        about=[_product(context, product) for product in record["products"]],
        keywords=[_term(context, "topic", topic) for topic in record["topics"]],
        identifier=_identifiers(record["identifiers"]),
        observations=[_figure(context, figure) for figure in record["figures"]],
        additionalProperty=_properties(
            _date(context, "date", record["date"]), _property(context, "status", record["status"], "event-status"), _origins(context, record)
        ),
    )
    for part in record["organisations"]:
        _take_part(node, part["role"], _ref(context, "organisation", "Organization", part["organisation"]))
    for person in record["people"]:
        affiliation = _ref(context, "organisation", "Organization", person["organisation"])
        _take_part(node, person["role"], _filled({"@type": "Person", **_names(person), "affiliation": affiliation}))
    return node


def _take_part(node: Node, role: str, party: Node | None) -> None:
    """Add a party through a `Role`, which says its role where several roles share a property."""
    part = _PARTS.get(role, "contributor")
    node.setdefault(part, []).append({"@type": "Role", "roleName": vocabulary.ROLE[role].name, part: party})


def _product(context: Context, product: Record) -> Node:
    modality = product["modality"]
    return _filled(
        {
            "@type": "Product",
            **_names(product),
            "category": modality and vocabulary.MODALITY[modality].name,
            "additionalProperty": _properties(
                _property(context, "indication", product["indication"]), _property(context, "modality", modality, "modality")
            ),
        }
    )


def _figure(context: Context, record: Record) -> Node:
    about = [("region", "Place"), ("organisation", "Organization"), ("event", "Event")]
    against = record["relative_to"] or {"region": None, "subject": None, "period": None, "figure": None}
    unit = record["unit"]
    return _node(
        context,
        record,
        "Observation",
        variableMeasured=_term(context, "metric", record["metric"], "StatisticalVariable"),
        observationAbout=[_ref(context, kind, type, record[kind]) for kind, type in about if record[kind]],
        observationDate=_single(record["period"]),
        value=record["value"],
        minValue=record["low"],
        maxValue=record["high"],
        unitText=unit,
        unitCode=_UNIT_CODES.get(unit) or context.term("currency" if unit in vocabulary.CURRENCY else "unit", unit),
        measurementQualifier=_term(context, "qualifier", record["qualifier"]),
        description=record["scope_note"],
        additionalProperty=_properties(
            _property(context, "subject", record["subject"] and record["subject"]["id"], "subject"),
            _date(context, "period", record["period"]),
            _property(context, "as_stated", record["as_stated"]),
            _property(context, "basis", record["basis"], "basis"),
            _property(context, "agreement", record["agreement"], "agreement"),
            *(_property(context, "contested_on", field) for field in record["contested_on"]),
            _property(context, "relative_to.region", against["region"] and {"@id": context.of("region", against["region"]["id"])}),
            _property(context, "relative_to.subject", against["subject"] and against["subject"]["id"], "subject"),
            _date(context, "relative_to.period", against["period"]),
            _property(context, "relative_to.figure", against["figure"] and {"@id": context.of("figure", against["figure"]["id"])}),
            _property(context, "spread.min", record["spread"]["min"]),
            _property(context, "spread.max", record["spread"]["max"]),
            _property(context, "spread.unit", record["spread"]["unit"]),
            *(_property(context, f"converted.{name}", value) for name, value in (record["converted"] or {}).items()),
            _property(context, "not_converted", record["not_converted"]),
            _origins(context, record),
        ),
    )


def _organisation(context: Context, record: Record) -> Node:
    identifiers = record["identifiers"]
    other = [{"@value": alias["text"], "@language": alias["language"]} for alias in record["aliases"] if alias["type"] != "mistranslation"]
    names = _names(record)
    names["alternateName"] = [*filter(None, [names["alternateName"]]), *other]
    wikidata = identifiers["wikidata"]
    return _node(
        context,
        record,
        _type("organisation-type", record["type"], "Organization"),
        ("organisation-type", record["type"]),
        **names,
        description=record["description"],
        location=_ref(context, "region", "Place", record["region"]),
        parentOrganization=_ref(context, "organisation", "Organization", record["parent"]),
        leiCode=identifiers["lei"],
        sameAs=[*filter(None, [wikidata and f"http://www.wikidata.org/entity/{wikidata.rsplit('/', 1)[-1]}", identifiers["ror"], record["website"]])],
    )


def _region(context: Context, record: Record) -> Node:
    geo = None
    if record["latitude"] is not None and record["longitude"] is not None:
        geo = {"@type": "GeoCoordinates", "latitude": record["latitude"], "longitude": record["longitude"]}
    return _node(
        context,
        record,
        _type("region-type", record["type"], "Place"),
        ("region-type", record["type"]),
        **_names(record),
        containedInPlace=_ref(context, "region", "Place", record["parent"]),
        containsPlace=[_ref(context, "region", "Place", member) for member in record["members"]],
        identifier=_identifiers({"ISO 3166": record["iso_3166"], "GB/T 2260": record["gb_2260"]}),
        geo=geo,
    )


def _source(context: Context, record: Record) -> Node:
    based = record["derived_from"]
    shown = _cited(context, record)
    more = {name: value for name, value in shown.items() if name not in {"@id", "@type", "url"}}
    return _node(
        context,
        record,
        shown["@type"],
        ("source-type", record["type"]),
        **more,
        author=[{"@type": "Person", "name": author} for author in record["authors"]],
        sameAs=record["url"],
        isBasedOn=based and context.of("source", based["id"]),
        copyrightNotice=record["rights"],
        additionalProperty=_properties(
            _date(context, "published", record["published"]),
            _property(context, "grade", record["grade"], "source-grade"),
            _property(context, "origin", {"@id": context.of("source", record["origin"]["id"])}),
        ),
    )


def _origins(context: Context, record: Record) -> Node | None:
    return _property(context, "origins", record["origins"])


def _properties(*given: Node | None) -> list[Node]:
    return [one for one in given if one]


def _term(context: Context, scheme: str, term: str, type: str = "DefinedTerm") -> Node:
    found = vocabulary.SCHEMES[scheme][term]
    return {"@id": context.term(scheme, term), "@type": type, "name": found.name, "description": found.definition}


def _identifiers(identifiers: Record) -> list[Node]:
    return [{"@type": "PropertyValue", "propertyID": name, "value": value} for name, value in identifiers.items() if value]


NODES: dict[str, Callable[[Context, Record], Node]] = {
    "event": _event,
    "figure": _figure,
    "organisation": _organisation,
    "region": _region,
    "source": _source,
}
"""How a record of each kind is written."""
