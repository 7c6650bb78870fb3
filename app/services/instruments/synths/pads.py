"""Pads and drones: slow, wide, always moving a little."""

from app.services.instruments.envelopes import Envelope
from app.services.instruments.synths.patch import Brightness, Patch
from app.services.instruments.synths.waves import Lowpass, Wave, glassy, pulse, saw, sine, triangle

ANALOG_PAD = Patch(
    waves=(
        Wave(shape=saw, cents=-9.0, level=0.8, side=-1),
        Wave(shape=saw, cents=-3.0, level=0.8, side=1),
        Wave(shape=saw, cents=0.0, level=0.7),
        Wave(shape=saw, cents=8.0, level=0.8, side=-1),
        Wave(shape=saw, ratio=2.0, cents=4.0, level=0.25, side=1),
    ),
    tone=Lowpass(darkest_hz=450.0, brightest_hz=5_500.0, variants=4, tracking=0.5, poles=3),
    brightness=Brightness(base=0.25, by_velocity=0.3, sweep=0.25, sweep_rise_s=0.8, sweep_fall_s=4.0,
                          wander=0.16, wander_hz=0.11),
    envelope=Envelope(attack_s=0.28, decay_s=12.0, sustain_db=2.0, release_s=4.0),
    loop_frames=131_072,
    free_running=True,
)  # fmt: skip

GLASS_PAD = Patch(
    waves=(
        Wave(shape=glassy, cents=-4.0, side=-1),
        Wave(shape=glassy, cents=4.0, side=1),
        Wave(shape=sine, level=0.8),
        Wave(shape=sine, ratio=2.0, cents=3.0, level=0.4, side=-1),
        Wave(shape=triangle, ratio=4.0, cents=-5.0, level=0.16, side=1),
    ),
    tone=Lowpass(darkest_hz=700.0, brightest_hz=9_000.0, variants=4, tracking=0.6, poles=2),
    brightness=Brightness(base=0.3, by_velocity=0.3, sweep=0.3, sweep_rise_s=0.5, sweep_fall_s=2.5,
                          wander=0.25, wander_hz=0.17),
    envelope=Envelope(attack_s=0.16, decay_s=16.0, sustain_db=3.0, release_s=5.0),
    loop_frames=131_072,
    free_running=True,
)  # fmt: skip

DRONE = Patch(
    waves=(
        Wave(shape=saw, cents=-5.0, level=0.45, side=-1),
        Wave(shape=saw, cents=5.0, level=0.45, side=1),
        Wave(shape=triangle, level=1.2),
        Wave(shape=saw, ratio=1.5, cents=2.0, level=0.22, side=1),
        Wave(shape=saw, ratio=2.0, cents=-6.0, level=0.3, side=-1),
        Wave(shape=sine, ratio=3.0, cents=7.0, level=0.12, side=1),
    ),
    tone=Lowpass(darkest_hz=220.0, brightest_hz=2_600.0, variants=5, tracking=0.35, poles=4, resonance_db=4.0),
    brightness=Brightness(base=0.3, by_velocity=0.25, sweep=0.15, sweep_rise_s=2.0, sweep_fall_s=9.0,
                          wander=0.28, wander_hz=0.061),
    envelope=Envelope(attack_s=1.2, decay_s=30.0, sustain_db=1.0, release_s=8.0),
    loop_frames=131_072,
    free_running=True,
)  # fmt: skip

#: A filter with a resonance of its own sweeps slowly up and down through a fifth of saws.
SWEEPING_PAD = Patch(
    waves=(
        Wave(shape=saw, cents=-11.0, level=0.8, side=-1),
        Wave(shape=saw, cents=0.0, level=0.6),
        Wave(shape=saw, cents=10.0, level=0.8, side=1),
        Wave(shape=pulse(0.3), cents=-4.0, level=0.4, side=1),
        Wave(shape=saw, ratio=0.5, cents=2.0, level=0.35),
        Wave(shape=saw, ratio=2.0, cents=-6.0, level=0.22, side=-1),
    ),
    tone=Lowpass(darkest_hz=320.0, brightest_hz=7_000.0, variants=9, tracking=0.45, poles=4, resonance_db=7.0),
    brightness=Brightness(
        base=0.3, by_velocity=0.2, sweep=0.2, sweep_rise_s=1.6, sweep_fall_s=6.0, wander=0.27, wander_hz=0.09
    ),
    envelope=Envelope(attack_s=0.5, decay_s=16.0, sustain_db=1.0, release_s=5.0),
    loop_frames=131_072,
    free_running=True,
)

#: A string machine of the seventies: octaves of saws through a chorus that never rests.
STRING_MACHINE = Patch(
    waves=(
        *(Wave(shape=saw, cents=cents, level=0.7, side=side) for cents, side in ((-13.0, -1), (1.0, 1), (14.0, -1))),
        *(
            Wave(shape=saw, ratio=2.0, cents=cents, level=0.5, side=side)
            for cents, side in ((-11.0, 1), (-1.0, -1), (12.0, 1))
        ),
        *(Wave(shape=saw, level=0.16, beside_hz=beside_hz, side=side) for beside_hz, side in ((-6.1, 1), (6.1, -1))),
    ),
    tone=Lowpass(darkest_hz=1_100.0, brightest_hz=6_500.0, variants=3, tracking=0.6, poles=2),
    brightness=Brightness(
        base=0.35, by_velocity=0.35, sweep=0.15, sweep_rise_s=0.2, sweep_fall_s=2.0, wander=0.1, wander_hz=0.6
    ),
    envelope=Envelope(attack_s=0.09, decay_s=20.0, sustain_db=1.0, release_s=2.2),
    loop_frames=131_072,
    free_running=True,
)

#: High, thin and slow, like light on water: octaves and a twelfth of a few harmonics each.
SHIMMER = Patch(
    waves=(
        Wave(shape=triangle, cents=-5.0, level=0.55, side=-1),
        Wave(shape=triangle, cents=5.0, level=0.55, side=1),
        Wave(shape=glassy, ratio=2.0, cents=-7.0, level=0.7, side=1),
        Wave(shape=glassy, ratio=2.0, cents=6.0, level=0.7, side=-1),
        Wave(shape=sine, ratio=3.0, cents=4.0, level=0.35, side=-1),
        Wave(shape=sine, ratio=4.0, beside_hz=3.3, level=0.4, side=1),
        Wave(shape=sine, ratio=4.0, beside_hz=-2.6, level=0.4, side=-1),
    ),
    tone=Lowpass(darkest_hz=900.0, brightest_hz=11_000.0, variants=6, tracking=0.5, poles=2),
    brightness=Brightness(
        base=0.3, by_velocity=0.2, sweep=0.3, sweep_rise_s=1.2, sweep_fall_s=5.0, wander=0.3, wander_hz=0.13
    ),
    envelope=Envelope(attack_s=0.9, decay_s=24.0, sustain_db=2.0, release_s=7.0),
    loop_frames=131_072,
    width=0.4,
    free_running=True,
)

#: Something large in the dark: a low saw with neighbours a few hertz off, and tones that belong to no chord.
DARK_DRONE = Patch(
    waves=(
        Wave(shape=saw, level=0.9),
        Wave(shape=saw, beside_hz=-1.3, level=0.5, side=-1),
        Wave(shape=saw, beside_hz=1.7, level=0.5, side=1),
        Wave(shape=sine, level=1.2),
        Wave(shape=sine, ratio=2.76, level=0.22, side=1),
        Wave(shape=sine, ratio=5.4, level=0.12, side=-1),
        Wave(shape=sine, ratio=8.93, level=0.07, side=1),
        Wave(shape=triangle, ratio=1.0, beside_hz=4.9, level=0.3, side=-1),
    ),
    tone=Lowpass(darkest_hz=160.0, brightest_hz=2_200.0, variants=8, tracking=0.3, poles=4, resonance_db=8.0),
    brightness=Brightness(
        base=0.25, by_velocity=0.2, sweep=0.15, sweep_rise_s=2.5, sweep_fall_s=8.0, wander=0.25, wander_hz=0.07
    ),
    envelope=Envelope(attack_s=1.1, decay_s=30.0, sustain_db=1.0, release_s=7.0),
    loop_frames=131_072,
    free_running=True,
)
