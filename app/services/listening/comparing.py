"""What was asked, what was planned and what sounds, side by side: the report in a track's record.

Rule: the `measured` of every row comes from the audio or from the energies of its voices, never from the plan.
"""

from collections.abc import Mapping

from app.models.audio import SAMPLE_RATE
from app.models.brief import Brief
from app.models.plan import Plan
from app.models.report import ReportRow
from app.services.listening.ear import Sound
from app.services.listening.metre import METRES, count_of, measure_metre
from app.services.listening.players import Wishes, drums_row, instruments_row
from app.services.listening.rhythm import Tempo, band_levels, measure_tempo, onset_strengths
from app.services.listening.shape import Ends, Stretch, measure_ends, measure_sections
from app.services.listening.tonality import TONICS, Key, measure_key
from app.services.listening.turning import harmony_turns
from app.utils.units import beats_to_seconds

#: How near a measured tempo, loudness and section must come.
TEMPO_TOLERANCE = 0.04
LOUDNESS_TOLERANCE_LU = 0.5
SECTION_TOLERANCE_S = 2.0

#: A piece that ends has faded to this by its last moment; one that loops has not, at either end.
SILENT_DB, SOUNDING_DB = -45.0, -40.0
#: A seam may be a step as large as those around it, and a downbeat so much louder than what goes before.
LARGEST_SEAM_STEP, LARGEST_SEAM_RISE_DB = 1.0, 20.0

#: Modes whose third is minor.
_MINOR = frozenset({"minor", "dorian", "phrygian", "harmonic_minor"})

#: Other names of the pitch classes in `TONICS`.
_SPELLINGS = {"Db": "C#", "D#": "Eb", "Gb": "F#", "G#": "Ab", "A#": "Bb", "Cb": "B", "B#": "C", "E#": "F", "Fb": "E"}

#: Metres in dotted beats.
_COMPOUND_METRES = frozenset({"6/8", "12/8"})
#: Beats that count as the tempo: itself, half and double; in compound metres also the dotted beat.
_PLAIN = {1.0: None, 0.5: "It sounds at half the tempo.", 2.0: "It sounds at double the tempo."}
_COMPOUND = {
    2 / 3: "It sounds in dotted beats.",
    1 / 3: "It sounds in pairs of dotted beats.",
    4 / 3: "It sounds in halves of dotted beats.",
}


def compare(
    brief: Brief,
    plan: Plan,
    wishes: Wishes,
    sound: Sound,
    *,
    measured: Mapping[str, float],
    shares_db: Mapping[str, float],
) -> list[ReportRow]:
    """The report on a finished track, always the same rows in the same order.

    `measured` holds what the mastering meter read, `shares_db` each voice's energy against all; empty where the engine
    could not tell.
    """
    levels = band_levels(sound.mono)
    strengths = onset_strengths(levels)
    tempo = measure_tempo(strengths)
    metre = measure_metre(strengths, harmony_turns(sound.mono), tempo) if tempo else None
    ends = measure_ends(sound)
    return [
        _tempo(brief, plan, tempo),
        _key(brief, plan, measure_key(sound.mono)),
        _metre(brief, plan, metre.count if metre else None, dotted=_in_dotted_beats(plan, tempo)),
        _duration(plan, wishes, sound),
        _loudness(brief, plan, measured),
        _true_peak(plan, measured),
        instruments_row(plan, wishes, shares_db),
        drums_row(brief, plan, shares_db),
        _sections(plan, measure_sections(levels, sound.powers)),
        _seam(brief, ends) if plan.loop else _ending(brief, ends),
    ]


def _tempo(brief: Brief, plan: Plan, tempo: Tempo | None) -> ReportRow:
    asked = brief.tempo_bpm.value if brief.tempo_bpm else None
    target = asked if asked is not None else plan.tempo_bpm
    compound = plan.time_signature in _COMPOUND_METRES
    beats = {**_PLAIN, **(_COMPOUND if compound else {})}
    near = None
    if tempo is not None:
        near = min(beats, key=lambda beat: abs(tempo.tempo_bpm / target / beat - 1))
    agrees = None if tempo is None or near is None else abs(tempo.tempo_bpm / target / near - 1) <= TEMPO_TOLERANCE
    return ReportRow(
        what="tempo",
        asked=asked,
        planned=round(plan.tempo_bpm, 2),
        measured=tempo.tempo_bpm if tempo else None,
        agrees=agrees,
        tolerance=f"within 4 %, half and double{' and dotted beats' if compound else ''} counted",
        note="No beat stands out." if tempo is None else beats[near] if agrees and near is not None else None,
    )


def _key(brief: Brief, plan: Plan, key: Key | None) -> ReportRow:
    words = (brief.tonic.value if brief.tonic else "", brief.mode.value.replace("_", " ") if brief.mode else "")
    tonic = brief.tonic.value if brief.tonic else plan.tonic
    third = "minor" if (brief.mode.value if brief.mode else plan.mode) in _MINOR else "major"
    return ReportRow(
        what="key",
        asked=" ".join(words).strip() or None,
        planned=f"{plan.tonic} {plan.mode.replace('_', ' ')}",
        measured=f"{key.tonic} {key.third}" if key else None,
        agrees=None if key is None else (key.tonic, key.third) == (_plainly(tonic), third),
        tolerance="the same tonic, and a third of the same kind above it",
        note="No key stands out." if key is None else None,
    )


def _plainly(tonic: str) -> str:
    return tonic if tonic in TONICS else _SPELLINGS[tonic]


def _in_dotted_beats(plan: Plan, tempo: Tempo | None) -> bool:
    """Whether what was found as the beat is the dotted one, of which a compound bar has two or four."""
    if tempo is None or plan.time_signature not in _COMPOUND_METRES:
        return False
    return any(abs(tempo.tempo_bpm / plan.tempo_bpm / beat - 1) <= TEMPO_TOLERANCE for beat in _COMPOUND)


def _metre(brief: Brief, plan: Plan, count: int | None, *, dotted: bool) -> ReportRow:
    asked = brief.time_signature.value if brief.time_signature else None
    target = 2 if dotted else count_of(asked or plan.time_signature)
    return ReportRow(
        what="metre",
        asked=asked,
        planned=plan.time_signature,
        measured=METRES[count] if count else None,
        agrees=None if count is None or target is None else count == target,
        tolerance="bars of as many beats, or beats divided alike",
        note="No bar stands out." if count is None else None,
    )


def _duration(plan: Plan, wishes: Wishes, sound: Sound) -> ReportRow:
    return ReportRow(
        what="duration",
        asked=wishes.duration_s,
        planned=plan.duration_s,
        measured=round(sound.frames / SAMPLE_RATE, 5),
        agrees=sound.frames == wishes.duration_s * SAMPLE_RATE,
        tolerance="to the frame",
    )


def _loudness(brief: Brief, plan: Plan, measured: Mapping[str, float]) -> ReportRow:
    loudness = measured.get("loudness_lufs")
    target = plan.mastering.loudness_lufs
    return ReportRow(
        what="loudness",
        asked=brief.loudness_lufs.value if brief.loudness_lufs else None,
        planned=target,
        measured=loudness,
        agrees=None if loudness is None else abs(loudness - target) <= LOUDNESS_TOLERANCE_LU,
        tolerance=f"within {LOUDNESS_TOLERANCE_LU:g} LU",
    )


def _true_peak(plan: Plan, measured: Mapping[str, float]) -> ReportRow:
    peak = measured.get("true_peak_dbtp")
    return ReportRow(
        what="true peak",
        asked=None,
        planned=plan.mastering.ceiling_dbtp,
        measured=peak,
        agrees=None if peak is None else peak <= plan.mastering.ceiling_dbtp,
        tolerance="no higher",
    )


def _sections(plan: Plan, stretches: list[Stretch]) -> ReportRow:
    bar_s = beats_to_seconds(plan.beats_per_bar, plan.tempo_bpm)
    planned, bars = [], 0
    for section in plan.form:
        planned.append({"kind": section.kind, "start_s": round(bars * bar_s, 1), "energy": section.energy})
        bars += section.bars
    borders = [bars_before * bar_s for bars_before in _borders(plan)]
    give_s = max(SECTION_TOLERANCE_S, bar_s)
    found = [border for border in borders if any(abs(one.start_s - border) <= give_s for one in stretches)]
    return ReportRow(
        what="sections",
        asked=None,
        planned=planned,
        measured=[{"start_s": one.start_s, "level_db": one.level_db} for one in stretches],
        agrees=2 * len(found) >= len(borders) if borders else None,
        tolerance=f"a change is heard within {give_s:.1f} s of half of the borders or more",
        note=f"{len(found)} of {len(borders)} borders are heard." if borders else None,
    )


def _borders(plan: Plan) -> list[int]:
    bars, borders = 0, []
    for section in plan.form[:-1]:
        bars += section.bars
        borders.append(bars)
    return borders


def _ending(brief: Brief, ends: Ends) -> ReportRow:
    return ReportRow(
        what="ending",
        asked=None if brief.loop is None else brief.loop.value,
        planned="an end",
        measured={"last_db": ends.last_db},
        agrees=ends.last_db <= SILENT_DB,
        tolerance=f"the last 20 ms are below {SILENT_DB:g} dB of the whole",
    )


def _seam(brief: Brief, ends: Ends) -> ReportRow:
    sounding = min(ends.first_db, ends.last_db) >= SOUNDING_DB
    smooth = ends.seam_step <= LARGEST_SEAM_STEP and abs(ends.seam_rise_db) <= LARGEST_SEAM_RISE_DB
    return ReportRow(
        what="loop seam",
        asked=None if brief.loop is None else brief.loop.value,
        planned="a loop",
        measured={
            "step": ends.seam_step,
            "rise_db": ends.seam_rise_db,
            "first_db": ends.first_db,
            "last_db": ends.last_db,
        },
        agrees=sounding and smooth,
        tolerance="no step above those around it, no silence on either side",
        note=None if sounding else "One side of the seam is silent.",
    )
