"""Keys take turns where many machines share the queue, as they do on one."""

from datetime import timedelta

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from app.models.group import Group
from app.services.storage.server import address_of
from app.utils.clock import SystemClock
from tests.distributed.conftest import finished
from tests.storage.test_hooks import a_track
from tests.storage.test_migrations import MIGRATIONS

pytestmark = pytest.mark.distributed


@pytest.fixture
def queue(installation):
    from app.services.jobs.courier import Courier
    from app.services.jobs.shared import SharedQueue

    queue = SharedQueue(
        installation.store, Courier(), SystemClock(), address=installation.address, max_queue=1_000, stale_s=5.0
    )
    queue.start()
    yield queue
    queue.stop()


class Owner:
    """One who asks for tracks, each with its number in its id."""

    def __init__(self, queue, letter, model="composer"):
        self.queue = queue
        self.letter = letter
        self.model = model
        self.made = 0

    def track(self, **fields):
        self.made += 1
        moment = SystemClock().now() + timedelta(microseconds=self.made)
        name = f"{self.letter}{self.made:x}"
        return a_track(name, owner=f"key_{self.letter}", model=self.model, created_at=moment, **fields)

    def ask(self, count=1, **fields):
        for _ in range(count):
            self.queue.submit(self.track(**fields)).result(30)


def taken(installation, count, *queues):
    """Tracks in the order in which a worker takes them."""
    found = []
    for _ in range(count):
        ((job_id,),) = installation.sql(
            "SELECT (procrastinate_fetch_job_v2(ARRAY["
            + ", ".join(f"'{name}'" for name in queues or ("composer",))
            + "]::varchar[], NULL)).args->>'job_id'"
        )
        if job_id is None:
            break
        ((track_id,),) = installation.sql(
            f"UPDATE jobs SET state = 'running' WHERE id = '{job_id}' RETURNING subject_id"  # noqa: S608
        )
        found.append(track_id.removeprefix("track_"))
    return found


def test_one_owners_many_do_not_keep_anothers_few_waiting(installation, queue):
    many, few, late = Owner(queue, "a"), Owner(queue, "b"), Owner(queue, "c")
    many.ask(5)
    few.ask(2)

    assert taken(installation, 3) == ["a1", "b1", "a2"]
    late.ask()
    many.ask()
    installation.until(lambda: queue.position("track_a6") == 6)
    assert [queue.position(f"track_{name}") for name in ("b2", "c1", "a3", "a4")] == [1, 2, 3, 4]
    assert taken(installation, 9) == ["b2", "c1", "a3", "a4", "a5", "a6"]


def test_all_tracks_of_a_group_have_a_round_each(installation, queue):
    many, few = Owner(queue, "a"), Owner(queue, "b")
    tracks = [many.track() for _ in range(4)]
    group = Group(
        id="group_a", kind="batch", created_at=tracks[0].created_at, track_ids=tuple(track.id for track in tracks),
        size=4, owner="key_a",
    )  # fmt: skip
    queue.submit_all(tracks, group).result(30)
    few.ask(2)

    assert taken(installation, 9) == ["a1", "b1", "a2", "b2", "a3", "a4"]


def test_many_requests_at_once_get_a_round_each(installation, queue):
    many, few = Owner(queue, "a"), Owner(queue, "b")
    for asked in [queue.submit(many.track()) for _ in range(16)]:
        asked.result(60)
    few.ask(3)

    assert sorted(turn for (turn,) in installation.sql("SELECT turn FROM jobs JOIN tracks ON tracks.id = subject_id "
                                                       "WHERE owner = 'key_a'")) == list(range(16))  # fmt: skip
    assert [name[0] for name in taken(installation, 6)] == ["a", "b"] * 3


def test_what_is_urgent_goes_first_and_takes_turns_too(installation, queue):
    many, few = Owner(queue, "a"), Owner(queue, "b")
    many.ask(2)
    many.ask(2, priority=5)
    few.ask(1, priority=5)
    few.ask(1, priority=-10)

    assert taken(installation, 9) == ["a3", "b1", "a4", "a1", "a2", "b2"]


def test_who_asks_for_another_engine_of_the_same_workers_joins_the_present_round(installation, queue):
    many, other = Owner(queue, "a"), Owner(queue, "b", model="musiclm")
    many.ask(4)
    assert taken(installation, 2, "composer", "musiclm") == ["a1", "a2"]
    other.ask(2)

    assert taken(installation, 9, "composer", "musiclm") == ["a3", "b1", "a4", "b2"]


def test_without_keys_tracks_are_made_as_they_come(installation, queue):
    for number in range(4):
        moment = SystemClock().now()
        queue.submit(a_track(number, owner=None, model="composer", created_at=moment)).result(30)

    assert taken(installation, 9) == ["0", "1", "2", "3"]


def test_real_workers_take_turns_between_real_keys(installation):
    node = installation.server(MUSIC_AUTH="keys")
    keys = {}
    for name in ("many", "few"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MUSIC_DATABASE_URL", installation.address)
            from app.config import Settings
            from app.wiring import opened_access

            with opened_access(Settings(data_dir=installation.folder)) as access:
                keys[name] = access.keyring.create(name, ["generate", "read"])[1]
    made = []
    for name, count in (("many", 4), ("few", 1)):
        for _ in range(count):
            answer = node.client.post(
                "/music/generate", json={"prompt": "calm piano", "duration": 5},
                headers={"Authorization": f"Bearer {keys[name]}"},
            )  # fmt: skip
            made.append(answer.json()["track_id"])

    installation.worker()
    installation.until(lambda: all(finished({"status": installation.store.get(name).status}) for name in made))

    began = {name: installation.store.get(name).started_at for name in made}
    assert [made.index(name) for name in sorted(made, key=began.get)] == [0, 4, 1, 2, 3]


def test_what_waits_when_the_program_is_updated_keeps_its_urgency(installation, queue):
    owner = Owner(queue, "a")
    owner.ask(1)
    owner.ask(1, priority=3)
    step = ScriptDirectory(MIGRATIONS).get_revision("0022").module
    engine = create_engine(address_of(installation.address))

    def order():
        found = installation.sql("SELECT priority FROM procrastinate_jobs ORDER BY priority DESC")
        return [priority for (priority,) in found]

    before = order()
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        step.downgrade()
    assert order() == [3, 0]
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        step.upgrade()
    engine.dispose()
    assert order() == before
