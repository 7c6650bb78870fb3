"""Plan → Score: the harmony, then the melody, then everybody else around them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain

from app.models.plan import Plan, Role, Voice
from app.models.score import DRUM_ROLES, ChordSpan, KeyChange, Note, Part, Score
from app.services.composing.bass import write_bass
from app.services.composing.breathing import breathed
from app.services.composing.comping import write_arpeggio, write_chords, write_pad, write_texture
from app.services.composing.countering import write_counter
from app.services.composing.dropping import dropped
from app.services.composing.drumming import write_drums
from app.services.composing.ending import final_notes
from app.services.composing.fugue import accompanied, write_fugue
from app.services.composing.limits import finished, reach
from app.services.composing.manners import trembled
from app.services.composing.melody import write_melody
from app.services.composing.pedalling import pedal_spans
from app.services.composing.quoting import unquoted
from app.services.composing.setting import Setting
from app.services.composing.swelling import strengths
from app.services.composing.tempo import tempo_changes
from app.services.composing.transitions import write_transitions

#: Who writes what, apart from the melody and what listens to it.
WRITERS: dict[Role, Callable[[Setting, Voice], list[Note]]] = {
    "chords": write_chords, "arpeggio": write_arpeggio, "pad": write_pad, "texture": write_texture,
    "bass": write_bass, "drums": write_drums, "percussion": write_drums,
}  # fmt: skip

#: The instrument whose notes are no harmony: it leads from section to section.
LEADS_ON = "risers"

#: Roles that play one note at a time.
SINGLE_LINES = frozenset({"lead", "counter", "bass"})


def write(plan: Plan) -> tuple[Setting, Score]:
    """One score of a plan with the dice of its seed: exactly its bars; and the setting it was written in."""
    setting = Setting(plan)
    fugue = write_fugue(setting) if setting.entries else {}
    melodies = write_melody(setting, [voice for voice in plan.ensemble if voice.role == "lead" and not fugue])
    lead = list(chain.from_iterable(melodies.values()))
    parts: list[Part] = []
    counters: list[list[Note]] = []
    for voice in plan.ensemble:
        if fugue:
            notes = fugue[voice.name] if voice.name in fugue else accompanied(setting, WRITERS.get(voice.role), voice)
        elif voice.role == "lead":
            notes = melodies[voice.name]
        elif voice.role == "counter":
            notes = write_counter(setting, voice, lead, counters)
            counters.append(notes)
        else:
            writer = write_transitions if voice.instrument == LEADS_ON else WRITERS[voice.role]
            notes = writer(setting, voice)
        notes = breathed(setting, voice, dropped(setting, voice, notes))
        parts.append(_part(setting, voice, trembled(plan, voice, notes), _closing(setting, parts)))
    begun, chords = _begun(plan, tuple(parts)), _chord_spans(setting)
    upper, lower = (int(number) for number in plan.time_signature.split("/"))
    score = Score(
        parts=tuple(_expressed(setting, part, chords) for part in begun),
        tempo_changes=tempo_changes(setting),
        chords=chords,
        markers=tuple((stretch.first_bar * setting.metre.beats, stretch.section.kind) for stretch in setting.stretches),
        time_signature=(upper, lower),
        length_beats=setting.length_beats,
        keys=_keys(setting),
    )
    return setting, score


def _closing(setting: Setting, parts: Iterable[Part]) -> frozenset[int]:
    """The pitches on which lines end that are written already."""
    last = setting.final_bar.start_beat - 1e-6
    lines = (part for part in parts if setting.plan.voice(part.voice).role in SINGLE_LINES)
    return frozenset(note.pitch for part in lines for note in part.notes if note.start_beat >= last)


def _part(setting: Setting, voice: Voice, notes: Iterable[Note], taken: frozenset[int]) -> Part:
    """A voice's notes with the final chord, held to what its instrument can play; `taken` are lines' last notes."""
    single = voice.role in SINGLE_LINES
    if voice.role in DRUM_ROLES or voice.instrument == LEADS_ON:
        notes = _led_on(setting, notes)
    written = finished(notes, voice, setting.length_beats, single=single)
    if voice.role in DRUM_ROLES or voice.instrument == LEADS_ON or setting.plan.loop:
        return Part(voice=voice.name, notes=_own(setting, voice, written))
    final = final_notes(setting, voice, written[-1] if written else None, taken)
    whole = (*_until(written, setting.final_bar.start_beat), *final)
    return Part(voice=voice.name, notes=_own(setting, voice, whole))


def _led_on(setting: Setting, notes: Iterable[Note]) -> Iterable[Note]:
    """What leads on to the next bar, also from a last bar of a loop that is shorter: its beginning gives way."""
    missing = setting.plan.bars * setting.metre.beats - setting.length_beats
    if not missing or not setting.plan.loop:
        return notes
    begin = setting.bars[-1].start_beat
    return [
        replace(note, start_beat=note.start_beat - missing)
        if note.start_beat + note.length_beats > begin + missing + 1e-6
        else note
        for note in notes
        if not begin - 1e-6 <= note.start_beat < begin + missing - 1e-6
    ]


def _own(setting: Setting, voice: Voice, notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """A single line without what its style may not quote."""
    if voice.role not in SINGLE_LINES:
        return notes
    return unquoted(notes, setting.style.melody.avoided, scale=setting.bars[0].scale, reach=reach(voice))


def _expressed(setting: Setting, part: Part, chords: tuple[ChordSpan, ...]) -> Part:
    """A part with what its player's foot, bow or breath does."""
    voice = setting.plan.voice(part.voice)
    beats = setting.metre.beats
    return replace(
        part,
        pedal=pedal_spans(part.notes, chords, setting.plan, voice, setting.style.feel.pedal),
        strength=strengths(
            part.notes,
            voice,
            beat_s=60.0 / setting.plan.tempo_bpm,
            sections=[(stretch.first_bar * beats, stretch.section) for stretch in setting.stretches],
            length_beats=setting.length_beats,
            closes=not setting.plan.loop,
        ),
    )


def _until(notes: Iterable[Note], border: float) -> Iterable[Note]:
    """Notes that begin before a beat, ended by it."""
    for note in notes:
        if note.start_beat + note.length_beats <= border:
            yield note
        elif note.start_beat < border - 1e-6:
            yield replace(note, length_beats=border - note.start_beat)


def _begun(plan: Plan, parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The parts, with a sound on beat 0: if all rest there, the first note heard comes in at once."""
    starts = [part.notes[0].start_beat if part.notes else float("inf") for part in parts]
    earliest = min(starts, default=float("inf"))
    if earliest < 1e-6 or earliest == float("inf"):
        return parts
    chosen = starts.index(earliest)
    part = parts[chosen]
    first = part.notes[0]
    if plan.voice(part.voice).role in DRUM_ROLES:
        opening = (replace(first, start_beat=0.0), *part.notes)
    else:
        opening = (replace(first, start_beat=0.0, length_beats=first.length_beats + earliest), *part.notes[1:])
    return (*parts[:chosen], replace(part, notes=opening), *parts[chosen + 1 :])


def _keys(setting: Setting) -> tuple[KeyChange, ...]:
    """The keys of the piece in order; none if it stays in the plan's."""
    changes: list[KeyChange] = []
    for stretch in setting.stretches:
        key = stretch.tonality
        if not changes or (changes[-1].tonic, changes[-1].mode) != (key.tonic, key.mode):
            beat = stretch.first_bar * setting.metre.beats
            changes.append(KeyChange(beat=beat, tonic=key.tonic, mode=key.mode))
    home = len(changes) == 1 and (changes[0].tonic, changes[0].mode) == (setting.plan.tonic, setting.plan.mode)
    return () if home else tuple(changes)


def _chord_spans(setting: Setting) -> tuple[ChordSpan, ...]:
    """The harmony without gaps; a chord held over bar lines is one span."""
    spans: list[ChordSpan] = []
    for bar in setting.bars:
        for change in bar.changes:
            symbol = change.chord.symbol(bar.key.tonic, bar.key.mode)
            if spans and spans[-1].symbol == symbol:
                spans[-1] = replace(spans[-1], length_beats=spans[-1].length_beats + change.length)
            else:
                spans.append(
                    ChordSpan(start_beat=bar.start_beat + change.position, length_beats=change.length, symbol=symbol)
                )
    spans[-1] = replace(spans[-1], length_beats=setting.length_beats - spans[-1].start_beat)
    return tuple(spans)
