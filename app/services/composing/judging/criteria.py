"""The criteria by which candidates are judged: what is measured, how much of it is good, how much it counts.

After Huron, Sweet Anticipation (2006), for steps, arches and rests; von Hippel and Huron, "Why do skips precede
reversals?" (2000); Temperley, Music and Probability (2007), for range and strong beats; Piston, Harmony (1941), for
parallels, bass and cadences; Krumhansl, Cognitive Foundations of Musical Pitch (1990), for the key; Lartillot and
others, "Multi-feature modeling of pulse clarity" (2008), for the beat; chord pace and variety after the human game
music that the quality goals were taken from.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.models.composition import Criterion
from app.services.composing.judging import lines, together
from app.services.composing.judging.hearing import Hearing
from app.services.composing.judging.pulse import pulse


@dataclass(frozen=True, slots=True)
class Judge:
    """A criterion with its measure and its taste."""

    criterion: Criterion
    measure: Callable[[Hearing], float | None]
    #: (quantity, score) in rising order; between them the score is interpolated, beyond them it stays.
    taste: tuple[tuple[float, float], ...]

    def score(self, hearing: Hearing) -> float | None:
        """0…1, or None where the music has too little to say."""
        quantity = self.measure(hearing)
        if quantity is None:
            return None
        quantities, scores = zip(*self.taste, strict=True)
        return round(float(np.interp(quantity, quantities, scores)), 4)


def _judge(
    name: str, meaning: str, weight: float, measure: Callable[[Hearing], float | None], *taste: tuple[float, float]
) -> Judge:
    return Judge(Criterion(name=name, meaning=meaning, weight=weight), measure, taste)


CRITERIA: tuple[Judge, ...] = (
    _judge(
        "motif_returns", "Share of the melody's bars whose rhythm and contour were heard before; most, but not all.",
        1.5, lines.motif_returns, (0.0, 0.0), (0.4, 1.0), (0.8, 1.0), (1.0, 0.5),
    ),
    _judge(
        "single_peaks", "Share of phrases that reach their highest note once.",
        1.0, lines.single_peaks, (0.2, 0.0), (0.8, 1.0),
    ),
    _judge(
        "climax", "Share of the melody's highest notes that stand in the strongest section, and are few.",
        1.0, lines.climax, (0.0, 0.0), (1.0, 1.0),
    ),
    _judge(
        "steps", "Share of the melody's moves that are steps; leaps are the spice.",
        1.0, lines.steps, (0.2, 0.0), (0.5, 1.0), (0.8, 1.0), (1.0, 0.4),
    ),
    _judge(
        "leaps_recovered", "Share of leaps after which the melody turns back.",
        0.7, lines.leaps_recovered, (0.3, 0.0), (0.75, 1.0),
    ),
    _judge(
        "compass", "Semitones from the melody's lowest to its highest note; an octave to two can be sung.",
        0.7, lines.compass, (5.0, 0.0), (11.0, 1.0), (22.0, 1.0), (32.0, 0.0),
    ),
    _judge(
        "rests", "Share of the time in which the melody breathes.",
        0.7, lines.rests, (0.0, 0.2), (0.1, 1.0), (0.4, 1.0), (0.8, 0.0),
    ),
    _judge(
        "rhythmic_variety", "Entropy of the rhythms of the melody's bars, in bits; not one only, nor always new.",
        1.0, lines.rhythm_bits, (0.3, 0.0), (1.6, 1.0), (3.5, 1.0), (5.5, 0.3),
    ),
    _judge(
        "strong_beats", "Share of the melody's weighty notes that belong to the chord under them.",
        1.5, lines.strong_beats, (0.5, 0.0), (0.9, 1.0),
    ),
    _judge(
        "cadences", "Share of phrases that come to rest in their chord, and of sections that close in their key.",
        1.2, lines.cadences, (0.3, 0.0), (0.9, 1.0),
    ),
    _judge(
        "clashes", "Share of the melody's time in which it rubs against another voice; little.",
        1.2, together.clashes, (0.0, 1.0), (0.2, 0.0),
    ),
    _judge(
        "parallels", "Share of moves in parallel octaves and fifths between melody and bass; few.",
        0.7, together.parallels, (0.0, 1.0), (0.2, 0.0),
    ),
    _judge(
        "bass_moves", "Share of chord changes at which the bass goes on by at most a fifth.",
        0.7, together.bass_moves, (0.2, 0.0), (0.75, 1.0),
    ),
    _judge(
        "bass_carries", "Share of chords whose own bass note the bass strikes.",
        0.5, together.bass_carries, (0.4, 0.0), (0.95, 1.0),
    ),
    _judge(
        "chord_pace", "Chord changes a minute; about 24.",
        0.8, together.chord_pace, (6.0, 0.0), (14.0, 1.0), (31.0, 1.0), (40.0, 0.0),
    ),
    _judge(
        "chord_variety", "Different chords in the poorest thirty seconds; at least five, and not always new ones.",
        1.2, together.chord_variety, (2.5, 0.0), (5.5, 1.0), (10.0, 1.0), (15.0, 0.5),
    ),
    _judge(
        "home", "How much better the notes fit the key of the piece than any other key.",
        3.0, together.home, (-0.15, 0.0), (0.12, 1.0),
    ),
    _judge(
        "pulse", "How much better the beat comes back than what might be taken for it, such as dotted notes.",
        3.0, pulse, (0.9, 0.0), (1.3, 1.0),
    ),
    _judge(
        "contrast", "How far neighbouring sections differ in notes, register, players and force.",
        0.7, together.contrast, (0.0, 0.0), (0.35, 1.0), (1.0, 1.0), (2.0, 0.6),
    ),
)  # fmt: skip


def judged(hearing: Hearing) -> dict[str, float]:
    """The scores of a piece by criterion, 0…1, without those that say nothing about it."""
    scores = {judge.criterion.name: judge.score(hearing) for judge in CRITERIA}
    return {name: score for name, score in scores.items() if score is not None}
