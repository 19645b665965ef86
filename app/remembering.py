"""Answers that are asked for again, sent as long as what they were made from is still what is served.

An answer depends on its path and query, on a few headers and on the state of the data. What is asked for a second time is kept, and whoever asks
for it again gets the same bytes, without anything being read. A release ends them all at once.
"""

from threading import Lock
from typing import NamedTuple

from cachetools import LRUCache
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.standing import Standing, State

MOST_KEPT = 16_000_000
"""Bytes of answers that a process keeps."""
LARGEST_KEPT = 512_000
"""Bytes of the largest answer that is kept."""
LATELY = 5_000
"""Different requests, and up to twice as many, of which is known that they came lately: of pages twenty times as many as find room."""

_ASKED_WITH = {b"accept", b"accept-encoding", b"host"}
"""Headers on which an answer depends."""
_NEVER = {b"authorization", b"cookie", b"if-modified-since", b"range", b"x-cgt-release"}
"""Headers whose requests are always answered anew."""
_TOLD_UNCHANGED = {b"etag", b"last-modified", b"cache-control", b"vary", b"x-cgt-release"}
"""Headers of an answer that says that nothing has changed."""

Key = tuple[object, ...]
Headers = list[tuple[bytes, bytes]]


class Answer(NamedTuple):
    """An answer that is kept."""

    tag: bytes
    headers: Headers
    body: bytes | None
    """None: it was only ever told that nothing had changed."""


class Remembering:
    """Keeps good answers that carry an ETag, and were asked for before: most never are again, and to keep them takes a tenth of making a page."""

    def __init__(self, app: ASGIApp, standing: Standing) -> None:
        self.app, self.standing = app, standing
        self._kept: LRUCache[Key, Answer] = LRUCache(MOST_KEPT, getsizeof=lambda answer: 2_000 + len(answer.body or b""))
        self._state: State | None = None
        """What all that is kept was made from."""
        self._lately: set[int] = set()
        self._before: set[int] = set()
        self._lock = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        state = self.standing.known() if scope["type"] == "http" and scope["method"] == "GET" else None
        asked = _key(scope) if state is not None else None
        scope["standing"] = state  # known well enough for all of this request
        if state is None or asked is None:
            await self.app(scope, receive, send)
            return
        key, wanted = asked
        with self._lock:
            if state is not self._state:
                self._kept.clear()
                self._state = state
            held = self._kept.get(key)
            again = held is not None or self._came_lately(hash(key))
        if not again:
            await self.app(scope, receive, send)
        elif held is None or (wanted is None and held.body is None):
            await self.app(scope, receive, _Kept(self, key, state, send))
        elif wanted is None:
            await send({"type": "http.response.start", "status": 200, "headers": list(held.headers)})
            await send({"type": "http.response.body", "body": held.body})
        elif wanted == held.tag:
            headers = [header for header in held.headers if header[0] in _TOLD_UNCHANGED]
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self.app(scope, receive, send)

    def _came_lately(self, mark: int) -> bool:
        """Whether a request came before, not too long ago; this time counts for the next one."""
        if mark in self._lately or mark in self._before:
            return True
        self._lately.add(mark)
        if len(self._lately) > LATELY:
            self._before, self._lately = self._lately, set()
        return False

    def keep(self, key: Key, state: State, answer: Answer) -> None:
        """Have an answer for the next one who asks, unless what it was made from is no longer what is served."""
        with self._lock:
            if state is self._state:
                self._kept[key] = answer


class _Kept:
    """Sends an answer on, and keeps it if it is a good one."""

    def __init__(self, memory: Remembering, key: Key, state: State, send: Send) -> None:
        self.memory, self.key, self.state, self.send = memory, key, state, send
        self.headers: Headers | None = None
        self.unchanged = False
        self.body = b""

    async def __call__(self, message: Message) -> None:
        """A part of the answer."""
        if message["type"] == "http.response.start" and message["status"] in {200, 304}:
            self.headers, self.unchanged = list(message["headers"]), message["status"] == 304
        elif message["type"] == "http.response.body" and self.headers is not None:
            self.body += message.get("body", b"")
            if len(self.body) > LARGEST_KEPT:
                self.headers = None
            elif not message.get("more_body", False):
                tag = next((value for name, value in self.headers if name == b"etag"), None)
                if tag is not None:
                    self.memory.keep(self.key, self.state, Answer(tag, self.headers, None if self.unchanged else self.body))
        await self.send(message)


def _key(scope: Scope) -> tuple[Key, bytes | None] | None:
    """What tells answers apart, and the tag that the client has; None for a request that is always answered anew."""
    told: list[tuple[bytes, bytes]] = []
    wanted = None
    for name, value in scope["headers"]:
        if name in _NEVER:
            return None
        if name in _ASKED_WITH:
            told.append((name, value))
        elif name == b"if-none-match":
            wanted = value
    return (scope["path"], scope["query_string"], scope.get("root_path", ""), scope["scheme"], *told), wanted
