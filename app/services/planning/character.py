"""A Brief goes in, its character comes out: what moods, scenes and purpose ask of tempo, harmony, texture and sound."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.models.brief import Brief
from app.models.plan import Mode
from app.services.planning.lexicon import lexicon
from app.services.planning.rows import GenreRow, MoodRow

#: How much a row's wishes count beside those of a mood.
_SCENE_SHARE, _EVENT_SHARE, _USE_SHARE, _ARC_SHARE = 0.5, 0.8, 0.6, 0.5

#: How strongly valence alone tips the scales towards major or minor.
_MODE_PULL = 1.5

#: Modes from dark (−1) to bright (1), after their number of raised degrees.
MODE_BRIGHTNESS: dict[Mode, float] = {
    "phrygian": -1.0, "harmonic_minor": -0.8, "minor": -0.7, "dorian": -0.35, "mixolydian": 0.5, "major": 0.8,
    "lydian": 0.9,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Character:
    """What the words ask for beyond genre and players; zeros where they were silent."""

    valence: float | None
    arousal: float | None
    #: Shift inside the style's tempo range, −1…1.
    tempo: float
    density: float
    #: Tone from dark (−1) to bright (1).
    brightness: float
    #: Room from dry (−1) to wide (1).
    space: float
    #: Semitones that melody and chords move up.
    lift: float
    #: Factors on the weights of scales.
    modes: dict[Mode, float]
    #: How energy runs: "even", "arch", "rise", "wide"; None where nothing was said.
    curve: str | None
    #: The course of the energy that was asked for, a row of course.toml; None where nothing was said.
    arc: str | None
    #: Whether drums belong to the mood; None where it does not matter.
    drums: bool | None
    #: Instruments that suit the mood, strongest mood first.
    band: tuple[str, ...]
    #: Style names that suit scenes and purpose, with their weights.
    styles: dict[str, float]
    #: Styles of the times that were named; empty where none was.
    era: frozenset[str]


def character_of(brief: Brief) -> Character:
    """The character of a brief, from the rows of its moods, scenes and purpose."""
    rows = _rows(brief)
    moods_first = [row for row, _ in rows]
    styles: dict[str, float] = {}
    for row, share in rows:
        for name, weight in row.styles.items():
            styles[name] = styles.get(name, 0.0) + share * weight
    if brief.arc is not None:
        for name, weight in lexicon().course[brief.arc.value].styles.items():
            styles[name] = styles.get(name, 0.0) + _ARC_SHARE * weight
    arousal = brief.arousal or 0.0
    density = brief.density.value if brief.density else _mean(rows, lambda row: _or_half(row.density, row), arousal / 2)
    return Character(
        valence=brief.valence,
        arousal=brief.arousal,
        tempo=_mean(rows, _tempo, arousal / 2),
        density=max(-1.0, min(1.0, density)),
        brightness=_mean(rows, lambda row: row.brightness),
        space=_mean(rows, lambda row: row.space),
        lift=_mean(rows, lambda row: float(row.lift)),
        modes=_mode_factors(rows, brief.valence),
        curve=next((row.curve for row in moods_first if row.curve), None),
        arc=brief.arc.value if brief.arc is not None else None,
        drums=next((row.drums for row in moods_first if row.drums is not None), None),
        band=tuple(dict.fromkeys(key for row in moods_first for key in row.band)),
        styles=styles,
        era=frozenset(name for row, _ in rows if row.era for name in row.styles),
    )


def _rows(brief: Brief) -> list[tuple[MoodRow, float]]:
    """The brief's mood and use rows with their shares, strongest first."""
    tables = lexicon()
    moods = [tables.moods[heard.value] for heard in brief.moods if heard.value in tables.moods]
    rows = [(row, _EVENT_SHARE if row.event else _SCENE_SHARE if row.scene else 1.0) for row in moods]
    if brief.use and brief.use.value in tables.uses:
        rows.append((tables.uses[brief.use.value], _USE_SHARE))
    return rows


def _mean(rows: Sequence[tuple[MoodRow, float]], value: Callable[[MoodRow], float], otherwise: float = 0.0) -> float:
    total = sum(share for _, share in rows)
    return sum(share * value(row) for row, share in rows) / total if total else otherwise


def _or_half(value: float | None, row: MoodRow) -> float:
    return value if value is not None else row.arousal / 2


def _tempo(row: MoodRow) -> float:
    return _or_half(row.tempo if row.tempo is not None else row.tempo_feel, row)


def _mode_factors(rows: Sequence[tuple[MoodRow, float]], valence: float | None) -> dict[Mode, float]:
    """What the rows say of scales; where none does, happier is brighter."""
    factors: dict[Mode, float] = dict.fromkeys(MODE_BRIGHTNESS, 1.0)
    speaking = [(row, share) for row, share in rows if row.modes]
    for mode in MODE_BRIGHTNESS:
        for row, share in speaking:
            factors[mode] *= row.modes.get(mode, _pull(row.valence, mode)) ** share
        if not speaking and valence is not None:
            factors[mode] *= _pull(valence, mode)
    return factors


def _pull(valence: float, mode: Mode) -> float:
    return float(10.0 ** (_MODE_PULL * valence * MODE_BRIGHTNESS[mode]))


def genre_row(brief: Brief) -> GenreRow | None:
    """The row of the brief's genre, if it names one."""
    return lexicon().genres.get(brief.genre.value) if brief.genre else None
