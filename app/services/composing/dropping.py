"""Drop-outs: at the end of a period some players fall silent, and the last stroke before echoes into the gap."""

from collections.abc import Sequence
from dataclasses import replace

from app.models.plan import Role, Voice
from app.models.score import DRUM_ROLES, Note
from app.services.composing.setting import Setting
from app.services.theory.drum_keys import DRUM_KEYS

#: Drums that echo into a silence, and how much softer each echo is.
ECHOING = frozenset(DRUM_KEYS[drum] for drum in ("snare", "rim", "clap", "timbale_high"))
ECHO_FADE, ECHOES = 0.68, 4

#: A silence, in beats from the start of the piece, and the beats from echo to echo in it.
Gap = tuple[float, float, float]


def gaps_for(setting: Setting, role: Role) -> list[Gap]:
    """Where a role falls silent, in order. The dice are the style's: all roles of a drop-out fall silent together."""
    gaps: list[Gap] = []
    for number, dropout in enumerate(setting.style.dropouts):
        for stretch in setting.stretches:
            low, high = dropout.energy
            if not low <= stretch.section.energy <= high or stretch.bars < dropout.bars + 1:
                continue
            if all(setting.plan.voice(name).role in dropout.roles for name in stretch.section.voices):
                continue  # somebody goes on
            every = min(dropout.every, stretch.bars)
            rng = setting.rng("dropout", str(number), str(stretch.index))
            for last in range(every, stretch.bars + 1, every):
                taken = rng.random() < dropout.chance
                end = (stretch.first_bar + last) * setting.metre.beats
                whole = setting.plan.loop or end < setting.length_beats - setting.metre.beats - 1e-6
                if taken and whole and role in dropout.roles:
                    gaps.append((end - dropout.bars * setting.metre.beats, end, dropout.echo_beats))
    return _joined(sorted(gaps))


def _joined(gaps: Sequence[Gap]) -> list[Gap]:
    """Gaps that overlap or touch as one."""
    made: list[Gap] = []
    for begin, end, echo_beats in gaps:
        if made and begin <= made[-1][1] + 1e-6:
            before = made.pop()
            begin, end, echo_beats = before[0], max(before[1], end), max(before[2], echo_beats)
        made.append((begin, end, echo_beats))
    return made


def dropped(setting: Setting, voice: Voice, notes: Sequence[Note]) -> list[Note]:
    """A voice's notes without those in its gaps; what sounds into a gap ends with it, a backbeat echoes."""
    made = list(notes)
    for begin, end, echo_beats in gaps_for(setting, voice.role):
        kept = [note for note in made if not begin - 1e-6 <= note.start_beat < end - 1e-6]
        kept = [
            replace(note, length_beats=begin - note.start_beat)
            if note.start_beat < begin < note.start_beat + note.length_beats
            else note
            for note in kept
        ]
        if voice.role in DRUM_ROLES and echo_beats:
            kept += _echoes([note for note in made if note.start_beat < begin], begin, end, echo_beats)
        made = sorted(kept, key=lambda note: (note.start_beat, note.pitch))
    return made


def _echoes(before: Sequence[Note], begin: float, end: float, echo_beats: float) -> list[Note]:
    """The last backbeat before a gap, again and again in it, softer each time."""
    struck = [note for note in before if note.pitch in ECHOING and note.start_beat >= begin - 4.0]
    if not struck:
        return []
    source = max(struck, key=lambda note: note.start_beat)
    repeats = [
        replace(
            source,
            start_beat=source.start_beat + turn * echo_beats,
            velocity=max(1, round(source.velocity * ECHO_FADE**turn)),
        )
        for turn in range(1, ECHOES + 4)
    ]
    return [note for note in repeats if begin - 1e-6 <= note.start_beat < end - 0.1][:ECHOES]
