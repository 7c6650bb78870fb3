"""Where a player's foot goes down and up: a part's notes and the harmony go in, stretches of damper pedal come out.

The performance holds the notes themselves (see performing); this says the same to those who read the notes.
"""

from bisect import bisect_left
from collections.abc import Sequence

from app.models.plan import Plan, Voice
from app.models.score import ChordSpan, Note, PedalSpan
from app.services.composing.performing import LONGEST_PEDAL_S, PEDALLED, PEDALLED_ROLES

#: The foot comes down a moment after the hands and lifts a moment before the next harmony, in beats.
_AFTER, _BEFORE = 1 / 32, 1 / 24
#: A pedal that would be down for less than this is not taken.
_LEAST_BEATS = 0.5


def pedal_spans(
    notes: Sequence[Note], chords: Sequence[ChordSpan], plan: Plan, voice: Voice, amount: float
) -> tuple[PedalSpan, ...]:
    """The pedal of a part, changed with each chord; `amount` (0…1) is how much of the way to the next it is held.

    Nothing for instruments without one, and for roles that stay clear of it.
    """
    if amount <= 0 or voice.instrument not in PEDALLED or voice.role not in PEDALLED_ROLES:
        return ()
    longest = LONGEST_PEDAL_S * plan.tempo_bpm / 60.0
    spans = []
    starts = [note.start_beat for note in notes]  # in order, as in every part
    for chord in chords:
        border = chord.start_beat + chord.length_beats
        struck = notes[bisect_left(starts, chord.start_beat - 1e-6) : bisect_left(starts, border - 1e-6)]
        if not struck:
            continue
        down = struck[0].start_beat
        let_go = max(note.start_beat + note.length_beats for note in struck)
        held = min(border, struck[-1].start_beat + longest)
        up = min(let_go + amount * (held - let_go) if held > let_go else held, border) - _BEFORE
        if up - down >= _LEAST_BEATS:
            spans.append(PedalSpan(start_beat=round(down + _AFTER, 6), end_beat=round(up, 6)))
    return tuple(spans)
