"""The tables are brought up to date when the database is opened, once, whoever comes first."""

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from app.errors import StorageFailed
from app.services.storage import TrackStore, database
from app.services.storage.tables import metadata

MIGRATIONS = f"{database.__file__.removesuffix('database.py')}migrations"


def test_the_migrations_make_the_tables_that_the_program_knows(tmp_path):
    store = TrackStore(tmp_path / "music.db")
    store.open()
    store.close()

    engine = create_engine(f"sqlite:///{tmp_path / 'music.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_head_is_the_last_step():
    assert ScriptDirectory(MIGRATIONS).get_heads() == [database.HEAD]


def test_the_steps_can_be_taken_back(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'music.db'}")
    scripts = ScriptDirectory(MIGRATIONS)
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        steps = list(scripts.walk_revisions())
        for step in reversed(steps):
            step.module.upgrade()
        for step in steps:
            step.module.downgrade()
        assert connection.execute(text("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")).all() == []
    engine.dispose()


def test_steps_only_add(tmp_path):
    """What runs goes on over tables that were brought up to date under it: an upgrade stops nobody."""
    engine = create_engine(f"sqlite:///{tmp_path / 'music.db'}")
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        before = {}
        for step in reversed(list(ScriptDirectory(MIGRATIONS).walk_revisions())):
            step.module.upgrade()
            after = tables_of(connection)
            if step.revision > MANY_MACHINES:
                for table, columns in before.items():
                    assert columns == {name: after[table].get(name) for name in columns}, step.revision
                    needed = {name for name, (_, can_be_left_out) in after[table].items() if not can_be_left_out}
                    assert needed <= set(columns), step.revision
            before = after
    engine.dispose()


#: The step with which several machines began to share the tables.
MANY_MACHINES = "0012"


def tables_of(connection):
    """Type of each column of each table, and whether whoever does not know it can leave it out."""
    look = inspect(connection)
    return {
        table: {
            column["name"]: (str(column["type"]), bool(column["nullable"] or column["default"]))
            for column in look.get_columns(table)
        }
        for table in look.get_table_names()
    }


def test_tracks_accepted_before_the_last_step_are_still_there(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'music.db'}")
    first = ScriptDirectory(MIGRATIONS).get_revision("0001")
    values = {
        "id": "track_1", "prompt": "piano", "duration": 30, "model": "composer", "seed": 7, "estimated_s": 2,
        "created_at": "2026-08-27 10:30:00.000000", "status": "processing", "stage": "queued", "progress": 0,
        "attempt": 0, "files": "[]", "on_demand": "[]", "timings": "{}", "measured": "{}", "runs": 0, "stored_bytes": 0,
    }  # fmt: skip
    columns = ", ".join(values)
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        first.module.upgrade()
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
        places = ", ".join(f":{name}" for name in values)
        connection.execute(text(f"INSERT INTO tracks ({columns}) VALUES ({places})"), values)  # noqa: S608
    engine.dispose()

    store = TrackStore(tmp_path / "music.db")
    track = store.get("track_1")
    store.close()

    assert track is not None
    assert (track.prompt, track.seed, track.asked) == ("piano", 7, None)


OPEN = """
import sys
from pathlib import Path
from app.services.storage.tracks import TrackStore
sys.stdin.readline()
store = TrackStore(Path(sys.argv[1]))
store.open()
store.close()
print("alembic" in sys.modules)
"""


def open_in_processes(path, count):
    """Open the database in some processes at the same moment; what each said."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * count
    return said


def test_processes_that_race_make_the_tables_once(tmp_path):
    open_in_processes(tmp_path / "music.db", 3)

    engine = create_engine(f"sqlite:///{tmp_path / 'music.db'}")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [(database.HEAD,)]
    engine.dispose()


def test_tables_that_are_up_to_date_cost_no_import_of_alembic(tmp_path):
    store = TrackStore(tmp_path / "music.db")
    store.open()
    store.close()

    assert open_in_processes(tmp_path / "music.db", 1) == ["False"]


def test_tables_of_a_newer_program_are_left_alone(tmp_path):
    store = TrackStore(tmp_path / "music.db")
    store.open()
    store.close()
    engine = create_engine(f"sqlite:///{tmp_path / 'music.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StorageFailed, match="newer version of this program"):
        TrackStore(tmp_path / "music.db").open()

    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [("9999",)]
    engine.dispose()


def test_workers_that_only_need_files_import_no_database():
    program = (
        "import sys; from app.services.storage import AudioFiles; import app.services.jobs.worker; "
        "assert not {'sqlalchemy', 'pebble'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
