"""Organs: tone wheels drawn by the nine bars, heard through a cabinet whose horn goes round."""

from app.services.instruments.envelopes import Envelope
from app.services.instruments.synths.patch import Brightness, Patch
from app.services.instruments.synths.waves import Lowpass, Wave, sine

#: Bars (16′, 5⅓′, 8′, 4′, 2⅔′, 2′, 1′) as frequency against the note's, and how far they are drawn.
#: The quints are held back: in chords they would sound a harmony of their own.
_BARS = ((0.5, 0.75), (1.5, 0.15), (1.0, 1.0), (2.0, 0.55), (3.0, 0.22), (4.0, 0.25), (8.0, 0.1))
#: Turns of the horn a second, fast ("tremolo"), and the depth of what each turn does to the bars from 8′ up.
_HORN_HZ, _DEPTH = 6.4, 0.17

TONEWHEEL_ORGAN = Patch(
    waves=(
        *(Wave(shape=sine, ratio=ratio, level=level) for ratio, level in _BARS),
        # Going round makes each bar louder and softer, sharper and flatter: a neighbour on either side, which arrives
        # at the two ears a third of a turn apart.
        *(
            Wave(shape=sine, ratio=ratio, level=_DEPTH * level, beside_hz=side * _HORN_HZ, side=side)
            for ratio, level in _BARS
            if ratio >= 1.0
            for side in (-1, 1)
        ),
    ),
    # The click of the keys: a few milliseconds in which the upper bars speak alone.
    tone=Lowpass(darkest_hz=2_200.0, brightest_hz=12_000.0, variants=2, tracking=0.2, poles=1),
    brightness=Brightness(base=0.25, by_velocity=0.35, sweep=0.5, sweep_rise_s=0.001, sweep_fall_s=0.03),
    envelope=Envelope(attack_s=0.004, decay_s=1_000.0, sustain_db=0.0, release_s=0.12),
    loop_frames=65_536,
    width=0.5,
    free_running=True,
)
