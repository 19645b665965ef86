"""schemathesis: whatever the OpenAPI document admits or forbids, the service answers as the document says.

It sends the documented examples, the bounds of every parameter, random requests that keep to the document and random ones that
break it, methods that no path has, and chains of requests that follow from one another's answers.
"""

import copy
import json
import re
from collections import Counter
from datetime import date
from typing import Any

import httpx
import pytest

from app.envelopes import RELEASE_HEADER
from tests.conftest import walk

PARTS = {
    "region": "/regions",
    "within": "/regions",
    "organisation": "/organisations",
    "publisher": "/organisations",
    "source": "/sources",
    "origin": "/sources",
    "event": "/events",
}
"""The list that has the ids of a parameter; `parent` is of the list's own kind."""

BEYOND_THE_DOCUMENT = re.compile(
    "|".join(
        [
            r"there is no \w+ of this id",
            r"there is no release",
            r"there is no facet",
            r"a feed has no pages",
            r"is not offered with the format",
            r"publishes no reference rate",
            r"there is no held document of this name or SHA-256",
            r"was not given out for this query",  # cursor
            r"holds control characters",
            r"is empty; leave it out, or give words",  # q
            r"cannot sort by",
            r"names '.*' twice",  # sort
            r"the record \(\w+\) has no field",  # fields
            r"is no comma-separated list of names",
            r"is after \w+ \(",  # from and to
            r"is greater than max",
            r"compares numbers, which needs exactly one unit",
            r"would compare the converted numbers",
            r"a score is there only with q",
        ]
    )
)
"""What is refused though the document admits it: rules that JSON Schema has no words for, or that only the data knows."""


def refused_rightly(error: dict[str, Any]) -> bool:
    """Whether a value that the document admits is refused for a reason that the document cannot tell, such as what another path refuses."""
    return BEYOND_THE_DOCUMENT.search(error["message"]) is not None or is_no_day(error["value"]) or error["parameter"] == "path"


def is_no_day(value: str) -> bool:
    """Whether it is one of the last days of a month that has not so many: no pattern knows the months' lengths."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-(29|30|31)", value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return True
    return False


class Conversation:
    """What schemathesis asked of a service, what was answered, and what of it is not as documented."""

    def __init__(self, document: dict[str, Any], client: httpx.Client, settings: dict[str, Any]) -> None:
        # Imported here: it takes seconds, which a run of other tests should not pay.
        import schemathesis  # noqa: PLC0415
        from schemathesis.engine import events, from_schema  # noqa: PLC0415

        self.document = document
        self.requests: Counter[tuple[str, str, int | None]] = Counter()
        self.succeeded: set[str] = set()
        self.failures: list[str] = []
        self.excused: Counter[str] = Counter()
        self.errors: list[str] = []
        config = schemathesis.Config.from_dict(settings)
        schema = schemathesis.openapi.from_dict(document, config=config)
        schema.config.update(base_url=str(client.base_url))

        @schema.hook
        def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
            excuse = self._excuse(failure, response)
            if excuse is not None:
                self.excused[excuse] += 1
            return excuse is None

        for event in from_schema(schema).execute():
            if isinstance(event, (events.NonFatalError, events.FatalError)):
                self.errors.append(repr(event))
            elif isinstance(event, events.ScenarioFinished):
                self._note(event)

    def _excuse(self, failure: Any, response: Any) -> str | None:
        """Why something that schemathesis takes for a failure is none."""
        kind, status = type(failure).__name__, response.status_code
        if (kind, status) == ("RejectedPositiveData", 422) and all(refused_rightly(error) for error in json.loads(response.content)["errors"]):
            return "refusals for reasons beyond the document"
        return None

    def _note(self, event: Any) -> None:
        for identifier, exchange in event.recorder.interactions.items():
            case = event.recorder.cases[identifier].value
            status = exchange.response.status_code if exchange.response is not None else None
            mode = "of an unknown method" if case.method != "GET" else case.meta.generation.mode.value if case.meta else "follow-up"
            self.requests[event.phase.value, mode, status] += 1
            if status == 200:
                self.succeeded.add(case.operation.label)
        for identifier, checks in event.recorder.checks.items():
            for check in checks:
                if check.failure_info is not None:
                    exchange = event.recorder.interactions[identifier]
                    answer = exchange.response.status_code if exchange.response is not None else "no answer"
                    message = check.failure_info.failure.message[:1500]
                    self.failures.append(f"{check.name}: {exchange.request.method} {exchange.request.uri} -> {answer}\n{message}")

    def summary(self) -> str:
        """Operations, requests and answers."""
        operations = sum(len(path) for path in self.document["paths"].values())
        lines = [f"{operations} operations, {sum(self.requests.values())} requests, {len(self.failures)} failures"]
        for phase, mode in sorted({key[:2] for key in self.requests}):
            answers = sorted((status or 0, count) for (of, how, status), count in self.requests.items() if (of, how) == (phase, mode))
            lines.append(f"  {phase}, {mode}: " + ", ".join(f"{count} x {status}" for status, count in answers))
        lines += [f"  excused: {count} x {excuse}" for excuse, count in sorted(self.excused.items())]
        return "\n".join(lines)


def informed(document: dict[str, Any], client: httpx.Client) -> dict[str, Any]:
    """The document with the ids, names and fields that exist, where it can only say "a string".

    Whoever reads it sends requests that are answered with records, and unknown ids only where it means to be refused.
    """
    document = copy.deepcopy(document)
    # A few of each: every value of an enum is tried, and hundreds of ids would tell no more than these.
    records = {path: walk(client, path)[:6] for path in {*PARTS.values(), "/figures"}}
    names = sorted({record["document"]["name"] for record in records["/sources"] if record["document"]})
    for path, operations in document["paths"].items():
        operation = operations["get"]
        own = "/" + path.split("/")[1]
        # A cursor and the number of a release come from an answer only: the walks have tests of their own.
        operation["parameters"] = [given for given in operation.get("parameters", []) if given["name"] not in {"cursor", RELEASE_HEADER}]
        for parameter in operation["parameters"]:
            name, schema = parameter["name"], parameter["schema"]
            schema.pop("examples", None)
            if name in PARTS or name == "parent":
                schema["items"] = {"enum": [record["id"] for record in records[PARTS.get(name, own)]]}
            elif name == "document":
                schema["items"] = {"enum": names}
            elif name == "id":
                schema["enum"] = [*(record["id"] for record in records[own]), "nobody-knows"]
            elif name == "path":
                schema["enum"] = ["/events?type=conference", "/figures/series", f"/sources/{records['/sources'][0]['id']}?fields=id", "/nowhere"]
            elif name == "fields":
                schema["enum"] = ["id", "id,kind,release", "kind,derived,citations.source.id", "citations.status,citations"]
            elif name == "facets" and own != "/coverage":
                schema["enum"] = ["type" if own != "/figures" else "metric", "region"]
            elif name == "sort":
                schema["enum"] = ["id", "-id", schema["default"], f"{schema['default']},-id"]
    return document


def converse(client: httpx.Client, engine: str, document: dict[str, Any], what: str, settings: dict[str, Any]) -> Conversation:
    """Let schemathesis talk to a service, print how it went, and fail on whatever was not as documented."""
    held = Conversation(document, client, settings)
    print(f"\n{what} on {engine}: {held.summary()}")  # noqa: T201  the record of a proof, shown with -s
    assert not held.errors
    assert not held.failures, "\n\n".join(held.failures[:20])
    return held


def asked(held: Conversation, mode: str, status: int) -> int:
    return sum(count for (_, how, answer), count in held.requests.items() if (how, answer) == (mode, status))


def assert_that_something_was_tested(held: Conversation) -> None:
    """Whether the whole document was spoken of, well-formed and broken requests were sent, and both were answered."""
    operations = {f"GET {path}" for path in held.document["paths"]}
    assert held.succeeded == operations
    assert asked(held, "positive", 200) > 100
    assert asked(held, "negative", 422) > 100
    assert asked(held, "of an unknown method", 405) > len(operations)


def examples(number: int) -> dict[str, Any]:
    """Settings: so many random requests an operation and phase; the same ones in every run, so that a failure can be looked into."""
    return {"generation": {"max-examples": number, "deterministic": True, "database": "none"}}


@pytest.fixture
def document(synthetic: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = synthetic.get("/openapi.json").json()
    for operations in found["paths"].values():
        # A release that is not there yet is awaited with 503, as documented; that has tests of its own.
        for operation in operations.values():
            operation["parameters"] = [given for given in operation.get("parameters", []) if given["name"] != RELEASE_HEADER]
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_answer_to_a_reader_who_knows_the_data_is_as_documented(synthetic: httpx.Client, databases: Any, document: dict[str, Any]) -> None:
    assert_that_something_was_tested(
        converse(synthetic, databases.engine, informed(document, synthetic), "A reader who knows the data", examples(100))
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_answer_to_a_reader_of_the_document_is_as_documented(synthetic: httpx.Client, databases: Any, document: dict[str, Any]) -> None:
    held = converse(synthetic, databases.engine, document, "A reader who knows nothing but the document", examples(50))
    assert asked(held, "positive", 422) > 100  # ids that nobody has
