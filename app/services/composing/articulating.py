"""Notes of one voice and the manner it was asked for go in, how long they sound and how chords open comes out."""

import numpy as np
from numpy.typing import NDArray

from app.models.plan import Voice
from app.services.composing.limits import SHORTEST_BEATS

#: Manners in which notes are cut short, and the share of their length that is left.
SHORTENED = {"staccato": 0.45, "palm_muted": 0.4, "pizzicato": 0.6}

#: Legato reaches into the next note by so much, and over gaps up to so long, in beats.
OVERLAP_BEATS, WIDEST_GAP_BEATS = 0.04, 1.0

#: How long a chord takes to open, at least, by manner, in milliseconds.
OPENING_MS = {"strummed": 38.0, "arpeggiated": 120.0}


def articulated(
    starts: NDArray[np.float64], ends: NDArray[np.float64], voice: Voice, *, length_beats: float
) -> NDArray[np.float64]:
    """Ends in beats of a voice's notes as its manner has them; unchanged where it was asked for none.

    `starts` and `ends` are of one shape, in the order of the starts; the last ends are kept inside the piece.
    """
    shortened = [share for manner, share in SHORTENED.items() if manner in voice.manner]
    if shortened:
        return starts + np.maximum((ends - starts) * min(shortened), SHORTEST_BEATS)
    if "legato" in voice.manner:
        moments = np.unique(starts)
        following = np.append(moments[1:], length_beats)[np.searchsorted(moments, starts)]
        near = (following > ends) & (following - ends <= WIDEST_GAP_BEATS)
        joined: NDArray[np.float64] = np.where(near, np.minimum(following + OVERLAP_BEATS, length_beats), ends)
        return joined
    return ends


def opening_ms(voice: Voice, width_ms: float) -> float:
    """Milliseconds in which the notes of a chord follow each other: the style's, or more if asked for."""
    return max([width_ms, *(width for manner, width in OPENING_MS.items() if manner in voice.manner)])
