"""Where choirs and wind players breathe: at the ends of phrases, all together.

Rule: the beats at which phrases begin are sung; what is held over such a beat is taken up again on it.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from app.models.plan import Voice
from app.models.score import DRUM_ROLES, Note
from app.services.composing.manners import INHALING_S, SUNG, needs_breath
from app.services.composing.phrasing import phrases_of
from app.services.composing.setting import Setting

#: How long a choir takes to breathe at a phrase's end, in seconds.
TOGETHER_S = 0.34

#: The last phrase and the final chord are sung in one breath if they last no longer than this, in seconds.
ONE_BREATH_S = 9.0

#: What is left of a note before a breath is sung only if it lasts this long, and after it this long, in beats.
_LEAST_LEFT_BEATS, _LEAST_BEATS = 0.2, 0.25


def breathed(setting: Setting, voice: Voice, notes: Sequence[Note]) -> list[Note]:
    """A voice's notes with a breath before each phrase; unchanged for those who need none.

    Singers always breathe there; who blows does where the phrase left no time to. The voices of a fugue have no phrases
    in common.
    """
    if voice.role in DRUM_ROLES or not needs_breath(voice) or setting.entries:
        return list(notes)
    choral = voice.instrument in SUNG
    breath = (TOGETHER_S if choral else INHALING_S) * setting.plan.tempo_bpm / 60.0
    made = sorted(notes, key=lambda note: (note.start_beat, note.pitch))
    for begin, end in _phrases(setting):
        if choral or not _rests(made, begin, end, breath):
            made = _parted(made, begin, end, breath, together=choral)
    return made


def _phrases(setting: Setting) -> list[tuple[float, float]]:
    """Begin and end of each phrase after which there is a breath, in beats."""
    beats = setting.metre.beats
    cut = [phrase for stretch in setting.stretches for phrase in phrases_of(setting, stretch)]
    spans = [(phrase.bars[0].start_beat, phrase.bars[-1].start_beat + beats) for phrase in cut]
    if setting.plan.loop:
        return spans[:-1]  # the end goes on into the beginning
    if spans and (setting.length_beats - spans[-1][0]) * 60.0 / setting.plan.tempo_bpm <= ONE_BREATH_S:
        return spans[:-1]
    return spans


def _rests(notes: Sequence[Note], begin: float, end: float, breath: float) -> bool:
    """Whether a stretch of beats has a silence that is long enough to breathe."""
    sounding = begin
    for note in notes:
        if note.start_beat >= end:
            break
        if note.start_beat + note.length_beats <= begin:
            continue
        if note.start_beat - sounding >= breath - 1e-6:
            return True
        sounding = max(sounding, note.start_beat + note.length_beats)
    return end - sounding >= breath - 1e-6


def _parted(notes: Sequence[Note], begin: float, end: float, breath: float, *, together: bool) -> list[Note]:
    """The notes with a silence at a phrase's end: there if all breathe together, else after the last note with time."""
    starts = sorted({note.start_beat for note in notes if begin - 1e-6 <= note.start_beat < end - 1e-6})
    roomy = [after for start, after in pairwise((*starts, end)) if after - start >= 2 * breath - 1e-6]
    held = any(note.start_beat < end - 2 * breath and note.start_beat + note.length_beats > end for note in notes)
    border = end if together or held or not roomy else roomy[-1]
    made: list[Note] = []
    for note in notes:
        ends = note.start_beat + note.length_beats
        if note.start_beat >= border - 1e-6 or ends <= border - breath:
            made.append(note)
            continue
        if note.start_beat < border - breath - _LEAST_LEFT_BEATS:
            made.append(replace(note, length_beats=border - breath - note.start_beat))
        if ends >= border + _LEAST_BEATS:
            made.append(replace(note, start_beat=border, length_beats=ends - border))
    return sorted(made, key=lambda note: (note.start_beat, note.pitch))
