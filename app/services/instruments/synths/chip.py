"""Voices of the game consoles of the eighties, band-limited."""

from app.services.instruments.envelopes import Envelope
from app.services.instruments.synths.patch import Brightness, Patch
from app.services.instruments.synths.waves import Lowpass, Wave, pulse, stepped_triangle


def _pulse_voice(duty: float) -> Patch:
    """A pulse channel at one of its duty cycles."""
    return Patch(
        waves=(Wave(shape=pulse(duty)),),
        tone=Lowpass(darkest_hz=2_500.0, brightest_hz=18_000.0, variants=3, tracking=0.3),
        brightness=Brightness(base=0.4, by_velocity=0.6),
        envelope=Envelope(attack_s=0.002, decay_s=5.0, sustain_db=8.0, release_s=0.12),
        vibrato_cents=14.0,
        vibrato_hz=6.0,
        vibrato_delay_s=0.25,
    )


#: The duty cycles of the 2A03: a quarter, a half (hollow), an eighth (thin).
CHIP_PULSE, CHIP_SQUARE, CHIP_THIN = (_pulse_voice(duty) for duty in (0.25, 0.5, 0.125))

CHIP_TRIANGLE = Patch(
    waves=(Wave(shape=stepped_triangle),),
    tone=Lowpass(darkest_hz=3_000.0, brightest_hz=16_000.0, variants=3, tracking=0.3),
    brightness=Brightness(base=0.4, by_velocity=0.6),
    envelope=Envelope(attack_s=0.002, decay_s=20.0, sustain_db=2.0, release_s=0.1),
)
