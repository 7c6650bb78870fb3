"""The subtractive synthesiser: a patch and notes go in, tones come out. What needs no note of its own is cached."""

from collections.abc import Sequence

from app.services.instruments.base import NoteEvent
from app.services.instruments.sources import CACHE, Source
from app.services.instruments.synths.blending import Curve, FreeNote, StruckNote
from app.services.instruments.synths.patch import Patch
from app.services.instruments.synths.touch import bright_velocity, touched
from app.services.instruments.synths.waves import Loops, make_loops
from app.services.instruments.tones import Tone
from app.utils.seeds import rng_for
from app.utils.units import midi_to_hz

#: Places at which the slow movement of a free-running note may begin.
PHASES = 16
#: Semitones beyond which a slide is cut short: downward, its bright beginning would come too near the top.
_WIDEST_SLIDE = 12


class OscillatorSynth:
    """An instrument of one patch. `key` names it in the cache, `seed` scatters its free-running notes."""

    def __init__(self, key: str, patch: Patch, seed: int) -> None:
        #: A shifted third alone would cancel some of itself in mono.
        self.crossfeed = 1.0 - patch.width if patch.stereo else 0.0
        self._key = key
        self._patch = patch
        self._seed = seed

    def tones(self, event: NoteEvent, number: int, choke: int | None) -> Sequence[Tone]:
        """The tone of a note."""
        pitch, velocity = min(max(event.pitch, 0), 127), min(max(event.velocity, 1), 127)
        slide = 0 if event.slide_from is None else event.slide_from - pitch
        return [touched(event, self._source(pitch, velocity, number, slide), self._patch.envelope, choke)]

    def exclusive_class(self, event: NoteEvent) -> int:
        """One for all notes of a voice that plays one at a time; else none: they may sound together."""
        del event
        return int(self._patch.mono)

    def _source(self, pitch: int, velocity: int, number: int, slide: int) -> Source:
        loops = CACHE.get(("loops", self._key, pitch), lambda: self._loops(pitch))
        step = bright_velocity(velocity)
        if self._patch.free_running:
            rng = rng_for(self._seed, "synth", self._key, str(number))
            return FreeNote(
                self._patch, loops, self._curve(step, int(rng.integers(PHASES))), int(rng.integers(loops.frames))
            )
        slide = min(max(slide, -_WIDEST_SLIDE), _WIDEST_SLIDE)
        return CACHE.get(
            ("note", self._key, pitch, step, slide),
            lambda: StruckNote(self._patch, loops, self._curve(step, 0), slide),
        )

    def _curve(self, velocity: int, phase: int) -> Curve:
        key = ("curve", self._key, velocity, phase)
        return CACHE.get(key, lambda: Curve(self._patch, velocity, phase / PHASES))

    def _loops(self, pitch: int) -> Loops:
        patch = self._patch
        rng = rng_for(0, "loops", self._key, str(pitch)) if len(patch.waves) > 2 else None
        hertz = midi_to_hz(pitch)
        longer = min(max(220.0 / hertz, 0.4), 2.0) if patch.free_running else 1.0
        return make_loops(patch.waves, patch.tone, hertz, frames=round(patch.loop_frames * longer), rng=rng)
