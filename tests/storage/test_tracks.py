"""The store gives back what was put in, a page at a time, and never loses half of anything."""

import sqlite3
from contextlib import closing
from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta, timezone

import pytest

from app.errors import InvalidField, StorageFailed
from app.models.track import Track, TrackFile
from app.services.storage import TrackStore
from app.services.storage.cursors import read_cursor, write_cursor
from app.services.storage.rows import JobRow
from app.services.storage.tables import tracks as table

NOW = datetime(2026, 8, 27, 10, 30, 0, 123456, tzinfo=timezone.utc)


def a_track(number=1, **changes):
    values = {"prompt": "piano", "duration": 30, "model": "composer", "seed": number, "estimated_s": 2}
    return Track(**{**values, "id": f"track_{number:016x}", "created_at": NOW, **changes})


def a_job(track, **changes):
    return JobRow(**{"id": f"job_{track.id}", "kind": "render", "subject_id": track.id, "created_at": NOW, **changes})


def add(store, *tracks):
    with store.transaction() as changes:
        changes.add([(track, a_job(track)) for track in tracks])
    return tracks


def finish(store, track, **changes):
    """Take a track through a run to its end."""
    with store.transaction() as change:
        run = change.claim(f"job_{track.id}", track.id, started_at=NOW)
        done = replace(track, status="completed", stage="completed", progress=100, finished_at=NOW, **changes)
        assert change.finish(f"job_{track.id}", done, run=run)
    return done


def a_file(track, size=600, form="mp3", run=1):
    return TrackFile(form=form, key=f"tracks/{track.id}/{run}/track.{form}", size=size, sha256="0" * 64)


def test_every_field_comes_back_as_it_was(store):
    track = a_track(seed=2**53 - 1, prompt="naïve 🎹 \x00 'quoted'", owner="someone", paced_until=NOW, started_at=NOW)
    track = replace(track, asked={"tempo_bpm": 92.5, "moods": ["sad"], "plan": {"title": "naïve 🎹"}})
    add(store, track)
    done = finish(
        store,
        track,
        error="none",
        brief={"prompt": "x", "moods": []},
        plan={"form": [{"bars": 4}]},
        files=(a_file(track),),
        on_demand=("ogg", "flac"),
        timings={"rendering": 0.5},
        measured={"loudness_lufs": -14.0},
        report=[{"what": "tempo", "agrees": True}],
        composition={"criteria": [], "candidates": [{"number": 0, "scores": {}, "total": 1.0}], "chosen": 0},
        wav_sha256="f" * 64,
    )

    found = store.get(track.id)

    assert found == done
    assert {field.name for field in fields(Track)} == {name for name in dir(found) if name in Track.__slots__}
    assert found.created_at.tzinfo is timezone.utc


def test_what_is_not_there_is_none(store):
    assert store.get("track_0") is None


def test_a_render_in_work_knows_best_how_far_it_is(store):
    (track,) = add(store, a_track())
    with store.transaction() as changes:
        run = changes.claim(f"job_{track.id}", track.id, started_at=NOW)
        changes.note(f"job_{track.id}", run=run, stage="rendering", progress=40)
        changes.learn(track.id, {"plan": {"title": "A"}})

    found = store.get(track.id)

    assert (found.stage, found.progress, found.attempt, found.started_at) == ("rendering", 40, 1, NOW)
    assert found.plan == {"title": "A"}
    assert store.page().tracks == (found,)


def test_a_transaction_happens_whole_or_not_at_all(store):
    def twice():
        with store.transaction() as changes:
            changes.add([(a_track(1), a_job(a_track(1)))])
            changes.add([(a_track(1), a_job(a_track(1)))])

    with pytest.raises(StorageFailed, match=r"(?i)unique"):
        twice()

    assert store.page().tracks == ()
    add(store, a_track(1))
    assert len(store.page().tracks) == 1


def test_an_error_of_the_caller_takes_back_what_was_written(store):
    def stumble():
        with store.transaction() as changes:
            changes.add([(a_track(1), a_job(a_track(1)))])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stumble()

    assert store.page().tracks == ()
    add(store, a_track(1))


def test_pages_go_from_the_newest_to_the_oldest(store):
    tracks = add(store, *(a_track(n, created_at=NOW + timedelta(seconds=n // 3)) for n in range(10)))

    pages, cursor = [], None
    while True:
        page = store.page(cursor=cursor, limit=4)
        pages.append(page.tracks)
        cursor = page.next_cursor
        if cursor is None:
            break

    assert [len(page) for page in pages] == [4, 4, 2]
    assert [track.id for page in pages for track in page] == [track.id for track in reversed(tracks)]


def test_paging_misses_nothing_while_tracks_come_in(store):
    old = add(store, *(a_track(n, created_at=NOW + timedelta(seconds=n)) for n in range(9)))

    page, seen, newer = store.page(limit=3), [], 100
    while True:
        seen += [track.id for track in page.tracks]
        add(store, a_track(newer, created_at=NOW + timedelta(seconds=newer)))
        newer += 1
        if page.next_cursor is None:
            break
        page = store.page(cursor=page.next_cursor, limit=3)

    assert seen == [track.id for track in reversed(old)]


def test_a_last_page_that_is_full_has_no_next(store):
    add(store, a_track(1), a_track(2))

    assert store.page(limit=2).next_cursor is None


def test_pages_can_be_had_by_status(store):
    tracks = add(store, *(a_track(n, created_at=NOW + timedelta(seconds=n)) for n in range(6)))
    for track in tracks[::2]:
        finish(store, track)

    first = store.page(status="completed", limit=2)
    second = store.page(status="completed", limit=2, cursor=first.next_cursor)

    assert [track.seed for track in first.tracks + second.tracks] == [4, 2, 0]
    assert [track.seed for track in store.page(status="processing").tracks] == [5, 3, 1]
    assert store.page(status="failed").tracks == ()


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "☃", "\ud800", "a" * 10_000, "////", "AA==", "bm8gbW9tZW50",
        write_cursor(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), "track_1"),
    ],
)  # fmt: skip
def test_a_cursor_that_was_never_given_out_is_refused(store, cursor):
    with pytest.raises(InvalidField, match="next_cursor"):
        store.page(cursor=cursor)


def test_a_cursor_is_plain_in_an_address():
    cursor = write_cursor(NOW, "track_1?/+")

    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert read_cursor(cursor) == (NOW, "track_1?/+")


def test_a_zombies_late_result_loses(store):
    (track,) = add(store, a_track())
    with store.transaction() as changes:
        first = changes.claim(f"job_{track.id}", track.id, started_at=NOW)
        changes.requeue(f"job_{track.id}", run=first, attempt=1)
        second = changes.claim(f"job_{track.id}", track.id, started_at=NOW + timedelta(seconds=9))
    late = replace(track, status="completed", progress=100)

    with store.transaction() as changes:
        assert not changes.finish(f"job_{track.id}", late, run=first)
    assert store.get(track.id).status == "processing"

    with store.transaction() as changes:
        assert changes.finish(f"job_{track.id}", late, run=second)
        assert not changes.finish(f"job_{track.id}", late, run=second)
    assert (first, second) == (1, 2)


def test_notes_of_a_run_that_is_over_are_ignored(store):
    (track,) = add(store, a_track())
    with store.transaction() as changes:
        first = changes.claim(f"job_{track.id}", track.id, started_at=NOW)
        changes.requeue(f"job_{track.id}", run=first, attempt=1)
        changes.claim(f"job_{track.id}", track.id, started_at=NOW)
        changes.note(f"job_{track.id}", run=first, stage="encoding", progress=90)

    assert store.get(track.id).progress == 0


def test_a_deleted_track_leaves_no_job_and_can_be_claimed_no_more(store):
    (track,) = add(store, a_track())

    with store.transaction() as changes:
        changes.delete_track(track.id)
        assert changes.claim(f"job_{track.id}", track.id, started_at=NOW) is None

    assert store.get(track.id) is None
    assert store.recover(NOW).waiting == ()


def test_more_files_join_those_there_are(store):
    track = finish(store, add(store, a_track())[0], files=(a_file(a_track()),))
    with store.transaction() as changes:
        for form in ("ogg", "flac"):
            changes.add_job(a_job(track, id=form, kind="encode", form=form))
            run = changes.claim(form, track.id, started_at=NOW)
            changes.attach(form, track.id, [a_file(track, form=form, run=run)], run=run)

    assert [(file.form, file.key.split("/")[2]) for file in store.get(track.id).files] == [
        ("mp3", "1"), ("ogg", "2"), ("flac", "3"),
    ]  # fmt: skip
    assert store.stored_bytes() == 1_800


def test_what_a_newer_program_knows_of_a_file_besides_is_left_alone(store):
    track = finish(store, add(store, a_track())[0], files=(a_file(a_track()),))
    with store.transaction() as changes:
        newer = [{**asdict(a_file(track)), "later": 1}]
        changes.connection.execute(table.update().where(table.c.id == track.id).values(files=newer))

    assert store.get(track.id).files == (a_file(track),)


def test_files_for_a_track_that_has_gone_are_not_attached(store):
    with store.transaction() as changes:
        assert changes.attach("job", "track_0", [a_file(a_track())], run=1) is None


def test_what_was_running_waits_again_and_costs_nothing(store):
    first, second, third = add(store, *(a_track(n, created_at=NOW + timedelta(seconds=n)) for n in range(3)))
    done = finish(store, third)
    with store.transaction() as changes:
        run = changes.claim(f"job_{first.id}", first.id, started_at=NOW)
        changes.note(f"job_{first.id}", run=run, stage="rendering", progress=70)
        changes.add_job(a_job(done, id="ogg", kind="encode", form="ogg"))
        changes.claim("ogg", done.id, started_at=NOW)

    for _ in range(3):
        unfinished = store.recover(NOW)

    assert [(job.attempt, job.state, track.id) for job, track in unfinished.waiting] == [
        (0, "queued", first.id), (0, "queued", second.id),
    ]  # fmt: skip
    assert (unfinished.waiting[0][1].progress, unfinished.waiting[0][1].stage) == (70, "queued")
    assert {(job.subject_id, job.run) for job in unfinished.removals} == {(first.id, 1), (done.id, 2)}
    assert store.get(done.id).status == "completed"


def test_removals_are_remembered_until_they_are_crossed_out(store):
    with store.transaction() as changes:
        removal = changes.owe_removal("track_1", 0, NOW)
    assert store.recover(NOW).removals == (removal,)

    with store.transaction(durable=False) as changes:
        changes.drop_job(removal.id)
    assert store.recover(NOW).removals == ()


def test_the_oldest_finished_come_first(store):
    tracks = add(store, *(a_track(n) for n in range(5)))
    for track in tracks[:4]:
        files = () if track.seed == 1 else (a_file(track, size=100 + track.seed),)
        done = finish(store, track, files=files)
        with store.transaction() as changes:
            changes.learn(track.id, {"finished_at": NOW + timedelta(days=10 - track.seed)})
            assert done.finished

    assert store.stored_bytes() == 100 + 102 + 103
    assert store.oldest_finished() == [(tracks[3].id, 103), (tracks[2].id, 102), (tracks[0].id, 100)]
    assert store.oldest_finished(limit=1, spared={tracks[3].id}) == [(tracks[2].id, 102)]
    assert [i for i, _ in store.oldest_finished(before=NOW + timedelta(days=9))] == [tracks[3].id, tracks[2].id]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_listing_and_sweeping_use_indices(store, tmp_path):
    store.open()
    with closing(sqlite3.connect(tmp_path / "new" / "music.db")) as connection:
        for index, query in {
            "tracks_newest": "SELECT id FROM tracks ORDER BY created_at DESC, id DESC LIMIT 20",
            "tracks_newest_by_status": "SELECT prompt FROM tracks WHERE status = 'failed' ORDER BY created_at DESC",
            "COVERING INDEX tracks_oldest_finished": "SELECT sum(stored_bytes) FROM tracks",
        }.items():
            plan = connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
            assert any(index in row[-1] for row in plan), plan


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_what_is_committed_reaches_the_disk_unless_it_need_not(store):
    def level():
        return store._writer.connection.driver_connection.execute("PRAGMA synchronous").fetchone()[0]

    for durable, synchronous in ((True, 2), (False, 1), (True, 2)):
        with store.transaction(durable=durable) as changes:
            changes.drop_job("none")
        assert level() == synchronous


def test_a_store_can_be_opened_again(store):
    add(store, a_track())
    store.close()

    assert store.get(a_track().id) is not None


def test_what_the_file_system_refuses_is_said(tmp_path):
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(StorageFailed, match="cannot be opened"):
        TrackStore(tmp_path / "taken" / "music.db").get("track_1")


def test_a_url_names_a_database_too(tmp_path):
    store = TrackStore(f"sqlite:///{tmp_path / 'url.db'}")
    add(store, a_track())
    store.close()

    assert (tmp_path / "url.db").exists()


def test_what_ended_since_a_moment_comes_in_the_order_it_ended(store):
    tracks = add(store, *(a_track(number) for number in range(1, 5)))
    for minutes, track in enumerate(reversed(tracks[:3])):
        done = finish(store, track)
        with store.transaction() as changes:
            changes.connection.execute(
                table.update().where(table.c.id == done.id).values(finished_at=NOW + timedelta(minutes=minutes))
            )

    def ended(since_minutes, limit=10):
        return [track.seed for track in store.ended_since(NOW + timedelta(minutes=since_minutes), limit)]

    assert ended(0) == [3, 2, 1]
    assert ended(1) == [2, 1]
    assert ended(0, limit=2) == [2, 1]
    assert ended(3) == []


def test_an_address_reaches_the_client_with_what_it_says_itself() -> None:
    from sqlalchemy import make_url

    from app.services.storage.server import conninfo

    own = "postgresql://music:a+b%20c@db/music?options=-csearch_path%3Dmine&keepalives_idle=60"

    said = conninfo(make_url(own), durable=False)

    assert said.startswith("postgresql://music:a+b")
    address, _, query = said.partition("?")
    assert "keepalives_idle=60" in query
    assert "keepalives_count=3" in query
    assert "-csynchronous_commit%3Doff%20" in query
    assert query.count("-csearch_path%3Dmine") == 1
    assert "+" not in query
    assert address
