"""Pads and drones: slow, wide, always moving a little."""

from app.services.instruments.envelopes import Envelope
from app.services.instruments.synths.patch import Brightness, Patch
from app.services.instruments.synths.waves import Lowpass, Wave, glassy, saw, sine, triangle

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
