"""What plucks, bells and electric pianos share: each pitch and weight is made once, mono or stereo, and dies away."""

from collections.abc import Callable, Sequence

from app.services.instruments.base import NoteEvent
from app.services.instruments.envelopes import Envelope
from app.services.instruments.sources import CACHE, GrowingSource
from app.services.instruments.synths.touch import bright_velocity, touched
from app.services.instruments.tones import Tone

#: A pitch and a velocity 1…127 become a source.
Recipe = Callable[[int, int], GrowingSource]


class StruckSynth:
    """An instrument whose notes come from a recipe."""

    def __init__(self, key: str, recipe: Recipe, envelope: Envelope) -> None:
        self.crossfeed = 0.0
        self._key, self._recipe, self._envelope = key, recipe, envelope

    def tones(self, event: NoteEvent, number: int, choke: int | None) -> Sequence[Tone]:
        """The tone of a note; which note of its part it is does not matter here."""
        del number
        pitch, step = min(max(event.pitch, 0), 127), bright_velocity(min(max(event.velocity, 1), 127))
        source = CACHE.get(("note", self._key, pitch, step), lambda: self._recipe(pitch, step))
        return [touched(event, source, self._envelope, choke)]

    def exclusive_class(self, event: NoteEvent) -> int:
        """None: all notes may sound together."""
        del event
        return 0
