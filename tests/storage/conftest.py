"""A store over each of the two databases."""

import pytest

from app.services.storage import TrackStore
from app.services.storage.database import bring_up_to_date
from app.services.storage.server import address_of, open_server
from tests.buckets import open_azure_server, open_google_server, open_s3_server
from tests.postgres import open_cluster


@pytest.fixture(scope="session")
def cluster():
    cluster = open_cluster()
    yield cluster
    cluster.end()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.distributed, pytest.mark.essential])])
def store(request, tmp_path):
    if request.param == "sqlite":
        store = TrackStore(tmp_path / "new" / "music.db")
    else:
        address = request.getfixturevalue("cluster").database()
        engine = open_server(address_of(address))
        bring_up_to_date(engine)
        engine.dispose()
        store = TrackStore(address)
    yield store
    store.close()


@pytest.fixture(scope="session")
def s3_server():
    server = open_s3_server()
    yield server
    server.end()


@pytest.fixture
def bucket(s3_server, monkeypatch):
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server.bucket()


@pytest.fixture(scope="session")
def azure_server():
    server = open_azure_server()
    yield server
    server.end()


@pytest.fixture
def container(azure_server, monkeypatch):
    for name, value in azure_server.environment.items():
        monkeypatch.setenv(name, value)
    return azure_server.container()


@pytest.fixture(scope="session")
def google_server(tmp_path_factory):
    server = open_google_server(tmp_path_factory.mktemp("google"))
    yield server
    server.end()


@pytest.fixture
def google_bucket(google_server, monkeypatch):
    for name, value in google_server.environment.items():
        monkeypatch.setenv(name, value)
    return google_server.bucket()
