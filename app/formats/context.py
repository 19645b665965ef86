"""What a writer knows beside the records: the release, where the answer lies, and what the records leave out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import parse_qsl, urlencode

from app.envelopes import ReleaseInfo

Record = dict[str, Any]
"""A record as the API serves it: the JSON of one of `app.schemas.RECORDS`."""

ATTRIBUTION = "CGT Atlas"
"""Who is to be named."""

_LICENCES = {"CC-BY-4.0": ("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/")}
_CHUNK = 1 << 16
_CHANGING = {"published_before": {"event", "figure"}, "convert": {"figure"}}
"""Parameters that change what a record says, and of which kinds."""


class FormatError(Exception):
    """The answer cannot be written in this format; the message says why and what to do instead."""


class LibraryMissing(FormatError):
    """The format needs a library that this installation does not have."""


class TooLarge(FormatError):
    """The format cannot hold so much."""


@dataclass(frozen=True, slots=True)
class Context:
    """What stands around the records of an answer."""

    release: ReleaseInfo
    """The state of the data that answered."""
    base_url: str
    """Where the service is, without a slash at the end: `https://atlas.example`."""
    path: str
    """The path of the answer, with a slash at its beginning: `/events`."""
    query: str = ""
    """The query as in the URL, percent-encoded, without the question mark."""
    places: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Longitude and latitude (degrees, WGS 84) by region id, for records that only name their region."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """The id of the origin by source id, where it is known."""

    @property
    def url(self) -> str:
        """The URL of the answer."""
        return f"{self.base_url}{self.path}" + (f"?{self.query}" if self.query else "")

    @property
    def licence(self) -> str:
        """The data licence as people write it: `CC BY 4.0`."""
        return _LICENCES.get(self.release.licence, (self.release.licence, ""))[0]

    @property
    def licence_url(self) -> str:
        """The text of the data licence."""
        spdx = self.release.licence
        return _LICENCES.get(spdx, ("", f"https://spdx.org/licenses/{spdx}.html"))[1]

    @property
    def attribution(self) -> str:
        """Who is to be named, with the release and the licence."""
        return f"{ATTRIBUTION}, release {self.release.id} of {self.release.released_at:%Y-%m-%d}, {self.licence}"

    def of(self, kind: str, identifier: str) -> str:
        """The URL of a record as the answer shows it: of an earlier release, as known by a day, converted."""
        given = dict(parse_qsl(self.query))
        kept = {"as_of": str(self.release.id)} if "as_of" in given else {}
        kept |= {name: given[name] for name, kinds in _CHANGING.items() if name in given and kind in kinds}
        return f"{self.base_url}/{kind}s/{identifier}" + (f"?{urlencode(kept)}" if kept else "")

    def term(self, scheme: str, identifier: str) -> str:
        """The URL of a term of the vocabulary."""
        return f"{self.base_url}/vocabulary#{scheme}-{identifier}"


def stream(file: IO[bytes]) -> Iterator[bytes]:
    """The bytes of a file from its beginning."""
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk
