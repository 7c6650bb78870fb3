"""Two hosts, one of them cut off in the middle of its work and joined again. Needs root, and Linux's `ip`."""

import os
import secrets
import shutil
import subprocess
import sys

import pytest

from tests.distributed.conftest import Installation, Worker, ask, finished, in_work
from tests.distributed.test_recovery import check_whole
from tests.postgres import open_cluster

pytestmark = [pytest.mark.distributed, pytest.mark.essential]

HERE, THERE, NETWORK, PORT = "10.213.77.1", "10.213.77.2", "10.213.77.0/24", 8310


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


class OtherHost:
    """A network namespace, joined to this one by a cable that can be pulled."""

    def __init__(self):
        name = secrets.token_hex(3)
        self.name, self._here, there = f"music-{name}", f"mu{name}a", f"mu{name}b"
        ip("netns", "add", self.name)
        ip("link", "add", self._here, "type", "veth", "peer", "name", there, "netns", self.name)
        ip("addr", "add", f"{HERE}/24", "dev", self._here)
        self.join()
        ip("-n", self.name, "addr", "add", f"{THERE}/24", "dev", there)
        ip("-n", self.name, "link", "set", there, "up")
        ip("-n", self.name, "link", "set", "lo", "up")

    def cut(self):
        ip("link", "set", self._here, "down")

    def join(self):
        ip("link", "set", self._here, "up")

    def reaches(self):
        """Whether the database answers there."""
        attempt = f"import socket; socket.create_connection(({HERE!r}, {PORT}), 2)"
        command = ["ip", "netns", "exec", self.name, sys.executable, "-c", attempt]
        return subprocess.run(command, capture_output=True).returncode == 0

    def end(self):
        ip("netns", "del", self.name)


class WorkerThere(Worker):
    """A worker on the other host."""

    def __init__(self, host, environment):
        self.before = ("ip", "netns", "exec", host.name)
        super().__init__(environment)


@pytest.fixture
def other_host():
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("ip")):
        pytest.skip("network namespaces need root and iproute2")
    try:
        host = OtherHost()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace can be made here: {error.stderr.decode()}")
    yield host
    host.end()


@pytest.fixture
def between(other_host, tmp_path):
    cluster = open_cluster()
    cluster.listen(HERE, PORT, NETWORK)
    installation = Installation(cluster, tmp_path / "shared")
    yield installation
    other_host.join()
    installation.end()
    cluster.end()


def test_a_host_that_is_cut_off_loses_its_track_and_overwrites_nothing(between, other_host):
    node = between.server()
    assert other_host.reaches()
    far = WorkerThere(other_host, between.environment)
    between._children.append(far)
    track_id = ask(node, duration=90)
    node.wait_for(track_id, in_work)

    other_host.cut()
    assert not other_host.reaches()
    between.worker()
    node.wait_for(track_id, finished, limit_s=300)
    before = between.store.get(track_id)
    other_host.join()
    between.until(other_host.reaches)

    check_whole(between, node, track_id)
    assert between.store.get(track_id) == before
    assert int(before.files[0].key.split("/")[2]) > 1
    # It works again for those who come later.
    between.until(lambda: between.sql("SELECT count(*) FROM workers WHERE seen_at > now() - interval '2 s'") == [(2,)])
