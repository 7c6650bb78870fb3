"""How hard a note is struck: what its velocity means for loudness and brightness, the same for all synthesisers."""

from app.services.instruments.base import NoteEvent
from app.services.instruments.envelopes import Envelope
from app.services.instruments.sources import Source
from app.services.instruments.tones import Tone

#: How loudness follows velocity: amplitude is (velocity / 127) to this power.
_POWER = 1.7
#: Velocities in one step of brightness.
_STEP = 12


def bright_velocity(velocity: int) -> int:
    """The velocity that stands for its whole step: notes of one step are equally bright, and share what is made once.

    >>> bright_velocity(60), bright_velocity(71), bright_velocity(127)
    (66, 66, 126)
    """
    return min(velocity // _STEP * _STEP + _STEP // 2, 127)


def touched(event: NoteEvent, source: Source, envelope: Envelope, choke: int | None) -> Tone:
    """The one tone of a note, as loud as its velocity says."""
    velocity = min(max(event.velocity, 1), 127)
    return Tone(
        source,
        envelope,
        start=event.start_frame,
        length=event.length_frames,
        gain=(velocity / 127) ** _POWER,
        choke=choke,
    )
