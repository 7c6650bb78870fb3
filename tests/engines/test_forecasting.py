"""How loud a mix will be, told from its notes."""

import pytest

from app.models.plan import Channel, Plan, Voice
from app.services.engines.forecasting import expected_lufs
from app.services.instruments.base import NoteEvent
from app.services.instruments.calibration import REFERENCE_LUFS, standard_line
from app.services.planning import make_plan, read
from app.services.theory.instruments import INSTRUMENTS


def plan_of(*voices: Voice, duration_s: int = 5) -> Plan:
    plan = make_plan(read("calm piano"), seed=1, duration_s=duration_s, soundfont_sha256=None)
    return plan.model_copy(update={"ensemble": voices})


def voice(name: str = "lead", instrument: str = "flute", level_db: float = 0.0) -> Voice:
    channel = Channel(level_db=level_db)
    return Voice(name=name, role="lead", instrument=instrument, low_pitch=60, high_pitch=84, channel=channel)


def line(velocity: int = 90, notes: int = 10) -> list[NoteEvent]:
    half_s = 22_050
    return [
        NoteEvent(start_frame=at * half_s, length_frames=half_s, pitch=72, velocity=velocity) for at in range(notes)
    ]


def test_an_instrument_at_the_reference_level_has_the_loudness_it_is_calibrated_to() -> None:
    events = standard_line(INSTRUMENTS["flute"])

    assert expected_lufs(plan_of(voice()), {"lead": events}) == pytest.approx(REFERENCE_LUFS, abs=0.5)


def test_louder_channels_harder_strokes_and_more_voices_are_louder() -> None:
    plain = expected_lufs(plan_of(voice()), {"lead": line()})

    assert expected_lufs(plan_of(voice(level_db=6.0)), {"lead": line()}) == pytest.approx(plain + 6.0, abs=0.01)
    assert expected_lufs(plan_of(voice()), {"lead": line(velocity=120)}) > plain + 2
    both = plan_of(voice(), voice("other"))
    assert expected_lufs(both, {"lead": line(), "other": line()}) == pytest.approx(plain + 3.01, abs=0.01)


def test_a_held_note_of_a_string_goes_on_that_of_a_piano_dies_away() -> None:
    held = [NoteEvent(start_frame=0, length_frames=5 * 44_100, pitch=72, velocity=90), *line()[2:3]]

    strings = expected_lufs(plan_of(voice(instrument="string_ensemble")), {"lead": held})
    piano = expected_lufs(plan_of(voice(instrument="acoustic_grand_piano")), {"lead": held})

    assert strings > piano + 1


def test_where_nobody_plays_there_is_silence() -> None:
    assert expected_lufs(plan_of(voice()), {"lead": []}) == -70.0


def test_notes_beyond_the_end_do_no_harm() -> None:
    late = [NoteEvent(start_frame=6 * 44_100, length_frames=44_100, pitch=72, velocity=90)]

    assert expected_lufs(plan_of(voice()), {"lead": late}) > -70.0
