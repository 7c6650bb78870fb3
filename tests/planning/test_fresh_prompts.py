# ruff: noqa: E501 - one prompt a line reads better than a line limit
"""Classes of prompts that were misread once: chords, refusals under a heading, compounds, colours, turns."""

from collections import Counter
from typing import Any

import pytest

from app.models.plan import Plan
from app.models.score import DRUM_ROLES
from app.services.planning import genres, make_plan, read
from app.services.planning.lexicon import lexicon
from app.services.theory.instruments import INSTRUMENTS
from app.services.theory.scales import third_of
from tests.planning.test_reading import heard

#: Prompt to the fields that must be so, as in test_reading.py.
PROMPTS: list[tuple[str, dict[str, Any]]] = [
    # Chords in a row say the key; a key in words outranks them; letters of a form are no chords.
    ("Dm7 - G7 - Cmaj7 groove with guitar", {"tonic": "C", "mode": "major", "conflicts": 0}),
    ("slow and sad, Am F C G", {"tonic": "A", "mode": "minor"}),
    ("C#m A E B, 100 bpm", {"tonic": "C#", "mode": "minor", "tempo_bpm": 100}),
    ("F#m7b5 B7 Em", {"tonic": "E", "mode": "minor"}),
    ("in D major over Am F C G", {"tonic": "D", "mode": "major"}),
    ("a waltz in A B A form", {"tonic": None, "mode": None}),
    # Numbers and keys between tags.
    ("between 100 and 110 bpm, funky", {"tempo_bpm": 105}),
    ("entre 80 y 90 bpm", {"tempo_bpm": 85}),
    ("tempo 90~100", {"tempo_bpm": 95}),
    ("dub techno 118 deep chords", {"tempo_bpm": 118, "genre": "dub-techno"}),
    ("trance 138 a minor supersaw", {"tempo_bpm": 138, "tonic": "A", "mode": "minor"}),
    ("guitar bpm 95 in g", {"tempo_bpm": 95, "tonic": "G"}),
    ("rock en español de los 90, en mi menor", {"tempo_bpm": None, "tonic": "E", "mode": "minor"}),
    ("swing manouche, 200 à la noire", {"tempo_bpm": 200}),
    ("lofi beatz for hw, 75ish bpm", {"tempo_bpm": 75}),
    ("dnb at one seventy four, dark", {"tempo_bpm": 174}),
    ("techno, one-twenty-five", {"tempo_bpm": 125}),
    ("my gran at ninety", {"tempo_bpm": None}),
    ("a cien por hora", {"tempo_bpm": None}),
    ("guitar and nothing else", {"solo": True, "instruments": ["guitar"]}),
    ("harp, that's it", {"solo": True}),
    ("saturday chores, windows open", {"instruments": [], "density": None}),
    ("en vez de piano, arpa", {"instruments": ["harp"], "excluded_instruments": ["acoustic_grand_piano"]}),
    ("au lieu du piano, une harpe", {"instruments": ["harp"], "excluded_instruments": ["acoustic_grand_piano"]}),
    ("statt Klavier eine Harfe", {"instruments": ["harp"], "excluded_instruments": ["acoustic_grand_piano"]}),
    ("invece del pianoforte, un'arpa", {"instruments": ["harp"], "excluded_instruments": ["acoustic_grand_piano"]}),
    ("em vez de piano, harpa", {"instruments": ["harp"], "excluded_instruments": ["acoustic_grand_piano"]}),
    ("ピアノの代わりにハープ", {"instruments": ["harp"], "excluded_instruments": ["acoustic_grand_piano"]}),
    ("シンセは一切なし、弦だけ", {"excluded_instruments": ["synth"], "instruments": ["strings"]}),
    ("Grillen bei Vollmond", {"density": None}),
    ("indie melancólico, guitarras limpias", {"moods": ["melancholic"], "instruments": ["clean_guitar"]}),
    ("indie mélancolique, guitares claires", {"moods": ["melancholic"], "instruments": ["clean_guitar"]}),
    ("melancholischer Indie, cleane Gitarren", {"moods": ["melancholic"], "instruments": ["clean_guitar"]}),
    ("afrobeats 103 w/ log drum", {"genre": "afrobeat", "instruments": ["marimba"]}),
    ("速いハードバップ、テナーサックス", {"genre": "jazz", "instruments": ["tenor_sax"]}),
    ("drones e sinos, sem ritmo, pra meditar", {"drums": False}),
    ("鐘、リズムなし、瞑想用", {"drums": False}),
    ("vidéo de mariage, guitare, autour de 85", {"tempo_bpm": 85}),
    ("Akustikgitarre, nicht zu schnell, so um die 95", {"tempo_bpm": 95}),
    ("alrededor de 85 personas", {"tempo_bpm": None}),
    ("ピアノ、テンポは80くらい", {"tempo_bpm": 80, "not_understood": []}),
    ("que empiece muy suave con piano, luego entren las cuerdas y al final explote con toda la orquesta", {"arc": "builds"}),
    ("uma música que comece só com piano e vá ganhando instrumentos até ficar grandiosa", {"arc": "builds"}),
    ("un brano che inizi piano, poi entrino gli archi e finisca con tutta l'orchestra", {"arc": "builds"}),
    ("ein Stück, das leise mit Klavier anfängt, dann kommen Streicher dazu und am Ende das volle Orchester", {"arc": "builds"}),
    ("between 120 and 130, minor, techno", {"tempo_bpm": 125, "mode": "minor"}),
    ("between 10 and 12, a nap", {"tempo_bpm": None}),
    ("百二十BPM、嬰ト短調", {"tempo_bpm": 120, "tonic": "G#"}),
    ("ciento diez pulsaciones", {"tempo_bpm": 110}),
    ("kaum Schlagzeug", {"drums": None, "excluded_instruments": []}),
    ("apenas percusión", {"drums": None, "solo": None}),
    ("só violão, apenas violão", {"solo": True}),
    ("tromba in primo piano", {"instruments": ["trumpet"]}),
    ("ロックでもポップでもない、室内楽", {"genre": "chamber", "other_genres": []}),
    ("le marché de mon village", {"genre": None}),
    ("une marche lente", {"genre": "march"}),
    ("un bosque donde algo te observa", {"moods": ["scary", "nature"]}),
    ("el violín lleva la melodía, piano", {"lead": "violin"}),
    ("die Geige spielt die Melodie, dazu Klavier", {"lead": "violin"}),
    ("le violon porte la mélodie, piano", {"lead": "violin"}),
    ("il violino porta la melodia, pianoforte", {"lead": "violin"}),
    ("o violino faz a melodia, piano", {"lead": "violin"}),
    ("balada rock en mi bemol que va creciendo", {"tonic": "Eb", "arc": "builds"}),
    ("ballade rock en mi bémol qui monte", {"tonic": "Eb"}),
    ("una canción en mi pueblo", {"tonic": None}),
    ("dont want any saxaphone, smoth jazz tho", {"excluded_instruments": ["saxophone"], "genre": "smooth-jazz"}),
    ("Klavier, vier Viertel, 92, d-Moll", {"time_signature": "4/4", "tempo_bpm": 92, "moods": []}),
    ("se abre la caja fuerte", {"drums": None, "density": None}),
    ("para un vídeo de mi huerto urbano", {"genre": None}),
    ("盆踊り、太鼓と笛", {"instruments": ["flute"], "drums": True}),
    ("lofi w/ koto, 78, dm", {"tonic": "D", "mode": "minor", "tempo_bpm": 78}),
    ("soft piano, 9 am", {"tonic": None}),
    ("baile de formatura, valsa com o pai", {"genre": "waltz"}),
    ("blues lent en la, guitare slide", {"tonic": "A"}),
    ("piano jazz, 110 bpm, si bémol", {"tonic": "Bb"}),
    ("una canción en la noche", {"tonic": None}),
    # What is refused, and what is not.
    ("piano, Avoid: saxophone, strings", {"excluded_instruments": ["saxophone", "strings"], "instruments": ["acoustic_grand_piano"]}),
    ("jazz with accordion but keep the drums out", {"drums": False, "instruments": ["accordion"]}),
    ("less drums, more melody", {"drums": None, "excluded_instruments": []}),
    ("menos batería", {"drums": None}),
    ("todo menos batería", {"drums": False}),
    ("punk, no guitar solo", {"excluded_instruments": [], "solo": None}),
    ("rock sans solo de guitare", {"solo": None}),
    ("corporate, no claps", {"drums": None, "conflicts": 1}),
    ("rock sem bateria eletrônica", {"drums": None, "excluded_instruments": ["drum_machine"]}),
    ("ambient, no percussion", {"drums": False}),
    ("mournful cello, no accompaniment", {"solo": True}),
    ("acid jazz at 108, Rhodes solo", {"solo": None, "lead": "electric_piano"}),
    ("drum solo", {"drums": True, "solo": True, "instruments": []}),
    # A word that colours a genre beside it gives way to it; a family or another genre leads.
    ("japanese rock", {"genre": "rock", "other_genres": ["asian"]}),
    ("rock celta", {"genre": "rock", "other_genres": ["celtic"]}),
    ("indian style techno", {"genre": "techno"}),
    ("celtic, metal", {"genre": "celtic"}),
    ("country waltz", {"genre": "country", "time_signature": "3/4"}),
    ("classical waltz", {"genre": "waltz"}),
    ("acoustic metal", {"genre": "metal", "instruments": ["acoustic_guitar"]}),
    ("acoustic metal with piano, no guitars", {"instruments": ["acoustic_grand_piano"]}),
    ("rock from brazil", {"genre": "rock"}),
    ("sunset in rio", {"genre": "brazil"}),
    # Halves of compounds, endings that make words smaller, words that only look like others.
    ("fetter Technobeat, düster", {"genre": "techno"}),
    ("Rock, schlagzeugfrei", {"drums": False, "genre": "rock"}),
    ("musik für Sternenhimmel und Meeresrauschen", {"not_understood": []}),
    ("una nana suavecita", {"genre": "lullaby", "moods": ["relaxing"]}),
    ("un cumbión", {"genre": "cumbia"}),
    ("um fado tristíssimo", {"genre": "fado", "moods": ["sad"]}),
    ("chœur dans une cathédrale", {"use": None}),
    ("un paseo en bici por el campo", {"drums": None}),
    ("techno melódico, sem vocais", {"instruments": []}),
    ("une valse, lente", {"genre": "waltz", "tempo_feel": -0.65}),
    ("douceur du matin", {"moods": ["peaceful", "morning"]}),
    ("glaciers of Iceland", {"genre": None}),
    ("relaxng gitar and flut", {"moods": ["relaxing"], "instruments": ["guitar", "flute"]}),
    ("guitar bass drums", {"instruments": ["guitar", "bass"], "drums": True}),
    # Degrees reach no further than the words beside them.
    ("algo que dé mucho miedo", {"moods": ["scary"]}),
    # What only says how the energy moves is no tempo.
    ("slowly swells to a finale", {"tempo_feel": None}),
    # Change over time.
    ("calm intro, then in the middle an explosion of drums, then calm again", {"arc": "calm_loud_calm"}),
    ("sparse at first, then very slowly other instruments join until it is full", {"arc": "builds"}),
    ("a quiet piano piece which suddenly turns into heavy metal", {"arc": "builds"}),
    ("que arranque suave y termine con todo", {"arc": "builds"}),
    ("partenza esplosiva e poi si spegne piano piano", {"arc": "fades"}),
    ("do lento ao rápido, sem parar de crescer", {"arc": "builds"}),
    ("begin with solo harp, end with the full orchestra", {"arc": "builds"}),
]  # fmt: skip


def plan_of(prompt: str, seed: int = 1) -> Plan:
    return make_plan(read(prompt), duration_s=45, seed=seed, soundfont_sha256=None)


def plans_of(prompt: str, seeds: int = 16) -> list[Plan]:
    return [plan_of(prompt, seed) for seed in range(seeds)]


def styles_of(prompt: str) -> Counter[str]:
    return Counter(plan.style for plan in plans_of(prompt))


@pytest.mark.parametrize(("prompt", "expected"), PROMPTS, ids=[prompt for prompt, _ in PROMPTS])
def test_a_prompt_is_understood(prompt: str, expected: dict[str, Any]):
    brief = read(prompt)

    assert {field: heard(brief, field) for field in expected} == expected


def test_a_key_is_quoted_from_its_chords():
    assert read("lofi over Dm7 G7 Cmaj7").tonic.words == ("Dm7 G7 Cmaj7",)


def test_calm_is_no_happiness_beside_sorrow():
    assert read("the team lost the finals and everybody walks home quiet").valence < 0
    assert read("a quiet walk").valence > 0


def test_a_genre_beside_the_one_that_leads_lends_its_feeling():
    assert read("8-bit funeral march").valence < -0.5
    assert read("japanese rock").valence is None


def test_a_place_is_understood_but_offered_as_no_genre():
    places = {key for key, row in lexicon().genres.items() if row.place}

    assert places
    assert not places & set(genres())
    assert all(row.general for row in (lexicon().genres[key] for key in places))


def test_items_of_a_group_are_words_of_it_in_some_language():
    rows = [row for row in lexicon().instruments.values() if row.items]

    assert rows
    for row in rows:
        for item in row.items:
            assert read(f"no {item}").drums is None or read(f"no {item}").drums.value is not False, item


@pytest.mark.parametrize(
    ("prompt", "styles"),
    [
        ("hip hop", {"hip_hop"}),
        ("jazz", {"jazz"}),
        ("marimba", {"pop", "corporate", "folk", "orchestral", "house"}),
        ("slow organ in a church", {"choral", "baroque", "classical", "gospel"}),
        ("only strings and harp", {"classical", "orchestral", "waltz", "lullaby", "celtic", "folk", "ambient"}),
        ("scary strings", {"horror", "cinematic"}),
        ("haunted house, sinister", {"horror", "cinematic"}),
        ("zombie survival at night, low drones, sparse percussion", {"cinematic", "horror", "ambient", "orchestral"}),
        ("four on the floor at 124", {"house", "techno", "electronic", "trance", "disco"}),
        ("double bass, vibraphone, brushes, ballad", {"jazz", "bossa_nova"}),
    ],
)  # fmt: skip
def test_no_stray_style_is_chosen(prompt: str, styles: set[str]):
    assert set(styles_of(prompt)) <= styles


def test_wishes_count_among_the_styles_of_a_genre():
    assert styles_of("electronic, eighties")["synthwave"] > styles_of("electronic")["synthwave"]
    relaxed = styles_of("relaxing electronic")
    assert relaxed["ambient"] + relaxed["lofi"] > relaxed["house"] + relaxed["techno"]


def test_a_refused_tune_is_played_by_nobody_who_was_asked_for():
    for plan in plans_of("reggaeton at 100, dark synth, no melody"):
        assert not any(voice.role in ("lead", "counter") for voice in plan.ensemble)
        assert any(INSTRUMENTS[voice.instrument].family.startswith("synth") for voice in plan.ensemble)


def test_a_drum_solo_is_drums_alone():
    for plan in plans_of("drum solo", 4):
        assert {voice.role for voice in plan.ensemble} <= DRUM_ROLES


def test_a_genre_that_knows_major_only_may_turn_minor_where_the_words_are_dark():
    assert any(third_of(plan.mode) == "minor" for plan in plans_of("a villain enters, sinister slow march"))
    assert all(third_of(plan.mode) == "major" for plan in plans_of("a proud march"))


def test_a_colour_sends_its_player():
    assert any(voice.instrument == "koto" for plan in plans_of("japanese rock", 6) for voice in plan.ensemble)
    assert {plan.style for plan in plans_of("japanese rock", 6)} == {"rock"}


def test_a_workout_is_fast_in_a_style_that_is_not():
    tempi = [plan.tempo_bpm for plan in plans_of("80s aerobics workout")]

    assert min(tempi) > 110


def test_nobody_picks_a_drum_kit():
    manners = read("black metal, blast beats, tremolo picking, distorted guitar").manners

    assert all(manner.player != "power_kit" for manner in manners)
