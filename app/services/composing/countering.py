"""The second voice: slow notes against the melody, answers in its rests, thirds along with it, or the melody again."""

from bisect import bisect_right
from collections.abc import Sequence

from app.models.plan import Voice
from app.models.score import Note
from app.services.composing.contrapuntal import Sounding
from app.services.composing.drawing import drawn_key
from app.services.composing.dynamics import velocity
from app.services.composing.imitating import delay_beats, imitated
from app.services.composing.limits import folded, reach
from app.services.composing.motif import motif_for
from app.services.composing.setting import Bar, Setting
from app.services.theory.chords import chord_scale
from app.services.theory.scales import pitches_between

#: A rest of the melody long enough to answer into, in beats.
ANSWER_BEATS = 1.4

#: Semitones the second voice keeps away from the melody where it can.
ELBOW_ROOM = 3

#: Costs of a slow note: too near the melody, on its very note, an octave from it, above it where it belongs below. They
#: count by the share of its time for which that is so; the melody is looked up so often, in beats.
NEAR, UNISON, OCTAVE, ABOVE, LOOKED_UP_BEATS = 4.0, 3.0, 1.5, 1.0, 0.5


def write_counter(
    setting: Setting, voice: Voice, melody: Sequence[Note], others: Sequence[Sequence[Note]] = ()
) -> list[Note]:
    """The second voice of the whole piece, but for the last bar; `others` are the second voices before it."""
    lead = sorted(melody, key=lambda note: note.start_beat)
    player = _Counter(setting, voice, lead, others)
    for stretch in setting.stretches_of(voice):
        bars = [bar for bar in setting.bars_in(stretch) if not bar.final]
        if not bars:
            continue
        # Dice without the voice's name: in a canon all follow.
        manner = drawn_key(setting.rng("counter", *stretch.key), setting.style.counter.manner)
        begin, end = bars[0].start_beat, bars[-1].start_beat + setting.metre.beats
        sung = any(begin <= note.start_beat < end for note in lead)
        if manner == "canon" and len(bars) * setting.metre.beats < 2 * delay_beats(setting) * (len(others) + 1):
            manner = "answer"
        if not sung or (others and manner != "canon"):
            manner = "line"
        manners = {"line": player.line, "answer": player.answer, "thirds": player.thirds, "canon": player.canon}
        written = len(player.notes)
        manners[manner](bars)
        if len(player.notes) == written:
            player.line(bars)  # a melody that leaves no rest to answer in
    return player.notes


def _crowded(pitch: int, other: int | None) -> bool:
    """Whether two voices would stand on the same note or rub against each other."""
    return other is not None and (pitch % 12 == other % 12 or abs(pitch - other) < ELBOW_ROOM)


class _Counter:
    def __init__(self, setting: Setting, voice: Voice, lead: Sequence[Note], others: Sequence[Sequence[Note]]) -> None:
        self._setting = setting
        self._voice = voice
        self._lead = lead
        self._starts = [note.start_beat for note in lead]
        self._sung = Sounding(lead)
        self._others = [Sounding(notes) for notes in others]
        self._low, self._high = reach(voice)
        self._pitch = (self._low + self._high) // 2
        #: Whether its register lies below where the melody mostly sings.
        self._below = bool(lead) and self._pitch < sum(note.pitch for note in lead) / len(lead)
        self.notes: list[Note] = []

    def line(self, bars: Sequence[Bar]) -> None:
        """A note or two to each chord: chord tones, by the smallest step, away from the melody."""
        for bar in bars:
            for change in bar.changes:
                parts = 2 if change.length > 2.5 and bar.energy > 0.65 else 1
                for part in range(parts):
                    length = change.length / parts
                    position = change.position + part * length
                    start = bar.start_beat + position
                    tones = pitches_between(change.chord.classes, self._low, self._high) or (self._pitch,)
                    melody = self._sung_during(start, length)
                    strain = {
                        pitch: abs(pitch - self._pitch)
                        + (2.5 if part and pitch == self._pitch else 0.0)
                        + sum(self._beside(pitch, sung) for sung in melody) / max(len(melody), 1)
                        + sum(3.0 for other in self._others if _crowded(pitch, other.at(start)))
                        + 0.15 * abs(pitch - (self._low + self._high) / 2)
                        for pitch in tones
                    }
                    self._pitch = min(strain, key=lambda pitch: (strain[pitch], pitch))
                    self._add(bar, position, length * 0.98, self._pitch, 0.35)

    def _sung_during(self, start: float, length: float) -> list[int]:
        """What the melody sings while a note sounds, beginning with what it sings when the note is struck."""
        count = max(1, int(length / LOOKED_UP_BEATS))
        sung = (self._sung.at(start + place * LOOKED_UP_BEATS) for place in range(count))
        return [pitch for pitch in sung if pitch is not None]

    def _beside(self, pitch: int, sung: int) -> float:
        """What it costs to sound beside a note of the melody."""
        near = NEAR * (abs(pitch - sung) < ELBOW_ROOM) + UNISON * (pitch == sung)
        return near + OCTAVE * ((pitch - sung) % 12 == 0) + ABOVE * (pitch > sung and self._below)

    def answer(self, bars: Sequence[Bar]) -> None:
        """The motif's rhythm in the melody's rests; silence under its notes."""
        setting = self._setting
        material = bars[0].section.material
        cell = motif_for(setting, material, setting.energy_of(material)).cells["a"]
        for bar in bars:
            opening = self._rest_in(bar)
            if opening is None:
                continue
            start, end = opening
            chord = bar.change_at(start).chord
            tones = pitches_between(chord_scale(chord, bar.scale), self._low, self._high)
            if not tones:
                continue
            strain = [abs(pitch - self._pitch) + 2.0 * (pitch % 12 not in chord.classes) for pitch in tones]
            index = strain.index(min(strain))
            shift = start - cell.strokes[0].position if cell.strokes else 0.0
            for place, stroke in enumerate(cell.strokes):
                position = stroke.position + shift
                if position + 0.2 > end:
                    break
                if place:
                    index = max(0, min(len(tones) - 1, index + cell.steps[place - 1]))
                index = self._aside(tones, index, bar.start_beat + position)
                self._add(bar, position, min(stroke.length, end - position) * 0.92, tones[index], 0.5)
            self._pitch = round((tones[index] + (self._low + self._high) / 2) / 2)

    def _aside(self, tones: Sequence[int], index: int, beat: float) -> int:
        """The place of a tone that is not the one the melody holds: the next below, else above."""
        if tones[index] != self._sung.at(beat) or len(tones) < 3:
            return index
        return index - 2 if index >= 2 else index + 2

    def canon(self, bars: Sequence[Bar]) -> None:
        """The melody again, a bar or two later; the leader begins alone."""
        place = len(self._others)
        end = bars[-1].start_beat + self._setting.metre.beats
        for bar, position, note, pitch in imitated(
            self._setting, bars, self._lead, (self._low, self._high), place=place
        ):
            length = min(note.length_beats, end - bar.start_beat - position)
            self._add(bar, position, length, pitch, 0.6)
            self._pitch = pitch

    def thirds(self, bars: Sequence[Bar]) -> None:
        """The melody again, two scale steps below."""
        for bar in bars:
            first = bisect_right(self._starts, bar.start_beat - 1e-6)
            for note in self._lead[first:]:
                position = note.start_beat - bar.start_beat
                if position >= self._setting.metre.beats - 1e-6:
                    break
                chord = bar.change_at(position).chord
                below = [
                    pitch
                    for pitch in range(note.pitch - 5, note.pitch - 2)
                    if pitch % 12 in chord_scale(chord, bar.scale)
                ]
                if not below:
                    continue
                pitch = next((p for p in below if p % 12 in chord.classes), below[-1])
                self._add(bar, position, note.length_beats, folded(pitch, self._low, self._high), 0.4)

    def _add(self, bar: Bar, position: float, length: float, pitch: int, accent: float) -> None:
        self.notes.append(
            Note(
                pitch=pitch,
                start_beat=bar.start_beat + position,
                length_beats=length,
                velocity=velocity(self._setting.plan, bar, "counter", accent),
            )
        )

    def _rest_in(self, bar: Bar) -> tuple[float, float] | None:
        """The longest stretch of a bar in which the melody rests or only holds, in beats from the bar line."""
        beats = self._setting.metre.beats
        first = bisect_right(self._starts, bar.start_beat - 1e-6)
        edges = [0.0]
        for note in self._lead[first:]:
            if note.start_beat >= bar.start_beat + beats - 1e-6:
                break
            edges.append(note.start_beat - bar.start_beat)
        # Into a held note the answer comes half a beat after it was struck.
        openings = [edge + (0.5 if index else 0.0) for index, edge in enumerate(edges)]
        gaps = list(zip(openings, [*edges[1:], beats], strict=True))
        widest = max(gaps, key=lambda gap: gap[1] - gap[0])
        return widest if widest[1] - widest[0] >= ANSWER_BEATS else None
