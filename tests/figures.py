"""Figure records as the API serves them, made up for tests of pure functions."""

from collections.abc import Iterable
from typing import Any

from app import dates
from app.growth import Outline
from app.schemas import Figure
from app.seeding import quantities
from app.series import Series, grouped


def series(records: Iterable[dict[str, Any]], growth: Iterable[dict[str, Any]] = ()) -> list[Series]:
    """All series of figures."""
    points, others = ([Figure.model_validate(record) for record in given] for given in (records, growth))
    outlines = ([Outline.model_validate_json(figure.model_dump_json()) for figure in given] for given in (points, others))
    whole = {figure.id: figure for figure in (*others, *points)}
    return [group.made(whole) for group in grouped(*outlines)]


def span(edtf: str | None) -> dict[str, Any] | None:
    """A date of a record."""
    if edtf is None:
        return None
    parsed = dates.parse(edtf)
    days = {"earliest": parsed.earliest, "latest": parsed.latest}
    return {"edtf": edtf, "precision": parsed.precision} | {name: day.isoformat() if day else None for name, day in days.items()}


def ref(identifier: str | None) -> dict[str, Any] | None:
    """A reference of a record."""
    return {"id": identifier, "name": identifier.upper(), "name_zh": None} if identifier else None


def title_ref(identifier: str | None) -> dict[str, Any] | None:
    """A reference to an event."""
    return {"id": identifier, "title": identifier.upper(), "title_zh": None} if identifier else None


def relative(region: str | None = None, subject: str | None = None, period: str | None = None, figure: str | None = None) -> dict[str, Any]:
    """What a number is measured against."""
    return {"region": ref(region), "subject": ref(subject), "period": span(period), "figure": {"id": figure} if figure else None}


def citation(source: str = "source-a", published: str | None = "2025-08-27", supports: tuple[str, ...] = ("value", "as_stated")) -> dict[str, Any]:
    """A citation of a record."""
    work = {
        "id": source,
        "title": source,
        "title_zh": None,
        "publisher": None,
        "url": None,
        "published": span(published),
        "language": "en",
        "type": "article",
        "grade": "C",
    }
    return {
        "source": work,
        "document": None,
        "locator": None,
        "anchor": "some words",
        "deep_link": None,
        "supports": list(supports),
        "stated": {},
        "attributed_to": None,
        "reading": "literal",
        "note": None,
        "verification": {"status": "unchecked", "checked_at": None},
        "quote": None,
    }


def figure(identifier: str, amount: str, period: str | None = "2024", **fields: Any) -> dict[str, Any]:
    """A market size of cell and gene therapy in China, unless `fields` say otherwise; the amount is written as in the curated files."""
    quantity = quantities.parse(amount)
    numbers = [number for number in (quantity.low, quantity.high) if number is not None]
    record: dict[str, Any] = {
        "id": identifier,
        "kind": "figure",
        "metric": "market-size",
        "subject": ref("cgt"),
        "region": ref("cn"),
        "organisation": None,
        "event": None,
        "period": span(period),
        "value": quantity.value,
        "low": quantity.low,
        "high": quantity.high,
        "qualifier": quantity.qualifier,
        "unit": quantity.unit,
        "basis": "reported",
        "as_stated": amount,
        "relative_to": None,
        "scope_note": None,
        "agreement": "single-origin",
        "contested_on": [],
        "spread": {"min": min(numbers), "max": max(numbers), "unit": quantity.unit},
        "statements": [],
        "preference": [],
        "converted": None,
        "not_converted": None,
        "unsupported": [],
        "redacted": [],
        "origins": 1,
        "derived": [],
        "release": 1,
        "citations": [citation()],
    }
    assert fields.keys() <= record.keys()
    return record | fields


def stated_growth(identifier: str, amount: str, period: str | None, base: str | None = None, metric: str = "cagr", **fields: Any) -> dict[str, Any]:
    """A growth that a source states of the same market."""
    against = relative(period=base) if base else None
    return figure(identifier, amount, period, metric=metric, **{"relative_to": against} | fields)
