"""A process beside this one: started again when it ends, gone when this one is."""

import asyncio
import sys
import time

from app.services.jobs.companion import Companion

#: Leaves a line in a file, then ends as it is told: at once, or when its input is closed, or not even then.
BODY = """
import os, sys, time
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
if sys.argv[2] != "end":
    sys.stdin.buffer.read()
if sys.argv[2] == "stubborn":
    time.sleep(600)
"""


def command(path, how):
    return [sys.executable, "-c", BODY, str(path), how]


async def lives(path, count):
    """Process numbers of the first so many lives."""
    by = time.monotonic() + 60
    while not path.exists() or len(path.read_text().splitlines()) < count:
        assert time.monotonic() < by, "it never came"
        await asyncio.sleep(0.005)
    return [int(line) for line in path.read_text().splitlines()[:count]]


async def test_what_ends_is_started_again(tmp_path):
    path = tmp_path / "lives"
    companion = Companion(command(path, "end"), patience_s=60, first_s=0.001)
    running = asyncio.create_task(companion.run())

    assert len(set(await lives(path, 3))) == 3
    companion.stop()
    await running


async def test_it_goes_when_its_input_is_closed(tmp_path):
    path = tmp_path / "lives"
    companion = Companion(command(path, "wait"), patience_s=60)
    running = asyncio.create_task(companion.run())
    await lives(path, 1)

    companion.stop()
    await running

    assert len(path.read_text().splitlines()) == 1


async def test_one_that_does_not_go_is_killed(tmp_path, caplog):
    path = tmp_path / "lives"
    companion = Companion(command(path, "stubborn"), patience_s=0.05)
    running = asyncio.create_task(companion.run())
    await lives(path, 1)

    companion.stop()
    await running

    assert "is killed" in caplog.text
