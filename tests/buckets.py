"""A real S3 server that pip brings, one bucket a test; skipped where it is not installed."""

from importlib.util import find_spec

import pytest

from benchmarks.objects import S3Server, free_port

__all__ = ["S3Server", "free_port", "open_s3_server"]


def open_s3_server() -> S3Server:
    if find_spec("moto") is None or find_spec("flask") is None:
        pytest.skip("requirements/distributed.txt brings an S3 server")
    return S3Server()
