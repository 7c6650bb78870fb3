"""A fugue: the subject alone, answered a fifth away line by line, countersubject against it, episodes, a last entry.

Rule: an entry in the subject's own mode is the subject moved as it is, so that each is known again at once.
"""

from collections.abc import Callable, Sequence

from app.models.plan import Voice
from app.models.score import Note
from app.services.composing.contrapuntal import Beat, Sounding, led_against
from app.services.composing.dynamics import velocity
from app.services.composing.entries import Entry, exposed_bar, lines_of
from app.services.composing.limits import folded, reach
from app.services.composing.setting import Bar, Setting
from app.services.composing.subject import WINDOWS, Tone, degree_of, found_subject, pitch_of
from app.services.theory.keys import Key
from app.services.theory.rhythm import Stroke, read_rhythm
from app.services.theory.scales import nearest_pitch

#: Where in its register a line takes its entries, from its lowest (0) to its highest pitch (1).
HOME = 0.5

#: Accents of a line that has the subject, that goes against it, and that fills.
LEADING, AGAINST, FILLING = 0.85, 0.5, 0.35

#: How long a note of a line is held against what is written.
HELD = 0.94


def write_fugue(setting: Setting) -> dict[str, list[Note]]:
    """The lines of the whole piece by voice, but for the last bar; voices that have no line are left out."""
    return _Fugue(setting).notes


def accompanied(setting: Setting, writer: Callable[[Setting, Voice], list[Note]] | None, voice: Voice) -> list[Note]:
    """What a voice without a line plays: nothing until all lines have entered, then what it always does."""
    begin = exposed_bar(setting.entries) * setting.metre.beats
    return [note for note in writer(setting, voice) if note.start_beat >= begin - 1e-6] if writer else []


class _Fugue:
    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._lines = lines_of(setting.plan.ensemble)
        self._reach = [reach(voice) for voice in self._lines]
        #: Beat and pitch of each line's latest note.
        self._last = [(0.0, round(low + HOME * (high - low))) for low, high in self._reach]
        self.notes: dict[str, list[Note]] = {voice.name: [] for voice in self._lines}
        entries = setting.entries
        self._subject = found_subject(setting, entries[0], self._window())
        self._countersubject: tuple[Tone, ...] = ()
        end = len(setting.bars) - (0 if setting.plan.loop else 1)
        borders = [*(entry.first_bar for entry in entries[1:]), end]
        for entry, border in zip(entries, borders, strict=True):
            self._enter(entry)
            after = entry.first_bar + entry.bars
            final = entry is entries[-1]
            for bar in setting.bars[after:border]:
                self._fill(bar, entry.number) if final else self._episode(bar, entry.number)

    # The subject and what goes against it.

    def _window(self) -> tuple[int, int]:
        """How far below and above its key note the subject may go, so that every line has an octave for it."""

        def fits(window: tuple[int, int], entry: Entry) -> bool:
            low, high = self._reach[self._leader(entry)]
            return any(low + window[0] <= root <= high - window[1] for root in range(entry.key.root, 128, 12))

        asked = [entry for entry in self._setting.entries if entry.exposition] + [self._setting.entries[-1]]
        return next((w for w in WINDOWS if all(fits(w, entry) for entry in asked)), WINDOWS[0])

    def _enter(self, entry: Entry) -> None:
        """An entry: its line has the subject, the one before it the countersubject, the others fill."""
        count = len(self._lines)
        setting = self._setting
        leader = self._leader(entry)
        sounding = [leader]
        begin = setting.bars[entry.first_bar].start_beat
        self._play(leader, self._subject, entry.key, begin, LEADING)
        partner = (leader - 1) % count if leader or not entry.exposition else None
        if partner is not None and self._present(partner, setting.bars[entry.first_bar]):
            if not self._countersubject:
                self._countersubject = self._found_countersubject(entry, partner, begin)
            self._play(partner, self._countersubject, entry.key, begin, AGAINST)
            sounding.append(partner)
        for line in reversed(range(count)):
            if line in sounding or (entry.exposition and line > leader):
                continue
            for bar in setting.bars[entry.first_bar : entry.first_bar + entry.bars]:
                self._led(line, bar, self._slow(bar, line), FILLING, sounding)
            sounding.append(line)

    def _leader(self, entry: Entry) -> int:
        """The line that has the subject: in the exposition each in turn, then those that had it longest ago."""
        count = len(self._lines)
        if entry is self._setting.entries[-1]:
            return count - 1
        line = entry.number % count
        bar = self._setting.bars[entry.first_bar]
        present = [index for index in range(count) if self._present(index, bar)]
        return line if line in present or not present else present[0]

    def _found_countersubject(self, entry: Entry, line: int, begin: float) -> tuple[Tone, ...]:
        """A line against the first answer: busy where that one holds, in the style's own rhythms."""
        setting = self._setting
        metre = setting.plan.time_signature
        struck = {round(tone.position, 3) for tone in self._subject}
        patterns = setting.style.melody.rhythms
        written = [read_rhythm(pattern.rhythm, pattern.metre, metre)[0] for pattern in patterns]
        strokes: list[tuple[Bar, Stroke]] = []
        for place, bar in enumerate(setting.bars[entry.first_bar : entry.first_bar + entry.bars]):
            shift = place * setting.metre.beats
            together = [sum(round(s.position + shift, 3) in struck for s in rhythm) / len(rhythm) for rhythm in written]
            strokes += [(bar, stroke) for stroke in written[together.index(min(together))]]
        beats = [self._beat(bar, stroke) for bar, stroke in strokes]
        pitches = self._pitches(line, beats, [self._leader(entry)])
        root = nearest_pitch(self._last[line][1], entry.key.root, 0, 127)
        return tuple(
            Tone(beat.start_beat - begin, beat.length_beats, *degree_of(pitch - root, entry.key))
            for beat, pitch in zip(beats, pitches, strict=True)
        )

    # Episodes and fillings.

    def _episode(self, bar: Bar, number: int) -> None:
        """Two lines throw the subject's head to each other, each half a bar; the others walk."""
        count = len(self._lines)
        half = self._setting.metre.half()
        head = [tone for tone in self._subject if tone.position < half - 1e-6]
        first, second = (number + 1) % count, (number + 2) % count
        sounding: list[int] = []
        for line, at in ((first, 0.0), (second, half)):
            if line in sounding:
                continue
            thrown = [Stroke(at + tone.position, min(tone.length, half - tone.position), "x") for tone in head]
            thrown = [stroke for stroke in thrown if stroke.position < self._setting.metre.beats - 0.1]
            other = half - at
            rest = Stroke(other, (self._setting.metre.beats - half) if other else half, "x")
            steps = {id(s): b.degree - a.degree for s, a, b in zip(thrown[1:], head, head[1:], strict=False)}
            strokes = sorted([*thrown, rest], key=lambda stroke: stroke.position)
            self._led(line, bar, strokes, AGAINST, sounding, steps)
            sounding.append(line)
        for line in reversed(range(count)):
            if line not in sounding:
                self._led(line, bar, self._walk(), FILLING, sounding)
                sounding.append(line)

    def _fill(self, bar: Bar, number: int) -> None:
        """All lines together towards the close."""
        sounding: list[int] = []
        for line in reversed(range(len(self._lines))):
            self._led(line, bar, self._walk() if line == number % 2 else self._slow(bar, line), AGAINST, sounding)
            sounding.append(line)

    def _walk(self) -> list[Stroke]:
        metre = self._setting.metre
        return [Stroke(start, length, "x") for start, length in zip(metre.pulses, metre.lengths, strict=True)]

    def _slow(self, bar: Bar, line: int) -> list[Stroke]:
        """A filling line's rhythm: by half bars, the bass by pulses where it is strong."""
        metre = self._setting.metre
        if self._lines[line].role == "bass" and bar.energy > 0.5:
            return self._walk()
        return [Stroke(0.0, metre.half(), "x"), Stroke(metre.half(), metre.beats - metre.half(), "x")]

    # Notes.

    def _led(
        self,
        line: int,
        bar: Bar,
        strokes: Sequence[Stroke],
        accent: float,
        against: Sequence[int],
        steps: dict[int, int] | None = None,
    ) -> None:
        """A bar of a line in a rhythm, found against the lines that are written already."""
        if not self._present(line, bar):
            return
        beats = [self._beat(bar, stroke, (steps or {}).get(id(stroke))) for stroke in strokes]
        for beat, pitch in zip(beats, self._pitches(line, beats, against), strict=True):
            self._add(line, beat.start_beat, beat.length_beats, pitch, accent)

    def _pitches(self, line: int, beats: Sequence[Beat], against: Sequence[int]) -> list[int]:
        others = [(Sounding(self.notes[self._lines[other].name][-48:]), 1 if other < line else -1) for other in against]
        return led_against(beats, others, reach=self._reach[line], coming_from=self._last[line])

    def _beat(self, bar: Bar, stroke: Stroke, step: int | None = None) -> Beat:
        strength = self._setting.metre.strength(stroke.position)
        chord = bar.change_at(stroke.position).chord
        return Beat(bar.start_beat + stroke.position, stroke.length, strength, chord, self._scale(bar), step)

    def _scale(self, bar: Bar) -> tuple[int, ...]:
        """The scale of the entry that a bar belongs to; between entries the section's."""
        entries = self._setting.entries
        inside = [e for e in entries if e.first_bar <= bar.index < e.first_bar + e.bars]
        return inside[0].key.scale if inside else bar.scale

    def _play(self, line: int, tones: Sequence[Tone], key: Key, begin: float, accent: float) -> None:
        """Tones in a key, in the octave that suits the line best."""
        low, high = self._reach[line]
        pitches = [pitch_of(tone, key) for tone in tones]
        home = low + HOME * (high - low)

        def strain(octave: int) -> float:
            moved = [pitch + 12 * octave for pitch in pitches]
            outside = sum(max(low - pitch, pitch - high, 0) for pitch in moved)
            return 20.0 * outside + abs(sum(moved) / len(moved) - home)

        octave = min(range(-1, 10), key=strain)
        for tone, pitch in zip(tones, pitches, strict=True):
            self._add(line, begin + tone.position, tone.length, folded(pitch + 12 * octave, low, high), accent)

    def _add(self, line: int, start: float, length: float, pitch: int, accent: float) -> None:
        setting = self._setting
        bar = setting.bars[min(int((start + 1e-6) // setting.metre.beats), len(setting.bars) - 1)]
        if not self._present(line, bar):
            return
        voice = self._lines[line]
        force = velocity(setting.plan, bar, voice.role, accent + 0.2 * setting.metre.strength(start - bar.start_beat))
        self.notes[voice.name].append(Note(pitch=pitch, start_beat=start, length_beats=length * HELD, velocity=force))
        self._last[line] = (start, pitch)

    def _present(self, line: int, bar: Bar) -> bool:
        return not bar.final and self._lines[line].name in bar.section.voices
