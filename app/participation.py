"""Who takes part in events: the organisations of each version with their roles, as arrays.

Organisations are very many and most of them rare. To count those of some versions, it is far quicker to look up what stands behind each
version than to intersect the set of each organisation.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from app import vocabulary
from app.postings import TAKING

_ROLES = {role: number for number, role in enumerate(vocabulary.SCHEMES["role"])}
_OTHER = len(_ROLES)
"""Any role of an earlier vocabulary."""
_ROLE_BITS = _OTHER.bit_length()
_ORGANISATION = np.uint32((1 << 32 - _ROLE_BITS) - 1)
_ROLE = np.uint8((1 << _ROLE_BITS) - 1)
_FIRST = np.uint8(1 << 7)
"""Marks the first part of each organisation in a version: it may have several roles and counts once."""
_KEY_BITS = np.uint64(32)
_TOGETHER = 16
"""Versions of which only the first one's beginning is held whole, and how far behind it the others': that takes a third of the memory."""
_WORD = 8
"""Bytes that are looked up together."""
_AT_ONCE = 4_096
"""Versions that are looked up at once: what that takes for a moment lies in the processor's caches and, with up to four parts a version, stays below
the size from which each block of memory is made anew (`heap.large_blocks_apart`). In one go it takes three times as long."""
_WRITTEN_AT_ONCE = 1_024
"""Buckets of up to sixteen words that are written at once, likewise."""


class Participation:
    """The parts that organisations take in versions: for each version where its parts begin, of each part the role and the organisation's number."""

    def __init__(self, organisations: Iterable[str], portions: Iterable[Mapping[str, BitMap]]) -> None:
        """From the ids of organisations and, in portions, the postings of `event.taking`."""
        numbers = {organisation: number for number, organisation in enumerate(sorted(organisations))}
        self._organisations, self._many = "\n".join(numbers), len(numbers)
        found = [_parts(portion, numbers) for portion in portions]
        taken = np.concatenate(found)
        found.clear()
        # One number holds version, organisation and role, so that sorting moves nothing else.
        taken.sort()
        self._roles = taken.astype(np.uint8) & _ROLE
        taken >>= _ROLE_BITS
        self._roles[:1] |= _FIRST
        self._roles[1:][taken[1:] != taken[:-1]] |= _FIRST
        self._takers = (taken.astype(np.uint32) & _ORGANISATION).astype(np.min_scalar_type(self._many))
        taken >>= _KEY_BITS - _ROLE_BITS
        self._first = int(taken[0]) if len(taken) else 0
        behind_last = int(taken[-1]) + 1 if len(taken) else 0
        begin = np.searchsorted(taken, np.arange(self._first, behind_last + 1, dtype=np.uint64))
        del taken
        self._many_versions = len(begin) - 1
        self._begin = begin[::_TOGETHER].astype(np.uint32)
        begin -= np.repeat(begin[::_TOGETHER], _TOGETHER)[: len(begin)]
        self._behind = begin.astype(np.min_scalar_type(begin.max()))

    @property
    def organisations(self) -> list[str]:
        """The ids of the organisations; the place of each is its number."""
        return self._organisations.split("\n")

    def count(self, versions: BitMap, roles: Sequence[str]) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """The organisations that take part in versions, in one of some roles or in any: their numbers, and in how many each of them does.

        Those in most come first, of others those whose ids do.
        """
        keys = np.frombuffer(versions.to_array(), np.uint32)
        keys = keys[(keys >= self._first) & (keys < self._first + self._many_versions)]
        counts = np.zeros(self._many, np.int64)
        for start in range(0, len(keys), _AT_ONCE):
            np.add.at(counts, self._organisations_of(keys[start : start + _AT_ONCE], roles), 1)
        found = np.flatnonzero(counts)
        found = found[np.argsort(-counts[found], kind="stable")]
        return found, counts[found]

    def _begins(self, keys: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """Where the parts of some versions begin."""
        places: NDArray[np.int64] = self._begin[keys // _TOGETHER].astype(np.int64) + self._behind[keys]
        return places

    def _organisations_of(self, versions: "NDArray[np.uint32]", roles: Sequence[str]) -> "NDArray[np.integer[Any]]":
        """The number of each organisation that takes part in a version, once for each."""
        keys = versions.astype(np.int64) - self._first
        begin = self._begins(keys)
        many = self._begins(keys + 1) - begin
        places = _spans(begin, many)
        taken = self._roles[places]
        kept = np.isin(taken & _ROLE, [_ROLES[role] for role in roles]) if roles else taken >= _FIRST
        organisations: NDArray[np.integer[Any]] = self._takers[places][kept]
        if len(roles) < 2:
            return organisations  # in one role it stands once
        owner = np.repeat(np.arange(len(keys)), many)[kept]
        # The roles of an organisation in a version stand side by side.
        fresh = np.ones(len(organisations), bool)
        fresh[1:] = (organisations[1:] != organisations[:-1]) | (owner[1:] != owner[:-1])
        return organisations[fresh]


class Buckets:
    """The buckets of organisations as JSON, up to the count, in words of eight bytes.

    An answer may have ten thousands of them: to look their words up takes half the time of joining texts that lie anywhere in memory.
    """

    def __init__(self, beginnings: Iterable[bytes]) -> None:
        """From each bucket up to its count, which blanks will precede."""
        filled = [beginning + b" " * (-len(beginning) % _WORD) for beginning in beginnings]
        self._many = np.array([len(beginning) // _WORD for beginning in filled], np.int64)
        self._begin = np.cumsum(self._many) - self._many
        self._words = np.frombuffer(b"".join(filled), np.uint64)

    def __len__(self) -> int:
        return len(self._many)

    def written(self, found: "NDArray[np.int64]", counts: "NDArray[np.int64]") -> list[bytes]:
        """The buckets of some organisations in parts, with a comma behind each bucket; `counts` descend."""
        if not len(found):
            return []
        beginnings = np.flatnonzero(np.diff(counts, prepend=counts[0] + 1))
        ends = [b"%d}," % count for count in counts[beginnings].tolist()]
        wide = -(-len(ends[0]) // _WORD)
        words = np.frombuffer(b"".join(end.rjust(wide * _WORD) for end in ends), np.uint64).reshape(-1, wide)
        behind = np.repeat(words, np.diff(beginnings, append=len(counts)), axis=0)
        parts = (slice(start, start + _WRITTEN_AT_ONCE) for start in range(0, len(found), _WRITTEN_AT_ONCE))
        return [self._part(found[part], behind[part]) for part in parts]

    def _part(self, found: "NDArray[np.int64]", behind: "NDArray[np.uint64]") -> bytes:
        """The buckets of organisations, each with what stands behind its beginning."""
        wide = behind.shape[1]
        many = self._many[found] + wide
        written = self._words.take(_spans(self._begin[found], many), mode="clip")  # behind the last word there are no others
        written[np.cumsum(many)[:, None] - np.arange(wide, 0, -1)] = behind
        return written.tobytes()


def _spans(begin: "NDArray[np.int64]", many: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """The places of some spans, one behind the other, from where each begins and how many places it has."""
    places: NDArray[np.int64] = np.arange(many.sum())
    places += np.repeat(begin - (np.cumsum(many) - many), many)
    return places


def _parts(portion: Mapping[str, BitMap], numbers: Mapping[str, int]) -> "NDArray[np.uint64]":
    """Version, organisation and role of each part that some postings tell of, as one number."""
    parts, taking = [np.empty(0, np.uint32)], []
    for value, versions in portion.items():
        role, _, organisation = value.partition(TAKING)
        # One that came while the postings were read takes part in newer versions only, of which nobody who reads from here knows.
        if organisation in numbers:
            parts.append(np.frombuffer(versions.to_array(), np.uint32))
            taking.append(numbers[organisation] << _ROLE_BITS | _ROLES.get(role, _OTHER))
    taken = np.concatenate(parts).astype(np.uint64) << _KEY_BITS
    taken |= np.repeat(np.array(taking, np.uint64), [len(versions) for versions in parts[1:]])
    return taken
