"""Made-up numbers: amounts with all kinds of bounds, and what other sources say instead."""

import random
from typing import Any

from app import vocabulary
from benchmarks.words import zipf

_METRICS = zipf(
    "market-size company-count investment-amount deal-value attendance growth-rate industry-output share trial-count approval-count rank cagr"
    " pipeline-count deal-upfront price patients-treated floor-area facility-count annual-output-value institution-count processing-time"
    " production-yield tax-rate focus-area-count".split(),
    1 << 12,
)
_CURRENCIES = zipf(["CNY", "USD", "EUR", "GBP", "JPY", "HKD", "KRW", "CHF", "SGD", "AUD"], 1 << 8)
_SUBJECTS = zipf(list(vocabulary.SUBJECT), 1 << 10)
_BASES = zipf(["reported", "estimate", "forecast", "commitment", "target", "company-claim", "provisional"], 1 << 8)
_BOUNDS = ["{}"] * 12 + ["about {}"] * 3 + ["more than {}"] * 3 + ["nearly {}"] * 2 + ["at least {}", "up to {}", "less than {}"]


def number(draw: random.Random) -> dict[str, Any]:
    """What a figure measures and its amount."""
    metric = draw.choice(_METRICS)
    unit = draw.choice(vocabulary.METRIC[metric].units)
    value = _amount(draw, draw.choice(_CURRENCIES) if unit == "money" else unit)
    as_stated = value.replace("count", "").replace("person", "people").strip()
    return {"metric": metric, "subject": draw.choice(_SUBJECTS), "value": value, "as_stated": as_stated, "basis": draw.choice(_BASES)}


def differing(draw: random.Random, entry: dict[str, Any], regions: list[str]) -> dict[str, str]:
    """What another source says of a figure instead, on one field; most of them state another number."""
    field = draw.choice(["value", "value", "value", "basis", "subject", "region", "period"])
    if field == "value":
        unit = entry["value"].rsplit(" ", 1)[1]
        return {"value": next(other for other in iter(lambda: _amount(draw, unit), None) if other != entry["value"])}
    if field == "period":
        return {"period": "1989"}
    pool = {"basis": _BASES, "subject": _SUBJECTS, "region": regions}[field]
    return {field: next(other for other in iter(lambda: draw.choice(pool), None) if other != entry.get(field))}


def _amount(draw: random.Random, unit: str) -> str:
    if unit == "rank":
        return f"{1 + draw.randrange(30)} rank"
    if unit in vocabulary.CURRENCY:
        low, scale = round(10 ** (3 * draw.random()), 1), draw.choice((" million", " million", " billion"))
    elif unit == "ratio":
        return f"{1 + draw.randrange(8)}/9 ratio"
    elif unit == "percent":
        low, scale = round(1 + 98 * draw.random() ** 2, 1), ""
    else:
        low, scale = float(1 + int(10 ** (4 * draw.random()))), ""
    if draw.random() < 0.05 and unit != "percent":
        return f"{low:g} to {2 * low:g}{scale} {unit}"
    return f"{draw.choice(_BOUNDS).format(f'{low:g}')}{scale} {unit}"
