"""A primary, two replicas and three processes of the API: no wrong answer while releases are published and a replica is killed."""

import tempfile
from pathlib import Path

import pytest

from benchmarks.replicas import run, verdict


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_replicas_answer_rightly_while_releases_come_and_one_of_them_dies() -> None:
    with tempfile.TemporaryDirectory(prefix="cgt-replicas-", ignore_cleanup_errors=True) as folder:
        report = run(20, Path(folder))
    print(f"\n{report.table()}")  # noqa: T201  shown with -s
    assert verdict(report) == []
