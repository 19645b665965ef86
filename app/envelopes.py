"""What stands around records: pages, links, the release, the parameters in force."""

from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import ConfigDict, Field

from app.citations import Shape

RELEASE_HEADER = "X-CGT-Release"
"""In an answer: the newest release where it was made. In a request: no older one will do."""


class Page(Shape):
    """Where a list stands."""

    limit: int
    """Records a page."""
    total: int
    """How many records match, on all pages."""
    total_is: Literal["exact", "at-least"]
    """Whether `total` was counted to the end."""
    next: str | None
    """Cursor of the next page; null at the end."""


class ListLinks(Shape):
    """Path-relative URLs."""

    self: str
    """This page."""
    next: str | None
    """The next page; null at the end."""


class RecordLinks(Shape):
    """Path-relative URLs."""

    self: str
    """This record."""


class ReleaseInfo(Shape):
    """The state of the data that an answer was made from."""

    id: int
    """Sequence number."""
    released_at: datetime
    """When it was loaded."""
    digest: str
    """SHA-256 over all records."""
    licence: str
    """SPDX identifier of the data licence."""


class AppliedDate(Shape):
    """How a date of the query was understood."""

    edtf: str
    """The date in EDTF."""
    earliest: date
    """Its first day."""
    latest: date
    """Its last day."""


class FieldChange(Shape):
    """A field before and after."""

    from_: Any = Field(alias="from")
    """What it was."""
    to: Any
    """What it is."""


class ChangeOut(Shape):
    """What a release did to a record."""

    release: int
    """The release."""
    released_at: datetime
    """When it was loaded."""
    kind: Literal["source", "organisation", "region", "event", "figure"]
    """Kind of record."""
    id: str
    """The record."""
    change: Literal["insert", "update", "withdraw", "merge"]
    """What became of it; a record that comes back after it was withdrawn is inserted again."""
    fields: dict[str, FieldChange]
    """Of an update: each field that differs, parts of a field by dotted names; of a merge: `merged_into`."""
    reason: str | None
    """Of a withdrawal or merge: the curator's reason."""


class ReleaseOut(ReleaseInfo):
    """A release with what it holds and what it changed."""

    counts: dict[str, int]
    """Records by kind, and citations."""
    changes: dict[str, dict[str, int]]
    """How many records of each kind it inserted, updated, withdrew or merged."""


Applied = Annotated[
    dict[str, str | int | float | list[str] | AppliedDate],
    Field(description="The parameters in force, defaults included: lists for repeatable ones, dates with the days they span."),
]


class Bucket(Shape):
    """A value of a facet."""

    value: str | None
    """The value, as the filter takes it; null: the record does not say."""
    label: str
    """Its name."""
    count: int
    """How many records have it, under the other filters."""


R = TypeVar("R", bound=Shape)
T = TypeVar("T")


class Listing(Shape, Generic[R]):
    """A page of records."""

    # Pydantic does not hand the docstring on to the parametrised class, and would look for those of the fields once for each of them:
    # a quarter of all that happens before the first answer.
    model_config = ConfigDict(json_schema_extra={"description": "A page of records."}, use_attribute_docstrings=False)

    data: list[R] = Field(description="The records of this page.")
    facets: dict[str, list[Bucket]] = Field(default_factory=dict, description="Counts by the facets that were asked for; there only if some were.")
    note: str = Field(
        default="",
        description="What must be known to read the answer rightly, such as that nothing had been released yet; there only if there is something.",
    )
    page: Page = Field(description="Where the page stands.")
    links: ListLinks = Field(description="Where to go on.")
    applied: Applied
    release: ReleaseInfo = Field(description="The state of the data that answered.")


class One(Shape, Generic[T]):
    """One record, or one thing that the service tells."""

    model_config = ConfigDict(json_schema_extra={"description": "One record, or one thing that the service tells."}, use_attribute_docstrings=False)

    data: T = Field(description="The record.")
    links: RecordLinks = Field(description="Where it is.")
    release: ReleaseInfo = Field(description="The state of the data that answered.")
