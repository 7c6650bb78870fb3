"""What is old goes, and what takes too much room; never what somebody needs right now."""

from app.services.storage.files import live_key
from app.utils.clock import FrozenClock
from tests.jobs.conftest import until


def finished(shop, clock, then_s=100):
    """A track finished now; the clock goes on afterwards."""
    track = shop.done(created_at=clock.now())
    clock.advance(then_s)
    return track


def left(shop, *tracks):
    return [track for track in tracks if shop.store.get(track.id) is not None]


def test_old_tracks_go_with_their_files(open_shop):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock, retention_s=250)
    old, young = finished(shop, clock), finished(shop, clock)
    shop.queue.tick()
    assert left(shop, old, young) == [old, young]

    clock.advance(100)
    shop.queue.tick()

    assert left(shop, old, young) == [young]
    assert shop.queue.get(old.id) is None
    until(lambda: shop.stored(old) == [])
    assert shop.stored(young) == ["1/track.mp3"]


def test_the_oldest_go_when_room_is_short(open_shop):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock, storage_limit_bytes=1_300)
    tracks = [finished(shop, clock) for _ in range(4)]

    shop.queue.tick()

    # The queue's own look, due since the clock went on, may be at it at this moment.
    until(lambda: left(shop, *tracks) == tracks[2:])
    until(lambda: shop.files.total_bytes() == 1_200)


def test_room_made_by_age_is_not_made_twice(open_shop):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock, retention_s=45, storage_limit_bytes=1_300)
    tracks = [finished(shop, clock, then_s=10) for _ in range(4)]  # no sweep comes in between

    clock.advance(20)
    shop.queue.tick()

    assert left(shop, *tracks) == tracks[2:]


def test_what_is_being_read_stays(open_shop):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock, retention_s=250)
    track = finished(shop, clock)

    with shop.queue.keep(track.id), shop.queue.keep(track.id):
        clock.advance(1_000)
        shop.queue.tick()
        assert left(shop, track) == [track]
    clock.advance(60)
    shop.queue.tick()

    assert left(shop, track) == []


def test_what_is_being_encoded_stays(open_shop):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock, storage_limit_bytes=1)
    track = shop.done("succeed wait", created_at=clock.now())
    asked = shop.queue.make_file(track.id, "ogg")
    until(lambda: len(shop.seen(track)) == 2)

    clock.advance(1_000)
    shop.queue.tick()
    assert left(shop, track) == [track]

    shop.let("go")
    asked.result(10)
    clock.advance(60)
    shop.queue.tick()
    assert left(shop, track) == []


def test_what_is_in_work_stays(open_shop):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock, retention_s=1, storage_limit_bytes=1)
    running = shop.submit("wait", created_at=clock.now())
    shop.at(running, 50)
    waiting = shop.submit("wait", created_at=clock.now())

    clock.advance(1_000)
    shop.queue.tick()

    assert left(shop, running, waiting) == [running, waiting]


def test_what_grew_old_while_nobody_served_goes_at_the_start(open_shop):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock)
    track = finished(shop, clock)
    shop.queue.stop()

    again = open_shop(workers=1, clock=clock, retention_s=50)

    until(lambda: again.store.get(track.id) is None)
    until(lambda: again.stored(track) == [])


def test_what_was_heard_of_tracks_while_they_were_made_goes_soon(open_shop):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock)
    track = finished(shop, clock)
    heard = live_key(track.id, "mp3", "0")
    shop.files.write(heard, b"sound")
    shop.queue.tick()
    assert shop.files.exists(heard)

    clock.advance(1e9)  # files know the true time only
    shop.queue.tick()

    until(lambda: not shop.files.exists(heard))
    assert shop.stored(track) == ["1/track.mp3"]
