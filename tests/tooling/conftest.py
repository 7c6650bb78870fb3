"""A real server for the documentation's examples."""

import pytest

from benchmarks.servers import serving


@pytest.fixture(scope="session")
def live_server(tmp_path_factory):
    """A service that listens on a port of its own, in a process of its own."""
    with serving(environment={"MUSIC_DATA_DIR": str(tmp_path_factory.mktemp("live"))}) as server:
        yield server
