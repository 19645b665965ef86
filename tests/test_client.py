"""A client that a generator makes from the served OpenAPI document fetches typed pages from a running server."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import SEEDS, Server, load


class Generated:
    """The generated package and a client of it."""

    def __init__(self, package: ModuleType, base_url: str) -> None:
        self.name, self.client = package.__name__, package.Client(base_url=base_url)
        self.models = importlib.import_module(f"{self.name}.models")

    def ask(self, tag: str, operation: str, *path: str, **params: Any) -> Any:
        """What the function of an operation makes of the answer."""
        return importlib.import_module(f"{self.name}.api.{tag}.{operation}").sync(*path, client=self.client, **params)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generated]:
    folder = tmp_path_factory.mktemp("client")
    url = f"sqlite:///{folder / 'cgt.db'}"
    load(url, SEEDS)
    (folder / "config.yaml").write_text("post_hooks: []\n", "utf-8")  # its formatting is of no concern
    with Server(url) as client, pytest.MonkeyPatch.context() as patched:
        base_url = str(client.base_url).rstrip("/")
        generator = Path(sys.executable).parent / "openapi-python-client"
        options = f"--url {base_url}/openapi.json --output-path generated_client --config config.yaml --meta none --fail-on-warning"
        run = subprocess.run([generator, "generate", *options.split()], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
        patched.syspath_prepend(folder)
        made = Generated(importlib.import_module("generated_client"), base_url)
        with made.client:
            yield made
    for name in [name for name in sys.modules if name.startswith("generated_client")]:
        del sys.modules[name]


def test_a_typed_page_of_events(generated: Generated) -> None:
    models = generated.models
    page = generated.ask("events", "list_events", region=["cn-bj"], type_=[models.EventTypeTerm.CONFERENCE], from_="2025-09", limit=3)
    assert isinstance(page, models.ListingEvent)
    (event,) = page.data
    assert isinstance(event, models.Event)
    assert event.id == "csgct-annual-meeting-2025"
    assert event.type_ is models.EventTypeTerm.CONFERENCE
    assert (event.date.edtf, event.date.earliest.isoformat()) == ("2025-09-12/2025-09-13", "2025-09-12")
    assert event.citations[0].source.id
    assert (page.page.total, page.page.next_, page.release.id) == (1, None, 1)
    following = generated.ask("events", "list_events", limit=3).page.next_
    assert generated.ask("events", "list_events", limit=3, cursor=following).page.total > 3


def test_a_typed_page_of_figures(generated: Generated) -> None:
    models = generated.models
    page = generated.ask("figures", "list_figures", metric=[models.MetricTerm.MARKET_SIZE], unit=[models.AnyUnitTerm.USD], facets="region")
    assert isinstance(page, models.ListingFigure)
    assert page.data
    for figure in page.data:
        assert isinstance(figure, models.Figure)
        assert isinstance(figure.value, float | int)
        assert figure.unit is models.AnyUnitTerm.USD
    assert page.facets["region"][0].count > 0
    parts = generated.ask("figures", "list_figures", fields="id,value", limit=1)
    assert isinstance(parts.data[0], models.PartialFigure)
    assert set(parts.data[0].to_dict()) == {"id", "value"}


def test_every_list_and_record_has_its_type(generated: Generated) -> None:
    models = generated.models
    for kind in ("event", "figure", "organisation", "region", "source"):
        name = kind.capitalize()
        page = generated.ask(f"{kind}s", f"list_{kind}s", limit=200)
        assert {type(record) for record in page.data} == {getattr(models, name)}
        one = generated.ask(f"{kind}s", f"get_{kind}", page.data[0].id)
        assert one.data == page.data[0]
    assert isinstance(generated.ask("figures", "list_series"), models.ListingSeries)
    assert isinstance(generated.ask("history", "list_changes"), models.ListingChangeOut)
    assert isinstance(generated.ask("service", "list_vocabulary").data["role"][0], models.TermOut)
    assert generated.ask("service", "cite_answer", path="/events").data.release == 1


def test_a_problem_has_its_type(generated: Generated) -> None:
    models = generated.models
    missing = generated.ask("events", "get_event", "nothing")
    assert isinstance(missing, models.ProblemDetails)
    assert missing.status == 404
    wrong = generated.ask("events", "list_events", limit=0)
    assert (wrong.status, wrong.errors[0].parameter) == (422, "limit")
