"""What the detectors said becomes rows that hold or don't, a page, a record and an exit code."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("librosa", reason="librosa (requirements/quality.txt) listens")
pytest.importorskip("pyloudnorm", reason="pyloudnorm (requirements/quality.txt) measures loudness")
pytest.importorskip("psutil", reason="psutil (requirements/quality.txt) tells the machine")

import librosa

from benchmarks.quality import goals, metronome, outside, reporting, rhythm, running
from benchmarks.quality.__main__ import main
from benchmarks.quality.goals import rows
from benchmarks.quality.judging import Judged
from benchmarks.quality.likeness import Portrait
from benchmarks.quality.prompts import Prompt

FIGURES = {
    "style": "jazz", "strokes": 0.0, "cpu_share": 0.01, "candidates": 1, "chord_changes_a_minute": 24.0,
    "distinct_chords": 6, "sections_a_minute": 6.0, "beat_variation": 0.02, "ensemble": ["violin"],
    "loudness_range_lu": 6.0,
    **dict.fromkeys((*goals.ENERGY, *goals.DENSITY), 0.0),
}  # fmt: skip


def track(number, *, asked=None, technical=None, figures=None, dice=None, **prompt):
    rng = np.random.default_rng(number if dice is None else dice)
    chroma, onsets = rng.normal(size=(12, 120)), rng.normal(size=960)
    return Judged(
        prompt=Prompt(id=f"track_{number}", text=f"prompt {number}", **prompt),
        asked=asked or {},
        technical=technical or {"length": True},
        figures=FIGURES | (figures or {}),
        faults=(),
        portrait=Portrait(
            chroma=chroma / np.linalg.norm(chroma, axis=0),
            onsets=onsets / np.linalg.norm(onsets),
            colour=rng.normal(0.0, 20.0, 40),
        ),
    )


def row(what, judged, tags=None, beats=None):
    (found,) = [row for row in rows(judged, tags, beats) if row.what.startswith(what)]
    return found


def test_one_technical_fault_is_too_many_and_is_named():
    judged = [track(0), track(1, technical={"length": True, "no clicks": False})]

    assert row("technical", judged).ok is False
    assert row("technical", judged).below == ("track_1 (no clicks)",)
    assert row("technical", judged[:1]).ok


@pytest.mark.parametrize(("wrong", "ok"), [(1, True), (2, False)])
def test_ninety_five_of_a_hundred_tempos_are_enough(wrong, ok):
    judged = [
        track(number, tempo_bpm=100, figures={"tempo_bpm": 110.0 if number < wrong else 102.0}) for number in range(20)
    ]

    assert row("asked tempo", judged).ok is ok


def test_what_nobody_asked_for_is_not_measured():
    assert row("asked key", [track(0)]).ok is None
    assert row("asked key", [track(0)]).measured == "not measured"


def test_drums_that_cannot_be_told_from_none_miss_the_goal():
    told = [track(0, drums=True, figures={"strokes": -1.0}), track(1, drums=False, figures={"strokes": -3.0})]
    untold = [replace(one, figures={**one.figures, "strokes": -2.0}) for one in told]

    assert row("drums or none, by ear", told).ok
    assert row("drums or none, by ear", untold).ok is False


def test_words_for_energy_are_followed_or_not():
    strong = dict.fromkeys(goals.ENERGY, 2.0)
    judged = [track(0, energy="high", figures=strong), track(1, energy="low")]
    swapped = [track(0, energy="high"), track(1, energy="low", figures=strong)]

    assert row("energy", judged).ok
    assert row("energy", swapped).ok is False
    assert set(row("energy", swapped).below) == {"track_0 (too low)", "track_1 (too high)"}


def test_a_language_that_is_obeyed_less_misses_the_goal():
    original = track(0, asked={"tempo": True, "key": True})
    good = track(1, asked={"tempo": True, "key": True}, language="de", of="track_0")
    bad = track(2, asked={"tempo": True, "key": False}, language="it", of="track_0")

    assert row("other languages", [original, good]).ok
    assert row("other languages", [original, bad]).ok is False


def test_twins_are_counted_and_named():
    apart = [track(number) for number in range(5)]
    twins = [*apart, track(5, dice=0), track(6, dice=0)]

    assert row("near-twins", apart).ok
    assert row("near-twins", twins).measured.startswith("3;")
    assert row("near-twins", twins).ok is False


def test_drones_do_not_count_as_harmony():
    still = {"chord_changes_a_minute": 2.0}

    assert row("chord changes", [track(0, figures=still)]).ok is False
    assert row("chord changes", [track(0), track(1, figures=still, free=True)]).ok


def test_candidates_may_take_longer():
    slow = [track(number, figures={"cpu_share": 1 / 50}) for number in range(3)]
    chosen = [replace(one, figures={**one.figures, "candidates": 4}) for one in slow]

    assert row("processor time", slow).ok is False
    assert row("processor time", chosen).ok


def test_a_tagger_is_asked_and_scored(tmp_path):
    script = tmp_path / "tagger.py"
    script.write_text(
        "import json, sys\n"
        "print(json.dumps({path: {'piano': 0.9 if 'track_0' in path else 0.1} for path in sys.argv[1:]}))\n",
        encoding="utf-8",
    )
    judged = [track(0, instruments=("acoustic_grand_piano",)), track(1), track(2)]
    files = {one.prompt.id: tmp_path / f"{one.prompt.id}.mp3" for one in judged}

    tags = outside.ask(f"{sys.executable} {script}", files)

    assert row("instruments by a tagger", judged, tags).ok
    assert row("instruments by a tagger", judged).ok is None
    mistaken = {name: {"piano": 1.0 - heard["piano"]} for name, heard in tags.items()}
    assert row("instruments by a tagger", judged, mistaken).below == ("piano (0.00)",)


def test_who_hears_an_instrument_that_plays_unasked_hears_rightly():
    asked, unasked, without = (track(0, instruments=("violin",)), track(1), track(2, figures={"ensemble": ["flute"]}))
    tags = {"track_0": {"violin": 0.8}, "track_1": {"violin": 0.9}, "track_2": {"violin": 0.1}}

    assert row("instruments by a tagger", [asked, unasked, without], tags).measured == "1.000"
    assert row("… tracks counted in", [asked, unasked, without], tags).measured == "0.500"


def test_tempo_is_judged_by_the_beat_tracker_and_librosa_stands_beside_it(monkeypatch):
    monkeypatch.setattr(goals, "NOT_YET", frozenset())
    asked = ((90, 91.0, 180.0), (120, 60.0, 121.0), (100, 75.0, 100.0))
    judged = [track(n, tempo_bpm=bpm, figures={"tempo_bpm": heard}) for n, (bpm, _, heard) in enumerate(asked)]
    beats = {f"track_{n}": {"tempo_bpm": heard, "beats_a_bar": 4} for n, (_, heard, _) in enumerate(asked)}
    bands = tuple({f"track_{n}": {"tempo_bpm": bpm} for n in range(3)} for bpm in (90.0, 240.0))

    told = [(found.what, found.below, found.held) for found in rows(judged, None, beats, bands)[1:9]]

    assert told == [
        ("asked tempo found, within 4 %", ("track_1", "track_2"), True),
        ("… librosa instead", ("track_0",), True),
        ("… a band that keeps time", ("track_1", "track_2"), True),
        ("… that band, by librosa", ("track_0", "track_1", "track_2"), True),
        ("… half and double counted", ("track_2",), True),
        ("… librosa instead", (), True),
        ("… a band that keeps time", ("track_1", "track_2"), True),
        ("… that band, by librosa", ("track_0", "track_2"), True),
    ]
    assert row("… half and double counted", judged).ok
    assert not row("asked tempo found", judged).held


def test_a_beat_tracker_counts_bars():
    judged = [track(0, metre="3/4"), track(1, metre="4/4"), track(2)]
    beats = {f"track_{n}": {"tempo_bpm": 90.0, "beats_a_bar": bar} for n, bar in enumerate((3, 3, 4))}

    assert row("metre by a beat tracker, 3/4 or 4/4", judged, None, beats).below == ("track_1",)


@pytest.mark.parametrize(("tempo_bpm", "metre"), [(66, "3/4"), (97, None), (141, "4/4")])
def test_a_band_that_keeps_time_is_heard_at_its_tempo(tempo_bpm, metre):
    sound = metronome.band(tempo_bpm, metre)
    heard = rhythm.beat_of(librosa.resample(sound, orig_sr=metronome.RATE, target_sr=rhythm.RATE))

    assert len(sound) == 30 * metronome.RATE
    assert np.abs(sound).max() <= 1
    assert rhythm.tempo_found(heard.tempo_bpm, tempo_bpm, multiples=(0.5, 1.0, 2.0))


def test_the_page_gets_the_table_between_its_markers(tmp_path):
    page = tmp_path / "quality.md"
    page.write_text("before\n<!-- quality:start -->\nold\n<!-- quality:end -->\nafter\n", encoding="utf-8")
    judged = [track(0), track(1)]

    reporting.write_page(page, rows(judged, None), judged)

    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- quality:start -->\n| what | goal |")
    assert "| technical checks | every track | 100% of 2 tracks | yes |" in text
    assert "old" not in text
    assert text.endswith("<!-- quality:end -->\nafter\n")


@pytest.mark.parametrize(("right", "code"), [(True, 0), (False, 1)])
def test_a_missed_goal_is_an_exit_code(tmp_path, monkeypatch, capsys, right, code):
    judged = [track(number, technical={"length": right}) for number in range(2)]
    monkeypatch.setattr(running, "judged_tracks", lambda *_, **__: iter(judged))
    monkeypatch.setattr(goals, "NOT_YET", frozenset())

    assert main(["--quick", "--json", str(tmp_path / "quality.json")]) == code

    record = json.loads((tmp_path / "quality.json").read_text(encoding="utf-8"))
    assert record["rows"][0]["ok"] is right
    assert [one["prompt"]["id"] for one in record["prompts"]] == ["track_0", "track_1"]
    assert "| technical checks |" in capsys.readouterr().out


def test_a_goal_that_was_never_reached_fails_nothing(monkeypatch):
    judged = [track(number, technical={"length": False}) for number in range(2)]
    monkeypatch.setattr(running, "judged_tracks", lambda *_, **__: iter(judged))
    monkeypatch.setattr(goals, "NOT_YET", frozenset({"technical checks"}))

    assert main(["--quick"]) == 0


def test_every_goal_that_is_not_reached_yet_is_one_of_the_rows():
    assert {row.what for row in rows([track(0)], None)} >= goals.NOT_YET


def test_beats_are_taken_from_what_is_played():
    from benchmarks.quality.written import beat_variation

    def played(places):
        notes = tuple(SimpleNamespace(start_beat=place) for place in places)
        return SimpleNamespace(
            parts=(SimpleNamespace(notes=notes),), length_beats=40.0, seconds_at=lambda beat: beat / 2
        )

    steady = np.arange(32.0)
    assert beat_variation(played(steady)) == pytest.approx(0.0, abs=1e-9)
    assert beat_variation(played(steady + 0.05 * (-1) ** np.arange(32))) == pytest.approx(0.1, abs=0.01)
    assert beat_variation(played(steady[:4])) is None
