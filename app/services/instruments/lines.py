"""A part's notes as its instrument takes them: what slides, slides from note to note; what goes on, goes on.

Rule: nothing here makes a note louder, or another pitch sound than those written.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from app.models.audio import SAMPLE_RATE
from app.services.instruments.base import NoteEvent

Line = Sequence[NoteEvent]

#: A note that begins within so many frames after the one before has ended is played legato.
_LEGATO_FRAMES = SAMPLE_RATE // 40
#: So soon after the one before, a leap upward is played as a slide too: that is how sequencers of the eighties leapt.
_QUICK_FRAMES = round(0.3 * SAMPLE_RATE)
_LEAP = 5
#: Rests in which rain does not stop.
_BREATH_FRAMES = SAMPLE_RATE


def slid(line: Line) -> list[NoteEvent]:
    """Notes of a mono synth: into one that is played legato, or leapt up to, it slides, and what was held reaches it.

    A note struck together with others stays plain.
    """
    made: list[NoteEvent] = []
    for event in line:
        before = made[-1] if made else None
        if before is not None and before.start_frame < event.start_frame and before.pitch != event.pitch:
            rest = event.start_frame - before.start_frame - before.length_frames
            leapt = event.pitch - before.pitch >= _LEAP and event.start_frame - before.start_frame <= _QUICK_FRAMES
            if rest <= _LEGATO_FRAMES or leapt:
                made[-1] = replace(before, length_frames=event.start_frame - before.start_frame)
                event = replace(event, slide_from=before.pitch)
        made.append(event)
    return made


def joined(line: Line) -> list[NoteEvent]:
    """Notes of what has no pitch and no beat: those that touch, or nearly, are one, as loud as the first."""
    made: list[NoteEvent] = []
    for event in line:
        before = made[-1] if made else None
        if before is not None and event.start_frame - before.start_frame - before.length_frames <= _BREATH_FRAMES:
            end = max(before.start_frame + before.length_frames, event.start_frame + event.length_frames)
            made[-1] = replace(before, length_frames=end - before.start_frame)
        else:
            made.append(event)
    return made


#: Instruments that take their notes otherwise than one by one.
MANNERS: dict[str, Callable[[Line], list[NoteEvent]]] = {
    "acid_bass": slid, "long_808": slid, "vinyl_crackle": joined, "rain": joined, "wind": joined, "sea_waves": joined,
}  # fmt: skip


def line_of(instrument: str, events: Line, until: int | None = None) -> Line:
    """The notes, in order of their starts, as an instrument takes them; those from frame `until` on for themselves.

    What a loop plays a second time only tells where the first time ends: nothing goes on into it.
    """
    manner = MANNERS.get(instrument)
    if manner is None:
        return events
    line = sorted(events, key=lambda event: (event.start_frame, event.pitch))
    first = [event for event in line if until is None or event.start_frame < until]
    return manner(first) + manner(line[len(first) :])
