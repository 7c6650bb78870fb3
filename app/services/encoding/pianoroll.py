"""A score → a picture of its notes: time from left to right, pitch from bottom to top, a colour for each voice."""

from pathlib import Path

import numpy as np

from app.models.plan import Plan
from app.models.score import DRUM_ROLES, Part, Score
from app.services.encoding.colours import WHEEL, to_bytes
from app.services.encoding.draft import write_bytes
from app.services.encoding.png import colour_png

#: Columns in pixels; they last as long as the track, so that a page can run a line over the picture as it plays.
WIDTH = 1_600
#: Rows of a pitch, of the space between pitches and drums, and of the narrowest picture, in pixels.
PITCH_ROWS = 8
GAP_ROWS = 12
FEWEST_PITCHES = 24

_GROUND = np.array([0.07, 0.08, 0.11])
_BLACK_KEY_GROUND = np.array([0.05, 0.055, 0.08])
_BAR_LINE = np.array([0.17, 0.18, 0.23])
_SECTION_LINE = np.array([0.45, 0.47, 0.55])
_BLACK_KEYS = (1, 3, 6, 8, 10)


def write_piano_roll(score: Score, plan: Plan, path: Path) -> None:
    """Write the picture as PNG, WIDTH pixels wide: pitched voices above, drums below. `StorageFailed`."""
    drums = [part for part in score.parts if plan.voice(part.voice).role in DRUM_ROLES]
    pitched = [part for part in score.parts if part not in drums]
    lanes = [_Lane(parts) for parts in (pitched, drums) if any(part.notes for part in parts)] or [_Lane([])]
    rows = sum(lane.rows for lane in lanes) + GAP_ROWS * (len(lanes) - 1)
    pixels = np.tile(_GROUND, (rows, WIDTH, 1))
    colours = {part.voice: WHEEL[number % len(WHEEL)] for number, part in enumerate([*pitched, *drums])}

    def column(beat: float) -> int:
        return min(WIDTH, max(0, round(score.seconds_at(beat) / plan.duration_s * WIDTH)))

    top = 0
    for lane in lanes:
        _draw_ground(pixels[top : top + lane.rows], lane, piano=lane.parts != drums)
        top += lane.rows + GAP_ROWS
    for beat in np.arange(0.0, score.length_beats, plan.beats_per_bar):
        pixels[:, min(column(float(beat)), WIDTH - 1)] = _BAR_LINE
    for beat, _ in score.markers:
        pixels[:, min(column(beat), WIDTH - 1)] = _SECTION_LINE
    top = 0
    for lane in lanes:
        for part in lane.parts:
            for note in part.notes:
                first = column(note.start_beat)
                last = max(first + 2, column(note.start_beat + note.length_beats) - 1)
                row = top + (lane.highest - note.pitch) * PITCH_ROWS
                strength = 0.45 + 0.55 * note.velocity / 127
                pixels[row + 1 : row + PITCH_ROWS, first:last] = colours[part.voice] * strength
        top += lane.rows + GAP_ROWS
    write_bytes(path, colour_png(to_bytes(pixels)))


class _Lane:
    """Parts that share one scale of pitches, with a little room on both sides."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        pitches = [note.pitch for part in parts for note in part.notes] or [60]
        room = max(1, (FEWEST_PITCHES - (max(pitches) - min(pitches))) // 2)
        self.highest = max(pitches) + room
        self.rows = (self.highest - min(pitches) + room + 1) * PITCH_ROWS


def _draw_ground(pixels: "np.ndarray[tuple[int, int, int], np.dtype[np.float64]]", lane: _Lane, *, piano: bool) -> None:
    for place in range(lane.rows // PITCH_ROWS):
        pitch = lane.highest - place
        if (piano and pitch % 12 in _BLACK_KEYS) or (not piano and pitch % 2):
            pixels[place * PITCH_ROWS : (place + 1) * PITCH_ROWS] = _BLACK_KEY_GROUND
