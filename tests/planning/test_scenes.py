"""Scenes and feelings told without a musical word, in each language: where they stand, and what outweighs what."""

from collections import Counter

import pytest

from app.models.brief import Brief
from app.services.planning import make_plan, read
from app.services.planning.languages import language_of
from app.services.planning.lexicon import EVERYDAY, VOCABULARY_FOLDER, _entries, _read, lexicon, phrase_of
from app.services.planning.tokens import passage_of

LANGUAGES = ("de", "es", "fr", "it", "ja", "pt")

#: Prompt, sign of its valence, sign of its arousal; 0 where a musician could take either.
SCENES: list[tuple[str, int, int]] = [
    ("walking out of the exam knowing i nailed it", 1, 1),
    ("the deal is signed, champagne", 1, 1),
    ("snowed in with someone you don't love anymore", -1, -1),
    ("the wifi is down and everyone is panicking", -1, 1),
    ("corriendo bajo la lluvia porque pierdo el tren", 0, 1),
    ("un bosque con niebla donde algo te observa", -1, 0),
    ("viejo pescador que vuelve sin nada", -1, -1),
    ("ela partiu sem dizer adeus", -1, -1),
    ("fugindo da polícia na favela", 0, 1),
    ("o navio afundando devagar", -1, -1),
    ("criança soltando pipa no morro", 1, 0),
    ("fila do banco que não anda", 0, -1),
    ("il court dans le métro, ils sont derrière lui", -1, 1),
    ("un vieux manoir, des pas à l'étage", -1, 0),
    ("apéro en terrasse entre potes", 1, 0),
    ("guinguette au bord de la Marne", 1, 0),
    ("sie hat nie zurückgeschrieben", -1, -1),
    ("wir haben die Prüfung bestanden!", 1, 1),
    ("im Keller brennt noch Licht", -1, 0),
    ("der Zug fährt ab und er steht noch am Gleis", -1, -1),
    ("Kirmes, Karussell, Zuckerwatte", 1, 0),
    ("lei non risponde più ai messaggi", -1, -1),
    ("il mare d'inverno, nessuno in spiaggia", -1, -1),
    ("il pilota prende il via, semaforo verde", 0, 1),
    ("una cantina buia, rumori di catene", -1, 0),
    ("追っ手から必死に逃げる", -1, 1),
    ("子犬がはしゃぎまわる", 1, 1),
    ("誰もいない学校の廊下", -1, 0),
    ("合格発表、番号があった!", 1, 1),
]


def sign(value: float | None) -> int:
    return 0 if value is None or abs(value) < 0.02 else 1 if value > 0 else -1


def moods_of(brief: Brief) -> set[str]:
    return {heard.value for heard in brief.moods}


@pytest.mark.parametrize(("prompt", "valence", "arousal"), SCENES, ids=[prompt for prompt, *_ in SCENES])
def test_a_scene_has_its_feeling(prompt: str, valence: int, arousal: int):
    brief = read(prompt)

    assert valence in (0, sign(brief.valence))
    assert arousal in (0, sign(brief.arousal))


@pytest.mark.parametrize("language", LANGUAGES)
def test_everyday_words_of_a_language_say_nothing_new_of_a_phrase(language: str):
    english = {path.stem: _read(path) for path in VOCABULARY_FOLDER.glob("*.toml")}
    own = _read(VOCABULARY_FOLDER / "languages" / f"{language}.toml")
    everyday = _read(VOCABULARY_FOLDER / "languages" / EVERYDAY / f"{language}.toml")

    known = {(sense.table, phrase_of(words)) for words, sense in _entries(own, english)}
    entries = [(sense.table, phrase_of(words)) for words, sense in _entries(everyday, english)]
    assert [entry for entry, times in Counter(entries).items() if times > 1 or entry in known] == []


@pytest.mark.parametrize(("language", "word"), [("de", "karussell"), ("es", "persianas"), ("fr", "manoir")])
def test_no_typing_error_is_put_right_towards_an_everyday_word(language: str, word: str):
    words = lexicon(language)

    assert word in words.known
    assert not any(word in near for near in words.spellings.values())


def test_a_small_word_of_the_prompts_own_language_is_no_english_scene():
    assert "castle" not in moods_of(read("il court dans le métro"))
    assert "castle" in moods_of(read("at the court of the king"))


@pytest.mark.parametrize(
    ("instrument", "person"),
    [
        ("piano alone", "an old man alone"),
        ("Klavier allein", "allein zu Hause"),
        ("violon seul", "seul dans la ville"),
        ("piano sozinho", "sozinho em casa"),
        ("pianoforte da solo", "è rimasto da solo in casa"),
        ("guitarra sola", "ella sola en casa"),
    ],
)
def test_an_instrument_that_is_alone_is_not_lonely(instrument: str, person: str):
    assert read(instrument).moods == ()
    assert read(instrument).solo.value is True
    assert "melancholic" in moods_of(read(person))


@pytest.mark.parametrize(
    "prompt",
    [
        "a car chase through the city at night in the rain",
        "Verfolgungsjagd durch die Altstadt, nachts",
        "persecución por la ciudad de noche",
        "poursuite en ville sous la pluie",
        "inseguimento in città sotto la pioggia",
        "perseguição na cidade à noite",
        "雨の夜の街でカーチェイス",
    ],
)
def test_what_happens_outweighs_where_and_when(prompt: str):
    assert read(prompt).arousal > 0.2


@pytest.mark.parametrize(
    ("prompt", "mood"),
    [
        ("una mujer llorando", "sad"),
        ("eles fogem da cidade", "chase"),
        ("i bambini scappano", "chase"),
        ("sie weinte leise", "sad"),
        ("les femmes pleuraient", "sad"),
        ("è finita", "melancholic"),
    ],
)
def test_a_verb_is_known_in_its_forms(prompt: str, mood: str):
    assert mood in moods_of(read(prompt))


@pytest.mark.parametrize(
    ("prompt", "mood"),
    [
        ("il est tombé", "dungeon"),
        ("uma solução", "sad"),
        ("la première fois", "spiritual"),
        ("sette giorni", "scary"),
        ("leider nicht da", "sad"),
        ("música que no canse, una solución", "sad"),
    ],
)
def test_an_ending_leads_to_no_other_word(prompt: str, mood: str):
    assert mood not in moods_of(read(prompt))


def test_a_friend_is_no_home_computer():
    assert read("mi mejor amigo vuelve del mar").genre is None


@pytest.mark.parametrize(
    "prompt",
    [
        "sad but warm",
        "triste y entrañable, mi madre",
        "el perro espera en la puerta aunque ya no vuelva",
        "帰らぬ主人を待つ犬",
    ],
)
def test_a_cosy_word_makes_no_sorrow_glad(prompt: str):
    assert read(prompt).valence < -0.25


@pytest.mark.parametrize(
    ("year", "mood"), [(1953, "fifties"), (1968, "sixties"), (1978, "seventies"), (1984, "eighties")]
)
def test_a_year_is_of_its_decade(year: int, mood: str):
    assert moods_of(read(f"roller rink in {year}")) >= {mood}


def test_players_are_known_by_the_short_names_of_scores():
    wanted = {heard.value for heard in read("bossa, nylon gtr, vln and pno, no vox").instruments}

    assert wanted == {"nylon_guitar", "violin", "acoustic_grand_piano"}
    assert [heard.value for heard in read("techno, no vox").excluded_instruments] == ["voice"]


@pytest.mark.parametrize(
    "prompt",
    [
        "cosas que no dije en el funeral",
        "quello che non ho detto al funerale",
        "ce que je n'ai pas dit à l'enterrement",
    ],
)
def test_what_was_not_done_at_a_place_refuses_no_place(prompt: str):
    assert read(prompt).valence < 0


def test_a_language_is_told_by_inflected_words_alone():
    assert language_of(passage_of("les femmes pleuraient")) == "fr"
    assert language_of(passage_of("Joghurtwerbung")) == "de"
    assert language_of(passage_of("xylographs")) == "en"


def test_styles_out_of_place_in_a_time_are_left():
    prompt = "something my grandma would dance to in 1955"
    styles = Counter(
        make_plan(read(prompt), duration_s=30, seed=seed, soundfont_sha256=None).style for seed in range(16)
    )

    assert not set(styles) & {"electronic", "house", "techno", "trance"}


@pytest.mark.parametrize(
    "prompt", ["Heiligabend ohne Opa", "domenica senza la nonna", "cena sin la abuela", "Sunday without grandma"]
)
def test_who_is_dear_and_missing_is_missed(prompt: str):
    brief = read(prompt)

    assert brief.valence < 0.1
    assert brief.arousal < 0


def test_a_picture_that_no_word_tells_is_underscored():
    brief = read("xolop brimming quaxly fendered wurzel")
    styles = Counter(make_plan(brief, duration_s=30, seed=seed, soundfont_sha256=None).style for seed in range(24))

    assert brief.valence is None
    assert set(styles) <= set(lexicon().told)
    assert len(styles) > 2


def test_italian_refuses_with_an_accent_or_before_a_player():
    assert read("né batteria né basso").drums.value is False
    assert read("ne batteria ne basso").drums.value is False
    assert read("ne ho le scatole piene di tutto").valence < -0.5


def test_a_word_known_from_a_longer_phrase_keeps_its_endings():
    assert read("a crowded square").not_understood == read("a crowd, square").not_understood


@pytest.mark.parametrize(
    "prompt",
    [
        "vielleicht verstanden, natürlich vorbereitet",
        "entstehen und zusammenfassen am Donnerstag",
        "vocês aí, logo ali",
        "il y a le même prix, presse",
        "sino que será así",
        "è pure una data come le altre, sette volte",
        "dois ou duas",
    ],
)
def test_common_words_say_nothing(prompt: str):
    brief = read(prompt)

    assert moods_of(brief) <= {"win"}
    assert brief.instruments == ()
    assert brief.genre is None


def test_the_time_of_day_is_no_tempo():
    assert read("final exam, clock at 11:58").tempo_bpm is None
    assert read("tempo:84").tempo_bpm.value == 84


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        ("La Habana 1958, trompetas", "cuba"),
        ("trompettes à La Havane", "cuba"),
        ("ein Abend in Venedig", "italy"),
        ("una sera a Parigi", "france"),
        ("uma noite em Atenas", "greece"),
        ("ローマの休日", "italy"),
    ],
)
def test_a_place_is_known_by_its_name_in_the_language(prompt: str, place: str):
    assert read(prompt).genre.value == place


@pytest.mark.parametrize(
    "prompt", ["no hay nadie en la estación", "ninguém na estação", "plus personne en gare", "niemand mehr im Bahnhof"]
)
def test_where_nobody_is_it_is_lonely(prompt: str):
    assert read(prompt).valence < 0


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_no_everyday_phrase_swallows_the_refusal_of_a_player(language: str):
    folder = VOCABULARY_FOLDER if language == "en" else VOCABULARY_FOLDER / "languages" / EVERYDAY
    everyday = _read(folder / (f"{EVERYDAY if language == 'en' else language}.toml"))
    english = {path.stem: _read(path) for path in VOCABULARY_FOLDER.glob("*.toml")}
    phrases = lexicon(language).phrases

    def says(phrase: tuple[str, ...], table: str, key: str | None = None) -> bool:
        return any(sense.table == table and key in (None, sense.key) for sense in phrases.get(phrase, ()))

    entries = [phrase_of(words) for words, sense in _entries(everyday, english) if sense.table in ("moods", "uses")]
    swallowing = [
        phrase
        for phrase in entries
        for place in range(1, len(phrase))
        if says(phrase[:place], "grammar", "refuse") and says(phrase[place:], "instruments")
    ]
    assert swallowing == []


@pytest.mark.parametrize(
    ("prompt", "calm"),
    [
        ("an elevator that doesn't stop falling", False),
        ("der Aufzug steckt zwischen zwei Stockwerken", False),
        ("o elevador parou entre dois andares", False),
        ("elevator music", True),
        ("Fahrstuhlmusik", True),
        ("musique d'ascenseur", True),
    ],
)
def test_a_lift_is_a_place_and_its_music_a_purpose(prompt: str, calm: bool):
    brief = read(prompt)

    assert (brief.use is not None or brief.genre is not None) is calm
    assert calm or brief.valence < 0


def test_a_word_that_only_goes_with_a_feeling_says_less_than_the_feeling():
    assert read("tense bookstore").arousal > 0.1
    assert read("barefoot in the sand, exciting").arousal > 0.1
    assert read("the deadline, coffee, more coffee").arousal > 0


def test_letters_and_small_words_tell_neighbouring_languages_apart():
    assert language_of(passage_of("o apito da fábrica tocou pela última vez")) == "pt"
    assert language_of(passage_of("a vizinha canta no chuveiro e o prédio sorri")) == "pt"
    assert language_of(passage_of("no triste")) == "es"
    assert language_of(passage_of("a naïve tune for Björk")) == "en"


def test_who_is_in_a_scene_says_less_than_what_happens():
    assert read("my brother never came home from the war").valence < 0
    assert read("no encuentro a mi hijo entre la gente").valence < 0
    assert read("my sister").valence > 0.3
    assert read("Heiligabend ohne Opa").valence < 0.1


def test_a_known_phrase_leaves_room_for_the_player_that_begins_with_its_last_word():
    brief = read("creepy music box in 3/4")

    assert [heard.value for heard in brief.instruments] == ["music_box"]
    assert "scary" in moods_of(brief)


@pytest.mark.parametrize("prompt", ["he still sets two plates", "the light is still on in his room"])
def test_what_is_still_so_is_no_peace(prompt: str):
    assert "peaceful" not in moods_of(read(prompt))
    assert "peaceful" in moods_of(read("a perfectly still lake"))
