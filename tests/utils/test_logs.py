"""Structured logs."""

import json
import logging

import pytest
import structlog

from app.utils.logs import LONGEST_FIELD, set_up_logs


@pytest.fixture(autouse=True)
def restored():
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.getLogger("app").setLevel(logging.NOTSET)
    structlog.reset_defaults()


def lines(capfd):
    return capfd.readouterr().err.splitlines()


def test_json_logs_are_one_object_a_line(capfd):
    set_up_logs("info", "json")

    structlog.get_logger().info("track accepted", track_id="track_1", seconds=30)

    (line,) = lines(capfd)
    event = json.loads(line)
    assert event["event"] == "track accepted"
    assert (event["level"], event["track_id"], event["seconds"]) == ("info", "track_1", 30)
    assert event["timestamp"].endswith("Z")


def test_console_logs_are_one_readable_line(capfd):
    set_up_logs("info", "console")

    structlog.get_logger().warning("the disk is nearly full", free="2 GB")

    (line,) = lines(capfd)
    assert "the disk is nearly full" in line
    assert "2 GB" in line
    assert "warning" in line


@pytest.mark.parametrize(("level", "seen"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_no_more_is_logged_than_asked_for(capfd, level, seen):
    set_up_logs(level, "json")

    log = structlog.get_logger()
    for method in (log.debug, log.info, log.warning, log.error):
        method("event")

    assert len(lines(capfd)) == seen


def test_the_last_configuration_counts_and_libraries_speak_once(capfd):
    log = structlog.get_logger()
    for form in ("console", "json", "json"):
        set_up_logs("info", form)

    log.info("ours")
    logging.getLogger("theirs").warning("theirs")

    assert [json.loads(line)["event"] for line in lines(capfd)] == ["ours", "theirs"]


def test_our_own_modules_are_heard_from_the_level_on_that_was_asked_for_and_say_which_track_it_is(capfd):
    set_up_logs("info", "json")

    logging.getLogger("app.services.jobs").info("3 tracks were waiting", extra={"track_id": "track_1", "other": 1})
    logging.getLogger("app.services.jobs").debug("too much")
    logging.getLogger("theirs").info("too much")

    (event,) = map(json.loads, lines(capfd))
    assert (event["event"], event["level"], event["track_id"]) == ("3 tracks were waiting", "info", "track_1")
    assert "other" not in event


@pytest.mark.parametrize("form", ["json", "console"])
def test_control_characters_and_surrogates_never_reach_a_log(capfd, form):
    set_up_logs("info", form)

    structlog.get_logger().info("prompt", prompt="a\x1b[31m\r\n\x00b\ud800\u202ec é ♪")

    (line,) = lines(capfd)
    assert not set(line) & set("\x1b\x00\u202e")
    assert "a[31m bc" in line


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_from_another_process_is_logged_whole(capfd, form):
    set_up_logs("info", form)
    inner = "".join(f'  File "body.py", line {number}, in deep\n' for number in range(100))
    traceback = f"Traceback (most recent call last):\n{inner}ValueError: the reason\n"

    logging.getLogger("app.jobs").error("Error while %s, attempt %d:\n%s", "rendering", 1, traceback)

    said = capfd.readouterr().err
    told = json.loads(said)["exception"] if form == "json" else said
    assert traceback.strip() in told
    assert "Error while rendering, attempt 1" in said.splitlines()[0]


def test_what_a_library_says_in_several_lines_is_one(capfd):
    set_up_logs("info", "json")

    logging.getLogger("app.jobs").warning("Away: %s", "refused\n\tIs the server running?\n")

    (event,) = map(json.loads, lines(capfd))
    assert event["event"].strip() == "Away: refused Is the server running?"


def test_a_long_field_is_cut(capfd):
    set_up_logs("info", "json")

    structlog.get_logger().info("prompt", prompt="a" * 10_000)

    (line,) = lines(capfd)
    assert json.loads(line)["prompt"] == "a" * LONGEST_FIELD + "…"


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_is_logged_whole(capfd, form):
    set_up_logs("info", form)

    try:
        raise ValueError("x" * 1_000)
    except ValueError:
        structlog.get_logger().exception("unexpected")

    written = "\n".join(lines(capfd))
    assert "Traceback" in written
    assert "x" * 1_000 in written


def test_what_is_bound_to_the_context_is_in_every_line(capfd):
    set_up_logs("info", "json")

    with structlog.contextvars.bound_contextvars(request_id="mine"):
        structlog.get_logger().info("ours")
        logging.getLogger("theirs").warning("theirs")

    assert [json.loads(line)["request_id"] for line in lines(capfd)] == ["mine", "mine"]
