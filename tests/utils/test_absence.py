"""What is away is told of seldom, and its return once."""

import itertools
import logging

from app.utils.absence import FIRST_S, LONGEST_S, Absence


class Clock:
    """A monotonic clock that a test moves."""

    now = 100.0

    def __call__(self):
        return self.now


def test_an_absence_is_told_of_ever_more_seldom_and_its_end_once(caplog):
    clock, log = Clock(), logging.getLogger("absence")
    absence = Absence(log, "The database does not answer", "The database answers again", monotonic=clock)
    told_at = []
    for _ in range(2 * 3600):  # every half second for an hour
        before = len(caplog.records)
        absence.missed("refused")
        if len(caplog.records) > before:
            told_at.append(clock.now - 100)
        clock.now += 0.5
    absence.back()
    absence.back()

    assert told_at[:4] == [0, FIRST_S, 3 * FIRST_S, 7 * FIRST_S]
    gaps = [later - sooner for sooner, later in itertools.pairwise(told_at)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == LONGEST_S
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "The database does not answer. Tried again until it is back: refused"
    assert said[1] == "The database does not answer for 10 s now: refused"
    assert said[-1] == "The database answers again, after 3600.0 s"
    assert len(said) == len(told_at) + 1


def test_what_was_never_away_is_not_told_of(caplog):
    Absence(logging.getLogger("absence"), "Away", "Back").back()

    assert caplog.records == []


def test_a_second_absence_is_told_of_anew(caplog):
    clock = Clock()
    absence = Absence(logging.getLogger("absence"), "Away", "Back", monotonic=clock)
    for _ in range(2):
        absence.missed("refused")
        clock.now += 2
        absence.back()

    assert [record.getMessage() for record in caplog.records] == [
        "Away. Tried again until it is back: refused",
        "Back, after 2.0 s",
    ] * 2
