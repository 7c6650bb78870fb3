"""Many watch at several nodes; `python -m benchmarks.scale fanout` is the long form, and is timed."""

import pytest

from app.services.storage import TrackStore
from benchmarks.scale.fanout import Audience, fan_out

pytestmark = [pytest.mark.distributed, pytest.mark.essential]


def test_everybody_hears_how_far_a_track_is_and_its_end(cluster, tmp_path):
    address = cluster.database()
    TrackStore(address).migrate()
    audience = Audience(subscribers=200, jobs=20, steps=8)

    heard = fan_out(address, tmp_path, audience)

    assert heard.problems == []
    assert len(heard.ends_s) == audience.subscribers
    assert len(heard.progress_s) > 2 * audience.subscribers
    assert heard.at_once > audience.jobs / 2
