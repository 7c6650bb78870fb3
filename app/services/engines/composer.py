"""The composer engine: Plan → Score → dry audio → mix, on a plain CPU.

Rule: the same plan gives the same samples, whatever the number of threads and whatever was played before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from app.errors import Cancelled, GenerationFailed, MusicError
from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE, Block
from app.models.plan import Plan, Role
from app.models.score import DRUM_ROLES, Score
from app.services.composing import choose, perform
from app.services.engines.base import Capabilities, Take, TakeRequest
from app.services.engines.catalogue import COMPOSER_CAPABILITIES
from app.services.engines.forecasting import expected_lufs
from app.services.instruments import SoundFont, load_soundfont, open_part
from app.services.instruments.base import DryPart, NoteEvent
from app.services.instruments.expression import ExpressivePart
from app.services.mixing import Desk, Mixer

#: Roles whose notes are held on over the seam of a loop.
HELD: frozenset[Role] = frozenset({"pad", "texture"})

#: A note that comes so near to the seam of a loop reaches it: the time that players take with their touch.
TIED_FRAMES = SAMPLE_RATE // 20

#: A loop has rung out after this at the latest.
LONGEST_RING_FRAMES = 60 * SAMPLE_RATE

#: Kick drums among the General MIDI drum keys; they lead the ducking.
KICKS = frozenset({35, 36})


class ComposerEngine:
    """Composes and plays through sampled and synthesised instruments."""

    capabilities: Capabilities = COMPOSER_CAPABILITIES

    def __init__(self, soundfont: Path) -> None:
        self._soundfont_path = soundfont
        self._soundfont: SoundFont | None = None

    def load(self, *, device: str = "auto", dtype: str = "auto", adapter: str | None = None) -> None:  # noqa: ARG002 - the engine protocol; a CPU has no choice
        """Read the soundfont."""
        if self._soundfont is None:
            self._soundfont = load_soundfont(self._soundfont_path)

    def memory_bytes(self) -> int:
        """Size of the soundfont file, the one large thing it holds between takes."""
        return self._soundfont_path.stat().st_size if self._soundfont else 0

    def batch_key(self, request: TakeRequest) -> tuple[object, ...]:
        """Takes share nothing, so none is generated together with another."""
        return (request.plan.seed, request.prompt)

    def generate(self, requests: Sequence[TakeRequest]) -> list[Take | Exception]:
        """One take a request; its blocks are played as they are asked for."""
        return [self._answer(request) for request in requests]

    def unload(self) -> None:
        """Forget the soundfont."""
        self._soundfont = None

    def _answer(self, request: TakeRequest) -> Take | Exception:
        try:
            return self._take(request)
        except MusicError as error:
            return error

    def _take(self, request: TakeRequest) -> Take:
        self.load()
        assert self._soundfont is not None  # noqa: S101 - load() has just set it
        plan = request.plan
        if plan.soundfont_sha256 != self._soundfont.sha256:
            raise GenerationFailed(
                f"The plan asks for the soundfont with SHA-256 {plan.soundfont_sha256}, but the one at hand has "
                f"{self._soundfont.sha256}; set MUSIC_SOUNDFONT to the file the plan was made with"
            )
        request.progress("composing", 0.0)
        choice = choose(plan)
        request.progress("composing", 1.0)
        performance = perform(choice.score, plan)
        events = {voice.name: note_events(performance, voice.name) for voice in plan.ensemble}
        return Take(
            blocks=_play(performance, events, self._soundfont, request),
            score=choice.score,
            expected_lufs=expected_lufs(plan, events),
            composition=choice.composition,
        )


def note_events(score: Score, voice: str) -> list[NoteEvent]:
    """The notes of a voice in sounding time, in order of their starts.

    A note's end never comes before its start, however the tempo map bends.
    """
    notes = next((part.notes for part in score.parts if part.voice == voice), ())
    seconds = _TempoMap(score)
    return sorted(
        (
            NoteEvent(
                start_frame=(start := max(0, round(seconds(note.start_beat) * SAMPLE_RATE))),
                length_frames=max(1, round(seconds(note.start_beat + note.length_beats) * SAMPLE_RATE) - start),
                pitch=note.pitch,
                velocity=note.velocity,
            )
            for note in notes
        ),
        key=lambda event: (event.start_frame, event.pitch),
    )


def strength_course(score: Score, voice: str) -> list[tuple[int, float]]:
    """(frame, gain) of a voice's strength in sounding time; empty where it does not change."""
    seconds = _TempoMap(score)
    points = next((part.strength for part in score.parts if part.voice == voice), ())
    return [(round(seconds(point.beat) * SAMPLE_RATE), point.level) for point in points]


class _TempoMap:
    """Seconds at a beat, without walking the tempo map for every note."""

    def __init__(self, score: Score) -> None:
        changes = score.tempo_changes
        self._marks = [(0.0, 0.0, 60.0 / changes[0].tempo_bpm)]
        for before, after in pairwise(changes):
            at_s = self._marks[-1][1] + (after.beat - before.beat) * 60.0 / before.tempo_bpm
            self._marks.append((after.beat, at_s, 60.0 / after.tempo_bpm))

    def __call__(self, beat: float) -> float:
        marks = self._marks
        if len(marks) == 1 or beat < marks[1][0]:
            mark_beat, at_s, beat_s = marks[0]
        else:
            mark_beat, at_s, beat_s = next(mark for mark in reversed(marks) if mark[0] <= beat)
        return at_s + (beat - mark_beat) * beat_s


def kick_frames(plan: Plan, score: Score) -> list[int]:
    """Frames of every kick drum, in order."""
    drums = [voice.name for voice in plan.ensemble if voice.role in DRUM_ROLES]
    return sorted(event.start_frame for name in drums for event in note_events(score, name) if event.pitch in KICKS)


def _play(
    performance: Score, events: Mapping[str, list[NoteEvent]], soundfont: SoundFont, request: TakeRequest
) -> Iterator[Block]:
    """Blocks of the whole piece, exactly `duration_s` long; of a loop, until it has rung out."""
    plan = request.plan
    total = plan.duration_s * SAMPLE_RATE
    kicks = kick_frames(plan, performance)
    if plan.loop:
        events = {voice.name: around(events[voice.name], total, tied=voice.role in HELD) for voice in plan.ensemble}
        kicks = [kick + turn * total for turn in range(-1, 2 + LONGEST_RING_FRAMES // total) for kick in kicks]
    period = total if plan.loop else None
    parts: list[DryPart] = []
    for voice in plan.ensemble:
        part = open_part(voice, events[voice.name], soundfont=soundfont, seed=plan.seed, until=period)
        course = strength_course(performance, voice.name)
        parts.append(ExpressivePart(part, course, period=period) if course else part)
    mixer = Mixer(plan.ensemble, plan.space, tempo_bpm=plan.tempo_bpm, kick_frames=kicks, stems=request.stems)
    with Desk(mixer, threads=request.threads) as desk:
        start = 0
        while start < total or plan.loop:
            if start >= total:
                yield from desk.rest()  # what still rings is known once all is mixed
                if start >= total + LONGEST_RING_FRAMES or not _rings(parts, mixer):
                    break
            if request.cancelled():
                raise Cancelled("Cancelled")
            frames = BLOCK_FRAMES if plan.loop else min(BLOCK_FRAMES, total - start)
            yield from desk.mixed([part.block(frames) for part in parts], frames)
            start += frames
            request.progress("rendering", min(start / total, 1.0))
        yield from desk.rest()
    soundfont.rest()


def around(events: Sequence[NoteEvent], total: int, *, tied: bool) -> list[NoteEvent]:
    """A loop's notes once and once more after its `total` frames; the second time is not played, but known of.

    With `tied`, a note that lasts to the end and is struck anew at the beginning is held on over it instead.
    """
    once = list(events)
    if tied:
        held = {event.pitch: event for event in once if event.start_frame + event.length_frames >= total - TIED_FRAMES}
        anew = {event.pitch: event for event in once if event.start_frame <= TIED_FRAMES}
        # A note that is both lasts through the whole loop: it has to be struck somewhere.
        both = {pitch for pitch in held.keys() & anew.keys() if held[pitch] is not anew[pitch]}
        gone = {id(anew[pitch]) for pitch in both}
        once = [event for event in once if id(event) not in gone]
        once = [
            replace(event, length_frames=total - event.start_frame + anew[event.pitch].length_frames)
            if event.pitch in both and event is held[event.pitch]
            else event
            for event in once
        ]
    return once + [replace(event, start_frame=event.start_frame + total) for event in once]


def _rings(parts: Sequence[DryPart], mixer: Mixer) -> bool:
    return mixer.ringing or not all(part.finished for part in parts)
