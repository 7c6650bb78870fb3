"""What announces a stronger section and marks its first beat, written for the voice that plays risers and impacts."""

from app.models.plan import Voice
from app.models.score import Note
from app.services.composing.dynamics import velocity
from app.services.composing.layout import Stretch, following_stretch
from app.services.composing.setting import Setting
from app.services.theory.instruments import IMPACT_PITCH, RISER_PITCH

#: A section this much stronger than the one before is announced; so is whatever follows a build.
_STEP_UP = 0.2
#: Sections in which a riser may climb from their beginning, up to so many bars; elsewhere it takes a bar or two.
_BUILDS = frozenset({"build"})
_LONGEST_BARS = 4
#: An impact rings for so many bars.
_RING_BARS = 2


def write_transitions(setting: Setting, voice: Voice) -> list[Note]:
    """A riser before and an impact on the first beat of each section that bursts; one impact at least."""
    notes: list[Note] = []
    bursts: list[Stretch] = []
    for stretch in setting.stretches_of(voice):
        following = following_stretch(setting.plan, setting.stretches, stretch)
        if following is None or not _bursts(stretch, following):
            continue
        bursts.append(following)
        longest = _LONGEST_BARS if stretch.section.kind in _BUILDS else min(2, max(1, stretch.bars // 2))
        bars = min(stretch.bars, longest)
        begin = stretch.first_bar + stretch.bars - bars
        beats = setting.metre.beats
        force = velocity(setting.plan, setting.bars[begin + bars - 1], "chords", 1.0)
        notes.append(Note(pitch=RISER_PITCH, start_beat=begin * beats, length_beats=bars * beats, velocity=force))
    playing = list(setting.stretches_of(voice))
    if not bursts and playing:
        bursts = [max(playing, key=lambda stretch: stretch.section.energy)]
    return notes + [_impact(setting, stretch) for stretch in bursts]


def _bursts(stretch: Stretch, following: Stretch) -> bool:
    """Whether a section is to be announced by the one before it."""
    step = following.section.energy - stretch.section.energy
    return step >= _STEP_UP or (stretch.section.kind in _BUILDS and step > 0)


def _impact(setting: Setting, stretch: Stretch) -> Note:
    bar = setting.bars[stretch.first_bar]
    beats = min(_RING_BARS, stretch.bars) * setting.metre.beats
    force = velocity(setting.plan, bar, "drums", 0.6)
    return Note(pitch=IMPACT_PITCH, start_beat=bar.start_beat, length_beats=beats, velocity=force)
