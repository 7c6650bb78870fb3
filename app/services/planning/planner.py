"""A Brief goes in, a Plan comes out: every choice that is made before a note is written.

Order of authority: numbers from the prompt, other words, the genre's style, the mood, dice. Each choice has dice of its
own, so that a word about one thing never changes another.
"""

import math

from app.models.brief import Brief, Heard
from app.models.plan import COMPOSER_VERSION, Mode, Plan, TimeFeel
from app.services.planning.arranging import sections_of
from app.services.planning.catalogue import Styles, packaged_styles
from app.services.planning.character import Character, character_of, genre_row
from app.services.planning.choices import choose_key, choose_metre, choose_style, choose_tempo
from app.services.planning.counterpoint import contrapuntal, is_fugue, woven
from app.services.planning.ensemble import make_band
from app.services.planning.form import bar_seconds, bars_for, fit_tempo, make_form, ring_seconds
from app.services.planning.lexicon import lexicon
from app.services.planning.looping import Fit, fit_loop
from app.services.planning.modulating import modulated
from app.services.planning.sound import mastering_of, space_of, voices_of
from app.services.planning.title import title_for
from app.services.styles import Style
from app.services.theory.keys import Key
from app.utils.seeds import rng_for

#: Scores composed from a plan, of which the best is played.
CANDIDATES = 3

#: Time feel of the plan by the rhythmic feel of the brief.
_TIME_FEELS: dict[str, TimeFeel] = {"half-time": "half", "double-time": "double"}

#: How much the words' place on the plane of feeling counts against the style's own.
_WORDS_SHARE = 0.85

#: How much speed (−1…1) and density (−1…1) add to the arousal where no word speaks of feeling, and the tempo that is
#: neither fast nor slow.
_SPEED_SHARE, _BUSY_SHARE, _UNHURRIED_BPM = 0.4, 0.25, 104.0


def make_plan(
    brief: Brief,
    *,
    duration_s: int,
    seed: int,
    soundfont_sha256: str | None,
    styles: Styles | None = None,
) -> Plan:
    """The plan for a brief: the same for the same arguments.

    `styles` are those to choose from, by name; the packaged ones if None. `duration_s` is 5…300 seconds.
    """
    character = character_of(brief)
    style = choose_style(brief, character, packaged_styles() if styles is None else styles, rng_for(seed, "style"))
    valence, arousal = _feeling(brief, character, style)
    density = _density(brief, character, arousal)
    metre = choose_metre(brief, style, rng_for(seed, "metre"))
    loop = brief.loop is not None and brief.loop.value
    tempo_bpm, bars, last_bar_beats = _tempo_and_bars(
        choose_tempo(_timed(brief), character, style, metre, rng_for(seed, "tempo")),
        asked=brief.tempo_bpm is not None,
        loop=loop,
        duration_s=duration_s,
        time_signature=metre,
        phrase_bars=style.phrase_bars,
    )
    tonic, mode = _key(brief, character, style, valence, seed)
    bar_s = bar_seconds(metre, tempo_bpm)
    stretches = make_form(
        style,
        bars=bars,
        duration_s=duration_s,
        character=character,
        arousal=arousal,
        rng=rng_for(seed, "form"),
        loop=loop,
    )
    seats = make_band(brief, style, character, density=density, arousal=arousal, seed=seed)
    fugal = is_fugue(brief, style, seats, rng_for(seed, "fugue"))
    seats = contrapuntal(seats) if fugal else seats
    return Plan(
        composer_version=COMPOSER_VERSION,
        soundfont_sha256=soundfont_sha256,
        seed=seed,
        candidates=CANDIDATES,
        title=title_for(brief.prompt),
        prompt=brief.prompt,
        duration_s=duration_s,
        style=style.name,
        tempo_bpm=tempo_bpm,
        tonic=tonic,
        mode=mode,
        time_signature=metre,
        time_feel=_time_feel(brief),
        swing=_swing(brief, style),
        valence=valence,
        arousal=arousal,
        density=density,
        counterpoint="fugue" if fugal else "free",
        loop=loop,
        form=modulated(
            woven(sections_of(stretches, seats, duration_s=duration_s), seats, fugal=fugal),
            style.harmony.modulations,
            Key(tonic, mode),
            duration_s=duration_s,
            faithful=brief.tonic is not None or loop,
            rng=rng_for(seed, "modulation"),
        ),
        last_bar_beats=last_bar_beats,
        ensemble=voices_of(seats, character, brief),
        space=space_of(style.mix, character),
        mastering=mastering_of(
            style.mix, character, arousal=arousal, ring_s=0.0 if loop else ring_seconds(duration_s, bar_s, bars)
        ),
    )


def _key(brief: Brief, character: Character, style: Style, valence: float, seed: int) -> tuple[str, Mode]:
    """Key note and scale. Other styles and other moods have other key notes under one seed; other words have not."""
    _, mode = choose_key(brief, character, style, rng_for(seed, "key"))
    settled = brief.model_copy(update={"mode": Heard[str](value=mode, words=())})
    return choose_key(settled, character, style, rng_for(seed, "key note", style.name, f"{valence:.2f}"))


def _tempo_and_bars(
    wanted_bpm: float, *, asked: bool, loop: bool, duration_s: int, time_signature: str, phrase_bars: int
) -> Fit:
    """The tempo fitted to the duration, and bars: all of a loop's time, else all but the last chord's ringing."""
    if loop:
        return fit_loop(
            wanted_bpm, asked=asked, duration_s=duration_s, time_signature=time_signature, phrase_bars=phrase_bars
        )
    tempo_bpm = fit_tempo(
        wanted_bpm, exact=asked, duration_s=duration_s, time_signature=time_signature, phrase_bars=phrase_bars
    )
    return Fit(tempo_bpm, bars_for(duration_s, bar_seconds(time_signature, tempo_bpm)), None)


def _feeling(brief: Brief, character: Character, style: Style) -> tuple[float, float]:
    """Valence and arousal of the plan: mostly the words', else the genre's or the style's."""
    genre = genre_row(brief)
    home = (
        genre.valence if genre is not None and genre.valence is not None else style.valence,
        genre.arousal if genre is not None and genre.arousal is not None else style.arousal,
    )
    said = (character.valence, character.arousal)
    valence, arousal = (
        own if word is None else _WORDS_SHARE * word + (1 - _WORDS_SHARE) * own
        for word, own in zip(said, home, strict=True)
    )
    if character.arousal is None:
        arousal += _movement(brief)
    return round(max(-1.0, min(1.0, valence)), 3), round(max(-1.0, min(1.0, arousal)), 3)


def _movement(brief: Brief) -> float:
    """What speed and density add to the arousal where no word speaks of feeling."""
    feel = brief.tempo_feel.value if brief.tempo_feel is not None else 0.0
    if brief.tempo_bpm is not None and brief.tempo_feel is None and brief.genre is None:
        feel = max(-1.0, min(1.0, math.log2(brief.tempo_bpm.value / _UNHURRIED_BPM)))
    busy = brief.density.value if brief.density is not None else 0.0
    return _SPEED_SHARE * feel + _BUSY_SHARE * busy


def _swing(brief: Brief, style: Style) -> float:
    """Swing as asked for, else the genre's, else the style's."""
    asked = lexicon().feel.get(brief.feel.value) if brief.feel is not None else None
    if asked is not None:
        return asked
    genre = genre_row(brief)
    return genre.swing if genre is not None and genre.swing is not None else style.swing


def _time_feel(brief: Brief) -> TimeFeel:
    """Half-time and double-time as asked for."""
    return _TIME_FEELS.get(brief.feel.value, "plain") if brief.feel is not None else "plain"


def _timed(brief: Brief) -> Brief:
    """The brief without a tempo that was only said by the feel: half-time is how the drums play, not how fast."""
    slow = brief.tempo_feel
    only_felt = slow is not None and brief.feel is not None and set(slow.words) <= set(brief.feel.words)
    return brief.model_copy(update={"tempo_feel": None}) if only_felt and _time_feel(brief) != "plain" else brief


def _density(brief: Brief, character: Character, arousal: float) -> float:
    """How much happens: as said, else by the mood, else by the style's liveliness."""
    silent = brief.density is None and character.arousal is None
    return round(0.4 * arousal if silent else character.density, 3)
