"""Parts are killed while tracks are made; `python -m benchmarks.scale chaos` is the long form."""

import pytest

from benchmarks.scale.chaos import Chaos, Faults

pytestmark = [pytest.mark.distributed, pytest.mark.essential]

FAULTS = Faults(tracks=40, nodes=2, workers=3, every_s=3.0, database_restarts=1, store_away_s=4.0, limit_s=600)


def test_whatever_is_killed_each_track_is_made_once_and_whole(cluster, s3_server, tmp_path):
    seen = Chaos(cluster, s3_server, tmp_path, FAULTS).run()

    assert seen.problems == [], seen
    assert seen.accepted == FAULTS.tracks
    assert seen.files >= seen.stored * 4
    assert seen.kills
    assert seen.store_absences == 1
