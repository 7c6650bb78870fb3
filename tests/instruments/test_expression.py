"""A course of strength as it is heard: the part's own samples, louder and softer."""

import numpy as np

from app.models.audio import SAMPLE_RATE
from app.services.dsp.cells import CELL_FRAMES
from app.services.instruments import SoundFont, open_part
from app.services.instruments.expression import ExpressivePart
from tests.instruments.playing import listen, note, play, voice


def test_a_held_note_grows_as_its_course_says(font: SoundFont) -> None:
    events = [note(60, 0.0, 3.0)]
    plain = play("string_ensemble", events, font, seconds=3.0)
    course = [(0, 0.5), (2 * SAMPLE_RATE, 1.0)]
    grown = listen(ExpressivePart(open_part(voice("string_ensemble"), events, soundfont=font, seed=1), course), 3.0)

    gains = np.interp(np.arange(len(plain)), [0, 2 * SAMPLE_RATE], [0.5, 1.0])
    np.testing.assert_allclose(grown, plain * gains[:, None], atol=1e-5)


def test_in_a_loop_the_course_begins_again(font: SoundFont) -> None:
    events = [note(60, 0.0, 2.0)]
    plain = play("string_ensemble", events, font, seconds=2.0)
    course = [(0, 0.5), (SAMPLE_RATE // 2, 1.0)]
    part = open_part(voice("string_ensemble"), events, soundfont=font, seed=1)
    looped = listen(ExpressivePart(part, course, period=SAMPLE_RATE), 2.0)

    begun = SAMPLE_RATE + CELL_FRAMES  # a leap takes a cell
    np.testing.assert_allclose(looped[begun], plain[begun] * (0.5 + CELL_FRAMES / SAMPLE_RATE), atol=1e-6)
    np.testing.assert_allclose(looped[SAMPLE_RATE * 3 // 2], plain[SAMPLE_RATE * 3 // 2], rtol=2e-3)
