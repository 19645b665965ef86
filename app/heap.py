"""The heap of a process where the GNU C library keeps it; other libraries have these settings as they are, or none."""

import ctypes
from contextlib import suppress
from typing import Any

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
"""What malloc.h calls the size from which on a block is kept apart (M_MMAP_THRESHOLD), and the most heaps of a process (M_ARENA_MAX)."""

_APART = 131_072


def one_for_all_threads() -> None:
    """Have one heap: each thread has its own otherwise, and what one of them was given back, another cannot use."""
    _call("mallopt", _ARENA_MAX, 1)


def large_blocks_apart() -> None:
    """Have blocks of some hundred kilobytes given back when they are freed; the library keeps ever larger ones once it was given back one."""
    _call("mallopt", _MMAP_THRESHOLD, _APART)


def give_back() -> None:
    """Give back to the system what is free: some milliseconds for 50 MB, in which nobody else gets memory, and next to nothing for none."""
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    with suppress(AttributeError, OSError, TypeError):
        library: Any = ctypes.CDLL(None)
        getattr(library, name)(*arguments)
