"""Forms of a finished track that are made when they are first asked for."""

import pytest

from app.errors import Busy, FormNotFound, GenerationFailed, QueueFull, TrackNotFinished, TrackNotFound
from tests.jobs.conftest import until


def test_a_form_is_made_and_kept(shop):
    track = shop.done()

    file = shop.queue.make_file(track.id, "ogg").result(10)

    assert file.key == f"tracks/{track.id}/2/track.ogg"
    now = shop.queue.get(track.id)
    assert [file.form for file in now.files] == ["mp3", "ogg"]
    assert shop.store.get(track.id) == now
    assert shop.stored(track) == ["1/track.mp3", "2/track.ogg"]
    assert shop.queue.make_file(track.id, "ogg").result(10) == file
    assert len(shop.seen(track)) == 2


def test_those_who_ask_for_the_same_form_share_the_work(shop):
    track = shop.done("succeed wait join")

    asked = [shop.queue.make_file(track.id, form) for form in ("ogg", "ogg", "flac", "ogg")]
    shop.let("join")

    files = [future.result(10) for future in asked]
    assert files[0] == files[1] == files[3] != files[2]
    assert len(shop.seen(track)) == 3
    assert {file.form for file in shop.queue.get(track.id).files} == {"mp3", "ogg", "flac"}


def test_a_form_goes_ahead_of_waiting_renders(open_shop):
    shop = open_shop(workers=1)
    track = shop.done()
    busy = shop.submit("wait")
    shop.at(busy, 50)
    waiting = shop.submit("wait again")

    asked = shop.queue.make_file(track.id, "ogg")
    shop.let("go")

    asked.result(10)
    assert not shop.queue.get(waiting.id).finished
    assert shop.queue.cancel(waiting.id).result(10).stage == "cancelled"


def test_only_forms_that_can_be_had_are_made(shop):
    track = shop.done()

    with pytest.raises(FormNotFound, match="Available: mp3, ogg, flac"):
        shop.queue.make_file(track.id, "xm").result(10)
    with pytest.raises(TrackNotFound):
        shop.queue.make_file("track_0", "ogg").result(10)


def test_unfinished_tracks_have_no_forms(shop):
    track = shop.submit("wait unfinished")

    with pytest.raises(TrackNotFinished):
        shop.queue.make_file(track.id, "ogg").result(10)
    shop.let("unfinished")
    shop.finished(track)


def test_a_reason_goes_to_those_who_asked_and_the_track_stays(shop):
    track = shop.done("succeed refuse")

    with pytest.raises(GenerationFailed, match="no strings"):
        shop.queue.make_file(track.id, "ogg").result(10)

    assert shop.queue.get(track.id).status == "completed"
    assert shop.stored(track) == ["1/track.mp3"]
    with pytest.raises(GenerationFailed, match="no strings"):
        shop.queue.make_file(track.id, "ogg").result(10)


def test_an_encoding_that_crashes_is_tried_three_times(shop):
    track = shop.done("succeed crash")

    with pytest.raises(GenerationFailed, match="The encoding crashed three times"):
        shop.queue.make_file(track.id, "ogg").result(20)

    until(lambda: shop.stored(track) == ["1/track.mp3"])
    assert shop.queue.get(track.id).progress == 100


def test_a_track_deleted_meanwhile_is_not_found(shop):
    track = shop.done("succeed wait meanwhile")
    asked = shop.queue.make_file(track.id, "ogg")
    until(lambda: len(shop.seen(track)) == 2)

    shop.queue.delete(track.id).result(10)

    with pytest.raises(TrackNotFound):
        asked.result(10)
    until(lambda: shop.stored(track) == [])
    assert shop.queue.get(track.id) is None


def test_asking_counts_for_a_full_queue(open_shop):
    shop = open_shop(workers=1, max_queue=1)
    track = shop.done()
    busy = shop.submit("wait")
    shop.at(busy, 50)
    shop.submit("wait")

    with pytest.raises(QueueFull):
        shop.queue.make_file(track.id, "ogg").result(10)


def test_a_stopping_queue_makes_no_forms(open_shop):
    shop = open_shop(workers=1)
    track = shop.done("succeed wait never")
    asked = shop.queue.make_file(track.id, "ogg")
    until(lambda: len(shop.seen(track)) == 2)

    shop.queue.stop()

    with pytest.raises(Busy):
        asked.result(10)
    again = open_shop(workers=1)
    assert again.store.get(track.id).status == "completed"
    until(lambda: again.stored(track) == ["1/track.mp3"])
