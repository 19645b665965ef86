"""The OpenAPI document says all and says the truth; the docs page needs no other server."""

import json
import re
from typing import Any

import httpx
import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import vocabulary
from app.problems import RESPONSES
from app.schemas import RECORDS
from tests.conftest import walk

LISTS = ["/events", "/figures", "/organisations", "/regions", "/sources"]


@pytest.fixture(scope="module")
def document(api: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/openapi.json").json()
    return found


def validator(document: dict[str, Any], schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({**schema, "components": document["components"]}, format_checker=jsonschema.FormatChecker())


def answer_schema(document: dict[str, Any], path: str) -> dict[str, Any]:
    schema: dict[str, Any] = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    return schema


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("data", ["api", "synthetic"])
def test_every_record_is_as_documented(request: pytest.FixtureRequest, document: dict[str, Any], path: str, data: str) -> None:
    client: httpx.Client = request.getfixturevalue(data)
    check = validator(document, answer_schema(document, path))
    page = client.get(path, params={"limit": 200}).json()
    check.validate(page)
    whole = validator(document, {"$ref": f"#/components/schemas/{RECORDS[path.strip('/').removesuffix('s')].__name__}"})
    for record in walk(client, path)[:200]:
        whole.validate(record)
    one = validator(document, answer_schema(document, f"{path}/{{id}}"))
    one.validate(client.get(f"{path}/{page['data'][0]['id']}").json())


def test_a_record_with_a_field_too_many_or_too_few_is_not_as_documented(api: httpx.Client, document: dict[str, Any]) -> None:
    check = validator(document, {"$ref": "#/components/schemas/Event"})
    record = api.get("/events/csgct-founding-2025").json()["data"]
    check.validate(record)
    assert not check.is_valid({**record, "extra": 1})
    for field in record:
        assert not check.is_valid({name: value for name, value in record.items() if name != field})


@pytest.mark.parametrize("path", LISTS)
def test_parts_of_a_record_are_as_documented(api: httpx.Client, document: dict[str, Any], path: str) -> None:
    check = validator(document, answer_schema(document, path))
    for fields in ("id", "id,kind", "citations.source.publisher.id,release", "derived.from.source.id"):
        page = api.get(path, params={"fields": fields}).json()
        check.validate(page)
        assert not check.is_valid({**page, "data": [{**page["data"][0], "extra": 1}]})


def test_nothing_stands_in_the_document_that_nothing_refers_to(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for name in document["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text, name


@pytest.mark.parametrize("path", ["/", "/vocabulary", "/healthz", "/readyz", "/cite?path=/events"])
def test_the_service_answers_as_documented(api: httpx.Client, document: dict[str, Any], path: str) -> None:
    validator(document, answer_schema(document, path.split("?", maxsplit=1)[0])).validate(api.get(path).json())


def test_problems_are_as_documented(api: httpx.Client, document: dict[str, Any]) -> None:
    check = validator(document, {"$ref": "#/components/schemas/ProblemDetails"})
    for path in ("/events?x=1", "/events?type=x&limit=0", "/events/x", "/x", "/cite"):
        check.validate(api.get(path).json())
    check.validate(api.post("/events").json())


def test_every_parameter_is_described_with_an_example_that_works(api: httpx.Client, document: dict[str, Any]) -> None:
    tried = 0
    for path, operations in document["paths"].items():
        for parameter in operations["get"].get("parameters", []):
            assert parameter.get("description"), (path, parameter["name"])
            schema = parameter["schema"]
            if parameter["name"] == "cursor":
                continue
            examples = schema.get("examples") or parameter.get("examples")
            assert examples, (path, parameter["name"])
            if parameter["in"] == "query":
                needed = (
                    {"unit": "CNY"} if parameter["name"] in {"min", "max"} else {"/cite": {"path": "/events"}, "/search": {"q": "a"}}.get(path, {})
                )
                real = path.replace("{id}", identifier(document, path)) if "{id}" in path else path
                answer = api.get(real, params={**needed, parameter["name"]: examples[0]})
                assert answer.status_code == 200, answer.text
                if path in LISTS and parameter["name"] not in {"verification", "q", "format"}:
                    assert answer.json()["page"]["total"] > 0, (path, parameter["name"], examples)
                tried += 1
    assert tried > 60


def identifier(document: dict[str, Any], path: str) -> str:
    """The documented example of a path's id."""
    (parameter,) = [parameter for parameter in document["paths"][path]["get"]["parameters"] if parameter["in"] == "path"]
    example: str = parameter["schema"]["examples"][0] if "examples" in parameter["schema"] else parameter["examples"][0]
    return example


@pytest.mark.parametrize("path", LISTS)
def test_the_example_of_an_id_exists(api: httpx.Client, document: dict[str, Any], path: str) -> None:
    assert api.get(f"{path}/{identifier(document, f'{path}/{{id}}')}").status_code == 200


def test_parameters_offer_every_term(document: dict[str, Any]) -> None:
    def offered(path: str, name: str) -> list[str]:
        (schema,) = [p["schema"] for p in document["paths"][path]["get"]["parameters"] if p["name"] == name]
        component = document["components"]["schemas"][schema["items"]["$ref"].rsplit("/", 1)[1]]
        found: list[str] = component["enum"]
        assert all(f"- `{term}`: " in component["description"] for term in found)
        return found

    for path, name, scheme in (
        ("/events", "type", "event-type"),
        ("/events", "role", "role"),
        ("/events", "topic", "topic"),
        ("/events", "status", "event-status"),
        ("/figures", "metric", "metric"),
        ("/figures", "basis", "basis"),
        ("/figures", "subject", "subject"),
        ("/sources", "grade", "source-grade"),
        ("/organisations", "type", "organisation-type"),
        ("/coverage", "state", "coverage"),
        ("/coverage", "type", "event-type"),
    ):
        assert offered(path, name) == list(vocabulary.SCHEMES[scheme])
    assert offered("/figures", "unit") == list(vocabulary.UNITS)


def test_every_field_of_an_answer_is_described(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description"), name
        for field, part in schema.get("properties", {}).items():
            meant = document["components"]["schemas"][part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else part
            assert part.get("description") or meant.get("description"), (name, field)


def test_parameters_are_never_null_and_filters_come_first(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        parameters = operations["get"].get("parameters", [])
        assert "null" not in str([parameter["schema"] for parameter in parameters]), path
        names = [parameter["name"] for parameter in parameters if parameter["in"] == "query"]
        if path in LISTS:
            assert set(names[-6:]) == {"as_of", "fields", "q", "limit", "cursor", "sort"}


def test_operations_have_names_that_make_good_functions(document: dict[str, Any]) -> None:
    names = [operations["get"]["operationId"] for operations in document["paths"].values()]
    assert len(names) == len(set(names))
    assert {"list_events", "get_event", "list_figures"} <= set(names)


def test_every_path_tells_its_problems(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        responses = operations["get"]["responses"]
        assert {"200", "422", "406"} <= set(responses), path
        assert ("404" in responses) == ("{id}" in path)
        for status, response in responses.items():
            if status != "200":
                assert response == RESPONSES[int(status)]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_kind_of_record_is_named_in_the_document(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for kind, shape in RECORDS.items():
        schema = schemas[shape.__name__]
        assert set(schema["required"]) == set(schema["properties"]), kind
        assert schema["description"]


def test_the_document_tells_licence_attribution_and_where_to_report(api: httpx.Client, document: dict[str, Any]) -> None:
    assert "CC BY 4.0" in document["info"]["description"]
    assert "Report an error" in document["info"]["description"]
    welcome = api.get("/").json()["data"]
    assert welcome["licence"]["id"] == "CC-BY-4.0"
    assert "release 1" in welcome["licence"]["attribution"]
    assert welcome["report_an_error"]["how"]
    assert set(welcome["paths"]) >= {*LISTS, "/coverage"}
    for path in welcome["paths"]:
        assert api.get(path).status_code == (405 if path == "/mcp" else 200)


def test_the_docs_page_asks_no_other_server(api: httpx.Client) -> None:
    page = api.get("/docs").text
    for address in re.findall(r"""(?:src|href)=["']([^"']+)""", page) + re.findall(r"""url: ["']([^"']+)""", page):
        assert address.startswith("/"), address
        assert api.get(address).status_code == 200, address
    assert not re.search(r"https?://(?!www\.w3\.org)", page)


def test_the_vocabulary_is_served_whole(api: httpx.Client) -> None:
    served = api.get("/vocabulary").json()["data"]
    assert {scheme: [term["id"] for term in terms] for scheme, terms in served.items()} == {
        scheme: list(terms) for scheme, terms in vocabulary.SCHEMES.items()
    }
    for scheme, terms in served.items():
        for term in terms:
            assert term["name"], (scheme, term)
            assert term["definition"].endswith("."), (scheme, term)
            assert scheme == "currency" or re.search(r"[\u4e00-\u9fff]", term["name_zh"]), (scheme, term)


def test_the_vocabulary_has_what_was_promised() -> None:
    promised = {
        "event-type": "conference organisation-founding publication-release platform-launch facility-opening facility-groundbreaking "
        "investment-commitment financing licensing-deal collaboration acquisition divestiture policy guidance regulatory-acceptance "
        "regulatory-approval designation trial-milestone reimbursement-listing market-withdrawal industry-milestone",
        "event-status": "announced scheduled held completed cancelled postponed unknown",
        "role": "host organiser co-organiser guide supporter founder founded publisher issuer regulator applicant licensor licensee "
        "acquirer target seller investor operator partner speaker tenant",
        "metric": "market-size industry-output annual-output-value investment-amount company-count institution-count attendance "
        "growth-rate cagr rank share tax-rate approval-count trial-count pipeline-count facility-count processing-time "
        "production-yield focus-area-count deal-upfront deal-value price patients-treated floor-area",
        "basis": "reported provisional estimate forecast target commitment company-claim",
        "qualifier": "exact about more-than at-least nearly up-to less-than range",
        "unit": "percent ratio rank count person day week month year fold vg-per-batch square-metre",
        "source-type": "article repost summary official-page press-release report filing journal-article",
        "source-grade": "A B C D",
        "region-type": "world country province prefecture district functional-zone multi-region",
        "alias-type": "alias former abbreviation variant mistranslation",
        "precision": "day month quarter year range bound",
        "verification": "verified unchecked moved blocked gone",
        "coverage": "known none-known not-looked-at",
        "agreement": "contested corroborated single-origin",
    }
    for scheme, terms in promised.items():
        assert set(terms.split()) <= set(vocabulary.SCHEMES[scheme]), scheme
