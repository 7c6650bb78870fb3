"""Sections go in, the same sections in their keys come out: a lift for the last return, a visit in the middle."""

from collections.abc import Sequence

import numpy as np

from app.models.plan import Section
from app.services.styles.idioms import Modulation
from app.services.theory.keys import Key

#: Pieces shorter than this stay in their key, in seconds.
_SHORTEST_S = 45.0

#: Part of the piece that may stand in another key, so that the asked one stays the piece's own.
_LONGEST_LIFT, _LONGEST_VISIT = 0.4, 0.3


def modulated(
    form: Sequence[Section],
    modulations: Sequence[Modulation],
    home: Key,
    *,
    duration_s: float,
    faithful: bool,
    rng: np.random.Generator,
) -> tuple[Section, ...]:
    """The form with the keys that a style's modulations bring to it; the dice decide whether they do.

    `faithful` keeps the piece in one set of notes, because its key was asked for or its end must meet its beginning:
    only visits to keys of the same notes are left.
    """
    sections = list(form)
    for modulation in modulations:
        takes = rng.random() < modulation.chance
        if not takes or home.mode not in modulation.modes or duration_s < _SHORTEST_S:
            continue
        if faithful and (modulation.manner == "lift" or not _same_notes(home, modulation)):
            continue
        for index in _lifted(sections, modulation) if modulation.manner == "lift" else _visited(sections, modulation):
            moved = {"transpose": modulation.semitones, "mode": modulation.mode}
            sections[index] = sections[index].model_copy(update=moved)
    return tuple(sections)


def _same_notes(home: Key, modulation: Modulation) -> bool:
    return set(home.moved(modulation.semitones, modulation.mode).scale) == set(home.scale)


def _lifted(sections: Sequence[Section], modulation: Modulation) -> range:
    """From the last return of a section that was heard at home until the end, if that is not too long."""
    heard = [(section.kind, section.material) for section in sections]
    for index in range(len(sections) - 1, 1, -1):
        returns = heard[index] in heard[:index]
        if sections[index].kind in modulation.sections and returns:
            fits = _bars(sections[index:]) <= _LONGEST_LIFT * _bars(sections)
            return range(index, len(sections)) if fits and _is_home(sections[index:]) else range(0)
    return range(0)


def _visited(sections: Sequence[Section], modulation: Modulation) -> range:
    """The last section of such a kind that home surrounds, if it is not too long."""
    for index in range(len(sections) - 2, 0, -1):
        section = sections[index]
        if section.kind in modulation.sections and _is_home(sections[index - 1 : index + 2]):
            fits = section.bars <= _LONGEST_VISIT * _bars(sections)
            return range(index, index + 1) if fits else range(0)
    return range(0)


def _is_home(sections: Sequence[Section]) -> bool:
    return all(section.transpose == 0 and section.mode is None for section in sections)


def _bars(sections: Sequence[Section]) -> int:
    return sum(section.bars for section in sections)
