"""The tempo map: steady for bands, breathing for soloists, a little broader before the last chord.

Rule: every section lasts exactly as long as at the plan's steady tempo; what is taken here is given back there.
"""

from math import cos, pi

from app.models.score import TempoChange
from app.services.composing.layout import Stretch
from app.services.composing.setting import Setting

#: Tempo changes in a bar where the tempo breathes.
_STEPS = 2

#: How far the tempo breathes where the words ask for rubato, as a fraction.
ASKED_RUBATO = 0.07


def tempo_changes(setting: Setting) -> tuple[TempoChange, ...]:
    """The tempo from beat to beat; the first change stands at beat 0."""
    feel = setting.style.feel
    steady = setting.plan.tempo_bpm
    asked = any("rubato" in voice.manner for voice in setting.plan.ensemble)
    rubato = max(feel.rubato, ASKED_RUBATO) if asked else feel.rubato
    changes: list[TempoChange] = []
    for stretch in setting.stretches:
        is_last = stretch.index == len(setting.stretches) - 1 and not setting.plan.loop
        broader = feel.ritardando if is_last and stretch.bars >= 4 else 0.0
        lengths = _lengths(stretch, rubato, broader) if rubato or broader else [1.0]
        step_beats = stretch.bars * setting.metre.beats / len(lengths)
        first_beat = stretch.first_bar * setting.metre.beats
        changes += [
            TempoChange(beat=round(first_beat + i * step_beats, 9), tempo_bpm=steady / length)
            for i, length in enumerate(lengths)
        ]
    merged = changes[:1]
    for change in changes[1:]:
        if abs(change.tempo_bpm - merged[-1].tempo_bpm) > 1e-9:
            merged.append(change)
    return tuple(merged)


def _lengths(stretch: Stretch, rubato: float, ritardando: float) -> list[float]:
    """How long each step of a section lasts against the steady tempo; they average 1."""
    count = stretch.bars * _STEPS
    lengths = []
    for step in range(count):
        # Four-bar phrases: a little slower where they begin and end, forward in between.
        along = (step + 0.5) / _STEPS % 4 / 4
        length = 1.0 + rubato * cos(2 * pi * along)
        until_final = (stretch.bars - 1) * _STEPS - step
        if 0 < until_final <= 2 * _STEPS:
            length += ritardando * (1.0 - (until_final - 1) / (2 * _STEPS))
        lengths.append(length)
    average = sum(lengths) / count
    return [length / average for length in lengths]
