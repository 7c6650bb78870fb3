"""Importing the application makes the FastAPI object and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Notes every file opened for writing and every thread and process begun while `app.main` is imported.
WATCHED = """
import json, os, sys, threading
import app

noted = []

def note(event, args):
    if event in ("subprocess.Popen", "os.fork", "os.posix_spawn", "_thread.start_new_thread", "socket.bind",
                 "sqlite3.connect", "fcntl.flock", "fcntl.lockf", "msvcrt.locking", "os.mkdir", "tempfile.mkdtemp"):
        noted.append([event, str(args)[:200]])
    elif event == "open" and isinstance(args[0], (str, bytes)):
        flags = args[2] if isinstance(args[2], int) else 0
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or set(str(args[1] or "")) & set("wax+")
        name = os.fsdecode(args[0])
        if writes and "__pycache__" not in name:
            noted.append([event, name])

sys.addaudithook(note)
import app.main
print(json.dumps({
    "noted": noted,
    "threads": [thread.name for thread in threading.enumerate()],
    "title": app.main.app.title,
    "here": sorted(os.listdir(".")),
}))
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """What importing `app.main` did in a fresh process in an empty folder."""
    folder = tmp_path_factory.mktemp("empty")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MUSIC_", "COVERAGE", "COV_"))
    }
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_no_file_is_written_and_no_thread_process_or_lock_begun(imported):
    assert imported["noted"] == []
    assert imported["threads"] == ["MainThread"]
    assert imported["here"] == []


def test_the_application_is_there(imported):
    assert imported["title"] == "Music AI Generator Backend"
