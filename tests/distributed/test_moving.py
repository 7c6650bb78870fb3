"""What an owner does once: make the tables, move a smaller installation in, and be told what is wrong."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import Settings
from app.errors import DatabaseAway, StorageFailed
from app.services.storage import TrackStore
from app.services.storage.database import HEAD
from app.upkeep import move_in
from tests.distributed.conftest import ask, finished
from tests.durability.server import ROOT, Server
from tests.storage.test_tracks import NOW, a_file, a_job, a_track, add, finish

pytestmark = pytest.mark.distributed


def command(*arguments, module="app.cli", **environment):
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True,
    )  # fmt: skip


def test_an_installation_moves_with_tracks_files_and_what_was_still_to_be_made(installation, tmp_path):
    old = tmp_path / "old"
    server = Server(old, measured=False)
    track_id = server.client.post("/music/generate", json={"prompt": "calm piano", "duration": 5}).json()["track_id"]
    server.wait_for(track_id, finished)
    sound = server.client.get(f"/downloads/{track_id}.mp3").content
    refused = command("migrate", "--from", str(old), **installation.environment)
    server.terminate()
    store = TrackStore(old / "music.db")
    waiting = a_track(7, prompt="naïve \x00 piano", duration=5)
    with store.transaction() as changes:
        changes.add([(waiting, a_job(waiting, queue="composer", priority=3))])
    store.close()

    moved = command("migrate", "--from", str(old), **installation.environment)
    again = command("migrate", "--from", str(old), **installation.environment)

    assert refused.returncode == 2
    assert "in use by another server" in refused.stderr
    assert moved.returncode == 0, moved.stderr
    assert "2 tracks moved" in moved.stdout
    assert again.returncode == 2
    assert "holds tracks already" in again.stderr
    node = installation.server()
    assert node.client.get(f"/downloads/{track_id}.mp3").content == sound
    installation.worker()
    made = node.wait_for(waiting.id, finished)
    assert made["status"] == "completed"
    assert made["prompt"] == waiting.prompt


def test_a_backup_of_the_database_and_the_files_brings_an_installation_back(installation, cluster, tmp_path):
    """With the commands that docs/operating.md names, as they stand there."""
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    chapter = re.split(r"^## ", page, flags=re.MULTILINE)
    back_up, put_back = re.findall(r"```sh\n(.*?)```", next(c for c in chapter if c.startswith("Back up")), re.DOTALL)
    backups = tmp_path / "backups"
    backups.mkdir()

    def type_in(commands):
        folder = str(Path(cluster.program("pg_dump")).parent)
        subprocess.run(
            ["bash", "-euc", commands.replace("/backups/music", str(backups))],
            env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
                 "MUSIC_DATABASE_URL": installation.address, "MUSIC_DATA_DIR": str(installation.folder)},
            cwd=tmp_path,
            check=True,
        )  # fmt: skip

    node, worker = installation.server(), installation.worker()
    kept = ask(node)
    node.wait_for(kept, finished)
    sound = node.client.get(f"/downloads/{kept}.mp3").content
    worker.terminate()
    waiting = ask(node)

    type_in(back_up)
    later = ask(node)
    node.terminate()
    cluster.sql(f"DROP DATABASE {installation.database} WITH (FORCE)")
    shutil.rmtree(installation.folder)

    cluster.sql(f"CREATE DATABASE {installation.database}")
    installation.folder.mkdir()
    type_in(put_back)
    node = installation.server()
    installation.worker()

    assert node.client.get(f"/downloads/{kept}.mp3").content == sound
    assert node.wait_for(waiting, finished)["status"] == "completed"
    assert node.client.get(f"/music/tracks/{later}").status_code == 404


def test_a_database_that_is_not_as_it_should_be_is_named(cluster):
    empty = cluster.database()
    with pytest.raises(StorageFailed, match=r"has no tables yet. Run: python3 run.py migrate"):
        TrackStore(empty).open()

    name = empty.split("/")[3].split("?")[0]
    TrackStore(empty).migrate()
    cluster.sql("UPDATE alembic_version SET version_num = '9999'", name)
    for refusing in (TrackStore(empty).open, TrackStore(empty).migrate):
        with pytest.raises(StorageFailed, match="newer version of this program"):
            refusing()
    cluster.sql("UPDATE alembic_version SET version_num = '0001'", name)
    with pytest.raises(StorageFailed, match=rf"older version \(tables 0001, needed {HEAD}\)"):
        TrackStore(empty).open()

    with pytest.raises(DatabaseAway, match="cannot be reached"):
        TrackStore("postgresql://nobody:secret@127.0.0.1:9/none").open()


def test_two_schemas_in_one_database_are_refused(cluster):
    address = cluster.database()
    name = address.split("/")[3].split("?")[0]
    TrackStore(address).migrate()
    cluster.sql("CREATE SCHEMA other", name)

    with pytest.raises(StorageFailed, match="several schemas"):
        TrackStore(f"{address}&options=-csearch_path%3Dother").migrate()


def test_missing_rights_are_said_without_the_password(cluster):
    address = cluster.database()
    cluster.sql("CREATE ROLE guest LOGIN PASSWORD 'secret'")
    guest = address.replace("postgres:@", "guest:secret@")

    with pytest.raises(StorageFailed, match="permission denied") as refused:
        TrackStore(guest).migrate()

    assert "secret" not in str(refused.value)


def test_steps_up_and_down_keep_the_tracks(cluster):
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    from app.services.storage import database
    from app.services.storage.server import address_of, open_server

    address = cluster.database()
    TrackStore(address).migrate()
    store = TrackStore(address)
    track = add(store, a_track())[0]
    done = finish(store, track, files=(a_file(track),))
    scripts = ScriptDirectory(f"{database.__file__.removesuffix('database.py')}migrations")
    steps = [step.module for step in scripts.iterate_revisions(HEAD, "0008")]  # 0012 made the queue
    engine = open_server(address_of(address))

    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        for step in steps:
            step.downgrade()
    name = address.split("/")[3].split("?")[0]
    assert cluster.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'procrastinate%'", name) == [(0,)]
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        for step in reversed(steps):
            step.upgrade()

    assert store.get(track.id) == done
    assert done.finished_at == NOW
    engine.dispose()
    store.close()


def test_a_worker_needs_a_database_and_engines_that_are_here(installation):
    alone = command("worker", MUSIC_DATA_DIR=str(installation.folder))
    unknown = command("worker", "--engines", "kazoo", **installation.environment)
    lacking = command("worker", "--engines", "musicgen", **installation.environment)

    assert [done.returncode for done in (alone, unknown, lacking)] == [2, 2, 2]
    assert "set MUSIC_DATABASE_URL" in alone.stderr
    assert "kazoo" in unknown.stderr
    assert "install musicgen" in lacking.stderr


def test_the_installation_is_moved_by_hand_too(installation, tmp_path):
    store = TrackStore(tmp_path / "music.db")
    add(store, a_track())
    store.close()
    settings = Settings(data_dir=installation.folder, database_url=installation.address)

    assert move_in(settings, tmp_path) == 1
