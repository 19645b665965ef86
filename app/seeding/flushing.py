"""What a load writes to a SQLite file, brought to the disk a little at a time.

SQLite leaves that to the end: gigabytes at once, behind which whoever reads something from the same disk waits for seconds. It is done by a
process of its own, since a file that a process closes takes with it all locks that SQLite has of it there.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

FEWEST = 8_000
"""Entries for which it is done: less is written in a moment."""

_EVERY = 0.1
"""Seconds from one time to the next."""


@contextmanager
def flushed(file: Path) -> Iterator[None]:
    """What is written to a file and its write-ahead log meanwhile waits for the disk only for moments."""
    # The process ends with its input, whatever ends this one. Without it all is written as well, only at once.
    with ExitStack() as ended:
        with suppress(OSError):
            # By its file and isolated: in the folder of another project there may be another `app`.
            ended.enter_context(subprocess.Popen([sys.executable, "-I", __file__, str(file.resolve())], stdin=subprocess.PIPE))  # noqa: S603  our own
        yield


def _flush(path: str) -> None:
    with suppress(OSError):  # such as that there is no log yet
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while not select.select([sys.stdin], [], [], _EVERY)[0]:
        _flush(sys.argv[1])
        _flush(f"{sys.argv[1]}-wal")
