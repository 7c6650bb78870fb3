"""Makes instruments comparable: an instrument goes in, the gain that brings it to the reference loudness comes out.

A standard line is played dry and measured once a process for each font and instrument (ITU-R BS.1770 gated loudness).
"""

import threading
from collections.abc import Callable, Sequence

import numpy as np

from app.models.audio import SAMPLE_RATE
from app.services.dsp.loudness import LoudnessMeter
from app.services.instruments.base import NoteEvent
from app.services.instruments.lines import line_of
from app.services.instruments.player import Instrument, PlayedPart
from app.services.theory.instruments import InstrumentRow
from app.utils.units import db_to_gain, seconds_to_frames

#: Loudness of the standard line after calibration.
REFERENCE_LUFS = -23.0
_VELOCITY = 90
#: Semitones around the middle of the range; a second of music and its ring.
_LINE = (-5, 0, 4, 7)
_NOTE_S = 0.5
#: Drum keys in half beats of a quarter second: a plain beat of kick, snare and hats.
_BEAT = ((36, 42), (42,), (38, 42), (42,), (36, 42), (36, 42), (38, 42), (46,))
_BEAT_STEP_S = 0.25
#: No instrument is lifted or lowered further than this; what is silent stays so.
_FURTHEST_DB = 40.0

#: The line is heard in steps of this, to the end of the last that it begins in: how much of what rings on counts.
_STEP_FRAMES = 32_768

_gains: dict[tuple[str, str], float] = {}
_lock = threading.Lock()


def calibrated_gain(row: InstrumentRow, font_sha256: str, make: Callable[[], Instrument]) -> float:
    """Gain at which the instrument's standard line measures REFERENCE_LUFS. `make` builds it where it is measured."""
    key = (font_sha256, row.key)
    with _lock:
        known = _gains.get(key)
    if known is None:
        known = _measured_gain(make(), line_of(row.key, standard_line(row)))
        with _lock:
            _gains[key] = known
    return known


def standard_line(row: InstrumentRow) -> list[NoteEvent]:
    """Two seconds that show how loud an instrument is: four notes of its middle range, or a plain beat."""
    if row.is_drums:
        step = seconds_to_frames(_BEAT_STEP_S, SAMPLE_RATE)
        return [
            NoteEvent(start_frame=place * step, length_frames=step, pitch=key, velocity=_VELOCITY)
            for place, keys in enumerate(_BEAT)
            for key in keys
        ]
    middle = (row.low_pitch + row.high_pitch) // 2
    length = seconds_to_frames(_NOTE_S, SAMPLE_RATE)
    return [
        NoteEvent(start_frame=place * length, length_frames=length, pitch=middle + offset, velocity=_VELOCITY)
        for place, offset in enumerate(_LINE)
    ]


def _measured_gain(instrument: Instrument, line: Sequence[NoteEvent]) -> float:
    part = PlayedPart(instrument, line)
    meter = LoudnessMeter()
    frames = max(event.start_frame + event.length_frames for event in line)
    for _ in range(-(-frames // _STEP_FRAMES)):
        meter.add(part.block(_STEP_FRAMES).astype(np.float32))
    return db_to_gain(float(np.clip(REFERENCE_LUFS - meter.integrated_lufs, -_FURTHEST_DB, _FURTHEST_DB)))
