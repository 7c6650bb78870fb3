"""The last bar: the tonic, struck by all harmonic voices on the downbeat and held."""

from app.models.plan import Voice
from app.models.score import DRUM_ROLES, Note
from app.services.composing.dynamics import velocity
from app.services.composing.limits import folded, reach
from app.services.composing.setting import Setting
from app.services.theory.scales import nearest_pitch, pitches_between
from app.services.theory.voicing import nearest_voicing, voicings

#: Notes of the final chord by role; a line ends on one.
_FINAL_VOICES = {"chords": 4, "pad": 4, "arpeggio": 3, "texture": 2}


#: How many semitones farther a second voice goes so as not to end on the note of another line.
_OWN_NOTE = 9.0


def final_notes(setting: Setting, voice: Voice, before: Note | None, taken: frozenset[int] = frozenset()) -> list[Note]:
    """What a pitched voice plays in the last bar, coming from the note before; nothing if its section leaves it out.

    A second voice ends on none of the pitches `taken` by other lines if it can.
    """
    bar = setting.final_bar
    if voice.role in DRUM_ROLES or voice.name not in bar.section.voices:
        return []
    chord = bar.changes[0].chord
    low, high = reach(voice)
    coming_from = before.pitch if before is not None else (low + high) // 2
    pitches: tuple[int, ...]
    if voice.role == "bass":
        pitches = (nearest_pitch(min(coming_from, low + 14), chord.root, low, high),)
    elif voice.role in _FINAL_VOICES:
        spacing = "spread" if voice.role == "pad" else "power" if voice.role == "texture" else "close"
        options = voicings(chord, low, high, _FINAL_VOICES[voice.role], spacing)
        pitches = nearest_voicing((), options, coming_from if before is not None else (low + high) / 2)
    else:
        # A melody comes home to the tonic; a second voice leaves it that place and takes the third or the fifth.
        wanted = (chord.root, chord.third) if voice.role == "lead" else (chord.third, chord.fifth)
        candidates = [nearest_pitch(coming_from, tone, low, high) for tone in wanted]
        shared = taken if voice.role == "counter" else frozenset()
        if shared.issuperset(candidates):
            candidates = [*candidates, *pitches_between(chord.classes, low, high)]

        def strain(pitch: int) -> float:
            return abs(pitch - coming_from) + 2.5 * (pitch % 12 != wanted[0]) + _OWN_NOTE * (pitch in shared)

        pitches = (min(candidates, key=strain),)
    force = velocity(setting.plan, bar, voice.role, 0.7)
    length = setting.length_beats - bar.start_beat
    return [
        Note(pitch=pitch, start_beat=bar.start_beat, length_beats=length, velocity=force)
        for pitch in sorted({folded(pitch, low, high) for pitch in pitches})
    ]
