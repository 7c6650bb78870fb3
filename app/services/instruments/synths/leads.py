"""Leads: bright voices that carry a melody."""

from app.services.instruments.envelopes import Envelope
from app.services.instruments.synths.patch import Brightness, Patch
from app.services.instruments.synths.waves import Lowpass, Wave, pulse, saw, square

#: Seven saws, the detuning of a well-known keyboard of 1996 at a medium setting: cents, level, side.
_SEVEN = (
    (0.0, 1.0, 0),
    (-19.0, 0.55, -1),
    (-11.0, 0.6, 1),
    (-4.0, 0.65, -1),
    (4.0, 0.65, 1),
    (11.0, 0.6, -1),
    (20.0, 0.55, 1),
)

SUPERSAW = Patch(
    waves=tuple(Wave(shape=saw, cents=cents, level=level, side=side) for cents, level, side in _SEVEN),
    tone=Lowpass(darkest_hz=900.0, brightest_hz=16_000.0, variants=4, tracking=0.4),
    brightness=Brightness(base=0.3, by_velocity=0.45, sweep=0.3, sweep_rise_s=0.004, sweep_fall_s=0.35),
    envelope=Envelope(attack_s=0.006, decay_s=3.0, sustain_db=3.0, release_s=0.9),
    loop_frames=98_304,
    free_running=True,
)

ANALOG_LEAD = Patch(
    waves=(
        Wave(shape=saw, cents=-4.0),
        Wave(shape=saw, cents=4.0, level=0.9),
        Wave(shape=square, ratio=0.5, cents=1.0, level=0.3),
    ),
    tone=Lowpass(darkest_hz=500.0, brightest_hz=11_000.0, variants=7, tracking=0.6, poles=3, resonance_db=3.0),
    brightness=Brightness(base=0.3, by_velocity=0.3, sweep=0.35, sweep_rise_s=0.006, sweep_fall_s=0.45),
    envelope=Envelope(attack_s=0.006, decay_s=4.0, sustain_db=4.0, release_s=0.6),
    loop_frames=65_536,
    vibrato_cents=9.0,
)

#: Two pulses of different width, slightly apart: their sum drifts as a modulated pulse width does.
PULSE_LEAD = Patch(
    waves=(Wave(shape=pulse(0.5), cents=-3.0), Wave(shape=pulse(0.3), cents=3.5, level=0.8)),
    tone=Lowpass(darkest_hz=700.0, brightest_hz=12_000.0, variants=6, tracking=0.6, poles=2),
    brightness=Brightness(
        base=0.4, by_velocity=0.3, sweep=0.25, sweep_rise_s=0.004, sweep_fall_s=0.3, wander=0.06, wander_hz=0.7
    ),
    envelope=Envelope(attack_s=0.005, decay_s=4.0, sustain_db=4.0, release_s=0.5),
    loop_frames=65_536,
    vibrato_cents=8.0,
)
