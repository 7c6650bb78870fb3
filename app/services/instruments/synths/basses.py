"""Basses: what the low end of electronic music is made of."""

from app.services.instruments.envelopes import Envelope
from app.services.instruments.synths.patch import Brightness, Patch
from app.services.instruments.synths.waves import Lowpass, Wave, driven, rounded, saw, sine, square, upper_saw

SUB_BASS = Patch(
    waves=(Wave(shape=rounded),),
    tone=Lowpass(darkest_hz=260.0, brightest_hz=1_200.0, variants=3, tracking=0.3),
    brightness=Brightness(base=0.2, by_velocity=0.5, sweep=0.3, sweep_fall_s=0.08),
    envelope=Envelope(attack_s=0.006, decay_s=6.0, sustain_db=3.0, release_s=0.7),
    loop_frames=8_192,
)

#: Saws that grind against each other above a sine that stands still: if they beat in the lowest octave too, it would
#: come and go.
REESE_BASS = Patch(
    waves=(
        Wave(shape=upper_saw, cents=-19.0, level=0.9, side=-1),
        Wave(shape=upper_saw, cents=0.0, level=0.6),
        Wave(shape=upper_saw, cents=17.0, level=0.9, side=1),
        Wave(shape=sine, level=1.5),
    ),
    tone=Lowpass(darkest_hz=380.0, brightest_hz=7_000.0, variants=6, tracking=0.2, poles=4, resonance_db=5.0),
    brightness=Brightness(base=0.32, by_velocity=0.25, sweep=0.15, sweep_fall_s=0.25, wander=0.24, wander_hz=0.29),
    envelope=Envelope(attack_s=0.008, decay_s=6.0, sustain_db=2.0, release_s=0.8),
    loop_frames=81_920,
    width=0.35,
    free_running=True,
)

#: Saws through a filter that opens after each note has begun and closes again: what its rhythm is, its colour is too.
WOBBLE_BASS = Patch(
    waves=(
        Wave(shape=upper_saw, cents=-9.0, level=1.0, side=-1),
        Wave(shape=square, cents=0.0, level=0.7),
        Wave(shape=upper_saw, cents=9.0, level=1.0, side=1),
        Wave(shape=sine, level=1.6),
    ),
    tone=Lowpass(darkest_hz=150.0, brightest_hz=5_200.0, variants=28, tracking=0.15, poles=4, resonance_db=11.0),
    brightness=Brightness(base=0.08, by_velocity=0.1, sweep=2.0, sweep_rise_s=0.07, sweep_fall_s=0.11, accent=0.3),
    envelope=Envelope(attack_s=0.005, decay_s=6.0, sustain_db=2.0, release_s=0.25),
    loop_frames=49_152,
    width=0.4,
    mono=True,
    glide_s=0.05,
)

#: One saw, one steep filter that rings: accents open it further, and it slides from note to note.
ACID_BASS = Patch(
    waves=(Wave(shape=saw),),
    tone=Lowpass(darkest_hz=260.0, brightest_hz=6_500.0, variants=28, tracking=0.25, poles=4, resonance_db=22.0),
    brightness=Brightness(base=0.1, by_velocity=0.2, sweep=0.6, sweep_rise_s=0.003, sweep_fall_s=0.17, accent=0.3),
    envelope=Envelope(attack_s=0.003, decay_s=2.5, sustain_db=9.0, release_s=0.35),
    mono=True,
    glide_s=0.06,
)

#: The long bass drum of a famous machine, tuned: struck an octave and a half high, driven, and left to ring.
LONG_808 = Patch(
    waves=(Wave(shape=driven),),
    tone=Lowpass(darkest_hz=220.0, brightest_hz=2_400.0, variants=6, tracking=0.3, poles=3),
    brightness=Brightness(base=0.12, by_velocity=0.25, sweep=0.55, sweep_rise_s=0.001, sweep_fall_s=0.06),
    envelope=Envelope(attack_s=0.002, decay_s=4.2, sustain_db=96.0, release_s=0.45),
    loop_frames=8_192,
    mono=True,
    glide_s=0.14,
    drop_cents=1_900.0,
    drop_s=0.009,
)

ANALOG_BASS = Patch(
    waves=(Wave(shape=saw), Wave(shape=square, cents=3.0, level=0.55), Wave(shape=sine, level=0.5)),
    tone=Lowpass(darkest_hz=200.0, brightest_hz=5_000.0, variants=14, tracking=0.3, poles=4, resonance_db=5.0),
    brightness=Brightness(base=0.12, by_velocity=0.28, sweep=0.4, sweep_rise_s=0.003, sweep_fall_s=0.14),
    envelope=Envelope(attack_s=0.003, decay_s=3.0, sustain_db=6.0, release_s=0.4),
    loop_frames=49_152,
)
